"""Geometries and geo-queries (CIM 009 §4.10): what is understood, what is refused, and what matches."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from simpul.domain.errors import BadRequestData, TooComplexQuery
from simpul.domain.geo import (
    Areas,
    Relation,
    bounds,
    contains_point,
    distance_m,
    geometry_distance_m,
    matches_geo,
    parse_geo_query,
    raise_unless_geometry,
    search_bounds,
)
from simpul.limits import GEOMETRY_POINTS_MAX

SQUARE = [[[100, -1], [101, -1], [101, 0], [100, 0], [100, -1]]]
BOW_TIE = [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]]


def geometry(kind: str, coordinates: Any) -> dict[str, Any]:
    return {"type": kind, "coordinates": coordinates}


def point(lon: float, lat: float) -> dict[str, Any]:
    return geometry("Point", [lon, lat])


def holds(georel: str, reference: dict[str, Any], target: dict[str, Any]) -> bool:
    query = parse_geo_query(georel, reference["type"], reference["coordinates"], "e:location")
    return matches_geo(query, {"id": "urn:a", "e:location": {"type": "GeoProperty", "value": target}})


def test_a_geo_query_is_parsed_from_its_four_parameters() -> None:
    query = parse_geo_query("near;maxDistance==2000", "Point", "[100.36, -0.95]", "e:location")
    assert query.relation is Relation.NEAR
    assert query.geometry == point(100.36, -0.95)
    assert (query.distance_min_m, query.distance_max_m) == (None, 2000.0)
    far = parse_geo_query("near;minDistance==2.5e3", "Point", [1, 2], "e:location")
    assert (far.distance_min_m, far.distance_max_m) == (2500.0, None)


@pytest.mark.parametrize(("georel", "kind", "coordinates", "expected"), [
    ("nera;maxDistance==1", "Point", "[1,2]", "expected `near`"),
    ("contians", "Point", "[1,2]", "expected `contains`"),
    ("", "Point", "[1,2]", "one of `near`"),
    ("near", "Point", "[1,2]", "near;maxDistance==<metres>"),
    ("near;maxDistance=5", "Point", "[1,2]", "maxDistance==<metres>"),
    ("near;distance==5", "Point", "[1,2]", "maxDistance==<metres>"),
    ("near;maxDistance==5;maxDistance==6", "Point", "[1,2]", "near;maxDistance==<metres>"),
    # The grammar of CIM 009 §4.10 has one distance.
    ("near;minDistance==1e2;maxDistance==2.5e3", "Point", "[1,2]", "near;maxDistance==<metres>"),
    ("near;maxDistance==0", "Point", "[1,2]", "above 0"),
    ("near;maxDistance==-5", "Point", "[1,2]", "above 0"),
    ("near;maxDistance==1e999", "Point", "[1,2]", "above 0"),
    ("near;maxDistance==2km", "Point", "[1,2]", "above 0"),
    ("within;maxDistance==5", "Point", "[1,2]", "`within` alone"),
    ("within", "polygon", "[1,2]", "expected `Polygon`"),
    ("within", "GeometryCollection", "[1,2]", "one of `Point`"),
    ("within", "Point", "[1", "not JSON"),
    ("within", "Point", "{}", "one position"),
    ("within", "Point", "[]", "one position"),
    ("within", "Point", "[1]", "one position"),
    ("within", "Point", "[1,2,3,4]", "one position"),
    ("within", "Point", '["1","2"]', "one position"),
    ("within", "Point", "[true,false]", "one position"),
    ("within", "Point", "[NaN,1]", "not on the earth"),
    ("within", "Point", "[1,2,1" + "0" * 400 + "]", "not on the earth"),
    ("within", "Point", "[-0.95,100.36]", "longitude comes first"),
    ("within", "Point", "[200,100]", "not on the earth"),
    ("within", "LineString", "[[1,2]]", "a line has two or more"),
    ("within", "Polygon", "[[1,2],[3,4]]", "a list of rings"),
    ("within", "Polygon", "[[[1,2],[2,3],[1,2]]]", "ring 1 has 3 positions"),
    ("within", "Polygon", "[[[1,2],[2,3],[1,3],[1,4]]]", "it is not closed"),
    ("within", "MultiPolygon", "[[[[1,2],[2,3],[1,3],[1,4]]]]", "polygon 1, ring 1"),
])  # fmt: skip
def test_a_wrong_geo_query_is_refused_with_what_would_be_right(
    georel: str, kind: str, coordinates: str, expected: str
) -> None:
    with pytest.raises(BadRequestData) as refused:
        parse_geo_query(georel, kind, coordinates, "e:location")
    assert expected in refused.value.detail


def test_deeply_nested_coordinates_are_refused() -> None:
    with pytest.raises(BadRequestData):
        parse_geo_query("within", "Point", "[" * 8_000 + "]" * 8_000, "e:location")


def test_a_geometry_with_too_many_positions_is_too_complex() -> None:
    with pytest.raises(TooComplexQuery):
        raise_unless_geometry(geometry("MultiPoint", [[1, 2]] * (GEOMETRY_POINTS_MAX + 1)), "`location`")


@pytest.mark.parametrize("value", [None, "POINT(1 2)", [1, 2], {}, {"type": 5}, {"type": "Point"}, {"type": ["Point"]}])
def test_what_is_no_geometry_is_refused(value: Any) -> None:
    with pytest.raises(BadRequestData) as refused:
        raise_unless_geometry(value, "`location`")
    assert refused.value.detail.startswith("`location` has ")


@pytest.mark.parametrize("value", [
    point(180, 90),
    geometry("Point", [100.36, -0.95, 12.5]),
    geometry("MultiPoint", [[1, 2]]),
    geometry("LineString", [[1, 2], [3, 4]]),
    geometry("MultiLineString", [[[1, 2], [3, 4]]]),
    geometry("Polygon", SQUARE),
    geometry("Polygon", BOW_TIE),
    geometry("MultiPolygon", [SQUARE, BOW_TIE]),
])  # fmt: skip
def test_every_kind_of_geometry_is_accepted(value: dict[str, Any]) -> None:
    raise_unless_geometry(value, "`location`")


@pytest.mark.parametrize(("georel", "reference", "target", "expected"), [
    ("within", geometry("Polygon", SQUARE), point(100.5, -0.5), True),
    ("within", geometry("Polygon", SQUARE), point(99, -0.5), False),
    ("within", geometry("Polygon", SQUARE), point(100, -0.5), False),
    ("intersects", geometry("Polygon", SQUARE), point(100, -0.5), True),
    ("contains", point(100.5, -0.5), geometry("Polygon", SQUARE), True),
    ("contains", geometry("Polygon", SQUARE), point(100.5, -0.5), False),
    ("disjoint", geometry("Polygon", SQUARE), point(99, -0.5), True),
    ("disjoint", geometry("Polygon", SQUARE), point(100.5, -0.5), False),
    ("equals", geometry("LineString", [[0, 0], [1, 1]]), geometry("LineString", [[1, 1], [0, 0]]), True),
    ("equals", point(1, 1), geometry("Point", [1, 1, 7]), True),
    ("overlaps", geometry("Polygon", SQUARE), geometry("LineString", [[99, 0], [102, -1]]), False),
    ("overlaps", geometry("LineString", [[0, 0], [2, 0]]), geometry("LineString", [[1, 0], [3, 0]]), True),
    ("within", geometry("Polygon", BOW_TIE), point(0.2, 1), True),
    ("within", geometry("Polygon", BOW_TIE), point(1, 0.2), False),
    ("near;maxDistance==1112", point(100.36, -0.95), point(100.37, -0.95), True),
    ("near;maxDistance==1111", point(100.36, -0.95), point(100.37, -0.95), False),
    ("near;minDistance==1111", point(100.36, -0.95), point(100.37, -0.95), True),
    ("near;minDistance==1112", point(100.36, -0.95), point(100.37, -0.95), False),
    ("near;maxDistance==1", geometry("Polygon", SQUARE), point(100.5, -0.5), True),
    ("near;maxDistance==1200", point(99.99, -0.5), geometry("Polygon", SQUARE), True),
    ("near;maxDistance==1000", point(99.99, -0.5), geometry("Polygon", SQUARE), False),
])  # fmt: skip
def test_a_relation_holds_or_does_not(
    georel: str, reference: dict[str, Any], target: dict[str, Any], expected: bool
) -> None:
    assert holds(georel, reference, target) is expected


def test_an_entity_without_the_geo_property_never_matches() -> None:
    query = parse_geo_query("disjoint", "Point", "[1,2]", "e:location")
    assert not matches_geo(query, {"id": "urn:a"})
    assert not matches_geo(query, {"id": "urn:a", "e:location": {"type": "Relationship", "object": "urn:b"}})


def test_any_instance_of_the_geo_property_may_match() -> None:
    query = parse_geo_query("within", "Polygon", SQUARE, "e:location")
    many = [{"value": point(99, 0)}, {"value": point(100.5, -0.5), "datasetId": "urn:d"}]
    assert matches_geo(query, {"id": "urn:a", "e:location": many})


def test_distances_are_great_circles() -> None:
    # Padang to Jakarta.
    assert distance_m(100.354, -0.949, 106.845, -6.208) == pytest.approx(928_400, rel=0.001)
    assert distance_m(179.9, 0, -179.9, 0) == pytest.approx(22_239, rel=0.001)
    assert distance_m(0, 0, 180, 0) == pytest.approx(20_015_114, rel=1e-6)


@pytest.mark.parametrize(("one", "other", "metres"), [
    (point(100.36, -0.95), geometry("LineString", [[100.37, -1], [100.37, 0]]), 1_111.8),
    (point(0, 60), geometry("LineString", [[-5, 60.1], [5, 60.1]]), 11_119.5),
    (geometry("Polygon", SQUARE), geometry("LineString", [[101.01, -1], [101.01, 0]]), 1_111.8),
    (point(100.5, -0.5), geometry("Polygon", SQUARE), 0.0),
    (point(0, 0), geometry("MultiPoint", [[5, 5], [0, 0.01]]), 1_111.95),
])  # fmt: skip
def test_the_distance_to_a_shape_is_the_shortest(one: dict[str, Any], other: dict[str, Any], metres: float) -> None:
    assert geometry_distance_m(one, other) == pytest.approx(metres, rel=0.001)
    assert geometry_distance_m(other, one) == pytest.approx(metres, rel=0.001)


def test_near_reaches_across_the_date_line() -> None:
    assert geometry_distance_m(point(179.9, 0), geometry("LineString", [[-179.9, -1], [-179.9, 1]])) == pytest.approx(
        22_239, rel=0.001
    )


def test_bounds_are_west_south_east_north() -> None:
    assert bounds(geometry("MultiPolygon", [SQUARE, BOW_TIE])) == (0, -1, 101, 2)
    assert bounds(geometry("Point", [1, 2, 3])) == (1, 2, 1, 2)


def test_a_search_stays_around_its_place() -> None:
    near = search_bounds(parse_geo_query("near;maxDistance==2000", "Point", "[100.36,-0.95]", "e:l"))
    assert near is not None
    assert near == pytest.approx((100.342, -0.968, 100.378, -0.932), abs=0.001)
    assert search_bounds(parse_geo_query("within", "Polygon", SQUARE, "e:l")) == pytest.approx(
        (100, -1, 101, 0), abs=1e-8
    )


@pytest.mark.parametrize("georel", ["disjoint", "near;minDistance==5"])
def test_a_search_for_what_is_elsewhere_has_no_bounds(georel: str) -> None:
    assert search_bounds(parse_geo_query(georel, "Point", "[1,2]", "e:l")) is None


def test_a_search_near_a_pole_or_the_date_line_covers_every_longitude() -> None:
    pole = search_bounds(parse_geo_query("near;maxDistance==200000", "Point", "[10,89]", "e:l"))
    line = search_bounds(parse_geo_query("near;maxDistance==200000", "Point", "[179.5,0]", "e:l"))
    assert pole is not None
    assert line is not None
    assert (pole[0], pole[2], pole[3]) == (-180, 180, 90)
    assert (line[0], line[2]) == (-180, 180)


def test_areas_find_the_one_that_a_point_is_in() -> None:
    west = [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]
    east = [[[1, 0], [2, 0], [2, 1], [1, 1], [1, 0]]]
    areas = Areas([("west", geometry("Polygon", west)), ("east", geometry("MultiPolygon", [east]))])
    assert len(areas) == 2
    assert areas.find_many([(0.5, 0.5), (1.5, 0.5), (1, 0.5), (9, 9)]) == ["west", "east", "west", None]
    assert areas.find(1.5, 0.5) == "east"
    assert Areas[str]([]).find(0, 0) is None


def test_a_geometry_contains_the_points_on_its_edge() -> None:
    assert contains_point(geometry("Polygon", SQUARE), 100, -0.5)
    assert not contains_point(geometry("Polygon", SQUARE), 99.999, -0.5)


def test_questions_about_points_do_not_load_shapely() -> None:
    code = (
        "import sys; from simpul.domain import q, match, geo;"
        "query = geo.parse_geo_query('near;maxDistance==9', 'Point', '[1,2]', 'l');"
        "geo.matches_geo(query, {'l': {'value': {'type': 'Point', 'coordinates': [1, 2]}}});"
        "geo.search_bounds(query); sys.exit('shapely' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
