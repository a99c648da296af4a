"""`simpul token`, `tenant`, `plan`, `apply` and `sync` while a hub serves: it is asked over a socket of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from simpul.cli import main
from simpul.main import open_hub
from simpul.operator_socket import listening, socket_path
from simpul.settings import Settings
from tests.connect.kota import TENANT, Kota, csv_source


@pytest.fixture
def city(kota: Kota, monkeypatch: pytest.MonkeyPatch) -> Kota:
    monkeypatch.setenv("SIMPUL_FOLDER", str(kota.folder))
    kota.write_csv("halte.csv", [["id", "nama"], [1, "Pasar Raya"], [2, "Terminal"]])
    kota.declare(csv_source())
    return kota


@pytest.fixture
def data(city: Kota) -> Iterator[Path]:
    """Hold the city open as a hub that serves it does; return its data folder."""
    settings = Settings(folder=city.folder, tenant=TENANT, syncs=False)
    ready, stop = threading.Event(), threading.Event()

    async def hold() -> None:
        async with open_hub(settings) as hub, listening(hub):
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(hold()), daemon=True)
    thread.start()
    assert ready.wait(20)
    yield settings.data_directory
    stop.set()
    thread.join(20)
    assert not socket_path(settings.data_directory).exists()


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def test_tokens_are_made_listed_and_revoked_while_a_hub_serves(data: Path) -> None:
    made = call("token", "create", "papan", "--role", "reader", "--days", "3")
    assert made.exit_code == 0, made.output
    assert made.output.splitlines()[-1].startswith("simpul_")
    token_id = made.output.split()[1]
    assert f"{token_id}  reader" in call("token", "list").output
    assert call("token", "revoke", token_id).output == f"Revoked {token_id}.\n"
    assert "revoked" in call("token", "list").output
    wrong = call("token", "revoke", "nobody")
    assert (wrong.exit_code, "nobody" in wrong.output) == (1, True)


def test_sources_are_read_by_the_hub_that_serves(data: Path) -> None:
    result = call("sync")
    assert result.exit_code == 0, result.output
    assert "2 changed" in result.output
    assert call("sync", "haltee").exit_code == 1


def test_what_is_declared_anew_is_in_force_in_the_hub_that_serves(data: Path, city: Kota) -> None:
    city.write("sources/shelter.yaml", csv_source(source="shelter"))
    applied = call("apply")
    assert applied.exit_code == 0, applied.output
    assert "shelter" in applied.output
    assert call("sync", "shelter").exit_code == 0
    assert call("apply").output == "Nothing to change.\n"


def test_what_would_change_is_told_while_a_hub_serves_and_changes_nothing(data: Path, city: Kota) -> None:
    city.write("sources/shelter.yaml", csv_source(source="shelter"))
    (city.folder / "halte.csv").write_text('id,nama\n1,Pasar Raya\n2,"Terminal\n')
    planned = call("plan", "--rows", "5")
    assert planned.exit_code == 0, planned.output
    assert planned.output.startswith("+ source shelter\n\nshelter: columns id, nama\n  of 2 rows, 1 would go in")
    assert "\n  line 3: the quotes are wrong" in planned.output
    assert call("sync", "shelter").exit_code == 1
    assert call("apply").output.startswith("+ source shelter\n")


def test_cities_are_made_and_not_removed_while_a_hub_serves(data: Path) -> None:
    assert call("tenant", "create", "solok").exit_code == 0
    assert call("tenant", "list").output.split() == [TENANT, "solok"]
    refused = call("tenant", "delete", "solok", "--confirm", "solok")
    assert (refused.exit_code, "Stop the hub" in refused.output) == (1, True)


def test_sources_their_runs_and_what_was_kept_aside_are_told_while_a_hub_serves(data: Path, city: Kota) -> None:
    city.write_csv("halte.csv", [["id", "nama"], [1, "Pasar Raya"], [1, "Terminal"]])
    assert call("sync").exit_code == 0
    listed = call("source", "list")
    assert listed.exit_code == 0, listed.output
    assert listed.output.splitlines()[1].split()[:4] == ["halte", "dishub", "table", "ok"]
    assert call("source", "runs", "halte").output.splitlines()[1].split()[-1] == "ok"
    assert "Terminal" in call("source", "rejects", "halte").output
    assert "no source" in call("source", "rejects", "haltee").output


def test_a_second_hub_over_the_same_city_is_refused(data: Path) -> None:
    refused = call("serve")
    assert refused.exit_code == 1
    assert "is in use by another Simpul process. Wait until that one has ended, or stop it" in refused.output


def test_the_socket_is_its_owners_alone(data: Path) -> None:
    assert socket_path(data).stat().st_mode & 0o777 == 0o600


def test_a_socket_that_a_killed_hub_left_is_in_nobodys_way(city: Kota) -> None:
    path = socket_path(city.folder / "data")
    path.touch()
    assert call("token", "list").exit_code == 0
    assert call("sync").exit_code == 0


@pytest.mark.parametrize("line", [b"{}\n", b"no json\n", b'{"command":"x","given":{}}\n'])
def test_a_request_of_another_version_is_told_so(data: Path, line: bytes) -> None:
    async def ask() -> bytes:
        reader, writer = await asyncio.open_unix_connection(str(socket_path(data)))
        writer.write(line)
        told = await reader.readline()
        writer.close()
        return told

    assert b'"error"' in asyncio.run(ask())
