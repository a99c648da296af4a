"""A log that is longer than what is read at once, and entities that have nothing in the time asked for."""

from __future__ import annotations

import httpx2
import pytest

from simpul import limits
from tests.http.conftest import API, raise_unless_problem
from tests.temporal.test_served import TEMPORAL, at, put, show, value, values


@pytest.fixture
def short_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TEMPORAL_CHANGES_IN_LOOP_MAX", 3)
    monkeypatch.setattr(limits, "TEMPORAL_CHANGES_MAX", 12)


def grow(writer: httpx2.Client, count: int) -> str:
    """Return the id of an entity with this many entries, one a minute."""
    one = put(writer, depth=value(0, 0))
    for minute in range(1, count):
        assert writer.patch(f"{API}/entities/{one}/attrs", json={"depth": value(minute, minute)}).status_code == 204
    return one


def test_of_a_long_log_the_time_asked_for_is_read(writer: httpx2.Client, short_reads: None) -> None:
    one = grow(writer, 25)
    shown = show(writer, one, timerel="between", timeAt=at(11), endTimeAt=at(14))
    assert values(shown) == [11, 12, 13]
    raise_unless_problem(writer.get(f"{TEMPORAL}/{one}"), 403, "TooComplexQuery")


@pytest.mark.parametrize("time_property", ["observedAt", "createdAt", "modifiedAt"])
def test_what_is_not_in_the_time_is_passed_over(writer: httpx2.Client, time_property: str) -> None:
    one = put(writer, pegel=value(1, 1))
    asked = {"attrs": "pegel", "timeproperty": time_property, "timerel": "between"}
    wide = {"timeAt": "2024-01-01T00:00:00Z", "endTimeAt": "2024-12-31T00:00:00Z"}
    found = [entity["id"] for entity in writer.get(TEMPORAL, params={**asked, **wide}).json()]
    assert (one in found) == (time_property == "observedAt")


def test_what_was_corrected_is_found_by_when_that_was(writer: httpx2.Client) -> None:
    one = put(writer, pasang=[value(1, 1), value(2, 2)])
    first, second = show(writer, one, options="sysAttrs")["pasang"]
    patched = writer.patch(f"{TEMPORAL}/{one}/attrs/pasang/{first['instanceId']}", json={"value": 9})
    assert patched.status_code == 204
    modified = show(writer, one, options="sysAttrs")["pasang"][0]["modifiedAt"]
    if modified == second["modifiedAt"]:
        return
    asked = {"attrs": "pasang", "timeproperty": "modifiedAt", "timerel": "after", "timeAt": modified}
    (found,) = writer.get(TEMPORAL, params=asked).json()
    assert values(found, "pasang") == [9]
