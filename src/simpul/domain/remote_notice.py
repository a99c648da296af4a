"""An entity in a notification of another source (CIM 009 §5.3.1), read as the change that it tells of.

Pure: no asking of others, no keeping. What comes out is shown to subscribers like a change of the city's own entities
(`notification.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from simpul.domain.context import CORE, Context
from simpul.domain.distribution import read_times
from simpul.domain.entity import Entity, Instance, Record, attribute_key, attribute_names, instances
from simpul.domain.errors import BadRequestData
from simpul.domain.json_text import shown
from simpul.domain.moment import count_microseconds
from simpul.domain.notification import Captured, encode_captured
from simpul.domain.parse import MAIN_MEMBERS, NULL, is_moment, parse_attribute, parse_entity
from simpul.domain.watch import Effects

_ENTITY_MEMBERS: Final = frozenset({
    "id", "@id", "type", "@type", "scope", "@context", "createdAt", "modifiedAt", "expiresAt",
})  # fmt: skip
_PREVIOUS: Final = {f"previous{main[0].upper()}{main[1:]}": main for main in MAIN_MEMBERS.values()}
_GONE_VALUES: Final[tuple[Any, ...]] = (NULL, {"@none": NULL}, [NULL])
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Told:
    """What a source told of one entity. `record` is the entity as it is now, without what went.

    `removed` are the keys (`attribute_key`) of what went, `changed` of what is known to have been something else, and
    `previous` holds what these were, under expanded names. `is_deletion` says that the entity itself went.
    """

    record: Record
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    previous: Entity | None = None
    is_deletion: bool = False
    at_us: int = 0


def read_told(body: Any, context: Context, now_us: int) -> Told:
    """Return what one member of a notification's data tells. Raises BadRequestData."""
    if not isinstance(body, dict):
        raise BadRequestData(f"The data of a notification is entities; this is {shown(body)}.")
    deleted = body.get("deletedAt")
    sorted_out = _SortedOut(context)
    present = {name: value for name, value in body.items() if name in _ENTITY_MEMBERS and name != "@context"}
    for name, value in body.items():
        if name not in _ENTITY_MEMBERS and name != "deletedAt":
            kept = sorted_out.take(name, value)
            if kept:
                present[name] = kept if len(kept) > 1 else kept[0]
    entity = parse_entity(present, context)
    expanded = {name: context.expand(name) for name in present if name not in _ENTITY_MEMBERS}
    return Told(
        Record(dict(entity), read_times(present, expanded, now_us)),
        tuple(sorted_out.removed),
        tuple(sorted_out.changed),
        sorted_out.previous,
        is_deletion=deleted is not None,
        at_us=count_microseconds(str(deleted)) if is_moment(deleted) else now_us,
    )


class _SortedOut:
    """What went and what was there before, taken out of the attributes that are told."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.previous: Entity = {}
        self.removed: list[str] = []
        self.changed: list[str] = []

    def take(self, name: str, value: Any) -> list[Any]:
        """Return the instances of an attribute that are still there."""
        iri = self._context.expand(name)
        kept: list[Any] = []
        for one in value if _is_several(value) else [value]:
            key = attribute_key(iri, one.get("datasetId") if isinstance(one, dict) else None)
            was = _previous_of(name, one, self._context)
            if _is_gone(one):
                self.removed.append(key)
                was = was or _mark(one)
            else:
                kept.append(_without_previous(one))
                self.changed += [key] if was is not None else []
            if was is not None:
                self.previous.setdefault(iri, []).append(was)
        return kept


def _is_several(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) and "type" in one for one in value)


def _is_gone(one: Any) -> bool:
    told = [one[main] for main in MAIN_MEMBERS.values() if main in one] if isinstance(one, dict) else [one]
    return any(value in _GONE_VALUES for value in told)


def _mark(one: Any) -> Instance:
    """Return an instance that went and of which only that is known."""
    if not isinstance(one, dict):
        return {"type": "Property", "value": NULL}
    kind = one.get("type", "Property")
    mark: Instance = {"type": kind if kind in MAIN_MEMBERS else "Property"}
    mark[MAIN_MEMBERS[mark["type"]]] = NULL
    return mark | ({"datasetId": one["datasetId"]} if "datasetId" in one else {})


def _without_previous(one: Any) -> Any:
    return {name: value for name, value in one.items() if name not in _PREVIOUS} if isinstance(one, dict) else one


def _previous_of(name: str, one: Any, context: Context) -> Instance | None:
    """Return the instance as it was, where `showChanges` has the source tell that."""
    if not isinstance(one, dict):
        return None
    told = [(main, one[member]) for member, main in _PREVIOUS.items() if member in one]
    if not told:
        return None
    main, value = told[0]
    before = {member: part for member, part in one.items() if member in ("type", "datasetId")}
    parsed = parse_attribute({**before, main: value}, context, name)
    return instances(parsed)[0]


def captured_of(told: Told, via: tuple[str, ...]) -> bytes:
    """Return the change as subscribers wait for it; `via` are the hubs that it came through."""
    record = told.record
    keys = [
        attribute_key(name, one.get("datasetId"))
        for name in attribute_names(record.entity)
        for one in instances(record.entity[name])
    ]
    effects = Effects(
        is_creation=False,
        is_deletion=told.is_deletion,
        added=tuple(key for key in keys if key not in told.changed),
        modified=told.changed,
        removed=told.removed,
    )
    captured = Captured(
        entity_id=record.id,
        at_us=told.at_us,
        context_id=0,
        created_us=record.times.created_us,
        modified_us=record.times.modified_us,
        times=record.times.attributes,
        body=_encode(CORE.compact_entity(record.entity)),
        effects=effects,
        previous=told.previous or {},
        removed_times={},
        via=via,
    )
    return encode_captured(captured)


def with_record(told: Told, record: Record) -> Told:
    """Return the same change of the entity as a whole, of which the source told a part (§5.8.6)."""
    return replace(told, record=record)
