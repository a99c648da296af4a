"""Reads GeoJSON: one row a feature. Geometries are decoded one at a time; the file itself is bounded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from simpul import limits
from simpul.connect.connector import BrokenRow, Reading, Row, Surroundings, open_file
from simpul.connect.fields import Plain
from simpul.connectors.geo.errors import not_geojson, wrong_crs, wrong_type
from simpul.connectors.geo.settings import parse_settings

_WGS_84 = ("CRS84", "EPSG::4326", "EPSG:4326", "OGC:1.3:CRS84")


class _Name(msgspec.Struct):
    name: str = ""


class _Crs(msgspec.Struct):
    properties: _Name = msgspec.field(default_factory=_Name)


class _Collection(msgspec.Struct):
    type: str = ""
    features: list[msgspec.Raw] = []
    crs: _Crs | None = None


class _Properties(msgspec.Struct):
    properties: dict[str, Any] | None = None


class _Feature(msgspec.Struct):
    id: str | int | float | None = None
    geometry: dict[str, Any] | None = None
    properties: dict[str, Any] | None = None


class GeoReading:
    """The features of one file."""

    def __init__(self, columns: tuple[str, ...], features: list[msgspec.Raw]) -> None:
        self.columns = columns
        self.row_word = "feature"
        self.rows_expected: int | None = len(features)
        self._features = features
        self._decode = msgspec.json.Decoder(_Feature).decode

    def rows(self) -> Iterator[Row | BrokenRow]:
        names = self.columns[2:]
        for number, raw in enumerate(self._features, 1):
            try:
                feature = self._decode(raw)
            except msgspec.DecodeError as error:
                yield BrokenRow(number, f"it is no GeoJSON feature: {error}", {"feature": bytes(raw)[:500].decode()})
                continue
            properties = feature.properties or {}
            yield Row(number, (feature.id, feature.geometry, *(properties.get(name) for name in names)))

    def close(self) -> None:
        self._features = []


def open_reading(plain: Plain, surroundings: Surroundings) -> Reading:
    """Return the open file. Raises SourceUnreachable, SourceMismatch."""
    path = open_file(surroundings.path(surroundings.resolve(parse_settings(plain).path)), limits.GEO_FILE_BYTES_MAX)
    try:
        collection = msgspec.json.decode(path.read_bytes().removeprefix(b"\xef\xbb\xbf"), type=_Collection)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise not_geojson(path, error) from error
    if collection.type != "FeatureCollection":
        raise wrong_type(path, collection.type)
    crs = collection.crs.properties.name if collection.crs else ""
    if crs and not crs.endswith(_WGS_84):
        raise wrong_crs(path, crs)
    return GeoReading(("@id", "@geometry", *_property_names(collection.features)), collection.features)


def _property_names(features: list[msgspec.Raw]) -> list[str]:
    decode = msgspec.json.Decoder(_Properties).decode
    names: dict[str, None] = {}
    for raw in features:
        try:
            names.update(dict.fromkeys(decode(raw).properties or ()))
        except msgspec.DecodeError:
            # `rows` keeps it aside with its reason.
            continue
        if len(names) > limits.SOURCE_COLUMNS_MAX:
            break
    return list(names)[: limits.SOURCE_COLUMNS_MAX]
