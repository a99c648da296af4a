"""What stands under `read:` of a `files` source. No reading here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from simpul import limits
from simpul.connect.connector import Surroundings, check_references
from simpul.connect.fields import Boolean, Choice, Field, Fields, Integer, ListOf, OneOrMany, Plain, Text
from simpul.connect.service import REFERRING, SECRET
from simpul.connectors.table import settings as table
from simpul.inboxes.folder import FolderSettings
from simpul.inboxes.inbox import make_filter
from simpul.inboxes.mailbox import MailboxSettings
from simpul.inboxes.sftp_settings import SftpSettings

FILE_COLUMN: Final = "@file"
_QUIET_SECONDS: Final = 10
_QUIET_SECONDS_MAX: Final = 86_400
# How a file is read is said as it is of the kind `table`, which has a file of its own and other words for columns.
_OF_TABLES: Final = tuple(field for field in table.FIELDS.fields if field.name not in ("path", "columns"))

TABLE_WORDS: Final = frozenset(field.name for field in _OF_TABLES)


def _check_day(text: str) -> str | None:
    try:
        date.fromisoformat(text)
    except ValueError:
        return f"{text!r} is no day; write 2026-11-01"
    return None


def _check_pattern(text: str) -> str | None:
    if "/" in text:
        return f"{text!r} is a path; write how the names of files look, such as halte-*.csv"
    return None if text else "a pattern has at least one character; * stands for all names"


_SFTP_PORT: Final = 22
_IMAPS_PORT: Final = 993
# What else is attached (signatures, pictures) is nothing to be refused.
_TABLES: Final = ("*.csv", "*.tsv", "*.xlsx", "*.xlsm", "*.xls", "*.ods")
_SFTP_QUIET_SECONDS_MAX: Final = 60

_SFTP: Final = Fields("sftp", (
    Field("host", Text("a host", pattern=r"[A-Za-z0-9._:-]+"), "the server", required=True),
    Field("port", Integer(1, 65_535), "its port; default 22"),
    Field("user", REFERRING, "the user's name", required=True),
    Field("password", SECRET, "a reference, never the password itself"),
    Field("key", SECRET, "or a reference to a private key without a passphrase (Ed25519, ECDSA, RSA): `${file:path}`"),
    Field("host_key", OneOrMany(Text("a fingerprint such as SHA256:…, with 43 characters after it",
          pattern=r"SHA256:[A-Za-z0-9+/]{43}")), "by what the server is known: the fingerprint of its key"),
    Field("known_hosts", Text("a path", check=check_references), "or a file with its key, in OpenSSH's form"),
    Field("timeout", Integer(1, 600), "seconds that an answer may take; default 30"),
    Field("private", Boolean(), "true: the server is in a private network, or on this machine"),
))  # fmt: skip

_MAILBOX: Final = Fields("mailbox", (
    Field("host", Text("a host", pattern=r"[A-Za-z0-9._:-]+"), "the mail server; it is spoken to over TLS only",
          required=True),
    Field("port", Integer(1, 65_535), "its port for IMAP over TLS; default 993"),
    Field("user", REFERRING, "the user's name", required=True),
    Field("password", SECRET, "a reference, never the password itself", required=True),
    Field("senders", OneOrMany(Text("an address, or @ and a domain", pattern=r"[^\s\"\\@]*@[A-Za-z0-9.-]+")), "whose "
          "messages are read: `budi@dishub.example`, or `@dishub.example` for all of a domain", required=True),
    Field("since", Text("a day such as 2026-11-01", check=_check_day), "the day from which on messages are read"),
    Field("timeout", Integer(1, 600), "seconds that an answer may take; default 30"),
    Field("private", Boolean(), "true: the server is in a private network, or on this machine"),
    Field("certificate", Text("a path", check=check_references), "a file (PEM) with the certificate of the server, or "
          "of who signed it, where no public authority vouches for it"),
    Field("self_signed", Boolean(), "true: believe any certificate; a `certificate` is safer"),
))  # fmt: skip

FIELDS: Final = Fields("read of a files source", (
    Field("folder", Text("a path", check=check_references), "the folder that files arrive in; relative to the city's "
          "folder; with `sftp` on that server, with `mailbox` its name there, such as INBOX", required=True),
    Field("sftp", _SFTP, "the SFTP server that has the folder"),
    Field("mailbox", _MAILBOX, "the mailbox (IMAP) whose messages bring the files as attachments"),
    Field("pattern", OneOrMany(Text("a pattern", check=_check_pattern)), "which files are read, by their names: "
          "`halte-*.csv`; default: all but hidden ones and those whose names say that they are unfinished; of mail: "
          "those that end as names of tables do"),
    Field("columns", ListOf(Text("the name of a column"), 1, limits.SOURCE_COLUMNS_MAX), "the columns that every file "
          "has, by the names in its header; with `header_rows: 0` in their order. The file's name is in `@file`, too",
          required=True),
    Field("quiet", Integer(0, _QUIET_SECONDS_MAX), "for how many seconds a file must not have been written to; with "
          "`sftp` a run looks twice, so far apart, before it takes a file; default 10"),
    Field("after", Choice(("move", "keep")), "what happens to a file that was read: it is moved to `done` or `bad`, or "
          "kept where it is and remembered; default move"),
    *_OF_TABLES,
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class FilesSettings:
    """The settings, typed."""

    place: FolderSettings | SftpSettings | MailboxSettings
    is_kept: bool
    columns: tuple[str, ...]
    table: table.TableSettings


def check(plain: Plain) -> Iterator[tuple[str, str]]:
    """Yield what is wrong beyond single keys."""
    columns = plain["columns"]
    if len(set(columns)) < len(columns):
        yield "columns", "a column's name is there twice"
    if FILE_COLUMN in columns:
        yield "columns", f"the file's name is in {FILE_COLUMN} anyway; leave it out"
    if "mailbox" in plain:
        yield from _check_mailbox(plain)
    if "sftp" in plain:
        yield from _check_sftp(plain["sftp"], plain.get("quiet", 0))


def why_never_vanished(plain: Plain) -> str:
    """Return why rows of these files are never gone, or nothing where a file can be."""
    if "mailbox" in plain:
        return "a message that was read has said what it says: nothing of a mailbox can be gone; leave 'vanished' out"
    if plain.get("after") != "keep":
        return (
            "files that were read are moved away, so none can be missed; write after: keep under 'read' where the "
            "folder always holds what is true, or leave 'vanished' out"
        )
    return ""


def _check_mailbox(plain: Plain) -> Iterator[tuple[str, str]]:
    if "sftp" in plain:
        yield "mailbox", "files come from an SFTP server or from a mailbox; make two sources of it"
    if not re.fullmatch(r"[ !#-\[\]-~]+", plain["folder"]):
        yield "folder", "the name of a mailbox has letters without accents, such as INBOX or INBOX/Dishub"
    if "quiet" in plain:
        yield "quiet", "a message comes whole; leave 'quiet' out"
    if plain["mailbox"].get("self_signed") and "certificate" in plain["mailbox"]:
        yield "mailbox", "with a 'certificate' nothing else is believed; leave 'self_signed' out"


def _check_sftp(sftp: Plain, quiet_seconds: int) -> Iterator[tuple[str, str]]:
    if ("password" in sftp) == ("key" in sftp):
        yield "sftp", "'sftp' needs one of 'password' and 'key', each as a reference"
    if "host_key" not in sftp and "known_hosts" not in sftp:
        yield (
            "sftp",
            (
                "a server is talked to only where its key is known: write host_key: SHA256:… as the agency tells it, "
                "or as ssh-keyscan HOST | ssh-keygen -lf - shows it, or known_hosts: path"
            ),
        )
    if quiet_seconds > _SFTP_QUIET_SECONDS_MAX:
        yield "quiet", f"with 'sftp' a run waits so long itself; write at most {_SFTP_QUIET_SECONDS_MAX}"


def parse_settings(plain: Plain, surroundings: Surroundings) -> FilesSettings:
    """Return the typed settings of checked ones. Raises SourceMisconfigured."""
    is_kept = plain.get("after") == "keep"
    columns = tuple(plain["columns"])
    has_header = plain.get("header_rows", 1) > 0
    of_table = {field.name: plain[field.name] for field in _OF_TABLES if field.name in plain}
    return FilesSettings(
        place=_place(plain, surroundings),
        is_kept=is_kept,
        columns=columns,
        table=table.parse_settings({**of_table, "path": "", "columns": () if has_header else columns}),
    )


def _place(plain: Plain, surroundings: Surroundings) -> FolderSettings | SftpSettings | MailboxSettings:
    if "sftp" in plain:
        return _sftp(plain, surroundings)
    return _mailbox(plain, surroundings) if "mailbox" in plain else _folder(plain, surroundings)


def _folder(plain: Plain, surroundings: Surroundings) -> FolderSettings:
    return FolderSettings(
        path=surroundings.path(surroundings.resolve(plain["folder"])),
        is_wanted=make_filter(plain.get("pattern", ["*"])),
        quiet_seconds=plain.get("quiet", _QUIET_SECONDS),
        is_kept=plain.get("after") == "keep",
    )


def _sftp(plain: Plain, surroundings: Surroundings) -> SftpSettings:
    fill, sftp = surroundings.resolve, plain["sftp"]
    secrets = {name: fill(sftp[name]) for name in ("password", "key") if name in sftp}
    known_hosts = sftp.get("known_hosts")
    return SftpSettings(
        host=sftp["host"],
        port=sftp.get("port", _SFTP_PORT),
        user=fill(sftp["user"]),
        password=secrets.get("password"),
        private_key=secrets.get("key"),
        fingerprints=tuple(sftp.get("host_key", ())),
        known_hosts=None if known_hosts is None else surroundings.path(fill(known_hosts)),
        is_private=sftp.get("private", False),
        timeout_seconds=sftp.get("timeout", limits.SOURCE_TIMEOUT_SECONDS),
        folder=fill(plain["folder"]),
        is_wanted=make_filter(plain.get("pattern", ["*"])),
        quiet_seconds=plain.get("quiet", _QUIET_SECONDS),
        is_kept=plain.get("after") == "keep",
    )


def _mailbox(plain: Plain, surroundings: Surroundings) -> MailboxSettings:
    fill, mailbox = surroundings.resolve, plain["mailbox"]
    certificate, since = mailbox.get("certificate"), mailbox.get("since")
    return MailboxSettings(
        host=mailbox["host"],
        port=mailbox.get("port", _IMAPS_PORT),
        user=fill(mailbox["user"]),
        password=fill(mailbox["password"]),
        mailbox=plain["folder"],
        senders=tuple(dict.fromkeys(sender.casefold() for sender in mailbox["senders"])),
        since=None if since is None else date.fromisoformat(since),
        certificate=None if certificate is None else surroundings.path(fill(certificate)),
        is_self_signed=mailbox.get("self_signed", False),
        is_private=mailbox.get("private", False),
        timeout_seconds=mailbox.get("timeout", limits.SOURCE_TIMEOUT_SECONDS),
        is_wanted=make_filter(plain.get("pattern", _TABLES)),
        is_kept=plain.get("after") == "keep",
    )
