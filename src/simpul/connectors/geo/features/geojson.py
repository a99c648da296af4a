"""The features of GeoJSON, from a file or a service: held whole, within a bound; geometries are decoded singly."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import msgspec

from simpul import limits
from simpul.connect.connector import open_file
from simpul.connectors.geo import errors
from simpul.connectors.geo.features import BrokenFeature, Feature
from simpul.connectors.geo.features.pages import Asking, Wanted
from simpul.connectors.geo.features.placing import placed, projection_at
from simpul.connectors.geo.features.projection import Projection

_FORMAL: Final = re.compile(r"\Aurn:(?:x-)?ogc:def:crs:EPSG:[^:]*:", re.IGNORECASE)


class _Name(msgspec.Struct):
    name: str = ""


class _Crs(msgspec.Struct):
    properties: _Name = msgspec.field(default_factory=_Name)


class Collection(msgspec.Struct):
    """A FeatureCollection with its features as they came, and what services add to it."""

    type: str = ""
    features: list[msgspec.Raw] = []
    crs: _Crs | None = None
    matched: Any = msgspec.field(default=None, name="numberMatched")
    total: Any = msgspec.field(default=None, name="totalFeatures")


class _Properties(msgspec.Struct):
    properties: dict[str, Any] | None = None


class _Feature(msgspec.Struct):
    id: str | int | float | None = None
    geometry: dict[str, Any] | None = None
    properties: dict[str, Any] | None = None


_decode_feature = msgspec.json.Decoder(_Feature).decode
_decode_properties = msgspec.json.Decoder(_Properties).decode


class GeoJson:
    """The features of one document."""

    def __init__(self, text: bytes, where: str, crs: str | None) -> None:
        collection = read_collection(text, where)
        self._features = collection.features
        self._projection = projection_of(collection, crs, where)
        self.names = property_names(collection.features)
        self.expected: int | None = len(self._features)

    def __iter__(self) -> Iterator[Feature | BrokenFeature]:
        for number, raw in enumerate(self._features, 1):
            yield feature_of(raw, number, self.names, self._projection)

    def close(self) -> None:
        self._features = []


def open_geojson(path: Path, crs: str | None) -> GeoJson:
    """Return the features of a file. Raises SourceUnreachable, SourceMismatch."""
    open_file(path, limits.GEO_FILE_BYTES_MAX)
    return GeoJson(path.read_bytes(), str(path), crs)


def fetch_geojson(wanted: Wanted) -> GeoJson:
    """Return the features that a service gives at once. Raises SourceUnreachable, SourceMismatch."""
    with closing(Asking(wanted.service, wanted.query)) as asking:
        return GeoJson(asking.ask({}), asking.where, wanted.crs)


def read_collection(text: bytes, where: str) -> Collection:
    """Return a FeatureCollection. Raises SourceMismatch."""
    try:
        collection = msgspec.json.decode(text.removeprefix(b"\xef\xbb\xbf"), type=Collection)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise errors.not_geojson(where, error) from error
    if collection.type != "FeatureCollection":
        raise errors.wrong_type(where, collection.type)
    return collection


def projection_of(collection: Collection, crs: str | None, where: str) -> Projection | None:
    """Return how the collection's coordinates become longitude and latitude. Raises SourceMismatch."""
    told = collection.crs.properties.name if collection.crs else ""
    # The member `crs` of old GeoJSON names EPSG's codes in forms that mean longitude first all the same.
    return projection_at(crs or _FORMAL.sub("EPSG:", told), where)


def property_names(features: Sequence[msgspec.Raw]) -> tuple[str, ...]:
    """Return the names of all properties, in the order in which they first come."""
    names: dict[str, None] = {}
    for raw in features:
        try:
            names.update(dict.fromkeys(_decode_properties(raw).properties or ()))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            # Whoever reads it keeps it aside with its reason.
            continue
        if len(names) > limits.SOURCE_COLUMNS_MAX:
            break
    return tuple(names)[: limits.SOURCE_COLUMNS_MAX]


def is_same_feature(one: msgspec.Raw, other: msgspec.Raw) -> bool:
    """Return whether two features are the same; some services give each a new id each time."""
    try:
        first, second = _decode_feature(one), _decode_feature(other)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return bytes(one) == bytes(other)
    return (first.properties, first.geometry) == (second.properties, second.geometry)


def feature_of(
    raw: msgspec.Raw, number: int, names: Sequence[str], projection: Projection | None
) -> Feature | BrokenFeature:
    """Return one feature with the values of these properties."""
    try:
        feature = _decode_feature(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        shown = bytes(raw)[: limits.REJECT_CELL_CHARACTERS * 2].decode(errors="replace")
        return BrokenFeature(number, f"it is no GeoJSON feature: {error}", {"feature": shown})
    properties = feature.properties or {}
    return placed(number, feature.id, feature.geometry, [properties.get(name) for name in names], projection)
