"""DPKA's files: the year's budget as the workbook that is sent around, and the asset register with its defects.

The amounts of the budget are invented; the workbook says so. The register's defects are real. xlsxwriter is loaded when
the workbook is written, which a start of a city that is there does not do.
"""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from simpul.demo.compiled import read_table
from simpul.demo.step import Advance

BUDGET = Path("dpka/realisasi-apbd-2025.xlsx")
ASSETS = Path("dpka/kib-b.csv")

_TITLE = (
    "PEMERINTAH KOTA PADANG",
    "LAPORAN REALISASI ANGGARAN BELANJA MENURUT ORGANISASI",
    "TAHUN ANGGARAN 2025, KEADAAN S.D. 31 DESEMBER 2025",
    "ANGKA CONTOH: nama organisasi nyata, jumlah rupiah dikarang untuk peragaan",
)
_KINDS = ("operations", "capital", "contingency")
_KIND_TITLES = ("Belanja Operasi", "Belanja Modal", "Belanja Tidak Terduga")
_COLUMNS = 13
_EPOCH = datetime(2026, 1, 15, tzinfo=UTC)
# Every fifth row was typed in by hand: its amounts are text in the Indonesian way of writing.
_TYPED_EVERY = 5
# This one had not reported when the sheet was sent: the cell has words where an amount should be.
_NOT_REPORTED = "Kecamatan Pauh"


def build(systems: Path, advance: Advance) -> None:
    """Write the workbook and the register."""
    _write_budget(systems / BUDGET)
    advance(1, 2)
    _write_assets(systems / ASSETS)
    advance(2, 2)


def _write_budget(path: Path) -> None:
    import xlsxwriter  # type: ignore[import-untyped]  # noqa: PLC0415 - The library ships no types.

    rows = read_table("budget_example.csv")
    with xlsxwriter.Workbook(str(path)) as workbook:
        # A creation time would make the same facts a different file each time.
        workbook.set_properties({"title": _TITLE[1], "comments": _TITLE[3], "created": _EPOCH})
        sheet = workbook.add_worksheet("LRA")
        head = workbook.add_format(
            {"bold": True, "align": "center", "valign": "vcenter", "border": 1, "text_wrap": True}
        )
        title = workbook.add_format({"bold": True, "align": "center"})
        for number, text in enumerate(_TITLE):
            sheet.merge_range(number, 0, number, _COLUMNS - 1, text, title)
        _write_head(sheet, len(_TITLE) + 1, head)
        amount = workbook.add_format({"num_format": "#,##0", "border": 1})
        at = len(_TITLE) + 5
        for number, row in enumerate(rows):
            for column, cell in enumerate(_budget_cells(number, row)):
                sheet.write(at + number, column, cell, amount)
        sheet.merge_range(at + len(rows), 0, at + len(rows), 2, "JUMLAH", head)
        for column, cell in enumerate(_totals(rows), 3):
            sheet.write(at + len(rows), column, cell, amount)
        sheet.write(at + len(rows) + 2, 2, "Padang, 15 Januari 2026")
        sheet.set_column(1, 1, 24)
        sheet.set_column(2, 2, 56)
        sheet.set_column(3, _COLUMNS - 1, 18)


def _write_head(sheet: Any, at: int, style: Any) -> None:
    """Write three header rows, with cells merged both ways, and the row of column numbers below."""
    for column, text in enumerate(("No", "Kode SKPD", "Nama SKPD")):
        sheet.merge_range(at, column, at + 2, column, text, style)
    for first, group in ((3, "ANGGARAN"), (7, "REALISASI")):
        sheet.merge_range(at, first, at, first + 3, group, style)
        for offset, text in enumerate((*_KIND_TITLES, "Jumlah")):
            sheet.write(at + 1, first + offset, text, style)
            sheet.write(at + 2, first + offset, "(Rp)", style)
    for column, (text, unit) in enumerate((("Capaian", "%"), ("Lebih / (Kurang)", "(Rp)")), 11):
        sheet.merge_range(at, column, at + 1, column, text, style)
        sheet.write(at + 2, column, unit, style)
    for column in range(_COLUMNS):
        sheet.write(at + 3, column, str(column + 1), style)


def _amounts(row: dict[str, str]) -> tuple[list[int], list[int]]:
    budget = [int(row[kind]) for kind in _KINDS]
    realised = [int(row[f"realised_{kind}"]) for kind in _KINDS]
    return [*budget, sum(budget)], [*realised, sum(realised)]


def _budget_cells(number: int, row: dict[str, str]) -> list[int | float | str]:
    budget, realised = _amounts(row)
    share = round(realised[-1] / budget[-1] * 100, 2)
    amounts: list[int | float | str] = [*budget, *realised, share, realised[-1] - budget[-1]]
    if number % _TYPED_EVERY == _TYPED_EVERY - 1:
        amounts = [_typed(amount) for amount in amounts]
    if row["name"] == _NOT_REPORTED:
        amounts[4:] = ["belum lapor"] * (len(amounts) - 4)
    return [number + 1, row["code"], row["name"], *("-" if amount == 0 else amount for amount in amounts)]


def _typed(amount: float | str) -> str:
    """Write an amount as a clerk types it: `1.234.567,89`, and `(1.234)` below zero."""
    text = f"{abs(float(amount)):,.2f}".translate(str.maketrans(",.", ".,"))
    return f"({text})" if float(amount) < 0 else text


def _totals(rows: list[dict[str, str]]) -> list[float]:
    budgets, realisations = zip(*map(_amounts, rows), strict=True)
    budget = [sum(column) for column in zip(*budgets, strict=True)]
    realised = [sum(column) for column in zip(*realisations, strict=True)]
    return [*budget, *realised, round(realised[-1] / budget[-1] * 100, 2), realised[-1] - budget[-1]]


def _write_assets(path: Path) -> None:
    # Western Windows is what the register's program writes: a byte like ½ breaks whoever takes it for UTF-8.
    with path.open("w", encoding="cp1252", newline="") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
        writer.writerow([
            "No Urut", "Kode Barang", "Nama Barang", "Merk/Tipe", "No Register", "Tahun Perolehan", "Kondisi",
            "Harga (Rp)", "Asal Usul", "Keterangan",
        ])  # fmt: skip
        for row in read_table("assets.csv"):
            price = f"{int(row['price'] or 0):,}".replace(",", ".") + ",00"
            writer.writerow([
                row["item"], row["code"], row["name"].replace("1/2", "½"), row["brand"], row["register"],
                row["year"] or "0", row["condition"], price, row["origin"], "CONTOH",
            ])  # fmt: skip
