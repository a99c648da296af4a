"""Notifications that bring about the next one, where no Via says so. No sending, no clock here.

A receiver that writes a new value back on what it is told makes a circle; where it passes Via on, the hub finds its own
name there. Where it does not, only time tells: in a circle the next change of an entity comes right after the
notification of the one before, and never without it. So what came so often right after what was told is held back for
a while. Who writes for reasons of his own does so in the meantime, and nothing is held back any longer; who does not,
again and again, writes only because he is told.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

from simpul import limits

_US = 1_000_000


class _Told(NamedTuple):
    """When a change of an entity was told.

    `rounds` are those before it that came right after what was told each time, `held` those held back in vain.
    """

    began_us: int
    ended_us: int
    rounds: int
    held: int


class Echoes:
    """What one subscription was told lately, by entity; of the last few of them alone."""

    def __init__(self) -> None:
        self._told: OrderedDict[str, _Told] = OrderedDict()

    def rounds_of(self, entity_id: str, at_us: int) -> int:
        """Return how often in a row a change of the entity came right after the one before it was told."""
        last = self._told.get(entity_id)
        if last is None or not last.began_us <= at_us <= last.ended_us + limits.NOTIFICATION_ECHO_SECONDS * _US:
            return 0
        return last.rounds + 1

    def note(self, changes: Iterable[tuple[str, int]], began_us: int, ended_us: int) -> None:
        """Remember that these changes, each an entity and its moment, were told, and when that was."""
        for entity_id, at_us in changes:
            rounds = self.rounds_of(entity_id, at_us)
            held = self._told[entity_id].held if rounds else 0
            self._told[entity_id] = _Told(began_us, ended_us, rounds, held)
            self._told.move_to_end(entity_id)
        while len(self._told) > limits.NOTIFICATION_ECHO_ENTITIES_MAX:
            self._told.popitem(last=False)

    def forget(self, entity_ids: Iterable[str]) -> None:
        """Begin anew with these entities."""
        for entity_id in entity_ids:
            self._told.pop(entity_id, None)

    def hold(self, entity_ids: Iterable[str]) -> None:
        """Remember that nobody else wrote these entities while a change of theirs was held back."""
        for entity_id in entity_ids:
            if (last := self._told.get(entity_id)) is not None:
                self._told[entity_id] = last._replace(held=last.held + 1)

    def pause_seconds(self, entity_id: str, at_us: int) -> float | None:
        """Return for how long a change of the entity is held back; None: for ever."""
        if self.rounds_of(entity_id, at_us) < limits.NOTIFICATION_ECHOES_MAX:
            return 0.0
        held, pauses = self._told[entity_id].held, limits.NOTIFICATION_ECHO_PAUSES_SECONDS
        return pauses[held] if held < len(pauses) else None
