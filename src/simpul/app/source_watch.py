"""Tells subscribers which registrations come, change and go (CIM 009 §5.11.7). No access rules, no HTTP library here.

What is to be told waits in memory, in order for each subscriber, and is tried a few times; how it went is kept in the
store. A subscriber that was away learns the present state from `GET /csourceRegistrations`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec

from simpul import limits
from simpul.domain import subscription as terms
from simpul.domain.context import CORE, Context
from simpul.domain.endpoint import pairs_of
from simpul.domain.geo import parse_geo_query
from simpul.domain.moment import count_microseconds, render_moment
from simpul.domain.q import parse_q, parse_scope_selection, parse_type_selection
from simpul.domain.registration import Registration, render_registration
from simpul.domain.source_matching import SourceQuestion, TimeSpan, is_discovered, matching_information
from simpul.ports.notifier import Message
from simpul.ports.registrations import SourceSubscription, SourceSubscriptionStore

if TYPE_CHECKING:
    from simpul.app.hub import Hub

NEWLY_MATCHING = "newlyMatching"
UPDATED = "updated"
NO_LONGER_MATCHING = "noLongerMatching"

_encode = msgspec.json.Encoder().encode
_RELATION = 'rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
_Told = tuple[str, list[Registration]]


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
    """One subscription: what it asks, and what it is still to be told."""

    def __init__(self, tenant: str, kept: SourceSubscription, context: Context) -> None:
        self.tenant = tenant
        self.kept = kept
        self.questions = questions_of(kept.document, context)
        self.queue: asyncio.Queue[_Told] = asyncio.Queue(limits.SOURCE_NOTIFICATIONS_WAITING_MAX)
        self.tasks: list[asyncio.Task[None]] = []

    def matches(self, registration: Registration | None) -> bool:
        return registration is not None and any(is_discovered(one, registration) for one in self.questions)

    def add(self, reason: str, registrations: list[Registration]) -> None:
        """Put what is to be told behind what waits. The oldest gives way where too much waits."""
        if self.queue.full():
            self.queue.get_nowait()
        self.queue.put_nowait((reason, registrations))

    def close(self) -> None:
        for task in self.tasks:
            task.cancel()


class SourceWatch:
    """Every city's subscriptions to registrations, and the tasks that serve them."""

    def __init__(self, store: SourceSubscriptionStore) -> None:
        self._store = store
        self._hub: Hub | None = None
        self._watchers: dict[str, dict[str, Watcher]] = {}

    def start(self, hub: Hub) -> None:
        """Listen to what is registered. Called in the loop that the hub runs in."""
        self._hub = hub
        hub.registry.listen(self._on_change)

    def load(self, tenant: str) -> None:
        """Take up what is kept of a city. Raises StorageUnavailable."""
        for kept in self._store.list_source_subscriptions(tenant):
            self._open(tenant, kept)

    async def close(self) -> None:
        tasks = [task for watcher in self._all() for task in watcher.tasks]
        for watcher in self._all():
            watcher.close()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._watchers.clear()

    def _all(self) -> Iterable[Watcher]:
        return [watcher for known in self._watchers.values() for watcher in known.values()]

    def list_all(self, tenant: str) -> list[SourceSubscription]:
        return [watcher.kept for watcher in self._watchers.get(tenant, {}).values()]

    def find(self, tenant: str, subscription_id: str) -> SourceSubscription | None:
        watcher = self._watchers.get(tenant, {}).get(subscription_id)
        return watcher.kept if watcher is not None else None

    async def put(self, tenant: str, kept: SourceSubscription) -> None:
        """Keep it, in place of one with its id, and tell it what matches now."""
        await self._store.put_source_subscription(tenant, kept)
        before = self._watchers.get(tenant, {}).get(kept.id)
        if before is not None:
            before.close()
        watcher = self._open(tenant, kept)
        self._tell_present(watcher)

    async def drop(self, tenant: str, subscription_id: str) -> None:
        """Forget it, and what it was still to be told."""
        watcher = self._watchers.get(tenant, {}).pop(subscription_id)
        watcher.close()
        await self._store.delete_source_subscription(tenant, subscription_id)

    def _open(self, tenant: str, kept: SourceSubscription) -> Watcher:
        assert self._hub is not None, "it was started"
        watcher = Watcher(tenant, kept, self._hub.contexts.get(kept.document["contextId"]))
        self._watchers.setdefault(tenant, {})[kept.id] = watcher
        watcher.tasks.append(asyncio.create_task(self._serve(watcher)))
        if "timeInterval" in kept.document:
            watcher.tasks.append(asyncio.create_task(self._tick(watcher)))
        return watcher

    def _tell_present(self, watcher: Watcher) -> None:
        assert self._hub is not None, "it was started"
        matching = [one for one in self._hub.registry.list_all(watcher.tenant) if watcher.matches(one)]
        if matching:
            watcher.add(NEWLY_MATCHING, matching)

    async def _tick(self, watcher: Watcher) -> None:
        while True:
            await asyncio.sleep(float(watcher.kept.document["timeInterval"]))
            self._tell_present(watcher)

    def _on_change(self, tenant: str, before: Registration | None, after: Registration | None) -> None:
        for watcher in self._watchers.get(tenant, {}).values():
            if "timeInterval" in watcher.kept.document:
                continue
            was, is_now = watcher.matches(before), watcher.matches(after)
            if is_now and after is not None:
                watcher.add(UPDATED if was else NEWLY_MATCHING, [after])
            elif was and before is not None:
                watcher.add(NO_LONGER_MATCHING, [before])

    async def _serve(self, watcher: Watcher) -> None:
        while True:
            reason, registrations = await watcher.queue.get()
            for pause_seconds in (*limits.SOURCE_NOTIFICATION_PAUSES_SECONDS, None):
                if await self._is_done(watcher, reason, registrations) or pause_seconds is None:
                    break
                await asyncio.sleep(pause_seconds)

    async def _is_done(self, watcher: Watcher, reason: str, registrations: list[Registration]) -> bool:
        """Try once to tell it; return whether there is nothing left to try."""
        assert self._hub is not None, "it was started"
        if terms.status_of(watcher.kept.document, self._hub.clock.now_us()) != "active":
            return True
        delivery = await self._hub.notifier.send(self._message(watcher, reason, registrations))
        now_us, kept = self._hub.clock.now_us(), watcher.kept
        has_failed = delivery.failure is not None
        watcher.kept = kept._replace(
            times_sent=kept.times_sent + 1,
            times_failed=kept.times_failed + has_failed,
            last_success_us=kept.last_success_us if has_failed else now_us,
            last_failure_us=now_us if has_failed else kept.last_failure_us,
        )
        await self._store.put_source_subscription(watcher.tenant, watcher.kept)
        return not has_failed or delivery.is_refused

    def _message(self, watcher: Watcher, reason: str, registrations: list[Registration]) -> Message:
        assert self._hub is not None, "it was started"
        document = watcher.kept.document
        endpoint = document["notification"]["endpoint"]
        context = self._hub.contexts.get(document["contextId"])
        accept = endpoint.get("accept", "application/json")
        data = [_with_arrays(render_registration(_narrowed(one, watcher.questions), context)) for one in registrations]
        if accept == "application/ld+json":
            data = [{"@context": context.link, **one} for one in data]
        body = {
            "id": f"urn:ngsi-ld:CSourceNotification:{uuid4()}",
            "type": "ContextSourceNotification",
            "subscriptionId": watcher.kept.id,
            "notifiedAt": render_moment(self._hub.clock.now_us()),
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
