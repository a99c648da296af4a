"""Bad input: each ends in a message that names the place, with the hub running and nothing lost."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from simpul import limits
from tests.http.conftest import API, Served, raise_unless_problem, stop

ENTITIES = f"{API}/entities"
JSON = {"content-type": "application/json"}
MEGABYTE = 1024 * 1024


@pytest.fixture(autouse=True)
def _runs_on(writer: httpx2.Client) -> Iterator[None]:
    """See that the hub answers after whatever it was sent."""
    yield
    assert writer.get("/health").status_code == 200
    assert writer.get(f"{ENTITIES}?type=Tiada").json() == []


@pytest.mark.parametrize(("body", "place"), [
    (b'{"id":"urn:x:1",,"type":"T"}', "line 1, column 17"),
    (b'{\n  "id": "urn:x:1",\n  "type": T\n}', "line 3, column 11"),
    (b'{"id":"urn:x:1"', "line 1"),
    (b'{"id":"\xff\xfe"}', "line 1"),
    (b"", "empty"),
    (b"   ", "empty"),
    (b'{"a":NaN}', "line 1"),
    (b"[" * 100_000, "deep"),
    (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "deep"),
])  # fmt: skip
def test_malformed_json_is_told_with_its_place(writer: httpx2.Client, body: bytes, place: str) -> None:
    response = writer.post(ENTITIES, content=body, headers=JSON)
    raise_unless_problem(response, 400, "InvalidRequest")
    assert place in response.json()["detail"]


@pytest.mark.parametrize("change", [
    {"id": "halte 1"}, {"id": 5}, {"id": None}, {"id": ""}, {"type": ""}, {"type": []}, {"type": [1]}, {"type": "a b"},
    {"nama": None}, {"nama": {"type": "Property"}}, {"nama": {"type": "Prop", "value": 1}},
    {"koridor": {"type": "Relationship", "object": "not a uri"}}, {"scope": "a b"}, {"scope": 5},
    {"nama": {"type": "Property", "value": 1, "observedAt": "yesterday"}},
    {"nama": {"type": "Property", "value": 1, "unitCode": 5}},
    {"location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [200, 95]}}},
    {"location": {"type": "GeoProperty", "value": {"type": "Circle", "coordinates": [1, 2]}}},
    {"location": {"type": "GeoProperty", "value": "here"}},
    {"label": {"type": "LanguageProperty", "languageMap": ["x"]}},
    {"a b": {"type": "Property", "value": 1}}, {"": {"type": "Property", "value": 1}},
    {"nama": {"type": "Property", "value": "urn:ngsi-ld:null"}},
], ids=json.dumps)  # fmt: skip
def test_content_that_breaks_the_model_is_told_and_not_kept(writer: httpx2.Client, change: dict[str, Any]) -> None:
    body = {**stop("urn:ngsi-ld:Halte:bad"), **change}
    raise_unless_problem(writer.post(ENTITIES, json=body), 400, "BadRequestData")
    assert writer.get(f"{ENTITIES}/urn:ngsi-ld:Halte:bad").status_code == 404


@pytest.mark.parametrize("context", [
    5, {"a": 5}, {"a": {"@id": 5}}, {"a": "b:c", "b": "a:c"}, ["https://contexts.example.org/kota.jsonld", 5], "no url",
    {"@vocab": 5},
], ids=json.dumps)  # fmt: skip
def test_a_wrong_context_is_told(writer: httpx2.Client, context: Any) -> None:
    body = {"@context": context, **stop("urn:ngsi-ld:Halte:bad")}
    response = writer.post(ENTITIES, json=body, headers={"content-type": "application/ld+json"})
    assert response.status_code in {400, 504}, response.text
    assert writer.get(f"{ENTITIES}/urn:ngsi-ld:Halte:bad").status_code == 404


def test_contexts_that_go_in_a_circle_are_told(served: Served, writer: httpx2.Client) -> None:
    first, second = "https://contexts.example.org/a.jsonld", "https://contexts.example.org/b.jsonld"
    served.hub.contexts.preload(first, {"@context": second})
    served.hub.contexts.preload(second, {"@context": first})
    link = f'<{first}>; rel="http://www.w3.org/ns/json-ld#context"'
    response = writer.get(f"{ENTITIES}?type=Halte", headers={"link": link})
    raise_unless_problem(response, 400, "BadRequestData")
    assert first in response.json()["detail"]


def test_a_polygon_that_crosses_itself_is_taken_and_found(writer: httpx2.Client) -> None:
    entity_id = "urn:ngsi-ld:Halte:bowtie"
    ring = [[100.0, -1.0], [100.1, -0.9], [100.1, -1.0], [100.0, -0.9], [100.0, -1.0]]
    location = {"type": "GeoProperty", "value": {"type": "Polygon", "coordinates": [ring]}}
    assert writer.post(ENTITIES, json=stop(entity_id, location=location)).status_code == 201
    asked = {"type": "Halte", "georel": "intersects", "geometry": "Polygon", "coordinates": json.dumps([ring])}
    assert writer.get(ENTITIES, params=asked).status_code in {200, 400}
    assert writer.delete(f"{ENTITIES}/{entity_id}").status_code == 204


def test_a_question_of_ten_thousand_terms_is_too_complex(served: Served, writer: httpx2.Client) -> None:
    terms = ";".join(f"a{place}==1" for place in range(10_000))
    # A URL of over 64 KiB is refused by the server's own parser, unless the lane takes it.
    status, _ = speak(served, f"GET {ENTITIES}?type=Halte&q={terms} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert status in {400, 403}
    raise_unless_problem(writer.get(f"{ENTITIES}?type=Halte&q={terms[:60_000]}"), 403, "TooComplexQuery")
    body = {"type": "Query", "entities": [{"type": "Halte"}], "q": terms}
    raise_unless_problem(writer.post(f"{API}/entityOperations/query", json=body), 403, "TooComplexQuery")


def test_a_long_path_is_refused(writer: httpx2.Client) -> None:
    raise_unless_problem(writer.get(f"{ENTITIES}/urn:x:{'a' * 9_000}"), 400, "InvalidRequest")
    raise_unless_problem(writer.get(f"{ENTITIES}/urn:x:{'a' * 3_000}"), 400, "BadRequestData")


@pytest.mark.parametrize("path", ["entities/%zz", "entities/%ff%fe", "entities/urn:x:1/attrs/%"])
def test_a_path_that_cannot_be_decoded_is_refused(served: Served, path: str) -> None:
    status, body = speak(served, f"GET {API}/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert status == 400, body
    assert json.loads(body)["type"].endswith("InvalidRequest")


def speak(served: Served, *parts: bytes) -> tuple[int, bytes]:
    """Send bytes as they are and return the status and the body of the answer."""
    place = urlsplit(served.url)
    with socket.create_connection((place.hostname, place.port), timeout=20) as connection:
        for part in parts:
            try:
                connection.sendall(part)
            except (BrokenPipeError, ConnectionResetError):
                break
        answer = b""
        while b"\r\n\r\n" not in answer or not _is_whole(answer):
            received = connection.recv(65536)
            if not received:
                break
            answer += received
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def _is_whole(answer: bytes) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
    return bool(lengths) and len(body) >= int(lengths[0])


def _head(writer: httpx2.Client, *lines: str) -> bytes:
    start = [f"POST {ENTITIES} HTTP/1.1", "Host: x", f"Authorization: {writer.headers['authorization']}"]
    return "\r\n".join([*start, "Content-Type: application/json", *lines, "", ""]).encode()


def test_a_body_of_a_hundred_megabytes_is_refused_before_it_is_sent(served: Served, writer: httpx2.Client) -> None:
    started = time.monotonic()
    status, body = speak(served, _head(writer, f"Content-Length: {100 * MEGABYTE}"), b"[")
    assert status == 413
    assert f"{limits.BODY_BYTES_MAX:,}" in json.loads(body)["detail"]
    assert time.monotonic() - started < 2


def test_a_body_of_a_hundred_megabytes_gets_its_answer_though_all_of_it_is_sent(writer: httpx2.Client) -> None:
    response = writer.post(ENTITIES, content=b" " * (100 * MEGABYTE), headers=JSON)
    assert response.status_code == 413
    assert response.json()["title"] == "The body is too large"


def test_a_body_without_a_told_length_is_measured_on_the_way(served: Served, writer: httpx2.Client) -> None:
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    head = _head(writer, "Transfer-Encoding: chunked").replace(b"POST", b"DELETE")
    status, _ = speak(served, head, *([chunk] * 40))
    assert status == 413


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
def test_6_3_4_what_is_written_without_a_told_length_is_answered_with_just_411(
    served: Served, writer: httpx2.Client, method: str
) -> None:
    path = f"{ENTITIES}/urn:ngsi-ld:Halte:tiada" if method != "POST" else ENTITIES
    # In a city that is not there, too: this is looked at first.
    for headers in (JSON, {**JSON, "ngsild-tenant": "tiada"}):
        response = writer.request(method, path, content=iter([b"{", b"}"]), headers=headers)
        assert response.status_code == 411
        assert response.content == b""
    assert writer.get(f"{ENTITIES}?type=Halte&limit=1").status_code == 200


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
def test_6_3_4_without_a_length_even_nothing_is_answered_with_just_411(served: Served, method: str) -> None:
    host, _, port = served.url.removeprefix("http://").partition(":")
    path = f"{ENTITIES}/urn:ngsi-ld:Halte:tiada" if method != "POST" else ENTITIES
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        lines = (f"{method} {path} HTTP/1.1", "Host: x", "Content-Type: application/json", "Connection: close", "", "")
        connection.sendall("\r\n".join(lines).encode())
        head, _, body = b"".join(iter(lambda: connection.recv(65_536), b"")).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 411 ")
    assert body == b""


def test_a_stranger_sends_less_than_one_who_is_known(served: Served, writer: httpx2.Client) -> None:
    body = b" " * (2 * MEGABYTE)
    for headers in (JSON, {**JSON, "authorization": "Bearer wrong"}):
        with served.client(**headers) as stranger:
            response = stranger.post(ENTITIES, content=body)
            assert response.status_code == 413
            assert "1,048,576" in response.json()["detail"]
    raise_unless_problem(writer.post(ENTITIES, content=body, headers=JSON), 400, "InvalidRequest")


def test_a_large_batch_is_taken_from_one_who_is_known(writer: httpx2.Client) -> None:
    batch = [stop(f"urn:ngsi-ld:Halte:large{place}", teks="x" * 3_000) for place in range(1_000)]
    assert writer.post(f"{API}/entityOperations/upsert", json=batch).status_code == 201
    assert writer.post(f"{API}/entityOperations/delete", json=[one["id"] for one in batch]).status_code == 204


def test_a_body_that_is_shorter_than_told_changes_nothing(served: Served, writer: httpx2.Client) -> None:
    body = json.dumps(stop("urn:ngsi-ld:Halte:short")).encode()
    place = urlsplit(served.url)
    with socket.create_connection((place.hostname, place.port), timeout=5) as connection:
        connection.sendall(_head(writer, f"Content-Length: {len(body) + 10}") + body)
    assert writer.get(f"{ENTITIES}/urn:ngsi-ld:Halte:short").status_code == 404


def test_a_body_in_two_pieces_is_one_body(served: Served, writer: httpx2.Client) -> None:
    body = json.dumps(stop("urn:ngsi-ld:Halte:pieces")).encode()
    status, _ = speak(served, _head(writer, f"Content-Length: {len(body)}"), body[:50], body[50:])
    assert status == 201
    assert writer.delete(f"{ENTITIES}/urn:ngsi-ld:Halte:pieces").status_code == 204


def test_requests_sent_without_waiting_are_answered_in_order(served: Served, writer: httpx2.Client) -> None:
    place = urlsplit(served.url)
    first = f"GET {ENTITIES}?type=Tiada HTTP/1.1\r\nHost: x\r\n\r\n"
    second = f"GET {API}/tiada HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with socket.create_connection((place.hostname, place.port), timeout=5) as connection:
        connection.sendall((first * 3 + second).encode())
        answer = b""
        while received := connection.recv(65536):
            answer += received
    statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 ([0-9]{3})", answer)]
    # The caller is anonymous and the type is not public.
    assert statuses == [401, 401, 401, 404]


def test_an_entity_with_too_many_attributes_is_refused(writer: httpx2.Client) -> None:
    many = {f"a{place}": place for place in range(limits.ATTRIBUTES_PER_ENTITY_MAX + 1)}
    response = writer.post(ENTITIES, json=stop("urn:ngsi-ld:Halte:wide", **many))
    raise_unless_problem(response, 400, "BadRequestData")


def test_real_names_with_every_sign_are_taken_and_found(writer: httpx2.Client) -> None:
    name = "Jl. \"Ahmad Yani\"; (dekat) <Pasar> 'Raya' = 50% & é 😀"
    entity_id = "urn:ngsi-ld:Halte:signs"
    assert writer.post(ENTITIES, json=stop(entity_id, nama=name)).status_code == 201
    asked = {"type": "Halte", "q": f"nama=={json.dumps(name, ensure_ascii=False)}"}
    assert [one["nama"]["value"] for one in writer.get(ENTITIES, params=asked).json()] == [name]
    assert writer.delete(f"{ENTITIES}/{entity_id}").status_code == 204


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::ffff:10.0.0.1]", "localhost."])
def test_5_8_1_5_9_2_5_11_2_no_address_of_this_machine_is_taken_in_any_spelling(
    writer: httpx2.Client, host: str
) -> None:
    told = {"type": "Subscription", "entities": [{"type": "T"}]}
    for scheme in ("http", "mqtt"):
        body = {**told, "notification": {"endpoint": {"uri": f"{scheme}://{host}:9/tell"}}}
        for place in ("subscriptions", "csourceSubscriptions"):
            raise_unless_problem(writer.post(f"{API}/{place}", json=body), 400, "BadRequestData")
    registration = {
        "type": "ContextSourceRegistration",
        "information": [{"entities": [{"type": "T"}]}],
        "endpoint": f"https://{host}/",
    }
    raise_unless_problem(writer.post(f"{API}/csourceRegistrations", json=registration), 400, "BadRequestData")
