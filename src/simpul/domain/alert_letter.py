"""What is told of an alert: a document for programs, a subject and a text for people. Nothing is sent here.

People are told in Indonesian first, then in English, like in the rest of the product.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from simpul.domain.alerts import COLLAPSED, DRIFTED, ENDED, FAILING, STALE, Alert
from simpul.domain.city import City, SourceDeclaration

_US_PER_SECOND: Final = 1_000_000
_WORDS: Final = {
    STALE: ("data tidak lagi terbaru", "its data is stale"),
    FAILING: ("gagal dibaca berulang kali", "it fails again and again"),
    DRIFTED: ("bentuknya berubah", "it has changed its form"),
    COLLAPSED: ("sebagian besar barisnya hilang", "most of its rows are gone"),
}
_OVER: Final = ("sudah pulih", "is over")


class Occasion(NamedTuple):
    """What a letter is about. `page` is the address of the source's page."""

    city: City
    source: SourceDeclaration
    alert: Alert
    phase: str
    page: str


def document_of(occasion: Occasion) -> dict[str, Any]:
    """Return what a webhook gets. Moments are in UTC."""
    alert = occasion.alert
    return {
        "type": "SourceAlert",
        "phase": occasion.phase,
        "kind": alert.kind,
        "city": occasion.city.tenant,
        "source": alert.source,
        "title": occasion.source.title,
        "text": subject_of(occasion),
        "since": _utc(alert.since_us),
        "ended": _utc(alert.ended_us) if occasion.phase == ENDED and alert.ended_us is not None else None,
        "detail": alert.detail,
        "page": occasion.page,
    }


def subject_of(occasion: Occasion) -> str:
    """Return one line, in Indonesian."""
    title = " ".join(occasion.source.title.get("id", occasion.source.id).split())
    over = f" – {_OVER[0]}" if occasion.phase == ENDED else ""
    return f"[{occasion.city.tenant}] {title}: {_WORDS[occasion.alert.kind][0]}{over}"


def text_of(occasion: Occasion) -> str:
    """Return the text of an e-mail."""
    alert, zone = occasion.alert, ZoneInfo(occasion.city.time_zone)
    since = f"{datetime.fromtimestamp(alert.since_us / _US_PER_SECOND, zone):%Y-%m-%d %H:%M %Z}"
    lines: list[str] = []
    for place, (language, labels) in enumerate((("id", ("Sejak", "Halaman")), ("en", ("Since", "Page")))):
        title = occasion.source.title.get(language, occasion.source.id)
        over = f" – {_OVER[place]}" if occasion.phase == ENDED else ""
        lines += [
            f"{title}: {_WORDS[alert.kind][place]}{over}",
            f"{labels[0]}: {since}",
            f"{labels[1]}: {occasion.page}",
            "",
        ]
    if alert.detail:
        lines.append(alert.detail)
    return "\n".join(lines) + "\n"


def _utc(at_us: int) -> str:
    return f"{datetime.fromtimestamp(at_us / _US_PER_SECOND, ZoneInfo('UTC')):%Y-%m-%dT%H:%M:%SZ}"
