"""Values of rasters (GeoTIFF) at the places of features, as columns beside their own. No forms of features here.

A feature that is a line or an area is asked at one point inside it. Where there is no value, a second column says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import shapely
from shapely.geometry import shape

from simpul import limits
from simpul.connect.connector import open_file
from simpul.connectors.geo import errors
from simpul.connectors.geo.features import BrokenFeature, Feature, Features
from simpul.connectors.geo.features.placing import way_into
from simpul.formats.geotiff import is_no_data, no_data_of, placement_of, system_of
from simpul.formats.tiff import Tiff, TiffBroken, TiffUnknown

Value = tuple[int | float | None, str | None]

WHY: Final = " (why not)"


@dataclass(frozen=True, slots=True)
class Sample:
    """A column to add: its name, and the raster and the band (from 1) that its values are in."""

    column: str
    path: Path
    band: int
    crs: str | None


class Sampled:
    """Features with values of rasters behind their own."""

    def __init__(self, features: Features, samples: Sequence[Sample]) -> None:
        self._features = features
        self._stack = ExitStack()
        self._stack.callback(features.close)
        try:
            added = [name for sample in samples for name in (sample.column, sample.column + WHY)]
            for name in added:
                if name in features.names or added.count(name) > 1:
                    raise errors.same_column(name)
            self._rasters = [self._open(sample) for sample in samples]
        except BaseException:
            self.close()
            raise
        self.names = (*features.names, *added)
        self.expected = features.expected

    def _open(self, sample: Sample) -> _Raster:
        path = open_file(sample.path, limits.RASTER_FILE_BYTES_MAX)
        return _Raster(self._stack.enter_context(path.open("rb")), sample)

    def __iter__(self) -> Iterator[Feature | BrokenFeature]:
        for feature in self._features:
            if isinstance(feature, BrokenFeature):
                yield feature
            else:
                values = [*feature.values]
                place = _place_of(feature.geometry)
                for raster in self._rasters:
                    values += (None, "it has no place") if place is None else raster.value_at(*place)
                yield feature._replace(values=values)

    def close(self) -> None:
        self._stack.close()


class _Raster:
    """One band of one file."""

    def __init__(self, file: BinaryIO, sample: Sample) -> None:
        self._where = str(sample.path)
        try:
            self._tiff = Tiff(file)
            self._placement = placement_of(self._tiff)
            self._no_data = no_data_of(self._tiff)
            system = sample.crs or system_of(self._tiff)
        except TiffBroken as error:
            raise errors.broken_file(self._where, str(error)) from error
        except TiffUnknown as error:
            raise errors.unknown_raster(self._where, str(error)) from error
        if sample.band > self._tiff.bands:
            raise errors.no_band(self._where, sample.band, self._tiff.bands)
        if not system:
            raise errors.no_system_of_raster(self._where)
        self._band = sample.band - 1
        self._turn: Callable[[float, float], tuple[float, float]] | None = way_into(system, self._where)

    def value_at(self, longitude: float, latitude: float) -> Value:
        """Return the value, or why there is none. Raises SourceMismatch."""
        x, y = (longitude, latitude) if self._turn is None else self._turn(longitude, latitude)
        pixel = self._placement.pixel(x, y)
        if pixel is None or not (0 <= pixel[0] < self._tiff.width and 0 <= pixel[1] < self._tiff.height):
            return None, "it is outside the raster"
        try:
            value = self._tiff.sample(*pixel, self._band)
        except TiffBroken as error:
            raise errors.broken_file(self._where, str(error)) from error
        except TiffUnknown as error:
            raise errors.unknown_raster(self._where, str(error)) from error
        if value is None or is_no_data(value, self._no_data):
            return None, "the raster has no data there"
        return value, None


def _place_of(geometry: dict[str, Any] | None) -> tuple[float, float] | None:
    """Return a point of the geometry, or None where it has none that can be."""
    try:
        if geometry is None:
            return None
        if geometry["type"] == "Point":
            return float(geometry["coordinates"][0]), float(geometry["coordinates"][1])
        inside = shapely.point_on_surface(shape(geometry))
        return None if inside.is_empty else (inside.x, inside.y)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, shapely.errors.ShapelyError):
        # The rules about geometries say what is wrong with it.
        return None
