"""What every kind of source promises, tried on a real system of each kind: the suite that a new kind passes.

Rows come at least once and are taken over once; a checkpoint moves only after the commit; a source that was away is
read on when it is back; nothing is read before it is asked for; memory does not grow with the source.
"""

from __future__ import annotations

import asyncio
import gc
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from typing import Any, cast

import pytest

from simpul import connectors, limits
from simpul.app import sources
from simpul.app.hub import Hub
from simpul.app.identity import operator
from simpul.connect.connector import (
    BrokenRow,
    Reading,
    Row,
    Stream,
    Surroundings,
    connector_kinds,
    get_connector,
)
from simpul.connect.fields import Fields
from simpul.domain.errors import SourceError
from simpul.ports.engine import Progress
from tests.connect.kota import TENANT, Kota, csv_source
from tests.connect.parts import make_part, parameters, part_names
from tests.connect.parts.geo import GeoPart
from tests.connect.parts.part import Part
from tests.connect.parts.place import Place

FILES = {"__init__.py", "settings.py", "reader.py", "errors.py"}
# What lets `simpul source new` look at a system of the kind.
OFFERS = "offers.py"
NAME_CHARACTERS = 200
ROWS = 2_500


@pytest.fixture(params=parameters())
def part(request: pytest.FixtureRequest, kota: Kota) -> Iterator[Part]:
    with make_part(request.param, Place(kota.folder, request)) as made:
        yield made


def names(count: int) -> dict[int, str]:
    return {number: f"Halte É {number}" for number in range(1, count + 1)}


def long_names(count: int) -> dict[int, str]:
    return {number: f"{number:0{NAME_CHARACTERS}}" for number in range(1, count + 1)}


def open_reading(part: Part, folder: Path) -> Reading:
    return get_connector(part.kind).open_reading(part.read, Surroundings(folder))


def all_rows(part: Part, reading: Reading) -> Iterator[Row | BrokenRow]:
    """Yield the rows; of a stream batch after batch, each of them confirmed."""
    yield from reading.rows()
    if part.is_stream:
        stream = cast(Stream, reading)
        while stream.confirm():
            yield from stream.rows()


def declare(kota: Kota, part: Part, **changes: Any) -> None:
    if part.is_stream:
        # What a stream does not tell is not gone, and a declaration that says otherwise is refused.
        changes.pop("vanished", None)
    kota.declare(csv_source(kind=part.kind, read=part.read, **changes))


# --- What a kind is


def test_every_kind_has_a_part_that_it_is_tried_on() -> None:
    assert {name.partition("-")[0] for name in part_names()} == set(connector_kinds())


@pytest.mark.parametrize("kind", connector_kinds())
def test_a_kind_is_a_folder_with_the_same_four_files(kind: str) -> None:
    folder = Path(connectors.__path__[0]) / kind
    assert {path.name for path in folder.glob("*.py")} - {OFFERS} == FILES
    assert get_connector(kind).kind == kind


@pytest.mark.parametrize("kind", connector_kinds())
def test_every_key_of_a_kind_says_what_it_means(kind: str) -> None:
    settings = get_connector(kind).settings
    assert settings.fields
    assert [field.name for field in settings.fields if len(field.doc.split()) < 2] == []
    assert settings.schema()["additionalProperties"] is False


def test_the_keys_of_all_kinds_are_told_in_one_way() -> None:
    assert [kind for kind in connector_kinds() if not isinstance(get_connector(kind).settings, Fields)] == []


# --- Reading


def test_every_row_comes_once_under_its_number(part: Part, kota: Kota) -> None:
    part.fill(names(ROWS))
    with closing(open_reading(part, kota.folder)) as reading:
        assert len(set(reading.columns)) == len(reading.columns)
        number, name = reading.columns.index("id"), reading.columns.index("nama")
        rows = list(all_rows(part, reading))
    assert all(isinstance(row, Row) for row in rows)
    found = [(row.number, row.cells) for row in rows if isinstance(row, Row)]
    assert {int(cells[number]): cells[name] for _, cells in found} == names(ROWS)
    numbers = [row_number for row_number, _ in found]
    assert len(numbers) == ROWS
    assert numbers == sorted(set(numbers))
    assert all(len(cells) == len(reading.columns) for _, cells in found)


def test_an_empty_source_has_columns_and_no_rows(part: Part, kota: Kota) -> None:
    if isinstance(part, GeoPart):
        pytest.skip("a GeoJSON file names its columns in its features")
    part.fill({})
    with closing(open_reading(part, kota.folder)) as reading:
        assert {"id", "nama"} <= set(reading.columns)
        assert list(all_rows(part, reading)) == []


def test_closing_lets_go_of_everything_at_any_time(part: Part, kota: Kota) -> None:
    part.fill(names(ROWS))
    open_reading(part, kota.folder).close()
    gc.collect()
    before = (_open_files(), _threads(), sorted(kota.folder.iterdir()))
    reading = open_reading(part, kota.folder)
    rows = reading.rows()
    next(rows)
    reading.close()
    reading.close()
    del rows, reading
    gc.collect()
    assert (_open_files(), sorted(kota.folder.iterdir())) == (before[0], before[2])
    assert _threads() <= before[1]


def _threads() -> set[str]:
    # Those of lines and services belong to the test.
    names = {thread.name for thread in threading.enumerate()}
    return {name for name in names if not name.endswith(("(_pass_on)", "(_accept)", "(process_request_thread)"))}


def _open_files() -> int:
    # Those of the line to a server belong to the test.
    found = (path for path in Path("/proc/self/fd").iterdir())
    return sum(1 for path in found if not _is_socket(path))


def _is_socket(path: Path) -> bool:
    with suppress(OSError):
        return str(path.readlink()).startswith(("socket:", "anon_inode:"))
    return True


def test_no_row_is_read_before_it_is_asked_for(part: Part, kota: Kota) -> None:
    if part.holds_whole is not None:
        pytest.skip(f"it is held whole, within limits.{part.holds_whole}")
    count = 40_000
    part.fill(long_names(count))
    with closing(open_reading(part, kota.folder)) as reading:
        tracemalloc.start()
        try:
            rows = reading.rows()
            assert sum(1 for _ in islice(rows, 10)) == 10
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert held < count * NAME_CHARACTERS / 2


def read_traced(part: Part, folder: Path, count: int) -> int:
    """Read so many long rows and return how much memory was held at most."""
    part.fill(long_names(count))
    tracemalloc.start()
    try:
        with closing(open_reading(part, folder)) as reading:
            assert sum(1 for _ in all_rows(part, reading)) == count
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_source(part: Part, kota: Kota, monkeypatch: pytest.MonkeyPatch) -> None:
    if part.holds_whole is not None:
        part.fill(long_names(1_000))
        monkeypatch.setattr(limits, part.holds_whole, 1_000)
        with pytest.raises(SourceError, match="1,000"):
            open_reading(part, kota.folder)
        return
    # What a library needs when it is first used is no memory of rows.
    read_traced(part, kota.folder, 10)
    few = part.rows_beyond_buffers
    assert read_traced(part, kota.folder, 4 * few) < read_traced(part, kota.folder, few) * 1.3


# --- Runs


def test_a_second_run_takes_over_what_changed_and_nothing_else(part: Part, kota: Kota) -> None:
    if part.is_stream:
        pytest.skip("it tells only what is new: test_what_a_stream_told_and_was_taken_over_does_not_come_again")
    part.fill(names(50))
    declare(kota, part, vanished="delete")
    run = kota.sync()
    assert (run.error, run.rows_read, run.rows_written) == (None, 50, 50)
    run = kota.sync()
    assert (run.error, run.rows_written, run.rows_unchanged) == (None, 0, 50)
    part.fill({**names(49), 7: "Pasar Raya"})
    run = kota.sync()
    assert (run.error, run.rows_written, run.rows_vanished) == (None, 1, 1)
    assert kota.values("urn:ngsi-ld:BusStop:kota:7") == {"name": "Pasar Raya"}


def test_what_a_stream_told_and_was_taken_over_does_not_come_again(part: Part, kota: Kota) -> None:
    if not part.is_stream:
        pytest.skip("it tells all of its rows in each run")
    part.fill(names(50))
    declare(kota, part)
    for written in (50, 0):
        run = kota.sync()
        assert (run.error, run.rows_read, run.rows_written) == (None, written, written)
    part.fill({7: "Pasar Raya"})
    run = kota.sync()
    assert (run.error, run.rows_read, run.rows_written, run.rows_vanished) == (None, 1, 1, 0)
    assert kota.count("BusStop") == 50
    assert kota.values("urn:ngsi-ld:BusStop:kota:7") == {"name": "Pasar Raya"}


def test_what_a_stream_told_comes_again_unless_it_was_confirmed(part: Part, kota: Kota) -> None:
    if not part.is_stream:
        pytest.skip("it tells all of its rows in each run")
    part.fill(names(50))
    for _ in range(2):
        with closing(open_reading(part, kota.folder)) as reading:
            assert sum(1 for _ in reading.rows()) == 50
    with closing(open_reading(part, kota.folder)) as reading:
        assert sum(1 for _ in all_rows(part, reading)) == 50
    with closing(open_reading(part, kota.folder)) as reading:
        assert list(reading.rows()) == []


def test_a_run_that_is_stopped_is_gone_on_with(part: Part, kota: Kota, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SOURCE_CHUNK_ROWS", 100)
    part.fill(names(1_000))
    declare(kota, part)
    taken = kota.with_hub(_run_until_stopped)
    assert 100 <= len(taken) < 1_000
    assert kota.count("BusStop") == len(taken)
    run = kota.sync()
    assert (run.error, run.rows_read) == (None, 1_000)
    assert (run.rows_written, run.rows_unchanged) == (1_000 - len(taken), len(taken))
    assert kota.count("BusStop") == 1_000
    assert [len(kota.changes(entity_id)) for entity_id in taken[:3]] == [1, 1, 1]


async def _run_until_stopped(hub: Hub) -> list[str]:
    """Stop a run after its first chunks; return the entities of the rows that it has noted as taken over."""

    def stop(progress: Progress) -> None:
        if progress.rows_written >= 200:
            raise asyncio.CancelledError

    with suppress(asyncio.CancelledError):
        await sources.sync(operator(TENANT), hub, "halte", on_progress=stop)
    return [f"urn:ngsi-ld:BusStop:kota:{key}" for key, _ in hub.sources.iter_source_rows(TENANT, "halte")]


def test_what_the_disk_did_not_take_is_read_again(part: Part, kota: Kota, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SOURCE_CHUNK_ROWS", 100)
    part.fill(names(1_000))
    declare(kota, part)

    async def run_into_trouble(hub: Hub) -> int:
        def trouble(progress: Progress) -> None:
            if progress.rows_written >= 300:
                raise OSError("the disk is gone")

        run = await sources.sync(operator(TENANT), hub, "halte", on_progress=trouble)
        assert run.error is not None
        return sum(1 for _ in hub.sources.iter_source_rows(TENANT, "halte"))

    known = kota.with_hub(run_into_trouble)
    assert kota.count("BusStop") == known < 1_000
    run = kota.sync()
    assert (run.error, run.rows_written) == (None, 1_000 - known)


def test_a_source_that_was_away_is_read_on_when_it_is_back(part: Part, kota: Kota) -> None:
    part.fill(names(50))
    declare(kota, part, vanished="delete")
    kota.sync()
    part.take_away()
    run = kota.sync()
    assert run.error is not None
    assert run.error.endswith((".", "?"))
    assert (run.rows_vanished, kota.count("BusStop")) == (0, 50)
    part.bring_back()
    part.fill(names(51))
    run = kota.sync()
    assert (run.error, run.rows_written, kota.count("BusStop")) == (None, 1, 51)


def test_a_source_that_goes_away_midway_breaks_off_with_an_error_of_ours(part: Part, kota: Kota) -> None:
    part.fill(long_names(20_000))
    reading = open_reading(part, kota.folder)
    rows = all_rows(part, reading)
    next(rows)
    part.take_away()
    # What was in hand already may be all of it.
    with suppress(SourceError):
        assert sum(1 for _ in rows) == 19_999
    reading.close()
    part.bring_back()
    with closing(open_reading(part, kota.folder)) as again:
        assert sum(1 for _ in all_rows(part, again)) == 20_000
