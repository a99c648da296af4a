"""Whether a city's file is whole: SQLite's own check, and every index worked out anew from the entities."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import apsw

from simpul.domain.entity import Entity, attribute_names
from simpul.ports.contexts import ContextTable
from simpul.ports.store import ChangeKind
from simpul.store.sqlite.index_keys import attribute_keys, geo_keys
from simpul.store.sqlite.names import ELEMENT, VALUE


def raise_unless_whole(path: Path, contexts: ContextTable) -> int:
    """Check the file, which nobody is writing; return how many entities there are. Raises AssertionError."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        assert connection.execute("PRAGMA integrity_check").get == "ok"
        return _Audit(connection, contexts).run()
    finally:
        connection.close()


class _Audit:
    """Compares what is indexed with what should be."""

    def __init__(self, connection: apsw.Connection, contexts: ContextTable) -> None:
        self.execute = connection.execute
        self.contexts = contexts
        self.terms: dict[str, int] = {iri: term for term, iri in self.execute("SELECT id, iri FROM term")}
        self.columns: dict[tuple[int, int, int], tuple[int, int, int]] = {
            (row[1], row[2], row[3]): (row[0], row[4], row[5])
            for row in self.execute("SELECT id, type, attribute, kind, is_mixed, geo_levels FROM attribute_column")
        }
        rows: list[Any] = self.execute("SELECT id, entities, filled FROM attribute_column WHERE kind = 0").fetchall()
        self.entities: dict[int, int] = {row[0]: row[1] for row in rows}
        self.kept: set[int] = {row[0] for row in rows if row[2]}
        self.filled: set[int] = {row[0] for row in rows if row[2] == 2}
        self.partly: set[Any] = set()
        self.counts: Counter[int] = Counter()
        self.types: set[Any] = set()
        self.index: set[Any] = set()
        self.places: set[Any] = set()

    def run(self) -> int:
        sets: dict[int, list[int]] = {}
        wanted_counts: dict[int, int] = {}
        for set_id, terms, entities in self.execute("SELECT id, terms, entities FROM type_set"):
            sets[set_id] = json.loads(terms)
            wanted_counts[set_id] = entities
        counts = dict.fromkeys(sets, 0)
        rows: list[Any] = self.execute(
            "SELECT eid, id, type_set, context, body FROM entity WHERE body IS NOT NULL"
        ).fetchall()
        for eid, entity_id, type_set, context, body in rows:
            entity = self.contexts.get(context).expand_entity(json.loads(body))
            assert entity["id"] == entity_id
            assert [self.terms[name] for name in entity["type"]] == sets[type_set], entity_id
            counts[type_set] += 1
            self._expect(eid, entity, sets[type_set])
        assert counts == wanted_counts
        assert self.types == set(self.execute("SELECT type, eid FROM entity_type"))
        # What is being filled has some of its rows, and none too many.
        found = set(self.execute("SELECT column_id, value, eid FROM attribute_index"))
        assert self.index <= found <= self.index | self.partly
        assert dict(self.counts) == {column_id: count for column_id, count in self.entities.items() if count}
        assert self.places == set(self.execute("SELECT column_id, cell, eid, longitude, latitude FROM geo_index"))
        self._check_history({row[0] for row in rows})
        return len(rows)

    def _expect(self, eid: int, entity: Entity, terms: list[int]) -> None:
        self.types.update((term, eid) for term in terms)
        for term in terms:
            for name in attribute_names(entity):
                keys = attribute_keys(entity[name])
                values_id = self.columns[term, self.terms[name], VALUE][0]
                self.counts[values_id] += 1
                for kind, key in keys if values_id in self.kept else ():
                    is_filled = values_id in self.filled
                    if not is_filled and (term, self.terms[name], kind) not in self.columns:
                        continue
                    column_id, is_mixed, _ = self.columns[term, self.terms[name], kind]
                    # Only columns of values answer questions about numbers by themselves.
                    is_plain = len(keys) == 1 and key != b""
                    assert kind == ELEMENT or is_mixed or is_plain or not is_filled, (entity["id"], name)
                    (self.index if is_filled else self.partly).add((column_id, key, eid))
                levels, places = geo_keys(entity[name])
                if places:
                    column_id, _, known_levels = self.columns[term, self.terms[name], 0]
                    assert known_levels & levels == levels
                    self.places.update((column_id, cell, eid, lon, lat) for cell, lon, lat in places)

    def _check_history(self, eids: set[int]) -> None:
        """Check that the last change of each entity tells whether it is there, and that no sequence comes twice."""
        last: dict[int, int] = {}
        sequences = []
        for eid, sequence, kind in self.execute("SELECT eid, sequence, kind FROM history ORDER BY place"):
            last[eid] = kind
            sequences.append(sequence)
        assert len(sequences) == len(set(sequences))
        assert max(sequences, default=0) <= self.execute("SELECT coalesce(max(value), 0) FROM counter").get
        assert {eid for eid, kind in last.items() if kind != ChangeKind.DELETED.value} == eids
