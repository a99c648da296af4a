"""When alerts begin and end, how old a source may be, and what is told of them."""

from __future__ import annotations

import pytest

from simpul.domain.alert_letter import Occasion, document_of, subject_of, text_of
from simpul.domain.alerts import (
    BEGAN,
    COLLAPSED,
    DRIFTED,
    ENDED,
    FAILING,
    STALE,
    Alert,
    Facts,
    decide_alerts,
    is_stale,
    stale_after_us,
)
from simpul.domain.city import City, SourceDeclaration

HOUR = 3_600_000_000
SOURCE = SourceDeclaration("halte", "table", "dishub", {"id": "Halte", "en": "Bus stops"}, "BusStop", "halte.yaml", {})


def facts(failures: int = 0, change: str = "", fresh: int | None = 0, now: int = 0, error: str = "away") -> Facts:
    return Facts(now * HOUR, None if fresh is None else fresh * HOUR, 2 * HOUR, failures, 3, error, change)


@pytest.mark.parametrize(("declared", "hours"), [
    ({}, None), ({"schedule": {"every": "3h"}}, 6), ({"schedule": {"every": "3h"}, "stale_after": "2d"}, 48),
    ({"stale_after": "30m"}, 0.5),
])  # fmt: skip
def test_a_source_may_be_as_old_as_it_says_or_as_two_of_its_turns(
    declared: dict[str, object], hours: float | None
) -> None:
    assert stale_after_us(declared) == (None if hours is None else int(hours * HOUR))


def test_what_never_was_fresh_or_may_be_of_any_age_is_not_stale() -> None:
    assert not is_stale(None, HOUR, 9 * HOUR)
    assert not is_stale(0, None, 9 * HOUR)
    assert not is_stale(0, HOUR, HOUR)
    assert is_stale(0, HOUR, HOUR + 1)


@pytest.mark.parametrize(("given", "is_open", "begins", "ends"), [
    (facts(), set(), [], []),
    (facts(failures=2), set(), [], []),
    (facts(failures=3), set(), [FAILING], []),
    (facts(failures=9), {FAILING}, [], []),
    (facts(failures=0), {FAILING, STALE}, [], [FAILING, STALE]),
    (facts(failures=3, now=3), {FAILING}, [STALE], []),
    (facts(failures=1, change=DRIFTED), set(), [DRIFTED], []),
    (facts(failures=2, change=DRIFTED), {DRIFTED}, [], []),
    # It cannot be reached after it had drifted: nobody knows whether it still has.
    (facts(failures=2), {DRIFTED}, [], []),
    (facts(failures=2, change=COLLAPSED), {DRIFTED}, [COLLAPSED], []),
    (facts(failures=0), {DRIFTED, COLLAPSED}, [], [COLLAPSED, DRIFTED]),
    (facts(fresh=None, failures=3, now=99), set(), [FAILING], []),
])  # fmt: skip
def test_an_alert_begins_once_and_ends_once(
    given: Facts, is_open: set[str], begins: list[str], ends: list[str]
) -> None:
    decided = decide_alerts(given, is_open)
    assert [one.kind for one in decided.begin] == begins
    assert list(decided.end) == ends


def test_the_reason_is_told_where_it_is_that_of_the_last_run() -> None:
    decided = decide_alerts(facts(failures=3, change=DRIFTED, now=9, error="new columns"), set())
    assert {one.kind: one.detail for one in decided.begin} == {
        DRIFTED: "new columns",
        FAILING: "new columns",
        STALE: "",
    }


def test_people_are_told_in_both_languages_and_programs_in_json() -> None:
    city = City("kota", {"id": "Kota", "en": "City"})
    began = Occasion(city, SOURCE, Alert(1, "halte", STALE, 0, "why"), BEGAN, "https://kota/sources/halte")
    assert subject_of(began) == "[kota] Halte: data tidak lagi terbaru"
    told = text_of(began)
    assert "Sejak: 1970-01-01 07:00 WIB" in told
    assert "Bus stops: its data is stale" in told
    assert told.endswith("why\n")
    document = document_of(began)
    assert (document["kind"], document["phase"], document["ended"]) == (STALE, BEGAN, None)
    ended = began._replace(phase=ENDED, alert=began.alert._replace(ended_us=HOUR))
    assert subject_of(ended).endswith("sudah pulih")
    assert document_of(ended)["ended"] == "1970-01-01T01:00:00Z"
