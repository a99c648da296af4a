"""A polygon whose border crosses itself: taken with a warning that says where (§6.3.17)."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from tests.http.conftest import API

BOW = [[[100.0, -1.0], [100.1, -0.9], [100.1, -1.0], [100.0, -0.9], [100.0, -1.0]]]
SQUARE = [[[100.0, -1.0], [100.1, -1.0], [100.1, -0.9], [100.0, -0.9], [100.0, -1.0]]]
CROSSING = "[100.05, -0.95]"
ID = "urn:ngsi-ld:Kawasan:1"


def _place(rings: Any, kind: str = "Polygon") -> dict[str, Any]:
    return {"type": "GeoProperty", "value": {"type": kind, "coordinates": rings}}


def _area(rings: Any, **attributes: Any) -> dict[str, Any]:
    return {"id": ID, "type": "Kawasan", "location": _place(rings), **attributes}


def _is_warned(response: httpx2.Response) -> bool:
    warning = response.headers.get("NGSILD-Warning", "")
    assert not warning or (warning.startswith("199 ") and CROSSING in warning), warning
    return bool(warning)


def test_6_3_17_a_polygon_that_crosses_itself_is_kept_with_a_warning_of_the_place(writer: httpx2.Client) -> None:
    created = writer.post(API + "/entities", json=_area(BOW))
    assert created.status_code == 201
    assert _is_warned(created)
    assert writer.get(f"{API}/entities/{ID}").json()["location"] == _place(BOW)
    assert _is_warned(writer.patch(f"{API}/entities/{ID}/attrs", json={"location": _place(BOW)}))
    assert _is_warned(
        writer.put(f"{API}/entities/{ID}", json=_area(SQUARE, planned=_place([SQUARE, BOW], "MultiPolygon")))
    )
    assert _is_warned(
        writer.post(f"{API}/entities/{ID}/attrs", json={"planned": [_place(BOW) | {"datasetId": "urn:x:1"}]})
    )
    assert _is_warned(
        writer.post(API + "/entityOperations/upsert", json=[_area(SQUARE), _area(BOW) | {"id": ID + "2"}])
    )


def test_a_polygon_in_order_and_what_is_no_geometry_are_taken_without_a_warning(writer: httpx2.Client) -> None:
    note = {"type": "Property", "value": {"type": "Polygon", "coordinates": "to be drawn"}}
    assert not _is_warned(writer.post(API + "/entities", json=_area(SQUARE, note=note)))
    assert not _is_warned(writer.patch(f"{API}/entities/{ID}/attrs", json={"location": _place(SQUARE), "a": 1}))


def test_what_comes_with_an_operation_that_takes_no_body_changes_nothing_of_its_answer(writer: httpx2.Client) -> None:
    gone = f"{ID}:gone"
    assert writer.post(API + "/entities", json=_area(SQUARE) | {"id": gone}).status_code == 201
    assert writer.request("DELETE", f"{API}/entities/{gone}", content=b"no JSON: Polygon").status_code == 204


def test_what_was_refused_has_no_warning(writer: httpx2.Client) -> None:
    writer.post(API + "/entities", json=_area(SQUARE))
    again = writer.post(API + "/entities", json=_area(BOW))
    assert again.status_code == 409
    assert not _is_warned(again)


@pytest.mark.parametrize(("kind", "rings"), [("Polygon", BOW), ("MultiPolygon", [BOW])])
def test_4_10_who_asks_with_a_polygon_that_crosses_itself_is_answered_and_warned(
    writer: httpx2.Client, kind: str, rings: Any
) -> None:
    writer.post(API + "/entities", json=_area(SQUARE))
    asked = {"georel": "intersects", "geometry": kind}
    told = writer.get(API + "/entities", params={"type": "Kawasan", "coordinates": json.dumps(rings), **asked})
    assert ID in [entity["id"] for entity in told.json()]
    assert _is_warned(told)
    body = {"type": "Query", "entities": [{"type": "Kawasan"}], "geoQ": asked | {"coordinates": rings}}
    assert _is_warned(writer.post(API + "/entityOperations/query", json=body))


def test_who_asks_with_a_polygon_in_order_is_not_warned(writer: httpx2.Client) -> None:
    asked = {"type": "Kawasan", "georel": "within", "geometry": "Polygon", "coordinates": json.dumps(SQUARE)}
    told = writer.get(API + "/entities", params=asked)
    assert told.status_code == 200
    assert not _is_warned(told)
