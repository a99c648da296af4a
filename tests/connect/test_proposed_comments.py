"""The comments of a proposed source are in the language of the page that shows them; the command's are in English."""

from __future__ import annotations

import json
import re
import sqlite3

import pytest
import yaml

from simpul.console.proposal_comments import translate_comments
from tests.connect.kota import Kota
from tests.connect.looking import new

_COMMENT = re.compile(r"^\s*#\s+(?!- |schedule:)(\S.*)$", re.MULTILINE)


def fill(kota: Kota) -> None:
    """Write what there is to look at: a database, measurements, places, a layer of a map, a folder of files."""
    with sqlite3.connect(kota.folder / "dinas.db") as connection:
        connection.execute("CREATE TABLE koridor (id INTEGER PRIMARY KEY, nama TEXT)")
        connection.executemany("INSERT INTO koridor VALUES (?, ?)", [(n, f"Koridor {n}") for n in range(1, 20)])
        connection.execute(
            "CREATE TABLE halte (id INTEGER PRIMARY KEY, nama TEXT, lat REAL, lng REAL, kapasitas INTEGER, "
            "kondisi TEXT, hp_petugas TEXT, koridor_id INTEGER, kosong TEXT, sandi TEXT)"
        )
        rows = [
            (n, f"Halte {n}", -0.9 - n / 999, 100.3 + n / 999, n % 5, "Baikk" if n == 9 else ("Baik", "Rusak")[n % 2],
             f"0812{n:07}", n % 19 + 1, None, "x")
            for n in range(1, 61)
        ]  # fmt: skip
        connection.executemany("INSERT INTO halte VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        connection.execute("CREATE TABLE warga (id INTEGER, nik TEXT, nama TEXT, tgl_lahir TEXT, alamat TEXT, jk TEXT)")
        people = [(n, f"137101{n % 28 + 1:02}0190{n:04}", f"Siti {n}", "1990-01-02", "Jl. 7", "P") for n in range(40)]
        connection.executemany("INSERT INTO warga VALUES (?, ?, ?, ?, ?, ?)", people)
    connection.close()
    rains = ("0", "12,5", "8888", "9999", "3,25")
    cells = [[f"P{n % 3}", f"{1 + n // 3:02}/02/2024", rains[n % 5], "satu"] for n in range(84)]
    kota.write_csv("hujan.csv", [["Pos Hujan ID", "Tanggal", "Curah Hujan (mm)", "Catatan"], *cells], separator=";")
    kinds = ["Baik"] * 30 + ["Rusak"] * 30 + ["Hilang"]
    kota.write_csv(
        "barang.csv", [["nomor", "keadaan", "jenis"], *([n % 40, kind, "a"] for n, kind in enumerate(kinds))]
    )
    kota.write_csv("warna.csv", [["a", "b"], *([f"x{n % 7}", f"y{n % 5}"] for n in range(60))])
    feature = {"type": "Feature", "properties": {"kode": "13.71", "lat": -0.9, "lng": 100.3},
               "geometry": {"type": "Point", "coordinates": [100.4, -0.9]}}  # fmt: skip
    (kota.folder / "batas.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature] * 11}))
    (kota.folder / "masuk").mkdir()
    for name in ("tps-1", "taman-1"):
        kota.write_csv(f"masuk/{name}.csv", [["id", "nama"], *([n, f"N {n}"] for n in range(20))])


@pytest.mark.parametrize("system", ["dinas.db", "hujan.csv", "barang.csv", "warna.csv", "batas.geojson", "masuk"])
def test_every_comment_of_a_proposal_has_an_indonesian_form(kota: Kota, system: str) -> None:
    fill(kota)
    told = new(kota, system, "--all")
    assert told.exit_code == 0, told.output
    for path in (kota.folder / "sources").iterdir():
        english = path.read_text(encoding="utf-8")
        indonesian = translate_comments(english, "id")
        assert yaml.safe_load(indonesian) == yaml.safe_load(english)
        pairs = zip(_COMMENT.findall(english), _COMMENT.findall(indonesian), strict=True)
        # A left-out column's line begins with its name: what comes after it is what is said.
        assert [one for one, other in pairs if one == other] == []
        assert [
            line for line in _COMMENT.findall(indonesian) if re.search(r"(?<!-)\b(?:the|rows|its|says|there)\b", line)
        ] == []


def test_the_commands_comments_and_an_english_pages_are_english(kota: Kota) -> None:
    fill(kota)
    written = new(kota, "hujan.csv", "--show").output
    assert "# Proposed by looking at all 84 rows." in written
    assert translate_comments(written, "en") == written


def test_what_is_commented_out_is_not_translated() -> None:
    off = "rules:\n  # - {rule: one_of, column: a, values: [number, date]}\n# schedule: {every: 1h}\nx: '# number'\n"
    assert translate_comments(off, "id") == off
    assert (
        translate_comments("  # 1,200 of 2,000 filled; 0.5 to 10\n", "id")
        == "  # terisi 1.200 dari 2.000; 0,5 sampai 10\n"
    )
