"""Reading entities where other sources are registered (CIM 009 §6.3.17). Nothing is decided here.

A request that no source is concerned by goes to the ordinary handler.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simpul.app import assembly
from simpul.app import entities as local
from simpul.app.assembly import QUERYING, RETRIEVING
from simpul.app.federation import Hop, hop_of
from simpul.app.hub import Hub
from simpul.app.linked import Found
from simpul.app.linked_elsewhere import find_linked_everywhere
from simpul.domain.entity import Record
from simpul.domain.errors import BadRequestData, HubError, NotFound, PeerInvalid, PeerRefused
from simpul.domain.parse import raise_unless_uri
from simpul.domain.q import linked_depth
from simpul.domain.query import EntityQuery
from simpul.domain.render import Representation
from simpul.domain.source_matching import SourceQuestion
from simpul.http import parameters as given
from simpul.http.admission import admit, context_of_reader, read_body
from simpul.http.exchange import Answer, Exchange, Headers, answer_json
from simpul.http.negotiate import ANY_JSON_OR_GEO, negotiate
from simpul.http.ngsild import entities, question
from simpul.http.ngsild.lineage import linked_with_lineage, with_lineage
from simpul.http.ngsild.pages import paging_headers
from simpul.http.ngsild.shown import answer_many, answer_one
from simpul.http.plan import QUERY_PARAMETERS, EntityPlan, parse_entity_query, parse_retrieve, wanted_attributes
from simpul.http.problem import answer_problem

# Parameters that say which entities are meant, and are told to sources as they came.
FILTERS = ("q", "expandValues", "jsonKeys", "scopeQ", "georel", "geometry", "coordinates", "geoproperty")

_LOCAL = frozenset({b"local=true", b"type=*", b"type=%2A", b"type=%2a"})


def is_local(exchange: Exchange) -> bool:
    """Return whether the request is for this hub alone (§6.3.18), as one for every type always is (§6.4.3.2)."""
    return not _LOCAL.isdisjoint(exchange.query.split(b"&"))


async def retrieve(hub: Hub, exchange: Exchange) -> Answer:
    """GET /entities/{id} (§6.5.3.1)."""
    if is_local(exchange):
        return await entities.retrieve(hub, exchange)
    (entity_id,) = exchange.names
    media_type = negotiate(exchange.accept, ANY_JSON_OR_GEO)
    caller = admit(hub, exchange)
    context = await context_of_reader(hub, exchange)
    plan = parse_retrieve(exchange.query, context)
    raise_unless_uri(entity_id, "The entity id in the path")
    local.raise_unless_readable_id(caller, entity_id)
    hop = await hop_of(hub, caller, context, exchange.headers)
    concern = SourceQuestion(
        types=plan.types,
        ids=(entity_id,),
        attributes=wanted_attributes(plan.representation),
        dataset_ids=plan.representation.dataset_id,
    )
    asked = assembly.find_asked(hub, hop, concern, RETRIEVING)
    if not asked and plan.representation.join is None:
        return await _retrieve_here(hub, exchange, hop, concern)
    record, warnings, is_own = await assembly.retrieve(hub, hop, entity_id, asked)
    if is_own and plan.representation.join is None:
        # No source has anything of it, so the answer is what the hub holds, and has its ETag.
        return await entities.retrieve(hub, exchange)
    if record is None:
        return answer_absent(hop, entity_id, warnings)
    if plan.types is not None and not plan.types.matches(record.types):
        raise NotFound(f"The entity {entity_id} is there, but not with the type that the parameter 'type' asks for.")
    entities.raise_unless_anything_shown(record, plan.representation, context)
    linked, troubles = await _find_linked(hub, hop, [record], plan.representation)
    warnings = [*warnings, *troubles]
    shown = (context, media_type, exchange.prefer)
    linked = await linked_with_lineage(caller, hub, [record], plan.representation, linked)
    (record,) = await with_lineage(caller, hub, [record], plan.representation)
    answer = answer_one((caller, hub), record, plan.representation, shown, linked=linked)
    return Answer(answer.status, (*answer.headers, *warning_headers(hop, warnings)), answer.body)


async def _retrieve_here(hub: Hub, exchange: Exchange, hop: Hop, concern: SourceQuestion) -> Answer:
    try:
        return await entities.retrieve(hub, exchange)
    except NotFound:
        assembly.raise_if_held_in_a_circle(hub, hop, concern, RETRIEVING)
        raise


def answer_absent(hop: Hop, entity_id: str, warnings: Sequence[HubError]) -> Answer:
    """Return 404 with what could not be asked (§6.3.17)."""
    hint = f", though not every source could be asked: {warnings[0].detail}" if warnings else ", here or elsewhere."
    absent = answer_problem(NotFound(f"There is no entity {entity_id[:200]}{hint}"))
    return Answer(absent.status, (*absent.headers, *warning_headers(hop, warnings)), absent.body)


def warning_headers(hop: Hop, warnings: Sequence[HubError]) -> Headers:
    """Return a header for each source of which something is missing (§6.3.17), and why; each reason once."""
    return tuple(dict.fromkeys((b"ngsild-warning", _warning(hop, warning)) for warning in warnings))


def _warning(hop: Hop, warning: HubError) -> bytes:
    # §6.3.17: 111 for what cannot be used, 299 for an error that the source told, 199 where it told nothing.
    code = 111 if isinstance(warning, PeerInvalid) else 299 if isinstance(warning, PeerRefused) else 199
    text = warning.detail.replace("\\", "/").replace('"', "'").encode("ascii", "replace").decode()
    return f'{code} {hop.alias} "{"".join(sign for sign in text if sign.isprintable())[:300]}"'.encode()


async def query(hub: Hub, exchange: Exchange) -> Answer:
    """GET /entities (§6.4.3.2)."""
    if is_local(exchange):
        return await entities.query(hub, exchange)
    media_type = negotiate(exchange.accept, ANY_JSON_OR_GEO)
    caller = admit(hub, exchange)
    context = await context_of_reader(hub, exchange)
    plan = parse_entity_query(exchange.query, context, caller)
    parameters = given.parse_parameters(exchange.query, QUERY_PARAMETERS)
    local.raise_unless_readable(caller, plan.query)
    hop = await hop_of(hub, caller, context, exchange.headers)
    asked = assembly.find_asked(hub, hop, source_question(plan, plan.query), QUERYING)
    if not asked and (plan.representation.join is None or plan.order is not None):
        return await entities.query(hub, exchange)
    raise_if_ordered(plan)
    filters = tuple((name, parameters[name]) for name in FILTERS if parameters.get(name))
    filters = without_links(filters, plan.query)
    found = await assembly.query(hub, hop, plan.query, asked, filters, is_split=plan.is_split)
    return await _answer_page(hub, hop, found, plan, asked=(exchange, media_type))


async def _find_linked(
    hub: Hub, hop: Hop, records: Sequence[Record], representation: Representation
) -> tuple[Found | None, list[HubError]]:
    if representation.join is None:
        return None, []
    return await find_linked_everywhere(hub, hop, records, representation)


async def query_by_post(hub: Hub, exchange: Exchange) -> Answer:
    """POST /entityOperations/query (§6.23.3.1)."""
    media_type = negotiate(exchange.accept, ANY_JSON_OR_GEO)
    parameters = given.parse_parameters(exchange.query, question.PARAMETERS)
    caller = admit(hub, exchange)
    body, context = await read_body(hub, exchange)
    plan, queries = question.parse_body(body, parameters, context, caller)
    hop = await hop_of(hub, caller, context, exchange.headers)
    asked = assembly.find_asked(hub, hop, source_question(plan, plan.query), QUERYING)
    is_alone = not asked and (plan.representation.join is None or plan.order is not None)
    if is_local(exchange) or is_local_body(body) or is_alone or len(queries) > 1:
        return await question.query(hub, exchange)
    local.raise_unless_readable(caller, plan.query)
    raise_if_ordered(plan)
    filters = without_links(filters_of(body), plan.query)
    found = await assembly.query(hub, hop, plan.query, asked, filters, by_post=True, is_split=plan.is_split)
    return await _answer_page(hub, hop, found, plan, asked=(exchange, media_type))


def without_links(filters: tuple[tuple[str, str], ...], query: EntityQuery) -> tuple[tuple[str, str], ...]:
    """Leave out a `q` that follows links: no source has all that it is about. It is asked of what they answer."""
    if query.q is None or not linked_depth(query.q):
        return filters
    return tuple((name, value) for name, value in filters if name != "q")


def raise_if_ordered(plan: EntityPlan) -> None:
    """Refuse an order where other sources are asked too (§4.23.1, §5.7.2.4)."""
    if plan.order is not None:
        raise BadRequestData(
            "Entities of several sources are not ordered, and the query concerns registered ones; add local=true to ask"
            " this hub alone, or leave out orderBy."
        )


def is_local_body(body: dict[str, Any]) -> bool:
    """Return whether a query in a body is for this hub alone."""
    return body.get("local") is True or any(selector.get("type") == "*" for selector in body.get("entities", ()))


def filters_of(body: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the filters of a query in a body, in the words of a URL."""
    told = [(name, body[name]) for name in ("q", "scopeQ") if isinstance(body.get(name), str)]
    for name in ("expandValues", "jsonKeys"):
        names = body.get(name) or ""
        told += [(name, names if isinstance(names, str) else ",".join(names))] if names else []
    place = body.get("geoQ") or {}
    told += [(name, place[name]) for name in ("georel", "geometry", "geoproperty") if place.get(name)]
    if place:
        coordinates = place["coordinates"]
        is_text = isinstance(coordinates, str)
        told.append(("coordinates", coordinates if is_text else answer_json(coordinates).body.decode()))
    return tuple(told)


def source_question(plan: EntityPlan, query: EntityQuery) -> SourceQuestion:
    """Return what a query asks of registrations."""
    return SourceQuestion(
        types=query.types,
        ids=query.ids,
        id_pattern=query.id_pattern,
        attributes=query.attributes,
        dataset_ids=plan.representation.dataset_id,
        q=plan.csf,
    )


async def _answer_page(
    hub: Hub, hop: Hop, found: assembly.Assembled, plan: EntityPlan, *, asked: tuple[Exchange, str]
) -> Answer:
    exchange, media_type = asked
    records, is_last = found.records[: plan.limit], len(found.records) <= plan.limit
    linked, troubles = await _find_linked(hub, hop, records, plan.representation)
    headers = (
        *paging_headers(plan, found.count, is_last=is_last, exchange=exchange),
        *warning_headers(hop, [*found.warnings, *troubles]),
    )
    shown = (hop.context, media_type, exchange.prefer)
    linked = await linked_with_lineage(hop.caller, hub, records, plan.representation, linked)
    records = list(await with_lineage(hop.caller, hub, records, plan.representation))
    return answer_many((hop.caller, hub), records, plan.representation, shown, headers, linked=linked)
