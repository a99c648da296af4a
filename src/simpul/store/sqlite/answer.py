"""Answers questions about a city's entities: chooses the index that leads, and checks what it cannot decide.

Small answers of one lookup or one range run in the event loop (some 10 to 100 µs); whatever may read many rows
runs in the reader thread, on one snapshot. No HTTP and no access decision here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from typing import Any, NamedTuple

import apsw

from simpul import limits
from simpul.domain import geo
from simpul.domain.entity import Record
from simpul.domain.errors import TooComplexQuery
from simpul.domain.geo import Relation
from simpul.domain.match import matches, matches_scope
from simpul.domain.pattern import compile_pattern, matches_pattern
from simpul.domain.query import EntityQuery
from simpul.ports.store import Document, Page
from simpul.store.sqlite import grid
from simpul.store.sqlite.candidates import (
    NumberPage,
    Select,
    Selects,
    are_filled,
    attributes_of,
    candidates_of,
    number_page_of,
)
from simpul.store.sqlite.city import CityFile
from simpul.store.sqlite.connection import SQL, translate
from simpul.store.sqlite.memory import Scope
from simpul.store.sqlite.names import VALUE, Column

Rows = list[tuple[Any, ...]]

_CHUNK_ENTITIES = 256
_ESTIMATE_MAX = 50_000
OFFSET_IN_LOOP_MAX = 1_000
_POINTS_IN_LOOP_MAX = 1_000
_IDS_IN_LOOP_MAX = 100


class Place(NamedTuple):
    """One candidate of a geo-query; a geometry other than a point has no coordinates here."""

    eid: int
    longitude: float | None
    latitude: float | None


async def answer(city: CityFile, query: EntityQuery) -> Page:
    """Return the page that the query asks for. Raises TooComplexQuery, StorageUnavailable."""
    scope = city.memory.scope(city.names.revision, query, lambda: scope_of(city, query))
    if not scope.shown_sets:
        return Page([], 0 if query.counts else None)
    try:
        if city.is_committing:
            page = city.on_snapshot(lambda: _answer_in_loop(city, query, scope))
        else:
            page = _answer_in_loop(city, query, scope)
    except apsw.Error as error:
        raise translate(error, city.path) from error
    if page is not None:
        return page
    if await until_filled(city, query, scope):
        return await answer(city, query)
    number_page = _find_number_page(city, query, scope)
    if number_page is not None:
        return await city.scan(lambda connection: _far_page_of_numbers(city, query, number_page, connection))
    return await city.scan(Scan(city, query, scope).run)


async def until_filled(city: CityFile, query: EntityQuery, scope: Scope, others: Iterable[str] = ()) -> bool:
    """Have the attributes indexed that narrow the question, and others; return whether that has changed anything."""
    asked = {*query.attributes, *(attributes_of(query.q) if query.q is not None else ()), *others}
    columns = [column for name in asked for column in city.names.find_columns(name, types_of(city, scope))]
    # A question that cannot have its index is answered without it.
    return not are_filled(columns) and await city.filling.try_to_fill(columns) is None


def types_of(city: CityFile, scope: Scope) -> set[int]:
    """Return the types under which whatever the question may show is indexed."""
    if scope.type_terms is not None:
        return set(scope.type_terms)
    return {term for set_id in scope.shown_sets for term in city.names.type_sets[set_id].terms}


def scope_of(city: CityFile, query: EntityQuery) -> Scope:
    sets = city.names.type_sets.values()
    of_type = sets if query.types is None else [one for one in sets if query.types.matches(one.names)]
    readable = query.readable_types
    shown = of_type if readable is None else [one for one in of_type if readable.issuperset(one.names)]
    terms: tuple[int, ...] | None = None
    if query.types is not None:
        # Of types that must all hold, the first leads; the sets decide the rest.
        found = (city.names.find_term(every[0]) for every in query.types.any_of)
        terms = tuple(dict.fromkeys(term for term in found if term is not None))
    return Scope(terms, frozenset(one.id for one in shown), len(shown) == len(of_type))


def _answer_in_loop(city: CityFile, query: EntityQuery, scope: Scope) -> Page | None:
    """Return the page if one lookup or one range of an index gives it, else None."""
    if query.id_pattern or query.attributes or query.scope or query.offset > OFFSET_IN_LOOP_MAX:
        return None
    if query.ids:
        return _page_of_ids(city, query, scope)
    type_term = one_type(query, scope)
    if type_term is None:
        return None
    if query.geo is not None:
        return _page_near(city, query, type_term) if query.q is None else None
    if query.q is None:
        return _page_of_type(city, query, type_term)
    number_page = number_page_of(query.q, city.names, type_term)
    return _page_of_numbers(city, query, number_page) if number_page and not query.counts else None


def one_type(query: EntityQuery, scope: Scope) -> int | None:
    """Return the type's term where the question is about one type that may be seen whole."""
    is_one = query.types is not None and len(query.types.any_of) == 1 and len(query.types.any_of[0]) == 1
    return scope.type_terms[0] if is_one and scope.type_terms and scope.every_set_is_shown else None


def _find_number_page(city: CityFile, query: EntityQuery, scope: Scope) -> NumberPage | None:
    """Return the range that answers the question exactly, also where it is too much work for the loop."""
    if query.q is None or query.id_pattern or query.attributes or query.scope or query.ids or query.geo:
        return None
    type_term = one_type(query, scope)
    return None if type_term is None else number_page_of(query.q, city.names, type_term)


def _page_of_ids(city: CityFile, query: EntityQuery, scope: Scope) -> Page | None:
    if query.q or query.geo or len(query.ids) > _IDS_IN_LOOP_MAX:
        return None
    documents = [document for document in map(city.find_document, dict.fromkeys(query.ids)) if document is not None]
    shown_names = {city.names.type_sets[set_id].names for set_id in scope.shown_sets}
    documents = sorted(document for document in documents if document.types in shown_names)
    page = documents[query.offset : query.offset + query.limit]
    return Page(page, len(documents) if query.counts else None)


def _page_of_type(city: CityFile, query: EntityQuery, type_term: int) -> Page:
    page = (type_term, query.limit, query.offset)
    eids = city.memory.pages.get(page) if not city.is_committing else None
    if eids is None:
        rows: Rows = city.reader.execute(SQL.page_of_type, page).fetchall()
        eids = [row[0] for row in rows]
        city.memory.keep_page(page, eids)
    count = None
    if query.counts:
        count = sum(one.entities for one in city.names.type_sets.values() if type_term in one.terms)
    return Page(city.documents(eids), count)


def _page_of_numbers(city: CityFile, query: EntityQuery, page: NumberPage) -> Page:
    rows = city.reader.execute(page.sql, (*page.parameters, query.limit, query.offset))
    return Page(city.documents_of(rows), None)


def _far_page_of_numbers(city: CityFile, query: EntityQuery, page: NumberPage, connection: apsw.Connection) -> Page:
    """Answer in the order of the near pages, so that paging never loses or repeats an entity."""
    documents = city.documents_of(connection.execute(page.sql, (*page.parameters, query.limit, query.offset)))
    count = None
    if query.counts:
        count = int(connection.execute(SQL.count_rows.format(rows=page.sql), (*page.parameters, -1, 0)).get)
    return Page(documents, count)


def _page_near(city: CityFile, query: EntityQuery, type_term: int) -> Page | None:
    """Answer a near-query among points, exactly, from the index alone."""
    assert query.geo is not None, "asked only for a geo-query"
    if query.geo.relation is not Relation.NEAR or query.geo.geometry["type"] != "Point":
        return None
    columns = geo_columns(city, query.geo.geoproperty, {type_term})
    bounds = geo.search_bounds(query.geo)
    if bounds is None or any(column.geo_levels > 1 for column in columns):
        return None
    is_near = geo.point_test(query.geo)
    near: set[int] = set()
    looked_at = 0
    for column in columns:
        for first, last, _ in grid.ranges(bounds, column.geo_levels):
            cells = (column.id, first, last, bounds[0], bounds[2], bounds[1], bounds[3])
            rows: Rows = city.reader.execute(SQL.geo_points, cells).fetchall()
            looked_at += len(rows)
            if looked_at > _POINTS_IN_LOOP_MAX:
                return None
            near.update([eid for eid, longitude, latitude in rows if is_near(longitude, latitude)])
    page = city.documents(sorted(near)[query.offset : query.offset + query.limit])
    return Page(page, len(near) if query.counts else None)


def geo_columns(city: CityFile, geoproperty: str, types: set[int] | None) -> list[Column]:
    """Return the columns that hold the places of a GeoProperty."""
    columns = city.names.find_columns(geoproperty, types)
    return [column for column in columns if column.kind == VALUE and column.geo_levels]


def places(connection: apsw.Connection, columns: Iterable[Column], bounds: grid.Bounds) -> Iterator[Place]:
    """Yield every place in the columns whose cell meets these bounds, and some beside them."""
    for column in columns:
        for first, last, is_exact in grid.ranges(bounds, column.geo_levels):
            if is_exact:
                rows = connection.execute(SQL.geo_cells, (column.id, first, last))
            else:
                span = (column.id, first, last, bounds[0], bounds[2])
                rows = connection.execute(SQL.geo_cells_between_longitudes, span)
            for row in rows:
                yield Place(*row)


class Scan:
    """A question that is answered by going through candidates and checking each. Made in the loop, run elsewhere."""

    def __init__(self, city: CityFile, query: EntityQuery, scope: Scope) -> None:
        self._city = city
        self._query = query
        self._scope = scope
        types = types_of(city, scope)
        names = city.names
        self._candidates: list[Selects] = candidates_of(query.q, names, types) if query.q is not None else []
        columns = [column for name in query.attributes for column in names.find_columns(name, types)]
        if query.attributes and are_filled(columns):
            self._candidates.append(
                [Select(SQL.candidates_with_attribute, (one.id,)) for one in columns if one.kind == VALUE]
            )
        if query.ids:
            self._candidates.append([Select(SQL.candidates_of_ids, (json.dumps(query.ids),))])
        self._geo_columns = geo_columns(city, query.geo.geoproperty, types) if query.geo is not None else []
        self._ids = frozenset(query.ids)
        self._pattern = compile_pattern(query.id_pattern) if query.id_pattern else None
        type_sets = names.type_sets
        self._shown_names = {type_sets[set_id].names for set_id in scope.shown_sets}
        self._needs_record = query.q is not None or query.geo is not None or bool(query.attributes or query.scope)

    def run(self, connection: apsw.Connection) -> Page:
        query = self._query
        documents: list[Document] = []
        matched = 0
        for document in self.matches(connection):
            matched += 1
            if query.offset < matched <= query.offset + query.limit:
                documents.append(document)
            elif matched > query.offset + query.limit and not query.counts:
                break
        return Page(documents, matched if query.counts else None)

    def matches(self, connection: apsw.Connection) -> Iterator[Document]:
        """Yield the matching documents in ascending order of their eids. Raises TooComplexQuery."""
        eids = self._lead(connection)
        seen = 0
        while chunk := list(islice(eids, _CHUNK_ENTITIES)):
            seen += len(chunk)
            if seen > limits.SCAN_ENTITIES_MAX:
                raise TooComplexQuery(
                    f"The question looks at more than {limits.SCAN_ENTITIES_MAX} entities. "
                    "Narrow it with a type, an indexed attribute in q, or a smaller area."
                )
            yield from self._check(connection, self._city.read_documents(connection, chunk))

    def _check(self, connection: apsw.Connection, documents: list[Document]) -> list[Document]:
        shown_names, ids, pattern = self._shown_names, self._ids, self._pattern
        shown = [
            document
            for document in documents
            if document.types in shown_names
            and (not ids or document.id in ids)
            and (pattern is None or matches_pattern(pattern, document.id))
        ]
        if not self._needs_record:
            return shown
        records = self._city.records(connection, shown)
        return [document for document, record in zip(shown, records, strict=True) if self._holds(record, connection)]

    def _holds(self, record: Record, connection: apsw.Connection) -> bool:
        query, entity = self._query, record.entity
        if query.attributes and not any(name in entity for name in query.attributes):
            return False
        if query.scope is not None and not matches_scope(query.scope, entity):
            return False
        if query.q is not None and not matches(query.q, record, lambda uri: self._find_linked(uri, connection)):
            return False
        return query.geo is None or geo.matches_geo(query.geo, entity)

    def _find_linked(self, entity_id: str, connection: apsw.Connection) -> Record | None:
        """Return a linked entity, if the caller may see it."""
        row = connection.execute(SQL.get_entity, (entity_id,)).fetchone()
        if row is None:
            return None
        document = Document(row[0], row[1], self._city.names.type_sets[row[2]].names, row[3], row[4])
        readable = self._query.readable_types
        if readable is not None and not readable.issuperset(document.types):
            return None
        return self._city.records(connection, [document])[0]

    def _lead(self, connection: apsw.Connection) -> Iterator[int]:
        """Yield the eids of the smallest set of candidates, each once, in ascending order."""
        best = min(
            ((self._estimate(connection, selects), selects) for selects in self._candidates),
            key=lambda pair: pair[0],
            default=(_ESTIMATE_MAX, None),
        )
        bounds = geo.search_bounds(self._query.geo) if self._query.geo is not None else None
        if bounds is not None:
            room = min(best[0], _ESTIMATE_MAX)
            near = list(islice(places(connection, self._geo_columns, bounds), room))
            if len(near) < room:
                return iter(sorted({place.eid for place in near}))
        if best[1] is not None and best[0] < _ESTIMATE_MAX:
            return self._run(connection, best[1])
        return self._run(connection, self._all_of_the_types())

    def _all_of_the_types(self) -> Selects:
        if self._scope.type_terms is None:
            return [Select(SQL.candidates_all, ())]
        return [Select(SQL.candidates_of_type, (term,)) for term in self._scope.type_terms]

    @staticmethod
    def _estimate(connection: apsw.Connection, selects: Selects) -> int:
        """Count the candidates, up to `_ESTIMATE_MAX`."""
        counted = 0
        for select in selects:
            left = _ESTIMATE_MAX - counted
            counted += sum(1 for _ in islice(connection.execute(select.sql, select.parameters), left))
        return counted

    @staticmethod
    def _run(connection: apsw.Connection, selects: Selects) -> Iterator[int]:
        if not selects:
            return iter(())
        sql = "\nUNION\n".join(select.sql for select in selects) + "\nORDER BY eid"
        parameters = tuple(value for select in selects for value in select.parameters)
        # UNION leaves an eid once; a select that stands alone has one row for each value of the entity.
        return (eid for eid, _ in groupby(row[0] for row in connection.execute(sql, parameters)))
