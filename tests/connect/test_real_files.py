"""Agencies' real files, with their real defects. They are no part of the product; without them this is skipped."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from simpul.connect.connector import Row, Surroundings
from simpul.connectors.table.reader import open_reading
from tests.connect.kota import CITY, TENANT, Kota, csv_source, entity_uri


@pytest.fixture
def padang(kota: Kota) -> Kota:
    kota.write_city(**{**CITY, "bounds": [100.13, -1.15, 100.57, -0.72]})
    return kota


def table(name: str, path: Path, kota: Kota, **changes: Any) -> dict[str, Any]:
    shutil.copy(path, kota.folder / path.name)
    return csv_source(**{"source": name, "read": {"path": path.name}, **changes})


def test_the_bus_stops_of_trans_padang(padang: Kota, real_data: Path) -> None:
    entity = {
        "type": "BusStop",
        "id": entity_uri("BusStop", "{id}"),
        "attributes": {"name": "nama", "location": {"point": {"longitude": "longitude", "latitude": "latitude"}}},
    }
    rules = [
        {"rule": "required", "column": ["nama", "latitude"]},
        {"rule": "inside", "attribute": "location", "area": "city"},
    ]
    skip = [{"column": "id", "is": [0]}]
    padang.declare(table("halte", real_data / "trans_padang/halte.csv", padang, entity=entity, rules=rules, skip=skip))
    run = padang.sync()
    assert (run.rows_read, run.rows_written, run.rows_rejected) == (318, 318, 0)
    with (real_data / "trans_padang/halte.csv").open(newline="") as file:
        names = {row["id"]: row["nama"] for row in csv.DictReader(file)}
    ragged = next(number for number, name in names.items() if name != name.strip())
    assert padang.values(entity_uri("BusStop", ragged))["name"] == names[ragged].strip()


def test_the_asset_register_with_its_copies_and_gaps(padang: Kota, real_data: Path) -> None:
    entity = {
        "type": "Asset",
        "id": entity_uri("Asset", "{id_barang}"),
        "attributes": {
            "name": "nama_barang",
            "code": {"column": "kode_barang", "text": True},
            "register": {"column": "nomor_registrasi", "text": True},
            "price": {"column": "harga", "number": "plain", "unknown": [0]},
        },
    }
    rules = [
        {"rule": "required", "column": ["nama_barang", "kode_barang"]},
        {"rule": "unique", "column": ["kode_barang", "nomor_registrasi"]},
    ]
    path = real_data / "assets/inventaris_uppd_pelaihari.csv"
    padang.declare(table("aset", path, padang, key="id_barang", entity=entity, rules=rules))
    run = padang.sync("aset")
    assert run.rows_read == 409
    assert Counter(reject.rule for reject in padang.rejects("aset")) == {"required": 70, "unique": 18}
    assert run.rows_written == 409 - 88
    assert padang.values(entity_uri("Asset", "00001"))["register"] == "0011"


def test_the_daily_rain_with_its_sentinels(padang: Kota, real_data: Path) -> None:
    entity = {
        "type": "RainGauge",
        "id": entity_uri("RainGauge", "{POS HUJAN ID}"),
        "observed_at": {"column": "DATA TIMESTAMP", "date": "%Y-%m-%d %H:%M:%S.%f %z"},
        "attributes": {
            "name": "NAME",
            "rainfall": {"column": "RAINFALL DAY MM", "number": "plain", "unknown": [8888, 9999], "unit": "MMT"},
        },
    }
    path = real_data / "padang_rainfall/rain_posts_padang_daily_2015_2025.csv"
    key = ["POS HUJAN ID", "DATA TIMESTAMP"]
    padang.declare(table("hujan", path, padang, key=key, entity=entity))
    run = padang.sync("hujan")
    assert (run.error, run.rows_read, run.rows_rejected) == (None, 27_018, 0)
    assert run.rows_written == 27_018 - 136 - 3_127 - 850 + 3  # Three posts begin with a day that is not known.
    assert padang.count("RainGauge") == 10
    values = padang.history(entity_uri("RainGauge", "13710101e"), "rainfall")
    assert max(values) < 1_000


def test_the_boundaries_of_the_kelurahan(padang: Kota, real_data: Path) -> None:
    path = real_data / "boundaries/padang_kelurahan.geojson"
    entity = {
        "type": "Kelurahan",
        "id": entity_uri("Kelurahan", "{kode}"),
        "attributes": {"name": "nama", "code": {"column": "kode", "text": True}, "location": {"geometry": "@geometry"}},
    }
    rules = [{"rule": "inside", "attribute": "location", "area": "city"}]
    padang.declare(table("kelurahan", path, padang, kind="geo", key="kode", entity=entity, rules=rules))
    run = padang.sync("kelurahan")
    assert (run.error, run.rows_written) == (None, 104)
    original = json.loads(path.read_text())["features"][0]
    kept = padang.values(entity_uri("Kelurahan", original["properties"]["kode"]))
    assert kept["location"] == original["geometry"]


@pytest.mark.parametrize(("file", "settings", "columns"), [
    ("54_lra_20241010-100421.xlsx", {"skip_rows": 13, "header_rows": 2},
     ["KODE REKENING", "URAIAN", "ANGGARAN", "REALISASI"]),
    ("anggaran_kas_54_20241002-132426.xlsx", {"sheet": "JAN-FEB", "skip_rows": 6},
     ["Nama OPD", "Total Anggaran", "Rincian", "Januari", "Triwulan IV"]),
    ("1-kegiatan-20250619-190723.xlsx", {"sheet": "Kegiatan", "skip_rows": 4},
     ["NO", "NAMA KEGIATAN", "PAGU ANGGARAN", "TGL. KONTRAK"]),
])  # fmt: skip
def test_the_headers_of_budgets_as_they_are_sent(
    real_data: Path, file: str, settings: dict[str, Any], columns: list[str]
) -> None:
    reading = open_reading({"path": file, **settings}, Surroundings(real_data / "apbd_samples"))
    assert [name for name in columns if name not in reading.columns] == []
    assert any(isinstance(row, Row) for row in reading.rows())


def test_the_accounts_of_a_realisation_report(padang: Kota, real_data: Path) -> None:
    path = real_data / "apbd_samples/54_lra_20241010-100421.xlsx"
    code = "KODE REKENING (3)"
    entity = {
        "type": "BudgetLine",
        "id": entity_uri("BudgetLine", f"{{{code}}}"),
        "attributes": {"budget": {"column": "ANGGARAN (2)", "number": "indonesian", "unit": "IDR"}},
    }
    read = {"path": path.name, "skip_rows": 13, "header_rows": 2}
    skip = [{"column": code, "empty": True}]
    padang.declare(table("lra", path, padang, key=code, read=read, entity=entity, skip=skip))
    run = padang.sync("lra")
    assert (run.error, run.rows_written) == (None, 9)
    assert padang.values(f"urn:ngsi-ld:BudgetLine:{TENANT}:4.1")["budget"] == 10_000_000
