"""Writes to a disk until it is full, makes room, and says what happened as JSON: `python small_disk.py <folder>`.

Run as a script on a file system of 5 MB, or with files of at most 2 MB; no test of its own.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from simpul.app.contexts import ContextLibrary
from simpul.domain.errors import HubError
from simpul.store.sqlite import SqliteStore
from tests.store.samples import TENANT, NoNetwork, asking, prop, record_of


async def _fill(store: SqliteStore) -> tuple[int, HubError]:
    """Write until the disk refuses; return how many writes were acknowledged, and the refusal."""
    for number in range(10_000):
        record = record_of(f"urn:x:{number}", text=prop("x" * 8_000))
        try:
            await store.write(TENANT, "token/a", lambda draft, record=record: draft.create(record))  # type: ignore[misc]  # A default binds the record.
        except HubError as error:
            return number, error
    raise AssertionError("this disk is not small")


async def _run(folder: Path) -> dict[str, Any]:
    # Less than may be in one file each, and together more than the log: it moves into the file beside it.
    rooms = [folder / "room-1", folder / "room-2"]
    for room in rooms:
        room.write_bytes(b"x" * 1_900_000)
    store = SqliteStore(folder, ContextLibrary(NoNetwork()), lambda tenant, types: None)
    await store.create_tenant(TENANT)
    kept, error = await _fill(store)
    listed = len((await store.list_documents(TENANT, asking())).documents)
    for room in rooms:
        room.unlink()
    await store.close()
    store = SqliteStore(folder, ContextLibrary(NoNetwork()), lambda tenant, types: None)
    await store.write(TENANT, "token/a", lambda draft: draft.create(record_of("urn:x:last")))
    after = len((await store.list_documents(TENANT, asking())).documents)
    await store.close()
    return {"error": type(error).__name__, "detail": error.detail, "kept": kept, "listed": listed, "after": after}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(_run(Path(sys.argv[1])))))
