"""Rows kept as they came: a whole source is replayed without its system, and gives the same state."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from simpul.app import sources
from simpul.app.identity import operator
from simpul.cli import main
from simpul.connect.connector import BrokenRow, Row
from simpul.connect.raw_rows import KeptReading, RecordingReading
from simpul.domain.errors import NotFound, SourceUnreachable
from simpul.ports.store import Run
from tests.connect.kota import TENANT, Kota, csv_source, entity_uri

ROWS: list[list[object]] = [["id", "nama"], [1, "Satu"], [2, "Dua"], [2, "Salinan"], [3, "Tiga"]]


def replay(city: Kota, run: int) -> Run:
    return city.with_hub(lambda hub: sources.sync(operator(TENANT), hub, "halte", from_run=run))


def kept(city: Kota) -> list[str]:
    return sorted(path.name for path in city.folder.rglob("raw/kota/halte/*"))


@pytest.fixture
def city(kota: Kota) -> Kota:
    kota.write_csv("halte.csv", ROWS)
    kota.declare(csv_source(keep_raw=2))
    kota.sync()
    return kota


def test_a_replay_without_the_source_gives_the_same_state(city: Kota) -> None:
    before = {key: city.entity(entity_uri("BusStop", key)) for key in ("1", "2", "3")}
    rejects = [(one.key, one.rule, one.raw) for one in city.rejects()]
    (city.folder / "halte.csv").unlink()
    run = replay(city, 1)
    assert (run.error, run.rows_read, run.rows_written) == (None, 4, 0)
    # A city that has lost all that it knew, but not the rows as they came.
    files = next(path for path in city.folder.rglob("raw"))
    saved = shutil.copytree(files, city.folder / "saved")
    for path in files.parent.glob("kota.db*"):
        path.unlink()
    shutil.rmtree(files)
    shutil.copytree(saved, files)
    city.declare()
    assert city.count("BusStop") == 0
    assert replay(city, 1).rows_written == 3
    assert {key: city.entity(entity_uri("BusStop", key)) for key in ("1", "2", "3")} == before
    assert [(one.key, one.rule, one.raw) for one in city.rejects()] == rejects


def test_only_the_last_runs_are_kept_and_readable_by_the_owner_only(city: Kota) -> None:
    for _ in range(3):
        city.sync()
    assert kept(city) == ["3.rows", "4.rows"]
    assert {path.stat().st_mode & 0o777 for path in city.folder.rglob("*.rows")} == {0o600}
    with pytest.raises(NotFound, match="Runs whose rows are kept: 3, 4"):
        replay(city, 1)


def test_a_run_that_fails_keeps_no_half_of_its_rows(city: Kota) -> None:
    city.write_csv("halte.csv", [["kode", "nama"], [1, "x"]])
    assert city.sync().error is not None
    assert kept(city) == ["1.rows"]


def test_kept_rows_go_with_their_source(city: Kota) -> None:
    (city.folder / "sources/halte.yaml").unlink()
    city.declare(csv_source(source="lain"))
    assert kept(city) == []


def test_a_source_that_does_not_ask_for_it_keeps_nothing(kota: Kota) -> None:
    kota.write_csv("halte.csv", ROWS)
    kota.declare(csv_source())
    kota.sync()
    assert kept(kota) == []


def test_the_command_replays_a_run(city: Kota) -> None:
    (city.folder / "halte.csv").unlink()
    result = CliRunner().invoke(main, ["source", "replay", "halte", "--run", "1", "--folder", str(city.folder)])
    assert "4 rows of run 1 taken over again: 0 changed, 3 as before, 1 kept aside" in result.output


CELLS: tuple[Any, ...] = (
    None, True, 7, 2**70, -1.5, "teks", b"\x00\xff", Decimal("1.10"), date(2015, 5, 31), time(10, 20),
    datetime(2015, 5, 31, 10, 20, tzinfo=UTC), datetime(2015, 5, 31), timedelta(days=1, seconds=2), {"a": [1]},  # noqa: DTZ001 - Databases give such.
)  # fmt: skip


class Given:
    """A reading of rows in memory."""

    columns = tuple(f"c{number}" for number in range(len(CELLS)))
    row_word = "row"
    rows_expected = 2

    def rows(self) -> Iterator[Row | BrokenRow]:
        yield Row(1, CELLS)
        yield BrokenRow(2, "the quotes are wrong", {"text": "a,b"})

    def close(self) -> None:
        """Nothing is open."""


def test_every_kind_of_cell_comes_back_as_it_was(tmp_path: Path) -> None:
    recording = RecordingReading(Given(), tmp_path, 5)
    assert len(list(recording.rows())) == 2
    recording.keep(1)
    recording.close()
    reading = KeptReading(tmp_path, 5)
    row, broken = list(reading.rows())
    reading.close()
    assert isinstance(row, Row)
    assert [(type(cell), cell) for cell in row.cells] == [(type(cell), cell) for cell in CELLS]
    assert broken == BrokenRow(2, "the quotes are wrong", {"text": "a,b"})
    assert (reading.columns, reading.row_word) == (Given.columns, "row")


@pytest.mark.parametrize(
    "content",
    [b"", b"no gzip", gzip.compress(b"\xff\xff\xff\xff"), gzip.compress(b"\0\0\0\5\xc1")],
    ids=["empty", "no gzip", "endless frame", "no msgpack"],
)
def test_a_damaged_file_says_so(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "1.rows").write_bytes(content)
    with pytest.raises(SourceUnreachable, match="are damaged"):
        KeptReading(tmp_path, 1)
