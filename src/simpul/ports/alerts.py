"""What the use-cases need to keep alerts, and the letters that tell of them. No SQL and no sending here.

A letter is one phase of one alert for one target; it is written in the transaction that begins or ends the alert, and
goes when the target has it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple, Protocol

from simpul.domain.alerts import Alert, Beginning


class Letter(NamedTuple):
    """Something to be told to a target: that an alert `began` or `ended`."""

    id: int
    phase: str
    target: str
    tries: int
    next_us: int
    written_us: int
    alert: Alert


class AlertStore(Protocol):
    """A city's alerts and their letters."""

    def list_alerts(self, tenant: str, *, only_open: bool, limit: int) -> list[Alert]:
        """Return alerts, the newest first."""

    async def begin_alert(
        self, tenant: str, source: str, beginning: Beginning, at_us: int, targets: Collection[str]
    ) -> None:
        """Begin an alert, with a letter for each target; nothing where one of its kind is open."""

    async def end_alert(self, tenant: str, source: str, kind: str, at_us: int, targets: Collection[str]) -> None:
        """End an alert, with a letter for each target; nothing where none is open."""

    async def forget_alerts(self, tenant: str, source: str) -> None:
        """Forget a source's alerts and letters."""

    def list_letters(self, tenant: str, now_us: int) -> list[Letter]:
        """Return the oldest letter of each target, where it may be tried again."""

    async def drop_letter(self, tenant: str, letter_id: int) -> None:
        """Forget a letter: it has arrived, or is given up."""

    async def postpone_letter(self, tenant: str, letter_id: int, next_us: int) -> None:
        """Count a failed try; the next one is not before `next_us`."""
