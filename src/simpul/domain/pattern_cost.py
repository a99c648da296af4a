"""Whether a regular expression's work is bounded, and by what. Nothing is matched here; `pattern.py` says why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from simpul.domain.errors import TooComplexQuery
from simpul.domain.pattern_syntax import (
    Anchor,
    Characters,
    Choice,
    Node,
    Ranges,
    Repeat,
    Sequential,
    merged,
    overlap,
)
from simpul.limits import PATTERN_CHOICES_MAX, PATTERN_OPEN_REPEATS_MAX, PATTERN_STATES_MAX


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
        return merged([pair for part in node.parts for pair in _first(part)])
    found: list[tuple[int, int]] = []
    for part in node.parts if isinstance(node, Sequential) else ():
        found += _first(part)
        if not _is_nullable(part):
            break
    return merged(found)


def _again(node: Node) -> Ranges:
    """Return the characters with which a node that could end here can go on instead."""
    if isinstance(node, Repeat):
        inner = _again(node.body)
        return merged([*inner, *_first(node.body)]) if node.high is None or node.high > 1 else inner
    if isinstance(node, Choice):
        return merged([pair for part in node.parts for pair in _again(part)])
    found: list[tuple[int, int]] = []
    parts = node.parts if isinstance(node, Sequential) else ()
    for number in range(len(parts) - 1, -1, -1):
        found += _again(parts[number])
        if not _is_nullable(parts[number]):
            break
        found += _first(parts[number])
    return merged(found)


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


class PatternChecker:
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
            self.check_readable(node.body, merged([*_first(node.body)]))

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
            if node.low != node.high and overlap(_continuing(node), following):
                self.refuse("it repeats a repeat that overlaps with what can follow it, as `(a+)+` does.")
            if node.low == node.high:
                following = merged([*following, *_first(node.body)])
            self.check_readable(node.body, merged([*following, *_first(node.body)]))

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
        is_open = overlap(_continuing(node), following)
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
    return merged([*_first(node.body), *_again(node.body)])


def _following(rest: Sequence[Node], following: Ranges) -> Ranges:
    found = [*_first(Sequential(tuple(rest)))]
    return merged([*found, *following] if all(map(_is_nullable, rest)) else found)


def _alike(parts: Sequence[Node], following: Ranges) -> bool:
    """Return whether two alternatives can begin with the same character, or be empty where it could follow."""
    firsts = [merged([*_first(part), *(following if _is_nullable(part) else ())]) for part in parts]
    empties = sum(map(_is_nullable, parts))
    return empties > 1 or any(
        overlap(firsts[left], firsts[right]) for left in range(len(firsts)) for right in range(left)
    )


def _size(node: Node) -> int:
    """Return how many states the automaton of the node has for its characters."""
    if isinstance(node, (Sequential, Choice)):
        return sum(map(_size, node.parts)) + len(node.parts)
    if isinstance(node, Repeat):
        return _size(node.body) * max(node.low + (node.high is None), node.high or 0, 1)
    return 1
