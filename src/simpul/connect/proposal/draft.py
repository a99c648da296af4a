"""A proposal in the making: lines of the mapping and of the rules, each with its evidence. Pure data and its making."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from simpul.connect.connector import NOTHING_TOLD, Told
from simpul.connect.proposal.columns import ColumnFacts
from simpul.connect.proposal.identity import Identity
from simpul.connect.proposal.models import Guess
from simpul.connect.proposal.personal import Personal
from simpul.domain.city import City


class Line(NamedTuple):
    """One line of YAML with the evidence for it. A line that is off is written as a comment."""

    content: Any
    evidence: str = ""
    is_off: bool = False


@dataclass(frozen=True)
class Seen:
    """What was looked at: a table's name, its columns, the rows of the sample, what the system says of itself."""

    name: str
    columns: tuple[ColumnFacts, ...]
    rows: Sequence[Sequence[Any]]
    is_whole: bool
    told: Told = NOTHING_TOLD
    references: Mapping[str, str] = field(default_factory=dict)
    rows_told: int | None = None
    """How many rows there are in all, where the system says so."""
    folder: str = ""
    """What the folder of a file is called."""

    @property
    def share(self) -> float:
        """Return how much of all rows was looked at; 0 where nobody says how many there are."""
        return 1.0 if self.is_whole else len(self.rows) / self.rows_told if self.rows_told else 0.0

    def column(self, name: str) -> ColumnFacts:
        return next(facts for facts in self.columns if facts.name == name)


@dataclass
class Draft:
    """What is proposed for one table."""

    city: City
    seen: Seen
    type_name: str
    guess: Guess | None
    personal: Personal
    identity: Identity
    attributes: dict[str, Line] = field(default_factory=dict)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    codes: list[Line] = field(default_factory=list)
    rules: list[Line] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    id_word: str = ""
    """What stands in the id where another source has entities of the same type."""
    used: set[str] = field(default_factory=set)
    """The columns that have their place already."""

    def attribute_of(self, column: str) -> str:
        """Return the attribute that a column alone makes, or nothing."""
        made = (name for name, line in self.attributes.items() if line.content.get("column") == column)
        return next(made, "")

    def free_name(self, name: str) -> str:
        """Return the name, or one with a number where another attribute has it."""
        found, number = name, 2
        while found in self.attributes:
            found, number = f"{name}{number}", number + 1
        return found
