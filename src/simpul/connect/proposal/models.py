"""The types and attributes that cities' systems hold, by Smart Data Models' names. A list of words; no rows here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from math import sqrt
from typing import Final, NamedTuple

COMMON: Final = "*"
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD: Final = re.compile(r"[a-z0-9]+")
# What tables and columns are called before and after what they are about.
_FILLERS: Final = frozenset({
    "tbl", "tb", "t", "tabel", "table", "m", "mst", "master", "ref", "data", "daftar", "list", "tr", "trx", "v", "view",
    "vw", "rekap", "rekapitulasi", "public", "export", "csv", "xlsx", "final", "di", "dan", "per", "the", "of", "dalam",
    "kota", "kab", "kabupaten", "tahun", "sheet1", "sheet", "sql", "json", "api", "v1", "v2",
})  # fmt: skip
# Units that stand in columns' names, with their codes (UN/CEFACT).
UNIT_CODES: Final = {
    "mm": "MMT", "cm": "CMT", "km": "KMT", "m2": "MTK", "m3": "MTQ", "kg": "KGM", "ton": "TNE", "ha": "HAR",
    "celsius": "CEL", "persen": "P1", "percent": "P1",
}  # fmt: skip
_TITLE_SCORE: Final = 3.0
_SCORE_LEAST: Final = 2.0


class Model(NamedTuple):
    """One type: its subject, the phrases that name it, and the phrases of each attribute's columns."""

    type_name: str
    subject: str
    titles: tuple[tuple[str, ...], ...]
    attributes: dict[str, tuple[tuple[str, ...], ...]]


class Guess(NamedTuple):
    """A type with why it was chosen."""

    type_name: str
    subject: str
    score: float
    because: str


def words_of(name: str) -> tuple[str, ...]:
    """Return a name's words: `NAMA_Lengkap` and `namaLengkap` are the same two."""
    return tuple(_WORD.findall(_CAMEL.sub(" ", name).lower()))


def title_words(name: str) -> tuple[str, ...]:
    """Return the words of a table's or file's name that say what it is about; all of them where none would be left."""
    every = words_of(name)
    kept = tuple(word for word in every if word not in _FILLERS and not word.isdigit())
    return kept or every


@cache
def models() -> dict[str, Model]:
    """Return the models by type; `*` has the attributes that every type may have."""
    found: dict[str, Model] = {}
    model = Model("", "", (), {})
    text = (files("simpul.connect") / "facts" / "models.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        head, _, said = line.partition(":")
        phrases = tuple(words_of(phrase) for phrase in said.split(",") if phrase.strip())
        if line.startswith(" "):
            model.attributes[head.strip()] = phrases
            continue
        type_name, _, subject = head.partition(" @ ")
        model = found[type_name.strip()] = Model(type_name.strip(), subject.strip(), phrases, {})
    return found


def _share(phrase: Sequence[str], words: Sequence[str]) -> float:
    """Return how much of the words a phrase covers, where all of it is among them."""
    if not words or not set(phrase) <= set(words):
        return 0.0
    return len(set(phrase)) / len(set(words))


def guess_type(title: str, columns: Sequence[str]) -> Guess | None:
    """Return the model that fits a table best, or None where none fits well."""
    words = title_words(title)
    best: Guess | None = None
    for model in models().values():
        if model.type_name == COMMON:
            continue
        named = max((_named(phrase, words) for phrase in model.titles), default=0.0)
        hits = [name for name, found in _matches(model, columns, words).items() if found]
        score = named * _TITLE_SCORE + len(hits)
        if score >= _SCORE_LEAST and (named or len(hits) >= 4) and (best is None or score > best.score):
            because = f"its name says {' '.join(words)!r}" if named else "no name says so"
            if hits:
                because += f"; {len(hits)} of its columns are known of it ({', '.join(hits[:6])})"
            best = Guess(model.type_name, model.subject, score, because)
    return best


def _named(phrase: Sequence[str], words: Sequence[str]) -> float:
    """Return how surely a phrase names what words are about: in Indonesian the first word is the thing itself."""
    share = _share(phrase, words)
    return share * sqrt(len(phrase)) + (0.25 if share and words[0] == phrase[0] else 0.0)


def _matches(model: Model, columns: Sequence[str], title: Sequence[str]) -> dict[str, str]:
    return {
        name: next((column for column in columns if _fit(phrases, column, title) >= 1.0), "")
        for name, phrases in model.attributes.items()
    }


def _fit(phrases: Sequence[Sequence[str]], column: str, title: Sequence[str]) -> float:
    """Return how well a column's name is one of the phrases: 2 is the whole name, 1 what is left without the title."""
    words = tuple(word for word in words_of(column) if word not in UNIT_CODES) or words_of(column)
    bare = tuple(word for word in words if word not in title and word != "id") or words
    exact = max((2.0 for phrase in phrases if tuple(phrase) == words), default=0.0)
    left = max((1.0 + len(phrase) / 100 for phrase in phrases if tuple(phrase) == bare), default=0.0)
    part = max((max(_share(phrase, bare), _share(phrase, words)) * 0.9 for phrase in phrases), default=0.0)
    return max(exact, left, part)


def name_attributes(type_name: str | None, columns: Sequence[str], title: str) -> dict[str, str]:
    """Return column → attribute of the type, or of every type, for the columns whose names say so; each once."""
    known = models()
    own = known[type_name].attributes if type_name in known else {}
    words = title_words(title)
    ranked = [
        (_fit(phrases, column, words) + bonus, -at, column, name)
        for attributes, bonus in ((own, 0.05), (known[COMMON].attributes, 0.0))
        for name, phrases in attributes.items()
        for at, column in enumerate(columns)
    ]
    chosen: dict[str, str] = {}
    for fit, _, column, name in sorted(ranked, reverse=True):
        if fit >= 0.6 and column not in chosen and name not in chosen.values():
            chosen[column] = name
    return chosen


def own_name(text: str) -> str:
    """Return the name of an attribute made of a column's own: `JUMLAH_PENDUDUK` is `jumlahPenduduk`."""
    words = words_of(text) or ("column",)
    name = words[0] + "".join(word.capitalize() for word in words[1:])
    return name if name[0].isalpha() else f"column{name[0].upper()}{name[1:]}"


def own_type(title: str) -> str:
    """Return the name of a type made of a table's own: `tbl_jenis_izin` is `JenisIzin`."""
    name = "".join(word.capitalize() for word in title_words(title)) or "Record"
    return name if name[0].isalpha() else f"Table{name}"
