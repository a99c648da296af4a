"""Commands about sources: how they do, their runs, the rows kept aside, reading them. Nothing is decided here."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from simpul.app import alerts, sources
from simpul.app.hub import Hub
from simpul.domain.access import Caller
from simpul.domain.delivery import Standing
from simpul.operating.command import Command, Given, Tell


class SourceLine(NamedTuple):
    """How one source does, as the command line shows it. `agent` is None where none was heard."""

    id: str
    agency: str
    kind: str
    state: str
    fresh_us: int | None
    rows: int | None
    rejects: int
    error: str | None
    is_delivered: bool
    agent: Standing | None


async def _list_sources(caller: Caller, hub: Hub, given: Given, _tell: Tell) -> Any:
    """Return the ids of the sources that are meant, all of them where none is named. Raises NotFound."""
    wanted = dict.fromkeys(given["wanted"])
    if not wanted:
        return [source.id for source in hub.city(caller.tenant).sources]
    return [sources.get_source(caller, hub, source_id).source.id for source_id in wanted]


async def _tell_sources(caller: Caller, hub: Hub, _given: Given, _tell: Tell) -> Any:
    return [_line_of(status) for status in sources.list_sources(caller, hub)]


def _line_of(status: sources.SourceStatus) -> SourceLine:
    source, last = status.source, status.last_run
    return SourceLine(
        source.id, source.agency, source.kind, status.state, status.fresh_us, status.rows, status.rejects,
        last.error if last is not None else None, source.is_delivered, status.agent,
    )  # fmt: skip


async def _list_runs(caller: Caller, hub: Hub, given: Given, _tell: Tell) -> Any:
    return sources.list_runs(caller, hub, given["source"], given["limit"])


async def _count_rejects(caller: Caller, hub: Hub, given: Given, _tell: Tell) -> Any:
    return sources.get_source(caller, hub, given["source"]).rejects


async def _list_rejects(caller: Caller, hub: Hub, given: Given, _tell: Tell) -> Any:
    return sources.list_rejects(caller, hub, given["source"], given["limit"], given["offset"])


async def _list_alerts(caller: Caller, hub: Hub, given: Given, _tell: Tell) -> Any:
    return [one.alert for one in alerts.list_alerts(caller, hub, only_open=given["only_open"])]


async def _sync(caller: Caller, hub: Hub, given: Given, tell: Tell) -> Any:
    return await sources.sync(caller, hub, given["source"], accept_shrink=given["accept_shrink"], on_progress=tell)


async def _replay_run(caller: Caller, hub: Hub, given: Given, tell: Tell) -> Any:
    """Take over again the rows that are kept of a run; return how it ended."""
    return await sources.sync(caller, hub, given["source"], from_run=given["run"], on_progress=tell)


COMMANDS: Final[dict[str, Command]] = {
    "list_sources": _list_sources,
    "tell_sources": _tell_sources,
    "list_runs": _list_runs,
    "count_rejects": _count_rejects,
    "list_rejects": _list_rejects,
    "list_alerts": _list_alerts,
    "sync": _sync,
    "replay_run": _replay_run,
}
