"""Tells subscribers which registrations come, change and go (CIM 009 §5.11.7). No access rules, no HTTP library here.

What is to be told is kept in the transaction of the change that it tells of, and sent from there: in order for each
subscriber, tried again with pauses, and parked where it is given up, for an operator to replay.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec

from simpul import limits
from simpul.domain import subscription as terms
from simpul.domain.context import CORE, Context
from simpul.domain.endpoint import pairs_of
from simpul.domain.errors import HubError
from simpul.domain.geo import parse_geo_query
from simpul.domain.moment import count_microseconds, render_moment
from simpul.domain.q import parse_q, parse_scope_selection, parse_type_selection
from simpul.domain.registration import Registration, compile_registration, render_registration
from simpul.domain.source_matching import SourceQuestion, TimeSpan, is_discovered, matching_information
from simpul.operator_log import log
from simpul.ports.notifier import Delivery, Message
from simpul.ports.registrations import SourceNotice, SourceSubscription, SourceSubscriptionStore

if TYPE_CHECKING:
    from simpul.app.hub import Hub

NEWLY_MATCHING = "newlyMatching"
UPDATED = "updated"
NO_LONGER_MATCHING = "noLongerMatching"

_encode = msgspec.json.Encoder().encode
_RELATION = 'rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'


def questions_of(document: dict[str, Any], context: Context) -> list[SourceQuestion]:
    """Return what a subscription asks of registrations: one of these has to be answered (§5.12).

    `context` is the one that names in `q` are from.
    """
    shown = document["notification"].get("attributes", ())
    attributes = tuple(dict.fromkeys((*document.get("watchedAttributes", ()), *shown))) if shown else ()
    geo = document.get("geoQ")
    text = document.get("csf") or document.get("q")
    scope = document.get("scopeQ")
    shared = SourceQuestion(
        attributes=attributes,
        q=parse_q(text, context.expand) if text else None,
        geo=parse_geo_query(
            geo["georel"], geo["geometry"], geo["coordinates"], geo.get("geoproperty") or CORE.expand("location")
        )
        if geo
        else None,
        scope=parse_scope_selection(scope) if scope else None,
        span=span_of(document.get("temporalQ")),
    )
    return [_question_of(selector, shared) for selector in document.get("entities", [{}])]


def _question_of(selector: dict[str, Any], shared: SourceQuestion) -> SourceQuestion:
    types = selector.get("type", "*")
    ids = selector.get("id", ())
    return SourceQuestion(
        types=None if types == "*" else parse_type_selection(types, str),
        ids=(ids,) if isinstance(ids, str) else tuple(ids),
        id_pattern=selector.get("idPattern"),
        attributes=shared.attributes,
        q=shared.q,
        geo=shared.geo,
        scope=shared.scope,
        span=shared.span,
    )


def span_of(asked: dict[str, Any] | None) -> TimeSpan | None:
    """Return the span of time that a checked `temporalQ` is about."""
    if asked is None:
        return None
    at_us = count_microseconds(asked["timeAt"])
    end = asked.get("endTimeAt")
    relation = asked["timerel"]
    return TimeSpan(
        is_observed=asked.get("timeproperty", "observedAt") == "observedAt",
        first_us=None if relation == "before" else at_us,
        last_us=at_us if relation == "before" else count_microseconds(end) if end else None,
    )


class Watcher:
    """One subscription: what it asks, and the task that tells it. `tries` counts failures since the last success."""

    def __init__(self, tenant: str, kept: SourceSubscription, context: Context) -> None:
        self.tenant = tenant
        self.kept = kept
        self.questions = questions_of(kept.document, context)
        self.wake = asyncio.Event()
        self.tries = 0
        self.tasks: list[asyncio.Task[None]] = []

    @property
    def is_periodic(self) -> bool:
        return "timeInterval" in self.kept.document

    def matches(self, registration: Registration | None) -> bool:
        return registration is not None and any(is_discovered(one, registration) for one in self.questions)

    def status(self, now_us: int) -> str:
        return terms.status_of(self.kept.document, now_us)


async def _stop(watcher: Watcher) -> None:
    for task in watcher.tasks:
        task.cancel()
    await asyncio.gather(*watcher.tasks, return_exceptions=True)


class SourceWatch:
    """Every city's subscriptions to registrations, and the tasks that serve them."""

    def __init__(self, store: SourceSubscriptionStore) -> None:
        self.store = store
        self._hub: Hub | None = None
        self._watchers: dict[str, dict[str, Watcher]] = {}

    def start(self, hub: Hub) -> None:
        """Listen to what is registered. Called in the loop that the hub runs in."""
        self._hub = hub
        hub.registry.listen(self)

    def load(self, tenant: str) -> None:
        """Take up what is kept of a city. Raises StorageUnavailable."""
        for kept in self.store.list_source_subscriptions(tenant):
            self._open(tenant, kept)

    async def close(self) -> None:
        """Stop telling; what waits is told by whoever opens the city next."""
        await asyncio.gather(*map(_stop, self._all()))
        self._watchers.clear()

    def _all(self) -> Iterable[Watcher]:
        return [watcher for known in self._watchers.values() for watcher in known.values()]

    def _now_us(self) -> int:
        return self._hub_of().clock.now_us()

    def _hub_of(self) -> Hub:
        assert self._hub is not None, "it was started"
        return self._hub

    def list_all(self, tenant: str) -> list[SourceSubscription]:
        return [watcher.kept for watcher in self._watchers.get(tenant, {}).values()]

    def find(self, tenant: str, subscription_id: str) -> SourceSubscription | None:
        watcher = self._watchers.get(tenant, {}).get(subscription_id)
        return watcher.kept if watcher is not None else None

    async def put(self, tenant: str, kept: SourceSubscription) -> None:
        """Keep it, in place of one with its id, and tell it what matches now."""
        hub = self._hub_of()
        async with hub.registry.changing(tenant):
            before = self._watchers.get(tenant, {}).pop(kept.id, None)
            if before is not None:
                # It must not put its own document in the place of the new one.
                await _stop(before)
            watcher = Watcher(tenant, kept, hub.contexts.get(kept.document["contextId"]))
            try:
                await self.store.put_source_subscription(tenant, kept, self._present(watcher))
            except HubError:
                if before is not None:
                    self._open(tenant, before.kept)
                raise
            self._open(tenant, kept)

    async def drop(self, tenant: str, subscription_id: str) -> None:
        """Forget it, and what it was still to be told."""
        watcher = self._watchers.get(tenant, {}).pop(subscription_id)
        await _stop(watcher)
        await self.store.delete_source_subscription(tenant, subscription_id)

    def _open(self, tenant: str, kept: SourceSubscription) -> None:
        watcher = Watcher(tenant, kept, self._hub_of().contexts.get(kept.document["contextId"]))
        self._watchers.setdefault(tenant, {})[kept.id] = watcher
        watcher.tasks.append(asyncio.create_task(self._serve(watcher)))
        if watcher.is_periodic:
            watcher.tasks.append(asyncio.create_task(self._tick(watcher)))

    def _present(self, watcher: Watcher) -> list[SourceNotice]:
        """Return what tells a subscriber of all that matches now."""
        if watcher.status(self._now_us()) != "active":
            return []
        known = self._hub_of().registry.list_all(watcher.tenant)
        matching = [one.document for one in known if watcher.matches(one)]
        return [SourceNotice(watcher.kept.id, NEWLY_MATCHING, matching, self._now_us())] if matching else []

    async def _tick(self, watcher: Watcher) -> None:
        while True:
            await asyncio.sleep(float(watcher.kept.document["timeInterval"]))
            # A disk that is full now may have room the next time.
            with suppress(HubError):
                await self.store.put_source_subscription(watcher.tenant, watcher.kept, self._present(watcher))
                watcher.wake.set()

    def notices_of(
        self, tenant: str, before: Registration | None, after: Registration | None
    ) -> Sequence[SourceNotice]:
        now_us = self._now_us()
        found: list[SourceNotice] = []
        for watcher in self._watchers.get(tenant, {}).values():
            if watcher.is_periodic or watcher.status(now_us) != "active":
                continue
            was, is_now = watcher.matches(before), watcher.matches(after)
            if is_now and after is not None:
                reason = UPDATED if was else NEWLY_MATCHING
                found.append(SourceNotice(watcher.kept.id, reason, [after.document], now_us))
            elif was and before is not None:
                found.append(SourceNotice(watcher.kept.id, NO_LONGER_MATCHING, [before.document], now_us))
        return found

    def wake(self, tenant: str, notices: Sequence[SourceNotice]) -> None:
        for notice in notices:
            watcher = self._watchers.get(tenant, {}).get(notice.subscription_id)
            if watcher is not None:
                watcher.wake.set()

    async def _serve(self, watcher: Watcher) -> None:
        while True:
            try:
                await self._serve_next(watcher)
            except HubError:
                # What could not be read or kept stays in the outbox and is told then.
                await asyncio.sleep(limits.NOTIFICATION_PAUSE_SECONDS_MIN)

    async def _serve_next(self, watcher: Watcher) -> None:
        """Tell the oldest of what waits, or wait for something."""
        watcher.wake.clear()
        waiting = await self.store.list_source_notices(watcher.tenant, watcher.kept.id, 1)
        status = watcher.status(self._now_us())
        if not waiting or status == "paused":
            await watcher.wake.wait()
        elif status == "expired":
            await self.store.finish_source_notice(watcher.tenant, waiting[0].id, watcher.kept)
        else:
            await self._tell(watcher, waiting[0])

    async def _tell(self, watcher: Watcher, notice: SourceNotice) -> None:
        registrations = [compile_registration(document, 0, 0) for document in notice.documents]
        try:
            delivery = await self._hub_of().notifier.send(self._message(watcher, notice.reason, registrations))
        except Exception:  # A defect of a notifier is a failure to deliver, and is tried again.
            log.exception("a notifier failed", tenant=watcher.tenant)
            delivery = Delivery("It could not be sent because of a defect; the log has more.")
        now_us, kept = self._now_us(), watcher.kept
        if delivery.failure is None:
            watcher.tries = 0
            watcher.kept = kept._replace(times_sent=kept.times_sent + 1, last_success_us=now_us)
            await self.store.finish_source_notice(watcher.tenant, notice.id, watcher.kept)
            self._hub_of().live.stir(watcher.tenant)
            return
        watcher.tries += 1
        watcher.kept = kept._replace(
            times_sent=kept.times_sent + 1, times_failed=kept.times_failed + 1, last_failure_us=now_us
        )
        excess = self.store.count_source_notices(watcher.tenant, kept.id) - limits.SOURCE_NOTIFICATIONS_WAITING_MAX
        given_up = int(self._is_given_up(watcher, notice, delivery))
        watcher.tries *= 1 - given_up
        parked = (max(excess, given_up, 0), now_us, delivery.failure)
        await self.store.park_source_notices(watcher.tenant, kept.id, parked, watcher.kept)
        self._hub_of().live.stir(watcher.tenant)
        if not given_up:
            pauses = limits.SOURCE_NOTIFICATION_PAUSES_SECONDS
            await asyncio.sleep(pauses[min(watcher.tries, len(pauses)) - 1])

    def _is_given_up(self, watcher: Watcher, notice: SourceNotice, delivery: Delivery) -> bool:
        if delivery.is_refused and watcher.tries >= limits.NOTIFICATION_REFUSALS_MAX:
            return True
        if delivery.is_denied and watcher.tries >= limits.NOTIFICATION_DENIALS_MAX:
            return True
        return self._now_us() - notice.at_us >= limits.NOTIFICATION_HOURS_MAX * 3_600_000_000

    def _message(self, watcher: Watcher, reason: str, registrations: list[Registration]) -> Message:
        document = watcher.kept.document
        endpoint = document["notification"]["endpoint"]
        context = self._hub_of().contexts.get(document["contextId"])
        accept = endpoint.get("accept", "application/json")
        data = [_with_arrays(render_registration(_narrowed(one, watcher.questions), context)) for one in registrations]
        if accept == "application/ld+json":
            data = [{"@context": context.link, **one} for one in data]
        body = {
            "id": f"urn:ngsi-ld:CSourceNotification:{uuid4()}",
            "type": "ContextSourceNotification",
            "subscriptionId": watcher.kept.id,
            "notifiedAt": render_moment(self._now_us()),
            "triggerReason": reason,
            "data": data,
        }
        headers = {"Content-Type": "application/json" if accept == "application/geo+json" else accept}
        if accept != "application/ld+json":
            headers["Link"] = f"<{context.link}>; {_RELATION}"
        return Message(
            uri=endpoint["uri"],
            body=_encode(body),
            headers=headers,
            receiver_info=pairs_of(endpoint, "receiverInfo"),
            options=pairs_of(endpoint, "notifierInfo"),
        )


def _with_arrays(rendered: dict[str, Any]) -> dict[str, Any]:
    """Return the registration with every type as an array (§5.2.8 has both forms), so that a receiver knows one."""
    for info in rendered["information"]:
        for entity in info.get("entities", ()):
            if isinstance(entity["type"], str):
                entity["type"] = [entity["type"]]
    return rendered


def _narrowed(registration: Registration, questions: list[SourceQuestion]) -> dict[str, Any]:
    """Return the registration with only the information that the subscriber asked for (§5.11.7)."""
    told = [info for question in questions for info in matching_information(question, registration)]
    wanted = [
        document
        for info, document in zip(registration.information, registration.document["information"], strict=True)
        if any(one.attributes == info.attributes and set(one.entities) <= set(info.entities) for one in told)
    ]
    return {**registration.document, "information": wanted or registration.document["information"]}
