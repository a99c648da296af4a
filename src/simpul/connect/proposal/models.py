"""The types and attributes that cities' systems hold, by Smart Data Models' names. A list of words; no rows here."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from math import sqrt
from typing import Final, NamedTuple

from simpul.connect.proposal.words import bare_words, measured, spelled_out, title_words, words_of

COMMON: Final = "*"
# Whose types and attributes these are, where they are none of Smart Data Models.
OTHERS: Final = frozenset({"schema.org", "Simpul"})
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
        phrases = tuple(spelled_out(words_of(phrase)) for phrase in said.split(",") if phrase.strip())
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
    words = spelled_out(title_words(title))
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
    words = spelled_out(measured(column).words)
    bare = bare_words(words, title)
    exact = max((2.0 for phrase in phrases if tuple(phrase) == words), default=0.0)
    left = max((1.0 + len(phrase) / 100 for phrase in phrases if tuple(phrase) == bare), default=0.0)
    part = max((max(_share(phrase, bare), _share(phrase, words)) * 0.9 for phrase in phrases), default=0.0)
    return max(exact, left, part)


def name_attributes(type_name: str | None, columns: Sequence[str], title: str) -> dict[str, str]:
    """Return column → attribute of the type, or of every type, for the columns whose names say so; each once."""
    known = models()
    own = known[type_name].attributes if type_name in known else {}
    words = spelled_out(title_words(title))
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
