"""How pages look where one sees it at once: the shipped letters, tables that stay tables, rows that fit a phone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import simpul
from simpul.console.assets import Assets
from simpul.console.formats import Formats
from simpul.console.said import translate
from simpul.console.words import SYSTEMS
from tests.browser.conftest import ADMINISTRATOR, DESKTOP, PHONE, Look, Served, sign_in

pytestmark = pytest.mark.browser

FONT = "vendor/inter-latin.woff2"
FONTS_HERE = "() => [...document.fonts].map((font) => [font.family, font.status])"


def fonts_of(page: Page, selector: str) -> set[tuple[str, bool]]:
    """Return with which fonts an element's text is drawn, and of each whether the page brought it."""
    asked = page.context.new_cdp_session(page)
    asked.send("DOM.enable")
    asked.send("CSS.enable")
    root = asked.send("DOM.getDocument")["root"]["nodeId"]
    node = asked.send("DOM.querySelector", {"nodeId": root, "selector": selector})["nodeId"]
    found = asked.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
    return {(font["familyName"].partition(" ")[0], font["isCustomFont"]) for font in found}


@pytest.mark.parametrize("selector", ["h1", "tbody th a", ".rail li a span", ".bar .search input", "td[data-number]"])
def test_text_is_drawn_with_the_font_that_the_hub_ships(visit: Callable[..., Page], selector: str) -> None:
    page = visit("/sources")
    page.evaluate("document.fonts.ready.then(() => true)")
    assert page.evaluate(FONTS_HERE) == [["Inter", "loaded"]]
    if selector.endswith("input"):
        assert page.locator(selector).evaluate("(one) => getComputedStyle(one).fontFamily").startswith("Inter")
    else:
        assert fonts_of(page, selector) == {("Inter", True)}


def test_the_font_is_kept_by_browsers_and_sent_as_it_is(served: Served) -> None:
    with served.client() as client:
        answer = client.get(Assets().address(FONT), headers={"accept-encoding": "gzip"})
    assert answer.headers["content-type"] == "font/woff2"
    assert "immutable" in answer.headers["cache-control"]
    assert "content-encoding" not in answer.headers
    assert answer.content[:4] == b"wOF2"


@pytest.fixture
def open_as_administrator(visit: Callable[..., Page], served: Served) -> Callable[[str, Look], Page]:
    def open_page(path: str, look: Look) -> Page:
        page = visit("/", look)
        sign_in(page, served.token(*ADMINISTRATOR))
        page.goto(path)
        return page

    return open_page


def test_the_heads_of_columns_stand_above_their_cells(open_as_administrator: Callable[[str, Look], Page]) -> None:
    page = open_as_administrator("/access", DESKTOP)
    lefts = "(cells) => cells.map((cell) => Math.round(cell.getBoundingClientRect().left))"
    table = page.locator("table.cards")
    heads = table.locator("thead th").evaluate_all(lefts)
    cells = table.locator("tbody tr:first-child > *").evaluate_all(lefts)
    assert heads == cells


@pytest.mark.parametrize("path", ["/access", "/sources/halte"])
def test_what_a_row_asks_to_be_decided_is_on_the_screen_of_a_phone(
    open_as_administrator: Callable[[str, Look], Page], path: str
) -> None:
    page = open_as_administrator(path, PHONE)
    decisions = page.locator("table.cards :is(summary, button)")
    expect(decisions.first).to_be_visible()
    rights = decisions.evaluate_all("(all) => all.map((one) => one.getBoundingClientRect().right)")
    assert max(rights) <= PHONE.width


def test_nothing_leaves_a_gap_where_no_alert_holds(visit: Callable[..., Page]) -> None:
    page = visit("/sources")
    expect(page.locator("#alerts")).to_be_hidden()


def test_what_somebody_types_stays_when_the_page_renews_itself(
    open_as_administrator: Callable[[str, Look], Page], served: Served
) -> None:
    page = open_as_administrator("/sources/halte", DESKTOP)
    expect(page.locator(".line-state")).to_have_attribute("data-line", "on")
    row = page.locator("#rejects tr", has_text="99")
    row.locator("summary", has_text="Perbaiki").click()
    row.get_by_label("nama").fill("Halte Baru")
    runs = page.locator("#runs tbody tr")
    before = runs.count()
    served.sync("halte")
    expect(runs).to_have_count(before + 1)
    expect(row.get_by_label("nama")).to_have_value("Halte Baru")


def test_a_measured_number_in_a_refusal_is_written_as_the_language_does() -> None:
    outside = (
        "location: longitude 0.25, latitude 0 is outside the city's bounds "
        "(longitude 100.13 to 100.58, latitude -1.15 to -0.72)"
    )
    assert translate(outside, "id") == (
        "location: bujur 0,25, lintang 0 berada di luar batas kota "
        "(bujur 100,13 sampai 100,58, lintang -1,15 sampai -0,72)"
    )
    assert translate("2150.5 is more than 1,000.25", "id") == "2.150,5 lebih dari 1.000,25"


def test_a_cell_and_a_code_in_a_refusal_stay_as_the_agency_wrote_them() -> None:
    assert translate("'12.5' is not a number", "id") == "'12.5' bukan angka"
    assert translate("13.71 is no code of kelurahan", "id") == "13.71 bukan kode kelurahan"


def test_shares_and_ages_are_written_as_people_do() -> None:
    assert Formats("id", "Asia/Jakarta").percent(0.845) == "84,5%"
    assert Formats("en", "Asia/Jakarta").percent(0.99) == "99%"
    assert Formats("id", "Asia/Jakarta").ago(0, 62_000_000) == "1 menit yang lalu"


LONG = "Halte Pasar Raya dan Terminal Angkutan Kota di Sebelah Timur Balai Kota Lama"


@pytest.fixture
def renamed(served: Served) -> str:
    """An entity whose name is long and has a history."""
    entity = "urn:ngsi-ld:BusStop:kota:5"
    with served.client(authorization=f"Bearer {served.token('administrator')}") as client:
        name = {"name": {"type": "Property", "value": LONG}}
        assert client.patch(f"/ngsi-ld/v1/entities/{entity}/attrs", json=name).status_code == 204
    return f"/entities/{entity}"


def test_a_long_name_with_a_history_fits_a_phone(visit: Callable[..., Page], renamed: str) -> None:
    page = visit(renamed, PHONE)
    expect(page.locator("#history-1 table")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    widths = page.locator(".trail li").evaluate_all("(all) => all.map((one) => one.getBoundingClientRect().width)")
    assert min(widths) > 16
    rights = page.locator("#attributes td").evaluate_all("(all) => all.map((one) => one.getBoundingClientRect().right)")
    assert max(rights) <= PHONE.width


def test_the_name_of_a_row_stays_while_a_wide_table_is_moved(visit: Callable[..., Page], renamed: str) -> None:
    page = visit("/entities?type=BusStop", Look(width=700))
    moved = page.locator("#listing .table-wrap").evaluate(
        "(one) => { one.style.maxWidth = '360px'; one.scrollLeft = 90; return one.scrollLeft; }"
    )
    assert moved > 0
    name = page.locator("#listing tbody th", has_text=LONG)
    left = "(one) => one.getBoundingClientRect().left - one.closest('.table-wrap').getBoundingClientRect().left"
    assert abs(name.evaluate(left)) <= 1


def test_a_source_is_found_once(visit: Callable[..., Page]) -> None:
    page = visit("/search?q=Halte bus")
    expect(page.locator("main .hits a", has_text="Halte bus")).to_have_count(1)


def test_a_share_in_a_report_is_written_as_the_language_does() -> None:
    told = translate("of 100 cells 83.9 are filled, and 90 are expected", "id")
    assert told == "dari 100 sel terisi 83,9, padahal diharapkan 90"


def test_every_kind_of_source_is_called_by_words_that_a_clerk_knows() -> None:
    kinds = {found.parent.name for found in (Path(simpul.__file__).parent / "connectors").glob("*/reader.py")}
    assert len(kinds) >= 10
    assert kinds <= SYSTEMS.keys()
