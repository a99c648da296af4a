"""Values of a time series, aggregated by periods (CIM 009 §4.5.19). Pure arithmetic; no history, no rendering.

What a method says of a value:

| value | totalCount, distinctCount | min, max | sum, avg, stddev, sumsq |
|---|---|---|---|
| number | yes | yes | yes |
| boolean | yes | as 0 and 1 | as 0 and 1 |
| text | yes | in code point order | no |
| date or date-time with its `@type` | yes | the first, the last | no |
| time with its `@type` | yes | the first, the last | the average alone |
| array | yes | of its length | of its length |
| object of a Relationship, anything else | yes | no | no |

A method that says nothing of an attribute's values is left out. `stddev` is that of all values there are.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from calendar import monthrange
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import fsum, sqrt
from typing import Any, NamedTuple

import msgspec

from simpul import limits
from simpul.domain.errors import BadRequestData, TooComplexQuery

COUNTS = ("totalCount", "distinctCount")
METHODS = ("totalCount", "distinctCount", "sum", "avg", "min", "max", "stddev", "sumsq")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND_US = 1_000_000
_DAY_SECONDS = 86_400
_TIMES = frozenset({"Date", "DateTime", "Time"})
_TIME = re.compile(r"(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,6}))?Z?\Z")
_DURATION = re.compile(
    r"P(?=.)(?:([0-9]+)Y)?(?:([0-9]+)M)?(?:([0-9]+)W)?(?:([0-9]+)D)?(?:T(?=.)(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+(?:[.,][0-9]{1,6})?)S)?)?\Z"
)


class Period(NamedTuple):
    """A duration of ISO 8601: months of the calendar, and microseconds. None of both spans the whole time asked for."""

    months: int
    microseconds: int


@dataclass(frozen=True, slots=True)
class Aggregation:
    """Which methods, over which periods."""

    methods: tuple[str, ...]
    period: Period


def parse_methods(text: str) -> tuple[str, ...]:
    """Return the methods of `aggrMethods`. Raises BadRequestData."""
    methods = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    for method in methods:
        if method not in METHODS:
            raise BadRequestData(f"aggrMethods={method[:100]!r} is unknown; the methods are {', '.join(METHODS)}.")
    return methods


def parse_period(text: str) -> Period:
    """Return the period of `aggrPeriodDuration`. Raises BadRequestData."""
    found = _DURATION.match(text)
    if found is None or any(len(part) > 12 for part in found.groups("")):
        raise BadRequestData(f"aggrPeriodDuration={text[:100]!r} is no duration of ISO 8601, such as PT1H, P1D or P1M.")
    years, months, weeks, days, hours, minutes = (int(part) for part in found.groups("0")[:6])
    seconds_us = round(float(found.group(7).replace(",", ".")) * _SECOND_US) if found.group(7) else 0
    whole_seconds = ((weeks * 7 + days) * 24 + hours) * 3600 + minutes * 60
    return Period(years * 12 + months, whole_seconds * _SECOND_US + seconds_us)


Timed = Sequence[tuple[int, Any]]
Aggregate = tuple[Any, int, int]


def aggregate(timed: Timed, aggregation: Aggregation, origin_us: int, end_us: int | None) -> dict[str, list[Aggregate]]:
    """Return (value, start, end) of each period with values, by method. `timed` is in the order of time.

    Periods begin at `origin_us`; one without a duration ends at `end_us`, or with the last value.
    """
    if not timed:
        return {method: [] for method in aggregation.methods}
    buckets: dict[tuple[int, int], list[Any]] = {}
    last_us = timed[-1][0]
    find_period = _period_finder(aggregation.period, origin_us, last_us, end_us)
    for at_us, value in timed:
        buckets.setdefault(find_period(at_us), []).append(value)
    aggregated: dict[str, list[Aggregate]] = {}
    for method in aggregation.methods:
        rows = [(_METHODS[method](values), start, end) for (start, end), values in buckets.items()]
        told = [row for row in rows if row[0] is not None]
        if told:
            aggregated[method] = told
    return aggregated


def _period_finder(
    period: Period, origin_us: int, last_us: int, end_us: int | None
) -> Callable[[int], tuple[int, int]]:
    if not any(period):
        whole = (origin_us, end_us if end_us is not None else last_us)
        return lambda _: whole
    if not period.months:
        length = period.microseconds

        def find_fixed(at_us: int) -> tuple[int, int]:
            start = origin_us + (at_us - origin_us) // length * length
            return start, start + length

        return find_fixed
    bounds = _list_bounds(period, origin_us, last_us)

    def find_in_calendar(at_us: int) -> tuple[int, int]:
        place = bisect_right(bounds, at_us)
        return bounds[place - 1], bounds[place]

    return find_in_calendar


def _list_bounds(period: Period, origin_us: int, last_us: int) -> list[int]:
    """Return where periods of the calendar begin, until one is past the last value."""
    bounds = [origin_us]
    while bounds[-1] <= last_us:
        if len(bounds) > limits.AGGREGATION_PERIODS_MAX:
            raise TooComplexQuery(
                f"The time asked for has more than {limits.AGGREGATION_PERIODS_MAX:,} periods; choose longer ones."
            )
        bounds.append(_add(origin_us, period, len(bounds)))
    return bounds


def _add(origin_us: int, period: Period, times: int) -> int:
    origin = _EPOCH + timedelta(microseconds=origin_us)
    years, month = divmod(origin.month - 1 + period.months * times, 12)
    year = origin.year + years
    if year > 9999:
        raise BadRequestData("aggrPeriodDuration goes past the year 9999; choose a shorter one.")
    moved = origin.replace(year=year, month=month + 1, day=min(origin.day, monthrange(year, month + 1)[1]))
    return (moved - _EPOCH) // timedelta(microseconds=1) + period.microseconds * times


def _amounts(values: Sequence[Any]) -> list[float] | None:
    """Return the values as numbers, or None where one of them says no amount."""
    amounts: list[float] = []
    for value in values:
        if isinstance(value, int | float):
            amounts.append(int(value) if isinstance(value, bool) else value)
        elif isinstance(value, list):
            amounts.append(len(value))
        else:
            return None
    return amounts


def _count_distinct(values: Sequence[Any]) -> int:
    return len({msgspec.json.encode(value, order="sorted") for value in values})


def _extreme(values: Sequence[Any], choose: Callable[..., Any]) -> Any:
    if all(isinstance(value, str) for value in values):
        return choose(values)
    if _type_of(values) is not None:
        # Those of UTC sort as text.
        return choose(values, key=lambda value: value["@value"].rstrip("Z"))
    amounts = _amounts(values)
    return None if amounts is None else choose(amounts)


def _type_of(values: Sequence[Any]) -> str | None:
    """Return the `@type` of values that all are dates, date-times or times (§4.6.3)."""
    types = {value.get("@type") if isinstance(value, dict) else None for value in values}
    found = types.pop() if len(types) == 1 else None
    is_whole = found in _TIMES and all(isinstance(value.get("@value"), str) for value in values)
    return found if is_whole else None


def _mean(values: Sequence[Any]) -> Any:
    if _type_of(values) == "Time":
        return _average_time([value["@value"] for value in values])
    amounts = _amounts(values)
    return None if amounts is None else _average(amounts)


def _average_time(texts: list[str]) -> dict[str, str] | None:
    """Return the average time of day (Table 4.5.19.1-2), to the second."""
    found = [_TIME.match(text) for text in texts]
    seconds = [int(one[1]) * 3600 + int(one[2]) * 60 + int(one[3]) for one in found if one is not None]
    if len(seconds) < len(texts):
        return None
    whole = round(sum(seconds) / len(seconds)) % _DAY_SECONDS
    return {"@type": "Time", "@value": f"{whole // 3600:02}:{whole % 3600 // 60:02}:{whole % 60:02}Z"}


def _of_amounts(compute: Callable[[list[float]], float]) -> Callable[[Sequence[Any]], float | None]:
    def of_values(values: Sequence[Any]) -> float | None:
        amounts = _amounts(values)
        return None if amounts is None else compute(amounts)

    return of_values


def _sum(amounts: list[float]) -> float:
    return sum(amounts) if all(isinstance(one, int) for one in amounts) else fsum(amounts)


def _average(amounts: list[float]) -> float:
    return fsum(amounts) / len(amounts)


def _deviation(amounts: list[float]) -> float:
    mean = _average(amounts)
    return sqrt(fsum((one - mean) ** 2 for one in amounts) / len(amounts))


_METHODS: dict[str, Callable[[Sequence[Any]], Any]] = {
    "totalCount": len,
    "distinctCount": _count_distinct,
    "sum": _of_amounts(_sum),
    "avg": _mean,
    "min": lambda values: _extreme(values, min),
    "max": lambda values: _extreme(values, max),
    "stddev": _of_amounts(_deviation),
    "sumsq": _of_amounts(lambda amounts: _sum([one * one for one in amounts])),
}
