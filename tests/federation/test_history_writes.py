"""Histories written and corrected across two hubs, in every mode (CIM 009 §5.6.11 to §5.6.16)."""

from __future__ import annotations

import httpx2
import pytest

from tests.federation.conftest import Register, stop
from tests.federation.histories import HISTORIES, ID, READING, path, series, values_of, write
from tests.http.conftest import raise_unless_problem

pytestmark = pytest.mark.usefixtures("emptied")
WRITING = [
    "upsertTemporal", "appendAttrsTemporal", "deleteAttrsTemporal", "updateAttrInstanceTemporal",
    "deleteAttrInstanceTemporal", "deleteTemporal",
]  # fmt: skip
ALL = [*READING, *WRITING]


def test_5_6_11_to_16_a_redirect_keeps_nothing_here(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    register(mode="redirect", operations=ALL)
    made = here.post(HISTORIES, json=stop("a", level=series(1, 1), bench=series(1, 4)))
    assert (made.status_code, made.headers["location"]) == (201, path("a"))
    assert here.post(HISTORIES, json=stop("a", level=series(2, 2))).status_code == 204
    assert here.get(path("a") + "?local=true").status_code == 404
    assert here.post(path("a") + "/attrs", json={"level": series(3, 3, 4)}).status_code == 204
    told = here.get(path("a")).json()
    assert values_of(told) == values_of(there.get(path("a")).json()) == [1, 2, 3, 4]
    first, second = (one["instanceId"] for one in told["level"][:2])
    assert here.patch(f"{path('a')}/attrs/level/{first}", json={"value": 10}).status_code == 204
    assert here.delete(f"{path('a')}/attrs/level/{second}").status_code == 204
    assert values_of(there.get(path("a")).json()) == [10, 3, 4]
    assert here.delete(path("a") + "/attrs/bench?deleteAll=true").status_code == 204
    assert "bench" not in there.get(path("a")).json()
    assert here.delete(path("a")).status_code == 204
    assert there.get(path("a")).status_code == 404


@pytest.mark.parametrize("version", [None, "1.8"])
def test_5_6_14_a_whole_instance_is_handed_on_below_its_name(
    here: httpx2.Client, there: httpx2.Client, register: Register, version: str | None
) -> None:
    info = {} if version is None else {"contextSourceInfo": [{"key": "ngsildConformance", "value": version}]}
    register(mode="redirect", operations=ALL, **info)
    assert here.post(HISTORIES, json=stop("a", level=series(1, 1, 2))).status_code == 201
    first = there.get(path("a")).json()["level"][0]
    new = {"type": "Property", "value": 9, "observedAt": first["observedAt"]}
    answer = here.patch(f"{path('a')}/attrs/level/{first['instanceId']}", json={"level": [new]})
    assert answer.status_code == 204, answer.text
    assert there.get(path("a")).json()["level"][0] == {**new, "instanceId": first["instanceId"]}
    assert here.delete(path("a")).status_code == 204


def test_5_6_11_an_inclusive_source_is_told_what_is_kept_here_too(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    register(operations=ALL)
    assert here.post(HISTORIES, json=stop("a", level=series(1, 1))).status_code == 201
    assert here.post(path("a") + "/attrs", json={"level": series(2, 2)}).status_code == 204
    for client in (here, there):
        assert values_of(client.get(path("a") + "?local=true").json()) == [1, 2]
    assert values_of(here.get(path("a")).json()) == [1, 2]
    assert here.delete(path("a") + "/attrs/level?deleteAll=true").status_code == 204
    assert here.delete(path("a")).status_code == 204
    for client in (here, there):
        assert client.get(path("a") + "?local=true").status_code == 404


def test_5_6_12_what_only_a_source_has_is_changed_there(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    write(there, "a", level=series(1, 1))
    register(operations=ALL)
    assert here.post(path("a") + "/attrs", json={"level": series(2, 2)}).status_code == 204
    assert values_of(there.get(path("a")).json()) == [1, 2]
    assert here.get(path("a") + "?local=true").status_code == 404
    assert here.delete(path("a")).status_code == 204
    raise_unless_problem(here.delete(path("b")), 404, "ResourceNotFound")


def test_5_6_11_an_exclusive_source_has_its_attributes_and_the_hub_the_rest(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    information = [{"entities": [{"id": ID.format("a"), "type": "BusStop"}], "propertyNames": ["level"]}]
    register(mode="exclusive", operations=ALL, information=information)
    assert here.post(HISTORIES, json=stop("a", level=series(1, 1), roof=series(1, True))).status_code == 201
    assert set(there.get(path("a")).json()) == {"id", "type", "level"}
    assert set(here.get(path("a") + "?local=true").json()) == {"id", "type", "roof"}


@pytest.mark.parametrize(("method", "below", "body"), [
    ("POST", "/attrs", {"level": series(2, 2)}), ("DELETE", "/attrs/level", None),
    ("PATCH", "/attrs/level/urn:ngsi-ld:Instance:1-0", {"value": 3}),
    ("DELETE", "/attrs/level/urn:ngsi-ld:Instance:1-0", None), ("DELETE", "", None),
])  # fmt: skip
def test_5_6_11_to_16_an_operation_that_a_redirect_lacks_is_a_conflict(
    here: httpx2.Client, there: httpx2.Client, register: Register, method: str, below: str, body: object
) -> None:
    write(there, "a", level=series(1, 1))
    register(mode="redirect", operations=READING)
    raise_unless_problem(here.request(method, path("a") + below, json=body), 409, "Conflict")
    raise_unless_problem(here.post(HISTORIES, json=stop("a", level=series(1, 1))), 409, "Conflict")
    assert values_of(there.get(path("a")).json()) == [1]
    assert here.get(path("a") + "?local=true").status_code == 404


def test_5_9_1_a_source_of_the_current_state_is_not_told_of_histories(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    register(operations=["redirectionOps"])
    assert here.post(HISTORIES, json=stop("a", level=series(1, 1))).status_code == 201
    assert there.get(path("a")).status_code == 404
    assert here.delete(path("a")).status_code == 204


def test_6_3_18_a_change_with_local_true_stays_here(
    here: httpx2.Client, there: httpx2.Client, register: Register
) -> None:
    register(operations=ALL)
    write(here, "a", level=series(1, 1))
    assert there.get(path("a")).status_code == 404
    raise_unless_problem(here.delete(f"{path('b')}?local=true"), 404, "ResourceNotFound")
