"""Only so many requests that are the same are under way to a source at once; the others wait for their turn."""

from __future__ import annotations

import asyncio

import pytest

from simpul import limits
from simpul.app.under_way import UnderWay

MOST = limits.PEER_SAME_REQUESTS_MAX


def test_so_many_go_at_once_and_the_next_when_one_has_left() -> None:
    async def go() -> None:
        under_way = UnderWay()
        for _ in range(MOST):
            await under_way.enter("same", 0)
        assert not under_way.is_crowded("same")
        with pytest.raises(TimeoutError):
            await under_way.enter("same", 0)
        waiting = asyncio.create_task(under_way.enter("same", 10))
        await asyncio.sleep(0)
        assert under_way.is_crowded("same")
        under_way.leave("same")
        await waiting
        assert not under_way.is_crowded("same")

    asyncio.run(go())


def test_what_is_not_the_same_waits_for_nobody() -> None:
    async def go() -> None:
        under_way = UnderWay()
        for number in range(3 * MOST):
            await under_way.enter(number, 0)

    asyncio.run(go())


def test_nothing_is_kept_of_what_was_answered_or_given_up() -> None:
    async def go() -> UnderWay:
        under_way = UnderWay()
        for _ in range(MOST):
            await under_way.enter("same", 0)
        waiting = asyncio.create_task(under_way.enter("same", 10))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        for _ in range(MOST):
            under_way.leave("same")
        return under_way

    assert asyncio.run(go()).is_empty
