"""Every page, in both languages: it renders, is light, is free of inline code, and asks no other host."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ADMINISTRATOR, DESKTOP, PHONE, Served, sign_in, wait_for_maps

pytestmark = pytest.mark.browser

PUBLIC = (
    "/",
    "/answers/tergenang",
    "/sources",
    "/sources/halte",
    "/entities",
    "/entities?type=BusStop",
    "/entities?type=BusStop&view=map&sort=passengers&order=desc",
    "/entities/urn:ngsi-ld:BusStop:kota:3",
    "/entities/urn:ngsi-ld:RainGauge:kota:P1",
    "/search?q=halte",
    "/sign-in",
)
LANGUAGES = {"id": "id-ID", "en": "en-GB"}
FIRST_VIEW_BYTES_MAX = 300_000

HEADINGS = {
    "/": {"id": "Kota Contoh", "en": "Sample City"},
    "/sources": {"id": "Sumber data", "en": "Sources"},
    "/entities": {"id": "Data kota", "en": "City data"},
    "/entities?type=BusStop": {"id": "Halte", "en": "Bus stops"},
    "/sign-in": {"id": "Masuk", "en": "Sign in"},
}


@pytest.mark.parametrize("path", PUBLIC)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_renders_without_complaint(visit: Callable[..., Page], path: str, language: str) -> None:
    page = visit(path, replace(DESKTOP, language=LANGUAGES[language]))
    if language == "id":
        wait_for_maps(page)
    assert page.locator("html").get_attribute("lang") == language
    expect(page.locator("h1, h2").first).to_be_visible()
    if path in HEADINGS:
        expect(page.locator("h1")).to_have_text(HEADINGS[path][language])


@pytest.mark.parametrize("path", PUBLIC)
def test_no_page_scrolls_sideways_on_a_phone(visit: Callable[..., Page], path: str) -> None:
    page = visit(path, PHONE)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= PHONE.width


@pytest.mark.parametrize("path", PUBLIC)
def test_a_page_has_no_inline_code_and_a_strict_policy(served: Served, path: str) -> None:
    with served.client() as client:
        answer = client.get(path)
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert re.search(r"<script(?![^>]*\bsrc=)", answer.text) is None
    assert re.search(r"<style|\sstyle=|\son[a-z]+=", answer.text) is None
    assert re.findall(r"(?:src|href)=\"(?:https?:)?//", answer.text) == []


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_a_page_names_each_header_that_it_varies_with_once(served: Served, encoding: str) -> None:
    with served.client(accept_encoding=encoding) as client:
        varies = client.get("/").headers["vary"].split(", ")
    assert sorted(varies) == ["Accept-Encoding", "Accept-Language", "Cookie"]


def test_the_first_view_is_light(served: Served) -> None:
    with served.client(accept_encoding="gzip") as client:
        page = client.get("/")
        names = re.findall(r'(?:src|href)="(/static/[^"]+|/theme\.css)"', page.text)
        sizes = [int(client.get(name).headers["content-length"]) for name in dict.fromkeys(names)]
        sizes.append(int(page.headers["content-length"]))
    assert sum(sizes) < FIRST_VIEW_BYTES_MAX


def test_the_language_asked_for_is_kept(visit: Callable[..., Page]) -> None:
    page = visit("/sources")
    page.click("nav.languages a[hreflang=en]")
    expect(page.locator("h1")).to_have_text("Sources")
    page.goto("/entities")
    expect(page.locator("h1")).to_have_text("City data")


def test_a_page_reads_without_script(browser_without_script: Callable[[str], Page]) -> None:
    page = browser_without_script("/")
    expect(page.locator(".figure").first).to_contain_text("7")
    page.click("tbody th a >> nth=0")
    expect(page.locator("h1")).to_have_text("Halte 7")


def test_what_is_not_there_has_a_page_of_its_own(visit: Callable[..., Page]) -> None:
    page = visit("/tidak-ada")
    expect(page.locator("h1, h2").first).to_have_text("Tidak ada apa-apa di sini")
    assert page.locator("a[href='/']").count() >= 1


def test_a_number_opens_to_its_sources(visit: Callable[..., Page]) -> None:
    page = visit("/")
    page.click(".figure >> nth=3")
    panel = page.locator("#panel")
    expect(panel).to_contain_text("Jumlah kolom “Penduduk”")
    expect(panel.locator("a[href='/sources/penduduk']")).to_be_visible()
    assert "selected=" in page.url
    page.reload()
    expect(page.locator("#panel")).to_contain_text("Jumlah kolom “Penduduk”")


def test_what_is_chosen_in_the_table_is_chosen_on_the_map_and_in_the_address(visit: Callable[..., Page]) -> None:
    page = visit("/")
    wait_for_maps(page)
    page.click("tr[data-id='urn:ngsi-ld:BusStop:kota:5'] th a")
    expect(page.locator("#panel h2")).to_have_text("Halte 5")
    expect(page.locator("tr[data-id='urn:ngsi-ld:BusStop:kota:5']")).to_have_attribute("aria-selected", "true")
    assert "BusStop" in page.url


def test_a_table_sorts_searches_and_keeps_its_state_in_the_address(visit: Callable[..., Page]) -> None:
    page = visit("/entities?type=BusStop")
    first = page.locator("tbody tr >> nth=0").locator("th")
    page.click("thead a:has-text('Passengers')")
    expect(first).to_have_text("Halte 7")
    assert "sort=passengers" in page.url
    page.fill("form[data-swap] input[type=search]", "halte 2")
    expect(page.locator("#listing tbody tr")).to_have_count(1)
    assert "q=halte+2" in page.url
    page.reload()
    expect(page.locator("#listing tbody tr")).to_have_count(1)


def test_an_attribute_tells_its_source_and_run(visit: Callable[..., Page]) -> None:
    page = visit("/entities/urn:ngsi-ld:BusStop:kota:3")
    row = page.locator("#attributes tr", has_text="Nama")
    expect(row).to_contain_text("Halte bus")
    expect(row.locator("a")).to_have_attribute("href", "/sources/halte")


def test_history_is_drawn_and_told(visit: Callable[..., Page]) -> None:
    page = visit("/entities/urn:ngsi-ld:RainGauge:kota:P1")
    expect(page.locator(".chart canvas")).to_be_visible()
    page.click("summary")
    expect(page.locator("details table tbody tr")).to_have_count(12)


def test_a_manager_sees_the_rejected_row_and_runs_the_source(visit: Callable[..., Page], served: Served) -> None:
    page = visit("/")
    sign_in(page, served.token(*ADMINISTRATOR))
    page.goto("/sources/halte")
    expect(page.locator("#rejects")).to_contain_text("Tidak boleh kosong")
    page.click("#rejects summary")
    expect(page.locator("#rejects .raw")).to_contain_text("100.350")
    before = page.locator("#runs tbody tr").count()
    page.click("#source-state button")
    expect(page.locator("#runs tbody tr")).to_have_count(before + 1)


def test_what_is_seen_can_be_downloaded(served: Served) -> None:
    with served.client() as client:
        answer = client.get("/entities.csv?type=BusStop&sort=passengers&order=desc")
    lines = answer.text.lstrip("\ufeff").splitlines()
    assert lines[0] == "id,name,passengers,location"
    assert lines[1].startswith("urn:ngsi-ld:BusStop:kota:7,Halte 7,700,")
    assert len(lines) == 9
