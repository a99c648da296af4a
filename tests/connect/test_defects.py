"""The defects that agencies' real files have, each found by rules in YAML. The files are no part of the product."""

from __future__ import annotations

import csv
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from simpul.app import quality
from simpul.app.identity import operator
from simpul.domain.quality import Finding, Report
from tests.connect.kota import CITY, TENANT, Kota, csv_source, entity_uri

PADANG = [100.13, -1.15, 100.58, -0.72]


@pytest.fixture
def city(kota: Kota, real_data: Path) -> Kota:
    kota.write_city(**{**CITY, "bounds": PADANG})
    return kota


def real_file(folder: Path, name: str, city: Kota) -> str:
    """Return the name of a copy of a real file in the city's folder; skip the test where there is none."""
    path = folder / name
    if not path.is_file():
        pytest.skip(f"the real file {name} is not here")
    shutil.copy(path, city.folder / path.name)
    return path.name


def source(name: str, file: str, attributes: dict[str, Any], **changes: Any) -> dict[str, Any]:
    entity = {"type": "Thing", "id": entity_uri("Thing", name + ":{" + str(changes.get("key", "id")) + "}")}
    declaration = csv_source(source=name, read={"path": file}, entity={**entity, "attributes": attributes})
    return {**declaration, **changes}


def report_of(city: Kota, name: str) -> Report:
    run = city.sync(name)
    assert run.error is None
    report = city.look(lambda hub: quality.get_quality(operator(TENANT), hub, name)).report
    assert report is not None
    return report


def finding(report: Report, rule: str, where: str | None = None) -> Finding:
    found = [one for one in report.findings if one.rule == rule and where in (None, one.where)]
    assert len(found) == 1, [(one.rule, one.where) for one in report.findings]
    return found[0]


def reasons(one: Finding) -> dict[str, str]:
    return {sample.key: sample.reason for sample in one.samples}


BANDUNG_CODES = {
    "column": "kode",
    "list": "kemendagri",
    "within": "32.73",
    "names": ["Kecamatan", "Kelurahan/Desa"],
}


def population(file: str, **changes: Any) -> dict[str, Any]:
    rules = [
        {"rule": "rows", "from": 151, "to": 151},
        {"rule": "keys", "column": "kode", "list": "kemendagri", "within": "32.73", "depth": 2},
        {"rule": "total", "column": "Jumlah Penduduk", "equals": 2591763},
        {"rule": "parts", "column": ["Laki-laki", "Perempuan"], "equals": "Jumlah Penduduk"},
    ]
    attributes = {"name": "Kelurahan/Desa", "population": {"column": "Jumlah Penduduk", "number": "plain"}}
    return source("penduduk", file, attributes, key="kode", codes=[{**BANDUNG_CODES, **changes}], rules=rules)


def test_defect_1_a_row_count_that_is_right_hides_a_village_that_is_there_twice(city: Kota, real_data: Path) -> None:
    file = real_file(real_data, "population/dukcapil_gis_kota_bandung_2024s2.csv", city)
    city.declare(population(file))
    report = report_of(city, "penduduk")
    assert report.rows == 151
    assert finding(report, "rows").broken == 0
    keys = reasons(finding(report, "keys"))
    assert keys == {
        "32.73.27.1004": "Rancanumpang is missing",
        "32.73.27.1001": "Cimincrang is there 2 times",
    }
    assert "the sum is 2,590,809: 954 less than 2,591,763" in str(reasons(finding(report, "total")))
    assert finding(report, "parts").broken == 0


def test_defect_2_names_that_are_written_differently_find_their_codes(city: Kota, real_data: Path) -> None:
    file = real_file(real_data, "population/dukcapil_gis_kota_bandung_2024s2.csv", city)
    city.declare(population(file))
    city.sync("penduduk")
    # ASTANA ANYAR is Astanaanyar, and MEKARMULYA the name that Mekar Jaya once had.
    assert city.entity(entity_uri("Thing", "penduduk:32.73.10.1001")) is not None
    assert city.values(entity_uri("Thing", "penduduk:32.73.23.1004"))["name"] == "MEKARMULYA"
    assert [reject.rule for reject in city.rejects("penduduk")] == ["key"]


def test_defect_2_words_that_are_misspelt_are_told_with_the_right_one(city: Kota, real_data: Path) -> None:
    lists = real_file(real_data, "siak_reference_codes/kode_referensi_kependudukan.csv", city)
    city.write(
        "codelists/agama.yaml",
        {
            "codelist": "agama",
            "title": "Agama",
            "path": lists,
            "code": "kode",
            "name": "nama",
            "filter": {"kelompok": "agama"},
        },
    )
    city.write_csv("agama.csv", [["id", "agama"], [1, "Katholik"], [2, "KHATOLIK"], [3, "Konghuchu"], [4, "Buddha"]])
    codes = [{"column": "kode", "list": "agama", "names": "agama", "score": 80}]
    city.declare(source("agama", "agama.csv", {"religion": "kode", "name": "agama"}, codes=codes))
    assert report_of(city, "agama").rows == 4
    found = {number: city.values(entity_uri("Thing", f"agama:{number}"))["religion"] for number in (1, 2, 3, 4)}
    with (city.folder / lists).open(newline="") as opened:
        official = {row["nama"].title(): row["kode"] for row in csv.DictReader(opened) if row["kelompok"] == "agama"}
    assert found[1] == found[2] == official["Katholik"]
    assert found[3] == official["Khonghucu"]
    assert found[4] == official["Budha"]


def test_defect_3_numbers_that_mean_no_rain_was_measured_are_counted_apart(city: Kota, real_data: Path) -> None:
    file = real_file(real_data, "padang_rainfall/rain_posts_padang_daily_2015_2025.csv", city)
    rules = [
        {"rule": "sentinel", "column": "RAINFALL DAY MM", "values": ["9999.0", "8888.0"]},
        {"rule": "complete", "column": "RAINFALL DAY MM", "share": 99.9},
        {"rule": "range", "column": "RAINFALL DAY MM", "from": 0, "to": 500, "severity": "warn"},
    ]
    attributes = {"rainfall": {"column": "RAINFALL DAY MM", "number": "plain", "unknown": ["9999.0", "8888.0"]}}
    key = ["POS HUJAN ID", "DATA TIMESTAMP"]
    entity = {
        "type": "RainGauge",
        "id": entity_uri("RainGauge", "{POS HUJAN ID}:{DATA TIMESTAMP|digits}"),
        "attributes": attributes,
    }
    city.declare(csv_source(source="hujan", read={"path": file}, key=key, entity=entity, rules=rules))
    report = report_of(city, "hujan")
    assert report.rows == 27_018
    found = finding(report, "sentinel")
    assert found.broken == 3_127 + 850
    assert reasons(found) == {
        "9999.0": "'9999.0' stands 3127 times for `not known`",
        "8888.0": "'8888.0' stands 850 times for `not known`",
    }
    assert finding(report, "complete").broken == 136
    assert finding(report, "range").broken == 3_127 + 850


def boundaries(city: Kota, folder: Path, file: str, type_name: str) -> None:
    """Read the areas of a real file into the hub."""
    path = real_file(folder, f"boundaries/{file}", city)
    attributes = {"name": "nama", "code": {"column": "kode", "text": True}, "location": {"geometry": "@geometry"}}
    name = type_name.lower()
    declaration = source(name, path, attributes, kind="geo", key="kode")
    declaration["entity"]["type"] = type_name
    city.declare(declaration)
    assert city.sync(name).error is None


def test_defect_4_a_post_that_lies_elsewhere_than_it_says_is_found(city: Kota, real_data: Path) -> None:
    boundaries(city, real_data, "padang_kecamatan.geojson", "Kecamatan")
    with (real_data / "padang_rainfall/rain_posts_padang_daily_2015_2025.csv").open(newline="") as opened:
        posts = {row["POS HUJAN ID"]: row for row in csv.DictReader(opened)}
    rows: list[list[object]] = [["id", "nama", "kecamatan", "bujur", "lintang"]]
    for name, row in posts.items():
        code = f"{name[:2]}.{name[2:4]}.{name[4:6]}"
        rows.append([name, row["NAME"], code, row["CURRENT LONGITUDE"], row["CURRENT LATITUDE"]])
    # What a clerk does to coordinates: swapped, a comma for a point, a number of something else.
    rows += [["x1", "Swapped", "13.71.03", -0.95, 100.36], ["x2", "Other column", "13.71.03", 88789, 897]]
    city.write_csv("pos.csv", rows)
    rules = [{"rule": "in_place", "attribute": "location", "type": "Kecamatan", "column": "kecamatan", "by": "code",
              "severity": "warn"}]  # fmt: skip
    attributes = {"name": "nama", "location": {"point": {"longitude": "bujur", "latitude": "lintang"}}}
    city.declare(source("pos", "pos.csv", attributes, rules=rules))
    report = report_of(city, "pos")
    wrong = reasons(finding(report, "in_place"))
    assert wrong["13710101e"].endswith("it lies in no Kecamatan, and the row says '13.71.01'")
    assert wrong["13710702a"].endswith("it lies in Lubuk Begalung, and the row says '13.71.07'")
    assert wrong["13711001a"].endswith("it lies in Padang Utara, and the row says '13.71.10'")
    assert wrong["x1"].endswith("longitude and latitude look swapped")
    assert set(wrong) == {"13710101e", "13710702a", "13711001a", "x1", "x2"}
    assert [(reject.key, reject.rule) for reject in city.rejects("pos")] == [("x1", "coordinate"), ("x2", "coordinate")]


def test_defect_5_rows_and_dates_that_stand_for_nothing_are_no_records(city: Kota, real_data: Path) -> None:
    file = real_file(real_data, "trans_padang/koridor.csv", city)
    rules = [
        {"rule": "pattern", "column": "nama", "matches": "^[0-9][ab]?$", "severity": "warn"},
        {"rule": "sentinel", "column": "nama", "values": ["tidak ada"]},
    ]
    city.declare(source("koridor", file, {"name": {"column": "nama", "text": True}}, rules=rules))
    report = report_of(city, "koridor")
    assert reasons(finding(report, "sentinel")) == {"tidak ada": "'tidak ada' stands 1 times for `not known`"}
    assert reasons(finding(report, "pattern")) == {"0": "nama: 'tidak ada' does not match ^[0-9][ab]?$"}


def test_defect_5_a_misspelt_word_is_told_with_the_right_one(city: Kota) -> None:
    city.write_csv(
        "s.csv", [["id", "pemilik", "tanggal"], [1, "Swasts", "0000-00-00"], [2, "Pemerintah", "0008-09-05"]]
    )
    rules = [{"rule": "one_of", "column": "pemilik", "values": ["Swasta", "Pemerintah"]}]
    attributes = {"owner": "pemilik", "date": {"column": "tanggal", "date": "iso"}}
    city.declare(source("s", "s.csv", attributes, rules=rules))
    report_of(city, "s")
    found = {reject.key: reject.reason for reject in city.rejects("s")}
    assert found == {
        "1": "pemilik: 'Swasts' is none of Swasta, Pemerintah; did you mean 'Swasta'?",
        "2": "tanggal: the year 8 cannot be right",
    }


def test_defect_6_parents_that_are_not_the_sum_of_their_children_are_found(city: Kota, real_data: Path) -> None:
    file = real_file(real_data, "apbd_samples/apbd_2021_uraian_rekening.csv", city)
    codes = real_file(real_data, "apbd_codes/akun_belanja.csv", city)
    city.write(
        "codelists/belanja.yaml",
        {
            "codelist": "belanja",
            "title": "Akun belanja",
            "path": codes,
            "code": "kode",
            "name": "uraian",
            "hierarchy": "dotted",
        },
    )
    rules = [
        {"rule": "tree", "column": "anggaran", "code": "kode_rekening", "group": ["tahun", "st_anggaran"]},
        {
            "rule": "pattern",
            "column": "kode_rekening",
            "severity": "warn",
            "matches": r"^\d(\.\d(\.\d\d(\.\d\d(\.\d\d(\.\d{4})?)?)?)?)?$",
        },
        {"rule": "code", "column": "kode_rekening", "list": "belanja", "severity": "warn"},
    ]
    key = ["kode_rekening", "tahun", "st_anggaran"]
    entity = {
        "type": "Budget",
        "id": entity_uri("Budget", "{kode_rekening}:{tahun}:{st_anggaran}"),
        "attributes": {"name": "uraian", "budget": {"column": "anggaran", "number": "plain"}},
    }
    city.declare(csv_source(source="apbd", read={"path": file}, key=key, entity=entity, rules=rules))
    report = report_of(city, "apbd")
    tree = finding(report, "tree")
    assert (tree.checked, tree.broken) == (620, 259)
    assert reasons(tree)["2021 1 4"] == "it has 2,200,000,000, and what lies below it has 7,528,548,086,300"
    # Only the two first levels are padded alike in both codings.
    assert finding(report, "pattern").broken == 1_872 - 4 - 18
    assert finding(report, "code").broken > 1_000


def test_defect_6_a_code_that_a_spreadsheet_made_a_number_is_found(city: Kota) -> None:
    rows: list[list[object]] = [["id", "kegiatan"], [1, "2.09"], [2, 2.10], [3, "2.11"]]
    city.write_workbook("kegiatan.xlsx", {"Lembar1": rows})
    rules = [{"rule": "pattern", "column": "kegiatan", "matches": r"^\d\.\d\d$"}]
    city.declare(source("kegiatan", "kegiatan.xlsx", {"code": {"column": "kegiatan", "text": True}}, rules=rules))
    report_of(city, "kegiatan")
    assert {one.key: one.raw["kegiatan"] for one in city.rejects("kegiatan")} == {"2": 2.1}


def test_defect_7_asset_codes_without_their_first_part_and_registers_used_twice(city: Kota, real_data: Path) -> None:
    file = real_file(real_data, "assets/inventaris_uppd_pelaihari.csv", city)
    rooms = real_file(real_data, "assets/ruangan_uppd_pelaihari.csv", city)
    rules = [
        {"rule": "pattern", "column": "kode_barang", "matches": r"^\d\d(\.\d\d){4}$", "severity": "warn"},
        {"rule": "unique", "column": ["kode_barang", "nomor_registrasi"], "severity": "warn"},
        {"rule": "required", "column": "kode_barang", "severity": "warn"},
        {"rule": "references", "attribute": "refRoom"},
    ]
    attributes = {"name": "nama_barang", "refRoom": {"relationship": entity_uri("Thing", "ruangan:{id_ruangan}")}}
    city.declare(
        source("ruangan", rooms, {"name": "nama_ruangan"}, key="id_ruangan"),
        source("aset", file, attributes, key="id_barang", rules=rules),
    )
    city.sync("ruangan")
    report = report_of(city, "aset")
    found = {one.rule: one.broken for one in report.findings}
    assert found == {"key": 0, "pattern": 339, "unique": 18, "required": 70, "references": 2}
    assert reasons(finding(report, "references"))["BM00067"] == f"there is no {entity_uri('Thing', 'ruangan:44')}"


def test_defect_8_events_that_come_with_two_overlapping_pulls_are_kept_once(city: Kota, real_data: Path) -> None:
    path = real_data / "earthquake/bmkg_gempa_sekitar_padang_2008_2023.csv"
    if not path.is_file():
        pytest.skip("the real list of earthquakes is not here")
    with path.open(newline="") as opened:
        header, *events = csv.reader(opened)
    # Each page has a day, and the next page begins with that day again where the day was the last of its month.
    pulled = [row for row in events for _ in range(2 if row[0].endswith(("-30", "-31")) else 1)]
    city.write_csv("gempa.csv", [header, *([*row[:-1], row[-1].replace(",", "")] for row in pulled)])
    entity = {"type": "Quake", "id": entity_uri("Quake", "{tgl}T{ot}:{lat}:{lon}"), "attributes": {"magnitude": "mag"}}
    city.declare(csv_source(source="gempa", read={"path": "gempa.csv"}, key=["tgl", "ot", "lat", "lon"], entity=entity))
    report = report_of(city, "gempa")
    assert (report.rows, finding(report, "key").broken) == (len(pulled), len(pulled) - len(events))
    assert city.count("Quake") == len(events) == 3_504


def test_defect_8_a_map_that_names_the_wrong_year_points_to_no_event(city: Kota, real_data: Path) -> None:
    path = real_data / "earthquake/shakemap_20190930000000_grid.xml"
    events = real_data / "earthquake/bmkg_gempa_sekitar_padang_2008_2023.csv"
    if not path.is_file() or not events.is_file():
        pytest.skip("the real map of an earthquake is not here")
    stamp = re.search(r'event_timestamp="(\d{4}-\d\d-\d\d)', path.read_text()[:4_000])
    assert stamp is not None
    with events.open(newline="") as opened:
        strong = [row["tgl"] for row in csv.DictReader(opened) if float(row["mag"]) >= 7.4]
    city.write_csv("kuat.csv", [["id"], *([day] for day in dict.fromkeys(strong))])
    city.write_csv("peta.csv", [["id", "hari"], ["as labelled", stamp[1]], ["as it was", "2009-09-30"]])
    link = {"refQuake": {"relationship": entity_uri("Thing", "kuat:{hari}")}}
    rules = [{"rule": "references", "attribute": "refQuake"}]
    city.declare(source("kuat", "kuat.csv", {"day": "id"}), source("peta", "peta.csv", link, rules=rules))
    city.sync("kuat")
    wrong = reasons(finding(report_of(city, "peta"), "references"))
    assert list(wrong) == ["as labelled"]


def test_defect_9_a_picture_with_the_name_of_a_table_is_called_what_it_is(city: Kota, real_data: Path) -> None:
    file = real_file(real_data, "padang_hazard/padang_tsunami_mw8.8_depth.tif", city)
    shutil.move(city.folder / file, city.folder / "genangan.asc")
    city.declare(source("genangan", "genangan.asc", {"depth": "depth"}))
    run = city.sync("genangan")
    assert run.error is not None
    assert "TIFF" in run.error


def test_defect_9_a_table_without_a_header_is_told_by_its_columns(city: Kota) -> None:
    (city.folder / "crm.csv").write_bytes("\ufeffJalan rusak,120\nBanjir,33\n".encode())
    city.declare(source("crm", "crm.csv", {"count": "jumlah"}, key="kategori"))
    error = city.sync("crm").error or ""
    assert "the source has no column" in error
    assert "Jalan rusak" in error


def test_defect_10_a_code_of_the_statistics_office_is_known_for_what_it_is(city: Kota, real_data: Path) -> None:
    file = real_file(real_data, "reference_bridging/bps_kemendagri_kecamatan.csv", city)
    with (city.folder / file).open(newline="") as opened:
        rows = [row for row in csv.DictReader(opened) if row["kode_dagri"].startswith("1371")]
    city.write_csv(
        "kecamatan.csv", [["id", "kode"], *([row["nama_bps"], row["kode_bps"]] for row in rows), ["x", "1306"]]
    )
    rules = [{"rule": "code", "column": "kode", "list": "kemendagri"}]
    city.declare(source("kecamatan", "kecamatan.csv", {"code": "kode"}, rules=rules))
    assert finding(report_of(city, "kecamatan"), "code").broken == 12
    wrong = {one.key: one.reason for one in city.rejects("kecamatan")}
    assert wrong["BUNGUS TELUK KABUNG"] == (
        "kode: '1371010' is no code of kemendagri; it is bps's code of Bungus Teluk Kabung, here 13.71.05"
    )
    assert wrong["x"].endswith("it is bps's code of Kabupaten Padang Pariaman, here 13.05")


def test_defect_11_what_two_agencies_know_together_shows_a_stop_outside_the_city(city: Kota, real_data: Path) -> None:
    boundaries(city, real_data, "padang_kelurahan.geojson", "Kelurahan")
    file = real_file(real_data, "trans_padang/halte.csv", city)
    rules = [{"rule": "in_place", "attribute": "location", "type": "Kelurahan", "severity": "warn"}]
    attributes = {"name": "nama", "location": {"point": {"longitude": "longitude", "latitude": "latitude"}}}
    city.declare(source("halte", file, attributes, rules=rules, skip=[{"column": "id", "is": [0]}]))
    found = finding(report_of(city, "halte"), "in_place")
    assert (found.checked, found.broken) == (318, 1)
