"""Entity tags and conditions about them, by RFC 9110 §8.8.3 and §13.1."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simpul.domain.entity_tag import Condition, State, Tag, Tags, form_tag, parse_condition, version_of
from simpul.domain.errors import InvalidRequest

BODY = b'{"id":"urn:x:1","type":"T"}'
NOW = State(version_of(0, BODY), 0x1234)
OPAQUE = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters='"\x7f', exclude_categories=["Cc"])
)


def parsed(text: str) -> Tags:
    found = parse_condition(text, None).if_match
    assert found is not None
    return found


@given(st.lists(st.tuples(OPAQUE, st.booleans()), min_size=1, max_size=5), st.sampled_from([",", ", ", " ,\t", ",,"]))
def test_a_list_of_tags_is_read_as_it_was_written(tags: list[tuple[str, bool]], comma: str) -> None:
    text = comma.join(f'{"W/" if is_weak else ""}"{opaque}"' for opaque, is_weak in tags)
    assert parsed(text) == Tags(tuple(Tag(*tag) for tag in tags))


@given(st.text(max_size=40))
def test_any_text_is_a_list_of_tags_or_refused(text: str) -> None:
    try:
        found = parse_condition(None, text).if_none_match
    except InvalidRequest:
        return
    assert found is not None
    assert found.is_any or found.listed


@pytest.mark.parametrize("text", ["", "  ", ",", "abc", '"a" "b"', '"a', 'w/"a"', '*, "a"', '"a", *', '"a b"'])
def test_what_is_no_list_of_tags_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="in quotation marks"):
        parse_condition(text, None)


def test_a_long_list_of_commas_is_read_in_no_time() -> None:
    with pytest.raises(InvalidRequest):
        parse_condition("," * 200_000, None)


def test_a_weak_tag_is_never_strongly_equal_8_8_3_2() -> None:
    assert parsed('W/"1"').match_weakly("1")
    assert not parsed('W/"1"').match_strongly("1")
    assert parsed('"1"').match_weakly("1")
    assert parsed('"1"').match_strongly("1")
    assert not parsed('"1"').match_weakly("2")
    assert not parsed('"1"').match_weakly(None)
    assert parsed("*").match_strongly(None)


def test_every_form_of_a_state_tells_it() -> None:
    for opaque in (NOW.version, form_tag(NOW.version, [b"other"]), form_tag(NOW.version, [b"times"], NOW.modified_us)):
        assert parsed(f'"{opaque}"').tell_strongly(NOW)
        assert parsed(f'"x", "{opaque}"').tell_strongly(NOW)
        assert not parsed(f'W/"{opaque}"').tell_strongly(NOW)
        assert parsed(f'W/"{opaque}"').tell_weakly(NOW)


def test_another_state_is_not_told() -> None:
    for version in (version_of(1, BODY), version_of(-2, BODY), version_of(0, BODY + b" ")):
        assert not parsed(f'"{version}"').tell_weakly(NOW)
    assert not parsed(f'"{form_tag(NOW.version, [], NOW.modified_us + 1)}"').tell_strongly(NOW)


def test_forms_that_differ_anywhere_have_other_tags() -> None:
    forms = ([b"ab", b"c"], [b"a", b"bc"], [b"abc"], [b"abc", b""])
    assert len({form_tag(NOW.version, form) for form in forms}) == len(forms)


@pytest.mark.parametrize(("if_match", "if_none_match", "is_met"), [
    (None, None, True), ("*", None, True), (None, "*", False), ("*", '"x"', True), ('"x"', None, False),
    (None, '"x"', True), (f'"{NOW.version}"', None, True), (None, f'"{NOW.version}"', False),
    (f'"{NOW.version}"', f'W/"{NOW.version}"', False),
])  # fmt: skip
def test_a_condition_holds_or_not_for_a_state_13_2_2(
    if_match: str | None, if_none_match: str | None, is_met: bool
) -> None:
    condition = parse_condition(if_match, if_none_match)
    assert isinstance(condition, Condition)
    assert condition.is_met(NOW) == is_met
