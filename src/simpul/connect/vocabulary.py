"""The words of a mapping: what an attribute and a skipped row may say. Shapes and checks only; no rows here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from simpul.connect.document import Node, Problem
from simpul.connect.fields import (
    Anything,
    Boolean,
    Choice,
    Field,
    Fields,
    ListOf,
    MappingOf,
    Number,
    OneOrMany,
    Plain,
    Problems,
    Schema,
    Text,
    Value,
    describe,
)
from simpul.connect.template import check_template, check_uri_template

ORIGINS: Final = ("column", "constant", "template", "relationship", "point", "geometry", "languages", "object")
_EVERYWHERE = frozenset({"observed_at", "measured", "with"})
_REFINEMENTS: Final[dict[str, frozenset[str]]] = {
    "column": _EVERYWHERE
    | {"number", "date", "boolean", "map", "otherwise", "unknown", "text", "case", "split", "unit"},
    "constant": _EVERYWHERE | {"unit"},
    "template": _EVERYWHERE | {"case"},
    "relationship": _EVERYWHERE | {"split", "unknown"},
    "point": _EVERYWHERE | {"number", "unknown"},
    "geometry": _EVERYWHERE,
    "languages": _EVERYWHERE | {"case"},
    "object": _EVERYWHERE | {"unit"},
}
RESERVED: Final = frozenset({"id", "type", "scope", "@context", "@id", "@type", "createdAt", "modifiedAt", "deletedAt"})


def check_expression(text: str) -> str | None:
    """Return what is wrong with a regular expression, or None."""
    try:
        re.compile(text)
    except re.error as error:
        return f"{text!r} is not a regular expression: {error}"
    return None


def check_date_format(text: str) -> str | None:
    """Return what is wrong with a date format, or None."""
    if text == "iso":
        return None
    sample = datetime(2015, 5, 31, 10, 20, 30, tzinfo=UTC)
    try:
        found = datetime.strptime(sample.strftime(text), text)  # noqa: DTZ007 - Only tries the format out.
    except ValueError as error:
        return f"{text!r} is not a date format ({error}); write, for example, %d/%m/%Y or iso"
    if (found.year, found.month) != (sample.year, sample.month):
        return f"the date format {text!r} does not say year and month; write, for example, %d/%m/%Y"
    return None


def check_attribute_name(name: str) -> str | None:
    """Return what is wrong with the name of an attribute, or None."""
    if name in RESERVED:
        return f"an attribute cannot be called {name!r}: that name has a meaning of its own in NGSI-LD"
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*|[A-Za-z][A-Za-z0-9+.-]*:\S+", name):
        return f"{name!r} is no attribute name; use letters, digits and _, such as {_camel(name)!r}, or a whole IRI"
    return None


def _camel(name: str) -> str:
    words: list[str] = re.findall(r"[A-Za-z0-9]+", name) or ["name"]
    return words[0].lower() + "".join(word.capitalize() for word in words[1:])


COLUMN: Final = Text("the name of a column")
EXPRESSION: Final = Text("a regular expression", check=check_expression)
DATE: Final = OneOrMany(Text("a date format", check=check_date_format))
NUMBER_FORM: Final = Choice(("plain", "indonesian"))

OBSERVED_AT: Final = Fields("observed_at", (
    Field("column", COLUMN, "the column with the moment", required=True),
    Field("date", DATE, "its form: `iso`, or as `%d/%m/%Y %H:%M`"),
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class ObservedAt:
    """A column's name, or `{column: …, date: …}`."""

    def read(self, node: Node, problems: Problems) -> Plain | None:
        if isinstance(node.value, dict):
            return OBSERVED_AT.read(node, problems)
        column = COLUMN.read(node, problems)
        return None if column is None else {"column": column}

    def schema(self) -> Schema:
        return {"oneOf": [{"type": "string"}, OBSERVED_AT.schema()]}


@dataclass(frozen=True, slots=True)
class Attribute:
    """Where an attribute's value comes from: a column's name, or one origin with refinements."""

    def read(self, node: Node, problems: Problems) -> Plain | None:
        if not isinstance(node.value, dict):
            column = COLUMN.read(node, problems)
            return None if column is None else {"column": column}
        plain = ATTRIBUTE.read(node, problems) or {}
        origins = [name for name in ORIGINS if name in node.value]
        if not origins and not ATTRIBUTE.by_name().keys() >= node.value.keys():
            # The unknown key, which is told already, is probably the origin.
            return None
        if len(origins) != 1:
            found = " and ".join(origins) if origins else f"none (it has {', '.join(node.value) or 'nothing'})"
            expected = ", ".join(ORIGINS)
            problems.append(Problem(node.place, f"an attribute needs exactly one of {expected}; found {found}"))
            return None
        if origins[0] not in plain:
            self._note_nothing(node.value[origins[0]], origins[0], problems)
            return None
        self._check_refinements(node, origins[0], problems)
        return plain

    def _note_nothing(self, node: Node, origin: str, problems: Problems) -> None:
        if node.value is None and origin == "constant":
            problems.append(Problem(node.place, "a constant needs a value; leave the attribute out instead of null"))

    def _check_refinements(self, node: Node, origin: str, problems: Problems) -> None:
        allowed = _REFINEMENTS[origin]
        members = node.value if isinstance(node.value, dict) else {}
        known = ATTRIBUTE.by_name()
        for name in members:
            if name != origin and name not in allowed and name in known:
                message = f"{name!r} cannot refine {origin!r}; that takes {', '.join(sorted(allowed))}"
                problems.append(Problem(node.key_places.get(name, node.place), message))
        forms = [name for name in ("number", "date", "boolean", "text", "case") if name in members]
        if len(forms) > 1 and set(forms) != {"text", "case"}:
            problems.append(Problem(node.key_places.get(forms[1], node.place), f"choose one of {' and '.join(forms)}"))
        if "otherwise" in members and "map" not in members:
            problems.append(Problem(node.key_places.get("otherwise", node.place), "'otherwise' belongs to a 'map'"))

    def schema(self) -> Schema:
        return {"$ref": "#/$defs/attribute"}


_ATTRIBUTE = Attribute()

ATTRIBUTES: Final = MappingOf(
    _ATTRIBUTE, "attributes (name: where its value comes from)", least=1, key=check_attribute_name
)

ATTRIBUTE: Final = Fields("an attribute", (
    Field("column", COLUMN, "the column whose value it is"),
    Field("constant", Anything(), "the same value for every row"),
    Field("template", Text("a template", check=check_template), "text with {column} in it"),
    Field("relationship", Text("a template", check=check_uri_template), "another entity's URI, with {column} in it"),
    Field("point", Fields("a point", (
        Field("longitude", COLUMN, "the column with degrees east", required=True),
        Field("latitude", COLUMN, "the column with degrees north", required=True),
    )), "a place from two columns"),
    Field("geometry", COLUMN, "a column that holds GeoJSON or WKT; `@geometry` in a geo source"),
    Field("languages", MappingOf(COLUMN, "languages (code: column)", least=1), "one text in several languages"),
    Field("object", MappingOf(_ATTRIBUTE, "members (name: where from)", least=1), "a value with members"),
    Field("number", NUMBER_FORM, "read it as a number: `1234.5` (plain) or `1.234,5` (indonesian)"),
    Field("date", DATE, "read it as a date: `iso`, or as `%d/%m/%Y`; a list tries each"),
    Field("boolean", Fields("boolean", (
        Field("when_true", OneOrMany(Value()), "the words that mean true", required=True),
        Field("when_false", OneOrMany(Value()), "the words that mean false", required=True),
    )), "read it as true or false"),
    Field("map", MappingOf(Anything(), "a mapping (in the column: in the hub)", least=1), "look the value up"),
    Field("otherwise", Choice(("reject", "keep", "omit")), "what to do with a value that `map` does not have"),
    Field("unknown", OneOrMany(Value()), "values that mean: not known; the attribute is left out"),
    Field("text", Boolean(), "keep it as text, digits too"),
    Field("case", Choice(("upper", "lower", "title")), "change the case of text"),
    Field("split", Text("the text between parts"), "the column holds several values, with this between them"),
    Field("unit", Text("a UN/CEFACT code"), "unitCode (UN/CEFACT), such as MMT for millimetre"),
    Field("observed_at", ObservedAt(), "when the value was true"),
    Field("measured", Boolean(), "whether it takes the entity's observed_at (default: when it is a number)"),
    Field("with", ATTRIBUTES, "attributes of this attribute"),
))  # fmt: skip

SKIP: Final = Fields("a skip", (
    Field("column", COLUMN, "the column to look at", required=True),
    Field("is", OneOrMany(Value()), "the row is skipped when the value is one of these"),
    Field("matches", EXPRESSION, "the row is skipped when this regular expression finds something"),
    Field("empty", Boolean(), "true: the row is skipped when the cell is empty"),
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Area:
    """`city`, or west, south, east, north."""

    def read(self, node: Node, problems: Problems) -> str | list[float] | None:
        if node.text == "city":
            return "city"
        if not isinstance(node.value, list):
            problems.append(Problem(node.place, f"expected city or [west, south, east, north], found {describe(node)}"))
            return None
        box = ListOf(Number(), least=4, most=4).read(node, problems)
        if box is None or None in box:
            return None
        return checked_bounds(box, node, problems)

    def schema(self) -> Schema:
        return {"oneOf": [{"const": "city"}, ListOf(Number(), 4, 4).schema()]}


def checked_bounds(box: list[float], node: Node, problems: Problems) -> list[float] | None:
    """Return the box, or None after saying why it is none on this earth."""
    west, south, east, north = box
    if -180 <= west < east <= 180 and -90 <= south < north <= 90:
        return box
    problems.append(Problem(node.place, f"{box} is no area; write [west, south, east, north] in degrees"))
    return None


@dataclass(frozen=True, slots=True)
class Skip:
    """A row that is no record."""

    def read(self, node: Node, problems: Problems) -> Plain | None:
        plain = SKIP.read(node, problems)
        if plain is not None and not {"is", "matches", "empty"}.intersection(plain):
            problems.append(Problem(node.place, "a skip needs 'is', 'matches' or 'empty'"))
        return plain

    def schema(self) -> Schema:
        return SKIP.schema()
