"""The query string on its own: decoding, unknown names, numbers, projections."""

from __future__ import annotations

import pytest

from simpul import limits
from simpul.domain.context import CORE
from simpul.domain.errors import BadRequestData, InvalidRequest, NotImplementedYet, TooComplexQuery, TooManyResults
from simpul.domain.projection import parse_projection
from simpul.http.parameters import (
    decode_path,
    parse_attributes,
    parse_flag,
    parse_format,
    parse_options,
    parse_page,
    parse_parameters,
)

ALLOWED = frozenset({"type", "q", "limit", "options"})
FORMATS = frozenset({"normalized", "concise", "keyValues", "simplified"})


def test_parameters_are_decoded_once() -> None:
    assert parse_parameters(b"q=name==%22a%2Bb%2520c%22&type=Bus+Stop&limit=", ALLOWED) == {
        "q": 'name=="a+b%20c"', "type": "Bus Stop", "limit": "",
    }  # fmt: skip


def test_a_path_keeps_its_plus() -> None:
    assert decode_path(b"a+b%2Fc%2B") == "a+b/c+"


@pytest.mark.parametrize("query", [b"q=50%", b"q=%zz", b"q=%ff", b"%2=1"])
def test_a_broken_escape_is_refused(query: bytes) -> None:
    with pytest.raises(InvalidRequest):
        parse_parameters(query, ALLOWED)


def test_an_unknown_parameter_is_named_with_its_near_miss() -> None:
    with pytest.raises(InvalidRequest, match=r"'tipe'.* Did you mean 'type'\?"):
        parse_parameters(b"tipe=BusStop", ALLOWED)


def test_a_parameter_given_twice_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="'type' is given twice"):
        parse_parameters(b"type=A&type=B", ALLOWED)


def test_a_parameter_of_the_standard_that_is_not_there_yet_says_so() -> None:
    with pytest.raises(NotImplementedYet, match="'csf'"):
        parse_parameters(b"csf=x", ALLOWED)


def test_local_is_accepted_everywhere() -> None:
    assert parse_parameters(b"local=true", frozenset()) == {"local": "true"}


def test_a_query_string_has_a_bound() -> None:
    with pytest.raises(TooComplexQuery, match=str(limits.QUERY_STRING_BYTES_MAX)):
        parse_parameters(b"q=" + b"a" * limits.QUERY_STRING_BYTES_MAX, ALLOWED)


@pytest.mark.parametrize("limit", ["-1", "abc", "1.5", "0x10", "²", ""])
def test_a_limit_that_is_none_is_refused_with_the_range(limit: str) -> None:
    with pytest.raises(BadRequestData, match="from 0 to 1,000"):
        parse_page({"limit": limit})


def test_a_limit_over_the_bound_is_too_many_results() -> None:
    with pytest.raises(TooManyResults, match="1,000"):
        parse_page({"limit": "1001"})


def test_a_limit_of_nothing_needs_a_count() -> None:
    assert parse_page({"limit": "0", "count": "true"}) == (0, 0, True)
    with pytest.raises(BadRequestData, match="count=true"):
        parse_page({"limit": "0"})


def test_a_flag_is_true_or_false() -> None:
    assert parse_flag({"count": "true"}, "count")
    assert not parse_flag({"count": "false"}, "count")
    with pytest.raises(BadRequestData, match="count='yes'"):
        parse_flag({"count": "yes"}, "count")


def test_the_parameter_format_goes_before_options() -> None:
    assert parse_format({"format": "concise"}, frozenset({"keyValues"}), FORMATS) == "concise"
    assert parse_format({}, frozenset({"simplified"}), FORMATS) == "keyValues"
    assert parse_format({}, frozenset({"sysAttrs"}), FORMATS) == "normalized"


def test_two_formats_at_once_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="choose one"):
        parse_format({}, frozenset({"concise", "keyValues"}), FORMATS)


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(InvalidRequest, match="Did you mean 'keyValues'"):
        parse_options({"options": "keyValue"}, FORMATS)


def test_names_are_expanded_and_core_members_are_not() -> None:
    vocabulary = "https://uri.etsi.org/ngsi-ld/default-context/"
    assert parse_attributes("name,depth", CORE.expand) == (vocabulary + "name", vocabulary + "depth")
    assert parse_projection("id|name", "pick", CORE.expand).names == ("id", vocabulary + "name")


@pytest.mark.parametrize("attributes", ["id,type", "name,,depth", "@id", "a;b", "<x>"])
def test_a_wrong_attribute_name_is_refused(attributes: str) -> None:
    with pytest.raises(BadRequestData):
        parse_attributes(attributes, CORE.expand)


@pytest.mark.parametrize("text", [
    "id,a{b", "id,a{{b}", "id,,a", "id,a{,b}", "id,a{}", "id;a", "a}b{", "a{b}c", "{a}", "a,",
])  # fmt: skip
def test_a_malformed_projection_is_refused(text: str) -> None:
    """CIM 009 §4.21."""
    with pytest.raises(BadRequestData):
        parse_projection(text, "pick", CORE.expand)


@pytest.mark.parametrize(("text", "depth"), [("id,a", 0), ("id,a{b}", 1), ("id,a{b,c{d}}", 2), ("a{b|c},d", 1)])
def test_a_projection_reaches_into_linked_entities(text: str, depth: int) -> None:
    """CIM 009 §4.21."""
    assert parse_projection(text, "pick", CORE.expand).depth == depth


def test_a_projection_that_reaches_too_deep_is_refused() -> None:
    text = "a{" * (limits.JOIN_LEVELS_MAX + 1) + "b" + "}" * (limits.JOIN_LEVELS_MAX + 1)
    with pytest.raises(BadRequestData, match="relationships deep"):
        parse_projection(text, "pick", CORE.expand)
