"""The history of an entity (CIM 009 §5.7.3). No HTTP here, no SQL here."""

from __future__ import annotations

from typing import NamedTuple

from simpul.app.entities import raise_unless_readable_id
from simpul.app.hub import Hub
from simpul.domain.access import Caller
from simpul.domain.errors import NotFound
from simpul.ports.store import Change


class History(NamedTuple):
    """All that happened to one entity, oldest first, and the types that it has or last had."""

    types: tuple[str, ...]
    changes: list[Change]


async def retrieve(caller: Caller, hub: Hub, entity_id: str) -> History:
    """Return the history of an entity, one that is gone too. Raises NotFound."""
    raise_unless_readable_id(caller, entity_id)
    changes = hub.entities.list_changes(caller.tenant, entity_id)
    types = tuple(changes[-1].attributes["type"]) if changes else ()
    if not changes or not caller.may_read(types):
        raise NotFound(f"There is no entity {entity_id[:200]}, and there was none.")
    return History(types, changes)
