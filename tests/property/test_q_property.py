"""The query language as a whole: what is rendered is parsed back, and any text ends in our own errors."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime

from hypothesis import assume, given
from hypothesis import strategies as st

from simpul.domain.errors import BadRequestData, TooComplexQuery
from simpul.domain.q import (
    CORE_MEMBERS,
    AllOf,
    AnyOf,
    Between,
    Compare,
    Exists,
    Expression,
    Moment,
    Operand,
    Operator,
    Path,
    Uri,
    parse_q,
    parse_scope_selection,
    parse_type_selection,
)

EQUALITY = [Operator.EQUAL, Operator.UNEQUAL]
ORDERS = [Operator.GREATER, Operator.GREATER_EQUAL, Operator.LESS, Operator.LESS_EQUAL]


def expand(name: str) -> str:
    return f"e:{name}"


def moment(at: datetime) -> Moment:
    return Moment(at.isoformat(), at)


NAMES = st.sampled_from(["a", "name", "kelurahan_1", "ex:term", "https://w3id.org/x.y/z", "é"]).map(expand)
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12)
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(moment)  # noqa: DTZ001 - The strategy adds the zone itself.
COMPARABLE = NUMBERS | TEXTS | MOMENTS
WORDS = st.sampled_from(["urn:ngsi-ld:A:1", "Male", "https://e.id/a?b=c", "010", "x-1"]).map(
    # A word is expanded only where `expandValues` names its attribute (§4.9).
    lambda t: Uri(t, t)
)
OPERANDS = COMPARABLE | st.booleans() | WORDS
RANGES = st.one_of(*(st.builds(Between, kind, kind) for kind in (NUMBERS, TEXTS, MOMENTS)))
MEMBERS = st.lists(st.sampled_from(["city", "x y", "*", "id-ID"]), max_size=2).map(tuple)
OWN_PATHS = st.builds(
    lambda first, rest, members: Path((first, *rest), members),
    NAMES,
    st.lists(NAMES | st.sampled_from(sorted(CORE_MEMBERS)), max_size=2),
    MEMBERS,
)
SHORT = st.sampled_from(["Stop", "Hub", "https://w3id.org/T"]).map(expand)
PATHS = st.recursive(
    OWN_PATHS,
    lambda inner: st.builds(
        lambda name, types, linked: Path((name,), (), tuple(types), linked),
        NAMES,
        st.lists(SHORT, min_size=1, max_size=2),
        inner,
    ),
    max_leaves=3,
)
TERMS = st.one_of(
    st.builds(Exists, PATHS),
    st.builds(
        Compare, PATHS, st.sampled_from(EQUALITY), st.lists(OPERANDS | RANGES, min_size=1, max_size=3).map(tuple)
    ),
    st.builds(Compare, PATHS, st.sampled_from(ORDERS), COMPARABLE.map(lambda value: (value,))),
    st.builds(
        Compare,
        PATHS,
        st.sampled_from([Operator.MATCH, Operator.NOT_MATCH]),
        st.sampled_from(["^a", 'say "x"', "(a|b);c", "[;|)]"]).map(lambda value: (value,)),
    ),
)
EXPRESSIONS = st.recursive(
    TERMS,
    lambda inner: st.lists(inner, min_size=2, max_size=3).flatmap(
        lambda parts: st.sampled_from([AllOf(tuple(parts)), AnyOf(tuple(parts))])
    ),
    max_leaves=8,
)


def render(expression: Expression) -> str:
    if isinstance(expression, (AllOf, AnyOf)):
        sign = ";" if isinstance(expression, AllOf) else "|"
        return sign.join(f"({render(p)})" if isinstance(p, (AllOf, AnyOf)) else render(p) for p in expression.parts)
    if isinstance(expression, Exists):
        return render_path(expression.path)
    if expression.operator in (Operator.MATCH, Operator.NOT_MATCH):
        pattern = str(expression.values[0]).replace('"', '\\"')
        return f'{render_path(expression.path)}{expression.operator.value}"{pattern}"'
    return f"{render_path(expression.path)}{expression.operator.value}{','.join(map(render_value, expression.values))}"


def render_path(path: Path) -> str:
    text = ".".join(name.removeprefix("e:") for name in path.attributes)
    if path.linked is not None:
        types = ",".join(name.removeprefix("e:") for name in path.linked_types)
        return f"{text}{{{types}:{render_path(path.linked)}}}"
    return f"{text}[{'.'.join(path.members)}]" if path.members else text


def render_value(value: Operand | Between) -> str:
    if isinstance(value, Between):
        return f"{render_value(value.low)}..{render_value(value.high)}"
    if isinstance(value, (Moment, Uri)):
        return value.text
    text: str = json.dumps(value)
    return text


@given(EXPRESSIONS)
def test_what_is_rendered_is_parsed_back(expression: Expression) -> None:
    text = render(expression)
    # The colon of a prefixed name inside braces ends the hint of a type: the grammar has no prefixed names there.
    assume(not ("{" in text and "ex:term" in text))
    assert parse_q(text, expand) == expression


@given(st.text(max_size=60) | st.text(alphabet='ab.;|()[]{}=!<>~,"\\:-0129TZ e/', max_size=60))
def test_any_text_is_parsed_or_refused_with_our_errors(text: str) -> None:
    for parse in (
        lambda: parse_q(text, expand),
        lambda: parse_type_selection(text, expand),
        lambda: parse_scope_selection(text),
    ):
        with suppress(BadRequestData, TooComplexQuery):
            parse()


@given(EXPRESSIONS, st.data())
def test_a_damaged_question_is_parsed_or_refused_with_our_errors(expression: Expression, data: st.DataObject) -> None:
    text = render(expression)
    at = data.draw(st.integers(0, len(text)))
    damaged = text[:at] + data.draw(st.sampled_from(['"', "(", ")", ";", "..", "\\", "", "\ud800"])) + text[at + 1 :]
    with suppress(BadRequestData, TooComplexQuery):
        parse_q(damaged, expand)


SIMPLE_NAMES = st.sampled_from(["a", "id", "scope", "observedAt", "createdAt", "jumlah_1"])
SIMPLE_NUMBERS = st.from_regex(r"-?[0-9]{1,20}(\.[0-9]{1,4})?", fullmatch=True)


@given(SIMPLE_NAMES, st.sampled_from(EQUALITY + ORDERS), SIMPLE_NUMBERS)
def test_the_short_way_of_reading_a_number_is_the_long_one(name: str, operator: Operator, number: str) -> None:
    text = f"{name}{operator.value}{number}"
    # White space in front keeps the text from the short way.
    assert outcome(text) == outcome(f" {text}")


def outcome(text: str) -> tuple[Expression, str] | None:
    try:
        expression = parse_q(text, expand)
    except BadRequestData:
        return None
    return expression, repr(expression)
