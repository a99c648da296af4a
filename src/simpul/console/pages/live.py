"""The stream that tells open pages what changed: names of types with counts, only those the visitor may read.

Administrators are also told that a subscription or a connected hub fares otherwise than before; never which.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from simpul.app import connected_hubs, source_subscriptions, sources, subscriptions
from simpul.app.hub import Hub
from simpul.console.values import term
from simpul.console.visit import Visit, begin_visit
from simpul.domain.errors import HubBusy

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"}


def feed(hub: Hub) -> Callable[[Request], Awaitable[Response]]:
    """Return the handler of `/live`."""

    async def answer(request: Request) -> Response:
        visit = begin_visit(hub, request)
        return StreamingResponse(_events(visit), media_type="text/event-stream", headers=HEADERS)

    return answer


async def _events(visit: Visit) -> AsyncIterator[str]:
    """Yield `hello`, then `changed` as things change, and `still` where nothing did for a while."""
    yield _event("hello", {})
    runs, fares = _last_runs(visit), _connections(visit)
    try:
        async for counts in visit.hub.live.watch(visit.caller.tenant):
            readable = {term(name): count for name, count in counts.items() if visit.caller.may_read((name,))}
            before, runs = runs, _last_runs(visit)
            ran = [source for source, run in runs.items() if before.get(source) != run]
            fared, fares = fares, _connections(visit)
            moved = [name for name, state in fares.items() if fared.get(name) != state]
            told: dict[str, object] = {"types": readable, "sources": ran, "connections": moved}
            yield _event("changed", told) if any(told.values()) else _event("still", {})
    except HubBusy:
        # A client that is told to wait comes back by itself; one that is cut off asks again at once.
        yield "retry: 60000\n\n"


def _last_runs(visit: Visit) -> dict[str, tuple[int, int | None] | None]:
    """Return each source's last run and when it ended: a run that changes nothing makes a source fresh all the same."""
    return {
        status.source.id: (status.last_run.id, status.last_run.finished_us) if status.last_run is not None else None
        for status in sources.list_sources(visit.caller, visit.hub)
    }


def _connections(visit: Visit) -> dict[str, object]:
    """Return what the pages of the section Sharing show, to see whether it changed."""
    if not visit.is_administrator:
        return {}
    hub, caller = visit.hub, visit.caller
    hubs = [
        (one.registration.id, one.registration.modified_us, one.reachability, one.last_contact_us, one.status.failure)
        for one in connected_hubs.list_connections(caller, hub)
    ]
    return {
        "subscriptions": subscriptions.list_health(caller, hub),
        "hubs": hubs,
        "watchers": source_subscriptions.list_health(caller, hub),
    }


def _event(name: str, data: dict[str, object]) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
