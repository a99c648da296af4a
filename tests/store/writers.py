"""64 writers in a process of its own, which a test kills: `python writers.py <folder> <journal> <round>`.

Each writer says in the journal what it is about to write (`?`) and what was acknowledged (`!`), one line each, by
one `write` call, so that a killed process leaves what it said. Run as a script; no test of its own.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from pathlib import Path
from typing import Any

from simpul.app.contexts import ContextLibrary
from simpul.domain.entity import Record, Times
from simpul.ports.store import Draft
from simpul.store.sqlite import SqliteStore

WRITERS = 64
TENANT = "padang"
TYPE = "https://uri.etsi.org/ngsi-ld/default-context/Counter"
VALUE = "https://uri.etsi.org/ngsi-ld/default-context/reading"
PLACE = "https://uri.etsi.org/ngsi-ld/location"
TEXT = "https://uri.etsi.org/ngsi-ld/default-context/note"


class _NoNetwork:
    async def get_json(self, url: str) -> Any:
        raise AssertionError(f"{url} was asked for")


def counter_of(entity_id: str, value: int) -> Record:
    """Return the entity at that value; all of its attributes follow from it."""
    at_us = 1_700_000_000_000_000 + value
    place = {"type": "Point", "coordinates": [100 + value % 100 / 100, -0.9]}
    entity = {
        "id": entity_id,
        "type": [TYPE],
        VALUE: {"type": "Property", "value": value},
        TEXT: {"type": "Property", "value": f"note {value}" * (1 + value % 7)},
        PLACE: {"type": "GeoProperty", "value": place},
    }
    return Record(entity, Times(at_us, at_us, {VALUE: (at_us, at_us)}))


def set_counter(draft: Draft, entity_id: str, value: int) -> None:
    """Put the value: most often a change, now and then a deletion and a new beginning."""
    before = draft.find(entity_id)
    after = counter_of(entity_id, value)
    if before is None:
        draft.create(after)
    elif value % 13 == 0:
        draft.delete(before, after.times.modified_us)
        draft.create(after)
    elif value % 5 == 0:
        draft.replace(before, after)
    else:
        draft.change(before, after, [VALUE, TEXT, PLACE])
    draft.put_source_row("counter", entity_id, value.to_bytes(8), entity_id)


async def _write(store: SqliteStore, journal: int, writer: int, first: int) -> None:
    entity_id = f"urn:counter:{writer}"
    value = first
    while True:
        value += 1
        os.write(journal, f"? {writer} {value}\n".encode())
        await store.write(TENANT, f"writer/{writer}", lambda draft, value=value: set_counter(draft, entity_id, value))  # type: ignore[misc]  # A default binds the value.
        os.write(journal, f"! {writer} {value}\n".encode())
        if random.random() < 0.02:
            await asyncio.sleep(0.001)


async def _run(folder: Path, journal_path: Path, first: int) -> None:
    journal = os.open(journal_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    store = SqliteStore(folder, ContextLibrary(_NoNetwork()), lambda tenant, types: None)
    if not store.has_tenant(TENANT):
        await store.create_tenant(TENANT)
    os.write(journal, b"ready\n")
    await asyncio.gather(*(_write(store, journal, writer, first) for writer in range(WRITERS)))


if __name__ == "__main__":
    asyncio.run(_run(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
