"""The quality of sources: reports of runs and their history, as those who keep the sources see them. No rules here."""

from __future__ import annotations

from dataclasses import dataclass

from simpul import limits
from simpul.app import sources
from simpul.app.entities import raise_unless_allowed
from simpul.app.hub import Hub
from simpul.app.sources import SourceStatus
from simpul.domain.access import Action, Caller
from simpul.domain.errors import NotFound
from simpul.domain.quality import Report


@dataclass(frozen=True, slots=True)
class Quality:
    """How good one source is: the report that was asked for, and those before it, newest first."""

    status: SourceStatus
    report: Report | None
    reports: tuple[Report, ...]


def get_quality(caller: Caller, hub: Hub, source_id: str, run: int | None = None) -> Quality:
    """Return the newest report of a source, or that of one run.

    Raises NotFound, Unauthenticated, Forbidden: what breaks a rule may be personal.
    """
    raise_unless_allowed(caller, Action.MANAGE_SOURCES)
    status = sources.get_source(caller, hub, source_id)
    reports = hub.reports.list_reports(caller.tenant, source_id, limits.RUNS_KEPT_MAX)
    if run is None:
        return Quality(status, reports[0] if reports else None, tuple(reports))
    report = next((one for one in reports if one.run == run), None)
    if report is None:
        raise NotFound(f"There is no quality report of run {run} of {source_id}. Reports are kept as long as runs are.")
    return Quality(status, report, tuple(reports))
