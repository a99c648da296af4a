"""What a GeoJSON file has to read: its features."""

from __future__ import annotations

from pathlib import Path

from simpul.connect.connector import Offer, Surroundings
from simpul.connect.fields import Plain

_HEAD_BYTES = 4_096


def knows(where: str, surroundings: Surroundings) -> bool:
    """Return whether a path is a GeoJSON file."""
    path = surroundings.path(where) if "://" not in where else None
    if path is None or path.suffix.lower() not in (".geojson", ".json") or not path.is_file():
        return False
    with path.open("rb") as file:
        return b"FeatureCollection" in file.read(_HEAD_BYTES)


def look_around(plain: Plain, _surroundings: Surroundings) -> list[Offer]:
    """Return the one thing that there is."""
    return [Offer(Path(plain["path"]).stem, plain)]
