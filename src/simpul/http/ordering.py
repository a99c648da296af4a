"""The order that a request asks for: `orderBy` and its companions, or the member `ordering` of a query. No sorting."""

from __future__ import annotations

from typing import Any

from simpul.domain.collation import ROOT, find_text_key
from simpul.domain.context import Context
from simpul.domain.errors import BadRequestData
from simpul.domain.geo import parse_geometry, raise_unless_kind
from simpul.domain.order import Ordering, parse_order
from simpul.http.parameters import Parameters

PARAMETERS = frozenset({"orderBy", "collation", "orderFrom", "orderGeometry"})
_MEMBERS = frozenset({"orderBy", "collation", "coordinates", "geometry"})
_DEFAULT_GEOMETRY = "Point"


def parse_ordering(parameters: Parameters, context: Context) -> Ordering | None:
    """Return the order of the entities (CIM 009 §4.23), or None where none is asked for. Raises BadRequestData."""
    if PARAMETERS.isdisjoint(parameters):
        return None
    told = {name: parameters.get(name, "") for name in PARAMETERS}
    return _ordering_of(
        told["orderBy"], told["collation"], (told["orderGeometry"], told["orderFrom"], "orderFrom"), context
    )


def parse_ordering_member(value: Any, context: Context) -> Ordering | None:
    """Return the order that an OrderingParams object asks for (§5.2.43). Raises BadRequestData."""
    if value is None:
        return None
    if not isinstance(value, dict) or not _MEMBERS.issuperset(value):
        raise BadRequestData(f"ordering is an object with {', '.join(sorted(_MEMBERS))}.")
    order = value.get("orderBy", [])
    if not isinstance(order, list) or not order or not all(isinstance(term, str) and term for term in order):
        raise BadRequestData("orderBy in ordering is an array of texts that is not empty, such as ['name;desc'].")
    for name in ("collation", "geometry"):
        if not isinstance(value.get(name, ""), str):
            raise BadRequestData(f"{name} in ordering is a text.")
    coordinates = value.get("coordinates")
    if coordinates is not None and not isinstance(coordinates, list):
        raise BadRequestData("coordinates in ordering is an array of numbers, longitude first, as in [100.36, -0.95].")
    place = (value.get("geometry", ""), coordinates or "", "coordinates in ordering")
    return _ordering_of(",".join(order), value.get("collation", ""), place, context)


def _ordering_of(order: str, collation: str, place: tuple[str, Any, str], context: Context) -> Ordering | None:
    """Return the order. What is given is looked at even where it does not matter, so that what is wrong is told."""
    geometry, coordinates, what = place
    if collation:
        find_text_key(collation)
    raise_unless_kind(geometry or _DEFAULT_GEOMETRY)
    reference = parse_geometry(geometry or _DEFAULT_GEOMETRY, coordinates, what) if coordinates else None
    if not order:
        return None
    terms = parse_order(order, context.expand)
    if reference is None and any(term.is_distance for term in terms):
        raise BadRequestData(
            f"A distance is ordered from somewhere: give {what}, longitude first, as in [100.36,-0.95]."
        )
    return Ordering(terms, collation or ROOT, reference)
