"""What a source tells of histories in one reply, and the rest of the time where it told a part. No HTTP here.

A source tells so much of a time at once (206, §6.3.10). Where all of it has to be known, because conditions are judged
here or values are aggregated, it is asked on from where it stopped, so many times.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from simpul import limits
from simpul.app.federation import Hop, Reply, read_bodies
from simpul.app.hub import Hub
from simpul.app.map_finder import chunks_for_sources
from simpul.domain.errors import HubError, PeerInvalid
from simpul.domain.moment import count_microseconds
from simpul.domain.temporal import TemporalQuery
from simpul.domain.told_history import read_end, read_series
from simpul.domain.united_history import Told, restrict_series, unite_series

_PARTLY = 206

# Asks a source about these entities in the rest of the time.
AskForRest = Callable[[TemporalQuery, tuple[str, ...]], Awaitable[Reply]]


class Part(NamedTuple):
    """What one reply holds: histories, up to which moment they are whole if not to their end, and what is wrong."""

    told: list[Told]
    covered: str | None
    warning: HubError | None


async def read_reply(hub: Hub, hop: Hop, reply: Reply, window: TemporalQuery) -> Part:
    """Return the histories in a source's reply that it may tell of and the caller may see."""
    now_us = hub.clock.now_us()
    found, warning = await read_bodies(
        hub, hop, reply, lambda body, context: read_series(body, context, window, now_us)
    )
    covered = None
    if reply.answer is not None and reply.answer.status == _PARTLY:
        covered = read_end(reply.answer.headers.get("content-range", ""))
        if covered is None and warning is None:
            source = reply.registration.id
            return Part([], None, PeerInvalid(f"The source {source} answered with a part of a time, and not which."))
    every = [(one, restrict_series(one, reply.registration)) for one in found]
    told = [Told(one, reply.registration) for _, one in every if one is not None]
    return Part([one for one in told if hop.caller.may_read(one.series.history.types)], covered, warning)


async def read_on(hub: Hub, hop: Hop, ask: AskForRest, part: Part, window: TemporalQuery) -> Part:
    """Return the part with the rest of the time, as far as the source tells it in `HISTORY_PARTS_MAX` more replies."""
    asked = 0
    while (rest := _rest_of(window, part.covered)) is not None and part.warning is None:
        entity_ids = tuple(one.series.history.id for one in part.told)
        if not entity_ids:
            # Nothing of what it told is asked for.
            return part._replace(covered=None)
        replies = []
        for chunk in chunks_for_sources(entity_ids):
            asked += 1
            if asked > limits.HISTORY_PARTS_MAX:
                return part
            replies.append(await read_reply(hub, hop, await ask(rest, tuple(chunk)), window))
        further = _united(part, replies)
        if further.covered == part.covered:
            return further
        part = further
    return part


def _rest_of(window: TemporalQuery, covered: str | None) -> TemporalQuery | None:
    """Return the time from the moment up to which it was told; None where that is all, or cannot be asked for.

    With `lastN` a source goes backwards. Without `timerel` it tells of instances that were never observed, which no
    time that could be named has.
    """
    if covered is None or window.last_n is not None or window.timerel is None:
        return None
    at_us = count_microseconds(f"{covered}Z")
    if window.high_us is None:
        return replace(window, timerel="after", time_at_us=at_us)
    return replace(window, timerel="between", time_at_us=at_us, end_time_at_us=window.high_us)


def _united(part: Part, further: Sequence[Part]) -> Part:
    """Return what was told with what was told on. What lies at the moment between is told twice, and is one."""
    rest = {one.series.history.id: one for other in further for one in other.told}
    told = [
        one._replace(series=unite_series([one, rest[one.series.history.id]])) if one.series.history.id in rest else one
        for one in part.told
    ]
    warning = next((other.warning for other in further if other.warning is not None), None)
    ends = ends_of(further)
    return Part(told, part.covered if warning is not None else min(ends, default=None), warning)


def ends_of(parts: Sequence[Part]) -> list[str]:
    """Return up to which moments those told that told only a part of the time."""
    return [part.covered for part in parts if part.covered is not None]
