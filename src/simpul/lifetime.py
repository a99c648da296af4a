"""For how long what came over HTTP may be kept, as its headers say (RFC 9111 §4.2, §5.2, §5.3). Nothing is kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime

_DIRECTIVE = re.compile(r'\s*([a-z-]+)\s*(?:=\s*"?(\d{1,10})"?)?\s*(?:,|$)', re.IGNORECASE)
_DATE = "%a, %d %b %Y %H:%M:%S GMT"
_NEVER_KEPT = frozenset({"no-store", "no-cache"})


def lifetime_seconds(headers: Mapping[str, str]) -> int | None:
    """Return how long it is fresh, or None where that is not said. Names of headers are in lower case."""
    directives = {name.lower(): value for name, value in _DIRECTIVE.findall(headers.get("cache-control", ""))}
    if not _NEVER_KEPT.isdisjoint(directives):
        return 0
    # A copy for all who ask is a shared one: `s-maxage` goes before `max-age`, and both before `Expires`.
    told = directives.get("s-maxage") or directives.get("max-age")
    if told:
        age = headers.get("age", "")
        return max(0, int(told) - (int(age) if age.isdigit() and len(age) <= 10 else 0))
    if "expires" not in headers:
        return None
    ends, begins = _moment(headers["expires"]), _moment(headers.get("date", ""))
    if ends is None:
        # What is no date, such as 0, is a date in the past.
        return 0
    return max(0, int((ends - (begins or datetime.now(UTC))).total_seconds()))


def _moment(text: str) -> datetime | None:
    with suppress(ValueError):
        return datetime.strptime(text, _DATE).replace(tzinfo=UTC)
    return None
