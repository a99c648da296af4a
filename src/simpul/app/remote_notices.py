"""Takes notifications of sources and lets the city's own subscriptions tell them (CIM 009 §5.8.6). No HTTP here.

What a source tells is kept in the outbox before it is answered, so that it is lost no more than a change of the
city's own: it waits for its receiver, is tried again, and can be replayed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from simpul.app import assembly
from simpul.app.assembly import RETRIEVING
from simpul.app.forwarding import hop_of_line
from simpul.app.hub import Hub
from simpul.app.notification_line import Line
from simpul.domain import subscription as terms
from simpul.domain.context import Context
from simpul.domain.distribution import Contribution, restrict, unite_records
from simpul.domain.entity import Record
from simpul.domain.errors import HubError, NotFound
from simpul.domain.registration import Registration, compile_registration
from simpul.domain.remote_notice import Told, captured_of, read_told, with_record
from simpul.domain.source_matching import SourceQuestion
from simpul.domain.watch import Condition, compile_condition
from simpul.ports.forwarding import Forwarded


class Waiting(NamedTuple):
    """The city's subscription that a notification is for, and how it was handed on."""

    line: Line
    forwarded: Forwarded


def get_waiting(hub: Hub, remote_id: Any) -> Waiting:
    """Return whose notification it is. Its id is known to the source alone. Raises NotFound."""
    found = hub.forwarding.find(remote_id) if isinstance(remote_id, str) else None
    if found is not None:
        tenant, forwarded = found
        for line in hub.notices.lines(tenant):
            if line.stored.number == forwarded.number:
                return Waiting(line, forwarded)
    raise NotFound("No subscription of this hub waits for notifications under this subscriptionId.")


async def receive(hub: Hub, waiting: Waiting, entities: list[Any], context: Context, via: tuple[str, ...]) -> None:
    """Keep what a source tells for the subscriber. Raises BadRequestData, StorageUnavailable."""
    line, forwarded = waiting
    now_us = hub.clock.now_us()
    if terms.status_of(line.document, now_us) != "active":
        return
    registration = compile_registration(forwarded.registration, 0, 0)
    condition = compile_condition(line.stored.kept, hub.contexts.get(line.stored.kept.q_context_id))
    states: list[bytes] = []
    for body in entities:
        told = await _whole(hub, line, registration, read_told(body, context, now_us))
        if told is not None and _is_meant(hub, waiting, condition, told):
            states.append(captured_of(told, via))
    if states:
        await hub.forwarding.store.add_notices(line.tenant, line.stored.number, states)


async def _whole(hub: Hub, line: Line, registration: Registration, told: Told) -> Told | None:
    """Return what the source may tell; with `splitEntities`, with what is known of the entity here and elsewhere."""
    restricted = restrict(told.record, registration)
    if restricted is None or told.is_deletion or not line.document.get("splitEntities"):
        return None if restricted is None else with_record(told, restricted)
    hop = await hop_of_line(hub, line)
    question = SourceQuestion(ids=(restricted.id,))
    asked = [
        one for one in assembly.find_asked(hub, hop, question, RETRIEVING) if one.registration.id != registration.id
    ]
    found = (await assembly.retrieve(hub, hop, restricted.id, asked)).record
    parts = [Contribution(restricted, registration), *([Contribution(found)] if found is not None else [])]
    return with_record(told, unite_records(parts))


def _is_meant(hub: Hub, waiting: Waiting, condition: Condition, told: Told) -> bool:
    """Return whether the subscriber is to be told: of what was asked for, and nothing that its maker may not read."""
    if not condition.selects(told.record):
        return False
    is_asked_there = "q" not in waiting.line.document or "q" in (waiting.forwarded.sent or {})
    if told.is_deletion or (is_asked_there and not waiting.line.document.get("splitEntities")):
        return True

    def find_linked(entity_id: str) -> Record | None:
        document = hub.entities.find_document(waiting.line.tenant, entity_id)
        readable = condition.readable_types
        if document is None or (readable is not None and not readable.issuperset(document.types)):
            return None
        return hub.entities.read_records(waiting.line.tenant, [document])[0]

    try:
        return condition.holds(told.record, find_linked)
    except HubError:
        # What cannot be decided is told: too much can be ignored.
        return True
