"""Subscriptions: how each fares, and what was parked for it, to send again or to drop. For administrators only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response

from simpul import limits
from simpul.app import subscriptions
from simpul.app.entities import raise_unless_allowed
from simpul.app.subscriptions import Health
from simpul.console import words
from simpul.console.freshness import Fact, count_verdicts
from simpul.console.page import Link, Page, Step, Verdict
from simpul.console.said import in_language
from simpul.console.values import entity_address, find_name, type_address
from simpul.console.visit import Moment, Visit
from simpul.domain.access import Action
from simpul.domain.moment import count_microseconds
from simpul.domain.notification import decode_captured
from simpul.domain.subscription import TRIGGERS_DEFAULT, Document
from simpul.ports.outbox import Parked

ADDRESS = "/subscriptions"
ENTITIES_NAMED_MAX = 3


@dataclass(frozen=True, slots=True)
class SubscriptionLine:
    """One subscription in the list."""

    id: str
    title: str
    href: str
    receiver: str
    verdict: Verdict
    backlog: str
    parked: str
    delivered: str
    failed: str
    succeeded: Moment | None
    failed_at: Moment | None
    has_parked: bool


@dataclass(frozen=True, slots=True)
class SubscriptionsView:
    """All subscriptions, those in trouble first."""

    lines: tuple[SubscriptionLine, ...]
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class ParkedView:
    """One notification that was given up."""

    at: Moment | None
    what: str
    entities: tuple[Link, ...]
    more: str
    reason: str
    tries: str
    action: str


@dataclass(frozen=True, slots=True)
class SubscriptionView:
    """One subscription's page."""

    id: str
    line: SubscriptionLine
    description: str
    failure: str
    is_tried_again: bool
    about: tuple[tuple[str, tuple[Link, ...]], ...]
    parked: tuple[ParkedView, ...]
    parked_summary: str
    parked_more: str
    action: str


async def show_all(visit: Visit) -> Page:
    raise_unless_allowed(visit.caller, Action.MANAGE_ACCESS)
    lines = tuple(_line(visit, one) for one in subscriptions.list_health(visit.caller, visit.hub))
    facts = count_verdicts(visit, [line.verdict for line in lines])
    title = visit.text("Subscriptions")
    return Page("subscriptions.html", title, SubscriptionsView(lines, facts), "sharing", (Step(title),))


async def show(visit: Visit) -> Page:
    raise_unless_allowed(visit.caller, Action.MANAGE_ACCESS)
    subscription_id = visit.request.path_params["id"]
    health = subscriptions.get_health(visit.caller, visit.hub, subscription_id)
    shown = subscriptions.get(visit.caller, visit.hub, subscription_id)
    parked = subscriptions.list_parked(visit.caller, visit.hub, subscription_id, limits.CONSOLE_PARKED_SHOWN)
    line = _line(visit, health)
    hidden = health.parked - len(parked)
    view = SubscriptionView(
        id=health.subscription_id,
        line=line,
        description=shown.document.get("description", ""),
        failure=in_language(visit, health.progress.failure or ""),
        is_tried_again=health.backlog > 0 or not health.parked,
        about=(*_about(visit, shown.document), *_handed_on(visit, health.subscription_id)),
        parked=tuple(_parked(visit, one) for one in parked),
        parked_summary=visit.texts("%(count)s notification", "%(count)s notifications", health.parked),
        parked_more=visit.texts("%(count)s older one is not shown.", "%(count)s older ones are not shown.", hidden)
        if hidden > 0
        else "",
        action=line.href,
    )
    trail = (Step(visit.text("Subscriptions"), ADDRESS), Step(line.title))
    return Page("subscription.html", line.title, view, "sharing", trail)


async def replay(visit: Visit) -> Response:
    raise_unless_allowed(visit.caller, Action.MANAGE_ACCESS)
    await subscriptions.replay(visit.caller, visit.hub, visit.request.path_params["parked"])
    return _back(visit)


async def replay_all(visit: Visit) -> Response:
    raise_unless_allowed(visit.caller, Action.MANAGE_ACCESS)
    await subscriptions.replay_all(visit.caller, visit.hub, visit.request.path_params["id"])
    return _back(visit)


async def drop(visit: Visit) -> Response:
    raise_unless_allowed(visit.caller, Action.MANAGE_ACCESS)
    await subscriptions.drop_parked(visit.caller, visit.hub, visit.request.path_params["parked"])
    return _back(visit)


def _back(visit: Visit) -> Response:
    return RedirectResponse(_address(visit.request.path_params["id"]) + "#parked", status_code=303)


def _address(subscription_id: str) -> str:
    return f"{ADDRESS}/{quote(subscription_id, safe=':')}"


def _line(visit: Visit, health: Health) -> SubscriptionLine:
    number, progress = visit.formats.number, health.progress
    return SubscriptionLine(
        id=health.subscription_id,
        title=health.name or health.subscription_id,
        href=_address(health.subscription_id),
        receiver=health.uri,
        verdict=_verdict(visit, health),
        backlog=number(health.backlog),
        parked=number(health.parked),
        delivered=number(progress.times_sent),
        failed=number(progress.times_failed),
        succeeded=visit.moment(progress.last_success_us),
        failed_at=visit.moment(progress.last_failure_us),
        has_parked=health.parked > 0,
    )


def _verdict(visit: Visit, health: Health) -> Verdict:
    if health.status != "active":
        return Verdict("never", visit.text("Paused") if health.status == "paused" else visit.text("Ended"))
    if health.is_failing:
        return Verdict("broken", visit.text("Not arriving"))
    if health.parked:
        return Verdict("late", visit.text("Some parked"))
    if not health.progress.times_sent:
        return Verdict("never", visit.text("Nothing sent yet"))
    return Verdict("good", visit.text("Arriving"))


def _parked(visit: Visit, parked: Parked) -> ParkedView:
    ids = list(dict.fromkeys(decode_captured(state).entity_id for state in parked.states))
    named = tuple(_entity(visit, one) for one in ids[:ENTITIES_NAMED_MAX])
    rest = len(ids) - len(named)
    return ParkedView(
        at=visit.moment(parked.at_us),
        what=visit.texts("%(count)s change", "%(count)s changes", len(parked.states)),
        entities=named,
        more=visit.texts("and %(count)s more", "and %(count)s more", rest) if rest else "",
        reason=in_language(visit, parked.reason),
        tries=visit.texts("%(count)s try", "%(count)s tries", parked.tries),
        action=f"{_address(parked.subscription_id)}/parked/{parked.id}",
    )


def _entity(visit: Visit, entity_id: str) -> Link:
    """Return an entity by its name, with the way to it; by its id alone where it is gone."""
    name = find_name(visit, entity_id)
    return Link(entity_id) if name is None else Link(name, entity_address(entity_id))


def _about(visit: Visit, document: Document) -> tuple[tuple[str, tuple[Link, ...]], ...]:
    """Return what the subscription is about and how it tells it: words with what they mean here."""
    told, endpoint = document["notification"], document["notification"]["endpoint"]
    form = (told.get("format", "normalized"), *([endpoint["accept"]] if "accept" in endpoint else []))
    lines = [
        (visit.text("Receiver"), (Link(endpoint["uri"]),)),
        (visit.text("About"), _selected(visit, document)),
        (visit.text("Only where"), tuple(Link(document[name]) for name in ("q", "scopeQ") if name in document)),
        (visit.text("Watches"), tuple(Link(visit.word(name)) for name in document.get("watchedAttributes", ()))),
        *_occasions(visit, document),
        (visit.text("Form"), tuple(Link(one) for one in form)),
        (visit.text("Ends"), _ends(visit, document)),
    ]
    return tuple((label, links) for label, links in lines if links)


def _ends(visit: Visit, document: Document) -> tuple[Link, ...]:
    if "expiresAt" not in document:
        return ()
    return (Link(visit.formats.moment(count_microseconds(document["expiresAt"]))),)


def _handed_on(visit: Visit, subscription_id: str) -> list[tuple[str, tuple[Link, ...]]]:
    """Return to which connected hubs the subscription was handed on, and what is wrong there."""
    links: list[Link] = []
    for one in subscriptions.list_forwarded(visit.caller, visit.hub, subscription_id):
        name = one.registration.get("registrationName") or one.registration_id
        said = in_language(visit, one.failure) if one.failure is not None else ""
        state = said or ("" if one.sent is not None else visit.text("not yet"))
        links.append(Link(name, "/hubs", state.replace(one.registration_id, name)))
    return [(visit.text("Handed on to"), tuple(links))] if links else []


def _occasions(visit: Visit, document: Document) -> list[tuple[str, tuple[Link, ...]]]:
    """Return when the subscription tells something: by the clock, or at which changes and how often at most."""
    if "timeInterval" in document:
        wait = visit.formats.duration(int(document["timeInterval"] * 1_000_000))
        return [(visit.text("Tells"), (Link(visit.text("every %(wait)s, changed or not", wait=wait)),))]
    triggers = document.get("notificationTrigger", TRIGGERS_DEFAULT)
    lines = [(visit.text("Tells of"), tuple(Link(visit.text(words.TRIGGERS[name])) for name in triggers))]
    if "throttling" in document:
        wait = visit.formats.duration(int(document["throttling"] * 1_000_000))
        lines.append((visit.text("At most"), (Link(visit.text("once every %(wait)s", wait=wait)),)))
    return lines


def _selected(visit: Visit, document: dict[str, Any]) -> tuple[Link, ...]:
    links: list[Link] = []
    for selector in document.get("entities", ()):
        ids = selector.get("id", ())
        links += [_entity(visit, one) for one in ((ids,) if isinstance(ids, str) else ids)]
        if not ids and "idPattern" in selector:
            links.append(Link(f"id ~ {selector['idPattern']}"))
        elif not ids:
            name = selector["type"]
            links.append(
                Link(visit.word(name), type_address(name)) if "://" in name and " " not in name else Link(name)
            )
    return tuple(links)
