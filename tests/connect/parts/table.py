"""Tables: a CSV file and a workbook."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import xlsxwriter  # type: ignore[import-untyped]  # The library ships no types.

from tests.connect.ods import row, write_ods
from tests.connect.parts.part import FilePart, Part
from tests.connect.parts.place import Place


class CsvPart(FilePart):
    """A CSV file."""

    kind = "table"

    def fill(self, names: Mapping[int, str]) -> None:
        with self.path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("id", "nama"), *names.items()])


class TsvPart(FilePart):
    """A file with tabs between its cells."""

    kind = "table"

    def fill(self, names: Mapping[int, str]) -> None:
        with self.path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter="\t").writerows([("id", "nama"), *names.items()])


class OdsPart(FilePart):
    """One sheet of an ODS file."""

    kind = "table"
    holds_whole = "WORKBOOK_BYTES_MAX"

    def fill(self, names: Mapping[int, str]) -> None:
        write_ods(self.path, {"Halte": [row(["id", "nama"]), *(row(pair) for pair in names.items())]})


class WorkbookPart(FilePart):
    """One sheet of a workbook."""

    kind = "table"
    holds_whole = "WORKBOOK_BYTES_MAX"

    def fill(self, names: Mapping[int, str]) -> None:
        with xlsxwriter.Workbook(str(self.path)) as workbook:
            sheet = workbook.add_worksheet("Halte")
            for number, row in enumerate([("id", "nama"), *names.items()]):
                sheet.write_row(number, 0, row)


@contextmanager
def csv_part(place: Place) -> Iterator[Part]:
    yield CsvPart(place.folder / "halte.csv")


@contextmanager
def workbook_part(place: Place) -> Iterator[Part]:
    yield WorkbookPart(place.folder / "halte.xlsx")


@contextmanager
def tsv_part(place: Place) -> Iterator[Part]:
    yield TsvPart(place.folder / "halte.tsv")


@contextmanager
def ods_part(place: Place) -> Iterator[Part]:
    yield OdsPart(place.folder / "halte.ods")


PARTS = {"table": csv_part, "table-tsv": tsv_part, "table-xlsx": workbook_part, "table-ods": ods_part}
