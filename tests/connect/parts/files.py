"""A folder in which files arrive."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from tests.connect.parts.part import Part
from tests.connect.parts.place import Place

_numbers = count(1)


def write_csv(path: Path, names: Mapping[int, str]) -> None:
    """Write a file with these rows."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("id", "nama"), *names.items()])


class FolderPart(Part):
    """A folder below the city's."""

    kind = "files"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()

    @property
    def read(self) -> dict[str, Any]:
        return {"folder": self._folder.name, "columns": ["id", "nama"], "quiet": 0}

    def fill(self, names: Mapping[int, str]) -> None:
        for path in self._folder.glob("*.csv"):
            path.unlink()
        write_csv(self._folder / f"halte-{next(_numbers)}.csv", names)

    def take_away(self) -> None:
        self._folder.rename(self._folder.with_name("elsewhere"))

    def bring_back(self) -> None:
        self._folder.with_name("elsewhere").rename(self._folder)


@contextmanager
def folder_part(place: Place) -> Iterator[Part]:
    yield FolderPart(place.folder / "masuk")


PARTS = {"files": folder_part}
