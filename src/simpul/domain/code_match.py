"""Names matched to codes: how names are folded, and how alike two of them are. No lists and no decisions kept here.

rapidfuzz is loaded by the first name that has to be guessed: it takes 15 ms, which a start does not have.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

# Words that say what kind of place a name is for, and no part of the name.
_KINDS: Final = re.compile(
    r"^(?:provinsi|propinsi|prov|kabupaten|kab|kota administrasi|kota adm|kotamadya|kota|kecamatan|kec|kelurahan|kel|"
    r"desa|nagari|distrik)\b\.?\s*",
    re.IGNORECASE,
)
_NO_LETTER: Final = re.compile(r"[^a-z0-9]+")
_NEAREST: Final = 3


class Near(NamedTuple):
    """A code whose name is like the one that was asked for; `score` is 0 to 100."""

    code: str
    name: str
    score: float


def fold_name(name: str) -> str:
    """Return a name without case, accents, spaces and signs: `ASTANA ANYAR` and `Astanaanyar` are the same."""
    plain = name if name.isascii() else unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return _NO_LETTER.sub("", plain.lower())


def drop_kind(name: str) -> str:
    """Return a name without the word for the kind of place: `Kota Bandung` is `Bandung`."""
    rest = _KINDS.sub("", name, count=1)
    return rest or name


def rank_names(name: str, names: Mapping[str, str]) -> list[Near]:
    """Return the codes whose names are most alike, best first. `names` is code → name."""
    from rapidfuzz import fuzz, process  # noqa: PLC0415 - See the module's first lines.

    wanted = fold_name(drop_kind(name))
    folded = {code: fold_name(drop_kind(one)) for code, one in names.items()}
    found = process.extract(wanted, folded, scorer=fuzz.ratio, limit=_NEAREST)
    return [Near(code, names[code], round(score, 1)) for _, score, code in found]


def nearest_word(word: str, words: Iterable[str], least: float = 70.0) -> str | None:
    """Return the word that this one is probably meant to be, or None."""
    from rapidfuzz import fuzz, process  # noqa: PLC0415 - See the module's first lines.

    by_folded = {fold_name(one): one for one in words}
    found = process.extractOne(fold_name(word), list(by_folded), scorer=fuzz.ratio, score_cutoff=least)
    return None if found is None else by_folded[found[0]]
