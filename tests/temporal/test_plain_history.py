"""What is cut out of the entries as bytes is what reading them gives (property)."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from simpul.domain.context import CORE
from simpul.domain.history import ChangeKind, History, Write, compact_key
from simpul.domain.moment import count_microseconds
from simpul.domain.parse import parse_entity
from simpul.domain.plain_history import Log, render_plain
from simpul.domain.temporal import TemporalQuery, cut, select
from simpul.domain.temporal_parse import parse_history
from simpul.domain.temporal_render import TemporalRepresentation, render_series

START_US = count_microseconds("2024-05-01T10:00:00Z")
TYPES = (CORE.expand("Gauge"),)
_encode = msgspec.json.encode

texts = st.sampled_from(
    ["a", '},{"type":"', "},{", "}]}", 'q"x":{', '},"', "{}", '"observedAt":"', "padang ⛲", "\\", "\n"]
)
values = st.one_of(st.integers(0, 3), texts, st.booleans(), st.just([1, 2]), st.just({"observedAt": "2020"}))
instances = st.fixed_dictionaries(
    {"type": st.just("Property"), "value": values},
    optional={
        "observedAt": st.integers(0, 9).map(lambda minute: f"2024-05-01T10:0{minute}:00Z"),
        "unitCode": st.just("CEL"),
        "datasetId": st.sampled_from(["urn:d:1", "urn:d:2"]),
        "accuracy": st.just({"type": "Property", "value": 1}),
    },
)
attributes = st.dictionaries(st.sampled_from(["depth", "name", "height"]), instances, max_size=2)
written_together = st.dictionaries(
    st.sampled_from(["depth", "name"]),
    st.lists(instances, min_size=1, max_size=4).map(lambda found: found[0] if len(found) == 1 else found),
    max_size=2,
)
kinds = st.sampled_from([ChangeKind.CREATED, ChangeKind.CHANGED, ChangeKind.CHANGED, ChangeKind.WRITTEN])
measured = st.builds(
    lambda number, minute: {
        "depth": {"type": "Property", "value": number, "observedAt": f"2024-05-01T10:{minute:02}:00Z"}
    },
    st.integers(0, 5),
    st.integers(0, 59),
)
logs = st.one_of(
    st.lists(st.tuples(st.just(ChangeKind.WRITTEN), written_together, st.just(())), min_size=1, max_size=3),
    st.lists(
        st.one_of(
            st.tuples(st.just(ChangeKind.CHANGED), attributes, st.just(())),
            st.tuples(st.just(ChangeKind.WRITTEN), written_together, st.just(())),
        ),
        min_size=1,
        max_size=4,
    ),
    st.lists(st.tuples(kinds, attributes, st.just(())), min_size=1, max_size=8),
    st.lists(st.tuples(st.just(ChangeKind.CHANGED), measured, st.just(())), min_size=1, max_size=12),
    st.lists(st.tuples(st.sampled_from(list(ChangeKind)), attributes, st.just(("depth",))), min_size=1, max_size=3),
)
queries = st.builds(
    TemporalQuery,
    timerel=st.sampled_from([None, "before", "after", "between"]),
    time_at_us=st.just(START_US + 3 * 60_000_000),
    end_time_at_us=st.just(START_US + 6 * 60_000_000),
    last_n=st.sampled_from([None, 2]),
    attributes=st.sampled_from([(), (CORE.expand("depth"),)]),
)


def entries(log: list[Any]) -> list[tuple[Any, ...]]:
    rows = []
    for place, (kind, given_attributes, removed) in enumerate(log):
        parse = parse_history if kind is ChangeKind.WRITTEN else parse_entity
        entity = parse({"id": "urn:a:1", "type": "Gauge", **given_attributes}, CORE)
        kept = _encode(list(removed)).decode() if removed else None
        rows.append((place + 1, START_US + place * 1_000_000, kind.value, _encode(CORE.compact_entity(entity)), kept))
    return rows


@given(log=logs, query=queries)
def test_what_is_cut_out_is_what_is_read(log: list[Any], query: TemporalQuery) -> None:
    rows: Any = entries(log)
    plain = render_plain(Log("urn:a:1", TYPES, rows), query, CORE, 1_000)
    if plain is None:
        return
    writes = [
        Write(sequence, at_us, kind, msgspec.json.decode(body), tuple(map(compact_key, log[sequence - 1][2])))
        for sequence, at_us, kind, body, _ in rows
    ]
    (series,), _ = cut([select(History("urn:a:1", TYPES, writes), query)], query, 1_000)
    shown = render_series(series, query, CORE, TemporalRepresentation())
    assert msgspec.json.decode(plain) == shown


def test_what_a_sensor_sends_is_plain() -> None:
    log: list[Any] = [
        (ChangeKind.CHANGED, {"depth": {"type": "Property", "value": n, "observedAt": f"2024-05-01T10:{n:02}:00Z"}}, ())
        for n in range(60)
    ]
    rows: Any = entries(log)
    shown = render_plain(Log("urn:a:1", TYPES, rows), TemporalQuery(), CORE, 1_000)
    assert shown is not None
    assert len(msgspec.json.decode(shown)["depth"]) == 60
    assert render_plain(Log("urn:a:1", TYPES, rows), TemporalQuery(), CORE, 59) is None


def test_what_was_written_together_is_plain() -> None:
    written = [
        {"type": "Property", "value": text, "observedAt": f"2024-05-01T10:{place:02}:00Z"}
        for place, text in enumerate(["},", "}]}", '"', "a", '","observedAt'])
    ]
    rows: Any = entries([(ChangeKind.WRITTEN, {"depth": written}, ())])
    shown = render_plain(Log("urn:a:1", TYPES, rows), TemporalQuery(last_n=4), CORE, 1_000)
    assert shown is not None
    assert [one["value"] for one in msgspec.json.decode(shown)["depth"]] == ["}]}", '"', "a", '","observedAt']
