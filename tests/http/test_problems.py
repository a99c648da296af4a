"""Errors as they are told over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import msgspec
import pytest

from simpul.domain import errors
from simpul.domain.errors import HubError
from simpul.http.problem import ETSI, STATUS, answer_problem, status_of
from tests.http.conftest import API


def leaves(of: type[HubError]) -> Iterator[type[HubError]]:
    for kind in of.__subclasses__():
        below = list(leaves(kind))
        yield from below or [kind]


def test_every_leaf_of_the_tree_has_a_status() -> None:
    assert [kind.__name__ for kind in leaves(HubError) if kind not in STATUS] == []


@pytest.mark.parametrize(("kind", "status", "name"), [
    (errors.InvalidRequest, 400, "InvalidRequest"),
    (errors.BadRequestData, 400, "BadRequestData"),
    (errors.AlreadyExists, 409, "AlreadyExists"),
    (errors.OperationNotSupported, 422, "OperationNotSupported"),
    (errors.NotFound, 404, "ResourceNotFound"),
    (errors.InternalError, 500, "InternalError"),
    (errors.TooComplexQuery, 403, "TooComplexQuery"),
    (errors.TooManyResults, 403, "TooManyResults"),
    (errors.ContextNotAvailable, 504, "LdContextNotAvailable"),
    (errors.NonexistentTenant, 404, "NonexistentTenant"),
])  # fmt: skip
def test_5_5_2_the_errors_of_the_standard_have_its_status_and_type(
    kind: type[HubError], status: int, name: str
) -> None:
    """CIM 009 §6.3.2."""
    assert STATUS[kind] == (status, ETSI + name)


def test_an_error_that_is_not_in_the_table_takes_the_status_of_its_kind() -> None:
    class VeryMissing(errors.NotFound):
        """A kind of NotFound that nobody listed."""

    assert status_of(VeryMissing("gone")) == STATUS[errors.NotFound]


def test_5_5_3_an_answer_tells_what_was_wrong() -> None:
    answer = answer_problem(errors.BadRequestData("The id is 'x', which is no URI."))
    assert answer.status == 400
    assert dict(answer.headers)[b"content-type"] == b"application/json"
    assert msgspec.json.decode(answer.body) == {
        "type": "https://uri.etsi.org/ngsi-ld/errors/BadRequestData",
        "title": "The request's content is not valid",
        "status": 400,
        "detail": "The id is 'x', which is no URI.",
    }


def test_who_is_not_known_is_told_how_to_say_it() -> None:
    answer = answer_problem(errors.Unauthenticated("Send a token."))
    assert (answer.status, dict(answer.headers)[b"www-authenticate"]) == (401, b'Bearer realm="simpul"')


def test_a_busy_hub_says_when_to_come_back() -> None:
    assert dict(answer_problem(errors.HubBusy("Too much.")).headers)[b"retry-after"] == b"1"


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "entities/urn:ngsi-ld:Halte:tiada", 404), ("GET", "entities?type=Halte&limit=-1", 400),
    ("PUT", "types", 405), ("GET", "entities?type=Halte&mystery=1", 400),
    ("GET", "temporal/entities/urn:ngsi-ld:Halte:tiada", 404),
    ("GET", "subscriptions/urn:ngsi-ld:Subscription:tiada", 404), ("POST", "entities", 400),
])  # fmt: skip
def test_6_3_3_every_error_is_json_with_all_the_terms_of_5_5_3(
    writer: httpx2.Client, method: str, path: str, status: int
) -> None:
    for accept in ("application/json", "application/ld+json"):
        headers = {"accept": accept, "content-type": "application/json"}
        answer = writer.request(method, f"{API}/{path}", headers=headers, content=b"{}" if method != "GET" else None)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
        problem = answer.json()
        assert problem["status"] == status
        assert all(problem[term] for term in ("type", "title", "detail"))
