"""Rows put right in place: what people correct in rows that were kept aside, and the trail of it. Maps no rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from simpul import limits
from simpul.app import sources
from simpul.app.entities import raise_unless_allowed
from simpul.app.hub import Hub
from simpul.domain.access import Action, Caller
from simpul.domain.errors import BadRequestData, InternalError, NotFound
from simpul.ports.engine import Replayed
from simpul.ports.quality import Correction
from simpul.ports.store import Reject

_SHOWN: Final = 40


def list_corrections(caller: Caller, hub: Hub, source_id: str) -> list[Correction]:
    """Return what was put right in a source's rows, newest first, undone ones too.

    Raises NotFound, Unauthenticated, Forbidden: cells may be personal.
    """
    raise_unless_allowed(caller, Action.MANAGE_SOURCES)
    sources.get_source(caller, hub, source_id)
    return hub.corrections.list_corrections(caller.tenant, source_id)


async def correct_row(
    caller: Caller, hub: Hub, source_id: str, key: str, cells: Mapping[str, str], *, reason: str = ""
) -> list[Correction]:
    """Put right cells of a row that is kept aside; return what changed. Empty text means that nothing is known.

    A correction holds in every run in which the source still says what it corrects. Raises NotFound, BadRequestData,
    Unauthenticated, Forbidden, StorageFull.
    """
    raise_unless_allowed(caller, Action.MANAGE_SOURCES)
    sources.get_source(caller, hub, source_id)
    reject = hub.reports.find_reject(caller.tenant, source_id, key)
    if reject is None:
        raise NotFound(
            f"No row {key[:_SHOWN]!r} of {source_id} is kept aside. List those that are with: simpul source rejects"
        )
    in_force = {
        one.column: one
        for one in hub.corrections.list_corrections(caller.tenant, source_id, in_force=True)
        if one.key == key
    }
    made = []
    for column, text in cells.items():
        before = _before(reject, column)
        seen = in_force[column].after if column in in_force else before
        after = text.strip() or None
        if len(text) > limits.REJECT_CELL_CHARACTERS:
            raise BadRequestData(f"A cell that is put right has at most {limits.REJECT_CELL_CHARACTERS} characters.")
        if after != seen:
            made.append(Correction(
                0, source_id, key, column, before, after, reason.strip(), caller.principal, hub.clock.now_us()
            ))  # fmt: skip
    if made:
        await hub.corrections.add_corrections(caller.tenant, made)
    return made


def _before(reject: Reject, column: str) -> str | None:
    if column not in reject.raw:
        listed = ", ".join(list(reject.raw)[:_SHOWN])
        raise BadRequestData(f"The row {reject.key!r} has no column {column[:_SHOWN]!r}. Its columns: {listed}.")
    return text_of_raw(reject.raw[column])


def text_of_raw(value: Any) -> str | None:
    """Return a cell of a row that was kept aside as a person reads it, or None where it is empty."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value).strip() or None


async def undo_correction(caller: Caller, hub: Hub, source_id: str, correction_id: int) -> None:
    """Take a correction back: from the next run on what the source says counts again.

    Raises NotFound, Unauthenticated, Forbidden, StorageFull.
    """
    known = {one.id for one in list_corrections(caller, hub, source_id)}
    found = correction_id in known and await hub.corrections.undo_correction(
        caller.tenant, correction_id, caller.principal, hub.clock.now_us()
    )
    if not found:
        raise NotFound(f"{source_id} has no correction {correction_id} in force. List them with: simpul source fixes")


async def replay(caller: Caller, hub: Hub, source_id: str, keys: Collection[str] | None = None) -> Replayed:
    """Try the rows kept aside again, as they came and as they were put right; all, or those with these keys.

    Raises SourceError, HubBusy, NotFound, Unauthenticated, Forbidden, StorageFull.
    """
    raise_unless_allowed(caller, Action.MANAGE_SOURCES)
    source = sources.get_source(caller, hub, source_id).source
    if hub.engine is None:
        raise InternalError("This hub was put together without an engine for sources.")
    return await hub.engine.replay(hub, caller.tenant, source, keys)
