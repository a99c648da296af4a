"""What every place has in common where files arrive: what waits there, oldest first, and where it is put away."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from hashlib import blake2b
from pathlib import Path
from typing import Final, NamedTuple, Protocol

DONE: Final = "done"
BAD: Final = "bad"
# How programs call a file that they have not brought to its end.
_UNFINISHED: Final = (".part", ".partial", ".filepart", ".tmp", ".temp", ".crdownload", ".swp")
# Where the system shows a program its open files by their numbers.
DESCRIPTORS: Final = Path("/proc/self/fd")
_MARK_BYTES: Final = 16
_MARK_BITS_IN_NUMBER: Final = 20
# Enough for `limits.SOURCE_ROWS_MAX`.
_ROW_BITS: Final = 26


class FileRefused(Exception):
    """A file has arrived that cannot be read. The text says why, as the end of a sentence about it."""


class Arrived(NamedTuple):
    """One file that has arrived. They sort by `order`, what came first before what came later.

    `key` is the one under which the place knows it, `name` the same for people, as valid text. `mark` changes when the
    file does. `first_number` is below the numbers of its rows, which no other file and no other run has.
    """

    order: int
    key: str
    name: str
    size_bytes: int
    mark: bytes
    first_number: int


class Numbering(NamedTuple):
    """As what a place numbers its files, which it may begin anew: then nobody can tell which of them are new."""

    name: str
    value: bytes
    where: str


class Fetched(Protocol):
    """A file that has arrived, in hand to be read. `name` is for people."""

    name: str
    path: Path

    def raise_if_changed(self) -> None:
        """Raise SourceUnreachable where the file was written to since it was fetched."""

    def close(self) -> None:
        """Let go of it."""


class LocalFile:
    """What was fetched from elsewhere, as a file of this machine that is gone once it is closed."""

    def __init__(self, name: str) -> None:
        self.name = name
        # Nothing is left behind of a file without a name, however the program ends.
        make = tempfile.TemporaryFile if DESCRIPTORS.is_dir() else tempfile.NamedTemporaryFile
        self._file = make()
        self.path = DESCRIPTORS / str(self._file.fileno()) if DESCRIPTORS.is_dir() else Path(str(self._file.name))

    def write(self, block: bytes) -> None:
        """Add to it."""
        self._file.write(block)

    def flush(self) -> None:
        """Let others that open it see what was added."""
        self._file.flush()

    def raise_if_changed(self) -> None:
        """It is ours: nobody writes to it."""

    def close(self) -> None:
        """Let it go."""
        self._file.close()


class Inbox(Protocol):
    """A place where files arrive. Used from one thread only."""

    def list_arrived(self) -> list[Arrived]:
        """Return what waits, oldest first; what is still being written is left out. Raises SourceError."""

    @property
    def has_unfinished(self) -> bool:
        """Return whether the last list left out a file because it is still being written."""

    @property
    def numbering(self) -> Numbering | None:
        """Return as what its files are numbered, where they are known by numbers."""

    def fetch(self, arrived: Arrived) -> Sequence[Fetched] | None:
        """Return the file, or all files that came as one; None where it is not there, or not for us.

        Raises FileRefused, SourceUnreachable.
        """

    def put_away(self, arrived: Arrived, refusal: str | None) -> None:
        """Take the file out of what waits; with a refusal it is put apart, with the refusal beside it.

        Raises SourceUnreachable.
        """

    def close(self) -> None:
        """Let go of connections, at any moment."""


def make_arrived(order: int, seconds: int, key: str, size_bytes: int, seen: Sequence[object]) -> Arrived:
    """Return what has arrived; `seen` is all by which a change of it would be noticed."""
    mark = blake2b(repr(tuple(seen)).encode("utf-8", "surrogatepass"), digest_size=_MARK_BYTES).digest()
    of_name = blake2b(mark + key.encode("utf-8", "surrogatepass"), digest_size=_MARK_BYTES).digest()
    tag = int.from_bytes(of_name) & ((1 << _MARK_BITS_IN_NUMBER) - 1)
    first_number = ((max(0, seconds) << _MARK_BITS_IN_NUMBER) | tag) << _ROW_BITS
    return Arrived(order, key, shown_name(key), size_bytes, mark, first_number)


def shown_name(key: str) -> str:
    """Return a file's name as valid text; bytes that are none become �."""
    return key.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def make_filter(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Return what says of a file's name whether it is read: it matches, and is no hidden or unfinished file's."""
    folded = [pattern.casefold() for pattern in patterns]

    def is_wanted(name: str) -> bool:
        plain = name.casefold()
        if plain.startswith((".", "~$")) or plain.endswith(_UNFINISHED):
            return False
        return any(fnmatchcase(plain, pattern) for pattern in folded)

    return is_wanted


def free_name(name: str, is_there: Callable[[str], bool]) -> str:
    """Return the name, or one with the time in it where it is taken: nothing that was put away is written over."""
    if not is_there(name):
        return name
    stem, dot, ending = name.rpartition(".")
    stem, ending = (stem, dot + ending) if stem else (name, "")
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"
    count = 0
    while is_there(candidate := f"{stem} {stamp}{f' {count}' if count else ''}{ending}"):
        count += 1
    return candidate
