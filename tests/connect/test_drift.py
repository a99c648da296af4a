"""A source that has changed its form stops before it damages anything, and says what changed."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from simpul.app import corrections, quality
from simpul.app.identity import operator
from simpul.domain.errors import NotFound
from simpul.domain.quality import Report
from tests.connect.kota import TENANT, Kota, csv_source, entity_uri


def rows(count: int, *names: str, kind: str = "number") -> list[list[object]]:
    values = [f"satu {number}" if kind == "text" else number * 2 for number in range(1, count + 1)]
    cells: list[list[object]] = [[n, f"Halte {n}", value] for n, value in enumerate(values, 1)]
    return [list(names or ("id", "nama", "jumlah")), *cells]


def declaration(**changes: Any) -> dict[str, Any]:
    entity = {"type": "BusStop", "id": entity_uri("BusStop", "{id}"), "attributes": {"name": "nama", "count": "jumlah"}}
    return csv_source(**{"entity": entity, **changes})


@pytest.fixture
def city(kota: Kota) -> Kota:
    kota.write_csv("halte.csv", rows(30))
    kota.declare(declaration())
    assert kota.sync().error is None
    return kota


def error_of(city: Kota) -> str:
    error = city.sync().error
    assert error is not None
    return error


def test_a_renamed_column_stops_the_run_and_the_line_that_mends_it_is_proposed(city: Kota) -> None:
    city.write_csv("halte.csv", rows(30, "id", "nama_halte", "jumlah"))
    error = error_of(city)
    assert "gone: nama; new: nama_halte" in error
    assert "write 'renamed: {nama: nama_halte}' in sources/halte.yaml" in error
    assert city.values(entity_uri("BusStop", "1"))["name"] == "Halte 1"
    city.declare(declaration(renamed={"nama": "nama_halte"}))
    run = city.sync()
    assert (run.error, run.rows_unchanged, run.rows_written) == (None, 30, 0)


def test_several_renamed_columns_are_told_apart_by_their_names(city: Kota) -> None:
    city.write_csv("halte.csv", rows(30, "id", "nama_halte", "jumlah_kursi"))
    assert "renamed: {nama: nama_halte, jumlah: jumlah_kursi}" in error_of(city)


def test_a_vanished_column_stops_the_run(city: Kota) -> None:
    city.write_csv("halte.csv", [row[:2] for row in rows(30)])
    assert "the source has changed: gone: jumlah. Nothing was taken over." in error_of(city)


def test_numbers_that_became_words_stop_the_run_before_anything_is_written(city: Kota) -> None:
    city.write_csv("halte.csv", rows(30, kind="text"))
    error = error_of(city)
    assert "jumlah had numbers and has text. Nothing was taken over." in error
    assert "Look at the mapping." in error, "a mapping that takes a cell as it is has no line to change"
    assert city.values(entity_uri("BusStop", "1"))["count"] in (2, "2")
    assert city.sync(accept_shrink=True).error is None
    assert city.values(entity_uri("BusStop", "1"))["count"] == "satu 1"
    assert city.sync().error is None, "what was accepted is the form from now on"


@pytest.mark.parametrize(("before", "after", "told", "line", "value"), [
    ("{n}", "{n} kursi", "numbers and has text", "count: {column: jumlah}", "3 kursi"),
    ("{n}", "2024-01-{n:02}", "numbers and has dates", "count: {column: jumlah, date: iso}", "2024-01-03"),
    ("2024-01-{n:02}", "{n} Januari 2024", "dates and has text",
     'count: {column: jumlah, date: "%d %B %Y"}', "2024-01-03"),
    ("2024-01-{n:02}", "{n},5", "dates and has numbers", "count: {column: jumlah, number: indonesian}", 3.5),
])  # fmt: skip
def test_the_mapping_of_a_column_whose_type_changed_is_proposed(
    kota: Kota, before: str, after: str, told: str, line: str, value: object
) -> None:
    form = {"date": "iso"} if "-" in before else {"number": "plain", "unit": "C62"}

    def write(cell: str) -> None:
        cells = [[n, f"Halte {n}", cell.format(n=n)] for n in range(1, 29)]
        kota.write_csv("halte.csv", [["id", "nama", "jumlah"], *cells], separator=";")

    def mapped(spec: object) -> dict[str, Any]:
        entity = {"type": "BusStop", "id": entity_uri("BusStop", "{id}"), "attributes": {"count": spec}}
        return csv_source(entity=entity)

    write(before)
    kota.declare(mapped({"column": "jumlah", **form}))
    assert kota.sync().error is None
    write(after)
    error = error_of(kota)
    assert f"jumlah had {told}. Nothing was taken over." in error
    assert f"write '{line}' in sources/halte.yaml, and run `simpul sync halte --accept-change`." in error
    kota.declare(mapped(yaml.safe_load(line)["count"]))
    run = kota.sync(accept_shrink=True)
    assert (run.error, run.rows_read, run.rows_rejected) == (None, 28, 0)
    found = kota.values(entity_uri("BusStop", "3"))["count"]
    assert (found["@value"] if isinstance(found, dict) else found) == value


def test_the_time_of_a_series_that_is_written_otherwise_is_proposed(kota: Kota) -> None:
    def write(form: str) -> None:
        cells = [[n, form.format(n=n), n * 2] for n in range(1, 29)]
        kota.write_csv("halte.csv", [["id", "tanggal", "jumlah"], *cells])

    write("2024-01-{n:02}")
    entity = declaration()["entity"] | {"observed_at": {"column": "tanggal", "date": "iso"}}
    kota.declare(csv_source(entity=entity | {"attributes": {"count": "jumlah"}}))
    assert kota.sync().error is None
    write("{n} Januari 2024")
    assert """write 'observed_at: {column: tanggal, date: "%d %B %Y"}' in sources/halte.yaml""" in error_of(kota)


def test_a_column_that_is_empty_all_at_once_stops_the_run(city: Kota) -> None:
    city.write_csv("halte.csv", [rows(30)[0], *([row[0], row[1], ""] for row in rows(30)[1:])])
    assert "jumlah had numbers and is empty" in error_of(city)


def test_a_few_odd_values_are_no_drift(city: Kota) -> None:
    changed = rows(30)
    changed[4][2] = "tidak ada"
    city.write_csv("halte.csv", changed)
    assert city.sync().error is None


def test_half_of_the_rows_gone_stops_the_run(city: Kota) -> None:
    city.write_csv("halte.csv", rows(10))
    assert "has 10 rows, and it had 30" in error_of(city)
    assert city.count("BusStop") == 30
    assert city.sync(accept_shrink=True).error is None
    assert city.sync().error is None


def report_of(city: Kota) -> Report:
    report = city.look(lambda hub: quality.get_quality(operator(TENANT), hub, "halte")).report
    assert report is not None
    return report


def test_columns_that_nothing_uses_may_come_and_go_and_the_report_tells(city: Kota) -> None:
    city.write_csv("halte.csv", [[*row, "x"] for row in rows(30, "id", "nama", "jumlah")])
    assert city.sync().error is None
    (found,) = [one for one in report_of(city).findings if one.rule == "drift"]
    assert [(one.key, one.reason) for one in found.samples] == [("x", "the column is new")]
    city.sync()
    assert [one.broken for one in report_of(city).findings if one.rule == "drift"] == [0]


def test_rows_of_a_renamed_column_are_put_right_under_the_name_of_the_mapping(city: Kota) -> None:
    changed = rows(30, "id", "nama_halte", "jumlah")
    changed[3][1] = ""
    city.write_csv("halte.csv", changed)
    city.declare(declaration(renamed={"nama": "nama_halte"}, rules=[{"rule": "required", "column": "nama"}]))
    city.sync()
    city.with_hub(lambda hub: corrections.correct_row(operator(TENANT), hub, "halte", "3", {"nama": "Pasar"}))
    assert city.with_hub(lambda hub: corrections.replay(operator(TENANT), hub, "halte")).taken_over == 1
    assert city.values(entity_uri("BusStop", "3"))["name"] == "Pasar"


def test_what_is_known_of_a_source_goes_with_it(city: Kota) -> None:
    (city.folder / "sources/halte.yaml").unlink()
    city.declare(csv_source(source="lain"))
    assert city.look(lambda hub: hub.reports.list_reports(TENANT, "halte")) == []
    assert city.look(lambda hub: hub.reports.find_shape(TENANT, "halte")) is None
    with pytest.raises(NotFound):
        city.look(lambda hub: quality.get_quality(operator(TENANT), hub, "halte"))


def test_a_source_that_lost_most_rows_is_refused_before_any_of_its_rows_go_in(city: Kota) -> None:
    changed = [[row[0], f"Lain {row[0]}", row[2]] for row in rows(10)[1:]]
    city.write_csv("halte.csv", [rows(1)[0], *changed, [99, "Baru", 1]])
    assert "has 11 rows, and it had 30" in error_of(city)
    assert city.values(entity_uri("BusStop", "1"))["name"] == "Halte 1"
    assert city.entity(entity_uri("BusStop", "99")) is None
    assert city.sync(accept_shrink=True).error is None
    assert city.values(entity_uri("BusStop", "1"))["name"] == "Lain 1"


def test_a_source_that_has_enough_rows_is_taken_over_whole_after_the_wait(
    kota: Kota, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simpul.limits.SOURCE_CHUNK_ROWS", 7)
    kota.write_csv("halte.csv", rows(100))
    kota.declare(declaration())
    assert kota.sync().error is None
    kota.write_csv("halte.csv", [rows(1)[0], *([row[0], f"Lain {row[0]}", row[2]] for row in rows(90)[1:])])
    run = kota.sync()
    assert (run.error, run.rows_read, run.rows_written) == (None, 90, 90)
    assert kota.values(entity_uri("BusStop", "1"))["name"] == "Lain 1"
    assert kota.values(entity_uri("BusStop", "90"))["name"] == "Lain 90"


def test_what_waits_in_memory_is_bounded(kota: Kota, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simpul.limits.SOURCE_CHUNK_ROWS", 2)
    monkeypatch.setattr("simpul.limits.COLLAPSE_ROWS_HELD_MAX", 12)
    kota.write_csv("halte.csv", rows(100))
    kota.declare(declaration())
    assert kota.sync().error is None
    kota.write_csv("halte.csv", [rows(1)[0], *([row[0], f"Lain {row[0]}", row[2]] for row in rows(30)[1:])])
    assert "has 30 rows, and it had 100" in error_of(kota)
    assert kota.values(entity_uri("BusStop", "1"))["name"] == "Lain 1", "what does not fit is not held back"
    assert kota.values(entity_uri("BusStop", "30"))["name"] == "Halte 30"
