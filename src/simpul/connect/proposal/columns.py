"""What the cells of a column are: counted over a sample of rows. Says what is there; decides nothing about it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from simpul.connect.proposal.words import words_of
from simpul.connect.values import (
    RowRejected,
    clean_other,
    clean_text,
    date_parser,
    parse_indonesian_number,
    parse_number,
    text_of,
)

DATE_FORMS: Final = (
    "iso", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%d %B %Y", "%d %b %Y", "%d-%b-%y", "%d/%m/%y", "%Y/%m/%d", "%Y%m%d",
    "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%d-%m-%Y %H:%M", "%d-%m-%Y %H:%M:%S", "%d %B %Y %H:%M", "%m/%d/%Y",
    "%Y/%m/%d %H:%M:%S", "%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d %H:%M:%S.%f %z", "%d/%m/%Y %H.%M", "%d %B %Y %H.%M",
    "%d/%m/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p", "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S",
)  # fmt: skip
NUMBER: Final = "number"
DATE: Final = "date"
TEXT: Final = "text"
GEOMETRY: Final = "geometry"
OBJECT: Final = "object"
NOTHING: Final = "nothing"

UNKNOWN_WORDS: Final = frozenset({
    "-", "--", "---", "n/a", "na", "#n/a", "#ref!", "#value!", "null", "none", "nihil", "?", "tidak diketahui",
    "tidak tahu", "belum diketahui", "kosong", "belum ada", "tidak ada data", "unknown", "(null)", "\\n", ".", "…",
})  # fmt: skip
_SENTINELS: Final = (8888, 9999, 88888, 99999, 999999, -999, -9999, -99, 999)
_WKT: Final = re.compile(r"\s*(?:SRID=\d+;)?(?:MULTI)?(?:POINT|LINESTRING|POLYGON)\s*Z?\s*\(", re.IGNORECASE)
_CODE: Final = re.compile(r"[A-Z0-9]*\d[A-Z0-9./_-]*\Z", re.IGNORECASE)
_ENTITY: Final = re.compile(r"urn:ngsi-ld:[^\s:{}]+:\S+\Z")
_LEADING_ZERO: Final = re.compile(r"0\d+\Z")
_THREE_GROUPS: Final = re.compile(r"[-+]?[1-9]\d{0,2}(?:\.\d{3})+\Z")
# A column is of a kind when nearly all of it is.
_SHARE_IS: Final = 0.9
_DISTINCT_LOOKED_AT: Final = 3_000


@dataclass
class ColumnFacts:
    """What was counted in one column. `values` has each value's text with how often it stands; never written out."""

    name: str
    position: int
    rows: int = 0
    filled: int = 0
    kind: str = NOTHING
    values: Counter[str] = field(default_factory=Counter)
    unknown: dict[str, int] = field(default_factory=dict)
    sentinels: dict[int, int] = field(default_factory=dict)
    form: str = ""
    """Of numbers `plain` or `indonesian`, of dates the format."""
    odd: int = 0
    """How many filled cells are not of the kind."""
    least: float | None = None
    most: float | None = None
    is_whole: bool = False
    is_native: bool = False
    """Whether the system itself says that these are numbers or dates."""
    newest: str = ""
    has_leading_zeros: bool = False

    @property
    def known(self) -> int:
        """Return how many cells say something."""
        return self.filled - sum(self.unknown.values()) - sum(self.sentinels.values())

    @property
    def distinct(self) -> int:
        return len(self.values)

    @property
    def is_unique(self) -> bool:
        return self.filled == self.rows > 0 and self.distinct == self.filled

    @property
    def are_uris(self) -> bool:
        """Return whether each cell is the URI of an entity."""
        return bool(self.values) and all(_ENTITY.match(text) for text in self.values)

    def share(self, count: int) -> float:
        return count / self.known if self.known > 0 else 0.0


def look_at(name: str, position: int, cells: Sequence[Any]) -> ColumnFacts:
    """Return what one column's cells are."""
    facts = ColumnFacts(name, position, len(cells))
    raw: dict[str, Any] = {}
    for cell in cells:
        value = _clean(cell)
        if value is None:
            continue
        facts.filled += 1
        text = text_of(value) if not isinstance(value, dict | list) else "{…}"
        facts.values[text] += 1
        raw.setdefault(text, value)
    facts.unknown = {text: count for text, count in facts.values.items() if text.casefold() in UNKNOWN_WORDS}
    told = {text: value for text, value in raw.items() if text not in facts.unknown}
    if told:
        _decide_kind(facts, told)
    return facts


def _clean(cell: Any) -> Any:
    try:
        if isinstance(cell, str):
            return clean_text(cell)
        return clean_other(cell) if cell is not None and not isinstance(cell, int | bool) else cell
    except RowRejected:
        return None


def _decide_kind(facts: ColumnFacts, told: dict[str, Any]) -> None:
    looked_at = dict(list(told.items())[:_DISTINCT_LOOKED_AT])
    total = sum(facts.values[text] for text in looked_at)
    if all(isinstance(value, bool) for value in looked_at.values()):
        # The system itself says yes or no; as a number it would be 1 or 0.
        facts.kind = TEXT
        return
    if any(isinstance(value, dict | list) for value in looked_at.values()):
        first = next(value for value in looked_at.values() if isinstance(value, dict | list))
        facts.kind = GEOMETRY if isinstance(first, dict) and "coordinates" in first else OBJECT
        return
    facts.has_leading_zeros = any(_LEADING_ZERO.match(text) for text in looked_at)
    if _are(facts, looked_at, total, lambda value: isinstance(value, str) and _WKT.match(value) is not None):
        facts.kind = GEOMETRY
    elif _take_dates(facts, looked_at, total) or (
        not _is_written_code(facts, looked_at) and _take_numbers(facts, looked_at)
    ):
        return
    else:
        facts.kind = TEXT


def _is_written_code(facts: ColumnFacts, told: dict[str, Any]) -> bool:
    """Return whether texts that look like numbers are codes: `0013`, or `5.10` in a column that is called so."""
    if facts.has_leading_zeros:
        return True
    named = bool({"kode", "code", "kd", "nomor"} & set(words_of(facts.name)))
    return named and any(isinstance(value, str) for value in told.values())


def _are(facts: ColumnFacts, told: dict[str, Any], total: int, test: Any) -> bool:
    return sum(facts.values[text] for text, value in told.items() if test(value)) >= total * _SHARE_IS


def _take_dates(facts: ColumnFacts, told: dict[str, Any], total: int) -> bool:
    if _are(facts, told, total, lambda value: isinstance(value, date)):
        facts.is_native, facts.form = True, "iso"
    elif not any(isinstance(value, str) and len(value) >= 6 for value in told.values()):
        return False
    best: tuple[int, str, str] = (0, "", "")
    for form in ("iso",) if facts.is_native else DATE_FORMS:
        parse = date_parser([form], UTC)
        count, newest = 0, ""
        for text, value in told.items():
            try:
                found = parse(value)
            except RowRejected:
                continue
            count += facts.values[text]
            newest = max(newest, found["@value"] if found else "")
        if count > best[0]:
            best = (count, form, newest)
    if best[0] < total * _SHARE_IS:
        return False
    facts.kind, facts.form, facts.newest, facts.odd = DATE, best[1], best[2], total - best[0]
    return True


def _take_numbers(facts: ColumnFacts, told: dict[str, Any]) -> bool:
    """Take a column for numbers where nearly all of it is, in one form or the other."""
    plain = _parsed(told, parse_number)
    indonesian = _parsed(told, parse_indonesian_number)
    total = sum(facts.values[text] for text in told)
    looks_grouped = bool(plain) and all(
        _THREE_GROUPS.match(text) for text, value in told.items() if isinstance(value, str) and "." in text
    ) and any(isinstance(value, str) and "." in text for text, value in told.items())  # fmt: skip
    counts = {
        "plain": sum(facts.values[text] for text in plain), "indonesian": sum(facts.values[text] for text in indonesian)
    }  # fmt: skip
    form = "indonesian" if counts["indonesian"] > counts["plain"] or looks_grouped else "plain"
    numbers = indonesian if form == "indonesian" else plain
    if counts[form] < total * _SHARE_IS:
        return False
    facts.kind, facts.form, facts.odd = NUMBER, form, total - counts[form]
    facts.is_native = all(isinstance(value, int | float | Decimal) for value in told.values())
    _bound(facts, numbers)
    return True


def _parsed(told: dict[str, Any], parse: Any) -> dict[str, float]:
    found: dict[str, float] = {}
    for text, value in told.items():
        try:
            found[text] = parse(value)
        except RowRejected:
            continue
    return found


def _bound(facts: ColumnFacts, numbers: dict[str, float]) -> None:
    """Set the least and the greatest number, without those that stand for `not known`."""
    others = sorted(number for number in numbers.values() if number not in _SENTINELS)
    for text, number in numbers.items():
        if number in _SENTINELS and _stands_apart(number, others):
            facts.sentinels[int(number)] = facts.sentinels.get(int(number), 0) + facts.values[text]
    kept = [number for number in numbers.values() if number not in facts.sentinels]
    if kept:
        facts.least, facts.most = min(kept), max(kept)
        facts.is_whole = all(float(number).is_integer() for number in kept)


def _stands_apart(number: float, others: Sequence[float]) -> bool:
    """Return whether a number is far from all others of its column."""
    if len(others) < 3:
        return False
    return others[0] >= 0 if number < 0 else others[-1] * 2 < number


def looks_like_code(facts: ColumnFacts) -> bool:
    """Return whether the texts of a column are codes: digits with letters and signs, without spaces."""
    texts = list(facts.values)[:_DISTINCT_LOOKED_AT]
    return bool(texts) and sum(1 for text in texts if _CODE.match(text)) >= len(texts) * _SHARE_IS


def as_moment(text: str) -> datetime | None:
    """Return the moment of a typed date's text."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
