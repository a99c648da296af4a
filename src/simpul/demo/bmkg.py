"""BMKG's export of daily rain at ten posts, in the columns that BMKG uses. Real, with 8888, 9999 and empty cells."""

from __future__ import annotations

import csv
from pathlib import Path

from simpul.demo.compiled import iter_rain, read_table
from simpul.demo.step import Advance

FILE = Path("bmkg/curah-hujan-harian.csv")

_HEADER = (
    "POS HUJAN ID", "NAME", "CURRENT LATITUDE", "CURRENT LONGITUDE", "CURRENT ELEVATION M", "DATA TIMESTAMP",
    "RECEIVED TIMESTAMP", "RAINFALL DAY MM", "RAINFALL TRACE",
)  # fmt: skip


def build(systems: Path, advance: Advance) -> None:
    """Write the export, post by post and oldest first."""
    posts = {row["post"]: row for row in read_table("rain_posts.csv")}
    with (systems / FILE).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_HEADER)
        for rain in iter_rain():
            post = posts[rain.post]
            writer.writerow((
                rain.post, post["name"], post["latitude"], post["longitude"], post["elevation_m"],
                f"{rain.day} 00:00:00.0 +0:00", f"{rain.received} 00:00:00.0 Asia/Jakarta", rain.cell, "N",
            ))  # fmt: skip
    advance(1, 1)
