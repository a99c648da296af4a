"""Cells to values: numbers, dates and words as agencies write them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simpul.connect.template import check_template, compile_template, slug, uri_part
from simpul.connect.values import (
    RowRejected,
    clean_other,
    clean_text,
    date_parser,
    parse_indonesian_number,
    parse_number,
    text_of,
)

# As a driver gives it.
NAIVE = datetime.fromisoformat("2015-05-31T00:00:00")
JAKARTA = ZoneInfo("Asia/Jakarta")


@pytest.mark.parametrize(("cell", "number"), [
    ("1.234.567,89", 1234567.89), ("1.234", 1234), ("0,5", 0.5), ("-1.000", -1000), ("(1.000)", -1000),
    ("Rp 1.500,-", 1500), ("Rp. 3.500", 3500), ("Rp1.000,00", 1000), ("12", 12), (12.5, 12.5), (7, 7),
    ("1 234,5", 1234.5), ("(Rp 2.000)", -2000), (Decimal("3.50"), 3.5), (Decimal("3.00"), 3),
])  # fmt: skip
def test_indonesian_numbers_are_read(cell: Any, number: float) -> None:
    assert parse_indonesian_number(cell) == number


@pytest.mark.parametrize("cell", ["1.5", "12.34", "1,234.5", "abc", "1.2345", "", "Rp", "--", "1,2,3"])
def test_what_is_no_indonesian_number_is_rejected(cell: str) -> None:
    with pytest.raises(RowRejected, match="Indonesian form"):
        parse_indonesian_number(cell)


@pytest.mark.parametrize(("cell", "number"), [("1234.5", 1234.5), ("-7", -7), ("1e3", 1000.0), (".5", 0.5), (True, 1)])
def test_plain_numbers_are_read(cell: Any, number: float) -> None:
    assert parse_number(cell) == number


def test_a_plain_number_that_looks_indonesian_gets_a_hint() -> None:
    with pytest.raises(RowRejected, match="declare it as indonesian"):
        parse_number("1.234.567,89")


@pytest.mark.parametrize("cell", ["1e999", "9" * 301, "nan", "inf", "0x10", "1_000", "١٢"[:0] + "a"])
def test_what_is_no_number_is_rejected(cell: str) -> None:
    with pytest.raises(RowRejected):
        parse_number(cell)


@given(st.integers(-(10**15), 10**15), st.integers(0, 99))
def test_every_amount_survives_its_indonesian_form(whole: int, cents: int) -> None:
    written = f"{whole:,}".replace(",", ".") + f",{cents:02d}"
    sign = -1 if whole < 0 else 1
    assert parse_indonesian_number(written) == pytest.approx(whole + sign * cents / 100)


@pytest.mark.parametrize(("form", "cell", "value"), [
    ("%d/%m/%Y", "31/05/2015", {"@type": "Date", "@value": "2015-05-31"}),
    ("%d %B %Y", "31 Mei 2015", {"@type": "Date", "@value": "2015-05-31"}),
    ("%d %b %Y", "17 Agt 2015", {"@type": "Date", "@value": "2015-08-17"}),
    ("%d/%m/%Y %H:%M", "31/05/2015 06:30", {"@type": "DateTime", "@value": "2015-05-30T23:30:00Z"}),
    ("iso", "2015-05-31", {"@type": "Date", "@value": "2015-05-31"}),
    ("iso", "2015-05-31T07:00:00+07:00", {"@type": "DateTime", "@value": "2015-05-31T00:00:00Z"}),
    ("iso", NAIVE.replace(hour=7), {"@type": "DateTime", "@value": "2015-05-31T00:00:00Z"}),
    ("%d/%m/%Y", NAIVE, {"@type": "Date", "@value": "2015-05-31"}),
    ("iso", date(2015, 5, 31), {"@type": "Date", "@value": "2015-05-31"}),
    ("%Y-%m-%d %H:%M:%S.%f %z", "2015-01-01 00:00:00.0 +0:00", {"@type": "DateTime", "@value": "2015-01-01T00:00:00Z"}),
    ("iso", "0000-00-00", None), ("%Y-%m-%d", "0000-00-00", None), ("iso", "0000-00-00 00:00:00", None),
])  # fmt: skip
def test_dates_are_read(form: str, cell: Any, value: Any) -> None:
    assert date_parser([form], JAKARTA)(cell) == value


@pytest.mark.parametrize("cell", ["31/31/2015", "kemarin", "0008-09-05", 42])
def test_what_is_no_date_is_rejected(cell: Any) -> None:
    with pytest.raises(RowRejected):
        date_parser(["iso", "%d/%m/%Y"], JAKARTA)(cell)


def test_the_first_form_that_fits_is_taken() -> None:
    parse = date_parser(["%d/%m/%Y", "iso"], JAKARTA)
    assert parse("2015-05-31") == parse("31/05/2015")


@pytest.mark.parametrize(("cell", "text"), [
    ("  Pasar \r\n Raya\t", "Pasar Raya"), ("   ", None), ("\u00a0", None), ("é", "é"),
])  # fmt: skip
def test_text_has_single_spaces(cell: str, text: str | None) -> None:
    assert clean_text(cell) == text


@pytest.mark.parametrize("cell", ["a\x00b", "a\ud800", "x" * 1_048_577])
def test_text_that_cannot_be_kept_is_rejected(cell: str) -> None:
    with pytest.raises(RowRejected):
        clean_text(cell)


@pytest.mark.parametrize(("cell", "value"), [
    (float("nan"), None), (b"Pasar", "Pasar"), (b"\x01", 1), (b"\xff\xfe", "fffe"), (Decimal("NaN"), None),
])  # fmt: skip
def test_odd_cells_are_made_usable(cell: Any, value: Any) -> None:
    assert clean_other(cell) == value


@pytest.mark.parametrize(("cell", "text"), [(3.0, "3"), (3.5, "3.5"), (Decimal("2.10"), "2.10"), (True, "true")])
def test_a_cell_as_text_is_what_a_person_reads(cell: Any, text: str) -> None:
    assert text_of(cell) == text


def test_templates_are_filled_in() -> None:
    index = {"nama": 0, "no": 1}
    assert compile_template("{nama} ({no})", index)(["Pasar", 3.0]) == "Pasar (3)"
    assert compile_template("urn:x:{nama|slug}", index)(["Pasar Raya É", 1]) == "urn:x:pasar-raya-e"
    assert compile_template("{{{nama}}}", index)(["a", 1]) == "{a}"
    assert compile_template("{nama}-{no}", index)([None, 1]) is None
    assert compile_template("urn:x:{nama}", index, uri_part)(["a b/<c>", 1]) == "urn:x:a%20b%2F%3Cc%3E"


@pytest.mark.parametrize("text", ["{", "}", "a{b", "{}", "{a|zzz}"])
def test_a_broken_template_is_told(text: str) -> None:
    assert check_template(text) is not None


@given(st.text())
def test_a_slug_is_plain(text: str) -> None:
    assert set(slug(text)) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
