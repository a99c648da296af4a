"""Rows of a sheet as the library of workbooks gives them; what one cell does to it costs one row. No files here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

Cells = TypeVar("Cells")


def given_rows(found: Iterator[Cells]) -> Iterator[Cells | None]:
    """Yield the rows; None in the place of one that the library cannot give.

    A cell may be formatted as a duration and hold billions of days, which no timedelta does. The rows after it come.
    """
    while True:
        try:
            cells = next(found)
        except StopIteration:
            return
        except OverflowError:
            yield None
        except BaseException as error:  # What panics is no Exception, and is the only one that is taken here.
            if not is_panic(error):
                raise
            yield None
        else:
            yield cells


def is_panic(error: BaseException) -> bool:
    """Return whether it is a defect of the Rust library, which arrives as a PanicException that is no Exception."""
    return type(error).__name__ == "PanicException"
