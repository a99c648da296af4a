"""Commands that put rows right: cells corrected, corrections taken back, rows tried again. Nothing is decided here."""

from __future__ import annotations

from typing import Any, Final

from simpul.app import corrections
from simpul.app.hub import Hub
from simpul.domain.access import Caller
from simpul.operating.command import Command, Given, Tell


async def _correct_row(caller: Caller, hub: Hub, given: Given, _tell: Tell) -> Any:
    """Return how many cells of the row were put right."""
    source_id, key, cells = given["source"], given["key"], given["cells"]
    return len(await corrections.correct_row(caller, hub, source_id, key, cells, reason=given["reason"]))


async def _replay(caller: Caller, hub: Hub, given: Given, _tell: Tell) -> Any:
    return await corrections.replay(caller, hub, given["source"], given["keys"])


async def _list_corrections(caller: Caller, hub: Hub, given: Given, _tell: Tell) -> Any:
    return corrections.list_corrections(caller, hub, given["source"])


async def _undo_correction(caller: Caller, hub: Hub, given: Given, _tell: Tell) -> Any:
    await corrections.undo_correction(caller, hub, given["source"], given["number"])


COMMANDS: Final[dict[str, Command]] = {
    "correct_row": _correct_row,
    "replay": _replay,
    "list_corrections": _list_corrections,
    "undo_correction": _undo_correction,
}
