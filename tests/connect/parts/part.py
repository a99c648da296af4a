"""What the suite asks of a part, and what those that are one file share. No kind's own code."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simpul.connect.connector import get_connector


class Part(ABC):
    """A system with numbered places that have names: the columns `id` and `nama`."""

    kind: str
    holds_whole: str | None = None
    """The bound of `limits.py` on what is held at once; None where the kind streams, as it should."""
    rows_beyond_buffers: int = 4_000
    """So many rows of some 200 characters that every page, chunk and batch that the kind holds is full."""

    @property
    def is_stream(self) -> bool:
        """Whether it tells only what is new."""
        return get_connector(self.kind).is_stream

    @property
    @abstractmethod
    def read(self) -> dict[str, Any]:
        """Return what stands under `read:`."""

    @abstractmethod
    def fill(self, names: Mapping[int, str]) -> None:
        """Make these the rows of the system, and no others; in a stream, what waits."""

    @abstractmethod
    def take_away(self) -> None:
        """Make the system unreachable; a reading that is open breaks off where that can happen."""

    @abstractmethod
    def bring_back(self) -> None:
        """Make it reachable again, as it was."""


class FilePart(Part):
    """A part that is one file of the city's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def read(self) -> dict[str, Any]:
        return {"path": self.path.name}

    def take_away(self) -> None:
        self.path.rename(self.path.with_name("elsewhere"))

    def bring_back(self) -> None:
        self.path.with_name("elsewhere").rename(self.path)
