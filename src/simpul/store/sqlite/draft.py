"""The state as one write sees it, and what that write will put. No SQL beyond the point reads that it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from operator import itemgetter
from typing import Any

import apsw
import msgspec

from simpul import limits
from simpul.domain.alike import Alike, column_of, unpack
from simpul.domain.context import CORE
from simpul.domain.entity import ENTITY_MEMBERS, EXPIRING, Entity, Record, Times, attribute_names
from simpul.domain.errors import BadRequestData, StorageFull
from simpul.domain.expiry import without_expiry
from simpul.ports.contexts import ContextTable
from simpul.ports.outbox import Notice, Watch
from simpul.ports.store import ChangeKind, Reject
from simpul.store.sqlite.changes import NEVER_THERE, Changes, EntityRow, Entry, IndexRow, Statement
from simpul.store.sqlite.connection import SQL
from simpul.store.sqlite.index_keys import PRESENT, attribute_keys, geo_keys, plain_key
from simpul.store.sqlite.names import VALUE, Names, TypeSet
from simpul.store.sqlite.new_rows import put_rows_of, put_rows_of_all
from simpul.store.sqlite.outbox import find_interested, notice_of

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_encode_times = msgspec.msgpack.Encoder().encode
_decode_times = msgspec.msgpack.Decoder(dict[str, tuple[int, int]]).decode


class Numbers:
    """The next eid and sequence of a city."""

    __slots__ = ("eid", "sequence")

    def __init__(self, eid: int, sequence: int) -> None:
        self.eid = eid
        self.sequence = sequence

    def next_eid(self) -> int:
        self.eid += 1
        return self.eid

    def next_sequence(self) -> int:
        self.sequence += 1
        return self.sequence

    def next_numbers(self, count: int) -> tuple[range, range]:
        """Return so many eids, and as many sequences."""
        eids = range(self.eid + 1, self.eid + 1 + count)
        sequences = range(self.sequence + 1, self.sequence + 1 + count)
        self.eid += count
        self.sequence += count
        return eids, sequences

    def raise_if_used_up(self) -> None:
        """Raise StorageFull where the change log has no place left for what was numbered."""
        if self.eid > limits.HISTORY_ENTITIES_MAX or self.sequence > limits.HISTORY_ENTRIES_MAX:
            raise StorageFull(
                f"A city's file takes {limits.HISTORY_ENTITIES_MAX:,} entities and {limits.HISTORY_ENTRIES_MAX:,}"
                " changes, and this one has had as many. Move part of the city into a tenant of its own."
            )


class SqliteDraft:
    """A write's view of a city: the changes of its group over what is committed. `origin` is set for each write."""

    def __init__(
        self,
        connection: apsw.Connection,
        names: Names,
        numbers: Numbers,
        *,
        contexts: ContextTable,
        changes: Changes,
        find_eid: Callable[[str], int | None],
    ) -> None:
        self._execute = connection.execute
        self._names = names
        self._numbers = numbers
        self._contexts = contexts
        self._find_eid = find_eid
        # Whom to ask what a change concerns; the city sets it while subscriptions wait.
        self.watch: Watch | None = None
        self.via: tuple[str, ...] = ()
        self.origin = ""
        self.changes = changes

    def find(self, entity_id: str) -> Record | None:
        entry = self.changes.entries.get(entity_id)
        if entry is not None:
            return entry.record if entry.packed is None else self._unpack(entity_id, entry)
        row = self._execute(SQL.get_entity_with_times, (entity_id,)).fetchone()
        if row is None:
            self.changes.entries[entity_id] = NEVER_THERE
            return None
        entry = self.changes.entries[entity_id] = self._entry_of(row)
        return entry.record

    def _unpack(self, entity_id: str, entry: Entry) -> Record:
        assert entry.packed is not None, "the caller has looked"
        assert entry.body is not None, "what is packed is there"
        now_us, context_id = entry.packed
        entity = self._contexts.get(context_id).expand_entity(_decode(entry.body))
        record = Record(entity, Times(now_us, now_us), context_id)
        self.changes.entries[entity_id] = Entry(entry.eid, record, entry.body)
        return record

    def find_body(self, entity_id: str) -> bytes | None:
        return None if self.find(entity_id) is None else self.changes.entries[entity_id].body

    def expect(self, entity_ids: Sequence[str]) -> None:
        entries = self.changes.entries
        wanted = dict.fromkeys([one for one in entity_ids if one not in entries], NEVER_THERE)
        for row in self._execute(SQL.list_entities_by_id, (_encode(list(wanted)).decode(),)):
            wanted[row[0]] = self._entry_of(row[1:])
        entries.update(wanted)

    def _entry_of(self, stored: tuple[Any, ...]) -> Entry:
        eid, context_id, created_us, modified_us, times, body = stored
        if body is None:
            # A deleted entity: a new one of that id takes its eid, and so its history, up again.
            return Entry(eid, None, None)
        entity = self._contexts.get(context_id).expand_entity(_decode(body))
        return Entry(eid, Record(entity, decode_times(created_us, modified_us, times), context_id), body)

    def exists(self, entity_id: str) -> bool:
        entry = self.changes.entries.get(entity_id)
        if entry is not None:
            return entry.body is not None
        if self._find_eid(entity_id) is not None:
            return True
        row = self._execute(SQL.get_entity_eid, (entity_id,)).fetchone()
        if row is not None and row[1]:
            return True
        self.changes.entries[entity_id] = NEVER_THERE if row is None else Entry(row[0], None, None)
        return False

    def create(self, record: Record) -> None:
        entity_id = record.id
        entry = self.changes.entries.get(entity_id)
        if entry is None:
            is_there = self.exists(entity_id)
            assert not is_there, "the caller has checked that it is not there"
            entry = self.changes.entries[entity_id]
        known_eid = entry.eid
        eid = known_eid or self._numbers.next_eid()
        type_set = self._names.type_set(record.types)
        body = self._put_entity(eid, record, type_set, is_new=not known_eid)
        self.changes.counts.append((type_set, 1))
        if known_eid:
            self._put_types(eid, type_set.terms, ())
            names = attribute_names(record.entity)
            self._put_keys(eid, ({}, ()), (record.entity, type_set.terms), names)
        else:
            put_rows_of(self.changes, self._names, type_set.terms, eid, record.entity)
        self._put_created(eid, record, body)
        if self.watch is not None:
            self._put_notice(self.watch, None, record, (), (record.times.modified_us, body))

    def create_all(self, records: Sequence[Record]) -> None:
        entries, next_eid = self.changes.entries, self._numbers.next_eid
        alike: dict[tuple[Any, ...], list[tuple[int, Record]]] = {}
        for record in records:
            entity = record.entity
            if self.watch is not None or entries.get(entity["id"]) is not NEVER_THERE:
                self.create(record)
            else:
                shape = (record.context_id, *entity["type"], *entity)
                alike.setdefault(shape, []).append((next_eid(), record))
        for newcomers in alike.values():
            self._create_alike(newcomers)

    def _create_alike(self, newcomers: Sequence[tuple[int, Record]]) -> None:
        """Put new entities of the same types and @context, with attributes of the same names."""
        first = newcomers[0][1]
        type_set = self._names.type_set(first.types)
        compacted = self._contexts.get(first.context_id).compact_alike([record.entity for _, record in newcomers])
        for (eid, record), content in zip(newcomers, compacted, strict=True):
            body = _encode(content)
            self._put_body(eid, record, type_set, body, is_new=True)
            self._put_created(eid, record, body)
        self.changes.counts.append((type_set, len(newcomers)))
        entities = [record.entity for _, record in newcomers]
        columns = {name: column_of(list(map(itemgetter(name), entities))) for name in attribute_names(entities[0])}
        put_rows_of_all(self.changes, self._names, type_set.terms, [eid for eid, _ in newcomers], columns)

    def create_packed(self, alike: Alike, now_us: int, context_id: int) -> None:
        entries = self.changes.entries
        if self.watch is not None or any(entries.get(one) is not NEVER_THERE for one in alike.ids):
            times = Times(now_us, now_us)
            self.create_all([Record(one, times, context_id) for one in unpack(self._contexts.get(context_id), alike)])
            return
        for entity_id, body in zip(alike.ids, alike.bodies, strict=True):
            if len(body) > limits.ENTITY_BYTES_MAX:
                raise _too_large(entity_id, body)
        type_set = self._names.type_set(alike.types)
        eids, sequences = self._numbers.next_numbers(len(alike.ids))
        self.changes.put_packed(eids, alike, type_set, (now_us, context_id))
        put_rows_of_all(self.changes, self._names, type_set.terms, eids, alike.columns)
        created = repeat(ChangeKind.CREATED.value)
        self.changes.history += zip(
            eids, sequences, repeat(now_us), created, repeat(self.origin), alike.told, repeat(None)
        )

    def _put_created(self, eid: int, record: Record, body: bytes) -> None:
        fragment = body if record.context_id == 0 else _encode(CORE.compact_entity(_told(record)))
        self._put_history(eid, record.times.modified_us, ChangeKind.CREATED, fragment, ())

    def change(
        self,
        before: Record,
        after: Record,
        changed: Sequence[str],
        removed: Sequence[str] = (),
        *,
        past: Entity | None = None,
    ) -> None:
        named = dict.fromkeys([*changed, *(key.partition("\n")[0] for key in removed)])
        touched = [name for name in named if name not in ENTITY_MEMBERS]
        self._put_changed(before, after, touched)
        fragment = {"id": after.id, "type": list(after.types), **(past or {})}
        told = _told(after)
        fragment.update((name, told[name]) for name in changed if name in told)
        body = _encode(CORE.compact_entity(fragment))
        # What only the history is to have says nothing of the state.
        kind = ChangeKind.WRITTEN if past and not (changed or removed) else ChangeKind.CHANGED
        self._put_history(self._eid(after.id), after.times.modified_us, kind, body, removed)
        if self.watch is not None:
            self._put_notice(self.watch, before, after, tuple(named), self._state_of(after))

    def replace(self, before: Record, after: Record) -> None:
        touched = list(dict.fromkeys([*attribute_names(before.entity), *attribute_names(after.entity)]))
        self._put_changed(before, after, touched)
        body = _encode(CORE.compact_entity(_told(after)))
        self._put_history(self._eid(after.id), after.times.modified_us, ChangeKind.REPLACED, body, ())
        if self.watch is not None:
            members = ENTITY_MEMBERS if before.types != after.types else ()
            self._put_notice(self.watch, before, after, (*touched, *members), self._state_of(after))

    def delete(self, before: Record, at_us: int) -> None:
        eid = self._eid(before.id)
        type_set = self._names.type_set(before.types)
        names = attribute_names(before.entity)
        self._put_keys(eid, (before.entity, type_set.terms), ({}, ()), names)
        self._put_types(eid, (), type_set.terms)
        self.changes.counts.append((type_set, -1))
        times = before.times
        self.changes.updated.append(
            EntityRow(eid, before.id, type_set.id, before.context_id, times.created_us, times.modified_us, None, None)
        )
        state = (at_us, self._state_of(before)[1]) if self.watch is not None else None
        self.changes.put_entry(before.id, Entry(eid, None, None))
        body = _encode(CORE.compact_entity({"id": before.id, "type": list(before.types)}))
        self._put_history(eid, at_us, ChangeKind.DELETED, body, ())
        if self.watch is not None and state is not None:
            self._put_notice(self.watch, before, None, (), state)

    def add_notice(self, numbers: bytes, state: bytes) -> None:
        """Put a notice that was made before."""
        self.changes.notices.append(Notice(self._numbers.next_sequence(), numbers, state))

    def add_statement(self, sql: str, parameters: Sequence[Any]) -> None:
        """Put a writing statement of its own."""
        self.changes.statements.append(Statement(sql, parameters, []))

    def note_expiry(self, entity_id: str, at_us: int | None) -> None:
        if at_us is None:
            self.add_statement(SQL.delete_expiry, (entity_id,))
        else:
            self.add_statement(SQL.put_expiry, (entity_id, at_us))

    def put_source_row(self, source: str, key: str, digest: bytes, entity_id: str) -> None:
        self.changes.source_rows.append(((source, key), (digest, entity_id)))

    def drop_source_row(self, source: str, key: str) -> None:
        self.changes.source_rows.append(((source, key), None))

    def add_reject(self, reject: Reject) -> None:
        raw = _encode(reject.raw).decode()
        row = (reject.run, reject.at_us, reject.rule, reject.reason, raw)
        self.changes.rejects.append(((reject.source, reject.key), row))

    def drop_reject(self, source: str, key: str) -> None:
        self.changes.rejects.append(((source, key), None))

    def _eid(self, entity_id: str) -> int:
        entry = self.changes.entries.get(entity_id)
        assert entry is not None, "a changed entity was found before"
        return entry.eid

    def _put_entity(self, eid: int, record: Record, type_set: TypeSet, *, is_new: bool) -> bytes:
        context = self._contexts.get(record.context_id)
        body = _encode(context.compact_entity(record.entity))
        self._put_body(eid, record, type_set, body, is_new=is_new)
        return body

    def _put_body(self, eid: int, record: Record, type_set: TypeSet, body: bytes, *, is_new: bool) -> None:
        if len(body) > limits.ENTITY_BYTES_MAX:
            raise _too_large(record.id, body)
        times = record.times
        row = EntityRow(
            eid,
            record.id,
            type_set.id,
            record.context_id,
            times.created_us,
            times.modified_us,
            encode_times(times),
            body,
        )
        (self.changes.inserted if is_new else self.changes.updated).append(row)
        self.changes.put_entry(row.id, Entry(eid, record, body))
        if record.context_id > 0:
            self.changes.contexts.add(record.context_id)

    def _put_changed(self, before: Record, after: Record, touched: list[str]) -> None:
        eid = self._eid(after.id)
        old_set = self._names.type_set(before.types)
        new_set = self._names.type_set(after.types)
        if old_set is not new_set:
            self.changes.counts += [(old_set, -1), (new_set, 1)]
            self._put_types(eid, new_set.terms, old_set.terms)
            touched = list(dict.fromkeys([*attribute_names(before.entity), *attribute_names(after.entity)]))
        else:
            touched = self._put_plain_keys(eid, before.entity, after.entity, (new_set.terms, touched))
        if touched:
            self._put_keys(eid, (before.entity, old_set.terms), (after.entity, new_set.terms), touched)
        self._put_entity(eid, after, new_set, is_new=False)

    def _put_plain_keys(
        self, eid: int, before: Entity, after: Entity, where: tuple[tuple[int, ...], list[str]]
    ) -> list[str]:
        """Put the index rows of attributes that were and are one scalar; return the names of the others."""
        terms, touched = where
        others: list[str] = []
        for name in touched:
            old, new = before.get(name), after.get(name)
            old_key = None if old is None else plain_key(old)
            new_key = None if new is None else plain_key(new)
            if old_key is None or new_key is None:
                others.append(name)
            elif old_key != new_key:
                for term in terms:
                    column = self._names.value_columns(term)[name]
                    if column.is_kept:
                        self.changes.index.append(((column.id, old_key, eid), False))
                        self.changes.index.append(((column.id, new_key, eid), True))
        return others

    def _put_keys(
        self, eid: int, old: tuple[Entity, tuple[int, ...]], new: tuple[Entity, tuple[int, ...]], touched: list[str]
    ) -> None:
        before, old_terms = old
        after, new_terms = new
        old_rows = self._index_rows(eid, before, old_terms, touched)
        new_rows = self._index_rows(eid, after, new_terms, touched)
        self.changes.index += [(row, False) for row in old_rows - new_rows]
        self.changes.index += [(row, True) for row in new_rows - old_rows]
        self._put_geo(eid, before, {}, old_terms, touched)
        self._put_geo(eid, {}, after, new_terms, touched)
        for entity, terms, difference in ((before, old_terms, -1), (after, new_terms, 1)):
            for term in terms:
                columns = self._names.value_columns(term)
                self.changes.attributes += [(columns[name], difference) for name in touched if name in entity]

    def _put_types(self, eid: int, there: Iterable[int], gone: Iterable[int]) -> None:
        self.changes.types += [((term, eid), False) for term in gone]
        self.changes.types += [((term, eid), True) for term in there]

    def _index_rows(self, eid: int, entity: Entity, terms: tuple[int, ...], names: Sequence[str]) -> set[IndexRow]:
        rows: set[IndexRow] = set()
        for name in names:
            attribute = entity.get(name)
            if attribute is None:
                continue
            kept = [column for term in terms if (column := self._names.value_columns(term)[name]).is_kept]
            if not kept:
                continue
            keys = attribute_keys(attribute)
            is_mixed = len(keys) > 1 or keys[0][1] == PRESENT
            for column in kept:
                if is_mixed:
                    self._names.mark_mixed(column)
                for kind, key in keys:
                    its_column = column if kind == VALUE else self._names.sibling(column, kind)
                    rows.add((its_column.id, key, eid))
        return rows

    def _put_geo(self, eid: int, before: Entity, after: Entity, terms: tuple[int, ...], names: Sequence[str]) -> None:
        for entity, is_there in ((before, False), (after, True)):
            for name in names:
                attribute = entity.get(name)
                if attribute is None:
                    continue
                levels, keys = geo_keys(attribute)
                for term in terms if keys else ():
                    column = self._names.column(term, name, VALUE)
                    self._names.mark_levels(column, levels)
                    for cell, longitude, latitude in keys:
                        place = (longitude, latitude) if is_there else None
                        self.changes.geo.append(((column.id, cell, eid), place))

    def _state_of(self, record: Record) -> tuple[int, bytes]:
        entry = self.changes.entries.get(record.id)
        assert entry is not None, "a changed entity was found before"
        assert entry.body is not None, "and is there"
        return record.times.modified_us, entry.body

    def _put_notice(
        self,
        watch: Watch,
        before: Record | None,
        after: Record | None,
        touched: Sequence[str],
        state: tuple[int, bytes],
    ) -> None:
        told = find_interested(watch, before, after, touched, self.find)
        if told is not None:
            # The change's own number: it was the last one given.
            notice = notice_of(self._numbers.sequence, told, before, after, state, via=self.via)
            self.changes.notices.append(notice)

    def _put_history(self, eid: int, at_us: int, kind: ChangeKind, body: bytes, removed: Sequence[str]) -> None:
        self.changes.history.append(
            (
                eid,
                self._numbers.next_sequence(),
                at_us,
                kind.value,
                self.origin,
                body,
                _encode(list(removed)).decode() if removed else None,
            )
        )


def _too_large(entity_id: str, body: bytes) -> BadRequestData:
    return BadRequestData(
        f"The entity {entity_id} has {len(body)} bytes; at most {limits.ENTITY_BYTES_MAX} can be kept. "
        "Split it, or keep large content outside and refer to it."
    )


def _told(record: Record) -> Entity:
    """Return what a history tells of the entity."""
    return without_expiry(record.entity) if record.context_id == EXPIRING else record.entity


def encode_times(times: Times) -> bytes | None:
    """Return what is stored of the attributes' times: those that differ from the entity's creation."""
    if not times.attributes:
        return None
    created = (times.created_us, times.created_us)
    kept = {_compact_key(key): pair for key, pair in times.attributes.items() if pair != created}
    return _encode_times(kept) if kept else None


def decode_times(created_us: int, modified_us: int, encoded: bytes | None) -> Times:
    """Return the times of a stored entity."""
    if encoded is None:
        return Times(created_us, modified_us)
    stored = _decode_times(encoded)
    return Times(created_us, modified_us, {_expand_key(key): pair for key, pair in stored.items()})


def _compact_key(key: str) -> str:
    name, separator, dataset_id = key.partition("\n")
    return CORE.compact(name) + separator + dataset_id


def _expand_key(key: str) -> str:
    name, separator, dataset_id = key.partition("\n")
    return CORE.expand(name) + separator + dataset_id
