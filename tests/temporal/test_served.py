"""/temporal as it is served: asked for, written, corrected, in pages."""

from __future__ import annotations

from itertools import count
from typing import Any

import httpx2
import pytest

from tests.http.conftest import API, raise_unless_problem

TEMPORAL = f"{API}/temporal/entities"
_numbers = count(1)


def at(minute: int, hour: int = 10) -> str:
    return f"2024-05-01T{hour:02}:{minute:02}:00Z"


def value(number: Any, minute: int, **more: Any) -> dict[str, Any]:
    return {"type": "Property", "value": number, "observedAt": at(minute), **more}


def written(kind: str = "Gauge", **attributes: Any) -> dict[str, Any]:
    return {"id": f"urn:ngsi-ld:{kind}:t{next(_numbers)}", "type": kind, **attributes}


def put(writer: httpx2.Client, **attributes: Any) -> str:
    body = written(**attributes)
    response = writer.post(TEMPORAL, json=body)
    assert response.status_code == 201, response.text
    assert response.headers["location"] == f"/ngsi-ld/v1/temporal/entities/{body['id']}"
    identifier: str = body["id"]
    return identifier


def show(writer: httpx2.Client, entity_id: str, status: int = 200, **asked: Any) -> Any:
    response = writer.get(f"{TEMPORAL}/{entity_id}", params=asked)
    assert response.status_code == status, response.text
    return response.json()


def values(shown: dict[str, Any], name: str = "depth") -> list[Any]:
    return [one["value"] for one in shown.get(name, [])]


def test_5_6_11_a_history_is_written_and_its_newest_end_is_the_current_state(writer: httpx2.Client) -> None:
    one = put(writer, depth=[value(3, 3), value(1, 1), value(2, 2)])
    assert values(show(writer, one)) == [1, 2, 3]
    assert writer.get(f"{API}/entities/{one}").json()["depth"]["value"] == 3
    assert [e["id"] for e in writer.get(f"{API}/entities", params={"type": "Gauge", "q": "depth==3"}).json()] == [one]


def test_5_6_11_a_history_that_is_there_goes_on(writer: httpx2.Client) -> None:
    one = put(writer, depth=[value(1, 1), value(2, 2)])
    body = {"id": one, "type": "Gauge", "depth": [value(9, 1), value(2, 2), value(3, 3)]}
    before = show(writer, one)["depth"][0]["instanceId"]
    assert writer.post(TEMPORAL, json=body).status_code == 204
    shown = show(writer, one)
    # What has the attribute, the dataset and the time of another takes its place, and its id.
    assert values(shown) == [9, 2, 3]
    assert shown["depth"][0]["instanceId"] == before
    assert writer.get(f"{API}/entities/{one}").json()["depth"]["value"] == 3


def test_5_6_12_an_older_instance_does_not_become_current(writer: httpx2.Client) -> None:
    one = put(writer, depth=value(5, 5))
    late = {"depth": [value(1, 1)], "name": value("Andalas", 1)}
    assert writer.post(f"{TEMPORAL}/{one}/attrs", json=late).status_code == 204
    assert values(show(writer, one)) == [1, 5]
    current = writer.get(f"{API}/entities/{one}").json()
    assert (current["depth"]["value"], current["name"]["value"]) == (5, "Andalas")


def test_5_6_12_what_the_hub_did_and_what_was_written_are_one_log(writer: httpx2.Client) -> None:
    body = {**written(), "depth": value(5, 5)}
    assert writer.post(f"{API}/entities", json=body).status_code == 201
    assert writer.post(f"{TEMPORAL}/{body['id']}/attrs", json={"depth": [value(4, 4)]}).status_code == 204
    assert writer.patch(f"{API}/entities/{body['id']}/attrs", json={"depth": value(6, 6)}).status_code == 204
    assert values(show(writer, body["id"])) == [4, 5, 6]
    assert writer.delete(f"{API}/entities/{body['id']}/attrs/depth").status_code == 204
    assert [one["value"] for one in show(writer, body["id"], timeproperty="deletedAt")["depth"]] == ["urn:ngsi-ld:null"]


def test_5_6_12_nothing_is_added_to_nothing(writer: httpx2.Client) -> None:
    response = writer.post(f"{TEMPORAL}/urn:ngsi-ld:Gauge:none/attrs", json={"depth": [value(1, 1)]})
    raise_unless_problem(response, 404, "ResourceNotFound")
    one = put(writer, depth=value(1, 1))
    raise_unless_problem(writer.post(f"{TEMPORAL}/{one}/attrs", json={}), 400, "BadRequestData")


def test_5_6_12_what_is_gone_stays_gone(writer: httpx2.Client) -> None:
    one = put(writer, depth=value(1, 1))
    assert writer.delete(f"{API}/entities/{one}").status_code == 204
    assert writer.post(f"{TEMPORAL}/{one}/attrs", json={"depth": value(2, 2)}).status_code == 204
    assert 2 in values(show(writer, one))
    assert writer.get(f"{API}/entities/{one}").status_code == 404


def test_5_6_13_an_attribute_goes_from_the_history(writer: httpx2.Client) -> None:
    tagged = value(7, 3, datasetId="urn:d:1")
    one = put(writer, depth=[value(1, 1), value(2, 2), tagged], name=value("Andalas", 1))
    assert writer.delete(f"{TEMPORAL}/{one}/attrs/depth").status_code == 204
    assert values(show(writer, one)) == [7]
    assert writer.delete(f"{TEMPORAL}/{one}/attrs/depth?datasetId=urn:d:1").status_code == 204
    assert set(show(writer, one)) == {"id", "type", "name"}
    raise_unless_problem(writer.delete(f"{TEMPORAL}/{one}/attrs/depth"), 404, "ResourceNotFound")
    # The current state is changed where the entity is.
    assert "depth" in writer.get(f"{API}/entities/{one}").json()


def test_5_6_14_an_instance_is_patched_and_keeps_its_id(writer: httpx2.Client) -> None:
    one = put(writer, depth=[value(1, 1, unitCode="CMT"), value(2, 2)])
    first, second = show(writer, one)["depth"]
    path = f"{TEMPORAL}/{one}/attrs/depth/{first['instanceId']}"
    assert writer.patch(path, json={"type": "Property", "value": 8}).status_code == 204
    assert show(writer, one)["depth"] == [{**first, "value": 8}, second]
    sys = show(writer, one, options="sysAttrs")["depth"]
    assert sys[0]["createdAt"] <= sys[0]["modifiedAt"]
    raise_unless_problem(writer.patch(path, json={"type": "Relationship", "object": "urn:a:1"}), 400, "BadRequestData")
    raise_unless_problem(writer.patch(f"{path}9", json={"value": 1}), 404, "ResourceNotFound")


def test_5_6_14_a_whole_instance_below_its_name_takes_the_place_of_the_old_one(writer: httpx2.Client) -> None:
    one = put(writer, depth=[value(1, 1, unitCode="CMT"), value(2, 2)])
    first, second = show(writer, one)["depth"]
    made = show(writer, one, options="sysAttrs")["depth"][0]["createdAt"]
    path = f"{TEMPORAL}/{one}/attrs/depth/{first['instanceId']}"
    assert writer.patch(path, json={"depth": [value(8, 1)]}).status_code == 204
    # The unit is no part of the new instance, so it is gone; the id and the time of creation stay.
    assert show(writer, one)["depth"] == [{**value(8, 1), "instanceId": first["instanceId"]}, second]
    assert show(writer, one, options="sysAttrs")["depth"][0]["createdAt"] == made
    assert writer.patch(path, json={"id": one, "type": "River", "depth": value(9, 1)}).status_code == 204
    assert show(writer, one)["depth"][0]["value"] == 9
    raise_unless_problem(writer.patch(path, json={"depth": [value(1, 1), value(2, 1)]}), 400, "BadRequestData")
    raise_unless_problem(writer.patch(path, json={"depth": []}), 400, "BadRequestData")


def test_5_6_15_an_instance_goes_and_the_others_keep_their_ids(writer: httpx2.Client) -> None:
    one = put(writer, depth=[value(1, 1), value(2, 2), value(3, 3)])
    first, second, third = show(writer, one)["depth"]
    assert writer.delete(f"{TEMPORAL}/{one}/attrs/depth/{second['instanceId']}").status_code == 204
    assert show(writer, one)["depth"] == [first, third]
    again = writer.delete(f"{TEMPORAL}/{one}/attrs/depth/{second['instanceId']}")
    raise_unless_problem(again, 404, "ResourceNotFound")


def test_5_6_16_a_history_goes_with_the_entity_that_it_made(writer: httpx2.Client) -> None:
    one = put(writer, depth=value(1, 1))
    assert writer.delete(f"{TEMPORAL}/{one}").status_code == 204
    raise_unless_problem(writer.get(f"{TEMPORAL}/{one}"), 404, "ResourceNotFound")
    assert writer.get(f"{API}/entities/{one}").status_code == 404
    assert writer.post(TEMPORAL, json={"id": one, "type": "Gauge", "depth": value(1, 1)}).status_code == 201


def test_5_6_16_an_entity_outlives_its_history(writer: httpx2.Client) -> None:
    body = {**written(), "depth": value(5, 5)}
    assert writer.post(f"{API}/entities", json=body).status_code == 201
    assert writer.delete(f"{TEMPORAL}/{body['id']}").status_code == 204
    assert writer.get(f"{API}/entities/{body['id']}").status_code == 200
    raise_unless_problem(writer.get(f"{TEMPORAL}/{body['id']}"), 404, "ResourceNotFound")


def test_5_7_3_what_was_never_there_is_told_apart_from_what_is_not_in_the_time(writer: httpx2.Client) -> None:
    one = put(writer, depth=value(1, 1))
    assert show(writer, one, attrs="height", status=404)["type"].endswith("ResourceNotFound")
    assert show(writer, one, attrs="depth", timerel="after", timeAt=at(9)) == {"id": one, "type": "Gauge"}


def test_4_5_9_and_4_5_19_other_representations(writer: httpx2.Client) -> None:
    one = put(writer, depth=[value(1, 1), value(3, 2), value(9, 59)])
    assert show(writer, one, format="temporalValues")["depth"] == {
        "type": "Property", "values": [[1, at(1)], [3, at(2)], [9, at(59)]],
    }  # fmt: skip
    asked: dict[str, Any] = {
        "options": "aggregatedValues",
        "aggrMethods": "avg,totalCount",
        "aggrPeriodDuration": "PT30M",
    }
    assert show(writer, one, **asked)["depth"] == {
        "type": "Property",
        "avg": [[2.0, at(1), at(31)], [9.0, at(31), at(1, 11)]],
        "totalCount": [[2, at(1), at(31)], [1, at(31), at(1, 11)]],
    }
    show(writer, one, options="aggregatedValues", status=400)


def test_4_5_19_of_relationships_only_how_often_is_told(writer: httpx2.Client) -> None:
    link = {"type": "Relationship", "object": "urn:ngsi-ld:Depot:1", "observedAt": at(1)}
    one = put(writer, atDepot=[link])
    asked: dict[str, Any] = {"options": "aggregatedValues", "aggrMethods": "totalCount,max,min,avg"}
    told = show(writer, one, **asked)["atDepot"]
    assert set(told) == {"type", "totalCount"}
    show(writer, one, **{**asked, "aggrMethods": "max", "attrs": "atDepot"}, status=400)


class TestQueries:
    """§5.7.4, over types of their own so that the tests do not see each other's."""

    @pytest.fixture(scope="class")
    @classmethod
    def ids(cls, writer: httpx2.Client) -> list[str]:
        place = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [100.36, -0.95]}, "observedAt": at(1)}
        bodies = [
            written("Pump", depth=[value(1, 1), value(9, 2)], location=place, scope="/Padang"),
            written("Pump", depth=[value(2, 1), value(3, 2)]),
            written("Well", depth=[value(50, 5)]),
        ]
        for body in bodies:
            assert writer.post(TEMPORAL, json=body).status_code == 201
        # One that is gone has a history all the same.
        assert writer.delete(f"{API}/entities/{bodies[1]['id']}").status_code == 204
        return [body["id"] for body in bodies]

    @pytest.mark.parametrize(
        ("asked", "places"),
        [
            ({"type": "Pump"}, [0, 1]),
            ({"type": "Pump,Well"}, [0, 1, 2]),
            ({"type": "Pump", "q": "depth>5"}, [0]),
            ({"type": "Pump", "q": "depth>5", "timerel": "before", "timeAt": at(2)}, []),
            ({"type": "Pump", "timerel": "after", "timeAt": at(3)}, []),
            ({"type": "Pump,Well", "timerel": "after", "timeAt": at(3)}, [2]),
            ({"type": "Pump", "scopeQ": "/Padang"}, [0]),
            ({"type": "Pump", "attrs": "height"}, []),
            (
                {
                    "type": "Pump",
                    "georel": "near;maxDistance==100",
                    "geometry": "Point",
                    "coordinates": "[100.36,-0.95]",
                },
                [0],
            ),
        ],
    )
    def test_5_7_4_each_selector(
        self, writer: httpx2.Client, ids: list[str], asked: dict[str, str], places: list[int]
    ) -> None:
        response = writer.get(TEMPORAL, params=asked)
        assert response.status_code == 200, response.text
        assert [one["id"] for one in response.json()] == [ids[place] for place in places]

    def test_6_24_the_same_by_a_body(self, writer: httpx2.Client, ids: list[str]) -> None:
        body = {
            "type": "Query", "entities": [{"type": "Pump"}, {"type": "Well"}], "q": "depth>5",
            "temporalQ": {"timerel": "between", "timeAt": at(2), "endTimeAt": at(9)},
        }  # fmt: skip
        response = writer.post(f"{API}/temporal/entityOperations/query", json=body)
        assert [one["id"] for one in response.json()] == [ids[0], ids[2]]
        assert values(response.json()[0]) == [9]

    @pytest.mark.parametrize("member", ["temporalQ", "aggrParams"])
    def test_5_2_44_a_body_that_says_how_to_aggregate_asks_for_it(
        self, writer: httpx2.Client, ids: list[str], member: str
    ) -> None:
        times: dict[str, Any] = {"timerel": "after", "timeAt": at(0)}
        how: dict[str, Any] = {"aggrMethods": ["max"], "aggrPeriodDuration": "PT1H"}
        body: dict[str, Any] = {"type": "Query", "entities": [{"type": "Well"}], "temporalQ": times}
        body |= {member: {**times, **how} if member == "temporalQ" else how}
        (shown,) = writer.post(f"{API}/temporal/entityOperations/query", json=body).json()
        assert shown["depth"] == {"type": "Property", "max": [[50, at(0), at(0, 11)]]}

    def test_6_3_10_pages_of_entities(self, writer: httpx2.Client, ids: list[str]) -> None:
        asked = {"type": "Pump,Well", "limit": "2", "count": "true"}
        response = writer.get(TEMPORAL, params=asked)
        assert (len(response.json()), response.headers["ngsild-results-count"]) == (2, "3")
        assert 'rel="next"' in response.headers["link"]
        assert [one["id"] for one in writer.get(TEMPORAL, params={**asked, "offset": "2"}).json()] == [ids[2]]

    def test_4_23_an_order(self, writer: httpx2.Client, ids: list[str]) -> None:
        shown = writer.get(TEMPORAL, params={"type": "Pump,Well", "orderBy": "id;desc"}).json()
        assert [one["id"] for one in shown] == sorted(ids, reverse=True)

    @pytest.mark.parametrize("asked", [{}, {"id": "urn:a:1"}, {"timerel": "after", "timeAt": at(1)}])
    def test_5_7_4_a_question_about_everything_is_refused(self, writer: httpx2.Client, asked: dict[str, str]) -> None:
        raise_unless_problem(writer.get(TEMPORAL, params=asked), 400, "BadRequestData")


def test_6_3_10_a_long_history_is_read_in_pages_without_gap_or_end(writer: httpx2.Client) -> None:
    one = put(writer, depth=[value(number, number) for number in range(60)], name=value("Andalas", 59))
    found: list[int] = []
    asked: dict[str, str] = {}
    for _ in range(9):
        response = writer.get(f"{TEMPORAL}/{one}", params=asked)
        found += [number for number in values(response.json()) if number not in found]
        if response.status_code == 200:
            break
        unit, _, covered = response.headers["content-range"].partition(" ")
        ends, _, size = covered.partition("/")
        start, end = ends[:20], ends[21:]
        assert (unit, size, len(start)) == ("date-time", "*", 20)
        assert response.json()["name"] == []
        asked = {"timerel": "after", "timeAt": end}
    assert found == list(range(60))


def test_6_3_10_the_last_are_paged_backwards(writer: httpx2.Client) -> None:
    one = put(writer, depth=[value(number, number) for number in range(60)])
    response = writer.get(f"{TEMPORAL}/{one}", params={"lastN": "40"})
    assert response.status_code == 206
    assert response.headers["content-range"] == f"date-time {at(59)}-{at(35)}/40"
    assert values(response.json()) == list(range(35, 60))


def test_who_may_not_read_a_type_does_not_read_its_history(writer: httpx2.Client, anonymous: httpx2.Client) -> None:
    one = put(writer, depth=value(1, 1))
    assert anonymous.get(f"{TEMPORAL}/{one}").status_code in (401, 404)
    assert anonymous.get(TEMPORAL, params={"type": "Gauge"}).status_code == 401
    assert anonymous.post(TEMPORAL, json=written(depth=value(1, 1))).status_code == 401
    assert anonymous.delete(f"{TEMPORAL}/{one}").status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {"id": "urn:a:1"}, {"type": "Gauge"}, {"id": "a", "type": "Gauge"}, [],
        {"id": "urn:a:1", "type": "Gauge", "depth": []},
        {"id": "urn:a:1", "type": "Gauge", "depth": [{"type": "Property"}]},
        {"id": "urn:a:1", "type": "Gauge", "depth": [value(1, 1), 3]},
        {"id": "urn:a:1", "type": "Gauge", "depth": [{"type": "Property", "value": 1, "observedAt": "today"}]},
    ],
)  # fmt: skip
def test_a_history_that_is_not_well_formed_is_refused(writer: httpx2.Client, body: Any) -> None:
    assert writer.post(TEMPORAL, json=body).status_code == 400


def test_4_5_7_an_instance_may_tell_that_the_attribute_went(writer: httpx2.Client) -> None:
    one = put(writer, depth=[value(1, 1)], width=[value(5, 1)])
    body = {"id": one, "type": ["Gauge", "Meter"], "depth": [value("urn:ngsi-ld:null", 2)]}
    assert writer.post(TEMPORAL, json=body).status_code == 204
    told = show(writer, one)
    assert told["type"] == ["Gauge", "Meter"]
    assert values(told) == [1, "urn:ngsi-ld:null"]
    assert writer.get(f"{API}/entities/{one}").json().keys() == {"id", "type", "width"}
    # An older one does not take away what came after it.
    assert writer.post(TEMPORAL, json={**body, "depth": [value(7, 4)]}).status_code == 204
    assert writer.post(TEMPORAL, json={**body, "depth": [value("urn:ngsi-ld:null", 3)]}).status_code == 204
    assert writer.get(f"{API}/entities/{one}").json()["depth"]["value"] == 7
    assert writer.get(f"{API}/entities", params={"type": "Meter", "q": "depth==7"}).json()[0]["id"] == one


@pytest.mark.parametrize("moment", ["urn:ngsi-ld:null", "x"])
def test_5_5_4_what_is_no_moment_is_no_expiry_of_a_history(writer: httpx2.Client, moment: str) -> None:
    body = written(depth=[value(1, 1)], expiresAt=moment)
    raise_unless_problem(writer.post(TEMPORAL, json=body), 400, "BadRequestData")
    show(writer, body["id"], 404)


def test_4_22_a_history_does_not_expire(writer: httpx2.Client) -> None:
    past = {"expiresAt": "2020-01-01T00:00:00Z"}
    one = put(writer, depth=[value(1, 1, **past)], **past)
    assert values(show(writer, one)) == [1]
    assert "expiresAt" not in writer.get(f"{API}/entities/{one}", params={"options": "sysAttrs"}).text


def test_6_3_12_a_representation_is_asked_for_by_format_which_counts_before_options(writer: httpx2.Client) -> None:
    one = put(writer, depth=[value(1, 1), value(2, 2)])
    short = {"type": "Property", "values": [[1, at(1)], [2, at(2)]]}
    plain: list[dict[str, Any]] = [{"format": "temporalValues"}, {"options": "temporalValues"}]
    for asked in plain:
        assert show(writer, one, **asked)["depth"] == short
    counted: dict[str, Any] = {"aggrMethods": "max", "aggrPeriodDuration": "PT0S"}
    for name in ("format", "options"):
        assert show(writer, one, **{name: "aggregatedValues", **counted})["depth"]["max"][0][0] == 2
    assert show(writer, one, format="temporalValues", options="aggregatedValues", **counted)["depth"] == short
    wrong: list[dict[str, Any]] = [{"format": "values"}, {"options": "temporalValues,aggregatedValues", **counted}]
    for asked in wrong:
        show(writer, one, 400, **asked)
    body = {"type": "Query", "entities": [{"type": "Gauge", "id": one}]}
    told = writer.post(f"{API}/temporal/entityOperations/query?format=temporalValues", json=body)
    assert told.json()[0]["depth"] == short
