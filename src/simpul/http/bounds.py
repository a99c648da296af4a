"""What bounds a query, so that it does not match every entity by mistake (CIM 009 §5.7.2.4). Nothing is parsed here."""

from __future__ import annotations

from simpul.domain.context import CORE
from simpul.domain.errors import BadRequestData
from simpul.domain.q import names_in
from simpul.domain.query import EntityQuery
from simpul.http.parameters import Parameters, parse_flag

# Parameters that are about the sources of a query, or about how its names are read.
PARAMETERS = frozenset({"csf", "jsonKeys", "splitEntities"})
_TIMES = ("createdAt", "modifiedAt", "deletedAt", "expiresAt")
# As q and attrs name them: every entity has these.
_SYSTEM_NAMES = frozenset({*_TIMES, *map(CORE.expand, _TIMES)})


def raise_unless_bounded(parameters: Parameters, query: EntityQuery) -> None:
    """Refuse a question that would match every entity, and `type=*` where other sources are meant to be asked.

    One id, or a pattern of ids, bounds a question at least as well as a type. A list of ids does not (§5.7.2.3).
    """
    local = parse_flag(parameters, "local")
    if parameters.get("type") == "*" and parameters.get("local") and not local:
        raise BadRequestData("type=* asks this hub alone, and local=false says otherwise; leave local out.")
    if local or parameters.get("type") or query.geo or query.scope or query.id_pattern or len(query.ids) == 1:
        return
    attributes = query.attributes if parameters.get("attrs") else ()
    named = {*attributes, *(names_in(query.q) if query.q is not None else ())}
    if named <= _SYSTEM_NAMES:
        raise BadRequestData(
            "The query would match too much. Say which entities with at least one of type, one id, idPattern, attrs, q,"
            " georel or scopeQ, where attrs and q name more than system attributes; several ids need a type. To have"
            " all entities on purpose, add local=true."
        )
