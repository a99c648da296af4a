"""What is held back as an echo waits for somebody else's write, however much waits behind it."""

from __future__ import annotations

import asyncio

import pytest

from simpul import limits
from simpul.app.notification_line import Line, echoing, head_of
from simpul.domain.notification import Captured, encode_captured, shape_of
from simpul.domain.subscription import Kept
from simpul.domain.watch import Effects
from simpul.ports.outbox import Notice, Progress, StoredSubscription

HELD = "urn:x:held"
WAITING = limits.NOTICES_IN_MEMORY_MAX // 2
WRITES = 20


def notice(number: int, entity_id: str) -> Notice:
    effects = Effects(is_creation=False, is_deletion=False, added=(), modified=("level",), removed=())
    return Notice(number, b"", encode_captured(Captured(entity_id, number, 0, 0, 0, {}, b"{}", effects, {}, {})))


def circling_line() -> Line:
    """Return a line that told of one entity so often, each time right after its change, that it is suspected."""
    notification = {"endpoint": {"uri": "http://127.0.0.1:9/", "accept": "application/json"}}
    kept = Kept({"id": "urn:x:subscription", "notification": notification}, 0, 0, 0, 0)
    stored = StoredSubscription(1, "urn:x:subscription", kept, Progress(1))
    line = Line("city", stored, shape_of(kept.document), Progress(1))
    line.is_behind = False
    for at_us in range(limits.NOTIFICATION_ECHOES_MAX + 1):
        line.echoes.note([(HELD, at_us)], at_us, at_us + 1)
    return line


async def _look_ups_of(line: Line, held: Notice, written: list[Notice]) -> int:
    """Hold the notice back while others are written; return how many look-ups of what they are about that took."""
    waiting = asyncio.create_task(echoing(line, [held]))
    await asyncio.sleep(0)
    before = head_of.cache_info()
    for one in written:
        line.add([one])
        # The line wakes, looks, and waits on.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    after = head_of.cache_info()
    assert await waiting == []
    return after.hits + after.misses - before.hits - before.misses


def test_what_waits_is_looked_at_once_while_an_echo_is_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "NOTIFICATION_ECHO_PAUSES_SECONDS", (0.2,))
    line = circling_line()
    line.add([notice(number, f"urn:x:{number}") for number in range(WAITING)])
    held = notice(limits.NOTIFICATION_ECHOES_MAX + 1, HELD)
    written = [notice(WAITING + number, f"urn:x:{WAITING + number}") for number in range(WRITES)]
    assert asyncio.run(_look_ups_of(line, held, written)) == WRITES
    assert line.echoes.pause_seconds(HELD, limits.NOTIFICATION_ECHOES_MAX + 1) is None


def test_who_writes_meanwhile_ends_the_holding_back_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "NOTIFICATION_ECHO_PAUSES_SECONDS", (60.0,))
    line = circling_line()
    line.add([notice(number, f"urn:x:{number}") for number in range(WAITING)])
    held = notice(limits.NOTIFICATION_ECHOES_MAX + 1, HELD)
    written = [notice(WAITING, "urn:x:other"), notice(WAITING + 1, HELD)]
    assert asyncio.run(_look_ups_of(line, held, written)) == len(written)
    assert line.echoes.pause_seconds(HELD, limits.NOTIFICATION_ECHOES_MAX + 1) == 0.0
