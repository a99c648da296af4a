"""Rows put right from a source's page: the forms beside rejected rows, the button that tries again, the trail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.responses import RedirectResponse, Response

from simpul import limits
from simpul.app import corrections
from simpul.console.form import read_form
from simpul.console.origins import name_of
from simpul.console.visit import Moment, Visit

# What a form calls the cell of a column, so that no column is taken for anything else.
CELL: Final = "cell:"


@dataclass(frozen=True, slots=True)
class FixView:
    """One cell that somebody put right."""

    key: str
    column: str
    before: str
    after: str
    reason: str
    by: str
    at: Moment | None
    undone_by: str
    undo_href: str


def fixes(visit: Visit, source_id: str) -> tuple[FixView, ...]:
    """Return the trail, newest first; nothing for those who do not keep the sources."""
    if not visit.is_manager:
        return ()
    found = corrections.list_corrections(visit.caller, visit.hub, source_id)[: limits.CONSOLE_REJECTS_SHOWN]
    return tuple(
        FixView(
            key=one.key,
            column=one.column,
            before=one.before or "",
            after=one.after or "",
            reason=one.reason,
            by=name_of(visit, one.by),
            at=visit.moment(one.at_us),
            undone_by=name_of(visit, one.undone_by) if one.undone_by else "",
            undo_href="" if one.undone_us is not None else f"/sources/{source_id}/fixes/{one.id}/undo",
        )
        for one in found
    )


async def fix(visit: Visit) -> Response:
    """Put a row right, and try it again."""
    source_id = visit.request.path_params["id"]
    form = await read_form(visit.request)
    key = form.get("key", "")
    cells = {name.removeprefix(CELL): text for name, text in form.items() if name.startswith(CELL)}
    reason = form.get("reason", "")
    made = await corrections.correct_row(visit.caller, visit.hub, source_id, key, cells, reason=reason)
    if made:
        await corrections.replay(visit.caller, visit.hub, source_id, {key})
    return _back(source_id)


async def replay(visit: Visit) -> Response:
    """Try all rows that are kept aside again."""
    source_id = visit.request.path_params["id"]
    await corrections.replay(visit.caller, visit.hub, source_id)
    return _back(source_id)


async def undo(visit: Visit) -> Response:
    """Take one correction back."""
    source_id, number = visit.request.path_params["id"], visit.request.path_params["number"]
    await corrections.undo_correction(visit.caller, visit.hub, source_id, number)
    return _back(source_id)


def _back(source_id: str) -> Response:
    return RedirectResponse(f"/sources/{source_id}#rejects", status_code=303)
