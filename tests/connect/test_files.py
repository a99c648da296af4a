"""Files that arrive in a folder: their order, where they go afterwards, and all that can be wrong with one."""

from __future__ import annotations

import os
import random
import socket
import zipfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from simpul import limits
from simpul.connect.city import load_city
from simpul.connect.connector import BrokenRow, Row, Stream, Surroundings
from simpul.connectors.files import reader
from simpul.connectors.files.reader import open_reading
from simpul.domain.errors import SourceError, SourceMisconfigured, SourceMismatch, SourceUnreachable
from simpul.inboxes.inbox import free_name, make_filter
from tests.connect.kota import Kota, csv_source, entity_uri
from tests.connect.parts.files import write_csv
from tests.connect.test_killed_runs import sync_and_kill

READ: dict[str, Any] = {"folder": "masuk", "columns": ["id", "nama"], "quiet": 0}
NOON = 1_790_000_000
ROUNDS = 6
FILES = 6
ROWS_PER_FILE = 1_500


@pytest.fixture
def inbox(kota: Kota) -> Path:
    """The folder that files arrive in."""
    folder = kota.folder / "masuk"
    folder.mkdir()
    return folder


def arrive(folder: Path, name: str, names: Mapping[int, str], minute: int = 0) -> Path:
    """Let a file arrive that was written at this minute."""
    path = folder / name
    write_csv(path, names)
    return at(path, minute)


def at(path: Path, minute: int) -> Path:
    os.utime(path, (NOON + 60 * minute,) * 2)
    return path


def read(kota: Kota, **changes: Any) -> list[Row | BrokenRow]:
    """Take all that waits, and confirm it."""
    rows: list[Row | BrokenRow] = []
    with closing(open_reading({**READ, **changes}, Surroundings(kota.folder))) as reading:
        stream = cast(Stream, reading)
        while True:
            rows += stream.rows()
            if not stream.confirm():
                return rows


def cells(rows: list[Row | BrokenRow]) -> list[list[Any]]:
    assert not any(isinstance(row, BrokenRow) for row in rows)
    return [list(row.cells) for row in rows if isinstance(row, Row)]


def told(rows: list[Row | BrokenRow]) -> str:
    """Return why the one file was refused."""
    (broken,) = (row for row in rows if isinstance(row, BrokenRow))
    return broken.reason


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def declare(kota: Kota, **changes: Any) -> None:
    kota.declare(csv_source(kind="files", read={**READ, **changes}))


# --- Which files, in which order


def test_the_oldest_is_read_first_and_each_is_a_batch(kota: Kota, inbox: Path) -> None:
    arrive(inbox, "b.csv", {1: "lama"}, minute=1)
    arrive(inbox, "a.csv", {1: "baru"}, minute=2)
    arrive(inbox, "c.csv", {2: "sama"}, minute=1)
    rows = read(kota)
    assert cells(rows) == [["1", "lama", "b.csv"], ["2", "sama", "c.csv"], ["1", "baru", "a.csv"]]
    assert names_in(inbox) == ["done"]
    assert names_in(inbox / "done") == ["a.csv", "b.csv", "c.csv"]
    assert len({row.number for row in rows}) == 3
    assert read(kota) == []


def test_only_what_matches_and_is_finished_is_read(kota: Kota, inbox: Path) -> None:
    for name in ("HALTE-1.CSV", "lain.csv", ".halte-2.csv", "halte-3.csv.part", "~$halte-4.csv", "halte-5.xlsx.csv"):
        arrive(inbox, name, {1: name})
    (inbox / "halte-6.csv").mkdir()
    found = cells(read(kota, pattern=["halte-*.csv"]))
    assert sorted(name for _, name, _ in found) == ["HALTE-1.CSV", "halte-5.xlsx.csv"]
    assert len(names_in(inbox)) == 6


@pytest.mark.parametrize(("name", "is_wanted"), [
    ("a.csv", True), ("A.CSV", True), (".a.csv", False), ("a.csv.filepart", False), ("a.csv.tmp", False),
    ("~$a.csv", False), ("a.xlsx", False),
])  # fmt: skip
def test_a_pattern_means_finished_files_in_any_letters(name: str, is_wanted: bool) -> None:
    assert make_filter(["*.Csv"])(name) is is_wanted


def test_a_file_that_was_just_written_to_waits(kota: Kota, inbox: Path) -> None:
    arrive(inbox, "a.csv", {1: "a"})
    # That its moment of modification lies back says nothing: whoever copies a file can set it.
    assert read(kota, quiet=3_600) == []
    assert len(read(kota, quiet=0)) == 1


def test_tables_of_all_forms_are_read_by_their_columns(kota: Kota, inbox: Path) -> None:
    kota.write_workbook("masuk/a.xlsx", {"S": [["Judul"], ["nama", "lain", "id"], ["Halte", None, 7]]})
    at(inbox / "a.xlsx", 1)
    assert cells(read(kota, skip_rows=1)) == [[7, "Halte", "a.xlsx"]]
    (inbox / "b.tsv").write_text("9\tPasar\n")
    assert cells(read(kota, header_rows=0)) == [["9", "Pasar", "b.tsv"]]


def test_columns_of_a_file_may_stand_in_any_order_and_be_more(kota: Kota, inbox: Path) -> None:
    (inbox / "a.csv").write_text("lain,nama,id\nx,Pasar,3\n")
    assert cells(read(kota)) == [["3", "Pasar", "a.csv"]]


def test_only_so_many_files_are_held_in_mind_and_the_rest_waits(
    kota: Kota, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FILES_WAITING_MAX", 3)
    for number in range(5):
        arrive(inbox, f"{number}.csv", {number: "x"}, minute=number)
    with pytest.raises(SourceMismatch, match="more than 3 files"):
        read(kota, after="keep")
    assert [row[0] for row in cells(read(kota))] == ["0", "1", "2"]
    assert [row[0] for row in cells(read(kota))] == ["3", "4"]


# --- Where files go


def test_nothing_that_was_put_away_is_written_over(kota: Kota, inbox: Path) -> None:
    for name in ("satu", "dua", "tiga"):
        arrive(inbox, "halte.csv", {1: name})
        read(kota)
    done = names_in(inbox / "done")
    assert len(done) == 3
    assert "halte.csv" in done
    assert all(name.startswith("halte") and name.endswith(".csv") for name in done)
    assert {path.read_text().split(",")[-1].strip() for path in (inbox / "done").iterdir()} == {"satu", "dua", "tiga"}


def test_a_free_name_is_found_however_many_are_taken() -> None:
    taken: set[str] = set()
    for _ in range(50):
        taken.add(free_name(".sembunyi", taken.__contains__))
    assert len(taken) == 50


def test_a_file_that_took_the_place_of_one_that_was_read_is_no_done_one(kota: Kota, inbox: Path) -> None:
    path = arrive(inbox, "a.csv", {1: "lama"})
    with closing(open_reading(READ, Surroundings(kota.folder))) as reading:
        assert len(list(reading.rows())) == 1
        write_csv(path.with_name("b"), {1: "yang baru"})
        path.with_name("b").rename(path)
        cast(Stream, reading).confirm()
    assert cells(read(kota)) == [["1", "yang baru", "a.csv"]]


def test_a_file_that_is_written_to_while_it_is_read_is_read_again(kota: Kota, inbox: Path) -> None:
    path = arrive(inbox, "a.csv", {1: "satu"})
    with closing(open_reading(READ, Surroundings(kota.folder))) as reading:
        rows = reading.rows()
        next(rows)
        with path.open("a") as file:
            file.write("2,dua\n")
        with pytest.raises(SourceUnreachable, match="was written to while it was read"):
            list(rows)
    assert len(read(kota)) == 2


def test_a_file_that_was_taken_away_is_no_loss(kota: Kota, inbox: Path) -> None:
    arrive(inbox, "a.csv", {1: "a"}, minute=1).rename(inbox / "z.csv")
    path = arrive(inbox, "b.csv", {2: "b"}, minute=2)
    with closing(open_reading(READ, Surroundings(kota.folder))) as reading:
        path.unlink()
        assert len(list(reading.rows())) == 1
        assert cast(Stream, reading).confirm() is True
        assert list(reading.rows()) == []
        assert cast(Stream, reading).confirm() is False


def test_a_folder_that_is_a_link_is_nothing_to_move_files_to(kota: Kota, inbox: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "tempat-lain"
    elsewhere.mkdir()
    (inbox / "done").symlink_to(elsewhere)
    arrive(inbox, "a.csv", {1: "a"})
    with pytest.raises(SourceUnreachable, match="cannot be moved to"):
        read(kota)
    assert names_in(elsewhere) == []
    assert (inbox / "a.csv").exists()


# --- Files that cannot be read


def test_a_file_that_cannot_be_read_is_put_apart_and_the_others_go_on(kota: Kota, inbox: Path) -> None:
    arrive(inbox, "a.csv", {1: "a"}, minute=1)
    at_two = inbox / "b.csv"
    at_two.write_text("id,nma\n2,b\n")
    at(at_two, 2)
    arrive(inbox, "c.csv", {3: "c"}, minute=3)
    declare(kota)
    run = kota.sync()
    assert (run.error, run.rows_written, run.rows_rejected) == (None, 2, 1)
    assert names_in(inbox / "bad") == ["b.csv", "b.csv.txt"]
    (reject,) = kota.rejects()
    assert (reject.rule, reject.raw) == ("broken", {"@file": "b.csv"})
    expected = "b.csv lacks the column 'nama'; did you mean 'nma'? Its columns are: id, nma."
    assert reject.reason == expected
    assert (inbox / "bad" / "b.csv.txt").read_text() == f"{expected}\n"
    # What was mended is put back.
    arrive(inbox, "b.csv", {2: "b"}, minute=2)
    assert kota.sync().rows_written == 1


@pytest.mark.parametrize(("content", "expected"), [
    (b"", "b.csv has no header"),
    (b"%PDF-1.4\n\xe2\xe3", "it is a PDF"),
    (b"id,nama\n1,\xff\n", "is not utf-8"),
    (b"<html><table>", "a web page with an Excel name"),
    (b"PK\x03\x04 rusak", "cannot be read as a workbook"),
    (b"\xd0\xcf\x11\xe0 rusak", "cannot be read as a workbook"),
    (b"id,nama\n1," + b"x" * 2_000 + b"\n", "line 2 is longer than"),
])  # fmt: skip
def test_what_is_no_table_says_so_under_its_own_name(
    kota: Kota, inbox: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, expected: str
) -> None:
    monkeypatch.setattr(limits, "CSV_LINE_CHARACTERS_MAX", 1_000)
    (inbox / "b.csv").write_bytes(content)
    reason = told(read(kota))
    assert expected in reason
    assert reason.startswith("b.csv")
    assert "/proc" not in reason
    assert names_in(inbox / "bad") == ["b.csv", "b.csv.txt"]


def test_rows_before_the_place_where_a_file_breaks_off_are_taken(kota: Kota, inbox: Path) -> None:
    (inbox / "a.csv").write_bytes(b"id,nama\n" + b"1,a\n" * 5_000 + b"2,\xff\n")
    rows = read(kota)
    assert isinstance(rows[-1], BrokenRow)
    assert len(rows) > 1
    assert [row.number for row in rows] == sorted({row.number for row in rows})


def test_a_row_that_cannot_be_read_names_its_file(kota: Kota, inbox: Path) -> None:
    (inbox / "a.csv").write_text("id,nama\n1,a,b,c\n2,b\n")
    broken, good = read(kota)
    assert isinstance(broken, BrokenRow)
    assert broken.reason == "a.csv: line 2: it has 4 cells, and the header has 2"
    assert broken.raw == {"@file": "a.csv", "line": "1,a,b,c"}
    assert isinstance(good, Row)
    assert names_in(inbox / "done") == ["a.csv"]


def test_a_link_out_of_the_folder_is_not_followed(kota: Kota, inbox: Path) -> None:
    secret = arrive(kota.folder, "rahasia.csv", {1: "rahasia"})
    (inbox / "a.csv").symlink_to(secret)
    assert told(read(kota)) == "a.csv is not read: it is a link, and links are not followed."
    assert names_in(inbox / "bad") == ["a.csv", "a.csv.txt"]
    assert (inbox / "bad" / "a.csv").is_symlink()


def test_what_has_no_end_is_not_waited_for(kota: Kota, inbox: Path) -> None:
    os.mkfifo(inbox / "a.csv")
    assert "no file that can be read to an end" in told(read(kota))
    with socket.socket(socket.AF_UNIX) as listening:
        folder = os.open(inbox, os.O_RDONLY)
        try:
            listening.bind(f"/proc/self/fd/{folder}/b.csv")
        finally:
            os.close(folder)
        assert "b.csv is not read: it cannot be read" in told(read(kota))


def test_a_file_that_is_too_large_is_not_opened(kota: Kota, inbox: Path) -> None:
    with (inbox / "a.csv").open("wb") as file:
        file.truncate(10 * 1024**3)
    assert told(read(kota)) == "a.csv is not read: it has 10,737,418,240 bytes; at most 2,147,483,648 are read."


def test_a_workbook_that_unpacks_to_too_much_is_refused(
    kota: Kota, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "WORKBOOK_BYTES_MAX", 10_000)
    with zipfile.ZipFile(inbox / "a.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 1_000_000)
    assert "1,000,000 bytes when unpacked; at most 10,000 are read" in told(read(kota))


@pytest.mark.parametrize("name", [b"h\xe4lte.csv", ("é" * 120 + ".csv").encode(), b"$(touch x) ${env:HOME}.csv"])
def test_names_may_be_anything(kota: Kota, inbox: Path, name: bytes) -> None:
    path = Path(os.fsdecode(os.fsencode(inbox) + b"/" + name))
    path.write_text("id,nama\n1,a,b\n2,b\n")
    declare(kota)
    run = kota.sync()
    assert (run.error, run.rows_written, run.rows_rejected) == (None, 1, 1)
    assert [os.fsencode(found) for found in names_in(inbox / "done")] == [name]
    path.write_text("salah\n")
    assert kota.sync().error is None
    assert len(names_in(inbox / "bad")) == 2


# --- Folders


def test_a_folder_that_cannot_be_used_is_told(kota: Kota) -> None:
    with pytest.raises(SourceUnreachable, match=r"There is no folder .*masuk; files that arrive"):
        read(kota)
    (kota.folder / "masuk").write_text("")
    with pytest.raises(SourceUnreachable, match="masuk is a file"):
        read(kota)


@pytest.mark.skipif(os.getuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_without_rights_is_told(kota: Kota, inbox: Path) -> None:
    inbox.chmod(0o555)
    try:
        with pytest.raises(SourceMisconfigured, match="write after: keep"):
            read(kota)
        inbox.chmod(0o000)
        with pytest.raises(SourceUnreachable, match="cannot be read: permission denied"):
            read(kota, after="keep")
    finally:
        inbox.chmod(0o755)


# --- Runs


def test_a_later_file_changes_what_an_earlier_one_said(kota: Kota, inbox: Path) -> None:
    declare(kota)
    arrive(inbox, "a.csv", {1: "lama", 2: "tetap"}, minute=1)
    arrive(inbox, "b.csv", {1: "baru"}, minute=2)
    run = kota.sync()
    assert (run.error, run.rows_read, run.rows_written, run.rows_vanished) == (None, 3, 3, 0)
    assert kota.history(entity_uri("BusStop", "1"), "name") == ["lama", "baru"]
    assert kota.values(entity_uri("BusStop", "2")) == {"name": "tetap"}


def test_the_files_name_can_be_mapped(kota: Kota, inbox: Path) -> None:
    entity = {"type": "BusStop", "id": entity_uri("BusStop", "{id}"), "attributes": {"origin": "@file"}}
    kota.declare(csv_source(kind="files", read=READ, entity=entity))
    arrive(inbox, "2026-11.csv", {1: "a"})
    assert kota.sync().error is None
    assert kota.values(entity_uri("BusStop", "1")) == {"origin": "2026-11.csv"}


def test_files_that_are_kept_are_remembered(kota: Kota, inbox: Path) -> None:
    declare(kota, after="keep")
    arrive(inbox, "a.csv", {1: "lama", 2: "tetap"}, minute=1)
    arrive(inbox, "b.csv", {1: "baru"}, minute=2)
    (inbox / "c.csv").write_text("salah\n")
    run = kota.sync()
    assert (run.error, run.rows_read, run.rows_written, run.rows_rejected) == (None, 4, 3, 1)
    assert names_in(inbox) == ["a.csv", "b.csv", "c.csv"]
    assert kota.sync().rows_read == 0
    arrive(inbox, "a.csv", {1: "lebih baru"}, minute=3)
    run = kota.sync()
    assert (run.error, run.rows_read, run.rows_written) == (None, 1, 1)
    assert kota.history(entity_uri("BusStop", "1"), "name") == ["lama", "baru", "lebih baru"]
    assert len(kota.rejects()) == 1


def test_what_was_kept_aside_is_kept_once_however_often_its_file_is_read(kota: Kota, inbox: Path) -> None:
    declare(kota)
    path = inbox / "a.csv"
    path.write_text("id,nama\n1,a,b,c\n,tanpa kunci\n2,b\n")
    at(path, 1)
    for _ in range(2):
        assert kota.sync().error is None
        assert len(kota.rejects()) == 2
        # As if the run had been killed before the file was put away.
        (inbox / "done" / "a.csv").rename(path)
    arrive(inbox, "b.csv", {}, minute=2)
    (inbox / "b.csv").write_text("id,nama\n1,a,b,c\n")
    kota.sync()
    assert len(kota.rejects()) == 3


def test_files_of_another_form_stop_the_run_and_wait(kota: Kota, inbox: Path) -> None:
    declare(kota)
    arrive(inbox, "a.csv", {number: str(number * 10) for number in range(50)}, minute=1)
    assert kota.sync().error is None
    arrive(inbox, "b.csv", {number: f"Halte {number}" for number in range(50)}, minute=2)
    run = kota.sync()
    assert run.error is not None
    assert run.rows_written == 0
    assert names_in(inbox) == ["b.csv", "done"]
    assert kota.sync(accept_shrink=True).rows_written == 50


def test_a_killed_sync_loses_no_file_and_doubles_nothing(kota: Kota, inbox: Path) -> None:
    chance = random.Random(3)
    declare(kota)
    wanted: dict[int, str] = {}
    for file in range(FILES):
        rows = {file * 500 + number: f"Halte {file} {number}" for number in range(ROWS_PER_FILE)}
        arrive(inbox, f"halte-{file}.csv", rows, minute=file)
        with (inbox / f"halte-{file}.csv").open("a") as more:
            more.write("rusak\n")
        at(inbox / f"halte-{file}.csv", file)
        wanted |= rows
    cut = [sync_and_kill(kota.folder, chance.uniform(0, 0.6)) is False for _ in range(ROUNDS)]
    assert any(cut)
    assert kota.sync().error is None
    assert names_in(inbox) == ["done"]
    assert names_in(inbox / "done") == [f"halte-{file}.csv" for file in range(FILES)]
    assert kota.count("BusStop") == len(wanted)
    assert len(kota.rejects()) == FILES
    for number in range(0, max(wanted), 251):
        said = [file for file in range(FILES) if 0 <= number - file * 500 < ROWS_PER_FILE]
        expected = [f"Halte {file} {number - file * 500}" for file in said]
        assert kota.history(entity_uri("BusStop", str(number)), "name") == expected


# --- Declarations


@pytest.mark.parametrize(("changes", "expected"), [
    ({"folder": None}, "needs 'folder'"),
    ({"folder": "${enw:X}"}, "is no reference"),
    ({"columns": None}, "needs 'columns'"),
    ({"columns": ["id", "id"]}, "there twice"),
    ({"columns": ["id", "@file"]}, "leave it out"),
    ({"pattern": "a/b.csv"}, "is a path"),
    ({"quiet": -1}, "a whole number from 0"),
    ({"after": "delete"}, "expected one of move, keep"),
    ({"path": "a.csv"}, "no key 'path'"),
    ({"encoding": "utf8x"}, "is no encoding"),
])  # fmt: skip
def test_a_wrong_declaration_says_what_would_be_right(kota: Kota, changes: dict[str, Any], expected: str) -> None:
    plain = {key: value for key, value in {**READ, **changes}.items() if value is not None}
    kota.write("sources/halte.yaml", csv_source(kind="files", read=plain))
    problems = load_city(kota.folder).problems
    assert expected in "; ".join(problem.message for problem in problems)


def test_an_error_of_the_disk_is_one_of_ours(kota: Kota, inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    arrive(inbox, "a.csv", {1: "a"})
    monkeypatch.setattr(reader, "open_table", fail)
    with pytest.raises(SourceError, match=r"a\.csv cannot be read to its end: input/output error"):
        read(kota)
