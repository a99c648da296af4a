"""The console's texts: nothing untranslated, nothing stale; numbers and dates as each language writes them."""

from __future__ import annotations

import re

import pytest

from simpul.console import catalogue
from simpul.console.formats import Formats
from simpul.console.language import LANGUAGES, choose_language
from simpul.console.theme import CONTRAST_MIN, DARK_SURFACE, LIGHT_SURFACE, contrast, theme_css

INDONESIAN = Formats("id", "Asia/Jakarta")
ENGLISH = Formats("en", "Asia/Jakarta")
MAY_2015_US = 1_433_075_000_000_000


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_translated_and_none_is_stale(language: str) -> None:
    messages = catalogue.read(language)
    ids = {tuple(one.id) if isinstance(one.id, list | tuple) else one.id for one in messages if one.id}
    assert ids == set(catalogue.extract())
    assert catalogue.missing(messages) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_shipped_compiled_is_what_the_texts_say(language: str) -> None:
    compiled = catalogue.po_file(language).with_suffix(".mo").read_bytes()
    assert compiled == catalogue.compiled(catalogue.read(language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_values_of_its_message(language: str) -> None:
    for message in catalogue.read(language):
        ids = message.id if isinstance(message.id, list | tuple) else [message.id]
        texts = message.string if isinstance(message.string, list | tuple) else [message.string]
        wanted = set(re.findall(r"%\((\w+)\)s", " ".join(ids)))
        for text in texts:
            if message.id:
                assert set(re.findall(r"%\((\w+)\)s", str(text))) == wanted, message.id


@pytest.mark.parametrize(("asked", "remembered", "accepted", "chosen"), [
    (None, None, "", "id"),
    (None, None, "en-GB,en;q=0.9,id;q=0.5", "en"),
    (None, None, "fr,id;q=0.4", "id"),
    (None, None, "in", "id"),
    (None, "en", "id", "en"),
    ("id", "en", "en", "id"),
    ("xx", None, "en;q=nonsense", "id"),
])  # fmt: skip
def test_the_language_is_the_one_asked_for_then_remembered_then_preferred(
    asked: str | None, remembered: str | None, accepted: str, chosen: str
) -> None:
    assert choose_language(asked, remembered, accepted) == chosen


def test_numbers_and_money_are_written_as_the_language_does() -> None:
    assert INDONESIAN.number(1234567.89) == "1.234.567,89"
    assert ENGLISH.number(1234567.89) == "1,234,567.89"
    assert INDONESIAN.money(1_200_000_000) == "Rp 1,2 miliar"
    assert ENGLISH.money(1_200_000_000) == "Rp 1.2 billion"
    assert INDONESIAN.money(3500) == "Rp 3.500"


def test_dates_and_times_are_written_as_the_language_does() -> None:
    assert INDONESIAN.moment(MAY_2015_US) == "31 Mei 2015, 19.23 WIB"
    assert ENGLISH.moment(MAY_2015_US) == "31 May 2015, 19:23 WIB"
    assert INDONESIAN.ago(0, 120_000_000) == "2 menit yang lalu"
    assert ENGLISH.ago(0, 120_000_000) == "2 minutes ago"


@pytest.mark.parametrize("accent", ["#0f766e", "#ffdd00", "#111111", "#c0ffee", "#e11d48", "not a colour"])
def test_any_accent_of_a_city_is_made_readable(accent: str) -> None:
    light, dark = re.findall(r"--accent:(#[0-9a-f]{6})", theme_css(accent))
    assert contrast(light, LIGHT_SURFACE) >= CONTRAST_MIN
    assert contrast(dark, DARK_SURFACE) >= CONTRAST_MIN
