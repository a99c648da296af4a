"""Which subscriptions a change concerns, and what it did: the pure part."""

from __future__ import annotations

from typing import Any

import pytest

from simpul.domain.context import CORE
from simpul.domain.entity import Record, Times
from simpul.domain.parse import parse_entity
from simpul.domain.subscription import Kept, parse_subscription
from simpul.domain.watch import Effects, Watchlist, find_effects, pack_numbers, unpack_numbers

NAMA = CORE.expand("nama")


def record(**members: Any) -> Record:
    body = {"id": "urn:ngsi-ld:Halte:1", "type": "Halte", "nama": {"type": "Property", "value": "Pasar"}, **members}
    return Record(parse_entity(body, CORE), Times(0, 0))


def kept(readable_types: list[str] | None = None, **members: Any) -> Kept:
    endpoint = {"uri": "http://contoh.org/"}
    body = {"type": "Subscription", "entities": [{"type": "Halte"}], "notification": {"endpoint": endpoint}, **members}
    return Kept(parse_subscription(body, CORE), 0, 0, 0, 0, readable_types)


def interested(found: Record, effects: Effects, *subscriptions: Kept) -> list[int]:
    watchlist = Watchlist([(number, one, CORE) for number, one in enumerate(subscriptions)])
    interest = watchlist.find_interest(found, effects)
    return [] if interest is None else sorted(unpack_numbers(interest.numbers))


UPDATE = Effects(False, False, (), (NAMA,), ())


def test_numbers_are_packed_and_unpacked() -> None:
    assert list(unpack_numbers(pack_numbers([1, 70_000, 2**31]))) == [1, 70_000, 2**31]


def test_only_subscriptions_to_the_type_are_concerned() -> None:
    others = kept(entities=[{"type": "Terminal"}]), kept(entities=[{"type": "(Terminal;Halte)"}])
    assert interested(record(), UPDATE, kept(), *others) == [0]


def test_an_entity_of_several_types_concerns_each_subscription_once() -> None:
    both = record(type=["Halte", "Terminal"])
    assert interested(both, UPDATE, kept(), kept(entities=[{"type": "(Halte|Terminal)"}])) == [0, 1]


def test_a_subscription_without_a_type_is_asked_about_every_change() -> None:
    anything = kept(entities=[{"idPattern": "urn:ngsi-ld:Halte:.*"}])
    assert interested(record(), UPDATE, anything) == [0]


def test_a_subscriber_is_told_of_no_type_that_its_creator_may_not_read() -> None:
    assert interested(record(), UPDATE, kept(readable_types=[CORE.expand("Terminal")])) == []
    assert interested(record(), UPDATE, kept(readable_types=[CORE.expand("Halte")])) == [0]


def test_subscriptions_that_ask_the_same_are_told_together() -> None:
    assert interested(record(), UPDATE, *(kept() for _ in range(5))) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("before", "after", "expected"), [
    ({}, {"nama": {"type": "Property", "value": "Baru"}}, ((), (NAMA,), ())),
    ({}, {}, ((), (), ())),
    (
        {"nama": {"type": "Property", "value": "a", "datasetId": "urn:a"}},
        {"nama": [{"type": "Property", "value": "a", "datasetId": "urn:a"}, {"type": "Property", "value": "b"}]},
        ((NAMA,), (), ()),
    ),
    (
        {"nama": [{"type": "Property", "value": "a", "datasetId": "urn:a"}, {"type": "Property", "value": "b"}]},
        {"nama": {"type": "Property", "value": "c"}},
        ((), (NAMA,), (f"{NAMA}\nurn:a",)),
    ),
])  # fmt: skip
def test_effects_tell_instances_apart(before: dict[str, Any], after: dict[str, Any], expected: tuple[Any, ...]) -> None:
    effects = find_effects(record(**before), record(**after), (NAMA,))
    assert (effects.added, effects.modified, effects.removed) == expected


def test_subscriptions_that_differ_in_q_alone_are_told_each_as_it_asks() -> None:
    asked = ["kapasitas>10", "kapasitas>=40", "kapasitas>40", "kapasitas<41", "kapasitas==40", 'nama=="Pasar"']
    found = record(kapasitas={"type": "Property", "value": 40})
    assert interested(found, UPDATE, *(kept(q=q) for q in asked)) == [0, 1, 3, 4, 5]


def test_a_subscription_to_one_entity_is_found_by_its_id() -> None:
    ones = [kept(entities=[{"type": "Halte", "id": f"urn:ngsi-ld:Halte:{number}"}]) for number in range(3)]
    assert interested(record(), UPDATE, *ones, kept(entities=[{"type": "Terminal", "id": "urn:ngsi-ld:Halte:1"}])) == [
        1
    ]


def test_a_subscription_is_found_by_what_it_watches() -> None:
    watching = [kept(watchedAttributes=[name]) for name in ("nama", "kapasitas")]
    assert interested(record(), UPDATE, *watching) == [0]
    creation = Effects(True, False, (NAMA,), (), ())
    created = kept(watchedAttributes=["kapasitas"], notificationTrigger=["entityCreated"])
    assert interested(record(), creation, *watching, created) == [0, 2]
    assert interested(record(), Effects(False, False, (), (), (), True), *watching) == []


def test_a_watchlist_that_follows_another_knows_what_changed() -> None:
    ones = [kept(q=f"kapasitas>{number}") for number in range(3)]
    found = record(kapasitas={"type": "Property", "value": 40})
    before = Watchlist([(number, one, CORE) for number, one in enumerate(ones)])
    changed = [(0, ones[0], CORE), (2, kept(q="kapasitas>100"), CORE), (3, kept(entities=[{"type": "Bus"}]), CORE)]
    interest = Watchlist([*changed, (4, kept(), CORE)], before).find_interest(found, UPDATE)
    assert interest is not None
    assert sorted(unpack_numbers(interest.numbers)) == [0, 4]
