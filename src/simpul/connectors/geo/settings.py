"""What stands under `read:` of a `geo` source. No reading here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from simpul import limits
from simpul.connect.connector import Surroundings, check_references
from simpul.connect.fields import Choice, Field, Fields, Integer, ListOf, Plain, Text
from simpul.connect.service import ASKING, MANNERS, QUERY, REFERRING, check_service, parse_service, url_field
from simpul.connectors.geo.errors import INSTALL
from simpul.connectors.geo.features.encodings import find_encoding
from simpul.connectors.geo.features.pages import Wanted
from simpul.connectors.geo.features.projection import CoordinatesUnknown, NotInstalled, projection_from
from simpul.connectors.geo.features.sampling import Sample

_FORMS: Final = ("wfs", "arcgis", "geojson")
_ARCGIS: Final = re.compile(r"/(?:Feature|Map)Server(?:/\d+)?(?:/query)?/?\Z", re.IGNORECASE)
_WFS: Final = re.compile(r"(?:\A|[/&?_=-])wfs(?:\Z|[/&?_=-])", re.IGNORECASE)

_SAMPLE: Final = Fields("sample", (
    Field("column", Text("the name of a column"), "the name of the new column", required=True),
    Field("raster", Text("a path", check=check_references), "the file (GeoTIFF), relative to the city's folder",
          required=True),
    Field("band", Integer(1, 65_535), "which band, from 1; default 1"),
    Field("crs", Text("a coordinate system"), "the raster's coordinate system, where it does not name it"),
))  # fmt: skip

FIELDS: Final = Fields("read of a geo source", (
    Field("path", Text("a path", check=check_references), "the file, relative to the city's folder: GeoJSON, a "
          "Shapefile (its .shp, or a .zip of all its files) or a GeoPackage"),
    url_field("or where a service is: a Web Feature Service (WFS 2.0.0, 1.1.0), a layer of an ArcGIS server "
              "(…/FeatureServer/0, …/MapServer/0), or a GeoJSON document", required=False),
    Field("service", Choice(_FORMS), "what the URL is, where it does not show it"),
    Field("layer", Text("the name of a layer"), "which layer, where the file or the service has several"),
    Field("where", REFERRING, "ArcGIS: which features, as a condition of SQL: `KECAMATAN = 'Koto Tangah'`"),
    Field("sort_by", Text("the name of a column"), "WFS: the column to sort by, where the layer has no order of its "
          "own and so gives no pages"),
    Field("size", Integer(2, limits.GEO_PAGE_FEATURES_MAX), "WFS and ArcGIS: how many features a page has; default: "
          f"{limits.GEO_PAGE_FEATURES:,}, or what the server says"),
    Field("crs", Text("a coordinate system"), "the coordinate system, where it is not told or told wrongly: EPSG:32747 "
          "is UTM 47S, EPSG:32748 UTM 48S, EPSG:4755 DGN95, EPSG:23877 DGN95 / UTM 47S; the long name "
          "urn:ogc:def:crs:EPSG::4326 says that the latitude comes first"),
    Field("encoding", Text("an encoding"), "Shapefile: the encoding of its text, where it has no .cpg or a wrong one; "
          "such as cp1252"),
    Field("sample", ListOf(_SAMPLE, 1, limits.RASTERS_PER_SOURCE_MAX), "new columns with the values of rasters at the "
          "places of the features"),
    QUERY,
    *ASKING,
    *MANNERS,
))  # fmt: skip
# What means nothing where a file is read.
_OF_SERVICES: Final = (
    "service",
    "where",
    "sort_by",
    "size",
    QUERY.name,
    *(field.name for field in (*ASKING, *MANNERS)),
)


@dataclass(frozen=True, slots=True)
class GeoSettings:
    """The settings, typed. Where a service is asked, the path means nothing."""

    path: Path
    layer: str | None
    crs: str | None
    encoding: str | None
    form: str
    """What the service is: `wfs`, `arcgis` or `geojson`."""
    wanted: Wanted | None
    samples: tuple[Sample, ...]


def form_of(url: str) -> str | None:
    """Return what a URL is by its look: `arcgis`, `wfs`, or None where it does not show it."""
    parts = urlsplit(url)
    if _ARCGIS.search(parts.path):
        return "arcgis"
    return "wfs" if _WFS.search(f"{parts.path}?{parts.query}") else None


def parse_settings(plain: Plain, surroundings: Surroundings) -> GeoSettings:
    """Return the typed settings of checked ones. Raises SourceMisconfigured."""
    wanted = _wanted(plain, surroundings) if "url" in plain else None
    return GeoSettings(
        path=surroundings.path(surroundings.resolve(plain.get("path", ""))),
        layer=plain.get("layer"),
        crs=plain.get("crs"),
        encoding=plain.get("encoding"),
        form=plain.get("service") or (form_of(wanted.service.url) if wanted is not None else None) or "geojson",
        wanted=wanted,
        samples=tuple(
            Sample(
                one["column"],
                surroundings.path(surroundings.resolve(one["raster"])),
                one.get("band", 1),
                one.get("crs"),
            )
            for one in plain.get("sample", ())
        ),
    )


def _wanted(plain: Plain, surroundings: Surroundings) -> Wanted:
    return Wanted(
        service=parse_service(plain, surroundings, {"accept": "application/json, */*;q=0.5"}),
        query={name: surroundings.resolve(value) for name, value in plain.get("query", {}).items()},
        layer=plain.get("layer"),
        crs=plain.get("crs"),
        size=plain.get("size"),
        where=surroundings.resolve(plain["where"]) if "where" in plain else None,
        sort_by=plain.get("sort_by"),
    )


def check(plain: Plain) -> Iterator[tuple[str, str]]:
    """Yield what is wrong beyond single keys."""
    if ("path" in plain) == ("url" in plain):
        key = "url" if "url" in plain else "path"
        yield key, "a geo source needs either 'path' (a file) or 'url' (a service)"
    elif "path" in plain:
        for name in _OF_SERVICES:
            if name in plain:
                yield name, f"'{name}' is for services, and 'path' names a file; write 'url' for a service"
    yield from check_service(plain)
    if "encoding" in plain and find_encoding(plain["encoding"]) is None:
        yield "encoding", f"there is no encoding {plain['encoding']!r}; write utf-8, cp1252 or another one"
    for key, system in (("crs", plain.get("crs")), *(("sample", one.get("crs")) for one in plain.get("sample", ()))):
        try:
            projection_from(system or "EPSG:4326")
        except CoordinatesUnknown as error:
            yield key, f"it is {error}; write EPSG: and its number, such as EPSG:32747 (UTM 47S)"
        except NotInstalled as error:
            yield key, f"{error} needs pyproj, which is not installed: {INSTALL}"
