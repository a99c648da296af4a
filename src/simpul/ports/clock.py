"""The time, as something that is handed in. No implementation here."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now_us(self) -> int:
        """Return microseconds since 1970-01-01 UTC."""
