"""Connected hubs: what is registered of each, how it takes part, and whether it answers. For administrators only."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response

from simpul.app import connected_hubs
from simpul.app.connected_hubs import Connection, Reachability
from simpul.app.entities import raise_unless_allowed
from simpul.console import words
from simpul.console.freshness import Fact, count_verdicts
from simpul.console.page import Link, Page, Step, Verdict
from simpul.console.said import in_language
from simpul.console.values import type_address
from simpul.console.visit import Moment, Visit
from simpul.domain.access import Action
from simpul.domain.registration import Information, Registration

ADDRESS = "/hubs"
NAMES_SHOWN_MAX = 6


@dataclass(frozen=True, slots=True)
class HubLine:
    """One registration in the list."""

    id: str
    title: str
    endpoint: str
    tenant: str
    verdict: Verdict
    failure: str
    mode: str
    mode_hint: str
    holds: tuple[tuple[tuple[Link, ...], str], ...]
    operations: str
    contact: Moment | None
    succeeded: Moment | None
    asked: str
    failed: str
    action: str


@dataclass(frozen=True, slots=True)
class HubsView:
    """All registrations, those in trouble first."""

    lines: tuple[HubLine, ...]
    facts: tuple[Fact, ...]


async def show_all(visit: Visit) -> Page:
    raise_unless_allowed(visit.caller, Action.MANAGE_ACCESS)
    lines = tuple(_line(visit, one) for one in connected_hubs.list_connections(visit.caller, visit.hub))
    facts = count_verdicts(visit, [line.verdict for line in lines])
    title = visit.text("Connected hubs")
    return Page("hubs.html", title, HubsView(lines, facts), "sharing", (Step(title),))


async def check(visit: Visit) -> Response:
    """Ask one hub now whether it is there; the list shows what came of it."""
    raise_unless_allowed(visit.caller, Action.MANAGE_ACCESS)
    await connected_hubs.check(visit.caller, visit.hub, visit.request.path_params["id"])
    return RedirectResponse(ADDRESS, status_code=303)


def _line(visit: Visit, connection: Connection) -> HubLine:
    registration, status = connection.registration, connection.status
    mode, hint = words.MODES[registration.mode.value]
    number = visit.formats.number
    return HubLine(
        id=registration.id,
        title=registration.document.get("registrationName") or registration.alias or registration.id,
        endpoint=registration.endpoint,
        tenant=registration.tenant or "",
        verdict=_verdict(visit, connection.reachability),
        failure=in_language(visit, status.failure or ""),
        mode=visit.text(mode),
        mode_hint=visit.text(hint),
        holds=tuple(_holding(visit, info) for info in registration.information),
        operations=_operations(registration),
        contact=visit.moment(connection.last_contact_us),
        succeeded=visit.moment(status.last_success_us),
        asked=number(status.times_sent),
        failed=number(status.times_failed),
        action=f"{ADDRESS}/{quote(registration.id, safe=':')}/check",
    )


def _verdict(visit: Visit, reachability: Reachability) -> Verdict:
    return {
        Reachability.UNKNOWN: Verdict("never", visit.text("Not asked yet")),
        Reachability.REACHABLE: Verdict("good", visit.text("Answers")),
        Reachability.FAILING: Verdict("late", visit.text("Refuses")),
        Reachability.UNREACHABLE: Verdict("broken", visit.text("Out of reach")),
        Reachability.ENDED: Verdict("never", visit.text("Ended")),
    }[reachability]


def _holding(visit: Visit, info: Information) -> tuple[tuple[Link, ...], str]:
    """Return the kinds or the single entities that are registered, and which of their attributes."""
    kinds: list[Link] = []
    for entity in info.entities:
        named = entity.id or entity.id_pattern_text
        if named is not None:
            kinds.append(Link(named))
            continue
        kinds += [Link(visit.word(name), type_address(name)) for name in entity.types]
    kept = kinds[:NAMES_SHOWN_MAX] or [Link(visit.text("every kind"))]
    attributes = sorted(visit.word(name) for name in info.attributes)
    more = visit.text(" and %(count)s more", count=visit.formats.number(len(attributes) - NAMES_SHOWN_MAX))
    listed = ", ".join(attributes[:NAMES_SHOWN_MAX]) + (more if len(attributes) > NAMES_SHOWN_MAX else "")
    return tuple(kept), listed or visit.text("all attributes")


def _operations(registration: Registration) -> str:
    return ", ".join(registration.document.get("operations", ("federationOps",)))
