"""Maps: GeoJSON files, which are held whole, Shapefiles, GeoPackages and services, which are read bit by bit."""

from __future__ import annotations

import json
import sqlite3
import struct
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import shapefile
import shapely

from tests.connect.line import Line
from tests.connect.map_services import ArcGisServer, WebFeatureServer
from tests.connect.parts.part import FilePart, Part
from tests.connect.parts.place import Place
from tests.connect.service import run_service


class GeoPart(FilePart):
    """A FeatureCollection of points."""

    kind = "geo"
    holds_whole = "GEO_FILE_BYTES_MAX"

    def fill(self, names: Mapping[int, str]) -> None:
        features = [
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [100.36, -0.95]},
                "properties": {"id": number, "nama": name},
            }
            for number, name in names.items()
        ]
        text = json.dumps({"type": "FeatureCollection", "features": features})
        self.path.write_text(text, encoding="utf-8")


@contextmanager
def geo_part(place: Place) -> Iterator[Part]:
    yield GeoPart(place.folder / "halte.geojson")


class ShapefilePart(FilePart):
    """A Shapefile of points, loose."""

    kind = "geo"

    def fill(self, names: Mapping[int, str]) -> None:
        with shapefile.Writer(str(self.path), shapeType=shapefile.POINT, encoding="utf-8") as writer:
            writer.field("id", "N", 9)
            writer.field("nama", "C", 220)
            for number, name in names.items():
                writer.point(100.36, -0.95)
                writer.record(number, name)


class PackagePart(FilePart):
    """A GeoPackage of points."""

    kind = "geo"

    def fill(self, names: Mapping[int, str]) -> None:
        self.path.unlink(missing_ok=True)
        point = b"GP\0\x01" + struct.pack("<i", 4326) + shapely.to_wkb(shapely.Point(100.36, -0.95))
        with closing(sqlite3.connect(self.path)) as database:
            database.executescript(
                "CREATE TABLE gpkg_spatial_ref_sys (srs_id, organization, organization_coordsys_id, definition);"
                "INSERT INTO gpkg_spatial_ref_sys VALUES (4326, 'EPSG', 4326, '');"
                "CREATE TABLE gpkg_geometry_columns (table_name, column_name, srs_id);"
                "INSERT INTO gpkg_geometry_columns VALUES ('halte', 'geom', 4326);"
                "CREATE TABLE halte (id INTEGER PRIMARY KEY, geom BLOB, nama TEXT);"
            )
            rows = ((number, point, name) for number, name in names.items())
            database.executemany("INSERT INTO halte VALUES (?, ?, ?)", rows)
            database.commit()


@contextmanager
def shapefile_part(place: Place) -> Iterator[Part]:
    yield ShapefilePart(place.folder / "halte.shp")


@contextmanager
def package_part(place: Place) -> Iterator[Part]:
    yield PackagePart(place.folder / "halte.gpkg")


class ServicePart(Part):
    """A service of a map behind a line that can be cut."""

    kind = "geo"

    line: Line

    def __init__(self, server: WebFeatureServer | ArcGisServer, path: str) -> None:
        self.server = server
        self._path = path

    @property
    def read(self) -> dict[str, Any]:
        return {"url": f"http://127.0.0.1:{self.line.port}{self._path}", "private": True}

    def fill(self, names: Mapping[int, str]) -> None:
        self.server.rows = [{"id": number, "nama": name} for number, name in names.items()]

    def take_away(self) -> None:
        self.line.cut()

    def bring_back(self) -> None:
        self.line.mend()


@contextmanager
def web_part(place: Place) -> Iterator[Part]:
    part = ServicePart(WebFeatureServer(), "/geoserver/wfs")
    with run_service(part.server.answer) as service, Line(service.port) as part.line:
        yield part


@contextmanager
def arcgis_part(place: Place) -> Iterator[Part]:
    part = ServicePart(ArcGisServer(), "/arcgis/rest/services/Halte/FeatureServer/0")
    with run_service(part.server.answer) as service, Line(service.port) as part.line:
        yield part


PARTS = {"geo": geo_part, "geo-shapefile": shapefile_part, "geo-geopackage": package_part}
SERVER_PARTS = {"geo-wfs": web_part, "geo-arcgis": arcgis_part}
