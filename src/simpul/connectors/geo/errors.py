"""What can be wrong with files and services that hold places, in our words."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from simpul.connect.fields import suggest_or_end
from simpul.domain.errors import SourceMisconfigured, SourceMismatch, SourceUnreachable

INSTALL = "pip install 'simpul[geo]'"
_NAMES_SHOWN_MAX = 20
_SHOWN_CHARACTERS = 200


def not_geojson(where: str, error: msgspec.DecodeError | UnicodeDecodeError | RecursionError) -> SourceMismatch:
    """Return the error for what is no GeoJSON FeatureCollection."""
    return SourceMismatch(
        f"{where} is no GeoJSON FeatureCollection: {str(error).rstrip('.')}. Check what it is, or have it sent again."
    )


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
    return SourceMismatch(f"{where} has no layer {wanted!r}{suggest_or_end(wanted, known)} Its layers: {listed}.")


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


def refused(where: str, message: str) -> SourceMismatch:
    """Return the error for a service that answers with a message instead of features."""
    return SourceMismatch(
        f"{where} answers with a message instead of features: {message[:_SHOWN_CHARACTERS]!r}. Check the URL and "
        "its parameters."
    )


def no_access(where: str, message: str) -> SourceUnreachable:
    """Return the error for a service that does not let us in."""
    return SourceUnreachable(
        f"{where} refuses us ({message[:_SHOWN_CHARACTERS]}). Check 'auth' or the token, and the secret behind it."
    )


def fails(where: str, message: str) -> SourceUnreachable:
    """Return the error for a service that has trouble of its own."""
    return SourceUnreachable(
        f"{where} fails ({message[:_SHOWN_CHARACTERS]}). That is the agency's to mend; it is tried again."
    )


def no_web_features(where: str, why: str) -> SourceMismatch:
    """Return the error for an answer that is not a Web Feature Service's."""
    return SourceMismatch(f"{where} is no Web Feature Service: {why}. Check the URL, or write service: geojson.")


def other_version(where: str, version: str, ours: Iterable[str]) -> SourceMismatch:
    """Return the error for a Web Feature Service of another age."""
    return SourceMismatch(f"{where} speaks WFS {version or 'of no version'}; read are {' and '.join(ours)}.")


def no_json(where: str, formats: Iterable[str]) -> SourceMismatch:
    """Return the error for a Web Feature Service that gives only GML."""
    listed = ", ".join(dict.fromkeys(formats)) or "none is told"
    return SourceMismatch(
        f"{where} does not give GeoJSON, and GML is not read (its formats: {listed[:_SHOWN_CHARACTERS]}). Ask who runs "
        "it to add GeoJSON (application/json), or for a file."
    )


def shifted(where: str) -> SourceMismatch:
    """Return the error for pages that do not fit together."""
    return SourceMismatch(
        f"{where} changed while it was read, gives its features in no fixed order, or gives no pages: a page does not "
        "go on where the one before it ended. Nothing vanished; run it again, or name a column in sort_by."
    )


def too_many_pages(where: str, most: int) -> SourceMismatch:
    """Return the error for pages without an end."""
    return SourceMismatch(f"{where} has more than {most:,} pages; ask for larger ones (size), or divide the source.")


def missing_features(where: str, announced: int, came: int) -> SourceMismatch:
    """Return the error for a service that gives fewer features than it says that it has."""
    return SourceMismatch(
        f"{where} says that it has {announced:,} features, and gave {came:,}. Nothing vanished; run it again."
    )


def no_arcgis(where: str, body: bytes, why: str) -> SourceMismatch:
    """Return the error for an answer that is not an ArcGIS server's."""
    if body.lstrip()[:1] == b"<":
        why = "it answers with a page"
    return SourceMismatch(
        f"{where} is no layer of an ArcGIS server: {why.rstrip('.')}. Its URL ends as in .../FeatureServer/0."
    )


def no_fields(where: str) -> SourceMismatch:
    """Return the error for a layer of an ArcGIS server that has no features."""
    return SourceMismatch(
        f"{where} has no features: it is a group, a picture or a service without layers. Write the URL of a layer "
        "with features."
    )


def no_pages(where: str) -> SourceMismatch:
    """Return the error for a layer of an ArcGIS server that can be read neither in pages nor by numbers."""
    return SourceMismatch(
        f"{where} knows no pages, and its features have no numbers (objectIdField), so it cannot be read whole. "
        "Ask who runs it to turn one of them on, or for a file."
    )


def unknown_raster(where: str, what: str) -> SourceMismatch:
    """Return the error for a raster of a form that is not read."""
    return SourceMismatch(
        f"{where}: {what} are not read. Convert it, for example with gdal_translate -co TILED=YES -co COMPRESS=DEFLATE."
    )


def no_band(where: str, band: int, bands: int) -> SourceMismatch:
    """Return the error for a band that a raster does not have."""
    return SourceMismatch(
        f"{where} has {bands:,} bands, and band {band:,} is asked for. Write band: with one that it has."
    )


def no_system_of_raster(where: str) -> SourceMismatch:
    """Return the error for a raster that does not name its coordinate system."""
    return SourceMismatch(
        f"{where} does not name its coordinate system by a code of EPSG. Say it with crs: beside the raster, such as "
        "EPSG:32747 (UTM 47S)."
    )


def same_column(name: str) -> SourceMisconfigured:
    """Return the error for an added column whose name is taken."""
    return SourceMisconfigured(f"sample adds a column {name!r}, and there is one already. Give it another name.")


def not_known(path: Path) -> SourceMismatch:
    """Return the error for a file of another form."""
    return SourceMismatch(
        f"{path} is none of the forms that a geo source reads: GeoJSON, Shapefile (.shp, or all of it in a .zip), "
        "GeoPackage."
    )
