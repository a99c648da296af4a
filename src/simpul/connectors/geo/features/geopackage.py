"""The features of a GeoPackage: one layer of an SQLite file, streamed. Nothing in it is executed or written.

The form is OGC 12-128 (GeoPackage): tables named in `gpkg_contents`, geometries as a head and WKB.
"""

from __future__ import annotations

import json
import sqlite3
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, NamedTuple

import shapely

from simpul import limits
from simpul.connect.connector import open_file
from simpul.connectors.geo import errors
from simpul.connectors.geo.features import BrokenFeature, Feature
from simpul.connectors.geo.features.placing import placed, projection_at
from simpul.domain.errors import SourceError

_SQL: Final = {
    name.strip(): statement.strip()
    for name, _, statement in (
        part.partition("\n")
        for part in files(__package__ or "").joinpath("geopackage.sql").read_text("utf-8").split("-- name: ")[1:]
    )
}
_ENVELOPE_BYTES: Final = (0, 32, 48, 48, 64)
_EMPTY: Final = 0x10
_STEPS_BETWEEN_LOOKS: Final = 100_000


class _Layer(NamedTuple):
    table: str
    geometry: str
    organization: str | None
    code: int | None
    definition: str | None


class GeoPackage:
    """The features of one layer."""

    def __init__(self, path: Path, layer: str | None, crs: str | None) -> None:
        self._where = str(path)
        self._patience = _until()
        self._database = _connect(path, self._is_slow)
        try:
            self._open(layer, crs)
        except sqlite3.Error as error:
            self.close()
            raise _translated(self._where, error) from error
        except BaseException:
            self.close()
            raise

    def _open(self, layer: str | None, crs: str | None) -> None:
        layers = _layers(self._database)
        if layer is None and len(layers) != 1:
            raise errors.no_layer(self._where, None, layers)
        wanted = next(iter(layers)) if layer is None else layer
        if wanted not in layers:
            raise errors.no_layer(self._where, wanted, layers)
        self._layer = layers[wanted]
        table = _quoted(self._layer.table)
        columns = list(self._database.execute(f"PRAGMA table_info({table})"))
        names = [row[1] for row in columns]
        if self._layer.geometry not in names:
            raise errors.broken_file(self._where, f"the layer {wanted} has no column {self._layer.geometry}")
        self._geometry_at = names.index(self._layer.geometry)
        keys = [position for position, row in enumerate(columns) if row[5]]
        self._id_at = keys[0] if len(keys) == 1 else None
        self.names = tuple(name for name in names if name != self._layer.geometry)
        self.expected: int | None = self._database.execute(_SQL["count_features"].format(table=table)).fetchone()[0]
        self._projection = projection_at(crs or self._told_system(), self._where)
        listed = ", ".join(map(_quoted, names))
        if self._id_at is None:
            statement = _SQL["features"].format(columns=listed, table=table)
        else:
            statement = _SQL["features_in_order"].format(columns=listed, table=table, key=_quoted(names[self._id_at]))
        self._rows = self._database.execute(statement)

    def _told_system(self) -> str:
        layer = self._layer
        if (layer.organization or "").upper() == "EPSG" and layer.code:
            return f"EPSG:{layer.code}"
        definition = layer.definition or ""
        return "" if definition.lower() in ("", "undefined") else definition

    def __iter__(self) -> Iterator[Feature | BrokenFeature]:
        try:
            self._patience = _until()
            for number, row in enumerate(self._rows, 1):
                yield self._feature(number, row)
                self._patience = _until()
        except sqlite3.Error as error:
            raise _translated(self._where, error) from error

    def _feature(self, number: int, row: tuple[Any, ...]) -> Feature | BrokenFeature:
        at = self._geometry_at
        values = [*row[:at], *row[at + 1 :]]
        feature_id = None if self._id_at is None else row[self._id_at]
        try:
            geometry = geometry_of(row[at])
        except (ValueError, TypeError, IndexError, struct.error, shapely.errors.ShapelyError) as error:
            raw = {name: str(value) for name, value in zip(self.names, values, strict=True)}
            return BrokenFeature(number, f"its geometry is damaged ({error})", raw)
        return placed(number, feature_id, geometry, values, self._projection)

    def _is_slow(self) -> bool:
        return time.monotonic() > self._patience

    def close(self) -> None:
        self._database.close()


def list_layers(path: Path) -> list[str]:
    """Return the names of the layers. Raises SourceMismatch, SourceUnreachable."""
    patience = _until()
    with closing(_connect(path, lambda: time.monotonic() > patience)) as database:
        try:
            return list(_layers(database))
        except sqlite3.Error as error:
            raise _translated(str(path), error) from error


def _connect(path: Path, is_slow: Callable[[], bool]) -> sqlite3.Connection:
    open_file(path, limits.SOURCE_FILE_BYTES_MAX)
    name = str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    database = sqlite3.connect(
        f"file:{name}?mode=ro", uri=True, timeout=limits.SOURCE_TIMEOUT_SECONDS, check_same_thread=False
    )
    # A layer may be a view that takes as long as it likes, and SQLite itself sets no time.
    database.set_progress_handler(is_slow, _STEPS_BETWEEN_LOOKS)
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, limits.GEO_SHAPE_BYTES_MAX)
    return database


def _layers(database: sqlite3.Connection) -> dict[str, _Layer]:
    # What the file brings along (views, triggers) may not call what could do harm.
    database.execute("PRAGMA trusted_schema = OFF")
    database.execute("PRAGMA query_only = ON")
    return {row[0]: _Layer(*row) for row in database.execute(_SQL["layers"])}


def _until() -> float:
    return time.monotonic() + limits.SOURCE_TIMEOUT_SECONDS


def _translated(where: str, error: sqlite3.Error) -> SourceError:
    text = str(error)
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
        return errors.too_slow(where, limits.SOURCE_TIMEOUT_SECONDS)
    if "no such table: gpkg" in text or "no such table: main.gpkg" in text:
        return errors.no_geopackage(where)
    return errors.broken_file(where, text)


def geometry_of(blob: bytes | None) -> dict[str, Any] | None:
    """Return a geometry of a GeoPackage as GeoJSON; None where there is none, or an empty one. Raises ValueError."""
    if blob is None:
        return None
    if blob[:2] != b"GP":
        raise ValueError("it does not begin with GP")
    flags = blob[3]
    if flags & _EMPTY:
        return None
    envelope = flags >> 1 & 7
    if envelope >= len(_ENVELOPE_BYTES):
        raise ValueError(f"it has an envelope of kind {envelope}")
    shape = shapely.force_2d(shapely.from_wkb(blob[8 + _ENVELOPE_BYTES[envelope] :]))
    if shape.is_empty:
        return None
    found: dict[str, Any] = json.loads(shapely.to_geojson(shape))
    return found


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
