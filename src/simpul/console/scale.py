"""The shades of a quantity on a map: where one ends and the next begins. No colours here; those are in `static/`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from simpul.console.visit import Visit

SHADES = 5
# Numbers that people take for round.
_ROUND = (1.0, 2.0, 3.0, 5.0, 10.0)


def breaks(values: Iterable[object]) -> tuple[float, ...]:
    """Return up to four round numbers that part the values into shades of about equal size."""
    known = sorted(float(one) for one in values if isinstance(one, int | float) and not isinstance(one, bool))
    if not known:
        return ()
    parts = [known[min(len(known) - 1, len(known) * part // SHADES)] for part in range(1, SHADES)]
    return tuple(sorted({_rounded(part) for part in parts if part > 0}))


def _rounded(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    nearest = min(_ROUND, key=lambda one: abs(one - value / power))
    return round(nearest * power, 10)


def level(value: float, steps: Sequence[float]) -> int:
    """Return the shade of a value: 1 for the least, `SHADES` for the most."""
    return _stretched(sum(1 for step in steps if value > step), len(steps))


def _stretched(index: int, steps: int) -> int:
    """Return shades spread over the whole scale where there are fewer than it has."""
    return SHADES if steps == 0 else 1 + round(index * (SHADES - 1) / steps)


def labels(visit: Visit, steps: Sequence[float]) -> Iterator[tuple[int, str]]:
    """Yield each shade with its range in words, the greatest first."""
    if not steps:
        return
    number = visit.formats.number
    yield SHADES, visit.text("more than %(limit)s", limit=number(steps[-1]))
    for index, (low, high) in reversed(list(enumerate(pairwise(steps), 1))):
        yield _stretched(index, len(steps)), f"{number(low)}–{number(high)}"
    yield 1, visit.text("up to %(limit)s", limit=number(steps[0]))
