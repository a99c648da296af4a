"""Changes of an entity that are made only if it is as the caller says (RFC 9110 §13). No HTTP, no SQL.

The condition is looked at inside the write, on the state that the write itself sees: nothing can come between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar, cast

from simpul.app.hub import Hub
from simpul.domain.entity_tag import Condition, State, version_of
from simpul.domain.errors import PreconditionFailed
from simpul.ports.store import Draft, EntityStore

Result = TypeVar("Result")


def hub_where(hub: Hub, entity_id: str, condition: Condition) -> Hub:
    """Return the hub as a request sees it whose change of this entity has a condition: its writes look at that."""
    return replace(hub, entities=cast(EntityStore, _Conditional(hub.entities, entity_id, condition)))


class _Conditional:
    """A store whose writes are about one entity, and kept only if it is as the condition says. All else is its own."""

    def __init__(self, store: EntityStore, entity_id: str, condition: Condition) -> None:
        self._store = store
        self._entity_id = entity_id
        self._condition = condition

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def write(
        self, tenant: str, origin: str, operation: Callable[[Draft], Result], expected: Sequence[str] = ()
    ) -> Result:
        """Run the operation as the store does. Raises PreconditionFailed, and then nothing of it is kept."""

        def checked(draft: Draft) -> Result:
            state = _find_state(draft, self._entity_id)
            is_met = state is None or self._condition.is_met(state)
            # §13.2.1: a condition counts only where the request would succeed without it. Whatever else is wrong,
            # that the entity or its attribute is not there above all, is told instead.
            result = operation(draft)
            if not is_met:
                raise PreconditionFailed(_detail(self._entity_id, self._condition))
            return result

        return await self._store.write(tenant, origin, checked, expected)


def _find_state(draft: Draft, entity_id: str) -> State | None:
    record, body = draft.find(entity_id), draft.find_body(entity_id)
    if record is None or body is None:
        return None
    return State(version_of(record.context_id, body), record.times.modified_us)


def _detail(entity_id: str, condition: Condition) -> str:
    if condition.if_none_match is not None and condition.if_none_match.is_any:
        return (
            f"There is an entity {entity_id[:200]}, and If-None-Match: * wants that there is none. Nothing was changed."
        )
    return (
        f"The entity {entity_id[:200]} is not as the request wants it: it was changed since its ETag was told, or the"
        " tag is a weak one (W/). Nothing was changed; read the entity again, and send its ETag in If-Match."
    )
