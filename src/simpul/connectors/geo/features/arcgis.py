"""The features of a layer of an ArcGIS server (FeatureServer or MapServer), page by page, in the server's own JSON.

A server that knows no pages is asked for the numbers of all features first, and then for one range of numbers after
another. Errors come with status 200 there, and dates as milliseconds since 1970 (UTC).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

import msgspec

from simpul import limits
from simpul.connectors.geo import errors
from simpul.connectors.geo.features import BrokenFeature, Feature
from simpul.connectors.geo.features.pages import Asking, Page, Wanted, in_pages
from simpul.connectors.geo.features.placing import placed, projection_at
from simpul.connectors.geo.features.projection import Projection
from simpul.domain.errors import SourceError
from simpul.formats.rings import TooManyRings, polygons_of

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_REFUSED: Final = frozenset({401, 403, 498, 499})
_EPSG_MAX: Final = 32_767
_NO_GEOMETRY: Final = (ValueError, KeyError, TypeError, IndexError, TooManyRings)


class _Error(msgspec.Struct):
    code: int | None = None
    message: str | None = None
    details: list[Any] | None = None


class _Named(msgspec.Struct):
    name: str = ""
    id: int | None = None


class _Field(msgspec.Struct):
    name: str
    type: str = ""


class _Abilities(msgspec.Struct):
    pages: bool | None = msgspec.field(default=None, name="supportsPagination")
    order: bool | None = msgspec.field(default=None, name="supportsOrderBy")


class Layer(msgspec.Struct):
    """What a server says of a layer, or of a service with its layers."""

    name: str = ""
    fields: list[_Field] | None = None
    layers: list[_Named] | None = None
    tables: list[_Named] | None = None
    id_field: str | None = msgspec.field(default=None, name="objectIdField")
    page_size: int | None = msgspec.field(default=None, name="maxRecordCount")
    abilities: _Abilities | None = msgspec.field(default=None, name="advancedQueryCapabilities")
    error: _Error | None = None


class _System(msgspec.Struct):
    wkid: int | None = None
    latest: int | None = msgspec.field(default=None, name="latestWkid")
    wkt: str | None = None


class _Answer(msgspec.Struct):
    features: list[msgspec.Raw] | None = None
    system: _System | None = msgspec.field(default=None, name="spatialReference")
    has_more: bool | None = msgspec.field(default=None, name="exceededTransferLimit")
    ids: list[int] | None = msgspec.field(default=None, name="objectIds")
    count: int | None = None
    error: _Error | None = None


class _Feature(msgspec.Struct):
    attributes: dict[str, Any] | None = None
    geometry: dict[str, Any] | None = None


_Told = TypeVar("_Told", Layer, _Answer)


class ArcGisFeatures:
    """The features of one layer."""

    def __init__(self, wanted: Wanted) -> None:
        self._crs = wanted.crs
        self._condition = wanted.where or "1=1"
        self._told: _System | None = None
        self._projections: dict[str, Projection | None] = {}
        self._asking = _asking(wanted)
        try:
            self._open(wanted.layer, wanted.size)
        except BaseException:
            self._asking.close()
            raise

    def _open(self, wanted: str | None, size: int | None) -> None:
        found, self._below = layer_of(self._asking, wanted)
        fields = found.fields or []
        id_field = found.id_field or next((one.name for one in fields if one.type == "esriFieldTypeOID"), None)
        self._id_field = id_field
        named = {one.name: one.type for one in fields if one.type != "esriFieldTypeGeometry"}
        self._columns = list(named.items())[: limits.SOURCE_COLUMNS_MAX]
        self.names = tuple(name for name, _ in self._columns)
        abilities = found.abilities or _Abilities()
        self._has_pages = bool(abilities.pages)
        if not self._has_pages and id_field is None:
            raise errors.no_pages(self._asking.where)
        self._size = min(
            size or found.page_size or limits.GEO_PAGE_FEATURES, found.page_size or limits.GEO_PAGE_FEATURES_MAX
        )
        self._order = {"orderByFields": id_field} if id_field is not None and abilities.order is not False else {}
        self.expected = self._ask({"returnCountOnly": "true"}, self._condition).count

    def _ask(self, parameters: Mapping[str, str], condition: str) -> _Answer:
        below = f"{self._below}/query" if self._below else "query"
        body = self._asking.ask({"where": condition, "f": "json", **parameters}, below)
        return _decoded(body, _Answer, self._asking.where)

    def _features(self, parameters: Mapping[str, str], condition: str) -> _Answer:
        wanted = {"outFields": "*", "returnGeometry": "true", "outSR": "4326"}
        answer = self._ask({**wanted, **parameters}, condition)
        self._told = answer.system
        return answer

    def __iter__(self) -> Iterator[Feature | BrokenFeature]:
        number = 0
        for raw in self._in_pages() if self._has_pages else self._in_ranges():
            number += 1
            yield self._feature(number, raw)
        if self.expected is not None and number < self.expected:
            raise errors.missing_features(self._asking.where, self.expected, number)

    def _in_pages(self) -> Iterator[msgspec.Raw]:
        return in_pages(self._page(0), self._page, self._is_same, self._asking.where)

    def _page(self, start: int) -> Page:
        size = max(2, self._size)
        place = {"resultOffset": str(start), "resultRecordCount": str(size)}
        answer = self._features({**self._order, **place}, self._condition)
        found = answer.features or []
        # A page may be short, and not the last one; old servers do not say either that there is more.
        is_last = not answer.has_more and (self.expected is None or start + len(found) >= self.expected)
        return Page(found, is_last)

    def _is_same(self, one: msgspec.Raw, other: msgspec.Raw) -> bool:
        return bool(self._key(one) == self._key(other))

    def _key(self, raw: msgspec.Raw) -> Any:
        try:
            attributes = msgspec.json.decode(raw, type=_Feature).attributes or {}
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return bytes(raw)
        return attributes if self._id_field is None else attributes.get(self._id_field)

    def _in_ranges(self) -> Iterator[msgspec.Raw]:
        answer = self._ask({"returnIdsOnly": "true"}, self._condition)
        ids = array("q", sorted(answer.ids or ()))
        answer.ids = None
        self.expected = len(ids)
        # The last one is taken first.
        waiting = [(max(0, end - self._size), end) for end in range(len(ids), 0, -self._size)]
        while waiting:
            start, end = waiting.pop()
            condition = (
                f"({self._condition}) AND {self._id_field} >= {ids[start]} AND {self._id_field} <= {ids[end - 1]}"
            )
            answer = self._features({}, condition)
            if not answer.has_more:
                yield from answer.features or []
            elif end - start > 1:
                middle = (start + end) // 2
                waiting += [(middle, end), (start, middle)]
            else:
                raise errors.refused(self._asking.where, "it says that one feature is more than it gives at once")

    def _feature(self, number: int, raw: msgspec.Raw) -> Feature | BrokenFeature:
        try:
            feature = msgspec.json.decode(raw, type=_Feature)
            geometry = geometry_of(feature.geometry)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, *_NO_GEOMETRY) as error:
            shown = bytes(raw)[: limits.REJECT_CELL_CHARACTERS * 2].decode(errors="replace")
            return BrokenFeature(number, f"it is no feature of an ArcGIS server: {error}", {"feature": shown})
        attributes = feature.attributes or {}
        values = [_value(attributes.get(name), kind) for name, kind in self._columns]
        feature_id = None if self._id_field is None else attributes.get(self._id_field)
        return placed(number, feature_id, geometry, values, self._projection())

    def _projection(self) -> Projection | None:
        system = self._crs or _system(self._told)
        if system not in self._projections:
            self._projections[system] = projection_at(system, self._asking.where)
        return self._projections[system]

    def close(self) -> None:
        self._asking.close()


def layer_of(asking: Asking, wanted: str | None) -> tuple[Layer, str]:
    """Return a layer, and where it is below what is asked. Raises SourceUnreachable, SourceMismatch."""
    found = look_at(asking)
    if found.fields is not None:
        return found, ""
    layers = layers_of(found)
    if not layers:
        raise errors.no_fields(asking.where)
    names = {name: number for number, name in layers.items()}
    number = next(iter(layers)) if wanted is None and len(layers) == 1 else names.get(wanted or "", wanted)
    if number not in layers:
        raise errors.no_layer(asking.where, wanted, names)
    found = look_at(asking, number)
    if found.fields is None:
        raise errors.no_fields(f"{asking.where} (layer {number})")
    return found, number


def list_layers(wanted: Wanted) -> dict[str, str]:
    """Return the names of a service's layers by their numbers; of a layer itself its own. Raises SourceError."""
    with closing(_asking(wanted)) as asking:
        found = look_at(asking)
        return {"": found.name} if found.fields is not None else layers_of(found)


def _asking(wanted: Wanted) -> Asking:
    # Whoever copies a URL copies what asks it, too.
    url = wanted.service.url.partition("?")[0].rstrip("/").removesuffix("/query")
    return Asking(replace(wanted.service, url=url), wanted.query)


def look_at(asking: Asking, number: str = "") -> Layer:
    """Return what the server says of a service, or of its layer. Raises SourceUnreachable, SourceMismatch."""
    return _decoded(asking.ask({"f": "json"}, number), Layer, asking.where)


def layers_of(found: Layer) -> dict[str, str]:
    """Return the names of a service's layers by their numbers."""
    return {str(one.id): one.name for one in [*(found.layers or ()), *(found.tables or ())] if one.id is not None}


def _decoded(body: bytes, kind: type[_Told], where: str) -> _Told:
    try:
        found = msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise errors.no_arcgis(where, body, str(error)) from error
    if found.error is not None:
        raise _error(found.error, where)
    return found


def _error(error: _Error, where: str) -> SourceError:
    said = " ".join(dict.fromkeys(str(one).strip() for one in (error.message, *(error.details or ())) if one))
    told = said or f"code {error.code}"
    if error.code in _REFUSED:
        return errors.no_access(where, told)
    return errors.fails(where, told) if error.code is not None and error.code >= 500 else errors.refused(where, told)


def _system(told: _System | None) -> str:
    if told is None:
        return ""
    code = told.latest or told.wkid
    if code is not None:
        return f"EPSG:{code}" if code <= _EPSG_MAX else f"ESRI:{code}"
    return told.wkt or ""


def _value(value: Any, kind: str) -> Any:
    if kind != "esriFieldTypeDate" or not isinstance(value, int) or isinstance(value, bool):
        return value
    try:
        return _EPOCH + timedelta(milliseconds=value)
    except OverflowError:
        # It stays a number, so that rules can find it.
        return value


def geometry_of(shape: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return a geometry of an ArcGIS server as GeoJSON; None where there is none, or an empty one.

    Raises ValueError, KeyError, TypeError, IndexError, TooManyRings for what is none.
    """
    if not shape:
        return None
    if "x" in shape:
        # An empty point has NaN there, as text.
        return None if shape["x"] in (None, "NaN") else {"type": "Point", "coordinates": [shape["x"], shape["y"]]}
    if "rings" in shape:
        return polygons_of(_flat(ring) for ring in shape["rings"])
    if "paths" in shape:
        paths = [_flat(path) for path in shape["paths"]]
        if len(paths) == 1:
            return {"type": "LineString", "coordinates": paths[0]}
        return {"type": "MultiLineString", "coordinates": paths} if paths else None
    if "points" in shape:
        return {"type": "MultiPoint", "coordinates": _flat(shape["points"])} if shape["points"] else None
    raise ValueError(
        "a geometry of this form is not known: " + ", ".join(sorted(shape))[: limits.REJECT_CELL_CHARACTERS]
    )


def _flat(points: Sequence[Sequence[float]]) -> list[list[float]]:
    return [[point[0], point[1]] for point in points]
