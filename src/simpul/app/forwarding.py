"""Hands subscriptions on to the sources that they concern (CIM 009 §5.8.1.4, §5.8.2.4, §5.8.5.4). No HTTP library here.

What should be at which source follows from the subscriptions and the registrations; what is there is kept in the store.
A task for each city makes the second like the first, whenever one of them changes, and tries again what failed. So a
source that is down learns of a subscription when it is back, and nobody who subscribes waits for it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from simpul import limits
from simpul.app.federation import Call, Hop, error_of, failure_of, send, wire_context
from simpul.domain import subscription as terms
from simpul.domain.access import Caller
from simpul.domain.context import CORE, Context
from simpul.domain.errors import HubError, PeerError, PeerInvalid
from simpul.domain.parse import NULL
from simpul.domain.registration import Registration, compile_registration
from simpul.domain.subscription_copy import CREATE, DELETE, UPDATE, fragment_of, is_concerned, reduce_subscription
from simpul.ports.forwarding import Forwarded, ForwardingStore
from simpul.ports.peer import PeerAnswer

if TYPE_CHECKING:
    from simpul.app.hub import Hub
    from simpul.app.notification_line import Line

# Where a source tells what a subscription that was handed on to it waits for.
PATH = "/ngsi-ld/ex/remote-notify"
_COLLECTION = "/subscriptions"
_ID_PREFIX = "urn:ngsi-ld:Subscription:"
_NOT_FOUND, _CONFLICT, _TIMEOUT, _TOO_MANY, _SERVER_FAILS, _LOOP = 404, 409, 408, 429, 500, 508
_US = 1_000_000


class _Wanted(NamedTuple):
    """What a source should have: the hop that tells it, and the subscription's part, in short names."""

    hop: Hop
    registration: Registration
    body: dict[str, Any]


class _Try:
    """How often something failed in a row, and when it is tried again."""

    __slots__ = ("again_us", "count", "since_us")

    def __init__(self, now_us: int) -> None:
        self.count = 0
        self.since_us = now_us
        self.again_us = 0


class Forwarding:
    """The subscriptions of all cities at other sources."""

    def __init__(self, store: ForwardingStore) -> None:
        self.store = store
        self._hub: Hub | None = None
        self._known: dict[str, dict[str, Forwarded]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._wakes: dict[str, asyncio.Event] = {}
        self._tries: dict[str, _Try] = {}

    def start(self, hub: Hub) -> None:
        """Take up what each city has handed on. Called once the subscriptions and registrations are known."""
        self._hub = hub
        hub.registry.follow(self.stir)
        for tenant in hub.tenants.list_tenants():
            # A city whose file is damaged is not served; the others are.
            with suppress(HubError):
                self._known[tenant] = {one.remote_id: one for one in self.store.list_forwarded(tenant)}
                self.stir(tenant)

    async def close(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()

    def stir(self, tenant: str) -> None:
        """Hear that a subscription or a registration of the city came, changed or went."""
        if self._hub is None or not (self._known.get(tenant) or tenant in self._hub.registry.by_tenant):
            return
        self._wakes.setdefault(tenant, asyncio.Event()).set()
        if tenant not in self._tasks:
            self._tasks[tenant] = asyncio.create_task(self._run(tenant))

    def find(self, remote_id: str) -> tuple[str, Forwarded] | None:
        """Return whose subscription this is at a source, with its city; None where it is nobody's."""
        return next(((tenant, known[remote_id]) for tenant, known in self._known.items() if remote_id in known), None)

    def list_of(self, tenant: str, number: int) -> list[Forwarded]:
        """Return where a subscription was handed on to."""
        return [one for one in self._known.get(tenant, {}).values() if one.number == number]

    async def _run(self, tenant: str) -> None:
        wake = self._wakes[tenant]
        while True:
            wake.clear()
            # A disk that is full now may have room the next time.
            with suppress(HubError):
                await self._level(tenant)
            with suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), self._pause_seconds(tenant))

    def _pause_seconds(self, tenant: str) -> float:
        now_us = self._hub_of().clock.now_us()
        known = self._known.get(tenant, {})
        due = [one.again_us for remote_id, one in self._tries.items() if remote_id in known]
        soonest = (min(due) - now_us) / _US if due else limits.FORWARDING_LOOK_SECONDS
        return max(0.05, min(soonest, limits.FORWARDING_LOOK_SECONDS))

    def _hub_of(self) -> Hub:
        assert self._hub is not None, "it was started"
        return self._hub

    async def _level(self, tenant: str) -> None:
        """Make what is at the sources like what should be there. Sources do not wait for each other."""
        known = self._known.setdefault(tenant, {})
        wanted = await self._wanted(tenant)
        places = {(one.number, _place(one.registration)): one.remote_id for one in known.values()}
        steps: dict[str, list[tuple[Forwarded, _Wanted | None]]] = {}
        for (number, registration_id), one in wanted.items():
            document = one.registration.document
            remote_id = places.pop((number, _place(document)), None)
            kept = known.get(remote_id) if remote_id is not None else None
            if kept is None:
                kept = Forwarded(_ID_PREFIX + secrets.token_hex(16), number, document)
                # It is kept before the source is told: whatever becomes of the answer, it can be taken away again.
                await self._keep(tenant, kept)
            steps.setdefault(registration_id, []).append((kept, one))
        for remote_id in places.values():
            steps.setdefault(known[remote_id].registration_id, []).append((known[remote_id], None))
        await asyncio.gather(*(self._take(tenant, several) for several in steps.values()))

    async def _take(self, tenant: str, steps: list[tuple[Forwarded, _Wanted | None]]) -> None:
        for kept, wanted in steps:
            tried = self._tries.get(kept.remote_id)
            if tried is not None and tried.again_us > self._hub_of().clock.now_us():
                continue
            if wanted is None:
                await self._remove(tenant, kept)
            else:
                await self._tell(tenant, kept, wanted)

    async def _wanted(self, tenant: str) -> dict[tuple[int, str], _Wanted]:
        hub = self._hub_of()
        now_us = hub.clock.now_us()
        sources = [one for one in hub.registry.list_sources(tenant, now_us) if one.supports(CREATE)]
        found: dict[tuple[int, str], _Wanted] = {}
        for line in hub.notices.lines(tenant) if sources else ():
            if terms.status_of(line.document, now_us) == "expired":
                continue
            hop = await hop_of_line(hub, line)
            q_context = hub.contexts.get(line.stored.kept.q_context_id)
            for one in sources:
                is_met = one.alias is not None and one.alias in hop.via
                if is_met or hop.is_back or not is_concerned(line.document, one, q_context):
                    continue
                copy = reduce_subscription(line.document, one)
                if copy is not None:
                    body = await self._render(hop, one, copy, q_context)
                    found[line.stored.number, one.id] = _Wanted(hop, one, body)
        return found

    async def _render(
        self, hop: Hop, registration: Registration, copy: terms.Document, q_context: Context
    ) -> dict[str, Any]:
        context = await self._context(hop, registration)
        if context is not q_context:
            # The names in these texts are of another @context: what the source tells is looked at here instead.
            copy = {name: value for name, value in copy.items() if name not in ("q", "csf", "expandValues")}
        body = terms.render_subscription(copy, context)
        body["notification"]["endpoint"] = {"uri": self._hub_of().settings.address + PATH, "accept": "application/json"}
        return body

    async def _context(self, hop: Hop, registration: Registration) -> Context:
        try:
            return await wire_context(self._hub_of(), hop, registration)
        except HubError:
            return CORE

    async def _tell(self, tenant: str, kept: Forwarded, wanted: _Wanted) -> None:
        hop, registration, body = wanted
        has_failed = kept.remote_id in self._tries
        if kept.sent == body and not has_failed:
            if kept.registration != registration.document:
                await self._keep(tenant, kept._replace(registration=registration.document))
            return
        if kept.sent is not None and not registration.supports(UPDATE):
            return
        failure, is_final = await self._try(registration, self._send(hop, registration, kept, body))
        if failure is not None and not is_final:
            self._fail(kept.remote_id)
            await self._keep(tenant, kept._replace(registration=registration.document, failure=failure))
            return
        # What a source refuses it would refuse again: it is told anew when either of the two changes.
        self._tries.pop(kept.remote_id, None)
        await self._keep(tenant, Forwarded(kept.remote_id, kept.number, registration.document, body, failure))

    async def _send(self, hop: Hop, registration: Registration, kept: Forwarded, body: dict[str, Any]) -> PeerAnswer:
        create = Call("POST", _COLLECTION, (), {"id": kept.remote_id, "type": "Subscription", **body})
        update = Call("PATCH", f"{_COLLECTION}/{kept.remote_id}", (), fragment_of(body, kept.sent or {}, NULL))
        first, second, other = (create, update, _CONFLICT) if kept.sent is None else (update, create, _NOT_FOUND)
        answer = await self._ask(hop, registration, first)
        if answer.status == other:
            answer = await self._ask(hop, registration, second)
        return answer

    async def _try(self, registration: Registration, asking: Awaitable[PeerAnswer]) -> tuple[str | None, bool]:
        """Return what went wrong, and whether it would go wrong again."""
        try:
            answer = await asking
        except PeerError as error:
            return failure_of(error), isinstance(error, PeerInvalid)
        except HubError as error:
            return error.detail, False
        refused = error_of(registration, answer)
        is_passing = answer.status in (_TIMEOUT, _TOO_MANY) or _SERVER_FAILS <= answer.status != _LOOP
        return (None, True) if refused is None else (refused.detail, not is_passing)

    async def _ask(self, hop: Hop, registration: Registration, call: Call) -> PeerAnswer:
        # `local` is no parameter of these operations: the body says it.
        return await send(self._hub_of(), hop, replace(registration, is_local_only=False), call)

    async def _remove(self, tenant: str, kept: Forwarded) -> None:
        hub = self._hub_of()
        registration = compile_registration(kept.registration, 0, 0)
        current = hub.registry.find(tenant, registration.id)
        if (current or registration).supports(DELETE):
            hop = Hop(_forwarder(tenant, None), CORE, (), "", {}, await hub.registry.get_alias(tenant))
            failure, is_final = await self._try(
                registration, self._ask(hop, registration, Call("DELETE", f"{_COLLECTION}/{kept.remote_id}"))
            )
            if failure is not None and not is_final and not self._is_given_up(kept.remote_id):
                self._fail(kept.remote_id)
                return
        self._tries.pop(kept.remote_id, None)
        await self.store.drop_forwarded(tenant, kept.remote_id)
        self._known.get(tenant, {}).pop(kept.remote_id, None)

    def _fail(self, remote_id: str) -> None:
        now_us = self._hub_of().clock.now_us()
        tried = self._tries.setdefault(remote_id, _Try(now_us))
        pauses = limits.FORWARDING_PAUSES_SECONDS
        tried.again_us = now_us + int(pauses[min(tried.count, len(pauses) - 1)] * _US)
        tried.count += 1

    def _is_given_up(self, remote_id: str) -> bool:
        tried = self._tries.get(remote_id)
        hours = limits.FORWARDING_DELETIONS_HOURS_MAX
        return tried is not None and self._hub_of().clock.now_us() - tried.since_us >= hours * 3_600 * _US

    async def _keep(self, tenant: str, kept: Forwarded) -> None:
        await self.store.put_forwarded(tenant, kept)
        self._known.setdefault(tenant, {})[kept.remote_id] = kept


def _place(registration: dict[str, Any]) -> tuple[str, str, str]:
    """Return where a registration leads: one that leads elsewhere by now is another source."""
    return registration["id"], registration["endpoint"], registration.get("tenant", "")


def _forwarder(tenant: str, readable_types: list[str] | None) -> Caller:
    """Return the hub itself, as it asks others for a subscriber: it may see what its subscription's maker could."""
    return Caller(tenant, "forwarding", frozenset(), None if readable_types is None else frozenset(readable_types))


async def hop_of_line(hub: Hub, line: Line) -> Hop:
    """Return what requests to sources hand on for a subscription: its @context, and the hubs that it came through."""
    kept = line.stored.kept
    context = hub.contexts.get(kept.context_id)
    asked_in = hub.contexts.get(kept.q_context_id)
    if "q" in kept.document and (asked_in is CORE or len(asked_in.urls) == 1):
        context = asked_in
    via_text = ", ".join(f"1.1 {one}" for one in kept.via)
    alias = await hub.registry.get_alias(line.tenant)
    return Hop(_forwarder(line.tenant, kept.readable_types), context, kept.via, via_text, {}, alias)
