"""The console by rules (axe-core), by keyboard, and for those who want no motion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ADMINISTRATOR, DESKTOP, PHONE_DARK, Look, Served, sign_in

pytestmark = pytest.mark.browser

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
LOOKS = {"light": DESKTOP, "dark": replace(DESKTOP, scheme="dark", language="en-GB"), "phone": PHONE_DARK}
PAGES = (
    "/",
    "/?selected=/entities/urn:ngsi-ld:BusStop:kota:3",
    "/answers/tergenang?number=residents",
    "/sources",
    "/sources/halte",
    "/entities",
    "/entities?type=BusStop&view=map",
    "/entities/urn:ngsi-ld:RainGauge:kota:P1",
    "/search?q=halte",
    "/sign-in",
    "/tidak-ada",
)


def violations(page: Page) -> list[str]:
    """Return what axe finds wrong: the rule, and the first element that breaks it."""
    run = "(rules) => axe.run(document, rules).then((all) => all.violations)"
    found: list[dict[str, Any]] = page.evaluate(run, RULES)
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]} {one['nodes'][0]['failureSummary']}" for one in found]


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("path", PAGES)
def test_a_page_breaks_no_rule_of_accessibility(visit: Callable[..., Page], path: str, look: str) -> None:
    page = visit(path, LOOKS[look], init_script=AXE)
    assert violations(page) == []


@pytest.mark.parametrize("path", ["/access", "/sources/halte", "/sign-in", "/subscriptions", "/hubs"])
def test_a_managers_page_breaks_no_rule_of_accessibility(visit: Callable[..., Page], served: Served, path: str) -> None:
    page = visit("/", init_script=AXE)
    sign_in(page, served.token(*ADMINISTRATOR))
    page.goto(path)
    assert violations(page) == []


def test_the_welcome_page_breaks_no_rule_of_accessibility(visit: Callable[..., Page], served: Served) -> None:
    page = visit(f"/welcome/{served.welcome()}", init_script=AXE)
    assert violations(page) == []


FOCUSABLE = "() => [...document.querySelectorAll('a[href], button, input, select, summary, [tabindex=\"0\"]')]"
# What takes part in the order of Tab; the map's own canvas is one of them.
COUNT_FOCUSABLE = f"""{FOCUSABLE}
  .filter((one) => one.type !== 'hidden' && !one.disabled && one.checkVisibility() && one.tabIndex >= 0).length"""
MARK_FOCUSED = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  const style = getComputedStyle(one);
  const seen = one.dataset.reached !== undefined;
  one.dataset.reached = '';
  const outlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
  return { seen, outlined, html: one.outerHTML.slice(0, 120) };
}"""


@pytest.mark.parametrize("path", ["/", "/entities/urn:ngsi-ld:BusStop:kota:3", "/sign-in"])
def test_tab_reaches_everything_and_shows_where_it_is(visit: Callable[..., Page], path: str) -> None:
    page = visit(path)
    page.locator("body").focus()
    wanted = page.evaluate(COUNT_FOCUSABLE)
    reached = 0
    for _ in range(wanted + 20):
        page.keyboard.press("Tab")
        focused = page.evaluate(MARK_FOCUSED)
        if focused is None or focused["seen"]:
            continue
        assert focused["outlined"], focused["html"]
        reached += 1
    assert reached >= wanted


def test_a_key_opens_the_search_and_arrows_walk_through_what_is_found(visit: Callable[..., Page]) -> None:
    page = visit("/sources")
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("halte 3")
    expect(page.locator("#found a", has_text="Halte 3")).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#found a >> nth=0")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Halte 3")
    page.keyboard.press("Control+k")
    expect(page.locator("#search")).to_be_focused()


def test_arrows_walk_a_table_and_escape_closes_what_enter_opened(visit: Callable[..., Page]) -> None:
    page = visit("/entities?type=BusStop")
    first = page.locator("#listing tbody th a >> nth=0")
    second = page.locator("#listing tbody th a >> nth=1")
    first.focus()
    page.keyboard.press("ArrowDown")
    expect(second).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#panel h2")).to_have_text(second.inner_text())
    expect(page.locator("#panel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#panel h2")).to_have_count(0)
    expect(second).to_be_focused()


def test_who_wants_no_motion_gets_none(visit: Callable[..., Page]) -> None:
    page = visit("/", Look())
    page.emulate_media(reduced_motion="reduce")
    duration = page.evaluate(
        "() => { const one = document.querySelector('[data-number]'); one.classList.add('flash');"
        " return getComputedStyle(one).animationName; }"
    )
    assert duration == "none"
