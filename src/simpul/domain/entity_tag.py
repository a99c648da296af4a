"""Entity tags: which state of an entity an answer shows, and conditions about it (RFC 9110 §8.8.3, §13.1). No HTTP.

A tag is strong, and has one to three parts with dots between them:

    "version"                         the entity as it is stored
    "version.representation"          another form of it: other names, options, linked entities, media type
    "version.modified.representation" a form that shows times, which may change where nothing else does

The version is a digest of the stored entity, so an entity that was changed and changed back has its old one again, and
a restart changes none. The representation is a digest of all that is answered, and so it depends on what the reader
asked for and may see. A write that has a condition is about the entity and not about one form of it: the parts that
tell the entity's state are compared, so the tag of any form will do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple

from simpul.domain.errors import InvalidRequest

# Of a digest, in a tag: 96 bits.
_DIGITS: Final = 24
_PARTS_WITH_TIME: Final = 3
# One element of a list, which may be empty (§5.6.1), and the comma behind it.
_ELEMENT: Final = re.compile(r'[ \t]*(?:(W/)?"([!#-~\x80-\xff]*)"[ \t]*)?(?:,|\Z)')


class Tag(NamedTuple):
    """An entity tag without its quotation marks."""

    opaque: str
    is_weak: bool = False


class State(NamedTuple):
    """The state of an entity: the version of what is stored, and when it was changed last."""

    version: str
    modified_us: int


@dataclass(frozen=True, slots=True)
class Tags:
    """What a condition lists; `is_any` says that it is `*`, any state there is."""

    listed: tuple[Tag, ...] = ()
    is_any: bool = False

    def match_strongly(self, opaque: str | None) -> bool:
        """Return whether the tag of an answer, which may have none, is listed (§8.8.3.2: no weak one is ever equal)."""
        return self.is_any or any(tag.opaque == opaque and not tag.is_weak for tag in self.listed)

    def match_weakly(self, opaque: str | None) -> bool:
        """Return whether the tag of an answer is listed, weak or not."""
        return self.is_any or any(tag.opaque == opaque for tag in self.listed)

    def tell_strongly(self, state: State) -> bool:
        """Return whether a strong tag is listed that some form of this state has."""
        return self.is_any or _tell((tag for tag in self.listed if not tag.is_weak), state)

    def tell_weakly(self, state: State) -> bool:
        """Return whether a tag is listed that some form of this state has, weak or not."""
        return self.is_any or _tell(self.listed, state)


def _tell(tags: Iterable[Tag], state: State) -> bool:
    for tag in tags:
        version, *rest = tag.opaque.split(".")
        if version == state.version and (len(rest) + 1 < _PARTS_WITH_TIME or rest[0] == f"{state.modified_us:x}"):
            return True
    return False


@dataclass(frozen=True, slots=True)
class Condition:
    """What a request wants to be true: its If-Match and its If-None-Match, or None where it has no such header."""

    if_match: Tags | None
    if_none_match: Tags | None

    def is_met(self, state: State) -> bool:
        """Return whether an entity in this state may be changed (§13.2.2)."""
        if self.if_match is not None and not self.if_match.tell_strongly(state):
            return False
        return self.if_none_match is None or not self.if_none_match.tell_weakly(state)


def parse_condition(if_match: str | None, if_none_match: str | None) -> Condition:
    """Return the condition that these headers make. Raises InvalidRequest."""
    return Condition(_parse(if_match, "If-Match"), _parse(if_none_match, "If-None-Match"))


def _parse(text: str | None, name: str) -> Tags | None:
    if text is None:
        return None
    if text.strip() == "*":
        return Tags(is_any=True)
    tags: list[Tag] = []
    position = 0
    while position < len(text):
        found = _ELEMENT.match(text, position)
        if found is None:
            tags = []
            break
        if found[2] is not None:
            tags.append(Tag(found[2], found[1] is not None))
        position = found.end()
    if not tags:
        raise InvalidRequest(
            f"The header {name} is {text[:100]!r}; it has to be * or a list of entity tags in quotation marks, as ETag"
            " told them."
        )
    return Tags(tuple(tags))


def version_of(context_id: int, body: bytes) -> str:
    """Return the version of an entity that is stored as these bytes in the names of this @context."""
    # What is stored ends with a brace, so a number behind it is no part of another entity.
    return sha256(b"%b%d" % (body, context_id) if context_id else body).hexdigest()[:_DIGITS]


def form_tag(version: str, answered: Iterable[bytes], modified_us: int | None = None) -> str:
    """Return the tag, without its quotation marks, of a form of an entity: `answered` is all that is told of it.

    `modified_us` is told where the form shows times.
    """
    digest = sha256()
    for part in answered:
        digest.update(b"%d:%b" % (len(part), part))
    time = () if modified_us is None else (f"{modified_us:x}",)
    return ".".join((version, *time, digest.hexdigest()[:_DIGITS]))
