"""What any store of cities must do, as one suite: entities, their history and the writes that make both.

A backend's test module derives from these classes and gives the fixture `city`. No backend is named here.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from simpul import limits
from simpul.domain.entity import EXPIRING, Record, Times, attribute_key
from simpul.domain.errors import (
    AlreadyExists,
    BadRequestData,
    HubError,
    InternalError,
    NonexistentTenant,
    NotFound,
)
from simpul.ports.store import ChangeKind, Draft, Reject, Run, Token
from tests.store.samples import (
    NOON_US,
    TENANT,
    Driver,
    asking,
    changed_record,
    entity_of,
    iri,
    link,
    point,
    prop,
    q,
    record_of,
    types_of,
    without,
    words,
)

_HALTE = "urn:ngsi-ld:Stop:1"


def _raise_unless_body(draft: Draft, entity_id: str, body: bytes | None) -> None:
    assert draft.find_body(entity_id) == body


class EntityContract:
    """The current state of entities, and their history."""

    def test_a_created_entity_is_found_as_it_was_written(self, city: Driver) -> None:
        record = record_of(_HALTE, name=prop("Pasar Raya"), serves=link("urn:ngsi-ld:Line:1"), place=point(100.3, -0.9))
        city.put(record)
        found = city.find(_HALTE)
        assert found is not None
        assert (found.id, found.types, found.context_id) == (_HALTE, (iri("Stop"),), 0)
        assert json.loads(found.body) == {
            "id": _HALTE,
            "type": "Stop",
            "name": {"type": "Property", "value": "Pasar Raya"},
            "serves": {"type": "Relationship", "object": "urn:ngsi-ld:Line:1"},
            "place": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [100.3, -0.9]}},
        }
        assert city.record(_HALTE) == record

    def test_an_unknown_entity_is_not_found(self, city: Driver) -> None:
        assert city.find("urn:ngsi-ld:Stop:none") is None
        assert city.store.list_changes(TENANT, "urn:ngsi-ld:Stop:none") == []

    def test_a_write_finds_the_bytes_that_a_reader_finds(self, city: Driver) -> None:
        city.put(record_of(_HALTE, depth=prop(1.5)))
        found = city.find(_HALTE)
        assert found is not None
        city.write(lambda draft: _raise_unless_body(draft, _HALTE, found.body))
        city.write(lambda draft: _raise_unless_body(draft, "urn:ngsi-ld:Stop:none", None))
        city.remove(_HALTE)
        city.write(lambda draft: _raise_unless_body(draft, _HALTE, None))

    def test_a_changed_entity_shows_its_new_values_after_a_restart_too(self, city: Driver) -> None:
        city.put(record_of(_HALTE, depth=prop(1.5), name=prop("Raya")))
        city.change(_HALTE, NOON_US + 5, depth=prop(2.5))
        for _ in range(2):
            assert city.record(_HALTE).entity == entity_of(_HALTE, "Stop", depth=prop(2.5), name=prop("Raya"))
            city.reopen()

    def test_a_replaced_entity_has_only_the_new_attributes(self, city: Driver) -> None:
        city.put(record_of(_HALTE, depth=prop(1), name=prop("Raya")))
        after = record_of(_HALTE, ("Stop", "Shelter"), at_us=NOON_US + 9, room=prop(40))
        city.write(lambda draft: draft.replace(city.existing(draft, _HALTE), after))
        assert city.record(_HALTE) == after
        assert city.ids(asking("Shelter")) == city.ids(asking("Stop")) == [_HALTE]
        assert city.ids(asking(q=q("depth"))) == []
        assert city.ids(asking(q=q("room==40"))) == [_HALTE]

    def test_a_deleted_entity_is_gone_from_every_answer(self, city: Driver) -> None:
        city.put(record_of(_HALTE, depth=prop(3), location=point(100.3, -0.9)))
        city.remove(_HALTE)
        assert city.find(_HALTE) is None
        for query in (asking(), asking(None), asking(q=q("depth==3")), asking(ids=(_HALTE,)), asking(id_pattern=".*")):
            assert city.ids(query) == []
        assert city.store.count_types(TENANT) == {}
        assert city.run(city.store.list_attributes(TENANT)) == {}
        assert city.run(city.store.search(TENANT, "urn", [iri("depth")], None, 10)) == []

    def test_an_entity_created_again_after_its_deletion_takes_its_history_up(self, city: Driver) -> None:
        city.put(record_of(_HALTE, depth=prop(1)))
        city.remove(_HALTE, NOON_US + 1)
        city.put(record_of(_HALTE, "Shelter", at_us=NOON_US + 2, room=prop(7)))
        kinds = [change.kind for change in city.store.list_changes(TENANT, _HALTE)]
        assert kinds == [ChangeKind.CREATED, ChangeKind.DELETED, ChangeKind.CREATED]
        assert city.ids(asking("Stop")) == []
        assert city.ids(asking("Shelter", q=q("room==7"))) == [_HALTE]
        assert city.record(_HALTE).times.created_us == NOON_US + 2

    def test_created_deleted_and_created_again_in_one_write_leaves_the_last(self, city: Driver) -> None:
        def churn(draft: Draft) -> None:
            draft.create(record_of(_HALTE, depth=prop(1)))
            draft.delete(city.existing(draft, _HALTE), NOON_US + 1)
            assert not draft.exists(_HALTE)
            assert draft.find(_HALTE) is None
            draft.create(record_of(_HALTE, "Shelter", at_us=NOON_US + 2, depth=prop(2)))

        city.write(churn)
        assert city.ids(asking("Stop")) == []
        assert city.ids(asking("Shelter", q=q("depth==2"))) == [_HALTE]
        assert len(city.store.list_changes(TENANT, _HALTE)) == 3

    def test_created_and_deleted_in_one_write_leaves_only_history(self, city: Driver) -> None:
        def churn(draft: Draft) -> None:
            draft.create(record_of(_HALTE, depth=prop(1)))
            draft.delete(city.existing(draft, _HALTE), NOON_US + 1)

        city.write(churn)
        city.reopen()
        assert city.find(_HALTE) is None
        assert city.ids(asking(None)) == []
        assert len(city.store.list_changes(TENANT, _HALTE)) == 2

    def test_history_tells_what_was_set_when_and_by_whom(self, city: Driver) -> None:
        city.put(record_of(_HALTE, depth=prop(1), name=prop("Raya"), scope=["/padang"]), origin="source/halte#1")
        city.change(_HALTE, NOON_US + 1, origin="token/b", depth=prop(2, observedAt="2026-01-01T00:00:00Z"))
        after = record_of(_HALTE, at_us=NOON_US + 2, room=prop(4))
        city.write(lambda draft: draft.replace(city.existing(draft, _HALTE), after), origin="token/c")
        city.remove(_HALTE, NOON_US + 3, origin="operator")
        city.reopen()
        created, changed, replaced, deleted = city.store.list_changes(TENANT, _HALTE)
        assert created[1:] == (
            NOON_US,
            ChangeKind.CREATED,
            "source/halte#1",
            entity_of(_HALTE, "Stop", depth=prop(1), name=prop("Raya"), scope=["/padang"]),
            (),
        )
        assert changed[1:] == (
            NOON_US + 1,
            ChangeKind.CHANGED,
            "token/b",
            entity_of(_HALTE, "Stop", depth=prop(2, observedAt="2026-01-01T00:00:00Z")),
            (),
        )
        assert replaced[1:] == (
            NOON_US + 2, ChangeKind.REPLACED, "token/c", entity_of(_HALTE, "Stop", room=prop(4)), (),
        )  # fmt: skip
        assert deleted[1:] == (NOON_US + 3, ChangeKind.DELETED, "operator", entity_of(_HALTE, "Stop"), ())
        assert created.sequence < changed.sequence < replaced.sequence < deleted.sequence

    def test_a_removed_attribute_is_named_in_history_and_no_longer_found(self, city: Driver) -> None:
        city.put(record_of(_HALTE, depth=prop(1), name=prop("Raya")))
        key = attribute_key(iri("depth"), "urn:x:1")

        def remove(draft: Draft) -> None:
            before = city.existing(draft, _HALTE)
            draft.change(before, without(before, NOON_US + 1, "depth"), (), (iri("depth"), key))

        city.write(remove)
        city.reopen()
        last = city.store.list_changes(TENANT, _HALTE)[-1]
        assert (last.kind, last.attributes, last.removed) == (
            ChangeKind.CHANGED, entity_of(_HALTE, "Stop"), (iri("depth"), key),
        )  # fmt: skip
        assert city.ids(asking(attributes=(iri("depth"),))) == []
        assert city.ids(asking(q=q("depth==1"))) == []

    def test_what_was_observed_earlier_can_be_added_to_history_alone(self, city: Driver) -> None:
        city.put(record_of(_HALTE, depth=prop(3)))
        late = prop(1, observedAt="2020-01-01T00:00:00Z")

        def add(draft: Draft) -> None:
            before = city.existing(draft, _HALTE)
            after = changed_record(before, NOON_US + 1, name=prop("Raya"))
            draft.change(before, after, [iri("name")], past={iri("depth"): late})

        city.write(add)
        for _ in range(2):
            assert city.ids(asking(q=q("depth==1"))) == []
            assert city.ids(asking(q=q('depth==3;name=="Raya"'))) == [_HALTE]
            last = city.store.list_changes(TENANT, _HALTE)[-1]
            assert last.attributes == entity_of(_HALTE, "Stop", depth=late, name=prop("Raya"))
            city.reopen()

    def test_the_newest_changes_are_listed_where_there_are_too_many(
        self, city: Driver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        city.put(record_of(_HALTE, depth=prop(0)))
        for step in range(1, 6):
            city.change(_HALTE, NOON_US + step, depth=prop(step))
        monkeypatch.setattr(limits, "TEMPORAL_CHANGES_MAX", 3)
        assert [change.at_us for change in city.store.list_changes(TENANT, _HALTE)] == [
            NOON_US + 3,
            NOON_US + 4,
            NOON_US + 5,
        ]

    def test_times_are_kept_for_each_instance_of_each_attribute(self, city: Driver) -> None:
        many = [prop(1, datasetId="urn:x:1"), prop(2, datasetId="urn:x:2")]
        record = record_of(_HALTE, depth=many, name=prop("Raya"), at_us=NOON_US)
        times = Times(
            NOON_US,
            NOON_US + 9,
            {
                attribute_key(iri("depth"), "urn:x:1"): (NOON_US + 1, NOON_US + 2),
                attribute_key(iri("depth"), "urn:x:2"): (NOON_US + 3, NOON_US + 9),
                "http://example.org/other": (NOON_US, NOON_US + 4),
            },
        )
        city.put(type(record)(record.entity, times))
        for _ in range(2):
            kept = city.record(_HALTE).times
            assert (kept.created_us, kept.modified_us) == (NOON_US, NOON_US + 9)
            for key in (*times.attributes, iri("name")):
                assert kept.of(key) == times.of(key)
            city.reopen()

    def test_records_come_in_the_order_of_their_documents(self, city: Driver) -> None:
        city.put(*(record_of(f"urn:x:{n}", depth=prop(n), at_us=NOON_US + n) for n in range(5)))
        documents = [city.find(f"urn:x:{n}") for n in (3, 0, 4)]
        records = city.store.read_records(TENANT, [one for one in documents if one])
        assert [record.times.created_us - NOON_US for record in records] == [3, 0, 4]

    def test_a_body_uses_the_short_names_of_its_own_context_also_after_a_restart(self, city: Driver) -> None:
        context, number = city.register(
            "https://padang.example/context.jsonld",
            {"Halte": "https://padang.example/Stop", "tinggi": {"@id": "https://padang.example/depth"}},
        )
        entity = {
            "id": _HALTE,
            "type": ["https://padang.example/Stop"],
            "https://padang.example/depth": prop(4),
            iri("other"): prop(1),
        }
        city.put(type(record_of(_HALTE))(entity, Times(NOON_US, NOON_US), number))
        body = {"id": _HALTE, "type": "Halte", "tinggi": prop(4), "other": prop(1)}
        for _ in range(2):
            found = city.find(_HALTE)
            assert found is not None
            assert json.loads(found.body) == body
            assert found.context_id == number
            assert city.record(_HALTE).entity == entity
            assert city.contexts.get(number).urls == context.urls
            assert city.ids(asking(None, q=q("https://padang.example/depth==4"))) == [_HALTE]
            city.reopen()
        city.change(_HALTE, NOON_US + 1, other=prop(2))
        assert city.store.list_changes(TENANT, _HALTE)[0].attributes == entity

    def test_an_entity_may_change_its_types(self, city: Driver) -> None:
        city.put(record_of(_HALTE, ("Stop", "Shelter"), depth=prop(1)), record_of("urn:x:2", "Stop", depth=prop(1)))

        def retype(draft: Draft) -> None:
            before = city.existing(draft, _HALTE)
            entity = before.entity | {"type": [iri("Shelter"), iri("School")]}
            draft.change(before, type(before)(entity, Times(NOON_US, NOON_US + 1)), ("type",))

        city.write(retype)
        assert city.ids(asking("Stop", q=q("depth==1"))) == ["urn:x:2"]
        assert city.ids(asking("School", q=q("depth==1"))) == [_HALTE]
        assert city.store.count_types(TENANT) == {iri("Stop"): 1, iri("Shelter"): 1, iri("School"): 1}
        assert city.run(city.store.list_attributes(TENANT, iri("School"))) == {iri("School"): {iri("depth"): 1}}

    @pytest.mark.parametrize("value", [
        2**63, -(2**63), 2**64 + 1, 10**400, 1.5e308, -0.0, 0.1 + 0.2, "a\x00b", "\U0001f6a2", "x" * 5_000, "", True,
        [], [1, "1", True, None, [2], {"a": 1}], {"@type": "Date", "@value": "2026-01-01"}, {"a": {"b": [1]}},
    ])  # fmt: skip
    def test_any_json_value_survives_and_can_be_taken_away_again(self, city: Driver, value: Any) -> None:
        record = record_of(_HALTE, depth=prop(value))
        city.put(record)
        city.reopen()
        assert city.record(_HALTE) == record
        assert city.ids(asking(q=q("depth"))) == [_HALTE]
        city.change(_HALTE, NOON_US + 1, depth=prop(1))
        assert city.ids(asking(q=q("depth==1"))) == [_HALTE]
        city.remove(_HALTE)
        assert city.run(city.store.list_attributes(TENANT)) == {}

    def test_an_entity_that_is_too_large_is_refused_and_not_kept(self, city: Driver) -> None:
        with pytest.raises(BadRequestData, match=_HALTE):
            city.put(record_of(_HALTE, text=prop("x" * limits.ENTITY_BYTES_MAX)))
        assert city.find(_HALTE) is None


class ExpiryContract:
    """What the store remembers of what expires."""

    def test_what_expires_is_told_by_its_time_also_after_a_restart(self, city: Driver) -> None:
        times = {"urn:ngsi-ld:Stop:1": 30, "urn:ngsi-ld:Stop:2": 10, "urn:ngsi-ld:Stop:3": 20}

        def operation(draft: Draft) -> None:
            for entity_id, at_us in times.items():
                draft.create(record_of(entity_id, depth=prop(1)))
                draft.note_expiry(entity_id, at_us)

        assert city.store.next_expiry(TENANT) is None
        city.write(operation)
        for _ in range(2):
            assert city.store.next_expiry(TENANT) == 10
            assert city.store.list_expired(TENANT, 9, 10) == []
            assert city.store.list_expired(TENANT, 20, 10) == ["urn:ngsi-ld:Stop:2", "urn:ngsi-ld:Stop:3"]
            assert city.store.list_expired(TENANT, 99, 1) == ["urn:ngsi-ld:Stop:2"]
            city.reopen()

    def test_a_later_word_on_when_something_expires_wins(self, city: Driver) -> None:
        city.put(record_of(_HALTE, depth=prop(1)))
        city.write(lambda draft: draft.note_expiry(_HALTE, 10))
        city.write(lambda draft: draft.note_expiry(_HALTE, 25))
        assert city.store.next_expiry(TENANT) == 25
        city.write(lambda draft: draft.note_expiry(_HALTE, None))
        assert city.store.next_expiry(TENANT) is None

    def test_what_expires_is_stored_in_it_and_told_by_no_history(self, city: Driver) -> None:
        moment = "2026-01-01T00:00:00Z"
        plain = record_of(_HALTE, depth={**prop(1), "expiresAt": moment})
        record = Record({**plain.entity, "expiresAt": moment}, plain.times, EXPIRING)
        city.put(record)
        for _ in range(2):
            assert city.record(_HALTE) == record
            found = city.find(_HALTE)
            assert found is not None
            assert found.context_id == EXPIRING
            (made,) = city.store.list_changes(TENANT, _HALTE)
            assert "expiresAt" not in made.attributes
            assert made.attributes[iri("depth")] == prop(1)
            city.reopen()


class WriteContract:
    """Writes: each whole or not at all, and seen by nobody before."""

    @pytest.mark.parametrize(
        ("error", "raised"), [(NotFound("no"), NotFound), (ZeroDivisionError(), (InternalError, ZeroDivisionError))]
    )
    def test_nothing_is_kept_of_a_write_that_raises(
        self, city: Driver, error: Exception, raised: type[Exception] | tuple[type[Exception], ...]
    ) -> None:
        city.put(record_of("urn:x:0", depth=prop(0), location=point(100, 0)))

        def fail(draft: Draft) -> None:
            draft.create(record_of("urn:x:1", "New", newer=prop(1)))
            draft.change(city.existing(draft, "urn:x:0"), record_of("urn:x:0", depth=prop(5)), [iri("depth")])
            draft.put_source_row("halte", "1", b"d", "urn:x:1")
            draft.add_reject(Reject("halte", "2", 1, NOON_US, "rule", "reason", {}))
            raise error

        with pytest.raises(raised):
            city.write(fail)
        for _ in range(2):
            assert city.find("urn:x:1") is None
            assert city.ids(asking(None)) == ["urn:x:0"]
            assert city.ids(asking(q=q("depth==5"))) == []
            assert city.ids(asking(q=q("depth==0"))) == ["urn:x:0"]
            assert city.store.count_types(TENANT) == {iri("Stop"): 1}
            assert city.store.find_digests(TENANT, "halte", ["1"]) == {}
            assert city.store.count_rejects(TENANT) == {}
            assert len(city.store.list_changes(TENANT, "urn:x:0")) == 1
            city.reopen()

    def test_types_of_a_failed_write_confuse_no_later_one(self, city: Driver) -> None:
        def fail(draft: Draft) -> None:
            draft.create(record_of("urn:x:1", ("Lost", "Gone"), lost=prop(1)))
            raise NotFound("no")

        for number in range(3):
            with pytest.raises(NotFound):
                city.write(fail)
            city.put(record_of(f"urn:y:{number}", f"Kept{number}", kept=prop(number)))
            city.reopen()
        city.put(record_of("urn:z:1", "Other", kept=prop(1)), record_of("urn:z:2", "Another", kept=prop(1)))
        for _ in range(2):
            for name, expected in (
                ("Kept0", "urn:y:0"),
                ("Kept1", "urn:y:1"),
                ("Kept2", "urn:y:2"),
                ("Other", "urn:z:1"),
            ):
                assert city.ids(asking(name)) == [expected]
                found = city.find(expected)
                assert found is not None
                assert found.types == (iri(name),)
            city.reopen()

    def test_a_write_returns_what_its_operation_returns(self, city: Driver) -> None:
        assert city.write(lambda draft: ("answer", draft.exists("urn:x:1"))) == ("answer", False)

    def test_a_write_sees_its_own_changes(self, city: Driver) -> None:
        def operation(draft: Draft) -> None:
            assert draft.find("urn:x:1") is None
            draft.create(record_of("urn:x:1", depth=prop(1)))
            before = draft.find("urn:x:1")
            assert before is not None
            draft.change(before, changed_record(before, NOON_US + 1, depth=prop(2)), [iri("depth")])
            after = draft.find("urn:x:1")
            assert after is not None
            assert after.entity[iri("depth")] == prop(2)

        city.write(operation)
        assert city.ids(asking(q=q("depth==1"))) == []
        assert city.ids(asking(q=q("depth==2"))) == ["urn:x:1"]

    def test_writes_at_the_same_time_are_each_whole_and_see_those_before_them(self, city: Driver) -> None:
        def count_up(draft: Draft) -> int:
            before = draft.find("urn:x:counter")
            if before is None:
                draft.create(record_of("urn:x:counter", depth=prop(1)))
                return 1
            value = before.entity[iri("depth")]["value"] + 1
            draft.change(before, changed_record(before, NOON_US + value, depth=prop(value)), [iri("depth")])
            return int(value)

        def fail(draft: Draft) -> int:
            count_up(draft)
            draft.create(record_of("urn:x:never"))
            raise NotFound("no")

        answers = city.write_together(*(fail if n % 5 == 2 else count_up for n in range(50)))
        assert [one for one in answers if isinstance(one, int)] == list(range(1, 41))
        assert sum(isinstance(one, NotFound) for one in answers) == 10
        assert city.ids(asking(q=q("depth==40"))) == ["urn:x:counter"]
        assert city.find("urn:x:never") is None
        assert len(city.store.list_changes(TENANT, "urn:x:counter")) == 40

    def test_one_group_may_create_change_delete_and_create_the_same_entity(self, city: Driver) -> None:
        def delete(draft: Draft) -> None:
            draft.delete(city.existing(draft, "urn:x:1"), NOON_US + 2)

        def change(draft: Draft) -> None:
            before = city.existing(draft, "urn:x:1")
            draft.change(before, changed_record(before, NOON_US + 1, depth=prop(2)), [iri("depth")])

        def create_as(*types: str) -> Callable[[Draft], None]:
            return lambda draft: draft.create(record_of("urn:x:1", types, depth=prop(3), location=point(100, 1)))

        answers = city.write_together(
            create_as("Stop"), change, delete, create_as("Shelter"), delete, create_as("A", "B")
        )
        assert answers == [None] * 6
        for _ in range(2):
            assert city.ids(asking("Stop")) == city.ids(asking("Shelter")) == []
            assert city.ids(asking("B", q=q("depth==3"))) == ["urn:x:1"]
            assert city.ids(asking(None, q=q("depth==2"))) == []
            assert city.store.count_types(TENANT) == {iri("A"): 1, iri("B"): 1}
            assert len(city.store.list_changes(TENANT, "urn:x:1")) == 6
            city.reopen()

    def test_a_reader_sees_all_of_a_write_or_nothing_at_any_moment(self, city: Driver) -> None:
        city.put(*(record_of(f"urn:x:{n}", depth=prop(0)) for n in range(20)))
        seen: set[tuple[int, ...]] = set()

        def raise_all(value: int) -> Callable[[Draft], None]:
            def operation(draft: Draft) -> None:
                for n in range(20):
                    before = city.existing(draft, f"urn:x:{n}")
                    draft.change(before, changed_record(before, NOON_US + value, depth=prop(value)), [iri("depth")])

            return operation

        async def read_until(writes: asyncio.Future[Any]) -> None:
            while not writes.done():
                for query in (asking(), asking(q=q("depth>=0")), asking(id_pattern="x")):
                    page = await city.store.list_documents(TENANT, query)
                    values = {json.loads(document.body)["depth"]["value"] for document in page.documents}
                    seen.add((len(page.documents), len(values)))
                    await asyncio.sleep(0)

        async def run() -> None:
            writes = asyncio.gather(*(city.store.write(TENANT, "token/a", raise_all(value)) for value in range(1, 30)))
            await read_until(writes)
            await writes

        city.run(run())
        assert seen == {(20, 1)}

    def test_an_awaited_write_is_seen_by_every_way_of_reading(self, city: Driver) -> None:
        for value in range(5):
            if value == 0:
                city.put(record_of("urn:x:1", depth=prop(value), location=point(100, 0)))
            else:
                city.change("urn:x:1", NOON_US + value, depth=prop(value))
            assert city.record("urn:x:1").entity[iri("depth")] == prop(value)
            for query in (
                asking(),
                asking(q=q(f"depth=={value}")),
                asking(ids=("urn:x:1",)),
                asking(None, id_pattern="x"),
            ):
                (document,) = city.page(query).documents
                assert json.loads(document.body)["depth"]["value"] == value


class TenantContract:
    """Cities beside each other."""

    def test_one_city_cannot_see_or_touch_another(self, city: Driver) -> None:
        store, run = city.store, city.run
        run(store.create_tenant("bukittinggi"))
        city.put(record_of(_HALTE, depth=prop(1), location=point(100, 0)))
        city.write(lambda draft: draft.put_source_row("halte", "1", b"d", _HALTE))
        city.write(lambda draft: draft.add_reject(Reject("halte", "2", 1, 1, "r", "r", {})))
        run(store.begin_run(TENANT, "halte", 1))
        run(store.add_token(TENANT, Token("t", "token", "n", b"digest", ("reader",), 1, None, None)))
        run(store.put_declarations(TENANT, {"city.yaml": {"name": "Padang"}}))
        other = "bukittinggi"
        assert store.find_document(other, _HALTE) is None
        assert city.ids(asking(None), other) == city.ids(asking(q=q("depth==1")), other) == []
        assert store.list_changes(other, _HALTE) == []
        assert store.count_types(other) == {}
        assert run(store.list_attributes(other)) == {}
        assert run(store.count_by(other, iri("Stop"), iri("depth"))) == {}
        assert run(store.search(other, "urn", [iri("depth")], None, 10)) == []
        rows = list(store.iter_source_rows(other, "halte"))
        assert [*store.list_runs(other), *store.list_rejects(other, "halte"), *rows] == []
        assert [*store.find_digests(other, "halte", ["1"]), *store.count_rejects(other)] == []
        assert store.find_token(other, b"digest") is None
        assert store.list_tokens(other) == []
        assert store.get_declarations(other) == {}
        assert not run(store.revoke_token(other, "t", 1))
        assert not city.write(lambda draft: draft.exists(_HALTE), tenant=other)
        city.put(record_of(_HALTE, "School"), tenant=other)
        assert city.ids(asking("Stop")) == [_HALTE]

    def test_an_unknown_city_is_refused_everywhere(self, city: Driver) -> None:
        store = city.store
        for name in (
            "nowhere",
            "../padang",
            "padang/../padang",
            "",
            ".",
            "PADANG",
            "padang.db",
            "padang\x00",
            "x" * 300,
        ):
            with pytest.raises(NonexistentTenant):
                store.find_document(name, _HALTE)
            with pytest.raises(NonexistentTenant):
                city.page(asking(), name)
            with pytest.raises(NonexistentTenant):
                city.write(lambda draft: None, tenant=name)
            with pytest.raises(NonexistentTenant):
                store.find_token(name, b"")
            with pytest.raises(NonexistentTenant):
                store.get_declarations(name)
            assert not store.has_tenant(name)

    @pytest.mark.parametrize(
        "name", ["", "..", "../x", "/etc/x", "a/b", "a\\b", "A", "-a", "a.b", "a\x00", "a\n", "ä", "a" * 64]
    )
    def test_a_name_that_is_no_plain_word_makes_no_city(self, city: Driver, name: str) -> None:
        with pytest.raises(BadRequestData):
            city.run(city.store.create_tenant(name))
        assert city.store.list_tenants() == [TENANT]

    def test_a_city_is_made_once(self, city: Driver) -> None:
        with pytest.raises(AlreadyExists):
            city.run(city.store.create_tenant(TENANT))
        city.run(city.store.create_tenant("a" * 63))
        assert city.store.list_tenants() == ["a" * 63, TENANT]

    def test_a_deleted_city_leaves_nothing_and_can_be_made_anew(self, city: Driver) -> None:
        city.put(record_of(_HALTE))
        city.run(city.store.delete_tenant(TENANT))
        assert city.store.list_tenants() == []
        with pytest.raises(NonexistentTenant):
            city.find(_HALTE)
        with pytest.raises(NonexistentTenant):
            city.run(city.store.delete_tenant(TENANT))
        city.run(city.store.create_tenant(TENANT))
        assert city.find(_HALTE) is None
        assert city.store.list_changes(TENANT, _HALTE) == []

    def test_a_write_during_the_deletion_of_its_city_is_answered(self, city: Driver) -> None:
        async def run() -> list[Any]:
            writes = [
                city.store.write(TENANT, "token/a", lambda draft, n=n: draft.create(record_of(f"urn:x:{n}")))  # type: ignore[misc]  # A default binds the number.
                for n in range(20)
            ]
            writing = asyncio.gather(*writes, return_exceptions=True)
            await asyncio.sleep(0)
            deleting = asyncio.ensure_future(city.store.delete_tenant(TENANT))
            late = []
            while not deleting.done():
                late.append(asyncio.ensure_future(city.store.write(TENANT, "token/a", lambda draft: None)))
                await asyncio.sleep(0)
            return await asyncio.wait_for(asyncio.gather(writing, *late, return_exceptions=True), 20)

        answers = city.run(run())
        assert all(one is None or isinstance(one, HubError) for one in [*answers[0], *answers[1:]])
        assert city.store.list_tenants() == []


class SourceContract:
    """What is remembered of sources: rows, runs, rejects."""

    def test_an_entity_that_was_expected_is_found_as_any_other(self, city: Driver) -> None:
        def found(draft: Draft, entity_id: str) -> Record:
            record = draft.find(entity_id)
            assert record is not None
            return record

        ids = [f"urn:x:{name}" for name in ("there", "deleted", "never", "new", "changed", "there")]
        city.put(*(record_of(ids[n], depth=prop(n)) for n in (0, 1, 4)))
        city.write(lambda draft: draft.delete(found(draft, ids[1]), NOON_US))

        def operation(draft: Draft) -> list[Record | None]:
            draft.create(record_of(ids[3], depth=prop(3)))
            before = found(draft, ids[4])
            draft.replace(before, record_of(ids[4], depth=prop(40)))
            draft.expect(ids)
            draft.expect([])
            seen = [draft.find(one) for one in ids]
            for entity_id in ids[1:3]:
                assert not draft.exists(entity_id)
                draft.create(record_of(entity_id, depth=prop(7)))
            return seen

        there, deleted, never, new, changed, again = city.write(operation)
        assert (deleted, never) == (None, None)
        depths = [one.entity[iri("depth")]["value"] for one in (there, new, changed, again) if one is not None]
        assert depths == [0, 3, 40, 0]
        kinds = [change.kind for change in city.store.list_changes(TENANT, ids[1])]
        assert kinds == [ChangeKind.CREATED, ChangeKind.DELETED, ChangeKind.CREATED]
        assert city.store.count_types(TENANT) == {iri("Stop"): 5}

    def test_rows_are_known_by_their_digest(self, city: Driver) -> None:
        def take_over(draft: Draft) -> None:
            for n in range(10):
                draft.put_source_row("halte", f"k{n}", bytes([n]), f"urn:x:{n}")
            draft.put_source_row("other", "k1", b"other", "urn:y:1")

        city.write(take_over)
        city.write(lambda draft: draft.put_source_row("halte", "k1", b"new", "urn:x:11"))
        city.write(lambda draft: draft.drop_source_row("halte", "k2"))
        city.reopen()
        assert city.store.find_digests(TENANT, "halte", ["k1", "k2", "k3", "nil"]) == {"k1": b"new", "k3": b"\x03"}
        assert city.store.find_digests(TENANT, "halte", []) == {}
        rows = list(city.store.iter_source_rows(TENANT, "halte"))
        assert rows == [(f"k{n}", f"urn:x:{n if n != 1 else 11}") for n in range(10) if n != 2]
        assert list(city.store.iter_source_rows(TENANT, "other")) == [("k1", "urn:y:1")]
        assert [city.store.count_source_rows(TENANT, one) for one in ("halte", "other", "nil")] == [9, 1, 0]

    @pytest.mark.parametrize("key", ["", " ", "a\x00b", "\U0001f6a2", '"', "\\", "x" * 3_000])
    def test_a_row_may_have_any_text_as_its_key(self, city: Driver, key: str) -> None:
        city.write(lambda draft: draft.put_source_row("halte", key, b"d", "urn:x:1"))
        assert city.store.find_digests(TENANT, "halte", [key]) == {key: b"d"}
        assert list(city.store.iter_source_rows(TENANT, "halte")) == [(key, "urn:x:1")]

    def test_a_last_word_on_a_row_wins_within_a_write(self, city: Driver) -> None:
        def operation(draft: Draft) -> None:
            draft.put_source_row("halte", "1", b"a", "urn:x:1")
            draft.drop_source_row("halte", "1")
            draft.add_reject(Reject("halte", "1", 1, 1, "r", "r", {}))
            draft.drop_reject("halte", "2")
            draft.drop_reject("halte", "1")
            draft.put_source_row("halte", "2", b"b", "urn:x:2")

        city.write(operation)
        assert list(city.store.iter_source_rows(TENANT, "halte")) == [("2", "urn:x:2")]
        assert city.store.count_rejects(TENANT) == {}

    def test_rejects_are_listed_newest_first_with_their_raw_rows(self, city: Driver) -> None:
        rejects = [
            Reject("halte", f"k{n}", 3, NOON_US + n // 2, "range", f"reason {n}", {"a": n, "b": None}) for n in range(6)
        ]
        for reject in rejects:
            city.write(lambda draft, one=reject: draft.add_reject(one))  # type: ignore[misc]  # A default binds the reject.
        city.write(lambda draft: draft.add_reject(Reject("aset", "1", 1, 1, "r", "r", {"x": "ä\x00"})))
        city.reopen()
        expected = sorted(rejects, key=lambda one: (-one.at_us, one.key))
        assert city.store.list_rejects(TENANT, "halte") == expected
        assert city.store.list_rejects(TENANT, "halte", 2, 3) == expected[3:5]
        assert city.store.list_rejects(TENANT, "aset")[0].raw == {"x": "ä\x00"}
        assert city.store.count_rejects(TENANT) == {"halte": 6, "aset": 1}

    def test_a_later_reject_of_a_row_replaces_the_earlier(self, city: Driver) -> None:
        city.write(lambda draft: draft.add_reject(Reject("halte", "1", 1, 1, "a", "a", {})))
        city.write(lambda draft: draft.add_reject(Reject("halte", "1", 2, 5, "b", "b", {})))
        assert city.store.list_rejects(TENANT, "halte") == [Reject("halte", "1", 2, 5, "b", "b", {})]
        city.write(lambda draft: draft.drop_reject("halte", "1"))
        assert city.store.list_rejects(TENANT, "halte") == []

    def test_runs_are_listed_newest_first_and_the_oldest_are_dropped(
        self, city: Driver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "RUNS_KEPT_MAX", 3)
        ids = []
        for n in range(5):
            ids.append(city.run(city.store.begin_run(TENANT, "halte", NOON_US + n)))
            city.run(
                city.store.finish_run(
                    TENANT, Run(ids[-1], "halte", NOON_US + n, NOON_US + n + 1, 9, 1, 2, 3, 4, f"e{n}")
                )
            )
        other = city.run(city.store.begin_run(TENANT, "aset", NOON_US))
        going_on = city.run(city.store.begin_run(TENANT, "halte", NOON_US + 7))
        city.reopen()
        assert [run.id for run in city.store.list_runs(TENANT, "halte")] == [going_on, ids[4], ids[3], ids[2]]
        assert [run.id for run in city.store.list_runs(TENANT, limit=2)] == [going_on, other]
        assert city.store.list_runs(TENANT, "halte")[1] == Run(
            ids[4], "halte", NOON_US + 4, NOON_US + 5, 9, 1, 2, 3, 4, "e4"
        )
        assert city.store.list_runs(TENANT, "halte")[0] == Run(
            going_on, "halte", NOON_US + 7, None, 0, 0, 0, 0, 0, None
        )
        assert len({*ids, other, going_on}) == 7

    def test_the_last_complete_run_is_kept_however_many_fail_after_it(
        self, city: Driver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "RUNS_KEPT_MAX", 2)
        assert city.store.find_complete_run(TENANT, "halte") is None
        ended = []
        for n in range(6):
            run_id = city.run(city.store.begin_run(TENANT, "halte", NOON_US + n))
            error = None if n < 2 else "away"
            ended.append(Run(run_id, "halte", NOON_US + n, NOON_US + n + 1, 9, 1, 2, 3, 4, error))
            city.run(city.store.finish_run(TENANT, ended[-1]))
        city.run(city.store.begin_run(TENANT, "halte", NOON_US + 9))
        city.reopen()
        assert city.store.find_complete_run(TENANT, "halte") == ended[1]
        assert city.store.find_complete_run(TENANT, "aset") is None
        assert ended[1] in city.store.list_runs(TENANT, "halte")
        assert ended[2] not in city.store.list_runs(TENANT, "halte")


class IdentityContract:
    """Tokens, and what a city has applied."""

    def test_a_token_is_found_by_its_digest_even_revoked_or_expired(self, city: Driver) -> None:
        tokens = [
            Token("a", "token", "Dishub", b"\x00\x01", ("integrator", "reader"), 5, 9, None),
            Token("b", "session", "", b"\xff", (), 7, None, None),
            Token("c", "welcome", "x", b"", ("administrator",), 7, 8, None),
        ]
        for token in tokens:
            city.run(city.store.add_token(TENANT, token))
        assert city.run(city.store.revoke_token(TENANT, "b", 11))
        assert not city.run(city.store.revoke_token(TENANT, "b", 12))
        assert not city.run(city.store.revoke_token(TENANT, "nil", 12))
        city.reopen()
        revoked = tokens[1]._replace(revoked_us=11)
        assert city.store.find_token(TENANT, b"\x00\x01") == tokens[0]
        assert city.store.find_token(TENANT, b"\xff") == revoked
        assert city.store.find_token(TENANT, b"\x00") is None
        assert city.store.list_tokens(TENANT) == [revoked, tokens[2], tokens[0]]

    def test_declarations_are_replaced_all_at_once(self, city: Driver) -> None:
        assert city.store.get_declarations(TENANT) == {}
        first: dict[str, dict[str, Any]] = {
            "city.yaml": {"name": {"id": "Padang"}},
            "sources/halte.yaml": {"rows": [1, 2.5, None, True]},
        }
        city.run(city.store.put_declarations(TENANT, first))
        assert city.store.get_declarations(TENANT) == first
        city.run(city.store.put_declarations(TENANT, {"city.yaml": {"name": "x"}}))
        city.reopen()
        assert city.store.get_declarations(TENANT) == {"city.yaml": {"name": "x"}}
        city.run(city.store.put_declarations(TENANT, {}))
        assert city.store.get_declarations(TENANT) == {}


class SummaryContract:
    """Counts of types, attributes and values, and the search of the console."""

    def test_types_are_counted_as_entities_come_and_go(self, city: Driver) -> None:
        city.put(*(record_of(f"urn:x:{n}", ("Stop", "Place") if n % 2 else "Stop") for n in range(7)))
        city.remove("urn:x:1")
        for _ in range(2):
            assert city.store.count_types(TENANT) == {iri("Stop"): 6, iri("Place"): 2}
            city.reopen()

    def test_thousands_of_names_survive_a_restart(self, city: Driver) -> None:
        attributes: list[dict[str, Any]] = [{f"a{n}": prop(n), f"b{n}": prop([n])} for n in range(2_000)]
        city.put(*(record_of(f"urn:x:{n}", f"Type{n}", **attributes[n]) for n in range(2_000)))
        for _ in range(2):
            assert len(city.store.count_types(TENANT)) == 2_000
            assert len(city.run(city.store.list_attributes(TENANT))) == 2_000
            assert city.ids(asking("Type1999", q=q("a1999==1999;b1999==1999"))) == ["urn:x:1999"]
            city.reopen()
        city.put(record_of("urn:y:1", "TypeNew", a_new=prop(1)))
        assert city.ids(asking("TypeNew", q=q("a_new==1"))) == ["urn:y:1"]

    def test_attributes_are_counted_by_type(self, city: Driver) -> None:
        city.put(
            record_of("urn:x:1", ("Stop", "Place"), depth=[prop(1, datasetId="urn:d:1"), prop(2, datasetId="urn:d:2")]),
            record_of("urn:x:2", "Stop", depth=prop([1, 2]), name=words(id="a")),
            record_of("urn:x:3", "Stop", location=point(100, 0), link=link("urn:x:1")),
            record_of("urn:x:4", "Bare"),
        )
        stop = {iri("depth"): 2, iri("name"): 1, iri("location"): 1, iri("link"): 1}
        assert city.run(city.store.list_attributes(TENANT)) == {iri("Stop"): stop, iri("Place"): {iri("depth"): 1}}
        assert city.run(city.store.list_attributes(TENANT, iri("Place"))) == {iri("Place"): {iri("depth"): 1}}
        assert city.run(city.store.list_attributes(TENANT, iri("Nothing"))) == {}

    def test_entities_are_counted_by_a_value(self, city: Driver) -> None:
        values: list[Any] = ["a", "a", "b", 1, 1.0, 2.5, True, ["a", "a", "c"], {"@type": "x", "@value": "b"}, {"o": 1}]
        city.put(*(record_of(f"urn:x:{n}", depth=prop(value)) for n, value in enumerate(values)))
        city.put(record_of("urn:y:1", depth=link("a")), record_of("urn:y:2", "Other", depth=prop("a")))
        counts = city.run(city.store.count_by(TENANT, iri("Stop"), iri("depth")))
        assert counts == {"a": 4, "b": 2, "c": 1, 1: 2, 2.5: 1}
        assert city.run(city.store.count_by(TENANT, iri("Nothing"), iri("depth"))) == {}
        assert city.run(city.store.count_by(TENANT, iri("Stop"), iri("nothing"))) == {}

    def test_an_entity_is_counted_once_for_a_value_however_often_it_has_it(self, city: Driver) -> None:
        city.put(record_of("urn:x:1", depth=[prop("a", datasetId="urn:d:1"), prop(["a"], datasetId="urn:d:2")]))
        assert city.run(city.store.count_by(TENANT, iri("Stop"), iri("depth"))) == {"a": 1}

    def test_search_finds_ids_by_their_beginning_and_texts_by_a_part(self, city: Driver) -> None:
        city.put(
            record_of("urn:b", name=prop("100% of_it \\ x")),
            record_of("urn:a", name=prop("Pasar Raya"), other=prop("zzz")),
            record_of("pasar:1", name=prop("x")),
            record_of("urn:c", "Person", name=prop("Pasaribu")),
            record_of("urn:d", name=[prop("x", datasetId="urn:d:1"), prop(["Big PASAR"], datasetId="urn:d:2")]),
            record_of("urn:e", name=prop(100)),
        )

        def search(text: str, readable: frozenset[str] | None = None, limit: int = 10) -> list[str]:
            found = city.run(city.store.search(TENANT, text, [iri("name")], readable, limit))
            return [document.id for document in found]

        assert set(search("pasar")) == {"pasar:1", "urn:a", "urn:c", "urn:d"}
        assert search("pasar")[0] == "pasar:1"
        assert set(search("pasar", frozenset({iri("Stop")}))) == {"pasar:1", "urn:a", "urn:d"}
        assert search("100%") == search("f_i") == search("\\") == ["urn:b"]
        assert search("zzz") == search("0_%") == []
        assert search("urn:", limit=2) == ["urn:a", "urn:b"]

    def test_search_is_not_crowded_out_by_what_the_caller_may_not_see(self, city: Driver) -> None:
        city.put(*(record_of(f"urn:p:{n}", "Person", name=prop(f"Sari {n}")) for n in range(30)))
        city.put(record_of("urn:q:1", "Stop", name=prop("Sari Bundo")), record_of("urn:p:99", ("Stop", "Person")))
        readable = frozenset({iri("Stop")})
        for text in ("urn:", "sari"):
            found = city.run(city.store.search(TENANT, text, [iri("name")], readable, 5))
            assert [document.id for document in found] == ["urn:q:1"]
        assert types_of("Stop").matches([iri("Stop")])
