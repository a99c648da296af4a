"""What an answer file asks for, read and checked: rows, columns, conditions, figures. Nothing is looked up here.

An answer begins with the entities of one type, one row each. A column's value comes from one origin:

- `attribute: name`: the row's own attribute;
- `linked: {type, by, attribute}`: the entity of that type whose relationship `by` names the row;
- `via: {relationship, type, attribute}`: the entity that the row's relationship names;
- `within: {type, attribute}`: the area that the row's place is in;
- `nearest: {type, attribute, where}`: the nearest entity that meets the condition (`where` is a `q`);
- `from: {column, attribute}`: another attribute of the entity that such a column found;
- `distance: {to}`: metres from the row's place to the entity that such a column found;
- `count: {type, by, of, smallest}`: how many entities name the one that the column `of` found, in `by`.

Only types that the city declares public may show their values; of any other type an answer may hold a count, and a
count under `smallest` is withheld.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, NoReturn

from simpul import limits
from simpul.domain.city import City
from simpul.domain.context import CORE
from simpul.domain.errors import HubError, SourceMisconfigured
from simpul.domain.q import Expression, parse_q

LANGUAGES = ("id", "en")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A set of entities: a type (expanded), a condition on them, and the attribute that says where they are."""

    type_name: str
    where: Expression | None = None
    place: str = CORE.expand("location")


@dataclass(frozen=True, slots=True)
class Own:
    """The row's own attribute."""

    attribute: str


@dataclass(frozen=True, slots=True)
class Linked:
    """An entity that names the row in a relationship."""

    wanted: Wanted
    by: str
    attribute: str


@dataclass(frozen=True, slots=True)
class Via:
    """The entity that the row names in a relationship."""

    relationship: str
    wanted: Wanted
    attribute: str


@dataclass(frozen=True, slots=True)
class Within:
    """The area around the row's place."""

    wanted: Wanted
    attribute: str


@dataclass(frozen=True, slots=True)
class Nearest:
    """The entity nearest to the row's place."""

    wanted: Wanted
    attribute: str


@dataclass(frozen=True, slots=True)
class Of:
    """Another attribute of the entity that a column found."""

    column: str
    attribute: str


@dataclass(frozen=True, slots=True)
class Distance:
    """Metres to the entity that a column found."""

    to: str


@dataclass(frozen=True, slots=True)
class Count:
    """How many entities name the one that a column found; None is the row itself."""

    type_name: str
    by: str
    of: str | None
    smallest: int


Origin = Own | Linked | Via | Within | Nearest | Of | Distance | Count
FINDERS = (Linked, Via, Within, Nearest)


@dataclass(frozen=True, slots=True)
class PlannedColumn:
    """A column: its name, its heading in each language, its unit, and where its values come from."""

    name: str
    title: dict[str, str]
    unit: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Condition:
    """What a column's value has to be: more than, less than, or one of these."""

    column: str
    above: float | None
    below: float | None
    one_of: tuple[str | float, ...] | None


@dataclass(frozen=True, slots=True)
class PlannedFigure:
    """A number over all rows: how many, how many different, or the sum; once for each value of `once_per`."""

    name: str
    title: dict[str, str]
    unit: str
    kind: str
    column: str | None
    where: Condition | None
    once_per: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole answer as declared. `order` is a column and whether the greatest comes first."""

    id: str
    title: dict[str, str]
    description: dict[str, str]
    rows: Wanted
    columns: tuple[PlannedColumn, ...]
    keep: tuple[Condition, ...]
    order: tuple[str, bool] | None
    figures: tuple[PlannedFigure, ...]
    headline: dict[str, str]
    shade: str

    @property
    def types(self) -> frozenset[str]:
        """The types whose entities the answer rests on."""
        return frozenset({self.rows.type_name, *(name for one in self.columns for name in types_of(one.origin))})


def types_of(origin: Origin) -> tuple[str, ...]:
    """Return the types that an origin reads itself, expanded."""
    if isinstance(origin, FINDERS):
        return (origin.wanted.type_name,)
    return (origin.type_name,) if isinstance(origin, Count) else ()


def read_plan(declaration: Mapping[str, Any], city: City) -> Plan:
    """Return the plan of an answer file's content. Raises SourceMisconfigured, naming what is wrong and what is right.

    `city` says which types are public.
    """
    return _Reader(declaration, city).read()


class _Reader:
    """Reads one declaration; every complaint names the answer and the place inside it."""

    def __init__(self, declaration: Mapping[str, Any], city: City) -> None:
        self.declaration = declaration
        self.public_types = city.public_types
        self.id = str(declaration.get("answer", ""))
        self.columns: dict[str, PlannedColumn] = {}

    def fail(self, place: str, message: str) -> NoReturn:
        raise SourceMisconfigured(f"answer '{self.id}', {place}: {message}.")

    def read(self) -> Plan:
        known = ("answer", "title", "description", "rows", "columns", "keep", "order", "headline", "shade")
        top = self.fields(self.declaration, "the file", ("answer", "title", "rows", "columns"), known)
        rows = self.wanted(top["rows"], "rows", ("type", "where", "place"))
        for part in self.parts(top["columns"], "columns", limits.ANSWER_COLUMNS_MAX):
            self.column(part)
        keep = tuple(self.condition(part, "keep") for part in self.parts(top.get("keep", []), "keep", 20))
        headline = self.fields(top.get("headline", {}), "headline", (), ("numbers", "text"))
        figures = tuple(self.figures(headline.get("numbers", {})))
        shade = str(top.get("shade", ""))
        if shade:
            self.known_column(shade, "shade")
        return Plan(
            id=self.id,
            title=self.localized(top["title"], "title"),
            description=self.localized(top.get("description", {}), "description"),
            rows=rows,
            columns=tuple(self.columns.values()),
            keep=keep,
            order=self.order(top["order"]) if "order" in top else None,
            figures=figures,
            headline=self.headline(headline.get("text", {}), figures),
            shade=shade,
        )

    def fields(self, value: Any, place: str, needed: Iterable[str], known: Iterable[str]) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            self.fail(place, f"there is {value!r}; expected `name: value` pairs ({', '.join(known)})")
        for name in value:
            if name not in known:
                near = get_close_matches(str(name), list(known), 1)
                hint = f"did you mean `{near[0]}`?" if near else f"expected one of {', '.join(known)}"
                self.fail(place, f"there is no `{name}` here; {hint}")
        missing = [name for name in needed if name not in value]
        if missing:
            self.fail(place, f"`{missing[0]}` is missing")
        return dict(value)

    def parts(self, value: Any, place: str, most: int) -> list[Any]:
        if not isinstance(value, list):
            self.fail(place, f"there is {value!r}; expected a list")
        if len(value) > most:
            self.fail(place, f"there are {len(value)} entries; expected {most} at most")
        return value

    def localized(self, value: Any, place: str) -> dict[str, str]:
        return {name: str(text) for name, text in self.fields(value, place, (), LANGUAGES).items()}

    def name(self, value: Any, place: str) -> str:
        if not isinstance(value, str) or not value:
            self.fail(place, f"there is {value!r}; expected a name")
        return value

    def term(self, value: Any, place: str) -> str:
        try:
            return CORE.expand(self.name(value, place))
        except HubError as error:
            self.fail(place, error.detail.rstrip("."))

    def wanted(self, value: Any, place: str, known: tuple[str, ...]) -> Wanted:
        parts = self.fields(value, place, ("type",), known)
        type_name = self.term(parts["type"], place)
        if type_name not in self.public_types:
            self.fail(
                place,
                f"`{parts['type']}` is not among the city's public_types, so an answer may count it "
                "(`count:`) and show nothing of it",
            )
        where = self.expression(parts["where"], place) if "where" in parts else None
        return Wanted(type_name, where, self.term(parts.get("place", "location"), place))

    def expression(self, value: Any, place: str) -> Expression:
        try:
            return parse_q(self.name(value, place), CORE.expand)
        except HubError as error:
            self.fail(place, error.detail.rstrip("."))

    def column(self, value: Any) -> None:
        parts = self.fields(value, "columns", ("column",), ("column", "title", "unit", *_ORIGINS))
        name = self.name(parts["column"], "columns")
        place = f"column '{name}'"
        if name in self.columns:
            self.fail(place, "the name is there twice")
        origins = [origin for origin in _ORIGINS if origin in parts]
        if len(origins) != 1:
            self.fail(place, f"it has {len(origins)} origins; expected one of {', '.join(_ORIGINS)}")
        origin = _ORIGINS[origins[0]](self, parts[origins[0]], place)
        title = self.localized(parts.get("title", {}), place) or dict.fromkeys(LANGUAGES, name)
        self.columns[name] = PlannedColumn(name, title, str(parts.get("unit", "")), origin)

    def own(self, value: Any, place: str) -> Own:
        return Own(self.term(value, place))

    def linked(self, value: Any, place: str) -> Linked:
        parts = self.fields(value, place, ("type", "by", "attribute"), ("type", "by", "attribute", "where"))
        return Linked(self.of_type(parts, place), self.term(parts["by"], place), self.term(parts["attribute"], place))

    def via(self, value: Any, place: str) -> Via:
        parts = self.fields(value, place, ("relationship", "type", "attribute"), ("relationship", "type", "attribute"))
        relationship = self.term(parts["relationship"], place)
        return Via(relationship, self.of_type(parts, place), self.term(parts["attribute"], place))

    def within(self, value: Any, place: str) -> Within:
        parts = self.fields(value, place, ("type", "attribute"), ("type", "attribute", "where", "place"))
        return Within(self.of_type(parts, place), self.term(parts["attribute"], place))

    def nearest(self, value: Any, place: str) -> Nearest:
        parts = self.fields(value, place, ("type", "attribute"), ("type", "attribute", "where", "place"))
        return Nearest(self.of_type(parts, place), self.term(parts["attribute"], place))

    def of_type(self, parts: dict[str, Any], place: str) -> Wanted:
        chosen = {name: value for name, value in parts.items() if name in ("type", "where", "place")}
        return self.wanted(chosen, place, ("type", "where", "place"))

    def taken_from(self, value: Any, place: str) -> Of:
        parts = self.fields(value, place, ("column", "attribute"), ("column", "attribute"))
        return Of(self.finder(parts["column"], place), self.term(parts["attribute"], place))

    def distance(self, value: Any, place: str) -> Distance:
        return Distance(self.finder(self.fields(value, place, ("to",), ("to",))["to"], place))

    def count(self, value: Any, place: str) -> Count:
        parts = self.fields(value, place, ("type", "by"), ("type", "by", "of", "smallest"))
        type_name = self.term(parts["type"], place)
        smallest = parts.get("smallest", 0)
        if not isinstance(smallest, int) or isinstance(smallest, bool) or smallest < 0:
            self.fail(place, f"`smallest` is {smallest!r}; expected a whole number")
        if type_name not in self.public_types and smallest < limits.ANSWER_CELL_PEOPLE_MIN:
            self.fail(
                place,
                f"`{parts['type']}` is not public, so a count needs `smallest:` of {limits.ANSWER_CELL_PEOPLE_MIN} "
                "or more: fewer than that are not told",
            )
        of = self.finder(parts["of"], place) if "of" in parts else None
        return Count(type_name, self.term(parts["by"], place), of, smallest)

    def finder(self, value: Any, place: str) -> str:
        """Return the name of an earlier column that found an entity."""
        name = self.name(value, place)
        finders = [column.name for column in self.columns.values() if isinstance(column.origin, FINDERS)]
        if name not in finders:
            expected = ", ".join(finders) or "none is there yet"
            self.fail(place, f"`{name}` is no earlier column that finds an entity; there are: {expected}")
        return name

    def known_column(self, value: Any, place: str) -> str:
        name = self.name(value, place)
        if name not in self.columns:
            self.fail(place, f"there is no column `{name}`; the columns are {', '.join(self.columns)}")
        return name

    def condition(self, value: Any, place: str) -> Condition:
        parts = self.fields(value, place, ("column",), ("column", "above", "below", "one_of"))
        if len(parts) == 1:
            self.fail(place, "a condition needs `above`, `below` or `one_of`")
        one_of = parts.get("one_of")
        return Condition(
            self.known_column(parts["column"], place),
            self.number(parts.get("above"), place),
            self.number(parts.get("below"), place),
            None if one_of is None else tuple(self.parts(one_of, place, 1_000)),
        )

    def number(self, value: Any, place: str) -> float | None:
        if value is not None and (not isinstance(value, int | float) or isinstance(value, bool)):
            self.fail(place, f"there is {value!r}; expected a number")
        return value

    def order(self, value: Any) -> tuple[str, bool]:
        parts = self.fields(value, "order", ("column",), ("column", "direction"))
        direction = parts.get("direction", "ascending")
        if direction not in ("ascending", "descending"):
            self.fail("order", f"`direction` is {direction!r}; expected ascending or descending")
        return self.known_column(parts["column"], "order"), direction == "descending"

    def figures(self, value: Any) -> Iterator[PlannedFigure]:
        kinds = ("count", "distinct", "sum")
        names = value if isinstance(value, Mapping) else self.fields(value, "headline", (), ())
        for name, wanted in names.items():
            place = f"number '{name}'"
            parts = self.fields(wanted, place, (), ("title", "unit", "where", "once_per", *kinds))
            chosen = [kind for kind in kinds if kind in parts]
            if len(chosen) != 1:
                self.fail(place, f"it has {len(chosen)} kinds; expected one of {', '.join(kinds)}")
            kind = chosen[0]
            once_per = self.known_column(parts["once_per"], place) if "once_per" in parts else None
            yield PlannedFigure(
                name=str(name),
                title=self.localized(parts.get("title", {}), place),
                unit=str(parts.get("unit", "")),
                kind=kind,
                column=None if kind == "count" else self.known_column(parts[kind], place),
                where=self.condition(parts["where"], place) if "where" in parts else None,
                once_per=once_per,
            )

    def headline(self, value: Any, figures: tuple[PlannedFigure, ...]) -> dict[str, str]:
        texts = self.localized(value, "headline")
        names = {figure.name for figure in figures}
        for text in texts.values():
            for name in NUMBER.findall(text):
                if name not in names:
                    self.fail("headline", f"there is no number `{name}`; the numbers are {', '.join(sorted(names))}")
        return texts


NUMBER = re.compile(r"\{(\w+)\}")

_ORIGINS: dict[str, Callable[[_Reader, Any, str], Origin]] = {
    "attribute": _Reader.own,
    "linked": _Reader.linked,
    "via": _Reader.via,
    "within": _Reader.within,
    "nearest": _Reader.nearest,
    "from": _Reader.taken_from,
    "distance": _Reader.distance,
    "count": _Reader.count,
}
