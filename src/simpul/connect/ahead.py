"""One step after the other, each begun before it is wanted: while one result is worked on, the next is being made."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


class Ahead(Generic[Result]):
    """Gives what `make` makes, in order and one ahead, until that is None. Raises what `make` raises, in its turn."""

    def __init__(self, make: Callable[[], Coroutine[Any, Any, Result | None]]) -> None:
        self._make = make
        self._coming: asyncio.Task[Result | None] | None = None

    async def next(self) -> Result | None:
        """Return the next result, and begin with the one after it; None after the last one."""
        coming = self._coming or asyncio.create_task(self._make())
        self._coming = None
        result = await coming
        if result is not None:
            self._coming = asyncio.create_task(self._make())
        return result

    async def stop(self) -> None:
        """Give up what has been begun."""
        coming, self._coming = self._coming, None
        if coming is not None:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
