"""What can be wrong with files and services that hold places, in our words."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from simpul.connect.fields import suggest
from simpul.domain.errors import SourceMisconfigured, SourceMismatch, SourceUnreachable

INSTALL = "pip install 'simpul[geo]'"
_NAMES_SHOWN_MAX = 20
_SHOWN_CHARACTERS = 200


def not_geojson(where: str, error: msgspec.DecodeError | UnicodeDecodeError | RecursionError) -> SourceMismatch:
    """Return the error for what is no GeoJSON FeatureCollection."""
    return SourceMismatch(f"{where} is no GeoJSON FeatureCollection: {str(error).rstrip('.')}.")


def wrong_type(where: str, found: str) -> SourceMismatch:
    """Return the error for another kind of GeoJSON document."""
    return SourceMismatch(f"{where} has the type {found!r}; a geo source needs a FeatureCollection.")


def unknown_coordinates(where: str, found: str) -> SourceMismatch:
    """Return the error for a coordinate system that cannot be used; `found` says which, and why."""
    return SourceMismatch(
        f"{where} is in {found}. Say which it is with crs:, such as EPSG:32747 (UTM 47S), or convert it to WGS 84 "
        "first, for example with ogr2ogr -t_srs EPSG:4326."
    )


def no_coordinate_system(where: str, bounds: tuple[float, float, float, float]) -> SourceMismatch:
    """Return the error for coordinates that are no degrees, of a system that is not told."""
    return SourceMismatch(
        f"{where} does not say which coordinate system it is in (there is no .prj), and its coordinates (from "
        f"{bounds[0]:g}, {bounds[1]:g} to {bounds[2]:g}, {bounds[3]:g}) are no longitudes and latitudes. Say it with "
        "crs:, such as EPSG:32747 (UTM 47S)."
    )


def broken_file(where: str, why: str) -> SourceMismatch:
    """Return the error for a file that is damaged or was cut off."""
    return SourceMismatch(f"{where} cannot be read: {why}. Have it sent again.")


def no_layer(where: str, wanted: str | None, layers: Iterable[str]) -> SourceMismatch:
    """Return the error for a layer that is not there, or is not named where there are several."""
    known = sorted(layers)
    listed = ", ".join(known[:_NAMES_SHOWN_MAX]) or "none"
    if wanted is None:
        return SourceMismatch(f"{where} has {len(known)} layers: {listed}. Write layer: and one of them.")
    return SourceMismatch(f"{where} has no layer {wanted!r}{suggest(wanted, known)}. Its layers: {listed}.")


def missing_part(path: Path, ending: str, meaning: str) -> SourceMismatch:
    """Return the error for a Shapefile that came without one of its files."""
    return SourceMismatch(
        f"{path.with_suffix(ending)} is missing: {meaning}. A Shapefile is several files with one name (.shp, .shx, "
        ".dbf, .prj); ask for all of them, or for a zip."
    )


def other_counts(where: str, shapes: str, records: int) -> SourceMismatch:
    """Return the error for a Shapefile whose parts do not belong together."""
    return SourceMismatch(
        f"{where} has {shapes} shapes and {records:,} records, so they do not belong together. Have it sent again."
    )


def unknown_encoding(where: str, encoding: str) -> SourceMisconfigured:
    """Return the error for an encoding that there is not."""
    return SourceMisconfigured(
        f"{where}: there is no encoding {encoding[:_SHOWN_CHARACTERS]!r}. Write encoding: utf-8, cp1252 or another one."
    )


def too_large(where: str, what: str, most: int) -> SourceMismatch:
    """Return the error for an archive that unpacks to more than is read."""
    return SourceMismatch(f"{where} {what}; at most {most:,} bytes are unpacked. It is not read.")


def no_geopackage(where: str) -> SourceMismatch:
    """Return the error for another database."""
    return SourceMismatch(f"{where} is an SQLite database and no GeoPackage. Read it with kind: sql.")


def no_space(where: str) -> SourceUnreachable:
    """Return the error for a disk that has no room for what is unpacked."""
    return SourceUnreachable(f"{where} cannot be unpacked: the disk with the temporary files is full. Make room there.")


def too_slow(where: str, seconds: float) -> SourceUnreachable:
    """Return the error for a file whose next feature does not come."""
    return SourceUnreachable(f"{where} gave no feature for {seconds:g} s. Is its layer a view that takes long?")


def no_projector(where: str, shown: str) -> SourceMisconfigured:
    """Return the error for coordinates that need a library which is not installed."""
    return SourceMisconfigured(
        f"{where} is in the coordinate system {shown}, and to turn it into longitude and latitude needs pyproj, which "
        f"is not installed. Install it where simpul runs: {INSTALL}."
    )


def not_known(path: Path) -> SourceMismatch:
    """Return the error for a file of another form."""
    return SourceMismatch(
        f"{path} is none of the forms that a geo source reads: GeoJSON, Shapefile (.shp, or all of it in a .zip), "
        "GeoPackage."
    )
