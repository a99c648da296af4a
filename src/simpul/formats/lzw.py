"""LZW as TIFF packs it (TIFF 6.0, section 13): codes of 9 to 12 bits, the highest bit first. No files here."""

from __future__ import annotations

from typing import Final

_CLEAR: Final = 256
_END: Final = 257
_LEAST_BITS: Final = 9
_MOST_BITS: Final = 12
_FIRST: Final = [bytes([byte]) for byte in range(256)] + [b"", b""]


def unpack(packed: bytes, bytes_max: int) -> bytes:
    """Return what was packed, at most so many bytes of it. Raises ValueError for a code that cannot be."""
    out = bytearray()
    table = _FIRST.copy()
    width, held, held_bits = _LEAST_BITS, 0, 0
    before: bytes | None = None
    for byte in packed:
        held, held_bits = (held << 8 | byte), held_bits + 8
        if held_bits < width:
            continue
        held_bits -= width
        code = held >> held_bits
        held &= (1 << held_bits) - 1
        if code == _CLEAR:
            table, width, before = _FIRST.copy(), _LEAST_BITS, None
            continue
        if code == _END:
            break
        before = _entry(table, code, before)
        out += before
        if len(out) >= bytes_max:
            break
        # The width grows one code early.
        if len(table) >= (1 << width) - 1 and width < _MOST_BITS:
            width += 1
    return bytes(out[:bytes_max])


def _entry(table: list[bytes], code: int, before: bytes | None) -> bytes:
    """Return what a code means, and add what it teaches to the table. Raises ValueError."""
    if code > len(table) or (before is None and code >= _CLEAR):
        raise ValueError(f"the code {code} comes before it means anything")
    if before is None:
        return table[code]
    entry = before + before[:1] if code == len(table) else table[code]
    if len(table) < 1 << _MOST_BITS:
        table.append(before + entry[:1])
    return entry
