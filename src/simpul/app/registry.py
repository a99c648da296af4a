"""The registrations of every city, ready for matching, and how their sources did. No access rules, no sending.

What is here is what the store has: it is read once when the hub opens and changed together with the store. A city
without registrations is not in it, so that a request learns by one look-up that nobody else needs to be asked.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from simpul import limits
from simpul.app.under_way import UnderWay
from simpul.domain.registration import Registration, compile_registration
from simpul.domain.source_matching import provides_current_state, provides_histories
from simpul.ports.registrations import KeptRegistration, RegistrationStore, SourceNotice


class Listener(Protocol):
    """Whoever has subscribers to tell of what is registered."""

    def notices_of(
        self, tenant: str, before: Registration | None, after: Registration | None
    ) -> Sequence[SourceNotice]:
        """Return what is to be told of a change, by what was there before it and is there after it."""

    def wake(self, tenant: str, notices: Sequence[SourceNotice]) -> None:
        """Hear that these are kept, and have to be sent."""


_US_PER_MS = 1_000


@dataclass(slots=True)
class SourceStatus:
    """How a registered source did since the hub started (§5.2.9, Table 5.2.9-2).

    `last_contact_us` says when it last answered, `failure` what went wrong with the last request, `misses` how many
    requests it has left without an answer since. `under_way` are those that it has not answered yet.
    """

    times_sent: int = 0
    times_failed: int = 0
    last_success_us: int | None = None
    last_failure_us: int | None = None
    unreachable_us: int | None = None
    last_contact_us: int | None = None
    failure: str | None = None
    misses: int = 0
    under_way: UnderWay = field(default_factory=UnderWay)

    def succeeded(self, at_us: int) -> None:
        self.times_sent += 1
        self.misses = 0
        self.last_success_us = self.last_contact_us = at_us
        self.unreachable_us = self.failure = None

    def missed(self, at_us: int, failure: str) -> None:
        """Note a request that was not answered."""
        self.failed(at_us, failure, is_reachable=False)
        self.misses += 1

    def failed(self, at_us: int, failure: str, *, is_reachable: bool) -> None:
        """Note an answer that is a failure; one of the source itself leaves it unreachable, too."""
        self.times_sent += 1
        self.misses = 0 if is_reachable else self.misses
        self.times_failed += 1
        self.last_failure_us = at_us
        self.failure = failure
        if is_reachable:
            self.unreachable_us, self.last_contact_us = None, at_us
        else:
            self.unreachable_us = at_us

    def looked_at(self, at_us: int, failure: str | None) -> None:
        """Note that an operator had it asked whether it is there; that is no operation, so nothing is counted."""
        if failure is None:
            self.unreachable_us, self.last_contact_us, self.failure = None, at_us, None
            self.misses = 0
        else:
            self.unreachable_us, self.failure = at_us, failure

    def is_cooling(self, now_us: int, cooldown_ms: int | None) -> bool:
        """Return whether the source is not to be asked yet.

        After each failure where its registration has a cooldown (§5.2.34); else after several requests in a row that it
        left without an answer, so that a dead source does not cost every request its timeout.
        """
        if self.unreachable_us is None:
            return False
        if cooldown_ms is not None:
            return now_us < self.unreachable_us + cooldown_ms * _US_PER_MS
        pause_us = limits.PEER_PAUSE_MS * _US_PER_MS
        return self.misses >= limits.PEER_MISSES_MAX and now_us < self.unreachable_us + pause_us


class Registry:
    """What is registered, city by city."""

    def __init__(self, store: RegistrationStore) -> None:
        self._store = store
        self._aliases: dict[str, str] = {}
        self._statuses: dict[tuple[str, str], SourceStatus] = {}
        self._listeners: list[Listener] = []
        self._followers: list[Callable[[str], None]] = []
        self._locks: dict[str, asyncio.Lock] = {}
        # Only cities that have registrations are here.
        self.by_tenant: dict[str, dict[str, Registration]] = {}

    def load(self, tenant: str) -> None:
        """Read a city's registrations. Raises StorageUnavailable."""
        kept = self._store.list_registrations(tenant)
        if kept:
            self.by_tenant[tenant] = {
                one.id: compile_registration(one.document, one.created_us, one.modified_us) for one in kept
            }

    def listen(self, listener: Listener) -> None:
        """Let the listener say who is to be told of each change, and hear when that is kept."""
        self._listeners.append(listener)

    def follow(self, follower: Callable[[str], None]) -> None:
        """Let the follower hear in which city registrations changed, once that is kept."""
        self._followers.append(follower)

    def changing(self, tenant: str) -> asyncio.Lock:
        """Return what is held while the city's registrations change, or who is told of them."""
        return self._locks.setdefault(tenant, asyncio.Lock())

    def list_all(self, tenant: str) -> list[Registration]:
        return list(self.by_tenant.get(tenant, {}).values())

    def find(self, tenant: str, registration_id: str) -> Registration | None:
        return self.by_tenant.get(tenant, {}).get(registration_id)

    def list_sources(self, tenant: str, now_us: int) -> list[Registration]:
        """Return the registrations that requests about the current state may be forwarded to."""
        return [one for one in self.list_all(tenant) if not one.is_expired(now_us) and provides_current_state(one)]

    def list_history_sources(self, tenant: str, now_us: int) -> list[Registration]:
        """Return the registrations that requests about histories may be forwarded to."""
        return [one for one in self.list_all(tenant) if not one.is_expired(now_us) and provides_histories(one)]

    def status(self, tenant: str, registration_id: str) -> SourceStatus:
        return self._statuses.setdefault((tenant, registration_id), SourceStatus())

    async def put(self, tenant: str, registration: Registration) -> None:
        """Keep it, in place of one with its id, together with what subscribers are to be told of that."""
        kept = KeptRegistration(
            registration.id, registration.document, registration.created_us, registration.modified_us
        )
        async with self.changing(tenant):
            notices = self._notices_of(tenant, self.find(tenant, registration.id), registration)
            await self._store.put_registration(tenant, kept, notices)
            self.by_tenant.setdefault(tenant, {})[registration.id] = registration
        self._tell(tenant, notices)

    async def drop(self, tenant: str, registration: Registration) -> None:
        """Forget it, and keep what subscribers are to be told of that."""
        async with self.changing(tenant):
            notices = self._notices_of(tenant, registration, None)
            await self._store.delete_registration(tenant, registration.id, notices)
            known = self.by_tenant.get(tenant, {})
            known.pop(registration.id, None)
            if not known:
                self.by_tenant.pop(tenant, None)
            self._statuses.pop((tenant, registration.id), None)
        self._tell(tenant, notices)

    def _notices_of(self, tenant: str, before: Registration | None, after: Registration | None) -> list[SourceNotice]:
        return [notice for listener in self._listeners for notice in listener.notices_of(tenant, before, after)]

    def _tell(self, tenant: str, notices: Sequence[SourceNotice]) -> None:
        for follower in self._followers:
            follower(tenant)
        for listener in self._listeners if notices else ():
            listener.wake(tenant, notices)

    async def get_alias(self, tenant: str) -> str:
        """Return the city's pseudonym in Via headers; it is made when it is first needed."""
        alias = self._aliases.get(tenant) or self._store.find_alias(tenant)
        if alias is None:
            alias = f"{tenant}-{secrets.token_hex(8)}"
            await self._store.put_alias(tenant, alias)
        self._aliases[tenant] = alias
        return alias
