"""What comes right after what was told, and how long it is held back (`app/notification_echoes.py`)."""

from __future__ import annotations

import pytest

from simpul import limits
from simpul.app.notification_echoes import Echoes

SECOND = 1_000_000


def test_changes_that_each_come_right_after_the_one_before_was_told_are_counted() -> None:
    echoes = Echoes()
    for number in range(10):
        at_us = number * SECOND
        assert echoes.rounds_of("urn:x:1", at_us) == number
        echoes.note([("urn:x:1", at_us)], at_us + 1, at_us + 10)
    assert echoes.rounds_of("urn:x:2", 9 * SECOND + 5) == 0
    echoes.forget(["urn:x:1"])
    assert echoes.rounds_of("urn:x:1", 9 * SECOND + 5) == 0


@pytest.mark.parametrize("at_us", [99, 300 + limits.NOTIFICATION_ECHO_SECONDS * SECOND + 1])
def test_what_was_written_before_or_long_after_it_was_told_counts_as_nothing(at_us: int) -> None:
    echoes = Echoes()
    echoes.note([("urn:x:1", 50)], 100, 300)
    assert echoes.rounds_of("urn:x:1", 200) == 1
    assert echoes.rounds_of("urn:x:1", at_us) == 0


def test_so_many_entities_are_remembered() -> None:
    echoes = Echoes()
    for number in range(limits.NOTIFICATION_ECHO_ENTITIES_MAX + 1):
        echoes.note([(f"urn:x:{number}", 0)], 1, 2)
    assert echoes.rounds_of("urn:x:0", 1) == 0
    assert echoes.rounds_of("urn:x:1", 1) == 1


def test_pauses_grow_with_each_that_was_in_vain_and_end() -> None:
    most, pauses = limits.NOTIFICATION_ECHOES_MAX, limits.NOTIFICATION_ECHO_PAUSES_SECONDS
    echoes = Echoes()
    for number in range(most):
        assert echoes.pause_seconds("urn:x:1", number) == 0.0
        echoes.note([("urn:x:1", number)], number, number)
    for seconds in (*pauses, None):
        assert echoes.pause_seconds("urn:x:1", most) == seconds
        echoes.hold(["urn:x:1"])
    echoes.forget(["urn:x:1"])
    assert echoes.pause_seconds("urn:x:1", most) == 0.0
