"""The history of an entity: which of its instances are shown, and how."""

from __future__ import annotations

from typing import Any

import pytest

from simpul.domain.context import CORE
from simpul.domain.entity import Entity
from simpul.domain.history import ChangeKind, History, Write, compact_key
from simpul.domain.moment import count_microseconds
from simpul.domain.parse import NULL, parse_entity
from simpul.domain.temporal import TemporalQuery, select
from simpul.domain.temporal_render import Form, TemporalRepresentation, render_series

DEFAULT = "https://uri.etsi.org/ngsi-ld/default-context/"
NAME, SPEED = f"{DEFAULT}name", f"{DEFAULT}speed"
START_US = count_microseconds("2024-05-01T10:00:00Z")


def at(minute: int) -> str:
    return f"2024-05-01T10:{minute:02}:00Z"


def at_us(minute: int) -> int:
    return START_US + minute * 60_000_000


def attributes_of(**members: Any) -> Entity:
    return parse_entity({"id": "urn:a:1", "type": "Bus", **members}, CORE)


def change(sequence: int, kind: ChangeKind, *removed: str, **members: Any) -> Write:
    """Return a change that happened `sequence` minutes after the start."""
    attributes = CORE.compact_entity(attributes_of(**members))
    return Write(sequence, at_us(sequence), kind, attributes, tuple(map(compact_key, removed)))


def speed(value: int, minute: int, **more: Any) -> dict[str, Any]:
    return {"value": value, "observedAt": at(minute), **more}


HISTORY = [
    change(1, ChangeKind.CREATED, speed=speed(10, 0), name="Trans Padang 1", scope="/Padang"),
    change(2, ChangeKind.CHANGED, speed=speed(20, 2)),
    change(3, ChangeKind.CHANGED, speed=speed(30, 3)),
    change(4, ChangeKind.CHANGED, NAME),
]


def show(
    changes: list[Write] = HISTORY, *, simplified: bool = False, system_attributes: bool = False, **query: Any
) -> dict[str, Any]:
    asked = TemporalQuery(**query)
    series = select(History("urn:a:1", (f"{DEFAULT}Bus",), changes), asked)
    form = Form.VALUES if simplified else Form.NORMALIZED
    return render_series(series, asked, CORE, TemporalRepresentation(form, system_attributes=system_attributes))


def values(shown: dict[str, Any], name: str = "speed") -> list[Any]:
    return [instance["value"] for instance in shown.get(name, [])]


def test_each_attribute_has_its_instances_in_order_4_5_7() -> None:
    shown = show()
    assert (shown["id"], shown["type"]) == ("urn:a:1", "Bus")
    assert shown["speed"][0] == {
        "type": "Property", "value": 10, "observedAt": at(0), "instanceId": "urn:ngsi-ld:Instance:1-0",
    }  # fmt: skip
    assert values(shown) == [10, 20, 30]


def test_an_instance_keeps_its_id_whatever_is_asked() -> None:
    ids = {instance["value"]: instance["instanceId"] for instance in show()["speed"]}
    for query in ({"last_n": 1}, {"attributes": (SPEED,)}, {"timerel": "after", "time_at_us": at_us(2)}):
        for instance in show(**query)["speed"]:
            assert ids[instance["value"]] == instance["instanceId"]
    every = [i["instanceId"] for instances in show().values() if isinstance(instances, list) for i in instances
             if "instanceId" in i]  # fmt: skip
    assert len(every) == len(set(every))


def test_a_deleted_attribute_ends_with_a_null_4_5_0() -> None:
    assert show()["name"][-1] == {
        "type": "Property", "value": NULL, "instanceId": "urn:ngsi-ld:Instance:4-0", "deletedAt": at(4),
    }  # fmt: skip


def test_a_deleted_entity_ends_every_attribute() -> None:
    shown = show([*HISTORY, change(5, ChangeKind.DELETED)], time_property="deletedAt")
    assert values(shown) == [NULL]
    assert shown["scope"] == [{"type": "Property", "value": [], "deletedAt": at(5)}]
    assert [instance["deletedAt"] for instance in shown["name"]] == [at(4)]


def test_a_replaced_entity_ends_what_it_no_longer_has() -> None:
    shown = show([*HISTORY[:2], change(3, ChangeKind.REPLACED, speed=speed(20, 2))])
    assert values(shown, "name") == ["Trans Padang 1", NULL]
    assert values(shown) == [10, 20]


@pytest.mark.parametrize(
    ("kind", "mark"),
    [
        ({"languageMap": {"id": "ya"}}, {"languageMap": {"@none": NULL}}),
        ({"object": "urn:b:1"}, {"object": NULL}),
        ({"valueList": [1]}, {"valueList": [NULL]}),
        ({"vocab": "Open"}, {"vocab": NULL}),
        ({"value": 1, "datasetId": "urn:d:1"}, {"value": NULL, "datasetId": "urn:d:1"}),
    ],
)
def test_each_kind_is_deleted_by_its_own_null(kind: Any, mark: Any) -> None:
    shown = show([change(1, ChangeKind.CREATED, x=kind), change(2, ChangeKind.DELETED)], time_property="deletedAt")
    assert mark.items() <= shown["x"][0].items()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"timerel": "before", "time_at_us": at_us(2)}, [10]),
        ({"timerel": "after", "time_at_us": at_us(2)}, [20, 30]),
        ({"timerel": "between", "time_at_us": at_us(0), "end_time_at_us": at_us(3)}, [10, 20]),
        ({"timerel": "after", "time_at_us": at_us(2), "time_property": "createdAt"}, [20, 30]),
        ({"timerel": "before", "time_at_us": at_us(2), "time_property": "modifiedAt"}, [10]),
        ({"timerel": "after", "time_at_us": at_us(9)}, []),
        ({"last_n": 2}, [20, 30]),
        ({"last_n": 1, "timerel": "before", "time_at_us": at_us(3)}, [20]),
        ({"time_property": "deletedAt"}, []),
    ],
)
def test_the_time_asked_for_bounds_what_is_shown_4_11(query: dict[str, Any], found: list[int]) -> None:
    assert values(show(**query)) == found


def test_what_was_not_observed_does_not_match_a_time_of_observation_4_11() -> None:
    assert "name" not in show(timerel="after", time_at_us=0)
    assert "name" in show(timerel="after", time_at_us=0, time_property="createdAt")


def test_late_observations_are_put_where_they_belong() -> None:
    late = change(5, ChangeKind.CHANGED, speed=speed(15, 1))
    assert values(show([*HISTORY, late])) == [10, 15, 20, 30]
    assert values(show([*HISTORY, late], last_n=2)) == [20, 30]


def test_only_the_attributes_asked_for_are_shown() -> None:
    assert set(show(attributes=(SPEED,))) == {"id", "type", "speed"}
    assert set(show(attributes=(CORE.expand("scope"),))) == {"id", "type", "scope"}


def test_the_scope_is_shown_as_a_property_observed_when_it_was_set_4_5_6() -> None:
    changes = [*HISTORY, change(5, ChangeKind.CHANGED, scope=["/Padang", "/Sumbar"])]
    assert show(changes)["scope"] == [
        {"type": "Property", "value": "/Padang", "observedAt": at(1)},
        {"type": "Property", "value": ["/Padang", "/Sumbar"], "observedAt": at(5)},
    ]


def test_what_a_change_only_repeats_is_no_new_instance() -> None:
    first = [speed(1, 0), speed(2, 0, datasetId="urn:d:1")]
    second = [speed(1, 0), speed(3, 1, datasetId="urn:d:1")]
    changes = [change(1, ChangeKind.CREATED, speed=first), change(2, ChangeKind.CHANGED, speed=second)]
    assert values(show(changes)) == [1, 2, 3]


def test_one_dataset_goes_and_the_other_stays() -> None:
    both = [speed(1, 0), speed(2, 0, datasetId="urn:d:1")]
    changes = [
        change(1, ChangeKind.CREATED, speed=both),
        change(2, ChangeKind.CHANGED, f"{SPEED}\nurn:d:1", speed=speed(1, 0)),
    ]
    assert [i.get("datasetId") for i in show(changes, time_property="deletedAt")["speed"]] == ["urn:d:1"]


def test_the_simplified_form_is_pairs_of_value_and_time_4_5_9() -> None:
    shown = show(simplified=True)
    assert shown["speed"] == {"type": "Property", "values": [[10, at(0)], [20, at(2)], [30, at(3)]]}
    assert shown["name"] == {"type": "Property", "values": [["Trans Padang 1", at(1)], [NULL, at(4)]]}


@pytest.mark.parametrize(
    ("given", "series", "value"),
    [
        ({"value": {"type": "Point", "coordinates": [1, 2]}}, "values", {"type": "Point", "coordinates": [1, 2]}),
        ({"object": "urn:b:1"}, "objects", "urn:b:1"),
        ({"languageMap": {"id": "ya"}}, "languageMaps", {"languageMap": {"id": "ya"}}),
        ({"vocab": "Open"}, "vocabs", {"vocab": "Open"}),
        ({"json": [1]}, "jsons", {"json": [1]}),
        ({"valueList": [1, 2]}, "valueLists", [1, 2]),
        ({"objectList": ["urn:b:1"]}, "objectLists", ["urn:b:1"]),
    ],
)
def test_each_kind_has_its_own_series_4_5_9(given: Any, series: str, value: Any) -> None:
    shown = show([change(1, ChangeKind.CREATED, x={**given, "observedAt": at(0)})], simplified=True)
    assert shown["x"][series] == [[value, at(0)]]
    assert set(shown["x"]) == {"type", series}


def test_datasets_are_told_apart_in_the_simplified_form() -> None:
    both = [speed(1, 0), speed(2, 0, datasetId="urn:d:1")]
    shown = show([change(1, ChangeKind.CREATED, speed=both)], simplified=True)
    assert shown["speed"] == [
        {"type": "Property", "values": [[1, at(0)]]},
        {"type": "Property", "datasetId": "urn:d:1", "values": [[2, at(0)]]},
    ]


def test_system_attributes_say_when_an_instance_came_in() -> None:
    shown = show(system_attributes=True)
    assert shown["speed"][1]["createdAt"] == at(2)
    assert shown["speed"][1]["modifiedAt"] == at(2)
