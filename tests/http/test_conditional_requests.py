"""Conditional requests about entities, by RFC 9110 §13: If-Match, If-None-Match, and what an ETag is of."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from simpul.app import entities, identity
from simpul.app.conditions import hub_where
from simpul.domain.context import CORE
from simpul.domain.entity_tag import parse_condition
from simpul.domain.errors import PreconditionFailed
from tests.http.conftest import API, CONTEXT_LINK, TENANT, Served, stop

ENTITIES = f"{API}/entities"
WRITERS = 8
NEW = {"type": "Property", "value": 41}
OTHER = "urn:ngsi-ld:Halte:etag:other"
GONE = "urn:ngsi-ld:Halte:etag:none"

# Every operation on an entity that is there, as (method, what stands behind its path, body).
CHANGES = [
    ("PUT", "", {"type": "Halte", "kapasitas": NEW}),
    ("PATCH", "", {"kapasitas": NEW}),
    ("DELETE", "", None),
    ("POST", "/attrs", {"baru": NEW}),
    ("PATCH", "/attrs", {"kapasitas": NEW}),
    ("PATCH", "/attrs/kapasitas", {"value": 41}),
    ("PUT", "/attrs/kapasitas", NEW),
    ("DELETE", "/attrs/kapasitas", None),
]
EACH_CHANGE = pytest.mark.parametrize(
    ("method", "below", "body"), CHANGES, ids=[f"{one[0]}{one[1]}" for one in CHANGES]
)


def tag_of(client: httpx2.Client, entity_id: str, **asked: Any) -> str:
    answer = client.get(f"{ENTITIES}/{entity_id}", **asked)
    assert answer.is_success, answer.text
    tag = answer.headers["etag"]
    assert tag.startswith('"')
    assert tag.endswith('"')
    return str(tag)


def refused(answer: httpx2.Response) -> bool:
    """Return whether the answer is the problem of a condition that does not hold."""
    if answer.status_code != 412:
        return False
    problem = answer.json()
    assert (problem["type"], problem["status"]) == ("about:blank", 412)
    assert problem["title"]
    assert problem["detail"]
    assert "etag" not in answer.headers
    return True


def kapasitas(client: httpx2.Client, entity_id: str) -> Any:
    return client.get(f"{ENTITIES}/{entity_id}").json().get("kapasitas", {}).get("value")


def touch(client: httpx2.Client, entity_id: str, value: int = 50) -> None:
    body = {"kapasitas": {"type": "Property", "value": value, "unitCode": "C62"}}
    assert client.patch(f"{ENTITIES}/{entity_id}/attrs", json=body).status_code == 204


def test_what_has_not_changed_is_not_sent_again_rfc_9110_13_1_2(
    anonymous: httpx2.Client, writer: httpx2.Client, halte: str
) -> None:
    for client in (anonymous, writer):
        first = client.get(f"{ENTITIES}/{halte}")
        tag = first.headers["etag"]
        for condition in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            answer = client.get(f"{ENTITIES}/{halte}", headers={"if-none-match": condition})
            assert (answer.status_code, answer.content) == (304, b"")
            assert answer.headers["etag"] == tag
            assert "content-length" not in answer.headers
            assert "content-type" not in answer.headers
            assert answer.headers["cache-control"] == first.headers["cache-control"]
        for condition in ('"other"', f'"{tag[1:-1]}.x"'):
            answer = client.get(f"{ENTITIES}/{halte}", headers={"if-none-match": condition})
            assert (answer.status_code, answer.content) == (200, first.content)


def test_what_has_changed_is_sent_rfc_9110_13_1_2(anonymous: httpx2.Client, writer: httpx2.Client, halte: str) -> None:
    tag = tag_of(anonymous, halte)
    touch(writer, halte)
    answer = anonymous.get(f"{ENTITIES}/{halte}", headers={"if-none-match": tag})
    assert answer.status_code == 200
    assert answer.json()["kapasitas"]["value"] == 50
    assert answer.headers["etag"] != tag


def test_a_read_is_refused_where_the_reader_wants_another_state_rfc_9110_13_1_1(
    anonymous: httpx2.Client, halte: str
) -> None:
    path, tag = f"{ENTITIES}/{halte}", tag_of(anonymous, halte)
    assert anonymous.get(path, headers={"if-match": tag}).status_code == 200
    assert anonymous.get(path, headers={"if-match": "*"}).status_code == 200
    assert refused(anonymous.get(path, headers={"if-match": f"W/{tag}"}))
    assert refused(anonymous.get(path, headers={"if-match": '"other"'}))
    assert anonymous.get(path, headers={"if-match": tag, "if-none-match": tag}).status_code == 304


def test_a_head_request_tells_the_same_tag_and_takes_the_same_conditions(anonymous: httpx2.Client, halte: str) -> None:
    path, tag = f"{ENTITIES}/{halte}", tag_of(anonymous, halte)
    assert anonymous.head(path).headers["etag"] == tag
    answer = anonymous.head(path, headers={"if-none-match": tag})
    assert (answer.status_code, answer.content) == (304, b"")


def test_the_connection_goes_on_after_an_answer_without_a_body(anonymous: httpx2.Client, halte: str) -> None:
    tag = tag_of(anonymous, halte)
    for _ in range(3):
        assert anonymous.get(f"{ENTITIES}/{halte}", headers={"if-none-match": tag}).status_code == 304
        assert anonymous.get(f"{ENTITIES}/{halte}").json()["id"] == halte


FORMS: list[dict[str, Any]] = [
    {},
    {"headers": {"accept": "application/ld+json"}},
    {"headers": {"accept": "application/geo+json"}},
    {"headers": {"accept": "application/geo+json", "prefer": "body=json"}},
    {"headers": {"link": CONTEXT_LINK}},
    {"headers": {"link": CONTEXT_LINK, "accept": "application/ld+json"}},
    {"params": {"options": "keyValues"}},
    {"params": {"options": "concise"}},
    {"params": {"options": "sysAttrs"}},
    {"params": {"pick": "id,kapasitas"}},
    {"params": {"join": "inline"}},
    {"params": {"join": "flat"}},
]


def test_each_form_of_an_entity_has_a_tag_of_its_own_rfc_9110_8_8_1(writer: httpx2.Client, halte: str) -> None:
    answers = [writer.get(f"{ENTITIES}/{halte}", **form) for form in FORMS]
    by_tag: dict[str, set[tuple[bytes, str, str]]] = {}
    for one in answers:
        told = (one.content, one.headers.get("link", ""), one.headers["content-type"])
        by_tag.setdefault(one.headers["etag"], set()).add(told)
    assert all(len(told) == 1 for told in by_tag.values())
    for form, answer in zip(FORMS, answers, strict=True):
        headers = {**form.get("headers", {}), "if-none-match": answer.headers["etag"]}
        again = writer.get(f"{ENTITIES}/{halte}", params=form.get("params"), headers=headers)
        assert (again.status_code, again.headers["etag"]) == (304, answer.headers["etag"])


@pytest.mark.parametrize("form", FORMS, ids=[str(index) for index in range(len(FORMS))])
def test_the_tag_of_any_form_will_do_to_write_and_only_while_nothing_changed_rfc_9110_13_1_1(
    writer: httpx2.Client, halte: str, form: dict[str, Any]
) -> None:
    tag = tag_of(writer, halte, **form)
    headers = {"if-match": tag}
    assert writer.patch(f"{ENTITIES}/{halte}/attrs", json={"kapasitas": NEW}, headers=headers).status_code == 204
    assert refused(writer.patch(f"{ENTITIES}/{halte}/attrs", json={"kapasitas": NEW}, headers=headers))


def test_the_tag_of_a_form_with_times_changes_where_only_a_time_does(writer: httpx2.Client, halte: str) -> None:
    plain, dated = tag_of(writer, halte), tag_of(writer, halte, params={"options": "sysAttrs"})
    assert writer.put(f"{ENTITIES}/{halte}", json=stop(halte)).status_code == 204
    assert tag_of(writer, halte) == plain
    assert tag_of(writer, halte, params={"options": "sysAttrs"}) != dated
    assert refused(writer.delete(f"{ENTITIES}/{halte}", headers={"if-match": dated}))
    assert writer.delete(f"{ENTITIES}/{halte}", headers={"if-match": plain}).status_code == 204


def test_the_tag_of_an_answer_with_linked_entities_changes_with_them(writer: httpx2.Client, halte: str) -> None:
    line: dict[str, Any] = {"id": "urn:ngsi-ld:Koridor:1", "type": "Halte", "kapasitas": NEW}
    assert writer.post(ENTITIES, json=line).status_code == 201
    try:
        before = tag_of(writer, halte, params={"join": "inline"})
        touch(writer, line["id"])
        after = tag_of(writer, halte, params={"join": "inline"})
        assert before != after
        # Which entity is changed is not the one that did.
        assert writer.delete(f"{ENTITIES}/{halte}", headers={"if-match": before}).status_code == 204
    finally:
        writer.delete(f"{ENTITIES}/{line['id']}")


def test_an_entity_that_means_something_else_has_another_tag(writer: httpx2.Client) -> None:
    body = stop(OTHER)
    tags = []
    for headers in ({}, {"link": CONTEXT_LINK}):
        assert writer.post(ENTITIES, json=body, headers=headers).status_code == 201
        tags.append(tag_of(writer, OTHER, headers=headers))
        assert writer.delete(f"{ENTITIES}/{OTHER}").status_code == 204
    # The bytes are the same, and names stand for other things.
    assert tags[0] != tags[1]


@EACH_CHANGE
def test_a_change_is_made_while_the_entity_is_as_it_was_read_rfc_9110_13_1_1(
    writer: httpx2.Client, halte: str, method: str, below: str, body: Any
) -> None:
    path, tag = f"{ENTITIES}/{halte}{below}", tag_of(writer, halte)
    touch(writer, halte)
    for condition in (tag, f"W/{tag_of(writer, halte)}", '"other"'):
        assert refused(writer.request(method, path, json=body, headers={"if-match": condition}))
        assert kapasitas(writer, halte) == 50
    current = tag_of(writer, halte)
    assert writer.request(method, path, json=body, headers={"if-match": f'"other", {current}'}).status_code == 204


@EACH_CHANGE
def test_a_change_of_whatever_is_there_takes_a_star_rfc_9110_13_1_1(
    writer: httpx2.Client, halte: str, method: str, below: str, body: Any
) -> None:
    headers = {"if-match": "*"}
    assert writer.request(method, f"{ENTITIES}/{halte}{below}", json=body, headers=headers).status_code == 204
    # §13.2.1: what is not there is told as without a condition.
    assert writer.request(method, f"{ENTITIES}/{GONE}{below}", json=body, headers=headers).status_code == 404


@EACH_CHANGE
def test_a_change_is_not_made_where_the_entity_is_as_it_must_not_be_rfc_9110_13_1_2(
    writer: httpx2.Client, halte: str, method: str, below: str, body: Any
) -> None:
    path, tag = f"{ENTITIES}/{halte}{below}", tag_of(writer, halte)
    for condition in (tag, f"W/{tag}", "*"):
        assert refused(writer.request(method, path, json=body, headers={"if-none-match": condition}))
        assert tag_of(writer, halte) == tag
    assert writer.request(method, path, json=body, headers={"if-none-match": '"other"'}).status_code == 204


def test_only_if_it_is_not_there_rfc_9110_13_1_2(writer: httpx2.Client) -> None:
    headers = {"if-none-match": "*"}
    # PUT replaces what is there, and makes nothing (CIM 009 §5.6.18).
    assert writer.put(f"{ENTITIES}/{OTHER}", json={"type": "Halte"}, headers=headers).status_code == 404
    assert writer.post(ENTITIES, json=stop(OTHER), headers=headers).status_code == 201
    assert refused(writer.put(f"{ENTITIES}/{OTHER}", json={"type": "Halte"}, headers=headers))
    # Making one is for what is not there, with or without the header (CIM 009 §5.6.1, RFC 9110 §13.2.1).
    assert writer.post(ENTITIES, json=stop(OTHER), headers=headers).status_code == 409
    assert writer.delete(f"{ENTITIES}/{OTHER}").status_code == 204


def test_what_is_wrong_otherwise_is_told_first_rfc_9110_13_2_1(
    anonymous: httpx2.Client, writer: httpx2.Client, halte: str
) -> None:
    headers = {"if-match": '"other"'}
    path = f"{ENTITIES}/{halte}"
    assert anonymous.delete(path, headers=headers).status_code == 401
    assert anonymous.get(f"{ENTITIES}/urn:ngsi-ld:Warga:1", headers={"if-none-match": "*"}).status_code == 401
    assert writer.get(f"{ENTITIES}/{GONE}", headers=headers).status_code == 404
    assert writer.patch(path, json={"kapasitas": {"type": 1}}, headers=headers).status_code == 400
    assert writer.patch(f"{path}/attrs/tiada", json={"value": 1}, headers=headers).status_code == 404
    assert writer.delete(f"{path}/attrs/tiada", headers={"if-none-match": "*"}).status_code == 404
    assert writer.options(path, headers=headers).status_code == 204


def test_who_may_not_do_it_is_told_so_whatever_the_condition_is_rfc_9110_13_2_1(
    anonymous: httpx2.Client, writer: httpx2.Client
) -> None:
    """Subscriptions, histories and all else that has no ETag: rights come first, and then that there is none."""
    headers = {"if-match": '"other"'}
    for method, path in (
        ("POST", "entities"), ("POST", "entityOperations/upsert"), ("POST", "subscriptions"), ("DELETE", "entities"),
        ("DELETE", "subscriptions/urn:ngsi-ld:Subscription:x"), ("DELETE", f"temporal/entities/{OTHER}"),
        ("POST", "csourceRegistrations"), ("PATCH", f"temporal/entities/{OTHER}/attrs/a/urn:ngsi-ld:Instance:1-0"),
    ):  # fmt: skip
        assert anonymous.request(method, f"{API}/{path}", json={}, headers=headers).status_code == 401, path
        assert refused(writer.request(method, f"{API}/{path}", json={}, headers=headers)), path
    question = {"type": "Query", "entities": [{"type": "Halte"}]}
    assert refused(anonymous.post(f"{API}/entityOperations/query", json=question, headers=headers))


def test_a_condition_that_is_no_list_of_tags_is_refused(writer: httpx2.Client, halte: str) -> None:
    path = f"{ENTITIES}/{halte}"
    for name in ("if-match", "if-none-match"):
        for text in ("abc", "", '"a" "b"', '*, "a"', '"' + "a" * 20_000 + '"'):
            for method in ("GET", "DELETE"):
                answer = writer.request(method, path, headers={name: text})
                assert answer.status_code == 400, (name, text)
                assert name in answer.json()["detail"].lower()


def test_several_lines_of_a_header_are_one_list_rfc_9110_5_3(writer: httpx2.Client, halte: str) -> None:
    tag = tag_of(writer, halte)
    lines = [("if-none-match", '"other"'), ("if-none-match", tag)]
    assert writer.get(f"{ENTITIES}/{halte}", headers=lines).status_code == 304


def test_a_refused_change_leaves_nothing_behind(writer: httpx2.Client, halte: str) -> None:
    history = f"{API}/temporal/entities/{halte}"
    before = writer.get(history).json()
    for method, below, body in CHANGES:
        headers = {"if-match": '"other"'}
        assert refused(writer.request(method, f"{ENTITIES}/{halte}{below}", json=body, headers=headers))
    assert writer.get(history).json() == before
    assert "baru" not in writer.get(f"{ENTITIES}/{halte}").json()


def test_of_writers_with_the_same_tag_exactly_one_succeeds_13_1_1(
    served: Served, writer: httpx2.Client, halte: str
) -> None:
    tag = tag_of(writer, halte)
    token = writer.headers["authorization"]

    def write(number: int) -> int:
        with served.client(authorization=token, if_match=tag) as client:
            body = {"kapasitas": {"type": "Property", "value": 1000 + number}}
            return client.patch(f"{ENTITIES}/{halte}/attrs", json=body).status_code

    with ThreadPoolExecutor(WRITERS) as pool:
        statuses = list(pool.map(write, range(WRITERS)))
    assert sorted(statuses) == [204, *[412] * (WRITERS - 1)]
    assert kapasitas(writer, halte) == 1000 + statuses.index(204)


def test_of_writers_in_one_transaction_exactly_one_succeeds_13_1_1(
    served: Served, writer: httpx2.Client, halte: str
) -> None:
    condition = parse_condition(tag_of(writer, halte), None)
    operator = identity.operator(TENANT)
    hub = hub_where(served.hub, halte, condition)

    async def write(number: int) -> None:
        fragment = {CORE.expand("kapasitas"): {"type": "Property", "value": number}}
        await entities.update_attributes(operator, hub, halte, fragment, CORE)

    async def write_all() -> list[BaseException | None]:
        # They are submitted before the first of them is committed, so they share a group.
        return await asyncio.gather(*(write(number) for number in range(WRITERS)), return_exceptions=True)

    results = served.run(write_all)
    assert results[0] is None
    assert all(isinstance(one, PreconditionFailed) for one in results[1:])
    assert kapasitas(writer, halte) == 0


def test_what_has_no_tag_matches_none(writer: httpx2.Client, halte: str) -> None:
    headers = {"if-match": '"other"'}
    assert refused(writer.post(ENTITIES, json=stop(OTHER), headers=headers))
    assert refused(writer.get(f"{ENTITIES}?type=Halte", headers=headers))
    assert refused(writer.post(f"{API}/entityOperations/delete", json=[halte], headers=headers))
    assert refused(writer.delete(f"{ENTITIES}?type=Halte", headers=headers))
    assert writer.get(f"{ENTITIES}/{halte}").status_code == 200
    assert writer.get(f"{ENTITIES}/{OTHER}").status_code == 404
    listed = writer.get(f"{ENTITIES}?type=Halte", headers={"if-none-match": '"other"'})
    assert listed.status_code == 200
    assert "etag" not in listed.headers


def test_an_entity_of_which_something_expires_has_a_tag_too(writer: httpx2.Client) -> None:
    body = {**stop(OTHER), "expiresAt": "2100-01-01T00:00:00Z"}
    assert writer.post(ENTITIES, json=body).status_code == 201
    tag = tag_of(writer, OTHER)
    assert writer.get(f"{ENTITIES}/{OTHER}", headers={"if-none-match": tag}).status_code == 304
    assert refused(writer.delete(f"{ENTITIES}/{OTHER}", headers={"if-match": '"other"'}))
    assert writer.delete(f"{ENTITIES}/{OTHER}", headers={"if-match": tag}).status_code == 204


def test_a_condition_goes_with_a_city_that_is_named_and_an_answer_names_it(writer: httpx2.Client, halte: str) -> None:
    tag = tag_of(writer, halte)
    answer = writer.get(f"{ENTITIES}/{halte}", headers={"if-none-match": tag, "ngsild-tenant": TENANT})
    assert (answer.status_code, answer.headers["ngsild-tenant"]) == (304, TENANT)
