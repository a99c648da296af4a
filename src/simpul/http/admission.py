"""What every operation does first: which city, who asks, under which @context, and what the body says."""

from __future__ import annotations

from typing import Any

from simpul.app import entities, identity, tenants
from simpul.app.hub import Hub
from simpul.domain.access import Action, Caller
from simpul.domain.context import Context
from simpul.domain.errors import BadRequestData, InvalidRequest
from simpul.domain.parse import decode_json
from simpul.http.exchange import JSON, LD_JSON, Exchange, Headers
from simpul.http.negotiate import BODY_TYPES, context_link_header, parse_content_type, parse_context_link


def admit(hub: Hub, exchange: Exchange) -> Caller:
    """Return who asks, in which city. Raises NonexistentTenant, Unauthenticated."""
    return identity.identify(hub, tenants.resolve(hub, exchange.tenant), exchange.authorization)


async def admit_writer(hub: Hub, exchange: Exchange) -> Caller:
    """Return who asks, refusing those who may not write before their body is read. Raises Forbidden too."""
    tenant = await tenants.resolve_for_write(hub, exchange.tenant)
    caller = identity.identify(hub, tenant, exchange.authorization)
    entities.raise_unless_allowed(caller, Action.WRITE)
    return caller


async def context_of_reader(hub: Hub, exchange: Exchange) -> Context:
    """Return the @context that the Link header of a request without a body names, else the core one."""
    return await hub.contexts.resolve(parse_context_link(exchange.link), None)


def context_headers(context: Context, media_type: str) -> Headers:
    """Return the headers that tell the @context of an answer; in JSON-LD the body itself tells it (§6.3.5)."""
    if media_type == LD_JSON:
        return ()
    return ((b"link", context_link_header(context.link)),)


async def read_body(
    hub: Hub, exchange: Exchange, understood: tuple[str, ...] = BODY_TYPES
) -> tuple[dict[str, Any], Context]:
    """Return the body, a JSON object without its @context, and that @context (CIM 009 §6.3.5)."""
    if not exchange.content_type:
        # Where both are wrong, that the body is no JSON says more than that nobody said what it is.
        decode_json(exchange.body)
    media_type = parse_content_type(exchange.content_type, understood)
    link = body_link(exchange, media_type)
    body = decode_json(exchange.body)
    if not isinstance(body, dict):
        raise InvalidRequest(f"The body is {kind_of(body)}; a JSON object was expected.")
    return body, await context_of_object(hub, body, media_type, link)


def body_link(exchange: Exchange, media_type: str) -> str | None:
    """Return the URL of the @context in the Link header, which JSON-LD bodies must not come with."""
    link = parse_context_link(exchange.link)
    if link is not None and media_type == LD_JSON:
        raise BadRequestData(
            "The body is application/ld+json and the request also has a Link header with an @context. Send the @context"
            " in the body, or send application/json with the Link header."
        )
    return link


async def context_of_object(hub: Hub, body: dict[str, Any], media_type: str, link: str | None) -> Context:
    """Take the @context out of a JSON object and return it resolved."""
    has_context = "@context" in body
    if media_type != LD_JSON:
        if has_context:
            raise BadRequestData(
                f"The body has an @context but is sent as {media_type or JSON}. Send it as application/ld+json,"
                " or put the @context into the Link header."
            )
        return await hub.contexts.resolve(link, None)
    if not has_context:
        raise BadRequestData("The body is application/ld+json and has no @context; add one, or send application/json.")
    return await hub.contexts.resolve(None, body.pop("@context"))


def kind_of(value: Any) -> str:
    """Return what a decoded JSON value is, in words."""
    if isinstance(value, dict):
        return "a JSON object"
    if isinstance(value, list):
        return "a JSON array"
    if value is None:
        return "null"
    return {str: "a JSON string", bool: "a JSON boolean"}.get(type(value), "a JSON number")
