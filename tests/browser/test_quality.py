"""A source's quality as its owner sees it: the page, the file, rows put right in place, names that get their codes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.browser.city import build_city
from tests.browser.conftest import DESKTOP, PHONE, Host, Served, free_port_now, sign_in
from tests.browser.test_accessibility import AXE, LOOKS, violations

pytestmark = pytest.mark.browser

INTEGRATOR = ("integrator",)
SOURCE = """
source: kantor
agency: kominfo
title: {id: Kantor kelurahan, en: Sub-district offices}
kind: table
read: {path: systems/kantor.csv}
codes:
  - {column: kode, list: kemendagri, within: "13.71", names: [kecamatan]}
key: id
entity:
  type: Office
  id: "urn:ngsi-ld:Office:kota:{id}"
  attributes:
    name: nama
    condition: kondisi
    district: kode
rules:
  - {rule: one_of, column: kondisi, values: [Baik, Rusak]}
  - {rule: rows, from: 6, to: 6}
  - {rule: complete, column: telepon, share: 90}
"""
ROWS = """id,nama,kecamatan,kondisi,telepon
1,Kantor Satu,PADANG BARAT,Baik,0751
2,Kantor Dua,Padang Selatan,Biak,
3,Kantor Tiga,Padang,Baik,
4,Kantor Empat,Koto Tangah,Rusak,0752
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("kota")
    build_city(folder)
    (folder / "sources/kantor.yaml").write_text(SOURCE.lstrip())
    (folder / "systems/kantor.csv").write_text(ROWS)
    host = Host(folder, free_port_now())
    yield host.start()
    host.stop()


@pytest.fixture
def open_as_integrator(visit: Callable[..., Page], served: Served) -> Callable[..., Page]:
    def open_page(path: str, look: object = DESKTOP, init_script: Path | None = None) -> Page:
        page = visit("/", look, init_script)
        sign_in(page, served.token(*INTEGRATOR))
        page.goto(path)
        return page

    return open_page


def test_the_page_says_in_words_what_to_look_at(open_as_integrator: Callable[..., Page]) -> None:
    page = open_as_integrator("/sources/kantor/quality")
    expect(page.locator("h1")).to_have_text("Kualitas: Kantor kelurahan")
    expect(page.locator(".scores")).to_contain_text("Kelengkapan")
    expect(page.locator(".scores")).to_contain_text("Apakah semua yang seharusnya ada memang ada?")
    problems = page.locator("section", has=page.locator("#problems-heading"))
    expect(problems).to_contain_text("Harus salah satu nilai yang dikenal")
    problems.locator("summary").first.click()
    expect(problems).to_contain_text("maksudnya 'Baik'?")
    expect(problems).to_contain_text("ada 4 baris, padahal diharapkan paling sedikit 6")


def test_the_page_is_in_english_for_those_who_read_it(open_as_integrator: Callable[..., Page]) -> None:
    page = open_as_integrator("/sources/kantor/quality?lang=en")
    expect(page.locator("h1")).to_have_text("Quality: Sub-district offices")
    expect(page.locator("main")).to_contain_text("there are 4 rows, and at least 6 are expected")


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("path", ["/sources/kantor/quality", "/sources/kantor", "/sources/kelurahan/quality", "/codes"])
def test_the_pages_break_no_rule_of_accessibility(
    open_as_integrator: Callable[..., Page], path: str, look: str
) -> None:
    page = open_as_integrator(path, LOOKS[look], AXE)
    for summary in page.locator("main summary").all():
        summary.click()
    assert violations(page) == []


@pytest.mark.parametrize("path", ["/sources/kantor/quality", "/codes"])
def test_nothing_is_wider_than_a_phone(open_as_integrator: Callable[..., Page], path: str) -> None:
    page = open_as_integrator(path, PHONE)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_report_comes_as_one_file_that_needs_nothing_else(
    open_as_integrator: Callable[..., Page], tmp_path: Path
) -> None:
    page = open_as_integrator("/sources/kantor/quality")
    with page.expect_download() as started:
        page.click("a[download]")
    file = tmp_path / "report.html"
    started.value.save_as(file)
    assert re.fullmatch(r"kualitas-kantor-\d+\.html", started.value.suggested_filename)
    text = file.read_text()
    assert "maksudnya &#39;Baik&#39;?" in text
    assert not re.search(r"<(script|link|img)|src=|url\(", text)


def test_strangers_see_no_report_and_decide_nothing(served: Served) -> None:
    with served.client() as client:
        for path in ("/sources/kantor/quality", "/sources/kantor/quality/file", "/codes"):
            assert client.get(path).status_code == 401
        answer: httpx2.Response = client.get("/sources/kantor")
        assert "Biak" not in answer.text
        headers = {"Origin": served.url}
        for path in ("/sources/kantor/fix", "/sources/kantor/replay", "/sources/kantor/fixes/1/undo", "/codes/decide"):
            assert client.post(path, data={"key": "2", "cell:kondisi": "Baik"}, headers=headers).status_code == 401


def test_a_row_is_put_right_on_the_page_and_the_trail_stays(open_as_integrator: Callable[..., Page]) -> None:
    page = open_as_integrator("/sources/kantor")
    row = page.locator("#rejects tr", has_text="Biak")
    row.locator("summary", has_text="Perbaiki").click()
    row.get_by_label("kondisi").fill("Baik")
    row.get_by_label("Alasan").fill("dicek di lapangan")
    row.get_by_role("button", name="Simpan dan coba lagi").click()
    expect(page.locator("#rejects tr", has_text="Biak")).to_have_count(0)
    expect(page.locator("#fixes")).to_contain_text("dicek di lapangan")
    expect(page.locator("#fixes")).to_contain_text("Token “")
    assert page.locator("#fixes .table-wrap").evaluate("(one) => one.scrollWidth <= one.clientWidth")
    page.goto("/entities/urn:ngsi-ld:Office:kota:2")
    expect(page.locator("main")).to_contain_text("Baik")
    page.goto("/sources/kantor")
    page.get_by_role("button", name="Batalkan").click()
    expect(page.locator("#fixes")).to_contain_text("dibatalkan oleh")


def test_a_name_gets_its_code_from_a_person_and_its_row_is_taken_over(open_as_integrator: Callable[..., Page]) -> None:
    page = open_as_integrator("/sources")
    page.click("main a[href='/codes']")
    row = page.locator("tr", has_text="kantor")
    expect(row.locator("th")).to_have_text("Padang")
    row.get_by_label("Atau kode lain").fill("13.71.03")
    row.get_by_role("button", name="Putuskan").click()
    expect(page.locator("main")).to_contain_text("Tidak ada nama yang menunggu")
    expect(page.locator("main")).to_contain_text("13.71.03")
    page.goto("/entities/urn:ngsi-ld:Office:kota:3")
    expect(page.locator("main")).to_contain_text("13.71.03")
