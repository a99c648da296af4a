"""How notifications make room for those who write."""

from __future__ import annotations

import asyncio
from time import perf_counter

from simpul import limits
from simpul.app.notification_pacer import Pacer

TURNS = 50


async def _seconds_for_turns(pacer: Pacer, *, is_writing: bool) -> float:
    begin = perf_counter()
    for _ in range(TURNS):
        await pacer.turn(is_writing=is_writing)
    return perf_counter() - begin


def test_where_nobody_waits_for_a_write_no_notification_waits() -> None:
    async def work() -> float:
        pacer = Pacer()
        await asyncio.sleep(limits.NOTIFIER_CALM_SECONDS / 5)
        return await _seconds_for_turns(pacer, is_writing=False)

    assert asyncio.run(work()) < TURNS * limits.NOTIFIER_COST_SECONDS


def test_while_writers_wait_all_the_time_each_notification_is_followed_by_its_pause() -> None:
    async def work() -> float:
        pacer = Pacer()
        await asyncio.sleep(limits.NOTIFIER_CALM_SECONDS)
        return await _seconds_for_turns(pacer, is_writing=True)

    assert asyncio.run(work()) > (TURNS - 1) * limits.NOTIFIER_COST_SECONDS * limits.NOTIFIER_PAUSE_FACTOR


def test_a_write_now_and_then_stops_nothing() -> None:
    async def work() -> float:
        pacer = Pacer()
        await asyncio.sleep(limits.NOTIFIER_CALM_SECONDS)
        await pacer.turn(is_writing=False)
        await pacer.turn(is_writing=True)
        return await _seconds_for_turns(pacer, is_writing=False)

    assert asyncio.run(work()) < TURNS * limits.NOTIFIER_COST_SECONDS
