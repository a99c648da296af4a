"""/subscriptions and /subscriptions/{id}: create, query, retrieve, update, delete. Nothing is decided here."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from simpul.app import subscriptions
from simpul.app.hub import Hub
from simpul.app.subscriptions import Shown
from simpul.app.way import parse_via
from simpul.domain.context import Context
from simpul.domain.moment import render_moment
from simpul.domain.parse import raise_unless_uri
from simpul.domain.subscription import render_subscription
from simpul.http import parameters as given
from simpul.http.admission import admit, admit_writer, context_headers, context_of_reader, read_body
from simpul.http.exchange import LD_JSON, LOCATION, NO_CONTENT, Answer, Exchange, Headers, answer_json
from simpul.http.negotiate import ANY_JSON, PATCH_BODY_TYPES, negotiate
from simpul.http.parameters import Parameters
from simpul.http.preference import applied_headers, preferred_version

_PATH = "/ngsi-ld/v1/subscriptions"
READ_PARAMETERS = frozenset({"options", "sysAttrs"})
LIST_PARAMETERS = READ_PARAMETERS | {"count", "limit", "offset"}
_OPTIONS = frozenset({"sysAttrs"})
_NOTHING = frozenset[str]()


async def create(hub: Hub, exchange: Exchange) -> Answer:
    """POST /subscriptions (§6.10.3.1)."""
    given.parse_parameters(exchange.query, _NOTHING)
    caller = await admit_writer(hub, exchange)
    body, context = await read_body(hub, exchange)
    subscription_id = await subscriptions.create(caller, hub, body, context, parse_via(exchange.via))
    name = quote(subscription_id, safe="!$&'()*+,;=:@-._~")
    return Answer(201, ((LOCATION, f"{_PATH}/{name}".encode()),))


async def query(hub: Hub, exchange: Exchange) -> Answer:
    """GET /subscriptions (§6.10.3.2)."""
    media_type = negotiate(exchange.accept, ANY_JSON)
    caller = admit(hub, exchange)
    context = await context_of_reader(hub, exchange)
    parameters = given.parse_parameters(exchange.query, LIST_PARAMETERS)
    limit, offset, counts = given.parse_page(parameters)
    shown, count = subscriptions.list_page(caller, hub, limit, offset)
    headers = [*context_headers(context, media_type), *_applied(exchange)]
    if counts:
        headers.append((b"ngsild-results-count", str(count).encode()))
    if limit and offset:
        headers.append((b"link", _link(limit, max(0, offset - limit), "prev")))
    if limit and offset + limit < count:
        headers.append((b"link", _link(limit, offset + limit, "next")))
    has_times = _wants_times(parameters)
    content = [_render(one, context, media_type, has_times=has_times) for one in shown]
    return answer_json(content, tuple(headers), media_type=media_type)


def _link(limit: int, offset: int, relation: str) -> bytes:
    return f'<{_PATH}?limit={limit}&offset={offset}>; rel="{relation}"; type="application/ld+json"'.encode()


async def retrieve(hub: Hub, exchange: Exchange) -> Answer:
    """GET /subscriptions/{id} (§6.11.3.1)."""
    (subscription_id,) = exchange.names
    media_type = negotiate(exchange.accept, ANY_JSON)
    caller = admit(hub, exchange)
    raise_unless_uri(subscription_id, "The subscription id in the path")
    context = await context_of_reader(hub, exchange)
    parameters = given.parse_parameters(exchange.query, READ_PARAMETERS)
    shown = subscriptions.get(caller, hub, subscription_id)
    content = _render(shown, context, media_type, has_times=_wants_times(parameters))
    headers = (*context_headers(context, media_type), *_applied(exchange))
    return answer_json(content, headers, media_type=media_type)


def _applied(exchange: Exchange) -> Headers:
    """Return the header that tells the version that was asked for: a subscription is the same in all (§4.3.6.8)."""
    return applied_headers(preferred_version(exchange.prefer))


def _wants_times(parameters: Parameters) -> bool:
    return given.wants_times(parameters, given.parse_options(parameters, _OPTIONS))


def _render(shown: Shown, context: Context, media_type: str, *, has_times: bool) -> dict[str, Any]:
    content = render_subscription(shown.document, context)
    if has_times:
        content["createdAt"] = render_moment(shown.created_us)
        content["modifiedAt"] = render_moment(shown.modified_us)
    return {**content, "@context": context.link} if media_type == LD_JSON else content


async def update(hub: Hub, exchange: Exchange) -> Answer:
    """PATCH /subscriptions/{id} (§6.11.3.2)."""
    (subscription_id,) = exchange.names
    given.parse_parameters(exchange.query, _NOTHING)
    caller = await admit_writer(hub, exchange)
    raise_unless_uri(subscription_id, "The subscription id in the path")
    body, context = await read_body(hub, exchange, PATCH_BODY_TYPES)
    await subscriptions.update(caller, hub, subscription_id, body, context)
    return NO_CONTENT


async def delete(hub: Hub, exchange: Exchange) -> Answer:
    """DELETE /subscriptions/{id} (§6.11.3.3)."""
    (subscription_id,) = exchange.names
    given.parse_parameters(exchange.query, _NOTHING)
    caller = await admit_writer(hub, exchange)
    raise_unless_uri(subscription_id, "The subscription id in the path")
    await subscriptions.delete(caller, hub, subscription_id)
    return NO_CONTENT
