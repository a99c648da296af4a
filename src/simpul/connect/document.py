"""YAML as a tree that remembers where each value was written. No knowledge of what a declaration means.

The scalars are those of YAML 1.2: only `true` and `false` are booleans, so that a column may be called `no`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml

from simpul import limits

Scalar = str | int | float | bool | None

_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_STRING_TAG = "tag:yaml.org,2002:str"


class Place(NamedTuple):
    """Where something was written. Line and column count from 1; 0 where the text is not at hand."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class Problem(NamedTuple):
    """One thing that is wrong in a declaration, for a person."""

    place: Place
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


@dataclass(frozen=True, slots=True)
class Node:
    """One value with its place: a scalar, a list of nodes or a mapping of nodes. `text` is a scalar as written."""

    place: Place
    value: Scalar | list[Node] | dict[str, Node]
    text: str = ""
    key_places: dict[str, Place] = field(default_factory=dict)

    def find(self, *path: str) -> Node | None:
        """Return the node below, or None."""
        node: Node | None = self
        for name in path:
            if node is None or not isinstance(node.value, dict):
                return None
            node = node.value.get(name)
        return node

    def place_of(self, *path: str) -> Place:
        """Return the place of the nearest node on the way there."""
        node = self
        for name in path:
            below = node.find(name)
            if below is None:
                break
            node = below
        return node.place

    def plain(self) -> Any:
        """Return the value without places."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


class _Refusal(Exception):
    """The text is no acceptable YAML; carries the problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def read_document(text: str, file: str) -> tuple[Node | None, list[Problem]]:
    """Return the document's tree and what is wrong with its form. The tree is None where it cannot be used."""
    if len(text) > limits.DECLARATION_BYTES_MAX:
        return None, [Problem(Place(file), f"the file is larger than {limits.DECLARATION_BYTES_MAX} bytes")]
    try:
        # The pure Python loader: libyaml's marks count some characters twice, and these files are small.
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        return None, [_describe(error, file)]
    except yaml.reader.ReaderError as error:
        message = f"the character #x{error.character:04x} is not allowed in YAML; save the file as plain UTF-8 text"
        return None, [Problem(_place_of_offset(text, error.position, file), message)]
    if root is None:
        return None, [Problem(Place(file, 1, 1), "the file is empty")]
    reading = _Reading(file)
    try:
        return reading.convert(root), reading.problems
    except _Refusal as refusal:
        return None, [*reading.problems, refusal.problem]


def from_plain(value: Any, file: str) -> Node:
    """Return a tree over values that have no text any more: an applied declaration."""
    place = Place(file)
    if isinstance(value, dict):
        return Node(place, {str(key): from_plain(below, file) for key, below in value.items()})
    if isinstance(value, list | tuple):
        return Node(place, [from_plain(below, file) for below in value])
    return Node(place, value, _written(value))


def _written(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


class _Reading:
    """Turns PyYAML's nodes into ours, and collects duplicate keys on the way."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.nodes = 0

    def convert(self, node: yaml.Node, depth: int = 0) -> Node:
        place = self._place(node)
        self.nodes += 1
        if self.nodes > limits.DECLARATION_NODES_MAX:
            message = f"the file has more than {limits.DECLARATION_NODES_MAX} values (aliases count each time)"
            raise _Refusal(Problem(place, message))
        if depth > limits.NESTING_DEPTH_MAX:
            raise _Refusal(Problem(place, f"values are nested deeper than {limits.NESTING_DEPTH_MAX} levels"))
        if isinstance(node, yaml.ScalarNode):
            return Node(place, self._scalar(node), node.value)
        if isinstance(node, yaml.SequenceNode):
            return Node(place, [self.convert(below, depth + 1) for below in node.value])
        return self._mapping(node, place, depth)

    def _mapping(self, node: yaml.Node, place: Place, depth: int) -> Node:
        members: dict[str, Node] = {}
        key_places: dict[str, Place] = {}
        for key_node, value_node in node.value:
            key_place = self._place(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                raise _Refusal(Problem(key_place, "a key must be plain text, not a list or a mapping"))
            key = key_node.value
            if key == "<<":
                raise _Refusal(Problem(key_place, "merge keys (<<) are not supported; write the keys out"))
            if key in members:
                first = key_places[key].line
                self.problems.append(Problem(key_place, f"the key {key!r} is there twice (first in line {first})"))
                continue
            key_places[key] = key_place
            members[key] = self.convert(value_node, depth + 1)
        return Node(place, members, key_places=key_places)

    def _scalar(self, node: yaml.ScalarNode) -> Scalar:
        text: str = node.value
        # A style (quotes, | or >) or an explicit !!str makes it text, whatever it looks like.
        if node.style is not None or (node.tag == _STRING_TAG and text[:1] == "!"):
            return text
        if text in ("", "~", "null", "Null", "NULL"):
            return None
        if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
            return text.lower() == "true"
        if _INTEGER.match(text) and len(text) <= 18:
            return int(text)
        if _NUMBER.match(text):
            return float(text)
        return text

    def _place(self, node: yaml.Node) -> Place:
        mark = node.start_mark
        return Place(self.file, mark.line + 1, mark.column + 1)


def _describe(error: yaml.MarkedYAMLError, file: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file)
    message = (error.problem or "this is not YAML").strip()
    if "\\t" in message or "'\\t'" in message:
        message = "a tab cannot indent YAML; use spaces"
    elif "mapping values are not allowed" in message:
        message = "a colon is not expected here; put text that holds ': ' in quotes, or check the indentation"
    elif "undefined alias" in message:
        message = f"{message}; put text that begins with * in quotes"
    elif "%" in message or "cannot start any token" in message:
        message = f"{message}; put the text in quotes"
    return Problem(place, f"the YAML is not well-formed: {message}")


def _place_of_offset(text: str, offset: int, file: str) -> Place:
    before = text[:offset]
    return Place(file, before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)
