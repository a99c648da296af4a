"""What is wrong with a source for as long as it lasts: alerts, when they begin and when they end. Nothing is sent here.

`stale`: it has brought nothing for longer than it may. `failing`: so many runs in a row have failed. `drifted` and
`collapsed`: it has another form, or far fewer rows, than before, and nothing was taken over.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

STALE: Final = "stale"
FAILING: Final = "failing"
DRIFTED: Final = "drifted"
COLLAPSED: Final = "collapsed"
KINDS: Final = (COLLAPSED, DRIFTED, FAILING, STALE)
# What only a complete run puts an end to.
_CHANGES: Final = frozenset({DRIFTED, COLLAPSED})
BEGAN: Final = "began"
ENDED: Final = "ended"

_TURNS_MISSED: Final = 2
_US_PER_SECOND: Final = 1_000_000
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Alert(NamedTuple):
    """One condition of one source: since when it holds, what is known of it, and when it ended."""

    id: int
    source: str
    kind: str
    since_us: int
    detail: str
    ended_us: int | None = None


class Beginning(NamedTuple):
    """An alert that begins."""

    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What an alert is decided by. `failures` in a row, `error` of the last run, and what `change` of form it met.

    `fresh_us` is when the last complete run ended; None where there never was one.
    """

    now_us: int
    fresh_us: int | None
    stale_after_us: int | None
    failures: int
    failures_max: int
    error: str = ""
    change: str = ""


class Decided(NamedTuple):
    """Which alerts begin and which end."""

    begin: tuple[Beginning, ...]
    end: tuple[str, ...]


def stale_after_us(declaration: Mapping[str, Any]) -> int | None:
    """Return how old a source's last complete run may be: as it says, else two of its turns; None where neither is."""
    said = declaration.get("stale_after")
    if said is not None:
        return _us_of(said)
    every = (declaration.get("schedule") or {}).get("every")
    # One turn may just be about to come.
    return None if every is None else _TURNS_MISSED * _us_of(every)


def _us_of(duration: str) -> int:
    return int(duration[:-1]) * _SECONDS[duration[-1]] * _US_PER_SECOND


def is_stale(fresh_us: int | None, after_us: int | None, now_us: int) -> bool:
    """Return whether a source has brought nothing for longer than it may; one that never did is not called so."""
    return fresh_us is not None and after_us is not None and now_us - fresh_us > after_us


def decide_alerts(facts: Facts, is_open: Collection[str]) -> Decided:
    """Return what begins and what ends, given the kinds of alerts that are open. Each begins and ends once."""
    holds = {
        STALE: is_stale(facts.fresh_us, facts.stale_after_us, facts.now_us),
        FAILING: facts.failures >= facts.failures_max,
    }
    for kind in _CHANGES:
        # A system that cannot be reached says nothing of its form: what it had changed to may still be there.
        holds[kind] = facts.change == kind or (kind in is_open and facts.failures > 0)
    detail = {FAILING: facts.error, facts.change: facts.error}
    begin = tuple(Beginning(kind, detail.get(kind, "")) for kind in KINDS if holds[kind] and kind not in is_open)
    return Decided(begin, tuple(kind for kind in KINDS if kind in is_open and not holds[kind]))
