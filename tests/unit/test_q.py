"""The query language's parser (CIM 009 §4.9, §4.17, §4.19): what each form means, and where a wrong one is wrong."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from simpul.domain.errors import BadRequestData, HubError, TooComplexQuery
from simpul.domain.q import (
    AllOf,
    AnyOf,
    Between,
    Compare,
    Exists,
    Expression,
    Moment,
    Operand,
    Operator,
    Path,
    Uri,
    find_instant,
    find_time_of_day,
    parse_q,
    parse_scope_selection,
    parse_type_selection,
    split_names,
)
from simpul.limits import Q_CHARACTERS_MAX, Q_DEPTH_MAX, Q_TERMS_MAX


def expand(name: str) -> str:
    return name if "://" in name or name.startswith("urn:") else f"https://e.id/{name}"


def parse(text: str) -> Expression:
    return parse_q(text, expand)


def path(*names: str, members: tuple[str, ...] = ()) -> Path:
    return Path(tuple(map(expand, names)), members)


def value(text: str) -> Operand | Between:
    expression = parse(f"a=={text}")
    assert isinstance(expression, Compare)
    return expression.values[0]


A, B, C = (Exists(path(name)) for name in "abc")


def test_a_name_alone_asks_for_existence() -> None:
    assert parse("temperature") == Exists(path("temperature"))


def test_and_binds_more_tightly_than_or() -> None:
    assert parse("a;b|c") == AnyOf((AllOf((A, B)), C))
    assert parse("a|b;c") == AnyOf((A, AllOf((B, C))))


def test_parentheses_come_first() -> None:
    assert parse("a;(b|c)") == AllOf((A, AnyOf((B, C))))
    assert parse("((a|b);c)") == AllOf((AnyOf((A, B)), C))


@pytest.mark.parametrize("operator", [sign for sign in Operator if sign not in (Operator.MATCH, Operator.NOT_MATCH)])
def test_every_operator_takes_a_value(operator: Operator) -> None:
    assert parse(f"a{operator.value}20") == Compare(path("a"), operator, (20,))


@pytest.mark.parametrize(("text", "expected"), [
    ("20", 20),
    ("-2.50", -2.5),
    ("1e3", 1000.0),
    ("9223372036854775807", 2**63 - 1),
    ("18446744073709551616", 2.0**64),
    ("true", True),
    ("false", False),
    ('"Pasar Raya"', "Pasar Raya"),
    (r'"a\"b;c|(d),\u00e9\n"', 'a"b;c|(d),é\n'),
    ('""', ""),
    ('"20"', "20"),
    ("2026-01-31", Moment("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC))),
    ("2026-01-31T07:30:00Z", Moment("2026-01-31T07:30:00Z", datetime(2026, 1, 31, 7, 30, tzinfo=UTC))),
    ("2026-01-31T07:30:00.25+07:00", Moment(
        "2026-01-31T07:30:00.25+07:00", datetime(2026, 1, 31, 0, 30, 0, 250_000, tzinfo=UTC)
    )),
    ("12:30:00", Moment("12:30:00", None)),
    ("urn:ngsi-ld:A:1", Uri("urn:ngsi-ld:A:1", "urn:ngsi-ld:A:1")),
    ("https://e.id/x?y=1#z", Uri("https://e.id/x?y=1#z", "https://e.id/x?y=1#z")),
    ("Male", Uri("Male", "Male")),
    ("010", Uri("010", "010")),
])  # fmt: skip
def test_a_value_is_read_by_its_form(text: str, expected: Operand) -> None:
    assert value(text) == expected
    assert type(value(text)) is type(expected)


def test_values_are_listed_with_commas() -> None:
    assert parse('a=="x", 2,true') == Compare(path("a"), Operator.EQUAL, ("x", 2, True))


@pytest.mark.parametrize(("text", "expected"), [
    ("10..20", Between(10, 20)),
    ("1.5..2.5", Between(1.5, 2.5)),
    ('"a".."m"', Between("a", "m")),
    ("2026-01-01..2026-02-01", Between(
        Moment("2026-01-01", datetime(2026, 1, 1, tzinfo=UTC)), Moment("2026-02-01", datetime(2026, 2, 1, tzinfo=UTC))
    )),
])  # fmt: skip
def test_two_dots_are_a_range(text: str, expected: Between) -> None:
    assert value(text) == expected


def test_dots_lead_to_sub_attributes_and_brackets_into_the_value() -> None:
    assert parse("a.b[c.d]") == Exists(path("a", "b", members=("c", "d")))
    assert parse("a[*]") == Exists(path("a", members=("*",)))
    assert parse("a[id-ID]") == Exists(path("a", members=("id-ID",)))


def test_members_of_the_core_keep_their_names() -> None:
    assert parse("a.observedAt") == Exists(Path((expand("a"), "observedAt")))
    assert parse("modifiedAt") == Exists(Path(("modifiedAt",)))


def test_a_name_may_be_an_iri() -> None:
    assert parse("https://w3id.org/x.y/a.b==1") == Compare(
        Path(("https://w3id.org/x.y/a", expand("b"))), Operator.EQUAL, (1,)
    )
    assert split_names("a.https://w3id.org/x.y#b.c") == ["a", "https://w3id.org/x.y#b", "c"]


def test_braces_lead_to_the_linked_entity() -> None:
    humidity = path("humidity")
    assert parse("sensor{humidity}==40") == Compare(Path((expand("sensor"),), (), (), humidity), Operator.EQUAL, (40,))
    assert parse("sensor{Device, Probe:humidity}") == Exists(
        Path((expand("sensor"),), (), (expand("Device"), expand("Probe")), humidity)
    )
    assert parse("a{T:b{U:c.d[e]}}") == Exists(
        Path(
            (expand("a"),), (), (expand("T"),), Path((expand("b"),), (), (expand("U"),), path("c", "d", members=("e",)))
        )
    )
    assert parse("a{https://w3id.org/T:https://w3id.org/b}") == Exists(
        Path((expand("a"),), (), ("https://w3id.org/T",), Path(("https://w3id.org/b",)))
    )


@pytest.mark.parametrize(("text", "pattern"), [
    ("a~=^Pasar", "^Pasar"),
    ('a~="^Pasar;(x|y)"', "^Pasar;(x|y)"),
    ("a~=^(x|y)[;|]z", "^(x|y)[;|]z"),
    (r'a~="say \"hi\" \d"', r'say "hi" \d'),
    (r"a~=x\;y", r"x\;y"),
    ("(a~=x)", "x"),
])  # fmt: skip
def test_a_pattern_is_the_text_as_written(text: str, pattern: str) -> None:
    assert parse(text) == Compare(path("a"), Operator.MATCH, (pattern,))


def test_a_bare_pattern_ends_where_the_next_condition_begins() -> None:
    assert parse("a!~=x;b") == AllOf((Compare(path("a"), Operator.NOT_MATCH, ("x",)), B))


def test_white_space_may_stand_between_the_parts() -> None:
    assert parse(" a == 1 ; ( b | c ) ") == parse("a==1;(b|c)")


def test_texts_are_expanded_where_the_request_asks_for_it() -> None:
    assert parse_q('gender=="Male"', expand, expand_values=["gender"]) == Compare(
        path("gender"), Operator.EQUAL, (Uri("Male", expand("Male")),)
    )


@pytest.mark.parametrize(("text", "place", "expected"), [
    ("", 1, "the name of an attribute"),
    ("a;", 3, "the name of an attribute"),
    ("a||b", 3, "the name of an attribute"),
    ("!a", 1, "the name of an attribute"),
    ("a=1", 2, "an operator"),
    ("a b", 3, "an operator"),
    ("a==", 4, "a value"),
    ("a==x y", 6, "double quotes"),
    ("a==(b)", 4, "a value"),
    ("(a", 3, "`)`"),
    ("a)", 2, "the end"),
    ("a==1,", 6, "a value"),
    ("a>true", 3, "a number"),
    ("a>Padang", 3, "in double quotes"),
    ("a>1,2", 4, "one value"),
    ("a<1..2", 4, "one value"),
    ("a==1..x", 4, "a range of two numbers"),
    ('a==1.."x"', 4, "a range of two numbers"),
    ("a==true..false", 4, "a range of two numbers"),
    ("a==12:00:00..2026-01-01", 4, "a range of two numbers"),
    ('a=="x', 6, "begins at character 4"),
    (r'a=="\q"', 4, "JSON escapes"),
    (r'a=="\ud800"', 4, "JSON escapes"),
    ("a==2026-13-01", 4, "a date that exists"),
    ("a==0000-01-01T00:00:00Z", 4, "a date that exists"),
    ("a==1e999", 4, "a number that a computer can hold"),
    ("a..b", 1, "single dots"),
    ("a.", 1, "single dots"),
    ("a[", 3, "names of members"),
    ("a[b", 3, "names of members"),
    ("a[]", 3, "names of members"),
    ("a[b..c]", 3, "names of members"),
    ("a[b][c]", 5, "an operator"),
    ("a{b", 4, "`}`"),
    ("a{}", 3, "the name of an attribute"),
    ("a{T,:b}", 3, "types with commas"),
    ("a{T}.b", 5, "an operator"),
    ("id==1", 1, "`idPattern`"),
    ("type==1", 1, "the parameter `type`"),
    ("scope==1", 1, "`scopeQ`"),
    ("a~=", 4, "a regular expression"),
    ('a~=""', 4, "a regular expression"),
    ("a==\ud800", 4, "surrogate"),
])  # fmt: skip
def test_a_wrong_form_is_refused_with_its_place(text: str, place: int, expected: str) -> None:
    with pytest.raises(BadRequestData) as refused:
        parse(text)
    assert f"at character {place}:" in refused.value.detail
    assert expected in refused.value.detail


def test_a_pattern_that_could_take_very_long_is_refused_by_the_parser() -> None:
    with pytest.raises(TooComplexQuery):
        parse('a~="(a+)+$"')


@pytest.mark.parametrize("text", [
    "a" * (Q_CHARACTERS_MAX + 1),
    ";".join(["a"] * (Q_TERMS_MAX + 1)),
    "a==" + ",".join(["1"] * (Q_TERMS_MAX + 1)),
    "(" * (Q_DEPTH_MAX + 1) + "a" + ")" * (Q_DEPTH_MAX + 1),
    "a{" * (Q_DEPTH_MAX + 1) + "a" + "}" * (Q_DEPTH_MAX + 1),
])  # fmt: skip
def test_a_question_beyond_a_limit_is_too_complex(text: str) -> None:
    with pytest.raises(TooComplexQuery):
        parse(text)


def test_a_question_at_the_limits_is_answered() -> None:
    assert parse(";".join(["a"] * Q_TERMS_MAX)) == AllOf((A,) * Q_TERMS_MAX)
    assert parse("(" * Q_DEPTH_MAX + "a" + ")" * Q_DEPTH_MAX) == A


@pytest.mark.parametrize(("text", "expected"), [
    ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
    ("2026-01-31T00:00:00", datetime(2026, 1, 31, tzinfo=UTC)),
    ("2026-01-31T00:00:00,5Z", datetime(2026, 1, 31, 0, 0, 0, 500_000, tzinfo=UTC)),
    ("2026-01-31T00:00:00.123456789Z", datetime(2026, 1, 31, 0, 0, 0, 123_456, tzinfo=UTC)),
    ("0001-01-01T00:00:00+14:00", None),
    ("2026-02-30", None),
    ("2026-1-1", None),
    ("hari ini", None),
])  # fmt: skip
def test_an_instant_is_read_from_dates_that_exist(text: str, expected: datetime | None) -> None:
    assert find_instant(text) == expected


def test_a_time_of_day_is_read_from_times_that_exist() -> None:
    assert find_time_of_day("07:30:00Z") == find_time_of_day("07:30:00.0")
    assert find_time_of_day("25:00:00") is None
    assert find_time_of_day("7:30") is None


@pytest.mark.parametrize(("text", "expected"), [
    ("A", [("A",)]),
    ("A,B|C", [("A",), ("B",), ("C",)]),
    ("A;B", [("A", "B")]),
    ("A,(B;C)", [("A",), ("B", "C")]),
    ("(A,B);C", [("A", "C"), ("B", "C")]),
    ("A;A", [("A",)]),
    ("https://e.id/A , B", [("A",), ("B",)]),
])  # fmt: skip
def test_types_are_selected_by_or_and_and(text: str, expected: list[tuple[str, ...]]) -> None:
    names = tuple(tuple(map(expand, every)) for every in expected)
    assert parse_type_selection(text, expand).any_of == names


@pytest.mark.parametrize(("text", "expected"), [
    ("/Padang", [("/Padang",)]),
    ("Padang/Barat", [("/Padang/Barat",)]),
    ("/Padang/#", [("/Padang/#",)]),
    ("/#", [("/#",)]),
    ("/Padang/+/Taman", [("/Padang/+/Taman",)]),
    ("/Padang/ /Taman", [("/Padang/+/Taman",)]),
    ("(/A/B;/C)|D", [("/A/B", "/C"), ("/D",)]),
    ("/A,/B", [("/A",), ("/B",)]),
])  # fmt: skip
def test_scopes_are_selected_by_or_and_and(text: str, expected: list[tuple[str, ...]]) -> None:
    assert parse_scope_selection(text).any_of == tuple(expected)


@pytest.mark.parametrize("text", ["", ",", "A,", "(A", "A)", "A;;B", "()", "A B", "A<b>"])
def test_a_wrong_selection_is_refused(text: str) -> None:
    with pytest.raises(BadRequestData):
        parse_type_selection(text, expand)
    with pytest.raises(BadRequestData):
        parse_scope_selection(text)


@pytest.mark.parametrize("text", ["//A", "/A//B", "/A/#/B", "/", "/A/"])
def test_a_scope_with_an_empty_level_is_refused(text: str) -> None:
    with pytest.raises(BadRequestData):
        parse_scope_selection(text)


def test_a_selection_that_multiplies_out_beyond_the_limit_is_too_complex() -> None:
    with pytest.raises(TooComplexQuery):
        parse_type_selection(";".join(["(A,B)"] * 20), expand)
    with pytest.raises(HubError):
        parse_type_selection("(" * 1_000 + "A" + ")" * 1_000, expand)
