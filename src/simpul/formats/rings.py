"""Polygons from rings that stand side by side, as Shapefiles and ArcGIS have them. Says nothing of what they mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

from simpul import limits

Ring = list[list[float]]

# Corners that are asked whether a ring lies in another: one alone may lie on the line of both.
_ASKED: Final = 3


class TooManyRings(Exception):
    """A shape has more rings than can be put into each other."""


class _Ring(NamedTuple):
    points: Ring
    area: float
    """Twice the area inside, less than nothing where the ring runs clockwise."""
    bounds: tuple[float, float, float, float]


def polygons_of(rings: Iterable[Ring]) -> dict[str, Any] | None:
    """Return a GeoJSON Polygon or MultiPolygon, or None where there are no rings. Raises TooManyRings.

    Outer rings run clockwise there and holes the other way; in GeoJSON (RFC 7946 §3.1.6) it is the reverse. Where a
    hole lies in no outer ring, the rings were written in wrong directions: then a ring in another one is its hole.
    """
    found = [_measured(ring) for ring in rings if ring]
    outer = [ring for ring in found if ring.area <= 0]
    holes = [ring for ring in found if ring.area > 0]
    _raise_if_too_many(len(outer) * len(holes))
    # The smallest ring around a hole is its own: an island in a lake may have a lake.
    by_size = sorted(range(len(outer)), key=lambda place: abs(outer[place].area))
    around = [next((place for place in by_size if _holds(outer[place], hole)), None) for hole in holes]
    polygons = [[_turned(ring, is_hole=False)] for ring in outer]
    for hole, place in zip(holes, around, strict=True):
        if place is None:
            polygons = _nested(found)
            break
        polygons[place].append(_turned(hole, is_hole=True))
    if not polygons:
        return None
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


def _nested(rings: Sequence[_Ring]) -> list[list[Ring]]:
    """Return polygons by which ring lies in which, whatever their directions."""
    _raise_if_too_many(len(rings) * len(rings))
    by_size = sorted(rings, key=lambda ring: -abs(ring.area))
    depths: list[int] = []
    polygons: dict[int, list[Ring]] = {}
    for place, ring in enumerate(by_size):
        holders = [holder for holder in range(place) if _holds(by_size[holder], ring)]
        depths.append(len(holders))
        if len(holders) % 2 == 0:
            polygons[place] = [_turned(ring, is_hole=False)]
        else:
            owner = next((holder for holder in reversed(holders) if depths[holder] % 2 == 0), holders[0])
            polygons[owner].append(_turned(ring, is_hole=True))
    return list(polygons.values())


def _raise_if_too_many(pairs: int) -> None:
    if pairs > limits.GEO_RING_PAIRS_MAX:
        raise TooManyRings


def _turned(ring: _Ring, *, is_hole: bool) -> Ring:
    return ring.points if (ring.area > 0) != is_hole else ring.points[::-1]


def _measured(points: Ring) -> _Ring:
    first_x, first_y = points[0][0], points[0][1]
    area = 0.0
    for one, other in pairwise(points):
        area += (one[0] - first_x) * (other[1] - first_y) - (other[0] - first_x) * (one[1] - first_y)
    xs, ys = [point[0] for point in points], [point[1] for point in points]
    return _Ring(points, area, (min(xs), min(ys), max(xs), max(ys)))


def _holds(ring: _Ring, other: _Ring) -> bool:
    """Return whether a ring lies in this one: most of some of its corners do."""
    least_x, least_y, most_x, most_y = ring.bounds
    if other.bounds[0] < least_x or other.bounds[1] < least_y or other.bounds[2] > most_x or other.bounds[3] > most_y:
        return False
    step = max(1, len(other.points) // _ASKED)
    asked = other.points[::step][:_ASKED]
    return sum(_is_inside(ring.points, point) for point in asked) * 2 > len(asked)


def _is_inside(ring: Ring, point: Sequence[float]) -> bool:
    x, y = point[0], point[1]
    is_inside = False
    for one, other in pairwise(ring):
        if (one[1] > y) != (other[1] > y) and x < (other[0] - one[0]) * (y - one[1]) / (other[1] - one[1]) + one[0]:
            is_inside = not is_inside
    return is_inside
