"""Subscriptions and connected hubs in the console: what an administrator sees of them, and can do about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Dialog, Page, expect

from simpul import limits
from tests.browser.city import build_city
from tests.browser.conftest import (
    ADMINISTRATOR,
    DESKTOP,
    PHONE,
    PHONE_DARK,
    Host,
    Look,
    Served,
    free_port_now,
    sign_in,
)
from tests.browser.test_accessibility import AXE, violations
from tests.subscriptions.receiver import Receiver

pytestmark = pytest.mark.browser

API = "/ngsi-ld/v1"
STOP = "urn:ngsi-ld:BusStop:kota:3"
SUBSCRIPTION = "urn:ngsi-ld:Subscription:papan"
REGISTRATION = "urn:ngsi-ld:ContextSourceRegistration:tetangga"
WATCHER = "urn:ngsi-ld:Subscription:direktori"
PLACES = ("/subscriptions", f"/subscriptions/{SUBSCRIPTION}", "/hubs", "/watchers")
DEEDS = (
    f"/subscriptions/{SUBSCRIPTION}/replay",
    f"/subscriptions/{SUBSCRIPTION}/parked/1/replay",
    f"/subscriptions/{SUBSCRIPTION}/parked/1/drop",
    f"/hubs/{REGISTRATION}/check",
    f"/watchers/{WATCHER}/replay",
    "/watchers/parked/1/replay",
    "/watchers/parked/1/drop",
)


def refuse(_count: int) -> int:
    return 422


def accept(_count: int) -> int:
    return 200


NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.stop()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Served]:
    """Serve a hub that gives up soon, with a subscription whose receiver refuses, and a neighbour that is not there."""
    patch = pytest.MonkeyPatch()
    patch.setattr(limits, "NOTIFICATION_PAUSE_SECONDS_MIN", 0.02)
    patch.setattr(limits, "NOTIFICATION_RECORD_SECONDS", 0.02)
    patch.setattr(limits, "NOTIFICATION_REFUSALS_MAX", 2)
    patch.setattr(limits, "SOURCE_NOTIFICATION_PAUSES_SECONDS", (0.02,))
    folder = tmp_path_factory.mktemp("kota")
    build_city(folder)
    host = Host(folder, free_port_now(), allow_private_addresses=True)
    served = host.start()
    subscription = {
        "id": SUBSCRIPTION,
        "type": "Subscription",
        "subscriptionName": "Papan peringatan",
        "entities": [{"type": "BusStop"}],
        "watchedAttributes": ["passengers"],
        "notification": {"endpoint": {"uri": receiver.uri, "accept": "application/json"}},
    }
    registration = {
        "id": REGISTRATION,
        "type": "ContextSourceRegistration",
        "registrationName": "Hub kota tetangga",
        "mode": "inclusive",
        "endpoint": NOWHERE,
        "information": [{"entities": [{"type": "Parking"}], "propertyNames": ["availableSpots"]}],
    }
    watcher = {
        "id": WATCHER,
        "type": "Subscription",
        "subscriptionName": "Direktori hub",
        "entities": [{"type": "Vehicle"}],
        "notification": {"endpoint": {"uri": receiver.uri}},
    }
    write(served, "subscriptions", subscription)
    write(served, "csourceSubscriptions", watcher)
    write(served, "csourceRegistrations", registration)
    yield served
    host.stop()
    patch.undo()


def write(served: Served, path: str, body: dict[str, Any]) -> None:
    with served.client(authorization=f"Bearer {served.token(*ADMINISTRATOR)}") as client:
        answer = client.post(f"{API}/{path}", json=body)
    assert answer.status_code == 201, answer.text


def change(served: Served, passengers: int) -> None:
    with served.client(authorization=f"Bearer {served.token(*ADMINISTRATOR)}") as client:
        body = {"passengers": {"type": "Property", "value": passengers}}
        assert client.patch(f"{API}/entities/{STOP}/attrs", json=body).status_code == 204


@contextmanager
def refused(receiver: Receiver) -> Iterator[None]:
    """Come back when what is told meanwhile was refused as often as it is tried. Pages show it some seconds later."""
    before = receiver.attempts
    yield
    receiver.wait_until(lambda: receiver.attempts >= before + 2)


@pytest.fixture
def enter(visit: Callable[..., Page], served: Served) -> Callable[..., Page]:
    """Return a function that opens a page as the administrator."""

    def open_page(path: str, look: Look = DESKTOP, **named: Any) -> Page:
        page = visit("/sign-in", look, **named)
        sign_in(page, served.token(*ADMINISTRATOR))
        page.goto(path)
        return page

    return open_page


def test_what_is_refused_again_and_again_is_parked_and_replayed_before_the_administrators_eyes(
    enter: Callable[..., Page], served: Served, receiver: Receiver
) -> None:
    page = enter("/subscriptions")
    row = page.locator("tr", has_text="Papan peringatan")
    expect(page.locator(".line-state")).to_have_attribute("data-line", "on")
    receiver.answer = refuse
    change(served, 11)
    expect(row).to_contain_text("Tidak sampai")
    page.goto(f"/subscriptions/{SUBSCRIPTION}")
    parked = page.locator("#parked tbody tr")
    expect(parked).to_have_count(1)
    expect(parked).to_contain_text("Halte 3")
    expect(parked).to_contain_text("Penerima menjawab dengan status 422.")
    expect(page.locator("#health")).to_contain_text("yang tertahan menunggu di bawah")
    receiver.answer = accept
    parked.get_by_role("button", name="Kirim ulang").click()
    expect(page.locator("#parked")).to_contain_text("Tidak ada yang tertahan")
    expect(page.locator("#health")).to_contain_text("Sampai")
    assert receiver.wait_for(1)[-1].data[0]["passengers"]["value"] == 11


def test_several_are_replayed_at_once_and_one_is_dropped_only_when_the_question_is_answered(
    enter: Callable[..., Page], served: Served, receiver: Receiver
) -> None:
    receiver.answer = refuse
    page = enter(f"/subscriptions/{SUBSCRIPTION}")
    for number in (21, 22, 23):
        with refused(receiver):
            change(served, number)
    expect(page.locator("#parked tbody tr")).to_have_count(3)
    asked: list[str] = []

    def refuse_to_drop(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    page.once("dialog", refuse_to_drop)
    page.locator("#drop-1").click()
    expect(page.locator("#parked tbody tr")).to_have_count(3)
    page.once("dialog", lambda dialog: dialog.accept())
    page.locator("#drop-1").click()
    expect(page.locator("#parked tbody tr")).to_have_count(2)
    receiver.answer = accept
    before = len(receiver.accepted)
    page.locator("#replay-all").click()
    expect(page.locator("#parked tbody tr")).to_have_count(0)
    told = receiver.wait_for(before + 2)[before:]
    assert [one.data[0]["passengers"]["value"] for one in told] == [21, 22]
    assert asked == [
        "Buang pemberitahuan ini? Pemberitahuan ini tidak akan pernah dikirim. Tindakan ini tidak dapat dibatalkan."
    ]


def test_a_hub_is_checked_and_found_out_of_reach(enter: Callable[..., Page]) -> None:
    page = enter("/hubs", replace(DESKTOP, language="en-GB"))
    row = page.locator("tr", has_text="Hub kota tetangga")
    expect(row).to_contain_text("Inclusive")
    expect(row).to_contain_text("Parking")
    page.get_by_role("button", name="Check now: Hub kota tetangga").click()
    expect(row).to_contain_text("Out of reach")
    expect(row).to_contain_text("It could not be reached (nothing listens at that address and port).")


def test_a_hub_that_goes_out_of_reach_shows_without_a_reload(
    enter: Callable[..., Page], served: Served, receiver: Receiver
) -> None:
    neighbour = {
        "id": f"{REGISTRATION}:hujan",
        "type": "ContextSourceRegistration",
        "registrationName": "BMKG pusat",
        "endpoint": NOWHERE,
        "information": [{"entities": [{"type": "WeatherForecast"}]}],
    }
    page = enter("/hubs")
    expect(page.locator(".line-state")).to_have_attribute("data-line", "on")
    write(served, "csourceRegistrations", neighbour)
    row = page.locator("tr", has_text="BMKG pusat")
    expect(row).to_contain_text("Belum ditanya")
    with served.client(authorization=f"Bearer {served.token(*ADMINISTRATOR)}") as client:
        client.get(f"{API}/entities?type=WeatherForecast")
    expect(row).to_contain_text("Tidak terjangkau")


def test_what_watchers_of_hubs_refuse_is_parked_and_replayed_before_the_administrators_eyes(
    enter: Callable[..., Page], served: Served, receiver: Receiver
) -> None:
    receiver.answer = refuse
    page = enter("/watchers")
    expect(page.locator(".line-state")).to_have_attribute("data-line", "on")
    for number in range(3):
        bus = {"registrationName": f"Hub bus {number}", "endpoint": NOWHERE, "type": "ContextSourceRegistration"}
        information = [{"entities": [{"type": "Vehicle"}]}]
        with refused(receiver):
            write(served, "csourceRegistrations", {**bus, "operations": ["retrieveOps"], "information": information})
    expect(page.locator("#parked tbody tr")).to_have_count(3)
    row = page.locator("#parked tbody tr").first
    expect(row).to_contain_text("Direktori hub")
    expect(row).to_contain_text("Hub bus 2")
    expect(row).to_contain_text("terhubung")
    expect(row).to_contain_text("Penerima menjawab dengan status 422.")
    expect(page.locator("#watchers tbody tr").first).to_contain_text("Ada yang tertahan")
    page.once("dialog", lambda dialog: dialog.accept())
    page.locator("#drop-1").click()
    expect(page.locator("#parked tbody tr")).to_have_count(2)
    receiver.answer = accept
    before = len(receiver.accepted)
    page.get_by_role("button", name="Kirim ulang semua: Direktori hub").click()
    expect(page.locator("#parked")).to_contain_text("Tidak ada yang tertahan")
    told = receiver.wait_for(before + 2)[before:]
    assert [one.data[0]["registrationName"] for one in told] == ["Hub bus 0", "Hub bus 1"]


@pytest.mark.parametrize("role", ["integrator", "reader", None])
def test_only_administrators_see_receivers_and_hubs(served: Served, role: str | None) -> None:
    with served.client() as client:
        if role is not None:
            client.post("/sign-in", data={"token": served.token(role)})
        answers = [client.get(path) for path in PLACES]
        deeds = [client.post(path) for path in DEEDS]
    assert {answer.status_code for answer in [*answers, *deeds]} == {401 if role is None else 403}
    assert not any("127.0.0.1" in answer.text.replace(served.url, "") for answer in answers)


@pytest.mark.parametrize("path", DEEDS)
def test_a_deed_asked_for_by_another_site_is_refused(served: Served, path: str) -> None:
    with served.client(origin="https://elsewhere.example") as foreign, served.client() as own:
        signed = own.post("/sign-in", data={"token": served.token(*ADMINISTRATOR)})
        cookie = signed.headers["set-cookie"].partition(";")[0]
        assert foreign.post(path, headers={"cookie": cookie}).status_code == 403


def test_the_stream_tells_nobody_else_how_subscriptions_fare(served: Served) -> None:
    with served.client() as reader, reader.stream("GET", "/live") as stream:
        lines = stream.iter_lines()
        assert next(lines) == "event: hello"
        change(served, 31)
        told = ""
        while "BusStop" not in told:
            told = next(lines)
    assert '"connections": []' in told


@pytest.mark.parametrize("look", [DESKTOP, PHONE_DARK], ids=["desktop", "phone"])
@pytest.mark.parametrize("path", PLACES)
def test_pages_of_sharing_break_no_rule_of_accessibility(
    enter: Callable[..., Page], served: Served, receiver: Receiver, path: str, look: Look
) -> None:
    receiver.answer = refuse
    change(served, 41)
    page = enter(path, look, init_script=AXE)
    page.locator("#parked tbody tr, table").first.wait_for()
    assert violations(page) == []
    receiver.answer = accept


@pytest.mark.parametrize("path", PLACES)
def test_pages_of_sharing_fit_a_phone(enter: Callable[..., Page], path: str) -> None:
    page = enter(path, PHONE)
    width = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(width) <= 0
    labels = page.locator(".rail li a span")
    clipped = "(one) => one.getBoundingClientRect().width > one.closest('li').getBoundingClientRect().width"
    assert not any(labels.nth(number).evaluate(clipped) for number in range(labels.count()))


def test_the_list_of_subscriptions_is_walked_by_keyboard(enter: Callable[..., Page]) -> None:
    page = enter("/subscriptions")
    page.locator("#subscriptions tbody th a").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Papan peringatan")
