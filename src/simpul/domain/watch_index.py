"""Which of many questions (`q`) an entity answers, without asking each of them. Pure: no store, no clock.

Subscriptions to one type mostly differ in `q` alone, and most of these compare one attribute with one value. Such
comparisons are looked up by the attribute's value: equality in a table, order by bisection. Whatever is not of that
form, and whatever value is no single number or text, is decided by `match.matches`, which is what all of this
means: the index only spares the asking.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, Final, NamedTuple

from simpul.domain.entity import Record
from simpul.domain.errors import HubError
from simpul.domain.match import FindRecord, matches
from simpul.domain.q import AllOf, Compare, Expression, Operator, Uri

# True is no number here, though Python takes it for one.
_PLAIN: Final = frozenset({int, float, str})
_ORDERS: Final = frozenset({Operator.GREATER, Operator.GREATER_EQUAL, Operator.LESS, Operator.LESS_EQUAL})
# Those that hold for what lies below the value; the others for what lies above it.
_BELOW: Final = frozenset({Operator.GREATER, Operator.GREATER_EQUAL})


class Asked(NamedTuple):
    """One question and the packed numbers of those who ask it (`watch.pack_numbers`); None asks nothing."""

    q: Expression | None
    numbers: bytes


class _Rest(NamedTuple):
    """Who is meant where, beside what the index knows, these parts of the question hold."""

    parts: tuple[Expression, ...]
    numbers: bytes

    def holds(self, record: Record, find_linked: FindRecord | None) -> bool:
        # What cannot be decided is answered with yes: what is told too much can be ignored.
        try:
            return all(matches(part, record, find_linked) for part in self.parts)
        except HubError:
            return True


class _Ordered:
    """Comparisons by one operator with values of one kind, in the order of these values."""

    __slots__ = ("_ends", "_find_place", "_is_below", "_numbers", "_rest_values", "_rests", "_values")

    def __init__(self, operator: Operator, members: Iterable[tuple[Any, _Rest]]) -> None:
        ordered = sorted(members, key=lambda member: member[0])
        whole = [(value, rest.numbers) for value, rest in ordered if not rest.parts]
        # Of those who ask nothing else, all that are meant lie side by side and are cut out at once.
        self._values = [value for value, _ in whole]
        self._numbers = b"".join(numbers for _, numbers in whole)
        self._ends = [0, *accumulate(len(numbers) for _, numbers in whole)]
        self._rest_values = [value for value, rest in ordered if rest.parts]
        self._rests = [rest for _, rest in ordered if rest.parts]
        self._is_below = operator in _BELOW
        self._find_place = bisect_right if operator in (Operator.GREATER_EQUAL, Operator.LESS) else bisect_left

    def find(self, value: Any) -> tuple[bytes, Sequence[_Rest]]:
        """Return who is meant for certain, and who is where the rest of their question holds."""
        end = self._ends[self._find_place(self._values, value)]
        place = self._find_place(self._rest_values, value) if self._rests else 0
        if self._is_below:
            return self._numbers[:end], self._rests[:place]
        return self._numbers[end:], self._rests[place:]


class _Attribute:
    """All comparisons of one attribute's value."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._equal: dict[Any, list[_Rest]] = {}
        self._orders: dict[tuple[Operator, bool], list[tuple[Any, _Rest]]] = {}
        self._ordered: list[tuple[bool, _Ordered]] = []

    def add(self, asked: Asked, comparison: Compare, rest: _Rest) -> None:
        self.asked.append(asked)
        if comparison.operator is Operator.EQUAL:
            for key in dict.fromkeys(key for value in comparison.values for key in _keys_of(value)):
                self._equal.setdefault(key, []).append(rest)
            return
        value = comparison.values[0]
        self._orders.setdefault((comparison.operator, isinstance(value, str)), []).append((value, rest))

    def finish(self) -> None:
        """Make what was added ready."""
        self._ordered = [
            (is_text, _Ordered(operator, members)) for (operator, is_text), members in self._orders.items()
        ]

    def find(self, value: Any) -> Iterator[tuple[bytes, Sequence[_Rest]]]:
        """Yield who is meant where this is the attribute's value."""
        equal = self._equal.get(value)
        if equal is not None:
            yield b"", equal
        of_text = isinstance(value, str)
        for is_text, ordered in self._ordered:
            if is_text is of_text:
                yield ordered.find(value)


class QuestionIndex:
    """Questions that are asked of the same entities. Never changed."""

    def __init__(self, asked: Iterable[Asked]) -> None:
        everybody: list[bytes] = []
        self._others: list[_Rest] = []
        self._attributes: dict[str, _Attribute] = {}
        for one in asked:
            if one.q is None:
                everybody.append(one.numbers)
                continue
            parts = one.q.parts if isinstance(one.q, AllOf) else (one.q,)
            leading = next((part for part in parts if isinstance(part, Compare) and _is_indexable(part)), None)
            if leading is None:
                self._others.append(_Rest((one.q,), one.numbers))
                continue
            rest = _Rest(tuple(part for part in parts if part is not leading), one.numbers)
            self._attributes.setdefault(leading.path.attributes[0], _Attribute()).add(one, leading, rest)
        for attribute in self._attributes.values():
            attribute.finish()
        self._everybody = b"".join(everybody)

    def find(self, record: Record, find_linked: FindRecord | None) -> bytes:
        """Return the packed numbers of those whose question the entity answers, or cannot be decided."""
        found = [self._everybody]
        found += [one.numbers for one in self._others if one.holds(record, find_linked)]
        for name, attribute in self._attributes.items():
            instance = record.entity.get(name)
            if instance is None:
                continue
            value = instance.get("value") if isinstance(instance, dict) and instance["type"] == "Property" else None
            if type(value) not in _PLAIN:
                asked = (_Rest((one.q,), one.numbers) for one in attribute.asked if one.q is not None)
                found += [one.numbers for one in asked if one.holds(record, find_linked)]
                continue
            for certain, rests in attribute.find(value):
                found.append(certain)
                found += [one.numbers for one in rests if one.holds(record, find_linked)]
        return b"".join(found)


def _is_indexable(comparison: Compare) -> bool:
    """Return whether the comparison is one of an attribute's own value with numbers and texts."""
    path = comparison.path
    if len(path.attributes) > 1 or path.members or path.linked is not None or ":" not in path.attributes[0]:
        return False
    if comparison.operator in _ORDERS:
        return type(comparison.values[0]) in _PLAIN
    return comparison.operator is Operator.EQUAL and all(
        isinstance(value, Uri) or type(value) in _PLAIN for value in comparison.values
    )


def _keys_of(value: Any) -> tuple[Any, ...]:
    # A URI also equals the vocabulary term that it expands to (§4.9).
    return (value.text, value.expanded) if isinstance(value, Uri) else (value,)
