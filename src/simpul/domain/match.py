"""Whether one entity satisfies a `q` expression (CIM 009 §4.9) or a scope selection (§4.19). No index, no parsing.

A store's index gives the same answers as this module or asks it. The definition:

1. A path leads to *targets*. The attribute's instances are taken all together: any of them can satisfy a
   condition. Each further name goes to the sub-attribute of that name in each instance. The targets of an instance:
   - Property, GeoProperty, JsonProperty, ListProperty: its value (`value`, `json`, `valueList`);
   - Relationship, ListRelationship: its object or objects, as URIs;
   - LanguageProperty: the text or texts of each language; with `[en]` those of `en`, with `[*]` of every language;
   - VocabProperty: its term or terms;
   - `observedAt`, `unitCode`, `datasetId`, …: that text; `createdAt`, `modifiedAt`: that instant.
   A trailing path goes into JSON objects by member name, never into arrays. A `{"@type": …, "@value": v}` is v.
2. `attribute` holds where there is a target (for `attribute` alone: an instance).
3. `==` holds where a target, or an element of a target that is an array, equals a value of the list, or where a
   target that is no array lies in one of its ranges.
4. `!=` holds where there is a target and `==` does not hold.
5. `>`, `>=`, `<`, `<=` hold where a target that is no array is of the value's kind and in that order to it.
6. `~=` holds where a target that is a text contains a match of the pattern; `!~=` where there is a target that is a
   text and `~=` does not hold. A relationship has no text.

Kinds: number (booleans are none), boolean, text in code point order, moment, time of day. Different kinds are
unequal and in no order. The *value's* kind decides how a target that is a text is read: for an unquoted date or
date-time it is read as an instant (a date is its first instant, UTC), for an unquoted time as a time of day, for a
quoted text or a URI as it stands. A URI also equals a vocabulary term that it expands to. An instant of the hub
(`createdAt`, `modifiedAt`) is compared as one, also with a quoted date.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, NamedTuple

from simpul.domain.entity import Entity, Instance, Record, attribute_key, instances
from simpul.domain.errors import NotImplementedYet, TooComplexQuery
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
    compile_pattern,
    find_instant,
    find_time_of_day,
    matches_pattern,
)
from simpul.domain.query import ScopeSelection
from simpul.limits import Q_LINKED_ENTITIES_MAX

FindRecord = Callable[[str], Record | None]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ORDERS: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.GREATER: operator.gt,
    Operator.GREATER_EQUAL: operator.ge,
    Operator.LESS: operator.lt,
    Operator.LESS_EQUAL: operator.le,
}
_VALUE_MEMBERS = {
    "Property": "value",
    "GeoProperty": "value",
    "JsonProperty": "json",
    "ListProperty": "valueList",
    "LanguageProperty": "languageMap",
    "VocabProperty": "vocab",
    "Relationship": "object",
    "ListRelationship": "objectList",
}


class Target(NamedTuple):
    """What a path leads to. `is_link` where it is a relationship's object, which has equality only."""

    value: Any
    is_link: bool = False


def matches(expression: Expression, record: Record, find_linked: FindRecord | None = None) -> bool:
    """Return whether the entity satisfies the expression.

    `find_linked` finds the entity that a relationship points to, where the expression follows one. Raises
    NotImplementedYet where it does and there is no `find_linked`, TooComplexQuery where it follows too many.
    """
    if isinstance(expression, AllOf):
        return all(matches(part, record, find_linked) for part in expression.parts)
    if isinstance(expression, AnyOf):
        return any(matches(part, record, find_linked) for part in expression.parts)
    targets = _targets(expression.path, record, find_linked)
    if isinstance(expression, Exists):
        return bool(targets)
    return _compare(expression, targets)


def _targets(path: Path, record: Record, find_linked: FindRecord | None) -> list[Target]:
    if len(path.attributes) == 1 and not path.members and path.linked is None:
        # Nearly every question is about the value of a Property with one instance; this takes a third of the time.
        instance = record.entity.get(path.attributes[0])
        if isinstance(instance, dict) and instance.get("type") == "Property" and "value" in instance:
            return [Target(instance["value"])]
    return list(iter_targets(path, record, find_linked))


def iter_targets(path: Path, record: Record, find_linked: FindRecord | None = None) -> Iterator[Target]:
    """Yield what the path leads to in this entity."""
    for holder in _walk(path.attributes, record):
        if path.linked is not None:
            yield from _linked_targets(path, holder, find_linked)
        else:
            yield from _own_targets(path, holder)


def _walk(names: tuple[str, ...], record: Record) -> Iterator[Any]:
    """Yield the instances, or the values of the core member, that a chain of names leads to."""
    first, *others = names
    if first in ("createdAt", "modifiedAt"):
        if not others:
            yield _instant(record.times.created_us if first == "createdAt" else record.times.modified_us)
        return
    for instance in instances(record.entity.get(first) or []):
        yield from _walk_down(instance, others, record, attribute_key(first, instance.get("datasetId")))


def _walk_down(instance: Instance, names: list[str], record: Record, key: str) -> Iterator[Any]:
    if not names:
        yield instance
        return
    name, *others = names
    if name in CORE_MEMBERS:
        if others:
            return
        if name in ("createdAt", "modifiedAt"):
            # A sub-attribute's times are those of the attribute that it is part of.
            yield _instant(record.times.of(key)[name == "modifiedAt"])
        elif name in instance:
            yield instance[name]
        return
    for sub in instances(instance.get(name) or []):
        if isinstance(sub, dict):
            yield from _walk_down(sub, others, record, key)


def _instant(at_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=at_us)


def _own_targets(path: Path, holder: Any) -> Iterator[Target]:
    if path.attributes[-1] in CORE_MEMBERS:
        if not path.members:
            yield Target(holder)
        return
    kind = holder.get("type", "Property")
    member = _VALUE_MEMBERS.get(kind, "value")
    if member not in holder:
        return
    value = holder[member]
    if kind in ("Relationship", "ListRelationship"):
        if not path.members:
            yield Target(_objects(value), is_link=True)
    elif kind == "LanguageProperty":
        yield from _language_targets(value, path.members)
    else:
        found, value = _member(value, path.members)
        if found:
            yield Target(value)


def _language_targets(languages: Any, members: tuple[str, ...]) -> Iterator[Target]:
    if len(members) > 1 or not isinstance(languages, dict):
        return
    if not members or members[0] == "*":
        yield from map(Target, languages.values())
    elif members[0] in languages:
        yield Target(languages[members[0]])


def _member(value: Any, members: tuple[str, ...]) -> tuple[bool, Any]:
    for member in members:
        if not isinstance(value, dict) or member not in value:
            return False, None
        value = value[member]
    return True, value


def _objects(value: Any) -> Any:
    """Return a relationship's object or objects as URIs, however they are held."""
    if isinstance(value, list):
        return [_objects(item) for item in value]
    return value.get("object") if isinstance(value, dict) else value


def _linked_targets(path: Path, holder: Any, find_linked: FindRecord | None) -> Iterator[Target]:
    if path.linked is None or not isinstance(holder, dict):
        return
    if find_linked is None:
        raise NotImplementedYet(
            "`q` asks about the entity at the other end of a relationship, as in `rel{attribute}`; this request "
            "cannot follow relationships."
        )
    uris = _objects(holder.get("object", holder.get("objectList")))
    uris = uris if isinstance(uris, list) else [uris]
    if len(uris) > Q_LINKED_ENTITIES_MAX:
        raise TooComplexQuery(f"A relationship with more than {Q_LINKED_ENTITIES_MAX} objects cannot be followed.")
    for uri in uris:
        linked = find_linked(uri) if isinstance(uri, str) else None
        if linked is not None and (not path.linked_types or not set(path.linked_types).isdisjoint(linked.types)):
            yield from iter_targets(path.linked, linked, find_linked)


def _compare(comparison: Compare, targets: list[Target]) -> bool:
    sign, values = comparison.operator, comparison.values
    if sign is Operator.EQUAL:
        return any(_is_among(target, values) for target in targets)
    if sign is Operator.UNEQUAL:
        return bool(targets) and not any(_is_among(target, values) for target in targets)
    if sign in _ORDERS:
        order = _ORDERS[sign]
        return any(_is_in_order(target, order, values[0]) for target in targets)
    pattern = compile_pattern(str(values[0]))
    texts = [text for text in map(_text, targets) if text is not None]
    found = any(matches_pattern(pattern, text) for text in texts)
    return found if sign is Operator.MATCH else bool(texts) and not found


def _text(target: Target) -> str | None:
    value = _plain(target.value)
    return value if isinstance(value, str) and not target.is_link else None


def _is_among(target: Target, values: tuple[Operand | Between, ...]) -> bool:
    if isinstance(target.value, list):
        items = [_plain(item) for item in target.value]
        return any(equals(item, value) for value in values if not isinstance(value, Between) for item in items)
    plain = _plain(target.value)
    for value in values:
        if isinstance(value, Between):
            if not target.is_link and is_between(plain, value):
                return True
        elif equals(plain, value):
            return True
    return False


def _is_in_order(target: Target, order: Callable[[Any, Any], bool], value: Operand | Between) -> bool:
    if target.is_link or isinstance(value, Between):
        return False
    left, right = _pair(_plain(target.value), value)
    return right is not None and not isinstance(right, bool) and not isinstance(value, Uri) and order(left, right)


def _plain(value: Any) -> Any:
    """Return what a JSON-LD typed value holds, and any other value as it is."""
    return value["@value"] if isinstance(value, dict) and "@value" in value else value


def equals(value: Any, operand: Operand) -> bool:
    """Return whether a plain value and an operand are of one kind and equal."""
    if isinstance(operand, Uri):
        return isinstance(value, str) and value in (operand.text, operand.expanded)
    left, right = _pair(value, operand)
    return right is not None and bool(left == right)


def is_between(value: Any, interval: Between) -> bool:
    """Return whether a plain value is of the interval's kind and inside it, its ends included."""
    left, low = _pair(value, interval.low)
    right, high = _pair(value, interval.high)
    return low is not None and high is not None and bool(low <= left and right <= high)


_NO_PAIR: tuple[None, None] = (None, None)


def _pair(value: Any, operand: Operand) -> tuple[Any, Any]:
    """Return value and operand in a form in which they can be compared, or (None, None): of different kinds."""
    if isinstance(value, bool) or isinstance(operand, bool):
        return (value, operand) if isinstance(value, bool) and isinstance(operand, bool) else _NO_PAIR
    if isinstance(value, datetime):
        instant = operand.start if isinstance(operand, Moment) else find_instant(str(operand))
        return _NO_PAIR if instant is None else (value, instant)
    if isinstance(operand, Moment):
        return _moments(value, operand) if isinstance(value, str) else _NO_PAIR
    if isinstance(operand, str):
        return (value, operand) if isinstance(value, str) else _NO_PAIR
    if isinstance(operand, (int, float)) and isinstance(value, (int, float)):
        return value, operand
    return _NO_PAIR


def _moments(value: str, operand: Moment) -> tuple[datetime | time | None, datetime | time | None]:
    left: datetime | time | None
    right: datetime | time | None
    if operand.start is not None:
        left, right = find_instant(value), operand.start
    else:
        left, right = find_time_of_day(value), find_time_of_day(operand.text)
    return _NO_PAIR if left is None else (left, right)


@dataclass(frozen=True, slots=True)
class _ScopePattern:
    """A scope pattern taken apart: its levels, and whether everything below matches too."""

    levels: tuple[str, ...]
    is_open: bool

    def matches(self, scope: str) -> bool:
        levels = scope.removeprefix("/").split("/")
        if len(levels) < len(self.levels) or (len(levels) > len(self.levels) and not self.is_open):
            return False
        return all(mine in ("+", theirs) for mine, theirs in zip(self.levels, levels, strict=False))


def _scope_pattern(text: str) -> _ScopePattern:
    levels = tuple(text.removeprefix("/").split("/"))
    return _ScopePattern(levels[:-1], True) if levels[-1] == "#" else _ScopePattern(levels, False)


def matches_scope(selection: ScopeSelection, entity: Entity) -> bool:
    """Return whether the entity is within the scopes: `+` is one level, a last `#` the scope and all below it."""
    scope = entity.get("scope") or []
    scopes: list[str] = scope if isinstance(scope, list) else [scope]
    return any(
        all(any(_scope_pattern(pattern).matches(scope) for scope in scopes) for pattern in every)
        for every in selection.any_of
    )
