"""matches() against a second, plainer reading of the definition at the top of `match.py`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from simpul.domain.entity import Record, Times
from simpul.domain.match import matches
from simpul.domain.q import (
    AllOf,
    AnyOf,
    Between,
    Compare,
    Exists,
    Expression,
    Moment,
    Operator,
    Path,
    Uri,
    find_instant,
)

DATES = ["2026-01-01", "2026-01-01T00:00:00Z", "2026-01-01T07:00:00+07:00", "2026-06-01T12:00:00Z"]
WORDS = ["a", "b", "e:a", "2026-01-01", "2026-06-01T12:00:00Z", "x y"]
SCALARS = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([0.5, 1.0, -2.0]),
    st.booleans(),
    st.sampled_from(WORDS),
    st.sampled_from(DATES).map(lambda text: {"@type": "DateTime", "@value": text}),
)
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.sampled_from("mn"), SCALARS, max_size=2)
URIS = st.sampled_from(["e:a", "e:b", "a"])


def property_of(value: Any) -> dict[str, Any]:
    return {"type": "Property", "value": value}


PLAIN = st.one_of(
    VALUES.map(property_of),
    st.builds(lambda v: {"type": "JsonProperty", "json": v}, VALUES),
    st.builds(lambda v: {"type": "ListProperty", "valueList": v}, st.lists(SCALARS, max_size=3)),
    st.builds(lambda v: {"type": "VocabProperty", "vocab": v}, URIS | st.lists(URIS, max_size=2)),
    st.builds(lambda v: {"type": "Relationship", "object": v}, URIS | st.lists(URIS, max_size=2)),
    st.builds(
        lambda v: {"type": "LanguageProperty", "languageMap": v},
        st.dictionaries(st.sampled_from("mn"), st.sampled_from(WORDS) | st.lists(st.sampled_from(WORDS), max_size=2)),
    ),
)
INSTANCES = st.builds(lambda one, sub: {**one, **sub}, PLAIN, st.just({}) | PLAIN.map(lambda sub: {"e:s": sub}))
ATTRIBUTES = INSTANCES | st.lists(INSTANCES, min_size=1, max_size=2)
RECORDS = st.dictionaries(st.sampled_from(["e:p", "e:q"]), ATTRIBUTES).map(
    lambda attributes: Record({"id": "urn:a", "type": ["e:T"], **attributes}, Times(0, 0))
)

PATHS = st.builds(
    lambda name, sub, members: Path((name, *sub), members),
    st.sampled_from(["e:p", "e:q"]),
    st.sampled_from([(), (), ("e:s",)]),
    st.sampled_from([(), (), ("m",), ("*",)]),
)
NUMBERS = st.integers(-3, 3) | st.sampled_from([0.5, -1.5])
MOMENTS = st.sampled_from(DATES).map(lambda text: Moment(text, find_instant(text)))
COMPARABLE = NUMBERS | st.sampled_from(WORDS) | MOMENTS
OPERANDS = COMPARABLE | st.booleans() | st.sampled_from("ab").map(lambda text: Uri(text, f"e:{text}"))
RANGES = st.one_of(*(st.builds(Between, kind, kind) for kind in (NUMBERS, st.sampled_from(WORDS), MOMENTS)))
ORDERS = [Operator.GREATER, Operator.GREATER_EQUAL, Operator.LESS, Operator.LESS_EQUAL]
TERMS = st.one_of(
    PATHS.map(Exists),
    st.builds(
        Compare,
        PATHS,
        st.sampled_from([Operator.EQUAL, Operator.UNEQUAL]),
        st.lists(OPERANDS | RANGES, min_size=1, max_size=2).map(tuple),
    ),
    st.builds(Compare, PATHS, st.sampled_from(ORDERS), COMPARABLE.map(lambda value: (value,))),
    st.builds(
        Compare, PATHS, st.sampled_from([Operator.MATCH, Operator.NOT_MATCH]), st.sampled_from([("^a",), ("b",)])
    ),
)
EXPRESSIONS = st.recursive(
    TERMS,
    lambda inner: st.lists(inner, min_size=2, max_size=3).map(tuple).flatmap(
        lambda parts: st.sampled_from([AllOf(parts), AnyOf(parts)])
    ),
    max_leaves=4,
)  # fmt: skip


def reference(expression: Expression, record: Record) -> bool:
    if isinstance(expression, AllOf):
        return all(reference(part, record) for part in expression.parts)
    if isinstance(expression, AnyOf):
        return any(reference(part, record) for part in expression.parts)
    targets = targets_of(expression.path, record)
    if isinstance(expression, Exists):
        return len(targets) > 0
    sign = expression.operator
    if sign in (Operator.EQUAL, Operator.UNEQUAL):
        equal = any(is_equal(t, link, v) for t, link in targets for v in expression.values)
        return equal if sign is Operator.EQUAL else len(targets) > 0 and not equal
    if sign in ORDERS:
        return any(in_order(t, sign.value, expression.values[0]) for t, link in targets if not link)
    texts = [text for text in (unwrapped(t) for t, link in targets if not link) if isinstance(text, str)]
    found = any(text.startswith("a") if expression.values[0] == "^a" else "b" in text for text in texts)
    return found if sign is Operator.MATCH else len(texts) > 0 and not found


def targets_of(path: Path, record: Record) -> list[tuple[Any, bool]]:
    holders = [record.entity]
    for name in path.attributes:
        held = [holder[name] for holder in holders if name in holder]
        holders = [one for some in held for one in (some if isinstance(some, list) else [some])]
    targets: list[tuple[Any, bool]] = []
    for one in holders:
        if one["type"] == "Relationship":
            targets += [] if path.members else [(one["object"], True)]
        elif one["type"] == "LanguageProperty":
            languages = one["languageMap"]
            keys = list(languages) if path.members in ((), ("*",)) else [k for k in languages if (k,) == path.members]
            targets += [(languages[key], False) for key in keys]
        else:
            value = next(one[key] for key in ("value", "json", "valueList", "vocab") if key in one)
            if not path.members:
                targets.append((value, False))
            elif isinstance(value, dict) and path.members[0] in value:
                targets.append((value[path.members[0]], False))
    return targets


def unwrapped(value: Any) -> Any:
    return value.get("@value", value) if isinstance(value, dict) else value


def is_equal(target: Any, link: bool, value: Any) -> bool:
    if isinstance(value, Between):
        is_scalar = not isinstance(target, list) and not link
        return is_scalar and in_order(target, ">=", value.low) and in_order(target, "<=", value.high)
    items = target if isinstance(target, list) else [target]
    if isinstance(value, Uri):
        return any(unwrapped(item) in (value.text, value.expanded) for item in items)
    return any(in_order(item, "==", value) for item in items)


def in_order(target: Any, sign: str, value: Any) -> bool:
    left, right = comparable(unwrapped(target), value), comparable(value, value)
    if left is None or right is None or left[0] != right[0]:
        return False
    orders = {"==": left == right, ">": left > right, ">=": left >= right, "<": left < right, "<=": left <= right}
    return orders[sign]


def comparable(value: Any, reader: Any) -> tuple[str, Any] | None:
    """A value with its kind, read as the literal that it is compared with asks for."""
    if isinstance(value, Moment):
        return "moment", value.start
    if isinstance(value, bool):
        return "boolean", value
    if isinstance(value, (int, float)):
        return "number", value
    if isinstance(value, str) and isinstance(reader, Moment):
        instant = as_instant(value)
        return None if instant is None else ("moment", instant)
    return ("text", value) if isinstance(value, str) else None


def as_instant(text: str) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


@given(EXPRESSIONS, RECORDS)
def test_matching_agrees_with_the_plain_reading(expression: Expression, record: Record) -> None:
    assert matches(expression, record) is reference(expression, record)


@given(PATHS, st.lists(OPERANDS | RANGES, min_size=1, max_size=2).map(tuple), RECORDS)
def test_unequal_is_existing_and_not_equal(path: Path, values: tuple[Any, ...], record: Record) -> None:
    equal = matches(Compare(path, Operator.EQUAL, values), record)
    unequal = matches(Compare(path, Operator.UNEQUAL, values), record)
    assert unequal is (matches(Exists(path), record) and not equal)
