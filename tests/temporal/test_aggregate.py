"""Values over periods, as CIM 009 §4.5.19 has them."""

from __future__ import annotations

from typing import Any

import pytest

from simpul import limits
from simpul.domain.aggregate import METHODS, Aggregation, aggregate, parse_methods, parse_period
from simpul.domain.errors import BadRequestData, TooComplexQuery
from simpul.domain.moment import count_microseconds, render_moment

HOUR_US = 3_600_000_000
START_US = count_microseconds("2024-01-31T00:00:00Z")


def told(values: list[Any], method: str) -> Any:
    """Return what one method says of values of one period."""
    timed = [(START_US + place, value) for place, value in enumerate(values)]
    found = aggregate(timed, Aggregation((method,), parse_period("PT1H")), START_US, None)
    return found[method][0][0] if found else None


@pytest.mark.parametrize(
    ("method", "value"),
    [
        ("totalCount", 4), ("distinctCount", 3), ("sum", 16), ("avg", 4.0), ("min", 2), ("max", 5),
        ("stddev", 1.2247449), ("sumsq", 70),
    ],
)  # fmt: skip
def test_numbers_have_every_method_4_5_19(method: str, value: float) -> None:
    assert told([2, 4.0, 5, 5], method) == pytest.approx(value)


def test_text_has_an_order_and_no_sum() -> None:
    assert told(["b", "a"], "min") == "a"
    assert told(["b", "a"], "max") == "b"
    assert told(["b", "a"], "avg") is None
    assert told(["b", "a", "a"], "totalCount") == 3


def typed(kind: str, *texts: str) -> list[dict[str, str]]:
    return [{"@type": kind, "@value": text} for text in texts]


def test_dates_have_a_first_and_a_last_table_4_5_19_1_2() -> None:
    days = typed("Date", "2024-05-02", "2024-05-01", "2024-05-03")
    assert told(days, "min") == days[1]
    assert told(days, "max") == days[2]
    assert told(days, "avg") is None
    moments = typed("DateTime", "2024-05-01T10:00:00Z", "2024-05-01T10:00:00.5Z")
    assert told(moments, "max") == moments[1]


def test_times_have_an_average_table_4_5_19_1_2() -> None:
    assert told(typed("Time", "10:00:00Z", "11:30:00Z"), "avg") == {"@type": "Time", "@value": "10:45:00Z"}
    assert told(typed("Time", "10:00:00Z", "soon"), "avg") is None


def test_booleans_and_arrays_are_counted() -> None:
    assert told([True, False, True], "sum") == 2
    assert told([[1, 2], [3]], "max") == 2
    assert told([{"a": 1}, {"a": 1}], "distinctCount") == 1
    assert told([{"a": 1}], "sum") is None


def test_periods_without_values_are_left_out() -> None:
    timed = [(START_US, 1), (START_US + 5 * HOUR_US, 3)]
    found = aggregate(timed, Aggregation(("avg",), parse_period("PT1H")), START_US, None)
    assert found == {
        "avg": [(1, START_US, START_US + HOUR_US), (3, START_US + 5 * HOUR_US, START_US + 6 * HOUR_US)],
    }


def test_months_are_those_of_the_calendar() -> None:
    times = ["2024-01-31T00:00:00Z", "2024-02-29T01:00:00Z", "2024-03-31T00:00:00Z"]
    timed = [(count_microseconds(time), 1) for time in times]
    found = aggregate(timed, Aggregation(("totalCount",), parse_period("P1M")), START_US, None)
    assert [(render_moment(start)[:10], render_moment(end)[:10]) for _, start, end in found["totalCount"]] == [
        ("2024-01-31", "2024-02-29"),
        ("2024-02-29", "2024-03-31"),
        ("2024-03-31", "2024-04-30"),
    ]


def test_no_duration_is_the_whole_time_asked_for() -> None:
    timed = [(START_US, 1), (START_US + HOUR_US, 3)]
    for end, expected in ((None, START_US + HOUR_US), (START_US + 9 * HOUR_US, START_US + 9 * HOUR_US)):
        found = aggregate(timed, Aggregation(("sum",), parse_period("PT0S")), START_US, end)
        assert found == {"sum": [(4, START_US, expected)]}


@pytest.mark.parametrize("text", ["", "P", "PT", "1H", "PT1X", "P1H", "-PT1H", "P9999999999999Y"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(BadRequestData, match="aggrPeriodDuration"):
        parse_period(text)


def test_an_unknown_method_is_refused_with_those_there_are() -> None:
    assert parse_methods(",".join(METHODS)) == METHODS
    with pytest.raises(BadRequestData, match=r"median.*totalCount"):
        parse_methods("avg,median")


def test_periods_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "AGGREGATION_PERIODS_MAX", 10)
    timed = [(START_US, 1), (START_US + 800 * 24 * HOUR_US, 1)]
    with pytest.raises(TooComplexQuery):
        aggregate(timed, Aggregation(("sum",), parse_period("P1M")), START_US, None)
