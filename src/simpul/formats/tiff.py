"""Single samples of a TIFF (TIFF 6.0 and BigTIFF), read where they are. No places and no coordinates here.

Only the tile or strip that holds a sample is read and unpacked, and some of them are kept. What is read: tiles and
strips, whole or one band apart, not packed or packed with LZW, Deflate or PackBits, with either predictor, of integers
and floating-point numbers of 8 to 64 bits. The first image of a file counts; smaller copies behind it do not.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections import OrderedDict
from typing import Any, BinaryIO, Final, NamedTuple

from simpul import limits
from simpul.formats import lzw

_TYPES: Final = {1: "B", 2: "s", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I",
                 16: "Q", 17: "q", 18: "Q"}  # fmt: skip
_ENTRIES_MAX: Final = 4_096
_VALUES_MAX: Final = 65_536
_NOT_PACKED: Final = 1
_LZW: Final = 5
_DEFLATE: Final = frozenset({8, 32946})
_PACK_BITS: Final = 32773
_NAMES: Final = {6: "JPEG", 7: "JPEG", 34712: "JPEG 2000", 34887: "LERC", 50000: "Zstandard", 50001: "WebP"}
_SAMPLES: Final = {(1, 8): "B", (1, 16): "H", (1, 32): "I", (1, 64): "Q", (2, 8): "b", (2, 16): "h", (2, 32): "i",
                   (2, 64): "q", (3, 16): "e", (3, 32): "f", (3, 64): "d"}  # fmt: skip
_UNSIGNED: Final = {8: "B", 16: "H", 32: "I", 64: "Q"}
_DIFFERENCES: Final = 2
_FLOATING: Final = 3


class TiffBroken(Exception):
    """The file is none, or ends in the middle; the message says where."""


class TiffUnknown(Exception):
    """A kind of TIFF that is not read; the message says which."""


class _Tag(NamedTuple):
    type: str
    values: int
    place: int
    inline: bytes


class _Form(NamedTuple):
    """How numbers are written that say how many entries there are, and where something is; and what an entry has."""

    entries: str
    entry: str
    place: str
    place_at: int


_FORMS: Final = {42: _Form("H", "HHI", "I", 4), 43: _Form("Q", "HHQ", "Q", 8)}


class _Grid(NamedTuple):
    """How the image is divided."""

    width: int
    height: int
    across: int
    down: int
    offsets: _Tag
    counts: _Tag
    is_tiled: bool


class Tiff:
    """The samples of an open file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = file.seek(0, os.SEEK_END)
        self._tags = self._read_directory()
        self.width, self.height = self._number(256, 0), self._number(257, 0)
        self.bands = self._number(277, 1)
        if not (self.width and self.height and self.bands):
            raise TiffBroken("it does not say how large its image is")
        bits = set(self.numbers(258)) or {1}
        formats = set(self.numbers(339)) or {1}
        code = _SAMPLES.get((formats.pop(), bits.copy().pop())) if len(bits) == 1 and len(formats) == 1 else None
        if code is None:
            raise TiffUnknown(f"samples of {'/'.join(map(str, sorted(bits)))} bits in that form")
        self._code = code
        self._bits = bits.pop()
        self._packing = self._number(259, _NOT_PACKED)
        if self._packing not in {_NOT_PACKED, _LZW, _PACK_BITS} | _DEFLATE:
            raise TiffUnknown(f"images packed with {_NAMES.get(self._packing, f'method {self._packing}')}")
        self._predictor = self._number(317, 1) if self._packing != _NOT_PACKED else 1
        if self._predictor not in (1, _DIFFERENCES, _FLOATING) or self._number(266, 1) != 1:
            raise TiffUnknown(f"images with predictor {self._predictor}, or with their bits turned round")
        self._is_apart = self._number(284, 1) == 2
        self._grid = self._read_grid()
        self._kept: OrderedDict[int, bytes | None] = OrderedDict()
        self._kept_bytes = 0

    def _read_directory(self) -> dict[int, _Tag]:
        form, place = self._read_head()
        count_bytes = struct.calcsize(f"{self._order}{form.entries}")
        (count,) = struct.unpack(f"{self._order}{form.entries}", self._bytes_at(place, count_bytes))
        if count > _ENTRIES_MAX:
            raise TiffBroken(f"its list of tags has {count:,} entries")
        value_bytes = struct.calcsize(f"{self._order}{form.place}")
        entry_bytes = struct.calcsize(f"{self._order}{form.entry}") + value_bytes
        entries = self._bytes_at(place + count_bytes, count * entry_bytes)
        tags: dict[int, _Tag] = {}
        for start in range(0, len(entries), entry_bytes):
            number, kind, values = struct.unpack_from(f"{self._order}{form.entry}", entries, start)
            value = entries[start + entry_bytes - value_bytes : start + entry_bytes]
            code = _TYPES.get(kind)
            if code is not None and values * struct.calcsize(f"{self._order}{code}") <= value_bytes:
                tags[number] = _Tag(code, values, 0, value)
            elif code is not None:
                (there,) = struct.unpack(f"{self._order}{form.place}", value)
                tags[number] = _Tag(code, values, there, b"")
        return tags

    def _read_head(self) -> tuple[_Form, int]:
        """Return the form of the file's numbers, and where its list of tags is."""
        head = self._bytes_at(0, 16, may_be_short=True)
        order = {b"II": "<", b"MM": ">"}.get(head[:2])
        form = None if order is None or len(head) < 16 else _FORMS.get(struct.unpack_from(f"{order}H", head, 2)[0])
        if order is None or form is None:
            raise TiffBroken("it does not begin as a TIFF does")
        self._order = order
        return form, struct.unpack_from(f"{order}{form.place}", head, form.place_at)[0]

    def _read_grid(self) -> _Grid:
        is_tiled = 322 in self._tags
        across = self._number(322, 0) if is_tiled else self.width
        down = self._number(323, 0) if is_tiled else min(self._number(278, self.height), self.height)
        offsets, counts = (324, 325) if is_tiled else (273, 279)
        if not across or not down or offsets not in self._tags or counts not in self._tags:
            raise TiffBroken("it does not say where its image is")
        return _Grid(-(-self.width // across), -(-self.height // down), across, down, self._tags[offsets],
                     self._tags[counts], is_tiled)  # fmt: skip

    def numbers(self, tag: int) -> tuple[Any, ...]:
        """Return the values of a tag; none where it is not there. Raises TiffBroken."""
        found = self._tags.get(tag)
        if found is None:
            return ()
        if found.values > _VALUES_MAX:
            raise TiffBroken(f"its tag {tag} has {found.values:,} values")
        code = f"{self._order}{found.values}{found.type}"
        return struct.unpack(
            code, (found.inline or self._bytes_at(found.place, struct.calcsize(code)))[: struct.calcsize(code)]
        )

    def text(self, tag: int) -> str:
        """Return the text of a tag, empty where it is not there. Raises TiffBroken."""
        return b"".join(self.numbers(tag)).partition(b"\0")[0].decode("ascii", "replace").strip()

    def _number(self, tag: int, default: int) -> int:
        values = self.numbers(tag)
        return values[0] if values and isinstance(values[0], int) else default

    def sample(self, column: int, row: int, band: int) -> int | float | None:
        """Return one sample, all counted from 0; None where nothing was written. Raises TiffBroken, TiffUnknown."""
        if not (0 <= column < self.width and 0 <= row < self.height and 0 <= band < self.bands):
            raise IndexError("outside the image")
        grid = self._grid
        number = row // grid.down * grid.width + column // grid.across
        if self._is_apart:
            number += band * grid.width * grid.height
        across, down = column % grid.across, row % grid.down
        per_pixel, at = (1, 0) if self._is_apart else (self.bands, band)
        row_bytes = grid.across * per_pixel * self._bits // 8
        if self._packing == _NOT_PACKED:
            return self._plain_sample(number, down * row_bytes, across * per_pixel + at)
        segment = self._segment(number, row_bytes * self._rows_of(row // grid.down))
        if segment is None:
            return None
        line = segment[down * row_bytes : (down + 1) * row_bytes]
        if len(line) < row_bytes:
            raise TiffBroken(f"its part {number} ends before row {row}")
        return self._from_line(line, across, at, per_pixel)

    def _rows_of(self, at: int) -> int:
        grid = self._grid
        return grid.down if grid.is_tiled else min(grid.down, self.height - at * grid.down)

    def _plain_sample(self, number: int, line: int, at: int) -> int | float | None:
        place, count = self._where(number)
        if not count:
            return None
        start = line + at * self._bits // 8
        if start + self._bits // 8 > count:
            raise TiffBroken(f"its part {number} is shorter than it should be")
        return self._decoded(self._bytes_at(place + start, self._bits // 8))

    def _from_line(self, line: bytes, across: int, at: int, per_pixel: int) -> int | float:
        size = self._bits // 8
        position = across * per_pixel + at
        if self._predictor == _DIFFERENCES:
            # Each sample is the difference from the one before it, so all before it are summed.
            until = struct.unpack_from(f"{self._order}{position + 1}{_UNSIGNED[self._bits]}", line)
            total = sum(until[at::per_pixel]) % (1 << self._bits)
            return self._decoded(total.to_bytes(size, "little" if self._order == "<" else "big"))
        if self._predictor == _FLOATING:
            # First the highest bytes of all samples, then the next ones; and differences of bytes over all of them.
            samples = len(line) // size
            places = (byte * samples + position for byte in range(size))
            raw = bytes(sum(line[place % per_pixel : place + 1 : per_pixel]) & 0xFF for place in places)
            return self._decoded(raw if self._order == ">" else raw[::-1])
        return self._decoded(line[position * size : (position + 1) * size])

    def _decoded(self, raw: bytes) -> int | float:
        value: int | float = struct.unpack(f"{self._order}{self._code}", raw)[0]
        return value

    def _where(self, number: int) -> tuple[int, int]:
        found = tuple(self._value(tag, number) for tag in (self._grid.offsets, self._grid.counts))
        return found[0], found[1]

    def _value(self, tag: _Tag, number: int) -> int:
        code = f"{self._order}{tag.type}"
        size = struct.calcsize(code)
        if number >= tag.values:
            raise TiffBroken(f"it has no part {number}")
        raw = tag.inline[number * size : (number + 1) * size] or self._bytes_at(tag.place + number * size, size)
        return int(struct.unpack(code, raw)[0])

    def _segment(self, number: int, wanted: int) -> bytes | None:
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        if wanted > limits.RASTER_PART_BYTES_MAX:
            raise TiffUnknown(
                f"images in parts of {wanted:,} bytes (at most {limits.RASTER_PART_BYTES_MAX:,} are unpacked at once)"
            )
        place, count = self._where(number)
        segment = None
        if count:
            if count > 2 * limits.RASTER_PART_BYTES_MAX:
                raise TiffBroken(f"its part {number} has {count:,} bytes")
            segment = self._unpacked(self._bytes_at(place, count), wanted, number)
        self._kept[number] = segment
        self._kept_bytes += len(segment or b"")
        while self._kept_bytes > limits.RASTER_KEPT_BYTES_MAX and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._kept_bytes -= len(dropped or b"")
        return segment

    def _unpacked(self, packed: bytes, wanted: int, number: int) -> bytes:
        try:
            if self._packing == _LZW:
                return lzw.unpack(packed, wanted)
            if self._packing in _DEFLATE:
                return zlib.decompressobj().decompress(packed, wanted)
            return _pack_bits(packed, wanted)
        except (zlib.error, ValueError, IndexError) as error:
            raise TiffBroken(f"its part {number} is damaged ({error})") from error

    def _bytes_at(self, place: int, count: int, *, may_be_short: bool = False) -> bytes:
        if not may_be_short and place + count > self._size:
            raise TiffBroken(f"it has {self._size:,} bytes, and says that something is behind them; it was cut off")
        self._file.seek(place)
        return self._file.read(count)


def _pack_bits(packed: bytes, bytes_max: int) -> bytes:
    out, place = bytearray(), 0
    while place < len(packed) and len(out) < bytes_max:
        count = packed[place]
        if count < 128:
            out += packed[place + 1 : place + 2 + count]
            place += count + 2
        else:
            if count > 128:
                out += packed[place + 1 : place + 2] * (257 - count)
            place += 1 if count == 128 else 2
    return bytes(out[:bytes_max])
