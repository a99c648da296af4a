"""Who may register sources, and who sees what sources tell."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from simpul.domain.errors import PeerUnreachable
from simpul.peers import HttpPeer
from simpul.ports.peer import PeerRequest
from tests.federation.conftest import ENTITIES, REGISTRATIONS, registration, served_hub, value
from tests.http.conftest import API, Served, raise_unless_problem

PERSON = {"id": "urn:ngsi-ld:Person:1", "type": "Person", "nama": value("Siti")}
HALTE = {"id": "urn:ngsi-ld:Halte:1", "type": "Halte", "nama": value("Pasar Raya")}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, neighbour: Served) -> Iterator[Served]:
    """Serve a hub that declares Halte public, and has the neighbour as a source of everything."""
    for served in served_hub(tmp_path_factory, open_access=False):
        with served.client(authorization=f"Bearer {served.token('integrator')}") as integrator:
            everything = [{"entities": [{"type": "Halte"}, {"type": "Person"}]}]
            secret = [{"key": "X-Api-Key", "value": "hunter2"}]
            sent = registration(neighbour.url, information=everything, contextSourceInfo=secret)
            assert integrator.post(REGISTRATIONS, json=sent).status_code == 201
        with neighbour.client() as there:
            assert there.post(f"{API}/entityOperations/upsert", json=[PERSON, HALTE]).status_code == 201
        yield served


def test_a_stranger_neither_makes_nor_reads_registrations(guarded: Served) -> None:
    with guarded.client() as stranger:
        assert stranger.post(REGISTRATIONS, json=registration("http://hub.example.org")).status_code == 401
        assert stranger.get(f"{REGISTRATIONS}?type=Halte").status_code == 401
        assert stranger.get(f"{REGISTRATIONS}/urn:x:1").status_code == 401
        assert stranger.get(f"{API}/csourceSubscriptions").status_code == 401


def test_a_reader_sees_registrations_without_their_secrets(guarded: Served) -> None:
    with guarded.client(authorization=f"Bearer {guarded.token('reader')}") as reader:
        (told,) = reader.get(f"{REGISTRATIONS}?type=Halte").json()
        assert "contextSourceInfo" not in told
        assert reader.delete(f"{REGISTRATIONS}/{told['id']}").status_code == 403


def test_a_stranger_sees_of_a_source_what_the_city_declares_public(guarded: Served) -> None:
    with guarded.client() as stranger:
        assert stranger.get(f"{ENTITIES}/{HALTE['id']}").json()["nama"]["value"] == "Pasar Raya"
        assert stranger.get(f"{ENTITIES}/{PERSON['id']}").status_code == 401
        assert stranger.get(f"{ENTITIES}?type=Person").status_code == 401
        assert [one["id"] for one in stranger.get(f"{ENTITIES}?attrs=nama").json()] == [HALTE["id"]]
        assert "Person" not in stranger.get(f"{API}/types").text


def test_a_stranger_is_not_told_how_many_a_source_has_that_are_not_public(guarded: Served) -> None:
    asked = f"{ENTITIES}?attrs=nama&limit=1&count=true"
    with guarded.client(authorization=f"Bearer {guarded.token('integrator')}") as integrator:
        assert integrator.get(asked).headers["ngsild-results-count"] == "2"
    with guarded.client() as stranger:
        assert stranger.get(asked).headers["ngsild-results-count"] == "1"
        assert stranger.get(f"{ENTITIES}?type=Halte&limit=1&count=true").headers["ngsild-results-count"] == "1"


@pytest.mark.parametrize("join", ["inline", "flat"])
def test_a_stranger_sees_of_a_linked_entity_elsewhere_what_is_public(guarded: Served, join: str) -> None:
    linking = {
        "id": "urn:ngsi-ld:Halte:9", "type": "Halte",
        "penjaga": {"type": "Relationship", "object": PERSON["id"], "objectType": "Person"},
        "dekat": {"type": "Relationship", "object": HALTE["id"], "objectType": "Halte"},
    }  # fmt: skip
    with guarded.client(authorization=f"Bearer {guarded.token('integrator')}") as integrator:
        assert integrator.post(f"{ENTITIES}?local=true", json=linking).status_code == 201
        path = f"{ENTITIES}/{linking['id']}?join={join}"
        assert "Siti" in integrator.get(path).text
        with guarded.client() as stranger:
            for asked in (path, f"{ENTITIES}?type=Halte&join={join}"):
                response = stranger.get(asked)
                assert response.status_code == 200, response.text
                assert "Siti" not in response.text
                assert "Pasar Raya" in response.text
        integrator.delete(f"{ENTITIES}/{linking['id']}?local=true")


def test_a_token_is_not_handed_on(guarded: Served) -> None:
    with guarded.client(authorization=f"Bearer {guarded.token('integrator')}") as integrator:
        sent = registration(
            "http://hub.example.org", contextSourceInfo=[{"key": "Cookie", "value": "urn:ngsi-ld:request"}]
        )
        raise_unless_problem(integrator.post(REGISTRATIONS, json=sent), 400, "BadRequestData")


def test_a_source_in_the_hubs_own_network_is_not_asked_unless_allowed(neighbour: Served) -> None:
    async def ask() -> None:
        peer = HttpPeer(allow_private_addresses=False)
        try:
            await peer.send(PeerRequest("GET", f"{neighbour.url}/version", (), b"", 1_000))
        finally:
            await peer.close()

    with pytest.raises(PeerUnreachable, match="private network"):
        neighbour.run(ask)
    assert httpx2.get(f"{neighbour.url}/version").status_code == 200
