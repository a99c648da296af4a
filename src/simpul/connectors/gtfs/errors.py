"""What can be wrong with a GTFS dataset or feed, in our words. Messages hold no query: it may hold a secret."""

from __future__ import annotations

from collections.abc import Sequence

from simpul.connect.fields import suggest_or_end
from simpul.domain.errors import SourceMismatch

_SHOWN_MAX = 40


def no_archive(where: str, why: str, head: bytes) -> SourceMismatch:
    """Return the error for what is no archive that is read."""
    if head.lstrip()[:1] == b"<":
        return SourceMismatch(f"{where} is a web page, not a GTFS dataset. Is a login needed, or another URL?")
    return SourceMismatch(f"{where} is no GTFS dataset that can be read: {why}. Check what it is, or fetch it again.")


def broken(where: str, why: str) -> SourceMismatch:
    """Return the error for an archive that turns out to be damaged."""
    return SourceMismatch(
        f"{where} cannot be read on: {why}. Nothing of it is believed to have vanished; fetch it again."
    )


def no_file(where: str, name: str, members: Sequence[str]) -> SourceMismatch:
    """Return the error for a dataset without the file."""
    deeper = next((member for member in members if member.endswith(f"/{name}")), None)
    if deeper is not None:
        return SourceMismatch(
            f"{where} has {deeper}, and a GTFS dataset has {name} at its top. Pack it without a folder."
        )
    near = suggest_or_end(name, members)
    listed = ", ".join(members[:_SHOWN_MAX]) or "none"
    return SourceMismatch(f"{where} has no {name}{near} Its files: {listed}.")


def no_header(where: str) -> SourceMismatch:
    """Return the error for a file that is empty."""
    return SourceMismatch(f"{where} is empty: a file of a GTFS dataset begins with the names of its columns.")


def twice(where: str, name: str) -> SourceMismatch:
    """Return the error for a header with a name that is there twice."""
    return SourceMismatch(f"{where} has the column {name!r} twice. Ask for a header with each name once.")


def missing_columns(where: str, missing: Sequence[str], columns: Sequence[str]) -> SourceMismatch:
    """Return the error for a header that lacks what GTFS requires."""
    lacking, listed = ", ".join(missing), ", ".join(columns[:_SHOWN_MAX])
    return SourceMismatch(f"{where} lacks columns that GTFS requires: {lacking}. Its columns are: {listed}.")


def unknown_column(where: str, name: str, columns: Sequence[str]) -> SourceMismatch:
    """Return the error for a column that the declaration names and that is not there."""
    listed = ", ".join(columns[:_SHOWN_MAX])
    return SourceMismatch(f"{where} has no column {name!r}{suggest_or_end(name, columns)} Its columns are: {listed}.")


def not_text(where: str, encoding: str) -> SourceMismatch:
    """Return the error for bytes that are not in the encoding."""
    return SourceMismatch(
        f"{where} is not {encoding}, as GTFS should be; it is probably cp1252 (Windows): write encoding: cp1252."
    )


def not_text_at(where: str, encoding: str, line: int, byte: int) -> SourceMismatch:
    """Return the error for bytes that are not in the encoding, with the first such place."""
    return SourceMismatch(
        f"{where} is not {encoding}: see line {line}, byte {byte}. Is it cp1252 (Windows)? Then write encoding: cp1252."
    )


def long_line(where: str, line: int, most: int) -> SourceMismatch:
    """Return the error for a line that has no end."""
    return SourceMismatch(f"{where}: line {line} is longer than {most:,} characters; is it a text file?")


def too_many(where: str, what: str, most: int) -> SourceMismatch:
    """Return the error for more than is held at once."""
    return SourceMismatch(f"{where} has more than {most:,} {what}; divide the dataset.")


def scattered(where: str, shape: str) -> SourceMismatch:
    """Return the error for a line whose points do not stand together."""
    return SourceMismatch(
        f"{where} tells the line {shape!r} in several places; its points must stand one under the other."
    )


def no_feed(where: str, why: str, head: bytes) -> SourceMismatch:
    """Return the error for what is no feed."""
    if head.lstrip()[:1] in (b"<", b"{"):
        return SourceMismatch(f"{where} answers with text, and a GTFS Realtime feed is protobuf. Is it another URL?")
    return SourceMismatch(f"{where} is no GTFS Realtime feed that can be read: {why}. Check the URL.")
