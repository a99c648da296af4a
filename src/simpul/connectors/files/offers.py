"""What a place where files arrive has to read: the kinds of tables that wait there. Moves and marks no file."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from simpul import limits
from simpul.connect.connector import Offer, Row, Sample, Surroundings
from simpul.connect.fields import Plain
from simpul.connect.proposal.words import title_words
from simpul.connect.service import is_private_host
from simpul.connectors.files import errors
from simpul.connectors.files.reader import open_inbox
from simpul.connectors.files.settings import FILE_COLUMN, TABLE_WORDS, check, parse_settings
from simpul.connectors.table.offers import SUFFIXES
from simpul.connectors.table.offers import look_around as look_at_table
from simpul.connectors.table.reader import open_reading as open_table
from simpul.domain.errors import SourceMisconfigured, SourceMismatch
from simpul.inboxes.inbox import FileRefused, Inbox, make_filter

_SCHEMES: Final = {"sftp": "sftp", "imaps": "mailbox"}
# Parameters of such a URL that are settings of the place; what is secret among them is a password alone.
_OF_PLACE: Final = frozenset({"host_key", "known_hosts", "key", "senders", "since", "certificate"})
_MONTHS: Final = (
    "januari|februari|maret|april|mei|juni|juli|agustus|september|oktober|november|desember|january|february|march|may"
    "|june|july|august|october|december|jan|feb|mar|apr|jun|jul|agu|agt|aug|sep|okt|oct|nov|des|dec"
)
_NUMBERS: Final = re.compile(rf"\d[\d._-]*\d|\d|(?<![A-Za-z])(?:{_MONTHS})(?![A-Za-z])", re.IGNORECASE)
# What files are called whatever is in them.
_ANY_FILE: Final = frozenset({"laporan", "report", "hasil", "form", "file", "salinan", "revisi", "update", "lampiran"})
_STARS: Final = re.compile(r"\*+")
_SUBJECTS_TOLD: Final = 8
_OF_READ: Final = ("columns", "pattern", "quiet")


class _Table(NamedTuple):
    """One table of a file that waits: what the file and the table are called, how it is read, and its rows."""

    file: str
    name: str
    read: Plain
    sample: Sample


def knows(where: str, surroundings: Surroundings) -> bool:
    """Return whether a place is a folder, an SFTP server's URL or a mailbox's."""
    scheme, separator, _ = where.partition("://")
    if separator:
        return scheme in _SCHEMES
    return bool(where) and "\0" not in where and surroundings.path(where).is_dir()


def settings_of(where: str, _surroundings: Surroundings) -> tuple[Plain, dict[str, str]]:
    """Return the settings for a folder, or for `sftp://user:password@host/folder?host_key=…` or `imaps://…/INBOX`."""
    # Columns are asked for, and known once somebody has looked.
    if "://" not in where:
        return {"folder": where, "columns": ["?"]}, {}
    parts = urlsplit(where)
    host = parts.hostname or ""
    asked = {name: value for name, value in parse_qsl(parts.query) if name in _OF_PLACE}
    place: Plain = {"host": host, "user": unquote(parts.username or "")}
    if parts.port is not None:
        place["port"] = parts.port
    if is_private_host(host):
        place["private"] = True
    secrets: dict[str, str] = {}
    if parts.password is not None:
        stem = re.sub(r"[^A-Z0-9]+", "_", host.split(".")[0].upper()).strip("_")
        variable = f"{stem if stem[:1].isalpha() else f'INBOX_{stem}'}_PASSWORD"
        secrets[variable] = unquote(parts.password)
        place["password"] = f"${{env:{variable}}}"
    place |= {name: [value] if name in ("host_key", "senders") else value for name, value in asked.items()}
    kind = _SCHEMES[parts.scheme]
    folder = unquote(parts.path) or "/"
    return {
        "folder": folder if kind == "sftp" else folder.strip("/") or "INBOX",
        kind: place,
        "columns": ["?"],
    }, secrets


def look_around(plain: Plain, surroundings: Surroundings) -> list[Offer]:
    """Return the kinds of tables that wait, by their columns. Raises SourceError."""
    for _, message in check(plain):
        raise SourceMisconfigured(f"{message[0].upper()}{message[1:]}.")
    # What is only looked at is not moved, and need not be quiet.
    looked_at = {**plain, "after": "keep"} | ({} if "mailbox" in plain else {"quiet": 0})
    settings = parse_settings(looked_at, surroundings)
    form = {name: value for name, value in plain.items() if name in TABLE_WORDS}
    inbox = open_inbox(settings.place)
    with closing(inbox), TemporaryDirectory(prefix="simpul-") as folder:
        files: list[str] = []
        tables = list(_tables(inbox, form, Path(folder), files))
    if not tables:
        raise errors.nothing_arrived(plain["folder"])
    kinds: dict[tuple[frozenset[str], str], list[_Table]] = {}
    for table in tables:
        kinds.setdefault((frozenset(table.sample.columns), _subject(table.file)), []).append(table)
    offers = [
        _offer(
            plain, own, files, [subject for others, subject in kinds if others == columns and subject != own_subject]
        )
        for (columns, own_subject), own in kinds.items()
    ]
    return offers[: limits.PROPOSAL_OFFERS_MAX]


def _subject(file: str) -> str:
    """Return what the name of a file says it is about: its first word that is no time and not said of any file."""
    words = title_words(_NUMBERS.sub(" ", PurePath(file).stem))
    return next((word for word in words if word not in _ANY_FILE), words[0] if words else "")


def _tables(inbox: Inbox, form: Plain, folder: Path, files: list[str]) -> Iterator[_Table]:
    """Yield the tables of the newest files that wait, the newest first; note the names of all files."""
    for arrived in reversed(inbox.list_arrived()[-limits.FILES_LOOKED_AT_MAX :]):
        try:
            fetched = inbox.fetch(arrived) or ()
        except FileRefused:
            continue
        for file in fetched:
            files.append(file.name)
            with closing(file):
                path = folder / f"file{PurePath(file.name).suffix}"
                shutil.copyfile(file.path, path)
            yield from _tables_of(file.name, path, form)
            path.unlink()


def _tables_of(file: str, path: Path, form: Plain) -> Iterator[_Table]:
    around = Surroundings(path.parent, {})
    if not file.lower().endswith(SUFFIXES):
        return
    try:
        for offer in look_at_table({**form, "path": path.name}, around):
            read = {name: value for name, value in offer.read.items() if name != "path"}
            name = f"{PurePath(file).stem} {read['sheet']}" if "sheet" in read else PurePath(file).stem
            with closing(open_table(offer.read, around)) as reading:
                found = islice(reading.rows(), limits.PROPOSAL_ROWS_MAX)
                rows = [list(row.cells) for row in found if isinstance(row, Row)]
                columns = reading.columns
            if rows and FILE_COLUMN not in columns:
                yield _Table(file, name, read, Sample(columns, rows, is_whole=len(rows) < limits.PROPOSAL_ROWS_MAX))
    except SourceMismatch:
        return


def _offer(plain: Plain, tables: Sequence[_Table], files: Sequence[str], alike: Sequence[str]) -> Offer:
    """Return the offer for tables with the same columns and subject; its rows are those of the newest one.

    `alike` are the subjects of others with the same columns.
    """
    newest = tables[0]
    own = list(dict.fromkeys(one.file for one in tables))
    pattern = _patterns(own, files)
    read = {**{name: value for name, value in plain.items() if name not in _OF_READ}, **_as_files(newest.read)}
    read |= {**({"pattern": pattern} if pattern else {}), "columns": list(newest.sample.columns)}
    name = _STARS.sub(" ", _NUMBERS.sub("*", newest.name)).strip(" -_.")
    note = f"{len(own):,} of the newest files look like this; the rows are those of {newest.file}."
    if alike:
        note += (
            f" Others have the same columns and are called otherwise, so each is a source of its own: {_told(alike)}."
        )
    return Offer(name or newest.name, read, len(newest.sample.rows), note=note, sample=newest.sample)


def _told(subjects: Sequence[str]) -> str:
    more = f" and {len(subjects) - _SUBJECTS_TOLD} more" if len(subjects) > _SUBJECTS_TOLD else ""
    return ", ".join(subjects[:_SUBJECTS_TOLD]) + more


def _as_files(read: Mapping[str, object]) -> Plain:
    """Return how a table is read, in the words of `files`, where `columns` are those of every file."""
    return {name: value for name, value in read.items() if name != "columns"}


def _patterns(own: Sequence[str], files: Sequence[str]) -> list[str]:
    """Return patterns of the names of these files and of no others; none where all look alike."""
    others = set(files) - set(own)
    if not others:
        return []
    patterns = list(dict.fromkeys(_STARS.sub("*", _NUMBERS.sub("*", name)) for name in own))
    is_own = make_filter(patterns)
    return list(own[:20]) if any(map(is_own, others)) else patterns[:20]
