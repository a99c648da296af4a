"""What a browser is told: pages of other origins may call, nothing runs, frames or sniffs; health and version."""

from __future__ import annotations

import httpx2
import pytest

from tests.http.conftest import API, Served, serve, stop

PAGE = "https://peta.example.org"


@pytest.mark.parametrize("path", [
    f"{API}/entities?type=Halte", f"{API}/entities/urn:ngsi-ld:Halte:0", f"{API}/tiada", "/health", "/version",
    f"{API}/subscriptions", f"{API}/entities?type=Halte&limit=-1",
])  # fmt: skip
def test_every_answer_may_be_read_by_a_page_of_any_origin(anonymous: httpx2.Client, path: str) -> None:
    for headers in ({}, {"origin": PAGE}):
        answer = anonymous.get(path, headers=headers)
        assert answer.headers["access-control-allow-origin"] == "*"
        exposed = answer.headers["access-control-expose-headers"]
        assert {"NGSILD-Results-Count", "Link", "Location", "NGSILD-Tenant", "ETag"} <= set(exposed.split(", "))
        assert "access-control-allow-credentials" not in answer.headers
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", [f"{API}/entities", f"{API}/entities/urn:x:1/attrs/a", f"{API}/tiada", "/health"])
def test_a_browser_that_asks_first_is_let_in(anonymous: httpx2.Client, path: str) -> None:
    headers = {
        "origin": PAGE,
        "access-control-request-method": "PATCH",
        "access-control-request-headers": "authorization,content-type,if-match,ngsild-tenant",
    }
    answer = anonymous.options(path, headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "PATCH" in answer.headers["access-control-allow-methods"].split(", ")
    allowed = answer.headers["access-control-allow-headers"].lower().split(", ")
    assert {"authorization", "content-type", "if-match", "if-none-match", "ngsild-tenant", "link", "accept"} <= set(
        allowed
    )


def test_a_question_for_options_alone_gets_the_methods(anonymous: httpx2.Client) -> None:
    answer = anonymous.options(f"{API}/entities")
    assert answer.status_code == 204
    assert {"GET", "POST"} <= set(answer.headers["allow"].split(", "))


def test_only_the_origins_that_the_operator_names_may_read(tmp_path_factory: pytest.TempPathFactory) -> None:
    for served in serve(tmp_path_factory.mktemp("origins"), allowed_origins=f"{PAGE}, https://kota.example.org"):
        with served.client() as client:
            kota, evil = "https://kota.example.org", "https://evil.example.org"
            for origin, allowed in ((PAGE, PAGE), (evil, None), (kota, kota)):
                answer = client.get(f"{API}/types", headers={"origin": origin})
                assert answer.headers.get("access-control-allow-origin") == allowed
                assert answer.headers["vary"] == "Origin"


def test_health_says_that_the_hub_is_ready(anonymous: httpx2.Client) -> None:
    assert (anonymous.get("/health").status_code, anonymous.get("/health").json()) == (200, {"status": "ready"})
    assert anonymous.head("/health").content == b""


def test_the_version_is_told(anonymous: httpx2.Client) -> None:
    told = anonymous.get("/version").json()
    assert told["name"] == "Simpul"
    assert told["version"]
    assert "v1.9.1" in told["standard"]


@pytest.mark.parametrize("path", ["/health", "/version"])
def test_health_and_version_are_only_read(anonymous: httpx2.Client, path: str) -> None:
    answer = anonymous.post(path, json={})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


def test_a_written_answer_is_readable_too(writer: httpx2.Client) -> None:
    created = writer.post(f"{API}/entities", json=stop("urn:ngsi-ld:Halte:cors"), headers={"origin": PAGE})
    assert (created.status_code, created.headers["access-control-allow-origin"]) == (201, "*")
    assert writer.delete(f"{API}/entities/urn:ngsi-ld:Halte:cors").headers["access-control-allow-origin"] == "*"


def test_a_hub_that_cannot_read_its_city_says_so(served: Served, anonymous: httpx2.Client) -> None:
    assert anonymous.get("/health").headers["content-type"] == "application/json"
