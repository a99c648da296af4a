"""Reads features: one row each, from whatever form they are in. The forms have their modules in `features`."""

from __future__ import annotations

from collections.abc import Iterator

from simpul import limits
from simpul.connect.connector import BrokenRow, Reading, Row, Surroundings, open_file
from simpul.connect.fields import Plain
from simpul.connectors.geo import errors
from simpul.connectors.geo.features import BrokenFeature, Features
from simpul.connectors.geo.features.arcgis import ArcGisFeatures
from simpul.connectors.geo.features.geojson import fetch_geojson, open_geojson
from simpul.connectors.geo.features.geopackage import GeoPackage
from simpul.connectors.geo.features.pages import Wanted
from simpul.connectors.geo.features.sampling import Sampled
from simpul.connectors.geo.features.shapefile import Shapefile
from simpul.connectors.geo.features.wfs import WebFeatures
from simpul.connectors.geo.settings import GeoSettings, parse_settings

_HEAD_BYTES = 64


class GeoReading:
    """The features of one source."""

    def __init__(self, features: Features) -> None:
        self.columns = ("@id", "@geometry", *features.names)
        self.row_word = "feature"
        self.rows_expected = features.expected
        self._features = features

    def rows(self) -> Iterator[Row | BrokenRow]:
        for feature in self._features:
            if isinstance(feature, BrokenFeature):
                yield BrokenRow(*feature)
            else:
                yield Row(feature.number, (feature.id, feature.geometry, *feature.values))

    def close(self) -> None:
        self._features.close()


def open_reading(plain: Plain, surroundings: Surroundings) -> Reading:
    """Return the open features. Raises SourceUnreachable, SourceMismatch, SourceMisconfigured."""
    settings = parse_settings(plain, surroundings)
    features = _open_file(settings) if settings.wanted is None else _ask(settings.form, settings.wanted)
    return GeoReading(Sampled(features, settings.samples) if settings.samples else features)


def _ask(form: str, wanted: Wanted) -> Features:
    if form == "arcgis":
        return ArcGisFeatures(wanted)
    return WebFeatures(wanted) if form == "wfs" else fetch_geojson(wanted)


def _open_file(settings: GeoSettings) -> Features:
    """Open a file as what its content says that it is."""
    path = open_file(settings.path, limits.SOURCE_FILE_BYTES_MAX)
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES).removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith((b"PK", b"\x00\x00\x27\x0a")):
        return Shapefile(path, settings.layer, settings.crs, settings.encoding)
    if head.startswith(b"SQLite format 3\0"):
        return GeoPackage(path, settings.layer, settings.crs)
    if path.suffix.lower() in (".shp", ".zip", ".gpkg"):
        raise errors.broken_file(str(path), f"it does not begin as a {path.suffix.lower()} file does")
    if b"\0" in head:
        raise errors.not_known(path)
    return open_geojson(path, settings.crs)
