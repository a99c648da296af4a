"""Geometry values and the geo-query language (CIM 009 §4.10), in WGS 84 degrees and metres. No index of a store.

Geometries are GeoJSON (RFC 7946): longitude first, straight lines between positions in degrees, heights ignored.
`near` is about the shortest distance between two geometries, on a sphere; exact for two points, and within 0.1 %
for other geometries less than 1,000 km apart. A polygon that crosses itself is accepted; for comparisons it covers
what its rings enclose (an area enclosed twice counts once).

shapely (and numpy with it) is imported by the first question that needs it: it takes 0.2 s, which a start has not.
"""

from __future__ import annotations

import difflib
import json
import math
import re
import reprlib
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from simpul.domain.entity import Entity, instances
from simpul.domain.errors import BadRequestData, TooComplexQuery
from simpul.limits import GEOMETRY_POINTS_MAX

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

Bounds = tuple[float, float, float, float]
Key = TypeVar("Key", bound=Hashable)

EARTH_RADIUS_M = 6_371_008.8


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


# How deeply the positions of each kind of geometry are nested.
_DEPTHS = {"Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}
_SHAPES = {
    "Point": "one position, as in [100.36, -0.95]",
    "MultiPoint": "a list of positions",
    "LineString": "a list of two or more positions",
    "MultiLineString": "a list of lines, each a list of two or more positions",
    "Polygon": "a list of rings, each a list of four or more positions that ends where it begins",
    "MultiPolygon": "a list of polygons, each a list of rings",
}
_FAR = 1e9
_DISTANCE = re.compile(r"(m[a-zA-Z]*)\s*==\s*(\S*)")
_POSITIVE = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


def parse_geo_query(georel: str, geometry: str, coordinates: str | list[Any], geoproperty: str) -> GeoQuery:
    """Return the question that the four parameters ask. `coordinates` is JSON text or already decoded.

    `geoproperty` is an expanded IRI. Raises BadRequestData, TooComplexQuery.
    """
    relation, distance_min_m, distance_max_m = _parse_georel(georel)
    reference = parse_geometry(geometry, coordinates, "`coordinates`")
    return GeoQuery(relation, reference, geoproperty, distance_min_m, distance_max_m)


def parse_geometry(kind: str, coordinates: str | list[Any], what: str) -> dict[str, Any]:
    """Return the GeoJSON geometry of a kind and its coordinates, which are JSON text or already decoded.

    `what` names the coordinates in the messages. Raises BadRequestData, TooComplexQuery.
    """
    raise_unless_kind(kind)
    if isinstance(coordinates, str):
        coordinates = _decode_coordinates(coordinates, what)
    geometry = {"type": kind, "coordinates": coordinates}
    raise_unless_geometry(geometry, what)
    return geometry


def raise_unless_kind(kind: str) -> None:
    """Raise BadRequestData unless there are geometries of this kind."""
    if kind not in _DEPTHS:
        raise BadRequestData(f"`geometry` is `{kind[:40]}`; expected {_one_of(kind, _DEPTHS)}.")


def _decode_coordinates(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRequestData(
            f"{what} is not JSON ({str(error)[:80]}); expected a list of numbers, longitude first, "
            "as in [100.36, -0.95]."
        ) from error


def _parse_georel(text: str) -> tuple[Relation, float | None, float | None]:
    name, *modifiers = (part.strip() for part in text.split(";"))
    try:
        relation = Relation(name)
    except ValueError as error:
        names = [relation.value for relation in Relation]
        raise BadRequestData(f"`georel` is `{name[:40]}`; expected {_one_of(name, names)}.") from error
    if relation is not Relation.NEAR:
        if modifiers:
            raise BadRequestData(f"`georel` is `{text[:80]}`; expected `{name}` alone, only `near` has a distance.")
        return relation, None, None
    distances = dict(_parse_distance(modifier) for modifier in modifiers)
    if len(modifiers) != 1:
        raise BadRequestData(
            f"`georel` is `{text[:80]}`; expected `near;maxDistance==<metres>` or `near;minDistance==<metres>`."
        )
    return relation, distances.get("minDistance"), distances.get("maxDistance")


def _parse_distance(text: str) -> tuple[str, float]:
    found = _DISTANCE.fullmatch(text)
    if found is None or found[1] not in ("maxDistance", "minDistance"):
        raise BadRequestData(
            f"`georel` has `{text[:60]}`; expected `maxDistance==<metres>` or `minDistance==<metres>`."
        )
    metres = float(found[2]) if _POSITIVE.fullmatch(found[2]) else 0.0
    if metres <= 0 or math.isinf(metres):
        raise BadRequestData(f"`georel` has `{text[:60]}`; expected a number of metres above 0, as in {found[1]}==500.")
    return found[1], metres


def _brief(value: Any) -> str:
    return reprlib.repr(value)[:60]


def _one_of(wrong: str, right: Iterable[str]) -> str:
    """Say which names there are, the one that was probably meant first."""
    names = list(right)
    lowered = {name.lower(): name for name in names}
    close = difflib.get_close_matches(wrong[:40].lower(), lowered, n=1, cutoff=0.6)
    listed = "one of " + ", ".join(f"`{name}`" for name in names)
    return f"`{lowered[close[0]]}`, or another {listed}" if close else listed


def raise_unless_geometry(value: Any, what: str) -> None:
    """Raise BadRequestData, with the place of the defect, unless the value is a GeoJSON geometry.

    `what` names the value in the message. TooComplexQuery is raised for one of too many positions.
    """
    kind = value.get("type") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in _DEPTHS:
        found = f"the type `{_brief(kind)}`" if isinstance(value, dict) else f"`{_brief(value)}`"
        raise BadRequestData(
            f"{what} has {found}; expected a GeoJSON geometry whose type is {_one_of(str(kind), _DEPTHS)}."
        )
    coordinates = value.get("coordinates")
    count = _count_positions(coordinates, _DEPTHS[kind], what, kind)
    if count > GEOMETRY_POINTS_MAX:
        raise TooComplexQuery(f"{what} has {count} positions; expected up to {GEOMETRY_POINTS_MAX}. Simplify it.")
    for line, place in _iter_lines(coordinates, kind):
        _raise_unless_line(line, f"{what}, {place}" if place else what, kind)


def _count_positions(value: Any, depth: int, what: str, kind: str) -> int:
    """Return how many positions there are; raises BadRequestData where the lists are not nested as the kind has it."""
    if not isinstance(value, list) or not value:
        raise BadRequestData(f"{what} has `{_brief(value)}`; the coordinates of a {kind} are {_SHAPES[kind]}.")
    if depth == 0:
        _raise_unless_position(value, what, kind)
        return 1
    return sum(_count_positions(item, depth - 1, what, kind) for item in value)


def _raise_unless_position(value: list[Any], what: str, kind: str) -> None:
    numbers = all(isinstance(number, (int, float)) and not isinstance(number, bool) for number in value)
    if not numbers or not 2 <= len(value) <= 3:
        raise BadRequestData(f"{what} has `{_brief(value)}`; the coordinates of a {kind} are {_SHAPES[kind]}.")
    longitude, latitude = value[0], value[1]
    if -180 <= longitude <= 180 and -90 <= latitude <= 90 and all(abs(number) < _FAR for number in value):
        return
    hint = " They look swapped: longitude comes first." if abs(longitude) <= 90 < abs(latitude) <= 180 else ""
    raise BadRequestData(
        f"{what} has the position {_brief(value)}, which is not on the earth; expected a longitude of -180 to 180 "
        f"and then a latitude of -90 to 90.{hint}"
    )


def _iter_lines(coordinates: Any, kind: str) -> Iterator[tuple[list[Any], str]]:
    """Yield the lists of positions that have rules of their own (lines and rings), each with its place in words."""
    if kind == "LineString":
        yield coordinates, ""
    elif kind in ("MultiLineString", "Polygon"):
        word = "ring" if kind == "Polygon" else "line"
        for number, line in enumerate(coordinates, 1):
            yield line, f"{word} {number}"
    elif kind == "MultiPolygon":
        for polygon_number, polygon in enumerate(coordinates, 1):
            for number, ring in enumerate(polygon, 1):
                yield ring, f"polygon {polygon_number}, ring {number}"


def _raise_unless_line(line: list[Any], what: str, kind: str) -> None:
    if kind in ("LineString", "MultiLineString"):
        if len(line) < 2:
            raise BadRequestData(f"{what} has {len(line)} position; a line has two or more.")
        return
    if len(line) < 4:
        raise BadRequestData(f"{what} has {len(line)} positions; a ring has four or more, the last equal to the first.")
    if line[0] != line[-1]:
        raise BadRequestData(
            f"{what} begins at {_brief(line[0])} and ends at {_brief(line[-1])}: it is not closed. "
            "Repeat the first position at the end."
        )


def distance_m(lon1: float, lat1: float, lon2: float, lat2: float) -> float:
    """Return the great-circle distance in metres."""
    phi1, phi2 = math.radians(lat1), math.radians(lat2)
    half_lat = math.sin((phi2 - phi1) / 2)
    half_lon = math.sin(math.radians(lon2 - lon1) / 2)
    chord = half_lat * half_lat + math.cos(phi1) * math.cos(phi2) * half_lon * half_lon
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(chord)))


def point_test(query: GeoQuery) -> Callable[[float, float], bool]:
    """Return whether a point (longitude, latitude) is near, for a near-query around a point.

    The same chord as in `distance_m`, compared before it is made a distance: 0.4 µs a point instead of 1.5.
    """
    longitude, latitude = (math.radians(degrees) for degrees in query.geometry["coordinates"][:2])
    cos_latitude = math.cos(latitude)
    low, high = _chord(query.distance_min_m), _chord(query.distance_max_m)
    sin, cos, radians = math.sin, math.cos, math.radians

    def is_near(lon: float, lat: float) -> bool:
        phi = radians(lat)
        half_lat = sin((phi - latitude) / 2)
        half_lon = sin((radians(lon) - longitude) / 2)
        chord = half_lat * half_lat + cos_latitude * cos(phi) * half_lon * half_lon
        return (high is None or chord <= high) and (low is None or chord > low)

    return is_near


def _chord(distance_in_m: float | None) -> float | None:
    """Return the square of half the chord that belongs to a distance along the great circle."""
    if distance_in_m is None:
        return None
    return math.sin(min(distance_in_m / (2 * EARTH_RADIUS_M), math.pi / 2)) ** 2


def bounds(geometry: dict[str, Any]) -> Bounds:
    """Return the west, south, east and north ends of a geometry, in degrees."""
    if geometry["type"] == "Point":
        longitude, latitude = geometry["coordinates"][:2]
        return longitude, latitude, longitude, latitude
    longitudes, latitudes = zip(*_iter_positions(geometry["coordinates"], _DEPTHS[geometry["type"]]), strict=True)
    return min(longitudes), min(latitudes), max(longitudes), max(latitudes)


def _iter_positions(coordinates: Any, depth: int) -> Iterator[tuple[float, float]]:
    if depth == 0:
        yield coordinates[0], coordinates[1]
    elif depth == 1:
        for position in coordinates:
            yield position[0], position[1]
    else:
        for item in coordinates:
            yield from _iter_positions(item, depth - 1)


# Room for the rounding of degrees, some 0.1 mm, and for that of distances between geometries other than points.
_SLACK_DEGREES = 1e-9
_SLACK = 1.005


def search_bounds(query: GeoQuery) -> Bounds | None:
    """Return the box that the box of every matching geometry meets, or None where there is no such box."""
    if query.relation is Relation.DISJOINT or (query.relation is Relation.NEAR and query.distance_max_m is None):
        return None
    west, south, east, north = bounds(query.geometry)
    if query.distance_max_m is None:
        return west - _SLACK_DEGREES, south - _SLACK_DEGREES, east + _SLACK_DEGREES, north + _SLACK_DEGREES
    angle = query.distance_max_m / EARTH_RADIUS_M * _SLACK
    margin = math.degrees(angle) + _SLACK_DEGREES
    south, north = south - margin, north + margin
    if south <= -90 or north >= 90 or angle >= math.pi / 2:
        # The circle holds a pole: every longitude is near.
        return -180.0, max(south, -90.0), 180.0, min(north, 90.0)
    widest = math.radians(max(abs(south + margin), abs(north - margin)))
    margin = math.degrees(math.asin(min(1.0, math.sin(angle) / math.cos(widest)))) * _SLACK + _SLACK_DEGREES
    west, east = west - margin, east + margin
    if west < -180 or east > 180:
        # What lies beyond the date line is at the other end of the map.
        return -180.0, south, 180.0, north
    return west, south, east, north


def matches_geo(query: GeoQuery, entity: Entity) -> bool:
    """Return whether a geometry of the entity's geo-property stands in the relation; False where it has none."""
    attribute = entity.get(query.geoproperty)
    if not attribute:
        return False
    test = find_test(query)
    return any(isinstance(one.get("value"), dict) and test(one["value"]) for one in instances(attribute))


class _Last(NamedTuple):
    query: GeoQuery
    test: Callable[[dict[str, Any]], bool]


_last: list[_Last] = []


def find_test(query: GeoQuery) -> Callable[[dict[str, Any]], bool]:
    """Return the test of one geometry, with the query's own geometry prepared; the last one made is kept."""
    # A list of entities is tested with one and the same query object. Assigning a slice is atomic.
    if _last and (last := _last[0]).query is query:
        return last.test
    test = _near_test(query) if query.relation is Relation.NEAR else _relation_test(query)
    _last[:] = [_Last(query, test)]
    return test


@cache
def _shapely() -> ModuleType:
    import shapely  # noqa: PLC0415 - It costs 0.2 s and 20 MB, which the hub's start does not have.

    module: ModuleType = shapely
    return module


def shape_of(geometry: dict[str, Any]) -> BaseGeometry:
    """Return the geometry as shapely has it, made valid for comparisons, in two dimensions."""
    shapely = _shapely()
    depth = _DEPTHS[geometry["type"]]
    flat = _flat(geometry["coordinates"], depth)
    made: BaseGeometry = shapely.geometry.shape({"type": geometry["type"], "coordinates": flat})
    return made if shapely.is_valid(made) else _made_valid(made)


def find_crossing(geometry: dict[str, Any]) -> tuple[float, float] | None:
    """Return a position where a polygon's border crosses or touches itself, or None. Lines may cross themselves."""
    shapely = _shapely()
    flat = _flat(geometry["coordinates"], _DEPTHS[geometry["type"]])
    told: str = shapely.is_valid_reason(shapely.geometry.shape({"type": geometry["type"], "coordinates": flat}))
    # GEOS tells the place behind the reason: `Self-intersection[100.05 -0.95]`.
    found = re.fullmatch(r"(?:Self-intersection|Ring Self-intersection|Interior is disconnected)\[(\S+) (\S+)\]", told)
    return None if found is None else (float(found[1]), float(found[2]))


def _made_valid(made: BaseGeometry) -> BaseGeometry:
    """Return what the geometry covers; what has collapsed to a line or a position is kept as that."""
    shapely = _shapely()
    try:
        valid: BaseGeometry = shapely.make_valid(made, method="structure", keep_collapsed=True)
    except shapely.errors.GEOSException:
        # GEOS 3.14 cannot join an area and a collapsed ring; so each part alone, and at last the rings as lines.
        parts = shapely.get_parts(made).tolist()
        valid = shapely.geometrycollections([_made_valid(part) for part in parts]) if len(parts) > 1 else made.boundary
    return made.boundary if valid.is_empty else valid


def _flat(coordinates: Any, depth: int) -> Any:
    return coordinates[:2] if depth == 0 else [_flat(item, depth - 1) for item in coordinates]


def _relation_test(query: GeoQuery) -> Callable[[dict[str, Any]], bool]:
    shapely = _shapely()
    reference = shape_of(query.geometry)
    shapely.prepare(reference)
    tests: dict[Relation, Callable[[BaseGeometry], bool]] = {
        # A prepared geometry is fast on the left: `target within reference` is `reference contains target`.
        Relation.WITHIN: reference.contains,
        Relation.CONTAINS: reference.within,
        Relation.INTERSECTS: reference.intersects,
        Relation.EQUALS: reference.equals,
        Relation.DISJOINT: reference.disjoint,
        Relation.OVERLAPS: reference.overlaps,
    }
    test = tests[query.relation]
    return lambda geometry: bool(test(shape_of(geometry)))


def _near_test(query: GeoQuery) -> Callable[[dict[str, Any]], bool]:
    low, high, reference = query.distance_min_m, query.distance_max_m, query.geometry
    # The box decides most of what is far, which saves the projection of its shape.
    box = search_bounds(query)

    def is_near(geometry: dict[str, Any]) -> bool:
        if box is not None and geometry["type"] != "Point" and not _meet(box, bounds(geometry)):
            return False
        metres = geometry_distance_m(geometry, reference)
        return (high is None or metres <= high) and (low is None or metres > low)

    return is_near


def _meet(one: Bounds, other: Bounds) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


def geometry_distance_m(one: dict[str, Any], other: dict[str, Any]) -> float:
    """Return the shortest distance between two geometries in metres; 0 where they meet."""
    if one["type"] == "Point" and other["type"] == "Point":
        lon1, lat1 = one["coordinates"][:2]
        lon2, lat2 = other["coordinates"][:2]
        return distance_m(lon1, lat1, lon2, lat2)
    if other["type"] == "Point":
        one, other = other, one
    return _shape_distance_m(shape_of(one), shape_of(other))


def _shape_distance_m(one: BaseGeometry, other: BaseGeometry) -> float:
    """Find the nearest positions in a local projection, and measure between them on the sphere."""
    shapely = _shapely()
    if shapely.intersects(one, other):
        return 0.0
    # Lines are straight in degrees: long ones get more positions before they are bent by the projection.
    shapes = [shapely.segmentize(made, max(0.1, made.length / 5_000)) for made in (one, other)]
    # The nearest positions in degrees are a first guess, good enough as the centre of a local projection.
    centre, _ = shapely.get_coordinates(shapely.shortest_line(*shapes)).tolist()
    projection = _Projection(*centre)
    projected = [shapely.transform(made, projection.forward) for made in shapes]
    ends = shapely.get_coordinates(shapely.shortest_line(*projected)).tolist()
    return distance_m(*projection.back(*ends[0]), *projection.back(*ends[1]))


class _Projection(NamedTuple):
    """The azimuthal equidistant projection of the sphere: distances from its centre are true, in metres."""

    longitude: float
    latitude: float

    def forward(self, positions: Any) -> Any:
        import numpy as np  # noqa: PLC0415 - It is loaded together with shapely.

        lon, lat = np.radians(positions[:, 0] - self.longitude), np.radians(positions[:, 1])
        phi = math.radians(self.latitude)
        x = np.cos(lat) * np.sin(lon)
        y = math.cos(phi) * np.sin(lat) - math.sin(phi) * np.cos(lat) * np.cos(lon)
        z = math.sin(phi) * np.sin(lat) + math.cos(phi) * np.cos(lat) * np.cos(lon)
        across = np.hypot(x, y)
        angle = np.arctan2(across, z)
        scale = np.divide(angle, across, out=np.ones_like(angle), where=across > 0) * EARTH_RADIUS_M
        return np.column_stack((x * scale, y * scale))

    def back(self, x: float, y: float) -> tuple[float, float]:
        """Return the longitude and latitude of a projected position."""
        metres = math.hypot(x, y)
        if metres == 0:
            return self.longitude, self.latitude
        angle, phi = metres / EARTH_RADIUS_M, math.radians(self.latitude)
        sine, cosine = math.sin(angle), math.cos(angle)
        north = cosine * math.sin(phi) + y / metres * sine * math.cos(phi)
        east = math.atan2(x * sine, metres * math.cos(phi) * cosine - y * math.sin(phi) * sine)
        return self.longitude + math.degrees(east), math.degrees(math.asin(max(-1.0, min(1.0, north))))


def contains_point(geometry: dict[str, Any], lon: float, lat: float) -> bool:
    """Return whether the point lies in the geometry or on its edge. For many points use `Areas`."""
    west, south, east, north = bounds(geometry)
    if not (west <= lon <= east and south <= lat <= north):
        return False
    return bool(_shapely().intersects_xy(shape_of(geometry), lon, lat))


class Areas(Generic[Key]):
    """Many areas, such as a city's kelurahan, indexed to find the one that a point is in. Never changes."""

    def __init__(self, areas: Iterable[tuple[Key, dict[str, Any]]]) -> None:
        shapely = _shapely()
        keys_and_shapes = [(key, shape_of(geometry)) for key, geometry in areas]
        self._keys: Sequence[Key] = [key for key, _ in keys_and_shapes]
        self._tree = shapely.STRtree([made for _, made in keys_and_shapes])
        shapely.prepare(self._tree.geometries)

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, lon: float, lat: float) -> Key | None:
        """Return the key of the area that the point is in, or None. On a shared edge the first one given has it."""
        return self.find_many([(lon, lat)])[0]

    def find_many(self, points: Sequence[tuple[float, float]]) -> list[Key | None]:
        """Return, for each (longitude, latitude), the key of the area that it is in, or None."""
        found: list[int | None] = [None] * len(points)
        if points and self._keys:
            pairs = self._tree.query(_shapely().points(points), predicate="intersects")
            for point, area in zip(*pairs.tolist(), strict=True):
                first = found[point]
                found[point] = area if first is None else min(first, area)
        return [None if area is None else self._keys[area] for area in found]
