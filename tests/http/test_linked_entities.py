"""Entities with those that they link to (CIM 009 §4.5.23), as far as the reader may see them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from simpul import limits
from tests.http.conftest import API, raise_unless_problem

ENTITIES = f"{API}/entities"
QUERY = f"{API}/entityOperations/query"


def urn(kind: str, name: str) -> str:
    return f"urn:ngsi-ld:{kind}:tautan-{name}"


def text(value: str) -> dict[str, Any]:
    return {"type": "Property", "value": value}


def link(target: str | list[str], **members: Any) -> dict[str, Any]:
    return {"type": "Relationship", "object": target, **members}


def links(*targets: str) -> dict[str, Any]:
    return {"type": "ListRelationship", "objectList": [{"object": target} for target in targets]}


STOP, NEXT, LINE, DEPOT = urn("Halte", "1"), urn("Halte", "2"), urn("Koridor", "1"), urn("Depo", "1")
PLACE = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [100.36, -0.95]}}
CITY: list[dict[str, Any]] = [
    {"id": STOP, "type": "Halte", "nama": text("Pasar"), "koridor": link(LINE), "berikut": link(NEXT),
     "location": PLACE},
    {"id": NEXT, "type": "Halte", "nama": text("Balai"), "sebelum": link(STOP), "koridor": link(LINE)},
    {"id": LINE, "type": "Koridor", "nama": text("K1"), "depo": link(DEPOT),
     "rute": links(STOP, urn("Halte", "tiada"), NEXT), "semua": link([STOP, urn("Halte", "tiada"), NEXT])},
    {"id": DEPOT, "type": "Depo", "nama": text("Depo Utara"), "kota": link(urn("Kota", "tiada"))},
    {"id": urn("Gudang", "1"), "type": "Gudang", "milik": [
        link(LINE), link(DEPOT, datasetId="urn:ngsi-ld:set:2"),
        link(urn("Depo", "tiada"), datasetId="urn:ngsi-ld:set:3"),
    ]},
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def city(writer: httpx2.Client) -> Iterator[None]:
    """Put two stops that name each other, their line, its depot and a warehouse."""
    created = writer.post(f"{API}/entityOperations/create", json=CITY)
    assert created.status_code == 201, created.text
    yield
    writer.post(f"{API}/entityOperations/delete", json=[one["id"] for one in CITY])


def get(client: httpx2.Client, path: str, **parameters: str) -> Any:
    response = client.get(f"{ENTITIES}{path}", params=parameters)
    assert response.status_code == 200, response.text
    return response.json()


def ids(entities: list[dict[str, Any]]) -> list[str]:
    return [one["id"] for one in entities]


def test_4_5_23_2_inline_puts_the_linked_entity_into_the_relationship(writer: httpx2.Client) -> None:
    stop = get(writer, f"/{STOP}", join="inline")
    assert stop["koridor"]["object"] == LINE
    assert stop["koridor"]["entity"]["nama"] == text("K1")
    assert "entity" not in stop["koridor"]["entity"]["depo"]


def test_4_5_23_3_flat_puts_linked_entities_behind_the_others_each_once(writer: httpx2.Client) -> None:
    assert ids(get(writer, f"/{STOP}", join="flat")) == [STOP, LINE, NEXT]
    assert ids(get(writer, "", type="Halte", join="flat")) == [STOP, NEXT, LINE]
    stop = get(writer, f"/{STOP}", join="flat")[0]
    assert "entity" not in stop["koridor"]


def test_4_5_23_3_flat_is_an_array_though_nothing_is_linked(writer: httpx2.Client) -> None:
    assert ids(get(writer, f"/{DEPOT}", join="flat")) == [DEPOT]


@pytest.mark.parametrize(("level", "flat"), [("1", [STOP, LINE, NEXT]), ("2", [STOP, LINE, NEXT, DEPOT])])
def test_4_5_23_1_join_level_says_how_deep(writer: httpx2.Client, level: str, flat: list[str]) -> None:
    assert ids(get(writer, f"/{STOP}", join="flat", joinLevel=level)) == flat
    line = get(writer, f"/{STOP}", join="inline", joinLevel=level)["koridor"]["entity"]
    assert ("entity" in line["depo"]) == (level == "2")


def test_4_5_23_1_circles_end(writer: httpx2.Client) -> None:
    """What is on the way to an entity is not shown inside it again."""
    stop = get(writer, f"/{STOP}", join="inline", joinLevel="5")
    following = stop["berikut"]["entity"]
    assert "entity" not in following["sebelum"]
    assert ids(following["koridor"]["entity"].get("semua", {}).get("entity", [])) == []


def test_6_5_3_1_what_the_asker_has_already_is_not_shown_again(writer: httpx2.Client) -> None:
    stop = get(writer, f"/{STOP}", join="inline", containedBy=f"{LINE},urn:ngsi-ld:Lain:1")
    assert "entity" not in stop["koridor"]
    assert "entity" in stop["berikut"]
    assert ids(get(writer, f"/{STOP}", join="flat", containedBy=LINE)) == [STOP, NEXT]


def test_5_2_37_a_list_shows_its_entities_in_order_without_those_that_are_not_there(writer: httpx2.Client) -> None:
    line = get(writer, f"/{LINE}", join="inline")
    assert ids(line["rute"]["entityList"]) == [STOP, NEXT]
    assert ids(line["semua"]["entity"]) == [STOP, NEXT]
    assert len(line["rute"]["objectList"]) == 3


def test_4_5_4_simplified_has_the_entity_in_place_of_its_uri(writer: httpx2.Client) -> None:
    line = get(writer, f"/{LINE}", join="inline", format="simplified")
    assert line["depo"]["nama"] == "Depo Utara"
    assert [one if isinstance(one, str) else one["id"] for one in line["rute"]] == [STOP, urn("Halte", "tiada"), NEXT]
    assert get(writer, f"/{DEPOT}", join="inline", format="simplified")["kota"] == urn("Kota", "tiada")


def test_4_5_2_3_concise_stays_concise_inside(writer: httpx2.Client) -> None:
    stop = get(writer, f"/{STOP}", join="inline", format="concise")
    assert stop["koridor"]["entity"]["nama"] == "K1"


def test_4_5_5_each_instance_of_a_relationship_has_its_own_entity(writer: httpx2.Client) -> None:
    owned = get(writer, f"/{urn('Gudang', '1')}", join="inline")["milik"]
    assert [one.get("entity", {}).get("id") for one in owned] == [LINE, DEPOT, None]
    simplified = get(writer, f"/{urn('Gudang', '1')}", join="inline", format="simplified")["milik"]["dataset"]
    assert simplified["@none"]["id"] == LINE
    assert simplified["urn:ngsi-ld:set:3"] == urn("Depo", "tiada")
    only = get(writer, f"/{urn('Gudang', '1')}", join="flat", datasetId="urn:ngsi-ld:set:2")
    assert ids(only) == [urn("Gudang", "1"), DEPOT]


def test_4_21_names_in_braces_are_those_of_linked_entities(writer: httpx2.Client) -> None:
    picked = get(writer, f"/{STOP}", join="inline", pick="id,koridor{id,nama}")
    assert picked == {"id": STOP, "koridor": {**link(LINE), "entity": {"id": LINE, "nama": text("K1")}}}
    omitted = get(writer, f"/{STOP}", join="flat", omit="nama,koridor{nama,rute,semua}")
    assert "nama" not in omitted[0]
    assert set(omitted[1]) == {"id", "type", "depo"}
    assert "nama" in omitted[2]


def test_4_21_a_relationship_that_is_not_picked_is_not_followed(writer: httpx2.Client) -> None:
    assert get(writer, f"/{STOP}", join="flat", pick="id,nama") == [{"id": STOP, "nama": text("Pasar")}]


def test_6_3_11_system_attributes_are_shown_inside_too(writer: httpx2.Client) -> None:
    stop = get(writer, f"/{STOP}", join="inline", options="sysAttrs")
    assert {"createdAt", "modifiedAt"} <= set(stop["koridor"]["entity"])


def test_5_7_1_5_geojson_shows_linked_entities_as_features(writer: httpx2.Client) -> None:
    headers = {"accept": "application/geo+json"}
    flat = writer.get(f"{ENTITIES}/{STOP}", params={"join": "flat"}, headers=headers).json()
    assert flat["type"] == "FeatureCollection"
    assert ids(flat["features"]) == [STOP, LINE, NEXT]
    assert flat["features"][1]["geometry"] is None
    inline = writer.get(f"{ENTITIES}/{STOP}", params={"join": "inline"}, headers=headers).json()
    assert inline["geometry"] == PLACE["value"]
    assert inline["properties"]["koridor"]["entity"]["id"] == LINE


def test_6_23_the_same_by_post(writer: httpx2.Client) -> None:
    asked = {"type": "Query", "entities": [{"type": "Koridor", "id": LINE}], "join": "inline", "joinLevel": 2,
             "pick": ["id", "depo{id,nama}"], "containedBy": [STOP]}  # fmt: skip
    response = writer.post(QUERY, json=asked)
    assert response.status_code == 200, response.text
    (line,) = response.json()
    assert line["depo"]["entity"] == {"id": DEPOT, "nama": text("Depo Utara")}


def test_the_count_and_the_page_are_those_of_the_entities_asked_for(writer: httpx2.Client) -> None:
    response = writer.get(ENTITIES, params={"type": "Halte", "join": "flat", "limit": "1", "count": "true"})
    assert response.headers["ngsild-results-count"] == "2"
    assert ids(response.json()) == [STOP, LINE, NEXT]


def test_4_9_q_may_ask_about_linked_entities_as_deep_as_the_join_goes(writer: httpx2.Client) -> None:
    found = get(writer, "", type="Halte", q='koridor{depo{nama}}=="Depo Utara"', join="inline", joinLevel="2")
    assert ids(found) == [STOP, NEXT]
    found = get(writer, "", type="Halte", q='berikut{Halte:nama}=="Balai"', join="flat")
    assert ids(found)[0] == STOP


@pytest.mark.parametrize("asked", [
    {"q": 'koridor{nama}=="K1"'},
    {"q": 'koridor{depo{nama}}=="Depo Utara"', "join": "inline"},
    {"q": 'koridor{nama}=="K1"', "join": "@none", "joinLevel": "2"},
    {"pick": "koridor{nama}"},
    {"omit": "koridor{depo{nama}}", "join": "flat", "joinLevel": "1"},
    {"join": "beside"},
    {"join": "inline", "joinLevel": "0"},
    {"join": "inline", "joinLevel": str(limits.JOIN_LEVELS_MAX + 1)},
    {"join": "inline", "containedBy": "not a uri"},
])  # fmt: skip
def test_5_7_2_4_what_reaches_too_far_or_is_wrong_is_refused(writer: httpx2.Client, asked: dict[str, str]) -> None:
    response = writer.get(ENTITIES, params={"type": "Halte", **asked})
    raise_unless_problem(response, 400, "BadRequestData")


@pytest.mark.parametrize("body", [{"joinLevel": 0}, {"joinLevel": "1"}, {"joinLevel": True}, {"containedBy": []}])
def test_5_2_23_what_is_wrong_in_a_query_is_refused(writer: httpx2.Client, body: dict[str, Any]) -> None:
    asked = {"type": "Query", "entities": [{"type": "Halte"}], "join": "inline", **body}
    raise_unless_problem(writer.post(QUERY, json=asked), 400, "BadRequestData")


def test_join_none_is_no_join(writer: httpx2.Client) -> None:
    assert get(writer, f"/{STOP}", join="@none") == get(writer, f"/{STOP}")


def test_an_answer_with_too_many_linked_entities_is_refused(
    writer: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LINKED_ENTITIES_MAX", 1)
    response = writer.get(f"{ENTITIES}/{STOP}", params={"join": "flat"})
    raise_unless_problem(response, 403, "TooComplexQuery")
    assert "joinLevel" in response.json()["detail"]


def test_who_may_not_read_a_linked_entity_sees_what_they_would_if_it_were_not_there(anonymous: httpx2.Client) -> None:
    """Halte is public, Koridor is not."""
    stop = get(anonymous, f"/{STOP}", join="inline", joinLevel="3")
    assert stop["koridor"] == link(LINE)
    assert stop["berikut"]["entity"]["koridor"] == link(LINE)
    assert ids(get(anonymous, f"/{STOP}", join="flat", joinLevel="3")) == [STOP, NEXT]
    assert get(anonymous, f"/{STOP}", join="inline", format="simplified")["koridor"] == LINE


def test_q_tells_nobody_of_linked_entities_that_they_may_not_read(anonymous: httpx2.Client) -> None:
    asked = {"type": "Halte", "join": "inline", "count": "true"}
    response = anonymous.get(ENTITIES, params={**asked, "q": 'koridor{nama}=="K1"'})
    assert response.status_code == 200, response.text
    assert response.headers["ngsild-results-count"] == "0"
    response = anonymous.get(ENTITIES, params={**asked, "q": 'berikut{nama}=="Balai"'})
    assert response.headers["ngsild-results-count"] == "1"
