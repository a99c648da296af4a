"""The city right now, on Home: what moves is seen to move and what is measured changes, without reloading."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.city import CITY, build_city
from tests.browser.conftest import DESKTOP, PHONE_DARK, Host, Look, Served, free_port_now, wait_for_maps
from tests.browser.test_accessibility import AXE, violations

pytestmark = pytest.mark.browser

LIVE = """
live:
  title: {id: Kota saat ini, en: The city right now}
  note: {id: Sebuah uji., en: A test.}
  layers:
    - {type: Vehicle, title: {id: bus di jalan, en: buses on the road}, label: routeCode, within: 2m}
    - type: WeatherObserved
      title: {id: pos melaporkan, en: posts reporting}
      shade: precipitation
      steps: [0.5, 20, 50, 100]
"""
LOOKS = {"wide": DESKTOP, "phone": PHONE_DARK}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A hub whose city shows buses and rain as they are now; `Secret` is not public."""
    folder = tmp_path_factory.mktemp("now")
    build_city(folder)
    text = CITY.replace("public_types: [", "public_types: [Vehicle, WeatherObserved, ") + LIVE.lstrip()
    (folder / "city.yaml").write_text(text.lstrip())
    host = Host(folder, free_port_now())
    yield host.start()
    host.stop()


@pytest.fixture(scope="module", autouse=True)
def seen(served: Served) -> None:
    put(served, bus(1, 100.35), gauge("P1", 0.2), gauge("P2", 61.5))


def bus(number: int, longitude: float) -> dict[str, Any]:
    point = {"type": "Point", "coordinates": [longitude, -0.95]}
    return {
        "id": f"urn:ngsi-ld:Vehicle:kota:{number}",
        "type": "Vehicle",
        "name": {"type": "Property", "value": f"Bus {number}"},
        "routeCode": {"type": "Property", "value": "1a"},
        "location": {"type": "GeoProperty", "value": point},
    }


def gauge(post: str, rain: float) -> dict[str, Any]:
    place = 100.34 + 0.01 * int(post[1:])
    return {
        "id": f"urn:ngsi-ld:WeatherObserved:kota:{post}",
        "type": "WeatherObserved",
        "name": {"type": "Property", "value": f"Pos {post}"},
        "precipitation": {"type": "Property", "value": rain, "unitCode": "MMT"},
        "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [place, -0.94]}},
    }


def put(served: Served, *entities: dict[str, Any]) -> None:
    with served.client(authorization=f"Bearer {served.token('administrator')}") as client:
        answered = client.post("/ngsi-ld/v1/entityOperations/upsert", json=list(entities))
        assert answered.status_code in (201, 204), answered.text


def row_of(page: Page, name: str) -> Any:
    return page.locator("#now-state tbody tr", has_text=name)


@pytest.mark.parametrize("look", LOOKS)
def test_a_bus_moves_and_rain_changes_without_reloading(visit: Callable[..., Page], served: Served, look: str) -> None:
    page = visit("/", LOOKS[look])
    wait_for_maps(page)
    expect(page.locator(".line-state")).to_have_attribute("data-line", "on")
    page.evaluate("() => { window.sameDocument = true; }")
    first, *_ = page.locator("#now-state tbody th").all_inner_texts()
    assert first == "Pos P2"
    put(served, bus(1, 100.36), gauge("P1", 104.0))
    map_element = page.locator("[data-map=now]")
    expect(map_element).to_have_attribute("data-moved", "1")
    expect(row_of(page, "Pos P1")).to_contain_text("104")
    expect(row_of(page, "Pos P1").locator(".level-5")).to_have_count(1)
    assert page.locator("#now-state tbody th >> nth=0").inner_text() == "Pos P1"
    assert page.evaluate("() => window.sameDocument") is True
    put(served, bus(1, 100.35), gauge("P1", 0.2))
    expect(map_element).to_have_attribute("data-moved", "2")


def test_who_wants_no_motion_sees_it_at_once(visit: Callable[..., Page], served: Served) -> None:
    page = visit("/", Look())
    page.emulate_media(reduced_motion="reduce")
    wait_for_maps(page)
    expect(page.locator(".line-state")).to_have_attribute("data-line", "on")
    put(served, bus(1, 100.355))
    expect(page.locator("[data-map=now]")).to_have_attribute("data-moved", "1")
    put(served, bus(1, 100.35))


@pytest.mark.parametrize("look", LOOKS)
def test_the_city_right_now_breaks_no_rule_of_accessibility(visit: Callable[..., Page], look: str) -> None:
    page = visit("/", LOOKS[look], init_script=AXE)
    expect(page.locator("#now-heading")).to_be_visible()
    assert violations(page) == []


def test_it_can_be_read_without_script(browser_without_script: Callable[[str], Page]) -> None:
    page = browser_without_script("/")
    assert page.locator("#now-state .figure b").all_inner_texts() == ["1", "2"]
    assert row_of(page, "Pos P2").inner_text().split() == ["Pos", "P2", "61,5"]


def test_the_layer_has_what_the_visitor_may_read_and_nothing_old(served: Served) -> None:
    old = bus(9, 100.3)
    old["location"]["observedAt"] = "2020-01-01T00:00:00Z"
    put(served, old)
    with served.client() as client:
        told = client.get("/layers/now.geojson")
    assert told.headers["cache-control"] == "no-store"
    found = {one["properties"]["name"]: one["properties"] for one in told.json()["features"]}
    assert found["Bus 1"]["mark"] == "1a"
    assert (found["Pos P1"]["level"], found["Pos P2"]["level"]) == (0, 4)


def test_types_that_are_not_public_are_not_shown_to_strangers(served: Served, tmp_path: Path) -> None:
    assert tmp_path.exists()
    city = served.hub.cities["kota"]
    assert city.live is not None
    with served.client() as client:
        assert "data-moving" in client.get("/").text
    closed = type(city)(**{name: getattr(city, name) for name in city.__slots__} | {"public_types": frozenset()})
    served.hub.cities["kota"] = closed
    try:
        with served.client() as client:
            assert client.get("/layers/now.geojson").json()["features"] == []
            assert "data-moving" not in client.get("/").text
    finally:
        served.hub.cities["kota"] = city
