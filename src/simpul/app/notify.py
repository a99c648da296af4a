"""Sends what subscriptions wait for, and loses nothing. No HTTP, no MQTT and no SQL here.

Each subscription has a line of its own: one task that sends its notices in their order, tries again with growing
pauses, and parks a notification that is given up. So a slow receiver holds up nobody else. What is not told yet lies
in the store's outbox; a line keeps the newest of it in memory and reads the rest from there. Changes that gather while
a line is busy go into one notification, each entity once.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from itertools import groupby, islice
from time import monotonic, perf_counter
from typing import Any
from uuid import uuid4

from simpul import limits
from simpul.app.hub import Hub
from simpul.app.notification_line import (
    Line,
    changed,
    echoing,
    head_of,
    heads_of,
    numbers_of,
    rounds_of,
    take_each,
    take_newest,
    via_of,
)
from simpul.app.notification_pacer import Pacer
from simpul.domain import subscription as terms
from simpul.domain.context import Context
from simpul.domain.endpoint import pairs_of
from simpul.domain.entity import Record
from simpul.domain.errors import HubError
from simpul.domain.notification import (
    Envelope,
    Shape,
    decode_captured,
    encode_data,
    record_of,
    render_change,
    render_notification,
    render_state,
    shape_of,
)
from simpul.domain.query import EntityQuery
from simpul.domain.watch import Watchlist, compile_condition, unpack_numbers
from simpul.operator_log import log
from simpul.ports.notifier import Delivery, Message
from simpul.ports.outbox import Notice, Parked, StoredSubscription

_US = 1_000_000
_RELATION = 'rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'


class Dispatch:
    """The lines of all cities."""

    def __init__(self) -> None:
        self._lines: dict[str, dict[int, Line]] = {}
        self._watchlists: dict[str, Watchlist] = {}
        self._newest: dict[str, int] = {}
        self._swept: dict[str, int] = {}
        self._pacer = Pacer()
        self._rendered: OrderedDict[tuple[bytes, Shape, int], bytes] = OrderedDict()
        self._keeper: asyncio.Task[None] | None = None
        self._hub: Hub | None = None

    def start(self, hub: Hub) -> None:
        """Take up every city's subscriptions where they were left."""
        self._hub = hub
        hub.outbox.set_listener(self._offer)
        for tenant in hub.tenants.list_tenants():
            for stored in hub.subscriptions.list_subscriptions(tenant):
                self._add(tenant, stored)
            self._watch(tenant)
        self._keeper = asyncio.create_task(self._keep_records())

    async def close(self) -> None:
        """Stop sending, and keep how far each line is."""
        tasks = [line.task for lines in self._lines.values() for line in lines.values() if line.task is not None]
        tasks += [self._keeper] if self._keeper is not None else []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for tenant in self._lines:
            with suppress(HubError):
                await self._record(tenant)
        # A hub that could not be opened, because its city's file is in use, is closed without having been started.
        if self._hub is not None:
            await self._hub.notifier.close()

    def put(self, tenant: str, stored: StoredSubscription) -> None:
        """Take up a subscription that is new or was changed."""
        line = self._lines.get(tenant, {}).get(stored.number)
        if line is None:
            line = self._add(tenant, stored)
            line.is_behind = False
        else:
            was_periodic = line.is_periodic
            line.stored, line.shape = stored, shape_of(stored.kept.document)
            if was_periodic != line.is_periodic:
                self._restart(line)
        line.wake.set()
        self._watch(tenant)

    def drop(self, tenant: str, number: int) -> None:
        """Forget a subscription that was deleted."""
        line = self._lines.get(tenant, {}).pop(number, None)
        if line is not None and line.task is not None:
            line.task.cancel()
        self._watch(tenant)

    def lines(self, tenant: str) -> list[Line]:
        """Return the city's lines, oldest subscription first."""
        return list(self._lines.get(tenant, {}).values())

    def find(self, tenant: str, subscription_id: str) -> Line | None:
        """Return the line of a subscription, or None."""
        return next((line for line in self.lines(tenant) if line.stored.id == subscription_id), None)

    def _hub_of(self) -> Hub:
        assert self._hub is not None, "the dispatch was started"
        return self._hub

    def _add(self, tenant: str, stored: StoredSubscription) -> Line:
        line = Line(tenant, stored, shape_of(stored.kept.document), stored.progress)
        self._lines.setdefault(tenant, {})[stored.number] = line
        self._restart(line)
        return line

    def _restart(self, line: Line) -> None:
        if line.task is not None:
            line.task.cancel()
        # What was in hand or in memory is read from the outbox again.
        line.is_behind = True
        line.pending.clear()
        work = self._run_periodically(line) if line.is_periodic else self._run(line)
        line.task = asyncio.create_task(work)

    def _watch(self, tenant: str) -> None:
        hub = self._hub_of()
        now_us = hub.clock.now_us()
        waiting = [
            (line.stored.number, line.stored.kept, hub.contexts.get(line.stored.kept.q_context_id))
            for line in self.lines(tenant)
            if not line.is_periodic and terms.status_of(line.document, now_us) == "active"
        ]
        watchlist = self._watchlists[tenant] = Watchlist(waiting, self._watchlists.get(tenant))
        hub.subscriptions.set_watch(tenant, watchlist if waiting else None)

    def _offer(self, tenant: str, notices: Sequence[Notice]) -> None:
        """Hand committed notices to the lines that they concern. Called in the event loop."""
        lines = self._lines.get(tenant, {})
        # Changes that concern the same subscriptions mostly follow each other.
        for numbers, run in groupby(notices, key=lambda notice: notice.numbers):
            several = list(run)
            for number in unpack_numbers(numbers):
                if number in lines:
                    lines[number].add(several)
        self._newest[tenant] = notices[-1].id

    # One line

    async def _run(self, line: Line) -> None:
        while True:
            try:
                await self._tell(line, await self._next_batch(line))
            except HubError as error:
                # What could not be read or kept is read again from the outbox, where it stays until then.
                line.is_behind = True
                line.pending.clear()
                line.progress = line.progress._replace(failure=error.detail)
                await asyncio.sleep(limits.NOTIFICATION_PAUSE_SECONDS_MIN)
            finally:
                line.in_hand = None

    async def _next_batch(self, line: Line) -> list[Notice]:
        """Wait until there is something to tell and it may be told; return what goes into one notification."""
        while True:
            line.wake.clear()
            if terms.is_paused(line.document):
                await line.wake.wait()
                continue
            if line.is_behind and not line.pending:
                line.is_reading = True
                try:
                    await self._catch_up(line)
                finally:
                    line.is_reading = False
            if not line.pending:
                if not line.is_behind:
                    await line.wake.wait()
                continue
            pause = self._throttled_seconds(line)
            if pause > 0:
                with suppress(TimeoutError):
                    await asyncio.wait_for(changed(line), pause)
                continue
            await self._pacer.turn(is_writing=self._hub_of().outbox.is_writing(line.tenant))
            return take_newest(line) if "throttling" in line.document else take_each(line)

    async def _catch_up(self, line: Line) -> None:
        """Read notices of the line that are in the outbox and not in memory."""
        after = line.progress.told
        while True:
            line.is_behind = False
            found = await self._hub_of().outbox.list_notices(line.tenant, after, limits.NOTICES_PER_READ)
            mine = [notice for notice in found if line.stored.number in unpack_numbers(notice.numbers)]
            if found:
                after = found[-1].id
            newer = [notice for notice in line.pending if notice.id > after]
            line.pending.clear()
            line.pending.extend(mine)
            if len(found) == limits.NOTICES_PER_READ:
                line.is_behind = True
                if not mine:
                    line.progress = line.progress._replace(told=after)
                    continue
            else:
                line.pending.extend(newer)
            if not line.is_behind:
                line.waiting = len(line.pending)
            else:
                line.waiting = max(line.waiting, len(line.pending))
            return

    def _throttled_seconds(self, line: Line) -> float:
        throttling = line.document.get("throttling")
        last = line.progress.last_notification_us
        if throttling is None or last is None:
            return 0.0
        return float((last + throttling * _US - self._hub_of().clock.now_us()) / _US)

    async def _tell(self, line: Line, batch: list[Notice]) -> None:
        """Send one notification until it arrived or is parked."""
        end_us = terms.expires_us(line.document)
        wanted = [notice for notice in batch if end_us is None or head_of(notice.state).at_us < end_us]
        alias = await self._hub_of().registry.get_alias(line.tenant)
        told = [notice for notice in wanted if rounds_of(notice, alias) < limits.NOTIFICATION_ROUNDS_MAX]
        echoes = await echoing(line, told)
        told = [notice for notice in told if notice not in echoes]
        while told:
            began_us = self._hub_of().clock.now_us()
            delivery = await self._send(line, told, alias)
            if delivery.failure is None:
                changes = ((head.entity_id, head.at_us) for head in heads_of(told))
                line.echoes.note(changes, began_us, self._hub_of().clock.now_us())
                break
            if line.waiting > limits.NOTICES_WAITING_MAX:
                await self._shed(line, delivery.failure)
                await self._pause(line)
                return
            if self._is_given_up(line, delivery):
                await self._park(line, told, delivery.failure)
                break
            await self._pause(line)
        if len(told) + len(echoes) < len(wanted):
            left = [notice for notice in wanted if notice not in told and notice not in echoes]
            way = ", ".join(head_of(left[0].state).via[-4:])
            await self._break_circle(line, left, f"{limits.NOTIFICATION_ROUNDS_MAX} times by now (Via: … {way})")
        if echoes:
            times = limits.NOTIFICATION_ECHOES_MAX + len(limits.NOTIFICATION_ECHO_PAUSES_SECONDS)
            await self._break_circle(
                line, echoes, f"{times} times by now, each time only once it was told, without Via"
            )
        line.progress = line.progress._replace(told=max(line.progress.told, batch[-1].id))
        line.waiting = max(0, line.waiting - len(batch))
        line.is_dirty = True
        if not wanted:
            self._watch(line.tenant)

    async def _break_circle(self, line: Line, circling: list[Notice], seen: str) -> None:
        """Park what this hub has told so often, and was written back so often, that it would go on for ever."""
        reason = (
            f"What it tells is written back here, {seen}: the notification goes round in a circle and is not sent on."
        )
        self._note(line, Delivery(reason, is_refused=True))
        await self._park(line, circling, reason)

    async def _send(self, line: Line, told: list[Notice], alias: str) -> Delivery:
        began = perf_counter()
        try:
            message = self._message_of(line, told)
            message.headers["Via"] = via_of(told, alias)
        except Exception as error:  # noqa: BLE001  # Whatever cannot be shown must not stop what comes after it; it is parked.
            delivery = Delivery(f"It cannot be rendered: {error}", is_refused=True)
            line.progress = line.progress._replace(tries=limits.NOTIFICATION_REFUSALS_MAX)
        else:
            self._pacer.note_cost(perf_counter() - began)
            try:
                delivery = await self._hub_of().notifier.send(message)
            except Exception:  # A defect of a notifier is a failure to deliver, and is tried again.
                log.exception("a notifier failed", tenant=line.tenant)
                delivery = Delivery("It could not be sent because of a defect; the log has more.")
        self._note(line, delivery)
        return delivery

    def _note(self, line: Line, delivery: Delivery) -> None:
        """Keep what became of a notification (§5.8.6)."""
        now_us = self._hub_of().clock.now_us()
        was = line.progress
        line.is_dirty = True
        if delivery.failure is None:
            line.progress = was._replace(
                times_sent=was.times_sent + 1, last_notification_us=now_us, last_success_us=now_us, tries=0,
                failing_since_us=None, failure=None,
            )  # fmt: skip
            return
        line.progress = was._replace(
            times_failed=was.times_failed + 1, last_notification_us=now_us, last_failure_us=now_us,
            tries=was.tries + 1, failing_since_us=was.failing_since_us or now_us, failure=delivery.failure,
        )  # fmt: skip

    def _is_given_up(self, line: Line, delivery: Delivery) -> bool:
        if delivery.is_refused:
            return line.progress.tries >= limits.NOTIFICATION_REFUSALS_MAX
        if delivery.is_denied and line.progress.tries >= limits.NOTIFICATION_DENIALS_MAX:
            return True
        since = line.progress.failing_since_us or 0
        return self._hub_of().clock.now_us() - since >= limits.NOTIFICATION_HOURS_MAX * 3_600 * _US

    async def _pause(self, line: Line) -> None:
        """Wait before the next try; a change of the subscription ends the waiting."""
        tries = min(line.progress.tries, 32)
        growing = min(limits.NOTIFICATION_PAUSE_SECONDS_MIN * 2 ** (tries - 1), limits.NOTIFICATION_PAUSE_SECONDS_MAX)
        cooldown = line.document["notification"]["endpoint"].get("cooldown", 0) / 1000
        stored = line.stored
        with suppress(TimeoutError):
            async with asyncio.timeout(max(growing, cooldown)):
                while line.stored is stored:
                    line.wake.clear()
                    await line.wake.wait()
        while terms.is_paused(line.document):
            line.wake.clear()
            await line.wake.wait()

    async def _park(self, line: Line, batch: list[Notice], reason: str) -> None:
        progress = line.progress._replace(told=max(line.progress.told, batch[-1].id), tries=0, failing_since_us=None)
        states = tuple(notice.state for notice in batch)
        now_us = self._hub_of().clock.now_us()
        parked = Parked(0, line.stored.number, line.stored.id, now_us, line.progress.tries, reason, states)
        await self._hub_of().outbox.park(line.tenant, parked, progress)
        line.progress = progress

    async def _shed(self, line: Line, reason: str) -> None:
        """Park the oldest of what waits until a tenth of what may wait is free; what is left is read anew."""
        line.is_behind = True
        line.pending.clear()
        reason = f"More than {limits.NOTICES_WAITING_MAX:,} changes waited for the receiver. {reason}"
        while line.waiting > limits.NOTICES_WAITING_MAX * 9 // 10:
            found = await self._hub_of().outbox.list_notices(line.tenant, line.progress.told, limits.NOTICES_PER_READ)
            mine = [notice for notice in found if line.stored.number in numbers_of(notice)]
            for start in range(0, len(mine), limits.NOTIFICATION_ENTITIES_MAX):
                tries = line.progress.tries
                await self._park(line, mine[start : start + limits.NOTIFICATION_ENTITIES_MAX], reason)
                line.progress = line.progress._replace(tries=tries)
            line.waiting -= len(mine)
            if len(found) < limits.NOTICES_PER_READ:
                break
            line.progress = line.progress._replace(told=found[-1].id)
        line.is_dirty = True

    # What is sent

    def _message_of(self, line: Line, told: list[Notice]) -> Message:
        context = self._hub_of().contexts.get(line.stored.kept.context_id)
        return self._message(line, [self._render(line, notice, context) for notice in told], context)

    def _render(self, line: Line, notice: Notice, context: Context) -> bytes:
        """Return the members of the data that tell of one change, as JSON. Lines that show the same share the work."""
        key = (notice.state, line.shape, line.stored.kept.context_id)
        known = self._rendered.get(key)
        if known is not None:
            return known
        captured = decode_captured(notice.state)
        record = record_of(captured, self._hub_of().contexts.get(captured.context_id))
        members = render_change(captured, record, line.shape, context, lambda target: self._find_linked(line, target))
        rendered = encode_data(members, line.shape.accept, context)
        # What is linked is shown as it is now, to those who may see it.
        if line.shape.representation.join is None and len(notice.state) <= limits.NOTICE_REMEMBERED_BYTES_MAX:
            self._rendered[key] = rendered
            if len(self._rendered) > limits.NOTICES_RENDERED_MAX:
                self._rendered.popitem(last=False)
        return rendered

    def _message(self, line: Line, data: list[bytes], context: Context) -> Message:
        hub = self._hub_of()
        endpoint = line.document["notification"]["endpoint"]
        envelope = Envelope(f"urn:ngsi-ld:Notification:{uuid4()}", line.stored.id, hub.clock.now_us())
        headers = {"Content-Type": line.shape.accept}
        if line.shape.has_link:
            headers["Link"] = f"<{context.link}>; {_RELATION}"
        if line.tenant != hub.settings.tenant:
            headers["NGSILD-Tenant"] = line.tenant
        return Message(
            uri=endpoint["uri"],
            body=render_notification(envelope, data, shape=line.shape, context=context),
            headers=headers,
            receiver_info=pairs_of(endpoint, "receiverInfo"),
            options=pairs_of(endpoint, "notifierInfo"),
            timeout_seconds=endpoint.get("timeout", limits.NOTIFICATION_TIMEOUT_SECONDS * 1000) / 1000,
        )

    def _find_linked(self, line: Line, target: str) -> Record | None:
        hub = self._hub_of()
        document = hub.entities.find_document(line.tenant, target)
        readable = line.stored.kept.readable_types
        if document is None or (readable is not None and not set(readable).issuperset(document.types)):
            return None
        return hub.entities.read_records(line.tenant, [document])[0]

    # timeInterval

    async def _run_periodically(self, line: Line) -> None:
        """Send what there is every `timeInterval` seconds, whether it changed or not (§5.8.6)."""
        while True:
            last = line.progress.last_notification_us or line.stored.kept.created_us
            now_us = self._hub_of().clock.now_us()
            due_seconds = last / _US + line.document["timeInterval"] - now_us / _US
            if due_seconds > 0 or terms.status_of(line.document, now_us) != "active":
                line.wake.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(line.wake.wait(), max(due_seconds, limits.NOTIFICATION_PAUSE_SECONDS_MIN))
                continue
            try:
                await self._tell_state(line)
            except HubError as error:
                self._note(line, Delivery(error.detail))

    async def _tell_state(self, line: Line) -> None:
        hub = self._hub_of()
        context = hub.contexts.get(line.stored.kept.context_id)
        elsewhere = await self._take_told_elsewhere(line)
        data = [self._render(line, notice, context) for notice in elsewhere]
        for record in await self._list_selected(line):
            members = render_state(record, line.shape, context, lambda target: self._find_linked(line, target))
            data.append(encode_data(members, line.shape.accept, context))
        if not data:
            line.progress = line.progress._replace(last_notification_us=hub.clock.now_us())
            return
        delivery = await hub.notifier.send(self._message(line, data, context))
        self._note(line, delivery)
        if elsewhere:
            await self._settle(line, elsewhere, delivery)

    async def _take_told_elsewhere(self, line: Line) -> list[Notice]:
        """Return the newest of what sources told of each entity since the last time (§5.8.6)."""
        # What was in hand when the last time failed is in the outbox still.
        line.is_behind = line.is_behind or line.in_hand is not None
        line.in_hand = None
        if line.is_behind and self._hub_of().forwarding.list_of(line.tenant, line.stored.number):
            await self._catch_up(line)
        return take_newest(line) if line.pending else []

    async def _settle(self, line: Line, elsewhere: list[Notice], delivery: Delivery) -> None:
        """Let go of what sources told once the receiver has it, or once too much waits for it."""
        if delivery.failure is None:
            line.progress = line.progress._replace(told=max(line.progress.told, elsewhere[-1].id))
            line.waiting = max(0, line.waiting - len(elsewhere))
            line.in_hand = None
        elif line.waiting > limits.NOTICES_WAITING_MAX:
            await self._shed(line, delivery.failure)

    async def _list_selected(self, line: Line) -> list[Record]:
        hub, kept = self._hub_of(), line.stored.kept
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

    # Keeping records

    async def _keep_records(self) -> None:
        """Keep how far the lines are, a few times a second while that changes."""
        sweep_at = monotonic() + limits.NOTICE_SWEEP_SECONDS
        while True:
            await asyncio.sleep(limits.NOTIFICATION_RECORD_SECONDS)
            for tenant in list(self._lines):
                # A disk that is full now may have room the next time; until then the records stay in memory.
                with suppress(HubError):
                    await self._record(tenant)
                    if monotonic() >= sweep_at:
                        await self._sweep(tenant)
            if monotonic() >= sweep_at:
                sweep_at = monotonic() + limits.NOTICE_SWEEP_SECONDS

    async def _record(self, tenant: str) -> None:
        dirty = [line for line in self.lines(tenant) if line.is_dirty]
        if not dirty:
            return
        told = [line.told_through for line in self.lines(tenant)]
        needed = [one for one in told if one is not None]
        through = min([self._newest.get(tenant, 0), *needed])
        for line in dirty:
            line.is_dirty = False
        try:
            await self._hub_of().outbox.record(tenant, [line.progress for line in dirty], through)
        except HubError:
            for line in dirty:
                line.is_dirty = True
            raise
        self._hub_of().live.stir(tenant)

    async def _sweep(self, tenant: str) -> None:
        """Drop notices that a line far behind others has no part in."""
        outbox = self._hub_of().outbox
        found = await outbox.list_notices(tenant, self._swept.get(tenant, 0), limits.NOTICES_PER_READ)
        self._swept[tenant] = found[-1].id if len(found) == limits.NOTICES_PER_READ else 0
        done = [
            notice.id for notice in found if all(self._is_told(tenant, notice.id, one) for one in numbers_of(notice))
        ]
        if done:
            await outbox.drop_notices(tenant, done)

    def _is_told(self, tenant: str, notice_id: int, number: int) -> bool:
        line = self._lines.get(tenant, {}).get(number)
        if line is None:
            return True
        through = line.told_through
        return through is None or notice_id <= through
