"""Values of GeoTIFFs at the places of features: each is the value of the array that another library wrote."""

from __future__ import annotations

import io
import json
import math
import struct
import tracemalloc
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from simpul import limits
from simpul.connect.connector import Row, Surroundings
from simpul.connectors.geo.reader import open_reading
from simpul.connectors.geo.settings import check
from simpul.domain.errors import SourceError, SourceMisconfigured
from simpul.formats import lzw
from simpul.formats.tiff import Tiff, TiffBroken, TiffUnknown
from tests.connect.kota import Kota, csv_source

WEST, NORTH, STEP = 100.0, 0.0, 0.25
TYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float16", "float32", "float64"]


def write(path: Path, pixels: Any, epsg: int = 4326, no_data: str | None = None, **options: Any) -> Path:
    """Write a GeoTIFF whose first pixel has its corner at WEST, NORTH, in degrees."""
    key = 2048 if epsg in (4326, 4755) else 3072
    keys = (1, 1, 0, 3, 1024, 0, 1, 2 if key == 2048 else 1, 1025, 0, 1, 1, key, 0, 1, epsg)
    tags: list[Any] = [
        (33550, "d", 3, (STEP, STEP, 0.0), True), (33922, "d", 6, (0.0, 0.0, 0.0, WEST, NORTH, 0.0), True),
        (34735, "H", len(keys), keys, True),
    ]  # fmt: skip
    tags = options.pop("extratags", tags)
    tags = tags if no_data is None else [*tags, (42113, "s", 0, no_data, True)]
    tifffile.imwrite(path, pixels, metadata=None, extratags=tags, **options)
    return path


def middle(column: int, row: int) -> list[float]:
    return [WEST + (column + 0.5) * STEP, NORTH - (row + 0.5) * STEP]


def read(folder: Path, *places: Any, **sample: Any) -> list[tuple[Any, Any]]:
    """Return the value of a raster at each place, or why there is none."""
    features = [
        {"type": "Feature", "properties": {},
         "geometry": {"type": "Point", "coordinates": place} if isinstance(place, list) else place}
        for place in places
    ]  # fmt: skip
    (folder / "a.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    plain = {"path": "a.geojson", "sample": [{"column": "nilai", "raster": "a.tif", **sample}]}
    with closing(open_reading(plain, Surroundings(folder))) as reading:
        assert reading.columns == ("@id", "@geometry", "nilai", "nilai (why not)")
        return [(row.cells[2], row.cells[3]) for row in reading.rows() if isinstance(row, Row)]


def refused(folder: Path, **sample: Any) -> str:
    with pytest.raises(SourceError) as caught:
        read(folder, middle(0, 0), **sample)
    return caught.value.detail


@st.composite
def images(draw: st.DrawFn) -> tuple[Any, dict[str, Any]]:
    """Return pixels (rows, columns, bands) and how they are written."""
    kind = np.dtype(draw(st.sampled_from(TYPES)))
    rows, columns, bands = draw(st.integers(1, 40)), draw(st.integers(1, 40)), draw(st.sampled_from([1, 1, 3]))
    seed = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    raw = seed.integers(0, 256, rows * columns * bands * kind.itemsize, dtype="uint8")
    if draw(st.booleans()):
        # What comes again and again is packed in longer codes.
        raw = np.sort(raw)
    pixels = np.frombuffer(raw.tobytes(), dtype=kind).reshape(rows, columns, bands)
    compression = draw(st.sampled_from([None, "zlib", "adobe_deflate", "lzw", "packbits"]))
    predictor: int = False
    if compression in ("zlib", "adobe_deflate", "lzw"):
        predictor = draw(st.sampled_from([False, 3 if kind.kind == "f" else 2]))
    options: dict[str, Any] = {
        "compression": compression, "predictor": predictor, "byteorder": draw(st.sampled_from("<>")),
        "bigtiff": draw(st.booleans()), "photometric": "minisblack",
    }  # fmt: skip
    if draw(st.booleans()):
        options["tile"] = (16, 32)
    else:
        options["rowsperstrip"] = draw(st.integers(1, rows))
    if bands > 1 and draw(st.booleans()):
        return pixels.transpose(2, 0, 1), {**options, "planarconfig": "separate"}
    return (pixels if bands > 1 else pixels[:, :, 0]), {**options, "planarconfig": "contig"} if bands > 1 else options


@settings(max_examples=150, deadline=None)
@given(images())
def test_a_sample_is_the_value_that_was_written(image: tuple[Any, dict[str, Any]]) -> None:
    pixels, options = image
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, metadata=None, **options)
    tiff = Tiff(file)
    whole = pixels if pixels.ndim == 3 else pixels[:, :, None]
    whole = whole.transpose(1, 2, 0) if options.get("planarconfig") == "separate" else whole
    assert (tiff.height, tiff.width, tiff.bands) == whole.shape
    for row, column, band in np.ndindex(*whole.shape):
        wanted, found = whole[row, column, band].item(), tiff.sample(column, row, band)
        assert found == wanted or (math.isnan(wanted) and isinstance(found, float) and math.isnan(found))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_bytes_that_were_changed_end_in_our_errors_and_nothing_else(data: st.DataObject) -> None:
    pixels = np.arange(900, dtype="uint16").reshape(30, 30)
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, metadata=None, compression="lzw", predictor=2, tile=(16, 16))
    whole = bytearray(file.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with suppress(TiffBroken, TiffUnknown, IndexError):
        Tiff(io.BytesIO(bytes(whole[: data.draw(st.integers(0, len(whole)))]))).sample(20, 20, 0)


@given(st.binary(max_size=300))
def test_any_codes_are_unpacked_within_their_bound_or_refused(packed: bytes) -> None:
    with suppress(ValueError):
        assert len(lzw.unpack(packed, 1_000)) <= 1_000


def test_each_place_has_the_value_of_the_pixel_around_it(tmp_path: Path) -> None:
    pixels = np.arange(12, dtype="int16").reshape(3, 4)
    write(tmp_path / "a.tif", pixels, no_data="7")
    places = [middle(column, row) for row in range(3) for column in range(4)]
    found = read(tmp_path, *places)
    assert found == [(None, "the raster has no data there") if n == 7 else (n, None) for n in range(12)]
    edges = [[WEST, NORTH], [WEST + STEP, NORTH - STEP], [WEST - 1e-9, NORTH], [WEST + 4 * STEP, NORTH], [0, 0], None]
    outside = (None, "it is outside the raster")
    assert read(tmp_path, *edges) == [(0, None), (5, None), outside, outside, outside, (None, "it has no place")]


def test_lines_and_areas_are_asked_at_a_point_inside(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", np.arange(12, dtype="uint8").reshape(3, 4))
    x, y = middle(2, 1)
    area = [[x - 0.1, y - 0.1], [x + 0.1, y - 0.1], [x + 0.1, y + 0.1], [x - 0.1, y + 0.1], [x - 0.1, y - 0.1]]
    shapes: list[Any] = [
        {"type": "Polygon", "coordinates": [area]}, {"type": "LineString", "coordinates": [[x, y], [x, y]]},
        {"type": "Polygon", "coordinates": []}, {"type": "Aneh"}, {"type": "Point", "coordinates": ["a", 1]},
    ]  # fmt: skip
    none = (None, "it has no place")
    assert read(tmp_path, *shapes) == [(6, None), (6, None), none, none, none]


def test_a_raster_in_utm_is_asked_there(tmp_path: Path) -> None:
    pixels = np.arange(10_000, dtype="float32").reshape(100, 100)
    x, y = pyproj.Transformer.from_crs(4326, 32747, always_xy=True).transform(100.36, -0.95)
    tags = [(33550, "d", 3, (30.0, 30.0, 0.0), True), (33922, "d", 6, (50.0, 50.0, 0.0, x - 15, y + 15, 0.0), True),
            (34735, "H", 8, (1, 1, 0, 1, 3072, 0, 1, 32747), True)]  # fmt: skip
    write(tmp_path / "a.tif", pixels, extratags=tags, tile=(16, 16), compression="zlib", predictor=3)
    assert read(tmp_path, [100.36, -0.95]) == [(5050, None)]


def test_a_matrix_may_turn_the_raster_and_pixels_may_be_points(tmp_path: Path) -> None:
    pixels = np.arange(12, dtype="uint8").reshape(3, 4)
    # Columns run northwards, and rows eastwards.
    matrix = (0.0, STEP, 0.0, WEST, STEP, 0.0, 0.0, NORTH, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    keys = [(34735, "H", 12, (1, 1, 0, 2, 1025, 0, 1, 1, 2048, 0, 1, 4326), True)]
    write(tmp_path / "a.tif", pixels, extratags=[(34264, "d", 16, matrix, True), *keys])
    assert read(tmp_path, [WEST + 1.5 * STEP, NORTH + 2.5 * STEP]) == [(6, None)]
    keys = [(34735, "H", 12, (1, 1, 0, 2, 1025, 0, 1, 2, 2048, 0, 1, 4326), True)]
    tags = [(33550, "d", 3, (STEP, STEP, 0.0), True), (33922, "d", 6, (0.0, 0.0, 0.0, WEST, NORTH, 0.0), True), *keys]
    write(tmp_path / "a.tif", pixels, extratags=tags)
    assert read(tmp_path, [WEST + STEP, NORTH - STEP], [WEST - 0.4 * STEP, NORTH]) == [(5, None), (0, None)]


@pytest.mark.parametrize(("no_data", "value"), [("nan", math.nan), ("-3.4028234663852886e+38", -3.4028234663852886e38),
                                                ("-9999", -9999.0), ("0.1", 0.1)])  # fmt: skip
def test_what_means_no_data_is_unknown(tmp_path: Path, no_data: str, value: float) -> None:
    write(tmp_path / "a.tif", np.array([[value, 1]], dtype="float32"), no_data=no_data)
    assert read(tmp_path, middle(0, 0), middle(1, 0)) == [(None, "the raster has no data there"), (1, None)]


def test_another_band_and_another_system_can_be_said(tmp_path: Path) -> None:
    pixels = np.arange(24, dtype="uint8").reshape(3, 4, 2)
    write(tmp_path / "a.tif", pixels, epsg=32767, planarconfig="contig", photometric="minisblack")
    assert "does not name its coordinate system by a code of EPSG" in refused(tmp_path)
    assert read(tmp_path, middle(1, 2), crs="EPSG:4326", band=2) == [(19, None)]
    assert "has 2 bands, and band 3 is asked for" in refused(tmp_path, crs="EPSG:4326", band=3)


@pytest.mark.parametrize(("options", "message"), [
    ({"compression": "zstd"}, "images packed with Zstandard are not read. Convert it"),
    ({"extratags": []}, "images that do not say where they are"),
])  # fmt: skip
def test_a_raster_that_is_not_read_says_how_to_convert_it(tmp_path: Path, options: Any, message: str) -> None:
    write(tmp_path / "a.tif", np.zeros((32, 32), dtype="uint8"), **options)
    assert message in refused(tmp_path)


def test_files_that_are_none_or_were_cut_off_are_told(tmp_path: Path) -> None:
    assert "There is no file" in refused(tmp_path)
    path = write(tmp_path / "a.tif", np.arange(900, dtype="float64").reshape(30, 30))
    whole = path.read_bytes()
    for share in (0.0, 0.01, 0.5):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(SourceError, match=r"cannot be read: .* Have it sent again|do not say where"):
            read(tmp_path, middle(29, 29))


def test_only_the_parts_that_are_needed_are_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.arange(256 * 256, dtype="uint32").reshape(256, 256)
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, metadata=None, tile=(16, 16), compression="zlib")
    monkeypatch.setattr(limits, "RASTER_KEPT_BYTES_MAX", 4 * 16 * 16 * 4)
    tiff = Tiff(file)
    for place in range(256):
        assert tiff.sample(place, place, 0) == place * 257
    assert len(tiff._kept) == 4
    monkeypatch.setattr(limits, "RASTER_PART_BYTES_MAX", 1_000)
    with pytest.raises(TiffUnknown, match="images in parts of 1,024 bytes"):
        Tiff(file).sample(0, 0, 0)


def test_a_bomb_is_unpacked_no_further_than_its_part_may_be() -> None:
    file = io.BytesIO()
    tifffile.imwrite(file, np.zeros((8_000, 8_000), "uint8"), metadata=None, rowsperstrip=8_000, compression="zlib")
    assert len(file.getvalue()) < 100_000
    with pytest.raises(TiffUnknown, match="images in parts of 64,000,000 bytes"):
        Tiff(file).sample(0, 0, 0)
    # It may say that it is smaller than what it packs.
    whole = file.getvalue()
    for kind in (3, 4):
        whole = whole.replace(struct.pack("<HHII", 257, kind, 1, 8_000), struct.pack("<HHII", 257, kind, 1, 2))
    tracemalloc.start()
    try:
        tiff = Tiff(io.BytesIO(whole))
        assert (tiff.height, tiff.sample(7_999, 1, 0)) == (2, 0)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_column_that_is_there_already_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", np.zeros((3, 3), dtype="uint8"))
    (tmp_path / "b.geojson").write_text(
        '{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"nilai": 1}}]}'
    )
    plain = {"path": "b.geojson", "sample": [{"column": "nilai", "raster": "a.tif"}]}
    with pytest.raises(SourceMisconfigured, match="sample adds a column 'nilai'"):
        open_reading(plain, Surroundings(tmp_path))
    assert [key for key, _ in check({**plain, "sample": [{"column": "a", "raster": "a", "crs": "EPSG:1"}]})] == [
        "sample"
    ]


def test_values_become_attributes(kota: Kota) -> None:
    write(kota.folder / "a.tif", np.arange(12, dtype="int16").reshape(3, 4))
    features = [{"type": "Feature", "properties": {"id": n, "nama": "A"},
                 "geometry": {"type": "Point", "coordinates": middle(n, 1)}} for n in range(1, 6)]  # fmt: skip
    (kota.folder / "a.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    source = csv_source(kind="geo", read={"path": "a.geojson", "sample": [{"column": "tinggi", "raster": "a.tif"}]})
    source["entity"]["attributes"]["elevation"] = {"column": "tinggi", "number": "plain"}
    kota.declare(source)
    run = kota.sync()
    assert (run.error, run.rows_written) == (None, 5)
    assert kota.values("urn:ngsi-ld:BusStop:kota:2")["elevation"] == 6
    assert "elevation" not in kota.values("urn:ngsi-ld:BusStop:kota:5")
