"""Entities: read, ask for, make, change and remove them. No HTTP here, no SQL here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NoReturn

from simpul.app import expiring
from simpul.app.hub import Hub
from simpul.domain import merge
from simpul.domain.access import Action, Caller, decide
from simpul.domain.context import CORE, Context
from simpul.domain.entity import EXPIRING, Entity, Instance, Record, Times, attribute_keys
from simpul.domain.errors import AlreadyExists, BadRequestData, Forbidden, NotFound, Unauthenticated
from simpul.domain.merge import Outcome, Overwrite
from simpul.domain.order import Ordering
from simpul.domain.query import EntityQuery
from simpul.ports.store import Document, Draft, NumberRange, Page

_URN = "urn:ngsi-ld:"


def find_document(caller: Caller, hub: Hub, entity_id: str) -> Document | None:
    """Return the stored entity, or None where it is not there or the caller may not know that it is."""
    document = hub.entities.find_document(caller.tenant, entity_id)
    return document if document is not None and caller.may_read(document.types) else None


def get_document(caller: Caller, hub: Hub, entity_id: str) -> Document:
    """Return the stored entity. Raises NotFound, Unauthenticated, Forbidden.

    Where its id names a type that the caller may not read, that is said before looking, so that the answer tells
    nothing about existence.
    """
    raise_unless_readable_id(caller, entity_id)
    document = find_document(caller, hub, entity_id)
    if document is None:
        _raise_not_found(entity_id)
    return document


async def retrieve(caller: Caller, hub: Hub, entity_id: str) -> Record:
    """Return the entity with its times. Raises what `get_document` raises."""
    return read_records(caller, hub, [get_document(caller, hub, entity_id)])[0]


def read_records(caller: Caller, hub: Hub, documents: Sequence[Document]) -> list[Record]:
    """Return documents that the caller was given, decoded and with their times."""
    return hub.entities.read_records(caller.tenant, documents)


async def query(caller: Caller, hub: Hub, question: EntityQuery) -> Page:
    """Return the page of matching entities that the caller may see; `question.readable_types` is the caller's own.

    Raises Unauthenticated or Forbidden where it asks for nothing but types that the caller may not read.
    """
    raise_unless_readable(caller, question)
    return await hub.entities.list_documents(caller.tenant, question)


def find_number_range(caller: Caller, hub: Hub, question: EntityQuery) -> NumberRange | None:
    """Return what answers the question whatever its number is, if there is that. Raises what `query` raises."""
    raise_unless_readable(caller, question)
    return hub.ranges.find_number_range(caller.tenant, question)


async def query_in_order(caller: Caller, hub: Hub, question: EntityQuery, ordering: Ordering) -> Page:
    """Return the page as `query` does, in the order asked for. Raises TooComplexQuery where too many match."""
    raise_unless_readable(caller, question)
    return await hub.entities.list_ordered(caller.tenant, question, ordering)


def raise_unless_readable(caller: Caller, question: EntityQuery) -> None:
    """Refuse a question that only names types which the caller may not read."""
    assert question.readable_types == caller.readable_types, "a question is asked for its caller"
    if question.types is None or caller.readable_types is None:
        return
    if not any(caller.may_read(every) for every in question.types.any_of):
        _raise_refused(caller, "the city has not declared the types asked for public")


def raise_unless_readable_id(caller: Caller, entity_id: str) -> None:
    """Refuse an id whose URN names a type that the caller may not read, whether such an entity exists or not."""
    if caller.readable_types is None or not entity_id.startswith(_URN):
        return
    name, colon, _ = entity_id[len(_URN) :].partition(":")
    if not colon or not name:
        return
    try:
        is_readable = caller.may_read((CORE.expand(name),))
    except BadRequestData:
        return
    if not is_readable and not any(_last_part(iri) == name for iri in caller.readable_types):
        _raise_refused(caller, f"the city has not declared {name} public")


def _last_part(iri: str) -> str:
    return iri.rpartition("#")[2].rpartition("/")[2]


def raise_unless_allowed(caller: Caller, action: Action) -> None:
    """Raise Unauthenticated or Forbidden where the caller may not do this."""
    decision = decide(caller, action)
    if not decision.allowed:
        _raise_refused(caller, decision.because)


def _raise_refused(caller: Caller, because: str) -> NoReturn:
    if caller.is_anonymous:
        raise Unauthenticated(f"Not without a token: {because}. Send 'Authorization: Bearer <token>'.")
    raise Forbidden(f"Your token does not allow this: {because}.")


def _raise_not_found(entity_id: str) -> NoReturn:
    raise NotFound(f"There is no entity {entity_id[:200]}.")


async def create(caller: Caller, hub: Hub, entity: Entity, context: Context) -> None:
    """Keep a new entity (CIM 009 §5.6.1). Raises AlreadyExists."""
    raise_unless_allowed(caller, Action.WRITE)
    record = new_record(hub, entity, context)

    def operation(draft: Draft) -> None:
        if draft.exists(record.id):
            raise AlreadyExists(
                f"There is an entity {record.id} already. Change it with PATCH, or replace it with PUT."
            )
        draft.create(record)
        if record.context_id == EXPIRING:
            expiring.note(hub, draft, record)

    await hub.entities.write(caller.tenant, caller.principal, operation, (record.id,))
    if record.context_id == EXPIRING:
        hub.expiry.wake(caller.tenant)


def new_record(hub: Hub, entity: Entity, context: Context) -> Record:
    """Return an entity that is made now."""
    now_us = hub.clock.now_us()
    return Record(entity, Times(now_us, now_us), expiring.context_id_of(hub, entity, context))


def replaced_record(before: Record, entity: Entity, now_us: int, context_id: int) -> Record:
    """Return what takes the place of an entity: attributes that were there keep the time of their making."""
    created = before.times.created_us
    had = set(attribute_keys(before.entity))
    attributes = {key: (before.times.of(key)[0] if key in had else now_us, now_us) for key in attribute_keys(entity)}
    return Record(entity, Times(created, now_us, attributes), context_id)


async def replace(caller: Caller, hub: Hub, entity_id: str, entity: Entity, context: Context) -> None:
    """Put another entity in its place (CIM 009 §5.6.18). Raises NotFound."""
    raise_unless_allowed(caller, Action.WRITE)
    context_id = expiring.context_id_of(hub, entity, context)

    def operation(draft: Draft) -> None:
        before = find_for_change(draft, entity_id)
        record = replaced_record(before, entity, hub.clock.now_us(), context_id)
        draft.replace(before, record)
        if context_id == EXPIRING:
            expiring.note(hub, draft, record)

    await hub.entities.write(caller.tenant, caller.principal, operation)
    if context_id == EXPIRING:
        hub.expiry.wake(caller.tenant)


def find_for_change(draft: Draft, entity_id: str) -> Record:
    """Return the entity that a write is about. Raises NotFound."""
    record = draft.find(entity_id)
    if record is None:
        _raise_not_found(entity_id)
    return record


def put_outcome(hub: Hub, draft: Draft, before: Record, outcome: Outcome, context_id: int) -> Outcome:
    """Put what a merge came to, if it changed anything."""
    if outcome.is_nothing:
        return outcome
    if EXPIRING in (before.context_id, context_id):
        expiring.put_outcome(hub, draft, before, outcome, context_id)
    else:
        times = merge.advance_times(before.times, outcome, hub.clock.now_us())
        gone = tuple(member for member in outcome.members if member not in outcome.entity)
        changed, removed = (*outcome.changed, *outcome.members), (*outcome.removed, *gone)
        draft.change(before, Record(outcome.entity, times, context_id), changed, removed)
    return outcome


async def _change(
    caller: Caller, hub: Hub, entity_id: str, context_id: int, merged: Callable[[Entity], Outcome]
) -> Outcome:
    raise_unless_allowed(caller, Action.WRITE)

    def operation(draft: Draft) -> Outcome:
        before = find_for_change(draft, entity_id)
        return put_outcome(hub, draft, before, merged(before.entity), context_id)

    outcome: Outcome = await hub.entities.write(caller.tenant, caller.principal, operation, (entity_id,))
    if context_id == EXPIRING:
        hub.expiry.wake(caller.tenant)
    return outcome


async def append_attributes(
    caller: Caller, hub: Hub, entity_id: str, fragment: Entity, context: Context, *, overwrite: Overwrite
) -> Outcome:
    """Add attributes (CIM 009 §5.6.3). Raises NotFound."""

    def merged(entity: Entity) -> Outcome:
        return merge.append_attributes(entity, fragment, overwrite=overwrite)

    return await _change(caller, hub, entity_id, expiring.context_id_of(hub, fragment, context), merged)


async def update_attributes(caller: Caller, hub: Hub, entity_id: str, fragment: Entity, context: Context) -> Outcome:
    """Change attributes that are there (CIM 009 §5.6.2). Raises NotFound."""

    def merged(entity: Entity) -> Outcome:
        return merge.update_attributes(entity, fragment)

    return await _change(caller, hub, entity_id, expiring.context_id_of(hub, fragment, context), merged)


async def merge_entity(caller: Caller, hub: Hub, entity_id: str, fragment: Entity, context: Context) -> Outcome:
    """Merge a fragment into the entity (CIM 009 §5.6.17). Raises NotFound."""

    def merged(entity: Entity) -> Outcome:
        return merge.merge_entity(entity, fragment)

    return await _change(caller, hub, entity_id, expiring.context_id_of(hub, fragment, context), merged)


async def patch_attribute(
    caller: Caller, hub: Hub, entity_id: str, name: str, instance: Instance | list[Instance], *, context: Context
) -> Outcome:
    """Change parts of one attribute (CIM 009 §5.6.4). Raises NotFound."""

    def merged(entity: Entity) -> Outcome:
        return merge.patch_attribute(entity, name, instance)

    return await _change(caller, hub, entity_id, expiring.context_id_of(hub, instance, context), merged)


async def replace_attribute(
    caller: Caller, hub: Hub, entity_id: str, name: str, instance: Instance | list[Instance], *, context: Context
) -> Outcome:
    """Put another value in an attribute's place (CIM 009 §5.6.19). Raises NotFound."""

    def merged(entity: Entity) -> Outcome:
        return merge.replace_attribute(entity, name, instance)

    return await _change(caller, hub, entity_id, expiring.context_id_of(hub, instance, context), merged)


async def delete_attribute(
    caller: Caller, hub: Hub, entity_id: str, name: str, *, dataset_id: str | None = None, every_instance: bool = False
) -> Outcome:
    """Remove an attribute or one instance of it (CIM 009 §5.6.5). Raises NotFound."""
    raise_unless_allowed(caller, Action.WRITE)

    def operation(draft: Draft) -> Outcome:
        before = find_for_change(draft, entity_id)
        outcome = merge.delete_attribute(before.entity, name, dataset_id, every_instance)
        return put_outcome(hub, draft, before, outcome, before.context_id)

    return await hub.entities.write(caller.tenant, caller.principal, operation)


async def delete(caller: Caller, hub: Hub, entity_id: str) -> None:
    """Remove the entity; its history stays (CIM 009 §5.6.6). Raises NotFound."""
    raise_unless_allowed(caller, Action.WRITE)

    def operation(draft: Draft) -> None:
        draft.delete(find_for_change(draft, entity_id), hub.clock.now_us())

    await hub.entities.write(caller.tenant, caller.principal, operation)
