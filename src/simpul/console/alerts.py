"""Alerts about sources, in the words and shapes of pages. What is an alert is decided elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from simpul.app import alerts, sources
from simpul.app.alerts import SourceAlert
from simpul.console.said import in_language
from simpul.console.visit import Moment, Visit
from simpul.domain.alerts import COLLAPSED, DRIFTED, FAILING, STALE


@dataclass(frozen=True, slots=True)
class Sign:
    """One alert that holds: what it is, and since when."""

    text: str
    since: Moment | None


@dataclass(frozen=True, slots=True)
class AlertLine:
    """A source with all alerts that hold for it. `succeeded` is None where nothing was ever taken over.

    `details` is empty for those who do not keep the sources.
    """

    title: str
    href: str
    signs: tuple[Sign, ...]
    details: tuple[str, ...]
    succeeded: Moment | None


def alert_lines(visit: Visit, source_id: str | None = None) -> tuple[AlertLine, ...]:
    """Return the sources that alerts hold for, one or all; that with the newest alert first."""
    found: dict[str, list[SourceAlert]] = {}
    for one in alerts.list_alerts(visit.caller, visit.hub):
        if source_id in (None, one.source.id):
            found.setdefault(one.source.id, []).append(one)
    if not found:
        return ()
    fresh_us = {status.source.id: status.fresh_us for status in sources.list_sources(visit.caller, visit.hub)}
    return tuple(
        _line(visit, of_source, fresh_us.get(name), tells_failure=source_id is None)
        for name, of_source in found.items()
    )


def _line(visit: Visit, found: Sequence[SourceAlert], fresh_us: int | None, *, tells_failure: bool) -> AlertLine:
    """Return the line. Why a source fails is told by its own page beside it, as of its last run."""
    words = {
        STALE: visit.text("Its data is stale"),
        FAILING: visit.text("It fails again and again"),
        DRIFTED: visit.text("It has changed its form"),
        COLLAPSED: visit.text("Most of its rows are gone"),
    }
    source = found[0].source
    telling = [one.alert for one in found if tells_failure or one.alert.kind != FAILING]
    details = dict.fromkeys(in_language(visit, alert.detail) for alert in telling)
    return AlertLine(
        title=visit.pick(source.title),
        href=f"/sources/{quote(source.id, safe='')}",
        signs=tuple(Sign(words[one.alert.kind], visit.moment(one.alert.since_us)) for one in found),
        details=tuple(detail for detail in details if detail),
        succeeded=visit.moment(fresh_us),
    )
