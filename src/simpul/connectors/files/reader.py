"""Reads the files that have arrived, one batch each, and puts a file away when its rows are on disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import PurePath
from typing import Final

from simpul.connect.connector import BrokenRow, Reading, Row, Surroundings
from simpul.connect.fields import Plain
from simpul.connectors.files import errors
from simpul.connectors.files.settings import FILE_COLUMN, FilesSettings, parse_settings
from simpul.connectors.table.reader import open_table
from simpul.domain.errors import SourceMismatch
from simpul.inboxes.folder import Folder
from simpul.inboxes.inbox import Arrived, Fetched, FileRefused, Inbox

_NOTE_BYTES: Final = 16


class FilesReading:
    """What waits where files arrive: a stream that may remember (`connect.connector.Remembering`)."""

    def __init__(self, settings: FilesSettings, inbox: Inbox) -> None:
        self.row_word = "row"
        self.rows_expected: int | None = None
        self.columns = (*settings.columns, FILE_COLUMN)
        self._settings = settings
        self._inbox = inbox
        self._waiting = deque(inbox.list_arrived())
        # The file of this batch; whether it was read to its end; and why it is refused, if so.
        self._in_hand: Arrived | None = None
        self._is_through = False
        self._refusal: str | None = None
        self._last_number = 0
        self._fetched: Fetched | None = None
        self._table: Reading | None = None

    def list_notes(self) -> list[str]:
        """Return under which names it may have noted that files are taken over."""
        return [_note(one) for one in self._waiting] if self._settings.is_kept else []

    def recall(self, notes: Mapping[str, bytes]) -> None:
        """Leave out the files that are taken over, by what was noted of them."""
        self._waiting = deque(one for one in self._waiting if notes.get(_note(one)) != one.mark)

    def notes(self) -> dict[str, bytes]:
        """Return what is to be noted with the rows of this batch."""
        if not self._settings.is_kept or self._in_hand is None or not self._is_through:
            return {}
        return {_note(self._in_hand): self._in_hand.mark}

    def rows(self) -> Iterator[Row | BrokenRow]:
        self._in_hand, self._is_through, self._refusal = None, False, None
        while self._waiting:
            arrived = self._waiting.popleft()
            self._last_number = arrived.first_number
            try:
                self._fetched = self._inbox.fetch(arrived)
                if self._fetched is None:
                    continue
                self._in_hand = arrived
                yield from self._rows_of(arrived.name, arrived.first_number, self._fetched)
            except FileRefused as refusal:
                self._in_hand = arrived
                yield self._refuse(errors.refused(arrived.name, refusal).detail)
            except SourceMismatch as error:
                assert self._fetched is not None, "what is refused here was read"
                yield self._refuse(errors.said_of(arrived.name, self._fetched.path, error))
            except OSError as error:
                raise errors.lost(arrived.name, error) from error
            finally:
                self._let_go()
            self._is_through = True
            return

    def _rows_of(self, name: str, first_number: int, fetched: Fetched) -> Iterator[Row | BrokenRow]:
        table = self._table = open_table(fetched.path, self._settings.table, PurePath(name).suffix)
        for column in self._settings.columns:
            if column not in table.columns:
                raise errors.lacks_column(name, column, table.columns)
        order = [table.columns.index(column) for column in self._settings.columns]
        for row in table.rows():
            self._last_number = number = first_number + row.number
            if isinstance(row, BrokenRow):
                yield BrokenRow(number, f"{name}: {row.reason}", {FILE_COLUMN: name, **row.raw})
            else:
                yield Row(number, [*(row.cells[place] for place in order), name])
        fetched.raise_if_changed()

    def _refuse(self, refusal: str) -> BrokenRow:
        assert self._in_hand is not None, "a file is refused that is in hand"
        self._refusal = refusal
        return BrokenRow(self._last_number + 1, refusal, {FILE_COLUMN: self._in_hand.name})

    def confirm(self) -> bool:
        arrived, self._in_hand = self._in_hand, None
        if arrived is not None and self._is_through:
            self._inbox.put_away(arrived, self._refusal)
        return bool(self._waiting)

    def _let_go(self) -> None:
        table, self._table = self._table, None
        fetched, self._fetched = self._fetched, None
        if table is not None:
            table.close()
        if fetched is not None:
            fetched.close()

    def close(self) -> None:
        self._let_go()
        self._inbox.close()


def _note(arrived: Arrived) -> str:
    digest = blake2b(arrived.key.encode("utf-8", "surrogatepass"), digest_size=_NOTE_BYTES)
    return f"{FILE_COLUMN} {digest.hexdigest()}"


def open_reading(plain: Plain, surroundings: Surroundings) -> Reading:
    """Return the reading of what has arrived. Raises SourceUnreachable, SourceMisconfigured, SourceMismatch."""
    settings = parse_settings(plain, surroundings)
    return FilesReading(settings, Folder(settings.folder))
