"""The encoding of a Shapefile's text, from the many ways in which it is written."""

from __future__ import annotations

import re

_SAMPLE = "Halte 12"


def find_encoding(told: str) -> str | None:
    """Return Python's name of an encoding that a `.cpg` or a declaration tells, or None where there is none such."""
    name = told.strip().lower().removeprefix("ansi").strip(" :-")
    if re.fullmatch(r"12\d\d|4\d\d|8[56]\d|874|9\d\d", name):
        name = f"cp{name}"
    elif found := re.fullmatch(r"(?:iso[- _]?)?8859[-_]?(\d{1,2})", name):
        name = f"iso8859-{found[1]}"
    elif name == "65001":
        name = "utf-8"
    try:
        # Only those in which a table can be written: base64 or utf-16 are encodings, too.
        return name if _SAMPLE.encode("ascii").decode(name, "replace") == _SAMPLE else None
    except (LookupError, ValueError, TypeError):
        return None
