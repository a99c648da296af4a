"""The API's description of itself: true to what the hub reads, and kept by what it answers (schemathesis)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from simpul.http.ngsild.routes import NAME, RESOURCES
from simpul.http.openapi import describe
from simpul.http.openapi_parts import PARAMETERS
from simpul.http.routes import OPENAPI_PATH
from tests.http.conftest import API, Served, serve

EXAMPLES_PER_OPERATION = 6
FEW = settings(
    max_examples=EXAMPLES_PER_OPERATION,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve a hub of its own: what is asked of it here is anything at all."""
    yield from serve(tmp_path_factory.mktemp("kota"))


@pytest.fixture(scope="module")
def writer(own: Served) -> Iterator[httpx2.Client]:
    with own.client(authorization=f"Bearer {own.token('administrator')}") as client:
        yield client


def test_every_operation_is_described(writer: httpx2.Client) -> None:
    answer = writer.get(OPENAPI_PATH)
    assert answer.headers["content-type"] == "application/json"
    paths: dict[str, Any] = answer.json()["paths"]
    described = {(re.sub(r"\{\w+\}", NAME, path), method) for path, item in paths.items() for method in item}
    wanted = {("/" + "/".join(one.words), method.lower()) for one in RESOURCES for method in one.operations}
    assert {pair for pair in described if pair[1] != "parameters"} == wanted
    assert answer.json() == describe()


OPERATIONS = [
    (path, method, operation)
    for path, item in describe()["paths"].items()
    for method, operation in item.items()
    if method != "parameters"
]


def test_every_parameter_is_explained() -> None:
    names = {one["name"] for *_, operation in OPERATIONS for one in operation["parameters"]}
    assert names - PARAMETERS.keys() == set()


@pytest.mark.parametrize(
    ("path", "method", "operation"), OPERATIONS, ids=[one["operationId"] for *_, one in OPERATIONS]
)
def test_what_is_described_is_what_the_operation_reads(
    writer: httpx2.Client, path: str, method: str, operation: dict[str, Any]
) -> None:
    url = API + re.sub(r"\{\w+\}", "urn:ngsi-ld:T:1", path)
    answer = writer.request(method, url, params={"unknown": "1"}, json=None if method in ("get", "delete") else {})
    assert answer.status_code == 400
    listed = re.search(r"Known here: (.*)\.$", answer.json()["detail"])
    assert listed is not None, answer.json()["detail"]
    known = set(listed[1].split(", ")) - {"none"}
    described = {one["name"] for one in operation["parameters"]} - {"local"}
    # Those of entity maps are taken out of the query before the others are read.
    assert described - {"entityMap", "entityMapLifetime"} == known - {"local"}


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["valid", "invalid"])
def test_no_request_gets_an_answer_that_is_not_described(
    own: Served, writer: httpx2.Client, mode: GenerationMode
) -> None:
    schema = schemathesis.openapi.from_dict(writer.get(OPENAPI_PATH).json())
    schema.config.update(base_url=own.url + API)
    token = {"Authorization": writer.headers["authorization"]}
    tried = 0
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()

        @FEW
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            nonlocal tried
            tried += 1
            case.call_and_validate(headers=token, checks=CHECKS)

        ask()
    assert tried >= len(OPERATIONS)
