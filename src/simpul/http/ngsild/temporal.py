"""/temporal: how entities came to be as they are, asked for and shown. No history is read or written here."""

from __future__ import annotations

from typing import Any

from simpul.app import temporal
from simpul.app.hub import Hub
from simpul.app.temporal import Page
from simpul.domain.access import Caller
from simpul.domain.context import Context
from simpul.domain.errors import NotFound
from simpul.domain.parse import raise_unless_uri
from simpul.domain.render import Representation
from simpul.domain.temporal import ContentRange, Series, TemporalQuery
from simpul.domain.temporal_expiry import add_expiry
from simpul.domain.temporal_render import Form, TemporalRepresentation, render_series
from simpul.http.admission import admit, context_headers, context_of_reader, read_body
from simpul.http.exchange import LD_JSON, Answer, Exchange, Headers, answer_bytes, answer_json
from simpul.http.negotiate import ANY_JSON, negotiate
from simpul.http.ngsild.pages import paging_headers
from simpul.http.ngsild.temporal_plan import (
    POST_PARAMETERS,
    QUERY_PARAMETERS,
    Retrieval,
    parse_temporal_body,
    parse_temporal_question,
    parse_temporal_retrieval,
)
from simpul.http.parameters import parse_parameters
from simpul.http.plan import EntityPlan

_NORMALIZED = TemporalRepresentation()


async def retrieve(hub: Hub, exchange: Exchange) -> Answer:
    """GET /temporal/entities/{id} (§6.19.3.1)."""
    (entity_id,) = exchange.names
    media_type = negotiate(exchange.accept, ANY_JSON)
    caller = admit(hub, exchange)
    context = await context_of_reader(hub, exchange)
    raise_unless_uri(entity_id, "The entity id in the path")
    asked, representation, types = parse_temporal_retrieval(exchange.query, context)
    if representation == _NORMALIZED and types is None and media_type != LD_JSON:
        plain = temporal.find_plain(caller, hub, entity_id, asked, context)
        if plain is not None:
            return answer_bytes(plain, context_headers(context, media_type), media_type=media_type)
    is_whole = representation.form is Form.AGGREGATED
    page = await temporal.retrieve_series(caller, hub, entity_id, asked, whole=is_whole)
    return answer_history((caller, hub), page, Retrieval(asked, representation, types), (context, media_type))


def answer_history(
    asker: tuple[Caller, Hub], page: Page, retrieval: Retrieval, shown: tuple[Context, str], headers: Headers = ()
) -> Answer:
    """Return the history of one entity as it was asked for. `shown` is the @context and the media type."""
    (series,) = page.series
    asked, representation, types = retrieval
    context, media_type = shown
    entity_id = series.history.id
    if types is not None and not types.matches(series.history.types):
        raise NotFound(f"The entity {entity_id} is there, but not with the type that the parameter 'type' asks for.")
    content = _render(asker, series, asked, (context, representation))
    if not content:
        raise NotFound(f"The entity {entity_id} has nothing of what 'pick' and 'omit' let through.")
    told = (*context_headers(context, media_type), *headers)
    return answer_page(with_context(content, context, media_type), page, told, media_type)


async def query(hub: Hub, exchange: Exchange) -> Answer:
    """GET /temporal/entities (§6.18.3.2)."""
    media_type = negotiate(exchange.accept, ANY_JSON)
    parameters = parse_parameters(exchange.query, QUERY_PARAMETERS)
    caller = admit(hub, exchange)
    context = await context_of_reader(hub, exchange)
    asked = parse_temporal_question(parameters, context, caller)
    return await answer_question((caller, hub, exchange), asked, context, media_type)


async def query_by_body(hub: Hub, exchange: Exchange) -> Answer:
    """POST /temporal/entityOperations/query (§6.24.3.1)."""
    media_type = negotiate(exchange.accept, ANY_JSON)
    parameters = parse_parameters(exchange.query, POST_PARAMETERS)
    caller = admit(hub, exchange)
    body, context = await read_body(hub, exchange)
    asked = parse_temporal_body(body, parameters, context, caller)
    return await answer_question((caller, hub, exchange), asked, context, media_type)


async def answer_question(
    asker: tuple[Caller, Hub, Exchange],
    asked: tuple[temporal.TemporalQuestion, TemporalRepresentation],
    context: Context,
    media_type: str,
) -> Answer:
    """Return the page of histories that the question asks for."""
    caller, hub, exchange = asker
    page = await temporal.query(caller, hub, asked[0])
    return answer_histories((caller, hub), page, asked, (context, media_type), paging_of(page, asked[0], exchange))


def paging_of(page: Page, question: temporal.TemporalQuestion, exchange: Exchange) -> Headers:
    """Return the headers of a page of histories: how many there are, and the pages beside it."""
    first = question.selectors[0]
    plan = EntityPlan(first, max(0, first.limit - 1), Representation(), is_plain=False)
    return paging_headers(plan, page.count, is_last=page.is_last, exchange=exchange)


def answer_histories(
    asker: tuple[Caller, Hub],
    page: Page,
    asked: tuple[temporal.TemporalQuestion, TemporalRepresentation],
    shown: tuple[Context, str],
    paging: Headers,
) -> Answer:
    """Return a page of histories as it was asked for. `shown` is the @context and the media type."""
    question, representation = asked
    context, media_type = shown
    rendered = [_render(asker, series, question.window, (context, representation)) for series in page.series]
    # One of which nothing is shown would be an empty object (§4.21).
    content = [with_context(one, context, media_type) for one in rendered if one]
    return answer_page(content, page, (*context_headers(context, media_type), *paging), media_type)


def _render(
    asker: tuple[Caller, Hub], series: Series, window: TemporalQuery, shown: tuple[Context, TemporalRepresentation]
) -> dict[str, Any]:
    """Return one history as it is shown; with the systems' times, also when what is there now will expire (§6.3.11)."""
    content = render_series(series, window, *shown)
    if content and shown[1].system_attributes and shown[1].form is Form.NORMALIZED:
        current = temporal.find_expiring(*asker, series.history.id)
        if current is not None:
            add_expiry(content, current, shown[0])
    return content


def with_context(content: dict[str, Any], context: Context, media_type: str) -> dict[str, Any]:
    """Return an entity as JSON-LD if that is the media type."""
    return {"@context": context.link, **content} if media_type == LD_JSON else content


def answer_page(content: Any, page: Page, headers: Headers, media_type: str) -> Answer:
    """Return 200, or 206 and which time the page covers where there is more (§6.3.10)."""
    if page.content_range is None:
        return answer_json(content, headers, media_type=media_type)
    told = (b"content-range", render_range(page.content_range))
    return answer_json(content, (*headers, told), status=206, media_type=media_type)


def render_range(covered: ContentRange) -> bytes:
    """Return the value of Content-Range: the unit, both ends, and the size that `lastN` asked for."""
    size = "*" if covered.size is None else covered.size
    return f"date-time {covered.start}-{covered.end}/{size}".encode()
