"""Which keys of the indexes an attribute has. No SQL here; `draft.py` writes the difference of two of these.

The index mirrors `domain/match.py`: it may offer an entity that does not match, and never misses one that does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simpul import limits
from simpul.domain import geo
from simpul.domain.alike import Scalars
from simpul.domain.entity import Instance, instances
from simpul.store.sqlite.grid import cell_of_point, cells_of_bounds
from simpul.store.sqlite.names import ELEMENT, VALUE

PRESENT = b""
FALSE = b"\x00"
TRUE = b"\x01"

Key = float | int | str | bytes
GeoKey = tuple[int, float | None, float | None]
# The grid's levels that points are in, as a bit set.
POINT_LEVELS = 1
_TEXT_MAX = limits.INDEXED_TEXT_CHARACTERS_MAX
_INTEGER_END = 2**63


def scalar_key(value: Any) -> Key | None:
    """Return the key of a scalar, or None for any other value."""
    if value is True:
        return TRUE
    if value is False:
        return FALSE
    if isinstance(value, str):
        return value if len(value) <= _TEXT_MAX else value[:_TEXT_MAX]
    if isinstance(value, float):
        return value
    if isinstance(value, int):
        # Made a float, a larger one would equal numbers that it is not.
        return value if -_INTEGER_END <= value < _INTEGER_END else None
    return None


def plain_key(attribute: Instance | list[Instance]) -> Key | None:
    """Return the one key of an attribute that is a single scalar, as most are; None for every other attribute."""
    if type(attribute) is not dict:
        return None
    kind = attribute["type"]
    if kind == "Property":
        value: Any = attribute.get("value")
    elif kind == "Relationship":
        value = attribute.get("object")
    else:
        return None
    if type(value) is float:
        return value
    if type(value) is str:
        return value if len(value) <= _TEXT_MAX else value[:_TEXT_MAX]
    return scalar_key(value)


def keys_of_scalars(scalars: Scalars) -> Sequence[Key]:
    """Return the key of each of some values of one type."""
    values: Sequence[Any] = scalars.values
    if type(values[0]) is str and max(map(len, values)) > _TEXT_MAX:
        return [value[:_TEXT_MAX] for value in values]
    return values


def plain_point(attribute: Instance | list[Instance]) -> tuple[int, float, float] | None:
    """Return (cell, longitude, latitude) of an attribute that is a single point; None for every other attribute."""
    if type(attribute) is not dict or attribute["type"] != "GeoProperty":
        return None
    geometry = attribute["value"]
    if geometry["type"] != "Point":
        return None
    longitude, latitude = geometry["coordinates"][:2]
    return cell_of_point(longitude, latitude), float(longitude), float(latitude)


def attribute_keys(attribute: Instance | list[Instance]) -> list[tuple[int, Key]]:
    """Return the (kind of column, key) pairs of all the attribute's instances."""
    if isinstance(attribute, dict):
        value = attribute.get("value")
        if isinstance(value, float | str) and attribute["type"] == "Property":
            return [(VALUE, value if isinstance(value, float) else value[:_TEXT_MAX])]
        return _instance_keys(attribute)
    return [pair for instance in attribute for pair in _instance_keys(instance)]


def _instance_keys(instance: Instance) -> list[tuple[int, Key]]:
    value = _plain(_indexed_value(instance))
    key = scalar_key(value)
    if key is not None:
        return [(VALUE, key)]
    pairs: list[tuple[int, Key]] = [(VALUE, PRESENT)]
    if isinstance(value, list):
        keys = (scalar_key(_plain(element)) for element in value)
        pairs += [(ELEMENT, key) for key in keys if key is not None]
    return pairs


def _plain(value: Any) -> Any:
    """Return what a JSON-LD typed value holds, and any other value as it is."""
    return value["@value"] if isinstance(value, dict) and "@value" in value else value


def _indexed_value(instance: Instance) -> Any:
    match instance["type"]:
        case "Property":
            return instance.get("value")
        case "Relationship":
            return instance.get("object")
        case "VocabProperty":
            return instance.get("vocab")
        case _:
            return None


def geo_keys(attribute: Instance | list[Instance]) -> tuple[int, list[GeoKey]]:
    """Return the levels used, as a bit set, and (cell, longitude, latitude) of each geometry."""
    levels = 0
    keys: list[GeoKey] = []
    if isinstance(attribute, dict) and attribute["type"] != "GeoProperty":
        return levels, keys
    for instance in instances(attribute):
        if instance["type"] != "GeoProperty":
            continue
        geometry = instance["value"]
        if geometry["type"] == "Point":
            longitude, latitude = geometry["coordinates"][:2]
            key: GeoKey = (cell_of_point(longitude, latitude), float(longitude), float(latitude))
            if all(key[0] != other[0] for other in keys):
                levels |= 1
                keys.append(key)
                continue
            # A cell has room for one point of an entity: a second one is kept as any other geometry is.
        level, cells = cells_of_bounds(geo.bounds(geometry))
        levels |= 1 << level
        keys += [(cell, None, None) for cell in cells]
    return levels, keys
