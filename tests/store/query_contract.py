"""What any store of cities must answer: every member of `EntityQuery`, alone and combined. No backend is named here."""

from __future__ import annotations

from typing import Any

import pytest

from simpul.domain.context import CORE
from simpul.domain.errors import TooComplexQuery
from simpul.domain.geo import GeoQuery, Relation, parse_geo_query
from simpul.domain.q import parse_q, parse_scope_selection
from simpul.domain.query import EntityQuery
from tests.store.samples import (
    NOON_US,
    PLACE,
    TENANT,
    Driver,
    asking,
    geometry,
    iri,
    link,
    near,
    point,
    prop,
    q,
    record_of,
    types_of,
    words,
)

_VALUES: dict[str, Any] = {
    "one": prop(1),
    "one-and-a-half": prop(1.5),
    "ten": prop(10),
    "minus": prop(-3),
    "big": prop(2**64 + 1),
    "text-one": prop("1"),
    "text": prop("Pasar Raya"),
    "text-low": prop("pasar"),
    "empty": prop(""),
    "long": prop("a" * 200 + "b"),
    "other-long": prop("a" * 200 + "c"),
    "true": prop(True),
    "false": prop(False),
    "list": prop([1, "1", True, "Pasar Raya", [10]]),
    "numbers": prop([10, 20]),
    "object": prop({"x": 1, "city": {"name": "Padang"}}),
    "typed": prop({"@type": "DateTime", "@value": "2026-03-01T00:00:00Z"}),
    "typed-number": prop({"@type": "xsd:integer", "@value": 10}),
    "date": prop("2026-03-01"),
    "instant": prop("2026-03-01T07:00:00+07:00"),
    "late": prop("2026-03-01T23:30:00-01:00"),
    "clock": prop("08:30:00"),
    "link": link("urn:ngsi-ld:Line:1"),
    "links": link(["urn:ngsi-ld:Line:1", "urn:ngsi-ld:Line:2"]),
    "languages": words(id="Pasar Raya", en="Big Market"),
    "vocabulary": {"type": "VocabProperty", "vocab": iri("blue")},
    "vocabularies": {"type": "VocabProperty", "vocab": [iri("blue"), iri("red")]},
    "json": {"type": "JsonProperty", "json": {"x": 10, "deep": {"er": "z"}}},
    "listed": {"type": "ListProperty", "valueList": [1, 10, "Pasar Raya"]},
    "list-of-links": {"type": "ListRelationship", "objectList": ["urn:ngsi-ld:Line:1", "urn:ngsi-ld:Line:2"]},
    "several": [prop(1), prop("Pasar Raya", datasetId="urn:d:1"), prop([10], datasetId="urn:d:2")],
    "two-numbers": [prop(1, datasetId="urn:d:1"), prop(10, datasetId="urn:d:2")],
    "measured": prop(5, unitCode="CMT", observedAt="2026-03-01T00:00:00Z", **{iri("quality"): prop("good")}),
    "place": point(100.36, -0.95),
}

# Question → names of the values above that it holds for.
_QUESTIONS: dict[str, set[str]] = {
    "a": set(_VALUES),
    "a==1": {"one", "list", "listed", "several", "two-numbers"},
    "a==1.0": {"one", "list", "listed", "several", "two-numbers"},
    'a=="1"': {"text-one", "list"},
    "a==18446744073709551617": set(),
    "a>1.0e19": {"big"},
    "a<=18446744073709551616": {
        "one", "one-and-a-half", "ten", "minus", "typed-number", "several", "two-numbers", "measured",
    },
    "a==true": {"true", "list"},
    "a==false": {"false"},
    "a==10": {"ten", "numbers", "typed-number", "listed", "several", "two-numbers"},
    "a==1..5": {"one", "one-and-a-half", "several", "two-numbers", "measured"},
    "a==-3,1.5,10..20": {"minus", "one-and-a-half", "ten", "typed-number", "two-numbers"},
    "a>1": {"one-and-a-half", "ten", "big", "typed-number", "two-numbers", "measured"},
    "a>=1.5": {"one-and-a-half", "ten", "big", "typed-number", "two-numbers", "measured"},
    "a<1": {"minus"},
    "a<=1": {"one", "minus", "several", "two-numbers"},
    'a=="Pasar Raya"': {"text", "list", "languages", "listed", "several"},
    'a==""': {"empty"},
    'a>"pa"': {"text-low"},
    'a<="Pasar Raya"': {
        "text-one", "text", "empty", "date", "instant", "late", "clock", "typed", "languages", "several",
    },
    'a=="a".."b"': {"long", "other-long"},
    f'a=="{"a" * 200}b"': {"long"},
    f'a>"{"a" * 200}b"': {"text-low", "other-long", "vocabulary"},
    'a~="Pasar"': {"text", "languages", "several"},
    "a~=^[Pp]asar$": {"text-low"},
    'a!~="asar"': {
        "text-one", "empty", "long", "other-long", "typed", "date", "instant", "late", "clock", "vocabulary",
    },
    "a==2026-03-01": {"date", "instant", "typed"},
    "a==2026-03-01T00:00:00Z": {"date", "instant", "typed"},
    "a>2026-03-01": {"late"},
    "a>=2026-03-01T00:00:00Z": {"late", "date", "instant", "typed"},
    "a<2026-03-02T00:30:00Z": {"date", "instant", "typed"},
    "a==2026-02-01..2026-03-02": {"date", "instant", "typed"},
    "a==2026-03-01..2026-03-03": {"date", "instant", "typed", "late"},
    "a<2026-03-01": set(),
    "a==08:30:00": {"clock"},
    "a>08:00:00": {"clock"},
    "a==urn:ngsi-ld:Line:1": {"link", "links", "list-of-links"},
    'a=="urn:ngsi-ld:Line:2"': {"links", "list-of-links"},
    "a==blue": set(),
    "a[x]==10": {"json"},
    "a[city.name]==\"Padang\"": {"object"},
    "a[x]": {"object", "json"},
    'a[en]=="Big Market"': {"languages"},
    "a.unitCode==\"CMT\"": {"measured"},
    "a.observedAt==2026-03-01T00:00:00Z": {"measured"},
    'a.quality=="good"': {"measured"},
    "a.quality": {"measured"},
    "a.datasetId": {"several", "two-numbers"},
    "nothing": set(),
    "nothing==1": set(),
    "a==1;a==10": {"listed", "several", "two-numbers"},
    "a==-3|a==true": {"minus", "true", "list"},
    "(a==-3|a==true);a!=1": {"minus", "true"},
    "nothing|a==-3": {"minus"},
    "nothing;a==-3": set(),
}  # fmt: skip


class QuestionContract:
    """`q` in all its forms, types, ids, attributes, scopes, and who may see what."""

    @pytest.mark.parametrize("text", list(_QUESTIONS))
    def test_a_question_is_answered_by_the_entities_that_it_holds_for(self, city: Driver, text: str) -> None:
        city.put(*(record_of(f"urn:x:{name}", a=value) for name, value in _VALUES.items()), record_of("urn:x:bare"))
        for query in (asking(q=q(text)), asking(None, q=q(text)), asking(q=q(text), counts=True)):
            page = city.page(query)
            assert sorted(one.id.removeprefix("urn:x:") for one in page.documents) == sorted(_QUESTIONS[text])
            assert page.count in {None, len(_QUESTIONS[text])}

    def test_a_word_is_a_vocabularys_where_its_values_are_to_be_expanded(self, city: Driver) -> None:
        city.put(*(record_of(f"urn:x:{name}", a=value) for name, value in _VALUES.items()))
        asked = parse_q("a==blue", CORE.expand, expand_values=("a",))
        assert set(city.ids(asking(q=asked))) == {"urn:x:vocabulary", "urn:x:vocabularies"}

    def test_unequal_holds_for_all_that_have_the_attribute_and_are_not_equal(self, city: Driver) -> None:
        city.put(*(record_of(f"urn:x:{name}", a=value) for name, value in _VALUES.items()), record_of("urn:x:bare"))
        for value in ("1", '"Pasar Raya"', "true", "2026-03-01", "urn:ngsi-ld:Line:1", "1..10"):
            equal, unequal = (set(city.ids(asking(q=q(f"a{sign}{value}")))) for sign in ("==", "!="))
            assert equal & unequal == set()
            assert equal | unequal == {f"urn:x:{name}" for name in _VALUES}

    @pytest.mark.parametrize("name", sorted(_VALUES))
    def test_no_entity_is_listed_twice(self, city: Driver, name: str) -> None:
        city.put(record_of("urn:x:1", ("Stop", "Place"), a=_VALUES[name], b=_VALUES[name]))
        for members in (
            {"q": q("a")}, {"attributes": (iri("a"),)}, {"attributes": (iri("a"), iri("b"))}, {"q": q("a|b")},
            {"q": q("a!=77")}, {"ids": ("urn:x:1", "urn:x:1")}, {"ids": ("urn:x:1", "urn:x:1"), "q": q("a")},
        ):  # fmt: skip
            for types in ("Stop", types_of("Stop", "Place"), None):
                assert city.ids(asking(types, **members)) == ["urn:x:1"]

    @pytest.mark.parametrize(
        "text",
        ["a>3", "a>=3", "a<3", "a<=3", "a==3", "a==2..4", "a!=3", "a>18446744073709551616", "a==1.8446744073709552e19"],
    )
    def test_numbers_alone_are_answered_as_among_other_values(self, city: Driver, text: str) -> None:
        numbers = [3, 3.0, -1, 0, 2.999, 3.001, 10**15, -1e300, 2**53 + 1, 2**64 + 1, 4, 2]
        city.put(*(record_of(f"urn:x:{n:02}", a=prop(value)) for n, value in enumerate(numbers)))
        alone = city.page(asking(q=q(text)))
        city.put(record_of("urn:y:1", a=prop(["3"])))
        mixed = city.page(asking(q=q(text)))
        with_others = {one.id for one in mixed.documents} - {"urn:y:1"}
        assert {one.id for one in alone.documents} == with_others

    @pytest.mark.parametrize(("text", "expected"), [
        ("serves{Line:colour}==\"red\"", ["urn:x:1", "urn:x:3"]),
        ("serves{colour}==\"blue\"", ["urn:x:2", "urn:x:3"]),
        ("serves{Road:colour}==\"red\"", []),
        ("serves{Line:secret}", []),
        ("serves{Line:runs{Company:name}}==\"Trans\"", ["urn:x:1", "urn:x:3"]),
    ])  # fmt: skip
    def test_a_question_may_follow_relationships_to_what_the_caller_may_see(
        self, city: Driver, text: str, expected: list[str]
    ) -> None:
        city.put(
            record_of("urn:x:1", serves=link("urn:l:1")),
            record_of("urn:x:2", serves=link("urn:l:2")),
            record_of("urn:x:3", serves=link(["urn:l:2", "urn:l:1"])),
            record_of("urn:x:4", serves=link("urn:l:secret")),
            record_of("urn:x:5", serves=link("urn:l:nowhere")),
            record_of("urn:l:1", "Line", colour=prop("red"), runs=link("urn:c:1")),
            record_of("urn:l:2", "Line", colour=prop("blue")),
            record_of("urn:l:secret", ("Line", "Person"), secret=prop(1), colour=prop("red")),
            record_of("urn:c:1", "Company", name=prop("Trans")),
        )
        readable = frozenset({iri("Stop"), iri("Line"), iri("Company")})
        assert city.ids(asking(q=q(text), readable_types=readable)) == expected

    def test_times_of_the_hub_can_be_asked_for(self, city: Driver) -> None:
        city.put(record_of("urn:x:1", a=prop(1)), record_of("urn:x:2", a=prop(1), at_us=NOON_US + 10_000_000))
        city.change("urn:x:1", NOON_US + 20_000_000, a=prop(2))
        assert city.ids(asking(q=q("createdAt>2025-11-24T16:00:05Z"))) == ["urn:x:2"]
        assert city.ids(asking(q=q("modifiedAt>2025-11-24T16:00:15Z"))) == ["urn:x:1"]
        assert city.ids(asking(q=q("a.modifiedAt>2025-11-24T16:00:15Z"))) == ["urn:x:1"]

    def test_types_are_selected_by_any_and_by_all(self, city: Driver) -> None:
        city.put(
            record_of("urn:x:a", "A"), record_of("urn:x:b", "B"), record_of("urn:x:ab", ("A", "B")),
            record_of("urn:x:ba", ("B", "A")), record_of("urn:x:abc", ("A", "B", "C")), record_of("urn:x:d", "D"),
        )  # fmt: skip
        a, b, ab, ba, abc, d = "urn:x:a", "urn:x:b", "urn:x:ab", "urn:x:ba", "urn:x:abc", "urn:x:d"
        for selection, expected in (
            (types_of("A"), [a, ab, ba, abc]),
            (types_of("A", "B"), [a, b, ab, ba, abc]),
            (types_of(("A", "B")), [ab, ba, abc]),
            (types_of(("B", "C"), "D"), [abc, d]),
            (types_of("nothing"), []),
            (types_of(("A", "nothing")), []),
            (types_of("nothing", "D"), [d]),
            (None, [a, b, ab, ba, abc, d]),
        ):
            page = city.page(asking(selection, counts=True))
            assert [one.id for one in page.documents] == expected
            assert page.count == len(expected)

    def test_an_entity_is_seen_when_all_its_types_are_readable(self, city: Driver) -> None:
        city.put(record_of("urn:x:s", "Stop", a=prop(1)), record_of("urn:x:p", "Person", a=prop(1)))
        city.put(record_of("urn:x:sp", ("Stop", "Person"), a=prop(1), location=point(100, 0)))
        queries: list[dict[str, Any]] = [
            {}, {"q": q("a==1")}, {"q": q("a")}, {"ids": ("urn:x:s", "urn:x:p", "urn:x:sp")}, {"id_pattern": "x"},
            {"attributes": (iri("a"),)}, {"limit": 1}, {"counts": True},
        ]  # fmt: skip
        for members in queries:
            for types in (None, "Stop", types_of("Stop", "Person")):
                page = city.page(asking(types, readable_types=frozenset({iri("Stop")}), **members))
                assert [one.id for one in page.documents] == ["urn:x:s"]
                assert page.count in {None, 1}
            assert city.ids(asking(None, readable_types=frozenset(), **members)) == []
            assert city.ids(asking("Person", readable_types=frozenset({iri("Stop")}), **members)) == []
        assert city.ids(asking(geo=near(100, 0, at_most=10), readable_types=frozenset({iri("Stop")}))) == []

    def test_ids_patterns_and_attributes_narrow_an_answer(self, city: Driver) -> None:
        city.put(*(record_of(f"urn:x:{n:03}", a=prop(n)) for n in range(1, 150, 2)))
        city.put(*(record_of(f"urn:x:{n:03}", b=prop(n)) for n in range(0, 150, 2)))
        many = tuple(f"urn:x:{n:03}" for n in range(149, 20, -1))
        assert city.ids(asking(ids=("urn:x:007", "urn:x:003", "urn:none"))) == ["urn:x:003", "urn:x:007"]
        assert city.ids(asking("Other", ids=("urn:x:003",))) == []
        assert sorted(city.ids(asking(ids=many))) == sorted(many)
        assert city.ids(asking(ids=many, q=q("a>140"))) == [f"urn:x:{n}" for n in (141, 143, 145, 147, 149)]
        assert city.ids(asking(ids=("urn:x:003", "urn:x:004"), q=q("a==3|a==5"))) == ["urn:x:003"]
        assert city.ids(asking(ids=("urn:x:003",), q=q("a==5"))) == []
        assert city.ids(asking(id_pattern="^urn:x:00[1-3]$")) == ["urn:x:001", "urn:x:003", "urn:x:002"]
        assert city.ids(asking(None, id_pattern="04$", attributes=(iri("b"),))) == ["urn:x:004", "urn:x:104"]
        assert city.ids(asking(attributes=(iri("a"), iri("nothing")), ids=("urn:x:001", "urn:x:002"))) == ["urn:x:001"]
        assert len(city.ids(asking(attributes=(iri("a"), iri("b"))))) == 150
        assert city.ids(asking(attributes=(iri("nothing"),))) == []

    def test_scopes_narrow_an_answer(self, city: Driver) -> None:
        city.put(
            record_of("urn:x:1", scope=["/padang"]), record_of("urn:x:2", scope=["/padang/timur"]),
            record_of("urn:x:3", scope=["/padang/timur/andalas", "/other"]), record_of("urn:x:4"),
        )  # fmt: skip
        for text, expected in (
            ("/padang", ["urn:x:1"]), ("/padang/#", ["urn:x:1", "urn:x:2", "urn:x:3"]), ("/padang/+", ["urn:x:2"]),
            ("/other;/padang/#", ["urn:x:3"]), ("/other,/padang", ["urn:x:1", "urn:x:3"]), ("/nowhere", []),
        ):  # fmt: skip
            assert city.ids(asking(scope=parse_scope_selection(text))) == expected

    def test_all_members_together_must_hold(self, city: Driver) -> None:
        def put(name: str, **other: Any) -> None:
            members = {"a": prop(5), "location": point(100.3, -0.9), "scope": ["/p"]} | other
            types = members.pop("types", "Stop")
            city.put(record_of(f"urn:x:{name}", types, **members))

        put("right")
        put("type", types="Other")
        put("value", a=prop(6))
        put("place", location=point(101, -0.9))
        put("scope", scope=["/q"])
        put("unreadable", types=("Stop", "Person"))
        put("id-1")
        query = asking(
            q=q("a==5"), geo=near(100.3, -0.9, at_most=100), scope=parse_scope_selection("/p"), id_pattern="[a-z]$",
            attributes=(iri("a"),), readable_types=frozenset({iri("Stop"), iri("Other")}), counts=True,
            ids=tuple(f"urn:x:{n}" for n in ("right", "type", "value", "place", "scope", "unreadable", "id-1")),
        )  # fmt: skip
        page = city.page(query)
        assert [one.id for one in page.documents] == ["urn:x:right"]
        assert page.count == 1

    def test_a_question_that_follows_too_many_relationships_is_refused(self, city: Driver) -> None:
        city.put(record_of("urn:x:1", serves=link([f"urn:l:{n}" for n in range(1_001)])))
        with pytest.raises(TooComplexQuery):
            city.ids(asking(q=q("serves{Line:a}==1")))


class PageContract:
    """Pages: none loses or repeats an entity, whatever answers them."""

    @pytest.mark.parametrize("members", [
        {}, {"q": q("a>=100")}, {"q": q("a")}, {"q": q("b==1")}, {"geo": near(100.3, -0.9, at_most=5_000)},
        {"id_pattern": "x"}, {"attributes": (iri("a"),)}, {"readable_types": frozenset({iri("Stop")})},
        {"q": q("b==1"), "readable_types": frozenset({iri("Stop")})},
    ])  # fmt: skip
    @pytest.mark.parametrize("size", [1, 7, 400])
    def test_pages_neither_lose_nor_repeat(self, city: Driver, members: dict[str, Any], size: int) -> None:
        total = 40 if size < 400 else 1_300
        city.put(*(
            record_of(f"urn:x:{n}", a=prop((n * 37) % 500 + 100.5), b=prop(1), location=point(100.3 + n / 1e6, -0.9))
            for n in range(total)
        ))  # fmt: skip
        city.put(record_of("urn:x:p", ("Stop", "Person")))
        query = asking(**members)
        paged = city.ids_page_by_page(query, size)
        expected = {f"urn:x:{n}" for n in range(total)} | (
            {"urn:x:p"} if members in ({}, {"id_pattern": "x"}) else set()
        )
        assert sorted(paged) == sorted(expected)

    @pytest.mark.parametrize("text", ["a>=0", "a==3..7", "a<5", "a!=4", 'a>=0|a=="x"'])
    def test_asking_for_the_count_changes_no_page(self, city: Driver, text: str) -> None:
        city.put(*(record_of(f"urn:x:{n}", a=prop((n * 7) % 10)) for n in range(60)))
        for offset in (0, 5, 10):
            plain = city.page(EntityQuery(types_of("Stop"), q=q(text), limit=5, offset=offset))
            counted = city.page(EntityQuery(types_of("Stop"), q=q(text), limit=5, offset=offset, counts=True))
            assert plain.documents == counted.documents
            assert counted.count is not None
            assert counted.count > 15
            assert plain.count is None

    def test_a_page_beyond_the_end_is_empty_and_still_counts(self, city: Driver) -> None:
        city.put(*(record_of(f"urn:x:{n}", a=prop(n), location=point(100, 0)) for n in range(5)))
        for members in ({}, {"q": q("a>=0")}, {"q": q("a")}, {"ids": ("urn:x:1",)}, {"geo": near(100, 0, at_most=9)}):
            for limit, offset in ((0, 0), (3, 5), (3, 5_000)):
                page = city.page(asking(limit=limit, offset=offset, counts=True, **members))
                assert page.documents == []
                assert page.count == (1 if "ids" in members else 5)


_PLACES: dict[str, Any] = {
    "market": point(100.3600, -0.9500),
    "mosque": point(100.3610, -0.9500),  # 111 m to the east
    "harbour": point(100.3700, -1.0000),
    "two": [point(100.3600, -0.9500, datasetId="urn:d:1"), point(100.3601, -0.9499, datasetId="urn:d:2")],
    "far-two": [point(100.3600, -0.9500, datasetId="urn:d:1"), point(120.0, 5.0, datasetId="urn:d:2")],
    "building": geometry("Polygon", [[
        [100.3599, -0.9501], [100.3602, -0.9501], [100.3602, -0.9498], [100.3599, -0.9498], [100.3599, -0.9501],
    ]]),
    "road": geometry("LineString", [[100.30, -0.95], [100.42, -0.95]]),
    "kelurahan": geometry("Polygon", [[
        [100.35, -0.96], [100.37, -0.96], [100.37, -0.94], [100.35, -0.94], [100.35, -0.96],
    ]]),
    "province": geometry("Polygon", [[[98.0, -3.0], [102.0, -3.0], [102.0, 1.0], [98.0, 1.0], [98.0, -3.0]]]),
    "stops": geometry("MultiPoint", [[100.36, -0.95], [100.40, -0.80]]),
    "lines": geometry("MultiLineString", [[[100.2, -0.9], [100.25, -0.9]], [[100.36, -0.96], [100.36, -0.94]]]),
    "islands": geometry("MultiPolygon", [
        [[[99.0, -1.5], [99.1, -1.5], [99.1, -1.4], [99.0, -1.5]]],
        [[[100.3, -0.9], [100.31, -0.9], [100.31, -0.89], [100.3, -0.9]]],
    ]),
    "edge": point(180.0, -10.0),
    "other-edge": point(-180.0, -10.0),
    "pole": point(0.0, 90.0),
    "south-pole": point(12.0, -90.0),
}  # fmt: skip
_SUMATRA = [[[90.0, -5.0], [110.0, -5.0], [110.0, 5.0], [90.0, 5.0], [90.0, -5.0]]]
_BEYOND_THE_DATE_LINE = [[[[-180, -11], [-179, -11], [-179, -9], [-180, -9], [-180, -11]]]]
_AREA = [[[100.34, -0.97], [100.38, -0.97], [100.38, -0.93], [100.34, -0.93], [100.34, -0.97]]]
_GEO_QUESTIONS: list[tuple[GeoQuery, set[str]]] = [
    (near(100.36, -0.95, at_most=50), {
        "market", "two", "far-two", "building", "road", "kelurahan", "province", "stops", "lines",
    }),
    (near(100.36, -0.95, at_most=120), {
        "market", "mosque", "two", "far-two", "building", "road", "kelurahan", "province", "stops", "lines",
    }),
    (near(100.36, -0.95, at_least=100, at_most=120), {"mosque"}),
    (near(100.3601, -0.9499, at_most=5), {"two", "building", "kelurahan", "province"}),
    (near(100.36, -0.95, at_least=9_000_000), {"pole", "south-pole"}),
    (near(179.999, -10.0, at_most=500), {"edge", "other-edge"}),
    (near(100.0, 89.999, at_most=500), {"pole"}),
    (near(-70.0, -89.999, at_most=500), {"south-pole"}),
    (parse_geo_query("within", "Polygon", _AREA, PLACE), {
        "market", "mosque", "two", "far-two", "building", "kelurahan",
    }),
    (parse_geo_query("intersects", "Polygon", _AREA, PLACE), {
        "market", "mosque", "two", "far-two", "building", "kelurahan", "road", "province", "stops", "lines",
    }),
    (parse_geo_query("contains", "Point", [100.36, -0.95], PLACE), {
        "market", "two", "far-two", "building", "road", "kelurahan", "province", "stops", "lines",
    }),
    (parse_geo_query("equals", "Point", [100.361, -0.95], PLACE), {"mosque"}),
    (parse_geo_query("equals", "LineString", [[100.42, -0.95], [100.30, -0.95]], PLACE), {"road"}),
    (parse_geo_query("overlaps", "Polygon", _AREA, PLACE), set()),
    (parse_geo_query("overlaps", "Polygon",
                     [[[100.36, -0.95], [100.5, -0.95], [100.5, -0.8], [100.36, -0.8], [100.36, -0.95]]], PLACE),
     {"kelurahan", "building"}),
    (parse_geo_query("disjoint", "Polygon", _SUMATRA, PLACE),
     {"far-two", "edge", "other-edge", "pole", "south-pole"}),
    (parse_geo_query("intersects", "LineString", [[99.05, -1.6], [99.05, -1.3]], PLACE), {"islands", "province"}),
    (parse_geo_query("within", "MultiPolygon", _BEYOND_THE_DATE_LINE, PLACE), set()),
    (parse_geo_query("intersects", "MultiPolygon", _BEYOND_THE_DATE_LINE, PLACE),
     {"other-edge"}),
]  # fmt: skip


class PlaceContract:
    """Geo-queries: all relations, all geometries, the ends of the map."""

    @pytest.mark.parametrize("number", range(len(_GEO_QUESTIONS)))
    def test_places_are_found_by_their_relation(self, city: Driver, number: int) -> None:
        query, expected = _GEO_QUESTIONS[number]
        city.put(
            *(record_of(f"urn:x:{name}", location=place) for name, place in _PLACES.items()), record_of("urn:x:bare")
        )
        for types in ("Stop", None):
            page = city.page(asking(types, geo=query, counts=True))
            assert sorted(one.id.removeprefix("urn:x:") for one in page.documents) == sorted(expected)
            assert page.count == len(expected)

    @pytest.mark.parametrize("name", sorted(_PLACES))
    def test_a_place_of_any_form_is_found_alone_and_after_it_moved(self, city: Driver, name: str) -> None:
        city.put(record_of("urn:x:1", location=point(20, 20)))
        city.change("urn:x:1", NOON_US + 1, location=_PLACES[name])
        everywhere = parse_geo_query(
            "intersects", "Polygon", [[[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]]], PLACE
        )
        for question in (everywhere, *(query for query, expected in _GEO_QUESTIONS if name in expected)):
            assert city.ids(asking(geo=question)) == ["urn:x:1"]
        assert city.ids(asking(geo=near(20, 20, at_most=1_000))) == []
        city.change("urn:x:1", NOON_US + 2, location=point(20, 20))
        assert city.ids(asking(geo=near(20, 20, at_most=1_000))) == ["urn:x:1"]
        city.remove("urn:x:1")
        assert city.ids(asking(geo=everywhere)) == []

    def test_a_small_building_among_points_is_found_near_a_point(self, city: Driver) -> None:
        city.put(record_of("urn:x:1", location=_PLACES["building"]), record_of("urn:x:2", location=_PLACES["market"]))
        assert city.ids(asking(geo=near(100.36, -0.95, at_most=100))) == ["urn:x:1", "urn:x:2"]

    def test_another_geo_property_than_location_can_be_asked(self, city: Driver) -> None:
        city.put(record_of("urn:x:1", entrance=point(100, 0), location=point(50, 0)))
        shape = {"type": "Point", "coordinates": [100, 0]}
        assert city.ids(asking(geo=GeoQuery(Relation.NEAR, shape, iri("entrance"), None, 10.0))) == ["urn:x:1"]
        assert city.ids(asking(geo=near(100, 0, at_most=10))) == []

    def test_very_many_places_are_found_as_few_are(self, city: Driver) -> None:
        city.put(*(record_of(f"urn:x:{n:04}", location=point(100 + n / 1e5, -0.9)) for n in range(1_500)))
        found = city.page(asking(geo=near(100, -0.9, at_most=20_000), limit=5, offset=1_495, counts=True))
        assert [one.id for one in found.documents] == [f"urn:x:{n}" for n in range(1_495, 1_500)]
        assert found.count == 1_500
        assert city.store.count_types(TENANT) == {iri("Stop"): 1_500}
