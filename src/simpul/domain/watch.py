"""Which subscriptions a change of an entity concerns (CIM 009 §5.8.6). Pure: no store, no clock, no sending.

A `Watchlist` holds a city's active subscriptions, made ready. Those that differ in nothing but `q` share a `Gate`: what
they share is decided once, and their questions are looked up (`watch_index.py`). Gates are found by type, by the ids
that they name and by the attributes that they watch, so that a write costs nothing for subscriptions to other things.
"""

from __future__ import annotations

import operator
import re
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from simpul.domain import subscription as terms
from simpul.domain.context import CORE, Context
from simpul.domain.entity import Entity, Record, attribute_key, attribute_names, instances
from simpul.domain.errors import HubError
from simpul.domain.geo import GeoQuery, matches_geo, parse_geo_query
from simpul.domain.match import FindRecord, matches, matches_scope
from simpul.domain.pattern import compile_pattern, matches_pattern
from simpul.domain.q import Expression, parse_scope_selection, parse_type_selection
from simpul.domain.query import ScopeSelection, TypeSelection
from simpul.domain.subscription import Kept
from simpul.domain.watch_index import Asked, QuestionIndex

_DEFAULT_GEOPROPERTY = "https://uri.etsi.org/ngsi-ld/location"
_EVERYTHING: frozenset[str] = frozenset()


class Effects(NamedTuple):
    """What a change did: keys (`attribute_key`) of the instances that are new, different, and gone."""

    is_creation: bool
    is_deletion: bool
    added: tuple[str, ...]
    modified: tuple[str, ...]
    removed: tuple[str, ...]
    has_other_members: bool = False


def find_effects(before: Record | None, after: Record | None, touched: Iterable[str] = ()) -> Effects:
    """Return what became of the touched attributes; of all of them where the entity is new or gone.

    `touched` may name `type` and `scope` too.
    """
    if before is None:
        return Effects(True, False, _all_keys(after.entity if after else {}), (), ())
    if after is None:
        return Effects(False, True, (), (), _all_keys(before.entity))
    added: list[str] = []
    modified: list[str] = []
    removed: list[str] = []
    has_other_members = False
    for name in touched:
        if ":" not in name:
            has_other_members = True
            continue
        old, new = before.entity.get(name), after.entity.get(name)
        if type(old) is dict and type(new) is dict and "datasetId" not in old and "datasetId" not in new:
            if old is not new and old != new:
                modified.append(name)
            continue
        was, will_be = _by_key(name, old), _by_key(name, new)
        added += [key for key in will_be if key not in was]
        modified += [key for key, instance in will_be.items() if key in was and was[key] != instance]
        removed += [key for key in was if key not in will_be]
    return Effects(False, False, tuple(added), tuple(modified), tuple(removed), has_other_members)


def _all_keys(entity: Entity) -> tuple[str, ...]:
    return tuple(key for name in attribute_names(entity) for key in _by_key(name, entity[name]))


def _by_key(name: str, attribute: Any) -> dict[str, Any]:
    if attribute is None:
        return {}
    return {attribute_key(name, one.get("datasetId")): one for one in instances(attribute)}


def names_of(keys: Iterable[str]) -> frozenset[str]:
    """Return the attributes' names of these keys."""
    return frozenset(key.partition("\n")[0] for key in keys)


@dataclass(frozen=True, slots=True)
class Selector:
    """One entity selector (§5.2.33): every part that is there has to hold, but a pattern only where no id is named."""

    types: TypeSelection | None
    ids: frozenset[str]
    pattern: re.Pattern[str] | None

    def matches(self, record: Record) -> bool:
        if self.ids and record.id not in self.ids:
            return False
        if self.types is not None and not self.types.matches(record.entity["type"]):
            return False
        return self.pattern is None or matches_pattern(self.pattern, record.id)


@dataclass(frozen=True, slots=True)
class Condition:
    """When to notify. An empty `selectors` is any entity; `watched` is empty for any attribute."""

    selectors: tuple[Selector, ...]
    watched: frozenset[str]
    triggers: frozenset[str]
    q: Expression | None
    geo: GeoQuery | None
    scope: ScopeSelection | None
    readable_types: frozenset[str] | None

    def concerns(self, record: Record, effects: Effects, find_linked: FindRecord | None = None) -> bool:
        """Return whether a change with these effects is to be told. `record` is the entity after it, or before its end.

        A question that cannot be decided is answered with yes: what is told too much can be ignored.
        """
        if not self.is_triggered(effects) or not self.selects(record):
            return False
        try:
            return self.holds(record, find_linked)
        except HubError:
            return True

    def selects(self, record: Record) -> bool:
        """Return whether the entity is one of those that the subscription is about."""
        if self.readable_types is not None and not self.readable_types.issuperset(record.entity["type"]):
            return False
        return not self.selectors or any(selector.matches(record) for selector in self.selectors)

    def holds(self, record: Record, find_linked: FindRecord | None = None) -> bool:
        """Return whether scopeQ, geoQ and q hold. Raises HubError where that takes more than is allowed."""
        if self.scope is not None and not matches_scope(self.scope, record.entity):
            return False
        if self.geo is not None and not matches_geo(self.geo, record.entity):
            return False
        return self.q is None or matches(self.q, record, find_linked)

    def is_triggered(self, effects: Effects) -> bool:
        triggers = self.triggers
        if effects.is_creation and terms.ENTITY_CREATED in triggers:
            return True
        if effects.is_deletion and terms.ENTITY_DELETED in triggers:
            return True
        if effects.has_other_members and terms.ENTITY_UPDATED in triggers and not self.watched:
            return True
        # §5.2.12: an update of an entity is the creation, update or deletion of one of its attributes.
        is_update = terms.ENTITY_UPDATED in triggers and not effects.is_creation and not effects.is_deletion
        return (
            ((is_update or terms.ATTRIBUTE_CREATED in triggers) and self._watches(effects.added))
            or ((is_update or terms.ATTRIBUTE_UPDATED in triggers) and self._watches(effects.modified))
            or ((is_update or terms.ATTRIBUTE_DELETED in triggers) and self._watches(effects.removed))
        )

    def _watches(self, keys: Sequence[str]) -> bool:
        if not keys or not self.watched:
            return bool(keys)
        return any(key.partition("\n")[0] in self.watched for key in keys)


def compile_condition(kept: Kept, q_context: Context) -> Condition:
    """Make a stored subscription's condition ready. Trusts the document."""
    document = kept.document
    geo = document.get("geoQ")
    scope = document.get("scopeQ")
    readable = kept.readable_types
    return Condition(
        selectors=tuple(_compile_selector(selector) for selector in document.get("entities", ())),
        watched=frozenset(document.get("watchedAttributes", ())),
        triggers=frozenset(document.get("notificationTrigger", terms.TRIGGERS_DEFAULT)),
        q=terms.parse_question(document, q_context) if "q" in document else None,
        geo=_compile_geo(geo) if geo else None,
        scope=parse_scope_selection(scope) if scope else None,
        readable_types=None if readable is None else frozenset(readable),
    )


def _compile_selector(selector: dict[str, Any]) -> Selector:
    ids = selector.get("id", [])
    text = selector.get("type", "*")
    return Selector(
        types=None if text == "*" else parse_type_selection(text, str),
        ids=frozenset(ids if isinstance(ids, list) else [ids]),
        pattern=compile_pattern(selector["idPattern"]) if "idPattern" in selector and not ids else None,
    )


def _compile_geo(geo: dict[str, Any]) -> GeoQuery:
    geoproperty = geo.get("geoproperty", _DEFAULT_GEOPROPERTY)
    return parse_geo_query(geo["georel"], geo["geometry"], geo["coordinates"], geoproperty)


class Interest(NamedTuple):
    """Whom a change concerns: their numbers (`pack_numbers`), and whether any wants to see what was there before."""

    numbers: bytes
    wants_previous: bool


class _Member(NamedTuple):
    """One subscription, made ready: what it shares with others (`sameness`), and what it asks."""

    number: int
    kept: Kept
    sameness: bytes
    question: bytes
    q: Expression | None


def _member_of(number: int, kept: Kept, q_context: Context) -> _Member:
    q = terms.parse_question(kept.document, q_context) if "q" in kept.document else None
    return _Member(number, kept, _sameness(kept), _question_of(kept), q)


class Gate:
    """Subscriptions that ask the same but for `q`: what they share is decided once, their questions by an index."""

    __slots__ = ("_index", "_wants_previous", "condition", "members")

    def __init__(self, members: Sequence[_Member]) -> None:
        self.members = members
        # The @context is for `q` alone, which the index has.
        self.condition = compile_condition(_without_question(members[0].kept), CORE)
        by_question: dict[bytes, list[_Member]] = {}
        for member in members:
            by_question.setdefault(member.question, []).append(member)
        self._index = QuestionIndex(
            Asked(several[0].q, pack_numbers(member.number for member in several)) for several in by_question.values()
        )
        self._wants_previous = any(one.kept.document["notification"].get("showChanges", False) for one in members)

    def find_interest(self, record: Record, effects: Effects, find_linked: FindRecord | None) -> Interest | None:
        """Return whom of them a change concerns, or None where it is nobody."""
        if not self.condition.concerns(record, effects, find_linked):
            return None
        numbers = self._index.find(record, find_linked)
        return Interest(numbers, self._wants_previous) if numbers else None


_NO_GATES: tuple[Gate, ...] = ()


class _Gates:
    """The gates of one type: some are found by the entity's id, some by the attributes that changed."""

    __slots__ = ("_by_attribute", "_by_id", "_others")

    def __init__(self) -> None:
        self._by_id: dict[str, list[Gate]] = {}
        self._by_attribute: dict[str, list[Gate]] = {}
        self._others: list[Gate] = []

    def add(self, gate: Gate) -> None:
        condition = gate.condition
        ids = [selector.ids for selector in condition.selectors]
        if ids and all(ids):
            for entity_id in frozenset().union(*ids):
                self._by_id.setdefault(entity_id, []).append(gate)
        elif condition.watched and condition.triggers.isdisjoint((terms.ENTITY_CREATED, terms.ENTITY_DELETED)):
            for name in condition.watched:
                self._by_attribute.setdefault(name, []).append(gate)
        else:
            self._others.append(gate)

    def find(self, record: Record, effects: Effects) -> Sequence[Gate]:
        """Return the gates that a change may concern, each once."""
        found: Sequence[Gate] = self._others
        if self._by_id:
            found = [*found, *self._by_id.get(record.id, _NO_GATES)]
        if self._by_attribute:
            changed = names_of(effects.added + effects.modified + effects.removed)
            watching = dict.fromkeys(gate for name in changed for gate in self._by_attribute.get(name, _NO_GATES))
            found = [*found, *watching]
        return found


_NOTHING = _Gates()


class Watchlist:
    """A city's subscriptions that wait for changes. Never changed: a new one is made when one of them is."""

    def __init__(self, watched: Iterable[tuple[int, Kept, Context]], before: Watchlist | None = None) -> None:
        """`before` is the one that this follows: what did not change since need not be made ready again."""
        known = before.members if before is not None else {}
        gates = before.gates if before is not None else {}
        self.members: dict[int, _Member] = {}
        self.gates: dict[bytes, Gate] = {}
        groups: dict[bytes, list[_Member]] = {}
        for number, kept, q_context in watched:
            member = known.get(number)
            if member is None or member.kept is not kept:
                member = _member_of(number, kept, q_context)
            self.members[number] = member
            groups.setdefault(member.sameness, []).append(member)
        self._by_type: dict[str, _Gates] = {}
        self._of_any_type = _Gates()
        self._has_any_type = False
        for sameness, members in groups.items():
            gate = gates.get(sameness)
            if gate is None or not _are_same(gate.members, members):
                gate = Gate(members)
            self.gates[sameness] = gate
            types = _types_of(gate.condition)
            for name in types or ():
                self._by_type.setdefault(name, _Gates()).add(gate)
            if types is None:
                self._of_any_type.add(gate)
                self._has_any_type = True
        self.is_empty = not groups

    def find_interest(self, record: Record, effects: Effects, find_linked: FindRecord | None = None) -> Interest | None:
        """Return whom a change concerns, or None where it is nobody. `find_linked` finds what `q` follows links to."""
        types = record.entity["type"]
        gates = self._by_type.get(types[0], _NOTHING).find(record, effects)
        if len(types) > 1 or self._has_any_type:
            several = [*gates, *self._of_any_type.find(record, effects)]
            for name in types[1:]:
                several += self._by_type.get(name, _NOTHING).find(record, effects)
            gates = list(dict.fromkeys(several))
        found = [
            interest for gate in gates
            if (interest := gate.find_interest(record, effects, find_linked)) is not None
        ]  # fmt: skip
        if len(found) <= 1:
            return found[0] if found else None
        return Interest(b"".join(one.numbers for one in found), any(one.wants_previous for one in found))


def _sameness(kept: Kept) -> bytes:
    """Return what is equal for subscriptions that ask for the same changes but for `q`."""
    document = kept.document
    parts = ("entities", "watchedAttributes", "notificationTrigger", "geoQ", "scopeQ")
    return msgspec.json.encode([[document.get(part) for part in parts], kept.readable_types])


def _question_of(kept: Kept) -> bytes:
    """Return what is equal for subscriptions that ask the same question."""
    document = kept.document
    if "q" not in document:
        return b""
    return msgspec.json.encode([document["q"], document.get("expandValues"), kept.q_context_id])


def _are_same(ones: Sequence[_Member], others: Sequence[_Member]) -> bool:
    return len(ones) == len(others) and all(map(operator.is_, ones, others))


def _without_question(kept: Kept) -> Kept:
    document = {name: value for name, value in kept.document.items() if name != "q"}
    return msgspec.structs.replace(kept, document=document)


def _types_of(condition: Condition) -> frozenset[str] | None:
    """Return types of which an entity must have one to be selected, or None where there are none."""
    types: set[str] = set()
    for selector in condition.selectors:
        if selector.types is None:
            return None
        types.update(every[0] for every in selector.types.any_of)
    return frozenset(types) or None


def pack_numbers(numbers: Iterable[int]) -> bytes:
    """Return subscriptions' numbers as they are stored, four bytes each."""
    return array("I", numbers).tobytes()


def unpack_numbers(packed: bytes) -> array[int]:
    """Return the numbers that `pack_numbers` packed."""
    numbers = array("I")
    numbers.frombytes(packed)
    return numbers
