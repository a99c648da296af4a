"""Building the demo city: the same each time, whole or not at all, and never over somebody's work."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from simpul.demo import bmkg, bpbd, dishub, dpka, dukcapil, kominfo
from simpul.demo.build import MARK, ensure_city
from simpul.demo.compiled import read_table
from simpul.demo.residents import SERIAL_FIRST, WOMAN
from simpul.domain.errors import AlreadyExists, BadRequestData, StorageUnavailable

RESIDENTS = 2_000


def silent(_title: str, _done: int, _of_all: int) -> None:
    """Show no progress."""


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "padang"
    assert ensure_city(folder, RESIDENTS, silent)
    return folder


def digests(folder: Path) -> dict[str, str]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def rows(database: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(sql).fetchall()


def test_two_builds_give_the_same_bytes(city: Path, tmp_path: Path) -> None:
    ensure_city(tmp_path / "again", RESIDENTS, silent)
    assert digests(tmp_path / "again") == digests(city)


def test_a_second_start_builds_nothing(city: Path) -> None:
    before = digests(city)
    assert not ensure_city(city, None, silent)
    assert digests(city) == before


def test_nothing_is_left_beside_the_city(city: Path) -> None:
    assert [path.name for path in city.parent.iterdir()] == ["padang"]


def test_a_killed_first_start_is_repaired_by_the_next(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from simpul.demo.build import ensure_city; import sys\n"
        "ensure_city(Path(sys.argv[1]), 900_000, lambda title, done, all: print(title, done, flush=True))"
    )
    folder = tmp_path / "padang"
    with subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("Dukcapil"):
                break
        os.kill(process.pid, signal.SIGKILL)
    assert not folder.exists()
    assert ensure_city(folder, RESIDENTS, silent)
    assert [path.name for path in tmp_path.iterdir()] == ["padang"]
    assert rows(folder / "systems" / dukcapil.FILE, "SELECT count(*) FROM biodata_wni") == [(RESIDENTS,)]


def test_a_missing_system_comes_back_and_edits_stay(tmp_path: Path) -> None:
    folder = tmp_path / "padang"
    ensure_city(folder, 500, silent)
    before = digests(folder)
    edited = folder / "sources" / "halte.yaml"
    edited.write_text(edited.read_text(encoding="utf-8") + "# ours\n", encoding="utf-8")
    (folder / "systems" / bpbd.SHELTERS).unlink()
    assert ensure_city(folder, None, silent)
    assert edited.read_text(encoding="utf-8").endswith("# ours\n")
    assert digests(folder)[f"systems/{bpbd.SHELTERS}"] == before[f"systems/{bpbd.SHELTERS}"]


def test_another_number_of_residents_changes_the_registry_alone(tmp_path: Path) -> None:
    folder = tmp_path / "padang"
    ensure_city(folder, 500, silent)
    before = digests(folder)
    assert ensure_city(folder, 700, silent)
    changed = {name for name, digest in digests(folder).items() if before[name] != digest}
    assert changed == {f"systems/{dukcapil.FILE}", str(MARK)}
    assert rows(folder / "systems" / dukcapil.FILE, "SELECT count(*) FROM biodata_wni") == [(700,)]


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(AlreadyExists, match="other files"):
        ensure_city(tmp_path, RESIDENTS, silent)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_empty_folder_may_be_used(tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    assert ensure_city(folder, 10, silent)


@pytest.mark.parametrize("residents", [0, -1, 946_983])
def test_a_number_of_residents_that_padang_cannot_have_is_refused(tmp_path: Path, residents: int) -> None:
    with pytest.raises(BadRequestData, match="946982"):
        ensure_city(tmp_path / "padang", residents, silent)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StorageUnavailable, match="--folder"):
        ensure_city(tmp_path / "file" / "padang", 10, silent)


def test_the_bus_database_keeps_its_sentinel_and_its_line_break(city: Path) -> None:
    database = city / "systems" / dishub.FILE
    assert rows(database, "SELECT count(*), count(latitude) FROM halte") == [(319, 318)]
    assert rows(database, "SELECT nama FROM halte WHERE id = 0") == [("Tidak Ada",)]
    assert rows(database, "SELECT nama FROM halte WHERE id = 318") == [("RS Siti Rahmah\r\n",)]
    assert rows(database, "SELECT count(*) FROM koridor WHERE id > 0") == [(11,)]


def test_the_workbook_is_laid_out_as_they_are_sent(city: Path) -> None:
    sheet = CalamineWorkbook.from_path(city / "systems" / dpka.BUDGET).get_sheet_by_name("LRA")
    cells = sheet.to_python(skip_empty_area=False)
    assert "ANGKA CONTOH" in str(cells[3][0])
    assert cells[5][3] == "ANGGARAN"
    assert len(sheet.merged_cell_ranges or []) > 10
    typed = [row[3] for row in cells[9:] if isinstance(row[3], str) and row[3].count(".") >= 2]
    assert "," in str(typed[0])
    assert cells[9 + 42][0] == "JUMLAH"


def test_the_asset_register_breaks_whoever_takes_it_for_utf8(city: Path) -> None:
    raw = (city / "systems" / dpka.ASSETS).read_bytes()
    with pytest.raises(UnicodeDecodeError):
        raw.decode("utf-8")
    records = list(csv.DictReader(raw.decode("cp1252").splitlines(), delimiter=";"))
    assert len(records) == 409
    assert records[0]["Harga (Rp)"] == "33.825.000,00"


def test_the_rain_has_the_columns_of_the_agency(city: Path) -> None:
    with (city / "systems" / bmkg.FILE).open(encoding="utf-8") as file:
        records = list(csv.DictReader(file))
    assert len(records) == 27_018
    assert records[0]["DATA TIMESTAMP"] == "2015-01-01 00:00:00.0 +0:00"
    assert Counter(record["RAINFALL DAY MM"] for record in records)["9999.0"] == 3_127


def test_the_areas_nest(city: Path) -> None:
    counts = []
    for file in kominfo.FILES:
        features = json.loads((city / "systems" / file).read_text(encoding="utf-8"))["features"]
        counts.append((len(features), sum(feature["properties"]["perkiraan_penduduk"] for feature in features)))
    assert counts == [(1, 946_982), (11, 946_982), (104, 946_982)]


@pytest.fixture(scope="module")
def residents(city: Path) -> list[Any]:
    return rows(city / "systems" / dukcapil.FILE, "SELECT nik, jenis_klmin, tgl_lhr, kode_wilayah FROM biodata_wni")


def test_every_nik_follows_the_rules(residents: list[Any]) -> None:
    districts = {row["code"].replace(".", "") for row in read_table("kecamatan.csv")}
    for nik, sex, born, _ in residents:
        day = int(nik[6:8])
        assert nik[:6] in districts
        assert (day > 40) is (sex == WOMAN)
        birth = date.fromisoformat(born)
        assert (day % 40, int(nik[8:10]), int(nik[10:12])) == (birth.day, birth.month, birth.year % 100)
        assert int(nik[12:]) >= SERIAL_FIRST
    assert len({nik for nik, *_ in residents}) == RESIDENTS


def test_everybody_lives_in_a_kelurahan_that_exists(residents: list[Any]) -> None:
    assert {code for *_, code in residents} <= {row["code"] for row in read_table("kelurahan.csv")}


def test_a_nik_may_name_another_district_than_the_one_lived_in(residents: list[Any]) -> None:
    moved = sum(nik[:6] != code[:8].replace(".", "") for nik, _, _, code in residents)
    assert 0.1 < moved / RESIDENTS < 0.3


def test_every_record_of_a_person_is_marked_as_invented(city: Path) -> None:
    database = city / "systems" / dukcapil.FILE
    assert rows(database, "SELECT DISTINCT keterangan FROM biodata_wni") == [("SINTETIS",)]
    assert rows(database, "SELECT DISTINCT keterangan FROM keluarga") == [("SINTETIS",)]


def test_families_make_sense(city: Path) -> None:
    database = city / "systems" / dukcapil.FILE
    heads = "SELECT no_kk, sum(stat_hbkel = 1) AS heads FROM biodata_wni GROUP BY no_kk HAVING heads <> 1"
    assert rows(database, heads) == []
    young = (
        "SELECT count(*) FROM biodata_wni AS c JOIN biodata_wni AS m ON m.no_kk = c.no_kk AND m.stat_hbkel = 3 "
        "WHERE c.stat_hbkel = 4 AND c.tgl_lhr < date(m.tgl_lhr, '+18 years')"
    )
    assert rows(database, young) == [(0,)]


@pytest.mark.slow
def test_a_hundred_thousand_residents_take_less_than_four_seconds(tmp_path: Path) -> None:
    began = time.process_time()
    dukcapil.write(tmp_path / "registry.sqlite", 100_000, lambda _done, _of_all: None)
    assert time.process_time() - began < 4


def test_progress_reaches_the_end_of_every_step(tmp_path: Path) -> None:
    last: dict[str, tuple[int, int]] = {}
    ensure_city(tmp_path / "padang", 100, lambda title, done, of_all: last.update({title: (done, of_all)}))
    assert len(last) == 6
    assert all(done == of_all for done, of_all in last.values())


def iter_files(folder: Path) -> Iterator[Path]:
    yield from (path for path in folder.rglob("*") if path.is_file())


def test_the_declarations_are_those_of_any_city(city: Path) -> None:
    names = {str(path.relative_to(city)) for path in iter_files(city) if path.suffix == ".yaml"}
    assert {"city.yaml", "agencies.yaml", "answers/halte-tergenang.yaml", "sources/halte.yaml"} <= names
    assert len([name for name in names if name.startswith("sources/")]) == 15
