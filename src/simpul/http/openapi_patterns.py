r"""How texts are written, as the patterns of the API's description: the same languages that the hub's parsers read.

Patterns are of ECMA-262, as JSON Schema has them, and made of what Python reads alike. A test holds them against the
hub: what fits is taken, what does not is refused. Of what nests, such as parentheses, two levels are described.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

# White space does no harm around the parts of a list and the signs of a selection.
_SPACES: Final = r"\s\x1c-\x1f\x85"
_SPACE: Final = " *"
# RFC 3986 §2. The hub takes IRIs as well (RFC 3987), of which every character can be seen (`domain/lexical.py`).
_SCHEME: Final = "[A-Za-z][A-Za-z0-9+.-]*"
_URI: Final = rf"{_SCHEME}:[!#-;=?-\[\]_a-z~]+"
_URI_IN_LIST: Final = rf"{_SCHEME}:[!#-+\--;=?-\[\]_a-z~]+"
# CIM 009 §4.6.2: what no name of a type or an attribute has; and with what none begins.
_NO_NAME: Final = r"""\x00-\x20\x7f<>"'=;(){}|\\^`"""
_NO_FIRST: Final = r"\x00-9;<=>@\\^`{|}\x7f"


def whole(pattern: str) -> str:
    """Return the pattern, tied to both ends of the text."""
    return f"^(?:{pattern})$"


def or_empty(pattern: str) -> str:
    """Return the pattern for a parameter that may be empty, which is as if it was left out."""
    return f"^(?:{pattern})?$"


def not_empty(pattern: str) -> str:
    """Return what `or_empty` returned without the empty text."""
    return f"{pattern.removesuffix('?$')}$"


def listed(part: str) -> str:
    """Return the pattern of one or more parts with commas between, and white space around each."""
    return f"{_SPACE}(?:{part}){_SPACE}(?:,{_SPACE}(?:{part}){_SPACE})*"


def words(*known: Iterable[str]) -> str:
    """Return the pattern of `options`: any of the words of one of the groups. A comma too many does no harm."""
    groups = ("|".join(sorted(group)) for group in known)
    return "^(?:" + "|".join(f",*(?:(?:{group})(?:,+(?:{group}))*,*)?" for group in groups) + ")$"


URI: Final = whole(_URI)
URIS: Final = or_empty(listed(_URI_IN_LIST))
DATASET_IDS: Final = or_empty(listed(f"@none|{_URI_IN_LIST}"))
URI_OR_NONE: Final = or_empty(_URI)

NAME: Final = whole(f"[^{_NO_FIRST}][^{_NO_NAME}]*")
ATTRIBUTE_IN_PATH: Final = f"^(?!(?:scope|id|type)$)[^{_NO_FIRST}][^{_NO_NAME}]*$"
ATTRIBUTE_OR_SCOPE_IN_PATH: Final = f"^(?!(?:id|type)$)[^{_NO_FIRST}][^{_NO_NAME}]*$"
# Of an entity as JSON-LD its @context is a member like the others.
MEMBER_NAME: Final = rf"^(?:@context|[^{_NO_FIRST}][^{_NO_NAME}]*)$"
WORD: Final = f"^[^@{_NO_NAME}][^{_NO_NAME}]*$"
LANGUAGE: Final = "^(?:@none|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)$"
# CIM 009 §4.18; other letters than these are taken, too.
SCOPE: Final = "^/?[A-Za-z][A-Za-z0-9_]*(?:/[A-Za-z][A-Za-z0-9_]*)*$"
NAMES: Final = whole(f"[^,{_NO_NAME}]+(?:,[^,{_NO_NAME}]+)*")
NAME_OR_NONE: Final = f"^[^{_NO_NAME}]*$"
_END: Final = f"{_SPACE}(?:,|$)"
ATTRIBUTES: Final = or_empty(listed(f"(?!(?:id|type|scope){_END})[^{_NO_FIRST}{_SPACES}][^,{_NO_NAME}]*"))
ATTRIBUTES_OR_SCOPE: Final = or_empty(listed(f"(?!(?:id|type){_END})[^{_NO_FIRST}{_SPACES}][^,{_NO_NAME}]*"))

# CIM 009 §4.21, §4.5.23: members; and in braces members of what a relationship leads to.
_MEMBER: Final = f"{_SPACE}[^@,{_NO_NAME}{_SPACES}][^,{_NO_NAME}]*{_SPACE}"
_MEMBERS: Final = f"{_MEMBER}(?:[,|]{_MEMBER})*"
_BRACED: Final = rf"{_MEMBER}(?:\{{{_MEMBERS}\}})?"
MEMBERS: Final = or_empty(_MEMBERS)
MEMBERS_IN_DEPTH: Final = or_empty(f"{_BRACED}(?:[,|]{_BRACED})*")


def _selection(part: str) -> str:
    """Return the pattern of a selection with `,` or `|`, `;` and parentheses (§4.17, §4.19)."""
    selected = f"{_SPACE}(?:{part}){_SPACE}"
    joined = f"{selected}(?:[,|;]{selected})*"
    nested = rf"{_SPACE}(?:{part}|\({joined}\)){_SPACE}"
    return f"{nested}(?:[,|;]{nested})*"


TYPES: Final = or_empty(_selection(f"[^,{_NO_NAME}{_SPACES}]+"))
_LEVEL: Final = rf'[^;|(),"<>/{_SPACES}]+'
SCOPES: Final = or_empty(_selection(rf"/?(?:(?!#/){_LEVEL}/)*{_LEVEL}"))

_DAY: Final = (
    "(?!0000)(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    "|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    "|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)"
)
_CLOCK: Final = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:[.,][0-9]{1,9})?"
# CIM 009 §4.6.3.
MOMENT: Final = whole(f"{_DAY}T{_CLOCK}Z")
MOMENT_OR_NONE: Final = or_empty(f"{_DAY}T{_CLOCK}Z")
INSTANT_OR_NONE: Final = or_empty(f"{_DAY}T{_CLOCK}(?:Z|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9])?")
_PART: Final = "[0-9]{1,12}"
_SECONDS: Final = "(?:[0-9]{1,12}|[0-9]{1,5}[.,][0-9]{1,6})S"
_CALENDAR: Final = (
    f"(?:{_PART}Y(?:{_PART}M)?(?:{_PART}W)?(?:{_PART}D)?|{_PART}M(?:{_PART}W)?(?:{_PART}D)?|{_PART}W(?:{_PART}D)?"
    f"|{_PART}D)"
)
_TIME: Final = f"T(?:{_PART}H(?:{_PART}M)?(?:{_SECONDS})?|{_PART}M(?:{_SECONDS})?|{_SECONDS})"
_DURATION: Final = f"P(?:{_CALENDAR}(?:{_TIME})?|{_TIME})"
DURATION: Final = whole(_DURATION)
DURATION_OR_NONE: Final = or_empty(_DURATION)

_METRES: Final = r"(?:[1-9][0-9]*(?:\.[0-9]+)?|0\.0*[1-9][0-9]*)(?:[eE][+-]?[0-9])?"
GEOREL: Final = or_empty(
    f"{_SPACE}(?:within|contains|intersects|equals|disjoint|overlaps"
    rf"|near{_SPACE};{_SPACE}(?:max|min)Distance{_SPACE}=={_SPACE}{_METRES}){_SPACE}"
)
COORDINATES: Final = or_empty(r"[ \t\n\r]*\[[\s\S]*\][ \t\n\r]*")
# RFC 9110 §8.8.3.
_TAG: Final = '(?:W/)?"[!#-~]*"'
ENTITY_TAGS: Final = f"^{_TAG}(?: *, *{_TAG})*$"
