"""Where the pixels of a GeoTIFF are (OGC 19-008r4). Reads no pixels and turns no coordinate system into another."""

from __future__ import annotations

import math
import struct
from typing import Final, NamedTuple

from simpul.formats.tiff import Tiff, TiffUnknown

_SCALE: Final = 33550
_TIE_POINTS: Final = 33922
_MATRIX: Final = 34264
_KEYS: Final = 34735
_NO_DATA: Final = 42113
_RASTER_TYPE: Final = 1025
_GEOGRAPHIC: Final = 2048
_PROJECTED: Final = 3072
_POINTS: Final = 2
_USER_DEFINED: Final = 32767


class Placement(NamedTuple):
    """How coordinates become a pixel: column = a·x + b·y + c, row = d·x + e·y + f, both rounded down."""

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float

    def pixel(self, x: float, y: float) -> tuple[int, int] | None:
        """Return the column and the row that a place is in, or None for one that is nowhere."""
        column, row = self.a * x + self.b * y + self.c, self.d * x + self.e * y + self.f
        return (math.floor(column), math.floor(row)) if math.isfinite(column) and math.isfinite(row) else None


def placement_of(tiff: Tiff) -> Placement:
    """Return where the pixels are. Raises TiffUnknown where the file does not say it in a way that is read."""
    matrix, scale, ties = tiff.numbers(_MATRIX), tiff.numbers(_SCALE), tiff.numbers(_TIE_POINTS)
    if len(matrix) == 16:
        x_across, x_down, x_first = matrix[0], matrix[1], matrix[3]
        y_across, y_down, y_first = matrix[4], matrix[5], matrix[7]
    elif len(scale) >= 2 and len(ties) >= 6:
        # Rows run southwards.
        x_across, x_down, y_across, y_down = scale[0], 0.0, 0.0, -scale[1]
        x_first, y_first = ties[3] - ties[0] * scale[0], ties[4] + ties[1] * scale[1]
    else:
        raise TiffUnknown("images that do not say where they are, or only by points")
    determinant = x_across * y_down - x_down * y_across
    if not math.isfinite(determinant) or determinant == 0:
        raise TiffUnknown("images whose pixels have no size")
    # Where pixels are points, the place of a pixel is its middle, and not its corner.
    shift = 0.5 if _keys(tiff).get(_RASTER_TYPE) == _POINTS else 0.0
    a, b = y_down / determinant, -x_down / determinant
    d, e = -y_across / determinant, x_across / determinant
    return Placement(a, b, shift - a * x_first - b * y_first, d, e, shift - d * x_first - e * y_first)


def system_of(tiff: Tiff) -> str:
    """Return the coordinate system as `EPSG:32747`, or nothing where the file does not name one."""
    keys = _keys(tiff)
    for key in (_PROJECTED, _GEOGRAPHIC):
        code = keys.get(key, 0)
        if code == _USER_DEFINED:
            return ""
        if code:
            return f"EPSG:{code}"
    return ""


def no_data_of(tiff: Tiff) -> float | None:
    """Return the value that means none, or None where every value means itself."""
    try:
        return float(tiff.text(_NO_DATA))
    except ValueError:
        return None


def is_no_data(value: float, no_data: float | None) -> bool:
    """Return whether a value means none. It may have been written in fewer digits than it is told in."""
    return math.isnan(value) or (no_data is not None and value in (no_data, _single(no_data)))


def _single(value: float) -> float:
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return value


def _keys(tiff: Tiff) -> dict[int, int]:
    values = tiff.numbers(_KEYS)
    keys: dict[int, int] = {}
    for start in range(4, len(values) - 3, 4):
        key, place, _, value = values[start : start + 4]
        # Numbers stand here; texts and fractions elsewhere.
        if place == 0:
            keys[key] = value
    return keys
