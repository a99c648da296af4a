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
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from simpul.domain.errors import TooComplexQuery
from simpul.domain.pattern_cost import PatternChecker
from simpul.domain.pattern_syntax import (
    Anchor,
    Characters,
    Choice,
    Node,
    PatternParser,
    Repeat,
    Sequential,
    render_pattern,
    without_ends,
)
from simpul.limits import ID_PATTERN_CHARACTERS_MAX, PATTERN_STEPS_MAX

# States remembered by an automaton, and automata that are kept: at worst some 100 MB, usually some kB.
_REMEMBERED_STATES_MAX = 20_000
_AUTOMATA_MAX = 32


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
    node = without_ends(PatternParser(text, 4 if ignores_case else 0, ignores_case=ignores_case).parse())
    PatternChecker(text).check(node)
    flags = re.DOTALL | (re.IGNORECASE if ignores_case else 0)
    return re.compile(render_pattern(node), flags)


def matches_pattern(pattern: re.Pattern[str], text: str) -> bool:
    """Return whether the text holds what the pattern (of `compile_pattern`) describes, in bounded work."""
    if len(text) <= _characters_max(pattern.pattern, pattern.flags):
        return pattern.search(text) is not None
    return find_automaton(pattern).search(text)


def find_automaton(pattern: re.Pattern[str]) -> Automaton:
    """Return what reads long texts for this pattern."""
    return _automaton(pattern.pattern, pattern.flags)


@lru_cache(maxsize=256)
def _characters_max(rendered: str, flags: int) -> int:
    """Return up to which length a text goes to Python's engine."""
    exponent = PatternChecker(rendered).exponent(_parsed_again(rendered, flags))
    return int(PATTERN_STEPS_MAX ** (1 / exponent))


@lru_cache(maxsize=_AUTOMATA_MAX)
def _automaton(rendered: str, flags: int) -> Automaton:
    return Automaton(_parsed_again(rendered, flags), flags)


def _parsed_again(rendered: str, flags: int) -> Node:
    return PatternParser(rendered, 0, ignores_case=bool(flags & re.IGNORECASE)).parse()


@dataclass(slots=True)
class Automaton:
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
    if len(known) * max(len(value), 8) >= _REMEMBERED_STATES_MAX:
        known.clear()
    known[key] = value
    return value
