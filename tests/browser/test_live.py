"""What happens in the hub shows on open pages without a reload, and a lost line heals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ADMINISTRATOR, Served

pytestmark = pytest.mark.browser

STOP = "/ngsi-ld/v1/entities/urn:ngsi-ld:BusStop:kota:3"


def write_passengers(served: Served, count: int) -> None:
    headers = {"authorization": f"Bearer {served.token(*ADMINISTRATOR)}"}
    with served.client(**headers) as client:
        answer = client.patch(f"{STOP}/attrs", json={"passengers": {"type": "Property", "value": count}})
    assert answer.status_code == 204


def test_a_written_number_shows_without_a_reload(visit: Callable[..., Page], served: Served) -> None:
    page = visit("/entities/urn:ngsi-ld:BusStop:kota:3")
    expect(page.locator(".line-state")).to_have_attribute("data-line", "on")
    page.evaluate("() => { window.sameDocument = true; }")
    write_passengers(served, 4321)
    expect(page.locator("#attributes tr", has_text="Passengers")).to_contain_text("4.321", timeout=10_000)
    assert page.evaluate("() => window.sameDocument") is True


def test_a_run_renews_the_numbers_of_home(visit: Callable[..., Page], served: Served) -> None:
    page = visit("/")
    expect(page.locator(".line-state")).to_have_attribute("data-line", "on")
    figure = page.locator(".figure b >> nth=0")
    expect(figure).to_have_text("7")
    depths = Path(served.hub.settings.folder) / "systems" / "genangan.csv"
    depths.write_text(depths.read_text().replace("\n1,0.4\n", "\n1,0.0\n"))
    served.sync("genangan")
    expect(figure).to_have_text("6", timeout=10_000)


def test_a_lost_line_is_shown_and_heals(visit: Callable[..., Page], served: Served) -> None:
    page = visit("/sources")
    page.route("**/live", lambda route: route.abort())
    page.reload()
    line = page.locator(".line-state")
    expect(line).to_have_attribute("data-line", "off")
    expect(line).to_have_text("Sambungan terputus, sedang dicoba lagi")
    page.unroute("**/live")
    expect(line).to_have_attribute("data-line", "on", timeout=15_000)


def test_the_stream_tells_an_anonymous_visitor_nothing_of_persons(served: Served) -> None:
    headers = {"authorization": f"Bearer {served.token(*ADMINISTRATOR)}"}
    person = {"id": "urn:ngsi-ld:Person:kota:baru", "type": "Person", "name": {"type": "Property", "value": "Nobody"}}
    with served.client() as reader, served.client(**headers) as writer, reader.stream("GET", "/live") as stream:
        lines = stream.iter_lines()
        assert next(lines) == "event: hello"
        assert writer.post("/ngsi-ld/v1/entities", json=person).status_code == 201
        write_passengers(served, 77)
        told = ""
        while "BusStop" not in told:
            told += next(lines)
    assert "Person" not in told
