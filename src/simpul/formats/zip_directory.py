"""How large the directory of a zip is, before anything reads it: a library holds all of it. No members here."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Final

_END: Final = b"PK\x05\x06"
_END_BYTES: Final = 22
_COMMENT_BYTES_MAX: Final = 65_535
_LOCATOR: Final = b"PK\x06\x07"
_LOCATOR_BYTES: Final = 20
_LONG_END_BYTES: Final = 56
_SAID_ELSEWHERE: Final = 0xFFFF_FFFF


def directory_bytes(path: Path) -> int:
    """Return how many bytes the directory says that it has; 0 where there is none. Raises OSError."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        start = max(0, size - _END_BYTES - _COMMENT_BYTES_MAX - _LOCATOR_BYTES)
        file.seek(start)
        tail = file.read()
        place = tail.rfind(_END)
        if place < 0 or len(tail) - place < _END_BYTES:
            return 0
        told = int(struct.unpack_from("<I", tail, place + 12)[0])
        locator = tail[max(0, place - _LOCATOR_BYTES) : place]
        if told != _SAID_ELSEWHERE or not locator.startswith(_LOCATOR) or len(locator) < _LOCATOR_BYTES:
            return told
        # Of a large archive (ZIP64) the size stands in a record of its own.
        file.seek(min(size, struct.unpack_from("<Q", locator, 8)[0]))
        record = file.read(_LONG_END_BYTES)
        return int(struct.unpack_from("<Q", record, 40)[0]) if len(record) == _LONG_END_BYTES else told
