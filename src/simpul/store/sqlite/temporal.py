"""The log of a city's entities: read for one or for many, written into and corrected. No choice of instances here.

What a correction removes is removed from the file, too; a note of who corrected what and when stays beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from heapq import merge
from itertools import islice
from json import dumps
from typing import Any, NamedTuple, TypeVar

import apsw
import msgspec

from simpul import limits
from simpul.domain.context import CORE
from simpul.domain.entity import ENTITY_MEMBERS, Record
from simpul.domain.errors import TooComplexQuery
from simpul.domain.history import ChangeKind, History, Write, compact_key
from simpul.domain.moment import render_moment
from simpul.domain.pattern import compile_pattern, matches_pattern
from simpul.domain.query import EntityQuery
from simpul.domain.temporal import TemporalQuery
from simpul.ports.history import Found, Fresh, Note
from simpul.store.sqlite.changes import Statement
from simpul.store.sqlite.draft import SqliteDraft
from simpul.store.sqlite.names import Names
from simpul.store.statements import load_statements

SQL = load_statements("simpul.store.sqlite", "temporal.sql")

Kept = TypeVar("Kept")
Rows = list[tuple[Any, ...]]

_CHUNK_ENTITIES = 256
_TIME_FROM, _TIME_TO = -(2**62), 2**62
_YEAR_CHARACTERS = 4
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def read_writes(rows: Rows) -> list[Write]:
    """Return entries as they are stored, in the order of the rows."""
    decode = _decode
    return [
        Write(sequence, at_us, kind, decode(body), _keys(removed) if removed else ())
        for sequence, at_us, kind, body, removed in rows
    ]


def _keys(removed: str) -> tuple[str, ...]:
    return tuple(map(compact_key, _decode(removed)))


def list_window(connection: apsw.Connection, eid: int, window: TemporalQuery, rows_max: int) -> list[Write]:
    """Return the entity's log, or of a long one what the window is about. Raises TooComplexQuery."""
    rows: Rows = connection.execute(SQL.list_writes, (eid, rows_max + 1)).fetchall()
    if len(rows) > rows_max:
        narrowed = _narrow(window)
        rows = connection.execute(narrowed.writes_sql, (eid, rows_max + 1, *narrowed.bounds)).fetchall()
        if len(rows) > rows_max:
            raise TooComplexQuery(
                f"The time asked for has more than {rows_max:,} changes of one entity. Ask for less at once, with"
                " timerel=between, timeAt and endTimeAt."
            )
    return read_writes(rows[::-1])


def _narrow(window: TemporalQuery) -> _Narrowed:
    """Return the statements that read no less than the window."""
    low, high = window.low_us, window.high_us
    if window.time_property != "observedAt" and window.timerel is not None:
        bounds = (_TIME_FROM if low is None else low, _TIME_TO if high is None else high)
        return _Narrowed(SQL.list_writes_between, SQL.entities_between, bounds)
    if window.time_property == "observedAt" and low is not None and high is not None:
        # The end itself is not asked for: a day ends within that day.
        first, last = render_moment(low), render_moment(max(low, high - 1))
        same = next((place for place in range(len(first)) if first[place] != last[place : place + 1]), len(first))
        if same >= _YEAR_CHARACTERS:
            beginning = f'"observedAt":"{first[: min(same, 19)]}'.encode()
            return _Narrowed(SQL.list_writes_observed, SQL.entities_observed, (beginning,))
    return _Narrowed(SQL.list_writes, SQL.entities, ())


class _Narrowed(NamedTuple):
    """How to read what a window is about: an entity's entries, and which entities have some. `bounds` go last."""

    writes_sql: str
    entities_sql: str
    bounds: tuple[Any, ...]


class _Entity(NamedTuple):
    eid: int
    id: str
    types: tuple[str, ...]


def _with_scopes(connection: apsw.Connection, eid: int, writes: list[Write]) -> list[Write]:
    """Return the entries with those outside the window that set or end the entity's scope."""
    rows: Rows = connection.execute(SQL.list_scope_writes, (eid, limits.TEMPORAL_CHANGES_MAX)).fetchall()
    known = {write.sequence for write in writes}
    return sorted([*writes, *(one for one in read_writes(rows) if one.sequence not in known)])


class HistoryScan:
    """A question about many entities' logs: one after the other, in a stable order. Made in the loop, run elsewhere."""

    def __init__(
        self, names: Names, query: EntityQuery, window: TemporalQuery, keep: Callable[[History], Any | None]
    ) -> None:
        self._query = query
        self._window = window
        self._keep = keep
        sets = [
            one
            for one in names.type_sets.values()
            if (query.types is None or query.types.matches(one.names))
            and (query.readable_types is None or query.readable_types.issuperset(one.names))
        ]
        self._sets = {one.id: one.names for one in sets}
        self._terms = sorted({term for one in sets for term in one.terms}) if query.types is not None else None
        self._pattern = compile_pattern(query.id_pattern) if query.id_pattern else None
        self._rows_left = limits.TEMPORAL_QUERY_CHANGES_MAX

    def run(self, connection: apsw.Connection) -> Found:
        query = self._query
        kept: list[Any] = []
        matched = 0
        for entity in self._entities(connection) if self._sets else ():
            found = self._look(connection, entity)
            if found is None:
                continue
            matched += 1
            if query.offset < matched <= query.offset + query.limit:
                kept.append(found)
            if matched >= query.offset + query.limit and not query.counts:
                break
        return Found(kept, matched if query.counts else None)

    def _look(self, connection: apsw.Connection, entity: _Entity) -> Any | None:
        writes = list_window(connection, entity.eid, self._window, limits.TEMPORAL_CHANGES_MAX)
        if not writes:
            return None
        if self._query.scope is not None:
            writes = _with_scopes(connection, entity.eid, writes)
        self._rows_left -= len(writes)
        if self._rows_left < 0:
            raise TooComplexQuery(
                f"The question looks at more than {limits.TEMPORAL_QUERY_CHANGES_MAX:,} changes. Name fewer entities,"
                " with id, idPattern or a narrower type, or a smaller limit."
            )
        return self._keep(History(entity.id, entity.types, writes))

    def _entities(self, connection: apsw.Connection) -> Iterator[_Entity]:
        eids = self._eids(connection)
        narrowed = _narrow(self._window)
        seen = 0
        while chunk := list(islice(eids, _CHUNK_ENTITIES)):
            seen += len(chunk)
            if seen > limits.TEMPORAL_QUERY_ENTITIES_MAX:
                raise TooComplexQuery(
                    f"The question looks at more than {limits.TEMPORAL_QUERY_ENTITIES_MAX:,} entities. Name fewer."
                )
            rows: Rows = connection.execute(narrowed.entities_sql, (str(chunk), *narrowed.bounds)).fetchall()
            for eid, entity_id, type_set in rows:
                names = self._sets.get(type_set)
                if names is None or (self._pattern and not matches_pattern(self._pattern, entity_id)):
                    continue
                yield _Entity(eid, entity_id, names)

    def _eids(self, connection: apsw.Connection) -> Iterator[int]:
        if self._query.ids:
            lists = [connection.execute(SQL.eids_of_ids, (dumps(self._query.ids),))]
        elif self._terms is None:
            lists = [connection.execute(SQL.eids_all)]
        else:
            lists = [connection.execute(SQL.eids_of_type, (term,)) for term in self._terms]
            lists.append(connection.execute(SQL.eids_gone, (str(sorted(self._sets)),)))
        last = None
        for (eid,) in merge(*lists):
            if eid != last:
                last = eid
                yield eid


class SqliteHistoryDraft(SqliteDraft):
    """A write's view of the city that can also write into the log, and correct it."""

    def list_writes(self, entity_id: str) -> list[Write]:
        eid = self._number(entity_id)
        rows: Rows = self._execute(SQL.all_writes, (eid,)).fetchall()
        pending = [row for row in self.changes.history if row[0] == eid]
        rows += [(row[1], row[2], row[3], row[5], row[6]) for row in pending]
        return read_writes(rows)

    def has_history(self, entity_id: str) -> bool:
        eid = self._number(entity_id)
        if not eid:
            return False
        if any(row[0] == eid for row in self.changes.history):
            return True
        return self._execute(SQL.has_writes, (eid,)).fetchone() is not None

    def _number(self, entity_id: str) -> int:
        self.find(entity_id)
        return self._eid(entity_id)

    def write_instances(
        self, before: Record | None, after: Record | None, changed: Sequence[str], fresh: Fresh
    ) -> None:
        stored = CORE.compact_entity(fresh.attributes)
        if isinstance(stored.get("scope"), dict):
            # What is read as bytes (`plain_history`) would take it for an attribute.
            stored["scope"] = [stored["scope"]]
        body = _encode(stored)
        entity_id = fresh.attributes["id"]
        self._number(entity_id)
        if after is None or (before is not None and not changed):
            self._put_history(self._eid(entity_id), fresh.at_us, ChangeKind.WRITTEN, body, ())
            return
        if before is None:
            self.create(after)
        else:
            self.change(before, after, changed)
        # One entry tells all: which of its instances became current follows from it.
        eid, sequence, at_us, _, origin, _, _ = self.changes.history.pop()
        self.changes.history.append((eid, sequence, at_us, ChangeKind.WRITTEN.value, origin, body, None))

    def rewrite(self, entity_id: str, writes: Sequence[Write], note: Note) -> None:
        eid = self._number(entity_id)
        rows = {write.sequence: (_encode(write.attributes), expand_keys(write.removed)) for write in writes}
        for sequence, (body, removed) in rows.items():
            # Nothing can fail after this, so that the log is corrected with the whole group or not at all.
            self._execute(SQL.update_write, (eid, sequence, body, removed))
        self.changes.history[:] = [
            (*row[:5], rows[row[1]][0], rows[row[1]][1]) if row[0] == eid and row[1] in rows else row
            for row in self.changes.history
        ]
        self._note(eid, note)

    def drop_history(self, entity_id: str, note: Note) -> None:
        eid = self._number(entity_id)
        self._execute(SQL.delete_writes, (eid,))
        self.changes.history[:] = [row for row in self.changes.history if row[0] != eid]
        self._note(eid, note)

    def _note(self, eid: int, note: Note) -> None:
        # It also is what makes the group one that is committed.
        self.changes.statements.append(Statement(SQL.insert_note, (eid, note.at_us, self.origin, note.what), []))


def expand_keys(removed: Sequence[str]) -> str | None:
    """Return keys of what went as they are stored; None where there are none."""
    return _encode(list(map(_expand_key, removed))).decode() if removed else None


def _expand_key(key: str) -> str:
    name, separator, dataset = key.partition("\n")
    return (name if name in ENTITY_MEMBERS else CORE.expand(name)) + separator + dataset
