"""Questions that differ in one number alone are read once; what comes out is what reading each would give."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st

from simpul.domain.access import Caller
from simpul.domain.context import CORE
from simpul.domain.errors import HubError
from simpul.http.plan import EntityPlan, _parse, parse_entity_query

CALLER = Caller("padang", "anonymous", frozenset(), frozenset({CORE.expand("Halte")}))

NUMBERS = st.one_of(
    st.integers(-(10**6), 10**6).map(str),
    st.floats(-1e6, 1e6, allow_nan=False).map(repr),
    st.sampled_from(
        ["0", "-0", "1", "1.0", "01", "1.", ".5", "1e3", "9" * 15, "9" * 30, "1;b>2", "1|a<0", "true", '"1"']
    ),
)
NAMES = st.sampled_from(["level", "a_1", "id", "type", "observedAt", "x.y", "x[y]", "modifiedAt"])
SIGNS = st.sampled_from([">", "<", ">=", "<=", "==", "!=", "~=", "=", ">>"])
OTHERS = st.lists(st.sampled_from(["type=Halte", "limit=5", "count=true", "limit=x", "q=a", "attrs=b"]), max_size=3)


@given(NAMES, SIGNS, NUMBERS, OTHERS, OTHERS, st.booleans())
@settings(max_examples=500, deadline=None)
def test_a_question_with_a_number_is_read_as_any_other(
    name: str, sign: str, number: str, before: list[str], behind: list[str], is_encoded: bool
) -> None:
    question = f"{name}{sign}{number}"
    pairs = [*before, f"q={quote(question) if is_encoded else question}", *behind]
    query = "&".join(pairs).encode()
    expected = outcome_of(lambda: _parse(query, CORE, CALLER.readable_types))
    assert outcome_of(lambda: parse_entity_query(query, CORE, CALLER)) == expected


def outcome_of(read: Callable[[], EntityPlan]) -> tuple[str, ...]:
    """Return what comes out, or the error with its words."""
    try:
        return ("plan", repr(read()))
    except HubError as error:
        return (type(error).__name__, error.detail)
