"""/temporal/entities/{id}: how one entity came to be as it is. No history is read or written here."""

from __future__ import annotations

from datetime import UTC, datetime

from simpul import limits
from simpul.app import temporal
from simpul.app.hub import Hub
from simpul.domain.context import Context
from simpul.domain.errors import BadRequestData, NotImplementedYet
from simpul.domain.parse import raise_unless_uri
from simpul.domain.q import find_instant
from simpul.domain.temporal import TemporalQuery, render_temporal
from simpul.http.admission import admit, context_headers, context_of_reader
from simpul.http.exchange import LD_JSON, Answer, Exchange, answer_json
from simpul.http.negotiate import ANY_JSON, negotiate
from simpul.http.parameters import (
    TEMPORAL_VALUES,
    Parameters,
    parse_attributes,
    parse_flag,
    parse_format,
    parse_options,
    parse_parameters,
    parse_whole_number,
)

PARAMETERS = frozenset(
    {"attrs", "endTimeAt", "format", "lastN", "options", "timeAt", "timeproperty", "timerel", "type"}
)
FORMATS = frozenset({"temporalValues", "normalized"})
OPTIONS = FORMATS | {"sysAttrs"}
# Parameters that CIM 009 §6.19.3.1 has and this version knows of current state alone.
PARAMETERS_LATER = frozenset({"datasetId", "lang", "omit", "pick"})
RELATIONS = ("before", "after", "between")
TIME_PROPERTIES = ("observedAt", "createdAt", "modifiedAt", "deletedAt")


async def retrieve(hub: Hub, exchange: Exchange) -> Answer:
    """GET /temporal/entities/{id} (§6.19.3.1)."""
    (entity_id,) = exchange.names
    media_type = negotiate(exchange.accept, ANY_JSON)
    parameters = parse_parameters(exchange.query, PARAMETERS | PARAMETERS_LATER)
    for name in PARAMETERS_LATER & parameters.keys():
        raise NotImplementedYet(f"The parameter {name!r} of a history is not in this version of Simpul yet.")
    options = parse_options(parameters, OPTIONS)
    representation = parse_format(parameters, options, FORMATS)
    caller = admit(hub, exchange)
    context = await context_of_reader(hub, exchange)
    raise_unless_uri(entity_id, "The entity id in the path")
    asked = parse_temporal_query(parameters, context)
    entity_types, changes = await temporal.retrieve(caller, hub, entity_id)
    content = render_temporal(
        entity_id,
        entity_types,
        changes,
        asked,
        context,
        simplified=representation == TEMPORAL_VALUES,
        system_attributes="sysAttrs" in options or parse_flag(parameters, "sysAttrs"),
    )
    if media_type == LD_JSON:
        content = {"@context": context.link, **content}
    return answer_json(content, context_headers(context, media_type), media_type=media_type)


def parse_temporal_query(parameters: Parameters, context: Context) -> TemporalQuery:
    """Return which part of the history is asked for (CIM 009 §4.11). Raises BadRequestData."""
    relation = parameters.get("timerel") or None
    if relation is not None and relation not in RELATIONS:
        raise BadRequestData(f"timerel={relation[:100]!r}: it can be {', '.join(RELATIONS)}.")
    time_property = parameters.get("timeproperty") or TIME_PROPERTIES[0]
    if time_property not in TIME_PROPERTIES:
        raise BadRequestData(f"timeproperty={time_property[:100]!r}: it can be {', '.join(TIME_PROPERTIES)}.")
    raise_unless_times_fit(parameters, relation)
    last_n = parse_whole_number(parameters, "lastN", 0, (1, limits.TEMPORAL_CHANGES_MAX))
    return TemporalQuery(
        timerel=relation,
        time_at_us=parse_instant(parameters, "timeAt"),
        end_time_at_us=parse_instant(parameters, "endTimeAt"),
        time_property=time_property,
        last_n=last_n or None,
        attributes=parse_attributes(parameters.get("attrs", ""), context.expand),
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


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_instant(parameters: Parameters, name: str) -> int | None:
    """Return the moment that a parameter names, in microseconds since 1970 UTC."""
    text = parameters.get(name)
    if not text:
        return None
    moment = find_instant(text)
    if moment is None:
        hint = " In a URL, the + of a time zone is written as %2B." if " " in text else ""
        raise BadRequestData(f"{name}={text[:100]!r} is no moment such as 2024-05-01T10:00:00Z.{hint}")
    elapsed = moment - _EPOCH
    return (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds
