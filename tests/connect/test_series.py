"""Time series: several rows of one entity, each a change with its time; what is late goes into the history only."""

from __future__ import annotations

from typing import Any

import pytest

from simpul.connect.city import load_city
from simpul.domain.context import CORE
from tests.connect.kota import Kota, csv_source, entity_uri

GAUGE = entity_uri("RainGauge", "a")
RAIN = CORE.expand("rainfall")


def declaration(**changes: Any) -> dict[str, Any]:
    entity = {
        "type": "RainGauge",
        "id": entity_uri("RainGauge", "{pos}"),
        "observed_at": {"column": "tanggal", "date": "%Y-%m-%d"},
        "attributes": {
            "name": "nama",
            "rainfall": {"column": "hujan", "number": "plain", "unknown": [8888, 9999], "unit": "MMT"},
        },
    }
    return csv_source(**{"key": ["pos", "tanggal"], "entity": entity, "time_zone": "UTC", **changes})


def write(kota: Kota, *rows: tuple[str, str, object]) -> None:
    lines = [[pos, f"Pos {pos}", day, rain] for pos, day, rain in rows]
    kota.write_csv("halte.csv", [["pos", "nama", "tanggal", "hujan"], *lines])


def observed(kota: Kota) -> list[tuple[str, float]]:
    """Return (day, rain) of every change of the gauge, in the order in which it became known."""
    found = [change.attributes[RAIN] for change in kota.changes(GAUGE) if RAIN in change.attributes]
    return [(one["observedAt"][:10], one["value"]) for one in found]


def test_each_row_is_a_change_and_the_newest_is_shown(kota: Kota) -> None:
    write(kota, ("a", "2015-01-01", 5), ("b", "2015-01-01", 1), ("a", "2015-01-02", 7), ("a", "2015-01-03", 7))
    kota.declare(declaration())
    run = kota.sync()
    assert (run.rows_written, kota.count("RainGauge")) == (4, 2)
    assert observed(kota) == [("2015-01-01", 5), ("2015-01-02", 7), ("2015-01-03", 7)]
    entity = kota.entity(GAUGE)
    assert entity is not None
    assert entity["rainfall"] == {
        "type": "Property", "value": 7, "unitCode": "MMT", "observedAt": "2015-01-03T00:00:00Z"
    }  # fmt: skip
    assert kota.history(GAUGE, "name") == ["Pos a"]


def test_a_value_that_is_not_known_leaves_the_last_one(kota: Kota) -> None:
    write(
        kota, ("a", "2015-01-01", 5), ("a", "2015-01-02", 9999), ("a", "2015-01-03", "8888.0"), ("a", "2015-01-04", "")
    )
    kota.declare(declaration())
    run = kota.sync()
    assert (run.rows_written, run.rows_unchanged) == (1, 3)
    assert observed(kota) == [("2015-01-01", 5)]


def test_a_late_row_goes_into_the_history_and_the_newest_stays(kota: Kota) -> None:
    write(kota, ("a", "2015-01-01", 5), ("a", "2015-01-03", 7))
    kota.declare(declaration())
    kota.sync()
    write(kota, ("a", "2015-01-01", 5), ("a", "2015-01-03", 7), ("a", "2015-01-02", 6))
    assert kota.sync().rows_written == 1
    assert kota.values(GAUGE)["rainfall"] == 7
    assert observed(kota) == [("2015-01-01", 5), ("2015-01-03", 7), ("2015-01-02", 6)]


def test_a_correction_of_the_past_goes_into_the_history(kota: Kota) -> None:
    write(kota, ("a", "2015-01-01", 5), ("a", "2015-01-02", 7))
    kota.declare(declaration())
    kota.sync()
    write(kota, ("a", "2015-01-01", 4.5), ("a", "2015-01-02", 7))
    kota.sync()
    assert kota.values(GAUGE)["rainfall"] == 7
    assert observed(kota)[-1] == ("2015-01-01", 4.5)


def test_rows_from_newest_to_oldest_end_as_those_from_oldest_to_newest(kota: Kota) -> None:
    write(kota, ("a", "2015-01-03", 7), ("a", "2015-01-02", 6), ("a", "2015-01-01", 5))
    kota.declare(declaration())
    kota.sync()
    assert kota.values(GAUGE)["rainfall"] == 7
    assert sorted(observed(kota)) == [("2015-01-01", 5), ("2015-01-02", 6), ("2015-01-03", 7)]


def test_a_changed_mapping_does_not_double_the_history(kota: Kota) -> None:
    write(kota, ("a", "2015-01-01", 5), ("a", "2015-01-02", 7))
    kota.declare(declaration())
    kota.sync()
    before = observed(kota)
    changed = declaration()
    changed["entity"]["attributes"]["code"] = {"column": "pos", "text": True}
    kota.declare(changed)
    kota.sync()
    assert kota.values(GAUGE)["code"] == "a"
    assert observed(kota) == before


def test_a_row_without_its_time_is_rejected(kota: Kota) -> None:
    write(kota, ("a", "2015-01-01", 5), ("a", "0000-00-00", 6), ("a", "kemarin", 7))
    kota.declare(declaration())
    assert kota.sync().rows_rejected == 2
    assert {reject.rule for reject in kota.rejects()} == {"observed_at", "date"}


def test_a_time_series_keeps_its_rows(kota: Kota) -> None:
    kota.write("sources/halte.yaml", declaration(vanished="delete"))
    (problem,) = load_city(kota.folder).problems
    assert "a time series keeps its rows" in problem.message


@pytest.mark.parametrize(("measured", "count"), [(True, 3), (False, 1)])
def test_what_is_measured_can_be_said(kota: Kota, measured: bool, count: int) -> None:
    write(kota, ("a", "2015-01-01", 5), ("a", "2015-01-02", 6), ("a", "2015-01-03", 7))
    source = declaration()
    source["entity"]["attributes"]["name"] = {"column": "nama", "measured": measured}
    kota.declare(source)
    kota.sync()
    assert len(kota.history(GAUGE, "name")) == count
