"""New entities that are alike, packed: as they are stored, and their values attribute by attribute. No store here.

Whoever reads a source packs what it has mapped, so that the one who writes has no entity to look at. What is packed can
be sent from one process to another, for a third of what the entities themselves cost on their way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec

from simpul.domain.context import CORE, Context
from simpul.domain.entity import Entity, Instance, attribute_names

Attribute = Instance | list[Instance]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_kind_of = itemgetter("type")
_value_of = itemgetter("value")
_object_of = itemgetter("object")
_INTEGER_END = 2**63


class Scalars(NamedTuple):
    """The values of one attribute that is a single scalar in all entities, of one type; whole numbers have 64 bits."""

    values: list[float] | list[int] | list[str]


class Points(NamedTuple):
    """The places (longitude, latitude) of one attribute that is a single point in all entities."""

    places: list[tuple[float, float]]


class Others(NamedTuple):
    """One attribute that is anything else in some entity, as it is in each."""

    attributes: list[Attribute]


Column = Scalars | Points | Others


class Alike(NamedTuple):
    """Entities with other ids each, the same types and @context, no expiry, and attributes of the same names.

    `bodies` are what is stored of each, `told` the same in the core context's names. `columns` are by attribute.
    """

    types: tuple[str, ...]
    ids: list[str]
    bodies: list[bytes]
    told: list[bytes]
    columns: dict[str, Column]


def pack(context: Context, entities: Iterable[Entity]) -> list[Alike]:
    """Return the entities, those together that are alike. Each has another id, and none expires."""
    by_shape: dict[tuple[str, ...], list[Entity]] = {}
    for entity in entities:
        by_shape.setdefault((*entity["type"], *entity), []).append(entity)
    return [_pack_alike(context, alike) for alike in by_shape.values()]


def _pack_alike(context: Context, entities: Sequence[Entity]) -> Alike:
    first = entities[0]
    bodies = list(map(_encode, context.compact_alike(entities)))
    told = bodies if context is CORE else list(map(_encode, CORE.compact_alike(entities)))
    columns = {name: column_of(list(map(itemgetter(name), entities))) for name in attribute_names(first)}
    return Alike(tuple(first["type"]), [entity["id"] for entity in entities], bodies, told, columns)


def pack_columns(
    context: Context, types: tuple[str, ...], ids: list[str], attributes: Mapping[str, list[Any]]
) -> Alike | None:
    """Return new entities of which the attributes are there by name, one for each id; None where there are none.

    They have no other members, and each of them has all attributes.
    """
    if not ids:
        return None
    bodies = list(map(_encode, context.compact_columns(types, ids, attributes)))
    told = bodies if context is CORE else list(map(_encode, CORE.compact_columns(types, ids, attributes)))
    return Alike(types, ids, bodies, told, {name: column_of(column) for name, column in attributes.items()})


def unpack(context: Context, alike: Alike) -> list[Entity]:
    """Return the entities that were packed."""
    return [context.expand_entity(_decode(body)) for body in alike.bodies]


def column_of(attributes: list[Any]) -> Column:
    """Return one attribute of all entities, bare where it is alike in all of them.

    Asking whether all are takes a third of asking each.
    """
    if set(map(type, attributes)) == {dict}:
        kinds = set(map(_kind_of, attributes))
        if kinds == {"Property"}:
            return _scalars(list(map(_value_of, attributes))) or Others(attributes)
        if kinds == {"Relationship"}:
            return _scalars(list(map(_object_of, attributes))) or Others(attributes)
        if kinds == {"GeoProperty"}:
            return _points(list(map(_value_of, attributes))) or Others(attributes)
    return Others(attributes)


def _scalars(values: list[Any]) -> Scalars | None:
    kinds = set(map(type, values))
    if kinds in ({float}, {str}):
        return Scalars(values)
    if kinds == {int} and min(values) >= -_INTEGER_END and max(values) < _INTEGER_END:
        return Scalars(values)
    return None


def _points(geometries: list[Any]) -> Points | None:
    if set(map(_kind_of, geometries)) != {"Point"}:
        return None
    return Points([(float(place[0]), float(place[1])) for place in (one["coordinates"] for one in geometries)])
