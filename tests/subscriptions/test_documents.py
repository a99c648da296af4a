"""Subscriptions as documents: made, read, listed, changed, deleted; and what is refused, with what would be right."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.http.conftest import API, Served, raise_unless_problem
from tests.subscriptions.conftest import Subscribe, read

PATH = f"{API}/subscriptions"
URI = "http://127.0.0.1:9/notify"


def document(**members: Any) -> dict[str, Any]:
    """Return a subscription that is right, with these members."""
    body = {
        "type": "Subscription",
        "entities": [{"type": "Halte"}],
        "notification": {"endpoint": {"uri": URI}},
        **members,
    }
    return {name: value for name, value in body.items() if value is not None}


def test_5_8_1_what_was_made_can_be_read_again(client: httpx2.Client) -> None:
    body = document(
        id="urn:ngsi-ld:Subscription:baca", subscriptionName="Papan", watchedAttributes=["nama"], q="kapasitas>10",
        expiresAt="2099-01-01T00:00:00Z", throttling=5, notificationTrigger=["entityCreated"],
    )  # fmt: skip
    made = client.post(PATH, json=body)
    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"{PATH}/urn:ngsi-ld:Subscription:baca"
    assert read(client, "urn:ngsi-ld:Subscription:baca") == {**body, "status": "active"}
    raise_unless_problem(client.post(PATH, json=body), 409, "AlreadyExists")
    assert client.delete(made.headers["location"]).status_code == 204
    raise_unless_problem(client.get(made.headers["location"]), 404, "ResourceNotFound")
    raise_unless_problem(client.delete(made.headers["location"]), 404, "ResourceNotFound")


def test_5_8_1_another_brokers_own_notes_and_what_only_the_hub_tells_are_left_out(client: httpx2.Client) -> None:
    notification = {
        "endpoint": {"uri": URI},
        "timesSent": 42,
        "lastSuccess": "2020-01-01T00:00:00Z",
        "status": "failed",
    }
    trigger = {"id": "urn:ngsi-ld:Subscription:salinan", "notificationTrigger": ["entityDeleted"]}
    body = document(**trigger, status="expired", notification=notification)
    made = client.post(PATH, json={**body, "__context": "http://lain.example.org/hub.jsonld"})
    assert made.status_code == 201, made.text
    told = read(client, "urn:ngsi-ld:Subscription:salinan")
    assert told == {**document(**trigger), "status": "active"}
    assert client.patch(made.headers["location"], json={"__note": 1, "description": "baru"}).status_code == 204
    raise_unless_problem(client.post(PATH, json=document(throtling=1)), 400, "BadRequestData")
    assert client.delete(made.headers["location"]).status_code == 204


def test_5_8_4_subscriptions_are_listed_in_pages(client: httpx2.Client, subscribe: Subscribe) -> None:
    ids = [subscribe(URI, isActive=False) for _ in range(3)]
    page = client.get(PATH, params={"limit": 2, "count": "true"})
    assert [one["id"] for one in page.json()] == ids[:2]
    assert page.headers["ngsild-results-count"] == "3"
    assert 'rel="next"' in page.headers["link"]
    rest = client.get(PATH, params={"limit": 2, "offset": 2, "options": "sysAttrs"})
    assert [one["id"] for one in rest.json()] == ids[2:]
    assert {"createdAt", "modifiedAt"} <= rest.json()[0].keys()


def test_5_8_2_an_update_changes_what_it_names_and_null_removes(client: httpx2.Client, subscribe: Subscribe) -> None:
    subscription_id = subscribe(URI, description="lama", throttling=5)
    path = f"{PATH}/{subscription_id}"
    fragment = {"description": "baru", "throttling": None, "entities": [{"type": "Terminal"}]}
    assert client.patch(path, json=fragment).status_code == 204
    body = read(client, subscription_id)
    assert (body["description"], body["entities"]) == ("baru", [{"type": "Terminal"}])
    assert "throttling" not in body


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"type": "Langganan"}, "'Subscription'"),
    ({"id": "bukan uri"}, "URI"),
    ({"entities": None}, "watchedAttributes"),
    ({"entities": []}, "array"),
    ({"entities": [{}]}, "id, idPattern or type"),
    ({"entities": [{"jenis": "Halte"}]}, "entity selector"),
    ({"entities": [{"type": "Halte", "idPattern": "("}]}, "expression"),
    ({"notification": None}, "'notification'"),
    ({"notification": {}}, "endpoint"),
    ({"notification": {"endpoint": {}}}, "uri"),
    ({"notification": {"endpoint": {"uri": "ftp://x.org/"}}}, "mqtt"),
    ({"notification": {"endpoint": {"uri": "http:///x"}}}, "host"),
    ({"notification": {"endpoint": {"uri": "http://x:99999/"}}}, "URI"),
    ({"notification": {"endpoint": {"uri": "mqtt://x.org"}}}, "topic"),
    ({"notification": {"endpoint": {"uri": URI, "accept": "text/csv"}}}, "application/json"),
    ({"notification": {"endpoint": {"uri": URI, "timeout": -1}}}, "milliseconds"),
    ({"notification": {"endpoint": {"uri": URI, "receiverInfo": [{"key": "a b", "value": "x"}]}}}, "header"),
    ({"notification": {"endpoint": {"uri": URI, "receiverInfo": [{"key": "X", "value": "a\r\nb"}]}}}, "header"),
    ({"notification": {"endpoint": {"uri": URI, "receiverInfo": [{"key": "Host", "value": "x"}]}}}, "Host"),
    ({"notification": {"endpoint": {"uri": "mqtt://x/t", "notifierInfo": [{"key": "MQTT-QoS", "value": "3"}]}}}, "QoS"),
    ({"notification": {"endpoint": {"uri": URI}, "format": "csv"}}, "concise"),
    ({"notification": {"endpoint": {"uri": URI}, "formt": "concise"}}, "Did you mean 'format'"),
    ({"notification": {"endpoint": {"uri": URI}, "format": "keyValues", "showChanges": True}}, "showChanges"),
    ({"notification": {"endpoint": {"uri": URI}, "attributes": ["a"], "pick": ["b"]}}, "pick"),
    ({"notification": {"endpoint": {"uri": URI}, "pick": ["b"], "omit": ["b"]}}, "both"),
    ({"notification": {"endpoint": {"uri": URI}, "join": "sideways"}}, "inline"),
    ({"notification": {"endpoint": {"uri": URI}, "joinLevel": 2}}, "join"),
    ({"notification": {"endpoint": {"uri": URI}, "pick": ["id", "a{b}"]}}, "joinLevel"),
    ({"notification": {"endpoint": {"uri": URI}, "omit": ["a{b{c}}"], "join": "flat"}}, "joinLevel"),
    ({"notification": {"endpoint": {"uri": URI}, "pick": ["a{b"], "join": "flat"}}, "well-formed"),
    ({"notificationTrigger": ["entityCreate"]}, "Did you mean 'entityCreated'"),
    ({"watchedAttributes": []}, "not empty"),
    ({"throttling": -1}, "seconds"),
    ({"timeInterval": 0}, "seconds"),
    ({"timeInterval": 5, "throttling": 5}, "exclude"),
    ({"timeInterval": 5, "watchedAttributes": ["a"]}, "exclude"),
    ({"expiresAt": "besok"}, "moment"),
    ({"expiresAt": "2020-01-01T00:00:00Z"}, "future"),
    ({"isActive": "ya"}, "true or false"),
    ({"q": "nama==="}, ""),
    ({"geoQ": {"georel": "near"}}, "geometry"),
    ({"geoQ": {"georel": "di", "geometry": "Point", "coordinates": [1, 2]}}, "georel"),
    ({"jsonldContext": "bukan"}, "URI"),
    ({"csf": "a==="}, ""),
    ({"notification": {"endpoint": {"uri": URI}, "attributes": []}}, "not empty"),
    ({"notification": {"endpoint": {"uri": URI, "receiverInfo": [{"key": "X", "value": 1}]}}}, "texts"),
    ({"temporalQ": {"timerel": "before"}}, "context sources"),
    ({"xyzzy": 1}, "Known are"),
    ({"datasetId": ["bukan uri"]}, "URI"),
    ({"ngsildConformance": "satu"}, "version"),
    ({"expandValues": ["a", 1]}, "names"),
    ({"jsonKeys": ""}, "names"),
    ({"entities": [{"type": "*"}], "localOnly": False}, "localOnly"),
    ({"entities": None, "localOnly": False}, "localOnly"),
    ({"entities": None, "timeInterval": 5}, "timeInterval"),
]


@pytest.mark.parametrize(("members", "hint"), REFUSED)
def test_5_8_1_what_is_wrong_is_told_with_what_would_be_right(
    client: httpx2.Client, members: dict[str, Any], hint: str
) -> None:
    response = client.post(PATH, json=document(**members))
    raise_unless_problem(response, 400, "BadRequestData")
    assert hint in response.json()["detail"]


ALLOWED: list[dict[str, Any]] = [
    {"entities": None, "localOnly": True},
    {"entities": None, "timeInterval": 5, "localOnly": True},
    {"entities": [{"type": "*"}], "localOnly": True},
    {"q": 'jenis=="besar"', "expandValues": "jenis,ukuran", "jsonKeys": "rincian"},
    {"ngsildConformance": "1.5", "lang": "id", "splitEntities": False, "csf": 'kota=="Padang"'},
]


@pytest.mark.parametrize("members", ALLOWED)
def test_5_2_12_what_the_table_of_members_allows_is_kept_as_it_came(
    client: httpx2.Client, members: dict[str, Any]
) -> None:
    body = document(**members)
    made = client.post(PATH, json=body)
    assert made.status_code == 201, made.text
    kept = client.get(made.headers["location"]).json()
    assert {name: kept[name] for name in body} == body
    assert client.delete(made.headers["location"]).status_code == 204


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|aa)*c", "a{200}" * 40])
def test_a_pattern_that_explodes_is_refused(client: httpx2.Client, pattern: str) -> None:
    for members in ({"entities": [{"type": "Halte", "idPattern": pattern}]}, {"q": f'nama~="{pattern}"'}):
        assert client.post(PATH, json=document(**members)).status_code in {400, 403}


@pytest.mark.parametrize(("fragment", "hint"), [
    ({"notification": {"endpoint": None}}, "endpoint"),
    ({"notification": None}, "notification"),
    ({"id": "urn:ngsi-ld:Subscription:lain"}, "id"),
    ({"expiresAt": "2020-01-01T00:00:00Z"}, "future"),
    ({"entities": None}, "watchedAttributes"),
])  # fmt: skip
def test_5_8_2_an_update_that_breaks_it_is_refused(
    client: httpx2.Client, subscribe: Subscribe, fragment: dict[str, Any], hint: str
) -> None:
    subscription_id = subscribe(URI)
    before = read(client, subscription_id)
    response = client.patch(f"{PATH}/{subscription_id}", json=fragment)
    raise_unless_problem(response, 400, "BadRequestData")
    assert hint in response.json()["detail"]
    assert read(client, subscription_id) == before


def test_5_8_3_what_is_no_id_or_nobodys_is_told(client: httpx2.Client) -> None:
    for method in ("GET", "PATCH", "DELETE"):
        body = {"isActive": False} if method == "PATCH" else None
        raise_unless_problem(client.request(method, f"{PATH}/bukan-uri", json=body), 400, "BadRequestData")
        raise_unless_problem(client.request(method, f"{PATH}/urn:x:tiada", json=body), 404, "ResourceNotFound")


def test_strangers_neither_read_nor_make_subscriptions(notifying: Served, subscribe: Subscribe) -> None:
    subscription_id = subscribe(URI)
    with notifying.client() as stranger:
        assert stranger.get(PATH).status_code == 401
        assert stranger.get(f"{PATH}/{subscription_id}").status_code == 401
        assert stranger.post(PATH, json=document()).status_code == 401
        assert stranger.patch(f"{PATH}/{subscription_id}", json={"isActive": False}).status_code == 401
        assert stranger.delete(f"{PATH}/{subscription_id}").status_code == 401


def test_a_reader_sees_no_secrets_of_a_receiver(notifying: Served, subscribe: Subscribe) -> None:
    info = [{"key": "Authorization", "value": "Bearer rahasia"}]
    endpoint = {"uri": "http://orang:sandi@127.0.0.1:9/notify", "receiverInfo": info}
    subscription_id = subscribe(URI, notification={"endpoint": endpoint})
    with notifying.client(authorization=f"Bearer {notifying.token('reader')}") as reader:
        body = reader.get(f"{PATH}/{subscription_id}")
        assert body.json()["notification"]["endpoint"] == {"uri": "http://127.0.0.1:9/notify"}
        assert reader.post(PATH, json=document()).status_code == 403


@pytest.mark.parametrize("prefer", ["ngsi-ld=1.0", "NGSI-LD=1.0", 'ngsi-ld="1.0"', "respond-async, ngsi-ld=1.0;q=0.1"])
def test_4_3_6_8_a_subscription_is_the_same_in_every_version(client: httpx2.Client, prefer: str) -> None:
    body = {"type": "Subscription", "entities": [{"type": "Halte"}],
            "notification": {"endpoint": {"uri": "http://127.0.0.1:9/x"}, "attributes": ["nama"]}}  # fmt: skip
    location = client.post(f"{API}/subscriptions", json=body).headers["location"]
    plain = client.get(location)
    preferred = client.get(location, headers={"prefer": prefer})
    assert preferred.json() == plain.json()
    assert preferred.headers["preference-applied"] == "ngsi-ld=1.0"
    assert client.get(f"{API}/subscriptions", headers={"prefer": prefer}).headers["preference-applied"] == "ngsi-ld=1.0"
    assert "preference-applied" not in plain.headers
    assert client.delete(location).status_code == 204
