"""GeoJSON files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from simpul.app import quality
from simpul.app.identity import operator
from simpul.connect.connector import BrokenRow, Row, Surroundings
from simpul.connectors.geo.reader import open_reading
from simpul.domain.errors import SourceMismatch
from tests.connect.kota import TENANT, Kota, entity_uri

SQUARE = {"type": "Polygon", "coordinates": [[[100.3, -1], [100.4, -1], [100.4, -0.9], [100.3, -0.9], [100.3, -1]]]}


def feature(code: str, geometry: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "id": code, "geometry": geometry, "properties": {"kode": code, **properties}}


def write(path: Path, *features: Any, **members: Any) -> None:
    document = {"type": "FeatureCollection", "features": list(features), **members}
    path.write_text(json.dumps(document), encoding="utf-8")


def declaration() -> dict[str, Any]:
    return {
        "source": "kelurahan",
        "agency": "dishub",
        "title": "Kelurahan",
        "kind": "geo",
        "read": {"path": "kelurahan.geojson"},
        "key": "kode",
        "entity": {
            "type": "Kelurahan",
            "id": entity_uri("Kelurahan", "{kode}"),
            "attributes": {"name": "nama", "location": {"geometry": "@geometry"}},
        },
        "rules": [{"rule": "inside", "attribute": "location", "area": "city"}],
    }


def test_features_are_rows(tmp_path: Path) -> None:
    write(tmp_path / "a.geojson", feature("1", SQUARE, nama="A"), feature("2", None, luas=3))
    reading = open_reading({"path": "a.geojson"}, Surroundings(tmp_path))
    assert reading.columns == ("@id", "@geometry", "kode", "nama", "luas")
    assert reading.rows_expected == 2
    assert list(reading.rows()) == [Row(1, ("1", SQUARE, "1", "A", None)), Row(2, ("2", None, "2", None, 3))]


def test_a_feature_that_is_none_is_kept_aside(tmp_path: Path) -> None:
    write(tmp_path / "a.geojson", feature("1", SQUARE), "bukan fitur", feature("3", SQUARE))
    rows = list(open_reading({"path": "a.geojson"}, Surroundings(tmp_path)).rows())
    assert [type(row) for row in rows] == [Row, BrokenRow, Row]
    assert rows[1].number == 2


@pytest.mark.parametrize(("text", "message"), [
    ("{", "is no GeoJSON FeatureCollection"), ("[]", "is no GeoJSON"),
    ('{"type": "Topology"}', "has the type 'Topology'"),
    ('{"type": "FeatureCollection", "features": [], "crs": {"type": "name", "properties": {"name": "EPSG:99999"}}}',
     "is in the coordinate system 'EPSG:99999', which is not known. Say which it is with crs:"),
])  # fmt: skip
def test_a_file_that_does_not_fit_is_told(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.geojson").write_text(text)
    with pytest.raises(SourceMismatch) as caught:
        open_reading({"path": "a.geojson"}, Surroundings(tmp_path))
    assert message in caught.value.detail


def test_areas_become_entities(kota: Kota) -> None:
    write(kota.folder / "kelurahan.geojson", feature("13.71.01.1001", SQUARE, nama="Belakang Pondok"))
    kota.declare(declaration())
    assert kota.sync("kelurahan").rows_written == 1
    values = kota.values(entity_uri("Kelurahan", "13.71.01.1001"))
    assert values == {"name": "Belakang Pondok", "location": SQUARE}


@pytest.mark.parametrize("severity", ["reject", "warn"])
def test_an_area_whose_border_crosses_itself_is_told_with_the_place(kota: Kota, severity: str) -> None:
    ring = [[100.0, -1.0], [100.1, -0.9], [100.1, -1.0], [100.0, -0.9], [100.0, -1.0]]
    bow_tie = {"type": "Polygon", "coordinates": [ring]}
    line = {"type": "LineString", "coordinates": ring}
    write(kota.folder / "kelurahan.geojson", feature("1", bow_tie, nama="A"), feature("2", SQUARE), feature("3", line))
    kota.declare({**declaration(), "rules": [{"rule": "no_crossing", "attribute": "location", "severity": severity}]})
    run = kota.sync("kelurahan")
    told = "location: longitude 100.05, latitude -0.95: its border crosses or touches itself there"
    assert (run.error, run.rows_rejected) == (None, 1 if severity == "reject" else 0)
    assert [reject.reason for reject in kota.rejects("kelurahan")] == [told] * run.rows_rejected
    report = kota.look(lambda hub: quality.get_quality(operator(TENANT), hub, "kelurahan")).report
    assert report is not None
    assert [sample.reason for one in report.problems for sample in one.samples] == [told]


@pytest.mark.parametrize(("geometry", "rule", "reason"), [
    ({"type": "Point", "coordinates": [1003.6, -0.95]}, "geometry", "not on the earth"),
    ({"type": "Point", "coordinates": [-0.95, 100.36]}, "geometry", "look swapped"),
    ({"type": "Point", "coordinates": [106.8, -6.2]}, "inside", "is outside the city's bounds (longitude 100.0"),
    ({"type": "Polygon", "coordinates": [[[100, -1], [100.1, -1], [100.1, -0.9]]]}, "geometry", "a ring has four"),
    ({"type": "Kotak"}, "geometry", "expected a GeoJSON geometry"),
])  # fmt: skip
def test_a_place_that_cannot_be_is_kept_aside(kota: Kota, geometry: Any, rule: str, reason: str) -> None:
    write(kota.folder / "kelurahan.geojson", feature("1", geometry, nama="A"), feature("2", SQUARE))
    kota.declare(declaration())
    run = kota.sync("kelurahan")
    (reject,) = kota.rejects("kelurahan")
    assert (run.rows_written, run.rows_rejected, reject.rule) == (1, 1, rule)
    assert reason in reject.reason
