"""How entities are shown, in every representation, and that the lossless ones lose nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simpul.domain.context import CORE
from simpul.domain.entity import Entity, Record, Times
from simpul.domain.language import choose_language
from simpul.domain.moment import count_microseconds, render_moment
from simpul.domain.parse import parse_entity
from simpul.domain.render import (
    Format,
    Representation,
    render_entity,
    render_feature,
    render_feature_collection,
)

DEFAULT = "https://uri.etsi.org/ngsi-ld/default-context/"
POINT = {"type": "Point", "coordinates": [100.36, -0.95]}
OBSERVED = "2024-05-01T10:00:00Z"

BODY: dict[str, Any] = {
    "id": "urn:a:1",
    "type": ["Halte", "BusStop"],
    "scope": "/Padang",
    "location": {"type": "GeoProperty", "value": POINT},
    "name": {"type": "Property", "value": "Pasar"},
    "depth": {"type": "Property", "value": 2, "unitCode": "MTR", "observedAt": OBSERVED},
    "corridor": {"type": "Relationship", "object": "urn:k:1", "since": {"type": "Property", "value": 2014}},
    "says": {"type": "LanguageProperty", "languageMap": {"id": "ya", "en": "yes"}},
    "state": {"type": "VocabProperty", "vocab": "Open"},
    "raw": {"type": "JsonProperty", "json": {"id": 1}},
    "list": {"type": "ListProperty", "valueList": [1, 2]},
    "route": {"type": "ListRelationship", "objectList": [{"object": "urn:k:1"}]},
    "shape": {"type": "Property", "value": POINT},
    "many": [{"type": "Property", "value": 1}, {"type": "Property", "value": 2, "datasetId": "urn:d:1"}],
}
TIMES = Times(1_714_557_600_000_000, 1_714_557_660_500_000, {f"{DEFAULT}many\nurn:d:1": (1_714_557_601_000_000,) * 2})
RECORD = Record(parse_entity(BODY, CORE), TIMES)


def show(**wanted: Any) -> dict[str, Any]:
    return render_entity(RECORD, CORE, Representation(**wanted))


def test_the_normalized_representation_is_the_stored_one() -> None:
    assert show() == BODY


def test_one_type_is_text_and_several_are_an_array() -> None:
    record = Record(parse_entity({"id": "urn:a:1", "type": ["Halte"]}, CORE), TIMES)
    assert render_entity(record, CORE, Representation())["type"] == "Halte"
    assert show()["type"] == ["Halte", "BusStop"]


def test_the_concise_representation_leaves_out_what_can_be_told_4_5_2_3() -> None:
    shown = show(format=Format.CONCISE)
    assert shown == {
        "id": "urn:a:1",
        "type": ["Halte", "BusStop"],
        "scope": "/Padang",
        "location": POINT,
        "name": "Pasar",
        "depth": {"value": 2, "unitCode": "MTR", "observedAt": OBSERVED},
        "corridor": {"object": "urn:k:1", "since": 2014},
        "says": {"languageMap": {"id": "ya", "en": "yes"}},
        "state": {"vocab": "Open"},
        "raw": {"json": {"id": 1}},
        "list": {"valueList": [1, 2]},
        "route": {"objectList": [{"object": "urn:k:1"}]},
        "shape": {"type": "Property", "value": POINT},
        "many": [{"value": 1}, {"value": 2, "datasetId": "urn:d:1"}],
    }
    assert parse_entity(shown, CORE) == RECORD.entity


def test_the_simplified_representation_has_only_values_4_5_4() -> None:
    assert show(format=Format.KEY_VALUES) == {
        "id": "urn:a:1",
        "type": ["Halte", "BusStop"],
        "scope": "/Padang",
        "location": POINT,
        "name": "Pasar",
        "depth": 2,
        "corridor": "urn:k:1",
        "says": {"languageMap": {"id": "ya", "en": "yes"}},
        "state": {"vocab": "Open"},
        "raw": {"json": {"id": 1}},
        "list": [1, 2],
        "route": ["urn:k:1"],
        "shape": POINT,
        "many": {"dataset": {"@none": 1, "urn:d:1": 2}},
    }


def test_system_attributes_are_the_times_of_the_entity_and_of_each_instance() -> None:
    shown = show(system_attributes=True)
    assert (shown["createdAt"], shown["modifiedAt"]) == ("2024-05-01T10:00:00Z", "2024-05-01T10:01:00.500Z")
    assert shown["name"]["modifiedAt"] == "2024-05-01T10:00:00Z"
    assert shown["many"][1]["createdAt"] == "2024-05-01T10:00:01Z"
    concise = show(system_attributes=True, format=Format.CONCISE)
    assert concise["name"] == {
        "value": "Pasar", "createdAt": "2024-05-01T10:00:00Z", "modifiedAt": "2024-05-01T10:00:00Z",
    }  # fmt: skip
    simplified = show(system_attributes=True, format=Format.KEY_VALUES)
    assert simplified["name"] == "Pasar"
    assert simplified["createdAt"] == "2024-05-01T10:00:00Z"
    assert "createdAt" not in RECORD.entity[f"{DEFAULT}name"]


def test_attributes_are_projected_and_what_names_the_entity_stays() -> None:
    name, depth = f"{DEFAULT}name", f"{DEFAULT}depth"
    assert list(show(attributes=(name, depth))) == ["id", "type", "scope", "name", "depth"]
    assert list(show(pick=("id", name))) == ["id", "name"]
    assert list(show(pick=(name,))) == ["name"]
    omitted = show(omit=("id", "scope", name))
    assert not {"id", "scope", "name"} & set(omitted)
    assert {"type", "depth"} <= set(omitted)


def test_only_the_datasets_asked_for_are_shown() -> None:
    assert show(dataset_id=("urn:d:1",)) == {
        "id": "urn:a:1", "type": ["Halte", "BusStop"], "scope": "/Padang",
        "many": {"type": "Property", "value": 2, "datasetId": "urn:d:1"},
    }  # fmt: skip
    assert show(dataset_id=("@none",))["many"] == {"type": "Property", "value": 1}
    assert len(show(dataset_id=("@none", "urn:d:1"))["many"]) == 2


def test_a_language_filter_makes_a_property_of_one_language_4_15() -> None:
    assert show(language="en")["says"] == {"type": "Property", "value": "yes", "lang": "en"}
    assert show(language="fr,id;q=0.3", format=Format.CONCISE)["says"] == {"value": "ya", "lang": "id"}
    assert show(language="en", format=Format.KEY_VALUES)["says"] == "yes"


@pytest.mark.parametrize(
    ("wanted", "there", "chosen"),
    [
        ("en", ["id", "en"], "en"),
        ("EN", ["id", "en"], "en"),
        ("fr", ["id", "en"], "id"),
        ("fr", ["id", "@none"], "@none"),
        ("*", ["en", "id"], "en"),
        ("fr-CH, fr;q=0.9, en;q=0.8, *;q=0.5", ["id", "en", "fr"], "fr"),
        ("en;q=0.1,id;q=0.9", ["en", "id"], "id"),
        ("en;q=0,id", ["en", "id"], "id"),
        ("en", ["id", "en-GB"], "en-GB"),
        ("id-ID-x", ["en", "id"], "id"),
        (";;,=", ["id"], "id"),
        ("en;q=1.2.3,id", ["en", "id"], "id"),
    ],
)
def test_the_language_that_fits_best_is_chosen(wanted: str, there: list[str], chosen: str) -> None:
    assert choose_language(wanted, there) == chosen


def test_a_feature_has_the_geometry_and_every_property_4_5_16() -> None:
    feature = render_feature(RECORD, CORE, Representation())
    assert feature["id"] == "urn:a:1"
    assert feature["type"] == "Feature"
    assert feature["geometry"] == POINT
    assert feature["properties"] == {name: value for name, value in BODY.items() if name != "id"}
    simplified = render_feature(RECORD, CORE, Representation(format=Format.KEY_VALUES))
    assert simplified["properties"]["location"] == POINT
    collection = render_feature_collection([feature])
    assert collection == {"type": "FeatureCollection", "features": [feature]}


def test_a_feature_without_such_a_geometry_has_null() -> None:
    for name in ("nowhere", "shape"):
        feature = render_feature(RECORD, CORE, Representation(geometry_property=f"{DEFAULT}{name}"))
        assert feature["geometry"] is None


def test_a_feature_takes_the_geometry_of_the_dataset_asked_for() -> None:
    places = [{"value": POINT}, {"value": {"type": "Point", "coordinates": [1, 2]}, "datasetId": "urn:d:1"}]
    record = Record(parse_entity({"id": "urn:a:1", "type": "T", "location": places}, CORE), TIMES)
    assert render_feature(record, CORE, Representation())["geometry"] == POINT
    other = render_feature(record, CORE, Representation(dataset_id=("urn:d:1",)))
    assert other["geometry"] == {"type": "Point", "coordinates": [1, 2]}


@pytest.mark.parametrize(
    ("moment_us", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_714_557_600_000_000, "2024-05-01T10:00:00Z"),
        (1_714_557_600_000_999, "2024-05-01T10:00:00Z"),
        (1_714_557_600_120_000, "2024-05-01T10:00:00.120Z"),
        (-1_000_000, "1969-12-31T23:59:59Z"),
    ],
)
def test_a_moment_is_written_to_the_millisecond(moment_us: int, text: str) -> None:
    assert render_moment(moment_us) == text
    assert 0 <= moment_us - count_microseconds(text) < 1_000


def test_a_moment_is_counted_to_the_microsecond() -> None:
    assert count_microseconds("1970-01-01T00:00:00,000001Z") == 1
    assert count_microseconds("1970-01-01T00:00:00.123456789Z") == 123_456


VALUES = st.recursive(
    st.integers() | st.text(max_size=3) | st.booleans() | st.sampled_from(["urn:a:1", "Point"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["type", "value", "object", "coordinates", "dataset", "a"]), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
KINDS = st.sampled_from([("Property", "value"), ("JsonProperty", "json"), ("ListProperty", "valueList")])


@st.composite
def attributes(draw: st.DrawFn, depth: int = 2) -> dict[str, Any]:
    kind, main = draw(KINDS)
    value = draw(VALUES)
    # A list holds several; JSON is an object or an array.
    is_plain = kind == "Property" or (kind == "JsonProperty" and isinstance(value, dict | list))
    instance = {"type": kind, main: value if is_plain else [value]}
    if draw(st.booleans()):
        instance["observedAt"] = OBSERVED
    if depth and draw(st.booleans()):
        instance["sub"] = draw(attributes(depth - 1))
    return instance


@given(st.dictionaries(st.sampled_from("xyz"), attributes(), max_size=3))
@settings(max_examples=150, deadline=None)
def test_what_is_shown_concisely_reads_back_as_it_was(members: dict[str, Any]) -> None:
    entity: Entity = parse_entity({"id": "urn:a:1", "type": "T", **members}, CORE)
    shown = render_entity(Record(entity, TIMES), CORE, Representation(format=Format.CONCISE))
    assert parse_entity(shown, CORE) == entity
