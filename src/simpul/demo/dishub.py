"""Dinas Perhubungan's system: the relational database of Trans Padang. Real corridors and stops, as found."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from simpul.demo.compiled import read_table
from simpul.demo.statements import read_statements
from simpul.demo.step import Advance

FILE = Path("dishub/transpadang.sqlite")


def build(systems: Path, advance: Advance) -> None:
    """Write the database, with the row 0 that stands for "none" and the name that ends in a line break."""
    sql = read_statements("transpadang.sql")
    points = read_table("route_points.csv")
    with closing(sqlite3.connect(systems / FILE)) as database:
        database.executescript(sql["schema"])
        corridors = ((row["corridor"], row["number"], row["name"]) for row in read_table("corridors.csv"))
        database.executemany(sql["put_corridor"], corridors)
        database.executemany(sql["put_stop"], map(_stop, read_table("stops.csv")))
        database.executemany(sql["put_point"], map(_point, points))
        of_corridors = ((row["corridor"], row["stop"], row["order"]) for row in points if row["stop"] != "0")
        database.executemany(sql["put_stop_of_corridor"], of_corridors)
        database.commit()
    advance(1, 1)


def _stop(row: dict[str, str]) -> tuple[str, str, float | None, float | None, int]:
    latitude = float(row["latitude"]) if row["latitude"] else None
    longitude = float(row["longitude"]) if row["longitude"] else None
    return row["stop"], row["name"], latitude, longitude, int(row["opposite"] or 0)


def _point(row: dict[str, str]) -> tuple[str, str, float, float]:
    return row["corridor"], row["order"], float(row["longitude"]), float(row["latitude"])
