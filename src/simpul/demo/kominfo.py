"""Dinas Komunikasi dan Informatika's system: the city's areas as GeoJSON files. Codes and lines are real.

shapely is loaded when they are built: it takes 0.2 s, which the start of a city that is there does not have.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simpul.demo.compiled import read_boundaries, read_table
from simpul.demo.step import Advance

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

FOLDER = Path("kominfo")
FILES = tuple(FOLDER / name for name in ("kota.geojson", "kecamatan.geojson", "kelurahan.geojson"))

_CITY_CODE = "13.71"
_DISTRICT_CHARACTERS = len("13.71.01")


def build(systems: Path, advance: Advance) -> None:
    """Write the city, its 11 kecamatan and its 104 kelurahan; the larger areas are the union of the smaller ones."""
    from shapely.geometry import shape  # noqa: PLC0415 - See the module's first lines.

    boundaries = {code: shape(geometry) for code, geometry in read_boundaries().items()}
    sub_districts = read_table("kelurahan.csv")
    features = [_sub_district(row, boundaries[row["code"]]) for row in sub_districts]
    _write(systems / FOLDER / "kelurahan.geojson", features)
    advance(1, 3)
    parts: dict[str, list[dict[str, str]]] = {}
    for row in sub_districts:
        parts.setdefault(row["code"][:_DISTRICT_CHARACTERS], []).append(row)
    districts = [_district(row, parts[row["code"]], boundaries) for row in read_table("kecamatan.csv")]
    _write(systems / FOLDER / "kecamatan.geojson", districts)
    advance(2, 3)
    whole = _feature(_union(boundaries.values()), kode=_CITY_CODE, nama="Kota Padang", **_sums(sub_districts))
    _write(systems / FOLDER / "kota.geojson", [whole])
    advance(3, 3)


def _sub_district(row: dict[str, str], geometry: BaseGeometry) -> dict[str, Any]:
    code = row["code"]
    return _feature(
        geometry, kode=code, nama=row["name"], kode_kecamatan=code[:_DISTRICT_CHARACTERS], **_sums([row])
    )  # fmt: skip


def _district(row: dict[str, str], parts: list[dict[str, str]], boundaries: dict[str, BaseGeometry]) -> dict[str, Any]:
    geometry = _union(boundaries[part["code"]] for part in parts)
    return _feature(
        geometry, kode=row["code"], kode_bps=row["bps_code"], nama=row["name"], kode_kota=_CITY_CODE, **_sums(parts)
    )  # fmt: skip


def _sums(parts: Iterable[dict[str, str]]) -> dict[str, float | int]:
    parts = list(parts)
    return {
        "luas_km2": round(sum(float(part["area_km2"]) for part in parts), 3),
        "perkiraan_penduduk": sum(int(part["population_estimate"]) for part in parts),
    }


def _union(geometries: Iterable[BaseGeometry]) -> BaseGeometry:
    import shapely  # noqa: PLC0415 - See the module's first lines.

    return shapely.coverage_union_all(list(geometries)).normalize()


def _feature(geometry: BaseGeometry, **properties: float | str) -> dict[str, Any]:
    import shapely  # noqa: PLC0415 - See the module's first lines.

    drawn = json.loads(shapely.to_geojson(geometry))
    return {"type": "Feature", "id": properties["kode"], "properties": properties, "geometry": drawn}


def _write(path: Path, features: list[dict[str, Any]]) -> None:
    collection = {"type": "FeatureCollection", "name": path.stem, "features": features}
    path.write_text(json.dumps(collection, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
