"""What one row does to the hub's state: make, change or leave its entity. Works on a `Draft`; reads no source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from simpul.app.sources import EXPIRED_AT, change_entity, change_owned
from simpul.connect.mapping import Shape
from simpul.domain.alike import Alike, unpack
from simpul.domain.context import Context
from simpul.domain.entity import Entity, Instance, Record, Times, attribute_names, instances
from simpul.domain.parse import NULL
from simpul.ports.store import Change, Draft

_GONE: Final[Instance] = {"type": "Property", "value": NULL}
_HISTORIES_MAX: Final = 16

ListChanges = Callable[[str], list[Change]]


@dataclass(slots=True)
class Past:
    """Which instances of a few entities are in their history already, so that a late row is not kept twice."""

    list_changes: ListChanges
    _known: dict[str, set[tuple[str, bytes]]] = field(default_factory=dict)

    def has(self, entity_id: str, name: str, instance: Instance) -> bool:
        """Return whether the history has this instance; from now on it has."""
        known = self._known.get(entity_id)
        if known is None:
            known = self._read(entity_id)
        entry = (name, _canonical(instance))
        if entry in known:
            return True
        known.add(entry)
        return False

    def _read(self, entity_id: str) -> set[tuple[str, bytes]]:
        if len(self._known) >= _HISTORIES_MAX:
            self._known.pop(next(iter(self._known)))
        known = self._known[entity_id] = {
            (name, _canonical(instance))
            for change in self.list_changes(entity_id)
            for name in attribute_names(change.attributes)
            for instance in instances(change.attributes[name])
        }
        return known


def _canonical(instance: Instance) -> bytes:
    return msgspec.json.encode(instance, order="sorted")


class Takeover:
    """How entities of one source are put; made once per run."""

    def __init__(self, shape: Shape, context: Context, context_id: int, past: Past) -> None:
        self.context = context
        self._shape = shape
        self._context_id = context_id
        self._owned = {*shape.attributes, EXPIRED_AT}
        self._past = past

    def put(self, draft: Draft, fresh: Entity, now_us: int) -> bool:
        """Make or change the entity; return whether anything changed."""
        return self.put_all(draft, [fresh], now_us) > 0

    def put_all(self, draft: Draft, entities: Sequence[Entity], now_us: int) -> int:
        """Make or change the entities, in their order; return of how many anything changed."""
        draft.expect([fresh["id"] for fresh in entities])
        times = Times(now_us, now_us)
        written = 0
        new: dict[str, Record] = {}
        for fresh in entities:
            entity_id = fresh["id"]
            if entity_id in new:
                draft.create_all(list(new.values()))
                new.clear()
            before = draft.find(entity_id)
            if before is None:
                new[entity_id] = Record(fresh, times, self._context_id)
                written += 1
            elif self._shape.is_series:
                written += self._put_moment(draft, before, fresh, now_us)
            else:
                written += change_owned(draft, before, fresh, now_us, owned=self._owned)
        draft.create_all(list(new.values()))
        return written

    def put_packed(self, draft: Draft, packed: Sequence[Alike], now_us: int) -> int:
        """Make entities that were packed as new, or change them where they are there; as `put_all`."""
        draft.expect([entity_id for alike in packed for entity_id in alike.ids])
        written = 0
        for alike in packed:
            if any(draft.find(entity_id) is not None for entity_id in alike.ids):
                written += self.put_all(draft, unpack(self.context, alike), now_us)
            else:
                draft.create_packed(alike, now_us, self._context_id)
                written += len(alike.ids)
        return written

    def _put_moment(self, draft: Draft, before: Record, fresh: Entity, now_us: int) -> bool:
        """Put one row of a time series: what is older than the present goes into the history only."""
        names = attribute_names(fresh)
        present = {name: _default_instance(before.entity.get(name)) for name in names}
        older = [name for name in names if _is_older(fresh[name], present[name])]
        # A late row says nothing about the present, except where the present says nothing yet.
        current: Entity = {k: v for k, v in fresh.items() if not older or present.get(k) is None}
        late = {k: fresh[k] for k in older if not self._past.has(fresh["id"], k, fresh[k])}
        record = before
        if late:
            times = before.times
            record = Record(before.entity, Times(times.created_us, now_us, times.attributes), before.context_id)
            draft.change(before, record, (), past=late)
        return change_entity(draft, record, current, now_us) is not before

    def expire(self, draft: Draft, entity_id: str, moment: dict[str, str], now_us: int) -> bool:
        """Mark the entity of a vanished row as expired; return whether it was there and not marked."""
        before = draft.find(entity_id)
        if before is None or EXPIRED_AT in before.entity:
            return False
        mark: Entity = {"id": entity_id, "type": [], EXPIRED_AT: {"type": "Property", "value": moment}}
        return change_entity(draft, before, mark, now_us) is not before

    def delete(self, draft: Draft, entity_id: str, now_us: int) -> bool:
        """Take back what the source gave of a vanished row's entity; return whether it was there."""
        before = draft.find(entity_id)
        if before is None:
            return False
        ours = self._owned
        kept = [
            name for name in attribute_names(before.entity) if name not in ours or isinstance(before.entity[name], list)
        ]
        if not kept:
            draft.delete(before, now_us)
            return True
        gone: dict[str, Any] = {name: _GONE for name in ours if name in before.entity}
        return change_entity(draft, before, {"id": entity_id, "type": [], **gone}, now_us) is not before


def _default_instance(value: Instance | list[Instance] | None) -> Instance | None:
    if value is None:
        return None
    return next((instance for instance in instances(value) if "datasetId" not in instance), None)


def _is_older(fresh: Instance, present: Instance | None) -> bool:
    if present is None or "observedAt" not in fresh or "observedAt" not in present:
        return False
    return _sortable(fresh["observedAt"]) < _sortable(present["observedAt"])


def _sortable(moment: str) -> str:
    # "…:00Z" would sort after "…:00.5Z".
    return moment.removesuffix("Z")
