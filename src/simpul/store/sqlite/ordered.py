"""Answers questions in an order that is asked for (CIM 009 §4.23): from an index where one has it, else by sorting.

All of it runs in the reader thread, on one snapshot. Four ways, the first that is possible:

- one number of one type: a page of the index itself, whatever the number of entities;
- nearest first of one type's points: circles around the place that grow until they hold enough;
- values of one type that the index holds whole: sorted, up to `limits.ORDERED_VALUES_MAX` entities;
- anything else: every entity that matches is read, up to `limits.ORDERED_ENTITIES_MAX`.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

import apsw
from msgspec.structs import replace

from simpul import limits
from simpul.domain import geo
from simpul.domain.errors import TooComplexQuery
from simpul.domain.geo import GeoQuery, Relation
from simpul.domain.order import (
    OWN_MEMBERS,
    Key,
    Ordering,
    OrderTerm,
    distance_key,
    keys_of,
    moment_key,
    sort_keys,
    uri_key,
    value_key_maker,
)
from simpul.domain.query import EntityQuery
from simpul.ports.store import Document, Page
from simpul.store.sqlite.answer import Scan, geo_columns, one_type, places, scope_of, until_filled
from simpul.store.sqlite.candidates import are_filled
from simpul.store.sqlite.city import CityFile
from simpul.store.sqlite.connection import SQL
from simpul.store.sqlite.index_keys import FALSE, PRESENT, TRUE
from simpul.store.sqlite.names import VALUE, Column

_CHUNK_ENTITIES = 256
_FIRST_RADIUS_M = 500.0
_GROWTH = 4
_FARTHEST_M = 20_100_000.0
_TEXT_MAX = limits.INDEXED_TEXT_CHARACTERS_MAX

Keys = dict[int, Key | None]


async def answer_ordered(city: CityFile, query: EntityQuery, ordering: Ordering) -> Page:
    """Return the page that the query asks for, in this order. Raises TooComplexQuery, StorageUnavailable."""
    scope = city.memory.scope(city.names.revision, query, lambda: scope_of(city, query))
    if not scope.shown_sets:
        return Page([], 0 if query.counts else None)
    type_term = one_type(query, scope)
    await until_filled(city, query, scope, [term.path[0] for term in ordering.terms] if type_term is not None else ())
    is_filtered = query.id_pattern or query.attributes or query.scope or query.ids or query.geo or query.q
    # The whole type is shown then; how many entities it has is known without looking.
    whole = None if type_term is None or is_filtered else _WholeType(city, query, ordering, type_term)
    scan = Scan(city, replace(query, limit=limits.ORDERED_ENTITIES_MAX + 1, offset=0, counts=False), scope)

    def run(connection: apsw.Connection) -> Page:
        page = whole.find_page(connection) if whole is not None else None
        return page if page is not None else _sorted_page(city, query, ordering, scan, connection=connection)

    return await city.scan(run)


def _sorted_page(
    city: CityFile, query: EntityQuery, ordering: Ordering, scan: Scan, *, connection: apsw.Connection
) -> Page:
    """Return the page after reading every entity that matches."""
    documents: list[Document] = []
    keys: list[list[Key | None]] = []
    matching = scan.matches(connection)
    while chunk := list(islice(matching, _CHUNK_ENTITIES)):
        documents += chunk
        if len(documents) > limits.ORDERED_ENTITIES_MAX:
            raise TooComplexQuery(
                f"More than {limits.ORDERED_ENTITIES_MAX:,} entities match, which is too many to order this way. Narrow"
                " the question, or order a whole type by one attribute that is a number."
            )
        keys += [keys_of(record, ordering) for record in city.records(connection, chunk)]
    ordered = sort_keys(keys, ordering, query.offset + query.limit)[query.offset :]
    return Page([documents[place] for place in ordered], len(documents) if query.counts else None)


class _WholeType:
    """A question about all entities of one type. Made in the loop, run elsewhere."""

    def __init__(self, city: CityFile, query: EntityQuery, ordering: Ordering, type_term: int) -> None:
        self._city = city
        self._query = query
        self._ordering = ordering
        self._type_term = type_term
        self._count = sum(one.entities for one in city.names.type_sets.values() if type_term in one.terms)
        self._columns = [self._find_column(term) for term in ordering.terms]

    def _find_column(self, term: OrderTerm) -> Column | None:
        """Return the column that holds the term's values or places, if it can be asked instead of the entities."""
        if len(term.path) > 1 or term.members or term.path[0] in OWN_MEMBERS:
            return None
        found = self._city.names.find_columns(term.path[0], {self._type_term})
        if not are_filled(found):
            return None
        if term.is_distance:
            columns = geo_columns(self._city, term.path[0], {self._type_term})
            return columns[0] if len(columns) == 1 and columns[0].geo_levels == 1 else None
        columns = [column for column in found if column.kind == VALUE]
        return columns[0] if len(columns) == 1 and not columns[0].is_mixed else None

    def find_page(self, connection: apsw.Connection) -> Page | None:
        """Return the page, or None where the index alone cannot tell the order."""
        if len(self._ordering.terms) == 1 and self._columns[0] is not None:
            find = self._nearest if self._ordering.terms[0].is_distance else self._page_of_numbers
            page = find(connection, self._ordering.terms[0], self._columns[0])
            if page is not None:
                return page
        if self._count > limits.ORDERED_VALUES_MAX:
            return None
        return self._page_by_values(connection)

    def _page(self, connection: apsw.Connection, eids: list[int]) -> Page:
        return Page(self._city.read_documents(connection, eids), self._count if self._query.counts else None)

    # A page of the index itself

    def _page_of_numbers(self, connection: apsw.Connection, term: OrderTerm, column: Column) -> Page | None:
        if connection.execute(SQL.has_other_than_numbers, (column.id,)).get:
            return None
        sql = SQL.numbers_descending if term.is_descending else SQL.numbers_ascending
        limit, offset = self._query.limit, self._query.offset
        eids = [row[0] for row in connection.execute(sql, (column.id, limit, offset))]
        if len(eids) < limit:
            # Those without a value come behind all the others.
            there = int(connection.execute(SQL.count_of_column, (column.id,)).get)
            rest = (self._type_term, column.id, limit - len(eids), max(0, offset - there))
            eids += [row[0] for row in connection.execute(SQL.page_of_type_without, rest)]
        return self._page(connection, eids)

    # The nearest

    def _nearest(self, connection: apsw.Connection, term: OrderTerm, column: Column) -> Page | None:
        reference = self._ordering.reference
        if term.is_descending or reference is None or reference["type"] != "Point":
            return None
        wanted = self._query.offset + self._query.limit
        radius_m = _FIRST_RADIUS_M
        while radius_m < _FARTHEST_M:
            distances = self._distances_within(connection, column, reference, radius_m)
            if distances is None:
                return None
            if len(distances) >= wanted:
                nearest = sorted(distances, key=lambda eid: (distances[eid], eid))[:wanted]
                return self._checked(connection, nearest[self._query.offset :], term)
            radius_m *= _GROWTH
        return None

    def _distances_within(
        self, connection: apsw.Connection, column: Column, reference: dict[str, Any], radius_m: float
    ) -> dict[int, float] | None:
        """Return the distance of each point in the circle; None where there are too many to look at."""
        circle = GeoQuery(Relation.NEAR, reference, "", None, radius_m)
        bounds = geo.search_bounds(circle)
        if bounds is None:
            return None
        longitude, latitude = reference["coordinates"][:2]
        found: dict[int, float] = {}
        for number, place in enumerate(places(connection, [column], bounds)):
            if number > limits.ORDERED_VALUES_MAX or place.longitude is None or place.latitude is None:
                return None
            metres = geo.distance_m(longitude, latitude, place.longitude, place.latitude)
            if metres <= radius_m:
                found[place.eid] = min(metres, found.get(place.eid, metres))
        return found

    def _checked(self, connection: apsw.Connection, eids: list[int], term: OrderTerm) -> Page | None:
        """Return the page unless one of its entities has several places: then another than the nearest may count."""
        page = self._page(connection, eids)
        records = self._city.records(connection, page.documents)
        is_single = all(isinstance(record.entity.get(term.path[0]), dict) for record in records)
        return page if is_single else None

    # Sorted by what the index holds

    def _page_by_values(self, connection: apsw.Connection) -> Page | None:
        found: list[Keys] = []
        for term, column in zip(self._ordering.terms, self._columns, strict=True):
            keys = self._keys_of_term(connection, term, column)
            if keys is None:
                return None
            found.append(keys)
        eids = [row[0] for row in connection.execute(SQL.candidates_of_type, (self._type_term,))]
        end = self._query.offset + self._query.limit
        ordered = sort_keys([[keys.get(eid) for keys in found] for eid in eids], self._ordering, end)
        return self._page(connection, [eids[place] for place in ordered[self._query.offset :]])

    def _keys_of_term(self, connection: apsw.Connection, term: OrderTerm, column: Column | None) -> Keys | None:
        if len(term.path) == 1 and term.path[0] in _MEMBER_KEYS:
            key_of, names = _MEMBER_KEYS[term.path[0]], self._city.names.type_sets
            rows = connection.execute(SQL.members_of_type, (self._type_term,))
            return {row[0]: key_of(row, names[row[2]].names[0]) for row in rows}
        if column is None:
            return None
        return (
            self._keys_of_places(connection, term, column)
            if term.is_distance
            else self._keys_of_values(connection, column)
        )

    def _keys_of_values(self, connection: apsw.Connection, column: Column) -> Keys | None:
        keys: Keys = {}
        key_of = value_key_maker(self._ordering.collation)
        for eid, value in connection.execute(SQL.values_of_column, (column.id,)):
            if value == PRESENT or (isinstance(value, str) and len(value) >= _TEXT_MAX):
                # The index holds only the beginning of a long text.
                return None
            keys[eid] = key_of(_BOOLEANS.get(value, value))
        return keys

    def _keys_of_places(self, connection: apsw.Connection, term: OrderTerm, column: Column) -> Keys | None:
        reference = self._ordering.reference
        if reference is None or reference["type"] != "Point":
            return None
        longitude, latitude = reference["coordinates"][:2]
        rows = list(connection.execute(SQL.geo_column, (column.id,)))
        if any(lon is None or lat is None for _, lon, lat in rows):
            return None
        keys: Keys = {eid: distance_key(geo.distance_m(longitude, latitude, lon, lat)) for eid, lon, lat in rows}
        columns = self._city.names.find_columns(term.path[0], {self._type_term})
        valued = sum(int(connection.execute(SQL.count_of_column, (one.id,)).get) for one in columns)
        # Otherwise some entity has several places, or something else than a place there.
        return keys if len(rows) == len(keys) == valued else None


_BOOLEANS: dict[Any, bool] = {FALSE: False, TRUE: True}
# Of a row of `members_of_type` and the name of its first type.
_MEMBER_KEYS: dict[str, Callable[[tuple[Any, ...], str], Key]] = {
    "id": lambda row, _type: uri_key(row[1]),
    "type": lambda _row, type_name: uri_key(type_name),
    "createdAt": lambda row, _type: moment_key(row[3]),
    "modifiedAt": lambda row, _type: moment_key(row[4]),
}
