"""What is wrong with a source, and how an office's agent fares, as pages tell it: in words, live, to whom it is for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from simpul import limits
from simpul.app import identity, sources
from simpul.connect.city import load_city
from simpul.domain.delivery import PROTOCOL
from tests.browser.city import build_city
from tests.browser.conftest import DESKTOP, PHONE, TENANT, Host, Look, Served, free_port_now, sign_in
from tests.browser.test_accessibility import AXE, LOOKS, violations

pytestmark = pytest.mark.browser

INTEGRATOR = ("integrator",)
AGENT = """
source: kantor
agency: kominfo
title: {id: Kantor kelurahan, en: Sub-district offices}
kind: table
read_by: agent
read: {path: kantor.csv}
key: id
entity:
  type: Office
  id: "urn:ngsi-ld:Office:kota:{id}"
  attributes: {name: nama}
schedule: {every: 1h}
"""
US_PER_SECOND = 1_000_000
PLACES = ("/", "/sources", "/sources/genangan", "/sources/kantor")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A hub with a source whose file is gone since three runs, and one that an agent reads."""
    folder = tmp_path_factory.mktemp("kota")
    build_city(folder)
    host = Host(folder, free_port_now())
    served = host.start()
    (folder / "sources" / "kantor.yaml").write_text(AGENT.lstrip())
    city = load_city(folder).city
    assert city is not None
    served.run(partial(sources.apply, identity.operator(TENANT), served.hub, city))
    tell(served, waiting=0)
    lose(served)
    yield served
    host.stop()


def lose(served: Served) -> None:
    """Take a source's file away and read it as often as makes an alert."""
    folder = Path(served.hub.settings.folder) / "systems"
    (folder / "genangan.csv").rename(folder / "genangan-hilang.csv")
    for _ in range(limits.ALERT_FAILURES_DEFAULT):
        served.sync("genangan")


def find(served: Served) -> None:
    folder = Path(served.hub.settings.folder) / "systems"
    (folder / "genangan-hilang.csv").rename(folder / "genangan.csv")
    served.sync("genangan")


def tell(served: Served, *, trouble: str = "", clock_off_seconds: int = 0, **told: Any) -> None:
    """Say to the hub what an agent says of itself."""
    operator = identity.operator(TENANT)
    secret = served.run(lambda: identity.create_agent_token(operator, served.hub, "Kantor", "kantor"))[1]
    clock_us = (int(time.time()) + clock_off_seconds) * US_PER_SECOND
    hello = {
        "protocol": PROTOCOL,
        "queue": "antrean",
        "number": 1,
        "clock_us": clock_us,
        "told": {"trouble": trouble, "read_us": clock_us, **told},
    }
    with served.client(authorization=f"Bearer {secret}") as client:
        answer = client.post("/deliveries/kantor", json=hello)
    assert answer.status_code == 200, answer.text


@pytest.fixture
def open_as_integrator(visit: Callable[..., Page], served: Served) -> Callable[..., Page]:
    def open_page(path: str, look: Look = DESKTOP, init_script: Path | None = None) -> Page:
        page = visit("/", look, init_script)
        sign_in(page, served.token(*INTEGRATOR))
        page.goto(path)
        return page

    return open_page


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("path", PLACES)
def test_a_page_that_tells_of_trouble_breaks_no_rule_of_accessibility(
    open_as_integrator: Callable[..., Page], served: Served, path: str, look: str
) -> None:
    tell(served, waiting=3, trouble="There is no file kantor.csv; its folder is empty.", clock_off_seconds=7_200)
    page = open_as_integrator(path, LOOKS[look], AXE)
    assert violations(page) == []


@pytest.mark.parametrize("path", PLACES)
def test_nothing_of_it_is_wider_than_a_phone(open_as_integrator: Callable[..., Page], path: str) -> None:
    page = open_as_integrator(path, PHONE)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("path", ["/", "/sources"])
def test_an_alert_names_its_source_and_leads_to_it_by_keyboard(visit: Callable[..., Page], path: str) -> None:
    page = visit(path)
    alert = page.locator("#alerts")
    expect(alert).to_contain_text("Kedalaman genangan: Gagal terus-menerus")
    expect(alert).to_contain_text("Data baik yang terakhir masih ada")
    alert.get_by_role("link", name="Kedalaman genangan").focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Kedalaman genangan")


def test_strangers_are_told_that_but_not_what_the_agencys_system_said(served: Served) -> None:
    with served.client(accept_language="en") as client:
        for path in PLACES:
            text = client.get(path).text
            assert "There is no file" not in text
        assert "It fails again and again" in client.get("/sources/genangan").text


def test_on_its_own_page_a_failure_is_told_once_and_in_the_readers_language(
    open_as_integrator: Callable[..., Page],
) -> None:
    page = open_as_integrator("/sources/genangan")
    told = page.locator(".told")
    expect(told).to_have_count(1)
    expect(told).to_contain_text("Tidak ada berkas")
    expect(page.locator("#alerts a")).to_have_count(0)
    expect(page.locator("#alerts")).to_contain_text("Gagal terus-menerus")


def test_an_alert_comes_and_goes_without_reloading(visit: Callable[..., Page], served: Served) -> None:
    page = visit("/sources")
    expect(page.locator(".line-state")).to_have_attribute("data-line", "on")
    page.evaluate("() => { window.sameDocument = true; }")
    find(served)
    expect(page.locator("#alerts")).to_be_hidden()
    lose(served)
    expect(page.locator("#alerts")).to_contain_text("Gagal terus-menerus")
    assert page.evaluate("() => window.sameDocument") is True


def test_the_card_of_an_agent_tells_what_waits_and_what_is_in_its_way(
    open_as_integrator: Callable[..., Page], served: Served
) -> None:
    tell(served, waiting=3, trouble="There is no file kantor.csv; its folder is empty.", clock_off_seconds=7_200)
    card = open_as_integrator("/sources/kantor").locator("#agent")
    expect(card).to_contain_text("Agen di kantor")
    expect(card).to_contain_text("3 bacaan")
    expect(card).to_contain_text("Tidak ada berkas kantor.csv; foldernya kosong.")
    expect(card).to_contain_text("Terakhir dibacabaru saja")
    expect(card).to_contain_text("Jam mesinnya salah")


def test_strangers_are_not_told_what_an_offices_machine_said(visit: Callable[..., Page], served: Served) -> None:
    tell(served, trouble="There is no file kantor.csv; its folder is empty.")
    card = visit("/sources/kantor").locator("#agent")
    expect(card).to_contain_text("Terakhir terdengar")
    expect(card).not_to_contain_text("kantor.csv")


def test_all_that_is_wrong_with_a_source_stands_in_one_entry(visit: Callable[..., Page], served: Served) -> None:
    page = visit("/sources")
    entry = page.locator("#alerts li", has_text="Kedalaman genangan")
    expect(entry).to_have_count(1)
    expect(entry).to_contain_text("Data baik yang terakhir masih ada, dari")
    counts = page.locator("#agencies tr[data-id=genangan] td[data-number]")
    assert counts.all_inner_texts()[:2] == ["–", "–"]
