"""The compiled facts: what is counted in public is counted here too, and nothing of a real person is in them."""

from __future__ import annotations

import csv
import re
from importlib.resources import files
from pathlib import Path

import shapely
from shapely.geometry import Point, shape

from simpul.demo.compiled import NO_DATA, TRACE, iter_rain, read_boundaries, read_table, read_text

FACTS = Path(str(files("simpul.demo"))) / "facts"


def test_318_stops_have_a_place_and_row_0_stands_for_none() -> None:
    stops = read_table("stops.csv")
    assert [stop["stop"] for stop in stops if not stop["longitude"]] == ["0"]
    assert len(stops) == 319
    assert stops[0]["name"] == "Tidak Ada"


def test_one_name_ends_in_a_line_break_as_it_was_found() -> None:
    assert [stop["name"] for stop in read_table("stops.csv") if "\r\n" in stop["name"]] == ["RS Siti Rahmah\r\n"]


def test_eleven_corridors_and_their_sentinel_are_there() -> None:
    corridors = read_table("corridors.csv")
    assert len(corridors) == 12
    assert corridors[0] == {"corridor": "0", "number": "0", "name": "tidak ada"}


def test_51_stops_stand_in_water_and_39_of_them_in_more_than_a_metre() -> None:
    depths = [float(row["depth_m"]) for row in read_table("inundation.csv") if row["place"] == "halte"]
    assert len(depths) == 91
    assert sum(depth > 0.1 for depth in depths) == 51
    assert sum(depth > 1 for depth in depths) == 39


def test_34_of_62_shelters_have_no_known_capacity_and_5_no_place() -> None:
    shelters = read_table("shelters.csv")
    assert len(shelters) == 62
    assert sum(shelter["capacity"] == "0" for shelter in shelters) == 34
    assert [shelter["shelter"] for shelter in shelters if not shelter["longitude"]] == [
        "S02",
        "S03",
        "S04",
        "S18",
        "S57",
    ]


def test_ten_posts_report_rain_with_the_sentinels_of_the_real_ones() -> None:
    rows = list(iter_rain())
    cells = [row.cell for row in rows]
    assert len(rows) == 27_018
    assert len({row.post for row in rows}) == 10
    assert (cells.count(NO_DATA), cells.count(TRACE), cells.count("")) == (3_127, 850, 136)
    assert max(float(cell) for cell in cells if cell and float(cell) < 8_000) == 439
    assert (min(row.day for row in rows).year, max(row.day for row in rows).year) == (2015, 2025)


def test_the_city_has_11_kecamatan_and_104_kelurahan_of_known_code() -> None:
    districts = {row["code"] for row in read_table("kecamatan.csv")}
    sub_districts = read_table("kelurahan.csv")
    assert len(districts) == 11
    assert len(sub_districts) == 104
    assert {row["code"][:8] for row in sub_districts} == districts
    assert all(re.fullmatch(r"13\.71\.\d\d\.1\d{3}", row["code"]) for row in sub_districts)


def test_the_estimates_of_people_add_up_to_the_city() -> None:
    rows = read_table("kelurahan.csv")
    assert sum(int(row["population_estimate"]) for row in rows) == 946_982
    assert abs(sum(float(row["area_km2"]) for row in rows) - 694.3) < 0.1


def test_neighbours_share_their_borders_point_for_point() -> None:
    geometries = [shape(geometry) for geometry in read_boundaries().values()]
    assert all(geometry.is_valid for geometry in geometries)
    assert shapely.coverage_is_valid(geometries)


def test_nearly_every_stop_lies_in_exactly_one_kelurahan() -> None:
    geometries = [shape(geometry) for geometry in read_boundaries().values()]
    stops = [Point(float(stop["longitude"]), float(stop["latitude"])) for stop in read_table("stops.csv")[1:]]
    inside = [sum(geometry.covers(stop) for geometry in geometries) for stop in stops]
    assert inside.count(1) >= 317
    assert max(inside) == 1


def test_the_asset_register_has_the_defects_of_a_real_one() -> None:
    rows = read_table("assets.csv")
    pairs = {(row["code"], row["register"]) for row in rows}
    assert len(rows) == 409
    assert sum(not row["code"] for row in rows) == 70
    assert len(pairs) == 322
    assert sum(row["price"] in {"", "0"} for row in rows) == 69


def test_the_facts_are_small() -> None:
    assert sum(path.stat().st_size for path in FACTS.iterdir()) < 1_500_000


def test_no_table_has_a_column_for_a_person() -> None:
    for path in FACTS.glob("*.csv"):
        with path.open(encoding="utf-8") as file:
            columns = set(next(csv.reader(file)))
        assert not columns & {"nik", "nip", "phone", "email", "person", "responsible", "user"}, path.name
        assert not re.search(r"\b\d{16}\b", path.read_text(encoding="utf-8")), path.name


def test_every_fact_file_says_what_it_is_and_what_is_invented() -> None:
    said = read_text("README.md")
    assert all(f"`{path.name}`" in said for path in FACTS.iterdir() if path.name != "README.md")
    assert "amounts invented" in said
