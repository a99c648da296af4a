"""What agents in offices deliver: readings in order, and what an agent tells of itself. Decides; no files, no clock.

An agent reads a source where the hub cannot reach it, puts each reading into a queue of its own, and delivers the
readings one after the other. A reading has a number that its queue gives it; numbers only grow.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple

import msgspec

from simpul import limits
from simpul.domain.errors import BadRequestData, Conflict

PROTOCOL: Final = 1
# All rows of the source, or what changed of them since the reading before, or that they are the same; rows of a stream.
WHOLE: Final = "whole"
CHANGES: Final = "changes"
SAME: Final = "same"
NEWS: Final = "news"
KINDS: Final = (WHOLE, CHANGES, SAME, NEWS)

_US_PER_SECOND: Final = 1_000_000


class Told(msgspec.Struct, frozen=True):
    """What an agent told of itself: what waits in its queue, since when, when it last read, and what is in its way.

    Moments are those of the hub's clock. `clock_off_us` is how far the agent's clock was ahead of it.
    """

    waiting: int = 0
    waiting_bytes: int = 0
    behind_us: int | None = None
    read_us: int | None = None
    clock_off_us: int = 0
    trouble: str = ""

    @property
    def is_clock_wrong(self) -> bool:
        return abs(self.clock_off_us) > limits.AGENT_CLOCK_SECONDS_MAX * _US_PER_SECOND


class Standing(NamedTuple):
    """How far a source's agent is: all readings of `queue` up to the number `completed` are taken over.

    `digest` is that of the last complete delivery of rows.
    """

    queue: str
    completed: int
    digest: str
    heard_us: int
    told: Told = Told()


class Delivery(NamedTuple):
    """One reading on its way: its kind, its place in the queue, and the size and SHA-256 digest of its packed rows.

    Of changes `size` is theirs, and `digest` that of the whole rows as the agent has packed them; `base` is the digest
    of the rows before, and `rows_digest` that of the rows that they give, before they are packed.
    """

    kind: str
    queue: str
    number: int
    size: int
    digest: str
    base: str = ""
    rows_digest: str = ""


class Hello(msgspec.Struct, frozen=True):
    """What an agent says first: the id of its queue, the number of the reading that is next, its clock, and the rest.

    The moments in `told` are those of its own clock.
    """

    protocol: int
    queue: str
    number: int
    clock_us: int
    told: Told


class Position(msgspec.Struct, frozen=True):
    """How far the hub is with a queue, for its agent.

    `completed` is the number up to which all is taken over, `digest` that of the last whole rows, which are here where
    `has_rows`. Of the reading `number` there are `size` bytes here. `trouble` says why what is here was not taken over.
    A hub that `takes_changes` may still say that it `wants_whole` rows of this reading, where they fit nothing it has.
    """

    completed: int
    digest: str
    has_rows: bool
    number: int
    size: int
    is_running: bool = False
    trouble: str = ""
    clock_us: int = 0
    takes_changes: bool = False
    wants_whole: bool = False


class Next(Enum):
    """What an agent does with the first reading of its queue."""

    SEND = "send"
    WAIT = "wait"
    DROP = "drop"
    DROP_AND_READ_WHOLE = "drop and read whole"
    COUNT_ANEW = "count anew"


def decide_next(kind: str, number: int, digest: str, position: Position) -> Next:
    """Return what to do with a reading, by how far the hub is.

    A reading goes before the next one is sent. So where the hub is beyond it, or has other rows under its number, the
    queue is an old copy of itself: it counts anew, and what is in it is delivered again.
    """
    if number > position.completed:
        return Next.WAIT if position.is_running else Next.SEND
    is_known = position.digest == digest
    if kind == SAME:
        return Next.DROP if is_known and position.has_rows else Next.DROP_AND_READ_WHOLE
    return Next.DROP if number == position.completed and is_known else Next.COUNT_ANEW


def check_delivery(delivery: Delivery, *, is_stream: bool) -> None:
    """Raise BadRequestData for what can be no reading of the source."""
    fitting = (NEWS,) if is_stream else (WHOLE, CHANGES, SAME)
    if delivery.kind not in fitting:
        raise BadRequestData(f"A reading of this source is {' or '.join(fitting)}, not {delivery.kind[:20]!r}.")
    if delivery.number < 1 or delivery.size < 0 or not delivery.queue or not delivery.digest:
        raise BadRequestData("A reading has a queue, a number from 1 on, a size and a digest.")
    if delivery.size > limits.DELIVERY_BYTES_MAX:
        raise BadRequestData(
            f"The reading has {delivery.size:,} bytes; at most {limits.DELIVERY_BYTES_MAX:,} are taken. Read less of "
            "the system at once, such as with another query."
        )


def decide_takeover(standing: Standing, queue: str, now_us: int) -> None:
    """Raise Conflict where another agent is at work. One that was not heard for long is taken to be replaced."""
    silent_seconds = (now_us - standing.heard_us) // _US_PER_SECOND
    if standing.queue == queue or silent_seconds >= limits.AGENT_TAKEOVER_SECONDS:
        return
    left = limits.AGENT_TAKEOVER_SECONDS - silent_seconds
    raise Conflict(
        f"Another agent delivers this source: it was heard {silent_seconds} s ago. Stop one of the two. Where this one "
        f"replaces it, it may deliver in {left} s."
    )


def told_by(plain: Told, agent_us: int, now_us: int) -> Told:
    """Return what an agent told, its moments on the hub's clock."""
    off_us = agent_us - now_us
    return msgspec.structs.replace(
        plain,
        behind_us=None if plain.behind_us is None else min(now_us, plain.behind_us - off_us),
        read_us=None if plain.read_us is None else min(now_us, plain.read_us - off_us),
        clock_off_us=off_us,
        trouble=plain.trouble[: limits.AGENT_TROUBLE_CHARACTERS_MAX],
    )
