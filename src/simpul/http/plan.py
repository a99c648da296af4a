"""What a question's parameters ask for, parsed once and remembered: the query and how to show its answer."""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec
from msgspec.structs import replace

from simpul import limits
from simpul.domain.access import Caller
from simpul.domain.context import CORE, Context
from simpul.domain.errors import BadRequestData, HubError, InvalidRequest
from simpul.domain.geo import GeoQuery, parse_geo_query
from simpul.domain.order import Ordering
from simpul.domain.pattern import compile_pattern
from simpul.domain.projection import CORE_MEMBERS, parse_projection
from simpul.domain.q import Compare, Expression, linked_depth, parse_q, parse_scope_selection, parse_type_selection
from simpul.domain.query import EntityQuery, TypeSelection
from simpul.domain.render import Format, Representation
from simpul.http import bounds, linking, ordering
from simpul.http import parameters as given
from simpul.http.parameters import Parameters

_SHOWN = frozenset({
    "attrs", "datasetId", "format", "geometryProperty", "lang", "lineage", "omit", "options", "pick", "sysAttrs",
    "type", *linking.PARAMETERS,
})  # fmt: skip
_SHAPING = _SHOWN - {"type"}
RETRIEVE_PARAMETERS = _SHOWN
QUERY_PARAMETERS = _SHOWN | {
    "coordinates", "count", "expandValues", "geometry", "geoproperty", "georel", "id", "idPattern", "limit", "offset",
    "q", "scopeQ", *ordering.PARAMETERS, *bounds.PARAMETERS,
}  # fmt: skip
OPTIONS = frozenset({"normalized", "concise", "keyValues", "simplified", "sysAttrs"})
FORMATS = frozenset({"normalized", "concise", "keyValues", "simplified"})
_FORMAT = {
    given.NORMALIZED: Format.NORMALIZED,
    given.CONCISE: Format.CONCISE,
    given.KEY_VALUES: Format.KEY_VALUES,
}
DEFAULT_GEOPROPERTY = "location"
_AS_STORED = Representation(format=Format.NORMALIZED)


class EntityPlan(msgspec.Struct, frozen=True, gc=False):
    """A parsed question. `query` is for one entity more than `limit`: its presence tells that there is a next page.

    `is_plain` says that stored bodies can be sent as they lie. Without an `order` the store's own is good enough.
    `csf` narrows the sources that are asked; `is_split` says that each may have only a part of an entity (§5.7.2.4).
    """

    query: EntityQuery
    limit: int
    representation: Representation
    is_plain: bool
    order: Ordering | None = None
    csf: Expression | None = None
    is_split: bool = False


def is_plain(representation: Representation) -> bool:
    """Return whether the representation is the stored one: normalized, whole, without system attributes."""
    return representation == _AS_STORED


def parse_representation(parameters: Parameters, context: Context) -> Representation:
    """Return how entities are to be shown. Raises BadRequestData where two parameters contradict each other."""
    if _SHAPING.isdisjoint(parameters):
        return _AS_STORED
    options = given.parse_options(parameters, OPTIONS)
    attributes = given.parse_attributes(parameters.get("attrs", ""), context.expand)
    join = linking.parse_join(parameters)
    pick = parse_projection(parameters.get("pick", ""), "pick", context.expand)
    omit = parse_projection(parameters.get("omit", ""), "omit", context.expand)
    linking.raise_if_too_deep(pick.depth, join, "pick")
    linking.raise_if_too_deep(omit.depth, join, "omit")
    if attributes and (pick.names or omit.names):
        raise BadRequestData("attrs cannot be combined with pick or omit; give the names to pick instead.")
    both = set(pick.names) & set(omit.own_names)
    if both:
        raise BadRequestData(f"{context.compact(min(both))!r} is in both pick and omit; name it in one of them.")
    geometry_property = parameters.get("geometryProperty", "")
    return Representation(
        format=_FORMAT[given.parse_format(parameters, options, FORMATS)],
        system_attributes=given.wants_times(parameters, options),
        pick=pick.names,
        omit=omit.own_names,
        attributes=attributes,
        language=parameters.get("lang") or None,
        dataset_id=given.parse_dataset_ids(parameters.get("datasetId", "")),
        geometry_property=context.expand(geometry_property) if geometry_property else None,
        join=join,
        linked_pick=pick,
        linked_omit=omit,
        lineage=given.parse_flag(parameters, "lineage"),
    )


def is_worth_remembering(text: str | bytes, context: Context) -> bool:
    """Return whether what was parsed may be kept: of a short text, under an @context that is itself kept.

    A long question is rarely asked twice. An inline @context never is: each is another one, of up to
    `limits.CONTEXT_BYTES_MAX`, and what is kept of it keeps it too.
    """
    return len(text) <= limits.PLAN_REMEMBERED_BYTES_MAX and (context is CORE or bool(context.urls))


def parse_types(text: str, context: Context) -> TypeSelection | None:
    """Return the selection of types; `*` stands for every type, which asks nothing."""
    parse = _remembered_types if is_worth_remembering(text, context) else _parse_types
    return parse(text, context)


def _parse_types(text: str, context: Context) -> TypeSelection | None:
    if not text or text == "*":
        return None
    try:
        return parse_type_selection(text, context.expand)
    except InvalidRequest as error:
        # CIM 009 §5.5.2: what is wrong in a parameter's value is bad data; the request's form is right.
        raise BadRequestData(error.detail) from error


def parse_id_pattern(text: str) -> str | None:
    """Return the pattern once it is known to be a regular expression that is safe to run."""
    if not text:
        return None
    try:
        compile_pattern(text)
    except InvalidRequest as error:
        raise BadRequestData(f"idPattern: {error.detail}") from error
    return text


def parse_question(text: str, expand_values: str, context: Context) -> Expression | None:
    """Return the expression of `q`."""
    if not text:
        return None
    names = given.parse_list(expand_values)
    try:
        return parse_q(text, context.expand, expand_values=names)
    except InvalidRequest as error:
        raise BadRequestData(error.detail) from error


def parse_source_filter(text: str, context: Context) -> Expression | None:
    """Return the expression of `csf`, about properties of the sources themselves (§4.9). Raises BadRequestData."""
    try:
        return parse_question(text, "", context)
    except BadRequestData as error:
        raise BadRequestData(f"csf: {error.detail}") from error


def parse_place(parameters: Parameters, context: Context) -> GeoQuery | None:
    """Return the geo-query of georel, geometry, coordinates and geoproperty, which come together or not at all."""
    names = ("georel", "geometry", "coordinates")
    there = [name for name in names if parameters.get(name)]
    if not there:
        if parameters.get("geoproperty"):
            raise BadRequestData(
                "geoproperty alone asks nothing; a geo-query also needs georel, geometry, coordinates."
            )
        return None
    missing = [name for name in names if name not in there]
    if missing:
        raise BadRequestData(f"A geo-query needs georel, geometry and coordinates; {' and '.join(missing)} is missing.")
    geoproperty = context.expand(parameters.get("geoproperty") or DEFAULT_GEOPROPERTY)
    return parse_geo_query(parameters["georel"], parameters["geometry"], parameters["coordinates"], geoproperty)


class RetrievePlan(msgspec.Struct, frozen=True, gc=False):
    """How one entity is to be shown, and which types it has to have."""

    representation: Representation
    types: TypeSelection | None
    is_plain: bool


def parse_retrieve(query_string: bytes, context: Context) -> RetrievePlan:
    """Return the plan of a retrieval's query string under an @context. Raises HubError."""
    parse = _remembered_retrievals if is_worth_remembering(query_string, context) else _parse_retrieve
    return parse(query_string, context)


def _parse_retrieve(query_string: bytes, context: Context) -> RetrievePlan:
    parameters = given.parse_parameters(query_string, RETRIEVE_PARAMETERS)
    representation = parse_representation(parameters, context)
    return RetrievePlan(representation, parse_types(parameters.get("type", ""), context), is_plain(representation))


def wanted_attributes(representation: Representation) -> tuple[str, ...]:
    """Return the attributes of which an entity has to have one, or nothing of it would be shown (§4.21)."""
    if CORE_MEMBERS.isdisjoint(representation.pick):
        return representation.attributes or representation.pick
    return representation.attributes


def _parse(query_string: bytes, context: Context, readable_types: frozenset[str] | None) -> EntityPlan:
    parameters = given.parse_parameters(query_string, QUERY_PARAMETERS)
    representation = parse_representation(parameters, context)
    limit, offset, counts = given.parse_page(parameters)
    scope = parameters.get("scopeQ", "")
    question = parse_question(parameters.get("q", ""), parameters.get("expandValues", ""), context)
    if question is not None:
        linking.raise_if_too_deep(linked_depth(question), representation.join, "q")
    query = EntityQuery(
        types=parse_types(parameters.get("type", ""), context),
        ids=given.parse_ids(parameters.get("id", "")),
        id_pattern=parse_id_pattern(parameters.get("idPattern", "")),
        attributes=wanted_attributes(representation),
        q=question,
        geo=parse_place(parameters, context),
        scope=parse_scope_selection(scope) if scope else None,
        readable_types=readable_types,
        limit=limit + 1 if limit else 0,
        offset=offset,
        counts=counts,
    )
    bounds.raise_unless_bounded(parameters, query)
    given.parse_attributes(parameters.get("jsonKeys", ""), context.expand)
    order = ordering.parse_ordering(parameters, context)
    csf = parse_source_filter(parameters.get("csf", ""), context)
    is_split = given.parse_flag(parameters, "splitEntities")
    return EntityPlan(query, limit, representation, is_plain(representation), order, csf, is_split)


_remembered = lru_cache(maxsize=limits.PLANS_REMEMBERED_MAX)(_parse)
_remembered_retrievals = lru_cache(maxsize=limits.PLANS_REMEMBERED_MAX)(_parse_retrieve)
_remembered_types = lru_cache(maxsize=limits.TYPE_SELECTIONS_REMEMBERED_MAX)(_parse_types)


def parse_entity_query(query_string: bytes, context: Context, caller: Caller) -> EntityPlan:
    """Return the caller's plan of a query string under an @context; short ones are remembered. Raises HubError."""
    if not is_worth_remembering(query_string, context):
        return _parse(query_string, context, caller.readable_types)
    asked = NUMBER_ASKED.match(query_string)
    if asked is not None:
        before, digits, behind = asked.groups()
        plan = _remembered_but_for_number(before, behind, context, caller.readable_types)
        if plan is not None:
            return _with_number(plan, number_of(digits))
    return _remembered(query_string, context, caller.readable_types)


# A `q` that compares one attribute with one number: often nothing but the number differs from request to request.
NUMBER_ASKED = re.compile(
    rb"((?:.*&)?q=[A-Za-z][A-Za-z0-9_]*(?:[<>=!]|%3[C-Ec-e]|%21){1,2})"
    rb"(-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?)((?:&.*)?)\Z"
)


@lru_cache(maxsize=limits.PLANS_REMEMBERED_MAX)
def _remembered_but_for_number(
    before: bytes, behind: bytes, context: Context, readable_types: frozenset[str] | None
) -> EntityPlan | None:
    """Return the plan with some number in its `q`, or None where it is no such question or a wrong one."""
    try:
        plan = _parse(before + b"1" + behind, context, readable_types)
    except HubError:
        # What is wrong is said of the question as it came.
        return None
    return plan if isinstance(plan.query.q, Compare) and plan.query.q.values == (1,) else None


def number_of(digits: bytes) -> float:
    """Return the number that was asked for."""
    return float(digits) if b"." in digits else int(digits)


def _with_number(plan: EntityPlan, number: float) -> EntityPlan:
    comparison = plan.query.q
    assert isinstance(comparison, Compare), "only such plans are remembered without their number"
    asked = replace(plan.query, q=Compare(comparison.path, comparison.operator, (number,)))
    return replace(plan, query=asked)
