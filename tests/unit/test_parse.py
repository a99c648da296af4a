"""What goes in: every kind of attribute, normalized and concise, and what is refused with which words."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simpul import limits
from simpul.domain.context import CORE, build_context
from simpul.domain.entity import is_expiring
from simpul.domain.errors import BadRequestData, HubError, InvalidRequest
from simpul.domain.parse import (
    MAIN_MEMBERS,
    NULL,
    decode_json,
    is_moment,
    parse_attribute,
    parse_entity,
    parse_fragment,
    raise_unless_uri,
)

DEFAULT = "https://uri.etsi.org/ngsi-ld/default-context/"
ADDRESS = 'Jl. M. Yamin (depan "Pasar Raya"); a=1, b<2 & it\'s'
WORDS = {"id": "ya", "@none": ["o"]}
JSON_NULL = {"@type": "@json", "@value": None}
POINT = {"type": "Point", "coordinates": [100.36, -0.95]}
HEAD = {"id": "urn:ngsi-ld:Halte:1", "type": "Halte"}


def read(value: Any) -> Any:
    """Return what an attribute of a new entity is understood to be."""
    return parse_entity({**HEAD, "x": value}, CORE)[f"{DEFAULT}x"]


def read_in_fragment(value: Any) -> Any:
    return parse_fragment({"x": value}, CORE)[f"{DEFAULT}x"]


@pytest.mark.parametrize(
    ("given_value", "understood"),
    [
        (5, {"type": "Property", "value": 5}),
        (ADDRESS, {"type": "Property", "value": ADDRESS}),
        (False, {"type": "Property", "value": False}),
        ("", {"type": "Property", "value": ""}),
        ([1, 2], {"type": "Property", "value": [1, 2]}),
        ([], {"type": "Property", "value": []}),
        ([{"a": 1}], {"type": "Property", "value": [{"a": 1}]}),
        ({"street": "Yamin"}, {"type": "Property", "value": {"street": "Yamin"}}),
        ({"value": 5, "unitCode": "MTR"}, {"type": "Property", "value": 5, "unitCode": "MTR"}),
        ({"type": "https://uri.etsi.org/ngsi-ld/Property", "value": 5}, {"type": "Property", "value": 5}),
        (POINT, {"type": "GeoProperty", "value": POINT}),
        ({"value": POINT}, {"type": "GeoProperty", "value": POINT}),
        ({"type": "Property", "value": POINT}, {"type": "Property", "value": POINT}),
        (
            {"type": "GeoProperty", "value": '{"type":"Point","coordinates":[100.36,-0.95]}'},
            {"type": "GeoProperty", "value": POINT},
        ),
        ({"object": "urn:a:1"}, {"type": "Relationship", "object": "urn:a:1"}),
        ({"object": ["urn:a:1", "urn:a:2"]}, {"type": "Relationship", "object": ["urn:a:1", "urn:a:2"]}),
        (
            {"object": "urn:a:1", "objectType": "Koridor"},
            {"type": "Relationship", "object": "urn:a:1", "objectType": f"{DEFAULT}Koridor"},
        ),
        ({"languageMap": WORDS}, {"type": "LanguageProperty", "languageMap": WORDS}),
        ({"vocab": "Open"}, {"type": "VocabProperty", "vocab": f"{DEFAULT}Open"}),
        ({"vocab": ["Open"]}, {"type": "VocabProperty", "vocab": [f"{DEFAULT}Open"]}),
        ({"json": {"id": 5, "x": None}}, {"type": "JsonProperty", "json": {"id": 5, "x": None}}),
        ({"valueList": [1, "a"]}, {"type": "ListProperty", "valueList": [1, "a"]}),
        ({"objectList": ["urn:a:1"]}, {"type": "ListRelationship", "objectList": [{"object": "urn:a:1"}]}),
        ({"objectList": [{"object": "urn:a:1"}]}, {"type": "ListRelationship", "objectList": [{"object": "urn:a:1"}]}),
        (
            {"value": 5, "by": {"object": "urn:a:1", "since": 2014}},
            {
                "type": "Property", "value": 5,
                f"{DEFAULT}by": {
                    "type": "Relationship", "object": "urn:a:1", f"{DEFAULT}since": {"type": "Property", "value": 2014},
                },
            },
        ),
        ({"value": 5, "createdAt": "x", "instanceId": 5, "entity": {}}, {"type": "Property", "value": 5}),
        ({"value": JSON_NULL}, {"type": "Property", "value": JSON_NULL}),
        (
            {"dataset": {"@none": 1, "urn:d:1": "urn:a:1"}},
            [{"type": "Property", "value": 1}, {"type": "Property", "value": "urn:a:1", "datasetId": "urn:d:1"}],
        ),
        (
            [{"value": 1}, {"value": 2, "datasetId": "urn:d:1"}],
            [{"type": "Property", "value": 1}, {"type": "Property", "value": 2, "datasetId": "urn:d:1"}],
        ),
        ([{"value": 1, "datasetId": "urn:d:1"}], {"type": "Property", "value": 1, "datasetId": "urn:d:1"}),
    ],
)  # fmt: skip
def test_an_attribute_is_understood(given_value: Any, understood: Any) -> None:
    assert read(given_value) == understood


@pytest.mark.parametrize(
    ("given_value", "message"),
    [
        (None, r"'x' is null.*Leave out"),
        (NULL, "which deletes"),
        ({"value": None}, "'x' is null"),
        ({"value": {"a": [1, None]}}, "null at '1'"),
        ({"value": {"a": NULL}}, "only a patch may"),
        ({"object": NULL}, "which deletes"),
        ({"languageMap": {"id": NULL}}, "which deletes"),
        ({"type": "Property"}, "without 'value'. Add 'value'"),
        ({"type": "Property", "object": "urn:a:1"}, "without 'value'"),
        ({"value": 5, "object": "urn:a:1"}, "belongs to a Relationship"),
        ({"type": "PostalAddress", "city": "Padang"}, r"must be one of Property.*\"value\": \{…\}"),
        ({"type": None, "value": 5}, "has the type null"),
        ({"value": 5, "observedAt": "yesterday"}, "such as 2024-05-01T10:00:00Z"),
        ({"value": 5, "observedAt": "2024-05-01T10:00:00+07:00"}, "in UTC"),
        ({"value": 5, "observedAt": "2024-02-30T10:00:00Z"}, "observedAt"),
        ({"value": 5, "unitCode": 5}, "'x.unitCode' is 5"),
        ({"object": "urn:a:1", "unitCode": "MTR"}, "Remove it"),
        ({"value": 5, "datasetId": "one"}, "'x.datasetId' is \"one\"; it is a URI"),
        ({"value": 5, "datasetId": NULL}, "datasetId"),
        ({"object": "halte satu"}, "URI of an entity"),
        ({"object": []}, "URI of an entity"),
        ({"object": [NULL, "urn:a:1"]}, "URI of an entity"),
        ({"languageMap": "ya"}, "it is an object"),
        ({"languageMap": {}}, "it is an object"),
        ({"languageMap": {"bahasa indonesia": "ya"}}, "language's code"),
        ({"languageMap": {"id": 5}}, "language's code"),
        ({"vocab": 5}, "it is a word"),
        ({"vocab": []}, "it is a word"),
        ({"json": None}, "'x' is null"),
        ({"valueList": 5}, "it is an array"),
        ({"valueList": [None]}, "null at '0'"),
        ({"objectList": "urn:a:1"}, "it is an array"),
        ({"objectList": [5]}, "it is an array"),
        ({"type": "GeoProperty", "value": "Padang"}, "GeoJSON"),
        ({"type": "GeoProperty", "value": {"type": "Point", "coordinates": ["a", "b"]}}, "'x'"),
        ({"type": "GeoProperty", "value": {"type": "Point", "coordinates": [-0.95, 100.36]}}, "longitude"),
        ({"type": "Point", "coordinates": [200, 0]}, "longitude"),
        ({"value": 5, "@context": {}}, "Only the entity may"),
        ({"value": 5, "id": "urn:a:1"}, "use 'datasetId'"),
        ({"value": 5, "scope": "/a"}, "Choose another name"),
        ({"value": 5, "a": 1, f"{DEFAULT}a": 2}, "twice"),
        ([{"value": 1}, {"value": 2}], "two instances without a datasetId"),
        (
            [{"value": 1, "datasetId": "urn:d:1"}, {"value": 2, "datasetId": "urn:d:1"}],
            "two instances with the datasetId",
        ),
        ([{"value": 1}, 5], "mixes instances and plain values"),
        ({"dataset": {}}, "at least one value"),
        ({"dataset": {"one": 5}}, "no URI"),
        ({"dataset": {"urn:d:1": {"dataset": {"@none": 1}}}}, "'x'|datasetId"),
    ],
)
def test_a_wrong_attribute_is_refused_and_says_what_would_be_right(given_value: Any, message: str) -> None:
    if message == "'x'|datasetId":
        assert read(given_value) == {"type": "Property", "value": 1, "datasetId": "urn:d:1"}
        return
    with pytest.raises(BadRequestData, match=message):
        read(given_value)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (5, "JSON object"),
        ([], "JSON object"),
        ({"type": "Halte"}, "has no 'id'"),
        ({"id": "urn:a:1"}, "has no 'type'"),
        ({"id": "halte 1", "type": "Halte"}, '"halte 1", which is no URI'),
        ({"id": 5, "type": "Halte"}, "is 5, which is no URI"),
        ({"id": "urn:" + "x" * 3000, "type": "Halte"}, "at most 2048"),
        ({"id": "urn:a:1", "type": []}, "it is a name"),
        ({"id": "urn:a:1", "type": ""}, "it is a name"),
        ({"id": "urn:a:1", "type": [5]}, "it is a name"),
        ({"id": "urn:a:1", "type": "Halte Bus"}, "character ' '"),
        ({"id": "urn:a:1", "type": ["Halte", "type"]}, "word of JSON-LD"),
        ({**HEAD, "scope": "a//b"}, "it is a path"),
        ({**HEAD, "scope": []}, "it is a path"),
        ({**HEAD, "scope": NULL}, "it is a path"),
        ({**HEAD, "value": 5}, "cannot be the name of an attribute"),
        ({**HEAD, "datasetId": "urn:d:1"}, "cannot be the name of an attribute"),
        ({**HEAD, "x": 1, f"{DEFAULT}x": 2}, "'https.*' twice"),
        ({**HEAD, "a;b": 1}, "character ';'"),
        ({**HEAD, **{f"a{number}": 1 for number in range(1_100)}}, "at most 1000"),
    ],
)
def test_a_wrong_entity_is_refused_and_says_what_would_be_right(body: Any, message: str) -> None:
    with pytest.raises(BadRequestData, match=message):
        parse_entity(body, CORE)


def test_an_entity_has_expanded_types_and_scopes_and_no_system_members() -> None:
    entity = parse_entity(
        {
            "@id": "urn:a:1", "@type": ["Halte", "BusStop", "Halte"], "scope": "/Padang/Timur",
            "createdAt": "2024-05-01T10:00:00Z", "@context": "https://x", "modifiedAt": "x",
        },
        CORE,
    )  # fmt: skip
    assert entity == {
        "id": "urn:a:1", "type": [f"{DEFAULT}Halte", f"{DEFAULT}BusStop"], "scope": ["/Padang/Timur"],
    }  # fmt: skip


@pytest.mark.parametrize("moment", ["x", "2026-13-45T00:00:00Z", 5, None, NULL])
def test_when_something_expires_is_a_moment_4_22(moment: Any) -> None:
    for body in ({**HEAD, "expiresAt": moment}, {**HEAD, "x": {"value": 5, "y": {"value": 1, "expiresAt": moment}}}):
        with pytest.raises(BadRequestData, match="expiresAt"):
            parse_entity(body, CORE)


def test_what_was_sent_says_whether_something_of_it_expires() -> None:
    moment = {"expiresAt": "2030-01-01T00:00:00Z"}
    second = {"value": 6, "datasetId": "urn:d:1", **moment}
    expiring: list[dict[str, Any]] = [
        {**moment},
        {"x": {"value": 5, **moment}},
        {"x": [{"value": 5}, second]},
        {"x": {"value": 5, "y": {"value": 1, **moment}}},
    ]
    for members in expiring:
        assert is_expiring(parse_entity({**HEAD, **members}, CORE))
        assert is_expiring(parse_fragment(members, CORE))
    assert is_expiring(parse_fragment({"expiresAt": NULL}, CORE))
    assert is_expiring(parse_attribute({"value": 5, **moment}, CORE, "x"))
    assert is_expiring(parse_attribute([{"value": 5}, second], CORE, "x"))
    for plain in (parse_entity({**HEAD, "x": 5}, CORE), parse_fragment({"x": 5}, CORE), parse_attribute(5, CORE, "x")):
        assert not is_expiring(plain)


def test_a_user_term_that_means_the_id_is_no_attribute() -> None:
    context = build_context([("", {"identifier": "@id"})], lambda url: {})
    for body in ({"identifier": "urn:a:2"}, {"x": {"value": 5, "identifier": "urn:a:2"}}):
        with pytest.raises(BadRequestData, match="identifier"):
            parse_entity({**HEAD, **body}, context)


@pytest.mark.parametrize(
    ("given_value", "understood"),
    [
        (NULL, {"type": "Property", "value": NULL}),
        ({"object": NULL}, {"type": "Relationship", "object": NULL}),
        ({"languageMap": NULL}, {"type": "LanguageProperty", "languageMap": {"@none": NULL}}),
        ({"languageMap": {"id": NULL}}, {"type": "LanguageProperty", "languageMap": {"id": NULL}}),
        ({"vocab": NULL}, {"type": "VocabProperty", "vocab": NULL}),
        ({"valueList": NULL}, {"type": "ListProperty", "valueList": [NULL]}),
        ({"objectList": [NULL]}, {"type": "ListRelationship", "objectList": [NULL]}),
        ({"type": "GeoProperty", "value": NULL}, {"type": "GeoProperty", "value": NULL}),
        ({"value": {"a": NULL}}, {"type": "Property", "value": {"a": NULL}}),
        ({"unitCode": NULL}, {"unitCode": NULL}),
        ({"observedAt": "2024-05-01T10:00:00Z"}, {"observedAt": "2024-05-01T10:00:00Z"}),
        ({"by": {"value": 5}}, {f"{DEFAULT}by": {"type": "Property", "value": 5}}),
        ({"type": "Property", "unitCode": "MTR"}, {"type": "Property", "unitCode": "MTR"}),
        ({"street": "Yamin"}, {"type": "Property", "value": {"street": "Yamin"}}),
    ],
)
def test_a_fragment_may_delete_and_may_be_partial(given_value: Any, understood: Any) -> None:
    assert read_in_fragment(given_value) == understood
    assert parse_attribute(given_value, CORE, "x") == understood


def test_a_fragment_has_id_type_and_scope_only_where_given() -> None:
    assert parse_fragment({}, CORE) == {}
    assert parse_fragment({"id": "urn:a:1", "type": "Halte", "scope": NULL}, CORE) == {
        "id": "urn:a:1", "type": [f"{DEFAULT}Halte"], "scope": [NULL],
    }  # fmt: skip
    with pytest.raises(BadRequestData, match="no URI"):
        parse_fragment({"id": "one"}, CORE)


def test_a_message_names_the_sub_attribute() -> None:
    with pytest.raises(BadRequestData, match=r"'x.by.since.observedAt'"):
        read({"value": 5, "by": {"object": "urn:a:1", "since": {"value": 5, "observedAt": "x"}}})


def test_what_is_nested_too_deep_is_refused() -> None:
    deep: Any = {"value": 1}
    for _ in range(limits.NESTING_DEPTH_MAX + 1):
        deep = {"value": 1, "a": deep}
    with pytest.raises(BadRequestData, match="nested more than"):
        read(deep)
    value: Any = 1
    for _ in range(limits.NESTING_DEPTH_MAX + 1):
        value = [value]
    with pytest.raises(BadRequestData, match="nested more than"):
        read({"type": "Property", "value": value})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"{", "too early"),
        (b'{"a":\n  1,}', "line 2, column 5"),
        (b'{"a": \xff}', "no JSON"),
        (b'{"a": "\xff"}', "no JSON"),
        (b"nil", "line 1, column"),
        (b"[" * 40 + b"]" * 40, "nested more than 32"),
        (b"[" * 100_000, "nested|too early"),
    ],
)
def test_a_body_that_is_no_json_is_refused_with_the_place(body: bytes, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        decode_json(body)


def test_a_body_of_the_greatest_depth_is_taken() -> None:
    depth = limits.NESTING_DEPTH_MAX
    assert decode_json(b"[" * depth + b"]" * depth)


@pytest.mark.parametrize("depth", [limits.NESTING_DEPTH_MAX, limits.NESTING_DEPTH_MAX + 1])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}"), (b'[1,{"[[{":', b"}]")])
def test_depth_is_counted_exactly(depth: int, opening: bytes, closing: bytes) -> None:
    levels = 2 if len(closing) == 2 else 1
    body = (
        opening * (depth // levels)
        + b"[]" * (depth % levels)
        + b"1" * (not depth % levels)
        + closing * (depth // levels)
    )
    if depth > limits.NESTING_DEPTH_MAX:
        with pytest.raises(InvalidRequest, match="nested more than 32 deep"):
            decode_json(body)
    else:
        assert decode_json(body)


@pytest.mark.parametrize("identifier", ["urn:ngsi-ld:Halte:1", "https://x.org/a?b=c#d", "a:b", "urn:halte:é"])
def test_a_uri_is_a_uri(identifier: str) -> None:
    raise_unless_uri(identifier, "The id")


@pytest.mark.parametrize("identifier", ["", "halte", "1:a", "urn:", "urn:a b", "urn:a\n", "urn:<a>", None, 5])
def test_what_is_no_uri_is_refused_by_its_name(identifier: Any) -> None:
    with pytest.raises(BadRequestData, match=r"The id is .*no URI"):
        raise_unless_uri(identifier, "The id")


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("2024-05-01T10:00:00Z", True), ("2024-05-01T10:00:00.123Z", True), ("2024-05-01T10:00:00,123456Z", True),
        ("2024-02-29T00:00:00Z", True), ("2023-02-29T00:00:00Z", False), ("2024-04-31T00:00:00Z", False),
        ("2024-13-01T00:00:00Z", False), ("2024-05-01T24:00:00Z", False), ("2024-05-01T10:00:00", False),
        ("2024-05-01", False), ("2024-05-01T10:00:00+00:00", False), ("0000-01-01T00:00:00Z", False), (5, False),
        ("2024-05-01T10:00:00Z\n", False),
    ],
)  # fmt: skip
def test_a_moment_is_a_utc_date_time(text: Any, holds: bool) -> None:
    assert is_moment(text) is holds


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "a", "urn:a:1", NULL, "Point", *MAIN_MEMBERS, "2024-05-01T10:00:00Z"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["type", "value", "object", "languageMap", "vocab", "json", "valueList", "objectList", "a",
                         "id", "observedAt", "unitCode", "datasetId", "coordinates", "dataset", "@context", "scope"]),
        inner, max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(ANYTHING)
@settings(max_examples=300, deadline=None)
def test_any_attribute_is_either_understood_or_refused_in_words(value: Any) -> None:
    before = msgspec.json.encode(value)
    for parse in (read, read_in_fragment):
        try:
            understood = parse(value)
        except HubError:
            continue
        else:
            stored = CORE.compact_entity({"id": "urn:a:1", "type": [f"{DEFAULT}T"], f"{DEFAULT}x": understood})
            # What is stored reads back as the same thing, and no second reading changes it.
            assert CORE.expand_entity(stored)[f"{DEFAULT}x"] == understood
            assert parse(stored["x"]) == understood
    assert msgspec.json.encode(value) == before
