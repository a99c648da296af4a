"""From other coordinate systems to longitude and latitude of WGS 84. Where coordinates come from is not known here.

PROJ does the work, from its own data and never over the network. A system whose datum it does not know is refused: the
result would be off by hundreds of metres, and nobody would see it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

_WGS_84: Final = re.compile(
    r"(?:(?:urn:ogc:def:crs:|http://www\.opengis\.net/def/crs/)?(?:OGC[:/]+(?:[\d.]+[:/])?CRS84))\Z"
    r"|(?:http://www\.opengis\.net/gml/srs/epsg\.xml#|EPSG:+)?4326\Z",
    re.IGNORECASE,
)
# What a `.prj` of longitude and latitude says, without blanks and lines below.
_WGS_84_TEXT: Final = re.compile(
    r'GEOGCS\["(?:GCS)?WGS(?:19)?84",DATUM\["D?WGS(?:19)?84",SPHEROID\["WGS(?:19)?84",6378137(?:\.0*)?,298\.25722356\d*\]\],'
    r'PRIMEM\["Greenwich",0(?:\.0*)?\],UNIT\["Degree",0?\.01745329\d*\]\]\Z',
    re.IGNORECASE,
)
# Names of the authority itself, whose order of axes (often latitude first) is meant as well.
_FORMAL: Final = re.compile(
    r"(?:urn:(?:x-)?ogc:def:crs:|https?://www\.opengis\.net/def/crs/)EPSG[:/][\d.]*[:/](\d+)\Z", re.IGNORECASE
)
_EPSG: Final = re.compile(r"(?:EPSG:+|http://www\.opengis\.net/gml/srs/epsg\.xml#)(\d{1,6})\Z", re.IGNORECASE)
_DEGREES_MAX: Final = 180.5
_SYSTEMS_KEPT: Final = 64


Way = Callable[[Any, Any], tuple[Any, Any]]


class CoordinatesUnknown(Exception):
    """A coordinate system that cannot be used; the message says why."""


class NotInstalled(Exception):
    """The library that knows the system is not there; the message shows the system."""


class OutsideEarth(Exception):
    """Coordinates that are nowhere in their system; the message shows them."""


class Projection:
    """A way from one coordinate system to longitude and latitude."""

    def __init__(self, transform: Way) -> None:
        self._transform = transform

    def apply(self, geometry: dict[str, Any]) -> dict[str, Any]:
        """Return the geometry in longitude and latitude; heights go. Raises OutsideEarth."""
        if "geometries" in geometry:
            return {"type": geometry["type"], "geometries": [self.apply(one) for one in geometry["geometries"]]}
        return {"type": geometry["type"], "coordinates": self._apply(geometry["coordinates"])}

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Return one point. Raises OutsideEarth."""
        longitude, latitude = self._transform(x, y)
        if not (math.isfinite(longitude) and math.isfinite(latitude)):
            raise OutsideEarth(f"({x:g}, {y:g}) is nowhere on the earth in the coordinate system of the source")
        return longitude, latitude

    def _apply(self, coordinates: Any) -> Any:
        if not coordinates:
            return coordinates
        if not isinstance(coordinates[0], list | tuple):
            return list(self.point(coordinates[0], coordinates[1]))
        if isinstance(coordinates[0][0], list | tuple):
            return [self._apply(below) for below in coordinates]
        xs, ys = [point[0] for point in coordinates], [point[1] for point in coordinates]
        longitudes, latitudes = self._transform(xs, ys)
        for x, y, longitude, latitude in zip(xs, ys, longitudes, latitudes, strict=True):
            if not (math.isfinite(longitude) and math.isfinite(latitude)):
                raise OutsideEarth(f"({x:g}, {y:g}) is nowhere on the earth in the coordinate system of the source")
        return [list(point) for point in zip(longitudes, latitudes, strict=True)]


@lru_cache(maxsize=_SYSTEMS_KEPT)
def projection_from(system: str) -> Projection | None:
    """Return the way from a system (`EPSG:32747`, a URN, the text of a `.prj`), None where it is WGS 84 already.

    Plain names mean x before y, as files and services have it; URNs and URLs of EPSG mean EPSG's own order.
    Raises CoordinatesUnknown, NotInstalled.
    """
    system = system.strip()
    if _WGS_84.match(system) or _WGS_84_TEXT.match(re.sub(r"[\s_]", "", system)):
        return None
    formal, epsg = _FORMAL.match(system), _EPSG.match(system)
    if formal is not None and formal[1] == "4326":
        return Projection(_turn)
    if formal is not None:
        return _projected(f"EPSG:{formal[1]}", system, x_first=False)
    return _projected(f"EPSG:{epsg[1]}" if epsg is not None else system, system, x_first=True)


@lru_cache(maxsize=_SYSTEMS_KEPT)
def way_from_degrees(system: str) -> Way | None:
    """Return the way from longitude and latitude to a system, x before y; None to WGS 84 itself.

    Raises CoordinatesUnknown, NotInstalled.
    """
    if projection_from(system) is None:
        return None
    found = _FORMAL.match(system) or _EPSG.match(system)
    definition = f"EPSG:{found[1]}" if found is not None else system
    from pyproj import Transformer  # noqa: PLC0415 - As below; it was there a moment ago.

    way: Way = Transformer.from_crs("EPSG:4326", definition, always_xy=True, allow_ballpark=False).transform
    return way


def _projected(definition: str, shown: str, *, x_first: bool) -> Projection | None:
    shown = re.sub(r"\s+", " ", shown)[:80]
    try:
        # It is an extra of the package, takes a tenth of a second to import, and most sources do without.
        from pyproj import CRS, Transformer  # noqa: PLC0415  # See above.
        from pyproj.exceptions import ProjError  # noqa: PLC0415  # See above.
    except ImportError as error:
        raise NotInstalled(shown) from error
    try:
        crs = CRS.from_user_input(definition)
    except ProjError as error:
        raise CoordinatesUnknown(f"the coordinate system {shown!r}, which is not known") from error
    crs = crs.to_2d()
    if x_first and crs.is_geographic and crs.equals(CRS.from_epsg(4326), ignore_axis_order=True):
        return None
    try:
        # With `always_xy` longitude comes first on both sides; EPSG's own order is turned round before.
        transformer = Transformer.from_crs(crs, "EPSG:4326", always_xy=True, allow_ballpark=False)
    except ProjError as error:
        raise CoordinatesUnknown(
            f"the coordinate system {shown!r}, whose datum is not known well enough to place it on the earth"
        ) from error
    is_turned = not x_first and crs.axis_info[:1] != [] and crs.axis_info[0].direction in ("north", "south")
    transform: Way = transformer.transform
    return Projection((lambda x, y: transform(y, x)) if is_turned else transform)


def _turn(latitudes: Any, longitudes: Any) -> tuple[Any, Any]:
    return longitudes, latitudes


def is_like_degrees(bounds: tuple[float, float, float, float]) -> bool:
    """Return whether these bounds can be of longitudes and latitudes."""
    return all(abs(bound) <= _DEGREES_MAX for bound in bounds)
