"""Subscriptions that are handed on to other sources, and what these tell (CIM 009 §5.8.1.4 to §5.8.6)."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from simpul import limits
from tests.federation.conftest import ENTITIES, REGISTRATIONS, Register, registration, served_hub, stop, value
from tests.http.conftest import API, Served, serve
from tests.subscriptions.receiver import Receiver

SUBSCRIPTIONS = f"{API}/subscriptions"
INBOUND = "/ngsi-ld/ex/remote-notify"


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    patch = pytest.MonkeyPatch()
    patch.setattr(limits, "FORWARDING_PAUSES_SECONDS", (0.05,))
    patch.setattr(limits, "NOTIFICATION_PAUSE_SECONDS_MIN", 0.02)
    yield
    patch.undo()


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve the city's hub where it says that it is."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    yield from served_hub(tmp_path_factory, public_url=f"http://127.0.0.1:{port}")


@pytest.fixture(autouse=True)
def _empty(here: httpx2.Client, there: httpx2.Client) -> Iterator[None]:
    yield
    for client in (here, there):
        for one in client.get(f"{SUBSCRIPTIONS}?limit=100").json():
            client.delete(f"{SUBSCRIPTIONS}/{one['id']}")
        client.delete(f"{ENTITIES}?type=BusStop&local=true")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Return a receiver that accepts everything."""
    receiver = Receiver()
    yield receiver
    receiver.stop()


def subscribe(client: httpx2.Client, uri: str, **members: Any) -> str:
    notification = {"endpoint": {"uri": uri}, **members.pop("notification", {})}
    sent = {"type": "Subscription", "entities": [{"type": "BusStop"}], "notification": notification, **members}
    response = client.post(SUBSCRIPTIONS, json=sent)
    assert response.status_code == 201, response.text
    return str(response.headers["location"])


def until(look: Callable[[], Any], seconds: float = 10) -> Any:
    """Return what is looked for once it is there."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come")


def copies(client: httpx2.Client) -> list[dict[str, Any]]:
    return list(client.get(SUBSCRIPTIONS).json())


def test_5_8_1_4_a_subscription_is_handed_on_and_what_the_source_tells_is_passed_on(
    here: httpx2.Client, there: httpx2.Client, register: Register, receiver: Receiver
) -> None:
    register()
    own = subscribe(here, receiver.uri, q="level>5", notification={"format": "keyValues", "attributes": ["level"]})
    (copy,) = until(lambda: copies(there))
    assert copy["id"] not in own
    assert copy["q"] == "level>5"
    assert copy["notification"]["endpoint"]["uri"].endswith(INBOUND)
    assert not {"attributes", "format"} & copy["notification"].keys()
    there.post(ENTITIES, json=stop("low", level=value(1), bench=value(True)))
    there.post(ENTITIES, json=stop("high", level=value(7), bench=value(True)))
    (told,) = receiver.wait_for(1)
    assert told.body["subscriptionId"] == own.rpartition("/")[2]
    assert told.data == [{"id": "urn:ngsi-ld:BusStop:high", "type": "BusStop", "level": 7}]
    here.post(ENTITIES, json=stop("own", level=value(9)))
    assert receiver.wait_for(2)[1].data[0]["id"] == "urn:ngsi-ld:BusStop:own"
    assert here.get(own).json()["notification"]["timesSent"] >= 1


def test_5_8_1_4_a_registration_that_comes_later_is_handed_the_subscription(
    here: httpx2.Client, there: httpx2.Client, register: Register, receiver: Receiver
) -> None:
    subscribe(here, receiver.uri)
    path = register(information=[{"entities": [{"type": "BusStop"}], "propertyNames": ["level"]}])
    (copy,) = until(lambda: copies(there))
    assert copy["watchedAttributes"] == ["level"]
    there.post(ENTITIES, json=stop("1", level=value(1), bench=value(True)))
    (told,) = receiver.wait_for(1)
    assert told.data[0].keys() == {"id", "type", "level"}
    assert here.delete(path).status_code == 204
    until(lambda: not copies(there))


def test_5_8_1_4_a_subscription_has_one_to_registrations_that_goes_with_it(here: httpx2.Client) -> None:
    own = subscribe(here, "http://127.0.0.1:9/")
    (shown,) = here.get(f"{API}/csourceSubscriptions").json()
    assert shown["entities"] == [{"type": "BusStop"}]
    path = f"{API}/csourceSubscriptions/{shown['id']}"
    assert here.get(path).json()["id"] == shown["id"]
    assert here.delete(path).status_code == 400
    assert here.delete(own).status_code == 204
    assert here.get(f"{API}/csourceSubscriptions").json() == []


def test_5_8_2_4_an_update_is_handed_on(
    here: httpx2.Client, there: httpx2.Client, register: Register, receiver: Receiver
) -> None:
    register()
    own = subscribe(here, receiver.uri, q="level>5")
    until(lambda: copies(there))
    assert here.patch(own, json={"q": "level>8", "isActive": False}).status_code == 204
    until(lambda: copies(there)[0].get("q") == "level>8")
    assert copies(there)[0]["status"] == "paused"
    assert here.patch(own, json={"q": None, "isActive": True}).status_code == 204
    until(lambda: "q" not in copies(there)[0])


def test_5_8_5_4_a_deletion_is_handed_on_and_other_subscriptions_stay(
    here: httpx2.Client, there: httpx2.Client, register: Register, receiver: Receiver
) -> None:
    register()
    first, second = subscribe(here, receiver.uri), subscribe(here, receiver.uri)
    until(lambda: len(copies(there)) == 2)
    assert here.delete(first).status_code == 204
    until(lambda: len(copies(there)) == 1)
    there.post(ENTITIES, json=stop("1", level=value(1)))
    assert [told.body["subscriptionId"] for told in receiver.wait_for(1)] == [second.rpartition("/")[2]]


@pytest.mark.parametrize(
    ("members", "subscribed"),
    [
        ({"operations": ["retrieveOps"]}, {}),
        ({"mode": "auxiliary", "operations": ["retrieveOps"]}, {}),
        ({}, {"localOnly": True}),
        ({}, {"csf": 'city=="Padang"'}),
        ({}, {"entities": [{"type": "Tree"}]}),
        ({}, {"watchedAttributes": ["level"], "entities": [{"type": "Tree"}]}),
    ],
)
def test_5_8_1_4_what_does_not_concern_a_source_is_not_handed_on(
    here: httpx2.Client,
    there: httpx2.Client,
    city: Served,
    register: Register,
    members: dict[str, Any],
    subscribed: dict[str, Any],
) -> None:
    register(**members)
    subscribe(here, "http://127.0.0.1:9/", **subscribed)
    city.run(lambda: city.hub.forwarding._level("padang"))
    assert copies(there) == []


def test_5_8_6_of_split_entities_the_subscriber_is_told_the_whole(
    here: httpx2.Client, there: httpx2.Client, register: Register, receiver: Receiver
) -> None:
    register()
    here.post(ENTITIES, json=stop("1", line=value("T1")))
    subscribe(here, receiver.uri, splitEntities=True, q='level>5;line=="T1"')
    (copy,) = until(lambda: copies(there))
    assert "q" not in copy
    assert copy["splitEntities"]
    there.post(ENTITIES, json=stop("1", level=value(1)))
    there.patch(f"{ENTITIES}/urn:ngsi-ld:BusStop:1", json={"level": value(9)})
    (told,) = receiver.wait_for(1)
    assert told.data[0]["level"]["value"] == 9
    assert told.data[0]["line"]["value"] == "T1"


def test_5_8_6_at_its_interval_a_subscription_tells_what_is_here_and_elsewhere(
    here: httpx2.Client, there: httpx2.Client, register: Register, receiver: Receiver
) -> None:
    register()
    here.post(ENTITIES, json=stop("own", level=value(1)))
    there.post(ENTITIES, json=stop("other", level=value(1)))
    subscribe(here, receiver.uri, timeInterval=1)
    both = {"urn:ngsi-ld:BusStop:own", "urn:ngsi-ld:BusStop:other"}
    receiver.wait_until(lambda: any({one["id"] for one in got.data} == both for got in receiver.accepted))


def test_5_8_6_at_its_interval_all_that_sources_told_is_told_though_sending_fails_and_one_notification_is_small(
    here: httpx2.Client, there: httpx2.Client, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "NOTIFICATION_ENTITIES_MAX", 2)
    refusing = Receiver(lambda count: 503 if count == 0 else 200)
    try:
        register()
        subscribe(here, refusing.uri, timeInterval=1)
        (copy,) = until(lambda: copies(there))
        told = [stop(name, level=value(1)) for name in ("a", "b", "c")]
        sent = {"id": "urn:x:1", "type": "Notification", "subscriptionId": copy["id"], "data": told}
        assert here.post(INBOUND, json=sent).status_code == 200
        wanted = {one["id"] for one in told}
        refusing.wait_until(lambda: {one["id"] for got in refusing.accepted for one in got.data} >= wanted)
    finally:
        refusing.stop()


def test_5_8_6_what_went_at_a_source_is_told(
    here: httpx2.Client, there: httpx2.Client, register: Register, receiver: Receiver
) -> None:
    register()
    triggers = ["attributeUpdated", "attributeDeleted", "entityDeleted"]
    subscribe(here, receiver.uri, notificationTrigger=triggers, notification={"showChanges": True})
    until(lambda: copies(there))
    path = f"{ENTITIES}/urn:ngsi-ld:BusStop:1"
    there.post(ENTITIES, json=stop("1", level=value(1), bench=value(True)))
    there.patch(path, json={"level": value(2)})
    (told,) = receiver.wait_for(1)
    assert told.data[0]["level"] == {"type": "Property", "value": 2, "previousValue": 1}
    there.delete(f"{path}/attrs/bench")
    gone = receiver.wait_for(2)[1].data[0]["bench"]
    assert gone == {"type": "Property", "value": "urn:ngsi-ld:null", "previousValue": True}
    there.delete(path)
    assert "deletedAt" in receiver.wait_for(3)[2].data[0]


def test_5_8_6_a_notification_under_an_id_that_is_nobodys_is_not_passed_on(here: httpx2.Client, city: Served) -> None:
    forged = {"type": "Notification", "subscriptionId": "urn:ngsi-ld:Subscription:x", "data": [stop("1")]}
    assert here.post(INBOUND, json=forged).status_code == 404
    assert here.post(INBOUND, json=[]).status_code == 400
    assert here.get(INBOUND).status_code == 405


def test_a_source_that_is_down_is_told_when_it_is_back(
    here: httpx2.Client, free_port: int, tmp_path: Path, receiver: Receiver
) -> None:
    url = f"http://127.0.0.1:{free_port}"
    path = here.post(REGISTRATIONS, json=registration(url, management={"cooldown": 1})).headers["location"]
    own = subscribe(here, receiver.uri)
    time.sleep(0.1)
    for served in serve(tmp_path, open_access=True, allow_private_addresses=True, public_url=url):
        with served.client() as back:
            until(lambda: copies(back))
            back.post(ENTITIES, json=stop("1", level=value(1)))
            receiver.wait_for(1)
            assert here.delete(own).status_code == 204
            until(lambda: not copies(back))
    here.delete(path)


def test_6_3_17_two_hubs_that_name_each_other_do_not_hand_on_for_ever(
    here: httpx2.Client, there: httpx2.Client, city: Served, register: Register, receiver: Receiver
) -> None:
    register()
    back = there.post(REGISTRATIONS, json=registration(city.url)).headers["location"]
    subscribe(here, receiver.uri)
    until(lambda: copies(there))
    time.sleep(0.3)
    assert len(copies(here)) == 1
    there.delete(back)
