"""What `pick` and `omit` name (CIM 009 §4.21), written and read."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simpul.domain.context import CORE
from simpul.domain.errors import BadRequestData
from simpul.domain.projection import NOTHING, Projection, parse_projection, read_projection

_names = st.sampled_from(["id", "type", "scope", "urn:a", "https://e.id/x.y#z", "createdAt", "Größe"])


def _projections(below: st.SearchStrategy[Projection]) -> st.SearchStrategy[Projection]:
    """Make projections whose names are all different, some with braces behind them."""
    named = st.lists(st.tuples(_names, st.none() | below), min_size=1, max_size=4, unique_by=lambda pair: pair[0])
    return named.map(
        lambda pairs: Projection(
            tuple(name for name, _ in pairs), tuple((name, inner) for name, inner in pairs if inner is not None)
        )
    )


@given(_projections(_projections(_projections(st.nothing()))))
def test_what_is_written_is_read_again(projection: Projection) -> None:
    assert read_projection(projection.texts(str)) == projection


@given(st.text(alphabet="ab{},| ;@", max_size=12))
def test_a_text_is_read_or_refused(text: str) -> None:
    with suppress(BadRequestData):
        assert (parse_projection(text, "pick", CORE.expand) == NOTHING) == (not text)


def test_names_with_braces_are_not_omitted_themselves() -> None:
    found = parse_projection("a,b{c,d{e}}|f", "omit", str)
    assert (found.names, found.own_names, found.depth) == (("a", "b", "f"), ("a", "f"), 2)
    assert found.below("b").below("d").names == ("e",)
    assert found.below("a") == NOTHING


def test_a_name_that_no_text_can_hold_is_refused() -> None:
    with pytest.raises(BadRequestData, match="keyword"):
        parse_projection("a{@id}", "pick", CORE.expand)
