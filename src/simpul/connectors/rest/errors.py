"""What can be wrong with a service's answer, in our words. Messages hold no query: it may hold a secret."""

from __future__ import annotations

from collections.abc import Sequence

from simpul.domain.errors import SourceMismatch

_SHOWN_CHARACTERS = 120
_PATHS_SHOWN_MAX = 20


def not_json(where: str, body: bytes, why: str) -> SourceMismatch:
    """Return the error for an answer that is something else."""
    if body.lstrip()[:1] == b"<":
        return SourceMismatch(
            f"{where} answers with a page, not with JSON. Is the URL that of the interface, or a login?"
        )
    return SourceMismatch(
        f"{where} answers with what is no JSON: {why.rstrip('.')}. Check that the URL is that of the interface."
    )


def no_list(where: str, wanted: Sequence[str], found: Sequence[str]) -> SourceMismatch:
    """Return the error for an answer in which the list is not where it should be."""
    known = f"Lists are at: {', '.join(found[:_PATHS_SHOWN_MAX])}." if found else "There is no list of records in it."
    if wanted:
        return SourceMismatch(f"{where} has no list at {' or '.join(wanted)}. {known}")
    return SourceMismatch(f"{where} does not say which list is meant. {known} Write list: and one of them.")


def refused(where: str, message: str) -> SourceMismatch:
    """Return the error for an answer that tells of an error where the list should be."""
    return SourceMismatch(
        f"{where} answers with a message instead of a list: {message[:_SHOWN_CHARACTERS]!r}. Check the URL, its "
        "parameters and 'auth'."
    )


def same_page(where: str, parameter: str, number: int) -> SourceMismatch:
    """Return the error for a service that gives the same page again and again."""
    return SourceMismatch(
        f"{where} gives the same rows for page {number} as for the one before; it seems not to know the parameter "
        f"{parameter!r}. Check 'pages'."
    )


def too_many_pages(where: str, most: int) -> SourceMismatch:
    """Return the error for pages without an end."""
    return SourceMismatch(f"{where} has more than {most:,} pages; ask for larger ones, or divide the source.")


def missing_rows(where: str, announced: int, came: int) -> SourceMismatch:
    """Return the error for a list that ends before its told end."""
    return SourceMismatch(
        f"{where} says that it has {announced:,} rows, and gave {came:,}. Check 'pages'; nothing vanished."
    )
