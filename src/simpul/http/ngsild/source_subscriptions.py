"""/csourceSubscriptions: who is told of registrations (CIM 009 §6.12, §6.13). Nothing is decided here."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from simpul.app import source_subscriptions
from simpul.app.hub import Hub
from simpul.domain.context import Context
from simpul.domain.moment import render_moment
from simpul.domain.parse import raise_unless_uri
from simpul.http import parameters as given
from simpul.http.admission import admit, admit_writer, context_headers, context_of_reader, read_body
from simpul.http.exchange import LD_JSON, LOCATION, NO_CONTENT, Answer, Exchange, answer_json
from simpul.http.negotiate import ANY_JSON, PATCH_BODY_TYPES, negotiate
from simpul.http.ngsild.registrations import SHOWN, SYSTEM_ATTRIBUTES, page_headers
from simpul.http.parameters import Parameters
from simpul.ports.registrations import SourceSubscription

_PATH = "/ngsi-ld/v1/csourceSubscriptions"
LIST_PARAMETERS = SHOWN | {"count", "limit", "offset"}
_NOTHING = frozenset[str]()


async def create(hub: Hub, exchange: Exchange) -> Answer:
    """POST /csourceSubscriptions (§6.12.3.1)."""
    given.parse_parameters(exchange.query, _NOTHING)
    caller = await admit_writer(hub, exchange)
    body, context = await read_body(hub, exchange)
    subscription_id = await source_subscriptions.create(caller, hub, body, context)
    name = quote(subscription_id, safe="!$&'()*+,;=:@-._~")
    return Answer(201, ((LOCATION, f"{_PATH}/{name}".encode()),))


async def query(hub: Hub, exchange: Exchange) -> Answer:
    """GET /csourceSubscriptions (§6.12.3.2)."""
    media_type = negotiate(exchange.accept, ANY_JSON)
    caller = admit(hub, exchange)
    context = await context_of_reader(hub, exchange)
    parameters = given.parse_parameters(exchange.query, LIST_PARAMETERS)
    limit, offset, counts = given.parse_page(parameters)
    found = source_subscriptions.list_all(caller, hub)
    shown = found[offset : offset + limit]
    has_times = _wants_times(parameters)
    content = [_render(hub, one, (context, media_type), has_times=has_times) for one in shown]
    headers = page_headers(exchange, (limit, offset), len(found), counts=counts)
    return answer_json(content, (*context_headers(context, media_type), *headers), media_type=media_type)


async def retrieve(hub: Hub, exchange: Exchange) -> Answer:
    """GET /csourceSubscriptions/{id} (§6.13.3.1)."""
    media_type = negotiate(exchange.accept, ANY_JSON)
    caller = admit(hub, exchange)
    subscription_id = _subscription_id(exchange)
    context = await context_of_reader(hub, exchange)
    parameters = given.parse_parameters(exchange.query, SHOWN)
    kept = source_subscriptions.get(caller, hub, subscription_id)
    content = _render(hub, kept, (context, media_type), has_times=_wants_times(parameters))
    return answer_json(content, context_headers(context, media_type), media_type=media_type)


def _wants_times(parameters: Parameters) -> bool:
    return given.wants_times(parameters, given.parse_options(parameters, SYSTEM_ATTRIBUTES))


def _render(hub: Hub, kept: SourceSubscription, shown: tuple[Context, str], *, has_times: bool) -> dict[str, Any]:
    context, media_type = shown
    content = source_subscriptions.render(hub, kept, context)
    if has_times:
        content["createdAt"] = render_moment(kept.created_us)
        content["modifiedAt"] = render_moment(kept.modified_us)
    return {**content, "@context": context.link} if media_type == LD_JSON else content


async def update(hub: Hub, exchange: Exchange) -> Answer:
    """PATCH /csourceSubscriptions/{id} (§6.13.3.2)."""
    given.parse_parameters(exchange.query, _NOTHING)
    caller = await admit_writer(hub, exchange)
    subscription_id = _subscription_id(exchange)
    body, context = await read_body(hub, exchange, PATCH_BODY_TYPES)
    await source_subscriptions.update(caller, hub, subscription_id, body, context)
    return NO_CONTENT


async def delete(hub: Hub, exchange: Exchange) -> Answer:
    """DELETE /csourceSubscriptions/{id} (§6.13.3.3)."""
    given.parse_parameters(exchange.query, _NOTHING)
    caller = await admit_writer(hub, exchange)
    await source_subscriptions.delete(caller, hub, _subscription_id(exchange))
    return NO_CONTENT


def _subscription_id(exchange: Exchange) -> str:
    (subscription_id,) = exchange.names
    raise_unless_uri(subscription_id, "The subscription id in the path")
    return subscription_id
