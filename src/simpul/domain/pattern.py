"""Regular expressions that a stranger may send (`~=`, `idPattern`): checked so that their work is bounded."""

from __future__ import annotations

import re
from functools import lru_cache

from simpul.domain.errors import BadRequestData, TooComplexQuery
from simpul.limits import ID_PATTERN_CHARACTERS_MAX

_NESTED = re.compile(r"[*+}][^()]*\)[*+{]")


@lru_cache(maxsize=256)
def compile_pattern(text: str) -> re.Pattern[str]:
    """Return the pattern, to be used with `search`. Raises BadRequestData, TooComplexQuery."""
    if len(text) > ID_PATTERN_CHARACTERS_MAX:
        raise TooComplexQuery(
            f"The regular expression has {len(text)} characters; expected up to {ID_PATTERN_CHARACTERS_MAX}."
        )
    if _NESTED.search(text) or re.search(r"\\[1-9]", text):
        raise TooComplexQuery(f"The regular expression `{text}` repeats a repeat, or refers back.")
    try:
        return re.compile(text)
    except re.error as error:
        raise BadRequestData(f"The regular expression `{text}` is not valid: {error}.") from error


def matches_pattern(pattern: re.Pattern[str], text: str) -> bool:
    """Return whether the text holds what the pattern describes; `^` and `$` tie it to the ends."""
    return pattern.search(text) is not None
