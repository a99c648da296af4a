"""What the machine's operator asks of a hub at the command line: the same use-cases as everywhere. No sockets here.

Each command takes the hub, the city and what was given, and returns what can be told as JSON. It is run by the hub that
serves the city, where one does (`operator_socket.py`), else by the command itself over the city's file.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from simpul.app import alerts, identity, sources
from simpul.app.hub import Hub
from simpul.app.sources import Step
from simpul.connect.city import load_city
from simpul.domain.access import Caller
from simpul.domain.city import City, SourceDeclaration
from simpul.domain.context import CORE
from simpul.domain.delivery import Standing
from simpul.domain.errors import BadRequestData, HubBusy, SourceError
from simpul.ports.engine import Progress

Given = dict[str, Any]
Tell = Callable[[Progress], None]
Command = Callable[[Caller, Hub, Given, Tell], Awaitable[Any]]


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


class PreviewLines(NamedTuple):
    """What a source's first rows would become: the first entity in JSON; of each reject key, reason, rule."""

    source: str
    error: str | None
    columns: tuple[str, ...]
    rows_read: int
    entities: int
    first_entity: str | None
    rejects: list[tuple[str, str, str]]


class Plan(NamedTuple):
    """What applying a folder would change."""

    steps: list[Step]
    previews: list[PreviewLines]


async def perform(hub: Hub, name: str, given: Given, tell: Tell) -> Any:
    """Carry a command out for the city `given["tenant"]`, or the hub's own. Raises what its use-case raises."""
    command = COMMANDS.get(name)
    if command is None:
        raise BadRequestData(f"This hub knows no command {name[:100]!r}; is it of the same version as `simpul`?")
    return await command(identity.operator(given.get("tenant") or hub.settings.tenant), hub, given, tell)


async def _list_tokens(caller: Caller, hub: Hub, _given: Given, _tell: Tell) -> Any:
    return identity.list_tokens(caller, hub)


async def _create_token(caller: Caller, hub: Hub, given: Given, _tell: Tell) -> Any:
    return await identity.create_token(caller, hub, given["name"], tuple(given["roles"]), given["days"])


async def _create_agent_token(caller: Caller, hub: Hub, given: Given, _tell: Tell) -> Any:
    return await identity.create_agent_token(caller, hub, given["name"], given["source"])


async def _revoke_token(caller: Caller, hub: Hub, given: Given, _tell: Tell) -> Any:
    await identity.revoke_token(caller, hub, given["token_id"])


async def _list_tenants(_caller: Caller, hub: Hub, _given: Given, _tell: Tell) -> Any:
    return hub.tenants.list_tenants()


async def _create_tenant(_caller: Caller, hub: Hub, given: Given, _tell: Tell) -> Any:
    await hub.tenants.create_tenant(given["name"])


async def _delete_tenant(_caller: Caller, hub: Hub, given: Given, _tell: Tell) -> Any:
    if given.get("is_served"):
        raise HubBusy(f"A hub serves {given['name']}, so it is in use. Stop the hub, and remove the city then.")
    await hub.tenants.delete_tenant(given["name"])


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


async def _plan(caller: Caller, hub: Hub, given: Given, _tell: Tell) -> Any:
    """Say what applying the city's folder would change; return the steps, and what the first rows would become."""
    city = _read_city(given)
    steps = sources.plan(caller, hub, city)
    named = [city.source(step.name) for step in steps if step.what == "source"]
    rows = given["rows"]
    if rows is None:
        return Plan(steps, [])
    # The hub that serves goes on with the city that is in force.
    planned = replace(hub, cities={**hub.cities, city.tenant: city})
    return Plan(steps, [await _preview(caller, planned, source, rows) for source in named if source is not None])


async def _preview(caller: Caller, hub: Hub, source: SourceDeclaration, rows: int) -> PreviewLines:
    try:
        found = await sources.preview(caller, hub, source, rows)
    except SourceError as error:
        return PreviewLines(source.id, error.detail, (), 0, 0, None, [])
    first = CORE.compact_entity(found.entities[0]) if found.entities else None
    shown = None if first is None else json.dumps(first, indent=2, ensure_ascii=False, default=str)
    rejects = [(one.key, one.reason, one.rule) for one in found.rejects]
    return PreviewLines(source.id, None, found.columns, found.rows_read, len(found.entities), shown, rejects)


async def _apply(caller: Caller, hub: Hub, given: Given, _tell: Tell) -> Any:
    """Make the city's folder the one in force; return the steps. Raises BadRequestData where it has problems."""
    return await sources.apply(caller, hub, _read_city(given))


def _read_city(given: Given) -> City:
    loaded = load_city(Path(given["folder"]))
    if loaded.city is None:
        raise BadRequestData("; ".join(str(problem) for problem in loaded.problems))
    return loaded.city


COMMANDS: Final[dict[str, Command]] = {
    "list_tokens": _list_tokens,
    "create_token": _create_token,
    "create_agent_token": _create_agent_token,
    "revoke_token": _revoke_token,
    "list_tenants": _list_tenants,
    "create_tenant": _create_tenant,
    "delete_tenant": _delete_tenant,
    "list_sources": _list_sources,
    "tell_sources": _tell_sources,
    "list_runs": _list_runs,
    "count_rejects": _count_rejects,
    "list_rejects": _list_rejects,
    "plan": _plan,
    "apply": _apply,
    "list_alerts": _list_alerts,
    "sync": _sync,
}
