"""Subscriptions to registrations: make, list, read, change, delete them (CIM 009 §5.11). No HTTP here, no sending."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple
from uuid import uuid4

from simpul import limits
from simpul.app.allowed_hosts import raise_unless_allowed_host
from simpul.app.entities import raise_unless_allowed
from simpul.app.hub import Hub
from simpul.app.own_source_subscriptions import find_own, list_own
from simpul.app.registrations import raise_unless_may_read
from simpul.domain import subscription as terms
from simpul.domain.access import Action, Caller
from simpul.domain.context import Context
from simpul.domain.endpoint import without_secrets
from simpul.domain.errors import AlreadyExists, BadRequestData, NotFound, TooManyResults
from simpul.domain.json_text import shown
from simpul.domain.moment import render_moment
from simpul.domain.parse import NULL, is_moment
from simpul.ports.registrations import SourceNotice, SourceSubscription

_RELATIONS = ("before", "after", "between")


async def create(caller: Caller, hub: Hub, body: Any, context: Context) -> str:
    """Keep a new one (§5.11.2); return its id. Raises AlreadyExists, BadRequestData."""
    raise_unless_allowed(caller, Action.WRITE)
    rest, span = _split(body)
    if None in span.values():
        raise BadRequestData("temporalQ is null, which removes it; a new subscription has none that could be removed.")
    document = {**terms.parse_subscription(rest, context), **span}
    document.setdefault("id", f"urn:ngsi-ld:CSourceSubscription:{uuid4()}")
    if hub.source_watch.find(caller.tenant, document["id"]) is not None:
        raise AlreadyExists(f"There is a subscription {document['id']} already. Change it with PATCH.")
    if len(hub.source_watch.list_all(caller.tenant)) >= limits.SUBSCRIPTIONS_MAX:
        raise TooManyResults(f"There are {limits.SUBSCRIPTIONS_MAX:,} subscriptions already. Delete what is not used.")
    raise_unless_allowed_host(hub, document["notification"]["endpoint"]["uri"], "the endpoint")
    now_us = hub.clock.now_us()
    _raise_unless_future(document, now_us)
    document["contextId"] = hub.contexts.register(context)
    await hub.source_watch.put(caller.tenant, SourceSubscription(document["id"], document, now_us, now_us))
    return str(document["id"])


async def update(caller: Caller, hub: Hub, subscription_id: str, body: Any, context: Context) -> None:
    """Change members of one (§5.11.3). Raises NotFound, BadRequestData."""
    raise_unless_allowed(caller, Action.WRITE)
    kept = _get_made(caller, hub, subscription_id)
    rest, span = _split(body)
    fragment = terms.parse_fragment(rest, context)
    q_context = context if "q" in fragment else hub.contexts.get(kept.document["contextId"])
    merged = {**terms.merge_fragment(kept.document, fragment, q_context), **span}
    document = {name: value for name, value in merged.items() if value is not None}
    if "expiresAt" in fragment:
        _raise_unless_future(document, hub.clock.now_us())
    raise_unless_allowed_host(hub, document["notification"]["endpoint"]["uri"], "the endpoint")
    document["contextId"] = hub.contexts.register(q_context)
    changed = kept._replace(document=document, modified_us=hub.clock.now_us())
    await hub.source_watch.put(caller.tenant, changed)


async def delete(caller: Caller, hub: Hub, subscription_id: str) -> None:
    """Remove one (§5.11.6). Raises NotFound."""
    raise_unless_allowed(caller, Action.WRITE)
    _get_made(caller, hub, subscription_id)
    await hub.source_watch.drop(caller.tenant, subscription_id)


def get(caller: Caller, hub: Hub, subscription_id: str) -> SourceSubscription:
    """Return one (§5.11.4). Raises NotFound, Unauthenticated."""
    raise_unless_may_read(caller)
    found = hub.source_watch.find(caller.tenant, subscription_id) or find_own(hub, caller.tenant, subscription_id)
    if found is None:
        raise NotFound(f"There is no subscription {subscription_id[:200]} to registrations.")
    return found


def list_all(caller: Caller, hub: Hub) -> list[SourceSubscription]:
    """Return all, oldest first (§5.11.5). Raises Unauthenticated."""
    raise_unless_may_read(caller)
    return [*hub.source_watch.list_all(caller.tenant), *list_own(hub, caller.tenant)]


def _get_made(caller: Caller, hub: Hub, subscription_id: str) -> SourceSubscription:
    """Return one that somebody made. Raises NotFound, and BadRequestData for the hub's own."""
    found = get(caller, hub, subscription_id)
    if hub.source_watch.find(caller.tenant, subscription_id) is None:
        raise BadRequestData(f"{subscription_id} is the hub's own; change or delete the subscription that it is of.")
    return found


def list_parked(caller: Caller, hub: Hub) -> list[SourceNotice]:
    """Return what could not be told to subscribers, oldest first. Raises Unauthenticated, Forbidden."""
    raise_unless_allowed(caller, Action.WRITE)
    return hub.source_watch.store.list_parked_source_notices(caller.tenant)


async def replay(caller: Caller, hub: Hub, notice_id: int) -> None:
    """Tell again what was given up, after what waits for its subscriber. Raises NotFound, Forbidden."""
    raise_unless_allowed(caller, Action.WRITE)
    subscription_id = await hub.source_watch.store.replay_source_notice(caller.tenant, notice_id)
    if subscription_id is None:
        raise NotFound(f"There is no parked notification {notice_id} about registrations.")
    hub.source_watch.wake(caller.tenant, [SourceNotice(subscription_id, "", [], 0)])


async def drop_parked(caller: Caller, hub: Hub, notice_id: int) -> None:
    """Forget what was given up: it will never be told. Raises NotFound, Forbidden."""
    raise_unless_allowed(caller, Action.WRITE)
    if not await hub.source_watch.store.drop_source_notice(caller.tenant, notice_id):
        raise NotFound(f"There is no parked notification {notice_id} about registrations.")


async def replay_all(caller: Caller, hub: Hub, subscription_id: str) -> int:
    """Tell again all that was given up for one subscriber, oldest first; return how many. Raises NotFound."""
    raise_unless_allowed(caller, Action.WRITE)
    _get_made(caller, hub, subscription_id)
    mine = [one for one in list_parked(caller, hub) if one.subscription_id == subscription_id]
    for notice in mine:
        await replay(caller, hub, notice.id)
    return len(mine)


class Health(NamedTuple):
    """How a subscription to registrations fares. `waiting` and `parked` count its notifications."""

    kept: SourceSubscription
    status: str
    waiting: int
    parked: int

    @property
    def uri(self) -> str:
        """Where its notifications go, without secrets."""
        return str(without_secrets(self.kept.document["notification"]["endpoint"])["uri"])

    @property
    def is_failing(self) -> bool:
        return (self.kept.last_failure_us or 0) > (self.kept.last_success_us or 0)


def list_health(caller: Caller, hub: Hub) -> list[Health]:
    """Return how each that somebody made fares, the ones in trouble first. Raises Unauthenticated, Forbidden."""
    raise_unless_allowed(caller, Action.WRITE)
    store, tenant = hub.source_watch.store, caller.tenant
    parked = Counter(one.subscription_id for one in store.list_parked_source_notices(tenant))
    health = [
        Health(
            kept=one,
            status=terms.status_of(one.document, hub.clock.now_us()),
            waiting=store.count_source_notices(tenant, one.id),
            parked=parked[one.id],
        )
        for one in hub.source_watch.list_all(tenant)
    ]
    return sorted(health, key=lambda one: (not one.is_failing, -one.parked, -one.waiting))


def render(hub: Hub, kept: SourceSubscription, context: Context) -> dict[str, Any]:
    """Return it as it is shown: with its state, and how telling it went (§5.2.14.2)."""
    document = {name: value for name, value in kept.document.items() if name != "contextId"}
    rendered = terms.render_subscription(document, context)
    if "notificationTrigger" not in document:
        # What changes in a registration is always told; there is nothing to choose.
        rendered.pop("notificationTrigger", None)
    rendered["status"] = terms.status_of(document, hub.clock.now_us())
    notification = rendered["notification"]
    moments = [moment for moment in (kept.last_success_us, kept.last_failure_us) if moment is not None]
    if moments:
        has_failed = (kept.last_failure_us or 0) > (kept.last_success_us or 0)
        notification |= {
            "status": "failed" if has_failed else "ok",
            "timesSent": kept.times_sent,
            "lastNotification": render_moment(max(moments)),
        }
        if kept.times_failed:
            notification["timesFailed"] = kept.times_failed
    for name, moment_us in (("lastSuccess", kept.last_success_us), ("lastFailure", kept.last_failure_us)):
        if moment_us is not None:
            notification[name] = render_moment(moment_us)
    return rendered


def _split(body: Any) -> tuple[Any, dict[str, Any]]:
    """Return the body without `temporalQ`, and that alone, checked; None is to remove it."""
    if not isinstance(body, dict) or "temporalQ" not in body:
        return body, {}
    asked = body["temporalQ"]
    rest = {name: value for name, value in body.items() if name != "temporalQ"}
    if asked in (None, NULL):
        return rest, {"temporalQ": None}
    is_right = isinstance(asked, dict) and asked.get("timerel") in _RELATIONS and is_moment(asked.get("timeAt"))
    if not is_right or (asked["timerel"] == "between" and not is_moment(asked.get("endTimeAt"))):
        raise BadRequestData(f"temporalQ is {shown(asked)}; it has timerel, timeAt and, with between, endTimeAt.")
    return rest, {"temporalQ": asked}


def _raise_unless_future(document: dict[str, Any], now_us: int) -> None:
    end_us = terms.expires_us(document)
    if end_us is not None and end_us <= now_us:
        raise BadRequestData(f"expiresAt is {document['expiresAt']}, which has passed; give a moment to come.")
