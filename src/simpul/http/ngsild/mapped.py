"""Queries that make an entity map or name one: which entities they are about is fixed by it (CIM 009 §5.5.14).

A query with `entityMap=true` is answered with a new map's location beside its first page; one with NGSILD-EntityMap
is answered from that map, or from a new one where it is gone. Those about histories are in `mapped_histories.py`.
Nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from simpul import limits
from simpul.app import assembly, entity_maps
from simpul.app.assembly import QUERYING, RETRIEVING
from simpul.app.entities import find_document
from simpul.app.federation import hop_of
from simpul.app.hub import Hub
from simpul.app.map_finder import Finder
from simpul.domain.access import Caller
from simpul.domain.context import Context
from simpul.domain.entity import Record
from simpul.domain.entity_map import OWN, EntityMap, Sources, parse_lifetime
from simpul.domain.errors import BadRequestData
from simpul.domain.source_matching import SourceQuestion
from simpul.http.admission import admit, context_of_reader, read_body
from simpul.http.exchange import Answer, Exchange, Handler, Headers
from simpul.http.negotiate import ANY_JSON_OR_GEO, negotiate
from simpul.http.ngsild import distributed, entities, question
from simpul.http.ngsild.lineage import linked_with_lineage, with_lineage
from simpul.http.ngsild.pages import paging_headers
from simpul.http.ngsild.shown import answer_many
from simpul.http.parameters import Parameters, parse_flag, parse_parameters
from simpul.http.plan import QUERY_PARAMETERS as ENTITY_PARAMETERS
from simpul.http.plan import EntityPlan, parse_entity_query

PATH = "/ngsi-ld/v1/entityMaps/"
MAP_PARAMETERS = frozenset({"entityMap", "entityMapLifetime"})
_SECOND_US = 1_000_000
_CREATED = 201
_OK = 200
_FOUND = (200, 206)


class Wish(NamedTuple):
    """What a request says of entity maps: the one it names, whether it wants one, and how long that shall last."""

    named: str
    is_wanted: bool
    lifetime_us: int


def take_wish(exchange: Exchange) -> tuple[Exchange, Wish]:
    """Return the request without what it says of entity maps, and that. Raises BadRequestData."""
    pairs = [pair for pair in exchange.query.split(b"&") if pair]
    mine = [pair for pair in pairs if pair.partition(b"=")[0].decode("latin-1") in MAP_PARAMETERS]
    told = parse_parameters(b"&".join(mine), MAP_PARAMETERS)
    rest = b"&".join(pair for pair in pairs if pair not in mine)
    wish = Wish(map_id_of(exchange.entity_map), parse_flag(told, "entityMap"), lifetime_of(told))
    return msgspec.structs.replace(exchange, query=rest, entity_map=""), wish


def lifetime_of(parameters: Parameters) -> int:
    """Return how long a new map shall last. Raises BadRequestData."""
    text = parameters.get("entityMapLifetime", "")
    default_us, max_us = limits.ENTITY_MAP_SECONDS_DEFAULT * _SECOND_US, limits.ENTITY_MAP_SECONDS_MAX * _SECOND_US
    return parse_lifetime(text, default_us, max_us)


def map_id_of(location: str) -> str:
    """Return the id in the location of a map; a bare id is one."""
    return location.strip().rpartition("/")[2]


def location_headers(entity_map: EntityMap) -> Headers:
    """Return the header that tells where the map is (§6.3.21)."""
    return ((b"ngsild-entitymap", f"{PATH}{entity_map.id}".encode()),)


async def map_for(
    caller: Caller, hub: Hub, wish: Wish, make: Callable[[], Awaitable[dict[str, Sources]]]
) -> tuple[EntityMap, int]:
    """Return the map that the request names, or a new one; and the status that tells which."""
    known = entity_maps.find(caller, hub, wish.named) if wish.named else None
    if known is not None:
        return known, _OK
    return await entity_maps.create(caller, hub, await make(), wish.lifetime_us), _CREATED


async def query(hub: Hub, exchange: Exchange) -> Answer:
    """GET /entities (§6.4.3.2) with an entity map."""
    exchange, wish = take_wish(exchange)
    if not (wish.is_wanted or wish.named):
        return await plainly(hub, exchange, entities.query, distributed.query)
    media_type = negotiate(exchange.accept, ANY_JSON_OR_GEO)
    caller = admit(hub, exchange)
    context = await context_of_reader(hub, exchange)
    plan = parse_entity_query(exchange.query, context, caller)
    finder = await finder_of(hub, exchange, plan, context, caller)
    return await _answer_page(finder, plan, wish, (exchange, media_type))


async def finder_of(hub: Hub, exchange: Exchange, plan: EntityPlan, context: Context, caller: Caller) -> Finder:
    """Return what looks for the entities of a query by parameters."""
    hop = await hop_of(hub, caller, context, exchange.headers)
    parameters = parse_parameters(exchange.query, ENTITY_PARAMETERS)
    is_local = distributed.is_local(exchange)
    asked_for = distributed.source_question(plan, plan.query)
    asked = [] if is_local else assembly.find_asked(hub, hop, asked_for, QUERYING)
    filters = tuple((name, parameters[name]) for name in distributed.FILTERS if parameters.get(name))
    return Finder(hub, hop, [plan.query], asked, filters)


async def query_by_post(hub: Hub, exchange: Exchange) -> Answer:
    """POST /entityOperations/query (§6.23.3.1) with an entity map, which its body may ask for too."""
    exchange, wish = take_wish(exchange)
    media_type = negotiate(exchange.accept, ANY_JSON_OR_GEO)
    caller = admit(hub, exchange)
    body, context = await read_body(hub, exchange)
    wish = wish_in(body, wish)
    if not (wish.is_wanted or wish.named):
        return await plainly(hub, exchange, question.query, distributed.query_by_post)
    parameters = parse_parameters(exchange.query, question.PARAMETERS)
    plan, finder = await finder_of_body(hub, exchange, (body, parameters), context, caller)
    return await _answer_page(finder, plan, wish, (exchange, media_type))


def wish_in(body: dict[str, Any], wish: Wish) -> Wish:
    """Return the wish with what the members of a Query say of it (§5.2.23). Raises BadRequestData."""
    flag, lifetime = body.get("entityMap", False), body.get("entityMapLifetime", "")
    if not isinstance(flag, bool) or not isinstance(lifetime, str):
        raise BadRequestData("entityMap in a query is true or false, and entityMapLifetime a duration such as PT10M.")
    lifetime_us = lifetime_of({"entityMapLifetime": lifetime}) if lifetime else wish.lifetime_us
    return Wish(wish.named, wish.is_wanted or flag, lifetime_us)


async def finder_of_body(
    hub: Hub, exchange: Exchange, asked_for: tuple[dict[str, Any], Parameters], context: Context, caller: Caller
) -> tuple[EntityPlan, Finder]:
    """Return how to show what a query in a body is about, and what looks for it."""
    body, parameters = asked_for
    plan, queries = question.parse_body(body, parameters, context, caller)
    hop = await hop_of(hub, caller, context, exchange.headers)
    is_local = distributed.is_local(exchange) or body.get("local") is True or len(queries) > 1
    concerned = distributed.source_question(plan, plan.query)
    asked = [] if is_local else assembly.find_asked(hub, hop, concerned, QUERYING)
    return plan, Finder(hub, hop, queries, asked, distributed.filters_of(body))


async def _answer_page(finder: Finder, plan: EntityPlan, wish: Wish, shown: tuple[Exchange, str]) -> Answer:
    exchange, media_type = shown
    if plan.order is not None:
        raise BadRequestData("An entity map keeps its entities in an order of its own; leave out orderBy or the map.")
    caller, hub = finder.hop.caller, finder.hub
    entity_map, status = await map_for(caller, hub, wish, finder.list_sources)

    async def look(entity_ids: Sequence[str]) -> dict[str, Record]:
        return await finder.look(entity_map, entity_ids)

    window = (plan.limit, plan.query.offset)
    page = await entity_maps.cut_page(
        caller, hub, entity_map, window, look, counts=plan.query.counts, unsure=finder.unsure
    )
    headers = (
        *paging_headers(plan, page.count, is_last=page.is_last, exchange=exchange),
        *distributed.warning_headers(finder.hop, finder.warnings),
        *location_headers(entity_map),
    )
    answered_in = (finder.hop.context, media_type, exchange.prefer)
    found = await with_lineage(caller, hub, page.entities, plan.representation)
    linked = await linked_with_lineage(caller, hub, page.entities, plan.representation)
    given = answer_many((caller, hub), found, plan.representation, answered_in, headers, linked=linked)
    return Answer(status, given.headers, given.body)


async def plainly(hub: Hub, exchange: Exchange, local: Handler, elsewhere: Handler) -> Answer:
    """Answer a request without a map, as `dispatch.py` would have it answered."""
    has_sources = (exchange.tenant or hub.settings.tenant) in hub.registry.by_tenant
    return await (elsewhere if has_sources else local)(hub, exchange)


async def retrieve(hub: Hub, exchange: Exchange) -> Answer:
    """GET /entities/{id} (§5.7.1.4): the entity as ever, beside a map of it."""
    exchange, wish = take_wish(exchange)
    (entity_id,) = exchange.names
    answer = await plainly(hub, exchange, entities.retrieve, distributed.retrieve)
    if not (wish.is_wanted or wish.named) or answer.status != _OK:
        return answer
    caller = admit(hub, exchange)
    context = await context_of_reader(hub, exchange)
    hop = await hop_of(hub, caller, context, exchange.headers)

    async def make() -> dict[str, Sources]:
        is_local = distributed.is_local(exchange)
        asked = [] if is_local else assembly.find_asked(hub, hop, SourceQuestion(ids=(entity_id,)), RETRIEVING)
        is_here = not asked or find_document(caller, hub, entity_id) is not None
        return {entity_id: (*(OWN if is_here else ()), *(one.registration.id for one in asked))}

    return await with_map(answer, (caller, hub), wish, make)


async def with_map(
    answer: Answer, asker: tuple[Caller, Hub], wish: Wish, make: Callable[[], Awaitable[dict[str, Sources]]]
) -> Answer:
    """Return the answer beside the map that the request names, or a new one."""
    entity_map, _ = await map_for(*asker, wish, make)
    return Answer(answer.status, (*answer.headers, *location_headers(entity_map)), answer.body)
