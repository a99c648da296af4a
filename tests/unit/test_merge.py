"""How changes make a new entity of an old one, clause by clause, and what holds for any two of them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simpul.domain.context import CORE
from simpul.domain.entity import Entity, Times, attribute_keys
from simpul.domain.errors import BadRequestData, HubError, NotFound
from simpul.domain.merge import (
    Outcome,
    Overwrite,
    _update_instances,
    advance_times,
    append_attributes,
    delete_attribute,
    merge_entity,
    patch_attribute,
    replace_attribute,
    update_attributes,
)
from simpul.domain.parse import NULL, parse_attribute, parse_entity, parse_fragment

DEFAULT = "https://uri.etsi.org/ngsi-ld/default-context/"
X, Y = f"{DEFAULT}x", f"{DEFAULT}y"


def entity_of(**members: Any) -> Entity:
    return parse_entity({"id": "urn:a:1", "type": "T", **members}, CORE)


def fragment_of(**members: Any) -> Entity:
    return parse_fragment(members, CORE)


def shown(outcome: Outcome) -> dict[str, Any]:
    """Return the new entity's members with short names, without id and type."""
    stored = CORE.compact_entity(outcome.entity)
    return {name: value for name, value in stored.items() if name not in ("id", "type")}


TEMPERATURE = {"value": 25, "unitCode": "CEL", "observedAt": "2022-03-14T01:59:26.535Z"}
WARMER = {"type": "Property", "value": 100, "observedAt": "2022-03-14T13:00:00.000Z"}


def test_an_update_replaces_the_attribute_as_a_whole_5_5_8_example_2() -> None:
    outcome = update_attributes(entity_of(x=TEMPERATURE, y=1), fragment_of(x=WARMER))
    assert shown(outcome) == {"x": WARMER, "y": {"type": "Property", "value": 1}}
    assert outcome.changed == (X,)
    assert (outcome.added, outcome.modified, outcome.removed) == ((), (X,), ())


def test_an_update_deletes_by_the_null_5_5_8_example_3() -> None:
    outcome = update_attributes(entity_of(x=TEMPERATURE), fragment_of(x={"type": "Property", "value": NULL}))
    assert shown(outcome) == {}
    assert outcome.removed == (X,)
    assert outcome.changed == ()


def test_an_update_adds_what_is_not_there_and_other_datasets_stay_5_6_2() -> None:
    before = entity_of(x=[{"value": 1}, {"value": 2, "datasetId": "urn:d:1"}])
    outcome = update_attributes(before, fragment_of(x={"value": 3, "datasetId": "urn:d:1"}, y=4))
    assert [instance["value"] for instance in outcome.entity[X]] == [1, 3]
    assert outcome.added == (Y,)
    assert outcome.modified == (f"{X}\nurn:d:1",)
    gone = update_attributes(before, fragment_of(x={"value": NULL, "datasetId": "urn:d:1"}))
    assert gone.entity[X] == {"type": "Property", "value": 1}
    assert gone.removed == (f"{X}\nurn:d:1",)


def test_an_update_unites_types_and_replaces_a_scope_only_where_there_is_one_5_6_2() -> None:
    outcome = update_attributes(entity_of(scope="/a"), fragment_of(type=["U", "T"], scope=["/b", "/c"]))
    assert outcome.entity["type"] == [f"{DEFAULT}T", f"{DEFAULT}U"]
    assert outcome.entity["scope"] == ["/b", "/c"]
    assert set(outcome.members) == {"type", "scope"}
    assert outcome.changed == ()
    assert "scope" not in update_attributes(entity_of(), fragment_of(scope="/b")).entity


def test_an_update_refuses_half_an_attribute() -> None:
    with pytest.raises(BadRequestData, match="'x' has no 'value'"):
        update_attributes(entity_of(x=1), fragment_of(x={"unitCode": "CEL"}))


def test_appending_may_replace_or_leave_alone_5_6_3() -> None:
    before = entity_of(x=1)
    assert shown(append_attributes(before, fragment_of(x=2, y=3)))["x"]["value"] == 2
    outcome = append_attributes(before, fragment_of(x=2, y=3), overwrite=Overwrite.DENIED)
    assert shown(outcome)["x"]["value"] == 1
    assert outcome.changed == (Y,)
    ((name, reason),) = outcome.unchanged
    assert name == X
    assert "there already" in reason


def test_appending_unites_types_and_scopes_5_6_3() -> None:
    before = entity_of(scope="/a")
    fragment = fragment_of(type="U", scope=["/a", "/b"])
    assert append_attributes(before, fragment, overwrite=Overwrite.DENIED).entity["scope"] == ["/a", "/b"]
    assert append_attributes(before, fragment_of(scope="/b")).entity["scope"] == ["/b"]
    assert append_attributes(before, fragment).entity["type"] == [f"{DEFAULT}T", f"{DEFAULT}U"]


def test_appending_does_not_delete() -> None:
    with pytest.raises(BadRequestData, match=r"'x'.*only adds"):
        append_attributes(entity_of(x=1), fragment_of(x=NULL))


def test_a_partial_update_overwrites_members_5_5_8_example_1() -> None:
    outcome = patch_attribute(entity_of(x=TEMPERATURE), X, parse_attribute(WARMER, CORE, "x"))
    assert shown(outcome) == {"x": {**WARMER, "unitCode": "CEL"}}


def test_a_partial_update_may_take_members_away_and_leaves_the_value_whole() -> None:
    before = entity_of(x={"value": {"a": 1, "b": 2}, "unitCode": "CEL", "by": {"value": 5}})
    outcome = patch_attribute(before, X, parse_attribute({"value": {"a": 3}, "unitCode": NULL, "by": NULL}, CORE, "x"))
    assert shown(outcome) == {"x": {"type": "Property", "value": {"a": 3}}}


def test_a_partial_update_takes_a_sub_attribute_away_without_saying_the_kind() -> None:
    before = entity_of(x={"value": 5, "by": 1, "to": 2})
    outcome = patch_attribute(before, X, parse_attribute({"by": NULL}, CORE, "x"))
    assert shown(outcome) == {"x": {"type": "Property", "value": 5, "to": {"type": "Property", "value": 2}}}


def test_only_a_merge_takes_members_out_of_a_value_5_5_4() -> None:
    before, patch = entity_of(x={"value": {"a": 1}}), {"type": "Property", "value": {"a": NULL}}
    changes: list[Callable[[], Outcome]] = [
        lambda: patch_attribute(before, X, parse_attribute(patch, CORE, "x")),
        lambda: replace_attribute(before, X, parse_attribute(patch, CORE, "x")),
        lambda: update_attributes(before, fragment_of(x=patch)),
        lambda: append_attributes(before, fragment_of(x=patch)),
    ]
    for change in changes:
        with pytest.raises(BadRequestData, match="only a merge"):
            change()


def test_a_partial_update_does_not_change_the_kind_5_6_4() -> None:
    with pytest.raises(BadRequestData, match=r"'x' is a Relationship.*Send 'object'"):
        patch_attribute(entity_of(x={"object": "urn:a:2"}), X, parse_attribute({"value": 5}, CORE, "x"))


def test_a_partial_update_needs_its_target_5_6_4() -> None:
    with pytest.raises(NotFound, match="urn:a:1 has no attribute 'y'"):
        patch_attribute(entity_of(x=1), Y, {"value": 5})
    with pytest.raises(NotFound, match="no instance with the datasetId urn:d:1"):
        patch_attribute(entity_of(x=1), X, {"value": 5, "datasetId": "urn:d:1"})
    with pytest.raises(NotFound, match="only instances with a datasetId"):
        patch_attribute(entity_of(x={"value": 1, "datasetId": "urn:d:1"}), X, {"value": 5})


def test_a_partial_update_by_null_deletes_whatever_the_kind() -> None:
    outcome = patch_attribute(entity_of(x={"object": "urn:a:2"}, y=1), X, parse_attribute(NULL, CORE, "x"))
    assert outcome.removed == (X,)
    assert shown(outcome) == {"y": {"type": "Property", "value": 1}}


def test_a_merge_reaches_into_attributes_5_5_12_example_1() -> None:
    outcome = merge_entity(entity_of(x=TEMPERATURE), fragment_of(x=WARMER))
    assert shown(outcome) == {"x": {**WARMER, "unitCode": "CEL"}}


def test_a_merge_reaches_into_values_5_5_12_example_2() -> None:
    address = {"street": "Straße des 17. Juni", "city": "Berlin", "country": "Germany"}
    patch = {"type": "Property", "value": {"street": "Pariser Platz", "country": NULL}}
    outcome = merge_entity(entity_of(x={"value": address}), fragment_of(x=patch))
    assert outcome.entity[X]["value"] == {"street": "Pariser Platz", "city": "Berlin"}


@pytest.mark.parametrize(
    ("before", "patch", "after"),
    [
        ({"value": [1, 2]}, {"value": [3]}, {"type": "Property", "value": [3]}),
        (
            {"value": {"a": {"b": 1, "c": 2}}}, {"value": {"a": {"b": NULL}}},
            {"type": "Property", "value": {"a": {"c": 2}}},
        ),
        ({"value": 5}, {"value": {"a": 1, "b": NULL}}, {"type": "Property", "value": {"a": 1}}),
        ({"value": 5, "unitCode": "CEL"}, {"unitCode": NULL}, {"type": "Property", "value": 5}),
        (
            {"value": 5, "by": {"value": 1, "z": 2}}, {"type": "Property", "by": {"type": "Property", "z": NULL}},
            {"type": "Property", "value": 5, "by": {"type": "Property", "value": 1}},
        ),
        ({"value": 5, "by": 1}, {"type": "Property", "by": NULL}, {"type": "Property", "value": 5}),
        (
            {"languageMap": {"id": "ya", "en": "yes"}}, {"languageMap": {"en": NULL, "fr": "oui"}},
            {"type": "LanguageProperty", "languageMap": {"id": "ya", "fr": "oui"}},
        ),
        ({"json": {"a": 1}}, {"json": {"b": 2}}, {"type": "JsonProperty", "json": {"a": 1, "b": 2}}),
        ({"valueList": [1, 2]}, {"valueList": [2]}, {"type": "ListProperty", "valueList": [2]}),
        (
            {"value": 5, "z": 2}, {"object": "urn:a:2"},
            {"type": "Relationship", "object": "urn:a:2", "z": {"type": "Property", "value": 2}},
        ),
        (
            {"value": {"type": "Point", "coordinates": [1, 2]}},
            {"value": {"type": "LineString", "coordinates": [[1, 2], [3, 4]]}},
            {"type": "GeoProperty", "value": {"type": "LineString", "coordinates": [[1, 2], [3, 4]]}},
        ),
    ],
)  # fmt: skip
def test_a_merge_follows_json_merge_patch(before: Any, patch: Any, after: Any) -> None:
    assert shown(merge_entity(entity_of(x=before), fragment_of(x=patch))) == {"x": after}


@pytest.mark.parametrize(
    ("before", "mark"),
    [
        (5, NULL),
        ({"object": "urn:a:2"}, NULL),
        ({"object": "urn:a:2"}, {"object": NULL}),
        ({"languageMap": {"id": "ya"}}, {"languageMap": {"@none": NULL}}),
        ({"languageMap": {"id": "ya"}}, {"languageMap": {"id": NULL}}),
        ({"vocab": "Open"}, {"vocab": NULL}),
        ({"json": {"a": 1}}, {"json": NULL}),
        ({"valueList": [1]}, {"valueList": [NULL]}),
        ({"objectList": ["urn:a:2"]}, {"objectList": NULL}),
    ],
)
def test_a_merge_deletes_each_kind_by_its_null(before: Any, mark: Any) -> None:
    outcome = merge_entity(entity_of(x=before), fragment_of(x=mark))
    assert shown(outcome) == {}
    assert outcome.removed == (X,)


def test_a_merge_sets_the_scope_and_takes_it_away_5_6_17() -> None:
    set_once = merge_entity(entity_of(), fragment_of(scope="/a"))
    assert set_once.entity["scope"] == ["/a"]
    assert merge_entity(set_once.entity, fragment_of(scope=NULL)).members == ("scope",)
    assert "scope" not in merge_entity(set_once.entity, fragment_of(scope=NULL)).entity


def test_a_merge_does_not_add_half_an_attribute() -> None:
    with pytest.raises(BadRequestData, match="'x' has no 'value'"):
        merge_entity(entity_of(), fragment_of(x={"unitCode": "CEL"}))


def test_replacing_an_attribute_keeps_its_other_instances_5_6_19() -> None:
    before = entity_of(x=[{"value": 1, "unitCode": "CEL"}, {"value": 2, "datasetId": "urn:d:1"}])
    outcome = replace_attribute(before, X, parse_attribute({"value": 5}, CORE, "x"))
    assert outcome.entity[X][0] == {"type": "Property", "value": 5}
    assert outcome.entity[X][1]["value"] == 2
    with pytest.raises(NotFound, match="has no attribute 'y'"):
        replace_attribute(before, Y, {"type": "Property", "value": 5})
    with pytest.raises(BadRequestData, match="Delete it instead"):
        replace_attribute(before, X, {"type": "Property", "value": NULL})


def test_deleting_takes_one_instance_or_every_one_5_6_5() -> None:
    before = entity_of(x=[{"value": 1}, {"value": 2, "datasetId": "urn:d:1"}])
    assert delete_attribute(before, X, None, False).removed == (X,)
    assert delete_attribute(before, X, "urn:d:1", False).removed == (f"{X}\nurn:d:1",)
    every = delete_attribute(before, X, None, True)
    assert every.removed == (X, f"{X}\nurn:d:1")
    assert X not in every.entity
    for name, dataset_id in ((Y, None), (X, "urn:d:2")):
        with pytest.raises(NotFound):
            delete_attribute(before, name, dataset_id, False)
    with pytest.raises(NotFound):
        delete_attribute(before, Y, None, True)


def test_deleting_the_scope_is_deleting_an_attribute_5_6_5() -> None:
    outcome = delete_attribute(entity_of(scope="/a"), CORE.expand("scope"), None, False)
    assert "scope" not in outcome.entity
    with pytest.raises(NotFound, match="has no scope"):
        delete_attribute(entity_of(), "scope", None, False)


def test_true_is_another_value_than_one() -> None:
    assert update_attributes(entity_of(x=1), fragment_of(x=True)).changed == (X,)
    assert update_attributes(entity_of(x=1), fragment_of(x=1)).is_nothing


def test_times_advance_only_where_something_changed() -> None:
    before = entity_of(x=1, y=2)
    times = Times(10, 20, {X: (12, 15)})
    outcome = update_attributes(before, fragment_of(x=5, y=NULL, z=1))
    after = advance_times(times, outcome, 99)
    assert after == Times(10, 99, {X: (12, 99), f"{DEFAULT}z": (99, 99)})
    assert advance_times(times, update_attributes(before, fragment_of(x=1)), 99) is times
    assert advance_times(times, update_attributes(before, fragment_of(type="U")), 99).modified_us == 99
    assert times == Times(10, 20, {X: (12, 15)})


SCALARS = st.sampled_from([0, 1, True, 2.5, "a", ""])
CONTAINERS = st.lists(SCALARS, max_size=2) | st.dictionaries(st.sampled_from("ab"), SCALARS, max_size=2)
VALUES = SCALARS | CONTAINERS
MAINS = st.one_of(
    st.fixed_dictionaries({"value": VALUES}),
    st.fixed_dictionaries({"object": st.sampled_from(["urn:o:1", "urn:o:2"])}),
    st.fixed_dictionaries({"languageMap": st.dictionaries(st.sampled_from(["id", "en"]), st.just("a"), min_size=1)}),
    st.fixed_dictionaries({"json": CONTAINERS}),
)
EXTRAS = st.fixed_dictionaries({}, optional={"observedAt": st.just("2024-05-01T10:00:00Z"), "sub": SCALARS})
INSTANCES = st.builds(lambda main, extra: main | extra, MAINS, EXTRAS)
DELETIONS = st.sampled_from([NULL, {"object": NULL}, {"languageMap": {"@none": NULL}}, {"value": {"a": NULL}}])


def attribute_of(instances: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        instance | ({"datasetId": f"urn:d:{place}"} if place else {}) for place, instance in enumerate(instances)
    ]  # fmt: skip


WHOLE = st.lists(INSTANCES, min_size=1, max_size=2).map(attribute_of)
ENTITIES = st.dictionaries(st.sampled_from("xyz"), WHOLE, max_size=3).map(lambda members: entity_of(**members))
FRAGMENTS = st.dictionaries(st.sampled_from("xyz"), WHOLE | DELETIONS, max_size=3).map(lambda m: fragment_of(**m))
CHANGES = st.sampled_from([append_attributes, update_attributes, merge_entity])


def as_bytes(value: Any) -> bytes:
    return msgspec.json.encode(value, order="sorted")


@given(ENTITIES, FRAGMENTS, CHANGES)
@settings(max_examples=250, deadline=None)
def test_a_change_is_exact_idempotent_and_leaves_its_input_alone(entity: Entity, fragment: Entity, change: Any) -> None:
    entity_before, fragment_before = copy.deepcopy(entity), copy.deepcopy(fragment)
    try:
        outcome = change(entity, fragment)
    except HubError:
        assert (entity, fragment) == (entity_before, fragment_before)
        return
    assert (entity, fragment) == (entity_before, fragment_before)
    before, after = set(attribute_keys(entity)), set(attribute_keys(outcome.entity))
    assert set(outcome.removed) == before - after
    assert set(outcome.added) == after - before
    different = {name for name in outcome.entity if as_bytes(outcome.entity[name]) != as_bytes(entity.get(name))}
    gone = {key.partition("\n")[0] for key in outcome.removed}
    assert set(outcome.changed) <= different <= set(outcome.changed) | gone
    assert NULL.encode() not in as_bytes(outcome.entity)
    # What comes out is a valid entity, and the same change a second time changes nothing.
    assert parse_entity(CORE.compact_entity(outcome.entity), CORE) == outcome.entity
    assert change(outcome.entity, fragment).is_nothing


@given(ENTITIES, FRAGMENTS)
@settings(max_examples=250, deadline=None)
def test_the_short_way_of_an_update_comes_to_what_the_long_one_does(entity: Entity, fragment: Entity) -> None:
    try:
        expected = _update_instances(entity, fragment)
    except HubError as error:
        with pytest.raises(type(error)):
            update_attributes(entity, fragment)
        return
    outcome = update_attributes(entity, fragment)
    assert as_bytes(outcome.entity) == as_bytes(expected.entity)
    assert [sorted(keys) for keys in outcome[1:]] == [sorted(keys) for keys in expected[1:]]
