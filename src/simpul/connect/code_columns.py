"""Columns that hold the code which names in other columns mean. Compiled for one run; no lists are read here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from simpul import limits
from simpul.connect.fields import Plain
from simpul.connect.knowledge import Knowledge
from simpul.connect.values import show, text_of
from simpul.domain.code_list import SCORE_DEFAULT, Match
from simpul.ports.quality import Question

_NEAR_SHOWN = 3


class Derived(NamedTuple):
    """What the names of one row mean: a code, or why there is none."""

    code: str | None
    wrong: str | None


class CodeColumn:
    """One code column. It remembers what names meant, since most of them come again."""

    def __init__(self, plain: Plain, index: Mapping[str, int], knowledge: Knowledge) -> None:
        self.column: str = plain["column"]
        self.rejects = plain.get("otherwise", "reject") == "reject"
        self._within: str = plain.get("within", "")
        self._codes = knowledge.open_list(plain["list"], self._within)
        self._day = knowledge.today
        self._score = float(plain.get("score", SCORE_DEFAULT))
        self._names = [(name, index[name]) for name in plain["names"]]
        self._known: dict[tuple[Any, ...], Derived] = {}
        self._questions: dict[tuple[str, str], tuple[Match, int]] = {}

    def find(self, used: tuple[Any, ...]) -> Derived:
        """Return what the row's names mean."""
        names = tuple(used[position] for _, position in self._names)
        known = self._known.get(names)
        if known is None:
            known = self._look_up(names)
            if len(self._known) < limits.NAMES_REMEMBERED_MAX:
                self._known[names] = known
        elif known.wrong is not None:
            self._look_up(names)
        return known

    def key_of(self, used: tuple[Any, ...]) -> str:
        """Return what stands for a row whose names mean no code."""
        return " / ".join("" if used[position] is None else text_of(used[position]) for _, position in self._names)

    def _look_up(self, names: tuple[Any, ...]) -> Derived:
        parent = self._within
        for (column, _), cell in zip(self._names, names, strict=True):
            name = "" if cell is None else " ".join(text_of(cell).split())
            if not name:
                return Derived(None, f"{column} is empty, and the code is looked up by it")
            match = self._codes.match(name, parent, self._day, self._score)
            if match.code is None:
                self._ask(name, parent, match)
                return Derived(None, self._describe(column, name, match))
            parent = match.code
        return Derived(parent, None)

    def _ask(self, name: str, parent: str, match: Match) -> None:
        if match.how == "decided":
            return
        asked = self._questions.get((parent, name))
        if asked is not None or len(self._questions) < limits.CODE_QUESTIONS_PER_SOURCE_MAX:
            self._questions[parent, name] = (match, 1 if asked is None else asked[1] + 1)

    def _describe(self, column: str, name: str, match: Match) -> str:
        if match.how == "decided":
            return f"{column}: {show(name)} is no name of {self._codes.id}, as was decided"
        wrong = f"{column}: {show(name)} is not surely a name of {self._codes.id}"
        near = ", ".join(f"{one.name} ({one.code}, {one.score:.0f})" for one in match.near[:_NEAR_SHOWN])
        return f"{wrong}; nearest: {near}" if near else wrong

    def questions(self, source: str, now_us: int) -> list[Question]:
        """Return the names whose codes are not sure."""
        return [
            Question(self._codes.id, parent, name, source, rows, now_us, match.near)
            for (parent, name), (match, rows) in self._questions.items()
        ]
