"""Which media type to answer with, which one came, and which @context a Link header names. No bodies here."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import quote

from simpul import limits
from simpul.domain.errors import BadRequestData, InvalidRequest, NotAcceptable, UnsupportedMediaType
from simpul.http.exchange import GEO_JSON, JSON, LD_JSON, MERGE_PATCH_JSON

ANY_JSON = (JSON, LD_JSON)
ANY_JSON_OR_GEO = (JSON, LD_JSON, GEO_JSON)
BODY_TYPES = (JSON, LD_JSON)
PATCH_BODY_TYPES = (JSON, LD_JSON, MERGE_PATCH_JSON)

CONTEXT_RELATION = "http://www.w3.org/ns/json-ld#context"

_LINK = re.compile(r'<([^<>]*)>((?:\s*;\s*[^\s;,="]+\s*(?:=\s*(?:"[^"]*"|[^\s;,"]*))?)*)')
_RELATION = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]*))', re.IGNORECASE)


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                # No weight is the weight 1 (RFC 9110 §12.4.2), and this is none.
                return 1.0
    return 1.0


def _weigh(media_type: str, ranges: list[tuple[str, float]]) -> float:
    """Return the quality that the most specific range gives the type."""
    family = media_type.split("/", maxsplit=1)[0] + "/*"
    for pattern in (media_type, family, "*/*"):
        for name, quality in ranges:
            if name == pattern:
                return quality
    return 0.0


def raise_if_long(header: str, name: str) -> None:
    """Refuse a header that is too long to be meant, and that would fill what is remembered of others."""
    if len(header) > limits.HEADER_CHARACTERS_MAX:
        raise InvalidRequest(
            f"The header {name} has {len(header)} characters; at most {limits.HEADER_CHARACTERS_MAX} are read."
        )


def negotiate(accept: str, offered: tuple[str, ...]) -> str:
    """Return the offered media type that `Accept` likes best (RFC 9110 §12.5.1); the first one if it is absent.

    Of those that it likes as well, it is the first that is offered (CIM 009 §6.3.4), wherever it stands in the header.
    """
    if not accept:
        return offered[0]
    raise_if_long(accept, "Accept")
    return _negotiate(accept, offered)


@lru_cache(maxsize=512)
def _negotiate(accept: str, offered: tuple[str, ...]) -> str:
    ranges: list[tuple[str, float]] = []
    for part in accept.split(","):
        name, *parameters = part.split(";")
        if name.strip():
            ranges.append((name.strip().lower(), _quality(parameters)))
    best = max(offered, key=lambda media_type: _weigh(media_type, ranges))
    if _weigh(best, ranges) <= 0:
        raise NotAcceptable(
            f"None of the formats in Accept: {accept[:200]} can be given; here it can be {_or(offered)}."
        )
    return best


def parse_content_type(header: str, understood: tuple[str, ...]) -> str:
    """Return the media type of the body, which has to be one of those understood, in UTF-8."""
    raise_if_long(header, "Content-Type")
    return _parse_content_type(header, understood)


@lru_cache(maxsize=256)
def _parse_content_type(header: str, understood: tuple[str, ...]) -> str:
    name, *parameters = header.split(";")
    media_type = name.strip().lower()
    if media_type not in understood:
        found = f"The body's Content-Type is {media_type[:200]}" if media_type else "The body has no Content-Type"
        raise UnsupportedMediaType(f"{found}; here it can be {_or(understood)}.")
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "charset" and value.strip().strip('"').lower() not in {"utf-8", "utf8", "us-ascii"}:
            raise UnsupportedMediaType(f"The body's charset is {value.strip()[:40]}; JSON is sent in UTF-8.")
    return media_type


def parse_context_link(header: str) -> str | None:
    """Return the URL of the @context that the Link header names, or None (CIM 009 §6.3.5)."""
    if not header:
        return None
    raise_if_long(header, "Link")
    return _parse_context_link(header)


@lru_cache(maxsize=1024)
def _parse_context_link(header: str) -> str | None:
    urls: list[str] = []
    for url, parameters in _LINK.findall(header):
        for quoted, bare in _RELATION.findall(parameters):
            if CONTEXT_RELATION in (quoted or bare).split():
                urls.append(url.strip())
    if len(urls) > 1:
        raise BadRequestData(f"The Link header names {len(urls)} @contexts; it can name one.")
    if urls and not urls[0]:
        raise BadRequestData("The Link header names an empty URL as the @context.")
    return urls[0] if urls else None


@lru_cache(maxsize=1024)
def context_link_header(url: str) -> bytes:
    """Return the value of the Link header that tells which @context an answer's names are from."""
    safe = quote(url, safe="%/:=&?~#+!$,;'@()*[]").encode("ascii")
    return b"<" + safe + b'>; rel="' + CONTEXT_RELATION.encode() + b'"; type="application/ld+json"'


def _or(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
