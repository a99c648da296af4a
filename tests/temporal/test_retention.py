"""How long and how finely histories are kept: what a rule makes of a log, and the walk over a real store."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simpul import limits
from simpul.app.history_care import HistoryCare
from simpul.domain.city import City
from simpul.domain.context import CORE
from simpul.domain.history import ChangeKind, History, Write, find_state
from simpul.domain.moment import count_microseconds, render_moment
from simpul.domain.retention import Resampling, Retention, Stretch, Thinned, thin
from simpul.domain.temporal import TemporalQuery, select
from tests.http.conftest import API, Served
from tests.temporal.test_served import TEMPORAL

US = 1_000_000
HOUR_US, DAY_US = 3_600 * US, 86_400 * US
NOW_US = count_microseconds("2026-11-24T00:00:00Z")
START_US = count_microseconds("2026-01-01T00:00:00Z")
HOURLY = Retention("Gauge", None, (Resampling(90 * DAY_US, HOUR_US, "avg"),))
NOTHING = Thinned([], [])
KEPT_30_DAYS = Retention("Gauge", 30 * DAY_US)


def rain(value: float, at_us: int) -> dict[str, Any]:
    return {"type": "Property", "value": value, "observedAt": render_moment(at_us)}


def log(*entries: tuple[int, ChangeKind, dict[str, Any]]) -> list[Write]:
    """Return a log of (time, kind, attributes)."""
    return [
        Write(place, at_us, kind.value, {"id": "urn:a:1", "type": "Gauge", **given})
        for place, (at_us, kind, given) in enumerate(entries, 1)
    ]


def sensor(count: int, every_us: int, start_us: int = START_US) -> list[Write]:
    """Return the log of a sensor that measured so often."""
    first = (start_us, ChangeKind.CREATED, {"name": {"type": "Property", "value": "Simpang"}})
    measured = (
        (start_us + place * every_us, ChangeKind.CHANGED, {"rainfall": rain(place, start_us + place * every_us)})
        for place in range(count)
    )
    return log(first, *measured)


def thinned(writes: list[Write], rule: Retention, zone: Any = UTC) -> list[Write]:
    """Return the log after the rule was applied, and see that applying it again changes nothing."""
    once = _apply(writes, rule, zone)
    assert _apply(once, rule, zone) == once
    return once


def _apply(writes: list[Write], rule: Retention, zone: Any, stretch: Stretch | None = None) -> list[Write]:
    plan = thin(stretch or Stretch(writes), rule, NOW_US, zone)
    rewritten = {write.sequence: write for write in plan.rewritten}
    return [rewritten.get(one.sequence, one) for one in writes if one.sequence not in plan.dropped]


def values(writes: list[Write], name: str = "rainfall") -> list[tuple[Any, str]]:
    points = select(History("urn:a:1", (), writes), TemporalQuery()).attributes.get(name, [])
    return [(point.instance["value"], point.moment) for point in points]


def test_what_is_old_becomes_one_value_an_hour() -> None:
    writes = thinned(sensor(13, HOUR_US // 6), HOURLY)
    assert values(writes) == [
        (2.5, "2026-01-01T00:00:00"), (8.5, "2026-01-01T01:00:00"), (12, "2026-01-01T02:00:00"),
    ]  # fmt: skip
    assert len(writes) == 4


def test_what_is_young_stays_as_it_is() -> None:
    writes = sensor(13, HOUR_US // 6, NOW_US - 10 * DAY_US)
    assert thin(Stretch(writes), HOURLY, NOW_US, UTC) == NOTHING


def test_a_period_is_not_made_into_one_before_all_of_it_is_old_enough() -> None:
    writes = sensor(60, HOUR_US // 6, NOW_US - 90 * DAY_US - 5 * HOUR_US)
    for later_us in range(0, HOUR_US, HOUR_US // 4):
        plan = thin(Stretch(writes), HOURLY, NOW_US + later_us, UTC)
        rewritten = {write.sequence: write for write in plan.rewritten}
        writes = [rewritten.get(one.sequence, one) for one in writes if one.sequence not in plan.dropped]
    averages = [value for value, moment in values(writes) if moment.endswith(":00:00")]
    assert averages[:5] == [2.5, 8.5, 14.5, 20.5, 26.5]


@pytest.mark.parametrize("length", [3, 7, 20, 200])
def test_stretches_make_no_average_of_a_part_of_its_period(length: int) -> None:
    whole = thinned(sensor(200, HOUR_US // 6), HOURLY)
    kept, start = sensor(200, HOUR_US // 6), 0
    while True:
        rest = [write for write in kept if write.sequence > start]
        count = length
        part = Stretch(rest[:count], is_first=not start, is_last=count >= len(rest))
        plan = thin(part, HOURLY, NOW_US, UTC)
        while plan.open_from is not None and plan.open_from <= rest[0].sequence:
            count *= 2
            part = Stretch(rest[:count], is_first=not start, is_last=count >= len(rest))
            plan = thin(part, HOURLY, NOW_US, UTC)
        rewritten = {write.sequence: write for write in plan.rewritten}
        kept = [rewritten.get(one.sequence, one) for one in kept if one.sequence not in plan.dropped]
        if part.is_last:
            break
        start = part.writes[-1].sequence if plan.open_from is None else plan.open_from - 1
    assert values(kept) == values(whole)


@pytest.mark.parametrize(("method", "value"), [("min", 0), ("max", 5), ("sum", 15), ("last", 5), ("avg", 2.5)])
def test_each_method_says_what_its_name_says(method: str, value: float) -> None:
    rule = Retention("Gauge", None, (Resampling(90 * DAY_US, HOUR_US, method),))
    assert values(thinned(sensor(7, HOUR_US // 6), rule))[0][0] == value


def test_days_begin_as_the_citys_clocks_have_them() -> None:
    rule = Retention("Gauge", None, (Resampling(90 * DAY_US, DAY_US, "sum"),))
    jakarta = timezone(timedelta(hours=7))
    writes = thinned(sensor(49, HOUR_US), rule, jakarta)
    assert [moment for _, moment in values(writes)][:2] == ["2025-12-31T17:00:00", "2026-01-01T17:00:00"]


def test_the_older_the_coarser() -> None:
    rule = Retention("Gauge", None, (Resampling(90 * DAY_US, HOUR_US, "avg"), Resampling(200 * DAY_US, DAY_US, "avg")))
    old = values(thinned(sensor(2 * 24 * 6 + 1, HOUR_US // 6), rule))
    assert [moment for _, moment in old] == ["2026-01-01T00:00:00", "2026-01-02T00:00:00", "2026-01-03T00:00:00"]
    middling = values(thinned(sensor(25, HOUR_US // 6, NOW_US - 100 * DAY_US), rule))
    assert len(middling) == 5


def test_what_was_in_force_at_the_beginning_of_what_is_kept_stays() -> None:
    writes = thinned(sensor(320, DAY_US), KEPT_30_DAYS)
    kept = values(writes)
    assert kept[0][1] < render_moment(NOW_US - 30 * DAY_US)[:-1] <= kept[1][1]
    assert values(writes, "name") == values(sensor(1, DAY_US), "name")
    assert writes[0].kind == ChangeKind.CREATED


def test_what_is_no_measurement_is_not_averaged() -> None:
    words = (
        (START_US + place * US, ChangeKind.CHANGED, {"state": {"type": "Property", "value": text}})
        for place, text in enumerate(["low", "high", "low"])
    )
    writes = log((START_US, ChangeKind.CREATED, {}), *words, (NOW_US, ChangeKind.CHANGED, {"state": rain(1, NOW_US)}))
    assert values(thinned(writes, HOURLY), "state")[0][0] == "low"


def test_an_entity_that_is_gone_for_longer_than_is_kept_leaves_nothing() -> None:
    writes = [*sensor(3, DAY_US), Write(9, START_US + 9 * DAY_US, ChangeKind.DELETED.value, {"id": "urn:a:1"})]
    assert thinned(writes, KEPT_30_DAYS) == []


def test_an_entry_that_replaced_the_entity_ends_no_more_than_before() -> None:
    both = {"rainfall": rain(1, START_US), "height": rain(5, START_US)}
    days = [START_US + day * DAY_US for day in (1, 2, 3)]
    entries = [(at_us, ChangeKind.REPLACED, {"rainfall": rain(place, at_us)}) for place, at_us in enumerate(days)]
    writes = log((START_US, ChangeKind.CREATED, both), *entries)
    kept = thinned(writes, KEPT_30_DAYS)
    marks = select(History("urn:a:1", (), kept), TemporalQuery()).attributes
    assert [point.deleted_us is not None for point in marks["height"]] == [False, True]
    assert [point.deleted_us for point in marks["rainfall"]] == [None]


def test_several_datasets_of_one_attribute_stay_together() -> None:
    def pair(day: int) -> dict[str, Any]:
        at_us = START_US + day * DAY_US
        return {"rainfall": [rain(day, at_us), {**rain(day + 100, at_us), "datasetId": "urn:d:1"}]}

    entries = [(START_US + day * DAY_US, ChangeKind.CHANGED, pair(day)) for day in range(1, 5)]
    writes = log((START_US, ChangeKind.CREATED, {}), *entries)
    assert thin(Stretch(writes), KEPT_30_DAYS, NOW_US, UTC) == NOTHING


def bare(entity: dict[str, Any]) -> dict[str, Any]:
    """Return the entity without what only an edited entry keeps."""
    return {
        name: {key: part for key, part in value.items() if key != "instanceId"} if isinstance(value, dict) else value
        for name, value in entity.items()
    }


Measured = list[tuple[int, str, int]]
measurements = st.lists(
    st.tuples(st.integers(0, 320 * 24), st.sampled_from(["rainfall", "height"]), st.integers(-9, 9)), max_size=30
)


def log_of(measured: Measured) -> list[Write]:
    entries = []
    for place, (hours, name, value) in enumerate(sorted(measured)):
        at_us = START_US + hours * HOUR_US + place
        entries.append((at_us, ChangeKind.CHANGED, {name: rain(value, at_us)}))
    return log((START_US, ChangeKind.CREATED, {"name": {"type": "Property", "value": "Simpang"}}), *entries)


def state(writes: list[Write], at_us: int) -> dict[str, Any]:
    record = find_state(writes, at_us)
    assert record is not None
    return bare(record.entity)


@settings(deadline=None, max_examples=150)
@given(measurements)
def test_the_state_is_the_same_at_every_time_that_is_kept(measured: Measured) -> None:
    writes = log_of(measured)
    kept = thinned(writes, KEPT_30_DAYS)
    from_us = NOW_US - 30 * DAY_US
    for at_us in (from_us, *(write.at_us for write in writes if write.at_us >= from_us), NOW_US):
        assert state(kept, at_us) == state(writes, at_us)


@settings(deadline=None, max_examples=150)
@given(measurements, st.integers(1, 7))
def test_a_log_that_is_thinned_stretch_by_stretch_ends_as_short_and_as_true(measured: Measured, length: int) -> None:
    writes = log_of(measured)
    kept = writes
    for _ in range(len(writes) + 1):
        kept = [one for part in stretches(kept, length) for one in _apply(part.writes, KEPT_30_DAYS, UTC, part)]
    from_us = NOW_US - 30 * DAY_US
    for at_us in (from_us, *(write.at_us for write in writes if write.at_us >= from_us), NOW_US):
        assert state(kept, at_us) == state(writes, at_us)


def stretches(writes: list[Write], length: int) -> list[Stretch]:
    """Return the log in parts of so many entries."""
    starts = range(0, len(writes), length)
    return [Stretch(writes[at : at + length], is_first=at == 0, is_last=at + length >= len(writes)) for at in starts]


def test_an_entry_that_replaced_the_entity_stays_where_its_beginning_is_not_seen() -> None:
    entries = [(START_US + day * DAY_US, ChangeKind.REPLACED, {"rainfall": rain(day, START_US)}) for day in range(4)]
    part = Stretch(log(*entries), is_first=False)
    assert thin(part, KEPT_30_DAYS, NOW_US, UTC) == NOTHING


@settings(deadline=None, max_examples=150)
@given(measurements)
def test_the_current_state_stays_whatever_is_made_coarser(measured: Measured) -> None:
    writes = log_of(measured)
    rule = Retention("Gauge", 200 * DAY_US, (Resampling(10 * DAY_US, DAY_US, "max"), *HOURLY.resamplings))
    kept = thinned(writes, rule)
    assert state(kept, NOW_US) == state(writes, NOW_US)
    assert len(kept) <= len(writes)


def test_a_walk_thins_the_logs_of_a_real_store_and_leaves_other_types(
    served: Served, writer: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "HISTORY_CARE_ENTITIES_PER_STEP", 2)
    monkeypatch.setattr(limits, "HISTORY_CARE_ENTRIES_PER_STEP", 5)
    for kind in ("Gauge", "Other"):
        for number in range(5):
            series = [rain(place, START_US + place * HOUR_US // 6) for place in range(13)]
            body = {"id": f"urn:ngsi-ld:{kind}:{number}", "type": kind, "rainfall": series}
            assert writer.post(TEMPORAL, json=body).status_code == 201
    for place in range(13, 26):
        fragment = {"rainfall": rain(place, START_US + place * HOUR_US // 6)}
        answer = writer.post(f"{API}/entities/urn:ngsi-ld:Gauge:3/attrs", json=fragment)
        assert answer.status_code == 204
    # One that is gone has a log all the same; it was gone just now, so it stays.
    assert writer.delete(f"{API}/entities/urn:ngsi-ld:Gauge:4").status_code == 204
    tenant, hub = served.hub.settings.tenant, served.hub
    rule = Retention(CORE.expand("Gauge"), None, HOURLY.resamplings)
    before = hub.cities.get(tenant)
    hub.cities[tenant] = City(tenant=tenant, name={}, retentions=(rule,))
    care = HistoryCare(hub)
    served.run(care.run)

    def shown(kind: str, number: int) -> list[Any]:
        answer = writer.get(f"{TEMPORAL}/urn:ngsi-ld:{kind}:{number}", params={"attrs": "rainfall"})
        return [one.get("value") for one in answer.json()["rainfall"]]

    assert [shown("Gauge", number) for number in range(3)] == [[2.5, 8.5, 12]] * 3
    # A log that takes several steps gets shorter with each round, until there is one value an hour and the current one.
    for _ in range(4):
        served.run(care.run)
    assert shown("Gauge", 3) == [2.5, 8.5, 14.5, 20.5, 24, 25]
    assert len(shown("Other", 0)) == 13
    assert writer.get(f"{API}/entities/urn:ngsi-ld:Gauge:0").json()["rainfall"]["value"] == 12
    assert served.run(care.run) == 0
    if before is None:
        del hub.cities[tenant]
    else:
        hub.cities[tenant] = before
