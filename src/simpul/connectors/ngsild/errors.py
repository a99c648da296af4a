"""What can be wrong with another hub's answer, in our words. Messages hold no query: it may hold a secret."""

from __future__ import annotations

from simpul.domain.errors import SourceMismatch


def not_entities(where: str, body: bytes, why: str) -> SourceMismatch:
    """Return the error for an answer that is no list of entities."""
    if body.lstrip()[:1] == b"<":
        return SourceMismatch(f"{where} answers with a page, not with entities. Does the URL end with /ngsi-ld/v1?")
    return SourceMismatch(
        f"{where} answers with what is no list of entities: {why.rstrip('.')}. Does the URL end with /ngsi-ld/v1?"
    )


def no_types(where: str, body: bytes) -> SourceMismatch:
    """Return the error for an answer that is no list of types."""
    if body.lstrip()[:1] == b"<":
        return SourceMismatch(f"{where} answers with a page, not with types. Is it a hub that speaks NGSI-LD?")
    return SourceMismatch(f"{where} answers with no list of types. Is it a hub that speaks NGSI-LD?")


def shifted(where: str) -> SourceMismatch:
    """Return the error for pages that do not fit together."""
    return SourceMismatch(
        f"{where} changed while it was read, or gives its pages in no fixed order: a page does not go on where the one "
        "before it ended. Nothing vanished; run it again, or ask for larger pages (size)."
    )


def too_many_pages(where: str, most: int) -> SourceMismatch:
    """Return the error for pages without an end."""
    return SourceMismatch(f"{where} has more than {most:,} pages of entities; divide the source.")
