"""Subscriptions: make, list, read, change and delete them, and see how they fare. No HTTP here, no sending here."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import uuid4

from simpul import limits
from simpul.app import hosted_contexts
from simpul.app.allowed_hosts import raise_unless_allowed_host
from simpul.app.entities import raise_unless_allowed
from simpul.app.hub import Hub
from simpul.app.notification_line import Line
from simpul.domain import subscription as terms
from simpul.domain.access import Action, Caller, decide
from simpul.domain.context import Context
from simpul.domain.endpoint import without_secrets
from simpul.domain.errors import (
    AlreadyExists,
    BadRequestData,
    LoopDetected,
    NotFound,
    TooManyResults,
    Unauthenticated,
)
from simpul.domain.moment import render_moment
from simpul.domain.subscription import Document, Kept
from simpul.ports.forwarding import Forwarded
from simpul.ports.outbox import Parked, Progress, StoredSubscription

# What is asked in names of an @context: in the texts of these members.
_ASKING = frozenset({"q", "csf"})


async def create(caller: Caller, hub: Hub, body: Any, context: Context, via: tuple[str, ...] = ()) -> str:
    """Keep a new subscription (CIM 009 §5.8.1); return its id. `via` are the hubs that handed it on (§6.3.18).

    Raises AlreadyExists, BadRequestData, LoopDetected.
    """
    raise_unless_allowed(caller, Action.WRITE)
    await _raise_if_back(caller, hub, via)
    document = terms.parse_subscription(body, context)
    document.setdefault("id", f"urn:ngsi-ld:Subscription:{uuid4()}")
    if hub.notices.find(caller.tenant, document["id"]) is not None:
        raise AlreadyExists(f"There is a subscription {document['id']} already. Change it with PATCH.")
    if len(hub.notices.lines(caller.tenant)) >= limits.SUBSCRIPTIONS_MAX:
        raise TooManyResults(f"There are {limits.SUBSCRIPTIONS_MAX:,} subscriptions already. Delete what is not used.")
    raise_unless_allowed_host(hub, document["notification"]["endpoint"]["uri"], "the endpoint")
    now_us = hub.clock.now_us()
    _raise_unless_future(document, now_us)
    readable = caller.readable_types
    kept = Kept(
        document=document,
        context_id=await _shown_context_id(caller, hub, document, context),
        q_context_id=hub.contexts.register(context) if _ASKING & document.keys() else 0,
        created_us=now_us,
        modified_us=now_us,
        readable_types=None if readable is None else sorted(readable),
        creator=caller.principal,
        via=via,
    )
    await _keep(hub, caller.tenant, kept, None)
    return str(document["id"])


async def update(caller: Caller, hub: Hub, subscription_id: str, body: Any, context: Context) -> None:
    """Change members of a subscription (CIM 009 §5.8.2). Raises NotFound, BadRequestData."""
    raise_unless_allowed(caller, Action.WRITE)
    line = _get_line(caller, hub, subscription_id)
    kept = line.stored.kept
    fragment = terms.parse_fragment(body, context)
    q_context = context if _ASKING & fragment.keys() else hub.contexts.get(kept.q_context_id)
    document = terms.merge_fragment(kept.document, fragment, q_context)
    now_us = hub.clock.now_us()
    if "expiresAt" in fragment:
        _raise_unless_future(document, now_us)
    raise_unless_allowed_host(hub, document["notification"]["endpoint"]["uri"], "the endpoint")
    context_id = kept.context_id
    if "jsonldContext" in fragment and fragment["jsonldContext"] is not None:
        context_id = await _shown_context_id(caller, hub, document, context)
    changed = Kept(
        document=document,
        context_id=context_id,
        q_context_id=hub.contexts.register(q_context) if _ASKING & document.keys() else 0,
        created_us=kept.created_us,
        modified_us=now_us,
        readable_types=kept.readable_types,
        creator=kept.creator,
        via=kept.via,
    )
    await _keep(hub, caller.tenant, changed, line)
    await _drop_unused_context(caller, hub, kept)


async def delete(caller: Caller, hub: Hub, subscription_id: str) -> None:
    """Remove a subscription; what it waits for is not sent any more (CIM 009 §5.8.5). Raises NotFound."""
    raise_unless_allowed(caller, Action.WRITE)
    line = _get_line(caller, hub, subscription_id)
    hub.notices.drop(caller.tenant, line.stored.number)
    await hub.subscriptions.delete_subscription(caller.tenant, line.stored.number)
    hub.forwarding.stir(caller.tenant)
    await _drop_unused_context(caller, hub, line.stored.kept)


class Shown(NamedTuple):
    """A subscription as its reader may see it, with expanded names, and the @context that its notifications use."""

    document: Document
    context: Context
    created_us: int
    modified_us: int


def get(caller: Caller, hub: Hub, subscription_id: str) -> Shown:
    """Return a subscription (CIM 009 §5.8.3). Raises NotFound, Unauthenticated."""
    raise_if_anonymous(caller)
    return _shown(caller, hub, _get_line(caller, hub, subscription_id))


def list_page(caller: Caller, hub: Hub, limit: int, offset: int) -> tuple[list[Shown], int]:
    """Return a page of the city's subscriptions, oldest first, and how many there are (CIM 009 §5.8.4)."""
    raise_if_anonymous(caller)
    lines = hub.notices.lines(caller.tenant)
    return [_shown(caller, hub, line) for line in lines[offset : offset + limit]], len(lines)


def raise_if_anonymous(caller: Caller) -> None:
    """Refuse to tell a stranger who is told what."""
    if caller.is_anonymous:
        raise Unauthenticated("Not without a token: they name receivers. Send 'Authorization: Bearer <token>'.")


def _get_line(caller: Caller, hub: Hub, subscription_id: str) -> Line:
    line = hub.notices.find(caller.tenant, subscription_id)
    if line is None:
        raise NotFound(f"There is no subscription {subscription_id[:200]}.")
    return line


def _shown(caller: Caller, hub: Hub, line: Line) -> Shown:
    kept = line.stored.kept
    document = {**kept.document, "status": terms.status_of(kept.document, hub.clock.now_us())}
    notification = {**document["notification"], **_statistics(line.progress)}
    if not decide(caller, Action.WRITE).allowed:
        notification["endpoint"] = without_secrets(notification["endpoint"])
    document["notification"] = notification
    return Shown(document, hub.contexts.get(kept.context_id), kept.created_us, kept.modified_us)


def _statistics(progress: Progress) -> Document:
    """Return what §5.2.14.2 tells of the notifications sent so far; nothing before the first."""
    told: Document = {}
    if progress.times_sent or progress.times_failed:
        told["status"] = "failed" if progress.failure is not None else "ok"
        told["timesSent"] = progress.times_sent + progress.times_failed
        if progress.times_failed:
            told["timesFailed"] = progress.times_failed
    moments = {
        "lastNotification": progress.last_notification_us,
        "lastSuccess": progress.last_success_us,
        "lastFailure": progress.last_failure_us,
    }
    return told | {name: render_moment(moment_us) for name, moment_us in moments.items() if moment_us is not None}


async def _keep(hub: Hub, tenant: str, kept: Kept, line: Line | None) -> None:
    number = await hub.subscriptions.put_subscription(tenant, kept.document["id"], kept)
    progress = line.progress if line is not None else Progress(number)
    hub.notices.put(tenant, StoredSubscription(number, kept.document["id"], kept, progress))
    hub.forwarding.stir(tenant)


async def _raise_if_back(caller: Caller, hub: Hub, via: tuple[str, ...]) -> None:
    """Refuse a subscription that came round in a circle: it would be handed on for ever (§6.3.17)."""
    if via and (len(via) > limits.VIA_HOPS_MAX or await hub.registry.get_alias(caller.tenant) in via):
        raise LoopDetected(
            "This hub has had the subscription already: its own name is in the Via header. Two hubs are registered with"
            " each other; give their registrations a contextSourceAlias, or the subscription localOnly."
        )


async def _shown_context_id(caller: Caller, hub: Hub, document: Document, context: Context) -> int:
    """Return the number of the @context that notifications use; where it has no URL, it is given one here."""
    if "jsonldContext" not in document:
        url = await hosted_contexts.create_implicitly(caller, hub, context)
        if url is None:
            return hub.contexts.id_of(context)
        document["jsonldContext"] = url
        return hub.contexts.register(await hub.contexts.prepare(url))
    return hub.contexts.id_of(await hub.contexts.resolve(document["jsonldContext"]))


async def _drop_unused_context(caller: Caller, hub: Hub, kept: Kept) -> None:
    """Forget the @context that was hosted for a subscription, once no other one names it."""
    url = kept.document.get("jsonldContext")
    if url is not None and not any(
        line.stored.kept.document.get("jsonldContext") == url for line in hub.notices.lines(caller.tenant)
    ):
        await hosted_contexts.drop_implicit(caller, hub, url)


def _raise_unless_future(document: Document, now_us: int) -> None:
    end = terms.expires_us(document)
    if end is not None and end <= now_us:
        raise BadRequestData(f"'expiresAt' is {document['expiresAt']}, which is past; give a moment in the future.")


# For operators


class Health(NamedTuple):
    """How a subscription fares. `backlog` counts changes that are not told yet, `parked` notifications given up."""

    subscription_id: str
    name: str
    uri: str
    status: str
    backlog: int
    parked: int
    progress: Progress

    @property
    def is_failing(self) -> bool:
        return self.progress.failure is not None


def list_health(caller: Caller, hub: Hub) -> list[Health]:
    """Return how each subscription of the city fares, the ones in trouble first. Raises Unauthenticated, Forbidden."""
    raise_unless_allowed(caller, Action.WRITE)
    parked = hub.outbox.count_parked(caller.tenant)
    health = [_health(hub, line, parked) for line in hub.notices.lines(caller.tenant)]
    return sorted(health, key=lambda one: (not one.is_failing, -one.parked, -one.backlog))


def get_health(caller: Caller, hub: Hub, subscription_id: str) -> Health:
    """Return how a subscription fares. Raises NotFound, Unauthenticated, Forbidden."""
    raise_unless_allowed(caller, Action.WRITE)
    return _health(hub, _get_line(caller, hub, subscription_id), hub.outbox.count_parked(caller.tenant))


def _health(hub: Hub, line: Line, parked: dict[int, int]) -> Health:
    return Health(
        subscription_id=line.stored.id,
        name=line.document.get("subscriptionName", ""),
        uri=without_secrets(line.document["notification"]["endpoint"])["uri"],
        status=terms.status_of(line.document, hub.clock.now_us()),
        backlog=line.waiting,
        parked=parked.get(line.stored.number, 0),
        progress=line.progress,
    )


def list_forwarded(caller: Caller, hub: Hub, subscription_id: str) -> list[Forwarded]:
    """Return where a subscription was handed on to. Raises NotFound, Unauthenticated, Forbidden."""
    raise_unless_allowed(caller, Action.WRITE)
    return hub.forwarding.list_of(caller.tenant, _get_line(caller, hub, subscription_id).stored.number)


def list_parked(
    caller: Caller, hub: Hub, subscription_id: str | None = None, limit: int = 20, offset: int = 0
) -> list[Parked]:
    """Return the notifications that were given up, newest first. Raises NotFound, Forbidden."""
    raise_unless_allowed(caller, Action.WRITE)
    number = None if subscription_id is None else _get_line(caller, hub, subscription_id).stored.number
    return hub.outbox.list_parked(caller.tenant, number, limit, offset)


async def replay(caller: Caller, hub: Hub, parked_id: int) -> None:
    """Send a parked notification again, after what its subscription waits for. Raises NotFound, Forbidden."""
    raise_unless_allowed(caller, Action.WRITE)
    if not await hub.outbox.replay(caller.tenant, parked_id):
        raise NotFound(f"There is no parked notification {parked_id}.")


async def replay_all(caller: Caller, hub: Hub, subscription_id: str) -> int:
    """Send all that is parked for a subscription again, oldest first; return how many. Raises NotFound, Forbidden."""
    raise_unless_allowed(caller, Action.WRITE)
    number = _get_line(caller, hub, subscription_id).stored.number
    replayed = 0
    count = hub.outbox.count_parked(caller.tenant).get(number, 0)
    while count:
        first = max(0, count - limits.PARKED_PER_READ)
        for parked in reversed(hub.outbox.list_parked(caller.tenant, number, count - first, first)):
            replayed += await hub.outbox.replay(caller.tenant, parked.id)
        count = first
    return replayed


async def drop_parked(caller: Caller, hub: Hub, parked_id: int) -> None:
    """Forget a parked notification: it will never be sent. Raises NotFound, Forbidden."""
    raise_unless_allowed(caller, Action.WRITE)
    if not await hub.outbox.drop_parked(caller.tenant, parked_id):
        raise NotFound(f"There is no parked notification {parked_id}.")
