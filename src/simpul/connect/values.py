"""Cells to values: numbers, dates and words as agencies write them. Pure functions; no columns and no attributes.

`None` means "not known" everywhere. What cannot be read raises `RowRejected`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from math import isinf, isnan
from typing import Any

from simpul import limits

Cell = Any
Convert = Callable[[Cell], Any]


class RowRejected(Exception):
    """A row that cannot be taken over: which rule it breaks and why. Ends up in a `Reject`, never at a caller."""

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(reason)
        self.rule = rule
        self.reason = reason

    def in_column(self, name: str) -> RowRejected:
        """Return the same with the column that it was said of."""
        return RowRejected(self.rule, f"{name}: {self.reason}")


_PLAIN = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?\Z")
_INDONESIAN = re.compile(r"[-+]?(?:\d{1,3}(?:\.\d{3})+|\d+)(?:,\d+)?\Z")
_RUPIAH = re.compile(r"^(?:rp\.?|idr)\s*", re.IGNORECASE)
_ZERO_DATE = re.compile(r"(?:0000[-/.]00?[-/.]00?|00?[-/.]00?[-/.]0000)\b")
_TIME_DIRECTIVE = re.compile(r"%[HIMSfpXcTR]")
_SHORT_OFFSET = re.compile(r"([+-])(\d):(\d\d)\Z")
_MONTH_WORD = re.compile(r"[^\W\d_]+")
_MONTHS = {
    "januari": "January", "jan": "Jan", "februari": "February", "pebruari": "February", "feb": "Feb",
    "peb": "Feb", "maret": "March", "mar": "Mar", "april": "April", "apr": "Apr", "mei": "May", "juni": "June",
    "jun": "Jun", "juli": "July", "jul": "Jul", "agustus": "August", "agt": "Aug", "agu": "Aug", "ags": "Aug",
    "september": "September", "sep": "Sep", "oktober": "October", "okt": "Oct", "november": "November",
    "nopember": "November", "nov": "Nov", "nop": "Nov", "desember": "December", "des": "Dec",
}  # fmt: skip
_YEAR_LEAST = 1000
_MIDNIGHT = time(0, 0)


def text_of(cell: Cell) -> str:
    """Return a cell as the text that a person would read: 3.0 is `3`."""
    kind = type(cell)
    if kind is str or kind is int:
        return str(cell)
    if kind is float:
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if kind is bool:
        return "true" if cell else "false"
    if isinstance(cell, Decimal):
        return format(cell, "f")
    return str(cell)


def clean_other(cell: Cell) -> Cell:
    """Return a cell that is neither text nor a whole number in a form that can be used; NaN is not known."""
    if isinstance(cell, float):
        if isnan(cell):
            return None
        if isinf(cell):
            raise RowRejected("number", "an infinite number cannot be kept")
        return cell
    if isinstance(cell, bytes | bytearray | memoryview):
        return _clean_bytes(bytes(cell))
    if isinstance(cell, Decimal) and not cell.is_finite():
        return None
    if isinstance(cell, time | timedelta):
        return str(cell)
    return cell


def _clean_bytes(raw: bytes) -> Cell:
    # MySQL's BIT(1) arrives as one byte.
    if raw in (b"\x00", b"\x01"):
        return raw[0]
    try:
        return clean_text(raw.decode())
    except UnicodeDecodeError:
        return raw.hex()


def clean_text(text: str) -> str | None:
    """Return text trimmed and with single spaces, or None where nothing is left."""
    text = " ".join(text.split())
    if not text:
        return None
    if "\x00" in text:
        raise RowRejected("text", "the text holds a NUL character (#x0000); it is probably binary data")
    if len(text) > limits.CELL_CHARACTERS_MAX:
        raise RowRejected("text", f"a cell has {len(text)} characters; at most {limits.CELL_CHARACTERS_MAX} are kept")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise RowRejected("text", "the text holds half a character (a lone surrogate)") from error
    return text


def show(cell: Cell) -> str:
    """Return a cell for a message, shortened."""
    text = cell if isinstance(cell, str) else text_of(cell)
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


def parse_number(cell: Cell) -> int | float:
    """Return the number that a cell is, or that its text says in plain form (`1234.5`)."""
    kind = type(cell)
    if kind is int or kind is float:
        return cell  # type: ignore[no-any-return]  # The two types just tested.
    if kind is str:
        if not _PLAIN.match(cell):
            if cell.endswith("%"):
                return parse_number(cell[:-1].rstrip())
            hint = "; it looks Indonesian: declare it as indonesian, not plain" if _INDONESIAN.match(cell) else ""
            raise RowRejected("number", f"{show(cell)} is not a number{hint}")
        return _from_plain_text(cell)
    return _from_other(cell)


def parse_indonesian_number(cell: Cell) -> int | float:
    """Return the number of a cell written as `1.234.567,89`, `Rp 1.000,-`, `(1.000)` or `77,14 %`."""
    if not isinstance(cell, str):
        return parse_number(cell)
    text = _RUPIAH.sub("", cell.replace("\u00a0", " ")).strip()
    negative = text.startswith("(") and text.endswith(")")
    if negative:
        text = _RUPIAH.sub("", text[1:-1].strip())
    text = text.removesuffix(",--").removesuffix(",-").removesuffix(",00").replace(" ", "").removesuffix("%")
    if not _INDONESIAN.match(text):
        raise RowRejected("number", f"{show(cell)} is not a number in Indonesian form, such as 1.234.567,89")
    value = _from_plain_text(text.replace(".", "").replace(",", "."))
    return -value if negative else value


def _from_plain_text(text: str) -> int | float:
    if "." not in text and "e" not in text and "E" not in text:
        if len(text) > 300:
            raise RowRejected("number", f"{show(text)} has too many digits")
        return int(text)
    value = float(text)
    if isinf(value):
        raise RowRejected("number", f"{show(text)} is too large for a number")
    return value


def _from_other(cell: Cell) -> int | float:
    if isinstance(cell, bool):
        return int(cell)
    if isinstance(cell, Decimal):
        return int(cell) if cell == cell.to_integral_value() else float(cell)
    raise RowRejected("number", f"{show(cell)} is not a number")


def date_parser(formats: list[str], zone: tzinfo) -> Convert:
    """Return a function from a cell to `{"@type": Date or DateTime, "@value": …}`, or None for a zero date."""
    readers = [_reader_of(text) for text in formats]
    keeps_time = any(text == "iso" or _TIME_DIRECTIVE.search(text) for text in formats)

    def parse(cell: Cell) -> Any:
        if isinstance(cell, datetime):
            return date_time_value(cell, zone) if keeps_time else date_value(cell.date())
        if isinstance(cell, date):
            return date_value(cell)
        text = text_of(cell)
        if _ZERO_DATE.match(text):
            return None
        for read in readers:
            found = read(text)
            if isinstance(found, datetime):
                return date_time_value(found, zone)
            if found is not None:
                return date_value(found)
        raise RowRejected("date", f"{show(cell)} is not a date of the form {' or '.join(formats)}")

    return parse


def _reader_of(text: str) -> Callable[[str], date | None]:
    if text in ("iso", "%Y-%m-%d"):
        return _read_iso_date if text != "iso" else _read_iso
    named = "%B" in text or "%b" in text
    offset = text.endswith("%z")
    is_time = _TIME_DIRECTIVE.search(text) is not None

    def read(cell: str) -> date | None:
        if named:
            cell = _MONTH_WORD.sub(lambda word: _MONTHS.get(word[0].casefold(), word[0]), cell)
        if offset:
            cell = _SHORT_OFFSET.sub(r"\g<1>0\2\3", cell)
        try:
            # The zone, where the text has none, is the declaration's: `date_time_value` adds it.
            found = datetime.strptime(cell, text)  # noqa: DTZ007 - See the line above.
        except ValueError:
            return None
        return found if is_time else found.date()

    return read


def _read_iso_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


def _read_iso(text: str) -> date | None:
    if len(text) == 10:
        return _read_iso_date(text)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def date_value(day: date) -> dict[str, str]:
    """Return a typed Date value (CIM 009 §4.6.3)."""
    if day.year < _YEAR_LEAST:
        raise RowRejected("date", f"the year {day.year} cannot be right")
    return {"@type": "Date", "@value": day.isoformat()}


def date_time_value(moment: datetime, zone: tzinfo) -> dict[str, str]:
    """Return a typed DateTime value in UTC; a moment without a zone is in `zone`."""
    return {"@type": "DateTime", "@value": render_moment(moment, zone)}


def render_moment(moment: datetime, zone: tzinfo) -> str:
    """Return a moment as CIM 009 §4.6.3 writes it: UTC, with Z."""
    if moment.year < _YEAR_LEAST:
        raise RowRejected("date", f"the year {moment.year} cannot be right")
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
    return aware.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def moment_of_value(value: dict[str, str], zone: tzinfo) -> str:
    """Return a typed date value as a moment; a day begins at its local midnight."""
    text = value["@value"]
    if value["@type"] == "DateTime":
        return text
    return render_moment(datetime.combine(date.fromisoformat(text), _MIDNIGHT), zone)


def plain_value(cell: Cell, zone: tzinfo) -> Any:
    """Return a cell as the value of a Property, by its own type."""
    kind = type(cell)
    if kind is str or kind is int or kind is float or kind is bool:
        return cell
    if isinstance(cell, Decimal):
        return _from_other(cell)
    if isinstance(cell, datetime):
        return date_time_value(cell, zone)
    if isinstance(cell, date):
        return date_value(cell)
    if isinstance(cell, dict | list):
        return cell
    return str(cell)
