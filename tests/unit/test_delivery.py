"""What agents deliver: what to do with the next reading, who may deliver, what moments mean."""

from __future__ import annotations

import pytest

from simpul import limits
from simpul.domain.delivery import (
    SAME,
    WHOLE,
    Delivery,
    Next,
    Position,
    Standing,
    Told,
    check_delivery,
    decide_next,
    decide_takeover,
    told_by,
)
from simpul.domain.errors import BadRequestData, Conflict

SECOND = 1_000_000


@pytest.mark.parametrize(("kind", "number", "digest", "position", "wanted"), [
    (WHOLE, 5, "a", Position(4, "b", True, 5, 0), Next.SEND),
    (WHOLE, 9, "a", Position(4, "b", True, 9, 0), Next.SEND),
    (WHOLE, 5, "a", Position(4, "b", True, 5, 7, is_running=True), Next.WAIT),
    (WHOLE, 5, "a", Position(5, "a", True, 5, 7), Next.DROP),
    (WHOLE, 5, "a", Position(5, "b", True, 5, 7), Next.COUNT_ANEW),
    (WHOLE, 3, "a", Position(5, "a", True, 3, 0), Next.COUNT_ANEW),
    (SAME, 5, "a", Position(5, "a", True, 5, 0), Next.DROP),
    (SAME, 5, "a", Position(5, "a", False, 5, 0), Next.DROP_AND_READ_WHOLE),
    (SAME, 5, "a", Position(5, "", False, 5, 0), Next.DROP_AND_READ_WHOLE),
])  # fmt: skip
def test_what_comes_next_follows_from_how_far_the_hub_is(
    kind: str, number: int, digest: str, position: Position, wanted: Next
) -> None:
    assert decide_next(kind, number, digest, position) is wanted


def test_another_queue_waits_until_the_first_was_silent_for_long() -> None:
    standing = Standing("a", 3, "", 0)
    decide_takeover(standing, "a", SECOND)
    with pytest.raises(Conflict, match="Another agent"):
        decide_takeover(standing, "b", (limits.AGENT_TAKEOVER_SECONDS - 1) * SECOND)
    decide_takeover(standing, "b", limits.AGENT_TAKEOVER_SECONDS * SECOND)


def test_moments_that_an_agent_tells_are_put_on_the_hubs_clock() -> None:
    told = told_by(Told(2, 10, 1_000 * SECOND, 2_000 * SECOND, trouble="x" * 9_999), 2_000 * SECOND, 5_000 * SECOND)
    assert (told.behind_us, told.read_us) == (4_000 * SECOND, 5_000 * SECOND)
    assert told.is_clock_wrong
    assert len(told.trouble) == limits.AGENT_TROUBLE_CHARACTERS_MAX


@pytest.mark.parametrize("delivery", [
    Delivery("news", "q", 1, 1, "d"),
    Delivery(WHOLE, "q", 0, 1, "d"),
    Delivery(WHOLE, "", 1, 1, "d"),
    Delivery(WHOLE, "q", 1, limits.DELIVERY_BYTES_MAX + 1, "d"),
])  # fmt: skip
def test_what_can_be_no_reading_is_refused(delivery: Delivery) -> None:
    with pytest.raises(BadRequestData):
        check_delivery(delivery, is_stream=False)
