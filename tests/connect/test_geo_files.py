"""Shapefiles and GeoPackages, in the coordinate systems that agencies' maps are in, whole and broken."""

from __future__ import annotations

import io
import json
import sqlite3
import struct
import sys
import zipfile
from contextlib import closing, suppress
from datetime import date
from pathlib import Path
from typing import Any

import pyproj
import pytest
import shapefile
import shapely
from shapely.geometry import shape

from simpul import limits
from simpul.connect.connector import BrokenRow, Row, Surroundings
from simpul.connectors.geo.features.projection import projection_from
from simpul.connectors.geo.offers import knows, look_around
from simpul.connectors.geo.reader import open_reading
from simpul.connectors.geo.settings import check
from simpul.domain.errors import SourceError, SourceMisconfigured, SourceMismatch, SourceUnreachable
from simpul.formats.rings import polygons_of

PADANG = (100.3605, -0.9490)
ENDINGS = (".shp", ".shx", ".dbf", ".prj", ".cpg")


def to_system(epsg: int, longitude: float, latitude: float) -> tuple[float, float]:
    x, y = pyproj.Transformer.from_crs(4326, epsg, always_xy=True).transform(longitude, latitude)
    return float(x), float(y)


def write_points(path: Path, names: list[Any], epsg: int = 4326, encoding: str = "utf-8") -> Path:
    """Write a Shapefile with a point east of Padang for each name."""
    with shapefile.Writer(str(path), shapeType=shapefile.POINT, encoding=encoding) as writer:
        writer.field("id", "N", 9)
        writer.field("nama", "C", 80)
        writer.field("luas", "N", 12, 3)
        writer.field("dibuat", "D")
        writer.field("aktif", "L")
        for number, name in enumerate(names, 1):
            writer.point(*to_system(epsg, PADANG[0] + number / 1_000, PADANG[1]))
            writer.record(number, name, number / 4, date(2024, 2, 29), number % 2 == 1)
    path.with_suffix(".prj").write_text(pyproj.CRS.from_epsg(epsg).to_wkt("WKT1_ESRI"))
    path.with_suffix(".cpg").write_text(encoding)
    return path.with_suffix(".shp")


def pack(shp: Path, target: Path, folder: str = "") -> Path:
    with zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED) as archive:
        for ending in ENDINGS:
            archive.write(shp.with_suffix(ending), f"{folder}{shp.stem}{ending}")
    return target


def read(path: Path, **settings: Any) -> tuple[tuple[str, ...], list[Row | BrokenRow]]:
    with closing(open_reading({"path": path.name, **settings}, Surroundings(path.parent))) as reading:
        return reading.columns, list(reading.rows())


def refused(path: Path, **settings: Any) -> str:
    with pytest.raises(SourceError) as caught:
        read(path, **settings)
    return caught.value.detail


def cells(row: Row | BrokenRow) -> Any:
    assert isinstance(row, Row), row
    return row.cells


# --- Shapefiles


def test_the_features_of_a_shapefile_are_rows_with_typed_values(tmp_path: Path) -> None:
    columns, rows = read(write_points(tmp_path / "halte", ["Halte Élok", "Pasar Raya"]))
    assert columns == ("@id", "@geometry", "id", "nama", "luas", "dibuat", "aktif")
    geometry = {"type": "Point", "coordinates": [pytest.approx(100.3615), pytest.approx(-0.949)]}
    assert cells(rows[0]) == (None, geometry, 1, "Halte Élok", 0.25, date(2024, 2, 29), True)
    assert [row.number for row in rows] == [1, 2]


@pytest.mark.parametrize("epsg", [32747, 32748, 4755, 23877, 3857, 9470])
def test_coordinates_of_other_systems_become_longitude_and_latitude(tmp_path: Path, epsg: int) -> None:
    _, rows = read(write_points(tmp_path / "halte", ["A"], epsg))
    assert cells(rows[0])[1]["coordinates"] == pytest.approx([100.3615, -0.949], abs=2e-5)


def test_the_system_that_the_source_says_counts(tmp_path: Path) -> None:
    path = write_points(tmp_path / "halte", ["A"], 32747)
    path.with_suffix(".prj").unlink()
    assert "is no .prj" in refused(path)
    assert "EPSG:32747" in refused(path)
    _, rows = read(path, crs="EPSG:32747")
    assert cells(rows[0])[1]["coordinates"] == pytest.approx([100.3615, -0.949])


@pytest.mark.parametrize(("text", "message"), [
    ("bukan sistem", "which is not known"),
    ('GEOGCS["Aneh",DATUM["Aneh",SPHEROID["Bessel",6377397.155,299.15]],PRIMEM["Greenwich",0],UNIT["Degree",0.01745]]',
     "whose datum is not known"),
])  # fmt: skip
def test_a_system_that_nobody_knows_is_refused_and_not_guessed(tmp_path: Path, text: str, message: str) -> None:
    path = write_points(tmp_path / "halte", ["A"])
    path.with_suffix(".prj").write_text(text)
    assert message in refused(path)


def test_without_its_library_another_system_is_refused_with_the_name_of_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    degrees, metres = write_points(tmp_path / "halte", ["A"]), write_points(tmp_path / "utm", ["A"], 32747)
    projection_from.cache_clear()
    monkeypatch.setitem(sys.modules, "pyproj", None)
    assert cells(read(degrees)[1][0])[1]["coordinates"] == pytest.approx([100.3615, -0.949])
    assert "needs pyproj, which is not installed. Install it where simpul runs: pip install 'simpul[geo]'" in refused(
        metres
    )
    ((key, message),) = check({"path": "a.shp", "crs": "EPSG:32747"})
    assert (key, message) == ("crs", "EPSG:32747 needs pyproj, which is not installed: pip install 'simpul[geo]'")


def test_what_is_wrong_with_a_declaration_is_told_before_it_is_read() -> None:
    assert list(check({"path": "a.shp", "crs": "EPSG:32747", "encoding": "cp1252"})) == []
    assert [key for key, _ in check({"path": "a.shp", "crs": "EPSG:1", "encoding": "base64"})] == ["encoding", "crs"]


def test_coordinates_that_are_nowhere_are_kept_aside(tmp_path: Path) -> None:
    path = write_points(tmp_path / "halte", ["A", "B"], 32747)
    whole = bytearray(path.read_bytes())
    whole[112:128] = struct.pack("<2d", 1e30, 1e30)
    path.write_bytes(whole)
    _, rows = read(path)
    assert isinstance(rows[0], BrokenRow)
    assert "is nowhere on the earth" in rows[0].reason
    assert cells(rows[1])[3] == "B"


@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ("cp1252", "1252"),
        ("cp1252", "ANSI 1252"),
        ("iso8859-1", "88591"),
        ("iso8859-1", "8859-1"),
        ("utf-8", "65001"),
        ("utf-8", "UTF-8\r\n"),
    ],
)
def test_the_encoding_is_that_of_the_cpg_however_it_is_written(tmp_path: Path, encoding: str, told: str) -> None:
    path = write_points(tmp_path / "halte", ["Café ½"], encoding=encoding)
    path.with_suffix(".cpg").write_text(told)
    _, rows = read(path)
    assert cells(rows[0])[3] == "Café ½"


def test_text_in_another_encoding_is_kept_aside_and_the_source_can_say_it(tmp_path: Path) -> None:
    path = write_points(tmp_path / "halte", ["Café", "Pasar"], encoding="cp1252")
    path.with_suffix(".cpg").unlink()
    _, rows = read(path)
    assert isinstance(rows[0], BrokenRow)
    assert "the text of nama is not utf-8 (byte 0xe9); say its encoding" in rows[0].reason
    _, rows = read(path, encoding="cp1252")
    assert [cells(row)[3] for row in rows] == ["Café", "Pasar"]
    for aneh in ("aneh", "base64", "zlib", "utf-16", "undefined", "idna"):
        with pytest.raises(SourceMisconfigured, match=f"no encoding '{aneh}'"):
            read(path, encoding=aneh)


def test_areas_have_their_holes_and_parts_and_run_the_way_of_geojson(tmp_path: Path) -> None:
    outer = [[0, 0], [0, 9], [9, 9], [9, 0], [0, 0]]
    hole = [[1, 1], [2, 1], [2, 2], [1, 2], [1, 1]]
    island = [[20, 0], [20, 1], [21, 1], [21, 0], [20, 0]]
    with shapefile.Writer(str(tmp_path / "area"), shapeType=shapefile.POLYGON) as writer:
        writer.field("id", "N")
        for rings in ([outer], [outer, hole], [outer, hole, island]):
            writer.poly(rings)
            writer.record(1)
        writer.null()
        writer.record(4)
    _, rows = read(tmp_path / "area.shp")
    found = [cells(row)[1] for row in rows]
    assert [one and one["type"] for one in found] == ["Polygon", "Polygon", "MultiPolygon", None]
    assert [len(polygon) for polygon in found[2]["coordinates"]] == [2, 1]
    assert [shape(one).area for one in found[:3]] == [81, 80, 81]
    assert all(shapely.is_ccw(shape(one).exterior) for one in found[:2])


def test_a_hole_belongs_to_the_smallest_area_around_it_even_where_they_touch() -> None:
    island, lake = box(0, 0, 9, 9), box(1, 1, 8, 8)
    inner, pond = box(2, 2, 7, 7), [[2.0, 2.0], [4.0, 2.5], [2.5, 4.0], [2.0, 2.0]]
    found = polygons_of([clockwise(inner), counter(pond), clockwise(island), counter(lake)])
    assert found is not None
    assert sorted(shape({"type": "Polygon", "coordinates": one}).area for one in found["coordinates"]) == [
        pytest.approx(23.125),
        32,
    ]
    assert shape(found).is_valid


def test_rings_in_wrong_directions_are_put_into_each_other_all_the_same() -> None:
    found = polygons_of([counter(box(0, 0, 9, 9)), clockwise(box(1, 1, 2, 2)), counter(box(20, 0, 21, 1))])
    assert found is not None
    assert (shape(found).area, shape(found).is_valid) == (81, True)
    assert polygons_of([counter(box(0, 0, 9, 9))]) == {"type": "Polygon", "coordinates": [counter(box(0, 0, 9, 9))]}


def test_a_shape_of_rings_without_end_is_kept_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "GEO_RING_PAIRS_MAX", 3)
    with shapefile.Writer(str(tmp_path / "area"), shapeType=shapefile.POLYGON) as writer:
        writer.field("id", "N")
        writer.poly([clockwise(box(n, 0, n + 1, 1)) for n in (0, 2)] + [counter(box(n, 0, n + 1, 1)) for n in (0, 2)])
        writer.record(1)
    (row,) = read(tmp_path / "area.shp")[1]
    assert isinstance(row, BrokenRow)
    assert "too many rings" in row.reason


def box(west: int, south: int, east: int, north: int) -> list[list[float]]:
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def counter(ring: list[list[float]]) -> list[list[float]]:
    return ring


def clockwise(ring: list[list[float]]) -> list[list[float]]:
    return ring[::-1]


def test_lines_and_many_points_are_geometries(tmp_path: Path) -> None:
    with shapefile.Writer(str(tmp_path / "line"), shapeType=shapefile.POLYLINEZ) as writer:
        writer.field("id", "N")
        writer.linez([[[0, 0, 7], [1, 1, 8]]])
        writer.record(1)
        writer.linez([[[0, 0, 7], [1, 1, 8]], [[2, 2, 7], [3, 3, 8]]])
        writer.record(2)
    with shapefile.Writer(str(tmp_path / "many"), shapeType=shapefile.MULTIPOINT) as writer:
        writer.field("id", "N")
        writer.multipoint([[0, 0], [1, 1]])
        writer.record(1)
    _, lines = read(tmp_path / "line.shp")
    _, many = read(tmp_path / "many.shp")
    assert cells(lines[0])[1] == {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}
    assert cells(lines[1])[1]["type"] == "MultiLineString"
    assert cells(many[0])[1] == {"type": "MultiPoint", "coordinates": [[0, 0], [1, 1]]}


def test_a_number_that_is_none_stays_as_it_is_written(tmp_path: Path) -> None:
    path = write_points(tmp_path / "halte", ["A"])
    dbf = path.with_suffix(".dbf")
    dbf.write_bytes(dbf.read_bytes().replace(b"       0.250", b"   0,25 kira"))
    _, rows = read(path)
    assert cells(rows[0])[4] == "0,25 kira"


def test_a_deleted_record_is_none_and_the_others_keep_their_shapes(tmp_path: Path) -> None:
    path = write_points(tmp_path / "halte", ["A", "B", "C"])
    dbf = bytearray(path.with_suffix(".dbf").read_bytes())
    header, length = struct.unpack("<HH", dbf[8:12])
    dbf[header + length] = ord("*")
    path.with_suffix(".dbf").write_bytes(dbf)
    _, rows = read(path)
    found = [(row.number, cells(row)[3], cells(row)[1]["coordinates"][0]) for row in rows]
    assert found == [(1, "A", pytest.approx(100.3615)), (3, "C", pytest.approx(100.3635))]


def test_it_is_read_without_its_index_too(tmp_path: Path) -> None:
    path = write_points(tmp_path / "halte", ["A", "B"])
    path.with_suffix(".shx").unlink()
    assert [cells(row)[3] for row in read(path)[1]] == ["A", "B"]


def test_endings_in_capitals_are_found(tmp_path: Path) -> None:
    path = write_points(tmp_path / "HALTE", ["A"], 32747)
    for ending in ENDINGS:
        path.with_suffix(ending).rename(path.with_suffix(ending.upper()))
    assert len(read(path.with_suffix(".SHP"))[1]) == 1


@pytest.mark.parametrize(("ending", "message"), [
    (".dbf", "halte.dbf is missing: it holds the values"), (".shp", "There is no file"),
])  # fmt: skip
def test_a_missing_part_is_named(tmp_path: Path, ending: str, message: str) -> None:
    path = write_points(tmp_path / "halte", ["A"])
    path.with_suffix(ending).unlink()
    assert message in refused(path)


@pytest.mark.parametrize("ending", [".shp", ".dbf", ".shx"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_a_file_that_was_cut_off_never_counts_as_all_of_it(tmp_path: Path, ending: str, share: float) -> None:
    path = write_points(tmp_path / "halte", ["A", "B", "C", "D"])
    part = path.with_suffix(ending)
    part.write_bytes(part.read_bytes()[: int(part.stat().st_size * share)])
    refused(path)


def test_parts_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    path = write_points(tmp_path / "halte", ["A", "B"])
    other = write_points(tmp_path / "lain", ["A", "B", "C"])
    other.with_suffix(".dbf").replace(path.with_suffix(".dbf"))
    assert "2 shapes and 3 records" in refused(path)


def test_bytes_that_were_changed_end_in_our_errors_and_nothing_else(tmp_path: Path) -> None:
    path = write_points(tmp_path / "halte", ["A", "B", "C"], 32747)
    for ending in (".shp", ".dbf", ".shx"):
        part = path.with_suffix(ending)
        whole = part.read_bytes()
        for place in range(0, len(whole), 7):
            part.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
            with suppress(SourceError):
                read(path)
        part.write_bytes(whole)


# --- Zips


def test_a_zip_is_read_as_its_shapefile(tmp_path: Path) -> None:
    shp = write_points(tmp_path / "Halte", ["A", "B"], 23877)
    path = pack(shp, tmp_path / "kiriman.zip", "Data Spasial/")
    columns, rows = read(path)
    assert columns[2:4] == ("id", "nama")
    assert [cells(row)[3] for row in rows] == ["A", "B"]
    assert cells(rows[0])[1]["coordinates"] == pytest.approx([100.3615, -0.949], abs=2e-5)


def test_a_layer_of_several_has_to_be_named(tmp_path: Path) -> None:
    for name in ("halte", "koridor"):
        path = pack(write_points(tmp_path / name, [name]), tmp_path / "semua.zip")
    assert "has 2 layers: halte, koridor. Write layer:" in refused(path)
    assert "did you mean 'koridor'?" in refused(path, layer="koridr")
    assert cells(read(path, layer="Koridor")[1][0])[3] == "koridor"


def test_layers_of_one_name_in_two_folders_are_told_by_their_folders(tmp_path: Path) -> None:
    for name in ("2024", "2025"):
        (tmp_path / name).mkdir()
        path = pack(write_points(tmp_path / name / "halte", [name]), tmp_path / "semua.zip", f"{name}/")
    assert "has 2 layers: 2024/halte, 2025/halte" in refused(path)
    assert cells(read(path, layer="2025/halte")[1][0])[3] == "2025"


def test_a_zip_with_a_list_of_files_without_end_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = pack(write_points(tmp_path / "halte", ["A"]), tmp_path / "a.zip")
    monkeypatch.setattr(limits, "ZIP_DIRECTORY_BYTES_MAX", 100)
    assert "the zip is damaged (its list of files is too long)" in refused(path)
    assert not knows(path.name, Surroundings(tmp_path))


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bom.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for ending in (".shp", ".shx", ".dbf"):
            archive.writestr(f"bom{ending}", bytes(300 * 1024 * 1024) if ending == ".shp" else b"")
    assert path.stat().st_size < 1024 * 1024
    assert "packs bom.shp more than 200 times smaller than it is" in refused(path)
    monkeypatch.setattr(limits, "GEO_UNPACKED_BYTES_MAX", 1_000)
    assert "at most 1,000 bytes are unpacked" in refused(path)


@pytest.mark.parametrize("content", [b"PK\x03\x04 and then nothing", b""])
def test_a_zip_that_is_none_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    assert "Have it sent again" in refused(path)


def test_a_damaged_member_is_told(tmp_path: Path) -> None:
    path = pack(write_points(tmp_path / "halte", ["A"] * 300), tmp_path / "a.zip")
    whole = bytearray(path.read_bytes())
    whole[60:200] = bytes(140)
    path.write_bytes(whole)
    assert "Have it sent again" in refused(path)


def test_a_zip_without_a_shapefile_is_told(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("baca.txt", "halo")
    (tmp_path / "a.zip").write_bytes(buffer.getvalue())
    assert "holds no .shp" in refused(tmp_path / "a.zip")


# --- GeoPackages


def write_package(path: Path, epsg: int = 4326, layers: tuple[str, ...] = ("halte",)) -> Path:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(
            "CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT, srs_id INTEGER, organization TEXT,"
            " organization_coordsys_id INTEGER, definition TEXT);"
            "CREATE TABLE gpkg_contents (table_name TEXT, data_type TEXT, srs_id INTEGER);"
            "CREATE TABLE gpkg_geometry_columns (table_name TEXT, column_name TEXT, srs_id INTEGER);"
        )
        database.execute("INSERT INTO gpkg_spatial_ref_sys VALUES ('s', ?, 'EPSG', ?, '')", (epsg, epsg))
        for layer in layers:
            table = layer.replace('"', '""')
            database.execute(f'CREATE TABLE "{table}" (fid INTEGER PRIMARY KEY, geom BLOB, nama TEXT, luas REAL)')
            database.execute("INSERT INTO gpkg_contents VALUES (?, 'features', ?)", (layer, epsg))
            database.execute("INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', ?)", (layer, epsg))
            point = shapely.Point(*to_system(epsg, *PADANG))
            head = b"GP\0\x03" + struct.pack("<i4d", epsg, point.x, point.x, point.y, point.y)
            rows = [
                (head + shapely.to_wkb(point), "Halte É", 1.5),
                (b"GP\0\x11" + struct.pack("<i", epsg), "kosong", None),
                (None, "tanpa", None),
                (b"GP\0\x01....rusak", "rusak", None),
            ]
            database.executemany(f'INSERT INTO "{table}" (geom, nama, luas) VALUES (?, ?, ?)', rows)
        database.commit()
    return path


@pytest.mark.parametrize("epsg", [4326, 32747])
def test_the_features_of_a_geopackage_are_rows(tmp_path: Path, epsg: int) -> None:
    columns, rows = read(write_package(tmp_path / "kota.gpkg", epsg))
    assert columns == ("@id", "@geometry", "fid", "nama", "luas")
    placed = {"type": "Point", "coordinates": pytest.approx(list(PADANG))}
    assert cells(rows[0]) == (1, placed, 1, "Halte É", 1.5)
    assert [cells(row)[1] for row in rows[1:3]] == [None, None]
    assert isinstance(rows[3], BrokenRow)
    assert "its geometry is damaged" in rows[3].reason


def test_a_layer_of_a_geopackage_has_to_be_named_where_there_are_several(tmp_path: Path) -> None:
    path = write_package(tmp_path / "kota.gpkg", layers=("halte", 'aneh"; DROP TABLE halte; --'))
    assert "has 2 layers" in refused(path)
    assert "has no layer 'halt'" in refused(path, layer="halt")
    assert len(read(path, layer="halte")[1]) == 4
    assert len(read(path, layer='aneh"; DROP TABLE halte; --')[1]) == 4


def test_a_geopackage_is_not_written_to(tmp_path: Path) -> None:
    path = write_package(tmp_path / "kota.gpkg")
    path.chmod(0o444)
    before = path.read_bytes()
    read(path)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["kota.gpkg"]


def test_a_layer_that_takes_without_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_package(tmp_path / "kota.gpkg")
    with closing(sqlite3.connect(path)) as database:
        database.executescript(
            "CREATE VIEW tanpa_akhir AS WITH RECURSIVE n (fid, geom) AS"
            " (SELECT 1, NULL UNION ALL SELECT fid + 1, NULL FROM n) SELECT fid, geom FROM n WHERE fid < 0;"
            "INSERT INTO gpkg_geometry_columns VALUES ('tanpa_akhir', 'geom', 4326);"
        )
    monkeypatch.setattr(limits, "SOURCE_TIMEOUT_SECONDS", 0.2)
    assert "gave no feature for 0.2 s" in refused(path, layer="tanpa_akhir")


def test_another_database_is_told_apart(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "a.gpkg")) as database:
        database.execute("CREATE TABLE halte (id)")
    assert "is an SQLite database and no GeoPackage. Read it with kind: sql" in refused(tmp_path / "a.gpkg")


def test_a_geopackage_that_was_cut_off_is_told(tmp_path: Path) -> None:
    path = write_package(tmp_path / "kota.gpkg")
    path.write_bytes(path.read_bytes()[:5_000])
    assert "cannot be read" in refused(path)


# --- What a file is


def test_a_file_is_known_by_its_content(tmp_path: Path) -> None:
    write_package(tmp_path / "kota.gpkg").rename(tmp_path / "kota.json")
    assert len(read(tmp_path / "kota.json")[1]) == 4
    (tmp_path / "gambar.json").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0")
    assert "none of the forms that a geo source reads" in refused(tmp_path / "gambar.json")
    (tmp_path / "a.shp").write_bytes(b"{}")
    assert "does not begin as a .shp file does" in refused(tmp_path / "a.shp")


@pytest.mark.parametrize("feature", [
    '{"type": "Feature", "properties": ' + '{"a":' * 5_000 + "1" + "}" * 5_000 + "}",
    '{"type": "Feature", "properties": {"nama": "\udcff"}}',
])  # fmt: skip
def test_a_feature_that_cannot_be_decoded_is_kept_aside_or_the_file_refused(tmp_path: Path, feature: str) -> None:
    text = '{"type": "FeatureCollection", "features": [' + feature + ', {"type": "Feature", "properties": {"a": 1}}]}'
    (tmp_path / "a.geojson").write_bytes(text.encode("utf-8", "surrogateescape"))
    with suppress(SourceMismatch):
        assert [type(row) for row in read(tmp_path / "a.geojson")[1]] == [BrokenRow, Row]


def test_layers_are_offered(tmp_path: Path) -> None:
    surroundings = Surroundings(tmp_path)
    shp = write_points(tmp_path / "halte", ["A"])
    pack(shp, tmp_path / "satu.zip")
    for name in ("halte", "koridor"):
        pack(write_points(tmp_path / name, [name]), tmp_path / "dua.zip")
    write_package(tmp_path / "kota.gpkg", layers=("halte", "taman"))
    with zipfile.ZipFile(tmp_path / "lain.zip", "w") as archive:
        archive.writestr("a.sql", "")
    found = {}
    for path in sorted(tmp_path.iterdir()):
        if knows(path.name, surroundings):
            found[path.name] = [offer.read.get("layer") for offer in look_around({"path": path.name}, surroundings)]
    assert found == {
        "dua.zip": ["halte", "koridor"], "halte.shp": [None], "koridor.shp": [None], "kota.gpkg": ["halte", "taman"],
        "satu.zip": [None],
    }  # fmt: skip


def test_geojson_in_another_system_is_placed(tmp_path: Path) -> None:
    feature = {"type": "Feature", "properties": {}, "geometry": {
        "type": "MultiPoint", "coordinates": [to_system(32747, *PADANG)]}}  # fmt: skip
    collection = {"type": "FeatureCollection", "features": [feature],
                  "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32747"}}}  # fmt: skip
    (tmp_path / "a.geojson").write_text(json.dumps(collection))
    _, rows = read(tmp_path / "a.geojson")
    assert cells(rows[0])[1]["coordinates"] == [pytest.approx(list(PADANG))]


# --- Real areas


@pytest.mark.parametrize("epsg", [32747, 23877])
def test_real_areas_come_back_from_a_shapefile_in_utm_as_they_were(tmp_path: Path, real_data: Path, epsg: int) -> None:
    boundaries = real_data / "boundaries/padang_kelurahan.geojson"
    features = json.loads(boundaries.read_text(encoding="utf-8"))["features"]
    transform = pyproj.Transformer.from_crs(4326, epsg, always_xy=True).transform
    with shapefile.Writer(str(tmp_path / "kelurahan"), shapeType=shapefile.POLYGON) as writer:
        writer.field("nomor", "N")
        for number, feature in enumerate(features):
            turned = shapely.transform(shape(feature["geometry"]), transform, interleaved=False)
            writer.shape(json.loads(shapely.to_geojson(turned)))
            writer.record(number)
    (tmp_path / "kelurahan.prj").write_text(pyproj.CRS.from_epsg(epsg).to_wkt("WKT1_ESRI"))
    _, rows = read(tmp_path / "kelurahan.shp")
    assert len(rows) == len(features) > 90
    for row, feature in zip(rows, features, strict=True):
        found, wanted = shape(cells(row)[1]), shape(feature["geometry"])
        assert found.symmetric_difference(wanted).area < wanted.area * 1e-3


def test_what_is_not_there_is_unreachable(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreachable):
        read(tmp_path / "tidak-ada.zip")
    with pytest.raises(SourceMismatch):
        read(write_points(tmp_path / "a", []), crs="EPSG:1")
