"""Purging entities (CIM 009 §5.6.21, §6.4.3.3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from simpul import limits
from simpul.domain.errors import StorageFull
from simpul.ports.store import Draft
from tests.http.conftest import API, OTHER_TENANT, Served, raise_unless_problem, stop

ENTITIES = f"{API}/entities"
IDS = [f"urn:ngsi-ld:Halte:purge{number}" for number in range(5)]


@pytest.fixture(autouse=True)
def stops(writer: httpx2.Client) -> Iterator[None]:
    """Make five stops with 0 to 4 seats, the first two in the north, and a warden of another type."""
    for number, entity_id in enumerate(IDS):
        place = {"type": "Point", "coordinates": [100.4, -0.8 if number < 2 else -0.95]}
        body = stop(
            entity_id,
            kursi={"type": "Property", "value": number},
            location={"type": "GeoProperty", "value": place},
            scope="/kota/utara" if number < 2 else "/kota/selatan",
        )
        assert writer.post(ENTITIES, json=body).status_code == 201
    warden = {"id": "urn:ngsi-ld:Juru:1", "type": "Juru", "kursi": {"type": "Property", "value": 1}}
    assert writer.post(ENTITIES, json=warden).status_code == 201
    yield
    for entity_id in (*IDS, "urn:ngsi-ld:Juru:1"):
        writer.delete(f"{ENTITIES}/{entity_id}")


def purge(client: httpx2.Client, **parameters: str) -> httpx2.Response:
    return client.delete(ENTITIES, params=parameters)


def left(client: httpx2.Client) -> list[str]:
    found = client.get(ENTITIES, params={"local": "true", "limit": "1000"}).json()
    return sorted(one["id"].removeprefix("urn:ngsi-ld:") for one in found)


ALL = sorted([*(entity_id.removeprefix("urn:ngsi-ld:") for entity_id in IDS), "Juru:1"])


@pytest.mark.parametrize(
    ("parameters", "gone"),
    [
        ({"type": "Halte"}, {0, 1, 2, 3, 4}),
        ({"type": "Halte", "id": ",".join(IDS[1:3])}, {1, 2}),
        ({"type": "Halte", "idPattern": "purge[34]$"}, {3, 4}),
        ({"q": "kursi>2"}, {3, 4}),
        ({"type": "Halte", "q": "kursi>2", "id": IDS[4]}, {4}),
        ({"attrs": "koridor"}, {0, 1, 2, 3, 4}),
        ({"type": "Halte", "scopeQ": "/kota/utara"}, {0, 1}),
        ({"georel": "near;maxDistance==2000", "geometry": "Point", "coordinates": "[100.4,-0.8]"}, {0, 1}),
        ({"type": "Tiada"}, set()),
    ],
)
def test_5_6_21_4_what_the_filters_find_is_deleted(
    writer: httpx2.Client, parameters: dict[str, str], gone: set[int]
) -> None:
    response = purge(writer, **parameters)
    assert response.status_code == 204, response.text
    assert response.content == b""
    assert left(writer) == [one for one in ALL if not (one[-1].isdigit() and "Halte" in one and int(one[-1]) in gone)]


def test_5_6_21_4_all_that_is_here_goes_when_that_is_said(writer: httpx2.Client) -> None:
    assert purge(writer, local="true").status_code == 204
    assert left(writer) == []


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"id": IDS[0]},
        {"idPattern": ".*"},
        {"scopeQ": "/kota/#"},
        {"attrs": "createdAt"},
        {"q": 'modifiedAt>"2020-01-01T00:00:00Z"'},
        {"local": "false"},
        {"drop": "kursi"},
        {"type": "Halte", "keep": "kursi", "drop": "nama"},
        {"type": "Halte", "drop": "id"},
        {"type": "Halte", "drop": "kursi,"},
        {"type": "Halte", "q": "koridor{Koridor}.nama==1"},
        {"type": "Halte", "attrs": "koridor{nama}"},
        {"type": "Halte", "q": "kursi>"},
        {"type": "Halte", "georel": "near"},
        {"type": "Halte", "id": "bukan uri"},
    ],
)
def test_5_6_21_4_a_purge_that_is_too_wide_or_wrong_changes_nothing(
    writer: httpx2.Client, parameters: dict[str, str]
) -> None:
    raise_unless_problem(purge(writer, **parameters), 400, "BadRequestData")
    assert left(writer) == ALL


def test_6_3_20_an_unknown_parameter_is_refused(writer: httpx2.Client) -> None:
    raise_unless_problem(purge(writer, type="Halte", limit="1"), 400, "InvalidRequest")
    assert left(writer) == ALL


def test_5_6_21_4_dropped_attributes_go_and_the_rest_stays(writer: httpx2.Client) -> None:
    assert purge(writer, type="Halte", drop="kursi,nama,scope,tiada").status_code == 204
    assert left(writer) == ALL
    entity = writer.get(f"{ENTITIES}/{IDS[1]}").json()
    assert entity.keys() == {"id", "type", "kapasitas", "location", "koridor"}
    assert "kursi" in writer.get(f"{ENTITIES}/urn:ngsi-ld:Juru:1").json()


def test_5_6_21_4_kept_attributes_stay_and_the_rest_goes(writer: httpx2.Client) -> None:
    assert purge(writer, type="Halte", id=IDS[1], keep="kursi,tiada").status_code == 204
    assert writer.get(f"{ENTITIES}/{IDS[1]}").json().keys() == {"id", "type", "kursi"}
    assert "nama" in writer.get(f"{ENTITIES}/{IDS[2]}").json()


def test_what_was_purged_has_a_history_that_tells_when_it_went(writer: httpx2.Client) -> None:
    assert purge(writer, type="Halte", drop="kursi").status_code == 204
    assert purge(writer, type="Halte").status_code == 204
    asked = {"timerel": "after", "timeAt": "2020-01-01T00:00:00Z", "timeproperty": "deletedAt"}
    told = writer.get(f"{API}/temporal/entities/{IDS[0]}", params=asked).json()
    assert any("deletedAt" in one for one in _instances(told["kursi"]))


def _instances(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_a_purge_is_done_in_bounded_writes(
    served: Served, writer: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PURGE_ENTITIES_PER_WRITE", 2)
    monkeypatch.setattr(limits, "PURGE_ENTITIES_PER_READ", 2)
    written = []
    write = served.hub.entities.write

    async def count(tenant: str, origin: str, operation: Any) -> Any:
        done = await write(tenant, origin, operation)
        written.append(len(done))
        return done

    monkeypatch.setattr(served.hub.entities, "write", count)
    assert purge(writer, type="Halte").status_code == 204
    assert written == [2, 2, 1]


def test_5_2_16_what_was_done_before_the_disk_was_full_is_told(
    served: Served, writer: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PURGE_ENTITIES_PER_WRITE", 2)
    writes = iter([False, True])
    write = served.hub.entities.write

    async def fill(tenant: str, origin: str, operation: Any) -> Any:
        if next(writes):
            raise StorageFull("The disk is full.")
        return await write(tenant, origin, operation)

    monkeypatch.setattr(served.hub.entities, "write", fill)
    response = purge(writer, type="Halte")
    monkeypatch.undo()
    assert response.status_code == 207
    assert response.json()["success"] == IDS[:2]
    assert [one["entityId"] for one in response.json()["errors"]] == IDS[2:4]
    assert response.json()["errors"][0]["error"]["status"] == 507
    assert len(left(writer)) == 4


def test_what_changed_meanwhile_and_is_not_meant_any_more_stays(
    served: Served, writer: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = served.hub.entities.write

    async def change_first(tenant: str, origin: str, operation: Any) -> Any:
        def both(draft: Draft) -> Any:
            before = draft.find(IDS[4])
            assert before is not None
            name = next(name for name in before.entity if name.endswith("kursi"))
            after = {**before.entity, name: {"type": "Property", "value": 0}}
            draft.replace(before, type(before)(after, before.times, before.context_id))
            return operation(draft)

        return await write(tenant, origin, both)

    monkeypatch.setattr(served.hub.entities, "write", change_first)
    assert purge(writer, q="kursi>2").status_code == 204
    monkeypatch.undo()
    assert "Halte:purge4" in left(writer)
    assert "Halte:purge3" not in left(writer)


def test_only_writers_purge_and_only_their_own_city(served: Served, writer: httpx2.Client) -> None:
    with served.client() as stranger:
        response = purge(stranger, type="Halte")
        assert response.status_code == 401
    with served.client(authorization=f"Bearer {served.token('reader')}") as reader:
        assert purge(reader, type="Halte").status_code == 403
    secret = served.token("integrator", tenant=OTHER_TENANT)
    with served.client(authorization=f"Bearer {secret}", ngsild_tenant=OTHER_TENANT) as neighbour:
        assert purge(neighbour, local="true").status_code == 204
    assert left(writer) == ALL
