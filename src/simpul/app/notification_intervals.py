"""Subscriptions with a `timeInterval`: what there is, each time it is due, whether it changed or not (§5.8.6)."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from itertools import islice
from typing import Any

from simpul import limits
from simpul.app.hub import Hub
from simpul.app.notification_line import Line, take_newest
from simpul.app.notification_messages import Messages
from simpul.app.notification_sending import Sender
from simpul.domain import subscription as terms
from simpul.domain.entity import Record
from simpul.domain.errors import HubError
from simpul.domain.notification import encode_data, render_state
from simpul.domain.query import EntityQuery
from simpul.domain.watch import compile_condition
from simpul.ports.notifier import Delivery
from simpul.ports.outbox import Notice

_US = 1_000_000


class Intervals:
    """Works through lines that tell at intervals, each in a task of its own."""

    def __init__(self, hub: Hub, messages: Messages, sender: Sender) -> None:
        self._hub = hub
        self._messages = messages
        self._sender = sender

    async def run(self, line: Line) -> None:
        """Send what there is every `timeInterval` seconds, whether it changed or not (§5.8.6)."""
        while True:
            last = line.progress.last_notification_us or line.stored.kept.created_us
            now_us = self._hub.clock.now_us()
            due_seconds = last / _US + line.document["timeInterval"] - now_us / _US
            if due_seconds > 0 or terms.status_of(line.document, now_us) != "active":
                line.wake.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(line.wake.wait(), max(due_seconds, limits.NOTIFICATION_PAUSE_SECONDS_MIN))
                continue
            try:
                await self._tell_state(line)
            except HubError as error:
                self._sender.note(line, Delivery(error.detail))

    async def _tell_state(self, line: Line) -> None:
        hub = self._hub
        context = hub.contexts.get(line.stored.kept.context_id)
        elsewhere = await self._take_told_elsewhere(line)
        data = [self._messages.render(line, notice, context) for notice in elsewhere]
        for record in await self._list_selected(line):
            members = render_state(record, line.shape, context, lambda target: self._messages.find_linked(line, target))
            data.append(encode_data(members, line.shape.accept, context))
        if not data:
            line.progress = line.progress._replace(last_notification_us=hub.clock.now_us())
            return
        delivery = await hub.notifier.send(self._messages.make(line, data, context))
        self._sender.note(line, delivery)
        if elsewhere:
            await self._settle(line, elsewhere, delivery)

    async def _take_told_elsewhere(self, line: Line) -> list[Notice]:
        """Return the newest of what sources told of each entity since the last time (§5.8.6)."""
        # What was in hand when the last time failed is in the outbox still.
        line.is_behind = line.is_behind or line.in_hand is not None
        line.in_hand = None
        if line.is_behind and self._hub.forwarding.list_of(line.tenant, line.stored.number):
            await self._sender.catch_up(line)
        return take_newest(line) if line.pending else []

    async def _settle(self, line: Line, elsewhere: list[Notice], delivery: Delivery) -> None:
        """Let go of what sources told once the receiver has it, or once too much waits for it."""
        if delivery.failure is None:
            line.progress = line.progress._replace(told=max(line.progress.told, elsewhere[-1].id))
            line.waiting = max(0, line.waiting - len(elsewhere))
            line.in_hand = None
        elif line.waiting > limits.NOTICES_WAITING_MAX:
            await self._sender.shed(line, delivery.failure)

    async def _list_selected(self, line: Line) -> list[Record]:
        hub, kept = self._hub, line.stored.kept
        condition = compile_condition(kept, hub.contexts.get(kept.q_context_id))
        found: dict[int, Any] = {}
        for selector, given in zip(condition.selectors, line.document["entities"], strict=True):
            query = EntityQuery(
                types=selector.types, ids=tuple(selector.ids), id_pattern=given.get("idPattern"), q=condition.q,
                geo=condition.geo, scope=condition.scope, readable_types=condition.readable_types,
                limit=limits.NOTIFICATION_ENTITIES_MAX,
            )  # fmt: skip
            page = await hub.entities.list_documents(line.tenant, query)
            found.update((document.eid, document) for document in page.documents)
        documents = list(islice(found.values(), limits.NOTIFICATION_ENTITIES_MAX))
        return hub.entities.read_records(line.tenant, documents)
