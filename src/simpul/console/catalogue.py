"""Keeps the languages' catalogues in step with the pages: `python -m simpul.console.catalogue`. Not used by the hub."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from simpul import __version__
from simpul.console.language import DOMAIN, LANGUAGES, LOCALE

Message = str | tuple[str, ...]

FOLDER = Path(__file__).parent
# Messages are written in English, so that language's catalogue repeats them.
SOURCE_LANGUAGE = "en"
# A time of writing would make every run a change.
UNCHANGED = datetime(2026, 11, 24, tzinfo=UTC)
KEYWORDS = {"_": None, "text": None, "texts": (1, 2), "gettext": None, "ngettext": (1, 2)}


def extract() -> list[Message]:
    """Return every message that the pages and their handlers use."""
    methods = [("**.py", "python"), ("templates/**.html", "jinja2")]
    options = {"templates/**.html": {"trimmed": "true", "silent": "false"}}
    found = extract_from_dir(FOLDER, methods, options, KEYWORDS, comment_tags=())
    return sorted({message for _, _, message, _, _ in found if message}, key=str)


def po_file(language: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def read(language: str) -> Catalog:
    with po_file(language).open("rb") as file:
        return read_po(file, locale=language, domain=DOMAIN)


def compiled(catalogue: Catalog) -> bytes:
    """Return the catalogue in the form that is read at run time."""
    out = BytesIO()
    write_mo(out, catalogue)
    return out.getvalue()


def update(language: str) -> list[str]:
    """Bring one language's files up to date; return the messages that still lack a translation."""
    known = {_key(message.id): message.string for message in read(language)} if po_file(language).exists() else {}
    catalogue = Catalog(
        language,
        DOMAIN,
        header_comment=f"# The console's texts in {Locale.parse(language).english_name}.",
        project="Simpul",
        version=__version__,
        creation_date=UNCHANGED,
        revision_date=UNCHANGED,
        last_translator="Simpul",
        language_team="Simpul",
        fuzzy=False,
    )
    for message in extract():
        catalogue.add(message, message if language == SOURCE_LANGUAGE else known.get(message, ""))
    po_file(language).parent.mkdir(parents=True, exist_ok=True)
    with po_file(language).open("wb") as file:
        write_po(file, catalogue, width=120, sort_output=True)
    po_file(language).with_suffix(".mo").write_bytes(compiled(catalogue))
    return missing(catalogue)


def _key(message: Any) -> Message:
    return tuple(message) if isinstance(message, list | tuple) else str(message)


def missing(catalogue: Catalog) -> list[str]:
    """Return the messages without a translation, in any of their numbers."""
    return [
        str(message.id)
        for message in catalogue
        if message.id and not (all(message.string) if isinstance(message.string, tuple | list) else message.string)
    ]


def main() -> int:
    """Update all languages; say what lacks a translation."""
    lacking = {language: update(language) for language in LANGUAGES}
    for language, messages in lacking.items():
        for message in messages:
            sys.stderr.write(f"{language}: no translation of {message!r}\n")
    return 1 if any(lacking.values()) else 0


if __name__ == "__main__":
    raise SystemExit(main())
