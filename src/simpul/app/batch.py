"""Many entities in one request: each succeeds or fails by itself, all in one transaction (CIM 009 §5.6.7 to 5.6.10).

No HTTP here, no SQL here. An item is a decoded JSON object with the @context to read it by.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, NamedTuple

from simpul import limits
from simpul.app import expiring
from simpul.app.entities import (
    find_for_change,
    new_record,
    put_outcome,
    raise_unless_allowed,
    replaced_record,
)
from simpul.app.hub import Hub
from simpul.domain import merge as merging
from simpul.domain.access import Action, Caller
from simpul.domain.context import Context
from simpul.domain.entity import EXPIRING, Entity, is_expiring
from simpul.domain.errors import AlreadyExists, BadRequestData, HubError
from simpul.domain.merge import Outcome, Overwrite
from simpul.domain.parse import parse_entity, parse_fragment, raise_unless_uri
from simpul.ports.store import Draft


class BatchItem(NamedTuple):
    """One member of a batch as it came."""

    body: Any
    context: Context


class BatchOutcome(NamedTuple):
    """What became of a batch: ids that were made, ids that were changed, and (id, error) of the rest."""

    created: list[str]
    updated: list[str]
    errors: list[tuple[str, HubError]]


class UpsertMode(Enum):
    """What an upsert does with an entity that is there (CIM 009 §5.6.8)."""

    REPLACE = "replace"
    UPDATE = "update"


class _Parsed(NamedTuple):
    entity: Entity
    context: Context


async def create(caller: Caller, hub: Hub, items: Sequence[BatchItem]) -> BatchOutcome:
    """Keep new entities (§5.6.7)."""

    def put(draft: Draft, parsed: _Parsed) -> bool:
        entity_id = parsed.entity["id"]
        if draft.exists(entity_id):
            raise AlreadyExists(f"There is an entity {entity_id} already.")
        _put_new(hub, draft, parsed)
        return True

    return await _write(caller, hub, items, parse_entity, put)


def _put_new(hub: Hub, draft: Draft, parsed: _Parsed) -> None:
    record = new_record(hub, *parsed)
    draft.create(record)
    if record.context_id == EXPIRING:
        expiring.note(hub, draft, record)


async def upsert(caller: Caller, hub: Hub, items: Sequence[BatchItem], mode: UpsertMode) -> BatchOutcome:
    """Keep entities, whether they are there or not (§5.6.8)."""

    def put(draft: Draft, parsed: _Parsed) -> bool:
        entity_id = parsed.entity["id"]
        if not draft.exists(entity_id):
            _put_new(hub, draft, parsed)
            return True
        before = find_for_change(draft, entity_id)
        context_id = expiring.context_id_of(hub, *parsed)
        if mode is UpsertMode.REPLACE:
            record = replaced_record(before, parsed.entity, hub.clock.now_us(), context_id)
            draft.replace(before, record)
            if context_id == EXPIRING:
                expiring.note(hub, draft, record)
        else:
            outcome = merging.append_attributes(before.entity, parsed.entity, overwrite=Overwrite.ALLOWED)
            put_outcome(hub, draft, before, outcome, context_id)
        return False

    return await _write(caller, hub, items, parse_entity, put)


async def update(caller: Caller, hub: Hub, items: Sequence[BatchItem], *, overwrite: Overwrite) -> BatchOutcome:
    """Add and change attributes of entities that are there (§5.6.9)."""

    def merged(entity: Entity, fragment: Entity) -> Outcome:
        return merging.append_attributes(entity, fragment, overwrite=overwrite)

    return await _merge_each(caller, hub, items, merged)


async def merge(caller: Caller, hub: Hub, items: Sequence[BatchItem]) -> BatchOutcome:
    """Merge fragments into entities that are there (§5.6.20)."""
    return await _merge_each(caller, hub, items, merging.merge_entity)


async def delete(caller: Caller, hub: Hub, entity_ids: Sequence[Any]) -> BatchOutcome:
    """Remove entities (§5.6.10)."""
    raise_unless_allowed(caller, Action.WRITE)
    _raise_if_too_many(entity_ids)

    def operation(draft: Draft) -> BatchOutcome:
        outcome = BatchOutcome([], [], [])
        for entity_id in entity_ids:
            try:
                raise_unless_uri(entity_id, "An entity's id")
                draft.delete(find_for_change(draft, entity_id), hub.clock.now_us())
            except HubError as error:
                outcome.errors.append((str(entity_id), error))
            else:
                outcome.updated.append(entity_id)
        return outcome

    return await hub.entities.write(caller.tenant, caller.principal, operation)


async def _merge_each(
    caller: Caller, hub: Hub, items: Sequence[BatchItem], merged: Callable[[Entity, Entity], Outcome]
) -> BatchOutcome:
    def put(draft: Draft, parsed: _Parsed) -> bool:
        before = find_for_change(draft, parsed.entity["id"])
        outcome = merged(before.entity, parsed.entity)
        put_outcome(hub, draft, before, outcome, expiring.context_id_of(hub, *parsed))
        if outcome.unchanged:
            reasons = "; ".join(f"{parsed.context.compact(name)}: {why}" for name, why in outcome.unchanged)
            raise BadRequestData(f"Some attributes were left as they are: {reasons}.")
        return False

    return await _write(caller, hub, items, _parse_identified_fragment, put)


def _parse_identified_fragment(body: Any, context: Context) -> Entity:
    if not isinstance(body, dict) or not isinstance(body.get("id", body.get("@id")), str):
        raise BadRequestData("A member of the batch has no 'id'. Name the entity that is to be changed.")
    fragment = parse_fragment(body, context)
    fragment.setdefault("id", body.get("id", body.get("@id")))
    return fragment


async def _write(
    caller: Caller,
    hub: Hub,
    items: Sequence[BatchItem],
    parse: Callable[[Any, Context], Entity],
    put: Callable[[Draft, _Parsed], bool],
) -> BatchOutcome:
    """Parse each item, then put each inside one write; `put` says whether it made the entity."""
    raise_unless_allowed(caller, Action.WRITE)
    _raise_if_too_many(items)
    refused: list[tuple[str, HubError]] = []
    parsed: list[_Parsed] = []
    for item in items:
        try:
            parsed.append(_Parsed(parse(item.body, item.context), item.context))
        except HubError as error:
            refused.append((_id_of(item.body), error))

    def operation(draft: Draft) -> BatchOutcome:
        outcome = BatchOutcome([], [], list(refused))
        # All are looked for at once: one by one that costs three times as much.
        draft.expect([one.entity["id"] for one in parsed])
        for one in parsed:
            entity_id = one.entity["id"]
            try:
                (outcome.created if put(draft, one) else outcome.updated).append(entity_id)
            except HubError as error:
                outcome.errors.append((entity_id, error))
        return outcome

    outcome: BatchOutcome = await hub.entities.write(caller.tenant, caller.principal, operation)
    if any(is_expiring(one.entity) for one in parsed):
        hub.expiry.wake(caller.tenant)
    return outcome


def _id_of(body: Any) -> str:
    found = body.get("id", body.get("@id")) if isinstance(body, dict) else None
    return found if isinstance(found, str) else ""


def _raise_if_too_many(items: Sequence[Any]) -> None:
    if not items:
        raise BadRequestData("The batch is empty. Send an array with at least one member.")
    if len(items) > limits.BATCH_ENTITIES_MAX:
        raise BadRequestData(
            f"The batch has {len(items)} members; at most {limits.BATCH_ENTITIES_MAX} are taken at once. Split it."
        )
