"""Patterns that strangers send: what is understood, what is refused, and what they match."""

from __future__ import annotations

import pytest

from simpul.domain.errors import BadRequestData, TooComplexQuery
from simpul.domain.pattern import compile_pattern, matches_pattern
from simpul.limits import ID_PATTERN_CHARACTERS_MAX, PATTERN_STEPS_MAX


def found(pattern: str, text: str) -> bool:
    return matches_pattern(compile_pattern(pattern), text)


@pytest.mark.parametrize(("pattern", "text"), [
    ("Raya", "Pasar Raya Padang"),
    ("^Pasar", "Pasar Raya"),
    ("Raya$", "Pasar Raya"),
    ("^urn:ngsi-ld:BusStop:[0-9]+$", "urn:ngsi-ld:BusStop:41"),
    (".*halte.*", "ada halte di sini"),
    (r"([0-9]{1,3}\.){3}[0-9]{1,3}", "10.0.12.7"),
    ("(?i)PADANG", "kota padang"),
    ("[[:digit:]]{4}-[[:alpha:]]+", "1234-abc"),
    ("a|b|", ""),
    ("[]a]", "]"),
    ("[^]a]", "b"),
    ("{x}", "{x}"),
    ("a{,2}b", "aab"),
    (r"\bhalte\b", "ke halte itu"),
    (r"\u00e9", "café"),
    ("a.b", "a\nb"),
    (r"[\w.-]+@[\w-]+", "walidata@padang"),
    (r"^(Jl|Jalan)\.? ", "Jl. Sudirman"),
    ("é+", "éé"),
])  # fmt: skip
def test_a_pattern_of_the_dialect_is_found(pattern: str, text: str) -> None:
    assert found(pattern, text)


@pytest.mark.parametrize(("pattern", "text"), [
    ("raya", "Pasar Raya"),
    ("^Raya", "Pasar Raya"),
    ("Pasar$", "Pasar Raya"),
    ("Raya$", "Pasar Raya\n"),
    ("[^0-9]", "123"),
    (r"a\.b", "axb"),
    ("^$", "x"),
    (r"\Bhalte", "ke halte"),
])  # fmt: skip
def test_what_the_pattern_does_not_describe_is_not_found(pattern: str, text: str) -> None:
    assert not found(pattern, text)


@pytest.mark.parametrize("pattern", [
    "(a+)+$",
    "(a*)*b",
    "(a|a)*b",
    "(a|aa)+$",
    "(a|b|ab)*c",
    "(.*a){10}",
    "(x+x+)+y",
    r"(\w+\s?)*$",
    "([a-zA-Z]+)*",
    r"^(\d+)*$",
    "^(([a-z])+.)+[A-Z]([a-z])+$",
    "(a?){25}a{25}",
    "a?" * 20 + "a" * 20,
    "(a{1,3})+",
    "((ab)*)*",
    "(?i)(a|A)+",
    r"(\s|\n)+x",
    "(foo|far)+",
    "a.*b.*c.*d",
    "(a{200}){200}",
    "a" * (ID_PATTERN_CHARACTERS_MAX + 1),
])  # fmt: skip
def test_a_pattern_that_could_take_very_long_is_refused(pattern: str) -> None:
    with pytest.raises(TooComplexQuery):
        compile_pattern(pattern)


@pytest.mark.parametrize(("pattern", "place", "reason"), [
    ("*abc", 1, "for any text write `.*`"),
    ("a**", 3, "a repeat cannot be repeated"),
    ("a++", 3, "a repeat cannot be repeated"),
    ("(a", 3, "a `)` is missing"),
    ("a)", 2, "closes nothing"),
    ("a[b", 2, "has no `]`"),
    (r"(a)\1", 4, "references back"),
    ("(?=a)b", 2, "only `( )`"),
    ("(?P<n>a)", 2, "only `( )`"),
    ("a(?i)b", 3, "only `( )`"),
    (r"\q", 1, "is not understood"),
    ("\\", 1, "is not understood"),
    ("[[:foo:]]", 2, "expected one of alpha"),
    ("[z-a]", 5, "ends before it begins"),
    ("a{3,1}", 2, "the smaller one first"),
    ("(.*){1,32000}", 5, "0 to 255"),
    ("^*", 2, "is a place"),
    (r"\x4", 1, "2 hexadecimal digits"),
    ("(" * 40 + "a" + ")" * 40, 34, "nested more than"),
])  # fmt: skip
def test_a_pattern_outside_the_dialect_is_refused_with_the_place(pattern: str, place: int, reason: str) -> None:
    with pytest.raises(BadRequestData) as refused:
        compile_pattern(pattern)
    assert f"at character {place}:" in refused.value.detail
    assert reason in refused.value.detail


def test_a_long_text_is_read_in_one_pass() -> None:
    text = "foo " * (PATTERN_STEPS_MAX // 20)
    assert not found("foo.*bar.*baz", text)
    assert found("foo.*bar.*baz$", text + "bar baz")


def test_an_automaton_with_many_counts_stays_within_its_states() -> None:
    assert found("^[a-z]{3,255}[0-9]?$", "a" * 255 + "1")
