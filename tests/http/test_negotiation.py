"""Media types and Link headers, as they are weighed before any handler runs."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
import pytest

from simpul.domain.errors import BadRequestData, InvalidRequest, NotAcceptable, UnsupportedMediaType
from simpul.http.exchange import GEO_JSON, JSON, LD_JSON
from simpul.http.negotiate import (
    ANY_JSON,
    ANY_JSON_OR_GEO,
    BODY_TYPES,
    context_link_header,
    negotiate,
    parse_content_type,
    parse_context_link,
)
from tests.http.conftest import API, Served

CONTEXT = 'rel="http://www.w3.org/ns/json-ld#context"'


@pytest.mark.parametrize(("accept", "chosen"), [
    ("", JSON),
    ("*/*", JSON),
    ("application/*", JSON),
    ("application/ld+json", LD_JSON),
    ("application/geo+json", GEO_JSON),
    ("application/ld+json, application/json;q=0.5", LD_JSON),
    ("application/json;q=0.2, application/ld+json;q=0.8", LD_JSON),
    # CIM 009 §6.3.4: of what is liked as well, the standard's order decides, not the header's.
    ("application/ld+json,application/json", JSON),
    ("application/geo+json, application/ld+json", LD_JSON),
    ("*/*;q=0.9, application/ld+json;q=0.8", JSON),
    ("application/ld+json;q=much", LD_JSON),
    ("APPLICATION/JSON", JSON),
    ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", JSON),
    ("application/json;q=0, */*", LD_JSON),
    ("application/json; charset=utf-8", JSON),
])  # fmt: skip
def test_the_best_liked_format_is_given(accept: str, chosen: str) -> None:
    assert negotiate(accept, ANY_JSON_OR_GEO) == chosen


@pytest.mark.parametrize("accept", ["application/xml", "text/html", "application/json;q=0"])
def test_a_format_that_is_not_there_is_refused_by_name(accept: str) -> None:
    with pytest.raises(NotAcceptable, match=r"application/json, application/ld\+json or application/geo\+json"):
        negotiate(accept, ANY_JSON_OR_GEO)


def test_geojson_is_only_given_of_entities() -> None:
    with pytest.raises(NotAcceptable):
        negotiate(GEO_JSON, ANY_JSON)


@pytest.mark.parametrize("header", [
    "application/json", "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"', "application/ld+json",
])  # fmt: skip
def test_json_in_utf_8_is_understood(header: str) -> None:
    assert parse_content_type(header, BODY_TYPES) in BODY_TYPES


@pytest.mark.parametrize("header", [
    "", "text/plain", "application/xml", "application/merge-patch+json", "application/json; charset=latin-1",
])  # fmt: skip
def test_any_other_body_is_refused(header: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        parse_content_type(header, BODY_TYPES)


@pytest.mark.parametrize(("header", "url"), [
    ("", None),
    (f"<https://example.org/c.jsonld>; {CONTEXT}", "https://example.org/c.jsonld"),
    (f'<https://example.org/c.jsonld>; {CONTEXT}; type="application/ld+json"', "https://example.org/c.jsonld"),
    ("<https://example.org/a,b;c>;rel=http://www.w3.org/ns/json-ld#context", "https://example.org/a,b;c"),
    (f'<https://example.org/other>; rel="next", <https://example.org/c>; {CONTEXT}', "https://example.org/c"),
    ('<https://example.org/other>; rel="describedby"', None),
    ("nonsense", None),
    (f'<https://example.org/c>; title="a; rel=b, <x>"; {CONTEXT}', "https://example.org/c"),
])  # fmt: skip
def test_the_context_is_found_among_the_links(header: str, url: str | None) -> None:
    assert parse_context_link(header) == url


@pytest.mark.parametrize("read", [
    lambda header: negotiate(header, ANY_JSON),
    lambda header: parse_content_type(header, BODY_TYPES),
    parse_context_link,
], ids=["accept", "content-type", "link"])  # fmt: skip
def test_a_header_that_is_too_long_is_refused(read: Callable[[str], object]) -> None:
    with pytest.raises(InvalidRequest, match="4096"):
        read("x" * 5_000)


def test_two_contexts_in_links_are_refused() -> None:
    with pytest.raises(BadRequestData, match="it can name one"):
        parse_context_link(f"<https://a.example>; {CONTEXT}, <https://b.example>; {CONTEXT}")


def test_an_empty_context_url_is_refused() -> None:
    with pytest.raises(BadRequestData, match="empty"):
        parse_context_link(f"<>; {CONTEXT}")


def test_a_context_url_cannot_break_out_of_its_header() -> None:
    header = context_link_header('https://example.org/é>\r\nX: "y"')
    assert b"\r" not in header
    assert header.count(b">") == 1
    assert header.startswith(b"<https://example.org/%C3%A9%3E%0D%0AX:%20%22y%22>; rel=")


def test_location_is_written_as_in_the_standard(served: Served, writer: httpx2.Client) -> None:
    for path in ("subscriptions", "csourceSubscriptions"):
        endpoint = {"endpoint": {"uri": "https://contoh.org/"}}
        body = {"type": "Subscription", "entities": [{"type": "Halte"}], "notification": endpoint}
        response = writer.post(f"{API}/{path}", json=body)
        assert response.status_code == 201, response.text
        names = [name for name, _ in response.headers.raw]
        # Without the lane it is uvicorn's own protocol that writes, in small letters.
        assert (b"Location" in names) is served.hub.settings.fast_lane
        writer.delete(response.headers["location"])


def test_6_3_21_a_profile_of_another_version_changes_nothing_of_what_is_accepted(writer: httpx2.Client) -> None:
    """The clause leaves its use open; the hub takes what is valid, whatever version the profile tells."""
    profile = '<https://uri.etsi.org/ngsi-ld/profile/version>; rel="profile"; profile="1.6"'
    for kind, status in (("VocabProperty", 201), ("Nonsense", 400)):
        body = {"id": f"urn:ngsi-ld:Halte:{kind}", "type": "Halte", "jenis": {"type": kind, "vocab": "besar"}}
        assert writer.post(f"{API}/entities", json=body, headers={"link": profile}).status_code == status
    path = f"{API}/entities/urn:ngsi-ld:Halte:VocabProperty"
    assert writer.get(path, headers={"link": profile}).json()["jenis"]["type"] == "VocabProperty"
    assert writer.delete(path).status_code == 204
