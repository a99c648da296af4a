"""The requests to one source that are not answered yet, and how many of them are the same. No sending here.

Two hubs that ask each other, and what lies between them takes Via away, ask the same again and again, each inside the
question of the other, and nothing in the request says so. What tells is that the same request is under way more and
more often while none is answered. So only so many are under way at once, and the others wait for their turn: in a
circle in vain, because the innermost would have to be answered first; of many who ask the same at once, not for long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable

from simpul import limits


class UnderWay:
    """The requests that are under way to one source, each by what makes it the same as another."""

    def __init__(self) -> None:
        self._turns: dict[Hashable, tuple[asyncio.Semaphore, int]] = {}

    async def enter(self, request: Hashable, seconds: float) -> None:
        """Return when the request may be sent; `leave` has to follow. Raises TimeoutError where nobody left in time."""
        turns, known = self._turns.get(request) or (asyncio.Semaphore(limits.PEER_SAME_REQUESTS_MAX), 0)
        self._turns[request] = (turns, known + 1)
        try:
            if not turns.locked():
                await turns.acquire()
            else:
                async with asyncio.timeout(seconds):
                    await turns.acquire()
        except BaseException:
            self._forget(request)
            raise

    def leave(self, request: Hashable) -> None:
        """Let the next one have its turn."""
        self._turns[request][0].release()
        self._forget(request)

    def is_crowded(self, request: Hashable) -> bool:
        """Return whether as many of these are under way as may be, and others wait for their turn."""
        return self._turns[request][1] > limits.PEER_SAME_REQUESTS_MAX

    @property
    def is_empty(self) -> bool:
        """Return whether every request was answered or given up."""
        return not self._turns

    def _forget(self, request: Hashable) -> None:
        turns, known = self._turns[request]
        if known > 1:
            self._turns[request] = (turns, known - 1)
        else:
            del self._turns[request]
