"""What the standard has and this version does not, and what nothing has."""

from __future__ import annotations

import httpx2
import pytest

from simpul.http.ngsild.routes import RESOURCES, Resource
from tests.http.conftest import API, raise_unless_problem


@pytest.mark.parametrize(("method", "path", "body"), [
    ("POST", "snapshots", {"type": "Snapshot", "endpoint": {"uri": "https://example.org"}}),
])  # fmt: skip
def test_what_is_optional_and_not_there_says_so(writer: httpx2.Client, method: str, path: str, body: object) -> None:
    response = writer.request(method, f"{API}/{path}", json=body)
    assert response.status_code == 501, response.text
    assert response.json()["title"] == "Not implemented in this version"
    assert "CIM 009" in response.json()["detail"]


def test_a_parameter_of_queries_alone_says_so(writer: httpx2.Client) -> None:
    response = writer.get(f"{API}/entities/urn:x:1", params={"orderFrom": "[100,1]"})
    assert response.status_code == 501, response.text
    assert "with queries, as in GET /entities" in response.json()["detail"]


def test_what_is_wrong_everywhere_is_told_first(writer: httpx2.Client) -> None:
    assert writer.get(f"{API}/subscriptions", headers={"accept": "text/turtle"}).status_code == 406
    headers = {"content-type": "text/turtle"}
    assert writer.post(f"{API}/subscriptions", content=b"x", headers=headers).status_code == 415


@pytest.mark.parametrize(
    "path", ["", "/", "/tiada", "/entities/urn:x:1/tiada", "/entities/urn:x:1/attrs/a/b", "/a/b/c/d/e/f", "/tiada%0A"]
)
def test_nothing_is_not_found(writer: httpx2.Client, path: str) -> None:
    response = writer.get(f"{API}{path}", follow_redirects=True)
    raise_unless_problem(response, 404, "ResourceNotFound")


def test_an_id_with_a_bare_slash_is_told_how_to_write_it(writer: httpx2.Client) -> None:
    response = writer.get(f"{API}/entities/https://kota.example.org/halte/1")
    raise_unless_problem(response, 404, "ResourceNotFound")
    assert "%2F" in response.json()["detail"]


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: "/".join(resource.words))
def test_a_method_that_a_path_lacks_is_refused_with_those_it_has(writer: httpx2.Client, resource: Resource) -> None:
    words, operations = resource.words, resource.operations
    path = "/".join(word if word != "{}" else "urn:x:1" for word in words)
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"):
        if method in operations:
            continue
        response = writer.request(method, f"{API}/{path}")
        assert response.status_code == 405, (method, path, response.text)
        allowed = set(response.headers["allow"].split(", "))
        assert set(operations) <= allowed
        assert method not in allowed
