"""The index rows of new entities, column by column. Nothing of them can be there yet, so nothing is compared.

Entities of a source or a batch are mostly alike, and so are the values of one attribute: what holds for all of them
is found out once, in C, and not again for each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import repeat

from simpul.domain import alike as domain
from simpul.domain.alike import Attribute, Others, Points, Scalars
from simpul.domain.entity import ENTITY_MEMBERS, Entity
from simpul.store.sqlite.changes import Changes
from simpul.store.sqlite.grid import cell_of_point
from simpul.store.sqlite.index_keys import (
    POINT_LEVELS,
    PRESENT,
    attribute_keys,
    geo_keys,
    keys_of_scalars,
    plain_key,
    plain_point,
)
from simpul.store.sqlite.names import VALUE, Column, Names


def put_rows_of(changes: Changes, names: Names, terms: Sequence[int], eid: int, entity: Entity) -> None:
    """Put the rows of one new entity."""
    for term in terms:
        changes.new_types.append((term, eid))
        columns = names.value_columns(term)
        for name, attribute in entity.items():
            if name in ENTITY_MEMBERS:
                continue
            column = columns[name]
            changes.attributes.append((column, 1))
            _put_attribute(changes, names, column, eid, attribute)


def put_rows_of_all(
    changes: Changes, names: Names, terms: Sequence[int], eids: Sequence[int], columns: Mapping[str, domain.Column]
) -> None:
    """Put the rows of new entities that have the same types, and attributes of the same names."""
    for term in terms:
        changes.new_types += zip(repeat(term), eids)
        value_columns = names.value_columns(term)
        for name, attribute_column in columns.items():
            changes.attributes.append((value_columns[name], len(eids)))
            _put_column(changes, names, value_columns[name], eids, attribute_column)


def _put_column(
    changes: Changes, names: Names, column: Column, eids: Sequence[int], attribute_column: domain.Column
) -> None:
    match attribute_column:
        case Scalars() if not column.is_kept:
            pass
        case Scalars():
            changes.new_index += zip(repeat(column.id), keys_of_scalars(attribute_column), eids)
        case Points(places):
            if column.is_kept:
                names.mark_mixed(column)
                changes.new_index += zip(repeat(column.id), repeat(PRESENT), eids)
            names.mark_levels(column, POINT_LEVELS)
            changes.geo += [
                ((column.id, cell_of_point(*place), eid), place) for eid, place in zip(eids, places, strict=True)
            ]
        case Others(attributes):
            for eid, attribute in zip(eids, attributes, strict=True):
                _put_attribute(changes, names, column, eid, attribute)


def _put_attribute(changes: Changes, names: Names, column: Column, eid: int, attribute: Attribute) -> None:
    if column.is_kept:
        put_values(changes, names, column, eid, attribute)
    if type(attribute) is dict and attribute["type"] != "GeoProperty":
        return
    point = plain_point(attribute)
    if point is not None:
        names.mark_levels(column, POINT_LEVELS)
        changes.geo.append(((column.id, point[0], eid), point[1:]))
        return
    levels, keys = geo_keys(attribute)
    if keys:
        names.mark_levels(column, levels)
        for cell, longitude, latitude in keys:
            changes.geo.append(((column.id, cell, eid), (longitude, latitude)))


def put_values(changes: Changes, names: Names, column: Column, eid: int, attribute: Attribute) -> None:
    """Put the rows of an attribute's values, in which none of the entity is yet."""
    key = plain_key(attribute)
    if key is not None:
        changes.new_index.append((column.id, key, eid))
        return
    # A place, several values, an object.
    names.mark_mixed(column)
    for kind, key in attribute_keys(attribute):
        its_column = column if kind == VALUE else names.sibling(column, kind)
        changes.new_index.append((its_column.id, key, eid))
