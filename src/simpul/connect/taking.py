"""Rows taken in hand: what each is known by, and what it was worth. Nothing is mapped here, and no rule looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import msgspec

from simpul import limits
from simpul.connect.values import RowRejected, text_of

DIGEST_BYTES: Final = 16
KEY_SEPARATOR: Final = " | "
_PLAIN_KINDS: Final = frozenset({str, int, float, type(None), bool})

_encode = msgspec.msgpack.Encoder().encode

Used = tuple[Any, ...]


class Taken(NamedTuple):
    """A row in hand: what it is known by, what it was worth when read, its used cells and all of them.

    `verdict` is what its place among the other rows says against it: a copy of an earlier one.
    """

    key: str
    digest: bytes
    used: Used
    cells: Sequence[Any]
    verdict: RowRejected | None


# As `Taken._make`, without a call of Python for each row.
_make_taken = partial(tuple.__new__, Taken)


def taken_of(
    keys: Sequence[str], digests: Sequence[bytes], used: Sequence[Used], cells: Sequence[Sequence[Any]],
    verdicts: Sequence[RowRejected | None],
) -> list[Taken]:  # fmt: skip
    """Return the rows of these columns."""
    return list(map(_make_taken, zip(keys, digests, used, cells, verdicts, strict=True)))


def key_text(cell: Any) -> str:
    """Return what stands for the cell in a row's key; nothing where the cell is empty."""
    if type(cell) is str:
        text = cell.strip()
        return text.replace("|", "||") if "|" in text else text
    return "" if cell is None else text_of(cell)


def keys_of(used: Sequence[Used], positions: Sequence[int]) -> list[str] | None:
    """Return the keys of rows, or None where one of them has none, or one that is too long."""
    columns = [_key_texts([row[position] for row in used]) for position in positions]
    if any("" in column for column in columns):
        return None
    keys = columns[0] if len(columns) == 1 else list(map(KEY_SEPARATOR.join, zip(*columns, strict=True)))
    return None if max(map(len, keys), default=0) > limits.IDENTIFIER_CHARACTERS_MAX else keys


def _key_texts(column: list[Any]) -> list[str]:
    """Return what `key_text` returns of each; most columns of keys are of one kind."""
    kinds = set(map(type, column))
    if kinds == {int}:
        return list(map(str, column))
    if kinds == {str}:
        return [text.strip().replace("|", "||") for text in column]
    return list(map(key_text, column))


def digests_of(version: bytes, used: Sequence[Used], verdicts: Iterable[RowRejected | None]) -> list[bytes]:
    """Return a digest of each row: of the version, its used cells, and what is said against it."""
    begin = blake2b(version, digest_size=DIGEST_BYTES).copy
    digests: list[bytes] = []
    for content, verdict in zip(_contents_of(used), verdicts, strict=True):
        digest = begin()
        digest.update(content)
        if verdict is not None:
            digest.update(verdict.reason.encode("utf-8", "surrogatepass"))
        digests.append(digest.digest())
    return digests


def _contents_of(used: Sequence[Used]) -> list[bytes]:
    """Return of each row bytes that are the same for the same cells only."""
    if all(_PLAIN_KINDS.issuperset(map(type, column)) for column in zip(*used, strict=True)):
        with suppress(UnicodeEncodeError, OverflowError):
            return list(map(_encode, used))
    return list(map(_content_of, used))


def _content_of(used: Used) -> bytes:
    """Return what `_contents_of` returns of one row. For most rows this takes a tenth of `repr`."""
    if _PLAIN_KINDS.issuperset(map(type, used)):
        # Half a character, or a number of more than 64 bits, is no msgpack.
        with suppress(UnicodeEncodeError, OverflowError):
            return _encode(used)
    return repr(used).encode("utf-8", "surrogatepass")
