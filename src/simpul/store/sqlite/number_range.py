"""A question for one range of one column of numbers, ready to be asked with any number. No access decision here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import apsw

from simpul.domain.q import Between, Compare
from simpul.domain.query import EntityQuery
from simpul.ports.store import Body
from simpul.store.sqlite.answer import OFFSET_IN_LOOP_MAX, one_type, scope_of
from simpul.store.sqlite.candidates import number_page_of
from simpul.store.sqlite.connection import SQL, translate
from simpul.store.sqlite.names import Column

if TYPE_CHECKING:
    from simpul.store.sqlite.city import CityFile


class SqliteNumberRange:
    """The port `NumberRange` over a city's file. It holds as long as the city's names stand still."""

    __slots__ = ("_attribute", "_city", "_column", "_page", "_revision", "_sql", "_type_term")

    def __init__(self, city: CityFile, query: EntityQuery, where: tuple[str, Column, str]) -> None:
        self._city = city
        self._revision = city.names.revision
        self._attribute, self._column, sql = where
        self._type_term = self._column.type
        self._sql = SQL.bodies_of_rows.format(rows=sql)
        self._page = (query.limit, query.offset)

    def read(self, number: float) -> Sequence[Body] | None:
        city, column = self._city, self._column
        if city.names.revision != self._revision or column.is_mixed:
            return None
        if city.names.find_only_column(self._attribute, self._type_term) is not column:
            return None
        try:
            # One statement sees one moment, also while a COMMIT goes on.
            rows: Any = city.reader.execute(self._sql, (column.id, number, *self._page)).fetchall()
        except apsw.Error as error:
            raise translate(error, city.path) from error
        found: list[Body] = rows
        return found


def number_range_of(city: CityFile, query: EntityQuery) -> SqliteNumberRange | None:
    """Return the range that the query asks for, or None where it takes more than one."""
    if query.id_pattern or query.attributes or query.scope or query.ids or query.geo or query.counts:
        return None
    if not isinstance(query.q, Compare) or query.offset > OFFSET_IN_LOOP_MAX:
        return None
    if any(isinstance(value, Between) for value in query.q.values):
        # It has two numbers.
        return None
    scope = city.memory.scope(city.names.revision, query, lambda: scope_of(city, query))
    type_term = one_type(query, scope)
    page = None if type_term is None else number_page_of(query.q, city.names, type_term)
    if page is None or type_term is None:
        return None
    attribute = query.q.path.attributes[0]
    column = city.names.find_only_column(attribute, type_term)
    return None if column is None else SqliteNumberRange(city, query, (attribute, column, page.sql))
