"""The entities that the benchmark reads: built once through the product's own batch operation, then kept.

They are kept under a name that changes with their shape, so that old data never answers for new.
"""

from __future__ import annotations

import os
import shutil
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bench import shape
from bench.hub import BenchHub

BATCH = 1_000
REQUESTS_AT_ONCE = 4


def ready(data: Path, count: int, console: Console) -> BenchHub:
    """Return the hub with `count` entities, building it where it is not there yet."""
    folder = data / f"{count}-{shape.digest(count)}"
    done = folder / "complete"
    hub = BenchHub(folder)
    if done.exists():
        hub.read_token()
        return hub
    shutil.rmtree(folder, ignore_errors=True)
    hub.create()
    with hub.serving():
        _load(hub, count, console)
        with console.status("The first questions about the attribute that is asked about"):
            for kind in shape.TYPES:
                hub.read(first_question(kind, "level"))
    done.touch()
    return hub


def first_question(kind: str, attribute: str) -> str:
    """Return the path of a question about an attribute that is a number. The first one has the hub index it."""
    return f"/ngsi-ld/v1/entities?type={kind}&q={attribute}%3E0&limit=20"


def _load(hub: BenchHub, count: int, console: Console) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress, ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
        task = progress.add_task("Building the entities", total=count)
        for sent in pool.map(lambda first: _send(hub, first, count), range(0, count, BATCH)):
            progress.advance(task, sent)


def _send(hub: BenchHub, first: int, count: int) -> int:
    numbers = range(first, min(first + BATCH, count))
    request = urllib.request.Request(
        f"{hub.url}/ngsi-ld/v1/entityOperations/upsert",
        data=msgspec.json.encode([shape.entity(number, count) for number in numbers]),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {hub.token}"},
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        answer.read()
    return len(numbers)


def copy_of(hub: BenchHub, folder: Path) -> BenchHub:
    """Return a copy that a run may write to."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(hub.folder, folder)
    # The hub's first sync of its file would wait for the whole copy.
    os.sync()
    copy = BenchHub(folder)
    copy.read_token()
    return copy
