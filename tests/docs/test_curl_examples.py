"""The commands with curl that the how-to pages show work as they stand, typed into a shell, against a served hub."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator

import httpx2
import pytest

from tests.house.tree import ROOT
from tests.http.conftest import API, Served, serve

PAGES = ROOT / "docs/how-to"
BLOCK = re.compile(r"^```(?:sh|text)\n(.*?)^```", re.MULTILINE | re.DOTALL)
TAG_SHOWN = "5b0c1f4ad2a3e96c8b7d0e11"
STOP = "urn:ngsi-ld:BusStop:padang:1"
# These pages have tests of their own: `test_questions.py`, `test_tutorial.py`, `test_readme.py`.
HERE = ("notify-an-application", "give-access", "change-what-is-unchanged", "hear-when-a-source-fails")
ELSEWHERE = frozenset({"ask-with-links-and-orders"})


def commands(page: str) -> list[str]:
    """Return the commands with curl of a page."""
    text = (PAGES / f"{page}.md").read_text(encoding="utf-8")
    return [block for block in BLOCK.findall(text) if block.startswith("curl ")]


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    yield from serve(tmp_path_factory.mktemp("kota"))


@pytest.fixture
def stop(city: Served) -> Iterator[httpx2.Client]:
    """Return a client of a hub that has the bus stop of the pages."""
    with city.client(authorization=f"Bearer {city.token('integrator')}") as client:
        name = {"type": "Property", "value": "Pasar Raya"}
        body = {"id": STOP, "type": "BusStop", "name": name, "capacity": {"type": "Property", "value": 40}}
        assert client.post(f"{API}/entities", json=body).status_code == 201
        yield client
        assert client.delete(f"{API}/entities/{STOP}").status_code == 204


def run(city: Served, command: str) -> tuple[int, str]:
    """Return the status that a command was answered with, and all that curl wrote."""
    typed = command.replace("http://127.0.0.1:1026", city.url).replace("curl ", "curl -s -w '\\n%{http_code}' ", 1)
    token = city.token("integrator")
    typed = typed.replace("simpul_…", token)
    told = subprocess.run(
        ["bash", "-c", typed],  # The shell that the pages are written for.
        env={"PATH": os.environ["PATH"], "TOKEN": token}, capture_output=True, text=True, timeout=20, check=True,
    )  # fmt: skip
    answered, _, status = told.stdout.rpartition("\n")
    return int(status), answered


def test_every_page_with_curl_is_tried() -> None:
    shown = {page.stem for page in PAGES.glob("*.md") if commands(page.stem)}
    assert shown == {*HERE, *ELSEWHERE}


@pytest.mark.parametrize(("page", "name"), [
    ("notify-an-application", "Departure boards"), ("hear-when-a-source-fails", "Sources that fail"),
])  # fmt: skip
def test_5_8_1_a_subscription_is_made_as_the_page_says(city: Served, stop: httpx2.Client, page: str, name: str) -> None:
    (command,) = commands(page)
    status, answered = run(city, command)
    assert status == 201, answered
    (location,) = re.findall(r"(?im)^location: (\S+)", answered)
    assert stop.get(location).json()["subscriptionName"] == name
    assert stop.delete(location).status_code == 204


def test_a_token_is_used_as_the_page_says(city: Served) -> None:
    (command,) = commands("give-access")
    assert run(city, command) == (200, "[]")


def test_an_entity_is_changed_only_while_unchanged_as_the_page_says(city: Served, stop: httpx2.Client) -> None:
    read, again, change = commands("change-what-is-unchanged")
    status, answered = run(city, read.replace("'http", f"-H 'Authorization: Bearer {city.token('reader')}' 'http", 1))
    assert status == 200, answered
    (tag,) = re.findall(r'(?im)^etag: "([0-9a-f]+)"', answered)
    assert len(tag) == len(TAG_SHOWN)
    told = f"-H 'Authorization: Bearer {city.token('reader')}' -H 'If-None"
    assert run(city, again.replace(TAG_SHOWN, tag).replace("-H 'If-None", told, 1))[0] == 304
    assert run(city, change)[0] == 412
    assert run(city, change.replace(TAG_SHOWN, tag)) == (204, "")
    assert stop.get(f"{API}/entities/{STOP}").json()["capacity"]["value"] == 41
    assert run(city, change.replace(TAG_SHOWN, tag))[0] == 412
