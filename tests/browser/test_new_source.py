"""A new source in the console: looked at, read, tried on real rows, kept. For administrators, in both languages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.city import build_city
from tests.browser.conftest import ADMINISTRATOR, DESKTOP, Host, Served, free_port_now, sign_in
from tests.browser.test_accessibility import AXE, LOOKS, violations

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("kota")
    build_city(folder)
    rows = [f"{number},TPS {number},{number % 7 + 1},08123456{number:03d}" for number in range(1, 41)]
    (folder / "systems/tps.csv").write_text("\n".join(["id,nama,kapasitas,hp_petugas", *rows]) + "\n")
    host = Host(folder, free_port_now())
    yield host.start()
    host.stop()


@pytest.fixture
def open_as(visit: Callable[..., Page], served: Served) -> Callable[..., Page]:
    def open_page(path: str, look: object = DESKTOP, roles: tuple[str, ...] = ADMINISTRATOR) -> Page:
        page = visit("/", look, AXE)
        sign_in(page, served.token(*roles))
        page.goto(path)
        return page

    return open_page


def look_at(page: Page, where: str) -> None:
    page.locator("#where").fill(where)
    page.locator("form", has=page.locator("#where")).locator("button").click()


def test_a_file_becomes_a_source_without_a_terminal(open_as: Callable[..., Page]) -> None:
    page = open_as("/sources")
    page.get_by_role("link", name="Sumber baru").click()
    look_at(page, "systems/tps.csv")
    text = page.locator("#text")
    expect(text).to_contain_text("type: WasteContainerIsle")
    assert "081234" not in text.input_value()
    page.get_by_role("button", name="Coba pada baris sungguhan").click()
    expect(page.locator("#tried")).to_have_text("Dari 40 baris, 40 akan masuk dan 0 disisihkan.")
    page.get_by_role("button", name="Simpan dan terapkan").click()
    expect(page).to_have_url(re.compile(r"/sources/tps$"))
    expect(page.locator("h1")).to_have_text("Tps")


def test_what_is_wrong_with_the_text_is_told_and_the_text_stays(open_as: Callable[..., Page]) -> None:
    page = open_as("/sources/new")
    look_at(page, "systems/tps.csv")
    changed = page.locator("#text").input_value().replace("kind: table", "kind: tabel")
    page.locator("#text").fill(changed)
    page.locator("button[value=try]").click()
    expect(page.locator("#new-wrong")).to_contain_text("table")
    expect(page.locator("#text")).to_have_value(changed)


@pytest.mark.parametrize(
    "where", ["/etc/passwd", "../rahasia.csv", "sqlite:////etc/shadow.db", "systems/tidak-ada.csv"]
)
def test_files_outside_of_the_citys_folder_are_not_looked_at(open_as: Callable[..., Page], where: str) -> None:
    page = open_as("/sources/new")
    look_at(page, where)
    expect(page.locator("#new-wrong")).to_be_visible()
    expect(page.locator("#where")).to_have_value(where)


def test_a_password_that_was_typed_is_not_shown_again(open_as: Callable[..., Page]) -> None:
    page = open_as("/sources/new")
    look_at(page, "mysql://simpul:rahasia@127.0.0.1:9/dishub")
    expect(page.locator("#new-wrong")).to_be_visible()
    assert "rahasia" not in page.content()


@pytest.mark.parametrize("roles", [("integrator",), ("reader",)])
def test_only_administrators_may_look(open_as: Callable[..., Page], roles: tuple[str, ...]) -> None:
    page = open_as("/sources/new", roles=roles)
    assert page.locator("#where").count() == 0


@pytest.mark.parametrize("look", LOOKS)
def test_the_page_breaks_no_rule_of_accessibility(open_as: Callable[..., Page], look: str) -> None:
    page = open_as("/sources/new", LOOKS[look])
    assert violations(page) == []
    look_at(page, "systems/tps.csv")
    expect(page.locator("#text")).to_be_visible()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
