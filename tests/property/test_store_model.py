"""Random writes and questions: the SQLite store answers what the plain model answers."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from simpul.app.contexts import ContextLibrary
from simpul.domain.alike import pack
from simpul.domain.context import CORE
from simpul.domain.entity import Instance, Record, Times, attribute_names
from simpul.domain.errors import NotFound
from simpul.domain.geo import GeoQuery, Relation, parse_geo_query
from simpul.domain.order import Ordering, parse_order
from simpul.domain.q import parse_scope_selection
from simpul.domain.query import EntityQuery, TypeSelection
from simpul.ports.store import Document, Draft, Page
from simpul.store.sqlite import SqliteStore
from tests.store.audit import raise_unless_whole
from tests.store.model import ModelStore
from tests.store.samples import (
    NOON_US,
    PLACE,
    TENANT,
    NoNetwork,
    geometry,
    iri,
    link,
    near,
    point,
    prop,
    q,
    types_of,
    words,
)

_IDS = [f"urn:x:{n}" for n in range(7)]
_ATTRIBUTES = [iri("a"), iri("b")]

_numbers = st.sampled_from([0, 1, 2, 2.0, 2.5, -1, 10, 10**9, 2**53 + 1, 2**63, 2**64 + 1, -0.0, 1e300])
_texts = st.sampled_from(["", "1", "2", "a", "Pasar", "pasar raya", "x" * 130, "x" * 130 + "y", "true", "urn:x:1"])
_moments = st.sampled_from(["2026-03-01", "2026-03-01T00:00:00Z", "2026-02-28T23:00:00-05:00", "08:30:00"])
_scalars = st.one_of(_numbers, _numbers, _texts, _moments, st.booleans())
_values = st.one_of(
    _scalars,
    _scalars,
    st.lists(_scalars, max_size=3),
    st.builds(lambda value: {"@type": "T", "@value": value}, _scalars),
    st.just({"x": 1, "y": {"z": "a"}}),
)
_instances = st.one_of(
    st.builds(prop, _values),
    st.builds(prop, _numbers),
    st.builds(prop, _numbers),
    st.builds(link, st.sampled_from([*_IDS, _IDS[:2]])),
    st.builds(words, id=_texts, en=_texts),
    st.builds(lambda value: {"type": "ListProperty", "valueList": value}, st.lists(_scalars, max_size=2)),
    st.builds(lambda value: {"type": "VocabProperty", "vocab": iri(value)}, st.sampled_from(["a", "b"])),
    st.builds(lambda value, unit: prop(value, unitCode=unit, **{iri("s"): prop(unit)}), _numbers, _texts),
)
_longitudes = st.sampled_from([100.36, 100.3601, 100.37, 100.4, 180.0, -180.0, 0.0])
_latitudes = st.sampled_from([-0.95, -0.9499, -0.94, 0.0, 89.9999, -90.0])
_places = st.one_of(
    st.builds(point, _longitudes, _latitudes),
    st.builds(point, _longitudes, _latitudes),
    st.builds(
        lambda lon, lat, size: geometry("LineString", [[lon, lat], [max(lon - size, -180), max(lat - size, -90)]]),
        _longitudes,
        _latitudes,
        st.sampled_from([0.0001, 0.01, 3.0]),
    ),
    st.builds(
        lambda w, s: geometry("Polygon", [[[w, s], [w + 0.001, s], [w + 0.001, s + 0.001], [w, s + 0.001], [w, s]]]),
        st.sampled_from([100.36, 100.3599, 100.3989]),
        st.sampled_from([-0.95, -0.9505]),
    ),
)


def _several(instances: st.SearchStrategy[Instance]) -> st.SearchStrategy[Instance | list[Instance]]:
    numbered = st.lists(instances, min_size=1, max_size=3).map(
        lambda many: [one | {"datasetId": f"urn:d:{n}"} for n, one in enumerate(many)]
    )
    return st.one_of(instances, instances, instances, numbered)


_type_names = st.sampled_from([("A",), ("A",), ("B",), ("A", "B"), ("B", "A"), ("C",)])
_scopes = st.sampled_from([None, None, ["/p"], ["/p/q", "/r"]])


@st.composite
def _contents(draw: st.DrawFn) -> dict[str, Any]:
    content: dict[str, Any] = {"type": [iri(name) for name in draw(_type_names)]}
    for name, values in (
        (iri("a"), _several(_instances)),
        (iri("b"), _several(_instances)),
        (PLACE, _several(_places)),
    ):
        if draw(st.booleans()):
            content[name] = draw(values)
    return content


_questions = st.sampled_from([
    "a", "b", "a==1", "a==2", "a==2.5", "a!=2", "a>1", "a>=2", "a<2", "a<=10", "a==1..10", "a==-1,10..20", "a==true",
    "a!=false", 'a=="1"', 'a>"a"', 'a<="pasar raya"', 'a=="a".."q"', f'a=="{"x" * 130}"', f'a>"{"x" * 130}"', 'a==""',
    "a==2026-03-01",
    "a>2026-02-28", "a<=2026-03-01T04:00:00Z", "a==2026-02-01..2026-03-02", "a==08:30:00", "a>08:00:00",
    'a~="asar"', 'a!~="asar"', "a==urn:x:1", "a[x]==1", "a[id]==\"a\"", "a.unitCode", 'a.s=="a"', "a.s", "a.datasetId",
    "a==1;b==1", "a>=0;b", "a==1|b==1", "(a>1|b>1);a!=2", "a{b}>=0", "a{A:a}", "a{a{b}}", "nothing", "nothing|a==2",
    "a>1e18", "a==9223372036854775808", "a>=18446744073709551616", "b>=0", "b==2", "b<1", "a.createdAt>2020-01-01",
]).map(q)  # fmt: skip
_selections = st.sampled_from([
    None, types_of("A"), types_of("A"), types_of("B"), types_of("A", "B"), types_of(("A", "B")),
    types_of(("B", "A"), "C"), types_of("D"),
])  # fmt: skip
_areas = st.sampled_from([
    ("within", "Polygon", [[[100.3, -1.0], [100.38, -1.0], [100.38, -0.9], [100.3, -0.9], [100.3, -1.0]]]),
    ("intersects", "Polygon", [[[100.36, -0.95], [100.4, -0.95], [100.4, -0.9], [100.36, -0.9], [100.36, -0.95]]]),
    ("disjoint", "Polygon", [[[90.0, -5.0], [110.0, -5.0], [110.0, 5.0], [90.0, 5.0], [90.0, -5.0]]]),
    ("equals", "Point", [100.36, -0.95]), ("contains", "Point", [100.3605, -0.9495]),
    ("overlaps", "LineString", [[100.36, -0.95], [100.355, -0.955]]),
])  # fmt: skip
_geo: st.SearchStrategy[GeoQuery] = st.one_of(
    st.builds(lambda area: parse_geo_query(area[0], area[1], area[2], PLACE), _areas),
    st.builds(lambda lon, lat, metres: near(lon, lat, at_most=metres), _longitudes, _latitudes,
              st.sampled_from([1.0, 20.0, 2_000.0, 1e6])),
    st.builds(lambda low: near(100.36, -0.95, at_least=low, at_most=5_000.0), st.sampled_from([5.0, 500.0])),
    st.just(GeoQuery(Relation.NEAR, {"type": "Point", "coordinates": [0, 0]}, PLACE, 500_000.0, None)),
)  # fmt: skip
_readable = st.sampled_from([None, None, frozenset({iri("A")}), frozenset({iri("A"), iri("B")}), frozenset[str]()])


def _maybe(strategy: st.SearchStrategy[Any], nothing: Any) -> st.SearchStrategy[Any]:
    return st.one_of(st.just(nothing), st.just(nothing), strategy)


@st.composite
def _queries(draw: st.DrawFn) -> EntityQuery:
    return EntityQuery(
        types=draw(_selections),
        ids=draw(_maybe(st.lists(st.sampled_from([*_IDS, "urn:none"]), max_size=4).map(tuple), ())),
        id_pattern=draw(_maybe(st.sampled_from(["[1-3]$", "^urn", "none"]), None)),
        attributes=draw(_maybe(st.sampled_from([(iri("a"),), (iri("a"), iri("b")), (PLACE, "urn:none")]), ())),
        q=draw(st.one_of(st.none(), _questions, _questions)),
        geo=draw(_maybe(_geo, None)),
        scope=draw(_maybe(st.sampled_from(["/p", "/p/#", "/r;/p/+"]).map(parse_scope_selection), None)),
        readable_types=draw(_readable),
        limit=draw(st.sampled_from([0, 1, 3, 20])),
        offset=draw(st.sampled_from([0, 0, 1, 4, 1_001])),
        counts=draw(st.booleans()),
    )


_orderings = st.builds(
    lambda terms, reference: Ordering(parse_order(",".join(terms), CORE.expand), "und", reference),
    st.lists(
        st.sampled_from([
            "a", "a;desc", "b", "b;desc", "id", "id;desc", "type", "createdAt;desc", "modifiedAt", "scope", "a.s",
            "a.createdAt", "a[x]", "a.unitCode;desc", "location;dist-asc", "location;dist-desc", "a;dist-asc",
            "nothing",
        ]),
        min_size=1, max_size=3,
    ),
    st.sampled_from([
        {"type": "Point", "coordinates": [100.36, -0.95]},
        {"type": "LineString", "coordinates": [[100.3, -0.95], [100.4, -0.9]]},
    ]),
)  # fmt: skip

_Operation = Callable[[Draft], None]
_step = st.tuples(
    st.sampled_from(["put", "put", "change", "remove", "delete", "fail"]), st.sampled_from(_IDS), _contents(), _scopes
)


def _shown(document: Document) -> tuple[str, tuple[str, ...], int, bytes]:
    """Return what both stores must agree on: all but the number that each gives an entity for itself."""
    return document.id, document.types, document.context_id, document.body


class StoreMachine(RuleBasedStateMachine):
    """The same writes and questions for both stores."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.runner = asyncio.Runner()
        self.model = ModelStore(ContextLibrary(NoNetwork()))
        self.clock_us = NOON_US
        self.open()
        self.run(self.sqlite.create_tenant(TENANT))
        self.run(self.model.create_tenant(TENANT))

    def open(self) -> None:
        self.sqlite = SqliteStore(self.directory, ContextLibrary(NoNetwork()), lambda tenant, types: None)

    def run(self, coroutine: Any) -> Any:
        return self.runner.run(coroutine)

    def teardown(self) -> None:
        self.run(self.sqlite.close())
        raise_unless_whole(self.directory / f"{TENANT}.db", ContextLibrary(NoNetwork()))
        self.runner.close()
        shutil.rmtree(self.directory)

    @rule(steps=st.lists(st.lists(_step, min_size=1, max_size=3), min_size=1, max_size=4))
    def write(self, steps: list[list[Any]]) -> None:
        """Run several writes at the same time; those with a step that fails leave nothing."""
        operations = [self.operation(one) for one in steps]

        async def together(store: SqliteStore | ModelStore) -> list[str]:
            writes = (store.write(TENANT, "token/a", operation) for operation in operations)
            return [repr(one) for one in await asyncio.gather(*writes, return_exceptions=True)]

        assert self.run(together(self.sqlite)) == self.run(together(self.model))

    def operation(self, steps: list[Any]) -> _Operation:
        self.clock_us += 1_000_000
        now_us = self.clock_us

        def run(draft: Draft) -> None:
            for number, (kind, entity_id, content, scope) in enumerate(steps):
                _apply(draft, kind, _record(entity_id, content, scope, now_us + number))

        return run

    @rule(contents=st.dictionaries(st.sampled_from(_IDS), st.tuples(_contents(), _scopes)), is_alike=st.booleans())
    def write_new_ones(self, contents: dict[str, tuple[dict[str, Any], list[str] | None]], is_alike: bool) -> None:
        """Put all that are not there at once; where they are alike, with the same content."""
        self.clock_us += 1_000_000
        now_us = self.clock_us

        def run(draft: Draft) -> None:
            draft.expect(list(contents))
            first = next(iter(contents.values()), ({}, None))
            draft.create_all(
                [
                    _record(entity_id, *(first if is_alike else content), now_us)
                    for entity_id, content in contents.items()
                    if not draft.exists(entity_id)
                ]
            )

        for store in (self.sqlite, self.model):
            self.run(store.write(TENANT, "token/a", run))

    @rule(
        contents=st.dictionaries(st.sampled_from(_IDS), st.tuples(_contents(), _scopes)),
        is_alike=st.booleans(),
        steps=st.lists(_step, max_size=3),
    )
    def write_packed_ones(
        self, contents: dict[str, tuple[dict[str, Any], list[str] | None]], is_alike: bool, steps: list[Any]
    ) -> None:
        """Put all that are not there as they are packed, and take other steps in the same write."""
        self.clock_us += 1_000_000
        now_us, then = self.clock_us, self.operation(steps)
        first = next(iter(contents.values()), ({}, None))

        def run(draft: Draft) -> None:
            draft.expect(list(contents))
            new = [
                _record(entity_id, *(first if is_alike else content), now_us)
                for entity_id, content in contents.items()
                if draft.find(entity_id) is None
            ]
            for alike in pack(CORE, [record.entity for record in new]):
                draft.create_packed(alike, now_us, 0)
            then(draft)

        async def told(store: SqliteStore | ModelStore) -> list[str]:
            write = store.write(TENANT, "source/a#1", run)
            return [repr(one) for one in await asyncio.gather(write, return_exceptions=True)]

        assert self.run(told(self.sqlite)) == self.run(told(self.model))

    @rule(query=_queries())
    def ask(self, query: EntityQuery) -> None:
        self.compare(query)

    @rule(question=_questions, selection=_selections)
    def ask_with_q_alone(self, question: Any, selection: TypeSelection | None) -> None:
        self.compare(EntityQuery(selection, q=question))

    @rule(question=_geo, selection=_selections)
    def ask_for_places_alone(self, question: GeoQuery, selection: TypeSelection | None) -> None:
        self.compare(EntityQuery(selection, geo=question))

    @rule(query=_queries(), ordering=_orderings)
    def ask_in_order(self, query: EntityQuery, ordering: Ordering) -> None:
        self.compare_in_order(query, ordering)

    @rule(selection=_selections, ordering=_orderings, limit=st.sampled_from([1, 2, 20]))
    def ask_for_a_type_in_order(self, selection: TypeSelection | None, ordering: Ordering, limit: int) -> None:
        self.compare_in_order(EntityQuery(selection, limit=limit, offset=limit // 2, counts=True), ordering)

    def compare_in_order(self, query: EntityQuery, ordering: Ordering) -> None:
        """Entities that are equal in the order asked for are in that of their numbers, which the stores give alike."""
        pages: list[Page] = [self.run(one.list_ordered(TENANT, query, ordering)) for one in (self.sqlite, self.model)]
        found, expected = ([document.id for document in page.documents] for page in pages)
        assert found == expected
        assert pages[0].count == pages[1].count

    def compare(self, query: EntityQuery) -> None:
        whole = replace(query, limit=1_000, offset=0, counts=False)
        expected = self.ids(self.model, whole)
        found = self.ids(self.sqlite, whole)
        assert sorted(found) == sorted(expected)
        page: Page = self.run(self.sqlite.list_documents(TENANT, query))
        assert [one.id for one in page.documents] == found[query.offset : query.offset + query.limit]
        assert page.count == (len(expected) if query.counts else None)

    def ids(self, store: SqliteStore | ModelStore, query: EntityQuery) -> list[str]:
        page: Page = self.run(store.list_documents(TENANT, query))
        for document in page.documents:
            known = self.model.find_document(TENANT, document.id)
            assert known is not None
            assert _shown(document) == _shown(known)
        return [document.id for document in page.documents]

    @rule(entity_id=st.sampled_from(_IDS))
    def look(self, entity_id: str) -> None:
        found, expected = (store.find_document(TENANT, entity_id) for store in (self.sqlite, self.model))
        assert (found and _shown(found)) == (expected and _shown(expected))
        if found is not None and expected is not None:
            (record,), (known,) = (
                self.sqlite.read_records(TENANT, [found]),
                self.model.read_records(TENANT, [expected]),
            )
            assert record.entity == known.entity
            assert all(record.times.of(name) == known.times.of(name) for name in attribute_names(known.entity))
        changes, known_changes = (store.list_changes(TENANT, entity_id) for store in (self.sqlite, self.model))
        assert [change[1:] for change in changes] == [change[1:] for change in known_changes]

    @rule(text=st.sampled_from(["urn:x", "pasar", "1", ""]), readable=_readable)
    def search(self, text: str, readable: frozenset[str] | None) -> None:
        found, expected = (
            {one.id for one in self.run(store.search(TENANT, text, _ATTRIBUTES, readable, 20))}
            for store in (self.sqlite, self.model)
        )
        assert found == expected

    @invariant()
    def counts_are_equal(self) -> None:
        assert self.sqlite.count_types(TENANT) == self.model.count_types(TENANT)

    @rule(selection=st.sampled_from([None, iri("A"), iri("B"), iri("D")]))
    def summaries_are_equal(self, selection: str | None) -> None:
        found, expected = (self.run(store.list_attributes(TENANT, selection)) for store in (self.sqlite, self.model))
        assert found == expected
        for name in _ATTRIBUTES:
            counts, known = (
                self.run(store.count_by(TENANT, selection or iri("C"), name)) for store in (self.sqlite, self.model)
            )
            assert {k: v for k, v in counts.items() if k not in _LARGE} == {
                k: v for k, v in known.items() if k not in _LARGE
            }

    @precondition(lambda self: self.clock_us > NOON_US + 3_000_000)
    @rule()
    def reopen(self) -> None:
        self.run(self.sqlite.close())
        self.open()


# Whole numbers beyond 64 bits are found by every question, and not counted as values.
_LARGE = frozenset({2**63, 2**64 + 1})


def _record(entity_id: str, content: dict[str, Any], scope: list[str] | None, at_us: int) -> Record:
    entity = {"id": entity_id, **content}
    if scope is not None:
        entity["scope"] = scope
    return Record(entity, Times(at_us, at_us))


def _apply(draft: Draft, kind: str, record: Record) -> None:
    """Take one step: what is not there is created, what is there replaced, changed or deleted."""
    before = draft.find(record.id)
    assert draft.exists(record.id) == (before is not None)
    if kind == "fail":
        draft.create(Record({"id": "urn:lost", "type": [iri("Lost")], iri("a"): prop(1)}, record.times))
        raise NotFound("this write fails")
    if before is None:
        if kind != "delete":
            draft.create(record)
    elif kind == "delete":
        draft.delete(before, record.times.created_us)
    elif kind == "put":
        draft.replace(before, record)
    elif kind == "remove":
        _remove_first(draft, before, record.times.created_us)
    else:
        _change(draft, before, record)


def _change(draft: Draft, before: Record, record: Record) -> None:
    at_us = record.times.created_us
    entity = before.entity | record.entity
    names = attribute_names(record.entity)
    times = before.times.attributes | {name: (before.times.of(name)[0], at_us) for name in names}
    draft.change(before, Record(entity, Times(before.times.created_us, at_us, times)), ["type", *names])


def _remove_first(draft: Draft, before: Record, at_us: int) -> None:
    names = attribute_names(before.entity)[:1]
    entity = {name: value for name, value in before.entity.items() if name not in names}
    times = Times(before.times.created_us, at_us, before.times.attributes)
    draft.change(before, Record(entity, times), (), names)


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(
    max_examples=50,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
