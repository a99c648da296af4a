"""Finds entities by name. Few of a type: anywhere in the name, from memory. Many: by how the name begins, by index."""

from __future__ import annotations

from typing import NamedTuple
from weakref import WeakKeyDictionary

from msgspec.structs import replace

from simpul import limits
from simpul.app import entities, types
from simpul.app.live import LiveFeed
from simpul.console.reading import question, read_all
from simpul.console.values import DISPLAY_NAMES, display_name
from simpul.console.visit import Visit
from simpul.console.words import DEFAULT_PREFIX
from simpul.domain.q import AllOf, AnyOf, Compare, Expression, Operator, Path

NAME = DEFAULT_PREFIX + DISPLAY_NAMES[0]


class Named(NamedTuple):
    """An entity's name, id and type. `key` is the name without case."""

    key: str
    name: str
    id: str
    type_name: str


class _Kept(NamedTuple):
    """The names of one type, true until its mark changes."""

    mark: int
    names: list[Named]


# Names of a type by (tenant, type, language). A search for each letter typed must not read the store each time.
_KEPT: WeakKeyDictionary[LiveFeed, dict[tuple[str, str, str], _Kept]] = WeakKeyDictionary()


def beginning_with(text: str) -> Expression:
    """Return the question for names that begin with the text, as typed, in capitals, or capitalised."""
    variants = dict.fromkeys((text, text.upper(), text.title(), text.lower()))
    ranges = tuple(_range(variant) for variant in variants)
    return ranges[0] if len(ranges) == 1 else AnyOf(ranges)


def _range(start: str) -> Expression:
    """Return what is at or after a text and before the next one of its length: an index finds it without reading."""
    end = start[:-1] + chr(min(ord(start[-1]) + 1, 0x10FFFF))
    path = Path((NAME,))
    return AllOf((Compare(path, Operator.GREATER_EQUAL, (start,)), Compare(path, Operator.LESS, (end,))))


async def find_named(visit: Visit, searched: str, count_max: int) -> list[Named]:
    """Return entities of any type that the visitor may read by their name, those that begin with the text first."""
    wanted = searched.casefold()
    found: list[Named] = []
    for name, count in types.list_types(visit.caller, visit.hub).items():
        if count <= limits.CONSOLE_SORTED_ENTITIES_MAX:
            found += [named for named in await _names_of(visit, name, count) if wanted in named.key]
        else:
            found += await _indexed(visit, name, searched, count_max)
    found.sort(key=lambda named: (not named.key.startswith(wanted), named.key))
    return found[:count_max]


async def _names_of(visit: Visit, type_name: str, count: int) -> list[Named]:
    kept = _KEPT.setdefault(visit.hub.live, {})
    key = (visit.caller.tenant, type_name, visit.language)
    # Taken before reading: what is committed meanwhile makes the names old at once.
    mark = visit.hub.live.mark(visit.caller.tenant, [type_name])
    if key not in kept or kept[key].mark != mark:
        records = await read_all(visit, question(visit, type_name), count)
        names = [(display_name(visit, record.entity), record.id) for record in records]
        kept[key] = _Kept(mark, [Named(name.casefold(), name, one, type_name) for name, one in names])
    return kept[key].names


async def _indexed(visit: Visit, type_name: str, searched: str, count_max: int) -> list[Named]:
    asked = replace(question(visit, type_name), q=beginning_with(searched), limit=count_max)
    page = await entities.query(visit.caller, visit.hub, asked)
    records = entities.read_records(visit.caller, visit.hub, page.documents)
    names = [(display_name(visit, record.entity), record.id) for record in records]
    return [Named(name.casefold(), name, one, type_name) for name, one in names]
