"""A column that changes within its kind (the sign before decimals, the order of dates, the unit) stops a run, too."""

from __future__ import annotations

from typing import Any

import pytest

from simpul.connect.written_forms import date_order, decimal_sign, factor_between, spread_of
from tests.connect.kota import Kota, csv_source, entity_uri


def fill(kota: Kota, cell: str, count: int = 40) -> None:
    cells = [
        [n, cell.format(n=n, day=1 + n % 28, odd="satu" if n % 2 else n, odder="satu" if n % 2 else f"2024-01-{n:02}")]
        for n in range(1, count + 1)
    ]
    kota.write_csv("halte.csv", [["id", "nilai"], *cells], separator=";")


def mapped(**spec: Any) -> dict[str, Any]:
    entity = {"type": "BusStop", "id": entity_uri("BusStop", "{id}")}
    return csv_source(entity={**entity, "attributes": {"count": {"column": "nilai", **spec}}})


@pytest.mark.parametrize(("spec", "before", "after", "told", "line"), [
    ({"number": "plain"}, "{n}.25", "{n},25", "nilai had a point before decimals and has a comma before decimals",
     "count: {column: nilai, number: indonesian}"),
    ({"number": "indonesian"}, "{n}.000,25", "{n}000.25", "nilai had a comma before decimals and has a point before",
     "count: {column: nilai, number: plain}"),
    ({"date": "iso"}, "2024-01-{day:02}", "{day:02}/01/2024",
     "nilai had the year first and has the day before the month", 'count: {column: nilai, date: "%d/%m/%Y"}'),
    ({"date": "%d/%m/%Y"}, "{day:02}/01/2024", "01/{day:02}/2024",
     "nilai had the day before the month and has the month before the day", 'count: {column: nilai, date: "%m/%d/%Y"}'),
    ({"number": "plain"}, "{n}.25", "{n}250", "nilai is 1,000 times as large as before, so its unit may", ""),
    ({"number": "plain"}, "{n}250000", "{n}.25", "nilai is 1,000,000 times as small as before", ""),
    ({}, "nama {n}", "{n}", "nilai had text and has numbers", ""),
    ({}, "{odd}", "{odder}", "nilai had text with numbers and has text with dates", ""),
])  # fmt: skip
def test_values_that_are_written_otherwise_stop_the_run(
    kota: Kota, spec: dict[str, str], before: str, after: str, told: str, line: str
) -> None:
    count = 28 if "odd" in before else 40
    fill(kota, before, count)
    kota.declare(mapped(**spec))
    assert kota.sync().error is None
    was = kota.values(entity_uri("BusStop", "3"))
    fill(kota, after, count)
    error = kota.sync().error
    assert error is not None
    assert told in error
    assert "Nothing was taken over." in error
    assert line in error
    assert kota.values(entity_uri("BusStop", "3")) == was
    assert kota.sync(accept_shrink=True).error is None
    assert kota.sync().error is None, "what was accepted is the form from now on"


@pytest.mark.parametrize(("spec", "before", "after"), [
    ({"text": True}, "{n}.25", "{n},25"), ({"date": ["iso", "%d/%m/%Y"]}, "2024-01-{day:02}", "{day:02}/01/2024"),
    ({"number": "plain"}, "{n}.25", "{n}0.25"), ({"number": "plain"}, "{n}", "{n}00"), ({}, "{odd}", "{n}"),
    ({"number": "indonesian"}, "9{n:02}.000", "1.{n:03}.000"),
])  # fmt: skip
def test_what_the_mapping_reads_as_well_as_before_is_no_drift(
    kota: Kota, spec: dict[str, Any], before: str, after: str
) -> None:
    fill(kota, before)
    kota.declare(mapped(**spec))
    assert kota.sync().error is None
    fill(kota, after)
    assert kota.sync().error is None


@pytest.mark.parametrize(("cells", "sign"), [
    (["1.5", "2.25"] * 3, "."), (["1,5", "2.250,25"] * 3, ","), (["1.250", "2.250"] * 3, ""), (["1.250.000"] * 6, ","),
    ([1.5] * 6, "."), ([1, 2.0] * 6, ""), (["1.5"] * 4, ""), (["1.5", "1,5"] * 6, ""), (["Rp 1,50"] * 6, ","),
])  # fmt: skip
def test_the_sign_before_decimals_is_what_nearly_all_cells_say(cells: list[Any], sign: str) -> None:
    assert decimal_sign(cells) == sign


@pytest.mark.parametrize(("cells", "order"), [
    (["13/01/2024"] * 6, "day"), (["01/13/2024"] * 6, "month"), (["01/02/2024"] * 6, ""), (["2024-13"] * 6, "year"),
    (["13/01/2024", "01/13/2024"] * 6, ""), ([None, "x"] * 6, ""),
])  # fmt: skip
def test_the_order_of_a_date_is_what_nearly_all_cells_say(cells: list[Any], order: str) -> None:
    assert date_order(cells) == order


def test_a_few_numbers_have_no_spread_and_zeros_count_for_nothing() -> None:
    assert spread_of([1, 2, 0] * 3, "") == ()
    assert spread_of(["1.000,5"] * 12, ",") == (1_000.0, 1_000.0, 1_000.0)
    assert factor_between((), (1.0,)) == ""
    assert factor_between((1.0, 2.0, 3.0), (1_000.0, 2_000.0, 30.0)) == ""
    assert factor_between((1.0, 2.0, 3.0), (900.0, 2_000.0, 3_100.0)) == "1,000 times as large"
