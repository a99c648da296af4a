"""The NGSI-LD query language (CIM 009 §4.9): its expression tree and its parser. No matching here (`match.py`).

Names in the tree are expanded IRIs; `parse_q` is given the function that expands them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class Operator(Enum):
    """The comparison operators of CIM 009 §4.9."""

    EQUAL = "=="
    UNEQUAL = "!="
    GREATER = ">"
    GREATER_EQUAL = ">="
    LESS = "<"
    LESS_EQUAL = "<="
    MATCH = "~="
    NOT_MATCH = "!~="


@dataclass(frozen=True, slots=True)
class Path:
    """What is compared: `attribute.sub.sub[member.member]`, or an attribute of a linked entity.

    `attributes` are the expanded IRIs of the attribute and its sub-attributes, or core members such as
    `observedAt`, `unitCode`, `datasetId`, `createdAt`, `modifiedAt`. `members` is the trailing path inside a
    JSON value, language map or vocabulary, as written. `linked` is the rest after a `{Type}` hop, else None.
    """

    attributes: tuple[str, ...]
    members: tuple[str, ...] = ()
    linked_types: tuple[str, ...] = ()
    linked: Path | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """A date, time or date-time literal. `start` is its first instant, in UTC; `text` is as written."""

    text: str
    start: datetime | None


@dataclass(frozen=True, slots=True)
class Uri:
    """An unquoted literal that is neither number, boolean nor date: a URI, or a vocabulary or bare word."""

    text: str
    expanded: str


Operand = str | float | int | bool | Moment | Uri


@dataclass(frozen=True, slots=True)
class Between:
    """`low..high`, both ends included."""

    low: Operand
    high: Operand


@dataclass(frozen=True, slots=True)
class Exists:
    """The path is there, whatever its value."""

    path: Path


@dataclass(frozen=True, slots=True)
class Compare:
    """`path operator values`; more than one value only with `==` and `!=` (any of them, none of them).

    For `~=` and `!~=` the one value is the pattern's text, already checked to be a bounded regular expression.
    """

    path: Path
    operator: Operator
    values: tuple[Operand | Between, ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """`;`: every part holds."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """`|`: at least one part holds."""

    parts: tuple[Expression, ...]


Expression = Exists | Compare | AllOf | AnyOf
