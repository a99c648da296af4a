"""What has changed between two readings of a source, so that only that is delivered. No queue, no line, no hub here.

Rows are put together in blocks; where a block ends depends on its last row alone, so that a row that is new or gone
changes the blocks beside it and no other. Whoever reads keeps the digests of the blocks. Changes are packed as rows are
(`raw_rows`): the head of the rows, then in their order blocks that are kept of the reading before, with the
numbers that their first rows have now, and rows that are new. What is put together must have the digest that was told.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import msgspec

from simpul import limits
from simpul.connect.raw_rows import COMPRESSION, LENGTH_BYTES, PackedReading
from simpul.domain.errors import SourceUnreachable

DIGEST_BYTES: Final = 8
_BLOCK_ROWS_MAX: Final = 256
# One of so many rows ends its block.
_ROWS_PER_BLOCK: Final = 16
_KEPT_BLOCKS_MAX: Final = 10_000
_NEWS_BYTES: Final = 1024 * 1024
_KEEP: Final = "keep"
_ROWS: Final = "rows"
_END: Final = "end"

_encode = msgspec.msgpack.Encoder().encode
_decode_number = msgspec.msgpack.Decoder(int).decode
_decode_parts = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode


class ChangesBroken(Exception):
    """Changes that do not fit what was there before; the whole rows are wanted."""


class Block(NamedTuple):
    """Some rows that follow each other: their digest, the number of the first, and their frames."""

    digest: bytes
    first_number: int
    frames: list[bytes]


class Blocks:
    """Puts frames of rows together in blocks, one after the other."""

    def __init__(self) -> None:
        self._frames: list[bytes] = []
        self._first_number = 0
        self._content = hashlib.blake2b(digest_size=DIGEST_BYTES)

    def add(self, frame: bytes) -> Block | None:
        """Take the next row; return the block that it ends, if it does."""
        number, rest = _split(frame)
        if not self._frames:
            self._first_number = number
        self._frames.append(frame)
        self._content.update(_encode(number - self._first_number) + rest)
        is_end = hashlib.blake2b(rest, digest_size=1).digest()[0] % _ROWS_PER_BLOCK == 0
        return self.end() if is_end or len(self._frames) == _BLOCK_ROWS_MAX else None

    def end(self) -> Block | None:
        """Return what is left as a block, if there is something."""
        if not self._frames:
            return None
        block = Block(self._content.digest(), self._first_number, self._frames)
        self._frames, self._content = [], hashlib.blake2b(digest_size=DIGEST_BYTES)
        return block


def _split(frame: bytes) -> tuple[int, bytes]:
    """Return the number of a row, and all else of its frame."""
    raw = bytes(_decode_parts(frame)[0])
    return _decode_number(raw), frame[:1] + frame[1 + len(raw) :]


def _with_number(frame: bytes, shift: int) -> bytes:
    """Return the frame of the same row with its number moved."""
    if shift == 0:
        return frame
    number, rest = _split(frame)
    return rest[:1] + _encode(number + shift) + rest[1:]


class Changes(NamedTuple):
    """What changed since the reading with the digest `base`: packed, and the digest of the rows that it gives."""

    base: str
    rows_digest: str
    body: bytes


class ChangeWriter:
    """Watches rows on their way into a file and notes what of them is not in the reading before.

    `blocks` are the digests of that reading, one after the other. It gives up where most is new.
    """

    def __init__(self, base: str, blocks: bytes) -> None:
        self._base = base
        self._before = [blocks[at : at + DIGEST_BYTES] for at in range(0, len(blocks), DIGEST_BYTES)]
        self._places: dict[bytes, int] = {}
        for place, digest in enumerate(self._before):
            self._places.setdefault(digest, place)
        self._last = -1
        # Kept blocks that were not written yet: the place of the first, and what numbers their first rows have now.
        self._first_kept = 0
        self._numbers: list[int] = []
        self._blocks = Blocks()
        self._now = bytearray()
        self._digest = hashlib.sha256()
        self._buffer = BytesIO()
        self._is_head = True
        self._news: list[bytes] = []
        self._news_bytes = 0
        self._given_up = not base
        self._file = gzip.GzipFile(fileobj=self._buffer, mode="wb", compresslevel=COMPRESSION, mtime=0, filename="")

    def see(self, frame: bytes) -> None:
        """Take the next frame, the head first."""
        self._digest.update(len(frame).to_bytes(LENGTH_BYTES, "big") + frame)
        if self._is_head:
            self._is_head = False
            self._put(frame)
            return
        block = self._blocks.add(frame)
        if block is not None:
            self._take(block)

    def _take(self, block: Block) -> None:
        self._now += block.digest
        if self._given_up:
            return
        place = self._last + 1
        if place >= len(self._before) or self._before[place] != block.digest:
            place = self._places.get(block.digest, -1)
        if place > self._last:
            self._write_news()
            self._last = place
            self._keep(place, block.first_number)
        else:
            self._write_kept()
            for frame in block.frames:
                self._news.append(frame)
                self._news_bytes += len(frame)
                if self._news_bytes >= _NEWS_BYTES:
                    self._write_news()

    def _keep(self, place: int, first_number: int) -> None:
        if self._first_kept + len(self._numbers) != place:
            self._write_kept()
        if not self._numbers:
            self._first_kept = place
        self._numbers.append(first_number)
        if len(self._numbers) == _KEPT_BLOCKS_MAX:
            self._write_kept()

    def _write_kept(self) -> None:
        numbers, self._numbers = self._numbers, []
        if numbers:
            # Numbers are told as steps, which pack well.
            steps = [numbers[0], *(after - before for before, after in pairwise(numbers))]
            self._put(_encode([_KEEP, self._first_kept, steps]))

    def _write_news(self) -> None:
        news, self._news, self._news_bytes = self._news, [], 0
        if news:
            self._put(_encode([_ROWS, news]))

    def _put(self, frame: bytes) -> None:
        if self._given_up:
            return
        self._file.write(len(frame).to_bytes(LENGTH_BYTES, "big") + frame)
        if self._buffer.tell() > limits.DELIVERED_CHANGES_BYTES_MAX:
            self._given_up = True
            self._file.close()
            self._buffer = BytesIO()

    def finish(self, size: int) -> tuple[Changes | None, bytes]:
        """Return what changed, where that is much less than the `size` bytes of all, and the digests of the blocks."""
        rest = self._blocks.end()
        if rest is not None:
            self._take(rest)
        self._write_kept()
        self._write_news()
        rows_digest = self._digest.hexdigest()
        self._put(_encode([_END]))
        if not self._given_up:
            self._file.close()
        body = self._buffer.getvalue()
        if self._given_up or len(body) * limits.DELIVERED_CHANGES_RATIO > size:
            return None, bytes(self._now)
        return Changes(self._base, rows_digest, body), bytes(self._now)


class _Delivered(PackedReading):
    """What an agent delivered: a frame of changes has no more rows than one that is too large for it."""

    row_bytes_max = limits.DELIVERED_ROW_BYTES_MAX + 2 * _NEWS_BYTES


class _Before:
    """The blocks of the reading before, asked for in their order."""

    def __init__(self, reading: PackedReading) -> None:
        self._frames = reading.frames()
        self._blocks = Blocks()
        self._place = -1

    def block(self, place: int) -> Block:
        """Return the block at this place, which comes after those asked for before. Raises ChangesBroken."""
        while True:
            found = self._next()
            if found is None:
                raise ChangesBroken("a block is wanted that is not there")
            if self._place == place:
                return found

    def _next(self) -> Block | None:
        self._place += 1
        for frame in self._frames:
            block = self._blocks.add(frame)
            if block is not None:
                return block
        return self._blocks.end()


def put_together(before: Path, changes: Path, file: BinaryIO, rows_digest: str) -> None:
    """Write the rows that the changes make of those before, packed. Raises ChangesBroken."""
    digest = hashlib.sha256()
    try:
        with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=COMPRESSION, mtime=0, filename="") as packed:
            for frame in _frames_of(before, changes):
                framed = len(frame).to_bytes(LENGTH_BYTES, "big") + frame
                digest.update(framed)
                packed.write(framed)
                if file.tell() > limits.DELIVERY_BYTES_MAX:
                    raise ChangesBroken("they give more than is taken")
    except (SourceUnreachable, msgspec.DecodeError, ValueError, TypeError, IndexError, OverflowError) as error:
        raise ChangesBroken(str(error)) from error
    if digest.hexdigest() != rows_digest:
        raise ChangesBroken("what the changes give is not what the agent has read")


def _frames_of(before: Path, changes: Path) -> Iterator[bytes]:
    base = _Delivered(before)
    try:
        told = _Delivered(changes)
    except BaseException:
        base.close()
        raise
    try:
        yield told.head
        blocks = _Before(base)
        for frame in told.frames():
            step: list[Any] = msgspec.msgpack.decode(frame)
            if step[0] == _END:
                return
            yield from step[1] if step[0] == _ROWS else _kept(blocks, *step[1:])
        raise ChangesBroken("the changes break off")
    finally:
        base.close()
        told.close()


def _kept(blocks: _Before, first: int, steps: list[int]) -> Iterator[bytes]:
    number = 0
    for place, step in enumerate(steps, first):
        number += step
        block = blocks.block(place)
        shift = number - block.first_number
        for frame in block.frames:
            yield _with_number(frame, shift)
