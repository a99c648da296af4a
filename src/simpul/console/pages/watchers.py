"""Who is told which hubs are connected, how that fares, and what was parked for them. For administrators only.

These are the subscriptions to registrations of CIM 009 §5.11; those to changes of data are in `subscriptions.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response

from simpul import limits
from simpul.app import source_subscriptions
from simpul.app.entities import raise_unless_allowed
from simpul.app.source_subscriptions import Health
from simpul.console import words
from simpul.console.freshness import Fact, count_verdicts
from simpul.console.page import Page, Step, Verdict
from simpul.console.said import in_language
from simpul.console.visit import Moment, Visit
from simpul.domain.access import Action
from simpul.ports.registrations import SourceNotice

ADDRESS = "/watchers"
NAMES_SHOWN_MAX = 3


@dataclass(frozen=True, slots=True)
class WatcherLine:
    """One subscription to registrations."""

    id: str
    title: str
    receiver: str
    verdict: Verdict
    waiting: str
    parked: str
    delivered: str
    failed: str
    succeeded: Moment | None
    failed_at: Moment | None
    replay_all: str


@dataclass(frozen=True, slots=True)
class ParkedLine:
    """One notification that was given up."""

    at: Moment | None
    watcher: str
    what: str
    hubs: str
    reason: str
    action: str


@dataclass(frozen=True, slots=True)
class WatchersView:
    """All of them, those in trouble first, and what was parked, newest first."""

    lines: tuple[WatcherLine, ...]
    facts: tuple[Fact, ...]
    parked: tuple[ParkedLine, ...]
    parked_summary: str
    parked_more: str


async def show_all(visit: Visit) -> Page:
    raise_unless_allowed(visit.caller, Action.MANAGE_ACCESS)
    health = source_subscriptions.list_health(visit.caller, visit.hub)
    names = {one.kept.id: _name(one) for one in health}
    parked = source_subscriptions.list_parked(visit.caller, visit.hub)[::-1]
    shown = parked[: limits.CONSOLE_PARKED_SHOWN]
    lines = tuple(_line(visit, one) for one in health)
    view = WatchersView(
        lines=lines,
        facts=count_verdicts(visit, [line.verdict for line in lines]),
        parked=tuple(_parked(visit, one, names) for one in shown),
        parked_summary=visit.texts("%(count)s notification", "%(count)s notifications", len(parked)),
        parked_more=visit.texts(
            "%(count)s older one is not shown.", "%(count)s older ones are not shown.", len(parked) - len(shown)
        )
        if len(parked) > len(shown)
        else "",
    )
    title = visit.text("Hub watchers")
    return Page("watchers.html", title, view, "sharing", (Step(title),))


async def replay(visit: Visit) -> Response:
    raise_unless_allowed(visit.caller, Action.MANAGE_ACCESS)
    await source_subscriptions.replay(visit.caller, visit.hub, visit.request.path_params["parked"])
    return _back()


async def replay_all(visit: Visit) -> Response:
    raise_unless_allowed(visit.caller, Action.MANAGE_ACCESS)
    await source_subscriptions.replay_all(visit.caller, visit.hub, visit.request.path_params["id"])
    return _back()


async def drop(visit: Visit) -> Response:
    raise_unless_allowed(visit.caller, Action.MANAGE_ACCESS)
    await source_subscriptions.drop_parked(visit.caller, visit.hub, visit.request.path_params["parked"])
    return _back()


def _back() -> Response:
    return RedirectResponse(f"{ADDRESS}#parked", status_code=303)


def _name(health: Health) -> str:
    return str(health.kept.document.get("subscriptionName") or health.kept.id)


def _line(visit: Visit, health: Health) -> WatcherLine:
    number, kept = visit.formats.number, health.kept
    return WatcherLine(
        id=kept.id,
        title=_name(health),
        receiver=health.uri,
        verdict=_verdict(visit, health),
        waiting=number(health.waiting),
        parked=number(health.parked),
        delivered=number(kept.times_sent - kept.times_failed),
        failed=number(kept.times_failed),
        succeeded=visit.moment(kept.last_success_us),
        failed_at=visit.moment(kept.last_failure_us),
        replay_all=f"{ADDRESS}/{quote(kept.id, safe=':')}/replay" if health.parked > 1 else "",
    )


def _verdict(visit: Visit, health: Health) -> Verdict:
    if health.status != "active":
        return Verdict("never", visit.text("Paused") if health.status == "paused" else visit.text("Ended"))
    if health.is_failing and health.waiting:
        return Verdict("broken", visit.text("Not arriving"))
    if health.parked:
        return Verdict("late", visit.text("Some parked"))
    if not health.kept.times_sent:
        return Verdict("never", visit.text("Nothing sent yet"))
    return Verdict("good", visit.text("Arriving"))


def _parked(visit: Visit, notice: SourceNotice, names: dict[str, str]) -> ParkedLine:
    told = [str(one.get("registrationName") or one["id"]) for one in notice.documents]
    rest = len(told) - NAMES_SHOWN_MAX
    more = " " + visit.texts("and %(count)s more", "and %(count)s more", rest) if rest > 0 else ""
    return ParkedLine(
        at=visit.moment(notice.parked_us),
        watcher=names.get(notice.subscription_id, notice.subscription_id),
        what=visit.text(words.SOURCE_NEWS[notice.reason]),
        hubs=", ".join(told[:NAMES_SHOWN_MAX]) + more,
        reason=in_language(visit, notice.failure or ""),
        action=f"{ADDRESS}/parked/{notice.id}",
    )
