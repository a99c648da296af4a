"""What a file or a service of places has to read: its layers."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from simpul import limits
from simpul.connect.connector import Offer, Surroundings
from simpul.connect.fields import Plain
from simpul.connect.service import settings_of_url
from simpul.connectors.geo.features import arcgis, geopackage, shapefile, wfs
from simpul.connectors.geo.settings import form_of, parse_settings
from simpul.formats.zip_member import ArchiveBroken, open_archive

_HEAD_BYTES: Final = 4_096
_JSON: Final = (".geojson", ".json")
_SHAPEFILES: Final = (".shp", ".zip")


def knows(where: str, surroundings: Surroundings) -> bool:
    """Return whether a path is a file of places, or a URL a service of them."""
    if "://" in where:
        return where.startswith(("http://", "https://")) and form_of(where) is not None
    path = surroundings.path(where)
    if not path.is_file():
        return False
    suffix = path.suffix.lower()
    if suffix in _JSON:
        with path.open("rb") as file:
            return b"FeatureCollection" in file.read(_HEAD_BYTES)
    return suffix in (".shp", ".gpkg") or (suffix == ".zip" and _holds_shapes(path))


def _holds_shapes(path: Path) -> bool:
    try:
        with path.open("rb") as file, open_archive(file) as archive:
            return any(name.lower().endswith(".shp") for name in archive.namelist())
    except (ArchiveBroken, OSError, ValueError):
        return False


def settings_of(where: str, surroundings: Surroundings) -> tuple[Plain, dict[str, str]]:
    """Return the settings for a path, or for a URL: what is secret in it stands apart, as references."""
    if "://" not in where:
        return {"path": where}, {}
    plain, secrets = settings_of_url(where, surroundings)
    # A service may show what it is in its parameters alone.
    form = form_of(where)
    return ({**plain, "service": form} if form_of(plain["url"]) != form else plain), secrets


def look_around(plain: Plain, surroundings: Surroundings) -> list[Offer]:
    """Return the layers. Raises SourceUnreachable, SourceMismatch, SourceMisconfigured."""
    if "url" in plain:
        return _look_at_service(plain, surroundings)
    path = surroundings.path(surroundings.resolve(plain["path"]))
    suffix = path.suffix.lower()
    if "layer" in plain or suffix in _JSON:
        return [Offer(plain.get("layer", path.stem), plain)]
    layers = shapefile.list_layers(path) if suffix in _SHAPEFILES else geopackage.list_layers(path)
    if len(layers) == 1:
        return [Offer(path.stem, plain)]
    return [Offer(layer, {**plain, "layer": layer}) for layer in layers[: limits.PROPOSAL_OFFERS_MAX]]


def _look_at_service(plain: Plain, surroundings: Surroundings) -> list[Offer]:
    settings = parse_settings(plain, surroundings)
    assert settings.wanted is not None, "there is a URL"
    if "layer" in plain or settings.form == "geojson":
        return [Offer(plain.get("layer", "places"), plain)]
    if settings.form == "wfs":
        names = wfs.list_layers(settings.wanted)[: limits.PROPOSAL_OFFERS_MAX]
        return [Offer(name.rpartition(":")[2], {**plain, "layer": name}) for name in names]
    layers = list(arcgis.list_layers(settings.wanted).items())[: limits.PROPOSAL_OFFERS_MAX]
    return [Offer(name, {**plain, "layer": number} if number else plain) for number, name in layers]
