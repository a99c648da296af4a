"""The order in which entities are asked for: `orderBy` (CIM 009 §4.23). No reading here.

A term is an attribute, a sub-attribute behind a point, or `id`, `type`, `createdAt`, `modifiedAt`, of the entity or of
an attribute; behind a semicolon `asc` or `desc`. Entities without a value come last, whatever the direction. Numbers
come before text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from simpul import limits
from simpul.domain.entity import Instance, Record, attribute_key, instances
from simpul.domain.errors import BadRequestData, TooComplexQuery
from simpul.domain.parse import MAIN_MEMBERS

_TIMES = ("createdAt", "modifiedAt")


@dataclass(frozen=True, slots=True)
class OrderTerm:
    """What to sort by: a path of expanded names and core members."""

    path: tuple[str, ...]
    is_descending: bool


def parse_order(text: str, expand: Callable[[str], str]) -> tuple[OrderTerm, ...]:
    """Return the terms of `orderBy`. Raises BadRequestData, TooComplexQuery."""
    terms = [_parse_term(part.strip(), expand) for part in text.split(",")]
    if len(terms) > limits.ORDER_TERMS_MAX:
        raise TooComplexQuery(f"orderBy has {len(terms)} terms; at most {limits.ORDER_TERMS_MAX} are taken.")
    return tuple(terms)


def _parse_term(text: str, expand: Callable[[str], str]) -> OrderTerm:
    path, _, direction = text.partition(";")
    if direction not in ("", "asc", "desc") or not path or not all(path.split(".")):
        raise BadRequestData(
            f"orderBy={text[:100]!r} is not understood. A term is a name, such as name or name.createdAt, and may end"
            " in ;asc or ;desc."
        )
    names = path.split(".")
    known = ("id", "type", *_TIMES) if len(names) == 1 else (*_TIMES, "observedAt", "unitCode", "datasetId")
    last = names[-1] if names[-1] in known else expand(names[-1])
    return OrderTerm((*map(expand, names[:-1]), last), direction == "desc")


def sort_records(records: Sequence[Record], order: Sequence[OrderTerm]) -> list[int]:
    """Return the places of the records in the order asked for; equal ones stay in theirs."""
    places = list(range(len(records)))
    for term in reversed(order):
        keyed = [(_key(_find(records[place], term.path)), place) for place in places]
        there = [(key, place) for key, place in keyed if key is not None]
        there.sort(key=itemgetter(0), reverse=term.is_descending)
        places = [place for _, place in there] + [place for key, place in keyed if key is None]
    return places


def _key(value: Any) -> tuple[int, Any] | None:
    if isinstance(value, int | float):
        return (0, value)
    return (1, value) if isinstance(value, str) else None


def _find(record: Record, path: tuple[str, ...]) -> Any:
    first, *others = path
    if not others and first in ("id", *_TIMES):
        return {
            "id": record.id,
            "createdAt": record.times.created_us,
            "modifiedAt": record.times.modified_us,
        }[first]
    if first == "type":
        return record.types[0]
    found = instances(record.entity.get(first) or [])
    instance: Any = found[0] if found else None
    for name in others:
        if instance is None:
            return None
        if name in _TIMES:
            return record.times.of(attribute_key(first, instance.get("datasetId")))[name == "modifiedAt"]
        below = instance.get(name)
        if not isinstance(below, dict | list):
            return below
        instance = instances(below)[0]
    return _value_of(instance)


def _value_of(instance: Instance | None) -> Any:
    return None if instance is None else instance.get(MAIN_MEMBERS.get(instance.get("type", ""), "value"))
