"""Sources: the agencies' systems, their last runs, the rows kept aside, and the button that runs one now."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from starlette.responses import RedirectResponse, Response

from simpul import limits
from simpul.app import sources
from simpul.app.corrections import text_of_raw
from simpul.app.sources import SourceStatus
from simpul.console import words
from simpul.console.agents import AgentView, agent_view
from simpul.console.alerts import AlertLine, alert_lines
from simpul.console.freshness import AgencyLines, Fact, agency_lines, line_of, split_interval
from simpul.console.page import Page, Step
from simpul.console.pages.put_right import CELL, FixView, fixes
from simpul.console.said import in_language
from simpul.console.visit import Moment, Visit
from simpul.domain.context import CORE
from simpul.domain.errors import HubError
from simpul.operator_log import log
from simpul.ports.store import RUN_STOPPED, Reject, Run

# What is broken is no row that could be put right here.
_NO_ROW = frozenset({"broken"})
# A task that nobody holds may be collected before it ends.
_RUNS: set[asyncio.Task[HubError | None]] = set()


@dataclass(frozen=True, slots=True)
class SourcesView:
    """All sources by agency."""

    agencies: tuple[AgencyLines, ...]
    alerts: tuple[AlertLine, ...]
    facts: tuple[Fact, ...]
    codes_href: str
    new_href: str


@dataclass(frozen=True, slots=True)
class RunView:
    """One run."""

    id: int
    started: Moment | None
    state: str
    rows_read: str
    rows_written: str
    rows_unchanged: str
    rows_rejected: str
    rows_vanished: str
    took: str


@dataclass(frozen=True, slots=True)
class RejectView:
    """One row kept aside, with its reason and as it came."""

    key: str
    rule: str
    reason: str
    at: Moment | None
    raw: tuple[tuple[str, str], ...]
    can_be_put_right: bool


@dataclass(frozen=True, slots=True)
class SourceView:
    """One source's page."""

    id: str
    agency: str
    description: str
    state: str
    system: str
    type_label: str
    type_href: str
    schedule: str
    succeeded: Moment | None
    visibility: str
    file: str
    error: str
    error_at: Moment | None
    runs: tuple[RunView, ...]
    is_manager: bool
    cell: str
    rejects: tuple[RejectView, ...]
    rejects_summary: str
    fixes: tuple[FixView, ...]
    quality_href: str
    agent: AgentView | None
    alerts: tuple[AlertLine, ...]


async def show_all(visit: Visit) -> Page:
    agencies = agency_lines(visit)
    lines = [line for agency in agencies for line in agency.sources]
    labels = {
        "good": visit.text("current"),
        "late": visit.text("late"),
        "broken": visit.text("broken"),
        "running": visit.text("running"),
        "stopped": visit.text("cut off"),
        "never": visit.text("never run"),
    }
    counts = {state: sum(line.state == state for line in lines) for state in labels}
    facts = tuple(Fact(visit.formats.number(count), labels[state]) for state, count in counts.items() if count)
    title = visit.text("Sources")
    return Page(
        "sources.html",
        title,
        SourcesView(
            agencies,
            alert_lines(visit),
            facts,
            "/codes" if visit.is_manager else "",
            "/sources/new" if visit.is_administrator else "",
        ),
        "sources",
        (Step(title),),
    )


async def show(visit: Visit) -> Page:
    status = sources.get_source(visit.caller, visit.hub, visit.request.path_params["id"])
    source = status.source
    line = line_of(visit, status)
    failed = status.last_run if status.state == "failed" else None
    is_public = CORE.expand(source.type_name) in visit.city.public_types
    view = SourceView(
        id=source.id,
        agency=line.agency,
        description=visit.pick(source.declaration.get("description", {})),
        state=line.state,
        system=line.system,
        type_label=line.type_label,
        type_href=line.type_href,
        schedule=_schedule(visit, source.declaration),
        succeeded=line.succeeded,
        visibility=visit.text("Everyone") if is_public else visit.text("Signed-in people only"),
        file=source.file,
        error=_error(visit, failed),
        error_at=None if failed is None else visit.moment(failed.started_us),
        runs=_runs(visit, status),
        is_manager=visit.is_manager,
        cell=CELL,
        rejects=_rejects(visit, source.id),
        rejects_summary=visit.texts("%(count)s row", "%(count)s rows", status.rejects),
        fixes=fixes(visit, source.id),
        quality_href=f"/sources/{source.id}/quality" if visit.is_manager else "",
        agent=agent_view(visit, status),
        alerts=alert_lines(visit, source.id),
    )
    title = visit.pick(source.title)
    return Page("source.html", title, view, "sources", (Step(visit.text("Sources"), "/sources"), Step(title)))


def _runs(visit: Visit, status: SourceStatus) -> tuple[RunView, ...]:
    """Return the last runs; to those who do not keep the sources only the very last."""
    if visit.is_manager:
        listed = sources.list_runs(visit.caller, visit.hub, status.source.id, limits.CONSOLE_RUNS_SHOWN)
    else:
        listed = [] if status.last_run is None else [status.last_run]
    newest = status.last_run.id if status.last_run is not None else None
    return tuple(_run(visit, run, state=status.state if run.id == newest else "") for run in listed)


def _error(visit: Visit, run: Run | None) -> str:
    """Return why the last run failed; what an agency's system said is for those who keep the sources."""
    if run is None:
        return ""
    return in_language(visit, run.error or "") or visit.text("The reason is shown to those who keep the sources.")


def _schedule(visit: Visit, declaration: dict[str, Any]) -> str:
    count, unit = split_interval(declaration)
    phrases = {
        "s": visit.text("every %(count)s seconds", count=count),
        "m": visit.text("every %(count)s minutes", count=count),
        "h": visit.text("every %(count)s hours", count=count),
        "d": visit.text("every %(count)s days", count=count),
    }
    singles = {"m": visit.text("every minute"), "h": visit.text("every hour"), "d": visit.text("every day")}
    if count == "1" and unit in singles:
        return singles[unit]
    return phrases.get(unit, visit.text("only when asked to"))


def _run(visit: Visit, run: Run, *, state: str) -> RunView:
    """Return a line of the table; `state` is that of the source, for its newest run."""
    number = visit.formats.number
    if state == "running":
        pass
    elif run.finished_us is None or run.error == RUN_STOPPED or state == "stopped":
        state = "stopped"
    elif state == "failed" or run.error is not None:
        state = "broken"
    else:
        state = "late" if run.rows_rejected else "good"
    return RunView(
        id=run.id,
        started=visit.moment(run.started_us),
        state=state,
        rows_read=number(run.rows_read),
        rows_written=number(run.rows_written),
        rows_unchanged=number(run.rows_unchanged),
        rows_rejected=number(run.rows_rejected),
        rows_vanished=number(run.rows_vanished),
        took="" if run.finished_us is None else visit.formats.duration(run.finished_us - run.started_us),
    )


def _rejects(visit: Visit, source_id: str) -> tuple[RejectView, ...]:
    if not visit.is_manager:
        return ()
    found: list[Reject] = sources.list_rejects(visit.caller, visit.hub, source_id, limits.CONSOLE_REJECTS_SHOWN)
    return tuple(
        RejectView(
            reject.key,
            visit.text(words.RULES[reject.rule]) if reject.rule in words.RULES else reject.rule,
            in_language(visit, reject.reason),
            visit.moment(reject.at_us),
            tuple((name, text_of_raw(value) or "") for name, value in reject.raw.items()),
            reject.rule not in _NO_ROW,
        )
        for reject in found
    )


async def sync(visit: Visit) -> Response:
    """Start a run. A short one is waited for; a long one goes on, and the page follows it live."""
    source_id = visit.request.path_params["id"]
    run = asyncio.create_task(_run_to_end(visit, source_id))
    _RUNS.add(run)
    run.add_done_callback(_RUNS.discard)
    done, _ = await asyncio.wait({run}, timeout=limits.CONSOLE_SYNC_WAIT_SECONDS)
    for finished in done:
        error = finished.result()
        if error is not None:
            raise error
    return RedirectResponse(f"/sources/{source_id}", status_code=303)


async def _run_to_end(visit: Visit, source_id: str) -> HubError | None:
    """Run the source; return what refused it. Nobody may be left to raise it to."""
    try:
        await sources.sync(visit.caller, visit.hub, source_id)
    except HubError as error:
        log.warning("source not run", source=source_id, because=type(error).__name__)
        return error
    return None
