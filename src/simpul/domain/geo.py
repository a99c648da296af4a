"""Geometry values and the geo-query language (CIM 009 §4.10), in WGS 84 degrees and metres."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any


class Relation(Enum):
    """The relations of CIM 009 §4.10."""

    NEAR = "near"
    WITHIN = "within"
    CONTAINS = "contains"
    INTERSECTS = "intersects"
    EQUALS = "equals"
    DISJOINT = "disjoint"
    OVERLAPS = "overlaps"


@dataclass(frozen=True, slots=True)
class GeoQuery:
    """`georel`, `geometry`, `coordinates`, `geoproperty`: which places an entity's geometry is compared with.

    `geometry` is a GeoJSON geometry; `geoproperty` an expanded IRI; distances in metres, only with NEAR.
    """

    relation: Relation
    geometry: dict[str, Any]
    geoproperty: str
    distance_min_m: float | None = None
    distance_max_m: float | None = None
