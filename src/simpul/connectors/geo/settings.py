"""What stands under `read:` of a `geo` source. No reading here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from simpul.connect.connector import Surroundings, check_references
from simpul.connect.fields import Field, Fields, Plain, Text
from simpul.connectors.geo.errors import INSTALL
from simpul.connectors.geo.features.encodings import find_encoding
from simpul.connectors.geo.features.projection import CoordinatesUnknown, NotInstalled, projection_from

FIELDS: Final = Fields("read of a geo source", (
    Field("path", Text("a path", check=check_references), "the file, relative to the city's folder: GeoJSON, a "
          "Shapefile (its .shp, or a .zip of all its files) or a GeoPackage", required=True),
    Field("layer", Text("the name of a layer"), "which layer, where the file has several"),
    Field("crs", Text("a coordinate system"), "the coordinate system, where the file does not say it or says it "
          "wrongly: EPSG:32747 is UTM 47S, EPSG:32748 UTM 48S, EPSG:4755 DGN95, EPSG:23877 DGN95 / UTM 47S"),
    Field("encoding", Text("an encoding"), "Shapefile: the encoding of its text, where it has no .cpg or a wrong one; "
          "such as cp1252"),
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class GeoSettings:
    """The settings, typed."""

    path: Path
    layer: str | None
    crs: str | None
    encoding: str | None


def parse_settings(plain: Plain, surroundings: Surroundings) -> GeoSettings:
    """Return the typed settings of checked ones. Raises SourceMisconfigured."""
    return GeoSettings(
        path=surroundings.path(surroundings.resolve(plain["path"])),
        layer=plain.get("layer"),
        crs=plain.get("crs"),
        encoding=plain.get("encoding"),
    )


def check(plain: Plain) -> Iterator[tuple[str, str]]:
    """Yield what is wrong beyond single keys."""
    if "encoding" in plain and find_encoding(plain["encoding"]) is None:
        yield "encoding", f"there is no encoding {plain['encoding']!r}; write utf-8, cp1252 or another one"
    try:
        projection_from(plain.get("crs", "EPSG:4326"))
    except CoordinatesUnknown as error:
        yield "crs", f"it is {error}; write EPSG: and its number, such as EPSG:32747 (UTM 47S)"
    except NotInstalled as error:
        yield "crs", f"{error} needs pyproj, which is not installed: {INSTALL}"
