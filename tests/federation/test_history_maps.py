"""Entity maps of histories that other sources have parts of (CIM 009 §5.7.3.4, §5.7.4.4, §5.14.5). Two real hubs."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from simpul import limits
from tests.federation.conftest import ENTITIES, REGISTRATIONS, Register, registration, served_hub, stop, value
from tests.federation.histories import HISTORIES, ID, QUERY, READING, day, names, path, series, values_of, write
from tests.http.conftest import API, raise_unless_problem

pytestmark = pytest.mark.usefixtures("emptied")

MAPS = f"{API}/temporal/entityMaps"
ALL_TIME = {"timerel": "after", "timeAt": "2000-01-01T00:00:00Z"}


def listed(made: httpx2.Response) -> dict[str, set[str]]:
    """Return the sources in a map by the last parts of the ids."""
    assert made.status_code == 201, made.text
    return {one.rpartition(":")[2]: set(sources) for one, sources in made.json()["entityMap"].items()}


def source_of(location: str) -> str:
    """Return the id of a registration."""
    return location.rpartition("/")[2]


def test_5_14_5_a_map_says_which_source_has_a_part_of_which_history(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    write(here, "a", level=series(1, 1))
    write(here, "b", level=series(1, 1))
    write(there, "b", level=series(2, 2))
    write(there, "c", level=series(3, 3))
    source = source_of(register(operations=READING))
    asked = {"type": "BusStop", **ALL_TIME}
    expected = {"a": {"@none"}, "b": {"@none", source}, "c": {source}}
    assert listed(here.get(MAPS, params=asked)) == expected
    body = {"type": "Query", "entities": [{"type": "BusStop"}], "temporalQ": ALL_TIME}
    assert listed(here.post(MAPS, json=body)) == expected
    assert listed(here.get(MAPS, params={**asked, "local": "true"})).keys() == {"a", "b"}
    assert listed(here.post(MAPS, json={**body, "local": True})).keys() == {"a", "b"}
    late = {"type": "BusStop", "timerel": "after", "timeAt": day(3)}
    assert listed(here.get(MAPS, params=late)) == {"c": {source}}
    assert listed(here.get(MAPS, params={**asked, "q": "level>1"})).keys() == {"b", "c"}
    assert listed(here.get(MAPS, params={**asked, "csf": 'kind=="none"'})).keys() == {"a", "b"}


def test_4_3_6_7_a_map_of_split_entities_has_those_that_fit_as_a_whole(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    write(here, "a", level=series(1, 9))
    write(there, "a", roof=series(1, True))
    write(there, "b", roof=series(1, True))
    register(operations=READING)
    asked = {"type": "BusStop", "q": "level>5;roof==true", **ALL_TIME}
    assert listed(here.get(MAPS, params=asked)) == {}
    assert listed(here.get(MAPS, params={**asked, "splitEntities": "true"})).keys() == {"a"}
    told = here.get(HISTORIES, params={**asked, "splitEntities": "true", "entityMap": "true"})
    assert (told.status_code, values_of(told.json()[0]), values_of(told.json()[0], "roof")) == (201, [9], [True])


def test_5_7_4_4_pages_cut_from_a_map_show_what_all_sources_tell(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    write(here, "a", level=series(1, 1))
    for name in ("a", "b", "c", "d"):
        write(there, name, level=series(2, 2, 3))
    register(operations=READING)
    asked: dict[str, str | int] = {"type": "BusStop", "limit": 2, "count": "true"}
    first = here.get(HISTORIES, params={**asked, "entityMap": "true"})
    assert first.status_code == 201, first.text
    headers = {"NGSILD-EntityMap": first.headers["ngsild-entitymap"]}
    write(there, "e", level=series(2, 2))
    second = here.get(HISTORIES, params={**asked, "offset": 2}, headers=headers)
    assert second.status_code == 200
    every = {one["id"].rpartition(":")[2]: values_of(one) for page in (first, second) for one in page.json()}
    assert every == {"a": [1, 2, 3], "b": [2, 3], "c": [2, 3], "d": [2, 3]}
    assert [page.headers["ngsild-results-count"] for page in (first, second)] == ["4", "4"]
    assert ['rel="next"' in page.headers["link"] for page in (first, second)] == [True, False]
    body = {"type": "Query", "entities": [{"type": "BusStop", "id": ID.format("c")}, {"type": "Tree"}]}
    posted = here.post(QUERY, json={**body, "entityMap": True})
    assert (posted.status_code, values_of(posted.json()[0])) == (201, [2, 3])


def test_5_5_9_3_what_is_gone_at_a_source_is_taken_out_of_the_map(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    for name in ("a", "b", "c"):
        write(there, name, level=series(1, 1))
    register(operations=READING)
    asked = {"type": "BusStop", "entityMap": "true"}
    first = here.get(HISTORIES, params=asked)
    there.delete(f"{path('b')}?local=true")
    headers = {"NGSILD-EntityMap": first.headers["ngsild-entitymap"]}
    assert names(here.get(HISTORIES, params=asked, headers=headers)) == ["a", "c"]
    assert len(here.get(first.headers["ngsild-entitymap"]).json()["entityMap"]) == 2


@pytest.mark.parametrize(("root", "operations"), [(HISTORIES, READING), (ENTITIES, ["federationOps"])])
def test_6_3_17_what_a_source_cannot_be_asked_about_stays_in_the_map(
    tmp_path_factory: pytest.TempPathFactory, here: httpx2.Client, root: str, operations: list[str]
) -> None:
    asked = {"type": "BusStop", "entityMap": "true"}
    for lost in served_hub(tmp_path_factory):
        with lost.client() as there:
            created = there.post(ENTITIES, json=stop("a", level=value(1)))
            assert created.status_code == 201
        made = here.post(REGISTRATIONS, json=registration(lost.url, operations=operations)).headers["location"]
        location = here.get(root, params=asked).headers["ngsild-entitymap"]
    told = here.get(root, params=asked, headers={"NGSILD-EntityMap": location})
    assert (told.status_code, told.json()) == (200, [])
    assert told.headers["ngsild-warning"].startswith("199 ")
    assert here.get(location).json()["entityMap"] == {ID.format("a"): [source_of(made)]}
    here.delete(made)


def test_a_map_of_so_many_ids_that_no_url_names_them_all_is_paged_through(
    here: httpx2.Client, there: httpx2.Client, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PEER_IDS_BYTES_MAX", 100)
    for name in ("a", "b", "c", "d", "e"):
        write(there, name, level=series(1, 1))
        there.post(ENTITIES, json=stop(name, level=value(1)))
    location = register(operations=[*READING, "queryEntity"])
    for root in (HISTORIES, ENTITIES):
        before = here.get(location).json()["timesSent"] if root == ENTITIES else 0
        answer = here.get(root, params={"type": "BusStop", "entityMap": "true"})
        assert (answer.status_code, len(answer.json())) == (201, 5), answer.text
        assert here.get(location).json()["timesSent"] - before == 3


def test_5_7_3_4_a_map_of_one_history_says_who_has_it(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    write(there, "a", level=series(1, 1))
    source = source_of(register(operations=READING))
    for is_here_too in (False, True):
        if is_here_too:
            write(here, "a", level=series(2, 2))
        told = here.get(path("a"), params={"entityMap": "true"})
        made = here.get(told.headers["ngsild-entitymap"]).json()["entityMap"]
        assert made == {ID.format("a"): [*(["@none"] if is_here_too else []), source]}
    told = here.get(path("a"), params={"entityMap": "true", "local": "true"})
    assert here.get(told.headers["ngsild-entitymap"]).json()["entityMap"] == {ID.format("a"): ["@none"]}


def test_5_7_4_4_histories_of_several_sources_are_not_ordered_in_a_map_either(
    here: httpx2.Client, register: Register
) -> None:
    register(operations=READING)
    write(here, "a", level=series(1, 1))
    write(here, "b", level=series(1, 1))
    asked = {"type": "BusStop", "orderBy": "id;desc", "entityMap": "true"}
    raise_unless_problem(here.get(HISTORIES, params=asked), 400, "BadRequestData")
    told = here.get(HISTORIES, params={**asked, "local": "true"})
    assert [one["id"] for one in told.json()] == [ID.format("b"), ID.format("a")]


def test_6_3_10_a_page_of_a_map_goes_no_further_than_its_sources_told(
    tmp_path_factory: pytest.TempPathFactory, here: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for brief in served_hub(tmp_path_factory, temporal_page_instances=4):
        operations = {"operations": READING}
        made = here.post(REGISTRATIONS, json=registration(brief.url, **operations)).headers["location"]
        with brief.client() as there:
            write(there, "a", level=series(2, *range(2, 12)))
        write(here, "b", level=[value(20, observedAt=day(20))])
        asked: dict[str, Any] = {"type": "BusStop", "entityMap": "true"}
        told = here.get(HISTORIES, params=asked)
        assert told.status_code == 206, told.text
        assert {one["id"]: values_of(one) for one in told.json()} == {ID.format("a"): [2, 3, 4, 5], ID.format("b"): []}
        assert told.headers["content-range"].partition("Z-")[2].startswith("2026-01-05")
        headers = {"NGSILD-EntityMap": told.headers["ngsild-entitymap"]}
        assert len(here.get(told.headers["ngsild-entitymap"]).json()["entityMap"]) == 2
        only_here = here.get(HISTORIES, params={**asked, "id": ID.format("b")}, headers=headers)
        assert (only_here.status_code, values_of(only_here.json()[0])) == (200, [20])
        aggregated = {**asked, "options": "aggregatedValues", "aggrMethods": "sum"}
        raise_unless_problem(here.get(HISTORIES, params=aggregated), 403, "TooComplexQuery")
        narrow = {"entities": [{"type": "BusStop"}], "propertyNames": ["level"]}
        here.delete(made)
        other = registration(brief.url, **operations, information=[narrow])
        made = here.post(REGISTRATIONS, json=other).headers["location"]
        # Which entities fit is seen from all of the time, so the source is asked on; so many times.
        judged_here = {**ALL_TIME, **asked, "q": "level>5"}
        assert listed(here.get(MAPS, params={**judged_here, "q": "level==11;level==2"})).keys() == {"a"}
        assert listed(here.get(MAPS, params={**judged_here, "q": "level>11"})).keys() == {"b"}
        monkeypatch.setattr(limits, "HISTORY_PARTS_MAX", 1)
        raise_unless_problem(here.get(MAPS, params=judged_here), 403, "TooComplexQuery")
        here.delete(made)


def test_4_5_19_what_a_source_tells_in_parts_is_aggregated_whole(
    tmp_path_factory: pytest.TempPathFactory, here: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for brief in served_hub(tmp_path_factory, temporal_page_instances=4):
        made = here.post(REGISTRATIONS, json=registration(brief.url, operations=READING)).headers["location"]
        with brief.client() as there:
            write(there, "parts", level=series(2, *range(2, 12)))
            write(there, "other", level=series(7, 1))
        write(here, "parts", level=[value(100, observedAt=day(20))])
        asked = {"type": "BusStop", "options": "aggregatedValues", "aggrMethods": "sum,totalCount"}
        windows = [(ALL_TIME, 165, 11), ({"timerel": "before", "timeAt": day(11)}, 54, 9)]
        windows.append(({"timerel": "between", "timeAt": day(3), "endTimeAt": day(21)}, 163, 10))
        for window, sum_, count in windows:
            one = here.get(path("parts"), params={**asked, **window}).json()["level"]
            assert [(one["sum"][0][0], one["totalCount"][0][0])] == [(sum_, count)]
            several = here.get(HISTORIES, params={**asked, **window}).json()
            told = {entity["id"]: entity["level"]["sum"][0][0] for entity in several}
            assert told[ID.format("parts")] == sum_
            assert told[ID.format("other")] == 1
        monkeypatch.setattr(limits, "HISTORY_PARTS_MAX", 1)
        raise_unless_problem(here.get(path("parts"), params={**asked, **ALL_TIME}), 403, "TooComplexQuery")
        here.delete(made)
        here.delete(path("parts"))


def test_a_map_of_histories_shows_a_stranger_what_the_city_declares_public(
    tmp_path_factory: pytest.TempPathFactory, there: httpx2.Client
) -> None:
    kinds = [{"entities": [{"type": "Halte"}, {"type": "Person"}]}]
    person = {"id": "urn:ngsi-ld:Person:78", "type": "Person", "nama": series(1, "Siti")}
    halte = {"id": "urn:ngsi-ld:Halte:78", "type": "Halte", "nama": series(1, "Pasar Raya")}
    for body in (person, halte):
        assert there.post(HISTORIES, json=body).status_code in (201, 204)
    sent = registration(str(there.base_url), information=kinds, operations=READING)
    asked = {"attrs": "nama", "count": "true", **ALL_TIME}
    for guarded in served_hub(tmp_path_factory, open_access=False):
        with guarded.client(authorization=f"Bearer {guarded.token('integrator')}") as integrator:
            assert integrator.post(REGISTRATIONS, json=sent).status_code == 201
            whole = integrator.get(MAPS, params=asked)
            assert listed(whole).keys() == {"78"}
            assert person["id"] in whole.json()["entityMap"]
            location = whole.headers["ngsild-entitymap"]
        with guarded.client() as stranger:
            assert list(stranger.get(MAPS, params=asked).json()["entityMap"]) == [halte["id"]]
            posted = stranger.post(MAPS, json={"type": "Query", "attrs": ["nama"], "temporalQ": ALL_TIME})
            assert list(posted.json()["entityMap"]) == [halte["id"]]
            assert stranger.get(MAPS, params={"type": "Person", **ALL_TIME}).status_code == 401
            for headers in ({}, {"NGSILD-EntityMap": location}):
                found = stranger.get(HISTORIES, params={**asked, "entityMap": "true"}, headers=headers)
                assert [one["id"] for one in found.json()] == [halte["id"]]
                assert found.headers["ngsild-results-count"] == "1"
                assert found.headers["ngsild-entitymap"] != location
    for body in (person, halte):
        there.delete(f"{HISTORIES}/{body['id']}")
