"""Entity maps over HTTP (CIM 009 §5.14, §5.5.9.3, §6.32, §6.34, §6.35): made, used, bounded, and nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
import pytest

from simpul import limits
from simpul.app import entity_maps
from simpul.app.entity_maps import MapPage, Shelf, cut_page
from simpul.app.identity import operator
from simpul.domain.entity_map import OWN, EntityMap, parse_lifetime
from simpul.domain.errors import BadRequestData
from simpul.main import open_hub
from simpul.settings import Settings
from tests.http.conftest import API, Served

MAPS = f"{API}/entityMaps"


@pytest.fixture(scope="module")
def halte(writer: httpx2.Client) -> Iterator[list[str]]:
    """Return the ids of five public entities that are there for these tests."""
    ids = [f"urn:ngsi-ld:Halte:map{number}" for number in range(5)]
    for entity_id in ids:
        kapasitas = {"type": "Property", "value": 10 + int(entity_id[-1])}
        assert writer.post(
            f"{API}/entities", json={"id": entity_id, "type": "Halte", "kapasitas": kapasitas}
        ).is_success
    assert writer.post(f"{API}/entities", json={"id": "urn:ngsi-ld:Warga:map0", "type": "Warga"}).is_success
    yield ids
    for entity_id in [*ids, "urn:ngsi-ld:Warga:map0"]:
        writer.delete(f"{API}/entities/{entity_id}")


def make(client: httpx2.Client, query: str = "type=Halte") -> tuple[str, dict[str, Any]]:
    """Return the location of a new map, and the map."""
    response = client.get(f"{MAPS}?{query}")
    assert response.status_code == 201, response.text
    return response.headers["ngsild-entitymap"], response.json()


def page(client: httpx2.Client, location: str, query: str) -> httpx2.Response:
    return client.get(f"{API}/entities?{query}", headers={"NGSILD-EntityMap": location})


def test_5_14_4_a_map_names_the_entities_of_a_query_and_who_has_them(writer: httpx2.Client, halte: list[str]) -> None:
    _, made = make(writer, "type=Halte&q=kapasitas>12")
    assert made["type"] == "EntityMap"
    assert made["entityMap"] == {halte[3]: ["@none"], halte[4]: ["@none"]}
    assert made["expiresAt"].endswith("Z")


def test_6_34_3_2_a_map_is_made_for_a_query_in_a_body(writer: httpx2.Client, halte: list[str]) -> None:
    body = {"type": "Query", "entities": [{"type": "Halte"}], "q": "kapasitas==10"}
    response = writer.post(MAPS, json=body)
    assert response.status_code == 201
    assert list(response.json()["entityMap"]) == [halte[0]]


def test_5_14_4_4_a_query_without_a_bound_makes_no_map(writer: httpx2.Client) -> None:
    response = writer.get(f"{MAPS}?id=urn:ngsi-ld:Halte:map0")
    assert (response.status_code, response.json()["type"].rpartition("/")[2]) == (400, "BadRequestData")


@pytest.mark.parametrize("lifetime", ["1hour", "P", "-PT1H"])
def test_6_4_3_2_a_lifetime_is_a_duration(writer: httpx2.Client, lifetime: str) -> None:
    assert writer.get(f"{MAPS}?type=Halte&entityMapLifetime={lifetime}").status_code == 400


def test_6_4_3_2_a_lifetime_is_bounded_by_the_hub() -> None:
    assert parse_lifetime("P10Y", 1, 5) == 5
    assert parse_lifetime("", 1, 5) == 1
    with pytest.raises(BadRequestData, match="entityMapLifetime"):
        parse_lifetime("soon", 1, 5)


def test_5_5_14_5_5_9_3_pages_are_cut_from_the_map_and_filled(writer: httpx2.Client, halte: list[str]) -> None:
    response = writer.get(f"{API}/entities?type=Halte&limit=2&entityMap=true")
    assert response.status_code == 201
    location = response.headers["ngsild-entitymap"]
    late = {"id": "urn:ngsi-ld:Halte:map9", "type": "Halte"}
    assert writer.post(f"{API}/entities", json=late).is_success
    try:
        second = page(writer, location, "type=Halte&limit=2&offset=2")
        assert (second.status_code, second.headers["ngsild-entitymap"]) == (200, location)
        assert [one["id"] for one in second.json()] == halte[2:4]
        assert 'rel="next"' in second.headers["link"]
        assert "offset=4" in second.headers["link"]
        last = page(writer, location, "type=Halte&limit=2&offset=4&count=true")
        assert [one["id"] for one in last.json()] == halte[4:]
        assert last.headers["ngsild-results-count"] == "5"
        assert 'rel="next"' not in last.headers["link"]
    finally:
        writer.delete(f"{API}/entities/{late['id']}")


def test_5_5_9_3_what_does_not_fit_any_more_is_taken_out_of_the_map(writer: httpx2.Client, halte: list[str]) -> None:
    location, _ = make(writer)
    assert [one["id"] for one in page(writer, location, "type=Halte&limit=2&q=kapasitas>=12").json()] == halte[2:4]
    assert list(writer.get(location).json()["entityMap"]) == halte[2:]


def test_5_7_2_4_a_map_that_is_gone_is_made_anew(writer: httpx2.Client, halte: list[str]) -> None:
    response = page(writer, "urn:ngsi-ld:EntityMap:gone", "type=Halte&limit=3")
    assert response.status_code == 201
    assert "gone" not in response.headers["ngsild-entitymap"]
    assert [one["id"] for one in response.json()] == halte[:3]


def test_5_2_23_a_query_in_a_body_asks_for_a_map(writer: httpx2.Client, halte: list[str]) -> None:
    body = {"type": "Query", "entities": [{"type": "Halte"}], "entityMap": True, "entityMapLifetime": "PT5M"}
    made = writer.post(f"{API}/entityOperations/query?limit=2", json=body)
    assert made.status_code == 201
    headers = {"NGSILD-EntityMap": made.headers["ngsild-entitymap"]}
    following = writer.post(
        f"{API}/entityOperations/query?limit=2&offset=2", json={**body, "entityMap": False}, headers=headers
    )
    assert [one["id"] for one in following.json()] == halte[2:4]


def test_5_7_1_4_a_retrieval_brings_a_map_of_the_entity(writer: httpx2.Client, halte: list[str]) -> None:
    response = writer.get(f"{API}/entities/{halte[0]}?entityMap=true")
    assert (response.status_code, response.json()["id"]) == (200, halte[0])
    assert writer.get(response.headers["ngsild-entitymap"]).json()["entityMap"] == {halte[0]: ["@none"]}


def test_5_7_4_4_histories_are_paged_by_a_map(writer: httpx2.Client, halte: list[str]) -> None:
    window = "timerel=after&timeAt=2000-01-01T00:00:00Z&timeproperty=createdAt"
    response = writer.get(f"{API}/temporal/entityMaps?type=Halte&{window}")
    assert response.status_code == 201
    assert set(response.json()["entityMap"]) >= set(halte)
    headers = {"NGSILD-EntityMap": response.headers["ngsild-entitymap"]}
    pages = [
        writer.get(
            f"{API}/temporal/entities?type=Halte&id={','.join(halte)}&{window}&limit=3&offset={at}", headers=headers
        )
        for at in (0, 3)
    ]
    assert [one["id"] for one in pages[0].json()] == halte[:3]
    assert pages[0].status_code == 200
    by_body = {
        "type": "Query",
        "entities": [{"type": "Halte"}],
        "temporalQ": {"timerel": "before", "timeAt": "2000-01-01T00:00:00Z"},
    }
    assert writer.post(f"{API}/temporal/entityMaps", json=by_body).json()["entityMap"] == {}
    assert writer.get(f"{API}/temporal/entityMaps?type=Halte").status_code == 400


def test_5_14_2_a_map_lasts_as_long_as_it_is_told_within_bounds(writer: httpx2.Client, halte: list[str]) -> None:
    location, _ = make(writer)
    patched = writer.patch(location, json={"expiresAt": "2999-01-01T00:00:00Z", "entityMap": {"urn:x:y": ["@none"]}})
    assert patched.status_code == 204
    seen = writer.get(location).json()
    assert seen["expiresAt"] < "2999"
    assert list(seen["entityMap"]) == halte
    assert writer.patch(location, json={"expiresAt": "tomorrow"}).status_code == 400
    assert writer.patch(location, json={"expiresAt": "2000-01-01T00:00:00Z"}).status_code == 204
    assert writer.get(location).status_code == 404


def test_5_14_3_a_map_is_deleted(writer: httpx2.Client) -> None:
    location, _ = make(writer)
    assert writer.delete(location).status_code == 204
    assert writer.delete(location).status_code == 404
    assert writer.delete(f"{MAPS}/no%20uri").status_code == 400


def test_a_map_shows_a_stranger_no_entity_that_is_not_public(served: Served, halte: list[str]) -> None:
    with served.client() as stranger:
        _, made = make(stranger, "attrs=kapasitas&local=true")
        assert list(made["entityMap"]) == halte
        _, everything = make(stranger, "local=true")
        assert not [one for one in everything["entityMap"] if ":Warga:" in one]
        assert stranger.get(f"{MAPS}?type=Warga").status_code == 401


def test_a_map_is_its_makers_own(served: Served, writer: httpx2.Client, halte: list[str]) -> None:
    location, made = make(writer, "local=true")
    assert "urn:ngsi-ld:Warga:map0" in made["entityMap"]
    with served.client() as stranger, served.client(authorization=f"Bearer {served.token('reader')}") as reader:
        for other in (stranger, reader):
            assert other.get(location).status_code == 404
            assert other.delete(location).status_code == 404
            assert other.patch(location, json={}).status_code == 404
        answer = page(stranger, location, "type=Halte")
        assert answer.status_code == 201
        assert [one["id"] for one in answer.json()] == halte


def test_4_14_a_map_is_of_one_city(writer: httpx2.Client, halte: list[str]) -> None:
    location, _ = make(writer)
    assert writer.get(location, headers={"NGSILD-Tenant": "bukittinggi"}).status_code in {401, 404}


def shelf_with(*maps: EntityMap) -> Shelf:
    """Return a shelf onto which these were put, one after the other."""

    async def fill(folder: Path) -> Shelf:
        async with open_hub(Settings(tenant="padang", folder=folder, data=folder / "data", syncs=False)) as hub:
            for one in maps:
                await hub.entity_maps.put("padang", one, 0)
            return hub.entity_maps

    with TemporaryDirectory() as folder:
        return asyncio.run(fill(Path(folder)))


def test_a_map_outlives_a_restart_until_it_expires(tmp_path: Path) -> None:
    settings = Settings(tenant="padang", folder=tmp_path, data=tmp_path / "data", open_access=True, syncs=False)
    maker = operator("padang")

    async def first() -> tuple[str, str]:
        async with open_hub(settings) as hub:
            kept = await entity_maps.create(maker, hub, {"urn:x:1": OWN, "urn:x:2": OWN}, 60_000_000)
            short = await entity_maps.create(maker, hub, {"urn:x:1": OWN}, 1)

            async def look(ids: Any) -> dict[str, str]:
                return {one: one for one in ids if one != "urn:x:1"}

            await cut_page(maker, hub, kept, (20, 0), look, counts=False)
            deleted = await entity_maps.create(maker, hub, {"urn:x:1": OWN}, 60_000_000)
            await entity_maps.delete(maker, hub, deleted.id)
            return kept.id, short.id

    async def second(*ids: str) -> list[EntityMap | None]:
        async with open_hub(settings) as hub:
            assert len(hub.entity_maps._maps) == 1
            return [entity_maps.find(maker, hub, one) for one in ids]

    kept, gone = asyncio.run(second(*asyncio.run(first())))
    assert kept is not None
    assert (kept.maker, kept.entities) == ("operator", {"urn:x:2": OWN})
    assert gone is None


def test_a_shelf_holds_so_many_maps_of_one_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ENTITY_MAPS_PER_CALLER_MAX", 2)
    shelf = shelf_with(
        *(EntityMap(str(number), "me", None, 10, {"a": OWN}) for number in range(4)),
        EntityMap("another's", "you", None, 10, {"a": OWN}),
    )
    assert [shelf.find("padang", str(number), 0) is not None for number in range(4)] == [False, False, True, True]
    assert shelf.find("padang", "another's", 0) is not None
    assert shelf.find("padang", "another's", 10) is None


def test_a_shelf_holds_so_many_entities_and_takes_them_from_whoever_has_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ENTITY_MAPS_ENTITIES_MAX", 5)
    shelf = shelf_with(
        EntityMap("small", "you", None, 10, {"a": OWN}),
        *(EntityMap(name, "me", None, 10, {"a": OWN, "b": OWN, "c": OWN}) for name in ("first", "second")),
    )
    assert [shelf.find("padang", name, 0) is not None for name in ("small", "first", "second")] == [True, False, True]


def test_more_entities_than_a_map_holds_are_refused(
    writer: httpx2.Client, halte: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ENTITY_MAP_ENTITIES_MAX", len(halte) - 1)
    response = writer.get(f"{MAPS}?type=Halte")
    assert (response.status_code, response.json()["type"].rpartition("/")[2]) == (403, "TooManyResults")


def test_a_page_looks_at_no_more_of_a_long_map_than_it_needs(served: Served) -> None:
    looked: list[str] = []
    long_map = EntityMap("m", "me", None, 2**62, {str(number): OWN for number in range(1_000)})

    async def look(ids: Any) -> dict[str, str]:
        looked.extend(ids)
        return {one: one for one in ids if int(one) % 2}

    async def cut() -> MapPage[str]:
        return await cut_page(operator("padang"), served.hub, long_map, (20, 10), look, counts=False)

    found = served.run(cut)
    assert found.entities == [str(number) for number in range(11, 51, 2)]
    assert len(looked) <= 2 * limits.ENTITY_MAP_LOOK_ENTITIES_MIN
    assert len(long_map.entities) == 1_000 - 20


def test_5_14_1_a_map_is_retrieved_by_its_id(writer: httpx2.Client, halte: list[str]) -> None:
    location, made = make(writer)
    assert writer.get(location).json() == made
    assert list(made["entityMap"]) == halte
    assert writer.get(f"{MAPS}/bukan-uri").json()["type"].endswith("/BadRequestData")
    assert writer.get(f"{MAPS}/urn:x:tiada").json()["type"].endswith("/ResourceNotFound")


def test_5_14_5_a_map_of_histories_has_those_with_a_time_asked_for(writer: httpx2.Client, halte: list[str]) -> None:
    asked = {"type": "Halte", "timeproperty": "modifiedAt", "timerel": "after", "timeAt": "2020-01-01T00:00:00Z",
             "entityMap": "true"}  # fmt: skip
    answer = writer.get(f"{API}/temporal/entities", params=asked)
    assert answer.status_code in {200, 201}
    assert set(halte) <= set(writer.get(answer.headers["ngsild-entitymap"]).json()["entityMap"])
    none = {**asked, "timerel": "before"}
    empty = writer.get(f"{API}/temporal/entities", params=none)
    assert writer.get(empty.headers["ngsild-entitymap"]).json()["entityMap"] == {}
