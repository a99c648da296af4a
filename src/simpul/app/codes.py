"""Reference codes: names looked up, names that wait for a person, and what people decided. Reads no files itself."""

from __future__ import annotations

from collections.abc import Callable

from simpul.app.entities import raise_unless_allowed
from simpul.app.hub import Hub
from simpul.domain.access import Action, Caller
from simpul.domain.code_list import CodeList, Decision
from simpul.domain.errors import NotFound
from simpul.ports.quality import Question


def list_questions(caller: Caller, hub: Hub) -> list[Question]:
    """Return the names whose codes are not sure, those of most rows first. Raises Unauthenticated, Forbidden."""
    raise_unless_allowed(caller, Action.MANAGE_SOURCES)
    return hub.corrections.list_questions(caller.tenant)


def list_decisions(caller: Caller, hub: Hub) -> list[Decision]:
    """Return what people decided on names. Raises Unauthenticated, Forbidden."""
    raise_unless_allowed(caller, Action.MANAGE_SOURCES)
    return hub.corrections.list_decisions(caller.tenant)


async def decide_name(
    caller: Caller, hub: Hub, open_list: Callable[[], CodeList], *, name: str, parent: str, code: str | None
) -> Decision:
    """Remember what a name just below `parent` means: a code, or None for no code at all.

    Raises SourceMisconfigured for a list that is not there, NotFound for a code that it has not, Unauthenticated,
    Forbidden.
    """
    raise_unless_allowed(caller, Action.MANAGE_SOURCES)
    codes = open_list()
    if code is not None and codes.find(code) is None:
        raise NotFound(f"The code list {codes.id} has no code {code!r}. Look it up with: simpul codes find")
    decision = Decision(codes.id, parent, " ".join(name.split()), code, caller.principal, hub.clock.now_us())
    await hub.corrections.put_decision(caller.tenant, decision)
    return decision
