"""Sources proposed by looking at real systems: they can be applied as they are, and no personal value is shown."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from simpul.connect.proposal.columns import DATE, look_at
from simpul.connect.proposal.models import COMMON, guess_type, models, name_attributes
from simpul.connect.proposal.personal import find_personal
from simpul.connect.proposal.words import own_name
from simpul.connect.proposal.writing import flow
from simpul.connectors.table.offers import Header, find_header
from tests.connect.kota import Kota, entity_uri
from tests.connect.looking import new, proposed, take_over
from tests.connect.servers import PASSWORD, Server
from tests.connect.service import Asked, Told, run_service

STOPS = [
    (number, f"Halte {number}", -0.9 - number / 1000, 100.3 + number / 1000, number % 40,
     "Baikk" if number == 9 else ("Baik", "Rusak Ringan")[number % 2], f"0812{number:07d}")
    for number in range(1, 61)
]  # fmt: skip
STOPS_TABLE = (
    "CREATE TABLE tbl_halte (id INTEGER PRIMARY KEY, nama_halte VARCHAR(80), lat DOUBLE PRECISION, "
    "lng DOUBLE PRECISION, kapasitas INTEGER, kondisi VARCHAR(20), no_hp_petugas VARCHAR(20))"
)
PEOPLE = [
    (number, f"137101{number % 28 + 1:02d}0190{number:04d}", f"Siti Nomor {number}", "1990-01-02", "Jl. Rahasia 7", "P")
    for number in range(1, 41)
]


def fill(url: str, table: str, rows: Sequence[Sequence[Any]]) -> None:
    engine = create_engine(make_url(url), isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(table))
        names = ", ".join(f":c{at}" for at in range(len(rows[0])))
        statement = text(f"INSERT INTO {table.split()[2]} VALUES ({names})")
        connection.execute(statement, [{f"c{at}": cell for at, cell in enumerate(row)} for row in rows])
    engine.dispose()


@pytest.fixture
def database(kota: Kota) -> Path:
    path = kota.folder / "dishub.db"
    fill(f"sqlite:///{path}", STOPS_TABLE, STOPS)
    people = "CREATE TABLE warga (id INTEGER PRIMARY KEY, nik TEXT, nama TEXT, tgl_lahir TEXT, alamat TEXT, jk TEXT)"
    fill(f"sqlite:///{path}", people, PEOPLE)
    return path


def test_a_table_becomes_a_source_that_is_applied_unchanged(kota: Kota, database: Path) -> None:
    told = new(kota, "dishub.db", "--only", "tbl_halte")
    assert told.exit_code == 0, told.output
    assert "of 60 rows, 60 would go in and 0 be kept aside" in told.output
    plain = proposed(kota, "halte")
    assert plain["entity"]["type"] == "PublicTransportStop"
    assert plain["key"] == "id"
    assert plain["entity"]["attributes"]["location"] == {"point": {"longitude": "lng", "latitude": "lat"}}
    assert plain["entity"]["attributes"]["name"] == {"column": "nama_halte"}
    run = take_over(kota, "halte")
    assert (run.error, run.rows_written) == (None, 60)
    assert kota.values(entity_uri("PublicTransportStop", "7"))["name"] == "Halte 7"


def test_each_line_has_its_evidence(kota: Kota, database: Path) -> None:
    written = new(kota, "dishub.db", "--only", "tbl_halte", "--show").output
    assert "the database says that it is the primary key" in written
    assert "60 of 60 rows with both are places on the earth; 60 lie in the city's bounds" in written
    assert "near misses left out: Baikk (like Baik)" in written


def test_what_is_personal_is_left_out_of_a_type_that_is_not_about_people(kota: Kota, database: Path) -> None:
    written = new(kota, "dishub.db", "--only", "tbl_halte", "--show").output
    assert "no_hp_petugas: telephone number" in written
    assert not [row for row in STOPS if row[-1] in written]


def test_rows_about_people_get_a_type_that_is_not_public(kota: Kota, database: Path) -> None:
    kota.write_city(public_types=["BusStop", "Person"])
    told = new(kota, "dishub.db", "--only", "warga")
    assert "its rows are about people, so the type stays closed" in told.output
    plain = proposed(kota, "warga")
    assert plain["entity"]["type"] == "PersonalPerson"
    assert {"rule": "pattern", "column": "nik", "matches": r"^\d{16}$"} in plain["rules"]
    assert take_over(kota, "warga").rows_written == 40


def test_no_personal_value_is_ever_written_or_shown(kota: Kota, database: Path) -> None:
    told = new(kota, "dishub.db", "--all")
    assert told.exit_code == 0, told.output
    text_of_all = told.output + "".join(path.read_text() for path in (kota.folder / "sources").iterdir())
    for person in PEOPLE:
        assert not [cell for cell in person[1:5] if str(cell) in text_of_all]


def test_a_system_with_several_tables_lists_them(kota: Kota, database: Path) -> None:
    told = new(kota, "dishub.db")
    assert told.exit_code == 1
    assert "tbl_halte" in told.output
    assert "--only" in told.output


@pytest.mark.servers
@pytest.mark.parametrize("kind", ["mariadb", "postgresql"])
def test_a_password_in_a_url_becomes_a_reference(kind: str, kota: Kota, request: pytest.FixtureRequest) -> None:
    server: Server = request.getfixturevalue(kind)
    administrator = make_url(server.url)
    if kind == "postgresql":
        administrator = administrator.set(password=PASSWORD)
        create = (f"CREATE ROLE pengusul LOGIN PASSWORD '{PASSWORD}'", "GRANT SELECT ON tbl_halte TO pengusul")
        fill(administrator.render_as_string(hide_password=False), STOPS_TABLE, STOPS)
        url = f"postgresql://pengusul:%s@127.0.0.1:{server.port}/postgres"
    else:
        create = (
            f"CREATE USER 'pengusul'@'%' IDENTIFIED BY '{PASSWORD}'", "GRANT SELECT ON usulan.* TO 'pengusul'@'%'"
        )  # fmt: skip
        engine = create_engine(administrator, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with engine.connect() as connection:
            connection.execute(text("CREATE DATABASE usulan"))
        fill(administrator.set(database="usulan").render_as_string(hide_password=False), STOPS_TABLE, STOPS)
        url = f"mysql://pengusul:%s@127.0.0.1:{server.port}/usulan"
    engine = create_engine(administrator, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        for statement in create:
            connection.execute(text(statement.replace(":é", r"\:é")))
    told = new(kota, url % PASSWORD.replace("/", "%2F").replace("@", "%40"), "--only", "tbl_halte")
    assert told.exit_code == 0, told.output
    assert "60 would go in" in told.output
    written = (kota.folder / "sources" / "halte.yaml").read_text(encoding="utf-8")
    assert PASSWORD not in written + told.output
    name = "POSTGRES_PASSWORD" if kind == "postgresql" else "USULAN_PASSWORD"
    assert f"${{env:{name}}}" in written
    assert f"environment variable {name}" in told.output


def test_measurements_become_a_series_with_their_sentinels_unknown(kota: Kota) -> None:
    rows = [["Rekap Curah Hujan", "", ""], ["", "", ""], ["Pos Hujan ID", "Tanggal", "Curah Hujan (mm)"]]
    rains = ("0", "12,5", "8888", "9999", "3,25")
    rows += [[f"P{post}", f"{day:02d}/02/2024", rains[(day * post) % 5]] for day in range(1, 29) for post in (1, 2, 3)]
    kota.write_csv("hujan.csv", rows, separator=";")
    assert new(kota, "hujan.csv").exit_code == 0
    plain = proposed(kota, "hujan")
    assert plain["read"] == {"path": "hujan.csv", "skip_rows": 2}
    assert plain["entity"]["type"] == "WeatherObserved"
    assert plain["entity"]["observed_at"] == {"column": "Tanggal", "date": "%d/%m/%Y"}
    assert plain["entity"]["attributes"]["precipitation"] == {
        "column": "Curah Hujan (mm)", "number": "indonesian", "unit": "MMT", "unknown": [8888, 9999],
    }  # fmt: skip
    run = take_over(kota, "hujan")
    assert (run.error, run.rows_rejected) == (None, 0)
    assert 8888 not in kota.history(entity_uri("WeatherObserved", "P1"), "precipitation")


def test_a_workbook_with_titles_and_two_header_rows_is_read(kota: Kota) -> None:
    head: list[list[object]] = [
        ["LAPORAN REALISASI"], ["Tahun 2015"], ["Kode", "Uraian", "Anggaran", None], [None, None, "Murni", "Perubahan"],
        [1, 2, 3, 4],
    ]  # fmt: skip
    rows: list[list[object]] = [
        [f"5.{number:02d}", f"Belanja {number}", number * 1000, number * 1100] for number in range(1, 30)
    ]
    kota.write_workbook("lra.xlsx", {"LRA": [*head, *rows], "Kosong": [["x"]]})
    told = new(kota, "lra.xlsx")
    assert told.exit_code == 0, told.output
    plain = next(yaml.safe_load(path.read_text()) for path in (kota.folder / "sources").iterdir())
    assert plain["read"]["skip_rows"] == 2
    assert plain["read"]["header_rows"] == 2
    assert plain["read"]["skip_after_header_rows"] == 1
    assert plain["key"] == "Kode"
    assert take_over(kota, plain["source"]).rows_written == 29


def test_a_dump_is_read_without_a_server(kota: Kota) -> None:
    values = ",".join(f"({row[0]}, '{row[1]}', {row[2]}, {row[3]})" for row in STOPS)
    (kota.folder / "transport.sql").write_text(
        "CREATE TABLE `halte` (`id` int NOT NULL, `nama` varchar(80), `lat` double, `lng` double, PRIMARY KEY (`id`));"
        f"\nINSERT INTO `halte` VALUES {values};\nCREATE TABLE `kosong` (`id` int);\n",
        encoding="utf-8",
    )
    told = new(kota, "transport.sql")
    assert told.exit_code == 0, told.output
    assert proposed(kota, "halte")["read"] == {"path": "transport.sql", "table": "halte"}
    assert take_over(kota, "halte").rows_written == 60


def test_a_map_layer_is_read(kota: Kota) -> None:
    features = [
        {"type": "Feature", "properties": {"objectid": number, "nama": f"Taman {number}"},
         "geometry": {"type": "Point", "coordinates": [100.4, -0.9]}}
        for number in range(1, 12)
    ]  # fmt: skip
    (kota.folder / "taman_kota.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    told = new(kota, "taman_kota.geojson")
    assert told.exit_code == 0, told.output
    plain = proposed(kota, "taman")
    assert plain["entity"]["attributes"]["location"] == {"geometry": "@geometry"}
    assert take_over(kota, "taman").rows_written == 11


def test_a_service_is_read_page_by_page_with_its_secrets_as_references(kota: Kota) -> None:
    def answer(asked: Asked) -> Told:
        page = int(asked.query.get("page", "1"))
        if asked.query.get("token") != "rahasia sekali":
            return Told({"message": "no"}, status=401)
        rows = [{"id": page * 100 + at, "judul": f"Kegiatan {at}"} for at in range(10)]
        return Told({"data": rows, "pagination": {"has_next": page < 3}})

    with run_service(answer) as service:
        told = new(kota, f"{service.url}/api/kegiatan?token=rahasia%20sekali")
        assert told.exit_code == 0, told.output
        assert "of 30 rows, 30 would go in" in told.output
        plain = proposed(kota, "kegiatan")
        assert plain["read"]["query"] == {"token": "${env:SERVICE_TOKEN}"}
        assert plain["read"]["pages"] == {"style": "page", "parameter": "page", "more": "pagination.has_next"}
        written = (kota.folder / "sources" / "kegiatan.yaml").read_text(encoding="utf-8")
        assert "rahasia" not in written + told.output


def test_a_city_may_have_several_agencies_and_is_asked_whose_it_is(kota: Kota, database: Path) -> None:
    both = [{"id": one, "name": {"id": one, "en": one}} for one in ("dishub", "bpbd")]
    kota.write("agencies.yaml", {"agencies": both})
    assert "--agency with one of: dishub, bpbd" in new(kota, "dishub.db", "--only", "warga").output
    assert new(kota, "dishub.db", "--only", "warga", "--agency", "bpbd").exit_code == 0


def test_a_file_that_is_there_already_is_not_written_over(kota: Kota, database: Path) -> None:
    assert new(kota, "dishub.db", "--only", "warga", "--source", "orang").exit_code == 0
    told = new(kota, "dishub.db", "--only", "warga", "--source", "orang")
    assert told.exit_code == 1
    assert "is there already" in told.output


@pytest.mark.parametrize("where", ["tidak-ada.csv", "gopher://x", "", "kota\x00.csv"])
def test_what_is_no_system_is_told_plainly(kota: Kota, where: str) -> None:
    told = new(kota, where)
    assert told.exit_code == 1
    assert "Name a file that exists, or a URL" in told.output


def test_a_time_of_day_identifies_nothing_however_different_it_is(kota: Kota) -> None:
    rows = [[f"2024-01-{number:02d}", f"04:26:{number:02d}.1", 100.0 + number] for number in range(1, 29)]
    kota.write_csv("gempa.csv", [["tgl", "ot", "lon"], *rows])
    assert new(kota, "gempa.csv").exit_code == 0
    assert "ot" not in proposed(kota, "gempa")["key"]


def test_a_day_and_a_time_of_day_identify_together(kota: Kota) -> None:
    rows = [[f"2024-03-{1 + at // 10:02d}", f"{at % 10:02d}:{at * 7 % 60:02d}:00", at % 3] for at in range(60)]
    kota.write_csv("gempa.csv", [["tgl", "ot", "kedalaman"], *rows])
    assert new(kota, "gempa.csv").exit_code == 0
    assert proposed(kota, "gempa")["key"] == ["tgl", "ot"]


def test_codes_that_differ_in_a_digit_are_no_misspellings(kota: Kota) -> None:
    rows = [[at, f"137107{1 + at % 2:02d}a"] for at in range(1, 100)]
    kota.write_csv("hujan.csv", [["id", "pos"], *rows, [100, "13710801a"]])
    assert new(kota, "hujan.csv").exit_code == 0
    written = (kota.folder / "sources" / "hujan.yaml").read_text(encoding="utf-8")
    assert 'column: pos, values: ["13710701a", "13710702a", "13710801a"]' in written
    assert "near misses" not in written


def test_an_hour_of_twelve_is_read_as_a_date() -> None:
    facts = look_at("OPEN_DT", 0, ["08/04/2015 04:43:00 PM", "12/31/2015 11:02:09 AM"])
    assert (facts.kind, facts.form) == (DATE, "%m/%d/%Y %I:%M:%S %p")


def test_an_empty_database_is_told_plainly(kota: Kota) -> None:
    with sqlite3.connect(kota.folder / "kosong.db") as connection:
        connection.execute("CREATE TABLE a (b)")
        connection.execute("DROP TABLE a")
    connection.close()
    assert "has nothing to read" in new(kota, "kosong.db").output


@pytest.mark.parametrize(("grid", "header"), [
    ([["id", "nama"], ["1", "Pasar"]], Header(0, 1, 0)),
    ([["Judul", "", ""], ["id", "nama", "nilai"], ["1", "Pasar", "5"]], Header(1, 1, 0)),
    ([["1", "Pasar", "2016-01-01"], ["2", "Terminal", "2016-01-02"]], None),
    ([["Kode", "2014", "2015"], ["5.1", "1000", "2000"]], Header(0, 1, 0)),
])  # fmt: skip
def test_the_header_of_a_table_is_found(grid: list[list[str]], header: Header | None) -> None:
    assert find_header(grid) == header


@pytest.mark.parametrize(("table", "type_name"), [
    ("tbl_halte", "PublicTransportStop"), ("data_penduduk_2024", "Person"), ("curah hujan harian", "WeatherObserved"),
    ("DAFTAR TPS", "WasteContainerIsle"), ("aduan_warga", "Complaint"),
])  # fmt: skip
def test_a_table_is_known_by_its_name(table: str, type_name: str) -> None:
    guess = guess_type(table, ["id", "nama"])
    assert guess is not None
    assert guess.type_name == type_name


def test_every_word_of_the_models_leads_to_one_attribute_of_its_type() -> None:
    for model in models().values():
        assert model.attributes, model.type_name
        assert model.type_name == COMMON or model.titles
    assert name_attributes("WeatherObserved", ["CURAH_HUJAN", "suhu"], "cuaca") == {
        "CURAH_HUJAN": "precipitation", "suhu": "temperature",
    }  # fmt: skip
    assert own_name("JUMLAH_PENDUDUK (L)") == "jumlahPendudukL"


@pytest.mark.parametrize(("name", "cells", "kind"), [
    ("kolom", ["1371010101900001", "1371014202910002", "1371010312880003"], "NIK"),
    ("x", ["0812-3456-789", "+62 813 1234 5678", "081298765432"], "telephone number"),
    ("surat", ["a@b.id", "c@d.go.id", "e@f.com"], "e-mail address"),
    ("password", ["x", "y", "z"], "credential"),
    ("jumlah_penduduk", [10, 20, 30], None),
    ("jumlah_lahir", [10, 20, 30], None),
    ("kode", ["1371010", "1371020", "1371030"], None),
    ("nomor_rekening", ["1234567", "2345678", "3456789"], "personal number"),
    ("kode_rekening", ["4.1", "4.1.01", "5.1.02"], None),
    ("kode_barang", ["020206010", "0206020105", "0206020104"], None),
])  # fmt: skip
def test_personal_data_is_known_by_its_look_and_its_name(name: str, cells: list[Any], kind: str | None) -> None:
    found = find_personal("tabel", [look_at(name, 0, cells)])
    assert found.classes.get(name) == kind


@pytest.mark.parametrize("value", [
    "Halte: satu", "- x", "yes", "13.10", "a #b", "{x}", "[y]", "", "null", " spasi", "akhir ", "a, b", "'q'", '"r"',
    "1e3", "0x10", "@geometry", "ñ", "a\nb", 1, 2.5, True, ["a", "b: c"], {"k e y": "v"}, "Curah Hujan (mm)", "a|b",
])  # fmt: skip
def test_every_value_is_read_back_as_it_was_written(value: Any) -> None:
    assert yaml.safe_load(f"x: {flow(value)}") == {"x": value}
