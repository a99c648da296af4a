"""Rows mapped together, column by column: what holds for all cells of a column is found out once, not for each row.

Nothing is said against a row here. A row that anything speaks against is left to `Mapper.map`, which says what it is;
both make the same entity of the same row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import repeat
from math import isfinite
from typing import Any, Final, NamedTuple

from simpul import limits
from simpul.connect.attributes import Cells, MakeInstance
from simpul.connect.rules import CheckCells, CheckEntity
from simpul.domain.entity import Entity, Instance

_USUAL: Final = frozenset({str, int, type(None)})
_INSTANCES_REMEMBERED_MAX: Final = 1_024

Column = Sequence[Any]
# The places of rows that are left to be mapped alone.
Doubtful = set[int]


class Attribute(NamedTuple):
    """One attribute: its expanded name, what makes it of a row, and the only column that it reads, if it is one."""

    name: str
    make: MakeInstance
    position: int | None
    known: dict[str | int, Instance]


class CellRule(NamedTuple):
    """One rule about cells: which it is, what checks a row, the columns it names, and cells that are right by it."""

    kind: str
    check: CheckCells
    positions: list[int]
    right: set[str | int]


class Plan(NamedTuple):
    """A compiled mapping, as its `Mapper` has it."""

    blank: Entity
    clean: Callable[[Any], Any]
    texts: dict[str, str | None]
    has_unknown: bool
    find_id: Callable[[Cells], str | None]
    find_moment: Callable[[Cells], str | None] | None
    attributes: Sequence[Attribute]
    rules: Sequence[CellRule]
    places: Sequence[tuple[str, CheckEntity]]
    claims: Sequence[tuple[str, Callable[[Entity, Cells], None]]]


class Made(NamedTuple):
    """What was made of rows, in their order: ids, and by name their attributes, None where a row has not that one.

    Rows that are `doubtful` have to be mapped alone.
    """

    ids: list[Any]
    attributes: dict[str, list[Any]]
    doubtful: Doubtful

    def only(self, places: Sequence[int]) -> Made:
        """Return what was made of the rows at these places, in that order."""
        number_of = {place: number for number, place in enumerate(places)}
        return Made(
            [self.ids[one] for one in places],
            {name: [column[one] for one in places] for name, column in self.attributes.items()},
            {number_of[one] for one in self.doubtful if one in number_of},
        )

    def find_gaps(self) -> set[int]:
        """Return the places of the rows that have not all attributes."""
        columns = [column for column in self.attributes.values() if None in column]
        return {number for column in columns for number, one in enumerate(column) if one is None}


def make_columns(plan: Plan, rows: Sequence[tuple[Any, ...]]) -> Made:
    """Return what is made of rows of used cells."""
    if not rows:
        return Made([], {one.name: [] for one in plan.attributes}, set())
    doubtful: Doubtful = set()
    columns = [clean_column(plan, column, doubtful) for column in zip(*rows, strict=True)]
    for rule in plan.rules:
        _check(rule, columns, doubtful)
    cells = list(zip(*columns, strict=True))
    ids = _each(plan.find_id, doubtful, cells)
    doubtful.update(
        number for number, one in enumerate(ids) if one is None or len(one) > limits.IDENTIFIER_CHARACTERS_MAX
    )
    moments: list[str | None] | None = None
    if plan.find_moment is not None:
        moments = _each(plan.find_moment, doubtful, cells)
        doubtful.update(number for number, one in enumerate(moments) if one is None)
    made: dict[str, list[Any]] = {}
    for one in plan.attributes:
        fresh = _make(one, columns, cells, moments, doubtful)
        # Two names may mean one attribute; the last one that says something counts.
        before = made.get(one.name)
        made[one.name] = fresh if before is None else [b or a for a, b in zip(before, fresh, strict=True)]
    for name, check in plan.places:
        _each(lambda instance, name=name, check=check: check({name: instance}), doubtful, made[name])
    for name, claim in plan.claims:
        _each(lambda instance, row, name=name, claim=claim: claim({name: instance}, row), doubtful, made[name], cells)
    return Made(ids, made, doubtful)


def entities_of(blank: Entity, made: Made) -> list[Entity | None]:
    """Return the entities, with None for the rows that have to be mapped alone. `blank` has all members in order."""
    members = [made.ids if name == "id" else made.attributes.get(name) or repeat(blank[name]) for name in blank]
    names = tuple(blank)
    entities: list[Entity | None] = [dict(zip(names, one, strict=True)) for one in zip(*members, strict=False)]
    for number in made.find_gaps() - made.doubtful:
        entities[number] = {name: value for name, value in (entities[number] or {}).items() if value is not None}
    for number in made.doubtful:
        entities[number] = None
    return entities


def clean_column(plan: Plan, column: Column, doubtful: Doubtful) -> Column:
    """Return the cells of a column clean, and None where a value means `not known`; add rows where that fails."""
    kinds = set(map(type, column))
    if not plan.has_unknown:
        if kinds <= {int, type(None)} or (kinds == {float} and isfinite(sum(column))):
            return column
        texts = plan.texts
        if kinds == {str}:
            return _each(texts.__getitem__, doubtful, column)
        if kinds == {str, type(None)}:
            return _each(lambda cell: None if cell is None else texts[cell], doubtful, column)
    return _each(plan.clean, doubtful, column)


def _check(rule: CellRule, columns: Sequence[Column], doubtful: Doubtful) -> None:
    if rule.kind == "required":
        for position in rule.positions:
            column = columns[position]
            if None in column:
                doubtful.update(number for number, cell in enumerate(column) if cell is None)
    elif rule.kind == "parts":
        # It compares cells of one row.
        _each(rule.check, doubtful, list(zip(*columns, strict=True)))
    else:
        for position in rule.positions:
            _check_each(rule, position, columns, doubtful)


def _check_each(rule: CellRule, position: int, columns: Sequence[Column], doubtful: Doubtful) -> None:
    """Let the rule look at each cell of a column, at the same text or whole number once."""
    column = columns[position]
    # All others are not known, and of what is not known such a rule says nothing.
    alone: list[Any] = [None] * len(columns)

    def check(cell: Any) -> None:
        alone[position] = cell
        rule.check(alone)

    if not set(map(type, column)) <= _USUAL:
        _each(check, doubtful, column)
        return
    new = list(set(column) - rule.right)
    wrong: Doubtful = set()
    _each(check, wrong, new)
    refused = {new[number] for number in wrong}
    if refused:
        doubtful.update(number for number, cell in enumerate(column) if cell in refused)
    if len(rule.right) < limits.RIGHT_CELLS_REMEMBERED_MAX:
        rule.right.update(cell for cell in new if cell is not None and cell not in refused)


def _make(
    attribute: Attribute, columns: Sequence[Column], cells: Sequence[Cells], moments: Sequence[str | None] | None,
    doubtful: Doubtful,
) -> list[Instance | None]:  # fmt: skip
    make, position, known = attribute.make, attribute.position, attribute.known
    if moments is not None:
        return _each(make, doubtful, cells, moments)
    if position is None or not set(map(type, columns[position])) <= _USUAL:
        return _each(make, doubtful, cells, [None] * len(cells))
    column = columns[position]
    found = list(map(known.get, column))
    missing = [number for number, one in enumerate(found) if one is None]
    failed: Doubtful = set()
    fresh = _each(make, failed, [cells[number] for number in missing], [None] * len(missing))
    doubtful.update(missing[number] for number in failed)
    for number, instance in zip(missing, fresh, strict=True):
        found[number] = instance
    if len(known) < _INSTANCES_REMEMBERED_MAX:
        known.update((column[number], one) for number in missing if (one := found[number]) is not None)
    return found


def _each(make: Callable[..., Any], doubtful: Doubtful, *columns: Sequence[Any]) -> list[Any]:
    """Return what is made of each; None where that fails, and the row is doubtful."""
    try:
        return list(map(make, *columns))
    except Exception:  # noqa: BLE001 - Whatever it is, mapping that row alone says so.
        found: list[Any] = []
        for number, given in enumerate(zip(*columns, strict=True)):
            try:
                found.append(make(*given))
            except Exception:  # noqa: BLE001 - As above.
                doubtful.add(number)
                found.append(None)
        return found
