"""`history` in city.yaml: how long and how finely the histories of a type are kept. Nothing is removed here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from simpul import limits
from simpul.connect.document import Node, Problem
from simpul.connect.fields import Choice, Field, Fields, ListOf, Plain, Problems, Schema, Text
from simpul.connect.source import check_type
from simpul.domain.context import CORE
from simpul.domain.retention import METHODS, Resampling, Retention

_DURATION: Final = re.compile(r"([1-9][0-9]{0,4})(m|h|d|w|y)\Z")
_SECONDS: Final = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_557_600}
_US: Final = 1_000_000


def check_duration(text: str) -> str | None:
    """Return what is wrong with a duration such as `90d`, or None."""
    if _DURATION.match(text):
        return None
    return f"{text!r} is no duration; write a number and m, h, d, w or y, such as 90d or 10y"


def duration_us(text: str) -> int:
    """Return the microseconds of a duration such as `90d`; a year has 365.25 days."""
    return int(text[:-1]) * _SECONDS[text[-1]] * _US


_RESAMPLING: Final = Fields("a resampling", (
    Field("after", Text("a duration", check=check_duration), "how old instances are that it is for", required=True),
    Field("every", Text("a duration", check=check_duration), "of how much time one instance stays", required=True),
    Field("method", Choice(METHODS), "what it is made of all of them; default avg"),
))  # fmt: skip

_RULE: Final = Fields("a rule of history", (
    Field("type", Text("an entity type", check=check_type), "the type whose histories it is for", required=True),
    Field("keep", Text("a duration", check=check_duration), "what is older goes, but for what was in force then"),
    Field("resample", ListOf(_RESAMPLING, least=1), "what is older gets coarser"),
))  # fmt: skip


class HistoryRules:
    """The rules, each of a type of its own, that do something and do it in an order that makes sense."""

    _rules = ListOf(_RULE, most=limits.HISTORY_RULES_MAX)

    def read(self, node: Node, problems: Problems) -> list[Plain] | None:
        count = len(problems)
        rules = self._rules.read(node, problems)
        if rules is None or not isinstance(node.value, list) or len(problems) > count:
            return None
        found = list(_problems_of(rules, node.value))
        problems += found
        return None if found else rules

    def schema(self) -> Schema:
        return self._rules.schema()


def _problems_of(rules: list[Plain], nodes: list[Node]) -> Iterable[Problem]:
    seen: set[str] = set()
    for below, rule in zip(nodes, rules, strict=True):
        if CORE.expand(rule["type"]) in seen:
            yield Problem(below.place, f"there is a rule for {rule['type']!r} already; put both into one")
        seen.add(CORE.expand(rule["type"]))
        if "keep" not in rule and "resample" not in rule:
            yield Problem(below.place, "the rule does nothing; it needs 'keep' or 'resample'")
        for one in rule.get("resample", ()):
            if duration_us(one["every"]) > duration_us(one["after"]):
                message = f"'every: {one['every']}' is longer than 'after: {one['after']}'; a period has to be over"
                yield Problem(below.place, message)
            if "keep" in rule and duration_us(one["after"]) >= duration_us(rule["keep"]):
                yield Problem(below.place, f"nothing older than 'keep: {rule['keep']}' is there to be resampled")


def retention_of(rule: Plain) -> Retention:
    """Return a rule that was read."""
    return Retention(
        type_name=CORE.expand(rule["type"]),
        keep_us=duration_us(rule["keep"]) if "keep" in rule else None,
        resamplings=tuple(
            Resampling(duration_us(one["after"]), duration_us(one["every"]), one.get("method", "avg"))
            for one in rule.get("resample", ())
        ),
    )
