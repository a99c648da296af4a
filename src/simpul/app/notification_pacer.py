"""How much of the processor goes to notifications while others write. No sending here (`notification_sending.py`)."""

from __future__ import annotations

import asyncio
from math import exp
from time import monotonic

from simpul import limits


class Pacer:
    """Leaves the larger part of the processor to those who write, while they wait for it.

    It looks how much of the time somebody waits for a write. Where that is little, no notification waits; where it is
    much, each is followed by a pause of several times what it took. How many writes there are would not tell: the
    fewer get through, the longer they wait.
    """

    def __init__(self) -> None:
        self._writing_share = 0.0
        self._looked_at = monotonic()
        self._free_at = 0.0
        self._cost_seconds = limits.NOTIFIER_COST_SECONDS

    async def turn(self, *, is_writing: bool) -> None:
        """Return when the next notification may be made; `is_writing` where somebody waits for a write."""
        now = monotonic()
        self._look(now, is_writing=is_writing)
        pause_seconds = self._cost_seconds * self._pause_factor()
        if pause_seconds == 0:
            return
        start = max(now, self._free_at)
        self._free_at = start + pause_seconds
        if start > now:
            await asyncio.sleep(start - now)

    def note_cost(self, seconds: float) -> None:
        """Take into account how long making the last notification took, beside what sending it takes."""
        self._cost_seconds += (limits.NOTIFIER_COST_SECONDS + seconds - self._cost_seconds) / 8

    def _look(self, now: float, *, is_writing: bool) -> None:
        fading = exp((self._looked_at - now) / limits.NOTIFIER_CALM_SECONDS)
        self._writing_share = self._writing_share * fading + is_writing * (1 - fading)
        self._looked_at = now

    def _pause_factor(self) -> float:
        free, full = limits.NOTIFIER_WRITING_SHARE_FREE, limits.NOTIFIER_WRITING_SHARE_FULL
        return limits.NOTIFIER_PAUSE_FACTOR * min(1.0, max(0.0, (self._writing_share - free) / (full - free)))
