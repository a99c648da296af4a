"""Who sees what in the console: sessions, tokens, the one-time link, forms from elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.city import PEOPLE
from tests.browser.conftest import ADMINISTRATOR, Served, sign_in

pytestmark = pytest.mark.browser

PERSON = "urn:ngsi-ld:Person:kota:1"
PLACES = (
    "/",
    "/answers/tergenang",
    "/sources/penduduk",
    "/entities",
    "/entities?type=Person",
    "/entities.csv?type=Person",
    f"/entities/{PERSON}",
    "/entities/urn:ngsi-ld:Kelurahan:kota:13.71.01.1001",
    f"/?selected=/entities/{PERSON}",
    "/search?q=Siti",
    f"/search?q={PERSON}",
    "/layers/entities.geojson?type=Person",
    f"/layers/entities/{PERSON}",
    f"/layers/history?entity={PERSON}&attribute=name",
    "/layers/boundaries.geojson",
)


@pytest.mark.parametrize("path", PLACES)
def test_an_anonymous_visitor_sees_no_person(served: Served, path: str) -> None:
    with served.client() as client:
        answer = client.get(path)
    assert not any(name in answer.text for name in PEOPLE)
    assert answer.status_code < 500


def test_a_person_that_is_there_and_one_that_is_not_look_the_same(served: Served) -> None:
    with served.client() as client:
        there = client.get(f"/entities/{PERSON}")
        missing = client.get("/entities/urn:ngsi-ld:Person:kota:nobody")
    assert there.status_code == missing.status_code == 401
    assert there.text.replace(PERSON, "") == missing.text.replace("urn:ngsi-ld:Person:kota:nobody", "")


def test_who_is_signed_in_sees_persons_until_signing_out(visit: Callable[..., Page], served: Served) -> None:
    page = visit("/")
    sign_in(page, served.token("reader"))
    page.goto("/entities?type=Person")
    expect(page.locator("#listing")).to_contain_text("Siti Aminah")
    page.goto("/sign-in")
    page.click("form[action='/sign-out'] button")
    page.goto("/entities?type=Person")
    expect(page.locator("main")).not_to_contain_text("Siti Aminah")


def test_a_wrong_token_says_what_would_be_right(visit: Callable[..., Page]) -> None:
    page = visit("/sign-in")
    page.fill("#token", "simpul_wrong")
    page.click("main form[action='/sign-in'] button")
    expect(page.locator("#token-wrong")).to_be_visible()
    expect(page.locator("#token")).to_have_attribute("aria-invalid", "true")


def test_the_session_is_out_of_reach_of_scripts_and_other_sites(served: Served) -> None:
    with served.client() as client:
        answer = client.post("/sign-in", data={"token": served.token("reader")})
    cookie = answer.headers["set-cookie"].lower()
    assert answer.status_code == 303
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


FOREIGN = ({"origin": "https://elsewhere.example"}, {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"})


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_form_from_another_site_is_refused(served: Served, headers: dict[str, str]) -> None:
    code = served.welcome()
    with served.client(**headers) as client:
        assert client.post("/sign-in", data={"token": served.token("reader")}).status_code == 403
        assert client.post(f"/welcome/{code}").status_code == 403
    with served.client() as client:
        assert client.get(f"/welcome/{code}").status_code == 200


def test_the_one_time_link_makes_the_administrator_once(visit: Callable[..., Page], served: Served) -> None:
    code = served.welcome()
    page = visit(f"/welcome/{code}")
    page.reload()
    page.click("main form button")
    secret = page.locator("#token").inner_text()
    expect(page.locator(".rail-end")).to_contain_text("Akun")
    expect(page.locator(".rail")).to_contain_text("Akses")
    with served.client(authorization=f"Bearer {secret}") as client:
        assert client.get("/ngsi-ld/v1/entities?type=Person").status_code == 200
    page.goto("/access")
    expect(page.locator("h1")).to_have_text("Akses")
    with served.client() as client:
        again = client.get(f"/welcome/{code}")
    assert again.status_code == 401
    assert "Tautan ini tidak berlaku lagi" in again.text


def test_a_token_is_made_shown_once_and_revoked(visit: Callable[..., Page], served: Served) -> None:
    page = visit("/")
    sign_in(page, served.token(*ADMINISTRATOR))
    page.goto("/access")
    page.fill("#name", "Papan peringatan")
    page.click("main form[action='/access/tokens'] button")
    secret = page.locator("#token").inner_text()
    with served.client(authorization=f"Bearer {secret}") as client:
        assert client.get("/ngsi-ld/v1/entities?type=Person").status_code == 200
    page.goto("/access")
    expect(page.locator("main")).not_to_contain_text(secret)
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("tr", has_text="Papan peringatan").locator("button").click()
    expect(page.locator("tr", has_text="Papan peringatan")).to_contain_text("Dicabut")
    with served.client(authorization=f"Bearer {secret}") as client:
        assert client.get("/ngsi-ld/v1/entities?type=Person").status_code == 401


@pytest.mark.parametrize("role", ["reader", "integrator"])
def test_only_administrators_see_tokens(visit: Callable[..., Page], served: Served, role: str) -> None:
    page = visit("/")
    assert page.locator("a[href='/access']").count() == 0
    sign_in(page, served.token(role))
    page.goto("/access")
    expect(page.locator("h1")).to_have_text("Anda tidak berhak membukanya")


def test_rejected_rows_are_for_those_who_keep_the_sources(visit: Callable[..., Page], served: Served) -> None:
    page = visit("/sources/halte")
    expect(page.locator("#rejects .raw")).to_have_count(0)
    expect(page.locator("#source-state button")).to_have_count(0)
    with served.client() as client:
        assert client.post("/sources/halte/sync").status_code == 401
