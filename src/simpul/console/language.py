"""Which of the console's languages a visitor reads, and its texts. No formats of numbers or dates here."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from babel.support import NullTranslations, Translations

LOCALE = Path(__file__).parent / "locale"
DOMAIN = "messages"
LANGUAGES = ("id", "en")
DEFAULT_LANGUAGE = "id"
COOKIE = "simpul_language"


@cache
def translations(language: str) -> NullTranslations:
    """Return the catalogue of one of `LANGUAGES`."""
    return Translations.load(LOCALE, [language], DOMAIN)


def choose_language(asked: str | None, remembered: str | None, accepted: str) -> str:
    """Return the language to answer in: the one asked for, else the remembered one, else what the browser prefers."""
    for candidate in (asked, remembered):
        if candidate in LANGUAGES:
            return candidate
    return _preferred(accepted)


def _preferred(accepted: str) -> str:
    """Return the first of `LANGUAGES` in an Accept-Language header, by its weights."""
    best, best_weight = DEFAULT_LANGUAGE, 0.0
    for part in accepted.split(","):
        name, _, parameter = part.strip().partition(";")
        language = name.split("-")[0].lower()
        weight = _weight(parameter)
        # `in` is the code that older systems still send for Indonesian.
        language = "id" if language == "in" else language
        if language in LANGUAGES and weight > best_weight:
            best, best_weight = language, weight
    return best


def _weight(parameter: str) -> float:
    key, _, value = parameter.strip().partition("=")
    if key != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def pick(texts: Mapping[str, str], language: str) -> str:
    """Return the text of a declaration in this language, else in Indonesian, else in whichever there is."""
    return texts.get(language) or texts.get(DEFAULT_LANGUAGE) or next(iter(texts.values()), "")
