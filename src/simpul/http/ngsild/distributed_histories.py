"""Reading histories where sources of histories are registered (CIM 009 §6.3.17). Nothing is decided here.

A request that no source is concerned by goes to the ordinary handler.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from simpul.app import assembly, histories_elsewhere
from simpul.app import entities as local
from simpul.app.federation import Hop, hop_of
from simpul.app.histories_elsewhere import QUERYING, RETRIEVING, Search, source_question
from simpul.app.hub import Hub
from simpul.app.temporal import TemporalQuestion
from simpul.domain.access import Caller
from simpul.domain.context import Context
from simpul.domain.errors import BadRequestData, NotFound
from simpul.domain.parse import raise_unless_uri
from simpul.domain.q import Expression
from simpul.domain.query import EntityQuery
from simpul.domain.source_matching import SourceQuestion
from simpul.domain.temporal_render import Form, TemporalRepresentation
from simpul.http.admission import admit, context_of_reader, read_body
from simpul.http.exchange import Answer, Exchange
from simpul.http.negotiate import ANY_JSON, negotiate
from simpul.http.ngsild import temporal
from simpul.http.ngsild.distributed import (
    FILTERS,
    answer_absent,
    filters_of,
    is_local,
    is_local_body,
    warning_headers,
)
from simpul.http.ngsild.temporal_plan import (
    POST_PARAMETERS,
    QUERY_PARAMETERS,
    parse_temporal_body,
    parse_temporal_question,
    parse_temporal_retrieval,
)
from simpul.http.parameters import Parameters, parse_flag, parse_parameters
from simpul.http.plan import parse_source_filter

_Asked = tuple[TemporalQuestion, TemporalRepresentation]


async def retrieve(hub: Hub, exchange: Exchange) -> Answer:
    """GET /temporal/entities/{id} (§6.19.3.1)."""
    if is_local(exchange):
        return await temporal.retrieve(hub, exchange)
    (entity_id,) = exchange.names
    media_type = negotiate(exchange.accept, ANY_JSON)
    caller = admit(hub, exchange)
    context = await context_of_reader(hub, exchange)
    raise_unless_uri(entity_id, "The entity id in the path")
    retrieval = parse_temporal_retrieval(exchange.query, context)
    local.raise_unless_readable_id(caller, entity_id)
    hop = await hop_of(hub, caller, context, exchange.headers)
    selector = EntityQuery(types=retrieval.types, ids=(entity_id,))
    concern = source_question(selector, retrieval.query)
    asked = assembly.find_asked(hub, hop, concern, RETRIEVING)
    if not asked:
        return await _retrieve_here(hub, exchange, hop, concern)
    is_whole = retrieval.representation.form is Form.AGGREGATED
    question = TemporalQuestion((selector,), retrieval.query, whole=is_whole)
    found = await histories_elsewhere.retrieve(hub, hop, entity_id, asked, question)
    if not found.page.series:
        return answer_absent(hop, entity_id, found.warnings)
    warnings = warning_headers(hop, found.warnings)
    return temporal.answer_history((caller, hub), found.page, retrieval, (context, media_type), warnings)


async def _retrieve_here(hub: Hub, exchange: Exchange, hop: Hop, concern: SourceQuestion) -> Answer:
    try:
        return await temporal.retrieve(hub, exchange)
    except NotFound:
        assembly.raise_if_held_in_a_circle(hub, hop, concern, RETRIEVING)
        raise


class SaidOfSources(NamedTuple):
    """What a query says to and of sources: its filters in its own words, which sources, and what they may hold.

    One that is local is for this hub alone.
    """

    filters: tuple[tuple[str, str], ...]
    csf: Expression | None
    is_split: bool
    is_local: bool = False


def said_in_parameters(exchange: Exchange, parameters: Parameters, context: Context) -> SaidOfSources:
    """Return what the parameters of a query say of sources. Raises BadRequestData."""
    filters = tuple((name, parameters[name]) for name in FILTERS if parameters.get(name))
    csf = parse_source_filter(parameters.get("csf", ""), context)
    return SaidOfSources(filters, csf, parse_flag(parameters, "splitEntities"), is_local(exchange))


def said_in_body(exchange: Exchange, body: dict[str, Any], context: Context) -> SaidOfSources:
    """Return what a query in a body says of sources. Raises BadRequestData."""
    csf = parse_source_filter(body.get("csf") or "", context)
    is_here = is_local(exchange) or is_local_body(body)
    return SaidOfSources(filters_of(body), csf, body.get("splitEntities") is True, is_here)


async def query(hub: Hub, exchange: Exchange) -> Answer:
    """GET /temporal/entities (§6.18.3.2)."""
    if is_local(exchange):
        return await temporal.query(hub, exchange)
    media_type = negotiate(exchange.accept, ANY_JSON)
    parameters = parse_parameters(exchange.query, QUERY_PARAMETERS)
    caller = admit(hub, exchange)
    context = await context_of_reader(hub, exchange)
    asked = parse_temporal_question(parameters, context, caller)
    said = said_in_parameters(exchange, parameters, context)
    answer = await _answer_everywhere((caller, hub, exchange), asked, said, (context, media_type))
    return await temporal.query(hub, exchange) if answer is None else answer


async def query_by_body(hub: Hub, exchange: Exchange) -> Answer:
    """POST /temporal/entityOperations/query (§6.24.3.1)."""
    media_type = negotiate(exchange.accept, ANY_JSON)
    parameters = parse_parameters(exchange.query, POST_PARAMETERS)
    caller = admit(hub, exchange)
    body, context = await read_body(hub, exchange)
    asked = parse_temporal_body(body, parameters, context, caller)
    if is_local(exchange) or is_local_body(body):
        return await temporal.query_by_body(hub, exchange)
    said = said_in_body(exchange, body, context)
    answer = await _answer_everywhere((caller, hub, exchange), asked, said, (context, media_type))
    return await temporal.query_by_body(hub, exchange) if answer is None else answer


async def _answer_everywhere(
    asker: tuple[Caller, Hub, Exchange], asked: _Asked, said: SaidOfSources, shown: tuple[Context, str]
) -> Answer | None:
    """Return what the hub and the sources tell together, or None where no source is concerned."""
    caller, hub, exchange = asker
    hop, search = await search_of(asker, asked[0], said, shown[0])
    if not search.everyone:
        return None
    found = await histories_elsewhere.query(hub, hop, search)
    headers = (*temporal.paging_of(found.page, search.question, exchange), *warning_headers(hop, found.warnings))
    return temporal.answer_histories((caller, hub), found.page, asked, shown, headers)


async def search_of(
    asker: tuple[Caller, Hub, Exchange], question: TemporalQuestion, said: SaidOfSources, context: Context
) -> tuple[Hop, Search]:
    """Return a question with the sources that it concerns, and what goes to them. Raises BadRequestData, Forbidden."""
    caller, hub, exchange = asker
    for selector in question.selectors:
        local.raise_unless_readable(caller, selector)
    hop = await hop_of(hub, caller, context, exchange.headers)
    concerns = [replace(source_question(one, question.window), q=said.csf) for one in question.selectors]
    concerned = [[] if said.is_local else assembly.find_asked(hub, hop, one, QUERYING) for one in concerns]
    if question.order and any(concerned):
        raise BadRequestData(
            "Histories of several sources are not ordered, and the query concerns registered ones; add local=true to"
            " ask this hub alone, or leave out orderBy (CIM 009 §5.7.4.4)."
        )
    return hop, Search(question, concerned, said.filters, said.is_split)
