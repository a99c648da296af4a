"""Which rows of the indexes can hold the matches of a question: never fewer than match, as few as is cheap to say.

Pure but for the city's names: no reading here. What a candidate set offers too much, `answer.py` checks on the
entity itself, so an index can never give a wrong answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, NamedTuple

from simpul import limits
from simpul.domain.q import (
    CORE_MEMBERS,
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
)
from simpul.store.sqlite.connection import SQL
from simpul.store.sqlite.index_keys import PRESENT, Key, scalar_key
from simpul.store.sqlite.names import VALUE, Column, Names

_TEXT_MAX = limits.INDEXED_TEXT_CHARACTERS_MAX
_NUMBERS_FROM = -1.8e308
_TEXT_FROM = ""
# Text sorts before bytes, and the empty bytes are the first of these.
_TEXT_TO = PRESENT
# A text's own time zone moves its instant by at most 14 hours from what its first ten characters say.
_ZONE = timedelta(days=1)


class Select(NamedTuple):
    """One SELECT of eids with its parameters."""

    sql: str
    parameters: tuple[Any, ...]


Selects = list[Select]


def candidates_of(expression: Expression, names: Names, types: set[int] | None) -> list[Selects]:
    """Return sets of candidates, each of which alone holds every match; empty where no index can say."""
    if isinstance(expression, AllOf):
        return [selects for part in expression.parts for selects in candidates_of(part, names, types)]
    if isinstance(expression, AnyOf):
        parts = [candidates_of(part, names, types) for part in expression.parts]
        return [[select for part in parts for select in part[0]]] if all(parts) else []
    if not is_indexed(expression.path):
        return []
    columns = names.find_columns(expression.path.attributes[0], types)
    if not are_filled(columns):
        return []
    if isinstance(expression, Exists) or not _is_plain(expression.path):
        return [_present(columns)]
    return [_compared(expression, columns)]


def are_filled(columns: Iterable[Column]) -> bool:
    """Return whether the index holds all values of these columns of one attribute."""
    return all(column.is_filled for column in columns if column.kind == VALUE)


def is_indexed(path: Path) -> bool:
    """Return whether the path begins with an attribute, and not with a member of the entity itself."""
    return path.attributes[0] not in CORE_MEMBERS


def attributes_of(expression: Expression) -> Iterator[str]:
    """Yield the attributes whose index can narrow the expression."""
    if isinstance(expression, AllOf | AnyOf):
        for part in expression.parts:
            yield from attributes_of(part)
    elif is_indexed(expression.path):
        yield expression.path.attributes[0]


def _is_plain(path: Path) -> bool:
    return len(path.attributes) == 1 and not path.members and path.linked is None


def _present(columns: list[Column]) -> Selects:
    return [Select(SQL.candidates_with_attribute, (column.id,)) for column in columns if column.kind == VALUE]


def _compared(comparison: Compare, columns: list[Column]) -> Selects:
    if comparison.operator in (Operator.UNEQUAL, Operator.MATCH, Operator.NOT_MATCH):
        return _present(columns)
    spans: list[tuple[Key, Key]] = []
    for value in comparison.values:
        found = _spans(comparison.operator, value)
        if found is None:
            return _present(columns)
        spans += found
    # What is no scalar (languages, lists, JSON) is marked PRESENT and may match too.
    spans.append((PRESENT, PRESENT))
    elements_count = comparison.operator is Operator.EQUAL
    return [
        Select(SQL.candidates_from_to, (column.id, low, high))
        for column in columns
        if column.kind == VALUE or elements_count
        for low, high in spans
    ]


def _spans(operator: Operator, value: Any) -> list[tuple[Key, Key]] | None:
    """Return the spans of keys that can satisfy the comparison with the value, or None: any can."""
    if isinstance(value, Between):
        low, high = _ends(value.low), _ends(value.high)
        return None if low is None or high is None else [(low[0], high[1])]
    if isinstance(value, Uri):
        keys = dict.fromkeys((value.text[:_TEXT_MAX], value.expanded[:_TEXT_MAX]))
        return [(key, key) for key in keys] if operator is Operator.EQUAL else []
    ends = _ends(value)
    if ends is None:
        return None
    low_end, high_end = ends
    first, last = (_TEXT_FROM, _TEXT_TO) if isinstance(low_end, str) else (_NUMBERS_FROM, _TEXT_FROM)
    match operator:
        case Operator.EQUAL:
            return [(low_end, high_end)]
        case Operator.GREATER | Operator.GREATER_EQUAL:
            return [(low_end, last)]
        case _:
            return [(first, high_end)]


def _ends(value: Any) -> tuple[Key, Key] | None:
    """Return the first and last key that can stand for the value."""
    if isinstance(value, Moment):
        if value.start is None:
            return None
        try:
            return (value.start - 2 * _ZONE).date().isoformat(), (value.start + 2 * _ZONE).date().isoformat()
        except OverflowError:
            return None
    key = scalar_key(value)
    return None if key is None else (key, key)


class NumberPage(NamedTuple):
    """A question that one range of one column of numbers answers exactly."""

    sql: str
    parameters: tuple[Any, ...]


_NUMBER_PAGES = {
    Operator.GREATER: SQL.page_of_number_above,
    Operator.GREATER_EQUAL: SQL.page_of_number_at_least,
    Operator.LESS: SQL.page_of_number_below,
    Operator.LESS_EQUAL: SQL.page_of_number_at_most,
    Operator.EQUAL: SQL.page_of_number_equal,
}


def number_page_of(expression: Expression, names: Names, type_term: int) -> NumberPage | None:
    """Return the one range that answers the expression exactly, where there is one."""
    if not isinstance(expression, Compare) or not _is_plain(expression.path) or not is_indexed(expression.path):
        return None
    column = names.find_only_column(expression.path.attributes[0], type_term)
    if column is None or not column.is_filled or column.is_mixed or len(expression.values) != 1:
        return None
    value = expression.values[0]
    if isinstance(value, Between):
        if expression.operator is not Operator.EQUAL or not (_is_number(value.low) and _is_number(value.high)):
            return None
        return NumberPage(SQL.page_of_number_between, (column.id, value.low, value.high))
    sql = _NUMBER_PAGES.get(expression.operator)
    return NumberPage(sql, (column.id, scalar_key(value))) if sql and _is_number(value) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
