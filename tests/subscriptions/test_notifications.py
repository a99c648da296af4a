"""When subscribers are notified, and of what (CIM 009 §5.8.6)."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.http.conftest import API
from tests.subscriptions.conftest import Subscribe, read, rename, stop
from tests.subscriptions.receiver import Receiver


def test_5_3_1_a_notification_says_whose_it_is_and_what_changed(
    client: httpx2.Client, subscribe: Subscribe, receiver: Receiver, halte: str
) -> None:
    subscription_id = subscribe(receiver.uri)
    rename(client, halte, "Ulak Karang")
    (got,) = receiver.wait_for(1)
    assert got.body["type"] == "Notification"
    assert got.body["subscriptionId"] == subscription_id
    assert got.body["id"].startswith("urn:ngsi-ld:Notification:")
    assert got.body["notifiedAt"].endswith("Z")
    assert got.data[0]["id"] == halte
    assert got.data[0]["nama"] == {"type": "Property", "value": "Ulak Karang"}
    assert got.headers["content-type"] == "application/json"
    assert "ld+json" in got.headers["link"]


def test_5_8_6_what_was_sent_is_told_of_the_subscription(
    client: httpx2.Client, subscribe: Subscribe, receiver: Receiver, halte: str
) -> None:
    subscription_id = subscribe(receiver.uri)
    assert "timesSent" not in read(client, subscription_id)["notification"]
    rename(client, halte, "Ulak Karang")
    receiver.wait_for(1)
    while "status" not in (notification := read(client, subscription_id)["notification"]):
        # The receiver's answer is still on its way to the hub.
        pass
    assert (notification["status"], notification["timesSent"]) == ("ok", 1)
    assert notification["lastNotification"] == notification["lastSuccess"]
    assert "lastFailure" not in notification


TRIGGERS = {
    "entityCreated": "create", "attributeCreated": "append", "attributeUpdated": "update",
    "attributeDeleted": "remove", "entityDeleted": "delete",
}  # fmt: skip


def _carry_out(client: httpx2.Client, what: str, entity_id: str) -> None:
    path = f"{API}/entities/{entity_id}"
    match what:
        case "create":
            response = client.post(f"{API}/entities", json=stop(entity_id))
        case "append":
            response = client.post(f"{path}/attrs", json={"atap": {"type": "Property", "value": True}})
        case "update":
            response = client.patch(f"{path}/attrs", json={"nama": {"type": "Property", "value": "Lain"}})
        case "remove":
            response = client.delete(f"{path}/attrs/kapasitas")
        case _:
            response = client.delete(path)
    assert response.is_success, response.text


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_5_2_12_a_trigger_fires_for_its_kind_of_change_alone(
    client: httpx2.Client, subscribe: Subscribe, receiver: Receiver, trigger: str
) -> None:
    entity_id = f"urn:ngsi-ld:Halte:pemicu-{trigger}"
    everything = Receiver()
    subscribe(everything.uri, notificationTrigger=[*TRIGGERS])
    subscribe(receiver.uri, notificationTrigger=[trigger])
    for what in TRIGGERS.values():
        _carry_out(client, what, entity_id)
    everything.wait_until(lambda: sum(len(got.data) for got in everything.accepted) >= len(TRIGGERS))
    receiver.wait_for(1)
    everything.stop()
    # Making an entity makes its attributes, and removing it removes them.
    expected = 2 if trigger in {"attributeCreated", "attributeDeleted"} else 1
    receiver.wait_until(lambda: sum(len(got.data) for got in receiver.accepted) == expected)


def test_5_2_12_entity_updated_is_any_change_of_an_attribute(
    client: httpx2.Client, subscribe: Subscribe, receiver: Receiver, halte: str
) -> None:
    subscribe(receiver.uri, notificationTrigger=["entityUpdated"])
    for what in ("append", "update", "remove"):
        _carry_out(client, what, halte)
    receiver.wait_until(lambda: sum(len(got.data) for got in receiver.accepted) == 3)


def test_5_2_12_without_triggers_new_and_changed_attributes_are_told(
    client: httpx2.Client, subscribe: Subscribe, receiver: Receiver, halte: str
) -> None:
    subscribe(receiver.uri)
    for what in ("remove", "append", "update"):
        _carry_out(client, what, halte)
    receiver.wait_until(lambda: sum(len(got.data) for got in receiver.accepted) == 2)


def test_a_value_that_is_the_same_again_is_no_change(
    client: httpx2.Client, subscribe: Subscribe, receiver: Receiver, halte: str
) -> None:
    subscribe(receiver.uri)
    rename(client, halte, "Pasar Raya")
    rename(client, halte, "Ulak Karang")
    assert receiver.wait_for(1)[0].data[0]["nama"]["value"] == "Ulak Karang"


@pytest.mark.parametrize(("members", "is_told"), [
    ({"watchedAttributes": ["nama"]}, True),
    ({"watchedAttributes": ["kapasitas"]}, False),
    ({"q": 'nama=="Baru"'}, True),
    ({"q": 'nama=="Lama"'}, False),
    ({"q": "kapasitas>=40;koridor"}, True),
    ({"entities": [{"idPattern": "urn:ngsi-ld:Halte:.*"}]}, True),
    ({"entities": [{"type": "Koridor"}, {"type": "(Halte|Terminal)"}]}, True),
    ({"entities": [{"type": "Koridor"}]}, False),
    ({"entities": [{"type": "*"}]}, True),
    ({"entities": [{"id": "urn:ngsi-ld:Halte:lain"}]}, False),
    ({"geoQ": {"georel": "near;maxDistance==500", "geometry": "Point", "coordinates": [100.36, -0.95]}}, True),
    ({"geoQ": {"georel": "near;maxDistance==500", "geometry": "Point", "coordinates": [101.0, -0.95]}}, False),
    ({"scopeQ": "/padang/#"}, True),
    ({"scopeQ": "/pariaman"}, False),
    ({"isActive": False}, False),
    ({"localOnly": True, "csf": 'nama=="x"'}, True),
])  # fmt: skip
def test_5_8_6_only_matching_changes_are_told(
    client: httpx2.Client, subscribe: Subscribe, receiver: Receiver, members: dict[str, Any], is_told: bool
) -> None:
    entity_id = "urn:ngsi-ld:Halte:cocok"
    assert client.post(f"{API}/entities", json=stop(entity_id, scope="/padang/barat")).status_code == 201
    everything = Receiver()
    subscribe(receiver.uri, **members)
    subscribe(everything.uri)
    rename(client, entity_id, "Baru")
    everything.wait_for(1)
    if is_told:
        receiver.wait_for(1)
    everything.stop()
    client.delete(f"{API}/entities/{entity_id}")
    assert len(receiver.accepted) == is_told


SHOWN: list[tuple[dict[str, Any], Any]] = [
    ({"format": "concise"}, "Ulak Karang"),
    ({"format": "keyValues"}, "Ulak Karang"),
    ({"showChanges": True}, {"type": "Property", "value": "Ulak Karang", "previousValue": "Pasar Raya"}),
    ({"showChanges": True, "format": "concise"}, {"value": "Ulak Karang", "previousValue": "Pasar Raya"}),
]


@pytest.mark.parametrize(("notification", "nama"), SHOWN)
def test_5_2_14_the_format_is_the_one_asked_for(
    client: httpx2.Client, subscribe: Subscribe, receiver: Receiver, halte: str,
    notification: dict[str, Any], nama: Any,
) -> None:  # fmt: skip
    subscribe(receiver.uri, notification={"endpoint": {"uri": receiver.uri}, **notification})
    rename(client, halte, "Ulak Karang")
    assert receiver.wait_for(1)[0].data[0]["nama"] == nama


@pytest.mark.parametrize(("notification", "members"), [
    ({"attributes": ["kapasitas"]}, {"id", "type", "kapasitas"}),
    ({"pick": ["id", "nama"]}, {"id", "nama"}),
    ({"omit": ["nama", "koridor", "type"]}, {"id", "kapasitas", "location"}),
    ({"onlyChangedAttributes": True}, {"id", "type", "nama"}),
    ({"sysAttrs": True, "attributes": ["nama"]}, {"id", "type", "nama", "createdAt", "modifiedAt"}),
])  # fmt: skip
def test_4_21_the_members_are_those_asked_for(
    client: httpx2.Client, subscribe: Subscribe, receiver: Receiver, halte: str,
    notification: dict[str, Any], members: set[str],
) -> None:  # fmt: skip
    subscribe(receiver.uri, notification={"endpoint": {"uri": receiver.uri}, **notification})
    rename(client, halte, "Ulak Karang")
    assert set(receiver.wait_for(1)[0].data[0]) == members


def test_5_8_6_a_deleted_entity_is_told_with_what_it_had(
    client: httpx2.Client, subscribe: Subscribe, receiver: Receiver, halte: str
) -> None:
    notification = {"endpoint": {"uri": receiver.uri}, "showChanges": True}
    subscribe(receiver.uri, notification=notification, notificationTrigger=["entityDeleted"])
    client.delete(f"{API}/entities/{halte}")
    (entity,) = receiver.wait_for(1)[0].data
    assert entity["deletedAt"].endswith("Z")
    assert entity["nama"] == {"type": "Property", "value": "urn:ngsi-ld:null", "previousValue": "Pasar Raya"}
    assert entity["koridor"]["previousObject"] == "urn:ngsi-ld:Koridor:1"
    assert entity["koridor"]["object"] == "urn:ngsi-ld:null"


def test_5_2_15_json_ld_brings_its_context_and_geo_json_is_a_collection(
    client: httpx2.Client, subscribe: Subscribe, receiver: Receiver, halte: str
) -> None:
    other = Receiver()
    subscribe(receiver.uri, notification={"endpoint": {"uri": receiver.uri, "accept": "application/ld+json"}})
    subscribe(other.uri, notification={"endpoint": {"uri": other.uri, "accept": "application/geo+json"}})
    rename(client, halte, "Ulak Karang")
    got = receiver.wait_for(1)[0]
    assert got.data[0]["@context"].endswith(".jsonld")
    assert "link" not in got.headers
    collection = other.wait_for(1)[0].data
    other.stop()
    assert collection["type"] == "FeatureCollection"
    assert collection["features"][0]["geometry"]["type"] == "Point"


def test_6_3_8_geo_json_has_its_context_in_the_body_or_in_the_link_as_the_receiver_prefers(
    client: httpx2.Client, subscribe: Subscribe, receiver: Receiver, halte: str
) -> None:
    other = Receiver()
    endpoint = {"accept": "application/geo+json"}
    prefers = [{"key": "Prefer", "value": "body=json"}]
    subscribe(receiver.uri, notification={"endpoint": {"uri": receiver.uri, **endpoint}})
    subscribe(other.uri, notification={"endpoint": {"uri": other.uri, "receiverInfo": prefers, **endpoint}})
    rename(client, halte, "Ulak Karang")
    in_body, in_link = receiver.wait_for(1)[0], other.wait_for(1)[0]
    other.stop()
    assert "@context" in in_body.data
    assert "link" not in in_body.headers
    assert "@context" not in in_link.data
    assert 'rel="http://www.w3.org/ns/json-ld#context"' in in_link.headers["link"]


def test_4_3_6_8_a_notification_conforms_to_the_version_that_is_asked_for(
    client: httpx2.Client, subscribe: Subscribe, receiver: Receiver, halte: str
) -> None:
    subscribe(receiver.uri, ngsildConformance="1.3")
    words = {"sebutan": {"type": "LanguageProperty", "languageMap": {"id": "Pasar", "en": "Market"}}}
    assert client.post(f"{API}/entities/{halte}/attrs", json=words).status_code == 204
    (told,) = receiver.wait_for(1)[0].data
    assert told["sebutan"] == {"type": "Property", "value": {"id": "Pasar", "en": "Market"}}


def test_5_2_33_an_id_takes_precedence_over_a_pattern(
    client: httpx2.Client, subscribe: Subscribe, receiver: Receiver, halte: str
) -> None:
    subscribe(receiver.uri, entities=[{"type": "Halte", "id": halte, "idPattern": "urn:ngsi-ld:Lain:.*"}])
    rename(client, halte, "Ulak Karang")
    assert receiver.wait_for(1)[0].data[0]["id"] == halte


def test_5_2_12_within_this_hub_a_subscription_may_be_to_everything(
    client: httpx2.Client, subscribe: Subscribe, receiver: Receiver, halte: str
) -> None:
    subscription_id = subscribe(receiver.uri, isActive=False)
    everything = {"entities": None, "localOnly": True, "isActive": True}
    assert client.patch(f"{API}/subscriptions/{subscription_id}", json=everything).status_code == 204
    rename(client, halte, "Ulak Karang")
    assert receiver.wait_for(1)[0].data[0]["id"] == halte


def test_5_2_22_the_receiver_gets_its_own_headers_and_another_city_is_named(
    client: httpx2.Client, receiver: Receiver
) -> None:
    tenant = {"ngsild-tenant": "bukittinggi"}
    endpoint = {"uri": receiver.uri, "receiverInfo": [{"key": "X-Kunci", "value": "rahasia"}]}
    body = {"type": "Subscription", "entities": [{"type": "Halte"}], "notification": {"endpoint": endpoint}}
    # A token is a city's own; making this one's subscription needs its own token, so it is refused here.
    assert client.post(f"{API}/subscriptions", json=body, headers=tenant).status_code == 401
    made = client.post(f"{API}/subscriptions", json=body)
    assert client.post(f"{API}/entities", json=stop("urn:ngsi-ld:Halte:kepala")).status_code == 201
    got = receiver.wait_for(1)[0]
    assert got.headers["x-kunci"] == "rahasia"
    assert "ngsild-tenant" not in got.headers
    client.delete(made.headers["location"])
    client.delete(f"{API}/entities/urn:ngsi-ld:Halte:kepala")


def test_4_5_23_linked_entities_come_along(
    client: httpx2.Client, subscribe: Subscribe, receiver: Receiver, halte: str
) -> None:
    koridor = {"id": "urn:ngsi-ld:Koridor:1", "type": "Koridor", "nama": {"type": "Property", "value": "Satu"}}
    assert client.post(f"{API}/entities", json=koridor).status_code == 201
    flat = Receiver()
    subscribe(receiver.uri, notification={"endpoint": {"uri": receiver.uri}, "join": "inline"})
    subscribe(flat.uri, notification={"endpoint": {"uri": flat.uri}, "join": "flat", "format": "keyValues"})
    rename(client, halte, "Ulak Karang")
    assert receiver.wait_for(1)[0].data[0]["koridor"]["entity"] == koridor
    assert flat.wait_for(1)[0].data[1] == {**koridor, "nama": "Satu"}
    flat.stop()
    client.delete(f"{API}/entities/{koridor['id']}")


@pytest.mark.parametrize(("chosen", "shown", "linked"), [
    ({"pick": ["id", "koridor{id,nama}"]}, {"id", "koridor"}, {"id", "nama"}),
    ({"omit": ["location", "koridor{nama}"]}, {"id", "type", "nama", "kapasitas", "koridor"}, {"id", "type", "rute"}),
])  # fmt: skip
def test_4_21_names_in_braces_are_those_of_linked_entities(
    client: httpx2.Client, subscribe: Subscribe, receiver: Receiver, halte: str,
    chosen: dict[str, Any], shown: set[str], linked: set[str],
) -> None:  # fmt: skip
    koridor = {
        "id": "urn:ngsi-ld:Koridor:1", "type": "Koridor", "nama": {"type": "Property", "value": "Satu"},
        "rute": {"type": "ListRelationship", "objectList": [{"object": halte}]},
    }  # fmt: skip
    assert client.post(f"{API}/entities", json=koridor).status_code == 201
    made = subscribe(receiver.uri, notification={"endpoint": {"uri": receiver.uri}, "join": "inline", **chosen})
    rename(client, halte, "Ulak Karang")
    (entity,) = receiver.wait_for(1)[0].data
    assert set(entity) == shown
    assert set(entity["koridor"]["entity"]) == linked
    ((name, told),) = chosen.items()
    assert client.get(f"{API}/subscriptions/{made}").json()["notification"][name] == told
    client.delete(f"{API}/entities/{koridor['id']}")


def test_4_9_a_question_may_follow_a_link(
    client: httpx2.Client, subscribe: Subscribe, receiver: Receiver, halte: str
) -> None:
    other = Receiver()
    koridor = {"id": "urn:ngsi-ld:Koridor:1", "type": "Koridor", "nama": {"type": "Property", "value": "Satu"}}
    assert client.post(f"{API}/entities", json=koridor).status_code == 201
    subscribe(other.uri, q='koridor{Koridor:nama}=="Dua"')
    subscribe(receiver.uri, q='koridor{Koridor:nama}=="Satu"')
    rename(client, halte, "Ulak Karang")
    receiver.wait_for(1)
    other.stop()
    client.delete(f"{API}/entities/{koridor['id']}")
    assert other.attempts == 0


def test_5_8_6_throttling_holds_back_and_tells_the_newest_state_afterwards(
    client: httpx2.Client, subscribe: Subscribe, receiver: Receiver, halte: str
) -> None:
    subscribe(receiver.uri, throttling=1)
    rename(client, halte, "satu")
    receiver.wait_for(1)
    for nama in ("dua", "tiga", "empat"):
        rename(client, halte, nama)
    receiver.wait_for(2)
    assert [nama for _, nama in receiver.told()] == ["satu", "empat"]


def test_5_8_6_a_time_interval_tells_what_there_is_again_and_again(
    subscribe: Subscribe, receiver: Receiver, halte: str
) -> None:
    subscribe(receiver.uri, timeInterval=0.1, entities=[{"id": halte}])
    receiver.wait_for(3)
    assert {entity_id for entity_id, _ in receiver.told()} == {halte}


def test_5_5_11_3_updates_of_one_entity_in_a_batch_are_told_one_by_one(
    client: httpx2.Client, subscribe: Subscribe, receiver: Receiver, halte: str
) -> None:
    subscribe(receiver.uri)
    batch = [{"id": halte, "type": "Halte", "nama": {"type": "Property", "value": nama}} for nama in "abc"]
    assert client.post(f"{API}/entityOperations/update", json=batch).status_code == 204
    receiver.wait_for(3)
    assert receiver.told() == [(halte, "a"), (halte, "b"), (halte, "c")]


def test_a_batch_is_one_notification_of_every_entity(
    client: httpx2.Client, subscribe: Subscribe, receiver: Receiver
) -> None:
    subscribe(receiver.uri)
    stops = [stop(f"urn:ngsi-ld:Halte:sekaligus-{number}") for number in range(20)]
    assert client.post(f"{API}/entityOperations/create", json=stops).status_code == 201
    receiver.wait_until(lambda: sum(len(got.data) for got in receiver.accepted) == 20)
    assert len(receiver.accepted) < 5
    assert {entity_id for entity_id, _ in receiver.told()} == {one["id"] for one in stops}
