"""Rows that are mapped together, column by column, give what each gives alone."""

from __future__ import annotations

import math
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from simpul.connect.mapping import Mapper
from simpul.connect.values import RowRejected
from simpul.domain.alike import Alike, unpack
from simpul.domain.city import City, SourceDeclaration
from simpul.domain.context import CORE

COLUMNS = ("id", "name", "kind", "year", "east", "north", "parent", "sum", "part", "seen")
ATTRIBUTES = {
    "name": {"column": "name"},
    "kind": {"column": "kind", "map": {"B": "good", "RR": "worn"}},
    "year": {"column": "year", "number": "plain", "unit": "YR"},
    "amount": {"column": "sum", "number": "indonesian"},
    "label": {"template": "{name} {year}"},
    "parent": {"relationship": "urn:ngsi-ld:Asset:kota:{parent}"},
    "place": {"point": {"longitude": "east", "latitude": "north"}},
    "both": {"object": {"name": {"column": "name"}, "fixed": {"constant": 1}}},
}
RULES = [
    {"rule": "required", "column": ["name", "kind"]},
    {"rule": "one_of", "column": ["kind"], "values": ["B", "RR", "x y"]},
    {"rule": "range", "column": ["year"], "from": 0, "to": 2100},
    {"rule": "number", "column": ["sum", "part"], "format": "indonesian"},
    {"rule": "parts", "column": ["part"], "equals": "sum", "format": "indonesian"},
    {"rule": "inside", "attribute": "place", "area": [90.0, -10.0, 142.0, 10.0]},
    {"rule": "unique", "column": ["seen"]},
]

numbers = st.one_of(st.integers(-5, 3000), st.floats(), st.booleans(), st.decimals(-9, 9, places=1))
texts = st.sampled_from(["", " a  b ", "B", "RR", "rr", "X Y", "2001", "-", "12,5", "77 %", "\x00", "\ud800", "null"])
cells = st.one_of(st.none(), texts, numbers, st.just(date(2020, 1, 2)), st.just(b"\x01"), st.just(["a"]))
# Most columns are of one kind, and most rows have nothing against them.
degrees = st.one_of(st.floats(100, 101), st.floats(100, 101), cells)
rows = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 40), cells), st.one_of(texts, texts, cells),
        st.one_of(st.sampled_from(["B", "RR"]), st.just("B"), cells), st.one_of(st.integers(1, 9), cells), degrees,
        st.one_of(st.floats(-1, 1), cells), cells, st.one_of(st.just(5), cells), st.one_of(st.just(5), cells), cells,
    ),
    max_size=12,
)  # fmt: skip


def mapper(**words: Any) -> Mapper:
    entity = {
        "type": ["Asset"],
        "id": "urn:ngsi-ld:Asset:kota:{id}",
        "attributes": ATTRIBUTES,
        **words.pop("entity", {}),
    }
    plain = {"key": ["id", "seen"], "entity": entity, "rules": RULES, **words}
    source = SourceDeclaration("aset", "table", "dinas", {}, "Asset", "aset.yaml", plain)
    return Mapper(source, City("kota", {}), CORE, COLUMNS)


def told(mapped: Any) -> Any:
    return (mapped.rule, mapped.reason) if isinstance(mapped, RowRejected) else msgspec.json.encode(mapped)


def alone(one: Mapper, row: Any) -> Any:
    try:
        return one.map(row)
    except RowRejected as rejected:
        return rejected


def unpacked(alike: Alike | None) -> dict[str, bytes]:
    return {} if alike is None else {one["id"]: msgspec.json.encode(one) for one in unpack(CORE, alike)}


@given(rows, st.sampled_from([{}, {"unknown": ["-", "null", 5]}, {"entity": {"observed_at": {"column": "parent"}}}]))
def test_rows_mapped_together_give_what_each_gives_alone(given_rows: list[Any], words: dict[str, Any]) -> None:
    one, other, third = mapper(**words), mapper(**words), mapper(**words)
    taken = [found for number, row in enumerate(given_rows) if (found := one.take(number, row)) is not None]
    assert len(taken) == len(given_rows)
    expected = [alone(one, row) for row in taken]
    # Twice: the second time the mapper knows cells that were right.
    for _ in range(2):
        assert [told(row) for row in other.map_all(taken)] == [told(row) for row in expected]
    mapped, alike = third.map_new(taken, CORE, {"urn:ngsi-ld:Asset:kota:7"})
    packed = unpacked(alike)
    assert [packed[row] if isinstance(row, str) else told(row) for row in mapped] == [told(row) for row in expected]
    assert packed.keys() == {row for row in mapped if isinstance(row, str)}


def test_a_column_with_a_number_that_is_none_is_no_plain_column() -> None:
    row = [1, "a", "B", 1, math.nan, 1.0, "p", 5, 5, Decimal(1)]
    one = mapper()
    taken = one.take(1, row)
    assert taken is not None
    assert [told(found) for found in one.map_all([taken])] == [told(alone(one, taken))]
