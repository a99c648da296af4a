"""Alerts about sources, in the words and shapes of pages. What is an alert is decided elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from simpul.app import alerts
from simpul.console.said import in_language
from simpul.console.visit import Moment, Visit
from simpul.domain.alerts import COLLAPSED, DRIFTED, FAILING, STALE


@dataclass(frozen=True, slots=True)
class AlertLine:
    """One alert that holds. `detail` is empty for those who do not keep the sources."""

    title: str
    href: str
    text: str
    since: Moment | None
    detail: str


def alert_lines(visit: Visit, source_id: str | None = None) -> tuple[AlertLine, ...]:
    """Return the alerts that hold, of one source or of all, the newest first."""
    words = {
        STALE: visit.text("Its data is stale"),
        FAILING: visit.text("It fails again and again"),
        DRIFTED: visit.text("It has changed its form"),
        COLLAPSED: visit.text("Most of its rows are gone"),
    }
    return tuple(
        AlertLine(
            title=visit.pick(one.source.title),
            href=f"/sources/{quote(one.source.id, safe='')}",
            text=words[one.alert.kind],
            since=visit.moment(one.alert.since_us),
            detail=in_language(visit, one.alert.detail),
        )
        for one in alerts.list_alerts(visit.caller, visit.hub)
        if source_id in (None, one.source.id)
    )
