"""Accepted patterns: Python's engine and the automaton agree, and going back stays within the bound."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hypothesis import assume, given
from hypothesis import strategies as st

from simpul.domain.errors import HubError
from simpul.domain.pattern import compile_pattern, find_automaton, matches_pattern
from simpul.domain.pattern_cost import PatternChecker
from simpul.domain.pattern_syntax import Anchor, Characters, Choice, Node, PatternParser, Repeat, Sequential

ATOMS = st.sampled_from(["a", "b", "ab", "[ab]", "[^a]", ".", r"\w", r"\s", "c", "^", "$", r"\b", "é"])
PATTERNS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}|{pair[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{2,}", "*?", "+?"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=8,
)
TEXTS = st.text(alphabet="abcé \n_A", max_size=12)


def accepted(pattern: str) -> re.Pattern[str]:
    try:
        return compile_pattern(pattern)
    except HubError:
        assume(False)
        raise


@given(PATTERNS, TEXTS, st.sampled_from(["", "(?i)"]))
def test_the_automaton_and_pythons_engine_agree(pattern: str, text: str, flags: str) -> None:
    ours = accepted(flags + pattern)
    # Python before 3.14 finds `\B` nowhere in an empty text.
    assume(text)
    expected = re.search(pattern.replace("$", r"\Z"), text, re.DOTALL | (re.IGNORECASE if flags else 0)) is not None
    assert matches_pattern(ours, text) is expected
    assert find_automaton(ours).search(text) is expected


@given(st.text(max_size=30) | st.text(alphabet="ab()[]{}|*+?\\^$.,:-1", max_size=30))
def test_any_text_is_a_pattern_or_is_refused_with_our_errors(text: str) -> None:
    try:
        pattern = compile_pattern(text)
    except HubError:
        return
    assert matches_pattern(pattern, "ab 1") in (True, False)


class Steps:
    """A backtracking matcher that explores everything and counts the characters it looks at."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.count = 0

    def explore(self, node: Node) -> int:
        for start in range(len(self.text) + 1):
            for _ in self.ends(node, start):
                pass
        return self.count

    def ends(self, node: Node, at: int) -> Iterator[int]:
        if isinstance(node, Characters):
            self.count += 1
            if re.match(node.text, self.text[at : at + 1], re.DOTALL):
                yield at + 1
        elif isinstance(node, Anchor):
            yield at
        elif isinstance(node, Choice):
            for part in node.parts:
                yield from self.ends(part, at)
        elif isinstance(node, Sequential):
            yield from self.sequence(node.parts, at)
        else:
            yield from self.repeat(node, at, 0)

    def sequence(self, parts: tuple[Node, ...], at: int) -> Iterator[int]:
        if not parts:
            yield at
            return
        for middle in self.ends(parts[0], at):
            yield from self.sequence(parts[1:], middle)

    def repeat(self, node: Repeat, at: int, done: int) -> Iterator[int]:
        if node.high is None or done < node.high:
            for middle in self.ends(node.body, at):
                yield from self.repeat(node, middle, done + 1)
        if done >= node.low:
            yield at


@given(PATTERNS, st.text(alphabet="ab", min_size=1, max_size=6), st.integers(1, 12))
def test_going_back_stays_within_the_bound(pattern: str, piece: str, times: int) -> None:
    accepted(pattern)
    node = PatternParser(pattern, 0, ignores_case=False).parse()
    checker = PatternChecker(pattern)
    try:
        checker.check(node)
    except HubError:
        assume(False)
    text = (piece * times)[:24]
    bound = 4 * len(pattern) * checker.cost(node, ()).choices * (len(text) + 1) ** checker.exponent(node)
    assert Steps(text).explore(node) <= bound
