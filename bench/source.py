"""An agency's database into the hub, against yardstick I: the same rows into one plain table with one index."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from bench.hub import BenchHub
from bench.processes import LoadFailed

# So many rows that starting the command is a small part of reading them.
ROWS = 200_000
ROWS_QUICK = 50_000
COLUMNS = "id, nama, jenis, kelurahan, kondisi, tahun, nilai, longitude, latitude"
PLACES = ", ".join("?" * len(COLUMNS.split(",")))
CREATE = """CREATE TABLE aset (
  id INTEGER PRIMARY KEY, nama TEXT, jenis TEXT, kelurahan TEXT, kondisi TEXT, tahun INTEGER, nilai REAL,
  longitude REAL, latitude REAL
)"""

SOURCE = """source: aset
agency: dpka
title: {id: Aset, en: Assets}
kind: sql
read: {url: "sqlite:///systems/dpka.db", table: aset}
key: [id]
entity:
  type: Asset
  id: "urn:ngsi-ld:Asset:bench:{id}"
  attributes:
    name: nama
    category: jenis
    condition: {column: kondisi, map: {B: good, RR: worn, RB: broken}}
    year: {column: tahun, number: plain}
    value: {column: nilai, number: plain, unit: IDR}
    subDistrict: {relationship: "urn:ngsi-ld:SubDistrict:bench:{kelurahan}"}
    location: {point: {longitude: longitude, latitude: latitude}}
rules:
  - {rule: required, column: [nama, kelurahan]}
vanished: delete
"""

Row = tuple[int, str, str, str, str, int, float, float, float]


def measure(folder: Path, row_count: int, console: Console) -> tuple[float, float]:
    """Return rows a second of the source, and of the plain inserts."""
    rows = make_rows(row_count)
    shutil.rmtree(folder, ignore_errors=True)
    hub = BenchHub(folder)
    hub.create(sources={"aset": SOURCE})
    systems = hub.city / "systems"
    systems.mkdir()
    insert(systems / "dpka.db", rows)
    with console.status(f"Reading a source of {len(rows):,} rows"):
        plain = plain_rate(folder / "plain", rows)
        seconds = _sync(hub)
    shutil.rmtree(folder)
    return len(rows) / seconds, plain


def make_rows(count: int) -> list[Row]:
    """Return so many rows, the same each time."""
    return [_row(number) for number in range(1, count + 1)]


def plain_rate(folder: Path, rows: Sequence[Row]) -> float:
    """Return yardstick I: rows a second into one plain table, the middle one of three times."""
    folder.mkdir(parents=True, exist_ok=True)
    plain = sorted(len(rows) / insert(folder / f"plain-{number}.db", rows) for number in range(3))
    shutil.rmtree(folder)
    return plain[1]


def _row(number: int) -> Row:
    dice = random.Random(number)
    place = (100.36 + (dice.random() - 0.5) / 5, -0.95 + (dice.random() - 0.5) / 5)
    return (
        number, f"Aset nomor {number}", dice.choice(("Tanah", "Gedung", "Jalan", "Mesin")),
        f"13.71.{dice.randrange(1, 12):02d}.1{dice.randrange(1, 10):03d}", dice.choice(("B", "RR", "RB")),
        dice.randrange(1980, 2026), round(dice.random() * 1e9, 2), round(place[0], 6), round(place[1], 6),
    )  # fmt: skip


def insert(path: Path, rows: Sequence[Row]) -> float:
    """Put the rows into one plain table with one index, durably; return the seconds that took."""
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute(CREATE)
    database.execute("CREATE INDEX aset_by_kelurahan ON aset (kelurahan)")
    database.commit()
    begin = time.perf_counter()
    database.executemany(f"INSERT INTO aset ({COLUMNS}) VALUES ({PLACES})", rows)
    database.commit()
    seconds = time.perf_counter() - begin
    database.close()
    return seconds


def _sync(hub: BenchHub) -> float:
    begin = time.perf_counter()
    answer = subprocess.run(
        hub.command("sync", "aset"),
        env={**os.environ, **hub.environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if answer.returncode != 0:
        raise LoadFailed(f"simpul sync: {answer.stdout}{answer.stderr}")
    return time.perf_counter() - begin
