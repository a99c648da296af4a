"""Histories as sources tell them, read and made one (CIM 009 §4.5.5, §5.2.20, §5.7.3.4)."""

from __future__ import annotations

from typing import Any

import pytest

from simpul.domain.context import CORE
from simpul.domain.errors import BadRequestData
from simpul.domain.moment import count_microseconds
from simpul.domain.registration import Registration, compile_registration
from simpul.domain.temporal import Series, TemporalQuery
from simpul.domain.temporal_render import TemporalRepresentation, render_series
from simpul.domain.told_history import read_end, read_series
from simpul.domain.united_history import Told, unite_series

NOW_US = count_microseconds("2026-02-01T00:00:00Z")


def series_of(*instances: dict[str, Any], **members: Any) -> Series:
    return read_series(body_of(*instances, **members), CORE, TemporalQuery(), NOW_US)


def body_of(*instances: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"id": "urn:ngsi-ld:Tree:1", "type": "Tree", "height": list(instances), **members}


def instance(content: Any, day: int, **members: Any) -> dict[str, Any]:
    return {"type": "Property", "value": content, "observedAt": f"2026-01-{day:02}T00:00:00Z", **members}


def shown(series: Series, *, system_attributes: bool = False) -> dict[str, Any]:
    return render_series(series, TemporalQuery(), CORE, TemporalRepresentation(system_attributes=system_attributes))


def source(mode: str) -> Registration:
    information = [{"entities": [{"type": ["Tree"]}]}]
    document = {"id": f"urn:x:{mode}", "mode": mode, "information": information, "endpoint": "http://tree.example.org"}
    return compile_registration(document, 0, 0)


def test_what_a_source_told_is_shown_as_it_told_it() -> None:
    told = instance(1, 1, instanceId="urn:x:7", createdAt="2026-01-05T00:00:00Z", modifiedAt="2026-01-06T00:00:00Z")
    system = {"createdAt": "2026-01-05T00:00:00Z", "modifiedAt": "2026-01-06T00:00:00Z"}
    read = series_of(told, **system)
    assert shown(read, system_attributes=True) == {
        "id": "urn:ngsi-ld:Tree:1", "type": "Tree", **system, "height": [told],
    }  # fmt: skip


def test_an_instance_without_an_id_is_given_none() -> None:
    assert shown(series_of(instance(1, 1)))["height"] == [instance(1, 1)]


def test_what_lies_in_another_time_is_left_out() -> None:
    window = TemporalQuery(timerel="after", time_at_us=count_microseconds("2026-01-02T00:00:00Z"))
    read = read_series(body_of(instance(1, 1), instance(2, 2)), CORE, window, NOW_US)
    assert [point.instance["value"] for point in read.attributes["height"]] == [2]


@pytest.mark.parametrize("body", [
    1, [], {"type": "Tree"}, {"id": "urn:x:1"}, {"id": "urn:x:1", "type": "Tree", "height": 1},
    {"id": "urn:x:1", "type": "Tree", "height": [{"type": "Property"}]},
    {"id": "urn:x:1", "type": "Tree", "scope": [{"type": "Relationship", "object": "urn:x:2"}]},
])  # fmt: skip
def test_what_is_no_history_is_refused(body: Any) -> None:
    with pytest.raises(BadRequestData):
        read_series(body, CORE, TemporalQuery(), NOW_US)


def values_of(*told: Told) -> list[Any]:
    return sorted(point.instance["value"] for point in unite_series(told).attributes["height"])


def test_4_5_5_3_of_one_time_the_last_modified_is_told() -> None:
    older = series_of(instance(1, 1, modifiedAt="2026-01-01T00:00:00Z"), instance(2, 2))
    newer = series_of(instance(10, 1, modifiedAt="2026-01-01T00:00:00.5Z"), instance(3, 3))
    for every in ([older, newer], [newer, older]):
        assert values_of(*map(Told, every)) == [2, 3, 10]


def test_4_5_5_the_same_id_at_two_sources_is_not_the_same_instance() -> None:
    one, other = (series_of(instance(day, day, instanceId="urn:x:7")) for day in (1, 2))
    assert values_of(Told(one), Told(other)) == [1, 2]


def test_what_one_source_tells_twice_is_told_twice() -> None:
    assert values_of(Told(series_of(instance(1, 1), instance(2, 1))), Told(series_of(instance(3, 2)))) == [1, 2, 3]


def test_5_7_3_4_an_auxiliary_source_only_adds_times() -> None:
    auxiliary = series_of(instance(10, 1, modifiedAt="2026-01-30T00:00:00Z"), instance(20, 2))
    own = Told(series_of(instance(1, 1)))
    assert values_of(Told(auxiliary, source("auxiliary")), own) == [1, 20]
    assert values_of(Told(auxiliary, source("inclusive")), own) == [10, 20]


@pytest.mark.parametrize(("header", "end"), [
    ("date-time 2026-01-01T00:00:00Z-2026-01-02T00:00:00.500Z/*", "2026-01-02T00:00:00.5"),
    ("DateTime 2026-01-01T00:00:00Z-2026-01-02T00:00:00Z/50", "2026-01-02T00:00:00"),
    ("bytes 0-5/10", None), ("", None), ("date-time 2026-01-01T00:00:00Z-yesterZ/*", None),
])  # fmt: skip
def test_6_3_10_a_page_says_how_far_it_goes(header: str, end: str | None) -> None:
    assert read_end(header) == end
