"""The attachments of a message (RFC 5322, MIME), one after the other, in bounded memory. Messages inside it are none.

The standard library holds a message several times over, as text. Here only its headers are that library's business;
what lies between the boundaries is decoded as it is read.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Iterator
from email.errors import MessageError
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import default
from pathlib import PurePath
from typing import IO, Final, NamedTuple

_BLOCK_BYTES: Final = 64 * 1024
_HEADERS_BYTES_MAX: Final = 256 * 1024
_DEPTH_MAX: Final = 20
_BASE64: Final = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="))


class MailBroken(Exception):
    """A message that cannot be taken apart. The text says why, as the end of a sentence about it."""


class Attachment(NamedTuple):
    """A file in a message. Its content is read before the next attachment is asked for."""

    name: str
    content: Iterator[bytes]


class _Boundary(NamedTuple):
    """A line between two parts: of which level, and whether that level ends with it."""

    level: int
    is_last: bool


class MessageReading:
    """A message that is read from its beginning to its end, once."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._boundaries: list[bytes] = []
        # The boundary at which reading stopped; None at the end of the message.
        self._met: _Boundary | None = None

    def attachments(self, is_wanted: Callable[[str], bool]) -> Iterator[Attachment]:
        """Yield the attachments whose names are wanted. Raises MailBroken."""
        while True:
            headers = self._headers()
            if not self._enter(headers):
                name = _name_of(headers)
                rest: Iterator[bytes] = self._lines()
                if name and is_wanted(name):
                    rest = self._content(headers)
                    yield Attachment(name, rest)
                for _ in rest:
                    pass
            if not self._go_to_next_part():
                return

    def _headers(self) -> EmailMessage:
        block = bytearray()
        while (line := self._file.readline(_BLOCK_BYTES)).strip(b"\r\n"):
            block += line
            if len(block) > _HEADERS_BYTES_MAX:
                raise MailBroken("a part of it has headers without an end")
        try:
            headers = BytesHeaderParser(policy=default).parsebytes(bytes(block))
        except (MessageError, ValueError, LookupError, AttributeError, TypeError) as error:
            raise MailBroken("a part of it has headers that make no sense") from error
        assert isinstance(headers, EmailMessage), "that policy makes them"
        return headers

    def _enter(self, headers: EmailMessage) -> bool:
        """Go into a part that has parts itself; return whether it is one."""
        if headers.get_content_maintype() != "multipart":
            return False
        boundary = headers.get_boundary()
        if not boundary:
            raise MailBroken("its parts have no boundary")
        if len(self._boundaries) >= _DEPTH_MAX:
            raise MailBroken(f"its parts lie in each other more than {_DEPTH_MAX} deep")
        self._boundaries.append(b"--" + boundary.encode("utf-8", "surrogateescape").rstrip())
        for _ in self._lines():
            pass
        return True

    def _go_to_next_part(self) -> bool:
        """Return whether there is another part, at whose headers the file is then."""
        while self._met is not None:
            del self._boundaries[self._met.level + (not self._met.is_last) :]
            if not self._met.is_last:
                return True
            # What stands between the last part and the next boundary further out is nothing.
            for _ in self._lines():
                pass
        if self._boundaries:
            raise MailBroken("it ends in the middle")
        return False

    def _lines(self) -> Iterator[bytes]:
        """Yield what comes up to the next boundary, in lines or, where they are long, in parts of lines."""
        self._met = None
        is_start = True
        while line := self._file.readline(_BLOCK_BYTES):
            if is_start and line.startswith(b"--") and (met := self._boundary(line.rstrip())) is not None:
                self._met = met
                return
            is_start = line.endswith(b"\n")
            yield line

    def _boundary(self, line: bytes) -> _Boundary | None:
        for level in range(len(self._boundaries) - 1, -1, -1):
            boundary = self._boundaries[level]
            if line == boundary:
                return _Boundary(level, is_last=False)
            if line == boundary + b"--":
                return _Boundary(level, is_last=True)
        return None

    def _content(self, headers: EmailMessage) -> Iterator[bytes]:
        """Yield what the part holds, decoded."""
        encoding = str(headers.get("Content-Transfer-Encoding", "")).strip().casefold()
        if encoding == "base64":
            return _decode_base64(self._lines())
        lines = self._without_last_end()
        return map(binascii.a2b_qp, lines) if encoding == "quoted-printable" else lines

    def _without_last_end(self) -> Iterator[bytes]:
        """Yield the lines; the line end before a boundary belongs to the boundary (RFC 2046, 5.1.1)."""
        before = b""
        for line in self._lines():
            yield before
            before = line
        yield before.removesuffix(b"\n").removesuffix(b"\r") if self._met is not None else before


def _decode_base64(lines: Iterator[bytes]) -> Iterator[bytes]:
    left = b""
    for line in lines:
        text = left + line.translate(None, _BASE64)
        whole = len(text) // 4 * 4
        left = text[whole:]
        yield _unbase64(text[:whole])
    # Some leave out the padding.
    yield _unbase64(left + b"=" * (-len(left) % 4))


def _unbase64(text: bytes) -> bytes:
    try:
        return binascii.a2b_base64(text)
    except binascii.Error as error:
        raise MailBroken("an attachment of it is cut") from error


def _name_of(headers: EmailMessage) -> str:
    """Return a file's name without the folders that somebody may have written before it, or empty text."""
    try:
        name = headers.get_filename() or ""
    except (MessageError, ValueError, LookupError, AttributeError, TypeError) as error:
        raise MailBroken("a part of it has headers that make no sense") from error
    return PurePath(name.replace("\\", "/").replace("\0", "")).name
