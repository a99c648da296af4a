"""What a declaration may contain: shapes of values, each of which reads a node and describes itself as JSON Schema.

Reading gives plain values in one normal form (a list where one or many are allowed, both languages where one text
is), or None after noting a problem. No meaning beyond one value here: that is `source.py` and `city.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, Protocol

from simpul.connect.document import Node, Problem

Problems = list[Problem]
Schema = dict[str, Any]
Plain = dict[str, Any]


_LISTED_MAX: Final = 40


class Shape(Protocol):
    """What one value may be."""

    def read(self, node: Node, problems: Problems) -> Any:
        """Return the value in its normal form, or None after adding to `problems`."""

    def schema(self) -> Schema:
        """Return the shape as JSON Schema (2020-12)."""


def suggest(wrong: str, known: Iterable[str]) -> str:
    """Return `; did you mean …?` for a near miss, or nothing."""
    near = find_near(wrong, known)
    return "" if near is None else f"; did you mean {near!r}?"


def suggest_or_end(wrong: str, known: Iterable[str]) -> str:
    """Return what ends the sentence that something is not there: `; did you mean …?` for a near miss, or its dot."""
    return suggest(wrong, known) or "."


def suggest_or_list(wrong: str, known: Iterable[str]) -> str:
    """Return `; did you mean …?` for a near miss, or what there is, as the end of a problem."""
    names = list(known)
    return suggest(wrong, names) or (f"; there are: {', '.join(names[:_LISTED_MAX])}" if names else "; there are none")


def find_near(wrong: str, known: Iterable[str]) -> str | None:
    """Return the known word that is nearly this one, or None."""
    by_folded = {name.casefold(): name for name in known}
    near = get_close_matches(wrong.casefold(), list(by_folded), n=1, cutoff=0.6)
    return by_folded[near[0]] if near else None


def describe(node: Node) -> str:
    """Return what the node is, in the words of a message."""
    if isinstance(node.value, dict):
        return "a mapping"
    if isinstance(node.value, list):
        return "a list"
    return "nothing" if node.value is None else repr(node.text)


@dataclass(frozen=True, slots=True)
class Text:
    """Text, taken as it is written: `13.10` stays `13.10`. `check` returns what would be right, or None."""

    meaning: str = "text"
    check: Callable[[str], str | None] | None = None
    pattern: str | None = None

    def read(self, node: Node, problems: Problems) -> str | None:
        if isinstance(node.value, dict | list) or node.value is None:
            problems.append(Problem(node.place, f"expected {self.meaning}, found {describe(node)}"))
            return None
        if self.pattern is not None and not re.fullmatch(self.pattern, node.text):
            problems.append(Problem(node.place, f"{node.text!r} is not {self.meaning}"))
            return None
        wrong = self.check(node.text) if self.check else None
        if wrong is not None:
            problems.append(Problem(node.place, wrong))
            return None
        return node.text

    def schema(self) -> Schema:
        schema: Schema = {"type": ["string", "number", "boolean"] if self.pattern is None else ["string", "number"]}
        if self.pattern is not None:
            schema["pattern"] = f"^(?:{self.pattern})$"
        return schema


@dataclass(frozen=True, slots=True)
class Localized:
    """A text for people: `{id: …, en: …}`, or one text for both languages."""

    def read(self, node: Node, problems: Problems) -> dict[str, str] | None:
        if isinstance(node.value, dict):
            return _LANGUAGES.read(node, problems)
        text = Text("text, or {id: …, en: …}").read(node, problems)
        return None if text is None else {"id": text, "en": text}

    def schema(self) -> Schema:
        return {"oneOf": [{"type": "string"}, _LANGUAGES.schema()]}


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number within bounds."""

    least: int
    most: int

    def read(self, node: Node, problems: Problems) -> int | None:
        value = node.value
        if isinstance(value, bool) or not isinstance(value, int) or not self.least <= value <= self.most:
            expected = f"a whole number from {self.least} to {self.most}"
            problems.append(Problem(node.place, f"expected {expected}, found {describe(node)}"))
            return None
        return value

    def schema(self) -> Schema:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True, slots=True)
class Number:
    """A number."""

    def read(self, node: Node, problems: Problems) -> float | int | None:
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            problems.append(Problem(node.place, f"expected a number, found {describe(node)}"))
            return None
        return node.value

    def schema(self) -> Schema:
        return {"type": "number"}


@dataclass(frozen=True, slots=True)
class Boolean:
    """`true` or `false`."""

    def read(self, node: Node, problems: Problems) -> bool | None:
        if not isinstance(node.value, bool):
            problems.append(Problem(node.place, f"expected true or false, found {describe(node)}"))
            return None
        return node.value

    def schema(self) -> Schema:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    def read(self, node: Node, problems: Problems) -> str | None:
        if node.text in self.words and not isinstance(node.value, dict | list):
            return node.text
        hint = suggest(node.text, self.words) if node.text else ""
        problems.append(Problem(node.place, f"expected one of {', '.join(self.words)}, found {describe(node)}{hint}"))
        return None

    def schema(self) -> Schema:
        return {"enum": list(self.words)}


@dataclass(frozen=True, slots=True)
class Anything:
    """Any YAML value, passed on as it is."""

    def read(self, node: Node, problems: Problems) -> Any:  # noqa: ARG002 - Nothing can be wrong with anything.
        return node.plain()

    def schema(self) -> Schema:
        return {}


@dataclass(frozen=True, slots=True)
class Value:
    """A value as it may stand in a cell: text, a number or a boolean."""

    def read(self, node: Node, problems: Problems) -> str | int | float | bool | None:
        if isinstance(node.value, dict | list) or node.value is None:
            problems.append(Problem(node.place, f"expected a value, found {describe(node)}"))
            return None
        return node.value

    def schema(self) -> Schema:
        return {"type": ["string", "number", "boolean"]}


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of one shape."""

    item: Shape
    least: int = 0
    most: int = 10_000

    def read(self, node: Node, problems: Problems) -> list[Any] | None:
        if not isinstance(node.value, list):
            problems.append(Problem(node.place, f"expected a list, found {describe(node)}"))
            return None
        if not self.least <= len(node.value) <= self.most:
            expected = f"{self.least}" if self.least == self.most else f"{self.least} to {self.most}"
            problems.append(Problem(node.place, f"expected {expected} values, found {len(node.value)}"))
            return None
        return [self.item.read(below, problems) for below in node.value]

    def schema(self) -> Schema:
        return {"type": "array", "items": self.item.schema(), "minItems": self.least, "maxItems": self.most}


@dataclass(frozen=True, slots=True)
class OneOrMany:
    """One value, or a list of them; read as a list."""

    item: Shape

    def read(self, node: Node, problems: Problems) -> list[Any] | None:
        if isinstance(node.value, list):
            return ListOf(self.item, least=1).read(node, problems)
        value = self.item.read(node, problems)
        return None if value is None else [value]

    def schema(self) -> Schema:
        return {"oneOf": [self.item.schema(), ListOf(self.item, least=1).schema()]}


@dataclass(frozen=True, slots=True)
class MappingOf:
    """Names that the author chooses, each with one shape."""

    item: Shape
    what: str = "a mapping"
    least: int = 0
    key: Callable[[str], str | None] | None = None

    def read(self, node: Node, problems: Problems) -> dict[str, Any] | None:
        if not isinstance(node.value, dict):
            problems.append(Problem(node.place, f"expected {self.what}, found {describe(node)}"))
            return None
        if len(node.value) < self.least:
            problems.append(Problem(node.place, f"expected {self.what} with at least {self.least} entry"))
        for name in node.value:
            wrong = self.key(name) if self.key else None
            if wrong is not None:
                problems.append(Problem(node.key_places.get(name, node.place), wrong))
        return {name: self.item.read(below, problems) for name, below in node.value.items()}

    def schema(self) -> Schema:
        return {"type": "object", "additionalProperties": self.item.schema(), "minProperties": self.least}


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a mapping: its shape, whether it must be there, and what it means."""

    name: str
    shape: Shape
    doc: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping with known keys."""

    what: str
    fields: tuple[Field, ...]

    def read(self, node: Node, problems: Problems) -> Plain | None:
        if not isinstance(node.value, dict):
            problems.append(Problem(node.place, f"expected {self.what} (a mapping), found {describe(node)}"))
            return None
        known = self.by_name()
        meant: set[str | None] = set()
        for name, below in node.value.items():
            if name not in known:
                place = node.key_places.get(name, below.place)
                problems.append(Problem(place, unknown_key(name, self.what, known)))
                meant.add(find_near(name, known))
        plain: Plain = {}
        for field in self.fields:
            found = node.value.get(field.name)
            if found is not None:
                value = field.shape.read(found, problems)
                if value is not None:
                    plain[field.name] = value
            elif field.required and field.name not in meant:
                problems.append(Problem(node.place, f"{self.what} needs {field.name!r}: {field.doc}"))
        return plain

    def by_name(self) -> dict[str, Field]:
        return {field.name: field for field in self.fields}

    def schema(self) -> Schema:
        schema: Schema = {
            "type": "object",
            "properties": {field.name: {**field.shape.schema(), "description": field.doc} for field in self.fields},
            "additionalProperties": False,
        }
        required = [field.name for field in self.fields if field.required]
        return {**schema, "required": required} if required else schema


def unknown_key(name: str, what: str, known: Iterable[str]) -> str:
    """Return the message about a key that is not known: the nearest one, or all of them."""
    names = list(known)
    return f"{what} has no key {name!r}{suggest(name, names) or '; it knows ' + ', '.join(names)}"


_LANGUAGES = Fields(
    "a text in two languages",
    (
        Field("id", Text(), "the Indonesian text", required=True),
        Field("en", Text(), "the English text", required=True),
    ),
)
