"""One step after the other, begun before it is wanted: while one result is worked on, the next ones are being made."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


class Ahead(Generic[Result]):
    """Gives what `make` makes, in order and some ahead, until that is None. Raises what `make` raises, in its turn.

    With more than one ahead, `make` is called again before it has ended; what it does first, it has to do in order.
    """

    def __init__(self, make: Callable[[], Coroutine[Any, Any, Result | None]], ahead: int = 1) -> None:
        self._make = make
        self._ahead = ahead
        self._coming: deque[asyncio.Task[Result | None]] = deque()

    async def next(self) -> Result | None:
        """Return the next result, and begin with those after it; None after the last one."""
        if not self._coming:
            self._begin(self._ahead)
        result = await self._coming.popleft()
        if result is not None:
            self._begin(self._ahead)
        return result

    def _begin(self, count: int) -> None:
        while len(self._coming) < count:
            self._coming.append(asyncio.create_task(self._make()))

    async def stop(self) -> None:
        """Give up what has been begun."""
        coming, self._coming = self._coming, deque()
        for one in coming:
            one.cancel()
        await asyncio.gather(*coming, return_exceptions=True)
