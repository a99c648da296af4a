"""The encoding that a text's first bytes tell by a byte order mark (the Unicode Standard, section 23.8)."""

from __future__ import annotations

import codecs
from typing import Final

_MARKS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def marked_encoding(head: bytes) -> str | None:
    """Return the encoding that a byte order mark at the beginning tells, or None where there is none."""
    return next((name for mark, name in _MARKS if head.startswith(mark)), None)
