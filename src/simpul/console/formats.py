"""Numbers, money, units and times as people of a language write them. No texts of pages here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time, format_timedelta
from babel.numbers import format_decimal, format_percent

# Babel knows no abbreviation for these zones, and people read nothing else.
ZONE_NAMES = {
    "Asia/Jakarta": "WIB",
    "Asia/Pontianak": "WIB",
    "Asia/Makassar": "WITA",
    "Asia/Jayapura": "WIT",
}

# UN/CEFACT Recommendation 20 codes that CIM 009 §4.5.2 has for `unitCode`.
UNIT_SIGNS = {
    "MTR": "m",
    "CMT": "cm",
    "MMT": "mm",
    "KMT": "km",
    "MTK": "m²",
    "KMK": "km²",
    "HAR": "ha",
    "MTQ": "m³",
    "CEL": "°C",
    "DD": "°",
    "P1": "%",
    "C62": "",
    "IDR": "Rp",
    "KMH": "km/jam",
    "MTS": "m/s",
    "SEC": "s",
    "MIN": "menit",
    "HUR": "jam",
    "GQ": "µg/m³",
}

MONEY_SCALES = (
    (Decimal(10) ** 12, {"id": "triliun", "en": "trillion"}),
    (Decimal(10) ** 9, {"id": "miliar", "en": "billion"}),
    (Decimal(10) ** 6, {"id": "juta", "en": "million"}),
)

# What took less is not shown as nothing.
_SECONDS_SHOWN_MIN = 0.01


def unit_sign(code: str) -> str:
    """Return how a unit is written: the sign of a known code, else the code itself."""
    return UNIT_SIGNS.get(code, code)


def unbroken(text: str) -> str:
    """Return the text with numbers kept on one line with their units."""
    return re.sub(r"(?<=\d) (?=(?:m|km|mm|cm|%|ha|°C)\b|%)", "\u00a0", text)


@dataclass(frozen=True, slots=True)
class Formats:
    """How one language writes values, at one city's time of day."""

    language: str
    time_zone: str

    @property
    def _locale(self) -> Locale:
        return Locale.parse("id_ID" if self.language == "id" else "en_GB")

    def number(self, value: float | int | Decimal, decimals: int | None = None) -> str:
        """Return `1.234.567,89`; without `decimals` as many as the value has, at most three."""
        pattern = "#,##0.###" if decimals is None else "#,##0" + ("." + "0" * decimals if decimals else "")
        return format_decimal(Decimal(str(value)), format=pattern, locale=self._locale)

    def percent(self, ratio: float) -> str:
        """Return a ratio as per cent, with one decimal where it has one: `84,5%`."""
        return format_percent(ratio, format="#,##0.#%", locale=self._locale)

    def money(self, value: float | int | Decimal) -> str:
        """Return rupiah, shortened from a million on: `Rp 1,2 miliar`."""
        amount = Decimal(str(value))
        for scale, words in MONEY_SCALES:
            if abs(amount) >= scale:
                return (
                    f"Rp {format_decimal(amount / scale, format='#,##0.0', locale=self._locale)} {words[self.language]}"
                )
        return f"Rp {format_decimal(amount, format='#,##0', locale=self._locale)}"

    def date(self, value: date | datetime) -> str:
        """Return `31 Mei 2015`."""
        return format_date(value, format="d MMMM y", locale=self._locale)

    def moment(self, at_us: int) -> str:
        """Return `31 Mei 2015, 19.23 WIB`."""
        local = datetime.fromtimestamp(at_us / 1_000_000, UTC).astimezone(ZoneInfo(self.time_zone))
        zone = ZONE_NAMES.get(self.time_zone) or local.strftime("%Z")
        clock = format_time(local, format="HH.mm" if self.language == "id" else "HH:mm", locale=self._locale)
        return f"{self.date(local)}, {clock} {zone}"

    def ago(self, at_us: int, now_us: int) -> str:
        """Return how long ago that was, in words: `2 menit yang lalu`."""
        passed = timedelta(microseconds=at_us - now_us)
        if abs(passed) < timedelta(seconds=45):
            return "baru saja" if self.language == "id" else "just now"
        return format_timedelta(passed, add_direction=True, threshold=0.95, locale=self._locale)

    def duration(self, duration_us: int) -> str:
        """Return how long something took: `0,4 s`, `12 s`, `3 menit`."""
        seconds = duration_us / 1_000_000
        if seconds < _SECONDS_SHOWN_MIN:
            return f"<\u00a0{self.number(_SECONDS_SHOWN_MIN, 2)}\u00a0s"
        if seconds < 90:
            return f"{self.number(seconds, 2 if seconds < 1 else 1 if seconds < 10 else 0)}\u00a0s"
        return format_timedelta(timedelta(seconds=seconds), threshold=1.5, locale=self._locale)


def iso_moment(at_us: int) -> str:
    """Return the machine-readable form of a moment, for `datetime` of a `<time>`."""
    return datetime.fromtimestamp(at_us / 1_000_000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
