"""The order in which entities are asked for: `orderBy` and what goes with it (CIM 009 §4.23). No reading here.

A term is an attribute, a sub-attribute behind a point, a member of its value in brackets, or `id`, `type`, `scope`,
`createdAt`, `modifiedAt`, of the entity or of an attribute; behind a semicolon `asc`, `desc`, `dist-asc` or
`dist-desc`. Entities without a value come last, whatever the direction. What the standard leaves open:

- Ids and types are URIs: they are compared by their characters, not as text of a language.
- Of several instances of an attribute, the one without a datasetId counts, else the first.
- A text that reads as a date, a time or both is one (§4.6.3). Objects and arrays are compared as JSON.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import nlargest, nsmallest
from operator import itemgetter
from typing import Any

import msgspec

from simpul import limits
from simpul.domain.collation import ROOT, TextKey, find_text_key
from simpul.domain.entity import Instance, Record, attribute_key, instances
from simpul.domain.errors import BadRequestData, TooComplexQuery
from simpul.domain.geo import geometry_distance_m
from simpul.domain.parse import MAIN_MEMBERS
from simpul.domain.q import find_instant, find_time_of_day

TIMES = ("createdAt", "modifiedAt")
OWN_MEMBERS = ("id", "type", "scope", *TIMES)
_INSTANCE_MEMBERS = (*TIMES, "observedAt", "unitCode", "datasetId")
_DIRECTIONS = {"": (False, False), "asc": (False, False), "desc": (True, False), "dist-asc": (False, True),
               "dist-desc": (True, True)}  # fmt: skip
_TERM = re.compile(r"(?P<path>[^;\[\]]+)(?:\[(?P<members>[^;\[\]]+)\])?(?:;(?P<direction>[a-z-]+))?\Z")
# §4.23.2: the order of values of different kinds.
_NUMBER, _TEXT, _OBJECT, _ARRAY, _BOOLEAN, _TIME, _DATE, _DATE_TIME = range(8)
_DATE_CHARACTERS = 10
# Finding the first of many beats sorting them where they are less than one in so many.
_FEW = 20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_encode = msgspec.json.Encoder(order="sorted").encode

Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class OrderTerm:
    """What to sort by: a path of expanded names and core members, and members of the value behind it, as written."""

    path: tuple[str, ...]
    is_descending: bool = False
    members: tuple[str, ...] = ()
    is_distance: bool = False


@dataclass(frozen=True, slots=True)
class Ordering:
    """A whole order: its terms, the collation of texts, and the geometry that distances are from."""

    terms: tuple[OrderTerm, ...]
    collation: str = ROOT
    # A GeoJSON geometry, which is no part of what makes two orders equal.
    reference: dict[str, Any] | None = None

    def __hash__(self) -> int:
        return hash((self.terms, self.collation))


def parse_order(text: str, expand: Callable[[str], str]) -> tuple[OrderTerm, ...]:
    """Return the terms of `orderBy`. Raises BadRequestData, TooComplexQuery."""
    terms = [_parse_term(part.strip(), expand) for part in text.split(",")]
    if len(terms) > limits.ORDER_TERMS_MAX:
        raise TooComplexQuery(f"orderBy has {len(terms)} terms; at most {limits.ORDER_TERMS_MAX} are taken.")
    return tuple(terms)


def _parse_term(text: str, expand: Callable[[str], str]) -> OrderTerm:
    found = _TERM.match(text)
    names = _split_names(found["path"]) if found else []
    members = tuple((found["members"] or "").split(".")) if found and found["members"] else ()
    if found is None or (found["direction"] or "") not in _DIRECTIONS or not all((*names, *members)):
        raise BadRequestData(
            f"orderBy={text[:100]!r} is not understood. A term is a name, as in name, name.createdAt, address[city];"
            " it may end in ;asc, ;desc, ;dist-asc or ;dist-desc."
        )
    is_descending, is_distance = _DIRECTIONS[found["direction"] or ""]
    known = OWN_MEMBERS if len(names) == 1 else _INSTANCE_MEMBERS
    last = names[-1] if names[-1] in known else expand(names[-1])
    path = (*map(expand, names[:-1]), last)
    if is_distance and (path[0] in OWN_MEMBERS or len(path) > 1 or members):
        raise BadRequestData(f"orderBy={text[:100]!r}: a distance is that of a GeoProperty, such as location;dist-asc.")
    return OrderTerm(path, is_descending, members, is_distance)


def _split_names(path: str) -> list[str]:
    """Split at the points; those of an IRI, up to its last / or #, belong to it."""
    end = max(path.rfind("/"), path.rfind("#")) + 1
    first, *others = path[end:].split(".")
    return [path[:end] + first, *others]


def sort_records(records: Sequence[Record], order: Sequence[OrderTerm]) -> list[int]:
    """Return the places of the records in the order asked for; equal ones stay in theirs."""
    ordering = Ordering(tuple(order))
    return sort_keys([keys_of(record, ordering) for record in records], ordering)


def sort_keys(keys: Sequence[Sequence[Key | None]], ordering: Ordering, end: int | None = None) -> list[int]:
    """Return the places of entities, each of which has one key for each term, in the order asked for.

    With `end` only the first so many are needed, and no more are promised.
    """
    places = list(range(len(keys)))
    for number, term in reversed(list(enumerate(ordering.terms))):
        # Every pass but the last one needs all: equal ones stay in the order of the pass before.
        wanted = end if number == 0 and end is not None else len(keys)
        keyed = [(keys[place][number], place) for place in places]
        there = [(key, place) for key, place in keyed if key is not None]
        # With distances, what is near and what is no geometry do not mix; only the former has a distance.
        groups = [[pair for pair in there if pair[0][0] == kind] for kind in (0, 1)] if term.is_distance else [there]
        places = [place for group in groups for _, place in _sorted(group, wanted, is_descending=term.is_descending)]
        places += [place for key, place in keyed if key is None]
    return places if end is None else places[:end]


def _sorted(group: list[tuple[Key, int]], wanted: int, *, is_descending: bool) -> list[tuple[Key, int]]:
    if wanted * _FEW < len(group):
        first = nlargest if is_descending else nsmallest
        return first(wanted, group, key=itemgetter(0))
    return sorted(group, key=itemgetter(0), reverse=is_descending)


def keys_of(record: Record, ordering: Ordering) -> list[Key | None]:
    """Return one key for each term; None where the entity has no value there."""
    return [_key_in(record, term, ordering) for term in ordering.terms]


def _key_in(record: Record, term: OrderTerm, ordering: Ordering) -> Key | None:
    if term.path[0] in OWN_MEMBERS:
        return own_key(record, term.path[0])
    instance, value = _find(record, term.path)
    if term.is_distance and ordering.reference is not None:
        if instance is not None and instance.get("type") == "GeoProperty":
            return distance_key(geometry_distance_m(value, ordering.reference))
        other = value_key(value, ordering.collation)
        return None if other is None else (1, *other)
    for member in term.members:
        value = value.get(member) if isinstance(value, dict) else None
    if isinstance(value, int) and term.path[-1] in TIMES:
        return moment_key(value)
    return value_key(value, ordering.collation)


def own_key(record: Record, member: str) -> Key | None:
    """Return the key of a member of the entity itself."""
    match member:
        case "id":
            return uri_key(record.id)
        case "type":
            return uri_key(record.types[0])
        case "createdAt":
            return moment_key(record.times.created_us)
        case "modifiedAt":
            return moment_key(record.times.modified_us)
        case _:
            scopes = record.entity.get("scope") or []
            return (_TEXT, scopes[0] if isinstance(scopes, list) else scopes) if scopes else None


def uri_key(uri: str) -> Key:
    """Return the key of an id or a type."""
    return (_TEXT, uri)


def moment_key(moment_us: int) -> Key:
    """Return the key of a moment in microseconds since 1970 UTC."""
    return (_DATE_TIME, moment_us)


def distance_key(metres: float) -> Key:
    """Return the key of something this far away."""
    return (0, metres)


def value_key(value: Any, collation: str) -> Key | None:
    """Return the key of a value, which also tells values of different kinds apart; None for null."""
    if isinstance(value, dict) and "@value" in value:
        value = value["@value"]
    if isinstance(value, str):
        return _text_key(value, find_text_key(collation))
    if isinstance(value, bool):
        return (_BOOLEAN, value)
    if isinstance(value, int | float):
        return (_NUMBER, value)
    if isinstance(value, dict):
        return (_OBJECT, _encode(value))
    return (_ARRAY, _encode(value)) if isinstance(value, list) else None


def value_key_maker(collation: str) -> Callable[[Any], Key | None]:
    """Return `value_key` for many values in one collation."""
    text_key = find_text_key(collation)

    def key_of(value: Any) -> Key | None:
        return _text_key(value, text_key) if isinstance(value, str) else value_key(value, collation)

    return key_of


def _text_key(text: str, text_key: TextKey) -> Key:
    # A moment begins with two digits at least.
    return (_moment_of(text) if text[:2].isdigit() else None) or (_TEXT, text_key(text), text)


def _moment_of(text: str) -> Key | None:
    instant = find_instant(text)
    if instant is not None:
        elapsed_us = (instant - _EPOCH) // _MICROSECOND
        return (_DATE if len(text) == _DATE_CHARACTERS else _DATE_TIME, elapsed_us)
    moment = find_time_of_day(text)
    return None if moment is None else (_TIME, moment)


def _find(record: Record, path: tuple[str, ...]) -> tuple[Instance | None, Any]:
    """Return the instance that the path leads to, where it leads to one, and the value there."""
    first, *others = path
    instance: Instance | None = _choose(record.entity.get(first))
    for name in others:
        if instance is None:
            return None, None
        if name in TIMES:
            return None, record.times.of(attribute_key(first, instance.get("datasetId")))[name == "modifiedAt"]
        below = instance.get(name)
        if not isinstance(below, dict | list):
            return None, below
        instance = _choose(below)
    return instance, _value_of(instance)


def _choose(attribute: Any) -> Instance | None:
    found = instances(attribute or [])
    return next((one for one in found if "datasetId" not in one), found[0] if found else None)


def _value_of(instance: Instance | None) -> Any:
    return None if instance is None else instance.get(MAIN_MEMBERS.get(instance.get("type", ""), "value"))
