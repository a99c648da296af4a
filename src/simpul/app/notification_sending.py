"""Sends one line's notices in their order, tries again with growing pauses, and parks what is given up. No HTTP here.

Changes that gather while a line is busy go into one notification, each entity once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter

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
from simpul.app.notification_messages import Messages
from simpul.app.notification_pacer import Pacer
from simpul.domain import subscription as terms
from simpul.domain.errors import HubError
from simpul.domain.watch import unpack_numbers
from simpul.operator_log import log
from simpul.ports.notifier import Delivery
from simpul.ports.outbox import Notice, Parked

_US = 1_000_000


class Sender:
    """Works through lines, each in a task of its own. `watch` is called for a city in which a subscription ended."""

    def __init__(self, hub: Hub, messages: Messages, watch: Callable[[str], None]) -> None:
        self._hub = hub
        self._messages = messages
        self._watch = watch
        self._pacer = Pacer()

    async def run(self, line: Line) -> None:
        """Send what the line has, one notification after the other, for ever."""
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
                    await self.catch_up(line)
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
            await self._pacer.turn(is_writing=self._hub.outbox.is_writing(line.tenant))
            return take_newest(line) if "throttling" in line.document else take_each(line)

    async def catch_up(self, line: Line) -> None:
        """Read notices of the line that are in the outbox and not in memory. Raises HubError."""
        after = line.progress.told
        while True:
            line.is_behind = False
            found = await self._hub.outbox.list_notices(line.tenant, after, limits.NOTICES_PER_READ)
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
        return float((last + throttling * _US - self._hub.clock.now_us()) / _US)

    async def _tell(self, line: Line, batch: list[Notice]) -> None:
        """Send one notification until it arrived or is parked."""
        end_us = terms.expires_us(line.document)
        wanted = [notice for notice in batch if end_us is None or head_of(notice.state).at_us < end_us]
        alias = await self._hub.registry.get_alias(line.tenant)
        told = [notice for notice in wanted if rounds_of(notice, alias) < limits.NOTIFICATION_ROUNDS_MAX]
        echoes = await echoing(line, told)
        told = [notice for notice in told if notice not in echoes]
        while told:
            began_us = self._hub.clock.now_us()
            delivery = await self._send(line, told, alias)
            if delivery.failure is None:
                changes = ((head.entity_id, head.at_us) for head in heads_of(told))
                line.echoes.note(changes, began_us, self._hub.clock.now_us())
                break
            if line.waiting > limits.NOTICES_WAITING_MAX:
                await self.shed(line, delivery.failure)
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
        self.note(line, Delivery(reason, is_refused=True))
        await self._park(line, circling, reason)

    async def _send(self, line: Line, told: list[Notice], alias: str) -> Delivery:
        began = perf_counter()
        try:
            message = self._messages.tell(line, told)
            message.headers["Via"] = via_of(told, alias)
        except Exception as error:  # noqa: BLE001  # Whatever cannot be shown must not stop what comes after it; it is parked.
            delivery = Delivery(f"It cannot be rendered: {error}", is_refused=True)
            line.progress = line.progress._replace(tries=limits.NOTIFICATION_REFUSALS_MAX)
        else:
            self._pacer.note_cost(perf_counter() - began)
            try:
                delivery = await self._hub.notifier.send(message)
            except Exception:  # A defect of a notifier is a failure to deliver, and is tried again.
                log.exception("a notifier failed", tenant=line.tenant)
                delivery = Delivery("It could not be sent because of a defect; the log has more.")
        self.note(line, delivery)
        return delivery

    def note(self, line: Line, delivery: Delivery) -> None:
        """Keep what became of a notification (§5.8.6)."""
        now_us = self._hub.clock.now_us()
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
        return self._hub.clock.now_us() - since >= limits.NOTIFICATION_HOURS_MAX * 3_600 * _US

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
        now_us = self._hub.clock.now_us()
        parked = Parked(0, line.stored.number, line.stored.id, now_us, line.progress.tries, reason, states)
        await self._hub.outbox.park(line.tenant, parked, progress)
        line.progress = progress

    async def shed(self, line: Line, reason: str) -> None:
        """Park the oldest of what waits until a tenth of what may wait is free; what is left is read anew."""
        line.is_behind = True
        line.pending.clear()
        reason = f"More than {limits.NOTICES_WAITING_MAX:,} changes waited for the receiver. {reason}"
        while line.waiting > limits.NOTICES_WAITING_MAX * 9 // 10:
            found = await self._hub.outbox.list_notices(line.tenant, line.progress.told, limits.NOTICES_PER_READ)
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
