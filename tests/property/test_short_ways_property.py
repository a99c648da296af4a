"""The short ways in front of general ones say what these say: properties of what any client can send."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.json import encode

from simpul import limits
from simpul.domain.alike import Others, Points, Scalars, column_of
from simpul.domain.context import CORE
from simpul.domain.errors import BadRequestData, InvalidRequest
from simpul.domain.json_text import decode_json
from simpul.domain.parse import parse_entity
from simpul.http.ngsild.entities import location_of
from simpul.store.sqlite.grid import cell_of_point
from simpul.store.sqlite.index_keys import keys_of_scalars, plain_key, plain_point

URN = "urn:ngsi-ld:A:1"


@given(st.text(st.characters(codec="utf-8")) | st.from_regex(r"[a-zA-Z0-9!$&'()*+,;=:@._~%/?#-]+"))
def test_a_location_is_percent_encoded_as_the_general_way_does(entity_id: str) -> None:
    encoded = quote(entity_id, safe="!$&'()*+,;=:@-._~")
    assert location_of(entity_id) == f"/ngsi-ld/v1/entities/{encoded}".encode()


@given(
    st.integers(1, 2 * limits.NESTING_DEPTH_MAX),
    st.sampled_from(['{"a":', "["]),
    st.text(alphabet='[]{}"\\a', max_size=80),
)
def test_json_is_refused_for_its_depth_and_for_nothing_else(depth: int, opening: str, text: str) -> None:
    closing = "}" if opening[0] == "{" else "]"
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    body = (opening * depth + f'"{quoted}"' + closing * depth).encode()
    if depth > limits.NESTING_DEPTH_MAX:
        with pytest.raises(InvalidRequest, match="nested more than"):
            decode_json(body)
    else:
        decode_json(body)


@given(
    st.sampled_from(["BusStop", "urn:a:b", "@type", "@id", "", "7a", "-", "urn:ngsi-ld:null", "ngsi-ld:A", ":", "z y"])
    | st.text(max_size=8)
)
def test_one_type_is_read_as_an_array_of_one(name: str) -> None:
    assert _types_of(name) == _types_of([name])


_scalars = (
    st.text(max_size=4) | st.integers() | st.integers(-(2**64), 2**64) | st.floats(allow_nan=False) | st.booleans()
    | st.text("x", min_size=limits.INDEXED_TEXT_CHARACTERS_MAX - 1, max_size=limits.INDEXED_TEXT_CHARACTERS_MAX + 1)
    | st.lists(st.integers(), max_size=2)
)  # fmt: skip
_attributes = st.builds(lambda value: {"type": "Property", "value": value}, _scalars) | st.builds(
    lambda value: {"type": "Relationship", "object": value}, st.sampled_from(["urn:a:b", ["urn:a:b", "urn:a:c"]])
)


_places = st.sampled_from(
    [
        {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [100, -0.95, 7.5]}},
        {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [-180.0, 90.0]}},
        {"type": "GeoProperty", "value": {"type": "LineString", "coordinates": [[100.3, -0.95], [100.4, -0.9]]}},
    ]
)


@given(
    st.lists(_attributes, min_size=1, max_size=3)
    | st.lists(_places, min_size=1, max_size=3)
    | st.lists(_attributes | _places | st.just([]), min_size=1, max_size=3)
)
def test_what_all_attributes_are_together_is_what_each_is(attributes: list[Any]) -> None:
    match column_of(attributes):
        case Scalars() as scalars:
            together, each = keys_of_scalars(scalars), [plain_key(one) for one in attributes]
            assert together == each
            assert [type(one) for one in together] == [type(one) for one in each]
        case Points(places):
            assert [(cell_of_point(*place), *place) for place in places] == [plain_point(one) for one in attributes]
        case Others(others):
            assert others == attributes


@pytest.mark.parametrize("values", [["a", "b" * 1_000], [1.5, -0.0], [1, -(2**63)]])
def test_scalars_of_one_kind_are_found_together(values: list[Any]) -> None:
    assert column_of([{"type": "Property", "value": value} for value in values]) == Scalars(values)


@given(
    st.sampled_from([["A"], ["A", "B"]]),
    st.lists(st.tuples(_attributes, _attributes | st.lists(_attributes, max_size=2)), min_size=1, max_size=3),
    st.sampled_from([{}, {"scope": ["/p"]}, {"scope": ["/p", "/q"]}, {"expiresAt": "2040-01-01T00:00:00Z"}]),
    st.sampled_from([{}, {CORE.expand("c"): {"type": "Property", "value": 1, CORE.expand("d"): {"type": "Property"}}}]),
)
def test_entities_that_are_alike_are_compacted_as_each_is(
    types: list[str], pairs: list[tuple[Any, Any]], members: dict[str, Any], deep: dict[str, Any]
) -> None:
    entities = [
        {"id": URN + str(number), "type": [CORE.expand(name) for name in types], **members, **deep}
        | {CORE.expand("a"): one, CORE.expand("b"): other}
        for number, (one, other) in enumerate(pairs)
    ]
    expected = [encode(CORE.compact_entity(entity)) for entity in entities]
    assert [encode(one) for one in CORE.compact_alike(entities)] == expected


def _types_of(types: Any) -> list[str] | str:
    try:
        read: list[str] = parse_entity({"id": URN, "type": types}, CORE)["type"]
    except BadRequestData as error:
        # The two messages quote what was sent, which differs.
        return error.detail.replace("[", "").replace("]", "")
    return read
