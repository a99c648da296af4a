"""Processes that are killed while 64 writers write: what was acknowledged is there, and nothing that never was."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from simpul.app.contexts import ContextLibrary
from simpul.store.sqlite import SqliteStore
from tests.store import writers
from tests.store.audit import raise_unless_whole
from tests.store.samples import NoNetwork, asking, q

ROUNDS = 12
VALUES_PER_ROUND = 1_000_000


@contextmanager
def _writing(folder: Path, journal: Path, first: int, *prefix: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start the writers; they are there when they have said so."""
    command = [*prefix, sys.executable, writers.__file__, str(folder), str(journal), str(first)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}) as process:
        try:
            while not (journal.exists() and journal.read_bytes().startswith(b"ready")):
                assert process.poll() is None, "the writers ended by themselves"
                time.sleep(0.005)
            yield process
        finally:
            process.kill()
            process.wait()


class _Said:
    """What the writers said before they were killed: the last acknowledged value of each, and what was in flight."""

    def __init__(self) -> None:
        self.acknowledged: dict[int, int] = {}
        self.announced: dict[int, int] = {}
        self.total = 0

    def read(self, journal: Path) -> None:
        for line in journal.read_bytes().split(b"\n"):
            match line.split():
                case [b"?", writer, value]:
                    self.announced[int(writer)] = int(value)
                case [b"!", writer, value]:
                    self.acknowledged[int(writer)] = int(value)
                    self.total += 1
                case _:
                    assert line in {b"", b"ready"}


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_no_acknowledged_write_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    folder, said = tmp_path / "data", _Said()
    for number in range(ROUNDS):
        journal = tmp_path / f"journal-{number}"
        with _writing(folder, journal, number * VALUES_PER_ROUND) as process:
            _wait_for_answers(journal, random.randrange(1, 1_500))
            process.send_signal(signal.SIGKILL)
        said.read(journal)
        _check(folder, said)
    assert said.total > ROUNDS * 100
    _check_answers(folder, said)


def _wait_for_answers(journal: Path, answers: int) -> None:
    """Wait until so many writes were acknowledged: no clock decides how much a round tests."""
    until = time.monotonic() + 20
    while journal.read_bytes().count(b"!") < answers and time.monotonic() < until:
        time.sleep(0.002)


def _check(folder: Path, said: _Said) -> None:
    """Look at the file as the crash left it, in a copy: opening it to write is the next round's business."""
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy)
    contexts = ContextLibrary(NoNetwork())
    entities = raise_unless_whole(copy / f"{writers.TENANT}.db", contexts)
    assert entities >= len(said.acknowledged)
    store = SqliteStore(copy, contexts, lambda tenant, types: None)
    for writer, announced in said.announced.items():
        entity_id = f"urn:counter:{writer}"
        value = _value_of(store, entity_id)
        acknowledged = said.acknowledged.get(writer)
        assert value in {acknowledged, announced}, f"writer {writer}: {value}, not {acknowledged} or {announced}"
        digest = store.find_digests(writers.TENANT, "counter", [entity_id]).get(entity_id)
        assert digest == (None if value is None else value.to_bytes(8))
        # What was in flight and is there was kept: the next round's writers begin from it.
        if value is not None:
            said.acknowledged[writer] = value
    asyncio.run(store.close())
    shutil.rmtree(copy)


def _value_of(store: SqliteStore, entity_id: str) -> int | None:
    document = store.find_document(writers.TENANT, entity_id)
    if document is None:
        assert store.list_changes(writers.TENANT, entity_id) == []
        return None
    (record,) = store.read_records(writers.TENANT, [document])
    value: int = record.entity[writers.VALUE]["value"]
    assert record.entity == writers.counter_of(entity_id, value).entity
    last = store.list_changes(writers.TENANT, entity_id)[-1]
    assert last.attributes == record.entity
    return value


def _check_answers(folder: Path, said: _Said) -> None:
    """Ask the store itself, opened after the last crash, through its indexes."""

    async def run() -> None:
        store = SqliteStore(folder, ContextLibrary(NoNetwork()), lambda tenant, types: None)
        for writer, value in said.acknowledged.items():
            page = await store.list_documents(writers.TENANT, asking("Counter", q=q(f"reading=={value}")))
            assert f"urn:counter:{writer}" in {document.id for document in page.documents}
        assert store.count_types(writers.TENANT) == {writers.TYPE: len(said.acknowledged)}
        await store.close()

    asyncio.run(run())
