"""Features in the coordinates that they have in the end. No coordinate system's own rules here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simpul import limits
from simpul.connectors.geo import errors
from simpul.connectors.geo.features import BrokenFeature, Feature
from simpul.connectors.geo.features.projection import (
    CoordinatesUnknown,
    NotInstalled,
    OutsideEarth,
    Projection,
    Way,
    projection_from,
    way_from_degrees,
)


def projection_at(system: str, where: str) -> Projection | None:
    """Return the way from a source's coordinate system; None from WGS 84 or none told.

    Raises SourceMismatch, SourceMisconfigured.
    """
    if not system.strip():
        return None
    try:
        return projection_from(system)
    except CoordinatesUnknown as error:
        raise errors.unknown_coordinates(where, str(error)) from error
    except NotInstalled as error:
        raise errors.no_projector(where, str(error)) from error


def way_into(system: str, where: str) -> Way | None:
    """Return the way from longitude and latitude to a system; None to WGS 84.

    Raises SourceMismatch, SourceMisconfigured.
    """
    try:
        return way_from_degrees(system.strip())
    except CoordinatesUnknown as error:
        raise errors.unknown_coordinates(where, str(error)) from error
    except NotInstalled as error:
        raise errors.no_projector(where, str(error)) from error


def placed(
    number: int, feature_id: Any, geometry: dict[str, Any] | None, values: Sequence[Any], projection: Projection | None
) -> Feature | BrokenFeature:
    """Return a feature in longitude and latitude."""
    if geometry is None or projection is None:
        return Feature(number, feature_id, geometry, values)
    try:
        return Feature(number, feature_id, projection.apply(geometry), values)
    except OutsideEarth as error:
        reason = str(error)
    except (KeyError, IndexError, TypeError, ValueError):
        reason = "its geometry is none"
    return BrokenFeature(number, reason, {"geometry": str(geometry)[: limits.REJECT_CELL_CHARACTERS]})
