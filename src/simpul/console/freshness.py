"""How fresh each source is, in the words and shapes that pages use. What runs a source is the engine's affair."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from simpul.app import sources
from simpul.app.sources import SourceStatus
from simpul.console import words
from simpul.console.page import Verdict
from simpul.console.values import type_address
from simpul.console.visit import Moment, Visit
from simpul.domain.alerts import is_stale, stale_after_us
from simpul.domain.context import CORE


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One source in a list."""

    id: str
    title: str
    href: str
    agency: str
    state: str
    succeeded: Moment | None
    rows_read: str
    rows_changed: str
    rows_rejected: str
    system: str
    type_label: str
    type_href: str


@dataclass(frozen=True, slots=True)
class AgencyLines:
    """An agency with its sources."""

    name: str
    short_name: str
    sources: tuple[SourceLine, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """A number with its words, at the head of a page."""

    text: str
    label: str


def count_verdicts(visit: Visit, verdicts: Iterable[Verdict]) -> tuple[Fact, ...]:
    """Return how often each verdict occurs, in the order in which they come."""
    counts = Counter(verdict.label for verdict in verdicts)
    return tuple(Fact(visit.formats.number(count), label[:1].lower() + label[1:]) for label, count in counts.items())


def state_of(visit: Visit, status: SourceStatus) -> str:
    """Return `good`, `late`, `broken`, `running`, `stopped` or `never`."""
    if status.state == "ok":
        return "late" if _is_late(visit, status) else "good"
    if status.state == "stopped" and _is_late(visit, status):
        return "late"
    return {"failed": "broken"}.get(status.state, status.state)


def _is_late(visit: Visit, status: SourceStatus) -> bool:
    return is_stale(status.fresh_us, stale_after_us(status.source.declaration), visit.now_us)


def split_interval(declaration: dict[str, Any]) -> tuple[str, str]:
    """Return `15m` as `("15", "m")`; two empty texts where there is no schedule."""
    every = str((declaration.get("schedule") or {}).get("every", ""))
    return every[:-1], every[-1:]


def line_of(visit: Visit, status: SourceStatus) -> SourceLine:
    # A run that failed has counted nothing; that is not none.
    source, run = status.source, None if status.state == "failed" else status.last_run
    number = visit.formats.number
    type_name = CORE.expand(source.type_name)
    return SourceLine(
        id=source.id,
        title=visit.pick(source.title),
        href=f"/sources/{source.id}",
        agency=visit.pick(status.agency.name) if status.agency is not None else source.agency,
        state=state_of(visit, status),
        succeeded=visit.moment(status.fresh_us),
        rows_read="–" if run is None else number(run.rows_read),
        rows_changed="–" if run is None else number(run.rows_written + run.rows_vanished),
        rows_rejected=number(status.rejects),
        system=visit.text(words.SYSTEMS.get(source.kind, source.kind)),
        type_label=visit.word(type_name),
        type_href=type_address(type_name),
    )


def source_lines(visit: Visit, source_ids: Iterable[str]) -> tuple[SourceLine, ...]:
    """Return the lines of some sources, in the order of their ids given."""
    known = {status.source.id: status for status in sources.list_sources(visit.caller, visit.hub)}
    return tuple(line_of(visit, known[one]) for one in source_ids if one in known)


def agency_lines(visit: Visit) -> tuple[AgencyLines, ...]:
    """Return the agencies that have sources, in the city's order, with their sources."""
    statuses = sources.list_sources(visit.caller, visit.hub)
    lines = []
    for agency in visit.city.agencies:
        own = tuple(line_of(visit, status) for status in statuses if status.source.agency == agency.id)
        if own:
            lines.append(AgencyLines(visit.pick(agency.name), agency.short_name, own))
    return tuple(lines)
