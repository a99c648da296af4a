"""Workbooks beyond one plain sheet: several sheets, ODS, formulas, and cells that are repeated a million times."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter  # type: ignore[import-untyped]  # The library ships no types.
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from simpul.connect.connector import Row, Surroundings
from simpul.connectors.table import reader
from simpul.connectors.table.reader import open_reading
from simpul.domain.errors import SourceMismatch
from simpul.formats import plain_sheet
from simpul.formats.workbook import Grid, measure_ods_sheets
from tests.connect.kota import Kota, csv_source, entity_uri
from tests.connect.ods import cell, row, write_ods

MONTHS: dict[str, Sequence[Sequence[object]]] = {
    "JAN": [("id", "nama"), (1, "A"), (2, "B")],
    "FEB": [("nama", "id", "catatan"), ("C", 3, "x")],
    "Catatan": [("apa",), ("lain",)],
}


def read(path: Path, **settings: Any) -> tuple[tuple[str, ...], list[tuple[int, list[Any]]]]:
    with closing(open_reading({"path": path.name, **settings}, Surroundings(path.parent))) as reading:
        return reading.columns, [(row.number, list(row.cells)) for row in reading.rows() if isinstance(row, Row)]


def test_several_sheets_are_read_one_after_the_other(kota: Kota) -> None:
    kota.write_workbook("kas.xlsx", MONTHS)
    columns, rows = read(kota.folder / "kas.xlsx", sheet=["JAN", "FEB"])
    assert columns == ("id", "nama", "@sheet")
    assert rows == [(2, [1, "A", "JAN"]), (3, [2, "B", "JAN"]), (5, [3, "C", "FEB"])]
    with closing(open_reading({"path": "kas.xlsx", "sheet": "JAN"}, Surroundings(kota.folder))) as reading:
        assert reading.rows_expected == 2


@pytest.mark.parametrize(("sheet", "found"), [(["*N"], {"JAN"}), (["JAN", "F*"], {"JAN", "FEB"}), (["2"], None)])
def test_sheets_are_named_by_a_pattern(kota: Kota, sheet: list[str], found: set[str] | None) -> None:
    kota.write_workbook("kas.xlsx", MONTHS)
    columns, rows = read(kota.folder / "kas.xlsx", sheet=sheet)
    assert ("@sheet" in columns) is (found is not None)
    assert found is None or {cells[-1] for _, cells in rows} == found


def test_a_sheet_without_the_columns_of_the_first_is_told(kota: Kota) -> None:
    kota.write_workbook("kas.xlsx", MONTHS)
    with pytest.raises(SourceMismatch, match=r"The sheet 'Catatan' of .* has no column 'id', as the first: apa\."):
        read(kota.folder / "kas.xlsx", sheet=["*"])
    with pytest.raises(SourceMismatch, match=r"has no sheet 'MAR\*'"):
        read(kota.folder / "kas.xlsx", sheet=["MAR*"])


def test_the_sheet_is_a_column_that_a_mapping_can_use(kota: Kota) -> None:
    kota.write_workbook("kas.xlsx", MONTHS)
    entity = {"type": "Budget", "id": entity_uri("Budget", "{@sheet}:{id}"), "attributes": {"month": "@sheet"}}
    read_keys = {"path": "kas.xlsx", "sheet": ["JAN", "FEB"]}
    kota.declare(csv_source(read=read_keys, key=["@sheet", "id"], entity=entity))
    assert kota.sync().error is None
    assert kota.values(entity_uri("Budget", "FEB:3")) == {"month": "FEB"}


def test_an_ods_file_with_merged_headers_and_repeated_cells_is_read(tmp_path: Path) -> None:
    spanned = cell("ANGGARAN", 'table:number-columns-spanned="2"')
    rows = [
        row(["id", spanned, "<table:covered-table-cell/>"]),
        row([None, "MURNI", "GESER"]),
        row([1, cell(5, 'table:number-columns-repeated="2"')], 'table:number-rows-repeated="3"'),
        row([2, 'a "b" & c', None]),
    ]
    write_ods(tmp_path / "anggaran.ods", {"LRA": rows})
    columns, found = read(tmp_path / "anggaran.ods", header_rows=2)
    assert columns == ("id", "ANGGARAN / MURNI", "ANGGARAN / GESER")
    assert found == [(3, [1, 5, 5]), (4, [1, 5, 5]), (5, [1, 5, 5]), (6, [2, 'a "b" & c', ""])]


@pytest.mark.parametrize(("rows", "columns"), [(1_048_576, 16_384), (1_000_000, 30)])
def test_a_cell_that_is_repeated_too_often_is_refused_before_it_is_opened(
    tmp_path: Path, rows: int, columns: int
) -> None:
    bomb = row([cell(1, f'table:number-columns-repeated="{columns}"')], f'table:number-rows-repeated="{rows}"')
    write_ods(tmp_path / "bom.ods", {"A": [row(["id"])], "B": [bomb]})
    with pytest.raises(SourceMismatch, match=f"{rows * columns:,} cells in content.xml; at most 20,000,000"):
        read(tmp_path / "bom.ods")


CELLS = some.tuples(some.booleans(), some.integers(1, 3))
ROWS = some.lists(some.tuples(some.lists(CELLS, min_size=1, max_size=4), some.integers(1, 3)), max_size=4)


@given(sheets=some.lists(ROWS, min_size=1, max_size=3), size=some.integers(1, 200))
def test_the_corner_of_a_sheet_is_where_its_last_cell_is(sheets: list[Any], size: int) -> None:
    written, corners = "", []
    for rows in sheets:
        written += '<table:table table:name="A">'
        corner, above = (0, 0), 0
        for cells, times in rows:
            made = [cell(1 if filled else None, f'table:number-columns-repeated="{n}"') for filled, n in cells]
            written += row(made, f'table:number-rows-repeated="{times}"')
            above += times
            ends = [sum(n for _, n in cells[: place + 1]) for place, (filled, _) in enumerate(cells) if filled]
            corner = (above, max(corner[1], *ends)) if ends else corner
        written += "</table:table>"
        corners.append(Grid(*corner))
    blocks = iter([written.encode()[start : start + size] for start in range(0, len(written), size)])
    assert list(measure_ods_sheets(lambda _: next(blocks, b"")))[1:] == corners


def test_a_formula_counts_as_the_value_that_the_workbook_keeps(tmp_path: Path) -> None:
    path = tmp_path / "rumus.xlsx"
    with xlsxwriter.Workbook(str(path)) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, ["id", "jumlah"])
        sheet.write_row(1, 0, [1])
        sheet.write_formula(1, 1, "=1+1", None, 2)
        sheet.write_row(2, 0, [2])
        sheet.write_formula(2, 1, "=1/0", None, "#DIV/0!")
    assert read(path)[1] == [(2, [1, 2]), (3, [2, ""])]


def test_a_workbook_that_was_never_calculated_is_told(tmp_path: Path) -> None:
    path = tmp_path / "rumus.xlsx"
    with xlsxwriter.Workbook(str(path)) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, ["id", "jumlah"])
        sheet.write_formula(1, 1, "=1+1", None, "")
    with pytest.raises(SourceMismatch, match="has 1 formulas, and none has a value"):
        read(path)


def test_a_formula_in_a_text_file_is_a_text(tmp_path: Path) -> None:
    path = tmp_path / "data.tsv"
    path.write_text('id\tnama\n1\t=HYPERLINK("http://x")\n2\t@SUM(1)\n'.replace('"', "'"))
    assert read(path)[1] == [(2, ["1", "=HYPERLINK('http://x')"]), (3, ["2", "@SUM(1)"])]


def test_codes_that_became_numbers_are_taken_as_they_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "kode.xlsx"
    with xlsxwriter.Workbook(str(path)) as workbook:
        sheet = workbook.add_worksheet("Sub & Kegiatan")
        two, five = (workbook.add_format({"num_format": code}) for code in ("0.00", "00000;-0"))
        money = workbook.add_format({"num_format": "#,##0.00"})
        sheet.write_row(1, 1, ["kode", "nomor", "pagu"])
        for place, (code, number) in enumerate([(2.1, 13), (2.01, 171), ("2.1", 99_999)], 2):
            sheet.write(place, 1, code, two)
            sheet.write(place, 2, number, five)
            sheet.write(place, 3, 2.1, money)
        sheet.write_row(5, 1, [2.1, 13, 2.1])
    _, plain = read(path, skip_rows=1)
    assert [cells[:2] for _, cells in plain[:2]] == [[2.1, 13], [2.01, 171]]
    _, rows = read(path, skip_rows=1, as_shown=["kode", "nomor", "pagu"])
    assert rows == [
        (3, ["2.10", "00013", 2.1]),
        (4, ["2.01", "00171", 2.1]),
        (5, ["2.1", "99999", 2.1]),
        (6, [2.1, 13, 2.1]),
    ]
    with pytest.raises(SourceMismatch, match="has no column 'kod' to take as it is shown; did you mean 'kode'"):
        read(path, skip_rows=1, as_shown=["kod"])


NUMBER_FORMATS = ["", "0.00", "#,##0", '"d"0', "[Red]0", "yyyy-mm-dd", "[h]:mm", "General"]
PLAIN = (
    some.floats(-1e6, 1e6, width=32)
    | some.integers(0, 60_000)
    | some.text(some.sampled_from("aé _x&<>'10\n"), max_size=6)
    | some.sampled_from(["_x0041_", "a\r\nb", "  a ", "", True, None])
)
SHEET = some.lists(
    some.lists(some.tuples(PLAIN, some.sampled_from([*[""] * 20, *NUMBER_FORMATS])), max_size=4), min_size=1, max_size=6
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=SHEET,
    times=some.sampled_from([1, 4]),
    corner=some.sampled_from([(0, 0), (1, 2), (0, 27)]),
    is_streamed=some.booleans(),
    block_bytes=some.sampled_from([100, 400, 100_000]),
)
def test_a_plain_sheet_is_read_as_the_general_reader_reads_it(
    tmp_path: Path,
    rows: list[list[tuple[Any, str]]],
    times: int,
    corner: tuple[int, int],
    is_streamed: bool,
    block_bytes: int,
) -> None:
    path = tmp_path / "polos.xlsx"
    with xlsxwriter.Workbook(str(path), {"constant_memory": is_streamed, "strings_to_numbers": False}) as workbook:
        formats = {code: workbook.add_format({"num_format": code}) for code in NUMBER_FORMATS if code}
        sheet = workbook.add_worksheet("A & B")
        for down, cells in enumerate(rows * times):
            for right, (value, code) in enumerate(cells):
                writer = sheet.write_string if isinstance(value, str) else sheet.write
                writer(corner[0] + down, corner[1] + right, value, formats.get(code))

    def read_sheet() -> Any:
        with closing(open_reading({"path": path.name, "header_rows": 0}, Surroundings(tmp_path))) as reading:
            found = [(row.number, list(map(repr, row.cells))) for row in reading.rows() if isinstance(row, Row)]
            return reading.columns, reading.rows_expected, found

    with pytest.MonkeyPatch.context() as patch:
        # Rows after the first block are read together where they are written alike.
        patch.setattr(plain_sheet, "_BLOCK_BYTES", block_bytes)
        streamed = read_sheet()
        patch.setattr(reader, "find_plain_sheet", lambda *_: None)
        assert streamed == read_sheet()


def test_rows_that_are_written_alike_are_read_together_and_others_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "polos.xlsx"
    odd = 300
    with xlsxwriter.Workbook(str(path)) as workbook:
        sheet = workbook.add_worksheet()
        formats = {odd: workbook.add_format({"bold": True})}
        sheet.write_row(0, 0, ["id", "nama", "luas", "catatan"])
        for number in range(1, 500):
            note = "" if number % 7 else number
            sheet.write_row(number, 0, [number, f"Aset & {number % 5}", number / 4, note], formats.get(number))
    alone: list[int] = []
    read_alone = plain_sheet._RowReader.read

    def read_row(self: plain_sheet._RowReader, part: bytes) -> tuple[int, list[Any]]:
        found = read_alone(self, part)
        alone.append(found[0])
        return found

    monkeypatch.setattr(plain_sheet._RowReader, "read", read_row)
    monkeypatch.setattr(plain_sheet, "_BLOCK_BYTES", 4_000)
    _, rows = read(path)
    assert rows == [
        (number + 1, [number, f"Aset & {number % 5}", number / 4, "" if number % 7 else number])
        for number in range(1, 500)
    ]
    # The first block, and the one with a row of another style, to the end of each.
    assert alone[0] == 1
    assert odd + 1 in alone
    assert len(alone) < 80


def test_a_plain_sheet_is_not_held_whole_until_a_row_is_not_plain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "polos.xlsx"
    with xlsxwriter.Workbook(str(path)) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, ["id", "nama", "tanggal"])
        for number in range(1, 4):
            sheet.write_row(number, 0, [number, f"Aset & {number}"])
        sheet.write_number(3, 2, 45_000, workbook.add_format({"num_format": "dd/mm/yyyy"}))
    held: list[Path] = []
    monkeypatch.setattr(reader, "_look_into", held.append)
    with closing(open_reading({"path": path.name}, Surroundings(tmp_path))) as reading:
        rows = reading.rows()
        first = [list(next(rows)[1]) for _ in range(2)]
        assert (first, held) == ([[1, "Aset & 1", ""], [2, "Aset & 2", ""]], [])
        assert [tuple(row) for row in rows] == [(4, [3, "Aset & 3", date(2023, 3, 15)])]
        assert held == [path]


def durations(path: Path, days: Sequence[float], sheets: Sequence[str] = ("S",), header: object = "lama") -> Path:
    """Write a workbook with a column of durations, as Excel keeps them: in days."""
    with xlsxwriter.Workbook(str(path)) as book:
        hours = book.add_format({"num_format": "[h]:mm"})
        for name in sheets:
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, ["id", header], hours)
            for number, value in enumerate(days, 1):
                sheet.write_number(number, 0, number)
                sheet.write_number(number, 1, value, hours)
    return path


def test_a_duration_that_nobody_can_count_keeps_its_row_aside_and_no_other(kota: Kota) -> None:
    durations(kota.folder / "lama.xlsx", [1, 1e12, 2, -1e13, 3])
    kota.declare(csv_source(kind="table", read={"path": "lama.xlsx"}, entity={
        "type": "BusStop", "id": entity_uri("BusStop", "{id}"), "attributes": {"lama": "lama"},
    }))  # fmt: skip
    run = kota.sync()
    assert (run.error, run.rows_read, run.rows_written, run.rows_rejected) == (None, 5, 3, 2)
    assert sorted(reject.key for reject in kota.rejects()) == ["row 3", "row 5"]
    assert all("a duration that nobody can count" in reject.reason for reject in kota.rejects())


def test_in_one_of_several_sheets_it_says_in_which(kota: Kota) -> None:
    path = durations(kota.folder / "lama.xlsx", [1e12, 2], ("A", "B"))
    with closing(open_reading({"path": path.name, "sheet": ["*"]}, Surroundings(path.parent))) as reading:
        rows = list(reading.rows())
    assert [isinstance(row, Row) for row in rows] == [False, True, False, True]
    assert rows[2].number == 5
    assert not isinstance(rows[2], Row)
    assert rows[2].reason.startswith("B, row 2: a cell holds a duration")
    assert rows[2].raw == {"@sheet": "B"}


def test_in_a_header_it_stops_the_run(kota: Kota) -> None:
    path = durations(kota.folder / "lama.xlsx", [1], header=1e12)
    with pytest.raises(SourceMismatch, match="in its row 1 a cell holds a duration that nobody can count"):
        read(path)
