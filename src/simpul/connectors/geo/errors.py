"""What can be wrong with a GeoJSON file, in our words."""

from __future__ import annotations

from pathlib import Path

import msgspec

from simpul.domain.errors import SourceMismatch


def not_geojson(path: Path, error: msgspec.DecodeError | UnicodeDecodeError) -> SourceMismatch:
    """Return the error for a file that is no GeoJSON FeatureCollection."""
    return SourceMismatch(f"{path} is no GeoJSON FeatureCollection: {str(error).rstrip('.')}.")


def wrong_type(path: Path, found: str) -> SourceMismatch:
    """Return the error for another kind of GeoJSON document."""
    return SourceMismatch(f"{path} has the type {found!r}; a geo source needs a FeatureCollection.")


def wrong_crs(path: Path, found: str) -> SourceMismatch:
    """Return the error for coordinates that are not longitude and latitude."""
    return SourceMismatch(
        f"{path} is in the coordinate system {found!r}; convert it to WGS 84 first, for example with "
        "ogr2ogr -t_srs EPSG:4326."
    )
