"""The API's description of itself: true to what the hub reads, and kept by what it answers (schemathesis)."""

from __future__ import annotations

import re
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from simpul.http.ngsild.routes import NAME, RESOURCES
from simpul.http.openapi import describe
from simpul.http.openapi_parameters import PARAMETERS
from simpul.http.routes import OPENAPI_PATH
from tests.http.conftest import API, Served, serve

SCHEMATHESIS = Path(sysconfig.get_path("scripts")) / "schemathesis"
CONFIGURATION = Path(__file__).parents[2] / "schemathesis.toml"


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
    names = {one["name"] for *_, operation in OPERATIONS for one in operation["parameters"] if one["in"] == "query"}
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
    described = {one["name"] for one in operation["parameters"] if one["in"] == "query"} - {"local"}
    # Those of entity maps are taken out of the query before the others are read.
    assert described - {"entityMap", "entityMapLifetime"} == known - {"local"}


@pytest.mark.parametrize(
    "chosen",
    [
        ["--phases", "fuzzing", "--max-examples", "1"],
        # Every single rule of the description, kept and broken, takes minutes for all operations: here for some.
        ["--phases", "coverage", "--include-method", "DELETE"],
    ],
    ids=["of all operations", "rule by rule"],
)
def test_schemathesis_finds_no_violation_of_the_description(
    own: Served, writer: httpx2.Client, tmp_path: Path, chosen: list[str]
) -> None:
    # It leaves notes in the folder where it runs, and finds the reasons from there.
    (tmp_path / "tests").symlink_to(CONFIGURATION.parent / "tests")
    run = subprocess.run(
        [
            SCHEMATHESIS, "--config-file", CONFIGURATION, "run", own.url + OPENAPI_PATH, *chosen,
            "--header", f"Authorization: {writer.headers['authorization']}", "--generation-deterministic",
            "--no-color", "--warnings", "off",
        ],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-6_000:] + run.stderr[-2_000:]
