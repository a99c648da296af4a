"""Which documents an @context names, so that all of them can be had before it is read. No fetching, no terms here."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

from simpul.domain.core_context import CORE_CONTEXT_URLS
from simpul.domain.errors import BadRequestData


def join_url(base: str, url: str) -> str:
    """Return the URL that a document at `base` means. Raises BadRequestData for what can be none."""
    try:
        return urljoin(base, url)
    except ValueError as error:
        raise BadRequestData(
            f"The @context {base[:200]} names {url[:200]!r}, which is no URL. Write it whole, such as"
            " https://example.org/context.jsonld."
        ) from error


def list_references(context: Any, base: str) -> list[str]:
    """Return the URLs that the value of an @context names itself, whole, without the core one's. Any value will do."""
    found: dict[str, None] = {}
    waiting = [context]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            found[join_url(base, part)] = None
        elif isinstance(part, list):
            waiting += part
        elif isinstance(part, dict) and "@context" in part:
            waiting.append(part["@context"])
        elif isinstance(part, dict) and isinstance(part.get("@import"), str):
            found[join_url(base, part["@import"])] = None
    return [url for url in found if url not in CORE_CONTEXT_URLS]
