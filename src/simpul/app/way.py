"""Through which hubs a request came (RFC 9110 §7.6.3, Via), and changes that remember it. No HTTP, no SQL.

What a hub tells its subscribers names itself in Via. Where a receiver writes on what it was told, and says so in the
Via of its own request, the hub recognises its own name, and notices what goes round (`notification_line.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar, cast

from simpul import limits
from simpul.app.hub import Hub
from simpul.ports.history import HistoryDraft, HistoryStore
from simpul.ports.store import Draft, EntityStore

Result = TypeVar("Result")


def parse_via(text: str) -> tuple[str, ...]:
    """Return the pseudonyms in a Via header, the first hub first."""
    hops = [part.split() for part in text[: limits.HEADER_CHARACTERS_MAX].split(",") if part.strip()]
    # Protocol, then who received it.
    return tuple(parts[1] if len(parts) > 1 else parts[0] for parts in hops)


def hub_told_by(hub: Hub, via: str) -> Hub:
    """Return the hub as a request sees it that came through others: what it writes remembers them."""
    way = parse_via(via)
    entities, histories = _Told(hub.entities, way), _Told(hub.histories, way)
    return replace(hub, entities=cast(EntityStore, entities), histories=cast(HistoryStore, histories))


class _Told:
    """A store whose writes say through which hubs they came. All else is the store's own."""

    def __init__(self, store: EntityStore | HistoryStore, via: tuple[str, ...]) -> None:
        self._store: Any = store
        self._via = via

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def write(
        self, tenant: str, origin: str, operation: Callable[[Draft], Result], expected: Sequence[str] = ()
    ) -> Result:
        """Run the operation as the store does, once the draft was told."""

        def told(draft: Draft) -> Result:
            draft.via = self._via
            return operation(draft)

        result: Result = await self._store.write(tenant, origin, told, expected)
        return result

    async def write_history(self, tenant: str, origin: str, operation: Callable[[HistoryDraft], Result]) -> Result:
        """As `write`."""

        def told(draft: HistoryDraft) -> Result:
            draft.via = self._via
            return operation(draft)

        result: Result = await self._store.write_history(tenant, origin, told)
        return result
