"""@contexts that the hub stores and serves (CIM 009 §5.13, §6.29, §6.30)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from simpul import limits
from simpul.app.context_renewal import renew
from tests.http.conftest import API, CONTEXT_URL, OTHER_TENANT, Served, raise_unless_problem, serve
from tests.http.documents import Documents, serve_documents

CONTEXTS = f"{API}/jsonldContexts"
CORE_URL = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.9.jsonld"
TERMS = {"@context": {"Sungai": "https://kota.example.org/Sungai", "tinggi": "https://kota.example.org/tinggi"}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kota")


@pytest.fixture(scope="module")
def hosting(folder: Path) -> Iterator[Served]:
    """Serve a hub that may fetch from this machine."""
    yield from serve(folder, allow_private_addresses=True)


@pytest.fixture(scope="module")
def client(hosting: Served) -> Iterator[httpx2.Client]:
    with hosting.client(authorization=f"Bearer {hosting.token('integrator')}") as client:
        yield client


@pytest.fixture
def documents() -> Iterator[Documents]:
    with serve_documents() as documents:
        yield documents


def add(client: httpx2.Client, content: Any = TERMS) -> str:
    """Host an @context and return its local identifier."""
    response = client.post(CONTEXTS, json=content)
    assert response.status_code == 201, response.text
    assert response.content == b""
    return response.headers["location"].removeprefix(f"{CONTEXTS}/")


def path_of(url: str) -> str:
    return f"{CONTEXTS}/{quote(url, safe='')}"


def link_to(url: str) -> dict[str, str]:
    return {"link": f'<{url}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'}


def use(client: httpx2.Client, url: str) -> httpx2.Response:
    """Ask for entities under the @context."""
    return client.get(f"{API}/entities", params={"type": "Sungai"}, headers=link_to(url))


def details(client: httpx2.Client, name: str) -> dict[str, Any]:
    response = client.get(path_of(name), params={"details": "true"})
    assert response.status_code == 200, response.text
    told: dict[str, Any] = response.json()
    return told


def test_5_13_2_what_is_added_is_served_as_it_came(client: httpx2.Client) -> None:
    context_id = add(client, {**TERMS, "selain itu": 1})
    response = client.get(f"{CONTEXTS}/{context_id}")
    assert response.status_code == 200
    assert response.json() == TERMS
    assert response.headers["content-type"] == "application/json"
    as_ld = client.get(f"{CONTEXTS}/{context_id}", headers={"accept": "application/ld+json"})
    assert as_ld.headers["content-type"] == "application/ld+json"


def test_5_13_4_4_whoever_reads_what_is_public_may_read_what_its_names_mean(
    hosting: Served, client: httpx2.Client
) -> None:
    context_id = add(client)
    with hosting.client() as stranger:
        assert stranger.get(f"{CONTEXTS}/{context_id}").json() == TERMS


def test_5_13_4_5_details_tell_kind_identifier_and_use(client: httpx2.Client) -> None:
    context_id = add(client)
    told = details(client, context_id)
    assert told.keys() == {"URL", "localId", "kind", "createdAt", "numberOfHits"}
    assert (told["kind"], told["localId"], told["numberOfHits"]) == ("Hosted", context_id, 0)
    assert told["URL"].endswith(f"{CONTEXTS}/{context_id}")
    assert use(client, told["URL"]).status_code == 200
    again = details(client, told["URL"])
    # Twice used: it was told of before, and named by a request.
    assert again["numberOfHits"] == 2
    assert again["lastUsage"] >= again["createdAt"]


def test_5_5_7_names_are_expanded_by_a_hosted_context_under_any_name_of_the_host(client: httpx2.Client) -> None:
    context_id = add(client)
    body = {"id": "urn:ngsi-ld:Sungai:1", "type": "Sungai", "tinggi": {"type": "Property", "value": 2}}
    url = f"https://data.example.org{CONTEXTS}/{context_id}"
    assert client.post(f"{API}/entities", json=body, headers=link_to(url)).status_code == 201
    shown = client.get(f"{API}/entities/urn:ngsi-ld:Sungai:1").json()
    assert shown["https://kota.example.org/tinggi"] == {"type": "Property", "value": 2}
    under_it = client.get(f"{API}/entities/urn:ngsi-ld:Sungai:1", headers=link_to(url))
    assert under_it.json()["tinggi"]["value"] == 2
    assert url in under_it.headers["link"]
    # Deleting the @context takes nothing from what was written with it.
    assert client.delete(f"{CONTEXTS}/{context_id}").status_code == 204
    assert client.get(f"{API}/entities/urn:ngsi-ld:Sungai:1").json() == shown


@pytest.mark.parametrize("content", [{}, {"terms": {}}, [], "x", 3])
def test_5_13_2_4_a_body_without_a_context_is_no_request(client: httpx2.Client, content: Any) -> None:
    raise_unless_problem(client.post(CONTEXTS, json=content), 400, "InvalidRequest")


@pytest.mark.parametrize(
    "context",
    [3, True, [{}, 3], {"a": 3}, {"a": {"@id": 3}}, {"a": "b:c", "b": "a:c"}, {"@import": "x", "a": {"@context": {}}}],
)
def test_5_13_2_4_what_is_no_json_ld_context_is_refused(client: httpx2.Client, context: Any) -> None:
    response = client.post(CONTEXTS, json={"@context": context})
    raise_unless_problem(response, 400, "BadRequestData")
    assert "location" not in response.headers


def test_5_13_2_4_a_body_that_is_no_json_is_refused(client: httpx2.Client) -> None:
    response = client.post(CONTEXTS, content=b'{"@context": {', headers={"content-type": "application/json"})
    raise_unless_problem(response, 400, "InvalidRequest")
    assert client.post(CONTEXTS, content=b"x", headers={"content-type": "text/plain"}).status_code == 415


@pytest.mark.parametrize(
    "context", [{f"istilah{number}": f"urn:x:{number}" for number in range(limits.CONTEXT_TERMS_MAX + 1)}]
)
def test_a_context_of_too_many_terms_is_refused(client: httpx2.Client, context: Any) -> None:
    raise_unless_problem(client.post(CONTEXTS, json={"@context": context}), 400, "BadRequestData")


def test_a_city_hosts_a_bounded_number_of_contexts(client: httpx2.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    add(client)
    monkeypatch.setattr(limits, "HOSTED_CONTEXTS_MAX", 1)
    raise_unless_problem(client.post(CONTEXTS, json=TERMS), 403, "TooManyResults")
    monkeypatch.setattr(limits, "HOSTED_CONTEXTS_MAX", 1_000)
    monkeypatch.setattr(limits, "HOSTED_CONTEXTS_BYTES_MAX", 100)
    raise_unless_problem(client.post(CONTEXTS, json=TERMS), 403, "TooManyResults")


def test_5_13_3_contexts_are_listed_by_kind(client: httpx2.Client) -> None:
    context_id = add(client)
    use(client, CONTEXT_URL)
    urls = client.get(CONTEXTS).json()
    assert CORE_URL in urls
    assert CONTEXT_URL in urls
    hosted = client.get(CONTEXTS, params={"kind": "Hosted"}).json()
    assert [url for url in hosted if url.endswith(context_id)]
    assert CONTEXT_URL not in hosted
    cached = client.get(CONTEXTS, params={"kind": "Cached", "details": "true"}).json()
    assert {one["kind"] for one in cached} == {"Cached"}
    assert CONTEXT_URL in {one["URL"] for one in cached}


@pytest.mark.parametrize("query", ["kind=other", "details=other", "kind=hosted", "details=true&kind=other"])
def test_5_13_3_4_unknown_kinds_and_flags_are_refused(client: httpx2.Client, query: str) -> None:
    raise_unless_problem(client.get(f"{CONTEXTS}?{query}"), 400, "BadRequestData")


def test_5_13_4_4_a_copy_of_somebody_elses_document_is_told_of_but_not_served(client: httpx2.Client) -> None:
    use(client, CONTEXT_URL)
    told = details(client, CONTEXT_URL)
    assert (told["URL"], told["kind"]) == (CONTEXT_URL, "Cached")
    assert details(client, told["localId"])["URL"] == CONTEXT_URL
    raise_unless_problem(client.get(path_of(CONTEXT_URL)), 422, "OperationNotSupported")
    raise_unless_problem(client.get(path_of(CORE_URL)), 422, "OperationNotSupported")
    assert details(client, CORE_URL)["kind"] == "Cached"


@pytest.mark.parametrize("name", ["x", "1234567890123456", "https://tiada.example.org/x.jsonld", "0" * 32])
def test_5_13_4_4_an_unknown_context_is_not_found(client: httpx2.Client, name: str) -> None:
    raise_unless_problem(client.get(path_of(name)), 404, "ResourceNotFound")
    raise_unless_problem(client.get(path_of(name), params={"details": "true"}), 404, "ResourceNotFound")
    raise_unless_problem(client.delete(path_of(name)), 404, "ResourceNotFound")


def test_5_13_5_a_hosted_context_is_deleted_once_and_never_reloaded(client: httpx2.Client) -> None:
    context_id = add(client)
    path = f"{CONTEXTS}/{context_id}"
    raise_unless_problem(client.delete(path, params={"reload": "true"}), 400, "BadRequestData")
    raise_unless_problem(client.delete(path, params={"reload": "xxx"}), 400, "BadRequestData")
    assert client.delete(path, params={"reload": "false"}).status_code == 204
    raise_unless_problem(client.delete(path), 404, "ResourceNotFound")
    raise_unless_problem(client.get(path), 404, "ResourceNotFound")
    assert not [url for url in client.get(CONTEXTS).json() if url.endswith(context_id)]


def test_5_13_5_4_what_is_no_url_cannot_be_reloaded(client: httpx2.Client) -> None:
    raise_unless_problem(client.delete(f"{CONTEXTS}/x", params={"reload": "true"}), 400, "BadRequestData")


def test_5_13_5_4_the_core_context_stays(client: httpx2.Client) -> None:
    raise_unless_problem(client.delete(path_of(CORE_URL)), 400, "BadRequestData")
    assert client.delete(path_of(CORE_URL), params={"reload": "true"}).status_code == 204
    assert details(client, CORE_URL)["URL"] == CORE_URL


def test_5_5_10_a_city_never_sees_what_another_hosts(hosting: Served, client: httpx2.Client) -> None:
    context_id = add(client)
    secret = hosting.token("integrator", tenant=OTHER_TENANT)
    with hosting.client(authorization=f"Bearer {secret}", ngsild_tenant=OTHER_TENANT) as neighbour:
        path = f"{CONTEXTS}/{context_id}"
        raise_unless_problem(neighbour.get(path), 404, "ResourceNotFound")
        raise_unless_problem(neighbour.get(path, params={"details": "true"}), 404, "ResourceNotFound")
        raise_unless_problem(neighbour.delete(path), 404, "ResourceNotFound")
        for params in ({}, {"details": "true"}):
            assert context_id not in neighbour.get(CONTEXTS, params=params).text
        assert client.get(path).status_code == 200
        # Copies of public documents are the same for all.
        use(client, CONTEXT_URL)
        assert CONTEXT_URL in neighbour.get(CONTEXTS).json()


def test_strangers_neither_add_nor_list_nor_delete_contexts(hosting: Served, client: httpx2.Client) -> None:
    context_id = add(client)
    with hosting.client() as stranger:
        for response in (
            stranger.post(CONTEXTS, json=TERMS),
            stranger.get(CONTEXTS),
            stranger.get(f"{CONTEXTS}/{context_id}", params={"details": "true"}),
            stranger.delete(f"{CONTEXTS}/{context_id}"),
        ):
            assert response.status_code == 401, response.text
        assert stranger.get(path_of(CONTEXT_URL)).status_code == 404
    with hosting.client(authorization=f"Bearer {hosting.token('reader')}") as reader:
        assert reader.get(CONTEXTS).status_code == 200
        assert reader.post(CONTEXTS, json=TERMS).status_code == 403
        assert reader.delete(f"{CONTEXTS}/{context_id}").status_code == 403


# Copies


def test_5_13_5_4_a_copy_is_reloaded_and_its_new_terms_count(client: httpx2.Client, documents: Documents) -> None:
    url = documents.put("/a", {"@context": {"Sungai": "urn:x:lama"}})
    hosted = add(client, {"@context": [url]})
    hosted_url = details(client, hosted)["URL"]
    body = {"id": "urn:ngsi-ld:Sungai:copy", "type": "Sungai"}
    assert client.post(f"{API}/entities", json=body, headers=link_to(hosted_url)).status_code == 201
    assert details(client, url)["kind"] == "Cached"
    documents.put("/a", {"@context": {"Sungai": "urn:x:baru"}})
    assert [one["id"] for one in use(client, hosted_url).json()] == ["urn:ngsi-ld:Sungai:copy"]
    assert documents.asked["/a"] == 1
    assert client.delete(path_of(url), params={"reload": "true"}).status_code == 204
    assert documents.asked["/a"] == 2
    assert details(client, url)["numberOfHits"] == 0
    # What was written keeps its meaning; the name has another one now, also inside what names the copy.
    assert use(client, hosted_url).json() == []
    assert client.get(f"{API}/entities", params={"type": "urn:x:lama"}).json()[0]["type"] == "urn:x:lama"


def test_5_13_5_4_a_failed_reload_keeps_the_copy(client: httpx2.Client, documents: Documents) -> None:
    url = documents.put("/b", TERMS)
    assert use(client, url).status_code == 200
    del documents.by_path["/b"]
    raise_unless_problem(client.delete(path_of(url), params={"reload": "true"}), 504, "LdContextNotAvailable")
    documents.put("/b", {"none": 1})
    raise_unless_problem(client.delete(path_of(url), params={"reload": "true"}), 504, "LdContextNotAvailable")
    assert details(client, url)["kind"] == "Cached"
    assert use(client, url).status_code == 200
    assert client.delete(path_of(url)).status_code == 204
    raise_unless_problem(client.get(path_of(url), params={"details": "true"}), 404, "ResourceNotFound")
    # It would have to be fetched, and is no context any more.
    raise_unless_problem(use(client, url), 400, "BadRequestData")


def test_the_least_used_copy_makes_room(
    client: httpx2.Client, documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = (documents.put(path, TERMS) for path in ("/1", "/2", "/3"))
    use(client, first)
    use(client, second)
    use(client, first)
    now = len(client.get(CONTEXTS, params={"kind": "Cached"}).json()) - 1
    monkeypatch.setattr(limits, "CONTEXT_CACHE_ENTRIES_MAX", now)
    for url in client.get(CONTEXTS, params={"kind": "Cached"}).json():
        if url not in (first, second, CORE_URL):
            use(client, url)
    use(client, first)
    assert use(client, third).status_code == 200
    kept = client.get(CONTEXTS, params={"kind": "Cached"}).json()
    assert first in kept
    assert third in kept
    assert second not in kept


# Subscriptions


def subscribe(client: httpx2.Client, context: Any) -> str:
    body = {
        "type": "Subscription",
        "entities": [{"type": "Sungai"}],
        "notification": {"endpoint": {"uri": "http://127.0.0.1:9/x"}},
        "@context": context,
    }
    response = client.post(f"{API}/subscriptions", json=body, headers={"content-type": "application/ld+json"})
    assert response.status_code == 201, response.text
    return str(response.headers["location"])


@pytest.mark.parametrize(
    "context",
    [[CONTEXT_URL, "https://contexts.example.org/dua.jsonld"], TERMS["@context"], [CONTEXT_URL, {"x": "urn:x:x"}]],
)
def test_5_13_1_an_inline_context_of_a_subscription_is_hosted_for_its_notifications(
    hosting: Served, client: httpx2.Client, context: Any
) -> None:
    hosting.hub.contexts.preload("https://contexts.example.org/dua.jsonld", TERMS)
    location = subscribe(client, context)
    other = subscribe(client, context)
    url = client.get(location).json()["jsonldContext"]
    assert client.get(other).json()["jsonldContext"] == url
    told = details(client, url.rpartition("/")[2])
    assert (told["URL"], told["kind"], told["numberOfHits"]) == (url, "ImplicitlyCreated", 0)
    assert url in client.get(CONTEXTS, params={"kind": "ImplicitlyCreated"}).json()
    assert "@context" in client.get(f"{CONTEXTS}/{told['localId']}").json()
    raise_unless_problem(client.delete(path_of(url), params={"reload": "true"}), 400, "BadRequestData")
    # It goes with the last subscription that needs it.
    assert client.delete(location).status_code == 204
    assert client.get(f"{CONTEXTS}/{told['localId']}").status_code == 200
    assert client.delete(other).status_code == 204
    assert client.get(f"{CONTEXTS}/{told['localId']}").status_code == 404


def test_5_2_12_a_context_with_a_url_needs_no_other(client: httpx2.Client) -> None:
    for context in (CONTEXT_URL, [CONTEXT_URL, CORE_URL], CORE_URL):
        location = subscribe(client, context)
        assert "jsonldContext" not in client.get(location).json()
        assert client.delete(location).status_code == 204
    assert client.get(CONTEXTS, params={"kind": "ImplicitlyCreated"}).json() == []


# Restarts


def test_hosted_and_cached_contexts_outlive_a_restart_without_the_network(tmp_path: Path) -> None:
    with serve_documents() as documents:
        url = documents.put("/a", TERMS)
        nested = documents.put("/b", {"@context": [url, {"lebar": "urn:x:lebar"}]})
        for served in serve(tmp_path, allow_private_addresses=True):
            secret = served.token("integrator")
            with served.client(authorization=f"Bearer {secret}") as client:
                context_id = add(client, {"@context": nested})
                body = {"id": "urn:ngsi-ld:Sungai:1", "type": "Sungai", "lebar": {"type": "Property", "value": 3}}
                headers = link_to(f"https://data.example.org{CONTEXTS}/{context_id}")
                assert client.post(f"{API}/entities", json=body, headers=headers).status_code == 201
    for served in serve(tmp_path, allow_private_addresses=True):
        with served.client(authorization=f"Bearer {secret}") as client:
            assert {url, nested} < set(client.get(CONTEXTS, params={"kind": "Cached"}).json())
            assert details(client, context_id)["kind"] == "Hosted"
            headers = link_to(f"https://data.example.org{CONTEXTS}/{context_id}")
            found = client.get(f"{API}/entities", params={"type": "Sungai"}, headers=headers)
            assert [one["lebar"]["value"] for one in found.json()] == [3]
            assert client.delete(path_of(nested)).status_code == 204
            assert client.delete(path_of(url)).status_code == 204
    for served in serve(tmp_path, allow_private_addresses=True):
        with served.client(authorization=f"Bearer {secret}") as client:
            assert client.get(CONTEXTS, params={"kind": "Cached"}).json() == [CORE_URL]
            headers = link_to(f"https://data.example.org{CONTEXTS}/{context_id}")
            # Even without its documents, what the city has used means what it meant.
            found = client.get(f"{API}/entities/urn:ngsi-ld:Sungai:1", headers=headers)
            assert found.json()["lebar"]["value"] == 3
            assert use(client, url).status_code == 504


def test_6_3_16_a_copy_is_fetched_anew_when_it_is_not_fresh_any_more(
    hosting: Served, client: httpx2.Client, documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CONTEXT_FRESH_SECONDS_MIN", 0)
    url = documents.put("/segar", {"@context": {"Sungai": "urn:x:lama"}})
    stale, fresh = {"cache-control": "public, max-age=0"}, {"cache-control": "max-age=3600"}
    documents.by_path["/segar"] = documents.by_path["/segar"]._replace(headers=stale)
    body = {"id": "urn:ngsi-ld:Sungai:segar", "type": "Sungai"}
    assert client.post(f"{API}/entities", json=body, headers=link_to(url)).status_code == 201
    hits = details(client, url)["numberOfHits"]
    documents.put("/segar", {"@context": {"Sungai": "urn:x:baru"}})
    documents.by_path["/segar"] = documents.by_path["/segar"]._replace(headers=fresh)
    hosting.run(lambda: renew(hosting.hub.contexts))
    assert documents.asked["/segar"] == 2
    assert details(client, url)["numberOfHits"] >= hits > 0
    # The name has its new meaning, and is asked for no more before its time.
    assert use(client, url).json() == []
    hosting.run(lambda: renew(hosting.hub.contexts))
    assert documents.asked["/segar"] == 2
    assert client.delete(f"{API}/entities/{body['id']}").status_code == 204


def test_6_3_16_a_copy_that_cannot_be_fetched_anew_stays(
    hosting: Served, client: httpx2.Client, documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CONTEXT_FRESH_SECONDS_MIN", 0)
    url = documents.put("/pergi", TERMS)
    documents.by_path["/pergi"] = documents.by_path["/pergi"]._replace(headers={"cache-control": "no-cache"})
    assert use(client, url).status_code == 200
    del documents.by_path["/pergi"]
    hosting.run(lambda: renew(hosting.hub.contexts))
    assert documents.asked["/pergi"] == 2
    assert use(client, url).status_code == 200
    hosting.run(lambda: renew(hosting.hub.contexts))
    assert documents.asked["/pergi"] == 2, "it is tried again, but not at once"
