"""The order of entities as it is asked for (CIM 009 §4.23); what comes of it is in `tests/store/order_contract.py`."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simpul.domain.context import CORE
from simpul.domain.errors import BadRequestData, TooComplexQuery
from simpul.domain.order import Ordering, OrderTerm, parse_order, sort_keys


@pytest.mark.parametrize(("text", "terms"), [
    ("a", (OrderTerm(("a",)),)),
    ("a;desc, b;asc", (OrderTerm(("a",), is_descending=True), OrderTerm(("b",)))),
    ("a.b.createdAt", (OrderTerm(("a", "b", "createdAt")),)),
    ("a[b.c];desc", (OrderTerm(("a",), is_descending=True, members=("b", "c")),)),
    ("https://e.id/v1.2/a.b", (OrderTerm(("https://e.id/v1.2/a", "b")),)),
    ("a;dist-asc", (OrderTerm(("a",), is_distance=True),)),
    ("a;dist-desc", (OrderTerm(("a",), is_descending=True, is_distance=True),)),
])  # fmt: skip
def test_4_23_3_an_order_is_a_list_of_terms(text: str, terms: tuple[OrderTerm, ...]) -> None:
    assert parse_order(text, str) == terms


@given(st.text(alphabet="ab.,;[] /#-desctdi", max_size=16))
def test_a_text_is_an_order_or_refused(text: str) -> None:
    with suppress(BadRequestData, TooComplexQuery):
        assert parse_order(text, CORE.expand)


_keys = st.none() | st.tuples(st.integers(0, 1), st.integers(0, 3))


@given(st.lists(st.tuples(_keys, _keys), max_size=60), st.tuples(st.booleans(), st.booleans()), st.integers(0, 5))
def test_the_first_of_an_order_are_those_of_the_whole(
    keys: list[tuple[tuple[int, int] | None, tuple[int, int] | None]], descending: tuple[bool, bool], end: int
) -> None:
    ordering = Ordering(tuple(OrderTerm((f"urn:{n}",), is_descending=one) for n, one in enumerate(descending)))
    whole = sort_keys(keys, ordering)
    assert sorted(whole) == list(range(len(keys)))
    assert sort_keys(keys, ordering, end) == whole[:end]
    first = [keys[place][0] for place in whole]
    there = [key for key in first if key is not None]
    assert there == sorted(there, reverse=descending[0])
    assert first == [*there, *[None] * (len(first) - len(there))]
