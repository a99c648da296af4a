"""A new source in the console: looked at, read, tried on real rows, kept. For administrators, in both languages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from simpul import limits
from tests.browser.city import build_city
from tests.browser.conftest import ADMINISTRATOR, DESKTOP, Host, Served, free_port_now, sign_in
from tests.browser.test_accessibility import AXE, LOOKS, violations

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("kota")
    build_city(folder)
    with (folder / "city.yaml").open("a") as city:
        city.write("words:\n  WasteContainerIsle: {id: Tempat penampungan sampah, en: Waste collection points}\n")
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
    expect(text).to_contain_text("# Diusulkan setelah melihat seluruh 40 baris.")
    assert "081234" not in text.input_value()
    page.get_by_role("button", name="Coba pada baris sungguhan").click()
    expect(page.locator("#tried")).to_have_text("Dari 40 baris, 40 akan masuk dan 0 disisihkan.")
    expect(page.locator("#where")).to_have_value("systems/tps.csv")
    page.get_by_role("button", name="Simpan dan terapkan").click()
    expect(page).to_have_url(re.compile(r"/sources/tps$"))
    expect(page.locator("h1")).to_have_text("Tps")
    expect(page.locator("dl.facts a")).to_have_text("Tempat penampungan sampah")


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


def test_a_file_from_a_visitors_computer_becomes_a_source(open_as: Callable[..., Page], tmp_path: Path) -> None:
    brought = tmp_path / "Pasar kota.csv"
    brought.write_text("kode,nama,kios\n" + "".join(f"P{number},Pasar {number},{number * 3}\n" for number in range(20)))
    page = open_as("/sources/new")
    page.get_by_label("Atau berkas dari komputer ini").set_input_files(brought)
    page.get_by_label("Milik siapa?").select_option("kominfo")
    page.get_by_role("button", name="Lihat isinya").click()
    expect(page.locator("#text")).to_contain_text("systems/kominfo/Pasar kota.csv")
    expect(page.locator("#where")).to_have_value("systems/kominfo/Pasar kota.csv")
    page.get_by_role("button", name="Coba pada baris sungguhan").click()
    expect(page.locator("#tried")).to_have_text("Dari 20 baris, 20 akan masuk dan 0 disisihkan.")


def test_a_file_that_is_not_kept_is_told_beside_it(open_as: Callable[..., Page], tmp_path: Path) -> None:
    (tmp_path / "kosong.csv").touch()
    page = open_as("/sources/new")
    page.get_by_label("Atau berkas dari komputer ini").set_input_files(tmp_path / "kosong.csv")
    page.get_by_role("button", name="Lihat isinya").click()
    expect(page.locator("#file-hint")).to_have_text("Berkas kosong.")
    expect(page.get_by_role("button", name="Lihat isinya")).to_be_enabled()


@pytest.mark.parametrize(("name", "kept"), [
    ("../../city.yaml", "systems/bpbd/city.yaml"), ("..\\..\\.env", "systems/bpbd/env"),
    ("dua.csv", "systems/bpbd/dua.csv"), ("dua.csv", "systems/bpbd/dua (2).csv"),
    ("a\0b|c.csv", "systems/bpbd/a_b_c.csv"),
])  # fmt: skip
def test_a_file_leaves_its_agencys_folder_by_no_name_and_is_written_over_none(
    served: Served, name: str, kept: str
) -> None:
    with served.client(authorization=f"Bearer {served.token(*ADMINISTRATOR)}") as client:
        signed = client.post("/sign-in", data={"token": served.token(*ADMINISTRATOR)})
        assert signed.status_code == 303
        asked = {"name": name, "agency": "bpbd"}
        answer = client.post("/sources/new/file", params=asked, content=b"a,b\n1,2\n")
    assert (answer.status_code, answer.json()) == (201, {"where": kept})
    assert (Path(served.hub.settings.folder) / kept).read_bytes() == b"a,b\n1,2\n"


@pytest.mark.parametrize("roles", [None, "reader", "integrator"])
def test_only_administrators_bring_files(served: Served, roles: str | None) -> None:
    with served.client() as client:
        if roles is not None:
            client.post("/sign-in", data={"token": served.token(roles)})
        asked = {"name": "a.csv", "agency": "dishub"}
        answer = client.post("/sources/new/file", params=asked, content=b"a,b\n")
    assert answer.status_code in (401, 403)
    assert not (Path(served.hub.settings.folder) / "systems/dishub/a.csv").exists()


def test_a_file_that_is_too_large_leaves_nothing_behind(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CONSOLE_UPLOAD_BYTES_MAX", 1_000)
    with served.client(accept_language="en") as client:
        client.post("/sign-in", data={"token": served.token(*ADMINISTRATOR)})
        asked = {"name": "besar.csv", "agency": "dishub"}
        answer = client.post("/sources/new/file", params=asked, content=b"a" * 1_001)
    assert answer.json() == {"wrong": "The file is over 1,000 bytes. Put it into the city's folder, and name it there."}
    assert not (Path(served.hub.settings.folder) / "systems/dishub/besar.csv").exists()
