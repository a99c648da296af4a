"""What any store must answer to a question with an order (CIM 009 §4.23). No backend is named here."""

from __future__ import annotations

from typing import Any

import pytest

from simpul.domain.context import CORE
from simpul.domain.entity import Record
from simpul.domain.geo import GeoQuery, Relation
from simpul.domain.order import Ordering, parse_order
from simpul.domain.query import EntityQuery
from simpul.ports.store import Page
from tests.store.samples import (
    NOON_US,
    PLACE,
    TENANT,
    Driver,
    asking,
    geometry,
    iri,
    link,
    point,
    prop,
    q,
    record_of,
    words,
)

MARKET = {"type": "Point", "coordinates": [100.36, -0.95]}


def by(text: str, *, collation: str = "und", reference: dict[str, Any] | None = None) -> Ordering:
    return Ordering(parse_order(text, CORE.expand), collation, reference)


def page(city: Driver, query: EntityQuery, ordering: Ordering) -> Page:
    return city.run(city.store.list_ordered(TENANT, query, ordering))


def names(city: Driver, query: EntityQuery, ordering: Ordering) -> list[str]:
    return [one.id.removeprefix("urn:x:") for one in page(city, query, ordering).documents]


def put(city: Driver, **attributes: Any) -> None:
    """Put one stop for each, with the attribute `a`; None leaves it away."""
    city.put(*(
        record_of(f"urn:x:{name}", **({} if value is None else {"a": value})) for name, value in attributes.items()
    ))  # fmt: skip


# How the same question is asked so that an index answers it, and so that the entities themselves are looked at.
WAYS = {"whole type": asking(), "filtered": asking(ids=tuple(f"urn:x:{name}" for name in "abcdefghijk"))}


class OrderContract:
    """Each way to an order gives the same one."""

    @pytest.fixture(params=list(WAYS.values()), ids=list(WAYS))
    def question(self, request: pytest.FixtureRequest) -> EntityQuery:
        question: EntityQuery = request.param
        return question

    def test_numbers_are_in_order_and_those_without_come_last(self, city: Driver, question: EntityQuery) -> None:
        put(city, a=prop(10), b=None, c=prop(-1.5), d=prop(2), e=None, f=prop(2))
        assert names(city, question, by("a")) == ["c", "d", "f", "a", "b", "e"]
        assert names(city, question, by("a;desc")) == ["a", "d", "f", "c", "b", "e"]

    def test_pages_of_an_order_lose_and_repeat_nothing(self, city: Driver, question: EntityQuery) -> None:
        put(city, **{name: None if number % 3 == 0 else prop(number % 4) for number, name in enumerate("abcdefghij")})
        whole = names(city, question, by("a;desc"))
        for size in (1, 3, 4):
            pages = [
                names(city, EntityQuery(question.types, question.ids, limit=size, offset=offset), by("a;desc"))
                for offset in range(0, 12, size)
            ]
            assert [name for one in pages for name in one] == whole

    def test_an_ordered_page_is_counted(self, city: Driver, question: EntityQuery) -> None:
        put(city, a=prop(2), b=prop(1), c=None)
        counting = EntityQuery(question.types, question.ids, limit=1, counts=True)
        found = page(city, counting, by("a"))
        assert ([one.id for one in found.documents], found.count) == (["urn:x:b"], 3)
        found = page(city, EntityQuery(question.types, question.ids, limit=0, counts=True), by("a"))
        assert (found.documents, found.count) == ([], 3)

    def test_text_is_in_the_order_of_a_collation(self, city: Driver, question: EntityQuery) -> None:
        put(city, a=prop("Zebra"), b=prop("\u00c4hre"), c=prop("azul"), d=prop("Ad"), e=prop("\u00e1"), f=prop("b"))
        assert names(city, question, by("a")) == ["e", "d", "b", "c", "f", "a"]
        # In a German telephone book Ä is ae.
        assert names(city, question, by("a", collation="de-u-co-phonebk")) == ["e", "d", "b", "c", "f", "a"]
        put(city, g=prop("Ae"), h=prop("Af"))
        assert names(city, question, by("a", collation="de-u-co-phonebk"))[1:5] == ["d", "g", "b", "h"]
        assert names(city, question, by("a"))[1:5] == ["d", "g", "h", "b"]

    def test_long_texts_are_in_order_too(self, city: Driver, question: EntityQuery) -> None:
        put(city, a=prop("x" * 200 + "b"), b=prop("x" * 200 + "a"), c=prop("x"))
        assert names(city, question, by("a")) == ["c", "b", "a"]

    def test_kinds_of_values_have_an_order(self, city: Driver, question: EntityQuery) -> None:
        """CIM 009 §4.23.2."""
        put(
            city, k=None, a=prop(3), b=prop("teks"), c=prop({"x": 1}), d=prop([1]), e=prop(False), f=prop(True),
            g=prop("08:30:00"), h=prop("2026-03-01"), i=prop("2026-02-01T00:00:00Z"),
        )  # fmt: skip
        assert names(city, question, by("a")) == list("abcdefghik")
        assert names(city, question, by("a;desc")) == [*"abcdefghi"[::-1], "k"]

    def test_values_of_other_kinds_of_attributes_are_ordered(self, city: Driver, question: EntityQuery) -> None:
        put(
            city, a=link("urn:x:2"), b=link("urn:x:1"), c=words(en="b", id="a"), d=words(en="a", id="b"),
            e={"type": "VocabProperty", "vocab": "urn:x:0"},
        )  # fmt: skip
        assert names(city, question, by("a"))[:3] == ["e", "b", "a"]
        assert names(city, question, by("a[en]"))[:2] == ["d", "c"]
        assert names(city, question, by("a[id]"))[:2] == ["c", "d"]

    def test_the_default_instance_counts(self, city: Driver, question: EntityQuery) -> None:
        put(
            city, a=[prop(1, datasetId="urn:d:1"), prop(9)], b=prop(5),
            c=[prop(3, datasetId="urn:d:2"), prop(7, datasetId="urn:d:1")],
        )  # fmt: skip
        assert names(city, question, by("a")) == ["c", "b", "a"]

    def test_members_of_entities_and_attributes_are_ordered(self, city: Driver, question: EntityQuery) -> None:
        city.put(
            record_of("urn:x:a", ["Stop", "Depot"], at_us=NOON_US + 2, scope=["/b"], a=prop(1, unitCode="CMT")),
            record_of("urn:x:c", at_us=NOON_US + 1, a=prop(2, observedAt="2026-03-01T00:00:00Z")),
            record_of("urn:x:b", ["Depot", "Stop"], scope=["/a"], a=prop(3, observedAt="2026-02-01T07:00:00+07:00")),
        )
        city.change("urn:x:a", NOON_US + 5, a=prop(1, unitCode="CMT"))
        assert names(city, question, by("id;desc")) == ["c", "b", "a"]
        assert names(city, question, by("createdAt")) == ["b", "c", "a"]
        assert names(city, question, by("modifiedAt;desc")) == ["a", "c", "b"]
        assert names(city, question, by("a.modifiedAt")) == ["b", "c", "a"]
        assert names(city, question, by("a.observedAt")) == ["b", "c", "a"]
        assert names(city, question, by("type,id")) == ["b", "a", "c"]
        assert names(city, question, by("scope")) == ["b", "a", "c"]

    def test_terms_are_applied_one_after_the_other(self, city: Driver, question: EntityQuery) -> None:
        def stop(name: str, **attributes: Any) -> Record:
            valued: dict[str, Any] = {key: prop(value) for key, value in attributes.items()}
            return record_of(f"urn:x:{name}", **valued)

        city.put(stop("a", a=1, b="y"), stop("b", a=2, b="x"), stop("c", a=1, b="x"), stop("d", b="z"), stop("e", a=2))
        assert names(city, question, by("a,b")) == ["c", "a", "b", "e", "d"]
        assert names(city, question, by("a;desc,b;desc")) == ["b", "e", "a", "c", "d"]
        assert names(city, question, by("b,id;desc")) == ["c", "b", "a", "d", "e"]

    def test_sub_attributes_and_members_are_ordered(self, city: Driver, question: EntityQuery) -> None:
        put(
            city, a=prop({"city": "Solok", "zip": {"code": 2}}, **{iri("s"): prop(2)}),
            b=prop({"city": "Padang", "zip": {"code": 3}}, **{iri("s"): prop(3)}), c=prop({"city": None}),
        )  # fmt: skip
        assert names(city, question, by("a[city]")) == ["b", "a", "c"]
        assert names(city, question, by("a[zip.code]")) == ["a", "b", "c"]
        assert names(city, question, by("a.s;desc")) == ["b", "a", "c"]

    def test_places_are_in_the_order_of_their_distance(self, city: Driver, question: EntityQuery) -> None:
        city.put(
            record_of("urn:x:a", location=point(100.40, -0.95)), record_of("urn:x:b", location=point(100.361, -0.95)),
            record_of("urn:x:c"), record_of("urn:x:d", location=point(-80, 0.95)),
            record_of("urn:x:e", location=prop("di pasar")), record_of("urn:x:f", location=point(100.37, -0.95)),
        )  # fmt: skip
        near, far = by("location;dist-asc", reference=MARKET), by("location;dist-desc", reference=MARKET)
        assert names(city, question, near) == ["b", "f", "a", "d", "e", "c"]
        assert names(city, question, far) == ["d", "a", "f", "b", "e", "c"]
        some = EntityQuery(question.types, question.ids, limit=2, offset=1, counts=True)
        assert names(city, some, near) == ["f", "a"]
        assert page(city, some, near).count == 6

    def test_distances_from_and_of_any_geometry_are_ordered(self, city: Driver, question: EntityQuery) -> None:
        city.put(
            record_of("urn:x:a", location=point(100.5, -0.95)),
            record_of("urn:x:b", location=geometry("LineString", [[100.37, -0.95], [100.38, -0.95]])),
        )
        assert names(city, question, by("location;dist-asc", reference=MARKET)) == ["b", "a"]
        road = {"type": "LineString", "coordinates": [[100.49, -0.96], [100.49, -0.94]]}
        assert names(city, question, by("location;dist-asc", reference=road)) == ["a", "b"]

    def test_of_several_places_the_default_one_counts(self, city: Driver, question: EntityQuery) -> None:
        city.put(
            record_of("urn:x:a", location=[point(101, 0), point(100.36, -0.95, datasetId="urn:d:1")]),
            record_of("urn:x:b", location=point(100.37, -0.95)),
        )
        assert names(city, question, by("location;dist-asc", reference=MARKET)) == ["b", "a"]

    def test_only_what_may_be_read_is_ordered(self, city: Driver, question: EntityQuery) -> None:
        city.put(
            record_of("urn:x:a", a=prop(2)), record_of("urn:x:b", ["Stop", "Secret"], a=prop(1)),
            record_of("urn:x:c", "Secret", a=prop(0)),
        )  # fmt: skip
        mine = EntityQuery(question.types, question.ids, readable_types=frozenset({iri("Stop")}), counts=True)
        found = page(city, mine, by("a"))
        assert ([one.id for one in found.documents], found.count) == (["urn:x:a"], 1)
        nothing = EntityQuery(question.types, question.ids, readable_types=frozenset(), counts=True)
        assert page(city, nothing, by("a")) == Page([], 0)


class OrderedQuestionContract:
    """An order with everything else that a question can say."""

    def test_every_filter_goes_with_an_order(self, city: Driver) -> None:
        city.put(
            *(
                record_of(f"urn:x:{n}", a=prop(n % 3), scope=["/p"], location=point(100.36 + n / 1e4, -0.95))
                for n in range(9)
            ),
            record_of("urn:x:other", "Other", a=prop(1)),
        )
        circle = GeoQuery(Relation.NEAR, MARKET, PLACE, None, 50.0)
        assert names(city, asking(q=q("a>=1")), by("a;desc,id")) == ["2", "5", "8", "1", "4", "7"]
        assert names(city, asking(geo=circle), by("a,id")) == ["0", "3", "1", "4", "2"]
        assert names(city, asking(id_pattern="[4-6]$"), by("a")) == ["6", "4", "5"]
        assert names(city, asking(None, q=q("a==1")), by("id;desc")) == ["other", "7", "4", "1"]
        assert names(city, asking("Nothing"), by("id")) == []
