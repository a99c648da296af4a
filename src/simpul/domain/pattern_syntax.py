"""Regular expressions as a tree: their parser and their text for Python's engine. No decision about their cost.

The dialect is described in `pattern.py`. A set of characters is known by ranges that hold at least the set: exact
for ASCII, generous beyond it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from simpul.domain.errors import BadRequestData
from simpul.limits import PATTERN_REPEATS_MAX, Q_DEPTH_MAX

_LAST = 0x10FFFF
_NON_ASCII = (128, _LAST)

Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Characters:
    """One character of a set. `text` is the set as Python's engine reads it; `ranges` holds at least the set."""

    text: str
    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Anchor:
    """A condition on the place, which takes no character."""

    text: str


@dataclass(frozen=True, slots=True)
class Sequential:
    """One part after the other; with no parts, nothing."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the parts."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """The body, `low` to `high` times; None is without end."""

    body: Node
    low: int
    high: int | None
    is_lazy: bool = False


Node = Characters | Anchor | Sequential | Choice | Repeat

_ANY = Characters(".", ((0, _LAST),))
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}
_SPACES: Ranges = ((9, 13), (28, 32))
_WORDS: Ranges = ((48, 57), (65, 90), (95, 95), (97, 122))
_CATEGORIES: dict[str, Ranges] = {"d": ((48, 57),), "w": _WORDS, "s": _SPACES}
_POSIX_CLASSES = {
    "alpha": "a-zA-ZÀ-ÖØ-öø-ɏ",
    "alnum": "a-zA-Z0-9À-ÖØ-öø-ɏ",
    "lower": "a-zß-öø-ÿ",
    "upper": "A-ZÀ-ÖØ-Þ",
    "digit": "0-9",
    "xdigit": "0-9A-Fa-f",
    "space": "\t-\r ",
    "blank": "\t ",
    "punct": "!-/:-@[-`{-~",
    "cntrl": "\x00-\x1f\x7f",
    "print": " -~\u00a0-\U0010ffff",
    "graph": "!-~\u00a1-\U0010ffff",
}
_COUNT = re.compile(r"\{(?:([0-9]{1,9})(?:(,)([0-9]{1,9})?)?|,([0-9]{1,9}))\}")
_POSIX_CLASS = re.compile(r"\[:([a-z]+):\]")


class PatternParser:
    """Recursive descent over the dialect. `at` is where it stands in `text`."""

    def __init__(self, text: str, at: int, *, ignores_case: bool) -> None:
        self.text = text
        self.at = at
        self.ignores_case = ignores_case
        self.depth = 0

    def fail(self, reason: str) -> NoReturn:
        raise BadRequestData(f"The regular expression `{self.text}` is not valid at character {self.at + 1}: {reason}")

    def here(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self, token: str) -> bool:
        found = self.text.startswith(token, self.at)
        self.at += len(token) if found else 0
        return found

    def parse(self) -> Node:
        node = self.choice()
        if self.here():
            self.fail("this `)` closes nothing; for the character itself write `\\)`.")
        return node

    def choice(self) -> Node:
        parts = [self.sequence()]
        while self.take("|"):
            parts.append(self.sequence())
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def sequence(self) -> Node:
        parts: list[Node] = []
        while self.here() not in ("", "|", ")"):
            parts.append(self.repeated())
        return parts[0] if len(parts) == 1 else Sequential(tuple(parts))

    def repeated(self) -> Node:
        node = self.single()
        start = self.at
        count = self.count()
        if count is None:
            return node
        if isinstance(node, Anchor):
            self.at = start
            self.fail(f"`{node.text}` is a place and cannot be repeated.")
        low, high = count
        node = Repeat(node, low, high, self.take("?"))
        if self.here() in ("*", "+", "?") or _COUNT.match(self.text, self.at):
            self.fail("a repeat cannot be repeated; use one of them.")
        return node

    def count(self) -> tuple[int, int | None] | None:
        for sign, count in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self.take(sign):
                return count
        found = _COUNT.match(self.text, self.at)
        if found is None:
            return None
        low = int(found[1] or 0)
        high = int(found[4] or found[3]) if found[4] or found[3] else (None if found[2] else low)
        if max(low, high or 0) > PATTERN_REPEATS_MAX or (high is not None and high < low):
            self.fail(f"expected counts of 0 to {PATTERN_REPEATS_MAX}, the smaller one first.")
        self.at = found.end()
        return low, high

    def single(self) -> Node:
        character = self.here()
        if character in "*+?":
            self.fail(f"there is nothing before `{character}` to repeat; for any text write `.*`.")
        if character == "(":
            return self.group()
        if character == "[":
            return self.bracket()
        if character == "\\":
            return self.escape()
        self.at += 1
        if character == ".":
            return _ANY
        return Anchor(character) if character in "^$" else self.literal(character)

    def group(self) -> Node:
        self.at += 1
        if self.here() == "?" and not self.take("?:"):
            self.fail("only `( )`, `(?: )` and, at the very beginning, `(?i)` are understood.")
        self.depth += 1
        if self.depth > Q_DEPTH_MAX:
            self.fail(f"its groups are nested more than {Q_DEPTH_MAX} levels deep.")
        node = self.choice()
        self.depth -= 1
        if not self.take(")"):
            self.fail("a `)` is missing; for the character itself write `\\(`.")
        return node

    def literal(self, character: str) -> Characters:
        code = ord(character)
        return Characters(_escaped(character), self.folded(((code, code),)))

    def folded(self, ranges: Ranges) -> Ranges:
        """Widen the ranges by the other case of each letter, generously, where case is ignored."""
        if not self.ignores_case:
            return ranges
        letters = ((65, 90, 32), (97, 122, -32))
        wider = list(ranges)
        for low, high in ranges:
            for first, last, shift in letters:
                if low <= last and first <= high:
                    wider.append((max(low, first) + shift, min(high, last) + shift))
        # A few letters beyond ASCII have ASCII letters (k, s, i) as their other case.
        touches = any(high >= 128 or low <= letter <= high for low, high in wider for letter in b"ksi")
        return merged([*wider, _NON_ASCII] if touches else wider)

    def escape(self) -> Node:
        letter = self.text[self.at + 1 : self.at + 2]
        if letter.lower() in _CATEGORIES:
            self.at += 2
            return Characters(f"\\{letter}", _category(letter))
        if letter in ("b", "B", "A", "Z"):
            self.at += 2
            return Anchor({"A": "^", "Z": "$"}.get(letter, f"\\{letter}"))
        return self.literal(self.escaped_character())

    def escaped_character(self) -> str:
        letter = self.text[self.at + 1 : self.at + 2]
        digits = {"x": 2, "u": 4}.get(letter)
        if digits:
            code = self.text[self.at + 2 : self.at + 2 + digits]
            if not re.fullmatch(rf"[0-9A-Fa-f]{{{digits}}}", code):
                self.fail(f"expected {digits} hexadecimal digits after `\\{letter}`.")
            self.at += 2 + digits
            return chr(int(code, 16))
        if letter.isdigit():
            self.fail("references back to a group are not understood.")
        if not letter or (letter.isalpha() and letter not in _CONTROLS):
            self.fail(f"`\\{letter}` is not understood; for the character `\\` itself write `\\\\`.")
        self.at += 2
        return _CONTROLS.get(letter, letter)

    def bracket(self) -> Characters:
        self.at += 1
        start = self.at
        negated = self.take("^")
        first = self.at
        texts: list[str] = []
        sure: list[tuple[int, int]] = []
        possible: list[tuple[int, int]] = []
        while self.here() != "]" or self.at == first:
            if not self.here():
                self.at = start - 1
                self.fail("this `[` has no `]`; for the character itself write `\\[`.")
            text, certain, more = self.bracket_item()
            texts.append(text)
            sure += certain
            possible += more
        self.at += 1
        ranges = _complement(merged(sure)) if negated else self.folded(merged(possible))
        return Characters(f"[{'^' if negated else ''}{''.join(texts)}]", ranges)

    def bracket_item(self) -> tuple[str, Ranges, Ranges]:
        """Take one item of a `[…]`; return it as Python reads it, what it surely holds, and what it may hold."""
        named = _POSIX_CLASS.match(self.text, self.at)
        if named is not None:
            if named[1] not in _POSIX_CLASSES:
                self.fail(f"`{named[0]}` is not understood; expected one of {', '.join(_POSIX_CLASSES)}.")
            self.at = named.end()
            return _posix_class(_POSIX_CLASSES[named[1]])
        letter = self.text[self.at + 1 : self.at + 2]
        if self.here() == "\\" and letter and letter.lower() in _CATEGORIES:
            self.at += 2
            ascii_only = _CATEGORIES[letter.lower()]
            certain = ascii_only if letter.islower() else merged([(0, 127)], without=ascii_only)
            return f"\\{letter}", certain, _category(letter)
        low = self.bracket_character()
        high = low
        if self.here() == "-" and self.text[self.at + 1 : self.at + 2] not in ("]", ""):
            self.at += 1
            high = self.bracket_character()
        if high < low:
            self.fail(f"the range `{low}-{high}` ends before it begins.")
        ranges = ((ord(low), ord(high)),)
        return (_escaped(low) if low == high else f"{_escaped(low)}-{_escaped(high)}"), ranges, ranges

    def bracket_character(self) -> str:
        if self.here() == "\\":
            if self.text[self.at + 1 : self.at + 2] == "b":
                self.fail("`\\b` is not understood inside `[…]`.")
            return self.escaped_character()
        self.at += 1
        return self.text[self.at - 1]


def _escaped(character: str) -> str:
    if character.isalnum() or character in (" ", "_") or ord(character) >= 128:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 32 or code == 127 else f"\\{character}"


def _posix_class(text: str) -> tuple[str, Ranges, Ranges]:
    pieces = re.findall(r"(.)-(.)|(.)", text, re.DOTALL)
    ranges = merged([(ord(low or one), ord(high or one)) for low, high, one in pieces])
    return "".join(f"{_escaped(chr(low))}-{_escaped(chr(high))}" for low, high in ranges), ranges, ranges


def _category(letter: str) -> Ranges:
    """Return what the letter of a category, such as `d` or `D`, may hold: beyond ASCII, anything."""
    inside = _CATEGORIES[letter.lower()]
    ranges = inside if letter.islower() else merged([(0, 127)], without=inside)
    return merged([*ranges, _NON_ASCII])


def merged(ranges: Sequence[tuple[int, int]], without: Ranges = ()) -> Ranges:
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    if not without:
        return tuple(merged)
    outside = _complement(without)
    return tuple(
        (max(low, first), min(high, last))
        for low, high in merged
        for first, last in outside
        if low <= last and first <= high
    )


def _complement(ranges: Ranges) -> Ranges:
    rest: list[tuple[int, int]] = []
    start = 0
    for low, high in ranges:
        if start < low:
            rest.append((start, low - 1))
        start = high + 1
    return (*rest, (start, _LAST)) if start <= _LAST else tuple(rest)


def overlap(left: Ranges, right: Ranges) -> bool:
    return any(low <= last and first <= high for low, high in left for first, last in right)


def without_ends(node: Node) -> Node:
    """Return the node without the `.*` at its ends: where a pattern is searched for, they say nothing."""
    parts: list[Node] = list(node.parts) if isinstance(node, Sequential) else [node]
    parts = _without_start(parts, Anchor("^"))
    parts = _without_start(parts[::-1], Anchor("$"))[::-1]
    return parts[0] if len(parts) == 1 else Sequential(tuple(parts))


def _without_start(parts: list[Node], anchor: Anchor) -> list[Node]:
    while True:
        bare = parts[1:] if parts[:1] == [anchor] else parts
        if not bare or not _is_any_text(bare[0]):
            return parts
        parts = bare[1:]


def _is_any_text(node: Node) -> bool:
    return isinstance(node, Repeat) and node.body == _ANY and node.low == 0 and node.high is None


def render_pattern(node: Node) -> str:
    if isinstance(node, Characters):
        return node.text
    if isinstance(node, Anchor):
        return r"\Z" if node.text == "$" else node.text
    if isinstance(node, Sequential):
        return "".join(
            f"(?:{render_pattern(part)})" if isinstance(part, Choice) else render_pattern(part) for part in node.parts
        )
    if isinstance(node, Choice):
        return "|".join(map(render_pattern, node.parts))
    body = render_pattern(node.body)
    if not isinstance(node.body, Characters):
        body = f"(?:{body})"
    high = "" if node.high is None else str(node.high)
    return f"{body}{{{node.low},{high}}}{'?' if node.is_lazy else ''}"
