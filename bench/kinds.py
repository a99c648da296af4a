"""The same rows in the shapes that agencies send, with rules about their quality, and a large source that is unchanged.

The rows and yardstick I are those of `source`.
"""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import xlsxwriter  # type: ignore[import-untyped]  # The library ships no types.
from rich.console import Console

from bench import source
from bench.figures import Line, bound_line, floor_line, source_line
from bench.hub import BenchHub
from bench.processes import LoadFailed, own_memory_mb

FLOOR = 1 / 12
UNCHANGED_TIMES = 3.0
# How much more memory a source of four times the rows may take.
MEMORY_GROWTH_MAX = 1.25
SMALLER = 4
_SAMPLE_SECONDS = 0.05

RULES = """rules:
  - {rule: required, column: [nama, kelurahan]}
  - {rule: one_of, column: kondisi, values: [B, RR, RB]}
  - {rule: range, column: tahun, from: 1900, to: 2100}
  - {rule: pattern, column: kelurahan, matches: '^13\\.71\\.'}
  - {rule: inside, attribute: location, area: [95.0, -6.0, 106.0, 6.0]}
  - {rule: complete, column: [nilai], share: 90}
"""

Write = Callable[[Path, Sequence[source.Row]], None]


class Kind(NamedTuple):
    """One shape: what stands under `kind:` and `read:`, and how the rows get there."""

    name: str
    kind: str
    read: str
    file: str
    write: Write


def _write_csv(path: Path, rows: Sequence[source.Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(source.COLUMNS.split(", "))
        writer.writerows(rows)


def _write_workbook(path: Path, rows: Sequence[source.Row]) -> None:
    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as workbook:
        sheet = workbook.add_worksheet("aset")
        sheet.write_row(0, 0, source.COLUMNS.split(", "))
        for number, row in enumerate(rows, 1):
            sheet.write_row(number, 0, row)


def _write_dump(path: Path, rows: Sequence[source.Row]) -> None:
    """Write the rows as phpMyAdmin does: some hundred with each statement."""
    with path.open("w", encoding="utf-8") as file:
        file.write(source.CREATE.replace("TABLE aset", "TABLE `aset`") + ";\n")
        for at in range(0, len(rows), 500):
            values = ",\n".join(repr(row) for row in rows[at : at + 500])
            file.write(f"INSERT INTO `aset` ({source.COLUMNS}) VALUES\n{values};\n")


def _write_database(path: Path, rows: Sequence[source.Row]) -> None:
    source.insert(path, rows)


SQL = Kind("sql", "sql", '{url: "sqlite:///systems/dpka.db", table: aset}', "dpka.db", _write_database)
CSV = Kind("table (CSV)", "table", "{path: systems/aset.csv}", "aset.csv", _write_csv)
XLSX = Kind("table (XLSX)", "table", "{path: systems/aset.xlsx}", "aset.xlsx", _write_workbook)
DUMP = Kind("sqldump", "sqldump", "{path: systems/aset.sql, table: aset}", "aset.sql", _write_dump)


def measure(folder: Path, row_count: int, unchanged_count: int, console: Console) -> list[Line]:
    """Return the lines of all kinds, of their memory, and of the source that has not changed."""
    rows = source.make_rows(row_count)
    lines: list[Line] = []
    for kind in (SQL, CSV, XLSX, DUMP):
        with console.status(f"Reading {len(rows):,} rows: {kind.name}"):
            plain = source.plain_rate(folder, rows)
            seconds, peak_mb = _load(folder, kind, rows)
            lines.append(source_line(f"{kind.name} with rules, rows/s", len(rows) / seconds, plain, FLOOR))
            smaller_mb = _load(folder, kind, rows[: len(rows) // SMALLER])[1]
        growth = peak_mb / smaller_mb
        name = f"memory of {kind.name}: {peak_mb:,.0f} MB; of {SMALLER} times the rows"
        lines.append(bound_line(name, growth, MEMORY_GROWTH_MAX, "times"))
    with console.status(f"Reading {unchanged_count:,} rows twice"):
        first, again = _load_twice(folder, SQL, source.make_rows(unchanged_count))
    lines.append(floor_line(f"unchanged source of {unchanged_count:,} rows", first / again, UNCHANGED_TIMES, "times"))
    return lines


def _hub_with(folder: Path, kind: Kind, rows: Sequence[source.Row]) -> BenchHub:
    shutil.rmtree(folder, ignore_errors=True)
    hub = BenchHub(folder)
    declared = source.SOURCE.replace("kind: sql\n", f"kind: {kind.kind}\n")
    read, rules = declared.index("read:"), declared.index("rules:")
    declared = declared[:read] + f"read: {kind.read}\n" + declared[declared.index("key:") : rules] + RULES
    hub.create(sources={"aset": declared})
    (hub.city / "systems").mkdir()
    kind.write(hub.city / "systems" / kind.file, rows)
    return hub


def _load(folder: Path, kind: Kind, rows: Sequence[source.Row]) -> tuple[float, float]:
    """Return the seconds of the command, and the most memory that its processes had of their own."""
    hub = _hub_with(folder, kind, rows)
    found = _sync(hub)
    shutil.rmtree(folder)
    return found


def _load_twice(folder: Path, kind: Kind, rows: Sequence[source.Row]) -> tuple[float, float]:
    hub = _hub_with(folder, kind, rows)
    first, again = _sync(hub)[0], _sync(hub)[0]
    shutil.rmtree(folder)
    return first, again


def _sync(hub: BenchHub) -> tuple[float, float]:
    begin = time.perf_counter()
    peak_mb = 0.0
    with subprocess.Popen(
        hub.command("sync", "aset"), env={**os.environ, **hub.environment},
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        while process.poll() is None:
            peak_mb = max(peak_mb, own_memory_mb(process.pid))
            time.sleep(_SAMPLE_SECONDS)
        seconds = time.perf_counter() - begin
        said = process.stderr.read() if process.stderr is not None else ""
    if process.returncode != 0:
        raise LoadFailed(f"simpul sync: {said}")
    return seconds, peak_mb
