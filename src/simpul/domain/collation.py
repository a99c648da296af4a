"""Text in the order of a language: collations as BCP 47 tags name them (RFC 6067, CIM 009 §4.23.3). No sorting here.

ICU does the comparing. It is loaded with the first text that is ordered: 12 ms and 12 MB that most hubs never need.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from types import ModuleType

from simpul import limits
from simpul.domain.errors import BadRequestData, NotImplementedYet

# The order that is nobody's in particular (§4.23.1).
ROOT = "und"
# PostgreSQL's name of it, which the standard takes over.
_ROOT_NAMES = frozenset({ROOT, "und-x-icu", "root"})

TextKey = Callable[[str], bytes]


@lru_cache(maxsize=limits.COLLATIONS_REMEMBERED_MAX)
def find_text_key(tag: str = ROOT) -> TextKey:
    """Return the function that makes keys of texts, whose order is that of the texts. Raises BadRequestData."""
    icu = _icu()
    if len(tag) > limits.COLLATION_CHARACTERS_MAX:
        raise _refused(tag)
    try:
        locale = icu.Locale.forLanguageTag(ROOT if tag in _ROOT_NAMES else tag)
        collator = icu.Collator.createInstance(locale)
        asked, given = locale.getKeywordValue("collation"), collator.getLocale().getKeywordValue("collation")
    except icu.ICUError as error:
        raise _refused(tag) from error
    if asked is not None and asked != given:
        raise _refused(tag)
    key: TextKey = collator.getSortKey
    return key


@lru_cache(maxsize=1)
def _icu() -> ModuleType:
    try:
        import icu  # noqa: PLC0415 -- see the module's first lines.
    except ImportError as error:
        raise NotImplementedYet(
            "Text is ordered by ICU, which is not installed here: there is no package of it for this Python yet. Order"
            " by numbers, times or ids."
        ) from error
    found: ModuleType = icu
    return found


def _refused(tag: str) -> BadRequestData:
    return BadRequestData(
        f"collation={tag[:100]!r} is no collation that is known here. It is a language tag, such as und, id or"
        " de-u-co-phonebk (RFC 6067)."
    )
