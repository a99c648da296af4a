"""Snapshots over HTTP (CIM 009 §5.16, §6.3.22, §6.36 to §6.38): made, used, bounded, and safe from who may not read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from simpul import limits
from simpul.domain.errors import BadRequestData
from simpul.domain.snapshot import Kept, count_lifetime, parse_new
from simpul.main import open_hub
from simpul.settings import Settings
from tests.http.conftest import API, CONTEXT, Served

SNAPSHOTS = f"{API}/snapshots"
HALTE = {"type": "Query", "entities": [{"type": "Halte"}]}


@pytest.fixture
def halte(writer: httpx2.Client) -> Iterator[str]:
    """Return the id of a public stop; beside it there is a resident, who is not public."""
    ids = ["urn:ngsi-ld:Halte:snap1", "urn:ngsi-ld:Warga:snap1"]
    for entity_id in ids:
        kapasitas = {"type": "Property", "value": 40}
        body = {"id": entity_id, "type": entity_id.split(":")[2], "kapasitas": kapasitas}
        assert writer.post(f"{API}/entities", json=body).is_success
    yield ids[0]
    for entity_id in ids:
        writer.delete(f"{API}/entities/{entity_id}")
    writer.delete(f"{SNAPSHOTS}?q=snapshotPriority>0")


def make(client: httpx2.Client, *queries: dict[str, Any], **members: Any) -> str:
    """Return the id of a new snapshot once it is ready."""
    asked = {"snapshotQueries": list(queries)} if queries else {}
    response = client.post(SNAPSHOTS, json={"type": "Snapshot", **asked, **members})
    assert response.status_code == 201, response.text
    return str(ready(client, response.headers["location"])["id"])


def ready(client: httpx2.Client, location: str) -> dict[str, Any]:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        seen: dict[str, Any] = client.get(location).json()
        if seen["snapshotStatus"] != "preparing":
            return seen
    raise AssertionError("the snapshot did not get ready")


def within(client: httpx2.Client, snapshot_id: str, path: str, method: str = "GET", **more: Any) -> httpx2.Response:
    return client.request(method, f"{API}/{path}", headers={"NGSILD-Snapshot": snapshot_id}, **more)


def test_5_16_1_a_snapshot_stays_as_it_was(writer: httpx2.Client, halte: str) -> None:
    snapshot_id = make(writer, HALTE)
    writer.patch(f"{API}/entities/{halte}/attrs", json={"kapasitas": {"type": "Property", "value": 1}})
    seen = within(writer, snapshot_id, f"entities/{halte}")
    assert (seen.status_code, seen.json()["kapasitas"]["value"]) == (200, 40)
    assert seen.headers["ngsild-snapshot"] == snapshot_id
    assert [one["id"] for one in within(writer, snapshot_id, "entities?type=Halte&q=kapasitas==40").json()] == [halte]
    assert within(writer, snapshot_id, "types").json()["typeList"] == ["Halte"]
    assert writer.get(f"{API}/entities/{halte}").json()["kapasitas"]["value"] == 1


def test_5_16_1_its_description_tells_what_came_of_each_query(writer: httpx2.Client, halte: str) -> None:
    nothing = {"type": "Query", "entities": [{"type": "Perahu"}]}
    seen = writer.get(f"{SNAPSHOTS}/{make(writer, HALTE, nothing)}").json()
    assert [one["resultStatus"] for one in seen["snapshotQueriesDetails"]] == ["success", "empty"]
    assert (seen["snapshotStatus"], seen["snapshotPriority"]) == ("success", 5)
    assert {"createdAt", "modifiedAt", "lastUsedAt", "expiresAt"} <= set(seen)
    assert seen["snapshotQueries"] == [HALTE, nothing]


def test_5_16_1_a_query_that_finds_too_much_fails_and_says_so(
    writer: httpx2.Client, halte: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simpul.app.snapshot_fill._MAX", 0)
    seen = writer.get(f"{SNAPSHOTS}/{make(writer, HALTE)}").json()
    assert seen["snapshotStatus"] == "failure"
    assert "more than" in seen["snapshotQueriesDetails"][0]["problemDetails"]["detail"]


def test_5_16_1_only_what_a_query_shows_is_kept(writer: httpx2.Client, halte: str) -> None:
    nama = {"nama": {"type": "Property", "value": "Pasar"}}
    writer.post(f"{API}/entities/{halte}/attrs", json=nama)
    one, both = (
        make(writer, {**HALTE, "pick": ["id", "type", "nama"]}),
        make(writer, {**HALTE, "pick": ["id", "type", "nama"]}, {**HALTE, "attrs": ["kapasitas"]}),
    )
    assert set(within(writer, one, f"entities/{halte}").json()) == {"id", "type", "nama"}
    assert set(within(writer, both, f"entities/{halte}").json()) == {"id", "type", "nama", "kapasitas"}


def test_5_16_1_histories_are_kept_too(writer: httpx2.Client, halte: str) -> None:
    for minute in (1, 2):
        hujan = {"type": "Property", "value": minute, "observedAt": f"2024-05-01T10:0{minute}:00Z"}
        assert writer.post(f"{API}/entities/{halte}/attrs", json={"hujan": hujan}).is_success
    asked = {**HALTE, "temporalQ": {"timerel": "after", "timeAt": "2024-05-01T10:01:30Z"}}
    snapshot_id = make(writer, snapshotTemporalQueries=[asked])
    seen = within(writer, snapshot_id, f"temporal/entities/{halte}?timerel=after&timeAt=2024-01-01T00:00:00Z").json()
    rained = seen["hujan"] if isinstance(seen["hujan"], list) else [seen["hujan"]]
    assert [one["value"] for one in rained] == [2]


def test_5_16_1_instances_keep_when_they_came_in(writer: httpx2.Client, halte: str) -> None:
    for value in (1, 2, 3):
        suhu = {"type": "Property", "value": value, "observedAt": f"2024-05-01T10:0{value}:00Z"}
        assert writer.post(f"{API}/entities/{halte}/attrs", json={"suhu": suhu}).is_success
    window = "timerel=after&timeAt=2024-01-01T00:00:00Z&attrs=suhu&options=sysAttrs"
    was = writer.get(f"{API}/temporal/entities/{halte}?{window}").json()["suhu"]
    asked = {**HALTE, "temporalQ": {"timerel": "after", "timeAt": "2024-01-01T00:00:00Z"}}
    for queries in ((), (HALTE,)):
        snapshot_id = make(writer, *queries, snapshotTemporalQueries=[asked])
        seen = within(writer, snapshot_id, f"temporal/entities/{halte}?{window}").json()["suhu"]
        told = [(one["value"], one["createdAt"], one["modifiedAt"]) for one in seen]
        assert told[-3:] == [(one["value"], one["createdAt"], one["modifiedAt"]) for one in was]
        assert len({at for _, at, _ in told}) == 3


def test_5_16_1_what_is_predicted_can_be_written_into_it(writer: httpx2.Client, halte: str) -> None:
    snapshot_id = make(writer, HALTE)
    path = f"entities/{halte}/attrs"
    assert within(writer, snapshot_id, path, "PATCH", json={"kapasitas": {"type": "Property", "value": 99}}).is_success
    assert within(writer, snapshot_id, f"entities/{halte}").json()["kapasitas"]["value"] == 99
    assert writer.get(f"{API}/entities/{halte}").json()["kapasitas"]["value"] == 40


@pytest.mark.parametrize("body", [
    {"type": "Snapshot"},
    {"type": "Halte", "snapshotQueries": [HALTE]},
    {"type": "Snapshot", "snapshotQueries": []},
    {"type": "Snapshot", "snapshotQueries": [{**HALTE, "temporalQ": {}}]},
    {"type": "Snapshot", "snapshotTemporalQueries": [HALTE]},
    {"type": "Snapshot", "snapshotQueries": [HALTE], "snapshotPriority": 11},
    {"type": "Snapshot", "snapshotQueries": [HALTE], "snapshotPriority": True},
    {"type": "Snapshot", "snapshotQueries": [HALTE], "snapshotLifetime": "soon"},
    {"type": "Snapshot", "snapshotQueries": [HALTE], "snapshotStatus": "success"},
    {"type": "Snapshot", "snapshotQueries": [HALTE], "id": "no uri"},
    {"type": "Snapshot", "snapshotQueries": [{"type": "Query", "entities": [{"tipe": "Halte"}]}]},
])  # fmt: skip
def test_5_2_41_what_is_no_snapshot_is_refused(writer: httpx2.Client, body: dict[str, Any]) -> None:
    response = writer.post(SNAPSHOTS, json=body)
    assert (response.status_code, response.json()["type"].rpartition("/")[2]) == (400, "BadRequestData")


def test_5_16_2_a_clone_outlives_the_first(writer: httpx2.Client, halte: str) -> None:
    first = make(writer, HALTE, id="urn:ngsi-ld:Snapshot:first")
    response = writer.post(f"{SNAPSHOTS}/{first}/clone", json={"type": "Snapshot", "snapshotPriority": 9})
    clone = ready(writer, response.headers["location"])
    assert (clone["snapshotStatus"], clone["snapshotPriority"]) == ("success", 9)
    assert writer.delete(f"{SNAPSHOTS}/{first}").status_code == 204
    assert writer.get(f"{SNAPSHOTS}/{first}").status_code == 404
    assert [one["id"] for one in within(writer, clone["id"], "entities?type=Halte").json()] == [halte]
    assert (
        writer.post(SNAPSHOTS, json={"type": "Snapshot", "snapshotQueries": [HALTE], "id": clone["id"]}).status_code
        == 409
    )


def test_5_16_4_priority_and_lifetime_can_be_changed(writer: httpx2.Client, halte: str) -> None:
    path = f"{SNAPSHOTS}/{make(writer, HALTE)}"
    changed = writer.patch(path, json={"snapshotPriority": 2, "snapshotLifetime": "P9Y"})
    assert (changed.status_code, changed.json()["snapshotPriority"]) == (200, 2)
    assert changed.json()["expiresAt"][:4] < "2999"
    assert writer.patch(path, json={"snapshotQueries": []}).status_code == 400
    assert writer.patch(path, json={}).status_code == 400


def test_5_16_7_a_purge_removes_what_q_is_about(writer: httpx2.Client, halte: str) -> None:
    low, high = make(writer, HALTE, snapshotPriority=1), make(writer, HALTE, snapshotPriority=8)
    for wrong in ("", "?q=speed>50", "?q=(("):
        assert writer.delete(SNAPSHOTS + wrong).status_code == 400
    assert writer.delete(f'{SNAPSHOTS}?q=snapshotPriority<5;snapshotStatus=="success"').status_code == 204
    assert [writer.get(f"{SNAPSHOTS}/{one}").status_code for one in (low, high)] == [404, 200]


def test_6_3_22_an_unknown_snapshot_is_not_found_and_subscriptions_are_not_within(
    writer: httpx2.Client, halte: str
) -> None:
    assert within(writer, "urn:ngsi-ld:Snapshot:none", "entities?type=Halte").status_code == 404
    assert within(writer, make(writer, HALTE), "subscriptions").status_code == 501


def test_a_snapshot_shows_a_stranger_only_what_is_public(served: Served, writer: httpx2.Client, halte: str) -> None:
    snapshot_id = make(writer, HALTE, {"type": "Query", "entities": [{"type": "Warga"}]})
    warga = "urn:ngsi-ld:Warga:snap1"
    assert within(writer, snapshot_id, f"entities/{warga}").status_code == 200
    with served.client() as stranger:
        assert within(stranger, snapshot_id, f"entities/{warga}").status_code in {401, 404}
        everything = within(stranger, snapshot_id, "entities?local=true&count=true")
        assert [one["id"] for one in everything.json()] == [halte]
        assert everything.headers["ngsild-results-count"] == "1"
        assert within(stranger, snapshot_id, f"temporal/entities/{warga}").status_code in {401, 404}
        assert stranger.get(f"{SNAPSHOTS}/{snapshot_id}").status_code == 401
        assert stranger.post(SNAPSHOTS, json={"type": "Snapshot", "snapshotQueries": [HALTE]}).status_code == 401
        assert within(stranger, snapshot_id, f"entities/{halte}", "DELETE").status_code == 401


def test_a_snapshot_is_changed_by_its_maker_or_a_writer_alone(
    served: Served, writer: httpx2.Client, halte: str
) -> None:
    with served.client(authorization=f"Bearer {served.token('reader')}") as reader:
        theirs, mine = make(writer, HALTE), make(reader, HALTE)
        assert reader.delete(f"{SNAPSHOTS}/{theirs}").status_code == 403
        assert reader.patch(f"{SNAPSHOTS}/{theirs}", json={"snapshotPriority": 1}).status_code == 403
        assert reader.delete(f"{SNAPSHOTS}?q=snapshotPriority>0").status_code == 204
        assert reader.get(f"{SNAPSHOTS}/{theirs}").status_code == 200
        assert reader.get(f"{SNAPSHOTS}/{mine}").status_code == 404
        assert within(reader, theirs, f"entities/{halte}", "DELETE").status_code == 403


def test_5_5_15_the_least_important_gives_way_where_there_is_no_room(
    writer: httpx2.Client, halte: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SNAPSHOTS_PER_CITY_MAX", 2)
    first, second = make(writer, HALTE, snapshotPriority=3), make(writer, HALTE, snapshotPriority=4)
    body = {"type": "Snapshot", "snapshotQueries": [HALTE], "snapshotPriority": 3}
    refused = writer.post(SNAPSHOTS, json=body)
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (403, "TooManyResults")
    third = make(writer, HALTE, snapshotPriority=4)
    assert [writer.get(f"{SNAPSHOTS}/{one}").status_code for one in (first, second, third)] == [404, 200, 200]


def test_what_has_expired_is_gone_with_its_file(served: Served, writer: httpx2.Client, halte: str) -> None:
    snapshot_id = make(writer, HALTE)
    within(writer, snapshot_id, "entities?type=Halte")
    folder = served.hub.settings.data_directory / "snapshots" / "padang"
    assert list(folder.glob("*.db"))
    assert writer.patch(f"{SNAPSHOTS}/{snapshot_id}", json={"snapshotLifetime": "PT0.001S"}).status_code == 200
    assert writer.get(f"{SNAPSHOTS}/{snapshot_id}").status_code == 404
    assert within(writer, snapshot_id, "entities?type=Halte").status_code == 404
    served.run(served.hub.snapshots.sweep)
    assert not list(folder.glob("*.db*"))


def test_a_lifetime_is_bounded_by_the_hub() -> None:
    assert count_lifetime("P99Y") == limits.SNAPSHOT_SECONDS_MAX * 1_000_000
    with pytest.raises(BadRequestData, match="at most"):
        parse_new({"type": "Snapshot", "snapshotQueries": [HALTE] * (limits.SNAPSHOT_QUERIES_MAX + 1)})


def test_a_snapshot_survives_a_restart_and_one_half_made_has_failed(tmp_path: Path) -> None:
    async def once(work: Any) -> Any:
        settings = Settings(tenant="padang", folder=tmp_path, data=tmp_path / "data", open_access=True, syncs=False)
        async with open_hub(settings) as hub:
            hub.contexts.preload("https://contexts.example.org/kota.jsonld", CONTEXT)
            return await work(hub)

    async def first(hub: Any) -> None:

        for snapshot_id, status in (("urn:x:done", "success"), ("urn:x:half", "preparing")):
            kept = Kept(
                snapshot_id, snapshot_id[-4:], "open", 0, {"snapshotQueries": [HALTE]}, 5, "", 1, 1, 1, 2**60, status
            )
            await hub.snapshots.put("padang", kept)

    async def second(hub: Any) -> list[str]:
        return [one.status for one in hub.snapshots.list_all("padang")]

    asyncio.run(once(first))
    assert asyncio.run(once(second)) == ["success", "failure"]


def test_5_16_3_the_state_of_a_snapshot_is_told_and_5_16_5_it_is_deleted(writer: httpx2.Client, halte: str) -> None:
    snapshot_id = make(writer, HALTE)
    path = f"{SNAPSHOTS}/{snapshot_id}"
    told = writer.get(path).json()
    assert (told["id"], told["type"], told["snapshotStatus"]) == (snapshot_id, "Snapshot", "success")
    assert writer.delete(path).status_code == 204
    for method in ("GET", "DELETE"):
        assert writer.request(method, path).json()["type"].endswith("/ResourceNotFound")
        assert writer.request(method, f"{SNAPSHOTS}/bukan-uri").json()["type"].endswith("/BadRequestData")
    assert within(writer, snapshot_id, f"entities/{halte}").status_code == 404
