"""Purging: every entity that a question finds is deleted, or loses attributes (CIM 009 §5.6.21). No HTTP, no SQL.

It is done in writes of `limits.PURGE_ENTITIES_PER_WRITE` entities, so that others write in between; whoever was changed
meanwhile is looked at once more, and kept where the question does not find it any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from msgspec.structs import replace

from simpul import limits
from simpul.app import entities
from simpul.app.hub import Hub
from simpul.domain import merge
from simpul.domain.access import Action, Caller
from simpul.domain.entity import Record, attribute_names
from simpul.domain.errors import HubError
from simpul.domain.geo import matches_geo
from simpul.domain.match import matches, matches_scope
from simpul.domain.query import EntityQuery
from simpul.ports.store import Draft


@dataclass(frozen=True, slots=True)
class Pruning:
    """Which attributes go: those named, or all but those named. Without either, entities go as a whole."""

    dropped: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()

    @property
    def is_of_entities(self) -> bool:
        return not self.dropped and not self.kept

    def doomed(self, record: Record) -> list[str]:
        """Return the names of what goes from the entity."""
        names = [*attribute_names(record.entity), *(["scope"] if "scope" in record.entity else [])]
        if self.dropped:
            return [name for name in names if name in self.dropped]
        return [name for name in names if name not in self.kept]


class Purged(NamedTuple):
    """What became of it: ids of entities that were changed, and (id, error) of those that could not be."""

    ids: list[str]
    errors: list[tuple[str, HubError]]


async def purge(caller: Caller, hub: Hub, question: EntityQuery, pruning: Pruning) -> Purged:
    """Purge what the question finds. Where the store fails, what was done stays done, and the rest is told of."""
    entities.raise_unless_allowed(caller, Action.WRITE)
    purged = Purged([], [])
    ids = await _find_ids(caller, hub, question)
    for start in range(0, len(ids), limits.PURGE_ENTITIES_PER_WRITE):
        chunk = ids[start : start + limits.PURGE_ENTITIES_PER_WRITE]
        try:
            purged.ids.extend(await _purge_chunk(caller, hub, question, pruning, chunk))
        except HubError as error:
            purged.errors.extend((entity_id, error) for entity_id in chunk)
            if not purged.ids:
                raise
            break
    return purged


async def _find_ids(caller: Caller, hub: Hub, question: EntityQuery) -> list[str]:
    ids: list[str] = []
    while True:
        page = replace(question, limit=limits.PURGE_ENTITIES_PER_READ, offset=len(ids), counts=False)
        found = (await entities.query(caller, hub, page)).documents
        ids += [document.id for document in found]
        if len(found) < limits.PURGE_ENTITIES_PER_READ:
            return ids


async def _purge_chunk(caller: Caller, hub: Hub, question: EntityQuery, pruning: Pruning, ids: list[str]) -> list[str]:
    def operation(draft: Draft) -> list[str]:
        done = []
        for entity_id in ids:
            record = draft.find(entity_id)
            if record is None or not _is_meant(caller, question, record):
                continue
            if pruning.is_of_entities:
                draft.delete(record, hub.clock.now_us())
            else:
                outcome = merge.drop_attributes(record.entity, pruning.doomed(record))
                entities.put_outcome(hub, draft, record, outcome, record.context_id)
            done.append(entity_id)
        return done

    return await hub.entities.write(caller.tenant, caller.principal, operation)


def _is_meant(caller: Caller, question: EntityQuery, record: Record) -> bool:
    """Return whether the entity as it is now is still one that the question finds."""
    return (
        caller.may_read(record.types)
        and (question.types is None or question.types.matches(record.types))
        and (not question.attributes or any(name in record.entity for name in question.attributes))
        and (question.scope is None or matches_scope(question.scope, record.entity))
        and (question.geo is None or matches_geo(question.geo, record.entity))
        and (question.q is None or matches(question.q, record))
    )
