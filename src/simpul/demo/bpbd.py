"""BPBD's systems: evacuation buildings as GeoJSON, depths of a modelled tsunami as CSV. Real, with their gaps."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from simpul.demo.compiled import read_table
from simpul.demo.step import Advance

SHELTERS = Path("bpbd/shelter.geojson")
AT_STOPS = Path("bpbd/genangan-halte.csv")
AT_SHELTERS = Path("bpbd/genangan-shelter.csv")

_SCENARIO = "Tsunami Mw 8,8 Megathrust Mentawai"


def build(systems: Path, advance: Advance) -> None:
    """Write the shelters (five of them without name and place) and the depths at stops and shelters."""
    shelters = read_table("shelters.csv")
    collection = {"type": "FeatureCollection", "name": "shelter", "features": [_feature(row) for row in shelters]}
    (systems / SHELTERS).write_text(json.dumps(collection, ensure_ascii=False, indent=1), encoding="utf-8")
    advance(1, 2)
    depths = read_table("inundation.csv")
    stops = {row["stop"]: row for row in read_table("stops.csv")}
    _write_depths(
        systems / AT_STOPS, "id_halte", [(row, stops[row["id"]]) for row in depths if row["place"] == "halte"]
    )
    places = {row["shelter"]: row for row in shelters}
    at_shelters = [(row, places[row["id"]]) for row in depths if row["place"] == "shelter"]
    _write_depths(systems / AT_SHELTERS, "id_shelter", at_shelters)
    advance(2, 2)


def _feature(row: dict[str, str]) -> dict[str, Any]:
    located = row["longitude"] and row["latitude"]
    point = {"type": "Point", "coordinates": [float(row["longitude"]), float(row["latitude"])]} if located else None
    properties = {
        "id_shelter": row["shelter"], "nama": row["name"] or None, "alamat": row["address"],
        "fungsi": row["category"] or None, "jumlah_lantai": int(row["floors"]), "daya_tampung": int(row["capacity"]),
        "kepemilikan": row["owner"],
    }  # fmt: skip
    return {"type": "Feature", "id": row["shelter"], "properties": properties, "geometry": point}


def _write_depths(path: Path, key: str, rows: list[tuple[dict[str, str], dict[str, str]]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([key, "bujur", "lintang", "kedalaman_m", "skenario"])
        writer.writerows(
            [depth["id"], place["longitude"], place["latitude"], depth["depth_m"], _SCENARIO] for depth, place in rows
        )
