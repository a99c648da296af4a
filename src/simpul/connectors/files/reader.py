"""Reads the files that have arrived, one batch each, and puts a file away when its rows are on disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from pathlib import PurePath
from typing import Final

from simpul.connect.connector import BrokenRow, Reading, Row, Surroundings
from simpul.connect.fields import Plain
from simpul.connectors.files import errors
from simpul.connectors.files.settings import FILE_COLUMN, FilesSettings, parse_settings
from simpul.connectors.table.reader import open_table
from simpul.domain.errors import SourceMismatch
from simpul.inboxes.folder import Folder, FolderSettings
from simpul.inboxes.inbox import Arrived, Fetched, FileRefused, Inbox
from simpul.inboxes.mailbox import Mailbox, MailboxSettings
from simpul.inboxes.sftp_settings import SftpSettings

_NOTE_BYTES: Final = 16
# Under which name it is noted which files were taken over, where it matters whether one is gone.
_TOGETHER: Final = f"{FILE_COLUMN} together"


class FilesReading:
    """What waits where files arrive: a stream that may remember, and tell all (`connect.connector.Complete`)."""

    def __init__(self, settings: FilesSettings, inbox: Inbox) -> None:
        self.row_word = "row"
        self.rows_expected: int | None = None
        self.columns = (*settings.columns, FILE_COLUMN)
        self._settings = settings
        self._inbox = inbox
        self._present = inbox.list_arrived()
        self._waiting = deque(self._present)
        self._recalled: Mapping[str, bytes] = {}
        # All files that were taken over, put together in one mark; None where nobody asks for those that are gone.
        self._together: bytes | None = None
        self._is_all = self._is_incomplete = False
        # The file of this batch; whether it was read to its end; and why it is refused, if so.
        self._in_hand: Arrived | None = None
        self._is_through = False
        self._refusal: str | None = None
        self._last_number = 0
        self._fetched: list[Fetched] = []
        self._table: Reading | None = None

    def list_notes(self) -> list[str]:
        """Return under which names it may have noted that files are taken over."""
        if not self._settings.is_kept:
            return []
        numbering = self._inbox.numbering
        return [_TOGETHER, *map(_note, self._waiting), *([] if numbering is None else [_note_of(numbering.name)])]

    def recall(self, notes: Mapping[str, bytes]) -> None:
        """Leave out the files that are taken over, by what was noted of them. Raises SourceMismatch."""
        numbering = self._inbox.numbering
        if numbering is not None and notes.get(_note_of(numbering.name), numbering.value) != numbering.value:
            raise errors.renumbered(numbering.where)
        self._recalled = notes
        self._waiting = deque(one for one in self._waiting if notes.get(_note(one)) != one.mark)

    def turn_to_all(self) -> bool:
        """Look whether a file that was taken over is gone, has changed, or is newer than one that arrived since."""
        known = [one for one in self._present if _note(one) in self._recalled]
        self._together = self._recalled.get(_TOGETHER, _put_together([]))
        newest = max(known, default=None)
        news = [one for one in self._present if _note(one) not in self._recalled and (newest is None or one > newest)]
        if _put_together(known) == self._together and len(news) == len(self._waiting):
            return False
        if self._inbox.has_unfinished:
            # Which may be one that seems to be gone. What has changed waits with it for the next run.
            self._waiting = deque(news)
            return False
        self._waiting = deque(reversed(self._present))
        self._is_all = True
        return True

    @property
    def has_told_all(self) -> bool:
        return self._is_all and not self._is_incomplete and not self._waiting

    def notes_of_all(self) -> dict[str, bytes]:
        """Return what is to be noted once what is gone is settled: which files there are."""
        return {_TOGETHER: _put_together(self._present)}

    def notes(self) -> dict[str, bytes]:
        """Return what is to be noted with the rows of this batch."""
        if not self._settings.is_kept or self._in_hand is None or not self._is_through:
            return {}
        numbering = self._inbox.numbering
        noted = {} if numbering is None else {_note_of(numbering.name): numbering.value}
        if self._together is not None and not self._is_all:
            self._together = noted[_TOGETHER] = _put_together([self._in_hand], self._together)
        return {_note(self._in_hand): self._in_hand.mark, **noted}

    def rows(self) -> Iterator[Row | BrokenRow]:
        self._in_hand, self._is_through, self._refusal = None, False, None
        while self._waiting and self._in_hand is None:
            arrived = self._waiting.popleft()
            self._last_number = arrived.first_number
            try:
                fetched = self._inbox.fetch(arrived)
            except FileRefused as refusal:
                self._in_hand = arrived
                yield self._refuse(arrived.name, errors.refused(arrived.name, refusal).detail)
            except OSError as error:
                raise errors.lost(arrived.name, error) from error
            else:
                if fetched is None:
                    self._is_incomplete = True
                else:
                    self._in_hand = arrived
                    self._fetched = list(fetched)
                    yield from self._rows_of_all()
        self._is_through = True

    def _rows_of_all(self) -> Iterator[Row | BrokenRow]:
        try:
            for file in self._fetched:
                try:
                    yield from self._rows_of(file)
                except SourceMismatch as error:
                    yield self._refuse(file.name, errors.said_of(file.name, file.path, error))
                except OSError as error:
                    raise errors.lost(file.name, error) from error
                finally:
                    self._close_table()
        finally:
            self._let_go()

    def _rows_of(self, file: Fetched) -> Iterator[Row | BrokenRow]:
        name, before = file.name, self._last_number
        table = self._table = open_table(file.path, self._settings.table, PurePath(name).suffix)
        for column in self._settings.columns:
            if column not in table.columns:
                raise errors.lacks_column(name, column, table.columns)
        order = [table.columns.index(column) for column in self._settings.columns]
        for row in table.rows():
            self._last_number = number = before + row.number
            if isinstance(row, BrokenRow):
                yield BrokenRow(number, f"{name}: {row.reason}", {FILE_COLUMN: name, **row.raw})
            else:
                yield Row(number, [*(row.cells[place] for place in order), name])
        file.raise_if_changed()

    def _refuse(self, name: str, refusal: str) -> BrokenRow:
        self._refusal = refusal if self._refusal is None else f"{self._refusal} {refusal}"
        self._last_number += 1
        return BrokenRow(self._last_number, refusal, {FILE_COLUMN: name})

    def confirm(self) -> bool:
        arrived, self._in_hand = self._in_hand, None
        if arrived is not None and self._is_through:
            self._inbox.put_away(arrived, self._refusal)
        return bool(self._waiting)

    def _let_go(self) -> None:
        self._close_table()
        fetched, self._fetched = self._fetched, []
        for file in fetched:
            file.close()

    def _close_table(self) -> None:
        table, self._table = self._table, None
        if table is not None:
            table.close()

    def close(self) -> None:
        self._let_go()
        self._inbox.close()


def _note(arrived: Arrived) -> str:
    return _note_of(arrived.key)


def _put_together(files: Iterable[Arrived], before: bytes = bytes(_NOTE_BYTES)) -> bytes:
    """Return a mark of all these files and of those before, in whatever order."""
    together = int.from_bytes(before)
    for one in files:
        together ^= int.from_bytes(_digest(one.key))
    return together.to_bytes(_NOTE_BYTES)


def _digest(name: str) -> bytes:
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=_NOTE_BYTES).digest()


def _note_of(name: str) -> str:
    return f"{FILE_COLUMN} {_digest(name).hex()}"


def open_inbox(place: FolderSettings | SftpSettings | MailboxSettings) -> Inbox:
    """Return the place, open. Raises SourceUnreachable, SourceMisconfigured."""
    if isinstance(place, SftpSettings):
        from simpul.inboxes.sftp import SftpFolder  # noqa: PLC0415 - It costs 0.4 s and 30 MB, which others have not.

        return SftpFolder(place)
    return Mailbox(place) if isinstance(place, MailboxSettings) else Folder(place)


def open_reading(plain: Plain, surroundings: Surroundings) -> Reading:
    """Return the reading of what has arrived. Raises SourceUnreachable, SourceMisconfigured, SourceMismatch."""
    settings = parse_settings(plain, surroundings)
    inbox = open_inbox(settings.place)
    try:
        return FilesReading(settings, inbox)
    except BaseException:
        inbox.close()
        raise
