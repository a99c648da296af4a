"""A CKAN portal as a source: a server that speaks the Action API, and what portals refuse, lose and rename."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
import xlsxwriter  # type: ignore[import-untyped]  # The library ships no types.

from simpul import limits
from simpul.connect.city import load_city
from simpul.connect.connector import Row, Surroundings
from simpul.connectors.ckan.reader import open_reading
from simpul.domain.errors import SourceError, SourceMismatch, SourceUnreachable
from tests.connect.kota import Kota, csv_source
from tests.connect.parts.ckan import Portal, failed
from tests.connect.service import Asked, Service, Told, run_service

COLUMNS = ["id", "nama", "kecamatan"]
ROWS = [[number, f"Halte {number}", "Padang Barat" if number % 2 else "Bungus"] for number in range(1, 8)]


@pytest.fixture
def portal() -> Portal:
    made = Portal()
    made.put_dataset("halte", made.put_records("r", COLUMNS, ROWS))
    return made


@pytest.fixture
def service(portal: Portal) -> Iterator[Service]:
    with run_service(portal.answer) as running:
        yield running


def read(service: Service, folder: Path, **plain: Any) -> tuple[tuple[str, ...], list[Any]]:
    settings = {"url": service.url, "private": True, **plain}
    with closing(open_reading(settings, Surroundings(folder, {"TOKEN": "rahasia"}))) as reading:
        return reading.columns, [row.cells if isinstance(row, Row) else row.reason for row in reading.rows()]


def told(service: Service, folder: Path, kind: type[SourceError] = SourceMismatch, **plain: Any) -> str:
    with pytest.raises(kind) as caught:
        read(service, folder, **plain)
    assert "rahasia" not in caught.value.detail
    return caught.value.detail


def put_file(portal: Portal, service: Service, name: str, content: bytes, **more: Any) -> None:
    portal.files[f"/berkas/{name}"] = content
    resource = {"id": "f", "name": "Berkas", "url": f"{service.url}/berkas/{name}", "format": "", **more}
    portal.put_dataset("berkas", resource)


# --- The datastore


def test_the_columns_are_the_fields_without_the_portals_own_number(service: Service, tmp_path: Path) -> None:
    columns, rows = read(service, tmp_path, resource="r")
    assert columns == ("id", "nama", "kecamatan")
    assert rows == ROWS


@pytest.mark.parametrize("plain", [{"dataset": "halte"}, {"dataset": "halte", "resource": "Data r"}])
def test_a_resource_is_found_by_its_dataset(service: Service, tmp_path: Path, plain: dict[str, str]) -> None:
    assert len(read(service, tmp_path, **plain)[1]) == 7


@pytest.mark.parametrize("size", [2, 3, 6, 7, 8])
@pytest.mark.parametrize("rows_max", [2, 4, 32_000])
def test_pages_of_any_size_tell_every_record_once(
    portal: Portal, service: Service, tmp_path: Path, size: int, rows_max: int
) -> None:
    portal.rows_max = rows_max
    assert read(service, tmp_path, resource="r", size=size)[1] == ROWS


def test_fields_and_records_can_be_chosen(service: Service, tmp_path: Path) -> None:
    columns, rows = read(service, tmp_path, resource="r", columns=["_id", "nama"], filters={"kecamatan": "Bungus"})
    assert columns == ("_id", "nama")
    assert rows == [[2, "Halte 2"], [4, "Halte 4"], [6, "Halte 6"]]


def test_a_token_is_sent_as_the_portal_wants_it(portal: Portal, service: Service, tmp_path: Path) -> None:
    portal.token = "rahasia"
    assert len(read(service, tmp_path, resource="r", api_token="${env:TOKEN}")[1]) == 7
    words = told(service, tmp_path, SourceUnreachable, resource="r")
    assert "does not let us read the resource 'r' (Access denied" in words
    assert "check 'api_token'" in words


def test_a_datastore_that_is_loaded_anew_meanwhile_breaks_off(portal: Portal, service: Service, tmp_path: Path) -> None:
    settings = {"url": service.url, "private": True, "resource": "r", "size": 3}
    with closing(open_reading(settings, Surroundings(tmp_path))) as reading:
        rows = reading.rows()
        next(rows)
        portal.put_records("r", COLUMNS, ROWS[1:])
        with pytest.raises(SourceMismatch, match="changed the resource 'r' while it was read"):
            list(rows)


def test_a_datastore_that_ends_before_its_told_end_breaks_off(portal: Portal, service: Service, tmp_path: Path) -> None:
    settings = {"url": service.url, "private": True, "resource": "r", "size": 3}
    with closing(open_reading(settings, Surroundings(tmp_path))) as reading:
        rows = reading.rows()
        next(rows)
        portal.records["r"] = portal.records["r"][:5]
        with pytest.raises(SourceMismatch, match="says that it has 7 records, and gave 5"):
            list(rows)


@pytest.mark.parametrize(("plain", "words"), [
    ({"resource": "x"}, "does not know the resource 'x' (Not found)"),
    ({"dataset": "x"}, "does not know the dataset 'x'"),
    ({"dataset": "halte", "resource": "Data"}, "has no resource 'Data'"),
    ({"resource": "r", "columns": ["namaa"]}, "has no column 'namaa'; did you mean 'nama'?"),
    ({"resource": "r", "filters": {"kota": "x"}}, "the resource 'r': filters: field \"kota\" not in table"),
    ({"dataset": "dua"}, "has 2 resources: 'A', 'B'. Write resource:"),
    ({"dataset": "sama", "resource": "A"}, "has several resources 'A'"),
    ({"dataset": "hapus"}, "has deleted the dataset 'hapus'"),
    ({"resource": "gone"}, "has deleted the resource 'gone'"),
    ({"resource": "a", "through": "datastore"}, "as a file, not in its datastore"),
    ({"resource": "a"}, "has no file of the resource 'a'"),
])  # fmt: skip
def test_what_is_not_there_is_told(
    portal: Portal, service: Service, tmp_path: Path, plain: dict[str, Any], words: str
) -> None:
    named = {"state": "active", "url": ""}
    portal.put_dataset("dua", {"id": "a", "name": "A", **named}, {"id": "b", "name": "B", **named})
    portal.put_dataset("sama", {"id": "c", "name": "A", **named}, {"id": "d", "name": "A", **named})
    portal.put_dataset("hapus", state="deleted")
    portal.put_dataset("sisa", {"id": "gone", "name": "A", "state": "deleted"})
    assert words in told(service, tmp_path, **plain)


@pytest.mark.parametrize(("answer", "kind", "words"), [
    (Told(b"<html>"), SourceMismatch, "answers with a page"), (Told(b"{"), SourceMismatch, "does not answer as a CKAN"),
    (Told({"result": []}), SourceMismatch, "does not answer as a CKAN"),
    (Told("Bad request - Action name not known: x", status=400), SourceMismatch, "does not take the request"),
    (Told(b"<html>", status=404), SourceMismatch, "status 404"),
    (Told(b"", status=502), SourceUnreachable, "status 502"),
    (failed(500, "Internal Server Error", message="x"), SourceUnreachable, "status 500"),
    (Told({"success": False, "error": {"__type": "Search Error", "message": "tidak"}}), SourceMismatch, "tidak"),
    (Told(b"", status=429, headers={"retry-after": "9999"}), SourceUnreachable, "asks to be left alone for 9999 s"),
    (Told(b"", status=302, headers={"location": "https://elsewhere.example/"}), SourceMismatch, "another host"),
])  # fmt: skip
def test_what_a_portal_refuses_is_told(tmp_path: Path, answer: Told, kind: type[SourceError], words: str) -> None:
    with run_service(lambda _: answer) as service:
        assert words in told(service, tmp_path, kind, resource="r", api_token="${env:TOKEN}")


def test_a_portal_that_asks_for_patience_gets_it(portal: Portal, tmp_path: Path) -> None:
    asked: list[Asked] = []

    def answer(one: Asked) -> Told:
        asked.append(one)
        return Told(b"", status=429, headers={"retry-after": "0"}) if len(asked) % 2 else portal.answer(one)

    with run_service(answer) as service:
        assert read(service, tmp_path, resource="r", size=3)[1] == ROWS


# --- Files


GEOJSON = msgspec.json.encode({
    "type": "FeatureCollection",
    "features": [{"type": "Feature", "id": "x", "properties": {"n": 1}, "geometry": None}],
})  # fmt: skip


def workbook() -> bytes:
    made = BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Data")
        for number, row in enumerate([["Judul", ""], ["id", "nama"], [1, "Pasar Raya"]]):
            sheet.write_row(number, 0, row)
    return made.getvalue()


@pytest.mark.parametrize(("name", "content", "more", "plain", "found"), [
    ("a.csv", b"id;nama\n1;Pasar Raya\n", {}, {}, (("id", "nama"), [["1", "Pasar Raya"]])),
    ("download", "id,nama\n1,Pasar Ray\xe9\n".encode("cp1252"), {"format": "CSV"}, {"table": {"encoding": "cp1252"}},
     (("id", "nama"), [["1", "Pasar Rayé"]])),
    ("a.xlsx", workbook(), {}, {"table": {"skip_rows": 1}}, (("id", "nama"), [[1.0, "Pasar Raya"]])),
    ("a.json", b'{"status": "ok", "data": [{"id": 1, "at": {"x": 2}}]}', {}, {}, (("id", "at.x"), [[1, 2]])),
    ("a.json", b'{"a": [{"id": 1}], "b": [{"id": 2}, 7]}', {}, {"list": ["b"]},
     (("id",), [[2], "it is no record: a record has names and values"])),
    ("a.json", GEOJSON, {"format": "GeoJSON"}, {}, (("@id", "@geometry", "n"), [("x", None, 1)])),
])  # fmt: skip
def test_a_file_is_read_as_the_kind_that_reads_such_files_does(
    portal: Portal, service: Service, tmp_path: Path, name: str, content: bytes, more: dict[str, Any],
    plain: dict[str, Any], found: tuple[Any, Any],
) -> None:  # fmt: skip
    put_file(portal, service, name, content, **more)
    assert read(service, tmp_path, dataset="berkas", **plain) == found
    assert list(tmp_path.iterdir()) == []


def test_a_file_can_be_read_where_the_datastore_has_it_too(portal: Portal, service: Service, tmp_path: Path) -> None:
    put_file(portal, service, "a.csv", b"id,nama\n9,Berkas\n", datastore_active=True)
    assert read(service, tmp_path, dataset="berkas", through="file")[1] == [["9", "Berkas"]]


@pytest.mark.parametrize(("name", "content", "more", "words"), [
    ("a.pdf", b"%PDF", {"format": "PDF"}, "as 'pdf', which is not read"),
    ("a.csv", b"id,nama\n1,\xff\n", {}, "the resource 'Berkas' of http://127.0.0.1"),
    ("a.xlsx", b"<html>", {}, "it is a web page with an Excel name"),
    ("a.csv", b"", {"url": "https://elsewhere.example/a.csv?key=rahasia"}, "a link to https://elsewhere.example/a.csv"),
    ("a.csv", b"", {"url": "/hilang.csv"}, "status 404"), ("a.csv", b"", {"url": "http://x:y/a.csv"}, "leads nowhere"),
])  # fmt: skip
def test_a_file_that_cannot_be_read_is_told(
    portal: Portal, service: Service, tmp_path: Path, name: str, content: bytes, more: dict[str, Any], words: str
) -> None:
    put_file(portal, service, name, content, **more)
    told_words = told(service, tmp_path, dataset="berkas")
    assert words in told_words
    assert "simpul-" not in told_words


def test_the_token_is_never_sent_to_another_host(portal: Portal, service: Service, tmp_path: Path) -> None:
    portal.token = "rahasia"
    with run_service(lambda _: Told(b"id\n1\n")) as other:
        put_file(portal, service, "a.csv", b"", url=f"{other.url}/a.csv")
        told(service, tmp_path, dataset="berkas", api_token="${env:TOKEN}")
        assert other.asked == []


def test_files_are_bounded(portal: Portal, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_file(portal, service, "a.json", b'[{"id": 1}]' + b" " * 2_000)
    monkeypatch.setattr(limits, "REST_ANSWER_BYTES_MAX", 1_900)
    assert "more than 1,900 bytes of JSON" in told(service, tmp_path, dataset="berkas")
    monkeypatch.setattr(limits, "DOWNLOAD_BYTES_MAX", 1_000)
    assert "more than 1,000 bytes" in told(service, tmp_path, dataset="berkas")


# --- Several resources


def years(portal: Portal, service: Service, **columns: str) -> None:
    """Put a dataset with a CSV file for each year, and other things beside them."""
    resources = []
    for year in ("2026", "2024", "2025"):
        header = columns.get(f"of_{year}", "id,nama")
        cells = ",".join([year[-1], f"Halte {year}", "x"][: header.count(",") + 1])
        portal.files[f"/{year}.csv"] = f"{header}\n{cells}\n".encode()
        resources.append({"id": year, "name": f"Halte {year}", "url": f"{service.url}/{year}.csv", "format": "CSV"})
    resources.append({"id": "p", "name": "Halte 2026", "url": f"{service.url}/2026.pdf", "format": "PDF"})
    resources.append({"id": "q", "name": "Halte 2023", "state": "deleted"})
    portal.put_dataset("tahun", *resources)


def test_resources_of_the_same_columns_are_read_as_one(portal: Portal, service: Service, tmp_path: Path) -> None:
    years(portal, service, of_2025="nama,id")
    portal.files["/2025.csv"] = b"nama,id\nHalte 2025,5\n"
    columns, rows = read(service, tmp_path, dataset="tahun", resources=["halte 20*"], format="csv")
    assert columns == ("id", "nama", "@resource")
    assert rows == [
        ["4", "Halte 2024", "Halte 2024"],
        ["5", "Halte 2025", "Halte 2025"],
        ["6", "Halte 2026", "Halte 2026"],
    ]
    assert list(tmp_path.iterdir()) == []


def test_resources_in_the_datastore_are_read_as_one(portal: Portal, service: Service, tmp_path: Path) -> None:
    portal.put_dataset("dua", portal.put_records("b", COLUMNS, ROWS[4:]), portal.put_records("a", COLUMNS, ROWS[:4]))
    _, rows = read(service, tmp_path, dataset="dua", resources=["*"], size=2, filters={"kecamatan": "Bungus"})
    assert [row[:2] + row[3:] for row in rows] == [
        [n, f"Halte {n}", f"Data {'a' if n < 5 else 'b'}"] for n in (2, 4, 6)
    ]


def test_where_not_all_are_in_the_datastore_all_are_read_as_files(
    portal: Portal, service: Service, tmp_path: Path
) -> None:
    years(portal, service)
    portal.datasets["tahun"]["resources"][0]["datastore_active"] = True
    assert len(read(service, tmp_path, dataset="tahun", resources=["*"], format="csv")[1]) == 3
    words = told(service, tmp_path, dataset="tahun", resources=["*"], format="csv", filters={"id": "1"})
    assert "only its datastore can be asked for some records" in words


def test_numbers_of_rows_go_on_and_broken_ones_name_their_resource(
    portal: Portal, service: Service, tmp_path: Path
) -> None:
    years(portal, service)
    for year in ("2024", "2025"):
        portal.files[f"/{year}.csv"] = b"id,nama\n1,a,b\n2,b\n"
    settings = {"url": service.url, "private": True, "dataset": "tahun", "resources": ["*"], "format": "csv"}
    with closing(open_reading(settings, Surroundings(tmp_path))) as reading:
        rows = list(reading.rows())
    numbers = [row.number for row in rows]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == 5
    broken = rows[2]
    assert not isinstance(broken, Row)
    assert broken.reason.startswith("Halte 2025: line 2: it has 3 cells")
    assert broken.raw["@resource"] == "Halte 2025"


@pytest.mark.parametrize(("columns", "plain", "words"), [
    ({"of_2025": "id,name"}, {}, "'Halte 2025' of http://127.0.0.1"),
    ({"of_2025": "id,name"}, {}, "is not of the form of 'Halte 2024': it lacks nama and has name as well. Write under"),
    ({"of_2026": "id,nama,kelas"}, {}, "it has kelas as well"),
    ({"of_2025": "id,name"}, {"columns": ["id", "nama"]}, "lacks nama, which 'columns' declares"),
    ({}, {"resources": ["jalan*"]}, "has no resource that 'resources' and 'format' mean. It has: 'Halte 2026' (csv)"),
    ({}, {"format": "xlsx"}, "has no resource that 'resources' and 'format' mean"),
    ({}, {"format": None}, "has several resources 'Halte 2026'"),
    ({}, {"format": "pdf"}, "as 'pdf', which is not read"),
    ({}, {"through": "datastore"}, "as a file, not in its datastore"),
])  # fmt: skip
def test_resources_of_another_form_are_told(
    portal: Portal, service: Service, tmp_path: Path, columns: dict[str, str], plain: dict[str, Any], words: str
) -> None:
    years(portal, service, **columns)
    settings = {"dataset": "tahun", "resources": ["*"], "format": "csv", **plain}
    assert words in told(service, tmp_path, **{key: value for key, value in settings.items() if value is not None})
    assert list(tmp_path.iterdir()) == []


def test_only_the_declared_columns_need_to_be_everywhere(portal: Portal, service: Service, tmp_path: Path) -> None:
    years(portal, service, of_2026="id,nama,kelas")
    plain = {"dataset": "tahun", "resources": ["*"], "format": "csv", "columns": ["nama"], "through": "file"}
    columns, rows = read(service, tmp_path, **plain)
    assert columns == ("nama", "@resource")
    assert len(rows) == 3


def test_not_more_resources_than_a_limit_are_read_as_one(
    portal: Portal, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    years(portal, service)
    monkeypatch.setattr(limits, "CKAN_RESOURCES_MAX", 2)
    words = told(service, tmp_path, dataset="tahun", resources=["*"], format="csv")
    assert "has 3 resources that match; at most 2" in words


def test_a_year_that_cannot_be_read_lets_nothing_vanish(portal: Portal, service: Service, kota: Kota) -> None:
    years(portal, service)
    plain = {"url": service.url, "private": True, "dataset": "tahun", "resources": "Halte*", "format": "CSV"}
    kota.declare(csv_source(kind="ckan", read=plain, vanished="delete"))
    assert kota.sync().rows_written == 3
    content = portal.files.pop("/2025.csv")
    run = kota.sync()
    assert run.error is not None
    assert "Halte 2025" in run.error or "status 404" in run.error
    assert kota.count("BusStop") == 3
    portal.files["/2025.csv"] = content
    # A year that the portal has no more is gone.
    del portal.datasets["tahun"]["resources"][1]
    run = kota.sync()
    assert (run.error, run.rows_vanished, kota.count("BusStop")) == (None, 1, 2)


# --- Declarations and runs


@pytest.mark.parametrize(("plain", "words"), [
    ({}, "write 'resource'"), ({"resource": "r", "api_token": "abc"}, "a secret must not stand here"),
    ({"resource": "r", "url": "https://data.example/dataset/halte"}, "that of the portal alone"),
    ({"resource": "r", "url": "https://data.example/api/3/action"}, "that of the portal alone"),
    ({"resource": "r", "api_token": "${env:A}", "auth": {"token": "${env:B}"}}, "leave one out"),
    ({"resource": "r", "through": "file", "columns": ["a"]}, "'columns' does not belong to 'through: file'"),
    ({"resource": "r", "through": "datastore", "table": {"sheet": "a"}}, "'table' does not belong to"),
    ({"resource": "r", "table": {"header_rows": 0}}, "without header rows the columns need names"),
    ({"resource": "r", "columns": ["a", "a"]}, "is there twice"),
    ({"resource": "r", "table": {"path": "a.csv"}}, "no key 'path'"),
    ({"resources": "*"}, "several resources are those of one dataset"),
    ({"dataset": "d", "resource": "r", "resources": "*"}, "leave one out"),
    ({"dataset": "d", "format": "CSV"}, "'format' chooses among several resources"),
])  # fmt: skip
def test_a_declaration_that_cannot_be_right_is_refused(kota: Kota, plain: dict[str, Any], words: str) -> None:
    read = {"url": "https://data.example", **plain}
    kota.write("sources/halte.yaml", csv_source(kind="ckan", read=read))
    assert words in str(load_city(kota.folder).problems)


def test_a_resource_that_vanished_leaves_what_was_taken_over(portal: Portal, service: Service, kota: Kota) -> None:
    plain = {"url": service.url, "private": True, "dataset": "halte"}
    kota.declare(csv_source(kind="ckan", read=plain, vanished="delete"))
    assert kota.sync().rows_written == 7
    portal.datasets.clear()
    run = kota.sync()
    assert run.error is not None
    assert "was removed, or has another id now" in run.error
    assert kota.count("BusStop") == 7
    # The portal's own numbers and ids are new after each load, and nothing is written for that.
    portal.put_dataset("halte", portal.put_records("r2", COLUMNS, ROWS[::-1]))
    run = kota.sync()
    assert (run.error, run.rows_written, run.rows_unchanged) == (None, 0, 7)
