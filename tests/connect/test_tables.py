"""CSV files and workbooks, as they are sent: title rows, merged headers, broken rows, wrong encodings, bombs."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter  # type: ignore[import-untyped]  # The library ships no types.

from simpul import limits
from simpul.connect.connector import BrokenRow, Reading, Row, Surroundings
from simpul.connectors.table.reader import find_delimiter, open_reading
from simpul.domain.errors import SourceError, SourceMismatch, SourceUnreachable
from simpul.formats.headers import carry_right, join_header, unique_names
from tests.connect.kota import Kota, csv_source


def open_table(path: Path, **settings: Any) -> Reading:
    return open_reading({"path": path.name, **settings}, Surroundings(path.parent))


def rows_of(path: Path, **settings: Any) -> list[Row | BrokenRow]:
    reading = open_table(path, **settings)
    try:
        return list(reading.rows())
    finally:
        reading.close()


def cells_of(path: Path, **settings: Any) -> list[list[Any]]:
    return [list(row.cells) for row in rows_of(path, **settings) if isinstance(row, Row)]


@pytest.fixture
def csv_file(tmp_path: Path) -> Path:
    return tmp_path / "data.csv"


@pytest.mark.parametrize(("text", "delimiter"), [
    ("a,b\n1,2\n", ","), ("a;b\n1,5;2,5\n", ";"), ("a\tb\n1\t2\n", "\t"), ("a|b\n1|2\n", "|"), ("a\n1\n", ","),
    ('"a;x",b\n1,2\n', ","), ("a;b;c\n1,0;2,0;3,0\n", ";"),
])  # fmt: skip
def test_the_delimiter_is_found_out(text: str, delimiter: str) -> None:
    assert find_delimiter(text.splitlines(keepends=True), '"') == delimiter


def test_a_csv_is_read_with_the_line_of_each_row(csv_file: Path) -> None:
    csv_file.write_text('id,nama\n1,"Pasar\nRaya"\n\n2,Balai\n,\n3,T\n')
    assert rows_of(csv_file) == [Row(2, ["1", "Pasar\nRaya"]), Row(5, ["2", "Balai"]), Row(7, ["3", "T"])]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_understood(csv_file: Path, encoding: str) -> None:
    csv_file.write_text("id,nama\n1,Café\n", encoding=encoding)
    assert cells_of(csv_file) == [["1", "Café"]]


def test_another_encoding_is_declared(csv_file: Path) -> None:
    csv_file.write_text("id,nama\n1,Café\n", encoding="cp1252")
    assert cells_of(csv_file, encoding="cp1252") == [["1", "Café"]]


def test_a_wrong_encoding_names_line_and_byte_and_suggests_another(csv_file: Path) -> None:
    csv_file.write_bytes(b"id,nama\n1,Pasar\n2,Caf\xe9\n")
    with pytest.raises(SourceMismatch, match=r"line 3, byte 6 \(0xe9\); it is probably cp1252 .*encoding: cp1252"):
        rows_of(csv_file)


@pytest.mark.parametrize(("broken", "reason"), [
    ("2", "it has 1 cells, and the header has 2"), ("2,b,c", "it has 3 cells, and the header has 2"),
    ('2,"b"x', "the quotes are wrong"), ('2,"b', "the quotes are wrong"),
])  # fmt: skip
def test_a_broken_row_is_kept_with_its_line_and_the_others_are_read(csv_file: Path, broken: str, reason: str) -> None:
    csv_file.write_text(f"id,nama\n1,a\n{broken}\n3,c\n4,d\n")
    rows = rows_of(csv_file)
    (bad,) = [row for row in rows if isinstance(row, BrokenRow)]
    assert bad.number == 3
    assert bad.reason.startswith("line 3: ")
    assert reason in bad.reason
    assert bad.raw == {"line": broken}
    assert [row.number for row in rows] == [2, 3, 4, 5]


def test_a_quote_that_never_ends_loses_one_row_of_a_large_file(csv_file: Path) -> None:
    lines = [f"{number},nama {number}" for number in range(5_000)]
    lines[10] = '10,"tidak ditutup'
    csv_file.write_text("\n".join(["id,nama", *lines]) + "\n")
    rows = rows_of(csv_file)
    assert len(rows) == 5_000
    assert [row.number for row in rows if isinstance(row, BrokenRow)] == [12]


def test_a_delimiter_too_many_at_the_end_does_no_harm(csv_file: Path) -> None:
    csv_file.write_text("id,nama\n1,a,\n2,b,,\n")
    assert cells_of(csv_file) == [["1", "a"], ["2", "b"]]


def test_titles_and_numbered_rows_are_skipped(csv_file: Path) -> None:
    csv_file.write_text("PEMERINTAH KOTA\nTahun 2015\nid;nilai\n1;2\n7;8\n")
    assert cells_of(csv_file, skip_rows=2, skip_after_header_rows=1) == [["7", "8"]]


def test_columns_are_named_where_there_is_no_header(csv_file: Path) -> None:
    csv_file.write_text("7;8\n9;10\n")
    reading = open_table(csv_file, header_rows=0, columns=["a", "b"])
    assert reading.columns == ("a", "b")
    assert [row.number for row in reading.rows()] == [1, 2]
    reading.close()


def test_cells_are_filled_down(csv_file: Path) -> None:
    csv_file.write_text("opd,kegiatan\nDishub,a\n,b\nDPKA,c\n,d\n")
    filled = [row[0] for row in cells_of(csv_file, fill_down=["opd"])]
    assert filled == ["Dishub", "Dishub", "DPKA", "DPKA"]


@pytest.mark.parametrize(("settings", "message"), [
    ({"skip_rows": 9}, "has no header"), ({"fill_down": ["idd"]}, "no column 'idd' to fill down; did you mean 'id'?"),
    ({"columns": ["a", "b", "c"]}, "has 2 columns, and 'columns' names 3"),
])  # fmt: skip
def test_settings_that_do_not_fit_the_file_are_told(csv_file: Path, settings: Any, message: str) -> None:
    csv_file.write_text("id,nama\n1,a\n")
    with pytest.raises(SourceMismatch) as caught:
        rows_of(csv_file, **settings)
    assert message in caught.value.detail


def test_a_file_without_lines_is_no_table(csv_file: Path) -> None:
    with csv_file.open("wb") as file:
        file.truncate(limits.CSV_LINE_CHARACTERS_MAX + 2)
    with pytest.raises(SourceMismatch, match="is it a text file"):
        rows_of(csv_file)


def test_names_of_columns_are_there_once() -> None:
    assert unique_names(["Nilai", " Nilai\n ", "", "Nilai"]) == ("Nilai", "Nilai (2)", "column 3", "Nilai (3)")


def test_an_upper_text_reaches_over_the_cells_below_it() -> None:
    rows = [["Kode", "ANGGARAN", "", "REALISASI", ""], ["", "Murni", "Perubahan", "Rp", "%"]]
    names = ["Kode", "ANGGARAN / Murni", "ANGGARAN / Perubahan", "REALISASI / Rp", "REALISASI / %"]
    assert join_header(carry_right(rows)) == names


def test_an_upper_text_does_not_reach_into_the_next_group() -> None:
    rows = [["A", "", "B", ""], ["a1", "", "", ""], ["x", "y", "z", "w"]]
    assert join_header(carry_right(rows)) == ["A / a1 / x", "A / a1 / y", "B / z", "B / w"]


@pytest.fixture
def workbook(tmp_path: Path) -> Path:
    """Return a budget as it is sent: two title rows, a merged header of two rows, Indonesian text, a total."""
    path = tmp_path / "lra.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        book.add_worksheet("Petunjuk").write(0, 0, "Baca dulu")
        sheet = book.add_worksheet("LRA 2015")
        sheet.merge_range(0, 0, 0, 3, "PEMERINTAH KOTA")
        sheet.merge_range(2, 0, 3, 0, "Kode")
        sheet.merge_range(2, 1, 2, 2, "ANGGARAN")
        sheet.write_row(3, 1, ["Murni", "Perubahan"])
        sheet.merge_range(2, 3, 3, 3, "Uraian")
        sheet.write_row(4, 0, ["1.01", 1500, "1.234,5", "Pendidikan"])
        sheet.write_row(6, 0, ["1.02", 2.5, "", "Kesehatan"])
    return path


def test_a_merged_header_is_joined(workbook: Path) -> None:
    reading = open_table(workbook, sheet="LRA 2015", skip_rows=2, header_rows=2)
    assert reading.columns == ("Kode", "ANGGARAN / Murni", "ANGGARAN / Perubahan", "Uraian")
    assert list(reading.rows()) == [
        Row(5, ["1.01", 1500.0, "1.234,5", "Pendidikan"]),
        Row(7, ["1.02", 2.5, "", "Kesehatan"]),
    ]


def test_a_sheet_goes_by_its_number_too(workbook: Path) -> None:
    assert open_table(workbook, sheet="2", skip_rows=2, header_rows=2).columns[0] == "Kode"
    assert open_table(workbook).columns == ("Baca dulu",)


def test_a_workbook_without_the_sheet_lists_those_it_has(workbook: Path) -> None:
    with pytest.raises(SourceMismatch) as caught:
        open_table(workbook, sheet="LRA 2051")
    assert caught.value.detail.endswith(
        "has no sheet 'LRA 2051'; did you mean 'LRA 2015'? Its sheets: 'Petunjuk', 'LRA 2015'."
    )


@pytest.mark.parametrize(("name", "content", "message"), [
    ("a.xls", b"<html><table><tr><td>1</td></tr></table></html>", "it is a web page with an Excel name"),
    ("a.xlsx", b"bukan excel", "it is damaged or something else with an Excel name"),
    ("a.xlsx", b"PK\x03\x04 terpotong", "cannot be read as a workbook"),
    ("a.xls", b"\xd0\xcf\x11\xe0 rusak", "cannot be read as a workbook"),
])  # fmt: skip
def test_what_is_no_workbook_is_told(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceMismatch) as caught:
        open_table(tmp_path / name)
    assert message in caught.value.detail


def test_a_zip_that_is_no_workbook_is_told(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("halo.txt", "halo")
    with pytest.raises(SourceMismatch, match="cannot be read as a workbook"):
        open_table(tmp_path / "a.xlsx")


def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bom.xlsx"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as member,
    ):
        block = bytes(16 * 1024 * 1024)
        for _ in range(limits.WORKBOOK_BYTES_MAX // len(block) + 1):
            member.write(block)
    assert path.stat().st_size < limits.WORKBOOK_BYTES_MAX / 50
    with pytest.raises(SourceMismatch, match="bytes when unpacked; at most"):
        open_table(path)


def test_a_workbook_whose_cells_are_far_apart_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "luas.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "id")
        sheet.write(1_048_575, 16_383, "jauh")
    with pytest.raises(SourceMismatch, match=r"cells in xl/worksheets/sheet1\.xml; at most"):
        open_table(path)


@pytest.mark.parametrize(("path", "message"), [
    ("tidak-ada.csv", "There is no file"), ("", "is a folder"), ("tidak/ada.csv", "does not exist either"),
])  # fmt: skip
def test_a_missing_file_is_told_with_what_is_beside_it(tmp_path: Path, path: str, message: str) -> None:
    (tmp_path / "halte.csv").write_text("id\n1\n")
    with pytest.raises(SourceUnreachable) as caught:
        open_reading({"path": path}, Surroundings(tmp_path))
    assert message in caught.value.detail
    if path == "tidak-ada.csv":
        assert "in its folder are halte.csv" in caught.value.detail


def test_a_file_over_the_limit_is_refused(csv_file: Path) -> None:
    with csv_file.open("wb") as file:
        file.truncate(limits.SOURCE_FILE_BYTES_MAX + 1)
    with pytest.raises(SourceError, match="bytes; at most"):
        rows_of(csv_file)


def test_a_broken_row_is_in_the_rejects_and_the_rest_goes_in(kota: Kota) -> None:
    (kota.folder / "halte.csv").write_text("id,nama\n1,a\n2\n3,c\x00c\n4,d\n")
    kota.declare(csv_source())
    run = kota.sync()
    assert (run.error, run.rows_written, run.rows_rejected) == (None, 2, 2)
    rejects = {reject.key: reject for reject in kota.rejects()}
    assert rejects["line 3"].reason == "line 3: it has 1 cells, and the header has 2"
    assert "NUL character" in rejects["3"].reason
    assert kota.sync().rows_rejected == 2


@pytest.mark.parametrize(("column", "message"), [
    ("namaa", "no column 'namaa'; did you mean 'nama'? Its columns are: id, nama."),
    ("zzz", "no column 'zzz'. Its columns are: id, nama."),
])  # fmt: skip
def test_a_column_that_the_file_has_not_is_told(kota: Kota, column: str, message: str) -> None:
    (kota.folder / "halte.csv").write_text("id,nama\n1,a\n")
    source = csv_source()
    source["entity"]["attributes"] = {"name": column}
    kota.declare(source)
    run = kota.sync()
    assert run.error is not None
    assert run.error.startswith("sources/halte.yaml: the source has ")
    assert message in run.error
