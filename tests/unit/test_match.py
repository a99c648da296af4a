"""Whether an entity satisfies a question: the definition at the top of `match.py`, by example."""

from __future__ import annotations

from typing import Any

import pytest

from simpul.domain.entity import Record, Times
from simpul.domain.errors import NotImplementedYet, TooComplexQuery
from simpul.domain.match import matches, matches_scope
from simpul.domain.q import parse_q, parse_scope_selection
from simpul.limits import Q_LINKED_ENTITIES_MAX

SECOND = 1_000_000


def same(name: str) -> str:
    return name if ":" in name else f"e:{name}"


def record(entity_id: str = "urn:a", types: tuple[str, ...] = ("e:T",), **attributes: Any) -> Record:
    entity = {"id": entity_id, "type": list(types), **{same(name): value for name, value in attributes.items()}}
    return Record(entity, Times(SECOND, 5 * SECOND, {"e:number": (2 * SECOND, 3 * SECOND)}))


def value(of: Any, **more: Any) -> dict[str, Any]:
    return {"type": "Property", "value": of, **more}


STOP = record(
    number=value(20, observedAt="2026-01-31T08:00:00Z", unitCode="CEL", **{"e:accuracy": value(0.5)}),
    flag=value(True),
    name=value("Pasar Raya"),
    tags=value(["blue", "red", 7]),
    address=value({"city": "Padang", "geo": {"zone": 3}, "streets": ["A", "B"], "since": "2001-01-01"}),
    opened=value("2026-01-31T08:00:00+07:00"),
    dated=value({"@type": "DateTime", "@value": "2026-01-31T01:00:00Z"}),
    opens=value("07:30:00"),
    agency={"type": "Relationship", "object": "urn:dishub"},
    lines={"type": "Relationship", "object": ["urn:l1", "urn:l2"]},
    route={"type": "ListRelationship", "objectList": [{"object": "urn:s1"}, {"object": "urn:s2"}]},
    title={"type": "LanguageProperty", "languageMap": {"id": "merah", "en": ["red", "cherry"]}},
    gender={"type": "VocabProperty", "vocab": "e:Male"},
    raw={"type": "JsonProperty", "json": {"value": "late", "n": [1, 2]}},
    list={"type": "ListProperty", "valueList": [1, "x"]},
    multi=[value(1), value(5, datasetId="urn:d")],
)


def holds(q: str, of: Record = STOP) -> bool:
    return matches(parse_q(q, same), of)


@pytest.mark.parametrize("q", ["gender==Male", 'gender=="Male"', 'gender=="Other","Male"'])
def test_a_word_is_a_vocabulary_s_where_the_request_says_so(q: str) -> None:
    """CIM 009 §4.9, example 12."""
    assert matches(parse_q(q, same, expand_values=["gender"]), STOP)
    assert not holds(q)


@pytest.mark.parametrize("q", [
    "number",
    "number==20",
    "number==20.0",
    "number==10..20",
    'number==1,"x",20',
    "number>19.5",
    "number>=20",
    "number<=20",
    "number<21",
    "number!=21",
    "number!=1..19",
    'number!="20"',
    "number!=true",
    "number.accuracy<1",
    "number.observedAt>=2026-01-31",
    "number.observedAt==2026-01-31T15:00:00+07:00",
    'number.unitCode=="CEL"',
    "number.unitCode==CEL",
    "number.createdAt==1970-01-01T00:00:02Z",
    "number.modifiedAt==1970-01-01T00:00:03Z",
    "name.modifiedAt==1970-01-01T00:00:01Z",
    "createdAt==1970-01-01T00:00:01Z",
    "modifiedAt>1970-01-01T00:00:04Z",
    'modifiedAt=="1970-01-01T00:00:05Z"',
    "flag==true",
    "flag!=false",
    "flag!=1",
    'name=="Pasar Raya"',
    'name>"Pasar"',
    'name=="P".."Q"',
    'name~="^Pasar"',
    'name!~="^Toko"',
    'tags=="red"',
    "tags==red",
    "tags==7",
    'tags!="green"',
    "tags!=1..10",
    'address[city]=="Padang"',
    "address[geo.zone]==3",
    'address[streets]=="B"',
    "address[since]<2002-01-01",
    "opened==2026-01-31T01:00:00Z",
    "opened>2026-01-31",
    'opened>"2026-01-31"',
    "dated==2026-01-31T08:00:00+07:00",
    'dated=="2026-01-31T01:00:00Z"',
    'dated~="^2026"',
    "opens<12:00:00",
    "opens==07:30:00..08:00:00",
    "agency==urn:dishub",
    'agency=="urn:dishub"',
    "agency==urn:x,urn:dishub",
    "agency!=urn:x",
    "lines==urn:l2",
    "lines!=urn:l3",
    "route==urn:s1",
    'title=="merah"',
    'title[en]=="cherry"',
    'title[*]=="red"',
    'title[en]!="merah"',
    'title~="^mer"',
    'gender=="e:Male"',
    "gender==e:Male",
    "gender!=Male",
    "gender!=Female",
    'raw[value]=="late"',
    "raw[n]==2",
    'list=="x"',
    "multi==5",
    "multi>4",
    "multi<2",
    "multi.datasetId==urn:d",
    "number==20;flag==true",
    "number==21|flag==true",
])  # fmt: skip
def test_the_entity_satisfies(q: str) -> None:
    assert holds(q)


@pytest.mark.parametrize("q", [
    "missing",
    "missing!=1",
    'missing!~="x"',
    "number==21",
    'number=="20"',
    "number==20..10",
    "number!=20",
    "number!=1,20",
    "number!=10..30",
    "number>20",
    'number>"1"',
    'number~="2"',
    'number!~="x"',
    "number.accuracy.deeper",
    "number.observedAt.deeper",
    "number.createdAt>1970-01-02",
    "createdAt.deeper",
    "number[x]",
    "number.observedAt[x]",
    "flag==1",
    "flag>0",
    'flag=="true"',
    'name=="pasar raya"',
    "name>1",
    'name~="^Toko"',
    'name!~="Raya"',
    "tags==6..8",
    "tags>1",
    'tags~="red"',
    'tags!="red"',
    'tags!="x","red"',
    "address[missing]",
    "address[city.name]",
    "address[streets.0]",
    "address.city",
    "opened>2026-02-01",
    "opened<2026-01-31",
    "name>2020-01-01",
    "opens>12:00:00",
    "opens>2026-01-01",
    "opened>00:00:00",
    "agency>\"a\"",
    'agency~="urn"',
    'agency!~="x"',
    'agency=="a".."z"',
    "agency!=urn:dishub",
    "agency[x]",
    'title[en]=="merah"',
    'title[fr]!="merah"',
    "title[en.x]",
    'title!="merah"',
    "gender==Female",
    'gender=="Male"',
    "gender==Male",
    'raw=="late"',
    "multi==3",
    "multi!=5",
    "number==20;flag==false",
    'modifiedAt=="kemarin"',
    "modifiedAt==5",
    'modifiedAt~="1970"',
])  # fmt: skip
def test_the_entity_does_not_satisfy(q: str) -> None:
    assert not holds(q)


HUB = record("urn:hub", ("e:Hub",), capacity=value(7), city={"type": "Relationship", "object": "urn:city"})
CITY = record("urn:city", ("e:City",), name=value("Padang"))
LINKED = record(hub={"type": "Relationship", "object": ["urn:hub", "urn:gone"]})


@pytest.mark.parametrize(("q", "expected"), [
    ("hub{capacity}", True),
    ("hub{capacity}>5", True),
    ("hub{capacity}>9", False),
    ("hub{capacity}!=8", True),
    ("hub{Hub:capacity}==7", True),
    ("hub{Mast,Hub:capacity}==7", True),
    ("hub{Mast:capacity}==7", False),
    ('hub{city{name}}=="Padang"', True),
    ("capacity{x}", False),
])  # fmt: skip
def test_a_relationship_is_followed_to_the_linked_entity(q: str, expected: bool) -> None:
    others = {one.id: one for one in (HUB, CITY)}
    assert matches(parse_q(q, same), LINKED, others.get) is expected


def test_following_relationships_without_a_way_to_do_so_is_said() -> None:
    with pytest.raises(NotImplementedYet):
        holds("hub{capacity}", LINKED)


def test_following_too_many_relationships_is_too_complex() -> None:
    many = record(hub={"type": "Relationship", "object": ["urn:hub"] * (Q_LINKED_ENTITIES_MAX + 1)})
    with pytest.raises(TooComplexQuery):
        matches(parse_q("hub{capacity}", same), many, lambda _: None)


@pytest.mark.parametrize(("scope_q", "expected"), [
    ("/Padang/Barat", True),
    ("Padang/Barat", True),
    ("/Padang", False),
    ("/Padang/#", True),
    ("/Padang/Barat/#", True),
    ("/Padang/Barat/Taman/#", False),
    ("/+/Barat", True),
    ("/+/+/+", False),
    ("/+", True),
    ("/#", True),
    ("(/Padang/Barat;/Dinas)", True),
    ("(/Padang/Barat;/Lain)", False),
    ("/Lain|/Dinas", True),
    ("/Lain,/Dinas", True),
])  # fmt: skip
def test_scopes_are_matched_by_level(scope_q: str, expected: bool) -> None:
    entity = {"id": "urn:a", "type": ["e:T"], "scope": ["/Padang/Barat", "Dinas"]}
    assert matches_scope(parse_scope_selection(scope_q), entity) is expected


def test_an_entity_without_scope_is_in_none() -> None:
    assert not matches_scope(parse_scope_selection("/#"), {"id": "urn:a", "type": ["e:T"]})
