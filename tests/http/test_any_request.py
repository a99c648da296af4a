"""Whatever is asked, it is never our defect: no request gives 500, and the hub goes on."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simpul.http.ngsild.routes import RESOURCES
from simpul.http.plan import QUERY_PARAMETERS
from tests.http.conftest import API, CONTEXT_LINK, CONTEXT_URL, stop

pytestmark = pytest.mark.slow

PROFILE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

TEXT = st.text(max_size=20)
IDS = st.sampled_from(
    ["urn:ngsi-ld:Halte:f1", "urn:ngsi-ld:Halte:f2", "urn:x:1", "x", "", "@id", "https://a.example/b?c"]
)
NAMES = st.sampled_from(
    ["nama", "kapasitas", "location", "koridor", "scope", "type", "id", "@context", "a b", "", "q[x]"]
)
METHODS = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
MEDIA_TYPES = st.sampled_from([
    "application/json", "application/ld+json", "application/merge-patch+json", "application/geo+json", "text/plain",
])  # fmt: skip
PATHS = st.builds(
    lambda resource, parts: "/".join(parts.pop() if word == "{}" else word for word in resource.words),
    st.sampled_from(RESOURCES),
    st.lists(st.one_of(IDS, NAMES, TEXT), min_size=3, max_size=3),
)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXT, IDS,
    st.sampled_from(["urn:ngsi-ld:null", "2026-01-01T00:00:00Z", "Property", "@none", CONTEXT_URL]),
)  # fmt: skip
MEMBERS = st.sampled_from([
    "type", "value", "object", "languageMap", "vocab", "json", "valueList", "objectList", "observedAt", "unitCode",
    "datasetId", "coordinates", "id", "@value", "@type", "lang", "instanceId", "createdAt", "sub", "entities", "q",
])  # fmt: skip
GEOMETRIES = st.fixed_dictionaries({
    "type": st.sampled_from(["Point", "LineString", "Polygon", "MultiPolygon", "GeometryCollection", "Circle"]),
    "coordinates": st.recursive(st.one_of(st.floats(-200, 200), st.none(), TEXT), st.lists, max_leaves=8),
})  # fmt: skip
VALUES = st.recursive(
    st.one_of(SCALARS, GEOMETRIES),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(MEMBERS, inner, max_size=4)),
    max_leaves=8,
)
KINDS = st.sampled_from([
    "Property", "Relationship", "GeoProperty", "LanguageProperty", "VocabProperty", "JsonProperty", "ListProperty",
    "ListRelationship", "Nothing",
])  # fmt: skip
INSTANCES = st.one_of(
    VALUES, st.builds(lambda kind, rest: {**rest, "type": kind}, KINDS, st.dictionaries(MEMBERS, VALUES))
)
ENTITIES = st.builds(
    lambda identity, members: {**identity, **members},
    st.fixed_dictionaries({"id": st.one_of(IDS, SCALARS), "type": st.one_of(st.just("Halte"), VALUES)}),
    st.dictionaries(st.one_of(NAMES, TEXT), st.one_of(INSTANCES, st.lists(INSTANCES, max_size=3)), max_size=3),
)
BODIES = st.one_of(ENTITIES, st.lists(ENTITIES, max_size=3), INSTANCES, st.dictionaries(MEMBERS, VALUES, max_size=4))
WORDS = st.sampled_from([
    "Halte", "nama", "nama==1", 'nama~="x"', "kapasitas>1;nama", "near;maxDistance==100", "within", "Point", "Polygon",
    "[100,-1]", "[[[100,-1],[101,-1],[101,0],[100,-1]]]", "true", "-1", "5", "keyValues", "sysAttrs", "concise", "/a/#",
    "@none", "id", "*", "urn:ngsi-ld:Halte:f1", "between", "2026-01-01T00:00:00Z", "a{b}", "koridor{Koridor:nama}==1",
])  # fmt: skip
PARAMETERS = st.dictionaries(
    st.sampled_from([*sorted(QUERY_PARAMETERS), "details", "timerel", "timeAt", "lastN", "deleteAll", "x"]),
    st.one_of(WORDS, TEXT),
    max_size=4,
)


def raise_if_defect(response: httpx2.Response) -> None:
    assert response.status_code != 500, response.text
    assert response.status_code < 600
    if response.status_code >= 400 and response.request.method != "HEAD":
        assert response.json()["detail"]


@PROFILE
@given(METHODS, PATHS, PARAMETERS, MEDIA_TYPES, BODIES)
def test_no_request_is_our_defect(
    writer: httpx2.Client, method: str, path: str, parameters: dict[str, str], media_type: str, body: Any
) -> None:
    headers = {"content-type": media_type}
    content = json.dumps(body).encode() if method in {"POST", "PUT", "PATCH"} else None
    segments = [httpx2.URL("http://x/", params={"p": part}).query[2:].decode() for part in path.split("/")]
    url = f"{API}/{'/'.join(segments)}"
    raise_if_defect(writer.request(method, url, params=parameters, content=content, headers=headers))


@PROFILE
@given(ENTITIES, MEDIA_TYPES, st.booleans())
def test_no_entity_is_our_defect(writer: httpx2.Client, entity: dict[str, Any], media_type: str, linked: bool) -> None:
    body = {**entity, "@context": [CONTEXT_URL]} if media_type == "application/ld+json" else entity
    headers = {"content-type": media_type, **({"link": CONTEXT_LINK} if linked else {})}
    raise_if_defect(writer.post(f"{API}/entities", content=json.dumps(body).encode(), headers=headers))
    for operation in ("upsert", "merge", "update"):
        path = f"{API}/entityOperations/{operation}"
        raise_if_defect(writer.post(path, content=json.dumps([body]).encode(), headers=headers))
    for query in ("", "&options=keyValues", "&options=concise,sysAttrs", "&lang=id", "&datasetId=@none"):
        raise_if_defect(writer.get(f"{API}/entities?local=true{query}"))
        raise_if_defect(writer.get(f"{API}/entities?local=true{query}", headers={"accept": "application/geo+json"}))


@PROFILE
@given(st.dictionaries(NAMES, INSTANCES, max_size=2), INSTANCES)
def test_no_change_is_our_defect(writer: httpx2.Client, fragment: dict[str, Any], instance: Any) -> None:
    entity_id = "urn:ngsi-ld:Halte:changed"
    writer.post(f"{API}/entities", json=stop(entity_id))
    path, headers = f"{API}/entities/{entity_id}", {"content-type": "application/json"}
    for method, end, body in (
        ("PATCH", "", fragment), ("POST", "/attrs", fragment), ("PATCH", "/attrs", fragment),
        ("PATCH", "/attrs/nama", instance), ("PUT", "/attrs/kapasitas", instance),
        ("PATCH", "/attrs/location", instance),
    ):  # fmt: skip
        raise_if_defect(writer.request(method, path + end, content=json.dumps(body).encode(), headers=headers))
    for read in (path, f"{path}?options=keyValues", f"{API}/temporal/entities/{entity_id}", f"{API}/types/Halte"):
        raise_if_defect(writer.get(read))


@PROFILE
@given(st.binary(max_size=200), MEDIA_TYPES)
def test_no_bytes_are_our_defect(writer: httpx2.Client, body: bytes, media_type: str) -> None:
    for path in ("entities", "entityOperations/create", "entityOperations/query"):
        raise_if_defect(writer.post(f"{API}/{path}", content=body, headers={"content-type": media_type}))


@PROFILE
@given(st.dictionaries(st.sampled_from(["q", "type", "scopeQ", "idPattern", "coordinates", "attrs", "pick"]), TEXT))
def test_no_question_is_our_defect(writer: httpx2.Client, asked: dict[str, str]) -> None:
    geo = {"georel": "intersects", "geometry": "Polygon"} if "coordinates" in asked else {}
    raise_if_defect(writer.get(f"{API}/entities", params={**asked, **geo}))
