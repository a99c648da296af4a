"""What a group of writes will put into a city's file, gathered before its one transaction. No decisions here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import chain, repeat
from operator import itemgetter
from typing import Any, NamedTuple

import apsw

from simpul import limits
from simpul.domain.alike import Alike
from simpul.domain.entity import Record
from simpul.ports.outbox import Notice
from simpul.store.sqlite.connection import SQL
from simpul.store.sqlite.index_keys import Key
from simpul.store.sqlite.insertion import insert_rows
from simpul.store.sqlite.names import Column, Names, TypeSet
from simpul.store.sqlite.outbox import SQL as OUTBOX

IndexRow = tuple[int, Key, int]
GeoRow = tuple[int, int, int]
Place = tuple[float | None, float | None]
# eid, sequence, at_us, kind, origin, body, removed
HistoryRow = tuple[int, int, int, int, str, bytes, str | None]
# run, at_us, rule, reason, raw
RejectRow = tuple[int, int, str, str, str]


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
    """An entity as the group sees it; `record` and `body`, the stored bytes, are None once it is deleted.

    Of one that came packed nobody may ever want the record: `packed` is when it was made, and its @context.
    """

    eid: int
    record: Record | None
    body: bytes | None
    packed: tuple[int, int] | None = None


class Statement(NamedTuple):
    """A writing statement of its own, for what is no entity: runs, tokens, declarations; `rows` takes its answer."""

    sql: str
    parameters: Sequence[Any]
    rows: list[tuple[Any, ...]]


# An id that nothing ever had.
NEVER_THERE = Entry(0, None, None)


Mark = tuple[int, ...]


class Changes:
    """What a group of writes has to put, in the order of the writes; of two puts in one place the later one wins.

    `new_types` and `new_index` are rows of entities that are new in this group; they are inserted before the others,
    so that what a later write of the group does to such an entity still wins. `new_index` also takes rows of what was
    there before the group, when an index is filled. In `types` and `index` True inserts
    and False deletes; None deletes in `geo`, `source_rows` and `rejects`.

    Everything but `entries` only grows, so that a write that fails is undone by cutting off what came after its mark.
    """

    __slots__ = (
        "_attribute_differences",
        "_before",
        "_logs",
        "attributes",
        "contexts",
        "counts",
        "entries",
        "geo",
        "history",
        "index",
        "inserted",
        "new_index",
        "new_types",
        "notices",
        "rejects",
        "source_rows",
        "statements",
        "types",
        "updated",
    )

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self._before: list[tuple[str, Entry | None]] = []
        self.inserted: list[EntityRow] = []
        self.updated: list[EntityRow] = []
        self.types: list[tuple[tuple[int, int], bool]] = []
        self.index: list[tuple[IndexRow, bool]] = []
        self.geo: list[tuple[GeoRow, Place | None]] = []
        self.new_types: list[tuple[int, int]] = []
        self.new_index: list[IndexRow] = []
        self.history: list[HistoryRow] = []
        self.counts: list[tuple[TypeSet, int]] = []
        # How many more entities have the attribute of a column of values.
        self.attributes: list[tuple[Column, int]] = []
        # Worked out once nothing comes any more.
        self._attribute_differences: dict[int, int] | None = None
        self.contexts: set[int] = set()
        self.source_rows: list[tuple[tuple[str, str], tuple[bytes, str] | None]] = []
        self.rejects: list[tuple[tuple[str, str], RejectRow | None]] = []
        self.notices: list[Notice] = []
        self.statements: list[Statement] = []
        self._logs: tuple[list[Any], ...] = (
            self._before,
            self.inserted,
            self.updated,
            self.types,
            self.index,
            self.geo,
            self.new_types,
            self.new_index,
            self.history,
            self.counts,
            self.attributes,
            self.source_rows,
            self.rejects,
            self.notices,
            self.statements,
        )

    def put_entry(self, entity_id: str, entry: Entry) -> None:
        """Take note of what an entity has become."""
        self._before.append((entity_id, self.entries.get(entity_id)))
        self.entries[entity_id] = entry

    def put_packed(self, eids: Sequence[int], alike: Alike, type_set: TypeSet, packed: tuple[int, int]) -> None:
        """Take note of new entities, of which nothing ever was there. `packed` as in `Entry`."""
        now_us, context_id = packed
        self._before += zip(alike.ids, repeat(NEVER_THERE))
        self.entries.update(
            (entity_id, Entry(eid, None, body, packed))
            for eid, entity_id, body in zip(eids, alike.ids, alike.bodies, strict=True)
        )
        self.inserted += [
            EntityRow(eid, entity_id, type_set.id, context_id, now_us, now_us, None, body)
            for eid, entity_id, body in zip(eids, alike.ids, alike.bodies, strict=True)
        ]
        self.counts.append((type_set, len(alike.ids)))
        if context_id > 0:
            self.contexts.add(context_id)

    def mark(self) -> Mark:
        """Return the place to which `undo` goes back."""
        return tuple(map(len, self._logs))

    def undo(self, mark: Mark) -> None:
        """Forget what was put since the mark."""
        for entity_id, before in reversed(self._before[mark[0] :]):
            if before is None:
                del self.entries[entity_id]
            else:
                self.entries[entity_id] = before
        for log, length in zip(self._logs, mark, strict=True):
            del log[length:]

    @property
    def is_empty(self) -> bool:
        return not (self.is_seen or self.new_index)

    @property
    def is_seen(self) -> bool:
        """Whether it changes anything that can be read, and not only how fast that is found."""
        return bool(self.history or self.source_rows or self.rejects or self.notices or self.statements)

    @property
    def size(self) -> int:
        """How many entities were written, roughly: what a group is bounded by."""
        return len(self.history)

    def written(self) -> dict[int, EntityRow]:
        """Return the last row of each entity that was written, by eid."""
        return {row.eid: row for rows in (self.inserted, self.updated) for row in rows}

    def write(self, connection: apsw.Connection, names: Names) -> None:
        """Write everything, in the transaction that is open. Sorted, so that pages are touched in their order."""
        names.flush(self.count_differences(), self.attribute_differences())
        self._write_entities(connection)
        self._write_indexes(connection)
        origins = {name: names.origin(name) for name in {row[4] for row in self.history}}
        insert_rows(
            connection,
            SQL.insert_history,
            [
                (eid << limits.HISTORY_SEQUENCE_BITS | sequence, at_us, kind, origins[origin], body, removed)
                for eid, sequence, at_us, kind, origin, body, removed in sorted(self.history)
            ],
        )
        if self.notices:
            insert_rows(connection, OUTBOX.insert_notice, self.notices)
        self._write_source_rows(connection)
        for statement in self.statements:
            statement.rows[:] = connection.execute(statement.sql, statement.parameters).fetchall()

    def _write_entities(self, connection: apsw.Connection) -> None:
        inserted = self.inserted
        if self.updated:
            updated = {row.eid: row for row in self.updated}
            if self.inserted:
                inserted = [updated.pop(row.eid, row) for row in self.inserted]
            connection.executemany(
                SQL.update_entity,
                [
                    (row.eid, row.type_set, row.context, row.created_us, row.modified_us, row.times, row.body)
                    for _, row in sorted(updated.items())
                ],
            )
        insert_rows(connection, SQL.insert_entity, inserted)

    def count_differences(self) -> dict[int, int]:
        """Return by how many each type set's number of entities changes."""
        differences: dict[int, int] = {}
        for type_set, difference in self.counts:
            differences[type_set.id] = differences.get(type_set.id, 0) + difference
        return differences

    def attribute_differences(self) -> dict[int, int]:
        """Return by how many the entities of each column of values change, of those where they do."""
        if self._attribute_differences is None:
            differences: dict[int, int] = {}
            for column, difference in self.attributes:
                differences[column.id] = differences.get(column.id, 0) + difference
            self._attribute_differences = {one: count for one, count in differences.items() if count}
        return self._attribute_differences

    def _write_indexes(self, connection: apsw.Connection) -> None:
        many = connection.executemany
        insert_rows(connection, SQL.insert_entity_type, sorted(self.new_types))
        if self.types:
            types = dict(self.types)
            many(SQL.insert_entity_type, [row for row, is_there in types.items() if is_there])
            many(SQL.delete_entity_type, [row for row, is_there in types.items() if not is_there])
        by_column: defaultdict[int, list[IndexRow]] = defaultdict(list)
        for row in self.new_index:
            by_column[row[0]].append(row)
        columns = (_sorted_column(by_column[one]) for one in sorted(by_column))
        insert_rows(connection, SQL.insert_attribute_index, list(chain.from_iterable(columns)))
        if self.index:
            index = dict(self.index)
            many(SQL.delete_attribute_index, [row for row, is_there in index.items() if not is_there])
            there = _sorted_rows([row for row, is_there in index.items() if is_there])
            insert_rows(connection, SQL.insert_attribute_index, there)
        if self.geo:
            geo = dict(self.geo)
            many(SQL.delete_geo_index, [row for row, place in geo.items() if place is None])
            insert_rows(
                connection,
                SQL.insert_geo_index,
                sorted((*row, place[0], place[1]) for row, place in geo.items() if place is not None),
            )

    def _write_source_rows(self, connection: apsw.Connection) -> None:
        many = connection.executemany
        if self.source_rows:
            taken = dict(self.source_rows)
            known = [(*key, *row) for key, row in taken.items() if row is not None]
            insert_rows(connection, SQL.put_source_row, known)
            many(SQL.delete_source_row, [key for key, row in taken.items() if row is None])
        if self.rejects:
            rejects = dict(self.rejects)
            kept = [(*key, *row) for key, row in rejects.items() if row is not None]
            insert_rows(connection, SQL.put_reject, kept)
            many(SQL.delete_reject, [key for key, row in rejects.items() if row is None])


def _sorted_column(rows: list[IndexRow]) -> list[IndexRow]:
    """Sort new rows of one column, which come in the order of their eid."""
    try:
        return sorted(rows, key=_VALUE_OF)
    except TypeError:
        return _sorted_rows(rows)


def _sorted_rows(rows: Sequence[IndexRow]) -> list[IndexRow]:
    """Sort as SQLite does: within a column numbers come before text and text before bytes."""
    try:
        # Most columns hold values of one kind, which Python sorts as SQLite does, five times as fast.
        return sorted(rows)
    except TypeError:
        return sorted(rows, key=lambda row: (row[0], _RANK[type(row[1])], row[1], row[2]))


_VALUE_OF = itemgetter(1)
_RANK = {int: 0, float: 0, str: 1, bytes: 2}
