"""Moments as the hub counts them, in microseconds since 1970 UTC, and as CIM 009 §4.6.3 writes them. No clock here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


# An entity's attributes mostly share their times, and a batch's entities theirs.
@lru_cache(maxsize=4096)
def render_moment(moment_us: int) -> str:
    """Return the moment as text: to the millisecond, which is left out where it is zero."""
    moment = _EPOCH + timedelta(microseconds=moment_us)
    precision = "milliseconds" if moment.microsecond >= 1_000 else "seconds"
    return moment.replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def count_microseconds(moment: str) -> int:
    """Return what a date-time that was checked before (`parse.is_moment`) stands for."""
    return (datetime.fromisoformat(moment.replace(",", ".")) - _EPOCH) // _MICROSECOND
