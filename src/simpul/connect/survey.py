"""Rules about all rows of a run together, and rules that only tell: looked at on every row, changed or not.

A source that has no such rule has no survey, and its rows are not looked at. No store here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from simpul import limits
from simpul.connect.attributes import NUMBERS, Cells, MakeInstance, Setting, compile_attribute
from simpul.connect.fields import Plain
from simpul.connect.knowledge import Knowledge
from simpul.connect.rule_words import RUN_RULES, age_seconds, rule_columns
from simpul.connect.rules import Box, SeenKeys, compile_in_place, compile_inside, compile_no_crossing, compile_rule
from simpul.connect.taking import Taken, Used
from simpul.connect.values import RowRejected, date_parser, moment_of_value, text_of
from simpul.domain.moment import count_microseconds
from simpul.domain.quality import Finding, Sample

WARN: Final = "warn"
_US: Final = 1_000_000
_AMOUNT_ROUNDING: Final = 0.5


class Check(Protocol):
    """One rule, as it goes through the rows."""

    def see(self, key: str, cells: Cells, /) -> None:
        """Look at a row. Raises RowRejected where it cannot be read."""

    def finding(self) -> Finding:
        """Return what was found, after the last row."""


@dataclass
class Tally:
    """What a check has counted so far."""

    rule: str
    where: str
    checked: int = 0
    broken: int = 0
    samples: list[Sample] = field(default_factory=list)

    def note(self, key: str, reason: str) -> None:
        self.broken += 1
        if len(self.samples) < limits.FINDING_SAMPLES_MAX:
            self.samples.append(Sample(key, reason))

    def finding(self) -> Finding:
        return Finding(self.rule, WARN, self.where, self.checked, self.broken, tuple(self.samples))


class RowCheck:
    """A rule of one row that only warns."""

    def __init__(self, tally: Tally, check: Callable[[Cells], None]) -> None:
        self._tally = tally
        self._check = check

    def see(self, key: str, cells: Cells) -> None:
        self._tally.checked += 1
        try:
            self._check(cells)
        except RowRejected as rejected:
            self._tally.note(key, rejected.reason)

    def finding(self) -> Finding:
        return self._tally.finding()


class Uniques:
    """No two rows have the same values in these columns."""

    def __init__(self, tally: Tally, positions: Sequence[int]) -> None:
        self._tally = tally
        self._positions = positions
        self._seen = SeenKeys()

    def see(self, key: str, cells: Cells) -> None:
        parts = [cells[position] for position in self._positions]
        if None in parts:
            return
        self._tally.checked += 1
        value = " | ".join(text_of(part) for part in parts)
        if not self._seen.add(value):
            self._tally.note(key, f"{self._tally.where}: {value!r} was there before in this run")

    def finding(self) -> Finding:
        return self._tally.finding()


class Rows:
    """How many rows there are."""

    def __init__(self, tally: Tally, rule: Plain) -> None:
        self._tally = tally
        self._least, self._most = rule.get("from", 0), rule.get("to", float("inf"))
        self._count = 0

    def see(self, _key: str, _cells: Cells) -> None:
        self._count += 1

    def finding(self) -> Finding:
        tally = self._tally
        wanted = self._least if self._count < self._least else self._most
        tally.checked = max(1, int(self._count if wanted == float("inf") else wanted))
        if self._count < self._least:
            tally.note("", f"there are {self._count} rows, and at least {self._least} are expected")
            tally.broken = int(self._least) - self._count
        elif self._count > self._most:
            tally.note("", f"there are {self._count} rows, and at most {self._most} are expected")
            tally.broken = self._count - int(self._most)
        return tally.finding()


class Keys:
    """Which keys there are: each that is expected, once, and no other."""

    def __init__(self, tally: Tally, position: int, expected: Mapping[str, str]) -> None:
        self._tally = tally
        self._position = position
        self._expected = expected
        self._seen: dict[str, int] = {}

    def see(self, _key: str, cells: Cells) -> None:
        cell = cells[self._position]
        if cell is None:
            return
        text = text_of(cell)
        if text in self._seen or len(self._seen) < limits.SURVEY_KEYS_MAX:
            self._seen[text] = self._seen.get(text, 0) + 1

    def finding(self) -> Finding:
        tally = self._tally
        tally.checked = len(self._expected)
        for key, name in self._expected.items():
            if key not in self._seen:
                tally.note(key, f"{name} is missing" if name else "it is missing")
        for key, count in self._seen.items():
            if key not in self._expected:
                tally.note(key, "it is not expected")
            elif count > 1:
                tally.note(key, f"{self._expected[key] or 'it'} is there {count} times")
        return tally.finding()


class Total:
    """The sum of a column."""

    def __init__(self, tally: Tally, position: int, rule: Plain) -> None:
        self._tally = tally
        self._position = position
        self._parse = NUMBERS[rule.get("format", "plain")]
        self._rule = rule
        self._sum: float | int = 0

    def see(self, _key: str, cells: Cells) -> None:
        if cells[self._position] is not None:
            self._sum += self._parse(cells[self._position])

    def finding(self) -> Finding:
        tally, rule = self._tally, self._rule
        tally.checked = 1
        exact = {"from": rule["equals"], "to": rule["equals"]} if "equals" in rule else rule
        least: float = exact.get("from", float("-inf"))
        most: float = exact.get("to", float("inf"))
        if self._sum < least:
            tally.note("", f"the sum is {self._sum:,}: {least - self._sum:,} less than {least:,}")
        elif self._sum > most:
            tally.note("", f"the sum is {self._sum:,}: {self._sum - most:,} more than {most:,}")
        return tally.finding()


class Tree:
    """Amounts by code: what stands at a code is the sum of what stands just below it."""

    def __init__(self, tally: Tally, positions: tuple[int, int, Sequence[int]], number: str) -> None:
        self._tally = tally
        self._amount, self._code, self._group = positions
        self._parse = NUMBERS[number]
        self._amounts: dict[tuple[str, ...], dict[str, float]] = {}
        self._count = 0

    def see(self, _key: str, cells: Cells) -> None:
        code, amount = cells[self._code], cells[self._amount]
        if code is None or amount is None or self._count >= limits.SURVEY_KEYS_MAX:
            return
        group = tuple("" if cells[one] is None else text_of(cells[one]) for one in self._group)
        tree = self._amounts.setdefault(group, {})
        text = text_of(code)
        self._count += text not in tree
        tree[text] = tree.get(text, 0) + self._parse(amount)

    def finding(self) -> Finding:
        for group, tree in self._amounts.items():
            self._compare(" ".join(group), tree)
        return self._tally.finding()

    def _compare(self, group: str, tree: Mapping[str, float]) -> None:
        below: dict[str, float] = {}
        for code, amount in tree.items():
            parent = code.rpartition(".")[0]
            while parent and parent not in tree:
                parent = parent.rpartition(".")[0]
            if parent:
                below[parent] = below.get(parent, 0) + amount
        for code, found in below.items():
            self._tally.checked += 1
            if abs(found - tree[code]) > _AMOUNT_ROUNDING:
                reason = f"it has {tree[code]:,.0f}, and what lies below it has {found:,.0f}"
                self._tally.note(f"{group} {code}".strip(), reason)


class Fresh:
    """How old the newest row is."""

    def __init__(self, tally: Tally, position: int, rule: Plain, setting: Setting, now_us: int) -> None:
        self._tally = tally
        self._position = position
        self._parse = date_parser(rule.get("date", ["iso"]), setting.zone)
        self._zone = setting.zone
        self._within, self._now_us = rule["within"], now_us
        self._newest = ""

    def see(self, _key: str, cells: Cells) -> None:
        cell = cells[self._position]
        value = None if cell is None else self._parse(cell)
        if value is not None:
            self._newest = max(self._newest, moment_of_value(value, self._zone))

    def finding(self) -> Finding:
        self._tally.checked = 1
        if not self._newest:
            self._tally.note("", "no row says when it was true")
        elif self._now_us - count_microseconds(self._newest) > age_seconds(self._within) * _US:
            self._tally.note("", f"the newest is of {self._newest}, and it may be {self._within} old")
        return self._tally.finding()


class Complete:
    """How much of a column is filled."""

    def __init__(self, tally: Tally, position: int, share: float) -> None:
        self._tally = tally
        self._position = position
        self._share = share
        self._empty = 0

    def see(self, _key: str, cells: Cells) -> None:
        self._tally.checked += 1
        self._empty += cells[self._position] is None

    def finding(self) -> Finding:
        tally = self._tally
        filled = 100.0 if not tally.checked else 100.0 * (tally.checked - self._empty) / tally.checked
        if filled < self._share:
            tally.note("", f"of 100 cells {filled:.1f} are filled, and {self._share} are expected")
            tally.broken = self._empty
        return tally.finding()


class Sentinels:
    """Values that stand for `not known`, and how often."""

    def __init__(self, tally: Tally, positions: Sequence[int], values: Sequence[Any]) -> None:
        self._tally = tally
        self._positions = positions
        self._counts = {text_of(value).casefold(): 0 for value in values}

    def see(self, _key: str, cells: Cells) -> None:
        for position in self._positions:
            self._tally.checked += 1
            cell = cells[position]
            if cell is None:
                continue
            text = text_of(cell).casefold()
            if text in self._counts:
                self._counts[text] += 1

    def finding(self) -> Finding:
        tally = self._tally
        for value, count in self._counts.items():
            if count:
                tally.note(value, f"{value!r} stands {count} times for `not known`")
        tally.broken = sum(self._counts.values())
        return tally.finding()


class References:
    """Entities that rows point to. Whether they are there is asked after the last row."""

    def __init__(self, tally: Tally, make: MakeInstance) -> None:
        self._tally = tally
        self._make = make
        self.wanted: dict[str, str] = {}

    def see(self, key: str, cells: Cells) -> None:
        instance = self._make(cells, None)
        if instance is None:
            return
        self._tally.checked += 1
        targets = instance["object"] if isinstance(instance["object"], list) else [instance["object"]]
        for target in targets:
            if len(self.wanted) < limits.SURVEY_KEYS_MAX:
                self.wanted.setdefault(target, key)

    def note_missing(self, target: str) -> None:
        self._tally.note(self.wanted[target], f"there is no {target}")

    def finding(self) -> Finding:
        return self._tally.finding()


class Survey:
    """The checks of one run. Made once per run, because checks count.

    `clean` gives the cells of a row with its unknown values still there, `clean_together` those of each row with None
    in their place, or None where a row cannot be read.
    """

    def __init__(
        self, clean: Callable[[Used], list[Any]], clean_together: Callable[[Sequence[Used]], Sequence[Cells | None]]
    ) -> None:
        self._clean = clean
        self._clean_together = clean_together
        self._sentinels: list[Sentinels] = []
        self._checks: list[Check] = []

    def add(self, checks: Sequence[Check]) -> None:
        """Let these checks see every row from now on."""
        for check in checks:
            if isinstance(check, Sentinels):
                self._sentinels.append(check)
            else:
                self._checks.append(check)

    def see_all(self, rows: Sequence[Taken]) -> None:
        """Look at rows, one after the other."""
        together = self._clean_together([row.used for row in rows])
        if self._sentinels:
            self._count_sentinels([row for row, cells in zip(rows, together, strict=True) if cells is not None])
        for check in self._checks:
            for row, cells in zip(rows, together, strict=True):
                if cells is None:
                    # The row itself is rejected for that, with its reason.
                    continue
                try:
                    check.see(row.key, cells)
                except RowRejected:
                    # What cannot be read at all is told of by the mapping.
                    continue

    def _count_sentinels(self, rows: Sequence[Taken]) -> None:
        for row in rows:
            cells = self._clean(row.used)
            for sentinel in self._sentinels:
                sentinel.see(row.key, cells)

    def findings(self) -> list[Finding]:
        """Return what was found, after the last row."""
        return [check.finding() for check in (*self._sentinels, *self._checks)]

    @property
    def references(self) -> list[References]:
        return [check for check in self._checks if isinstance(check, References)]


def surveyed_rules(plain: Plain) -> list[Plain]:
    """Return the rules of a source that need a survey."""
    return [rule for rule in plain.get("rules", ()) if rule["rule"] in RUN_RULES or rule.get("severity") == WARN]


@dataclass(frozen=True, slots=True)
class CheckMaker:
    """Makes checks of rules."""

    attributes: Mapping[str, Plain]
    setting: Setting
    knowledge: Knowledge
    city_bounds: Box | None

    def make(self, rule: Plain) -> list[Check]:
        """Return the checks of one rule: one for each column, where each counts for itself."""
        kind = rule["rule"]
        made = getattr(self, f"_{kind}", None)
        if made is not None:
            checks: list[Check] = made(rule)
            return checks
        return [RowCheck(self._tally(rule), compile_rule(rule, self.setting.index, self.knowledge))]

    def _tally(self, rule: Plain, where: str | None = None) -> Tally:
        columns = rule_columns(rule)
        return Tally(rule["rule"], where or ", ".join(columns) or rule.get("attribute", ""))

    def _positions(self, rule: Plain) -> list[int]:
        names = [rule["column"]] if isinstance(rule["column"], str) else rule["column"]
        return [self.setting.index[name] for name in names]

    def _unique(self, rule: Plain) -> list[Check]:
        return [Uniques(self._tally(rule), self._positions(rule))]

    def _rows(self, rule: Plain) -> list[Check]:
        return [Rows(self._tally(rule), rule)]

    def _keys(self, rule: Plain) -> list[Check]:
        if "values" in rule:
            expected = {text_of(value): "" for value in rule["values"]}
        else:
            within = rule.get("within", "")
            codes = self.knowledge.open_list(rule["list"], within)
            below = codes.below(within, rule.get("depth", 1), self.knowledge.today)
            expected = {code.code: code.name for code in below}
        return [Keys(self._tally(rule), self._positions(rule)[0], expected)]

    def _total(self, rule: Plain) -> list[Check]:
        return [Total(self._tally(rule), self._positions(rule)[0], rule)]

    def _tree(self, rule: Plain) -> list[Check]:
        index = self.setting.index
        positions = (index[rule["column"]], index[rule["code"]], [index[name] for name in rule.get("group", ())])
        return [Tree(self._tally(rule), positions, rule.get("format", "plain"))]

    def _fresh(self, rule: Plain) -> list[Check]:
        position = self._positions(rule)[0]
        return [Fresh(self._tally(rule), position, rule, self.setting, self.knowledge.now_us)]

    def _complete(self, rule: Plain) -> list[Check]:
        return [Complete(self._tally(rule, name), self.setting.index[name], rule["share"]) for name in rule["column"]]

    def _sentinel(self, rule: Plain) -> list[Check]:
        return [Sentinels(self._tally(rule), self._positions(rule), rule["values"])]

    def _references(self, rule: Plain) -> list[Check]:
        return [References(self._tally(rule), self._attribute(rule))]

    def _attribute(self, rule: Plain) -> MakeInstance:
        return compile_attribute(self.attributes[rule["attribute"]], self.setting)

    def _inside(self, rule: Plain) -> list[Check]:
        make, check = self._attribute(rule), compile_inside(rule, "place", self.city_bounds)
        return [RowCheck(self._tally(rule), lambda cells: check(_entity(make, cells)))]

    def _no_crossing(self, rule: Plain) -> list[Check]:
        make, check = self._attribute(rule), compile_no_crossing(rule, "place")
        return [RowCheck(self._tally(rule), lambda cells: check(_entity(make, cells)))]

    def _in_place(self, rule: Plain) -> list[Check]:
        make = self._attribute(rule)
        position = self.setting.index[rule["column"]] if "column" in rule else None
        check = compile_in_place(rule, "place", self.knowledge.areas[rule["type"]], position)
        return [RowCheck(self._tally(rule), lambda cells: check(_entity(make, cells), cells))]


def _entity(make: MakeInstance, cells: Cells) -> dict[str, Any]:
    instance = make(cells, None)
    return {} if instance is None else {"place": instance}
