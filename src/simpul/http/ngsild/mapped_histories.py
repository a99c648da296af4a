"""Queries about histories that make an entity map or name one (CIM 009 §5.7.3.4, §5.7.4.4, §5.5.14).

What is said of entity maps, and how a map is found or made, is in `mapped.py`. Nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simpul.app import assembly, entity_maps
from simpul.app import temporal as histories
from simpul.app.federation import hop_of
from simpul.app.histories_elsewhere import RETRIEVING, source_question
from simpul.app.history_map_finder import HistoryFinder
from simpul.app.hub import Hub
from simpul.app.temporal import TemporalQuestion
from simpul.domain.access import Caller
from simpul.domain.context import Context
from simpul.domain.entity_map import OWN, Sources
from simpul.domain.query import EntityQuery
from simpul.domain.render import Representation
from simpul.domain.temporal import Series
from simpul.domain.temporal_render import TemporalRepresentation
from simpul.http.admission import admit, context_of_reader, read_body
from simpul.http.exchange import Answer, Exchange
from simpul.http.negotiate import ANY_JSON, negotiate
from simpul.http.ngsild import distributed, distributed_histories, mapped, temporal
from simpul.http.ngsild.distributed_histories import said_in_body, said_in_parameters, search_of
from simpul.http.ngsild.mapped import Wish, take_wish
from simpul.http.ngsild.pages import paging_headers
from simpul.http.ngsild.temporal_plan import (
    POST_PARAMETERS,
    QUERY_PARAMETERS,
    parse_temporal_body,
    parse_temporal_question,
    parse_temporal_retrieval,
)
from simpul.http.parameters import Parameters, parse_parameters
from simpul.http.plan import EntityPlan

_OK = 200
_FOUND = (200, 206)

_Asked = tuple[TemporalQuestion, TemporalRepresentation]


async def retrieve(hub: Hub, exchange: Exchange) -> Answer:
    """GET /temporal/entities/{id} (§5.7.3.4): the history as ever, beside a map of it."""
    exchange, wish = take_wish(exchange)
    (entity_id,) = exchange.names
    answer = await mapped.plainly(hub, exchange, temporal.retrieve, distributed_histories.retrieve)
    if not (wish.is_wanted or wish.named) or answer.status not in _FOUND:
        return answer
    caller = admit(hub, exchange)
    context = await context_of_reader(hub, exchange)
    hop = await hop_of(hub, caller, context, exchange.headers)
    retrieval = parse_temporal_retrieval(exchange.query, context)

    async def make() -> dict[str, Sources]:
        concern = source_question(EntityQuery(types=retrieval.types, ids=(entity_id,)), retrieval.query)
        is_local = distributed.is_local(exchange)
        asked = [] if is_local else assembly.find_asked(hub, hop, concern, RETRIEVING)
        is_here = not asked or await histories.find_series(caller, hub, entity_id, retrieval.query) is not None
        return {entity_id: (*(OWN if is_here else ()), *(one.registration.id for one in asked))}

    return await mapped.with_map(answer, (caller, hub), wish, make)


async def query(hub: Hub, exchange: Exchange) -> Answer:
    """GET /temporal/entities (§5.7.4.4) with an entity map."""
    exchange, wish = take_wish(exchange)
    if not (wish.is_wanted or wish.named):
        return await mapped.plainly(hub, exchange, temporal.query, distributed_histories.query)
    media_type = negotiate(exchange.accept, ANY_JSON)
    parameters = parse_parameters(exchange.query, QUERY_PARAMETERS)
    caller = admit(hub, exchange)
    context = await context_of_reader(hub, exchange)
    asked, finder = await finder_of(hub, exchange, parameters, context, caller)
    return await _answer_page(finder, asked, wish, (exchange, media_type))


async def query_by_post(hub: Hub, exchange: Exchange) -> Answer:
    """POST /temporal/entityOperations/query (§6.24.3.1) with an entity map, which its body may ask for too."""
    exchange, wish = take_wish(exchange)
    media_type = negotiate(exchange.accept, ANY_JSON)
    parameters = parse_parameters(exchange.query, POST_PARAMETERS)
    caller = admit(hub, exchange)
    body, context = await read_body(hub, exchange)
    wish = mapped.wish_in(body, wish)
    if not (wish.is_wanted or wish.named):
        return await mapped.plainly(hub, exchange, temporal.query_by_body, distributed_histories.query_by_body)
    asked, finder = await finder_of_body(hub, exchange, (body, parameters), context, caller)
    return await _answer_page(finder, asked, wish, (exchange, media_type))


async def finder_of(
    hub: Hub, exchange: Exchange, parameters: Parameters, context: Context, caller: Caller
) -> tuple[_Asked, HistoryFinder]:
    """Return what a query by parameters asks for, and what looks for it."""
    asked = parse_temporal_question(parameters, context, caller)
    said = said_in_parameters(exchange, parameters, context)
    hop, search = await search_of((caller, hub, exchange), asked[0], said, context)
    return asked, HistoryFinder(hub, hop, search)


async def finder_of_body(
    hub: Hub, exchange: Exchange, asked_for: tuple[dict[str, Any], Parameters], context: Context, caller: Caller
) -> tuple[_Asked, HistoryFinder]:
    """Return what a query in a body asks for, and what looks for it."""
    body, parameters = asked_for
    asked = parse_temporal_body(body, parameters, context, caller)
    said = said_in_body(exchange, body, context)
    hop, search = await search_of((caller, hub, exchange), asked[0], said, context)
    return asked, HistoryFinder(hub, hop, search)


async def _answer_page(finder: HistoryFinder, asked: _Asked, wish: Wish, shown: tuple[Exchange, str]) -> Answer:
    exchange, media_type = shown
    hub, hop = finder.hub, finder.hop
    entity_map, status = await mapped.map_for(hop.caller, hub, wish, finder.list_sources)
    first = asked[0].selectors[0]
    plan = EntityPlan(first, max(0, first.limit - 1), Representation(), is_plain=False)

    async def look(entity_ids: Sequence[str]) -> dict[str, Series]:
        return await finder.look(entity_map, entity_ids)

    window = (plan.limit, first.offset)
    page = await entity_maps.cut_page(
        hop.caller, hub, entity_map, window, look, counts=first.counts, unsure=finder.unsure
    )
    headers = (
        *paging_headers(plan, page.count, is_last=page.is_last, exchange=exchange),
        *distributed.warning_headers(hop, finder.warnings),
        *mapped.location_headers(entity_map),
    )
    whole = finder.page_of(page.entities)
    answer = temporal.answer_histories((hop.caller, hub), whole, asked, (hop.context, media_type), headers)
    return Answer(status if answer.status == _OK else answer.status, answer.headers, answer.body)
