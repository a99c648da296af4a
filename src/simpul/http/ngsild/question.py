"""POST /entityOperations/query: a question as a JSON object (CIM 009 §5.2.23). No matching here."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from simpul.app.hub import Hub
from simpul.domain.access import Caller
from simpul.domain.context import Context
from simpul.domain.errors import BadRequestData
from simpul.domain.geo import GeoQuery, parse_geo_query
from simpul.domain.json_text import as_whole, shown
from simpul.domain.q import linked_depth, parse_scope_selection
from simpul.domain.query import EntityQuery
from simpul.http import parameters as given
from simpul.http.admission import admit, kind_of, read_body
from simpul.http.bounds import raise_unless_bounded
from simpul.http.exchange import Answer, Exchange
from simpul.http.linking import raise_if_too_deep
from simpul.http.negotiate import ANY_JSON_OR_GEO, negotiate
from simpul.http.ngsild.entities import answer_documents, answer_traced
from simpul.http.ngsild.pages import fetch_page, fetch_union, paging_headers
from simpul.http.ordering import parse_ordering_member
from simpul.http.parameters import Parameters
from simpul.http.plan import (
    DEFAULT_GEOPROPERTY,
    EntityPlan,
    is_plain,
    parse_id_pattern,
    parse_question,
    parse_representation,
    parse_source_filter,
    parse_types,
    wanted_attributes,
)

PARAMETERS = frozenset(
    {"count", "format", "geometryProperty", "lang", "limit", "lineage", "offset", "options", "sysAttrs"}
)
# Members of a Query that are written like the parameter of the same name.
_TEXT_MEMBERS = ("q", "scopeQ", "lang", "geometryProperty", "join", "csf")
_LIST_MEMBERS = ("attrs", "pick", "omit", "datasetId", "expandValues", "jsonKeys", "containedBy")
_FLAG_MEMBERS = ("local", "splitEntities")
# What a query says of entity maps is read in `mapped.py`.
_MAP_MEMBERS = ("entityMap", "entityMapLifetime")
_KNOWN = frozenset({
    "type", "entities", "geoQ", "joinLevel", "ordering", *_FLAG_MEMBERS, *_MAP_MEMBERS, *_TEXT_MEMBERS, *_LIST_MEMBERS,
})  # fmt: skip
_TEMPORAL = frozenset({"aggrParams", "temporalQ"})
_SELECTOR_MEMBERS = frozenset({"id", "idPattern", "type"})


async def query(hub: Hub, exchange: Exchange) -> Answer:
    """POST /entityOperations/query (§6.23.3.1)."""
    media_type = negotiate(exchange.accept, ANY_JSON_OR_GEO)
    parameters = given.parse_parameters(exchange.query, PARAMETERS)
    caller = admit(hub, exchange)
    body, context = await read_body(hub, exchange)
    plan, queries = parse_body(body, parameters, context, caller)
    if len(queries) == 1:
        documents, count, is_last = await fetch_page(caller, hub, plan)
    else:
        documents, count, is_last = await fetch_union(caller, hub, plan, queries)
    headers = paging_headers(plan, count, is_last=is_last, exchange=exchange)
    shown = (context, media_type, exchange.prefer)
    if plan.representation.lineage:
        return await answer_traced((caller, hub), documents, plan, shown, headers)
    return answer_documents((caller, hub), documents, plan, shown, headers)


def parse_body(
    body: dict[str, Any], parameters: Parameters, context: Context, caller: Caller
) -> tuple[EntityPlan, list[EntityQuery]]:
    """Return how to show the answer, and the queries whose union it is: one per different selector."""
    raise_unless_members_are_known(body)
    words = {**parameters, **text_members(body)}
    representation = parse_representation(words, context)
    limit, offset, counts = given.parse_page(parameters)
    scope = words.get("scopeQ", "")
    expression = parse_question(words.get("q", ""), words.get("expandValues", ""), context)
    if expression is not None:
        raise_if_too_deep(linked_depth(expression), representation.join, "q")
    shared = EntityQuery(
        attributes=wanted_attributes(representation),
        q=expression,
        geo=parse_place(body.get("geoQ"), context),
        scope=parse_scope_selection(scope) if scope else None,
        readable_types=caller.readable_types,
        limit=limit + 1 if limit else 0,
        offset=offset,
        counts=counts,
    )
    queries = unite([parse_selector(selector, shared, context) for selector in list_selectors(body)] or [shared])
    if "entities" not in body:
        raise_unless_bounded(words, shared)
    given.parse_attributes(words.get("jsonKeys", ""), context.expand)
    order = parse_ordering_member(body.get("ordering"), context)
    csf = parse_source_filter(words.get("csf", ""), context)
    is_split = given.parse_flag(words, "splitEntities")
    return EntityPlan(queries[0], limit, representation, is_plain(representation), order, csf, is_split), queries


def list_selectors(body: dict[str, Any]) -> list[Any]:
    """Return the entity selectors of a query, each of which has a type (§5.2.33). Raises BadRequestData."""
    selectors = body.get("entities", [])
    if not isinstance(selectors, list) or (not selectors and "entities" in body):
        raise BadRequestData("entities is an array of entity selectors that is not empty.")
    for selector in selectors:
        if isinstance(selector, dict) and not selector.get("type"):
            raise BadRequestData("An entity selector has no type; '*' stands for every type (§5.2.33).")
        if isinstance(selector, dict) and selector["type"] == "*" and body.get("local") is False:
            raise BadRequestData("The type '*' asks this hub alone, and local is false; leave local out.")
    return selectors


def raise_unless_members_are_known(body: dict[str, Any]) -> None:
    """Refuse a body that is no Query, or asks for what is not there yet."""
    if body.get("type", "Query") != "Query":
        raise BadRequestData(f"The body's type is {str(body['type'])[:100]!r}; for a query it is 'Query'.")
    for name in body:
        if name in _TEMPORAL:
            raise BadRequestData(f"{name!r} is for POST /temporal/entityOperations/query only (§5.2.23).")
        if name not in _KNOWN:
            raise BadRequestData(f"{name[:100]!r} is no member of a query; known are {', '.join(sorted(_KNOWN))}.")


def text_members(body: dict[str, Any]) -> dict[str, str]:
    """Return the members that are also URL parameters, written as those are."""
    words: dict[str, str] = {}
    for name in (*_TEXT_MEMBERS, *_LIST_MEMBERS):
        value = body.get(name, "")
        if name in _LIST_MEMBERS and isinstance(value, list) and all(isinstance(part, str) for part in value):
            if not value:
                raise BadRequestData(f"{name} is an empty array, which asks nothing; leave it out, or name something.")
            value = ",".join(value)
        if not isinstance(value, str):
            expected = "an array of texts" if name in _LIST_MEMBERS else "a text"
            raise BadRequestData(f"{name} is {kind_of(value)}; {expected} was expected.")
        if value:
            words[name] = value
    return words | _plain_members(body)


def _plain_members(body: dict[str, Any]) -> dict[str, str]:
    """Return the members that are numbers or flags, written as parameters are."""
    words: dict[str, str] = {}
    given = body.get("joinLevel")
    if given is not None:
        level = as_whole(given)
        if level is None:
            raise BadRequestData(f"joinLevel is {shown(given)}; it is a whole number from 1.")
        words["joinLevel"] = str(level)
    for name in _FLAG_MEMBERS:
        flag = body.get(name)
        if flag is not None and not isinstance(flag, bool):
            raise BadRequestData(f"{name} is {kind_of(flag)}; it is true or false.")
        if flag is not None:
            words[name] = str(flag).lower()
    return words


def parse_selector(selector: Any, shared: EntityQuery, context: Context) -> EntityQuery:
    """Return the query of one EntitySelector (§5.2.33)."""
    if not isinstance(selector, dict):
        raise BadRequestData(f"entities holds {kind_of(selector)}; each part is an object with id, idPattern or type.")
    strange = sorted(set(selector) - _SELECTOR_MEMBERS)
    if strange:
        raise BadRequestData(f"{strange[0][:100]!r} is no member of an entity selector; known are id, idPattern, type.")
    if not any(selector.values()):
        raise BadRequestData("An entity selector is empty; it needs id, idPattern or type.")
    pattern, types = selector.get("idPattern", ""), selector.get("type", "")
    if not isinstance(pattern, str) or not isinstance(types, str):
        raise BadRequestData("idPattern and type of an entity selector are texts.")
    ids = _ids(selector.get("id", ""))
    id_pattern = parse_id_pattern(pattern)
    # An id takes precedence over a pattern.
    return replace(shared, types=parse_types(types, context), ids=ids, id_pattern=None if ids else id_pattern)


def _ids(value: Any) -> tuple[str, ...]:
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        value = ",".join(value)
    if not isinstance(value, str):
        raise BadRequestData(f"The id of an entity selector is {kind_of(value)}; it is a URI or an array of URIs.")
    return given.parse_ids(value, "The id of an entity selector")


def parse_place(value: Any, context: Context) -> GeoQuery | None:
    """Return the geo-query of a GeoQuery object (§5.2.13)."""
    if value is None:
        return None
    if not isinstance(value, dict):
        raise BadRequestData(f"geoQ is {kind_of(value)}; it is an object with georel, geometry and coordinates.")
    missing = [name for name in ("georel", "geometry", "coordinates") if not value.get(name)]
    if missing:
        raise BadRequestData(f"geoQ lacks {' and '.join(missing)}; it needs georel, geometry and coordinates.")
    for name in ("georel", "geometry", "geoproperty"):
        if not isinstance(value.get(name, ""), str):
            raise BadRequestData(f"{name} in geoQ is {kind_of(value[name])}; it is a text.")
    if not isinstance(value["coordinates"], (str, list)):
        raise BadRequestData(f"coordinates in geoQ is {kind_of(value['coordinates'])}; it is an array of numbers.")
    geoproperty = context.expand(value.get("geoproperty") or DEFAULT_GEOPROPERTY)
    return parse_geo_query(value["georel"], value["geometry"], value["coordinates"], geoproperty)


def unite(queries: list[EntityQuery]) -> list[EntityQuery]:
    """Join selectors that differ only in their ids into one query, which the store answers at once."""
    united: list[EntityQuery] = []
    for query in queries:
        for place, other in enumerate(united):
            if query.ids and other.ids and replace(query, ids=()) == replace(other, ids=()):
                united[place] = replace(other, ids=tuple(dict.fromkeys((*other.ids, *query.ids))))
                break
        else:
            united.append(query)
    return united
