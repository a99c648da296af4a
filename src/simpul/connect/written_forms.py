"""How the values of a column are written and how large they are, of a sample of its cells. Keeps no value of a row.

A column may change within its kind: the sign before decimals, the order of day and month, a unit that makes every
value a thousand times as large. Nothing of that is to be seen in one cell; a sample says it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from statistics import quantiles
from typing import Any, Final

_SIGNS: Final = re.compile(r"[.,]")
_AFTER: Final = re.compile(r"[.,](\d+)\D*\Z")
_DAY_AND_MONTH: Final = re.compile(r"\s*(\d\d?)[/.-](\d\d?)[/.-]\d{2,4}")
_YEAR_FIRST: Final = re.compile(r"\s*\d{4}[/.-]?\d\d?")
_NO_DIGITS: Final = re.compile(r"[^\d.-]")
_MONTHS: Final = 12
_SHARE_IS: Final = 0.95
_DECIDED_LEAST: Final = 5
_MEASURED_LEAST: Final = 10
# By how much a change of unit changes every value (kilometres to metres, rupiah to thousands of them), about.
_FACTORS: Final = (1_000, 1_000_000)
_ABOUT: Final = 2.0

DECIMALS: Final = {".": "a point before decimals", ",": "a comma before decimals"}
DATES: Final = {"year": "the year first", "day": "the day before the month", "month": "the month before the day"}


def decimal_sign(cells: Iterable[Any]) -> str:
    """Return what stands before decimals: a point, a comma, or nothing where the cells do not say it."""
    return _most(cells, _sign_of)


def date_order(cells: Iterable[Any]) -> str:
    """Return what stands first in dates: year, day, month, or nothing where the cells do not say it."""
    return _most(cells, _order_of)


def _most(cells: Iterable[Any], decide: Callable[[Any], str]) -> str:
    counts = Counter(found for cell in cells if (found := decide(cell)))
    (best, count), *_ = counts.most_common(1) or [("", 0)]
    return best if count >= max(_DECIDED_LEAST, counts.total() * _SHARE_IS) else ""


def _sign_of(cell: Any) -> str:
    if isinstance(cell, float | Decimal):
        return "" if cell == int(cell) else "."
    if not isinstance(cell, str):
        return ""
    signs = _SIGNS.findall(cell)
    after = _AFTER.search(cell)
    if not signs or after is None:
        return ""
    if len(set(signs)) > 1:
        return str(signs[-1])
    if len(signs) > 1:
        # What comes more than once stands between thousands.
        return "," if signs[0] == "." else "."
    # Three digits may be thousands, too.
    return "" if len(after[1]) == 3 else str(signs[0])


def _order_of(cell: Any) -> str:
    if isinstance(cell, date):
        return "year"
    if not isinstance(cell, str):
        return ""
    found = _DAY_AND_MONTH.match(cell)
    if found is None:
        return "year" if _YEAR_FIRST.match(cell) else ""
    first, second = int(found[1]), int(found[2])
    if first > _MONTHS >= second:
        return "day"
    return "month" if second > _MONTHS >= first else ""


def spread_of(cells: Sequence[Any], sign: str) -> tuple[float, ...]:
    """Return the quartiles of the sizes of numbers, in two digits; nothing where they are few or can be misread."""
    if not sign and any(isinstance(cell, str) and _SIGNS.search(cell) for cell in cells):
        return ()
    sizes = sorted(size for cell in cells if (size := _size(cell, sign)))
    return tuple(float(f"{one:.1e}") for one in quantiles(sizes, n=4)) if len(sizes) >= _MEASURED_LEAST else ()


def _size(cell: Any, sign: str) -> float:
    if isinstance(cell, int | float | Decimal):
        return abs(float(cell))
    if not isinstance(cell, str):
        return 0.0
    text = cell.replace(".", "").replace(",", ".") if sign == "," else cell.replace(",", "")
    try:
        return abs(float(_NO_DIGITS.sub("", text)))
    except ValueError:
        return 0.0


def reads_form(entity: Mapping[str, Any], column: str) -> bool:
    """Return whether it matters to a mapping how a column is written: not where it is text, or of several forms."""
    users = [spec for spec in entity["attributes"].values() if spec.get("column") == column]
    moment = entity.get("observed_at", {})
    users += [moment] if moment.get("column") == column else []
    return bool(users) and not any(spec.get("text") or len(spec.get("date", ())) > 1 for spec in users)


def factor_between(before: Sequence[float], now: Sequence[float]) -> str:
    """Return by how much all values grew or shrank where a unit may have changed: `1,000 times as large`."""
    if not before or not now:
        return ""
    ratios = [new / old for old, new in zip(before, now, strict=True) if old and new]
    for factor in _FACTORS:
        if ratios and all(factor / _ABOUT <= ratio <= factor * _ABOUT for ratio in ratios):
            return f"{factor:,} times as large"
        if ratios and all(1 / factor / _ABOUT <= ratio <= 1 / factor * _ABOUT for ratio in ratios):
            return f"{factor:,} times as small"
    return ""
