"""Entities and attributes that expire: put with their time, and taken away when it comes (CIM 009 §4.22). No SQL here.

Whatever expires is known to the store by its time. A timer waits for the next one of each city, so a city in which
nothing expires has no timer and no cost.
"""

from __future__ import annotations

import asyncio

from simpul import limits
from simpul.app.hub import Hub
from simpul.domain import merge
from simpul.domain.context import Context
from simpul.domain.entity import EXPIRING, Entity, Instance, Record, Times, is_expiring
from simpul.domain.errors import HubError
from simpul.domain.expiry import find_first_expiry, is_expired
from simpul.domain.merge import Outcome
from simpul.operator_log import log
from simpul.ports.store import Draft

_US_PER_SECOND = 1_000_000
_ORIGIN = "expiry"


def context_id_of(hub: Hub, written: Entity | Instance | list[Instance], context: Context) -> int:
    """Return the number of the @context that what was written is stored under; `EXPIRING` where something expires."""
    return EXPIRING if is_expiring(written) else hub.contexts.id_of(context)


def note(hub: Hub, draft: Draft, record: Record) -> None:
    """Let the store know when the first thing of an entity that was just put expires; what is past goes at once."""
    first_us = find_first_expiry(record.entity)
    now_us = hub.clock.now_us()
    if first_us is not None and first_us <= now_us:
        expire(draft, record, now_us)
    else:
        draft.note_expiry(record.id, first_us)


def put_outcome(hub: Hub, draft: Draft, before: Record, outcome: Outcome, context_id: int) -> None:
    """Put what a merge came to, of an entity in which something expires or did; what is past its time goes at once."""
    now_us = hub.clock.now_us()
    first_us = find_first_expiry(outcome.entity)
    kept_id = EXPIRING if first_us is not None else max(context_id, 0)
    gone = tuple(member for member in outcome.members if member not in outcome.entity)
    # When it expires is nothing that a history tells.
    told = tuple(member for member in outcome.members if member != "expiresAt")
    after = Record(outcome.entity, merge.advance_times(before.times, outcome, now_us), kept_id)
    removed = (*outcome.removed, *(member for member in gone if member != "expiresAt"))
    draft.change(before, after, (*outcome.changed, *told), removed)
    note(hub, draft, after)


def expire(draft: Draft, record: Record, now_us: int) -> None:
    """Take away what of the entity is past its time, or all of it, and note what expires next."""
    if is_expired(record.entity, now_us):
        draft.delete(record, now_us)
        draft.note_expiry(record.id, None)
        return
    outcome = merge.expire_attributes(record.entity, now_us)
    first_us = find_first_expiry(outcome.entity)
    if not outcome.is_nothing:
        times: Times = merge.advance_times(record.times, outcome, now_us)
        after = Record(outcome.entity, times, EXPIRING if first_us is not None else 0)
        draft.change(record, after, outcome.changed, outcome.removed)
    draft.note_expiry(record.id, first_us)


class Expiry:
    """Waits for what expires, city by city, and takes it away."""

    def __init__(self) -> None:
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._sweeps: set[asyncio.Task[None]] = set()
        self._hub: Hub | None = None

    def start(self, hub: Hub) -> None:
        """Wait for what the cities have. Raises StorageUnavailable."""
        self._hub = hub

    def wake(self, tenant: str) -> None:
        """Look when the next thing of the city expires, and wait for it."""
        hub = self._hub
        if hub is None:
            return
        next_us = hub.expiries.next_expiry(tenant)
        if next_us is not None:
            seconds = (next_us - hub.clock.now_us()) / _US_PER_SECOND
            self._wait(tenant, min(max(seconds, 0.0), limits.EXPIRY_WAIT_SECONDS_MAX))

    def _wait(self, tenant: str, seconds: float) -> None:
        known = self._timers.pop(tenant, None)
        if known is not None:
            known.cancel()
        self._timers[tenant] = asyncio.get_running_loop().call_later(seconds, self._begin, tenant)

    def _begin(self, tenant: str) -> None:
        self._timers.pop(tenant, None)
        sweep = asyncio.ensure_future(self._sweep(tenant))
        self._sweeps.add(sweep)
        sweep.add_done_callback(self._sweeps.discard)

    async def _sweep(self, tenant: str) -> None:
        assert self._hub is not None, "it was started"
        try:
            while await sweep(self._hub, tenant) == limits.EXPIRED_PER_WRITE:
                pass
            self.wake(tenant)
        except HubError as error:
            # Nothing was taken away; it is tried again until it is.
            log.warning("what has expired could not be taken away", tenant=tenant, reason=error.detail)
            self._wait(tenant, limits.EXPIRY_RETRY_SECONDS)

    async def close(self) -> None:
        """Wait for nothing more, and for what is being taken away."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._hub = self._hub if self._sweeps else None
        await asyncio.gather(*self._sweeps, return_exceptions=True)
        for timer in self._timers.values():
            timer.cancel()


async def sweep(hub: Hub, tenant: str) -> int:
    """Take away what has expired in the city, in one write; return how many entities were looked at."""
    now_us = hub.clock.now_us()
    ids = hub.expiries.list_expired(tenant, now_us, limits.EXPIRED_PER_WRITE)

    def operation(draft: Draft) -> None:
        for entity_id in ids:
            record = draft.find(entity_id)
            if record is None:
                draft.note_expiry(entity_id, None)
            else:
                expire(draft, record, now_us)

    if ids:
        await hub.entities.write(tenant, _ORIGIN, operation)
    return len(ids)
