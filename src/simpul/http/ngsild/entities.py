"""/entities and /entities/{id}: create, query, retrieve, replace, merge, delete. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_letters, digits
from typing import Any
from urllib.parse import quote

from simpul.app import entities
from simpul.app.hub import Hub
from simpul.domain.access import Caller
from simpul.domain.context import CORE, Context
from simpul.domain.entity import Record
from simpul.domain.errors import BadRequestData, NotFound
from simpul.domain.parse import parse_entity, raise_unless_uri
from simpul.domain.render import Representation, render_entity
from simpul.http.admission import admit, admit_writer, context_headers, context_of_reader, read_body
from simpul.http.entity_tags import tag_as_stored, tagged
from simpul.http.exchange import GEO_JSON, LD_JSON, NO_CONTENT, Answer, Exchange, Headers, answer_bytes
from simpul.http.negotiate import ANY_JSON_OR_GEO, PATCH_BODY_TYPES, negotiate
from simpul.http.ngsild.fragments import MERGE_PARAMETERS, parse_manner, read_fragment
from simpul.http.ngsild.lineage import linked_with_lineage, with_lineage
from simpul.http.ngsild.pages import fetch_page, paging_headers
from simpul.http.ngsild.shown import Asker, Shown, answer_many, answer_one
from simpul.http.parameters import Parameters, parse_parameters
from simpul.http.plan import (
    EntityPlan,
    parse_entity_query,
    parse_retrieve,
    parse_types,
)
from simpul.ports.store import Document

NOTHING_MORE = frozenset[str]()
TYPE = frozenset({"type"})
_SAFE_IN_PATH = "!$&'()*+,;=:@-._~"
_PLAIN_IN_PATH = f"{ascii_letters}{digits}{_SAFE_IN_PATH}".encode()


async def create(hub: Hub, exchange: Exchange) -> Answer:
    """POST /entities (§6.4.3.1)."""
    parse_parameters(exchange.query, NOTHING_MORE)
    caller = await admit_writer(hub, exchange)
    body, context = await read_body(hub, exchange)
    entity = parse_entity(body, context)
    await entities.create(caller, hub, entity, context)
    return Answer(201, ((b"location", location_of(entity["id"])),))


def location_of(entity_id: str) -> bytes:
    """Return the path of an entity, percent-encoded."""
    if not entity_id.encode().translate(None, _PLAIN_IN_PATH):
        return b"/ngsi-ld/v1/entities/" + entity_id.encode()
    return b"/ngsi-ld/v1/entities/" + quote(entity_id, safe=_SAFE_IN_PATH).encode()


async def query(hub: Hub, exchange: Exchange) -> Answer:
    """GET /entities (§6.4.3.2)."""
    media_type = negotiate(exchange.accept, ANY_JSON_OR_GEO)
    caller = admit(hub, exchange)
    context = await context_of_reader(hub, exchange)
    plan = parse_entity_query(exchange.query, context, caller)
    documents, count, is_last = await fetch_page(caller, hub, plan)
    headers = paging_headers(plan, count, is_last=is_last, exchange=exchange)
    shown = (context, media_type, exchange.prefer)
    if plan.representation.lineage:
        return await answer_traced((caller, hub), documents, plan, shown, headers)
    return answer_documents((caller, hub), documents, plan, shown, headers)


async def retrieve(hub: Hub, exchange: Exchange) -> Answer:
    """GET /entities/{id} (§6.5.3.1)."""
    (entity_id,) = exchange.names
    media_type = negotiate(exchange.accept, ANY_JSON_OR_GEO)
    caller = admit(hub, exchange)
    context = await context_of_reader(hub, exchange)
    plan = parse_retrieve(exchange.query, context)
    document = entities.find_document(caller, hub, entity_id)
    if document is None:
        raise_unless_uri(entity_id, "The entity id in the path")
        # Raises the NotFound that fits the caller.
        document = entities.get_document(caller, hub, entity_id)
    if plan.types is not None and not plan.types.matches(document.types):
        raise NotFound(f"The entity {entity_id} is there, but not with the type that the parameter 'type' asks for.")
    if plan.is_plain and media_type != GEO_JSON and not exchange.prefer and lies_in(document, hub, context):
        return answer_as_stored(document, context, media_type)
    (record,) = entities.read_records(caller, hub, [document])
    representation = plan.representation
    raise_unless_anything_shown(record, representation, context)
    linked = None
    if representation.lineage:
        linked = await linked_with_lineage(caller, hub, [record], representation)
        (record,) = await with_lineage(caller, hub, [record], representation)
    given = answer_one((caller, hub), record, representation, (context, media_type, exchange.prefer), linked=linked)
    return tagged(given, document, record.times.modified_us if representation.system_attributes else None)


def answer_as_stored(document: Document, context: Context, media_type: str) -> Answer:
    """Return an entity whose stored body is in the names of this @context."""
    headers = context_headers(context, media_type)
    if media_type == LD_JSON:
        return tagged(answer_bytes(body_under_context(document.body, context), headers, media_type=LD_JSON), document)
    return answer_bytes(document.body, (*headers, tag_as_stored(document)), media_type=media_type)


def raise_unless_anything_shown(record: Record, representation: Representation, context: Context) -> None:
    """Refuse to show an entity of which `attrs`, `pick` or `omit` leave nothing (§5.7.1.4)."""
    wanted = representation.attributes
    if wanted and not any(name in record.entity for name in wanted):
        names = ", ".join(map(context.compact, wanted))
        raise NotFound(f"The entity {record.id} has none of the attributes {names[:300]}.")
    if (representation.pick or representation.omit) and not render_entity(record, context, representation):
        raise NotFound(f"The entity {record.id} has nothing of what 'pick' and 'omit' let through.")


def lies_in(document: Document, hub: Hub, context: Context) -> bool:
    """Return whether the stored body uses the short names of this @context."""
    return document.context_id == stored_id(hub, context)


def stored_id(hub: Hub, context: Context) -> int:
    """Return the number that documents in the names of this @context carry; -1 if there can be none."""
    context_id = hub.contexts.id_of(context)
    return context_id if context_id or context is CORE else -1


def body_under_context(body: bytes, context: Context) -> bytes:
    """Return a stored JSON object with the @context as its first member."""
    return b'{"@context":' + encoded_context(context) + b"," + body[1:]


def encoded_context(context: Context) -> bytes:
    """Return the @context member of an answer's body, as JSON."""
    return b'"' + quote(context.link, safe="%/:=&?~#+!$,;'@()*[]").encode() + b'"'


def answer_documents(
    asker: Asker, documents: Sequence[Document], plan: EntityPlan, shown: Shown, headers: Headers
) -> Answer:
    """Return a page of entities as it was asked for."""
    context, media_type, prefer = shown
    if plan.is_plain and media_type != GEO_JSON and not prefer:
        context_id = stored_id(asker[1], context)
        if {document.context_id for document in documents} <= {context_id}:
            body = join_bodies(documents, context, media_type)
            all_headers = (*context_headers(context, media_type), *headers)
            return answer_bytes(body, all_headers, media_type=media_type, is_lasting=True)
    records = entities.read_records(*asker, documents)
    return answer_many(asker, records, plan.representation, shown, headers)


async def answer_traced(
    asker: Asker, documents: Sequence[Document], plan: EntityPlan, shown: Shown, headers: Headers
) -> Answer:
    """Return a page of entities with the lineage of what is shown."""
    records = entities.read_records(*asker, documents)
    linked = await linked_with_lineage(*asker, records, plan.representation)
    traced = await with_lineage(*asker, records, plan.representation)
    return answer_many(asker, traced, plan.representation, shown, headers, linked=linked)


def join_bodies(documents: Sequence[Document], context: Context, media_type: str) -> bytes:
    """Return the stored bodies as one JSON array."""
    if media_type == LD_JSON:
        return b"[" + b",".join([body_under_context(document.body, context) for document in documents]) + b"]"
    return b"[" + b",".join([document.body for document in documents]) + b"]"


async def replace(hub: Hub, exchange: Exchange) -> Answer:
    """PUT /entities/{id} (§6.5.3.3)."""
    caller, entity_id, parameters = await enter(hub, exchange)
    body, context = await read_body(hub, exchange)
    raise_if_other_id(body, entity_id)
    raise_unless_of_type((caller, hub), entity_id, parameters, context)
    entity = parse_entity({"id": entity_id, **body}, context)
    await entities.replace(caller, hub, entity_id, entity, context)
    return NO_CONTENT


async def merge(hub: Hub, exchange: Exchange) -> Answer:
    """PATCH /entities/{id} (§6.5.3.4)."""
    caller, entity_id, parameters = await enter(hub, exchange, MERGE_PARAMETERS)
    manner = parse_manner(parameters)
    body, context = await read_body(hub, exchange, PATCH_BODY_TYPES)
    raise_if_other_id(body, entity_id)
    raise_unless_of_type((caller, hub), entity_id, parameters, context)
    fragment = read_fragment((caller, hub), entity_id, (body, context), manner)
    await entities.merge_entity(caller, hub, entity_id, fragment, context)
    return NO_CONTENT


async def delete(hub: Hub, exchange: Exchange) -> Answer:
    """DELETE /entities/{id} (§6.5.3.2)."""
    caller, entity_id, parameters = await enter(hub, exchange)
    raise_unless_of_type((caller, hub), entity_id, parameters, await context_of_reader(hub, exchange))
    await entities.delete(caller, hub, entity_id)
    return NO_CONTENT


async def enter(hub: Hub, exchange: Exchange, allowed: frozenset[str] = TYPE) -> tuple[Caller, str, Parameters]:
    """Return who writes, to which entity, with which parameters."""
    parameters = parse_parameters(exchange.query, allowed)
    caller = await admit_writer(hub, exchange)
    entity_id = exchange.names[0]
    raise_unless_uri(entity_id, "The entity id in the path")
    return caller, entity_id, parameters


def raise_unless_of_type(asker: tuple[Caller, Hub], entity_id: str, parameters: Parameters, context: Context) -> None:
    """Refuse to change an entity that is not of the type that the parameter `type` names (§4.17). Raises NotFound."""
    types = parse_types(parameters.get("type", ""), context)
    if types is None:
        return
    document = entities.find_document(*asker, entity_id)
    if document is None or not types.matches(document.types):
        raise NotFound(f"There is no entity {entity_id[:200]} of the type that the parameter 'type' asks for.")


def raise_if_other_id(body: dict[str, Any], entity_id: str) -> None:
    """Refuse a body about another entity than the path's."""
    other = body.get("id", body.get("@id", entity_id))
    if other != entity_id:
        raise BadRequestData(
            f"The body's id is {str(other)[:300]!r}, the path's is {entity_id!r}; leave it out of the body."
        )
