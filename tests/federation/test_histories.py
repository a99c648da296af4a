"""Histories read across two hubs, in every mode (CIM 009 §5.7.3, §5.7.4)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.federation.conftest import ENTITIES, REGISTRATIONS, Register, registration, served_hub, stop, value
from tests.federation.histories import HISTORIES, ID, QUERY, READING, day, names, path, series, values_of, write
from tests.http.conftest import API, Served, raise_unless_problem

pytestmark = pytest.mark.usefixtures("emptied")


def test_5_7_3_a_history_of_another_hub_is_retrieved(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    write(there, "a", level=series(1, 1, 2))
    register(operations=READING)
    told = here.get(path("a"))
    assert told.status_code == 200, told.text
    assert values_of(told.json()) == [1, 2]
    assert told.json() == there.get(path("a")).json()
    assert here.get(path("a") + "?local=true").status_code == 404
    raise_unless_problem(here.get(path("b")), 404, "ResourceNotFound")


def test_4_20_no_group_of_operations_has_those_of_histories(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    write(there, "a", level=series(1, 1))
    register(operations=["federationOps", "redirectionOps"])
    assert here.get(path("a")).status_code == 404
    assert here.get(HISTORIES, params={"type": "BusStop"}).json() == []


def test_4_5_5_instances_of_both_hubs_are_told_in_the_order_of_time(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    write(here, "a", level=series(1, 1, 2), roof=series(1, True))
    time.sleep(0.005)
    write(there, "a", level=series(2, 20, 3), bench=series(1, 4))
    register(operations=READING)
    told = here.get(path("a")).json()
    # Of what both observed at one time, the last modified is told.
    assert values_of(told) == [1, 20, 3]
    assert (values_of(told, "roof"), values_of(told, "bench")) == ([True], [4])
    assert [one["value"] for one in here.get(path("a"), params={"lastN": 2}).json()["level"]] == [20, 3]
    window = {"timerel": "between", "timeAt": day(1), "endTimeAt": day(3)}
    assert values_of(here.get(path("a"), params=window).json()) == [1, 20]
    simple = here.get(path("a"), params={"options": "temporalValues", "attrs": "level"}).json()
    assert simple["level"]["values"] == [[1, day(1)], [20, day(2)], [3, day(3)]]
    assert "roof" not in simple


def test_4_5_5_datasets_are_apart(here: httpx2.Client, there: httpx2.Client, register: Register) -> None:
    write(here, "a", level=series(1, 1))
    write(there, "a", level=[{**one, "datasetId": "urn:x:gps"} for one in series(1, 10, 20)])
    register(operations=READING)
    assert len(here.get(path("a")).json()["level"]) == 3
    assert values_of(here.get(path("a"), params={"datasetId": "urn:x:gps", "lastN": 1}).json()) == [20]
    assert values_of(here.get(path("a"), params={"datasetId": "@none"}).json()) == [1]


def test_5_7_3_an_auxiliary_source_only_adds_times_that_are_not_there(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    write(here, "a", level=series(1, 1, 2))
    write(there, "a", level=series(2, 20, 30))
    register(mode="auxiliary", operations=READING)
    assert values_of(here.get(path("a")).json()) == [1, 2, 30]


def test_4_3_6_3_what_a_source_alone_holds_is_not_told_from_here(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    write(here, "a", roof=series(1, True))
    information = [{"entities": [{"id": ID.format("a"), "type": "BusStop"}], "propertyNames": ["level"]}]
    register(mode="exclusive", operations=READING, information=information)
    write(here, "a", level=series(1, 1))
    write(there, "a", level=series(2, 2), secret=series(1, "x"))
    told = here.get(path("a")).json()
    assert (values_of(told), values_of(told, "roof")) == ([2], [True])
    assert "secret" not in told
    (found,) = here.get(HISTORIES, params={"type": "BusStop"}).json()
    assert values_of(found) == [2]


def test_4_3_6_3_a_redirect_holds_whole_histories(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    register(mode="redirect", operations=READING)
    write(here, "a", level=series(1, 1))
    write(there, "a", level=series(2, 2))
    assert values_of(here.get(path("a")).json()) == [2]


def test_5_9_1_a_source_is_asked_of_the_time_that_it_has(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    write(there, "a", level=series(1, 1, 2))
    interval = {"startAt": day(1), "endAt": day(2)}
    made = register(operations=[*READING, "retrieveEntity"], observationInterval=interval)
    assert values_of(here.get(path("a")).json()) == [1, 2]
    assert here.get(path("a"), params={"timerel": "after", "timeAt": day(2)}).status_code == 404
    assert values_of(here.get(path("a"), params={"timerel": "before", "timeAt": day(2)}).json()) == [1]
    # What it is registered for is histories, and not how things are now.
    assert here.get(f"{ENTITIES}/{ID.format('a')}").status_code == 404
    assert here.get(made).json()["timesSent"] == 2


def test_4_5_7_what_went_is_told_as_it_was_there(here: httpx2.Client, there: httpx2.Client, register: Register) -> None:
    there.post(ENTITIES, json=stop("a", level=value(1), scope="/barat"))
    there.delete(f"{ENTITIES}/{ID.format('a')}/attrs/level")
    there.delete(f"{ENTITIES}/{ID.format('a')}")
    register(operations=READING)
    for asked in ("", "?options=sysAttrs", "?timeproperty=deletedAt"):
        assert here.get(path("a") + asked).json() == there.get(path("a") + asked).json()


def test_4_5_19_values_of_both_hubs_are_aggregated_together(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    write(here, "a", level=series(1, 1, 2))
    write(there, "a", level=series(3, 3, 6))
    register(operations=READING)
    asked = {"options": "aggregatedValues", "aggrMethods": "avg,totalCount", "attrs": "level"}
    told = here.get(path("a"), params=asked).json()["level"]
    assert (told["avg"][0][0], told["totalCount"][0][0]) == (3, 4)


def test_5_7_4_a_query_finds_what_both_hubs_have(here: httpx2.Client, there: httpx2.Client, register: Register) -> None:
    write(here, "a", level=series(1, 1), roof=series(1, True))
    write(there, "a", level=series(2, 2))
    write(there, "b", level=series(1, 9))
    write(there, "c", level=series(1, 3))
    register(operations=READING)
    asked = {"type": "BusStop"}
    response = here.get(HISTORIES, params={**asked, "count": "true"})
    assert (names(response), response.headers["ngsild-results-count"]) == (["a", "b", "c"], "3")
    (whole,) = [one for one in response.json() if one["id"] == ID.format("a")]
    assert (values_of(whole), values_of(whole, "roof")) == ([1, 2], [True])
    assert names(here.get(HISTORIES, params={**asked, "q": "level>5"})) == ["b"]
    assert names(here.get(HISTORIES, params={**asked, "id": ID.format("c")})) == ["c"]
    assert names(here.get(HISTORIES, params={**asked, "idPattern": ".*:[bc]$"})) == ["b", "c"]
    assert names(here.get(HISTORIES, params={**asked, "local": "true"})) == ["a"]
    assert names(here.get(HISTORIES, params={**asked, "timerel": "after", "timeAt": day(2)})) == ["a"]
    pages = [here.get(HISTORIES, params={**asked, "limit": 2, "offset": offset}) for offset in (0, 2)]
    assert sorted(one for page in pages for one in names(page)) == ["a", "b", "c"]
    assert 'rel="next"' in pages[0].headers["link"]
    assert 'rel="next"' not in pages[1].headers["link"]
    body = {"type": "Query", "entities": [{"type": "BusStop"}], "q": "level>5"}
    assert names(here.post(QUERY, json=body)) == ["b"]
    assert names(here.post(QUERY, json={**body, "local": True})) == []
    ids = [{"type": "BusStop", "idPattern": ".*:b$"}, {"type": "BusStop", "idPattern": ".*:a$"}]
    assert names(here.post(QUERY, json={"type": "Query", "entities": ids})) == ["a", "b"]


def test_4_3_6_7_conditions_on_split_entities_are_asked_of_the_whole(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    write(here, "a", level=series(1, 9))
    write(there, "a", roof=series(1, True), scope="/barat")
    write(there, "b", roof=series(1, True))
    register(operations=READING)
    asked = {"type": "BusStop", "q": "level>5;roof==true"}
    assert names(here.get(HISTORIES, params=asked)) == []
    assert names(here.get(HISTORIES, params={**asked, "splitEntities": "true"})) == ["a"]
    by_scope = {"type": "BusStop", "scopeQ": "/barat", "splitEntities": "true", "attrs": "level"}
    (found,) = here.get(HISTORIES, params=by_scope).json()
    assert values_of(found) == [9]
    body = {"type": "Query", "entities": [{"type": "BusStop"}], "q": asked["q"], "splitEntities": True}
    assert names(here.post(QUERY, json=body)) == ["a"]


def test_4_3_6_1_a_source_of_some_attributes_is_not_asked_about_others(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    write(there, "a", level=series(1, 9), secret=series(1, "x"))
    information = [{"entities": [{"type": "BusStop"}], "propertyNames": ["level"]}]
    register(operations=READING, information=information)
    (found,) = here.get(HISTORIES, params={"type": "BusStop", "q": "level>5"}).json()
    assert set(found) == {"id", "type", "level"}
    assert here.get(HISTORIES, params={"type": "BusStop", "q": 'secret=="x"'}).json() == []
    assert here.get(HISTORIES, params={"type": "BusStop", "attrs": "secret"}).json() == []


def test_5_7_4_a_source_filter_chooses_whom_to_ask(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    write(there, "a", level=series(1, 9))
    register(operations=READING, kind="archive")
    assert names(here.get(HISTORIES, params={"type": "BusStop", "csf": 'kind=="archive"'})) == ["a"]
    assert names(here.get(HISTORIES, params={"type": "BusStop", "csf": 'kind=="sensor"'})) == []


def test_5_7_4_histories_of_several_sources_are_not_ordered(here: httpx2.Client, register: Register) -> None:
    register(operations=READING)
    asked = {"type": "BusStop", "orderBy": "id"}
    raise_unless_problem(here.get(HISTORIES, params=asked), 400, "BadRequestData")
    assert here.get(HISTORIES, params={**asked, "local": "true"}).status_code == 200


def test_4_3_6_4_two_hubs_that_name_each_other_do_not_go_round(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    register(operations=READING)
    url = str(here.base_url).rstrip("/")
    back = there.post(REGISTRATIONS, json=registration(url, operations=READING)).headers["location"]
    write(here, "a", level=series(1, 1))
    write(there, "a", level=series(2, 2))
    for client in (here, there):
        assert values_of(client.get(path("a")).json()) == [1, 2]
        (found,) = client.get(HISTORIES, params={"type": "BusStop"}).json()
        assert values_of(found) == [1, 2]
        assert client.get(path("b")).status_code == 404
    there.delete(back)


def test_6_3_17_a_source_that_is_down_is_warned_of(here: httpx2.Client, free_port: int) -> None:
    down = registration(f"http://127.0.0.1:{free_port}", operations=READING)
    made = here.post(REGISTRATIONS, json=down).headers["location"]
    write(here, "a", level=series(1, 1))
    for response in (here.get(path("a")), here.get(HISTORIES, params={"type": "BusStop"})):
        assert response.status_code == 200
        assert response.headers["ngsild-warning"].startswith("199 ")
    absent = here.get(path("b"))
    assert absent.status_code == 404
    assert "not every source could be asked" in absent.json()["detail"]
    here.delete(made)


@pytest.fixture(scope="module")
def brief(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve a hub that tells few instances at once."""
    yield from served_hub(tmp_path_factory, temporal_page_instances=4)


@pytest.mark.parametrize("backwards", [False, True])
def test_6_3_10_who_asks_on_from_where_a_page_ends_gets_everything(
    here: httpx2.Client, brief: Served, backwards: bool
) -> None:
    made = here.post(REGISTRATIONS, json=registration(brief.url, operations=READING)).headers["location"]
    with brief.client() as there:
        write(there, "a", level=series(2, *range(2, 12)))
        write(here, "a", level=[value(0, observedAt=day(1)), value(20, observedAt=day(20))])
        seen: dict[str, Any] = {}
        asked = {"timerel": "after", "timeAt": day(1)}
        for _ in range(20):
            whole = {"lastN": "50"} if backwards else {}
            response = here.get(path("a"), params={**asked, **whole})
            seen |= {one["observedAt"]: one["value"] for one in response.json()["level"]}
            if response.status_code == 200:
                break
            assert response.status_code == 206, response.text
            assert len(response.json()["level"]) <= 5
            end = response.headers["content-range"].partition("Z-")[2].partition("/")[0]
            asked = (
                {"timerel": "between", "timeAt": day(1), "endTimeAt": end}
                if backwards
                else {"timerel": "after", "timeAt": end}
            )
        assert sorted(seen.values()) == [0, *range(2, 12), 20]
        aggregated = {"options": "aggregatedValues", "aggrMethods": "sum", "timerel": "after", "timeAt": day(1)}
        assert here.get(path("a"), params=aggregated).json()["level"]["sum"][0][0] == sum(seen.values())
        never_observed_too = {name: aggregated[name] for name in ("options", "aggrMethods")}
        raise_unless_problem(here.get(path("a"), params=never_observed_too), 403, "TooComplexQuery")
        there.delete(path("a"))
    here.delete(made)


def test_a_stranger_sees_of_a_source_what_the_city_declares_public(
    tmp_path_factory: pytest.TempPathFactory, there: httpx2.Client
) -> None:
    kinds = [{"entities": [{"type": "Halte"}, {"type": "Person"}]}]
    person = {"id": "urn:ngsi-ld:Person:77", "type": "Person", "nama": series(1, "Siti")}
    halte = {"id": "urn:ngsi-ld:Halte:77", "type": "Halte", "nama": series(1, "Pasar Raya")}
    for body in (person, halte):
        assert there.post(HISTORIES, json=body).status_code in (201, 204)
    sent = registration(str(there.base_url), information=kinds, operations=READING)
    for guarded in served_hub(tmp_path_factory, open_access=False):
        with guarded.client(authorization=f"Bearer {guarded.token('integrator')}") as integrator:
            assert integrator.post(REGISTRATIONS, json=sent).status_code == 201
            assert "Siti" in integrator.get(f"{HISTORIES}?attrs=nama").text
        with guarded.client() as stranger:
            assert stranger.get(f"{HISTORIES}/{halte['id']}").json()["nama"][0]["value"] == "Pasar Raya"
            assert stranger.get(f"{HISTORIES}/{person['id']}").status_code == 401
            assert stranger.get(f"{HISTORIES}?type=Person").status_code == 401
            found = stranger.get(f"{HISTORIES}?attrs=nama&count=true")
            assert [one["id"] for one in found.json()] == [halte["id"]]
            assert found.headers["ngsild-results-count"] == "1"
            posted = stranger.post(QUERY, json={"type": "Query", "attrs": ["nama"]})
            assert [one["id"] for one in posted.json()] == [halte["id"]]
    for body in (person, halte):
        there.delete(f"{HISTORIES}/{body['id']}")


def test_6_3_17_what_came_round_is_answered_with_what_is_here(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    alias = here.get(f"{API}/info/sourceIdentity").json()["contextSourceAlias"]
    via = {"via": f"1.1 elsewhere, 1.1 {alias}"}
    made = register(mode="redirect", operations=[*READING, "deleteTemporal"])
    write(there, "a", level=series(1, 1))
    assert here.get(path("a"), headers=via).status_code == 508
    assert here.delete(path("a"), headers=via).status_code == 508
    assert here.get(HISTORIES, params={"type": "BusStop"}, headers=via).json() == []
    assert "timesSent" not in here.get(made).json()
    write(here, "a", level=series(2, 2))
    assert values_of(here.get(path("a"), headers=via).json()) == [2]


def test_4_3_6_6_a_source_is_asked_in_its_own_words(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    """The request has the core @context, and the source is registered with one that has other names."""
    context = there.post(f"{API}/jsonldContexts", json={"@context": {"tinggi": "urn:x:level"}})
    assert context.status_code == 201, context.text
    url = str(there.base_url).rstrip("/") + context.headers["location"].partition(str(there.base_url).rstrip("/"))[2]
    url = url if url.count("jsonldContexts") else str(there.base_url).rstrip("/") + context.headers["location"]
    write(there, "a", **{"urn:x:level": series(1, 9)})
    register(operations=READING, contextSourceInfo=[{"key": "jsonldContext", "value": url}])
    told = here.get(path("a"), params={"attrs": "urn:x:level"})
    assert values_of(told.json(), "urn:x:level") == [9]
    (found,) = here.get(HISTORIES, params={"type": "BusStop", "q": "urn:x:level>5"}).json()
    assert values_of(found, "urn:x:level") == [9]
    assert here.get(HISTORIES, params={"type": "BusStop", "q": "urn:x:level>9"}).json() == []
    there.delete(url)


@pytest.mark.parametrize(("operations", "is_asked"), [(["queryTemporal"], True), (["retrieveTemporal"], False)])
def test_4_20_a_source_is_asked_what_it_can_answer(
    here: httpx2.Client, there: httpx2.Client, register: Register, operations: list[str], is_asked: bool
) -> None:
    write(there, "a", level=series(1, 9))
    register(operations=operations)
    assert values_of(here.get(path("a")).json()) == [9]
    assert names(here.get(HISTORIES, params={"type": "BusStop"})) == (["a"] if is_asked else [])


def test_5_7_3_4_a_map_of_a_history_that_is_elsewhere_can_be_asked_for(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    write(there, "a", level=series(1, 9))
    register(operations=READING)
    told = here.get(path("a"), params={"entityMap": "true"})
    assert (told.status_code, values_of(told.json())) == (200, [9])
    assert "ngsild-entitymap" in told.headers
    assert "ngsild-entitymap" not in here.get(path("b"), params={"entityMap": "true"}).headers
    assert names(here.get(HISTORIES, params={"type": "BusStop", "entityMap": "false"})) == ["a"]


def test_5_7_3_an_attribute_that_nobody_ever_had_is_not_found(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    write(here, "a", level=series(1, 1))
    write(there, "a", level=series(2, 2))
    register(operations=READING)
    raise_unless_problem(here.get(path("a"), params={"attrs": "bench"}), 404, "ResourceNotFound")
    raise_unless_problem(here.get(path("a"), params={"type": "Tree"}), 404, "ResourceNotFound")
    assert here.get(path("a"), params={"pick": "id"}).json() == {"id": ID.format("a")}
    assert set(here.get(path("a"), params={"omit": "level"}).json()) == {"id", "type"}
