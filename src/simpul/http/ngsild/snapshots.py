"""/snapshots: what queries found at one time, kept apart (CIM 009 §6.36, §6.37, §6.38). Nothing is decided here.

How requests are answered within a snapshot is told in `http/snapshot_scope.py`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec

from simpul.app import snapshots
from simpul.app.hub import Hub
from simpul.app.snapshot_fill import Filling
from simpul.domain.access import Caller
from simpul.domain.context import Context
from simpul.domain.errors import BadRequestData
from simpul.domain.parse import raise_unless_uri
from simpul.domain.snapshot import Kept, parse_clone, parse_new, parse_update, render_snapshot
from simpul.http.admission import admit, context_headers, read_body
from simpul.http.exchange import LD_JSON, LOCATION, NO_CONTENT, Answer, Exchange, answer_json
from simpul.http.negotiate import ANY_JSON, PATCH_BODY_TYPES, negotiate
from simpul.http.ngsild import mapped
from simpul.http.ngsild.temporal_plan import parse_temporal_body
from simpul.http.parameters import parse_parameters

_PATH = "/ngsi-ld/v1/snapshots/"
_NOTHING = frozenset[str]()


async def create(hub: Hub, exchange: Exchange) -> Answer:
    """POST /snapshots (§6.36.3.1): 201 at once; its status tells when it is ready."""
    parse_parameters(exchange.query, _NOTHING)
    caller = admit(hub, exchange)
    snapshots.raise_unless_known(caller)
    body, context = await read_body(hub, exchange)
    wanted = parse_new(body)
    filling = await _read_filling(hub, exchange, wanted.queries, context, caller)
    kept = await snapshots.create(caller, hub, wanted, filling, hub.contexts.register(context))
    return _created(kept)


async def _read_filling(
    hub: Hub, exchange: Exchange, queries: dict[str, list[dict[str, Any]]], context: Context, caller: Caller
) -> Filling:
    finders = []
    plainly = msgspec.structs.replace(exchange, query=b"", entity_map="")
    for query in queries.get("snapshotQueries", ()):
        plan, finder = await mapped.finder_of_body(hub, plainly, (query, {}), context, caller)
        finders.append((finder, plan.representation))
    histories = [
        parse_temporal_body(query, {}, context, caller)[0] for query in queries.get("snapshotTemporalQueries", ())
    ]
    return Filling(caller, finders, histories)


def _created(kept: Kept) -> Answer:
    return Answer(201, ((LOCATION, (_PATH + quote(kept.id, safe="!$&'()*+,;=:@-._~")).encode()),))


async def purge(hub: Hub, exchange: Exchange) -> Answer:
    """DELETE /snapshots (§6.36.3.2)."""
    parameters = parse_parameters(exchange.query, frozenset({"q"}))
    await snapshots.purge(admit(hub, exchange), hub, parameters.get("q", ""))
    return NO_CONTENT


async def retrieve(hub: Hub, exchange: Exchange) -> Answer:
    """GET /snapshots/{id} (§6.37.3.1)."""
    media_type = negotiate(exchange.accept, ANY_JSON)
    parse_parameters(exchange.query, _NOTHING)
    caller = admit(hub, exchange)
    return _answer(hub, snapshots.get(caller, hub, _snapshot_id(exchange)), media_type)


def _answer(hub: Hub, kept: Kept, media_type: str) -> Answer:
    # Its queries are in the names that they came in, so the @context is theirs.
    context = hub.contexts.get(kept.context_id)
    content = render_snapshot(kept)
    if media_type == LD_JSON:
        content = {"@context": context.link, **content}
    return answer_json(content, context_headers(context, media_type), media_type=media_type)


async def update(hub: Hub, exchange: Exchange) -> Answer:
    """PATCH /snapshots/{id} (§6.37.3.2)."""
    media_type = negotiate(exchange.accept, ANY_JSON)
    parse_parameters(exchange.query, _NOTHING)
    caller = admit(hub, exchange)
    snapshot_id = _snapshot_id(exchange)
    body, _ = await read_body(hub, exchange, PATCH_BODY_TYPES)
    if not body:
        raise BadRequestData("The body is empty; snapshotPriority and snapshotLifetime can be changed.")
    return _answer(hub, await snapshots.update(caller, hub, snapshot_id, parse_update(body)), media_type)


async def delete(hub: Hub, exchange: Exchange) -> Answer:
    """DELETE /snapshots/{id} (§6.37.3.3)."""
    parse_parameters(exchange.query, _NOTHING)
    await snapshots.delete(admit(hub, exchange), hub, _snapshot_id(exchange))
    return NO_CONTENT


async def clone(hub: Hub, exchange: Exchange) -> Answer:
    """POST /snapshots/{id}/clone (§6.38.3.1)."""
    parse_parameters(exchange.query, _NOTHING)
    caller = admit(hub, exchange)
    snapshot_id = _snapshot_id(exchange)
    body, _ = await read_body(hub, exchange)
    return _created(await snapshots.clone(caller, hub, snapshot_id, parse_clone(body)))


def _snapshot_id(exchange: Exchange) -> str:
    (snapshot_id,) = exchange.names
    raise_unless_uri(snapshot_id, "The snapshot id in the path")
    return snapshot_id
