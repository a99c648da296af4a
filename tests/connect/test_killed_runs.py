"""A sync that is killed at any moment loses nothing and doubles nothing: the next one ends where a clean one ends."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from simpul.app import sources
from simpul.app.hub import Hub
from simpul.app.identity import operator
from simpul.domain.query import EntityQuery
from simpul.ports.store import Document
from tests.connect.kota import TENANT, Kota, csv_source, entity_uri

ROUNDS = 6
ROWS = 8_000
HEADER: list[object] = ["id", "nama", "nilai"]


def declaration() -> dict[str, Any]:
    attributes = {"name": "nama", "amount": {"column": "nilai", "number": "indonesian"}}
    return csv_source(
        entity={"type": "BusStop", "id": entity_uri("BusStop", "{id}"), "attributes": attributes},
        rules=[{"rule": "required", "column": "nama"}],
        vanished="delete",
    )


def rows(version: int) -> list[list[object]]:
    """Return the rows of one version of the source: some changed, some gone, some broken, one there twice."""
    kept = (number for number in range(ROWS) if (number + version) % 10)
    made = [[n, f"Halte {n}" if n % 50 else "", f"{1_000 + n * (version if n % 3 == 0 else 1)}"] for n in kept]
    return [list(HEADER), *made, made[1]]


async def state(hub: Hub) -> tuple[list[tuple[str, bytes]], list[tuple[str, str]], list[tuple[str, str]]]:
    """Return all that a run leaves behind: entities, known rows, rejects."""
    documents: list[Document] = []
    while True:
        page = await hub.entities.list_documents(TENANT, EntityQuery(limit=1_000, offset=len(documents)))
        documents += page.documents
        if len(page.documents) < 1_000:
            break
    stops = sorted((document.id, document.body) for document in documents if ":BusStop:" in document.id)
    rejects = sorted((one.key, one.reason) for one in hub.sources.list_rejects(TENANT, "halte", 10_000))
    return stops, list(hub.sources.iter_source_rows(TENANT, "halte")), rejects


def sync_and_kill(folder: Path, seconds: float, *words: str) -> bool:
    """Sync in a process of its own and kill it after so long; return whether it had ended before."""
    program = Path(__file__).with_name("killed_sync.py")
    command = [sys.executable, str(program), str(folder), TENANT, "halte", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        try:
            # The moment of the kill is what is tried out here.
            time.sleep(seconds)
            return process.poll() is not None
        finally:
            process.kill()


@pytest.mark.parametrize("words", [[], ["beside"]], ids=["one process", "two processes"])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_killed_sync_ends_where_a_clean_one_ends(kota: Kota, tmp_path: Path, seed: int, words: list[str]) -> None:
    chance = random.Random(seed)
    kota.write_csv("halte.csv", rows(1), separator=";")
    kota.declare(declaration())
    clean = Kota(tmp_path / "bersih")
    shutil.copytree(kota.folder, clean.folder)
    clean.declare()
    assert clean.sync().error is None
    took = cut = 0.0
    for round_number in range(ROUNDS):
        if round_number == ROUNDS // 2:
            # From here on rows change, vanish and come back while syncs are killed.
            for one in (kota, clean):
                one.write_csv("halte.csv", rows(3), separator=";")
        took = max(took, 0.6)
        cut += sync_and_kill(kota.folder, chance.uniform(0, took), *words) is False
    assert cut >= ROUNDS / 4
    assert kota.sync(accept_shrink=True).error is None
    assert clean.sync(accept_shrink=True).error is None
    assert kota.with_hub(state) == clean.with_hub(state)
    again = kota.sync()
    assert (again.rows_written, again.rows_vanished) == (0, 0)


def test_no_row_is_in_the_history_twice_after_a_kill(kota: Kota) -> None:
    kota.write_csv("halte.csv", rows(1), separator=";")
    kota.declare(declaration())
    cut = [sync_and_kill(kota.folder, seconds) is False for seconds in (0.25, 0.15, 0.05)]
    if cut[-1]:
        assert kota.look(lambda hub: sources.get_source(operator(TENANT), hub, "halte")).state == "stopped"
    kota.sync()
    assert kota.look(lambda hub: sources.get_source(operator(TENANT), hub, "halte")).state == "ok"
    for number in range(1, ROWS, 997):
        if (number + 1) % 10 and number % 50:
            assert len(kota.changes(entity_uri("BusStop", str(number)))) == 1
