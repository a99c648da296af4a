"""/jsonldContexts and /jsonldContexts/{id}: add, list, serve and delete @contexts. Nothing is decided here."""

from __future__ import annotations

from typing import Any

from simpul.app import hosted_contexts
from simpul.app.context_documents import HOSTED_PATH
from simpul.app.hosted_contexts import Kind, Told
from simpul.app.hub import Hub
from simpul.domain.errors import BadRequestData, InvalidRequest
from simpul.domain.moment import render_moment
from simpul.domain.parse import decode_json
from simpul.http.admission import admit, admit_writer, kind_of
from simpul.http.exchange import NO_CONTENT, Answer, Exchange, answer_bytes, answer_json
from simpul.http.negotiate import ANY_JSON, BODY_TYPES, negotiate, parse_content_type
from simpul.http.parameters import Parameters, parse_flag, parse_parameters

LIST_PARAMETERS = frozenset({"details", "kind"})
DETAILS = frozenset({"details"})
RELOAD = frozenset({"reload"})


async def add(hub: Hub, exchange: Exchange) -> Answer:
    """POST /jsonldContexts (§6.29.3.1)."""
    parse_parameters(exchange.query, frozenset())
    caller = await admit_writer(hub, exchange)
    parse_content_type(exchange.content_type, BODY_TYPES)
    body = decode_json(exchange.body)
    if not isinstance(body, dict):
        raise InvalidRequest(f"The body is {kind_of(body)}; a JSON object with an @context was expected.")
    context_id = await hosted_contexts.add(caller, hub, body)
    return Answer(201, ((b"location", (HOSTED_PATH + context_id).encode()),))


async def query(hub: Hub, exchange: Exchange) -> Answer:
    """GET /jsonldContexts (§6.29.3.2)."""
    media_type = negotiate(exchange.accept, ANY_JSON)
    parameters = parse_parameters(exchange.query, LIST_PARAMETERS)
    with_details = parse_flag(parameters, "details")
    kind = _parse_kind(parameters)
    told = hosted_contexts.list_all(admit(hub, exchange), hub, kind)
    content = [_render(one) for one in told] if with_details else [one.url for one in told]
    return answer_json(content, media_type=media_type)


async def retrieve(hub: Hub, exchange: Exchange) -> Answer:
    """GET /jsonldContexts/{contextId} (§6.30.3.1)."""
    media_type = negotiate(exchange.accept, ANY_JSON)
    with_details = parse_flag(parse_parameters(exchange.query, DETAILS), "details")
    caller = admit(hub, exchange)
    (name,) = exchange.names
    if not with_details:
        return answer_bytes(hosted_contexts.serve(caller, hub, name), media_type=media_type)
    told = hosted_contexts.get(caller, hub, name)
    content = _render(told)
    # It was found in the store once more; what is told is how often that happened before.
    hosted_contexts.note_use(hub, told.url)
    return answer_json(content, media_type=media_type)


async def delete(hub: Hub, exchange: Exchange) -> Answer:
    """DELETE /jsonldContexts/{contextId} (§6.30.3.2)."""
    parameters = parse_parameters(exchange.query, RELOAD)
    caller = await admit_writer(hub, exchange)
    await hosted_contexts.delete(caller, hub, exchange.names[0], reload=parse_flag(parameters, "reload"))
    return NO_CONTENT


def _parse_kind(parameters: Parameters) -> Kind | None:
    word = parameters.get("kind", "")
    if not word:
        return None
    try:
        return Kind(word)
    except ValueError as error:
        kinds = ", ".join(kind.value for kind in Kind)
        raise BadRequestData(f"kind={word[:100]!r}: it can be {kinds}.") from error


def _render(told: Told) -> dict[str, Any]:
    rendered: dict[str, Any] = {
        "URL": told.url,
        "localId": told.local_id,
        "kind": told.kind.value,
        "createdAt": render_moment(told.created_us),
    }
    if told.usage is not None:
        rendered["numberOfHits"] = told.usage.hits
        if told.usage.last_us:
            rendered["lastUsage"] = render_moment(told.usage.last_us)
    return rendered
