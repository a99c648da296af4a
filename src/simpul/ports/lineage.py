"""What the use-cases need to tell where an attribute comes from. Nothing is kept for it alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from simpul.domain.entity import Record


class Setter(NamedTuple):
    """The change that set an instance as it is now: who or what made it, and when.

    `observed` is a moment of observation that the change told, which names the row of a time series.
    """

    at_us: int
    origin: str
    observed: str | None


class RunOutline(NamedTuple):
    """What is known of a run without its counts; `has_report` says that there is a report of its quality."""

    source: str
    started_us: int
    has_report: bool


class SourceRow(NamedTuple):
    """A row that was taken over: its key, and the entity that it became."""

    key: str
    entity_id: str


class MappingLine(NamedTuple):
    """How a source makes an attribute: the words of its declaration, and where they stand.

    `line` is 0 where the file is not at hand, or says something else than what was applied. `columns` are those of the
    source that are read; `code_lists` are the lists by which codes were found for names in them.
    """

    file: str
    line: int
    columns: tuple[str, ...]
    code_lists: tuple[str, ...]
    words: dict[str, Any]


class RowWanted(NamedTuple):
    """Which row is looked for: that of this entity, and in a time series of this moment."""

    entity_id: str
    observed: str | None


class Traced(NamedTuple):
    """What one source says: how each attribute is made, by expanded name, and the keys of the rows that were found."""

    mappings: dict[str, MappingLine]
    row_keys: dict[RowWanted, str]


class LineageStore(Protocol):
    """Looks backwards through what the store keeps anyway."""

    async def find_setters(self, tenant: str, records: Sequence[Record]) -> list[dict[str, Setter]]:
        """Return for each entity, by `attribute_key`, what set its instances; without those whose history is gone."""

    def find_row(self, tenant: str, source: str, key: str) -> SourceRow | None:
        """Return the row with this key, if it was taken over."""

    def list_rows_under(self, tenant: str, source: str, beginning: str, limit: int) -> list[SourceRow]:
        """Return rows whose keys begin so, the last ones first."""

    async def find_rows_of(self, tenant: str, source: str, entity_ids: Sequence[str], limit: int) -> list[SourceRow]:
        """Return the rows that became these entities, by looking at all rows of the source, up to a bound."""

    def find_run(self, tenant: str, run: int) -> RunOutline | None:
        """Return the outline of a run, or None where it is forgotten."""
