"""Which of several languages a person is shown (CIM 009 §4.15, RFC 3282 and 4647). No texts here."""

from __future__ import annotations

import re
from collections.abc import Sequence

NO_LANGUAGE = "@none"
_RANGE = re.compile(r"\s*([A-Za-z0-9*-]+)\s*(?:;\s*q\s*=\s*([0-9.]+)\s*)?\Z")


def choose_language(wanted: str, there: Sequence[str]) -> str:
    """Return the language, of those that are there, that fits best. One that does not fit is better than none.

    `wanted` lists languages in order of preference, such as `id,en;q=0.8,*;q=0.1`.
    """
    for language in _list_preferences(wanted):
        if language == "*":
            break
        found = _find_match(language, there)
        if found is not None:
            return found
    return NO_LANGUAGE if NO_LANGUAGE in there else there[0]


def _list_preferences(wanted: str) -> list[str]:
    ranked: list[tuple[float, str]] = []
    for part in wanted.split(","):
        found = _RANGE.match(part)
        if found is None:
            continue
        try:
            quality = float(found.group(2) or 1)
        except ValueError:
            quality = 0.0
        if quality > 0:
            ranked.append((quality, found.group(1).lower()))
    return [language for _, language in sorted(ranked, key=lambda pair: -pair[0])]


def _find_match(language: str, there: Sequence[str]) -> str | None:
    """Return the language itself, else a dialect of it, else the language that it is a dialect of."""
    by_name = {name.lower(): name for name in there}
    if language in by_name:
        return by_name[language]
    dialects = [name for lower, name in by_name.items() if lower.startswith(f"{language}-")]
    if dialects:
        return dialects[0]
    while "-" in language:
        language = language.rpartition("-")[0]
        if language in by_name:
            return by_name[language]
    return None
