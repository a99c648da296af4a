"""A GeoJSON file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.connect.parts.part import FilePart, Part
from tests.connect.parts.place import Place


class GeoPart(FilePart):
    """A FeatureCollection of points."""

    kind = "geo"
    holds_whole = "GEO_FILE_BYTES_MAX"

    def fill(self, names: Mapping[int, str]) -> None:
        features = [
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [100.36, -0.95]},
                "properties": {"id": number, "nama": name},
            }
            for number, name in names.items()
        ]
        text = json.dumps({"type": "FeatureCollection", "features": features})
        self.path.write_text(text, encoding="utf-8")


@contextmanager
def geo_part(place: Place) -> Iterator[Part]:
    yield GeoPart(place.folder / "halte.geojson")


PARTS = {"geo": geo_part}
