"""How URIs, moments, languages and scopes are written (CIM 009 §4.6, §4.18). Nothing is parsed into values here."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from simpul import limits
from simpul.domain.errors import BadRequestData
from simpul.domain.json_text import shown

_is_uri = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20\x7f<>\"{}|\\^`]+").fullmatch
# RFC 3987 §2.2 and §4.1: what is in no IRI; and what nobody sees, under which two ids would look the same.
_find_unseen = re.compile(
    "[\x80-\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200b\u200e\u200f\u2028-\u202f"
    "\u205f-\u206f\u2800\u3000\u3164\ud800-\uf8ff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\U000e0000-\U000e0fff\U000f0000-\U0010ffff"
    + "".join(chr(plane << 16 | 0xFFFE) + chr(plane << 16 | 0xFFFF) for plane in range(1, 15))
    + "]"
).search
# CIM 009 §4.6.3: ISO 8601, UTC, with a "Z"; the fraction of a second may follow a point or a comma.
_is_moment = re.compile(
    r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:[.,][0-9]{1,9})?Z"
).fullmatch
is_language = re.compile(r"@none|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*").fullmatch
# CIM 009 §4.18: levels begin with a letter and go on with letters, digits and underscores.
is_scope = re.compile(r"/?[^\W\d_]\w*(?:/[^\W\d_]\w*)*").fullmatch


def is_uri(value: Any) -> bool:
    """Return whether it is text that is a URI, or an IRI of which every character can be seen."""
    return (
        isinstance(value, str)
        and len(value) <= limits.IDENTIFIER_CHARACTERS_MAX
        and _is_uri(value) is not None
        and (value.isascii() or _find_unseen(value) is None)
    )


def raise_unless_uri(identifier: object, what: str) -> None:
    """Raise BadRequestData unless it is a URI; `what` names it in the message, such as "The entity's id"."""
    if not isinstance(identifier, str) or not _is_uri(identifier):
        raise BadRequestData(
            f"{what} is {shown(identifier)}, which is no URI. A URI looks like urn:ngsi-ld:BusStop:0001."
        )
    if len(identifier) > limits.IDENTIFIER_CHARACTERS_MAX:
        raise BadRequestData(
            f"{what} has {len(identifier)} characters; at most {limits.IDENTIFIER_CHARACTERS_MAX} are allowed."
        )
    if not identifier.isascii() and (unseen := _find_unseen(identifier)):
        raise BadRequestData(
            f"{what} holds the character U+{ord(unseen.group()):04X}, which is no part of a URI or cannot be seen."
            " Leave it out."
        )


def is_moment(text: Any) -> bool:
    """Return whether it is a date-time of CIM 009 §4.6.3, such as 2024-05-01T10:00:00Z."""
    if not isinstance(text, str) or not _is_moment(text):
        return False
    if text[8:10] < "29" and text[:4] != "0000":
        return True
    try:
        datetime.fromisoformat(text[:10])
    except ValueError:
        return False
    return True
