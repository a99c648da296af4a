"""Web Feature Services and ArcGIS servers, on real servers that answer as their documentation says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyproj
import pytest
from shapely.geometry import shape

from simpul import limits
from simpul.connect.connector import BrokenRow, Row, Surroundings
from simpul.connectors.geo.features.arcgis import geometry_of
from simpul.connectors.geo.offers import knows, look_around
from simpul.connectors.geo.reader import open_reading
from simpul.connectors.geo.settings import check, form_of
from simpul.domain.errors import SourceError, SourceMismatch, SourceUnreachable
from simpul.formats.ows import NotOws, described_names, read_capabilities
from tests.connect.kota import Kota, csv_source
from tests.connect.map_services import ArcGisServer, WebFeatureServer, point
from tests.connect.service import Asked, Service, Told, run_service

ROWS = [{"id": number, "nama": f"Halte {number}"} for number in range(1, 8)]
LAYER = "/arcgis/rest/services/Halte/FeatureServer/0"
Serve = Callable[[Callable[[Asked], Told]], Service]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that serves what another one answers."""
    with ExitStack() as stack:
        yield lambda answer: stack.enter_context(run_service(answer))


def read(url: str, **settings: Any) -> tuple[tuple[str, ...], list[Row | BrokenRow]]:
    plain = {"url": url, "private": True, **settings}
    with closing(open_reading(plain, Surroundings(Path("/"), {"SANDI": "r:ahasia"}))) as reading:
        return reading.columns, list(reading.rows())


def names(url: str, **settings: Any) -> list[Any]:
    columns, rows = read(url, **settings)
    at = columns.index("nama")
    return [row.cells[at] for row in rows if isinstance(row, Row)]


def detail(url: str, kind: type[SourceError] = SourceMismatch, **settings: Any) -> str:
    with pytest.raises(kind) as caught:
        read(url, **settings)
    return caught.value.detail


def all_names() -> list[Any]:
    return [row["nama"] for row in ROWS]


# --- Web Feature Services


@pytest.mark.parametrize("version", ["2.0.0", "1.1.0"])
@pytest.mark.parametrize("size", [2, 3, 6, 7, 8, 100])
def test_every_feature_comes_once_in_pages_of_any_size(serve: Serve, version: str, size: int) -> None:
    server = WebFeatureServer(ROWS, version=version)
    columns, rows = read(f"{serve(server.answer).url}/geoserver/wfs", size=size)
    assert columns == ("@id", "@geometry", "id", "nama")
    assert rows == [Row(n, (f"halte.{n - 1}", point(), n, f"Halte {n}")) for n in range(1, 8)]
    features = [query for query in server.asked if query["request"] == "GetFeature"]
    assert {query["srsname"] for query in features} == {"EPSG:4326"}
    assert {query["outputformat"] for query in features} == {"application/json"}
    assert "startindex" not in features[0]


@pytest.mark.parametrize("server", [
    WebFeatureServer(ROWS, count_max=3), WebFeatureServer(ROWS, tells_count=False),
    WebFeatureServer(ROWS, tells_count=False, has_hits=False),
    WebFeatureServer(ROWS, tells_count=False, has_hits=False, count_max=3),
    WebFeatureServer(ROWS, members={"numberMatched": "unknown", "totalFeatures": "unknown"}),
    WebFeatureServer(ROWS, describes=False), WebFeatureServer(ROWS, systems=("urn:ogc:def:crs:EPSG::32747",)),
    WebFeatureServer(ROWS, formats=("text/xml; subtype=gml/3.1.1", "application/json; subtype=geojson")),
    WebFeatureServer(ROWS, formats=("GML3", "GeoJSON")),
], ids=["capped", "count-by-hits", "no-count", "no-count-capped", "unknown", "undescribed", "other-system", "mapserver",
        "qgis"])  # fmt: skip
def test_services_differ_and_are_read_all_the_same(serve: Serve, server: WebFeatureServer) -> None:
    assert names(f"{serve(server.answer).url}/wfs", size=4) == all_names()


def test_what_the_url_asks_for_already_is_asked_once(serve: Serve) -> None:
    server = WebFeatureServer(ROWS)
    asked = "map=/peta/kota.map&SERVICE=WFS&VERSION=1.0.0&REQUEST=GetCapabilities"
    url = f"{serve(server.answer).url}/cgi-bin/mapserv?{asked}"
    assert names(url) == all_names()
    assert all(query["map"] == "/peta/kota.map" for query in server.asked)


def test_a_layer_is_named_and_may_be_so_without_its_workspace(serve: Serve) -> None:
    url = f"{serve(WebFeatureServer(ROWS, layers=('dishub:halte', 'pupr:jalan', 'dishub:jalan')).answer).url}/wfs"
    assert "has 3 layers: dishub:halte, dishub:jalan, pupr:jalan. Write layer:" in detail(url)
    assert "has no layer 'jalan'" in detail(url, layer="jalan")
    assert names(url, layer="halte") == names(url, layer="dishub:halte") == all_names()


def test_a_service_that_gives_gml_alone_is_refused_with_its_formats(serve: Serve) -> None:
    url = f"{serve(WebFeatureServer(ROWS, formats=('text/xml; subtype=gml/3.2.1', 'text/javascript')).answer).url}/wfs"
    assert "does not give GeoJSON, and GML is not read (its formats: text/xml; subtype=gml/3.2.1" in detail(url)


def test_a_service_of_another_age_is_refused(serve: Serve) -> None:
    url = f"{serve(WebFeatureServer(ROWS, version='1.0.0').answer).url}/wfs"
    assert "speaks WFS 1.0.0; read are 2.0.0 and 1.1.0" in detail(url)


def test_a_message_in_place_of_features_is_told(serve: Serve) -> None:
    server = WebFeatureServer(ROWS)

    def answer(asked: Asked) -> Told:
        if asked.query.get("startIndex") and "sortBy" not in asked.query:
            return server.refuse("NoApplicableCode", "Cannot do natural order without a primary key")
        return server.answer(asked)

    url = f"{serve(answer).url}/wfs"
    assert "answers with a message instead of features: 'Cannot do natural order without" in detail(url, size=3)
    assert names(url, size=3, sort_by="id") == all_names()


@pytest.mark.parametrize(("body", "message"), [
    (b"<html><body>Masuk</body></html>", "it answers with 'html'"), (b"<!DOCTYPE html><html/>", "a page or a document"),
    (b"{}", "is no Web Feature Service: it answers with what is no XML"), (b"", "no XML"),
])  # fmt: skip
def test_what_is_no_such_service_is_told(serve: Serve, body: bytes, message: str) -> None:
    assert message in detail(f"{serve(lambda _: Told(body)).url}/wfs")


@pytest.mark.parametrize("body", [
    b'<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]><WFS_Capabilities version="2.0.0">&c;</WFS_Capabilities>',
    '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE a [<!ENTITY b "b">]><a>&b;</a>'.encode("utf-16"),
    b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', b"<a>" * 100_000,
])  # fmt: skip
def test_xml_that_declares_or_never_ends_is_refused(body: bytes) -> None:
    with pytest.raises(NotOws):
        read_capabilities(body)


def test_xml_beyond_its_bound_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "GEO_XML_BYTES_MAX", 10)
    with pytest.raises(NotOws, match="at most 10 are read"):
        described_names(b"<schema></schema>")


@pytest.mark.parametrize("size", [3, 100])
def test_features_that_go_away_while_they_are_read_end_the_run(serve: Serve, size: int) -> None:
    server = WebFeatureServer(list(ROWS), tells_count=size == 100, has_hits=False)

    def answer(asked: Asked) -> Told:
        if asked.query.get("startIndex"):
            server.rows = ROWS[1:]
        return server.answer(asked)

    url = f"{serve(answer).url}/wfs"
    if size == 100:
        assert names(url, size=size) == all_names()
    else:
        assert "changed while it was read" in detail(url, size=size)


def test_a_service_that_gives_no_pages_is_not_taken_for_whole(serve: Serve) -> None:
    server = WebFeatureServer(ROWS, knows_pages=False, count_max=3)
    assert "gives no pages" in detail(f"{serve(server.answer).url}/wfs")


def test_coordinates_in_another_system_are_placed_and_latitude_first_can_be_said(serve: Serve) -> None:
    x, y = pyproj.Transformer.from_crs(4326, 32747, always_xy=True).transform(100.36, -0.95)
    crs = {"crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32747"}}}
    server = WebFeatureServer([{"id": 1, "@": point(x, y)}], members=crs)
    (row,) = read(f"{serve(server.answer).url}/wfs")[1]
    assert isinstance(row, Row)
    assert row.cells[1]["coordinates"] == pytest.approx([100.36, -0.95])
    server = WebFeatureServer([{"id": 1, "@": point(-0.95, 100.36)}])
    (row,) = read(f"{serve(server.answer).url}/wfs", crs="urn:ogc:def:crs:EPSG::4326")[1]
    assert isinstance(row, Row)
    assert row.cells[1] == point()


# --- ArcGIS servers


@pytest.mark.parametrize("has_pages", [True, False])
@pytest.mark.parametrize("size", [2, 3, 6, 7, 100])
def test_every_feature_of_a_layer_comes_once(serve: Serve, has_pages: bool, size: int) -> None:
    server = ArcGisServer(ROWS, has_pages=has_pages, count_max=5)
    columns, rows = read(f"{serve(server.answer).url}{LAYER}", size=size)
    assert columns == ("@id", "@geometry", "id", "nama")
    assert rows == [Row(n, (n, point(), n, f"Halte {n}")) for n in range(1, 8)]
    assert {query["outSR"] for query in server.asked if "outFields" in query} == {"4326"}


@pytest.mark.parametrize("ending", ["", "/", "/query", "?f=pjson"])
def test_the_url_may_be_of_the_layer_or_of_its_query(serve: Serve, ending: str) -> None:
    assert names(f"{serve(ArcGisServer(ROWS).answer).url}{LAYER}{ending}", service="arcgis") == all_names()


def test_a_layer_of_a_service_is_named_or_numbered(serve: Serve) -> None:
    url = f"{serve(ArcGisServer(ROWS).answer).url}{LAYER}".removesuffix("/0")
    assert "has 2 layers: Halte, Koridor" in detail(url)
    assert names(url, layer="Halte") == names(url, layer="0") == all_names()
    assert "has no features" in detail(url, layer="Koridor")
    assert "did you mean 'Halte'?" in detail(url, layer="Haltr")


def test_dates_are_moments_and_numbers_too_large_for_one_stay(serve: Serve) -> None:
    fields = (("id", "esriFieldTypeOID"), ("dibuat", "esriFieldTypeDate"), ("luas", "esriFieldTypeDouble"))
    rows: list[dict[str, Any]] = [{"id": 1, "dibuat": 1_700_000_000_123, "luas": 1.5}, {"id": 2, "dibuat": -86_400_000},
            {"id": 3, "dibuat": 10**18}]  # fmt: skip
    _, found = read(f"{serve(ArcGisServer(rows, fields).answer).url}{LAYER}")
    assert [row.cells[3] for row in found if isinstance(row, Row)] == [
        datetime(2023, 11, 14, 22, 13, 20, 123_000, UTC), datetime(1969, 12, 31, tzinfo=UTC), 10**18,
    ]  # fmt: skip


@pytest.mark.parametrize(("code", "message", "kind", "expected"), [
    (498, "Invalid Token", SourceUnreachable, "refuses us (Invalid Token). Check 'auth' or the token"),
    (400, "Unable to complete operation.", SourceMismatch, "instead of features: 'Unable to complete operation.'"),
    (500, "Error performing query", SourceUnreachable, "fails (Error performing query)"),
])  # fmt: skip
def test_an_error_that_comes_with_status_200_is_one(
    serve: Serve, code: int, message: str, kind: type[SourceError], expected: str
) -> None:
    server = ArcGisServer(ROWS)
    server.meddle = lambda _: server.refuse(code, message)
    assert expected in detail(f"{serve(server.answer).url}{LAYER}", kind)


def test_a_token_goes_along_as_a_reference(serve: Serve) -> None:
    url = f"{serve(ArcGisServer(ROWS, token='r:ahasia').answer).url}{LAYER}"
    assert "refuses us (Token Required)" in detail(url, SourceUnreachable)
    assert names(url, query={"token": "${env:SANDI}"}) == all_names()


def test_old_servers_that_do_not_say_that_there_is_more_are_read_whole(serve: Serve) -> None:
    server = ArcGisServer(ROWS)
    answer = server.answer

    def silent(asked: Asked) -> Told:
        told = answer(asked)
        return Told({name: value for name, value in told.body.items() if name != "exceededTransferLimit"})

    assert names(f"{serve(silent).url}{LAYER}", size=3) == all_names()


def test_a_range_that_is_more_than_comes_at_once_is_divided(serve: Serve) -> None:
    server = ArcGisServer(ROWS, has_pages=False)

    def meddle(query: dict[str, str]) -> Told | None:
        if "outFields" in query:
            server.count_max = 2
        return None

    server.meddle = meddle
    assert names(f"{serve(server.answer).url}{LAYER}", size=5) == all_names()


@pytest.mark.parametrize("has_pages", [True, False])
def test_features_that_are_fewer_than_was_said_end_the_run(serve: Serve, has_pages: bool) -> None:
    server = ArcGisServer(list(ROWS), has_pages=has_pages, count_max=3)

    def meddle(query: dict[str, str]) -> Told | None:
        if int(query.get("resultOffset", 0)) or " AND " in query["where"]:
            server.rows = ROWS[1:]
        return None

    server.meddle = meddle
    told = detail(f"{serve(server.answer).url}{LAYER}")
    assert "changed while it was read" in told or "says that it has 7 features, and gave 6" in told


def test_a_layer_that_can_only_be_read_in_part_is_refused(serve: Serve) -> None:
    server = ArcGisServer(ROWS, (("nama", "esriFieldTypeString"),), None, has_pages=False)
    assert "cannot be read whole" in detail(f"{serve(server.answer).url}{LAYER}")


def test_coordinates_that_the_server_does_not_turn_are_turned(serve: Serve) -> None:
    x, y = pyproj.Transformer.from_crs(4326, 3857, always_xy=True).transform(100.36, -0.95)
    server = ArcGisServer([{"id": 1, "@": {"x": x, "y": y}}], system={"wkid": 102100, "latestWkid": 3857})
    (row,) = read(f"{serve(server.answer).url}{LAYER}")[1]
    assert isinstance(row, Row)
    assert row.cells[1]["coordinates"] == pytest.approx([100.36, -0.95])


def test_geometries_become_geojson() -> None:
    outer, hole = [[0, 0], [0, 9], [9, 9], [9, 0], [0, 0]], [[1, 1], [2, 1], [2, 2], [1, 2], [1, 1]]
    area = geometry_of({"rings": [outer, hole]})
    assert area is not None
    assert (area["type"], shape(area).area, shape(area).is_valid) == ("Polygon", 80, True)
    assert geometry_of({"paths": [[[0, 0, 5], [1, 1, 5]]]}) == {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}
    lines = geometry_of({"paths": [[[0, 0], [1, 1]], [[2, 2], [3, 3]]]})
    assert lines is not None
    assert lines["type"] == "MultiLineString"
    assert geometry_of({"points": [[0, 0], [1, 1]]}) == {"type": "MultiPoint", "coordinates": [[0, 0], [1, 1]]}
    empty: list[Any] = [None, {}, {"x": None, "y": None}, {"x": "NaN"}, {"rings": []}, {"paths": []}, {"points": []}]
    assert [geometry_of(one) for one in empty] == [None] * 7


def test_a_feature_that_is_none_is_kept_aside(serve: Serve) -> None:
    rows = [{"id": 1, "@": {"rings": [[["a"]]]}}, {"id": 2, "@": {"xmin": 1}}, {"id": 3, "nama": "C"}]
    _, found = read(f"{serve(ArcGisServer(rows).answer).url}{LAYER}")
    assert [type(row) for row in found] == [BrokenRow, BrokenRow, Row]


# --- What both share


def test_a_geojson_document_is_read_from_its_url(serve: Serve) -> None:
    feature = {"type": "Feature", "geometry": point(), "properties": {"nama": "A"}}
    url = serve(lambda _: Told({"type": "FeatureCollection", "features": [feature]})).url
    assert names(f"{url}/halte.geojson") == ["A"]
    assert "has the type 'Topology'" in detail(serve(lambda _: Told({"type": "Topology"})).url)


@pytest.mark.parametrize(("url", "form"), [
    ("https://a.go.id/arcgis/rest/services/X/FeatureServer/0", "arcgis"),
    ("https://a.go.id/arcgis/rest/services/X/MapServer/12/query", "arcgis"),
    ("https://a.go.id/geoserver/ows?service=WFS", "wfs"),
    ("https://a.go.id/geoserver/dishub/wfs", "wfs"), ("https://a.go.id/data/halte.geojson", None),
])  # fmt: skip
def test_what_a_url_is_shows_in_its_look(url: str, form: str | None) -> None:
    assert form_of(url) == form
    assert knows(url, Surroundings(Path("/"))) == (form is not None)


def test_a_source_has_a_path_or_a_url_and_no_secret() -> None:
    assert [key for key, _ in check({})] == ["path"]
    assert [key for key, _ in check({"path": "a", "url": "https://a/wfs"})] == ["url"]
    assert [key for key, _ in check({"path": "a", "sort_by": "id", "auth": {"token": "${env:A}"}})] == [
        "sort_by",
        "auth",
    ]
    assert [key for key, _ in check({"url": "https://a.go.id/wfs", "query": {"token": "rahasia"}})] == ["query"]


def test_layers_of_services_are_offered(serve: Serve) -> None:
    surroundings = Surroundings(Path("/"))
    web = {"url": f"{serve(WebFeatureServer(layers=('a:x', 'a:y')).answer).url}/wfs", "private": True}
    arc = {"url": f"{serve(ArcGisServer().answer).url}{LAYER}".removesuffix("/0"), "private": True}
    assert [offer.read["layer"] for offer in look_around(web, surroundings)] == ["a:x", "a:y"]
    assert [(offer.name, offer.read["layer"]) for offer in look_around(arc, surroundings)] == [
        ("Halte", "0"), ("Koridor", "3"),
    ]  # fmt: skip
    (one,) = look_around({**arc, "url": f"{arc['url']}/0"}, surroundings)
    assert (one.name, "layer" in one.read) == ("Halte", False)


def test_areas_of_a_service_become_entities(serve: Serve, kota: Kota) -> None:
    url = f"{serve(ArcGisServer(ROWS).answer).url}{LAYER}"
    kota.declare(csv_source(kind="geo", read={"url": url, "private": True}))
    run = kota.sync()
    assert (run.error, run.rows_written) == (None, 7)
    assert json.dumps(kota.values("urn:ngsi-ld:BusStop:kota:3")) == json.dumps({"name": "Halte 3"})
