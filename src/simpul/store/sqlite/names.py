"""What a city's file has interned: terms, sets of types, columns of the index, origins. Kept in memory, small.

New names are only promised until `flush` has written them in the group's transaction; after a failed group
`reload` forgets them.
"""

from __future__ import annotations

from dataclasses import dataclass

import apsw
import msgspec

from simpul.store.sqlite.connection import SQL

VALUE = 0
ELEMENT = 1
# What is stored of how far a column's index is.
_KEPT = 1
_FILLED = 2


@dataclass(slots=True)
class Column:
    """One column of the attribute index. `geo_levels` is a bit set of the grid's levels in use.

    `entities` counts those that have the attribute. `is_kept` says that every write keeps the index of the column's
    attribute, `is_filled` that it also has what was there before (`filling.py`). All three are those of the column of
    values, also for the elements of arrays.
    """

    id: int
    type: int
    attribute: int
    kind: int
    is_mixed: bool = False
    geo_levels: int = 0
    entities: int = 0
    is_kept: bool = False
    is_filled: bool = False


@dataclass(slots=True)
class TypeSet:
    """One set of types; `entities` counts those that have just this set."""

    id: int
    names: tuple[str, ...]
    terms: tuple[int, ...]
    entities: int = 0


class _ValueColumns(dict[str, Column]):
    """The columns of one type's values: one look-up for a name that is known."""

    def __init__(self, names: Names, type_term: int) -> None:
        super().__init__()
        self._names = names
        self._type_term = type_term

    def __missing__(self, name: str) -> Column:
        column = self[name] = self._names.column(self._type_term, name, VALUE)
        return column


def _filled(column: Column) -> tuple[int, int]:
    """Return how many entities there were before the group, and how far the index is, as it is stored."""
    return column.entities, int(column.is_kept) + int(column.is_filled)


class Names:
    """The interned names of one city."""

    def __init__(self, connection: apsw.Connection) -> None:
        # Grows with every new term and type set: what was worked out from them holds as long as it stands still.
        self.revision = 0
        self.reload(connection)

    def reload(self, connection: apsw.Connection) -> None:
        """Read everything anew, and forget what was promised and not written."""
        self._connection = connection
        execute = connection.execute
        self._terms: dict[str, int] = {iri: term for term, iri in execute(SQL.list_terms)}
        self._iris: dict[int, str] = {term: iri for iri, term in self._terms.items()}
        type_sets: dict[int, TypeSet] = {}
        for set_id, encoded, entities in execute(SQL.list_type_sets):
            terms = tuple(msgspec.json.decode(encoded, type=list[int]))
            type_sets[set_id] = TypeSet(set_id, tuple(self._iris[term] for term in terms), terms, entities)
        # The reader thread may be looking one up.
        self.type_sets = type_sets
        self._type_set_ids = {one.names: one for one in type_sets.values()}
        self._columns: dict[tuple[int, int, int], Column] = {}
        self._columns_by_id: dict[int, Column] = {}
        self._value_columns: dict[int, _ValueColumns] = {}
        self._by_name: dict[tuple[int, str, int], Column] = {}
        self._columns_of: dict[int, list[Column]] = {}
        for row in execute(SQL.list_columns):
            column = Column(row[0], row[1], row[2], row[3], bool(row[4]), row[5], row[6])
            column.is_kept, column.is_filled = row[7] >= _KEPT, row[7] >= _FILLED
            self._keep_column(column)
        self._origins: dict[str, int] = {name: origin for origin, name in execute(SQL.list_origins)}
        self._new_terms: list[tuple[int, str]] = []
        self.revision += 1
        self._dirty_columns: dict[int, Column] = {}

    def _keep_type_set(self, type_set: TypeSet) -> None:
        self.type_sets[type_set.id] = type_set
        self._type_set_ids[type_set.names] = type_set

    def _keep_column(self, column: Column) -> None:
        self._columns[column.type, column.attribute, column.kind] = column
        self._columns_by_id[column.id] = column
        self._columns_of.setdefault(column.attribute, []).append(column)

    def term(self, iri: str) -> int:
        """Return the term's id, promising a new one where it is not known."""
        known = self._terms.get(iri)
        if known is None:
            known = self._terms[iri] = len(self._terms) + 1
            self._iris[known] = iri
            self._new_terms.append((known, iri))
            self.revision += 1
        return known

    def find_term(self, iri: str) -> int | None:
        return self._terms.get(iri)

    def iri(self, term: int) -> str:
        return self._iris[term]

    def type_set(self, types: tuple[str, ...]) -> TypeSet:
        """Return the set of these types in this order, promising a new one where it is not known."""
        known = self._type_set_ids.get(types)
        if known is None:
            # A set that only a failed write used is never written: counting those known would give its number twice.
            set_id = max(self.type_sets, default=0) + 1
            known = TypeSet(set_id, types, tuple(self.term(name) for name in types))
            self._keep_type_set(known)
            self.revision += 1
        return known

    def count_entities(self, differences: dict[int, int], column_differences: dict[int, int]) -> None:
        """Take over how many more (or fewer) entities of each set and column there are, once that is committed."""
        for set_id, difference in differences.items():
            self.type_sets[set_id].entities += difference
        for column_id, difference in column_differences.items():
            self._columns_by_id[column_id].entities += difference

    def column(self, type_term: int, attribute: str, kind: int) -> Column:
        """Return the column, promising a new one where it is not known."""
        by_name = self._by_name.get((type_term, attribute, kind))
        if by_name is not None:
            return by_name
        attribute_term = self.term(attribute)
        known = self._columns.get((type_term, attribute_term, kind))
        if known is None:
            known = Column(len(self._columns) + 1, type_term, attribute_term, kind)
            self._keep_column(known)
            self._dirty_columns[known.id] = known
        self._by_name[type_term, attribute, kind] = known
        return known

    def value_columns(self, type_term: int) -> _ValueColumns:
        """Return the type's columns of values by the name of their attribute; new ones are promised on first use."""
        known = self._value_columns.get(type_term)
        if known is None:
            known = self._value_columns[type_term] = _ValueColumns(self, type_term)
        return known

    def sibling(self, column: Column, kind: int) -> Column:
        """Return the column of the same attribute and type for the other kind of value."""
        return self.column(column.type, self._iris[column.attribute], kind)

    def mark_mixed(self, column: Column) -> None:
        if not column.is_mixed:
            column.is_mixed = True
            self._dirty_columns[column.id] = column

    def mark_levels(self, column: Column, levels: int) -> None:
        if column.geo_levels | levels != column.geo_levels:
            column.geo_levels |= levels
            self._dirty_columns[column.id] = column

    def keep_index(self, column: Column) -> None:
        """Have every write from now on keep the index of this column of values. Never while a group is made."""
        column.is_kept = True
        self._dirty_columns[column.id] = column

    def mark_filled(self, column: Column) -> None:
        """Take note that the kept index holds all that there is."""
        column.is_filled = True
        self._dirty_columns[column.id] = column
        # What was worked out of how the column's questions are answered no longer holds.
        self.revision += 1

    def find_columns(self, attribute: str, types: set[int] | None) -> list[Column]:
        """Return the attribute's columns, of both kinds, of these types or of all."""
        term = self._terms.get(attribute)
        columns = self._columns_of.get(term, []) if term is not None else []
        return [column for column in columns if types is None or column.type in types]

    def find_value_column(self, type_term: int, attribute_term: int) -> Column | None:
        """Return the column of the values of one attribute of one type."""
        return self._columns.get((type_term, attribute_term, VALUE))

    def find_only_column(self, attribute: str, type_term: int) -> Column | None:
        """Return the column of the values of one type, unless there is also one of elements of arrays."""
        term = self._terms.get(attribute)
        if term is None or (type_term, term, ELEMENT) in self._columns:
            return None
        return self._columns.get((type_term, term, VALUE))

    def all_columns(self) -> list[Column]:
        return list(self._columns.values())

    def origin(self, name: str) -> int:
        """Return the origin's id; a new one is written at once, inside the group's transaction."""
        known = self._origins.get(name)
        if known is None:
            known = self._origins[name] = int(self._connection.execute(SQL.insert_origin, (name,)).get)
        return known

    def flush(self, count_differences: dict[int, int], column_differences: dict[int, int]) -> None:
        """Write what was promised and the new counts, in the transaction that is open."""
        execute_many = self._connection.executemany
        if self._new_terms:
            execute_many(SQL.insert_term, self._new_terms)
            self._new_terms = []
        if count_differences:
            sets = [(self.type_sets[set_id], difference) for set_id, difference in count_differences.items()]
            execute_many(
                SQL.put_type_set,
                [
                    (one.id, msgspec.json.encode(one.terms).decode(), one.entities + difference)
                    for one, difference in sets
                ],
            )
        if self._dirty_columns:
            execute_many(
                SQL.put_column,
                [
                    (one.id, one.type, one.attribute, one.kind, int(one.is_mixed), one.geo_levels, *_filled(one))
                    for one in self._dirty_columns.values()
                ],
            )
            self._dirty_columns = {}
        if column_differences:
            columns = self._columns_by_id
            execute_many(
                SQL.count_column,
                [(columns[one].entities + difference, one) for one, difference in column_differences.items()],
            )
