"""The index of questions against asking each of them (`match.matches`), and a watchlist against its conditions."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simpul.domain.entity import Record
from simpul.domain.errors import HubError
from simpul.domain.match import matches
from simpul.domain.q import Expression
from simpul.domain.watch import pack_numbers, unpack_numbers
from simpul.domain.watch_index import Asked, QuestionIndex
from tests.property.test_match_property import EXPRESSIONS, RECORDS, TERMS


def answers(expression: Expression, record: Record) -> bool:
    try:
        return matches(expression, record)
    except HubError:
        return True


@given(st.lists(st.none() | TERMS | EXPRESSIONS, max_size=12), RECORDS)
def test_the_index_finds_those_whose_question_is_answered(questions: list[Expression | None], record: Record) -> None:
    index = QuestionIndex(Asked(q, pack_numbers([number, 1000 + number])) for number, q in enumerate(questions))
    found = sorted(unpack_numbers(index.find(record, None)))
    meant = [number for number, q in enumerate(questions) if q is None or answers(q, record)]
    assert found == sorted([*meant, *(1000 + number for number in meant)])
