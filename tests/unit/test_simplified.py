"""What a simplified fragment comes to on an entity that is there."""

from __future__ import annotations

from typing import Any

import pytest

from simpul.domain.context import CORE
from simpul.domain.entity import Entity
from simpul.domain.errors import BadRequestData
from simpul.domain.merge import merge_entity
from simpul.domain.parse import NULL, parse_entity, parse_fragment
from simpul.domain.simplified import complete_key_values, date_fragment

OBSERVED, LATER = "2024-05-01T10:00:00Z", "2024-05-02T10:00:00Z"
POINT = {"type": "Point", "coordinates": [100.36, -0.95]}


def entity_of(**members: Any) -> Entity:
    return parse_entity({"id": "urn:a:1", "type": "T", **members}, CORE)


def merged(before: Any, value: Any, language: str | None = None) -> Any:
    entity = entity_of(x=before)
    fragment = parse_fragment(complete_key_values({"x": value}, entity, CORE, language), CORE)
    return CORE.compact_entity(merge_entity(entity, fragment).entity).get("x")


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [
        ({"value": 1, "unitCode": "MTR"}, 2, {"type": "Property", "value": 2, "unitCode": "MTR"}),
        ({"object": "urn:b:1"}, "urn:b:2", {"type": "Relationship", "object": "urn:b:2"}),
        ({"object": "urn:b:1"}, ["urn:b:2", "urn:b:3"], {"type": "Relationship", "object": ["urn:b:2", "urn:b:3"]}),
        ({"valueList": [1]}, [2, 3], {"type": "ListProperty", "valueList": [2, 3]}),
        ({"objectList": ["urn:b:1"]}, ["urn:b:2"], {"type": "ListRelationship", "objectList": [{"object": "urn:b:2"}]}),
        ({"json": {"a": 1}}, {"b": 5}, {"type": "JsonProperty", "json": {"a": 1, "b": 5}}),
        ({"vocab": "Open"}, {"vocab": "Shut"}, {"type": "VocabProperty", "vocab": "Shut"}),
        ({"type": "Property", "value": "here"}, POINT, {"type": "Property", "value": POINT}),
        ({"value": POINT}, {"type": "Point", "coordinates": [1, 2]},
         {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [1, 2]}}),
        ({"object": "urn:b:1"}, NULL, None),
        ({"object": "urn:b:1"}, {"dataset": {"@none": "urn:b:2"}}, {"type": "Relationship", "object": "urn:b:2"}),
    ],
)  # fmt: skip
def test_a_value_takes_the_kind_that_the_attribute_has_5_6_17(before: Any, value: Any, after: Any) -> None:
    assert merged(before, value) == after


def test_text_goes_into_its_language_and_the_others_stay_5_6_17() -> None:
    assert merged({"languageMap": {"id": "ya", "en": "yes"}}, "yep", "en") == {
        "type": "LanguageProperty", "languageMap": {"id": "ya", "en": "yep"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("before", "value"),
    [
        ({"object": "urn:b:1"}, "halte dua"),
        ({"objectList": ["urn:b:1"]}, [5]),
        ({"languageMap": {"id": "ya"}}, "yes"),
        ({"value": POINT}, "Padang"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(before: Any, value: Any) -> None:
    with pytest.raises(BadRequestData, match="'x"):
        merged(before, value)


def test_an_observation_time_spreads_where_there_was_one_5_6_17() -> None:
    entity = entity_of(x={"value": 1, "observedAt": OBSERVED}, y=1, z={"value": 1, "observedAt": OBSERVED})
    given = parse_fragment({"x": 2, "y": 2, "z": {"value": 2, "observedAt": OBSERVED}, "new": 1}, CORE)
    stored = CORE.compact_entity(merge_entity(entity, date_fragment(given, entity, LATER)).entity)
    assert [stored[name].get("observedAt") for name in ("x", "y", "z", "new")] == [LATER, None, OBSERVED, None]
