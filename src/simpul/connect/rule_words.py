"""The words of quality rules: which rules there are, and what each may say. Shapes and checks only; no rows here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from simpul.connect.document import Node, Problem
from simpul.connect.fields import (
    Choice,
    Field,
    Fields,
    Integer,
    ListOf,
    Number,
    OneOrMany,
    Plain,
    Problems,
    Schema,
    Text,
    Value,
)
from simpul.connect.vocabulary import COLUMN, DATE, EXPRESSION, NUMBER_FORM, Area

_AGE: Final = re.compile(r"([1-9][0-9]{0,4})(m|h|d|w|y)\Z")
_AGE_SECONDS: Final = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_557_600}


def _check_age(text: str) -> str | None:
    return None if _AGE.match(text) else f"{text!r} is no age; write a number and m, h, d, w or y, such as 7d"


def age_seconds(text: str) -> int:
    """Return the seconds of an age such as `7d`."""
    return int(text[:-1]) * _AGE_SECONDS[text[-1]]


def _row_rule(name: str, *fields: Field) -> Fields:
    """A rule that one row alone keeps or breaks."""
    return Fields(f"the rule {name!r}", (
        Field("rule", Choice((name,)), "which rule", required=True),
        *fields,
        Field("severity", Choice(("reject", "warn")),
              "what a breach means: `reject` keeps the row aside (default), `warn` only tells of it"),
    ))  # fmt: skip


def _run_rule(name: str, *fields: Field) -> Fields:
    """A rule about all rows together: its breaches are told of in the quality report, and no row is kept aside."""
    return Fields(f"the rule {name!r}", (
        Field("rule", Choice((name,)), "which rule", required=True),
        *fields,
        Field("severity", Choice(("warn",)), "`warn`: the quality report tells of it"),
    ))  # fmt: skip


_COLUMNS = Field("column", OneOrMany(COLUMN), "the column, or a list of columns", required=True)
_ONE_COLUMN = Field("column", COLUMN, "the column", required=True)
_FORMAT = Field("format", NUMBER_FORM, "the form of the numbers; default plain")
_FROM = Field("from", Number(), "the least value")
_TO = Field("to", Number(), "the greatest value")
_ATTRIBUTE = Field("attribute", Text("the name of an attribute"), "the attribute", required=True)
_LIST = Text("the id of a code list")
_WITHIN = Field("within", Text("a code"), "only the codes below this one, such as 13.71")
_AGE_TEXT = Text("an age", check=_check_age)

ROW_RULES: Final[dict[str, Fields]] = {
    "required": _row_rule("required", _COLUMNS),
    "unique": _row_rule("unique", _COLUMNS),
    "number": _row_rule("number", _COLUMNS, _FORMAT),
    "range": _row_rule("range", _COLUMNS, _FROM, _TO, _FORMAT),
    "pattern": _row_rule("pattern", _COLUMNS, Field("matches", EXPRESSION, "a regular expression", required=True)),
    "one_of": _row_rule(
        "one_of", _COLUMNS, Field("values", ListOf(Value(), least=1), "the values allowed", required=True)
    ),
    "code": _row_rule("code", _COLUMNS, Field("list", _LIST, "the code list that has it", required=True), _WITHIN),
    "parts": _row_rule(
        "parts",
        Field("column", OneOrMany(COLUMN), "the columns with the parts", required=True),
        Field("equals", COLUMN, "the column that must be their sum", required=True),
        _FORMAT,
    ),
    "inside": _row_rule(
        "inside",
        Field("attribute", Text("the name of an attribute"), "the attribute with the geometry", required=True),
        Field("area", Area(), "`city` (its bounds) or [west, south, east, north]", required=True),
    ),
    "no_crossing": _row_rule(
        "no_crossing",
        Field("attribute", Text("the name of an attribute"), "the attribute with the geometry", required=True),
    ),
    "in_place": _row_rule(
        "in_place",
        Field("attribute", Text("the name of an attribute"), "the attribute with the geometry", required=True),
        Field("type", Text("an entity type"), "the type of the areas, such as Kecamatan: entities of this hub",
              required=True),
        Field("column", COLUMN, "the column that says in which area it lies; without it, any will do"),
        Field("by", Text("the name of an attribute"), "the areas' attribute that the column names; default name"),
    ),
}  # fmt: skip
RUN_RULES: Final[dict[str, Fields]] = {
    "rows": _run_rule("rows", _FROM, _TO),
    "keys": _run_rule(
        "keys",
        _ONE_COLUMN,
        Field("list", _LIST, "the code list with the codes that must be there"),
        _WITHIN,
        Field("depth", Integer(1, 6), "how many steps below `within` the codes lie; default 1"),
        Field("values", ListOf(Value(), least=1), "the keys that must be there, where no list has them"),
    ),
    "total": _run_rule(
        "total", _ONE_COLUMN, Field("equals", Number(), "what the sum must be"), _FROM, _TO, _FORMAT
    ),
    "tree": _run_rule(
        "tree",
        Field("column", COLUMN, "the column with the amount", required=True),
        Field("code", COLUMN, "the column with the code: 5.1.02 lies below 5.1", required=True),
        Field("group", OneOrMany(COLUMN), "columns that tell several trees apart, such as the year"),
        _FORMAT,
    ),
    "fresh": _run_rule(
        "fresh",
        _ONE_COLUMN,
        Field("date", DATE, "its form: `iso`, or as `%d/%m/%Y`"),
        Field("within", _AGE_TEXT, "how old the newest may be, such as 7d", required=True),
    ),
    "complete": _run_rule(
        "complete", _COLUMNS, Field("share", Number(), "how much of it must be filled, in percent", required=True)
    ),
    "sentinel": _run_rule(
        "sentinel", _COLUMNS, Field("values", ListOf(Value(), least=1), "values that mean `not known`", required=True)
    ),
    "references": _run_rule("references", _ATTRIBUTE),
}  # fmt: skip
RULES: Final[dict[str, Fields]] = {**ROW_RULES, **RUN_RULES}

_NEEDS_ONE_OF: Final = {
    "range": ("from", "to"),
    "rows": ("from", "to"),
    "total": ("equals", "from", "to"),
    "keys": ("list", "values"),
}

CODE_COLUMN: Final = Fields("a code column", (
    Field("column", COLUMN, "the name of the new column, which holds the code", required=True),
    Field("list", _LIST, "the code list, such as kemendagri", required=True),
    Field("names", OneOrMany(COLUMN), "the columns with the names, the outermost first", required=True),
    _WITHIN,
    Field("score", Number(), "how alike (0 to 100) a name must be to count as the same; default 90"),
    Field("otherwise", Choice(("reject", "unknown")),
          "a row whose names are not sure: keep it aside (default), or leave the code out"),
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rule:
    """One quality rule; its keys depend on `rule:`."""

    def read(self, node: Node, problems: Problems) -> Plain | None:
        name = node.find("rule")
        if name is None:
            names = ", ".join(RULES)
            problems.append(Problem(node.place, f"a rule is written {{rule: …, column: …}}; the rules are {names}"))
            return None
        kind = Choice(tuple(RULES)).read(name, problems)
        plain = None if kind is None else RULES[kind].read(node, problems)
        if kind is None or plain is None:
            return None
        wanted = _NEEDS_ONE_OF.get(kind, ())
        if wanted and not set(wanted).intersection(plain):
            needs = " or ".join(repr(one) for one in wanted)
            problems.append(Problem(node.place, f"the rule {kind!r} needs {needs}"))
        return plain

    def schema(self) -> Schema:
        return {"oneOf": [fields.schema() for fields in RULES.values()]}


def rule_columns(rule: Plain) -> list[str]:
    """Return the columns that a rule names."""
    found = rule.get("column", ())
    columns = [found] if isinstance(found, str) else list(found)
    columns += [rule[key] for key in ("equals", "code") if isinstance(rule.get(key), str)]
    return columns + list(rule.get("group", ()))
