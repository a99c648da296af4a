r"""The NGSI-LD query language (CIM 009 §4.9): its expression tree and its parser. No matching here (`match.py`).

Names in the tree are expanded IRIs; `parse_q` is given the function that expands them. The selections of types
(§4.17) and scopes (§4.19) are parsed here too. What the grammar leaves open is settled so:

- White space may stand between the parts, never inside a name or an unquoted value.
- A quoted value is a JSON string and may hold any character. Of an unquoted one, `true` and `false` are booleans,
  JSON numbers are numbers, dates, times and date-times are moments, and everything else is a URI or a bare word;
  it ends at `;`, `|`, `)`, `,`, `..` or white space.
- A pattern (`~=`) is the text as written, in double quotes or bare. Between quotes only `\"` is special. A bare
  one ends at the first `;`, `|` or `)` that is not inside its own brackets.
- A name may be an IRI. Its dots up to the last `/` or `#` belong to it; those after it separate sub-attributes.
- `relationship{Type:attribute}` asks about the linked entity, `{attribute}` about one of any type.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from enum import Enum
from functools import lru_cache
from typing import NoReturn

from simpul.domain.errors import BadRequestData, TooComplexQuery
from simpul.domain.pattern import compile_pattern as compile_pattern
from simpul.domain.pattern import matches_pattern as matches_pattern
from simpul.domain.query import ScopeSelection, TypeSelection
from simpul.limits import Q_CHARACTERS_MAX, Q_DEPTH_MAX, Q_TERMS_MAX


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
    """An unquoted literal that is neither number, boolean nor date: a URI, or a vocabulary or bare word.

    `expanded` is another text only where `expandValues` names the attribute that it is compared with.
    """

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


def names_in(expression: Expression) -> frozenset[str]:
    """Return the first name of every path in the expression: attributes, or times of the entity itself."""
    if isinstance(expression, AllOf | AnyOf):
        return frozenset().union(*map(names_in, expression.parts))
    return frozenset({expression.path.attributes[0]})


def linked_depth(expression: Expression) -> int:
    """Return how many relationships the expression follows, one after the other, to what it asks about."""
    if isinstance(expression, AllOf | AnyOf):
        return max(map(linked_depth, expression.parts))
    depth, path = 0, expression.path
    while path.linked is not None:
        depth, path = depth + 1, path.linked
    return depth


def names_attribute(expression: Expression) -> bool:
    """Return whether the expression asks about an attribute of the entity's own, not about system times alone."""
    if isinstance(expression, AllOf | AnyOf):
        return any(map(names_attribute, expression.parts))
    return expression.path.attributes[0] not in CORE_MEMBERS


# Members of an instance that keep their short name in memory, and so in a path.
CORE_MEMBERS = frozenset(
    {"observedAt", "createdAt", "modifiedAt", "deletedAt", "unitCode", "datasetId", "objectType", "valueType"}
)

_NOT_ATTRIBUTES = {
    "id": "use the parameter `id` or `idPattern`",
    "@id": "use the parameter `id` or `idPattern`",
    "type": "use the parameter `type`",
    "@type": "use the parameter `type`",
    "scope": "use the parameter `scopeQ`",
}
_OPERATORS = ("!~=", "~=", "==", "!=", ">=", "<=", ">", "<")
_EQUALITY = frozenset({Operator.EQUAL, Operator.UNEQUAL})
_PATTERNS = frozenset({Operator.MATCH, Operator.NOT_MATCH})
_NAME = re.compile(r"""[^\s=!<>~;|()\[\]{},"]+""")
_BARE = re.compile(r"""(?:(?!\.\.)[^\s;|(),"])+""")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATE_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:[.,]([0-9]{1,9}))?(Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_TIME = re.compile(r"([0-9]{2}:[0-9]{2}:[0-9]{2})(?:[.,]([0-9]{1,9}))?Z?")
_JSON = json.JSONDecoder(strict=False)
_INTEGER_MAX = 2**63


@lru_cache(maxsize=4096)
def find_instant(text: str) -> datetime | None:
    """Return the first instant of a date or date-time, in UTC; None where the text is neither.

    A date-time without a zone is in UTC, as CIM 009 §4.6.3 has every date-time.
    """
    found = _DATE_TIME.fullmatch(text)
    if found is None and not _DATE.fullmatch(text):
        return None
    try:
        if found is None:
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
        seconds, fraction, zone = found.groups()
        return datetime.fromisoformat(f"{seconds}.{(fraction or '0'):0<6.6}{zone or 'Z'}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=1024)
def find_time_of_day(text: str) -> time | None:
    """Return the time of day that the text is, or None."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    try:
        return time.fromisoformat(f"{found[1]}.{(found[2] or '0'):0<6.6}")
    except ValueError:
        return None


# The most frequent question of all, one attribute against one number, needs no descent: 3 µs instead of 30.
_NUMBER_COMPARED = re.compile(
    r"([A-Za-z][A-Za-z0-9_]{0,63})(==|!=|>=|<=|>|<)(-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?)\Z"
)


def parse_q(text: str, expand: Callable[[str], str], *, expand_values: Collection[str] = ()) -> Expression:
    """Return the expression that `q` says. Raises BadRequestData, TooComplexQuery.

    `expand_values` are the names in the parameter `expandValues`: text compared with them is expanded.
    """
    if len(text) > Q_CHARACTERS_MAX:
        raise TooComplexQuery(
            f"`q` has {len(text)} characters; this hub answers up to {Q_CHARACTERS_MAX}. Ask in several requests."
        )
    simple = _NUMBER_COMPARED.match(text)
    if simple is not None and simple[1] not in CORE_MEMBERS and simple[1] not in _NOT_ATTRIBUTES:
        name, sign, digits = simple.groups()
        number = float(digits) if "." in digits else int(digits)
        return Compare(Path((expand(name),)), Operator(sign), (number,))
    return _QParser(text, expand, frozenset(map(expand, expand_values))).parse()


class _Scanner:
    """A place in a text, with what both grammars need to move it."""

    def __init__(self, text: str, parameter: str) -> None:
        self.text = text
        self.parameter = parameter
        self.at = 0
        self.terms = 0
        try:
            text.encode()
        except UnicodeEncodeError as error:
            self.at = error.start
            self.fail("a character that exists in Unicode; this is half a surrogate pair")

    def fail(self, expected: str) -> NoReturn:
        found = self.text[self.at : self.at + 20]
        what = f"`{found}`" if found else "the end"
        raise BadRequestData(
            f"`{self.parameter}` cannot be read at character {self.at + 1}: found {what}, expected {expected}."
        )

    def skip(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def take(self, *tokens: str) -> str | None:
        """Move past white space and the first of the tokens that is here, and return it."""
        self.skip()
        for token in tokens:
            if self.text.startswith(token, self.at):
                self.at += len(token)
                return token
        return None

    def take_match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        self.skip()
        found = pattern.match(self.text, self.at)
        if found is not None:
            self.at = found.end()
        return found

    def count_term(self) -> None:
        self.terms += 1
        if self.terms > Q_TERMS_MAX:
            raise TooComplexQuery(
                f"`{self.parameter}` has more than {Q_TERMS_MAX} conditions and values. Ask in several requests."
            )

    def raise_if_deeper(self, depth: int) -> None:
        if depth > Q_DEPTH_MAX:
            raise TooComplexQuery(f"`{self.parameter}` is nested more than {Q_DEPTH_MAX} levels deep.")


class _QParser(_Scanner):
    """Recursive descent over the grammar of §4.9; `;` binds more tightly than `|`."""

    def __init__(self, text: str, expand: Callable[[str], str], expand_values: frozenset[str]) -> None:
        super().__init__(text, "q")
        self.expand = expand
        self.expand_values = expand_values

    def parse(self) -> Expression:
        expression = self.any_of(0)
        self.skip()
        if self.at < len(self.text):
            self.fail("`;` (and), `|` (or) or the end; text with spaces or special characters needs double quotes")
        return expression

    def any_of(self, depth: int) -> Expression:
        parts = [self.all_of(depth)]
        while self.take("|"):
            parts.append(self.all_of(depth))
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def all_of(self, depth: int) -> Expression:
        parts = [self.term(depth)]
        while self.take(";"):
            parts.append(self.term(depth))
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def term(self, depth: int) -> Expression:
        self.raise_if_deeper(depth)
        if self.take("("):
            inside = self.any_of(depth + 1)
            if not self.take(")"):
                self.fail("`)`, `;` or `|`")
            return inside
        self.count_term()
        path = self.path(0)
        sign = self.take(*_OPERATORS)
        if sign is None:
            self.skip()
            if self.at < len(self.text) and self.text[self.at] not in ";|)":
                self.fail(f"an operator ({' '.join(_OPERATORS)}), `;`, `|` or the end")
            return Exists(path)
        operator = Operator(sign)
        if operator in _PATTERNS:
            return Compare(path, operator, (self.pattern(),))
        return Compare(path, operator, self.values(operator, path))

    def path(self, depth: int) -> Path:
        self.raise_if_deeper(depth)
        attributes = self.attributes()
        if self.take("{"):
            types = self.linked_types()
            linked = self.path(depth + 1)
            if not self.take("}"):
                self.fail("`}` after the linked entity's attribute, as in `rel{Type:attribute}`")
            return Path(attributes, (), types, linked)
        if not self.take("["):
            return Path(attributes)
        end = self.text.find("]", self.at)
        members = tuple(part.strip() for part in self.text[self.at : max(end, self.at)].split("."))
        if not all(members):
            self.fail("names of members with dots between them and then `]`, as in `address[city.name]`")
        self.at = end + 1
        return Path(attributes, members)

    def attributes(self) -> tuple[str, ...]:
        self.skip()
        start = self.at
        found = self.take_match(_NAME)
        if found is None:
            self.fail("the name of an attribute, or `(`")
        names = split_names(found[0])
        if not all(names):
            self.at = start
            self.fail("names of attributes with single dots between them, as in `temperature.observedAt`")
        if names[0] in _NOT_ATTRIBUTES:
            self.at = start
            self.fail(f"the name of an attribute; for `{names[0]}` {_NOT_ATTRIBUTES[names[0]]}")
        return tuple(name if name in CORE_MEMBERS else self.expand(name) for name in names)

    def linked_types(self) -> tuple[str, ...]:
        """Take `Type:` or `Type,Type:`; a hint ends at the first colon, so its names are short ones or full IRIs."""
        self.skip()
        end = next((i for i in range(self.at, len(self.text)) if self.text[i] in "{}[=<>!~;|()"), len(self.text))
        inside = self.text[self.at : end]
        colon = inside.rfind(":")
        while colon > 0 and inside.startswith("//", colon + 1):
            colon = inside.rfind(":", 0, colon)
        if colon <= 0:
            return ()
        names = [name.strip() for name in inside[:colon].split(",")]
        if not all(names):
            self.fail("types with commas between them, as in `rel{TypeA,TypeB:attribute}`")
        self.at += colon + 1
        return tuple(map(self.expand, names))

    def values(self, operator: Operator, path: Path) -> tuple[Operand | Between, ...]:
        if operator not in _EQUALITY:
            start = self.at
            value = self.operand(path)
            if isinstance(value, (bool, Uri)):
                self.at = start
                self.fail(f"a number, a date or a text in double quotes after `{operator.value}`")
            self.skip()
            if self.text.startswith((",", ".."), self.at):
                self.fail(f"one value after `{operator.value}`; lists and ranges go with `==` and `!=`")
            return (value,)
        values = [self.operand_or_range(path)]
        while self.take(","):
            self.count_term()
            values.append(self.operand_or_range(path))
        return tuple(values)

    def operand_or_range(self, path: Path) -> Operand | Between:
        start = self.at
        low = self.operand(path)
        if not self.take(".."):
            return low
        high = self.operand(path)
        kind = _kind(low)
        if kind is None or kind != _kind(high):
            self.at = start
            self.fail("a range of two numbers, two dates, two times or two texts in double quotes")
        return Between(low, high)

    def operand(self, path: Path) -> Operand:
        self.skip()
        start = self.at
        if self.text.startswith('"', self.at):
            text = self.quoted()
            return Uri(text, self.expand(text)) if self.is_expanded(path) else text
        found = self.take_match(_BARE)
        if found is None:
            self.fail("a value; text with special characters needs double quotes")
        return self.literal(found[0], start, path)

    def literal(self, text: str, start: int, path: Path) -> Operand:
        if text in ("true", "false"):
            return text == "true"
        number = _NUMBER.fullmatch(text)
        if number is not None:
            return self.number(text, start, is_integer=number[1] is None and number[2] is None)
        if _DATE.fullmatch(text) or _DATE_TIME.fullmatch(text):
            instant = find_instant(text)
            if instant is None:
                self.at = start
                self.fail("a date that exists, as in `2026-01-31` or `2026-01-31T08:00:00Z`")
            return Moment(text, instant)
        if find_time_of_day(text) is not None:
            return Moment(text, None)
        # What cannot be expanded is no word and no URI.
        expanded = self.expand(text)
        return Uri(text, expanded if self.is_expanded(path) else text)

    def is_expanded(self, path: Path) -> bool:
        """Return whether `expandValues` names the attribute that the path leads to."""
        while path.linked is not None:
            path = path.linked
        return path.attributes[0] in self.expand_values

    def number(self, text: str, start: int, *, is_integer: bool) -> int | float:
        value = float(text)
        if value in (float("inf"), float("-inf")):
            self.at = start
            self.fail("a number that a computer can hold (up to 1.8e308)")
        # A whole number beyond 64 bits is compared as a float, as a store's column would.
        whole = int(text) if is_integer and len(text) <= 20 else _INTEGER_MAX
        return whole if -_INTEGER_MAX <= whole < _INTEGER_MAX else value

    def quoted(self) -> str:
        start = self.at
        found = self.take_match(_QUOTED)
        if found is None:
            self.at = len(self.text)
            self.fail(f'`"`, the end of the text that begins at character {start + 1}')
        try:
            text: str = _JSON.decode(found[0])
            text.encode()
        except (json.JSONDecodeError, UnicodeEncodeError):
            self.at = start
            self.fail('a text with JSON escapes (`\\"`, `\\\\`, `\\n`, `\\u00e9`, …)')
        return text

    def pattern(self) -> str:
        self.skip()
        start = self.at
        found = self.take_match(_QUOTED) if self.text.startswith('"', self.at) else None
        text = found[0][1:-1].replace('\\"', '"') if found else self.bare_pattern()
        if not text:
            self.at = start
            self.fail('a regular expression, as in `name~="^Pasar"`')
        compile_pattern(text)
        return text

    def bare_pattern(self) -> str:
        start, depth, in_class = self.at, 0, False
        while self.at < len(self.text):
            character = self.text[self.at]
            if character == "\\":
                self.at += 1
            elif in_class:
                in_class = character != "]"
            elif depth == 0 and character in ";|)":
                break
            else:
                in_class = character == "["
                depth += (character == "(") - (character == ")")
            self.at += 1
        self.at = min(self.at, len(self.text))
        return self.text[start : self.at].strip()


def _kind(value: Operand) -> str | None:
    """Return what a range's end is, or None where a range cannot have it."""
    if isinstance(value, (bool, Uri)):
        return None
    if isinstance(value, Moment):
        return "time" if value.start is None else "moment"
    return "text" if isinstance(value, str) else "number"


_NEXT_IRI = re.compile(r"\.(?=[A-Za-z][A-Za-z0-9+-]*://)")


def split_names(text: str) -> list[str]:
    """Split a dotted path into names, leaving the dots of an IRI's own (up to its last `/` or `#`) alone."""
    names: list[str] = []
    for part in _NEXT_IRI.split(text):
        cut = max(part.rfind("/"), part.rfind("#")) + 1 if "://" in part else 0
        first, *others = part[cut:].split(".")
        names += [part[:cut] + first, *others]
    return names


def parse_type_selection(text: str, expand: Callable[[str], str]) -> TypeSelection:
    """Return the selection of types that `type` says (§4.17): `,` or `|` is or, `;` is and. Raises BadRequestData."""
    names = _SelectionParser(text, "type", re.compile(r"""[^\s;|(),"<>]+""")).parse()
    return TypeSelection(tuple(tuple(map(expand, every)) for every in names))


def parse_scope_selection(text: str) -> ScopeSelection:
    """Return the selection of scopes that `scopeQ` says (§4.19). Raises BadRequestData.

    Patterns begin with `/`, whether or not they were written so. A level of one space is `+`, which a query
    string's decoding turns into a space.
    """
    scopes = _SelectionParser(text, "scopeQ", re.compile(r"""(?:(?<=/) (?=[/;|,)]|$)|[^\s;|(),"<>])+""")).parse()
    return ScopeSelection(tuple(tuple(_scope_pattern(scope) for scope in every) for every in scopes))


def _scope_pattern(text: str) -> str:
    levels = text.removeprefix("/").split("/")
    levels = ["+" if level == " " else level for level in levels]
    if not all(levels) or "#" in levels[:-1]:
        raise BadRequestData(
            f"`scopeQ` has the scope `{text}`; expected levels with single `/` between them, where `+` stands for "
            "one level and a last `#` for all below, as in `/Padang/+` or `/Padang/#`."
        )
    return "/" + "/".join(levels)


class _SelectionParser(_Scanner):
    """Names joined by and, or and parentheses, as a disjunction of conjunctions."""

    def __init__(self, text: str, parameter: str, name: re.Pattern[str]) -> None:
        if len(text) > Q_CHARACTERS_MAX:
            raise TooComplexQuery(f"`{parameter}` has {len(text)} characters; expected up to {Q_CHARACTERS_MAX}.")
        super().__init__(text, parameter)
        self.name = name

    def parse(self) -> list[tuple[str, ...]]:
        selection = self.any_of(0)
        self.skip()
        if self.at < len(self.text):
            self.fail("`,` or `|` (or), `;` (and) or the end")
        return list(dict.fromkeys(selection))

    def any_of(self, depth: int) -> list[tuple[str, ...]]:
        selection = self.all_of(depth)
        while self.take(",", "|"):
            selection = selection + self.all_of(depth)
        return selection

    def all_of(self, depth: int) -> list[tuple[str, ...]]:
        selection = self.term(depth)
        while self.take(";"):
            others = self.term(depth)
            if len(selection) * len(others) > Q_TERMS_MAX:
                raise TooComplexQuery(f"`{self.parameter}` has more than {Q_TERMS_MAX} combinations.")
            selection = [_union(left, right) for left in selection for right in others]
        return selection

    def term(self, depth: int) -> list[tuple[str, ...]]:
        self.raise_if_deeper(depth)
        if self.take("("):
            inside = self.any_of(depth + 1)
            if not self.take(")"):
                self.fail("`)`, `,`, `|` or `;`")
            return inside
        self.count_term()
        found = self.take_match(self.name)
        if found is None:
            self.fail("a name, or `(`")
        return [(found[0],)]


def _union(left: Sequence[str], right: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*left, *right)))
