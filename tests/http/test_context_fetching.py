"""@contexts that are fetched: what is bounded, what is refused, where the hub never goes (CIM 009 §5.5.4, §5.5.6)."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from simpul import limits
from tests.http.conftest import API, Served, raise_unless_problem, serve
from tests.http.documents import Document, Documents, serve_documents

TERMS = {"@context": {"Sungai": "https://kota.example.org/Sungai"}}


@pytest.fixture(scope="module")
def fetching(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve a hub that may fetch from this machine."""
    yield from serve(tmp_path_factory.mktemp("kota"), allow_private_addresses=True)


@pytest.fixture(scope="module")
def client(fetching: Served) -> Iterator[httpx2.Client]:
    with fetching.client(authorization=f"Bearer {fetching.token('integrator')}") as client:
        yield client


@pytest.fixture
def documents() -> Iterator[Documents]:
    with serve_documents() as documents:
        yield documents


def use(client: httpx2.Client, url: str) -> httpx2.Response:
    """Ask for entities under the @context."""
    link = f'<{url}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
    return client.get(f"{API}/entities", params={"type": "Sungai"}, headers={"link": link})


def test_5_5_6_a_context_is_fetched_once(client: httpx2.Client, documents: Documents) -> None:
    url = documents.put("/a", TERMS)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: use(client, url).status_code, range(16)))
    assert answers == [200] * 16
    assert documents.asked["/a"] == 1


def test_5_5_6_why_a_context_could_not_be_had_is_told_in_words(client: httpx2.Client, free_port: int) -> None:
    for host, why in (
        ("tidak-ada.invalid", "nobody knows a machine of that name"),
        (f"127.0.0.1:{free_port}", "nothing listens at that address and port"),
    ):
        response = use(client, f"http://{host}/context.jsonld")
        assert response.json()["type"].endswith("LdContextNotAvailable")
        assert f"could not be fetched ({why})" in response.json()["detail"]


def test_5_5_6_a_context_that_is_not_there_is_not_available(client: httpx2.Client, documents: Documents) -> None:
    raise_unless_problem(use(client, documents.url + "/tiada"), 504, "LdContextNotAvailable")
    raise_unless_problem(use(client, "http://127.0.0.1:1/x.jsonld"), 504, "LdContextNotAvailable")
    # It is asked for again: the server may be back.
    url = documents.put("/tiada", TERMS)
    assert use(client, url).status_code == 200


NO_DOCUMENTS = [
    "ftp://example.org/x",
    "file:///etc/passwd",
    "https://",
    "http://[::1",
    f"http://{'a' * 70}.org/x",
    "data:,x",
]


@pytest.mark.parametrize("url", NO_DOCUMENTS)
def test_5_5_6_what_can_be_no_document_is_not_fetched(client: httpx2.Client, url: str) -> None:
    response = use(client, url)
    assert response.status_code in {400, 504}, response.text
    assert response.json()["type"].endswith(("BadRequestData", "LdContextNotAvailable"))


NO_CONTEXTS = {
    "html": b"<html>",
    "empty": b"",
    "no-context": b'{"no": "context"}',
    "list": b"[]",
    "text": b'"x"',
    "number": b'{"@context": 3}',
    "term": b'{"@context": {"a": 3}}',
    "deep-list": b'{"@context":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep-object": b'{"@context":' * 900 + b"{}" + b"}" * 900,
    "no-utf-8": b"\xff\xfe",
}


@pytest.mark.parametrize("body", NO_CONTEXTS.values(), ids=NO_CONTEXTS)
def test_5_5_4_what_is_there_and_no_context_is_bad_data(
    client: httpx2.Client, documents: Documents, body: bytes
) -> None:
    documents.by_path["/a"] = Document(body)
    raise_unless_problem(use(client, documents.url + "/a"), 400, "BadRequestData")


def test_a_huge_document_is_let_go(
    client: httpx2.Client, documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CONTEXT_BYTES_MAX", 10_000)
    documents.by_path["/a"] = Document(b" " * 10_001)
    response = use(client, documents.url + "/a")
    raise_unless_problem(response, 504, "LdContextNotAvailable")
    assert "10000 bytes" in response.json()["detail"]


def test_a_compressed_document_is_not_unpacked(client: httpx2.Client, documents: Documents) -> None:
    documents.by_path["/a"] = Document(gzip.compress(b"[" * 1_000_000), headers={"content-encoding": "gzip"})
    raise_unless_problem(use(client, documents.url + "/a"), 504, "LdContextNotAvailable")


def test_a_context_of_too_many_terms_is_refused(client: httpx2.Client, documents: Documents) -> None:
    terms = {f"istilah{number}": f"urn:x:{number}" for number in range(limits.CONTEXT_TERMS_MAX + 1)}
    raise_unless_problem(use(client, documents.put("/a", {"@context": terms})), 400, "BadRequestData")


def test_a_context_of_too_many_documents_is_refused(client: httpx2.Client, documents: Documents) -> None:
    names = [f"/{number}" for number in range(limits.CONTEXT_DOCUMENTS_MAX + 1)]
    for name in names:
        documents.put(name, TERMS)
    url = documents.put("/all", {"@context": [documents.url + name for name in names]})
    raise_unless_problem(use(client, url), 400, "BadRequestData")


def test_documents_that_name_each_other_too_deep_are_refused(client: httpx2.Client, documents: Documents) -> None:
    depth = limits.CONTEXT_DEPTH_MAX + 1
    for number in range(depth):
        documents.put(f"/{number}", {"@context": f"{number + 1}"})
    documents.put(f"/{depth}", TERMS)
    raise_unless_problem(use(client, documents.url + "/0"), 400, "BadRequestData")
    assert use(client, documents.url + "/2").status_code == 200


@pytest.mark.parametrize("circle", [["/a"], ["/a", "/b"], ["/a", "/b", "/c"]])
def test_a_context_that_goes_in_a_circle_is_refused(
    client: httpx2.Client, documents: Documents, circle: list[str]
) -> None:
    for name, following in zip(circle, [*circle[1:], circle[0]], strict=True):
        documents.put(name, {"@context": [following, {"x": "urn:x:x"}]})
    response = use(client, documents.url + "/a")
    raise_unless_problem(response, 400, "BadRequestData")
    assert "circle" in response.json()["detail"]
    assert sum(documents.asked.values()) == len(circle)


def test_an_import_that_imports_itself_is_refused(client: httpx2.Client, documents: Documents) -> None:
    url = documents.put("/a", {"@context": {"@import": "/a", "x": "urn:x:x"}})
    raise_unless_problem(use(client, url), 400, "BadRequestData")


def test_redirects_are_followed_a_few_times(client: httpx2.Client, documents: Documents) -> None:
    documents.put("/end", TERMS)
    documents.by_path["/1"] = Document(b"", 302, {"location": "/2"})
    documents.by_path["/2"] = Document(b"", 301, {"location": documents.url + "/end"})
    assert use(client, documents.url + "/1").status_code == 200
    documents.by_path["/round"] = Document(b"", 307, {"location": "/round"})
    raise_unless_problem(use(client, documents.url + "/round"), 504, "LdContextNotAvailable")
    assert documents.asked["/round"] == 4


def test_a_slow_document_is_given_up(
    client: httpx2.Client, documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CONTEXT_FETCH_TIMEOUT_SECONDS", 0.0)
    raise_unless_problem(use(client, documents.put("/a", TERMS)), 504, "LdContextNotAvailable")


def test_so_many_fetches_go_on_at_once_and_no_more(
    client: httpx2.Client, documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CONTEXT_FETCHES_MAX", 0)
    response = use(client, documents.put("/a", TERMS))
    assert response.status_code == 503
    assert response.headers["retry-after"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "2130706433", "[::ffff:127.0.0.1]"])
def test_a_hub_never_fetches_from_its_own_machine_unless_it_may(
    anonymous: httpx2.Client, documents: Documents, host: str
) -> None:
    documents.put("/a", TERMS)
    port = documents.url.rpartition(":")[2]
    raise_unless_problem(use(anonymous, f"http://{host}:{port}/a"), 504, "LdContextNotAvailable")
    assert not documents.asked


def test_contexts_that_nothing_rests_on_make_room(
    fetching: Served, client: httpx2.Client, documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = fetching.hub.contexts
    monkeypatch.setattr(limits, "CONTEXT_IDLE_SECONDS", 0)
    monkeypatch.setattr(limits, "CONTEXT_CACHE_ENTRIES_MAX", 12)
    written = documents.put("/0", TERMS)
    link = f'<{written}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
    body = {"id": "urn:ngsi-ld:Sungai:1", "type": "Sungai"}
    assert client.post(f"{API}/entities", json=body, headers={"link": link}).status_code == 201
    for number in range(1, 30):
        # Each has other terms, so each is another context.
        url = documents.put(f"/{number}", {"@context": {"Sungai": f"urn:x:{number}"}})
        assert use(client, url).status_code == 200
        assert len(library._by_id) <= 13, "so many contexts are kept"
        # The core @context is there twice: for what expires, too.
        assert len(library._ids) == len(library._by_id) - 1
    assert use(client, written).json()[0]["id"] == "urn:ngsi-ld:Sungai:1"
