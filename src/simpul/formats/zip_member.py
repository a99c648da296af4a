"""One member of a ZIP archive that nobody vouches for, as a stream of bytes. What is in it is not known here."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, BinaryIO, Final

from simpul import limits

_END: Final = b"PK\x05\x06"
_END_BYTES: Final = 22
_END_64: Final = b"PK\x06\x06"
_LOCATOR_64: Final = b"PK\x06\x07"
_LOCATOR_64_BYTES: Final = 20
_END_64_BYTES: Final = 56 + _LOCATOR_64_BYTES
_COMMENT_BYTES_MAX: Final = 65_535
_ENCRYPTED: Final = 1


class ArchiveBroken(Exception):
    """Why an archive, or a member of it, is not read."""


def open_archive(file: BinaryIO) -> zipfile.ZipFile:
    """Return an archive whose directory is of acceptable size. Raises ArchiveBroken."""
    with told():
        _look_at_directory(file)
        return zipfile.ZipFile(file)


def _look_at_directory(file: BinaryIO) -> None:
    """Refuse a directory that takes too much memory: the library holds it whole."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _END_BYTES - _COMMENT_BYTES_MAX - _END_64_BYTES))
    tail = file.read()
    place = tail.rfind(_END)
    if place < 0 or len(tail) - place < _END_BYTES:
        raise ArchiveBroken("it is no ZIP archive, or was cut off")
    directory = struct.unpack_from("<L", tail, place + 12)[0]
    if tail[place - _LOCATOR_64_BYTES : place].startswith(_LOCATOR_64):
        # The library believes this one instead, whatever the other says.
        end_64 = tail[max(0, place - _END_64_BYTES) : place]
        if not end_64.startswith(_END_64):
            raise ArchiveBroken("its list of files is not where it should be")
        directory = struct.unpack_from("<Q", end_64, 40)[0]
    if directory > limits.ZIP_DIRECTORY_BYTES_MAX:
        raise ArchiveBroken("its list of files is too long")


def find_member(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo | None:
    """Return the member of this name, or None. Raises ArchiveBroken for one that must not be read."""
    found = [member for member in archive.infolist() if member.filename == name]
    if not found:
        return None
    if len(found) > 1:
        raise ArchiveBroken(f"it holds {name} more than once")
    member = found[0]
    if member.flag_bits & _ENCRYPTED:
        raise ArchiveBroken(f"{name} is protected with a password")
    if member.file_size > limits.ZIP_MEMBER_BYTES_MAX:
        raise ArchiveBroken(
            f"{name} unpacks to {member.file_size:,} bytes; at most {limits.ZIP_MEMBER_BYTES_MAX:,} are read"
        )
    is_large = member.file_size > limits.ZIP_MEMBER_FREE_BYTES
    if is_large and member.file_size > member.compress_size * limits.ZIP_MEMBER_RATIO_MAX:
        raise ArchiveBroken(
            f"{name} unpacks to more than {limits.ZIP_MEMBER_RATIO_MAX} times its size, which no table does"
        )
    return member


def open_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes]:
    """Return the bytes of a member: never more than its directory says. Raises ArchiveBroken."""
    with told():
        return archive.open(member)


@contextmanager
def told() -> Iterator[None]:
    """Raise what the library says of a damaged archive as ArchiveBroken."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, struct.error) as error:
        raise ArchiveBroken(str(error).rstrip(".") or "it is damaged") from error
