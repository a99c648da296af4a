"""What a file of places has to read: its layers."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final

from simpul import limits
from simpul.connect.connector import Offer, Surroundings
from simpul.connect.fields import Plain
from simpul.connectors.geo.features import geopackage, shapefile
from simpul.formats.zip_directory import directory_bytes

_HEAD_BYTES: Final = 4_096
_JSON: Final = (".geojson", ".json")
_SHAPEFILES: Final = (".shp", ".zip")


def knows(where: str, surroundings: Surroundings) -> bool:
    """Return whether a path is a file of places."""
    path = surroundings.path(where) if "://" not in where else None
    if path is None or not path.is_file():
        return False
    suffix = path.suffix.lower()
    if suffix in _JSON:
        with path.open("rb") as file:
            return b"FeatureCollection" in file.read(_HEAD_BYTES)
    return suffix in (".shp", ".gpkg") or (suffix == ".zip" and _holds_shapes(path))


def _holds_shapes(path: Path) -> bool:
    try:
        if directory_bytes(path) > limits.GEO_ARCHIVE_DIRECTORY_BYTES_MAX:
            return False
        with zipfile.ZipFile(path) as archive:
            return any(name.lower().endswith(".shp") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False


def look_around(plain: Plain, surroundings: Surroundings) -> list[Offer]:
    """Return the layers. Raises SourceUnreachable, SourceMismatch."""
    path = surroundings.path(surroundings.resolve(plain["path"]))
    suffix = path.suffix.lower()
    if "layer" in plain or suffix in _JSON:
        return [Offer(plain.get("layer", path.stem), plain)]
    layers = shapefile.list_layers(path) if suffix in _SHAPEFILES else geopackage.list_layers(path)
    if len(layers) == 1:
        return [Offer(path.stem, plain)]
    return [Offer(layer, {**plain, "layer": layer}) for layer in layers[: limits.PROPOSAL_OFFERS_MAX]]
