"""A reading of rows that are in hand already (`connector.Sample`): what was seen of a stream that must not be read."""

from __future__ import annotations

from collections.abc import Iterator

from simpul.connect.connector import BrokenRow, Row, Sample


class SampleReading:
    """The rows of a sample (`connect.connector.Reading`)."""

    def __init__(self, sample: Sample) -> None:
        self.row_word = "row"
        self.columns = sample.columns
        self.rows_expected: int | None = len(sample.rows)
        self._rows = sample.rows

    def rows(self) -> Iterator[Row | BrokenRow]:
        """Yield the rows once."""
        for number, cells in enumerate(self._rows, 1):
            yield Row(number, cells)

    def close(self) -> None:
        """Let go of them."""
        self._rows = ()
