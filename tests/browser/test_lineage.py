"""An entity's page leads each attribute back to its row and the line that made it, for those who keep the sources."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, Look, Served, sign_in
from tests.browser.test_accessibility import AXE, LOOKS, violations

pytestmark = pytest.mark.browser

STOP = "/entities/urn:ngsi-ld:BusStop:kota:3"
GAUGE = "/entities/urn:ngsi-ld:RainGauge:kota:P1"


@pytest.fixture
def open_as(visit: Callable[..., Page], served: Served) -> Callable[..., Page]:
    def open_page(path: str, role: str, look: Look = DESKTOP) -> Page:
        page = visit("/", look, AXE)
        sign_in(page, served.token(role))
        page.goto(path)
        return page

    return open_page


def test_who_keeps_the_sources_is_led_to_row_mapping_and_quality(open_as: Callable[..., Page]) -> None:
    page = open_as(STOP, "integrator")
    row = page.locator("#attributes tr", has=page.locator("#lineage-passengers"))
    row.locator("summary").click()
    expect(row.locator("summary")).to_contain_text("Jejak asal")
    expect(row.locator("[data-row]")).to_have_text("3")
    expect(row.locator("[data-mapping]")).to_have_text("sources/halte.yaml:13")
    expect(row).to_contain_text("penumpang")
    row.locator("a[href*='/quality?run=']").click()
    expect(page.locator("h1")).to_have_text("Kualitas: Halte bus")


def test_a_relation_and_a_time_series_have_their_rows_too(open_as: Callable[..., Page]) -> None:
    page = open_as("/entities/urn:ngsi-ld:InundationDepth:kota:7", "administrator")
    expect(page.locator("#lineage-refPlace [data-row]")).to_have_text("7")
    page.goto(GAUGE)
    expect(page.locator("#lineage-rainfall [data-row]")).to_contain_text("P1 | ")


@pytest.mark.parametrize("role", ["reader", ""])
def test_others_see_the_source_and_no_row(visit: Callable[..., Page], open_as: Callable[..., Page], role: str) -> None:
    page = open_as(STOP, role) if role else visit(STOP)
    expect(page.locator("#attributes a[href='/sources/halte']").first).to_be_visible()
    expect(page.locator("[id^=lineage-]")).to_have_count(0)


@pytest.mark.parametrize("look", LOOKS)
def test_an_open_lineage_breaks_no_rule_of_accessibility(open_as: Callable[..., Page], look: str) -> None:
    page = open_as(STOP, "integrator", LOOKS[look])
    for summary in page.locator("[id^=lineage-] > summary").all():
        summary.click()
    assert violations(page) == []
    # Wide tables scroll in themselves; the page itself does not.
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
