"""The grid that finds places: cells of integer numbers, in levels of growing size. No SQL here.

A point lies in one cell of level 0 (0.002°, some 220 m), which holds points only. Any other geometry lies in the
cells that its bounds touch at the first level above where these are at most four. A cell's number holds level, row
and column, so that the cells of one row between two columns are one range of numbers.
"""

from __future__ import annotations

from collections.abc import Iterator

LEVELS = 10
_DEGREES_AT_LEVEL = tuple(0.002 * 4**level for level in range(LEVELS))
_ROW_SHIFT = 20
_LEVEL_SHIFT = 40
# Beyond so many rows of cells one range over all of them, with the columns checked row by row, is cheaper.
_ROWS_ENUMERATED_MAX = 128

Bounds = tuple[float, float, float, float]


def cell_of_point(longitude: float, latitude: float) -> int:
    """Return the cell of level 0 that the point lies in."""
    return int((latitude + 90.0) / 0.002) << _ROW_SHIFT | int((longitude + 180.0) / 0.002)


def cells_of_bounds(bounds: Bounds) -> tuple[int, list[int]]:
    """Return the level, and the cells of it that a geometry with these bounds is kept in."""
    for level in range(1, LEVELS):
        west, south, east, north = _cells(bounds, level)
        if (east - west + 1) * (north - south + 1) <= 4:
            break
    return level, [
        level << _LEVEL_SHIFT | row << _ROW_SHIFT | column
        for row in range(south, north + 1)
        for column in range(west, east + 1)
    ]


def ranges(bounds: Bounds, geo_levels: int) -> Iterator[tuple[int, int, bool]]:
    """Yield (first, last, is_exact) ranges of cells that hold every geometry whose bounds meet these.

    `is_exact` is False where the range runs over whole rows, so that longitudes are to be checked too.
    """
    for level in range(LEVELS):
        if not geo_levels >> level & 1:
            continue
        west, south, east, north = _cells(bounds, level)
        base = level << _LEVEL_SHIFT
        if north - south >= _ROWS_ENUMERATED_MAX:
            yield base | south << _ROW_SHIFT, base | north << _ROW_SHIFT | (1 << _ROW_SHIFT) - 1, False
            continue
        for row in range(south, north + 1):
            yield base | row << _ROW_SHIFT | west, base | row << _ROW_SHIFT | east, True


def _cells(bounds: Bounds, level: int) -> tuple[int, int, int, int]:
    west, south, east, north = bounds
    size = _DEGREES_AT_LEVEL[level]
    return (
        int((max(west, -180.0) + 180.0) / size),
        int((max(south, -90.0) + 90.0) / size),
        int((min(east, 180.0) + 180.0) / size),
        int((min(north, 90.0) + 90.0) / size),
    )
