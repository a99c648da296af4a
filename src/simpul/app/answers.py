"""Answers across agencies: a city's declared questions, answered from its connected data. No HTTP here, no SQL here.

An answer is made on behalf of the public, whoever asks: it shows values of public types only, and of the others
nothing but counts that are large enough. It is kept until a commit touches one of its types.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from simpul import limits
from simpul.app.answer_plan import (
    FINDERS,
    LANGUAGES,
    NUMBER,
    Condition,
    Count,
    Distance,
    Linked,
    Nearest,
    Of,
    Origin,
    Own,
    Plan,
    PlannedColumn,
    PlannedFigure,
    Via,
    Wanted,
    Within,
    read_plan,
    types_of,
)
from simpul.app.hub import Hub
from simpul.app.live import LiveFeed
from simpul.app.sources import EXPIRED_AT
from simpul.domain.access import Caller
from simpul.domain.city import City, SourceDeclaration
from simpul.domain.context import CORE
from simpul.domain.entity import Entity, Instance, instances
from simpul.domain.errors import NotFound, TooComplexQuery, TooManyResults
from simpul.domain.geo import Areas, bounds, distance_m
from simpul.domain.query import EntityQuery, TypeSelection

_METRES_PER_DEGREE = 110_574.0
_COLUMN_IN_PATTERN = re.compile(r"\{[^{}]*\}")
_COMPARISONS_BETWEEN_PAUSES = 20_000

Place = tuple[float, float]
Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Summary:
    """What a list of answers says of each."""

    id: str
    title: dict[str, str]
    description: dict[str, str]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `kind` is number or text; `sources` are the ids of the sources that its values come from.

    A count under `smallest` is withheld.
    """

    name: str
    title: dict[str, str]
    kind: str
    unit: str
    sources: tuple[str, ...]
    smallest: int = 0


@dataclass(frozen=True, slots=True)
class Cell:
    """One value. `entity_id` is the entity it is of, where a column found one; `withheld` where too few are counted."""

    value: Scalar | None
    entity_id: str | None = None
    withheld: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the entity it is about, where that is (longitude, latitude), and a cell for each column."""

    id: str
    place: Place | None
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """One number over all rows."""

    name: str
    title: dict[str, str]
    value: int | float
    unit: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer and what it rests on. `headline` has a sentence a language; `shade` names the column to colour by."""

    id: str
    title: dict[str, str]
    description: dict[str, str]
    headline: dict[str, str]
    figures: tuple[Figure, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    row_type: str
    shade: str
    sources: tuple[str, ...]
    computed_us: int

    def column(self, name: str) -> int:
        """Return which column has this name. Raises NotFound."""
        for number, column in enumerate(self.columns):
            if column.name == name:
                return number
        raise NotFound(f"The answer '{self.id}' has no column '{name}'.")


def list_answers(caller: Caller, hub: Hub) -> list[Summary]:
    """Return the answers that the city has declared, in the order of its files."""
    declared = hub.city(caller.tenant).answers
    return [Summary(one["answer"], one["title"], one.get("description", {})) for one in declared]


async def answer(caller: Caller, hub: Hub, answer_id: str) -> Answer:
    """Return the answer, made now or kept from before.

    Raises NotFound, SourceMisconfigured for a declaration that does not hold together, TooManyResults and
    TooComplexQuery for one that would cost more than a named limit allows.
    """
    city = hub.city(caller.tenant)
    declaration = next((one for one in city.answers if one["answer"] == answer_id), None)
    if declaration is None:
        known = ", ".join(one["answer"] for one in city.answers) or "none"
        raise NotFound(f"The city has declared no answer '{answer_id[:100]}'. There are: {known}.")
    shelf = _SHELVES.setdefault(hub.live, _Shelf())
    return await shelf.get(hub, city, declaration)


class _Shelf:
    """The answers that one hub has made, each until something it rests on changes."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()

    async def get(self, hub: Hub, city: City, declaration: Mapping[str, Any]) -> Answer:
        key = (city.tenant, str(declaration["answer"]))
        kept = self._kept.get(key)
        if kept is None or kept.city is not city:
            kept = self._kept[key] = _Kept(city, read_plan(declaration, city))
        self._kept.move_to_end(key)
        while len(self._kept) > limits.ANSWERS_CACHED_MAX:
            self._kept.popitem(last=False)
        async with kept.making:
            # Taken before reading: what is committed meanwhile makes the answer old at once.
            mark = hub.live.mark(city.tenant, kept.plan.types)
            if kept.answer is None or kept.mark != mark:
                kept.answer = await _Maker(hub, city, kept.plan).make()
                kept.mark = mark
            return kept.answer


@dataclass(slots=True)
class _Kept:
    city: City
    plan: Plan
    making: asyncio.Lock = field(default_factory=asyncio.Lock)
    mark: int = -1
    answer: Answer | None = None


_SHELVES: WeakKeyDictionary[LiveFeed, _Shelf] = WeakKeyDictionary()


@dataclass(slots=True)
class _Draft:
    """A row while it is made: its entity, its cells so far, and the entities that its columns found."""

    entity: Entity
    place: Place | None
    cells: list[Cell] = field(default_factory=list)
    found: dict[str, Entity] = field(default_factory=dict)


class _Maker:
    """Makes one answer. Columns are made in their order; a row goes as soon as a condition on it fails."""

    def __init__(self, hub: Hub, city: City, plan: Plan) -> None:
        self._hub = hub
        self._city = city
        self._plan = plan
        self._sets: dict[Wanted, list[Entity]] = {}

    async def make(self) -> Answer:
        plan = self._plan
        rows = [_Draft(entity, _place(entity, plan.rows.place)) for entity in await self._entities(plan.rows)]
        for number, column in enumerate(plan.columns):
            cells = await self._cells(column, rows)
            for row, cell in zip(rows, cells, strict=True):
                row.cells.append(cell)
            conditions = [one for one in plan.keep if one.column == column.name]
            rows = [row for row in rows if all(_holds(one, row.cells[number].value) for one in conditions)]
        if plan.order is not None:
            _sort(rows, self._number_of(plan.order[0]), greatest_first=plan.order[1])
        columns = tuple(self._column(number, column, rows) for number, column in enumerate(plan.columns))
        figures = tuple(self._figure(figure, rows, columns) for figure in plan.figures)
        return Answer(
            id=plan.id,
            title=plan.title,
            description=plan.description,
            headline={name: _sentence(plan.headline.get(name, ""), figures, name) for name in LANGUAGES},
            figures=figures,
            columns=columns,
            rows=tuple(Row(row.entity["id"], row.place, tuple(row.cells)) for row in rows),
            row_type=CORE.compact(plan.rows.type_name),
            shade=plan.shade,
            sources=tuple(dict.fromkeys(source for column in columns for source in column.sources)),
            computed_us=self._hub.clock.now_us(),
        )

    def _number_of(self, name: str) -> int:
        return next(number for number, column in enumerate(self._plan.columns) if column.name == name)

    async def _entities(self, wanted: Wanted) -> list[Entity]:
        """Return every public entity that is wanted and has not expired. Raises TooManyResults."""
        if wanted in self._sets:
            return self._sets[wanted]
        tenant, store = self._city.tenant, self._hub.entities
        found: list[Entity] = []
        while True:
            page = await store.list_documents(tenant, self._question(wanted, len(found)))
            found += [record.entity for record in store.read_records(tenant, page.documents)]
            if len(found) > limits.ANSWER_ROWS_MAX:
                raise TooManyResults(
                    f"The answer '{self._plan.id}' reads more than {limits.ANSWER_ROWS_MAX} entities of the type "
                    f"{CORE.compact(wanted.type_name)}. Narrow it with `where:`."
                )
            if len(page.documents) < limits.PAGE_SIZE_MAX:
                break
        self._sets[wanted] = [entity for entity in found if EXPIRED_AT not in entity]
        return self._sets[wanted]

    def _question(self, wanted: Wanted, offset: int) -> EntityQuery:
        return EntityQuery(
            types=TypeSelection(((wanted.type_name,),)),
            q=wanted.where,
            readable_types=self._city.public_types,
            limit=limits.PAGE_SIZE_MAX,
            offset=offset,
        )

    async def _cells(self, column: PlannedColumn, rows: Sequence[_Draft]) -> list[Cell]:
        match column.origin:
            case Own(attribute):
                return [Cell(_value(row.entity, attribute), row.entity["id"]) for row in rows]
            case Of(name, attribute):
                return [_cell(row.found.get(name), attribute) for row in rows]
            case Distance(name):
                return [Cell(_distance(row, row.found.get(name), self._place_of(name))) for row in rows]
            case Count():
                return await self._counts(column.origin, rows)
            case Linked() | Via() | Within() | Nearest():
                found = await self._find(column.origin, rows)
                for row, entity in zip(rows, found, strict=True):
                    if entity is not None:
                        row.found[column.name] = entity
                return [_cell(entity, column.origin.attribute) for entity in found]

    def _place_of(self, name: str) -> str:
        origin = self._planned(name).origin
        assert isinstance(origin, FINDERS), "the plan's reader lets only such a column be named"
        return origin.wanted.place

    async def _find(self, origin: Linked | Via | Within | Nearest, rows: Sequence[_Draft]) -> list[Entity | None]:
        candidates = await self._entities(origin.wanted)
        match origin:
            case Linked(by=by, attribute=attribute):
                return _linked(candidates, by, attribute, rows)
            case Via(relationship=relationship):
                known = {entity["id"]: entity for entity in candidates}
                return [
                    next((known[one] for one in _objects(row.entity, relationship) if one in known), None)
                    for row in rows
                ]
            case Within(wanted=wanted):
                return _areas_around(candidates, wanted.place, rows)
            case Nearest(wanted=wanted):
                return await self._nearest(candidates, wanted.place, rows)

    async def _nearest(self, candidates: Sequence[Entity], place: str, rows: Sequence[_Draft]) -> list[Entity | None]:
        comparisons = len(candidates) * len(rows)
        if comparisons > limits.ANSWER_COMPARISONS_MAX:
            raise TooComplexQuery(
                f"The answer '{self._plan.id}' would compare {comparisons} distances, more than "
                f"{limits.ANSWER_COMPARISONS_MAX}. Drop rows before it with `keep:`, or narrow it with `where:`."
            )
        placed = [(entity, at) for entity in candidates if (at := _place(entity, place)) is not None]
        found: list[Entity | None] = []
        compared = 0
        for row in rows:
            found.append(None if row.place is None else _nearest(placed, row.place))
            compared += len(placed)
            if compared > _COMPARISONS_BETWEEN_PAUSES:
                compared = 0
                await asyncio.sleep(0)
        return found

    async def _counts(self, count: Count, rows: Sequence[_Draft]) -> list[Cell]:
        """Count by a relationship. What is fewer than `smallest` could point at somebody, so it is not told."""
        numbers = await self._hub.entities.count_by(self._city.tenant, count.type_name, count.by)
        cells = []
        for row in rows:
            of = row.entity if count.of is None else row.found.get(count.of)
            number = None if of is None else int(numbers.get(of["id"], 0))
            withheld = number is not None and number < count.smallest
            cells.append(Cell(None if withheld else number, withheld=withheld))
        return cells

    def _column(self, number: int, column: PlannedColumn, rows: Sequence[_Draft]) -> Column:
        values = [row.cells[number].value for row in rows]
        is_number = isinstance(column.origin, Count | Distance) or _are_numbers(values)
        kind = "number" if is_number else "text"
        smallest = column.origin.smallest if isinstance(column.origin, Count) else 0
        return Column(column.name, column.title, kind, column.unit, self._sources(column, rows), smallest)

    def _sources(self, column: PlannedColumn, rows: Sequence[_Draft]) -> tuple[str, ...]:
        """Return the ids of the sources that a column's values come from, those of the entities it goes through too."""
        rests_on, through = self._rests_on(column.origin)
        own = {str(row.entity["id"]) for row in rows}
        found = {str(row.found[column.name]["id"]) for row in rows if column.name in row.found}
        before = () if through is None else self._sources(self._planned(through), rows)
        named = [
            source
            for type_name, attribute in rests_on
            for source in self._sources_of(type_name, attribute, own | found)
        ]
        return tuple(dict.fromkeys([*before, *named]))

    def _rests_on(self, origin: Origin) -> tuple[list[tuple[str, str]], str | None]:
        """Return the (type, attribute) pairs that an origin reads, and the column whose entities it goes through."""
        rows = self._plan.rows
        match origin:
            case Own(attribute):
                return [(rows.type_name, attribute)], None
            case Of(name, attribute):
                return [(types_of(self._planned(name).origin)[0], attribute)], name
            case Distance(name):
                return [], name
            case Count(type_name=type_name, by=by, of=of):
                return [(type_name, by)], of
            case Within(wanted, attribute) | Nearest(wanted, attribute):
                return [(rows.type_name, rows.place), (wanted.type_name, attribute)], None
            case Via(relationship, wanted, attribute):
                return [(rows.type_name, relationship), (wanted.type_name, attribute)], None
            case Linked(wanted=wanted, attribute=attribute):
                return [(wanted.type_name, attribute)], None

    def _planned(self, name: str) -> PlannedColumn:
        return self._plan.columns[self._number_of(name)]

    def _sources_of(self, type_name: str, attribute: str, ids: set[str]) -> list[str]:
        """Return the sources of a type: those that made one of these entities, or give the attribute, if any did."""
        of_type = [source for source in self._city.sources if CORE.expand(source.type_name) == type_name]
        giving = [source for source in of_type if _gives(source, attribute)] or of_type
        chosen = [source for source in giving if _makes_one_of(source, ids)] or giving
        return [source.id for source in chosen]

    def _figure(self, figure: PlannedFigure, rows: Sequence[_Draft], columns: Sequence[Column]) -> Figure:
        chosen = [row for row in rows if self._meets(figure.where, row)]
        named = [name for name in (figure.column, figure.where.column if figure.where else None) if name is not None]
        used = [column for column in columns if column.name in named] or [columns[0]]
        sources = tuple(dict.fromkeys(source for column in used for source in column.sources))
        return Figure(figure.name, figure.title, self._total(figure, chosen), figure.unit, sources)

    def _meets(self, condition: Condition | None, row: _Draft) -> bool:
        return condition is None or _holds(condition, row.cells[self._number_of(condition.column)].value)

    def _total(self, figure: PlannedFigure, rows: Sequence[_Draft]) -> int | float:
        if figure.column is None:
            return len(rows)
        cells = [row.cells[self._number_of(figure.column)] for row in rows]
        if figure.kind == "distinct":
            return len({_identity(cell) for cell in cells if cell.value is not None})
        if figure.once_per is not None:
            number = self._number_of(figure.once_per)
            once = {_identity(row.cells[number]): cell for row, cell in zip(rows, cells, strict=True)}
            cells = list(once.values())
        return sum(cell.value for cell in cells if isinstance(cell.value, int | float))


def _gives(source: SourceDeclaration, attribute: str) -> bool:
    return any(CORE.expand(name) == attribute for name in source.declaration["entity"]["attributes"])


def _makes_one_of(source: SourceDeclaration, ids: set[str]) -> bool:
    """Return whether the source's pattern of ids fits one of these."""
    parts = _COLUMN_IN_PATTERN.split(source.declaration["entity"]["id"])
    pattern = re.compile(".+".join(map(re.escape, parts)))
    return any(pattern.fullmatch(entity_id) for entity_id in ids)


def _identity(cell: Cell) -> Any:
    """Return what makes a value the same one: its entity where it has one, as two areas may share a name."""
    return cell.entity_id or cell.value


def _are_numbers(values: Sequence[Scalar | None]) -> bool:
    known = [value for value in values if value is not None]
    return bool(known) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in known)


def _holds(condition: Condition, value: Scalar | None) -> bool:
    """Return whether a value meets the condition; one that is not known, or withheld, meets none."""
    if value is None or (condition.one_of is not None and value not in condition.one_of):
        return False
    if condition.above is None and condition.below is None:
        return True
    if not isinstance(value, int | float):
        return False
    above = condition.above is None or value > condition.above
    return above and (condition.below is None or value < condition.below)


def _sort(rows: list[_Draft], number: int, *, greatest_first: bool) -> None:
    """Order by a column, what is not known last, and by id where values are equal."""
    rows.sort(key=lambda row: str(row.entity["id"]))
    known = [row for row in rows if row.cells[number].value is not None]
    unknown = [row for row in rows if row.cells[number].value is None]
    known.sort(key=lambda row: _order_key(row.cells[number].value), reverse=greatest_first)
    rows[:] = known + unknown


def _order_key(value: Scalar | None) -> tuple[int, float, str]:
    return (0, float(value), "") if isinstance(value, int | float) else (1, 0.0, str(value))


def _cell(entity: Entity | None, attribute: str) -> Cell:
    return Cell(None) if entity is None else Cell(_value(entity, attribute), entity["id"])


def _value(entity: Entity, attribute: str) -> Scalar | None:
    """Return an attribute's value as one scalar, or None where there is none that could be shown in a cell."""
    if attribute not in entity:
        return None
    first: Instance = instances(entity[attribute])[0]
    value = first.get("value", first.get("object", first.get("vocab")))
    if "languageMap" in first:
        spoken = first["languageMap"]
        value = next((spoken[name] for name in LANGUAGES if name in spoken), next(iter(spoken.values()), None))
    if isinstance(value, dict):
        value = value.get("@value")
    if isinstance(value, list):
        value = ", ".join(str(part) for part in value)
    return value if isinstance(value, Scalar) else None


def _objects(entity: Entity, relationship: str) -> list[str]:
    """Return the ids that a relationship names."""
    named: list[str] = []
    for instance in instances(entity.get(relationship, [])):
        objects = instance.get("object", [])
        named += objects if isinstance(objects, list) else [objects]
    return named


def _place(entity: Entity, attribute: str) -> Place | None:
    """Return where an entity is: its point, or the middle of the box around its geometry."""
    geometry = instances(entity[attribute])[0].get("value") if attribute in entity else None
    if not isinstance(geometry, dict):
        return None
    if geometry["type"] == "Point":
        return float(geometry["coordinates"][0]), float(geometry["coordinates"][1])
    west, south, east, north = bounds(geometry)
    return (west + east) / 2, (south + north) / 2


def _linked(candidates: Sequence[Entity], by: str, attribute: str, rows: Sequence[_Draft]) -> list[Entity | None]:
    """Return, for each row, the entity that names it; of several, the one with the greatest value."""
    naming: dict[str, Entity] = {}
    for entity in candidates:
        for named in _objects(entity, by):
            other = naming.get(named)
            if other is None or _order_key(_value(entity, attribute)) > _order_key(_value(other, attribute)):
                naming[named] = entity
    return [naming.get(row.entity["id"]) for row in rows]


def _areas_around(candidates: Sequence[Entity], place: str, rows: Sequence[_Draft]) -> list[Entity | None]:
    geometries = ((one, instances(entity[place])[0]) for one, entity in enumerate(candidates) if place in entity)
    areas = Areas((one, instance["value"]) for one, instance in geometries if isinstance(instance.get("value"), dict))
    found = iter(areas.find_many([row.place for row in rows if row.place is not None]))
    numbers = [None if row.place is None else next(found) for row in rows]
    return [None if number is None else candidates[number] for number in numbers]


def _nearest(placed: Sequence[tuple[Entity, Place]], at: Place) -> Entity | None:
    nearest, least_m = None, float("inf")
    for entity, place in placed:
        # Degrees of latitude alone rule most of them out.
        if abs(place[1] - at[1]) * _METRES_PER_DEGREE > least_m:
            continue
        away_m = distance_m(*at, *place)
        if away_m < least_m:
            nearest, least_m = entity, away_m
    return nearest


def _distance(row: _Draft, entity: Entity | None, place: str) -> int | None:
    at = None if entity is None else _place(entity, place)
    return None if at is None or row.place is None else round(distance_m(*row.place, *at))


def _sentence(text: str, figures: Sequence[Figure], language: str) -> str:
    values = {figure.name: _written(figure.value, language) for figure in figures}
    return NUMBER.sub(lambda found: values[found[1]], text)


def _written(number: float, language: str) -> str:
    """Write a number as the language does: `1.234,5` in Indonesian, `1,234.5` in English."""
    text = f"{number:,}" if isinstance(number, int) else f"{number:,.1f}"
    return text.translate(str.maketrans(",.", ".,")) if language == "id" else text
