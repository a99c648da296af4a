"""The lines of notifications, one for each subscription, and how far they are. No HTTP, no MQTT and no SQL here.

Each subscription has a line of its own, with one task that works through it (`notification_sending.py`, or
`notification_intervals.py` where it has a `timeInterval`). So a slow receiver holds up nobody else. What is not told
yet lies in the store's outbox; a line keeps the newest of it in memory and reads the rest from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from itertools import groupby
from time import monotonic

from simpul import limits
from simpul.app.hub import Hub
from simpul.app.notification_intervals import Intervals
from simpul.app.notification_line import Line, numbers_of
from simpul.app.notification_messages import Messages
from simpul.app.notification_sending import Sender
from simpul.domain import subscription as terms
from simpul.domain.errors import HubError
from simpul.domain.notification import shape_of
from simpul.domain.watch import Watchlist, unpack_numbers
from simpul.ports.outbox import Notice, StoredSubscription


class Dispatch:
    """The lines of all cities."""

    def __init__(self) -> None:
        self._lines: dict[str, dict[int, Line]] = {}
        self._watchlists: dict[str, Watchlist] = {}
        self._newest: dict[str, int] = {}
        self._swept: dict[str, int] = {}
        self._keeper: asyncio.Task[None] | None = None
        self._hub: Hub | None = None
        self._sender: Sender | None = None
        self._intervals: Intervals | None = None

    def start(self, hub: Hub) -> None:
        """Take up every city's subscriptions where they were left."""
        self._hub = hub
        messages = Messages(hub)
        self._sender = Sender(hub, messages, self._watch)
        self._intervals = Intervals(hub, messages, self._sender)
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
        assert self._sender is not None, "the dispatch was started"
        assert self._intervals is not None, "the dispatch was started"
        work = self._intervals.run(line) if line.is_periodic else self._sender.run(line)
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
