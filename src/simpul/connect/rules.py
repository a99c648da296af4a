"""Quality rules and skipped rows, compiled: functions that say what is wrong with a row. No attributes made here."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from simpul import limits
from simpul.connect.attributes import NUMBERS, Cells
from simpul.connect.fields import Plain
from simpul.connect.knowledge import Areas, Knowledge
from simpul.connect.values import RowRejected, show, text_of
from simpul.domain.code_list import CodeList
from simpul.domain.code_match import nearest_word
from simpul.domain.entity import Entity
from simpul.domain.geo import bounds, find_crossing

CheckCells = Callable[[Cells], None]
CheckEntity = Callable[[Entity], None]
IsSkipped = Callable[[Cells], bool]
Box = tuple[float, float, float, float]

_SLOTS_FIRST: Final = 1 << 12
# Sums of amounts with cents differ by less than this for no other reason than how numbers are kept.
_ROUNDING: Final = 0.005


class SeenKeys:
    """A set of texts in 16 to 32 bytes each: 64-bit hashes in an open table.

    A million rows cost 24 MB where a set of text costs 120. Two texts of a million share a hash with a chance of
    1 in 37 million; that row would be rejected as a duplicate and say so.
    """

    def __init__(self) -> None:
        self._slots = array("q", bytes(8 * _SLOTS_FIRST))
        self._mask = _SLOTS_FIRST - 1
        self.count = 0

    def add(self, text: str) -> bool:
        """Add the text; return whether it is new."""
        wanted = hash(text) or 1
        slots, mask = self._slots, self._mask
        position = wanted & mask
        while found := slots[position]:
            if found == wanted:
                return False
            position = (position + 1) & mask
        slots[position] = wanted
        self.count += 1
        if self.count * 2 > mask:
            self._grow()
        return True

    def add_each(self, texts: Sequence[str]) -> list[int]:
        """Add texts, one after the other; return the places of those that were there before."""
        while (self.count + len(texts)) * 2 > self._mask:
            self._grow()
        slots, mask = self._slots, self._mask
        known: list[int] = []
        for place, code in enumerate(map(hash, texts)):
            wanted = code or 1
            position = wanted & mask
            while found := slots[position]:
                if found == wanted:
                    known.append(place)
                    break
                position = (position + 1) & mask
            else:
                slots[position] = wanted
        self.count += len(texts) - len(known)
        return known

    def add_all(self, others: SeenKeys) -> None:
        """Add all texts of another set."""
        for wanted in filter(None, others._slots):
            position = self._position(wanted)
            if not self._slots[position]:
                self._slots[position] = wanted
                self.count += 1
                if self.count * 2 > self._mask:
                    self._grow()

    def __contains__(self, text: str) -> bool:
        return bool(self._slots[self._position(hash(text) or 1)])

    def _position(self, wanted: int) -> int:
        slots, mask = self._slots, self._mask
        position = wanted & mask
        while (found := slots[position]) and found != wanted:
            position = (position + 1) & mask
        return position

    def _grow(self) -> None:
        old = self._slots
        size = len(old) * 2
        self._slots = array("q", bytes(8 * size))
        self._mask = size - 1
        for wanted in old:
            if wanted:
                self._slots[self._position(wanted)] = wanted


def compile_skips(skips: Sequence[Plain], index: Mapping[str, int]) -> IsSkipped | None:
    """Return a function that says whether a row is no record, or None where every row is."""
    tests = [_compile_skip(skip, index[skip["column"]]) for skip in skips]
    return (lambda cells: any(test(cells) for test in tests)) if tests else None


def _compile_skip(skip: Plain, position: int) -> IsSkipped:
    texts = frozenset(text_of(value).casefold() for value in skip.get("is", ()))
    find = re.compile(skip["matches"]).search if "matches" in skip else None
    if_empty = skip.get("empty", False)

    def is_skipped(cells: Cells) -> bool:
        cell = cells[position]
        if cell is None:
            return bool(if_empty)
        text = text_of(cell)
        return text.casefold() in texts or (find is not None and find(text) is not None)

    return is_skipped


def compile_rule(rule: Plain, index: Mapping[str, int], knowledge: Knowledge) -> CheckCells:
    """Return a function that raises RowRejected when a row's cells break the rule."""
    columns = [(name, index[name]) for name in rule["column"]]
    kind = rule["rule"]
    if kind == "required":
        return _required(columns)
    if kind == "parts":
        return _parts(rule, columns, index[rule["equals"]])
    test = _code(rule, knowledge) if kind == "code" else _TESTS[kind](rule)
    # Most columns with a rule say the same few things. Of other kinds some are equal and not the same: 1.0 is True.
    right: set[str | int] = set()

    def check(cells: Cells) -> None:
        for name, position in columns:
            cell = cells[position]
            is_usual = type(cell) is str or type(cell) is int
            if cell is None or (is_usual and cell in right):
                continue
            wrong = test(cell)
            if wrong is not None:
                raise RowRejected(kind, f"{name}: {wrong}")
            if is_usual and len(right) < limits.RIGHT_CELLS_REMEMBERED_MAX:
                right.add(cell)

    return check


def _required(columns: list[tuple[str, int]]) -> CheckCells:
    def check(cells: Cells) -> None:
        for name, position in columns:
            if cells[position] is None:
                raise RowRejected("required", f"{name} is empty")

    return check


def _parts(rule: Plain, columns: list[tuple[str, int]], whole: int) -> CheckCells:
    parse = NUMBERS[rule.get("format", "plain")]
    names = " + ".join(name for name, _ in columns)

    def check(cells: Cells) -> None:
        if cells[whole] is None or any(cells[position] is None for _, position in columns):
            return
        found, wanted = sum(parse(cells[position]) for _, position in columns), parse(cells[whole])
        if abs(found - wanted) > _ROUNDING:
            raise RowRejected("parts", f"{names} is {found}, and {rule['equals']} is {wanted}")

    return check


def _code(rule: Plain, knowledge: Knowledge) -> Callable[[Any], str | None]:
    codes = knowledge.open_list(rule["list"], rule.get("within", ""))
    day = knowledge.today
    within = rule.get("within", "")
    # The same wrong code often stands in many rows, and the nearest one takes a while to find.
    known: dict[str, str | None] = {}

    def test(cell: Any) -> str | None:
        text = text_of(cell)
        found = codes.find(text)
        if found is not None and found.holds_on(day) and text.startswith(within):
            return None
        if text not in known and len(known) < limits.WRONG_CODES_REMEMBERED_MAX:
            known[text] = _wrong_code(text, codes, day, within)
        return known[text] if text in known else _wrong_code(text, codes, day, within)

    return test


def _wrong_code(text: str, codes: CodeList, day: str, within: str) -> str:
    found = codes.find(text)
    if found is not None and not found.holds_on(day):
        return f"{show(text)} ({found.name}) is a code of {codes.id} from {found.since or 'long ago'} to {found.until}"
    if found is not None:
        return f"{show(text)} ({found.name}) does not lie below {within}"
    for scheme in sorted({name for code in codes.by_code.values() for name in code.bridge}):
        other = codes.bridged(scheme, text) or codes.bridged(scheme, text.replace(".", ""))
        if other is not None:
            return f"{show(text)} is no code of {codes.id}; it is {scheme}'s code of {other.name}, here {other.code}"
    near = nearest_word(text, codes.by_code)
    return f"{show(text)} is no code of {codes.id}" + (f"; did you mean {near!r}?" if near else "")


def _number(rule: Plain) -> Callable[[Any], str | None]:
    parse = NUMBERS[rule.get("format", "plain")]

    def test(cell: Any) -> str | None:
        try:
            parse(cell)
        except RowRejected as rejected:
            return rejected.reason
        return None

    return test


def _range(rule: Plain) -> Callable[[Any], str | None]:
    parse = NUMBERS[rule.get("format", "plain")]
    least, most = rule.get("from", float("-inf")), rule.get("to", float("inf"))

    def test(cell: Any) -> str | None:
        try:
            value = parse(cell)
        except RowRejected as rejected:
            return rejected.reason
        if value < least:
            return f"{value} is less than {least}"
        return f"{value} is more than {most}" if value > most else None

    return test


def _pattern(rule: Plain) -> Callable[[Any], str | None]:
    find, written = re.compile(rule["matches"]).search, rule["matches"]
    return lambda cell: None if find(text_of(cell)) else f"{show(cell)} does not match {written}"


def _one_of(rule: Plain) -> Callable[[Any], str | None]:
    words = [text_of(value) for value in rule["values"]]
    texts = frozenset(word.casefold() for word in words)
    listed = ", ".join(words[:12])

    def test(cell: Any) -> str | None:
        text = text_of(cell)
        if text.casefold() in texts:
            return None
        near = nearest_word(text, words)
        return f"{show(cell)} is none of {listed}" + (f"; did you mean {near!r}?" if near else "")

    return test


_TESTS: Final[dict[str, Callable[[Plain], Callable[[Any], str | None]]]] = {
    "number": _number,
    "range": _range,
    "pattern": _pattern,
    "one_of": _one_of,
}


def compile_inside(rule: Plain, name: str, city_bounds: Box | None) -> CheckEntity:
    """Return a function that raises RowRejected when the attribute's geometry lies outside the rule's area."""
    area = city_bounds if rule["area"] == "city" else tuple(rule["area"])
    assert area is not None, "a city without bounds is refused when it is read"
    west, south, east, north = area
    where = "the city's bounds" if rule["area"] == "city" else "the area"

    def check(entity: Entity) -> None:
        instance = entity.get(name)
        if instance is None:
            return
        left, bottom, right, top = bounds(instance["value"])
        if left < west or bottom < south or right > east or top > north:
            reason = (
                f"{rule['attribute']}: {_describe(left, bottom, right, top)} is outside {where} "
                f"(longitude {west} to {east}, latitude {south} to {north})"
            )
            raise RowRejected("inside", reason)

    return check


def compile_no_crossing(rule: Plain, name: str) -> CheckEntity:
    """Return a function that raises RowRejected when the border of the attribute's area crosses or touches itself."""

    def check(entity: Entity) -> None:
        instance = entity.get(name)
        place = None if instance is None else find_crossing(instance["value"])
        if place is not None:
            where = f"{rule['attribute']}: longitude {place[0]:.6g}, latitude {place[1]:.6g}"
            raise RowRejected("no_crossing", f"{where}: its border crosses or touches itself there")

    return check


def compile_in_place(rule: Plain, name: str, areas: Areas, position: int | None) -> Callable[[Entity, Cells], None]:
    """Return a function that raises RowRejected when the attribute's place is not where the row says it is."""

    def check(entity: Entity, cells: Cells) -> None:
        instance = entity.get(name)
        claimed = None if position is None else cells[position]
        if instance is None or (position is not None and claimed is None):
            return
        wrong = areas.find_wrong(instance["value"], None if claimed is None else text_of(claimed))
        if wrong is not None:
            left, bottom, right, top = bounds(instance["value"])
            raise RowRejected("in_place", f"{rule['attribute']}: {_describe(left, bottom, right, top)}: {wrong}")

    return check


def _describe(west: float, south: float, east: float, north: float) -> str:
    if (west, south) == (east, north):
        return f"longitude {west}, latitude {south}"
    return f"longitude {west} to {east}, latitude {south} to {north}"
