"""How the cells of a column become a value: as a date, a number, yes or no, or text. Names no attribute."""

from __future__ import annotations

from typing import Final

from simpul.connect.fields import Plain
from simpul.connect.proposal.columns import DATE, NUMBER, ColumnFacts, looks_like_code
from simpul.connect.proposal.words import words_of

_YES: Final = ({"ya", "tidak"}, {"yes", "no"}, {"true", "false"}, {"ada", "tidak ada"})
_SAYS_YES: Final = frozenset({"ya", "yes", "true", "ada"})
_KEY_WORDS: Final = frozenset({"id", "kode", "code", "kd", "nomor", "no", "npsn", "nik", "nip"})


def form_of(facts: ColumnFacts, *, is_text: bool = False) -> Plain:
    """Return the words of a mapping that read these cells; with `is_text` numbers stay the text that they are."""
    if facts.kind == DATE:
        return {"date": facts.form}
    if facts.kind == NUMBER and not facts.odd and not looks_like_key(facts) and not is_text:
        return {"number": facts.form, **({"unknown": sorted(facts.sentinels)} if facts.sentinels else {})}
    pair = _yes_and_no(facts)
    if pair is not None:
        return {"boolean": {"when_true": [pair[0]], "when_false": [pair[1]]}}
    if facts.kind == NUMBER or facts.has_leading_zeros or looks_like_code(facts) or is_text:
        return {"text": True}
    return {}


def _yes_and_no(facts: ColumnFacts) -> tuple[str, str] | None:
    """Return the two texts of a column that says yes or no."""
    texts = [text for text in facts.values if text not in facts.unknown]
    if len(texts) != 2 or {text.casefold() for text in texts} not in _YES:
        return None
    yes, no = sorted(texts, key=lambda text: text.casefold() not in _SAYS_YES)
    return yes, no


def looks_like_key(facts: ColumnFacts) -> bool:
    """Return whether a whole number is a name rather than an amount."""
    return bool(_KEY_WORDS & set(words_of(facts.name)))
