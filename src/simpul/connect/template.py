"""Templates: text with `{column}` in it, for ids, relationships and names. No attributes here."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from simpul.connect.fields import suggest
from simpul.connect.values import RowRejected, show, text_of
from simpul.domain.lexical import is_uri

Render = Callable[[Sequence[Any]], str | None]
Refine = Callable[[str], str]

_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_URI_SAFE = re.compile(r"[A-Za-z0-9._~:@!$*+,-]*\Z")
_NO_WORD = re.compile(r"[^a-z0-9]+")


class Placeholder(NamedTuple):
    """One `{column|filter}`."""

    column: str
    filter: str | None


def slug(text: str) -> str:
    """Return text as lower-case words joined by hyphens."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return _NO_WORD.sub("-", plain).strip("-")


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())


def uri_part(text: str) -> str:
    """Return text as it may stand inside a URI."""
    return text if _URI_SAFE.match(text) else quote(text, safe="._~:@!$*+,-")


def _as_uri(text: str) -> str:
    if not is_uri(text):
        raise RowRejected("id", f"{show(text)} is no URI, such as urn:ngsi-ld:BusStop:padang:7")
    return text


# The whole of a URI that a column has already, as another hub's entities do; it is not made part of another one.
URI: Final = "uri"
FILTERS: Final[dict[str, Refine]] = {
    "slug": slug, "lower": str.lower, "upper": str.upper, "digits": _digits, URI: _as_uri,
}  # fmt: skip


def parse_template(text: str) -> list[str | Placeholder]:
    """Return the parts of a template. Raises ValueError with what would be right."""
    parts: list[str | Placeholder] = []
    end = 0
    for match in _PART.finditer(text):
        parts.append(text[end : match.start()])
        end = match.end()
        if match[0] in ("{{", "}}"):
            parts.append(match[0][0])
        elif match[1] is None:
            message = f"{text!r} has a lone {match[0]!r}; write {{column}}, or {match[0] * 2} for the character itself"
            raise ValueError(message)
        else:
            parts.append(_parse_placeholder(match[1]))
    parts.append(text[end:])
    return [part for part in parts if part != ""]


def _parse_placeholder(text: str) -> Placeholder:
    column, bar, name = text.partition("|")
    column, name = column.strip(), name.strip()
    if not column:
        raise ValueError("{} needs the name of a column between the braces")
    if bar and name not in FILTERS:
        raise ValueError(f"there is no filter {name!r}{suggest(name, FILTERS)} (filters: {', '.join(FILTERS)})")
    return Placeholder(column, name or None)


def check_template(text: str) -> str | None:
    """Return what is wrong with a template, or None."""
    try:
        parse_template(text)
    except ValueError as error:
        return str(error)
    return None


def check_uri_template(text: str) -> str | None:
    """Return what is wrong with a template that must give URIs, or None."""
    wrong = check_template(text)
    if wrong is not None:
        return wrong
    parts = parse_template(text)
    head = parts[0] if parts else ""
    if len(parts) == 1 and isinstance(head, Placeholder) and head.filter == URI:
        return None
    if any(isinstance(part, Placeholder) and part.filter == URI for part in parts):
        return f"{text!r}: a column with a whole URI stands alone, as in {{@id|uri}}"
    if not isinstance(head, str) or not re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", head):
        return f"{text!r} does not begin as a URI does; write, for example, urn:ngsi-ld:BusStop:padang:{{id}}"
    return None


def template_columns(text: str) -> list[str]:
    """Return the columns that a template names, in order."""
    return [part.column for part in parse_template(text) if isinstance(part, Placeholder)]


def compile_template(text: str, index: Mapping[str, int], finish: Refine | None = None) -> Render:
    """Return a function from a row to the filled-in text, or None where a column is not known.

    `finish` is applied to each column's text (percent-encoding, in a URI).
    """
    parts = parse_template(text)
    if len(parts) == 2 and isinstance(parts[0], str) and isinstance(parts[1], Placeholder):
        return _compile_suffix(parts[0], *_slot(parts[1], index, finish))

    slots = [part if isinstance(part, str) else _slot(part, index, finish) for part in parts]

    def render(row: Sequence[Any]) -> str | None:
        pieces: list[str] = []
        for slot in slots:
            if isinstance(slot, str):
                pieces.append(slot)
                continue
            cell = row[slot[0]]
            if cell is None:
                return None
            pieces.append(slot[1](cell))
        return "".join(pieces)

    return render


def _compile_suffix(prefix: str, position: int, refine: Callable[[Any], str]) -> Render:
    # `urn:…:{id}` is nearly every template there is; this form takes a third of the general one's time.
    def render(row: Sequence[Any]) -> str | None:
        cell = row[position]
        return None if cell is None else prefix + refine(cell)

    return render


def _slot(part: Placeholder, index: Mapping[str, int], finish: Refine | None) -> tuple[int, Callable[[Any], str]]:
    steps = [step for step in (FILTERS[part.filter] if part.filter else None, finish) if step is not None]
    if part.filter == URI:
        steps = [FILTERS[URI]]

    def refine(cell: Any) -> str:
        text = cell if type(cell) is str else text_of(cell)
        for step in steps:
            text = step(text)
        return text

    return index[part.column], refine
