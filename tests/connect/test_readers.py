"""A source read by a process of its own ends as one that is read in a thread does, and no reader outlives its run."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from simpul import limits
from simpul.app import quality, sources
from simpul.app.hub import Hub
from simpul.app.identity import operator
from simpul.connect import runner
from simpul.connect.ahead import Ahead
from simpul.connect.raw_rows import folder_of
from simpul.connect.reader import Assignment
from simpul.connect.reader_hosts import ProcessHost
from simpul.domain.quality import Report
from simpul.domain.query import EntityQuery
from simpul.ports.engine import Progress
from simpul.ports.store import Run
from tests.connect.kota import TENANT, Kota, csv_source, entity_uri

HEADER: list[object] = ["id", "nama", "nilai", "induk", "provinsi"]
ATTRIBUTES = {
    "name": "nama",
    "amount": {"column": "nilai", "number": "plain", "unit": "IDR"},
    "province": "kode",
    "refParent": {"relationship": entity_uri("BusStop", "{induk}")},
}
# Something of all that a run knows beyond one row: copies, codes, what is counted over all rows, rows that are kept.
SOURCE = csv_source(
    entity={"type": "BusStop", "id": entity_uri("BusStop", "{id}"), "attributes": ATTRIBUTES},
    codes=[{"column": "kode", "list": "kemendagri", "names": ["provinsi"], "otherwise": "unknown"}],
    rules=[
        {"rule": "required", "column": "nama"},
        {"rule": "range", "column": "nilai", "to": 900, "severity": "warn"},
        {"rule": "unique", "column": ["nama"]},
        {"rule": "total", "column": "nilai", "equals": 7},
        {"rule": "references", "attribute": "refParent"},
        {"rule": "rows", "from": 400},
    ],
    vanished="expire",
    keep_raw=2,
)


class Readers:
    """The processes that were started to read."""

    def __init__(self) -> None:
        self.started: list[ProcessHost] = []

    def start(self, assignment: Assignment) -> ProcessHost:
        self.started.append(ProcessHost(assignment))
        return self.started[-1]

    @property
    def pids(self) -> list[int]:
        return [reader.process_id for reader in self.started]


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Readers]:
    """Small chunks, a machine with two cores, and what is started on the second one."""
    found = Readers()
    monkeypatch.setattr(limits, "SOURCE_CHUNK_ROWS", 10)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    monkeypatch.setattr(runner, "ProcessHost", found.start)
    yield found
    assert not [pid for pid in found.pids if is_there(pid)]


def is_there(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def rows(version: int) -> list[list[object]]:
    made: list[list[object]] = [
        [n, "" if n % 40 == 5 else f"Halte {n % 290}", n * version % 1_000, n + 1, ("Aceh", "Jambi", "Atlantis")[n % 3]]
        for n in range(300)
        if (n + version) % 20
    ]
    return [HEADER, *made, [made[3][0], *made[4][1:]], ["too", "few"]]


async def sync(hub: Hub, *, beside: bool, **words: Any) -> Run:
    assert hub.engine is not None
    if beside:
        hub.engine.read_beside()
    return await sources.sync(operator(TENANT), hub, "halte", **words)


async def state(hub: Hub) -> dict[str, Any]:
    """Return all that runs leave behind, but for the moments at which they were."""
    page = await hub.entities.list_documents(TENANT, EntityQuery(limit=1_000))
    report = quality.get_quality(operator(TENANT), hub, "halte").report
    assert isinstance(report, Report)
    kept = sorted(folder_of(hub.settings.data_directory, TENANT, "halte").iterdir())
    return {
        "entities": sorted((one.id, one.body) for one in page.documents if ":BusStop:" in one.id),
        "rows": [*hub.sources.iter_source_rows(TENANT, "halte")],
        "rejects": sorted(
            (one.key, one.rule, one.reason, str(one.raw)) for one in hub.sources.list_rejects(TENANT, "halte", 1_000)
        ),
        "findings": report.findings,
        "questions": [one._replace(at_us=0) for one in hub.corrections.list_questions(TENANT)],
        "shape": hub.reports.find_shape(TENANT, "halte"),
        "kept": [(path.name, path.read_bytes()) for path in kept],
    }


def test_a_source_is_taken_over_alike_by_a_thread_and_by_a_process(
    kota: Kota, readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "READER_PROCESS_ROWS_MIN", 0)
    folder = kota.folder
    outcomes = []
    for beside in (False, True):
        kota.folder = folder / str(beside)
        kota.write_city()
        kota.declare(SOURCE)
        runs = []
        for version in (1, 1, 2):
            kota.write_csv("halte.csv", rows(version))
            run = kota.with_hub(partial(sync, beside=beside))
            runs.append(run._replace(started_us=0, finished_us=0))
        found = kota.with_hub(state)
        # An expired entity says when it expired.
        found["entities"] = [(one, b"expiredAt" in body or body) for one, body in found["entities"]]
        outcomes.append((runs, found))
    assert outcomes[0] == outcomes[1]
    assert [run.error for run in outcomes[0][0]] == [None] * 3
    assert len(readers.started) == 3
    assert all(outcomes[0][1].values())


def test_a_small_source_that_is_known_to_be_small_is_read_in_a_thread(kota: Kota, readers: Readers) -> None:
    kota.write_csv("halte.csv", rows(1))
    kota.declare(SOURCE)
    for _ in range(2):
        assert kota.with_hub(lambda hub: sync(hub, beside=True)).error is None
    assert len(readers.started) == 1


def test_a_hub_that_serves_reads_in_a_thread(kota: Kota, readers: Readers) -> None:
    kota.write_csv("halte.csv", rows(1))
    kota.declare(SOURCE)

    async def serve_and_sync(hub: Hub) -> Run:
        assert hub.engine is not None
        hub.engine.read_beside()
        hub.engine.give_way()
        return await sources.sync(operator(TENANT), hub, "halte")

    assert kota.with_hub(serve_and_sync).error is None
    assert readers.started == []


def test_what_is_wrong_with_a_source_is_said_in_the_same_words_by_a_process(kota: Kota, readers: Readers) -> None:
    kota.declare(SOURCE)
    errors = [kota.with_hub(partial(sync, beside=beside)).error for beside in (False, True)]
    assert errors[0] is not None
    assert "There is no file" in errors[0]
    assert errors[0] == errors[1]
    assert len(readers.started) == 1


def test_the_end_of_a_reader_ends_its_run_and_the_next_one_takes_over_the_rest(kota: Kota, readers: Readers) -> None:
    kota.write_csv("halte.csv", rows(1))
    kota.declare(SOURCE)

    def end_reader(progress: Progress) -> None:
        if progress.rows_read > 100 and is_there(readers.pids[-1]):
            os.kill(readers.pids[-1], signal.SIGKILL)

    run = kota.with_hub(lambda hub: sync(hub, beside=True, on_progress=end_reader))
    assert run.error is not None
    assert "the process that reads the source ended with status -9 before it was through" in run.error
    assert 0 < run.rows_written < 280
    assert not list((kota.folder / "data").rglob("*.part"))
    again = kota.with_hub(lambda hub: sync(hub, beside=True))
    assert again.error is None
    assert again.rows_written + run.rows_written == kota.count("BusStop")


def test_a_run_that_is_stopped_ends_its_reader(kota: Kota, readers: Readers) -> None:
    kota.write_csv("halte.csv", rows(1))
    kota.declare(SOURCE)

    def give_up(_: Progress) -> None:
        raise RuntimeError("nobody looks")

    run = kota.with_hub(lambda hub: sync(hub, beside=True, on_progress=give_up))
    assert run.error is not None
    assert len(readers.started) == 1


def test_a_reader_ends_when_the_process_that_it_reads_for_is_killed(tmp_path: Path) -> None:
    program = """
import sys, time
from pathlib import Path
from simpul.connect.connector import Surroundings
from simpul.connect.reader import Assignment
from simpul.connect.reader_hosts import ProcessHost
from simpul.domain.city import City, SourceDeclaration
source = SourceDeclaration("halte", "table", "dishub", {}, "BusStop", "halte.yaml", {})
host = ProcessHost(Assignment(City("kota", {}), source, Surroundings(Path(".")), Path(".")))
print(host.process_id, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=tmp_path) as process:
        assert process.stdout is not None
        reader = int(process.stdout.readline())
        assert is_there(reader)
        process.kill()
    end = time.monotonic() + 10
    while is_there(reader) and time.monotonic() < end:
        time.sleep(0.02)
    assert not is_there(reader)


def test_what_is_made_ahead_comes_in_order_and_stops_being_made() -> None:
    made: list[int] = []

    async def make() -> int | None:
        made.append(len(made))
        return made[-1] if len(made) < 4 else None

    async def take_all() -> list[int | None]:
        ahead = Ahead(make)
        found = [await ahead.next() for _ in range(4)]
        await ahead.stop()
        return found

    assert asyncio.run(take_all()) == [0, 1, 2, None]
    assert len(made) == 4


def test_more_can_be_made_ahead_than_one() -> None:
    begun: list[int] = []

    async def make() -> int | None:
        number = len(begun)
        begun.append(number)
        await asyncio.sleep(0)
        return number if number < 4 else None

    async def take_all() -> list[int | None]:
        ahead = Ahead(make, 2)
        found = [await ahead.next()]
        await asyncio.sleep(0)
        assert begun == [0, 1, 2]
        found += [await ahead.next() for _ in range(4)]
        await ahead.stop()
        return found

    assert asyncio.run(take_all()) == [0, 1, 2, 3, None]
