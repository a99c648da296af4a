"""What a group of writes will put into a city's file, gathered before its one transaction. No decisions here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import apsw

from simpul.domain.entity import Record
from simpul.ports.outbox import Notice
from simpul.ports.store import Document
from simpul.store.sqlite.connection import SQL
from simpul.store.sqlite.index_keys import Key
from simpul.store.sqlite.names import Names, TypeSet
from simpul.store.sqlite.outbox import SQL as OUTBOX

IndexRow = tuple[int, Key, int]
GeoRow = tuple[int, int, int]


class EntityRow(NamedTuple):
    """One row of `entity` as it will be."""

    eid: int
    id: str
    type_set: int
    context: int
    created_us: int
    modified_us: int
    times: bytes | None
    body: bytes | None


class Entry(NamedTuple):
    """An entity as the group sees it; `record` and `document` are None once it is deleted."""

    eid: int
    record: Record | None
    document: Document | None


class Statement(NamedTuple):
    """A writing statement of its own, for what is no entity: runs, tokens, declarations; `rows` takes its answer."""

    sql: str
    parameters: Sequence[Any]
    rows: list[tuple[Any, ...]]


# An id that nothing ever had.
NEVER_THERE = Entry(0, None, None)


@dataclass(slots=True)
class Changes:
    """Rows to write. In the dicts of indexes True inserts and False deletes; what comes later wins.

    `new_types` and `new_index` are rows of entities that are new in this group; they are inserted before the others,
    so that what a later write of the group does to such an entity still wins.
    """

    entries: dict[str, Entry] = field(default_factory=dict)
    inserted: dict[int, EntityRow] = field(default_factory=dict)
    updated: dict[int, EntityRow] = field(default_factory=dict)
    types: dict[tuple[int, int], bool] = field(default_factory=dict)
    index: dict[IndexRow, bool] = field(default_factory=dict)
    geo: dict[GeoRow, tuple[float | None, float | None] | None] = field(default_factory=dict)
    new_types: list[tuple[int, int]] = field(default_factory=list)
    new_index: defaultdict[int, list[IndexRow]] = field(default_factory=lambda: defaultdict(list))
    history: list[tuple[int, int, int, int, str, bytes, str | None]] = field(default_factory=list)
    counts: list[tuple[TypeSet, int]] = field(default_factory=list)
    contexts: set[int] = field(default_factory=set)
    source_rows: dict[tuple[str, str], tuple[bytes, str] | None] = field(default_factory=dict)
    rejects: dict[tuple[str, str], tuple[int, int, str, str, str] | None] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)

    def absorb(self, other: Changes) -> None:
        """Take over what a later write did."""
        self.entries.update(other.entries)
        self.inserted.update(other.inserted)
        for eid, row in other.updated.items():
            if eid in self.inserted:
                self.inserted[eid] = row
            else:
                self.updated[eid] = row
        self.types.update(other.types)
        self.index.update(other.index)
        self.geo.update(other.geo)
        self.new_types += other.new_types
        for column_id, rows in other.new_index.items():
            self.new_index[column_id] += rows
        self.history += other.history
        self.counts += other.counts
        self.contexts |= other.contexts
        self.source_rows.update(other.source_rows)
        self.rejects.update(other.rejects)
        self.notices += other.notices
        self.statements += other.statements

    @property
    def is_empty(self) -> bool:
        return not (self.history or self.source_rows or self.rejects or self.notices or self.statements)

    def write(self, connection: apsw.Connection, names: Names) -> None:
        """Write everything, in the transaction that is open. Sorted, so that pages are touched in their order."""
        many = connection.executemany
        origins = {name: names.origin(name) for name in {row[4] for row in self.history}}
        names.flush(self.count_differences())
        many(SQL.insert_entity, self.inserted.values())
        if self.updated:
            rows = sorted(self.updated.items())
            many(
                SQL.update_entity,
                [
                    (row.eid, row.type_set, row.context, row.created_us, row.modified_us, row.times, row.body)
                    for _, row in rows
                ],
            )
        self._write_indexes(connection)
        many(
            SQL.insert_history,
            [(row[0], row[1], row[2], row[3], origins[row[4]], row[5], row[6]) for row in sorted(self.history)],
        )
        if self.notices:
            many(OUTBOX.insert_notice, self.notices)
        self._write_source_rows(connection)
        for statement in self.statements:
            statement.rows[:] = connection.execute(statement.sql, statement.parameters).fetchall()

    def count_differences(self) -> dict[int, int]:
        """Return by how many each type set's number of entities changes."""
        differences: dict[int, int] = {}
        for type_set, difference in self.counts:
            differences[type_set.id] = differences.get(type_set.id, 0) + difference
        return differences

    def _write_indexes(self, connection: apsw.Connection) -> None:
        many = connection.executemany
        inserted_types = [row for row, is_there in self.types.items() if is_there]
        deleted_types = [row for row, is_there in self.types.items() if not is_there]
        many(SQL.insert_entity_type, self.new_types + inserted_types)
        many(SQL.delete_entity_type, deleted_types)
        for _, rows in sorted(self.new_index.items()):
            many(SQL.insert_attribute_index, _sorted_rows(rows))
        many(SQL.delete_attribute_index, [row for row, is_there in self.index.items() if not is_there])
        many(SQL.insert_attribute_index, _sorted_rows([row for row, is_there in self.index.items() if is_there]))
        many(SQL.delete_geo_index, [row for row, place in self.geo.items() if place is None])
        many(
            SQL.insert_geo_index,
            sorted((*row, place[0], place[1]) for row, place in self.geo.items() if place is not None),
        )

    def _write_source_rows(self, connection: apsw.Connection) -> None:
        many = connection.executemany
        many(SQL.put_source_row, [(*key, *row) for key, row in self.source_rows.items() if row is not None])
        many(SQL.delete_source_row, [key for key, row in self.source_rows.items() if row is None])
        many(SQL.put_reject, [(*key, *row) for key, row in self.rejects.items() if row is not None])
        many(SQL.delete_reject, [key for key, row in self.rejects.items() if row is None])


def _sorted_rows(rows: Sequence[IndexRow]) -> list[IndexRow]:
    """Sort as SQLite does: within a column numbers come before text and text before bytes."""
    try:
        # Most columns hold values of one kind, which Python sorts as SQLite does, five times as fast.
        return sorted(rows)
    except TypeError:
        return sorted(rows, key=lambda row: (row[0], _RANK[type(row[1])], row[1], row[2]))


_RANK = {int: 0, float: 0, str: 1, bytes: 2}
