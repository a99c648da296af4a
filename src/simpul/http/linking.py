"""What a request asks of linked entities: `join`, `joinLevel`, `containedBy`, how deep it may reach. No look-ups."""

from __future__ import annotations

from simpul import limits
from simpul.domain.errors import BadRequestData
from simpul.domain.projection import JOINS, Join
from simpul.http import parameters as given
from simpul.http.parameters import Parameters

PARAMETERS = frozenset({"join", "joinLevel", "containedBy"})


def parse_join(parameters: Parameters) -> Join | None:
    """Return how linked entities are to be shown (CIM 009 §4.5.23); None where they are not. Raises BadRequestData."""
    if PARAMETERS.isdisjoint(parameters):
        return None
    kind = parameters.get("join") or "@none"
    if kind not in JOINS:
        raise BadRequestData(f"join={kind[:100]!r}: it can be {', '.join(JOINS)}.")
    # These are looked at even where they do not apply, so that what is wrong is told.
    levels = given.parse_whole_number(parameters, "joinLevel", 1, (1, limits.JOIN_LEVELS_MAX), BadRequestData)
    contained_by = frozenset(given.parse_ids(parameters.get("containedBy", ""), "containedBy"))
    return None if kind == "@none" else Join(kind, levels, contained_by)


def raise_if_too_deep(depth: int, join: Join | None, what: str) -> None:
    """Refuse to reach further into linked entities than the join goes (§5.7.1.4, §5.7.2.4)."""
    if depth > (join.levels if join is not None else 0):
        asked = f"joinLevel={join.levels}" if join is not None else "no join"
        raise BadRequestData(
            f"{what} reaches into entities that are linked {depth} relationships deep, and the request has {asked}."
            f" Add join=inline or join=flat with joinLevel={depth}, or leave out what is in braces."
        )
