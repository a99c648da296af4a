"""Where features come from: a module for each form of file and each kind of service. No rows and no settings here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol


class Feature(NamedTuple):
    """One feature: its number, its id where it has one, its place in longitude and latitude (WGS 84), its values."""

    number: int
    id: Any
    geometry: dict[str, Any] | None
    values: Sequence[Any]


class BrokenFeature(NamedTuple):
    """A place where a feature should be and none can be read."""

    number: int
    reason: str
    raw: dict[str, Any]


class Features(Protocol):
    """Open features. Used from one thread only, and once."""

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the values, each once."""

    @property
    def expected(self) -> int | None:
        """Return how many features will come, where that is known."""

    def __iter__(self) -> Iterator[Feature | BrokenFeature]:
        """Yield the features. Raises SourceUnreachable, SourceMismatch."""

    def close(self) -> None:
        """Let go of files and connections."""


def unique_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names with a number behind those that come again."""
    seen: dict[str, int] = {}
    unique: list[str] = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(unique)
