"""/entityMaps and /temporal/entityMaps: which entities a query is about (CIM 009 §6.32, §6.34, §6.35).

Nothing is decided here. How queries use a map is told in `mapped.py`.
"""

from __future__ import annotations

from simpul.app import entity_maps
from simpul.app.hub import Hub
from simpul.domain.access import Caller
from simpul.domain.context import CORE
from simpul.domain.entity_map import Sources, render_entity_map
from simpul.domain.errors import BadRequestData
from simpul.domain.parse import raise_unless_uri
from simpul.http.admission import admit, context_headers, context_of_reader, read_body
from simpul.http.exchange import LD_JSON, LOCATION, NO_CONTENT, Answer, Exchange, Headers, answer_json
from simpul.http.negotiate import ANY_JSON, PATCH_BODY_TYPES, negotiate
from simpul.http.ngsild import distributed, mapped, mapped_histories, question
from simpul.http.ngsild.temporal_plan import POST_PARAMETERS, QUERY_PARAMETERS
from simpul.http.parameters import parse_parameters
from simpul.http.plan import parse_entity_query

_NOTHING = frozenset[str]()
# One of these has to bound the query of a map (§5.14.4.4): who knows the ids already needs none.
_SELECTORS = (b"type=", b"attrs=", b"pick=", b"q=", b"georel=", b"scopeQ=", b"local=true")


async def create(hub: Hub, exchange: Exchange) -> Answer:
    """GET /entityMaps (§6.34.3.1): the query's parameters are those of GET /entities."""
    exchange, wish = mapped.take_wish(exchange)
    media_type = negotiate(exchange.accept, ANY_JSON)
    caller = admit(hub, exchange)
    context = await context_of_reader(hub, exchange)
    plan = parse_entity_query(exchange.query, context, caller)
    if not any(pair.startswith(_SELECTORS) for pair in exchange.query.split(b"&")):
        raise BadRequestData("The query of an entity map needs type, attrs, pick, q, georel, scopeQ or local=true.")
    finder = await mapped.finder_of(hub, exchange, plan, context, caller)
    sources = await finder.list_sources()
    warnings = distributed.warning_headers(finder.hop, finder.warnings)
    return await _created((caller, hub), sources, wish.lifetime_us, (media_type, warnings))


async def create_by_post(hub: Hub, exchange: Exchange) -> Answer:
    """POST /entityMaps (§6.34.3.2): the body is a Query, as for POST /entityOperations/query."""
    exchange, wish = mapped.take_wish(exchange)
    media_type = negotiate(exchange.accept, ANY_JSON)
    parameters = parse_parameters(exchange.query, question.PARAMETERS)
    caller = admit(hub, exchange)
    body, context = await read_body(hub, exchange)
    wish = mapped.wish_in(body, wish)
    _, finder = await mapped.finder_of_body(hub, exchange, (body, parameters), context, caller)
    sources = await finder.list_sources()
    warnings = distributed.warning_headers(finder.hop, finder.warnings)
    return await _created((caller, hub), sources, wish.lifetime_us, (media_type, warnings))


async def create_of_histories(hub: Hub, exchange: Exchange) -> Answer:
    """GET /temporal/entityMaps (§6.35.3.1): the query's parameters are those of GET /temporal/entities."""
    exchange, wish = mapped.take_wish(exchange)
    media_type = negotiate(exchange.accept, ANY_JSON)
    parameters = parse_parameters(exchange.query, QUERY_PARAMETERS)
    caller = admit(hub, exchange)
    context = await context_of_reader(hub, exchange)
    if not parameters.get("timerel"):
        raise BadRequestData("The query of an entity map of histories needs timerel and timeAt (§5.14.5.4).")
    _, finder = await mapped_histories.finder_of(hub, exchange, parameters, context, caller)
    sources = await finder.list_sources()
    warnings = distributed.warning_headers(finder.hop, finder.warnings)
    return await _created((caller, hub), sources, wish.lifetime_us, (media_type, warnings))


async def create_of_histories_by_post(hub: Hub, exchange: Exchange) -> Answer:
    """POST /temporal/entityMaps (§6.35.3.2): the body is a Query with `temporalQ`."""
    exchange, wish = mapped.take_wish(exchange)
    media_type = negotiate(exchange.accept, ANY_JSON)
    parameters = parse_parameters(exchange.query, POST_PARAMETERS)
    caller = admit(hub, exchange)
    body, context = await read_body(hub, exchange)
    wish = mapped.wish_in(body, wish)
    if not body.get("temporalQ"):
        raise BadRequestData("The query of an entity map of histories needs temporalQ (§5.14.5.4).")
    _, finder = await mapped_histories.finder_of_body(hub, exchange, (body, parameters), context, caller)
    sources = await finder.list_sources()
    warnings = distributed.warning_headers(finder.hop, finder.warnings)
    return await _created((caller, hub), sources, wish.lifetime_us, (media_type, warnings))


async def _created(
    asker: tuple[Caller, Hub], sources: dict[str, Sources], lifetime_us: int, shown: tuple[str, Headers]
) -> Answer:
    media_type, warnings = shown
    made = await entity_maps.create(*asker, sources, lifetime_us)
    location = mapped.location_headers(made)
    headers = (*context_headers(CORE, media_type), (LOCATION, location[0][1]), *location, *warnings)
    content = render_entity_map(made)
    if media_type == LD_JSON:
        content = {"@context": CORE.link, **content}
    return answer_json(content, headers, status=201, media_type=media_type)


async def retrieve(hub: Hub, exchange: Exchange) -> Answer:
    """GET /entityMaps/{id} (§6.32.3.1)."""
    media_type = negotiate(exchange.accept, ANY_JSON)
    parse_parameters(exchange.query, _NOTHING)
    caller = admit(hub, exchange)
    content = render_entity_map(entity_maps.get(caller, hub, _map_id(exchange)))
    if media_type == LD_JSON:
        content = {"@context": CORE.link, **content}
    return answer_json(content, context_headers(CORE, media_type), media_type=media_type)


async def update(hub: Hub, exchange: Exchange) -> Answer:
    """PATCH /entityMaps/{id} (§6.32.3.2)."""
    parse_parameters(exchange.query, _NOTHING)
    caller = admit(hub, exchange)
    map_id = _map_id(exchange)
    body, _ = await read_body(hub, exchange, PATCH_BODY_TYPES)
    await entity_maps.update(caller, hub, map_id, body)
    return NO_CONTENT


async def delete(hub: Hub, exchange: Exchange) -> Answer:
    """DELETE /entityMaps/{id} (§6.32.3.3)."""
    parse_parameters(exchange.query, _NOTHING)
    await entity_maps.delete(admit(hub, exchange), hub, _map_id(exchange))
    return NO_CONTENT


def _map_id(exchange: Exchange) -> str:
    (map_id,) = exchange.names
    raise_unless_uri(map_id, "The id of the entity map in the path")
    return map_id
