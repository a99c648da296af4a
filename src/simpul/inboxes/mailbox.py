"""A mailbox (IMAP over TLS) as a place where files arrive: the attachments of messages from senders that are declared.

A message with its attachments is one thing that arrives. It is read only where its size, its sender and the names of
its attachments fit. Who sends can be made up in a message, so the mailbox's own server has to look at that.
"""

from __future__ import annotations

import imaplib
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from email import message_from_bytes
from email.errors import MessageError
from email.policy import default
from pathlib import Path
from typing import Final

from simpul import limits
from simpul.addresses import AddressRefused, find_public_address
from simpul.declared_tls import believe, refused_tls
from simpul.domain.errors import SourceMismatch, SourceUnreachable
from simpul.formats.mail_parts import MailBroken, MessageReading
from simpul.inboxes.inbox import BAD, DONE, Arrived, FileRefused, LocalFile, Numbering, make_arrived
from simpul.named_tls import NamedContext
from simpul.unreachable import why_unreachable

_PACKED: Final = (".zip", ".rar", ".7z", ".gz", ".bz2", ".xz", ".tar")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SIZE: Final = re.compile(rb"RFC822\.SIZE (\d+)")
_HEADER_BYTES_MAX: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class MailboxSettings:
    """Which mailbox of which server, as whom, and whose messages; with the secrets filled in."""

    host: str
    port: int
    user: str
    password: str
    mailbox: str
    senders: tuple[str, ...]
    since: date | None
    certificate: Path | None
    is_self_signed: bool
    is_private: bool
    timeout_seconds: float
    is_wanted: Callable[[str], bool]
    is_kept: bool

    @property
    def where(self) -> str:
        """Return the server for a message: without the user."""
        return f"imaps://{self.host}:{self.port}"


class _Client(imaplib.IMAP4_SSL):
    """The library's client, which takes no more at once than it asks for."""

    def read(self, size: int) -> bytes:
        if size > limits.MAIL_BLOCK_BYTES:
            raise self.abort(f"it sends {size:,} bytes at once")
        return super().read(size)


class Mailbox:
    """A mailbox (`inbox.Inbox`)."""

    def __init__(self, settings: MailboxSettings) -> None:
        self._settings = settings
        self._tls = NamedContext.of(settings.host)
        self._made: set[str] = set()
        believe(self._tls, settings.certificate, is_self_signed=settings.is_self_signed)
        self._client = self._connect()
        try:
            with _talking(settings):
                self._log_in()
                self._numbering = self._select()
        except BaseException:
            self.close()
            raise

    def _connect(self) -> _Client:
        settings = self._settings
        try:
            host = settings.host if settings.is_private else find_public_address(settings.host, settings.port)
            return _Client(host, settings.port, ssl_context=self._tls, timeout=settings.timeout_seconds)
        except AddressRefused as error:
            raise SourceUnreachable(
                f"{settings.where} is not asked: {error}. Where it is meant, add private: true."
            ) from error
        except ssl.SSLError as error:
            raise refused_tls(settings.where, error) from error
        except TimeoutError as error:
            raise _slow(settings) from error
        except (OSError, UnicodeError, imaplib.IMAP4.error) as error:
            raise SourceUnreachable(
                f"{settings.where} cannot be reached ({why_unreachable(error)}). "
                "Check host and port, and that the server runs."
            ) from error

    def _log_in(self) -> None:
        settings = self._settings
        try:
            if "AUTH=PLAIN" in self._client.capabilities:
                secret = f"\0{settings.user}\0{settings.password}".encode()
                self._client.authenticate("PLAIN", lambda _: secret)
            else:
                self._client.login(settings.user, settings.password)
        except imaplib.IMAP4.abort:
            raise
        except (imaplib.IMAP4.error, UnicodeEncodeError) as error:
            raise SourceUnreachable(
                f"{settings.where} refuses the user. Check 'user', and the secret behind 'password'; some servers want "
                "a password made for programs."
            ) from error

    def _select(self) -> bytes:
        """Open the mailbox; return as what its messages are numbered (RFC 3501, UIDVALIDITY)."""
        settings = self._settings
        answer, _ = self._client.select(f'"{settings.mailbox}"', readonly=settings.is_kept)
        if answer != "OK":
            raise SourceUnreachable(
                f"{settings.where} has no mailbox {settings.mailbox} for this user. Its mailboxes: {self._others()}."
            )
        if not settings.is_kept and "MOVE" not in self._client.capabilities:
            # Some of what it can it tells only to whom it has let in.
            _, can = self._client.capability()
            if b"MOVE" not in b" ".join(can).upper().split():
                raise SourceMismatch(f"{settings.where} cannot move messages to another mailbox; write after: keep.")
        _, told = self._client.response("UIDVALIDITY")
        return bytes(told[0]) if told and told[0] else b"0"

    def _others(self) -> str:
        _, found = self._client.list()
        names = [
            line.rpartition(b" ")[2].strip(b'"').decode("ascii", "replace")
            for line in found or ()
            if isinstance(line, bytes)
        ]
        return ", ".join(sorted(names)[: limits.MAIL_MAILBOXES_TOLD]) or "none"

    @property
    def has_unfinished(self) -> bool:
        return False

    @property
    def numbering(self) -> Numbering | None:
        settings = self._settings
        return Numbering(f"{settings.mailbox} {settings.since or ''}", self._numbering, settings.where)

    def list_arrived(self) -> list[Arrived]:
        settings, most = self._settings, limits.FILES_WAITING_MAX
        wanted = ["UNDELETED"]
        if settings.since is not None:
            day = settings.since
            wanted += ["SINCE", f"{day.day}-{_MONTHS[day.month - 1]}-{day.year}"]
        # OR takes two: a b c is OR a OR b c.
        wanted += ["OR"] * (len(settings.senders) - 1)
        for sender in settings.senders:
            wanted += ["FROM", f'"{sender}"']
        with _talking(settings):
            answer, found = self._client.uid("SEARCH", *wanted)
            if answer != "OK":
                raise SourceMismatch(f"{settings.where} does not understand what is searched for in the mailbox.")
        numbers = sorted(int(number) for line in found if line for number in line.split())
        if len(numbers) > most and settings.is_kept:
            raise SourceMismatch(
                f"The mailbox {settings.mailbox} of {settings.where} has more than {most:,} messages that match. "
                "Write since: with the day from which on they matter."
            )
        return [self._arrived(number) for number in numbers[:most]]

    def _arrived(self, number: int) -> Arrived:
        numbering = self._numbering.decode("ascii", "replace")
        return make_arrived(number, number, f"message {number}", 0, (numbering, number))

    def fetch(self, arrived: Arrived) -> list[LocalFile] | None:
        with _talking(self._settings):
            size, sender = self._look(arrived.order)
            if sender is None:
                return None
            if size > limits.MAIL_MESSAGE_BYTES_MAX:
                raise FileRefused(f"it has {size:,} bytes; at most {limits.MAIL_MESSAGE_BYTES_MAX:,} are read")
            with closing(LocalFile(arrived.name)) as whole:
                # A server may tell of a message that is gone, and have nothing of it.
                return self._attachments(whole) if self._copy(arrived.order, whole) else None

    def _copy(self, number: int, whole: LocalFile) -> int:
        """Fetch a message, block by block; return its size."""
        size, most = 0, limits.MAIL_BLOCK_BYTES
        while size <= limits.MAIL_MESSAGE_BYTES_MAX:
            _, block = self._fetch(number, f"(BODY.PEEK[]<{size}.{most}>)")
            whole.write(block or b"")
            size += len(block or b"")
            if not block or len(block) < most:
                whole.flush()
                return size
        raise FileRefused(f"it has more than the {limits.MAIL_MESSAGE_BYTES_MAX:,} bytes that are read")

    def _look(self, number: int) -> tuple[int, str | None]:
        """Return how large a message is, and who sent it, where that is one of those who are declared."""
        lines, header = self._fetch(number, f"(RFC822.SIZE BODY.PEEK[HEADER.FIELDS (FROM)]<0.{_HEADER_BYTES_MAX}>)")
        size = _SIZE.search(lines)
        if header is None or size is None:
            return 0, None
        senders = _senders(header)
        if len(senders) != 1:
            return 0, None
        address = senders[0].casefold()
        domain = f"@{address.rpartition('@')[2]}"
        return int(size[1]), address if {address, domain} & set(self._settings.senders) else None

    def _fetch(self, number: int, what: str) -> tuple[bytes, bytes | None]:
        """Return the answer's own lines and the one text in it, which is None where the message is gone."""
        _, answer = self._client.uid("FETCH", str(number), what)
        lines, text = b"", None
        for part in answer or ():
            if isinstance(part, tuple):
                lines, text = lines + part[0], part[1]
            elif isinstance(part, bytes):
                lines += part
        return lines, text

    def _attachments(self, whole: LocalFile) -> list[LocalFile]:
        files: list[LocalFile] = []
        try:
            with whole.path.open("rb") as message:
                for name, content in MessageReading(message).attachments(self._settings.is_wanted):
                    if name.casefold().endswith(_PACKED):
                        raise FileRefused(f"its attachment {name} is packed; let the table itself be attached")
                    files.append(file := LocalFile(name))
                    for block in content:
                        file.write(block)
                    file.flush()
            if not files:
                raise FileRefused("it has no attachment whose name matches the pattern")
        except BaseException as error:
            for file in files:
                file.close()
            if isinstance(error, MailBroken):
                raise FileRefused(str(error)) from error
            raise
        return files

    def put_away(self, arrived: Arrived, refusal: str | None) -> None:
        settings = self._settings
        if settings.is_kept:
            return
        name = f"{settings.mailbox}{self._separator()}{DONE if refusal is None else BAD}"
        with _talking(settings):
            if name not in self._made:
                # It may be there: that it cannot be made then says nothing.
                self._client.create(f'"{name}"')
                self._made.add(name)
            answer, _ = self._client.uid("MOVE", str(arrived.order), f'"{name}"')
        if answer != "OK":
            raise SourceUnreachable(
                f"{arrived.name} is taken over, and {settings.where} does not let it be moved to the mailbox {name}. "
                "Ask for that right, or write after: keep."
            )

    def _separator(self) -> str:
        with _talking(self._settings):
            _, found = self._client.list('""', f'"{self._settings.mailbox}"')
        told = re.search(rb'\) "(.)" ', found[0]) if found and isinstance(found[0], bytes) else None
        return told[1].decode("ascii", "replace") if told else "/"

    def close(self) -> None:
        with suppress(OSError, imaplib.IMAP4.error):
            self._client.logout()
        self._tls.close()


def _senders(header: bytes) -> list[str]:
    """Return the addresses that a message says it is from; none where it says what makes no sense."""
    try:
        told = message_from_bytes(header, policy=default).get_all("From", [])
        return [str(address.addr_spec) for one in told for address in one.addresses]
    except (MessageError, ValueError, LookupError, AttributeError, TypeError):
        return []


@contextmanager
def _talking(settings: MailboxSettings) -> Iterator[None]:
    """Put into our words what breaks while the server is talked to."""
    try:
        yield
    except TimeoutError as error:
        raise _slow(settings) from error
    except (imaplib.IMAP4.error, OSError) as error:
        raise SourceUnreachable(
            f"The connection to {settings.where} broke off ({_why(error)}). What was not taken over comes in the "
            "next run."
        ) from error


def _slow(settings: MailboxSettings) -> SourceUnreachable:
    return SourceUnreachable(
        f"{settings.where} did not answer within {settings.timeout_seconds:g} s. Is it a mail server (IMAP over TLS), "
        "and does it run?"
    )


def _why(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower().rstrip(".")
