"""The comments of a proposed source, in the visitor's language; what they comment on stays as it is."""

from __future__ import annotations

import re

from simpul.console.said import translate_by
from simpul.console.said_of_proposals import OF_PROPOSALS
from simpul.console.visit import Visit

# A line that is commented out is no comment: a rule that is off, and when the source is read.
_COMMENT = re.compile(r"^(\s*#\s+)(?!- |schedule:)(\S.*)$", re.MULTILINE)


def comments_in_language(visit: Visit, text: str) -> str:
    """Return a declaration with its comments in the visitor's language."""
    return translate_comments(text, visit.language, visit.city.time_zone)


def translate_comments(text: str, language: str, time_zone: str = "UTC") -> str:
    """Return a declaration with its comments in a language; a comment that no template fits stays as it is."""
    return _COMMENT.sub(lambda found: found[1] + translate_by(OF_PROPOSALS, found[2], language, time_zone), text)
