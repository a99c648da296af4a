r"""Regular expressions that a stranger may send (`~=`, `idPattern`), so that their work is bounded. No q, no entity.

The dialect is what POSIX extended expressions (IEEE 1003.2) and everybody's habits share: literals, `.` (any
character), `[…]` with ranges and `[:alpha:]`, `( )` and `(?: )`, `|`, `* + ? {m,n}` and their lazy forms, `^ $ \b \B`,
`\d \w \s` and their opposites, `\n \t \r \f \v \xhh \uhhhh`, and a leading `(?i)` for any case. A pattern is
searched for; `^` and `$` tie it to the ends of the text.

Python's engine goes back and tries again, which can take it years on a few dozen characters. So a pattern is parsed
here first, and refused unless going back is bounded: what is repeated must be readable in one way only (no repeat
that can be cut into repeats differently, no alternatives that begin alike), at most PATTERN_OPEN_REPEATS_MAX repeats
may overlap with what follows them, and there are no references back and no looking around. What remains takes at
most a power of the text's length; `matches_pattern` reads a text that is too long for that with an automaton, in one
pass. Both give the same answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NoReturn

from simpul.domain.errors import BadRequestData, TooComplexQuery
from simpul.limits import (
    ID_PATTERN_CHARACTERS_MAX,
    PATTERN_CHOICES_MAX,
    PATTERN_OPEN_REPEATS_MAX,
    PATTERN_REPEATS_MAX,
    PATTERN_STATES_MAX,
    PATTERN_STEPS_MAX,
    Q_DEPTH_MAX,
)

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


@lru_cache(maxsize=256)
def compile_pattern(text: str) -> re.Pattern[str]:
    """Return the pattern, for `matches_pattern` or, on short texts, its own `search`.

    Raises BadRequestData where it is not of the dialect, TooComplexQuery where its work would not be bounded.
    """
    if len(text) > ID_PATTERN_CHARACTERS_MAX:
        raise TooComplexQuery(
            f"The regular expression has {len(text)} characters; expected up to {ID_PATTERN_CHARACTERS_MAX}."
        )
    ignores_case = text.startswith("(?i)")
    node = _without_ends(_Parser(text, 4 if ignores_case else 0, ignores_case=ignores_case).parse())
    _Checker(text).check(node)
    flags = re.DOTALL | (re.IGNORECASE if ignores_case else 0)
    return re.compile(_render(node), flags)


def matches_pattern(pattern: re.Pattern[str], text: str) -> bool:
    """Return whether the text holds what the pattern (of `compile_pattern`) describes, in bounded work."""
    plan = _plan(pattern.pattern, pattern.flags)
    if len(text) <= plan.characters_max:
        return pattern.search(text) is not None
    return plan.automaton.search(text)


@dataclass(frozen=True, slots=True)
class _Plan:
    """Up to which length a text goes to Python's engine, and what the longer ones go to."""

    characters_max: int
    automaton: _Automaton


@lru_cache(maxsize=256)
def _plan(rendered: str, flags: int) -> _Plan:
    ignores_case = bool(flags & re.IGNORECASE)
    node = _Parser(rendered, 0, ignores_case=ignores_case).parse()
    exponent = _Checker(rendered).exponent(node)
    return _Plan(int(PATTERN_STEPS_MAX ** (1 / exponent)), _Automaton(node, flags))


# ---- reading ----------------------------------------------------------------------------------------------------


class _Parser:
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
        count = self.count()
        if count is None:
            return node
        if isinstance(node, Anchor):
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
        return _merged([*wider, _NON_ASCII] if touches else wider)

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
        ranges = _complement(_merged(sure)) if negated else self.folded(_merged(possible))
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
            certain = ascii_only if letter.islower() else _merged([(0, 127)], without=ascii_only)
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
    ranges = _merged([(ord(low or one), ord(high or one)) for low, high, one in pieces])
    return "".join(f"{_escaped(chr(low))}-{_escaped(chr(high))}" for low, high in ranges), ranges, ranges


def _category(letter: str) -> Ranges:
    """Return what the letter of a category, such as `d` or `D`, may hold: beyond ASCII, anything."""
    inside = _CATEGORIES[letter.lower()]
    ranges = inside if letter.islower() else _merged([(0, 127)], without=inside)
    return _merged([*ranges, _NON_ASCII])


def _merged(ranges: Sequence[tuple[int, int]], without: Ranges = ()) -> Ranges:
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


def _overlap(left: Ranges, right: Ranges) -> bool:
    return any(low <= last and first <= high for low, high in left for first, last in right)


# ---- writing ----------------------------------------------------------------------------------------------------


def _without_ends(node: Node) -> Node:
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


def _render(node: Node) -> str:
    if isinstance(node, Characters):
        return node.text
    if isinstance(node, Anchor):
        return r"\Z" if node.text == "$" else node.text
    if isinstance(node, Sequential):
        return "".join(f"(?:{_render(part)})" if isinstance(part, Choice) else _render(part) for part in node.parts)
    if isinstance(node, Choice):
        return "|".join(map(_render, node.parts))
    body = _render(node.body)
    if not isinstance(node.body, Characters):
        body = f"(?:{body})"
    high = "" if node.high is None else str(node.high)
    return f"{body}{{{node.low},{high}}}{'?' if node.is_lazy else ''}"


# ---- refusing ---------------------------------------------------------------------------------------------------


def _is_nullable(node: Node) -> bool:
    """Return whether the node can take no character."""
    if isinstance(node, Characters):
        return False
    if isinstance(node, Sequential):
        return all(map(_is_nullable, node.parts))
    if isinstance(node, Choice):
        return any(map(_is_nullable, node.parts))
    return isinstance(node, Anchor) or node.low == 0 or _is_nullable(node.body)


def _first(node: Node) -> Ranges:
    """Return the characters that the node can begin with."""
    if isinstance(node, Characters):
        return node.ranges
    if isinstance(node, Repeat):
        return _first(node.body)
    if isinstance(node, Choice):
        return _merged([pair for part in node.parts for pair in _first(part)])
    found: list[tuple[int, int]] = []
    for part in node.parts if isinstance(node, Sequential) else ():
        found += _first(part)
        if not _is_nullable(part):
            break
    return _merged(found)


def _again(node: Node) -> Ranges:
    """Return the characters with which a node that could end here can go on instead."""
    if isinstance(node, Repeat):
        inner = _again(node.body)
        return _merged([*inner, *_first(node.body)]) if node.high is None or node.high > 1 else inner
    if isinstance(node, Choice):
        return _merged([pair for part in node.parts for pair in _again(part)])
    found: list[tuple[int, int]] = []
    parts = node.parts if isinstance(node, Sequential) else ()
    for number in range(len(parts) - 1, -1, -1):
        found += _again(parts[number])
        if not _is_nullable(parts[number]):
            break
        found += _first(parts[number])
    return _merged(found)


@dataclass(frozen=True, slots=True)
class _Cost:
    """How often going back can multiply the work: by the text's length `opens` times, and by `choices`.

    `closed` is whether a repeat without end runs along the text without any going back.
    """

    opens: int = 0
    choices: int = 1
    closed: bool = False

    def then(self, other: _Cost) -> _Cost:
        return _Cost(self.opens + other.opens, self.choices * other.choices, self.closed or other.closed)


class _Checker:
    """Decides whether going back is bounded. `text` is the pattern, for the message."""

    def __init__(self, text: str) -> None:
        self.text = text

    def refuse(self, reason: str) -> NoReturn:
        raise TooComplexQuery(f"The regular expression `{self.text}` could take very long: {reason}")

    def check(self, node: Node) -> None:
        if _size(node) > PATTERN_STATES_MAX:
            self.refuse(f"with its counts written out it has more than {PATTERN_STATES_MAX} characters.")
        self.check_repeats(node)
        cost = self.cost(node, ())
        if cost.opens > PATTERN_OPEN_REPEATS_MAX:
            self.refuse(
                f"it has more than {PATTERN_OPEN_REPEATS_MAX} repeats that overlap with what follows them. "
                "Make them exclude it, as in `[^,]*,` for `.*,`, or ask in several conditions joined by `;`."
            )
        if cost.choices > PATTERN_CHOICES_MAX:
            self.refuse("it has too many optional parts or alternatives that begin alike.")

    def check_repeats(self, node: Node) -> None:
        if isinstance(node, (Sequential, Choice)):
            for part in node.parts:
                self.check_repeats(part)
        if not isinstance(node, Repeat):
            return
        self.check_repeats(node.body)
        if node.high is not None and node.high <= 1:
            return
        if _is_nullable(node.body):
            self.refuse("it repeats something that can be empty, as `(a*)*` does.")
        if not isinstance(node.body, Characters):
            self.check_readable(node.body, _merged([*_first(node.body)]))

    def check_readable(self, node: Node, following: Ranges) -> None:
        """Refuse a repeated node that one text can be read with in two ways; `following` is what can come next."""
        if isinstance(node, Sequential):
            for number, part in enumerate(node.parts):
                self.check_readable(part, _following(node.parts[number + 1 :], following))
        elif isinstance(node, Choice):
            if _alike(node.parts, following):
                self.refuse(
                    "it repeats alternatives that begin alike. Write what they share once: `(ab|ac)*` is `(a[bc])*`."
                )
            for part in node.parts:
                self.check_readable(part, following)
        elif isinstance(node, Repeat):
            if node.low != node.high and _overlap(_continuing(node), following):
                self.refuse("it repeats a repeat that overlaps with what can follow it, as `(a+)+` does.")
            if node.low == node.high:
                following = _merged([*following, *_first(node.body)])
            self.check_readable(node.body, _merged([*following, *_first(node.body)]))

    def cost(self, node: Node, following: Ranges) -> _Cost:
        """Return the cost of a node after which `following` can come; () at the end, where nothing is tried again."""
        total = _Cost()
        if isinstance(node, Sequential):
            for number, part in enumerate(node.parts):
                total = total.then(self.cost(part, _following(node.parts[number + 1 :], following)))
            return total
        if isinstance(node, Choice):
            costs = [self.cost(part, following) for part in node.parts]
            choices = [cost.choices for cost in costs]
            return _Cost(
                max(cost.opens for cost in costs),
                sum(choices) if _alike(node.parts, following) else max(choices),
                any(cost.closed for cost in costs),
            )
        return self.repeat_cost(node, following) if isinstance(node, Repeat) else total

    def repeat_cost(self, node: Repeat, following: Ranges) -> _Cost:
        is_open = _overlap(_continuing(node), following)
        if node.high == 1:
            inner = self.cost(node.body, following)
            return _Cost(inner.opens, inner.choices + is_open, inner.closed)
        if node.high is None:
            return _Cost(opens=1) if is_open else _Cost(closed=True)
        return _Cost(choices=node.high - node.low + 1) if is_open else _Cost()

    def exponent(self, node: Node) -> int:
        """Return the power of the text's length that bounds the work of a search."""
        cost = self.cost(node, ())
        return 1 + cost.opens + cost.closed


def _continuing(node: Repeat) -> Ranges:
    """Return the characters with which a repeat goes on where it could also stop."""
    return _merged([*_first(node.body), *_again(node.body)])


def _following(rest: Sequence[Node], following: Ranges) -> Ranges:
    found = [*_first(Sequential(tuple(rest)))]
    return _merged([*found, *following] if all(map(_is_nullable, rest)) else found)


def _alike(parts: Sequence[Node], following: Ranges) -> bool:
    """Return whether two alternatives can begin with the same character, or be empty where it could follow."""
    firsts = [_merged([*_first(part), *(following if _is_nullable(part) else ())]) for part in parts]
    empties = sum(map(_is_nullable, parts))
    return empties > 1 or any(
        _overlap(firsts[left], firsts[right]) for left in range(len(firsts)) for right in range(left)
    )


def _size(node: Node) -> int:
    """Return how many states the automaton of the node has for its characters."""
    if isinstance(node, (Sequential, Choice)):
        return sum(map(_size, node.parts)) + len(node.parts)
    if isinstance(node, Repeat):
        return _size(node.body) * max(node.low + (node.high is None), node.high or 0, 1)
    return 1


# ---- searching in one pass ----------------------------------------------------------------------------------------

_CACHE_STEPS_MAX = 10_000


@dataclass(slots=True)
class _Automaton:
    """Thompson's automaton, with the sets of states met so far remembered. One pass over any text."""

    node: Node
    flags: int
    characters: list[re.Pattern[str] | None] = field(default_factory=list)
    successors: list[list[tuple[int, str]]] = field(default_factory=list)
    start: int = 0
    end: int = 0
    closures: dict[tuple[frozenset[int], str], frozenset[int]] = field(default_factory=dict)
    steps: dict[tuple[frozenset[int], str], frozenset[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.end = self.add()
        self.start = self.build(self.node, self.end)

    def add(self, character: re.Pattern[str] | None = None) -> int:
        self.characters.append(character)
        self.successors.append([])
        return len(self.characters) - 1

    def build(self, node: Node, following: int) -> int:
        """Add the states of the node, which lead to `following`; return the first of them."""
        if isinstance(node, Sequential):
            for part in reversed(node.parts):
                following = self.build(part, following)
            return following
        if isinstance(node, Repeat):
            return self.build_repeat(node, following)
        state = self.add(re.compile(node.text, self.flags) if isinstance(node, Characters) else None)
        if isinstance(node, Choice):
            self.successors[state] = [(self.build(part, following), "") for part in node.parts]
        else:
            self.successors[state] = [(following, node.text if isinstance(node, Anchor) else "")]
        return state

    def build_repeat(self, node: Repeat, following: int) -> int:
        end = following
        if node.high is None:
            following = self.add()
            self.successors[following] = [(self.build(node.body, following), ""), (end, "")]
        for _ in range((node.high or 0) - node.low):
            branch = self.add()
            self.successors[branch] = [(self.build(node.body, following), ""), (end, "")]
            following = branch
        for _ in range(node.low):
            following = self.build(node.body, following)
        return following

    def search(self, text: str) -> bool:
        states: frozenset[int] = frozenset()
        was_word = False
        for at in range(len(text) + 1):
            character = text[at : at + 1]
            is_word = bool(character) and (character.isalnum() or character == "_")
            place = ("^" if at == 0 else "") + ("" if character else "$") + (r"\b" if was_word != is_word else r"\B")
            was_word = is_word
            reached = self.closure(states, place)
            if self.end in reached:
                return True
            states = self.step(reached, character)
        return False

    def closure(self, states: frozenset[int], place: str) -> frozenset[int]:
        """Return the states that can be reached at this place without a character, from these or from the start."""
        known = self.closures.get((states, place))
        if known is not None:
            return known
        reached = {self.start, *states}
        waiting = list(reached)
        while waiting:
            state = waiting.pop()
            if self.characters[state] is not None:
                continue
            for successor, anchor in self.successors[state]:
                if anchor in place and successor not in reached:
                    reached.add(successor)
                    waiting.append(successor)
        return _remember(self.closures, (states, place), frozenset(reached))

    def step(self, states: frozenset[int], character: str) -> frozenset[int]:
        known = self.steps.get((states, character))
        if known is not None:
            return known
        after = frozenset(self.after(states, character))
        return _remember(self.steps, (states, character), after)

    def after(self, states: frozenset[int], character: str) -> Iterator[int]:
        for state in states:
            pattern = self.characters[state]
            if pattern is not None and pattern.fullmatch(character):
                yield self.successors[state][0][0]


def _remember(
    known: dict[tuple[frozenset[int], str], frozenset[int]], key: tuple[frozenset[int], str], value: frozenset[int]
) -> frozenset[int]:
    if len(known) >= _CACHE_STEPS_MAX:
        known.clear()
    known[key] = value
    return value
