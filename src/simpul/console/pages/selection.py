"""What is selected on a page and shown beside it, as its address says. It is never a page of its own."""

from __future__ import annotations

from urllib.parse import unquote

from simpul.console.page import Panel
from simpul.console.pages import answers, entity
from simpul.console.visit import Visit
from simpul.domain.errors import HubError


def selected_id(visit: Visit) -> str:
    """Return the id of the selected entity, or an empty text."""
    address = visit.parameter("selected")
    return unquote(address.removeprefix("/entities/")) if address.startswith("/entities/") else ""


async def selected_panel(visit: Visit) -> Panel | None:
    """Return the panel of what is selected; None where nothing is, or where it is gone."""
    address = visit.parameter("selected")
    try:
        if address.startswith("/entities/"):
            return await entity.panel(visit, selected_id(visit))
        if address.startswith("/answers/"):
            return await answers.panel_at(visit, address)
    except HubError:
        # What was selected may be gone since the address was copied; the page itself is still right.
        return None
    return None
