"""The shapes of a Shapefile (`.shp`, found through `.shx`), one after another in bounded memory. No names and values.

The form is ESRI's technical description of July 1998. Libraries that read it take a broken number or a missing end for
nothing; here both are said.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, BinaryIO, Final, NamedTuple

from simpul import limits
from simpul.formats.rings import TooManyRings, polygons_of

_HEADER_BYTES: Final = 100
_MAGIC: Final = 9994
_NULL: Final = 0
# X and Y come first, whatever follows (heights, measures): those are not read.
_POINTS: Final = frozenset({1, 11, 21})
_MULTIPOINTS: Final = frozenset({8, 18, 28})
_LINES: Final = frozenset({3, 13, 23})
_POLYGONS: Final = frozenset({5, 15, 25})
_KNOWN: Final = _POINTS | _MULTIPOINTS | _LINES | _POLYGONS | {_NULL}


class ShapesBroken(Exception):
    """The file is none, or ends in the middle; the message says where."""


class ShapeUnreadable(NamedTuple):
    """A shape that cannot be read, and why."""

    reason: str


Shape = dict[str, Any] | ShapeUnreadable | None


class Shapes:
    """The shapes of an open file, in the order of its index where that is there. Used once."""

    def __init__(self, shp: BinaryIO, shx: BinaryIO | None) -> None:
        self._shp = shp
        self._shx = shx
        header = shp.read(_HEADER_BYTES)
        if len(header) < _HEADER_BYTES or struct.unpack(">i", header[:4])[0] != _MAGIC:
            raise ShapesBroken("it does not begin as a Shapefile does")
        self._size = shp.seek(0, os.SEEK_END)
        told = struct.unpack(">i", header[24:28])[0] * 2
        if self._size < told:
            raise ShapesBroken(f"it has {self._size:,} of the {told:,} bytes that it should have; it was cut off")
        self.bounds: tuple[float, float, float, float] = struct.unpack("<4d", header[36:68])
        """The least and the greatest x and y, as the file says: (least x, least y, greatest x, greatest y)."""

    def __iter__(self) -> Iterator[Shape]:
        for place in self._indexed_places() if self._shx is not None else self._places():
            yield self._shape_at(place)

    def _places(self) -> Iterator[int]:
        place = _HEADER_BYTES
        while place < self._size:
            yield place
            self._shp.seek(place)
            place += 8 + self._length_at(place)

    def _indexed_places(self) -> Iterator[int]:
        assert self._shx is not None, "it was asked for"
        self._shx.seek(_HEADER_BYTES)
        while entry := self._shx.read(8):
            if len(entry) < 8:
                raise ShapesBroken("its index (.shx) ends in the middle")
            yield int(struct.unpack(">i", entry[:4])[0]) * 2

    def _length_at(self, place: int) -> int:
        head = self._shp.read(8)
        if len(head) < 8:
            raise ShapesBroken(f"it ends in the middle of the shape at byte {place:,}")
        length = int(struct.unpack(">i", head[4:])[0]) * 2
        if length < 0 or place + 8 + length > self._size:
            raise ShapesBroken(f"the shape at byte {place:,} is longer than the file")
        return length

    def _shape_at(self, place: int) -> Shape:
        if not _HEADER_BYTES <= place < self._size:
            raise ShapesBroken(f"its index (.shx) leads to byte {place:,}, where there is nothing")
        self._shp.seek(place)
        length = self._length_at(place)
        if length > limits.GEO_SHAPE_BYTES_MAX:
            return ShapeUnreadable(f"the shape has {length:,} bytes; at most {limits.GEO_SHAPE_BYTES_MAX:,} are read")
        try:
            return _shape_of(self._shp.read(length))
        except (struct.error, IndexError, ValueError):
            return ShapeUnreadable(f"the shape at byte {place:,} is damaged")
        except TooManyRings:
            return ShapeUnreadable("the shape has too many rings to tell which is a hole in which")


def _shape_of(content: bytes) -> Shape:
    (kind,) = struct.unpack_from("<i", content)
    if kind == _NULL:
        return None
    if kind not in _KNOWN:
        return ShapeUnreadable(f"shapes of type {kind} (31 is a MultiPatch) have no form in GeoJSON")
    if kind in _POINTS:
        return {"type": "Point", "coordinates": list(struct.unpack_from("<2d", content, 4))}
    if kind in _MULTIPOINTS:
        (count,) = struct.unpack_from("<i", content, 36)
        return {"type": "MultiPoint", "coordinates": _points(content, 40, count)}
    parts = _parts(content)
    if kind in _POLYGONS:
        return polygons_of(part for part in parts if part)
    if len(parts) == 1:
        return {"type": "LineString", "coordinates": parts[0]}
    return {"type": "MultiLineString", "coordinates": parts}


def _parts(content: bytes) -> list[list[list[float]]]:
    count, points_count = struct.unpack_from("<2i", content, 36)
    if count < 0:
        raise ValueError("no number of parts")
    starts = [*struct.unpack_from(f"<{count}i", content, 44), points_count]
    points = _points(content, 44 + 4 * count, points_count)
    return [points[start:end] for start, end in pairwise(starts)]


def _points(content: bytes, place: int, count: int) -> list[list[float]]:
    if count < 0:
        raise ValueError("no number of points")
    flat = struct.unpack_from(f"<{2 * count}d", content, place)
    return [list(point) for point in zip(flat[0::2], flat[1::2], strict=True)]
