"""What is proposed is called by whole words, Smart Data Models' first; a list of values has to be seen often enough."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from simpul.connect.connector import NOTHING_TOLD
from simpul.connect.proposal.columns import look_at
from simpul.connect.proposal.identity import find_identity
from simpul.connect.proposal.models import guess_type, name_attributes
from simpul.connect.proposal.words import Measured, measured, own_name, own_type
from tests.connect.kota import Kota
from tests.connect.looking import new, proposed


@pytest.mark.parametrize(("column", "words", "unit"), [
    ("Curah Hujan (mm)", ("curah", "hujan"), "MMT"), ("TINGGI M", ("tinggi",), "MTR"), ("m", ("m",), ""),
    ("luas_ha", ("luas",), "HAR"), ("kecepatan km/jam", ("kecepatan",), "KMH"), ("angin (m/s)", ("angin",), "MTS"),
    ("PM10 (µg/m3)", ("pm10",), "GQ"), ("Kelembapan %", ("kelembapan",), "P1"), ("persen", ("persen",), "P1"),
    ("m_awal", ("m", "awal"), ""), ("nama", ("nama",), ""), ("suhu derajat celsius", ("suhu",), "CEL"),
])  # fmt: skip
def test_a_unit_is_told_from_what_is_measured(column: str, words: tuple[str, ...], unit: str) -> None:
    assert measured(column) == Measured(words, unit)


@pytest.mark.parametrize(("column", "name"), [
    ("OPEN_DT", "openDate"), ("jml_pddk", "jumlahPddk"), ("No Urut", "nomorUrut"), ("no", "no"), ("tgl", "tanggal"),
    ("KD_KEC", "kodeKecamatan"), ("phone_no", "phoneNo"), ("2015", "column2015"), ("", "column"),
])  # fmt: skip
def test_an_attribute_is_called_by_whole_words(column: str, name: str) -> None:
    assert own_name(column) == name


@pytest.mark.parametrize(("title", "name"), [
    ("springfield_2015_12types", "Springfield"), ("rekap 3pos harian", "Pos"), ("tbl_kec", "Kecamatan"),
    ("2015", "Table2015"), ("", "Record"),
])  # fmt: skip
def test_a_type_is_not_called_by_numbers_or_by_what_every_table_is(title: str, name: str) -> None:
    assert own_type(title) == name


@pytest.mark.parametrize(("title", "columns", "type_name"), [
    ("katalog sensor", ["code"], "Device"),
    ("springfield_311", ["OPEN_DT", "CASE_STATUS", "TYPE"], "service_requests"),
    ("inventaris_kantor", ["kode_barang", "merk", "kondisi"], "Asset"),
    ("batas_kelurahan", ["kode", "nama"], "AdministrativeArea"),
    ("rain posts daily", ["POST ID", "RAINFALL DAY MM"], "WeatherObserved"),
])  # fmt: skip
def test_a_type_is_found_by_its_words(title: str, columns: Sequence[str], type_name: str) -> None:
    guess = guess_type(title, columns)
    assert guess is not None
    assert guess.type_name == type_name


def test_a_value_is_known_in_spite_of_its_unit_its_period_and_its_abbreviation() -> None:
    assert name_attributes("WeatherObserved", ["RAINFALL DAY MM", "suhu (celsius)"], "hujan") == {
        "RAINFALL DAY MM": "precipitation", "suhu (celsius)": "temperature",
    }  # fmt: skip
    assert name_attributes("service_requests", ["TARGET_DT", "DEPT"], "x") == {
        "TARGET_DT": "expected_datetime", "DEPT": "agency_responsible",
    }  # fmt: skip


def test_the_unit_of_a_number_stands_in_its_unit_code_alone(kota: Kota) -> None:
    rows = [[number, number * 2.5, f"{number} m"] for number in range(1, 30)]
    kota.write_csv("tiang.csv", [["id", "Tinggi Tiang (m)", "Jarak m"], *rows])
    assert new(kota, "tiang.csv").exit_code == 0
    attributes = proposed(kota, "tiang")["entity"]["attributes"]
    assert attributes["tinggiTiang"] == {"column": "Tinggi Tiang (m)", "number": "plain", "unit": "MTR"}
    assert attributes["jarakM"] == {"column": "Jarak m"}, "what is no number has no unit code"


def test_the_folder_of_a_file_says_what_it_is_where_its_name_does_not(kota: Kota) -> None:
    (kota.folder / "pengaduan").mkdir()
    kota.write_csv("pengaduan/2015_q3.csv", [["id", "isi"], *([n, f"Jalan rusak {n}"] for n in range(1, 30))])
    told = new(kota, "pengaduan/2015_q3.csv", "--source", "aduan")
    assert told.exit_code == 0, told.output
    assert proposed(kota, "aduan")["entity"]["type"] == "Complaint"
    assert "(the name of its folder)" in (kota.folder / "sources/aduan.yaml").read_text()


def choices(kota: Kota, values: Iterable[str], *more: str) -> tuple[list[Any], str]:
    """Return the lists of values that are proposed for a column, and the whole proposal."""
    kota.write_csv("data.csv", [["id", "kondisi"], *([n, value] for n, value in enumerate(values))])
    assert new(kota, "data.csv", "--source", "data", *more).exit_code == 0
    rules = proposed(kota, "data").get("rules", [])
    found = [rule["values"] for rule in rules if rule["rule"] == "one_of"]
    return found, (kota.folder / "sources/data.yaml").read_text(encoding="utf-8")


def test_values_that_are_each_seen_often_are_a_list(kota: Kota) -> None:
    assert choices(kota, ("Baik", "Rusak") * 30)[0] == [["Baik", "Rusak"]]


def test_a_value_that_is_seen_seldom_makes_the_list_a_question(kota: Kota) -> None:
    found, written = choices(kota, ["Baik", "Rusak"] * 30 + ["Hilang"])
    assert found == []
    assert "1 of them in fewer than 5 rows, so there may be more: are these all?" in written
    assert "# - {rule: one_of, column: kondisi, values: [Baik, Hilang, Rusak], severity: warn}" in written


def test_a_value_that_comes_late_makes_the_list_a_question(kota: Kota) -> None:
    found, written = choices(kota, ["Baik", "Rusak"] * 30 + ["Hilang", "Baik"] * 20)
    assert found == []
    assert "1 of them are new in the second half of the rows" in written


def test_a_sample_that_is_a_small_part_of_the_rows_makes_the_list_a_question(
    kota: Kota, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simpul.limits.PROPOSAL_ROWS_MAX", 60)
    found, written = choices(kota, ("Baik", "Rusak") * 300)
    assert found == []
    assert "most rows were not looked at" in written


def test_what_names_a_thing_is_no_list_however_few_there_are(kota: Kota) -> None:
    rows = [[f"P{n % 3}", f"Pos {n % 3}", f"2024-01-{1 + n // 3:02}", n * 1.5] for n in range(84)]
    kota.write_csv("hujan.csv", [["kode_pos", "nama", "tanggal", "curah_hujan"], *rows])
    assert new(kota, "hujan.csv").exit_code == 0
    assert not [rule for rule in proposed(kota, "hujan").get("rules", []) if rule["rule"] == "one_of"]


def test_a_code_that_is_nearly_unique_identifies_alone() -> None:
    codes = [*(f"S{n}" for n in range(300)), "S7"]
    rows = [[code, f"2020-01-{1 + n % 28:02}", n % 7] for n, code in enumerate(codes)]
    columns = [look_at(name, at, [row[at] for row in rows]) for at, name in enumerate(("code", "dipasang", "jenis"))]
    found = find_identity(columns, rows, NOTHING_TOLD, ())
    assert (found.key, found.in_id, found.copies) == (("code",), ("code",), 1)
    assert "1 of 301 rows are copies by it" in found.because


def _layer(kota: Kota, west: float) -> dict[str, Any]:
    features = [
        {"type": "Feature", "properties": {"kode": f"K{n}", "lat": -0.95, "lng": west},
         "geometry": {"type": "Polygon", "coordinates": [[[west, -1], [west + 0.1, -1], [west, -0.9], [west, -1]]]}}
        for n in range(1, 12)
    ]  # fmt: skip
    (kota.folder / "batas.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    assert new(kota, "batas.geojson", "--source", "batas").exit_code == 0
    return proposed(kota, "batas")


@pytest.mark.parametrize(("west", "is_inside"), [(100.3, True), (110.0, False)])
def test_geometries_are_held_against_the_citys_bounds_where_most_lie_in_them(
    kota: Kota, west: float, is_inside: bool
) -> None:
    plain = _layer(kota, west)
    assert ("inside" in [rule["rule"] for rule in plain.get("rules", [])]) is is_inside
    assert "lat" not in str(plain["entity"]["attributes"]), "the geometry says where"


@pytest.mark.parametrize(("file", "type_name", "attributes"), [
    ("complaints/boston_311_2015_12types.csv", "service_requests", {"status", "requested_datetime", "closedDate"}),
    ("padang_rainfall/rain_posts_padang_daily_2015_2025.csv", "WeatherObserved", {"stationCode", "precipitation"}),
    ("assets/inventaris_uppd_pelaihari.csv", "Asset", {"assetCode", "brand", "condition", "yearAcquired"}),
])  # fmt: skip
def test_types_and_attributes_of_real_systems_are_known(
    kota: Kota, real_data: Path, file: str, type_name: str, attributes: set[str]
) -> None:
    path = real_data / file
    assert new(kota, str(path), "--source", "asli").exit_code == 0
    entity = proposed(kota, "asli")["entity"]
    assert entity["type"] == type_name
    assert attributes <= set(entity["attributes"])
