"""Geo-predicates against shapely itself, distances against the sphere, and search boxes that lose nothing."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
import shapely
from hypothesis import assume, example, given
from hypothesis import strategies as st

from simpul.domain.errors import BadRequestData, TooComplexQuery
from simpul.domain.geo import (
    EARTH_RADIUS_M,
    Areas,
    GeoQuery,
    Relation,
    bounds,
    contains_point,
    distance_m,
    find_test,
    geometry_distance_m,
    parse_geo_query,
    raise_unless_geometry,
    search_bounds,
)

Position = tuple[float, float]

# A coarse grid makes shared corners and edges likely.
GRID = st.tuples(st.integers(-4, 4), st.integers(-4, 4)).map(lambda p: [p[0] / 2, p[1] / 2])


def ring(positions: list[list[float]]) -> list[list[float]]:
    return [*positions, positions[0]]


RINGS = st.lists(GRID, min_size=3, max_size=6).map(ring)
POLYGONS = st.lists(RINGS, min_size=1, max_size=1)
LINES = st.lists(GRID, min_size=2, max_size=4)
GEOMETRIES = st.one_of(
    GRID.map(lambda c: {"type": "Point", "coordinates": c}),
    st.lists(GRID, min_size=1, max_size=3).map(lambda c: {"type": "MultiPoint", "coordinates": c}),
    LINES.map(lambda c: {"type": "LineString", "coordinates": c}),
    st.lists(LINES, min_size=1, max_size=2).map(lambda c: {"type": "MultiLineString", "coordinates": c}),
    POLYGONS.map(lambda c: {"type": "Polygon", "coordinates": c}),
    st.lists(POLYGONS, min_size=1, max_size=2).map(lambda c: {"type": "MultiPolygon", "coordinates": c}),
)
TOPOLOGICAL = [relation for relation in Relation if relation is not Relation.NEAR]
LONGITUDES, LATITUDES = st.floats(-180, 180), st.floats(-90, 90)
POSITIONS = st.tuples(LONGITUDES, LATITUDES)


def as_shapely(geometry: dict[str, Any]) -> shapely.Geometry:
    made = shapely.from_geojson(json.dumps(geometry))
    if shapely.is_valid(made):
        return made
    try:
        return shapely.make_valid(made, method="structure", keep_collapsed=True)
    except shapely.errors.GEOSException:
        # A defect of the oracle's own; `test_every_accepted_geometry_can_be_compared` is about such shapes.
        assume(False)


def point(position: Position) -> dict[str, Any]:
    return {"type": "Point", "coordinates": list(position)}


@given(st.sampled_from(TOPOLOGICAL), GEOMETRIES, GEOMETRIES)
def test_relations_are_shapelys(relation: Relation, reference: dict[str, Any], target: dict[str, Any]) -> None:
    expected = bool(getattr(as_shapely(target), relation.value)(as_shapely(reference)))
    assert find_test(GeoQuery(relation, reference, "l"))(target) is expected


COLLAPSED = {"type": "MultiPolygon", "coordinates": [[[[0, 0.5]] * 4], [[[0, 0], [0, -0.5], [0.5, 0], [0, 0]]]]}


@given(st.sampled_from(TOPOLOGICAL), GEOMETRIES, GEOMETRIES)
@example(Relation.WITHIN, COLLAPSED, COLLAPSED)
def test_every_accepted_geometry_can_be_compared(
    relation: Relation, reference: dict[str, Any], target: dict[str, Any]
) -> None:
    assert find_test(GeoQuery(relation, reference, "l"))(target) in (True, False)
    assert geometry_distance_m(reference, target) >= 0
    assert contains_point(target, 0.5, 0.5) in (True, False)


@given(st.sampled_from(TOPOLOGICAL), GEOMETRIES, GEOMETRIES)
def test_a_search_box_loses_no_match(relation: Relation, reference: dict[str, Any], target: dict[str, Any]) -> None:
    query = GeoQuery(relation, reference, "l")
    box = search_bounds(query)
    if box is not None and find_test(query)(target):
        assert meet(box, bounds(target))


def meet(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


@given(POSITIONS, st.floats(0, 2 * math.pi), st.floats(0, 1), st.floats(1, 2e7))
def test_a_search_box_loses_no_near_point(centre: Position, bearing: float, part: float, metres: float) -> None:
    target = destination(centre, bearing, metres * part)
    query = GeoQuery(Relation.NEAR, point(centre), "l", None, metres)
    box = search_bounds(query)
    assert box is not None
    if find_test(query)(point(target)):
        assert meet(box, (*target, *target))


def destination(start: Position, bearing: float, metres: float) -> Position:
    """Return where one arrives on a great circle."""
    angle, phi = metres / EARTH_RADIUS_M, math.radians(start[1])
    sine = math.sin(phi) * math.cos(angle) + math.cos(phi) * math.sin(angle) * math.cos(bearing)
    latitude = math.asin(max(-1.0, min(1.0, sine)))
    east = math.sin(bearing) * math.sin(angle) * math.cos(phi)
    longitude = start[0] + math.degrees(math.atan2(east, math.cos(angle) - math.sin(phi) * math.sin(latitude)))
    return (longitude + 180) % 360 - 180, math.degrees(latitude)


@given(GEOMETRIES, GEOMETRIES, st.sampled_from([0, 45, 70, 85]), st.floats(1, 500_000))
def test_a_search_box_loses_no_near_shape(
    reference: dict[str, Any], target: dict[str, Any], north: int, metres: float
) -> None:
    reference, target = moved(reference, north), moved(target, north)
    query = GeoQuery(Relation.NEAR, reference, "l", None, metres)
    box = search_bounds(query)
    assert box is not None
    is_near = geometry_distance_m(target, reference) <= metres
    assert find_test(query)(target) is is_near
    assert meet(box, bounds(target)) or not is_near


def moved(geometry: dict[str, Any], north: int) -> dict[str, Any]:
    return {"type": geometry["type"], "coordinates": moved_positions(geometry["coordinates"], north)}


def moved_positions(coordinates: Any, north: int) -> Any:
    if isinstance(coordinates[0], list):
        return [moved_positions(item, north) for item in coordinates]
    return [coordinates[0], coordinates[1] + north]


@given(POSITIONS, POSITIONS)
def test_the_distance_is_the_angle_between_two_directions(one: Position, other: Position) -> None:
    metres = distance_m(*one, *other)
    assert metres == pytest.approx(distance_m(*other, *one), abs=1e-6)
    left, right = direction(one), direction(other)
    chord = math.dist(left, right)
    assert metres == pytest.approx(2 * EARTH_RADIUS_M * math.asin(min(1, chord / 2)), abs=1, rel=1e-6)


def direction(position: Position) -> tuple[float, float, float]:
    lon, lat = map(math.radians, position)
    return math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)


@given(LINES, LINES, st.sampled_from([0, 45, 70, 85]))
def test_the_distance_between_lines_is_that_of_their_nearest_positions(
    one: list[list[float]], other: list[list[float]], north: int
) -> None:
    first = moved({"type": "LineString", "coordinates": one}, north)
    second = moved({"type": "LineString", "coordinates": other}, north)
    metres = geometry_distance_m(first, second)
    nearest = min(distance_m(*left, *right) for left in samples(first) for right in samples(second))
    # Samples lie up to some 8 km from the nearest position along each line.
    assert metres <= nearest * 1.001 + 1
    assert metres >= nearest * 0.999 - 16_000


def samples(line: dict[str, Any]) -> list[Position]:
    return [
        (start[0] + (end[0] - start[0]) * step / 40, start[1] + (end[1] - start[1]) * step / 40)
        for start, end in pairwise(line["coordinates"])
        for step in range(41)
    ]


@given(st.lists(POLYGONS, max_size=6), st.lists(GRID, max_size=6))
def test_areas_agree_with_looking_at_each(polygons: list[Any], points: list[list[float]]) -> None:
    shapes = [{"type": "Polygon", "coordinates": polygon} for polygon in polygons]
    areas = Areas(enumerate(shapes))
    for position, found in zip(points, areas.find_many([(x, y) for x, y in points]), strict=True):
        inside = (number for number, shape in enumerate(shapes) if contains_point(shape, *position))
        assert found == next(inside, None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from(["Point", "MultiPoint", "LineString", "Polygon", "MultiPolygon", "x"]), JSON)
def test_any_value_is_a_geometry_or_is_refused(kind: str, coordinates: Any) -> None:
    with suppress(BadRequestData, TooComplexQuery):
        raise_unless_geometry({"type": kind, "coordinates": coordinates}, "`location`")
    with suppress(BadRequestData, TooComplexQuery):
        parse_geo_query("within", kind, json.dumps(coordinates), "l")


@given(st.text(max_size=40), st.text(max_size=20), st.text(max_size=40))
def test_any_parameters_are_a_geo_query_or_are_refused(georel: str, kind: str, coordinates: str) -> None:
    for relation in (georel, f"near;maxDistance=={georel}"):
        with suppress(BadRequestData, TooComplexQuery):
            parse_geo_query(relation, kind, coordinates, "l")
        with suppress(BadRequestData, TooComplexQuery):
            parse_geo_query(relation, "Point", coordinates, "l")
