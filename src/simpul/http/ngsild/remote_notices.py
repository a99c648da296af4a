"""Where other sources tell what subscriptions that were handed on to them wait for (CIM 009 §5.8.6).

Who may tell is whoever knows the id that the subscription has at the source. Nothing is decided here.
"""

from __future__ import annotations

from simpul.app import remote_notices
from simpul.app.hub import Hub
from simpul.app.way import parse_via
from simpul.domain.errors import BadRequestData, InvalidRequest
from simpul.domain.parse import decode_json
from simpul.http.admission import body_link, kind_of
from simpul.http.exchange import LD_JSON, Answer, Exchange
from simpul.http.negotiate import BODY_TYPES, parse_content_type


async def receive(hub: Hub, exchange: Exchange) -> Answer:
    """Take one notification (§5.3.1): 200 once it is kept."""
    media_type = parse_content_type(exchange.content_type, BODY_TYPES)
    link = body_link(exchange, media_type)
    body = decode_json(exchange.body)
    if not isinstance(body, dict):
        raise InvalidRequest(f"A notification is a JSON object; this is {kind_of(body)}.")
    waiting = remote_notices.get_waiting(hub, body.get("subscriptionId"))
    data = body.get("data")
    if body.get("type") != "Notification" or not isinstance(data, list):
        raise BadRequestData("A notification has the type 'Notification', and 'data', an array of entities.")
    inside = body.get("@context")
    if inside is None and media_type == LD_JSON and data and isinstance(data[0], dict):
        inside = data[0].get("@context")
    context = await hub.contexts.resolve(link, inside)
    await remote_notices.receive(hub, waiting, data, context, parse_via(exchange.via))
    return Answer(200)
