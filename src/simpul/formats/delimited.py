"""Lines of a file with delimited cells, for a CSV reader that can go on after a record whose quotes are wrong."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from io import TextIOWrapper

from simpul import limits

csv.field_size_limit(limits.CELL_CHARACTERS_MAX)


class Lines:
    """The lines of a file, numbered; those of the record in hand can be given back.

    `not_text` and `long_line` make the errors of who reads: for bytes that are no text, and for the number of a line
    that has no end.
    """

    def __init__(
        self, file: TextIOWrapper, *, not_text: Callable[[], Exception], long_line: Callable[[int], Exception]
    ) -> None:
        self._file = file
        self._not_text = not_text
        self._long_line = long_line
        self._returned: list[str] = []
        self._record: list[str] = []
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self._record) >= limits.CSV_RECORD_LINES_MAX:
            raise csv.Error(f"a quoted cell goes on for more than {limits.CSV_RECORD_LINES_MAX} lines")
        line = self._returned.pop() if self._returned else self._read()
        if not line:
            raise StopIteration
        self.number += 1
        self._record.append(line)
        return line

    def _read(self) -> str:
        most = limits.CSV_LINE_CHARACTERS_MAX
        try:
            line = self._file.readline(most + 1)
        except UnicodeError as error:
            raise self._not_text() from error
        if len(line) > most:
            raise self._long_line(self.number + 1)
        return line

    def begin_record(self) -> None:
        """Forget the lines of the record before."""
        self._record = []

    def give_back_all_but_first(self) -> str:
        """Return the record's first line; the others will be read again, as records of their own."""
        first, *others = self._record
        self._returned.extend(reversed(others))
        self.number -= len(others)
        self._record = []
        return first

    def peek(self, count: int) -> list[str]:
        """Return the next lines, which stay to be read."""
        self.begin_record()
        lines = [line for line, _ in zip(self, range(count), strict=False)]
        # `zip` takes one line more than it gives.
        self._returned.extend(reversed(self._record))
        self.number -= len(self._record)
        self._record = []
        return lines
