"""Rows that are taken together are known by what each is known by alone."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from simpul.connect.connector import Row
from simpul.connect.mapping import Mapper
from simpul.connect.rules import SeenKeys
from simpul.domain.city import City, SourceDeclaration
from simpul.domain.context import CORE

COLUMNS = ("id", "name", "kind", "seen")

texts = st.sampled_from(["", " a  b ", "B|", "b | c", "1", "row 1", "\x00", "\ud800", "Jumlah", "x" * 1_100])
numbers = st.one_of(st.integers(-2, 4), st.floats(), st.booleans(), st.just(2**70), st.just(1e15), st.just(3.0))
cells = st.one_of(st.none(), texts, numbers, st.just(date(2020, 1, 2)), st.just(Decimal("2.0")), st.just(b"\x01"))
# Most columns are of one kind, and most rows have a key of their own.
usual = st.tuples(st.integers(0, 60), st.sampled_from("abc"), st.sampled_from("xy"), st.integers(0, 60))
floats = st.tuples(st.floats(0, 9, width=16), st.sampled_from("abc"), st.sampled_from("xy"), st.integers(0, 60))
chunks = st.lists(
    st.lists(usual, max_size=8)
    | st.lists(floats, max_size=8)
    | st.lists(st.one_of(usual, st.tuples(cells, cells, cells, cells)), max_size=8),
    max_size=4,
)
words = st.sampled_from([
    {},
    {"key": ["id", "kind"]},
    {"skip": [{"column": "name", "is": ["a", "Jumlah"]}]},
    {"rules": [{"rule": "unique", "column": ["seen"]}]},
    {"key": ["name", "id"], "unknown": ["b"], "skip": [{"column": "kind", "empty": True}]},
])  # fmt: skip


def mapper(**more: Any) -> Mapper:
    entity = {"type": ["Asset"], "id": "urn:ngsi-ld:Asset:kota:{name}", "attributes": {"name": {"column": "name"}}}
    plain = {"key": ["id"], "entity": entity, **more}
    return Mapper(SourceDeclaration("aset", "table", "dinas", {}, "Asset", "a", plain), City("kota", {}), CORE, COLUMNS)


def told(mapper: Mapper, taken: Any) -> list[Any]:
    rows = [
        (row.key, row.digest, repr(row.used), repr(row.cells), None if row.verdict is None else row.verdict.args)
        for row in taken
    ]
    return [*rows, mapper.distinct_count, [mapper.has_seen(row.key) for row in taken]]


@given(chunks, words)
def test_rows_taken_together_are_known_as_each_alone(given_chunks: list[Any], more: dict[str, Any]) -> None:
    one, other = mapper(**more), mapper(**more)
    number = 0
    for chunk in given_chunks:
        rows = [Row(number + place, cells) for place, cells in enumerate(chunk, 1)]
        number += len(rows)
        alone = [found for row in rows if (found := one.take(row.number, row.cells)) is not None]
        assert told(other, other.take_all(rows)) == told(one, alone)


SURVEYED = [
    {"rule": "complete", "column": ["name", "seen"], "share": 90},
    {"rule": "sentinel", "column": ["id", "seen"], "values": ["1", 3]},
    {"rule": "unique", "column": ["seen"], "severity": "warn"},
    {"rule": "range", "column": ["id"], "from": 1, "to": 3, "severity": "warn"},
    {"rule": "total", "column": ["seen"], "from": 10},
    {"rule": "rows", "from": 3},
]


@given(chunks, st.sampled_from([[], ["1", "b"]]))
def test_rules_about_all_rows_find_the_same_in_rows_together_and_in_each(given_chunks: list[Any], unknown: Any) -> None:
    one, other = mapper(rules=SURVEYED, unknown=unknown), mapper(rules=SURVEYED, unknown=unknown)
    assert one.survey is not None
    assert other.survey is not None
    for chunk in given_chunks:
        rows = [Row(place, cells) for place, cells in enumerate(chunk, 1)]
        other.survey.see_all(other.take_all(rows))
        for row in rows:
            one.survey.see_all(one.take_all([row]))
    assert repr(other.survey.findings()) == repr(one.survey.findings())


@given(st.lists(st.lists(st.integers(0, 3_000).map(str), max_size=40), max_size=8))
def test_texts_added_together_are_new_where_each_alone_is(chunks_of_texts: list[list[str]]) -> None:
    one, other = SeenKeys(), SeenKeys()
    for some in chunks_of_texts:
        assert other.add_each(some) == [place for place, text in enumerate(some) if not one.add(text)]
        assert other.count == one.count
