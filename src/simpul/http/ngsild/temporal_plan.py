"""What a question about histories asks for, from its parameters or its body. Nothing is read or shown here."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from msgspec.structs import replace

from simpul import limits
from simpul.app.temporal import TemporalQuestion
from simpul.domain.access import Caller
from simpul.domain.aggregate import Aggregation, Period, parse_methods, parse_period
from simpul.domain.context import Context
from simpul.domain.errors import BadRequestData
from simpul.domain.json_text import as_whole, shown
from simpul.domain.order import parse_order
from simpul.domain.q import find_instant, linked_depth, names_attribute, parse_scope_selection
from simpul.domain.query import EntityQuery, TypeSelection
from simpul.domain.temporal import TemporalQuery
from simpul.domain.temporal_render import Form, TemporalRepresentation
from simpul.http.admission import kind_of
from simpul.http.ngsild.question import parse_place as parse_place_object
from simpul.http.ngsild.question import parse_selector, text_members, unite
from simpul.http.parameters import (
    Parameters,
    parse_flag,
    parse_format,
    parse_ids,
    parse_options,
    parse_page,
    parse_parameters,
    parse_whole_number,
    wants_times,
)
from simpul.http.plan import (
    is_worth_remembering,
    parse_id_pattern,
    parse_place,
    parse_question,
    parse_representation,
    parse_source_filter,
    parse_types,
)

TIMES = frozenset({"endTimeAt", "lastN", "timeAt", "timeproperty", "timerel"})
SHAPE = frozenset({
    "aggrMethods", "aggrPeriodDuration", "attrs", "datasetId", "format", "lang", "omit", "options", "pick", "sysAttrs",
})  # fmt: skip
RETRIEVE_PARAMETERS = TIMES | SHAPE | {"type"}
QUERY_PARAMETERS = RETRIEVE_PARAMETERS | {
    "coordinates", "count", "csf", "expandValues", "geometry", "geoproperty", "georel", "id", "idPattern", "limit",
    "offset", "orderBy", "q", "scopeQ", "splitEntities",
}  # fmt: skip
POST_PARAMETERS = frozenset({"count", "format", "lang", "limit", "offset", "options", "sysAttrs"})
FORMATS = frozenset(form.value for form in Form)
OPTIONS = FORMATS | {"sysAttrs"}
RELATIONS = ("before", "after", "between")
TIME_PROPERTIES = ("observedAt", "createdAt", "modifiedAt", "deletedAt")
# One of these has to bound a query about histories (CIM 009 §5.7.4.4).
SELECTORS = ("type", "attrs", "pick", "q", "georel", "scopeQ")
# What every entity and every instance has (§4.8).
_SYSTEM_NAMES = frozenset({"", "createdAt", "modifiedAt", "deletedAt"})
_PROJECTION = ("attrs", "pick", "omit", "datasetId", "lang")
_BODY_MEMBERS = frozenset({
    "type", "entities", "attrs", "pick", "omit", "datasetId", "q", "scopeQ", "geoQ", "lang", "temporalQ", "aggrParams",
    "csf", "expandValues", "local", "ordering", "id", "idPattern", "entityMap", "entityMapLifetime", "splitEntities",
})  # fmt: skip
_AGGREGATION = frozenset({"aggrMethods", "aggrPeriodDuration"})
_TIMES_MEMBERS = TIMES | _AGGREGATION | {"type"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Retrieval(NamedTuple):
    """What is asked for of one entity's history, how it is to be shown, and which types the entity may have."""

    query: TemporalQuery
    representation: TemporalRepresentation
    types: TypeSelection | None


def _parse_retrieval(query_string: bytes, context: Context) -> Retrieval:
    parameters = parse_parameters(query_string, RETRIEVE_PARAMETERS)
    representation = parse_temporal_representation(parameters)
    types = parse_types(parameters.get("type", ""), context)
    return Retrieval(parse_temporal_query(parameters, context), representation, types)


_remembered = lru_cache(maxsize=limits.PLANS_REMEMBERED_MAX)(_parse_retrieval)


def parse_temporal_retrieval(query_string: bytes, context: Context) -> Retrieval:
    """Return the plan of a query string under an @context; short ones are remembered. Raises HubError."""
    parse = _remembered if is_worth_remembering(query_string, context) else _parse_retrieval
    return parse(query_string, context)


def parse_temporal_query(parameters: Parameters, context: Context) -> TemporalQuery:
    """Return which part of a history is asked for (CIM 009 §4.11). Raises BadRequestData."""
    relation = parameters.get("timerel") or None
    if relation is not None and relation not in RELATIONS:
        raise BadRequestData(f"timerel={relation[:100]!r}: it can be {', '.join(RELATIONS)}.")
    time_property = parameters.get("timeproperty") or TIME_PROPERTIES[0]
    if time_property not in TIME_PROPERTIES:
        raise BadRequestData(f"timeproperty={time_property[:100]!r}: it can be {', '.join(TIME_PROPERTIES)}.")
    raise_unless_times_fit(parameters, relation)
    last_n = parse_whole_number(parameters, "lastN", 0, (1, limits.TEMPORAL_CHANGES_MAX))
    chosen = parse_representation({name: parameters[name] for name in _PROJECTION if parameters.get(name)}, context)
    return TemporalQuery(
        timerel=relation,
        time_at_us=parse_instant(parameters, "timeAt"),
        end_time_at_us=parse_instant(parameters, "endTimeAt"),
        time_property=time_property,
        last_n=last_n or None,
        attributes=chosen.attributes,
        dataset_ids=chosen.dataset_id,
        pick=chosen.pick,
        omit=chosen.omit,
    )


def raise_unless_times_fit(parameters: Parameters, relation: str | None) -> None:
    """Refuse a time without its relation, and a relation without its times."""
    needed = {None: (), "between": ("timeAt", "endTimeAt")}.get(relation, ("timeAt",))
    for name in ("timeAt", "endTimeAt"):
        if name in needed and not parameters.get(name):
            raise BadRequestData(f"timerel={relation} needs {' and '.join(needed)}; {name} is missing.")
        if name not in needed and parameters.get(name):
            fitting = "between" if name == "endTimeAt" else "before, after or between"
            raise BadRequestData(f"{name} is given and timerel is {relation or 'not'}; it goes with timerel={fitting}.")


def parse_instant(parameters: Parameters, name: str) -> int | None:
    """Return the moment that a parameter names, in microseconds since 1970 UTC."""
    text = parameters.get(name)
    if not text:
        return None
    moment = find_instant(text) if "T" in text else None
    if moment is None:
        hint = " In a URL, the + of a time zone is written as %2B." if " " in text else ""
        raise BadRequestData(f"{name}={text[:100]!r} is no moment such as 2024-05-01T10:00:00Z.{hint}")
    elapsed = moment - _EPOCH
    return (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds


def parse_temporal_representation(parameters: Parameters) -> TemporalRepresentation:
    """Return how histories are to be shown. Raises InvalidRequest, BadRequestData."""
    options = parse_options(parameters, OPTIONS)
    form = Form(parse_format(parameters, options, FORMATS))
    methods, duration = parameters.get("aggrMethods", ""), parameters.get("aggrPeriodDuration", "")
    # These are looked at even where they do not apply, so that what is wrong is told.
    asked = Aggregation(parse_methods(methods) if methods else (), parse_period(duration) if duration else Period(0, 0))
    if form is Form.AGGREGATED and not methods:
        raise BadRequestData("aggregatedValues needs aggrMethods, such as aggrMethods=avg,max.")
    return TemporalRepresentation(
        form=form,
        system_attributes=wants_times(parameters, options),
        language=parameters.get("lang") or None,
        aggregation=asked if form is Form.AGGREGATED else None,
    )


def parse_temporal_question(
    parameters: Parameters, context: Context, caller: Caller
) -> tuple[TemporalQuestion, TemporalRepresentation]:
    """Return what GET /temporal/entities asks for (§5.7.4). Raises BadRequestData."""
    shared = _parse_shared(parameters, context, caller)
    if not _is_bounded(parameters, shared) and not parse_flag(parameters, "local"):
        raise BadRequestData(
            "The query would look at every entity. Say which ones with at least one of"
            f" {', '.join(SELECTORS)}; to have them all on purpose, add local=true."
        )
    selector = replace(
        shared,
        types=parse_types(parameters.get("type", ""), context),
        ids=parse_ids(parameters.get("id", "")),
        id_pattern=parse_id_pattern(parameters.get("idPattern", "")),
        geo=parse_place(parameters, context),
    )
    return _question(parameters, context, (selector,))


def _is_bounded(parameters: Parameters, shared: EntityQuery) -> bool:
    """Return whether the query says which entities it is about; what every entity has says nothing (§5.7.4.4)."""
    told = {name for name in SELECTORS if parameters.get(name)}
    if set(parameters.get("attrs", "").split(",")) <= _SYSTEM_NAMES:
        told.discard("attrs")
    if shared.q is not None and not names_attribute(shared.q):
        told.discard("q")
    return bool(told)


def _parse_shared(parameters: Parameters, context: Context, caller: Caller) -> EntityQuery:
    limit, offset, counts = parse_page(parameters)
    scope = parameters.get("scopeQ", "")
    question = parse_question(parameters.get("q", ""), parameters.get("expandValues", ""), context)
    if question is not None and linked_depth(question):
        raise BadRequestData("q asks about linked entities; in a query about histories it cannot (CIM 009 §5.7.4.4).")
    # These are about the sources that a query is forwarded to (`distributed_histories.py`).
    parse_source_filter(parameters.get("csf", ""), context)
    parse_flag(parameters, "splitEntities")
    return EntityQuery(
        q=question,
        scope=parse_scope_selection(scope) if scope else None,
        readable_types=caller.readable_types,
        limit=limit + 1 if limit else 0,
        offset=offset,
        counts=counts,
    )


def _question(
    parameters: Parameters, context: Context, selectors: tuple[EntityQuery, ...]
) -> tuple[TemporalQuestion, TemporalRepresentation]:
    representation = parse_temporal_representation(parameters)
    text = parameters.get("orderBy", "")
    order = parse_order(text, context.expand) if text else ()
    for term in order:
        if term.path != ("id",):
            raise BadRequestData(
                f"orderBy={text[:100]!r}: histories are ordered by id alone, id or id;desc (CIM 009 §5.7.4.4)."
            )
    question = TemporalQuestion(
        selectors=selectors,
        window=parse_temporal_query(parameters, context),
        order=order,
        whole=representation.aggregation is not None,
    )
    return question, representation


def parse_temporal_body(
    body: dict[str, Any], parameters: Parameters, context: Context, caller: Caller
) -> tuple[TemporalQuestion, TemporalRepresentation]:
    """Return what POST /temporal/entityOperations/query asks for (§5.2.23). Raises BadRequestData."""
    if body.get("type", "Query") != "Query":
        raise BadRequestData(f"The body's type is {str(body['type'])[:100]!r}; for a query it is 'Query'.")
    for name in body:
        if name not in _BODY_MEMBERS:
            raise BadRequestData(
                f"{name[:100]!r} is no member of a query about histories; known are {', '.join(sorted(_BODY_MEMBERS))}."
            )
    words = {**parameters, **text_members({name: body[name] for name in body if name not in ("ordering", "id")})}
    words |= _members_of(body, "temporalQ", _TIMES_MEMBERS)
    words |= _members_of(body, "aggrParams", _AGGREGATION | {"type"})
    if not _AGGREGATION.isdisjoint(words) and not (parameters.get("format") or parameters.get("options")):
        # A body that says how to aggregate asks for that (§5.2.44).
        words["format"] = Form.AGGREGATED.value
    words |= {"orderBy": order} if (order := _order_of(body.get("ordering"))) else {}
    if isinstance(body.get("csf"), str):
        words["csf"] = body["csf"]
    words.pop("type", None)
    shared = replace(_parse_shared(words, context, caller), geo=parse_place_object(body.get("geoQ"), context))
    selectors = body.get("entities", [])
    if not isinstance(selectors, list):
        raise BadRequestData(f"entities is {kind_of(selectors)}; it is an array of entity selectors.")
    is_bounded = bool(shared.q or shared.geo or shared.scope or words.get("attrs") or words.get("pick"))
    if not selectors and not is_bounded and body.get("local") is not True:
        raise BadRequestData("The query would look at every entity; say which with entities, attrs, q, geoQ or scopeQ.")
    queries = unite([parse_selector(selector, shared, context) for selector in selectors] or [shared])
    return _question(words, context, tuple(queries))


def _members_of(body: dict[str, Any], name: str, known: frozenset[str]) -> dict[str, str]:
    """Return the members of an object inside a query, written as the parameters of the same names are."""
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadRequestData(f"{name} is {kind_of(value)}; it is an object.")
    words: dict[str, str] = {}
    for member, given in value.items():
        if member not in known:
            raise BadRequestData(f"{name} has no {member[:100]!r}; it has {', '.join(sorted(known))}.")
        if isinstance(given, list) and all(isinstance(part, str) for part in given):
            given = ",".join(given)
        written = given if isinstance(given, str) else as_whole(given)
        if written is None:
            raise BadRequestData(f"{member} in {name} is {shown(given)}; it is written as in a URL.")
        words[member] = str(written)
    return words


def _order_of(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("orderBy")
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return ",".join(value)
    if value is None or isinstance(value, str):
        return value or ""
    raise BadRequestData(f"ordering is {kind_of(value)}; it is an object with orderBy, an array of terms.")
