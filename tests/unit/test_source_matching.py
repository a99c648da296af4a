"""Which registrations a request concerns, clause by clause (CIM 009 §4.20, §5.12): the pure part."""

from __future__ import annotations

from typing import Any

import pytest

from simpul.domain.context import CORE
from simpul.domain.operations import GROUPS, OPERATIONS, expand_operations
from simpul.domain.q import parse_type_selection
from simpul.domain.registration import compile_registration, parse_registration
from simpul.domain.source_matching import SourceQuestion, matching_information

NOW_US = 1_800_000_000_000_000


def question(types: str = "", **members: Any) -> SourceQuestion:
    selection = parse_type_selection(types, CORE.expand) if types else None
    names = tuple(CORE.expand(name) for name in members.pop("attributes", ()))
    return SourceQuestion(types=selection, attributes=names, **members)


def is_matched(asked: SourceQuestion, *information: dict[str, Any], **members: Any) -> bool:
    body = {
        "id": "urn:x:r", "type": "ContextSourceRegistration", "endpoint": "http://x.org", "information": information,
        **members,
    }  # fmt: skip
    registration = compile_registration(parse_registration({**body, "information": [*information]}, CORE, 0), 0, 0)
    return bool(matching_information(asked, registration))


BUS = {"entities": [{"type": "Bus"}]}
ONE = {"entities": [{"type": "Bus", "id": "urn:x:1"}]}
LIKE = {"entities": [{"type": "Bus", "idPattern": "urn:x:[0-9]"}]}
BOTH = {"entities": [{"type": "Bus", "id": "urn:x:1", "idPattern": "urn:y:.*"}]}
SPEED = {"entities": [{"type": "Bus"}], "propertyNames": ["speed"], "relationshipNames": ["line"]}
NAMES = {"propertyNames": ["speed"]}


@pytest.mark.parametrize(("asked", "information", "expected"), [
    (question("Bus"), BUS, True),
    (question("Bus,Tram"), BUS, True),
    (question("Tram"), BUS, False),
    # The EntityInfo contains neither an id nor an idPattern.
    (question("Bus", ids=("urn:x:9",)), BUS, True),
    # One of the identifiers is the id, or is like the pattern.
    (question("Bus", ids=("urn:x:9", "urn:x:1")), ONE, True),
    (question("Bus", ids=("urn:x:9",)), ONE, False),
    (question("Bus", ids=("urn:x:9",)), LIKE, True),
    (question("Bus", ids=("urn:y:9",)), LIKE, False),
    # The pattern that is asked for is like the id; two patterns may have one in common.
    (question("Bus", id_pattern="urn:x:.*"), ONE, True),
    (question("Bus", id_pattern="urn:y:.*"), ONE, False),
    (question("Bus", id_pattern="urn:y:.*"), LIKE, True),
    # §5.2.8: an id takes precedence over a pattern.
    (question("Bus", ids=("urn:y:1",)), BOTH, False),
    # Attributes: none asked for, none registered, or one of them.
    (question("Bus"), SPEED, True),
    (question("Bus", attributes=("height",)), BUS, True),
    (question("Bus", attributes=("height", "line")), SPEED, True),
    (question("Bus", attributes=("height",)), SPEED, False),
    # No entities are registered, so any may have the attribute.
    (question("Tram", attributes=("speed",)), NAMES, True),
])  # fmt: skip
def test_5_12_a_specification_matches_what_is_registered(
    asked: SourceQuestion, information: dict[str, Any], expected: bool
) -> None:
    assert is_matched(asked, information) is expected


def test_5_12_one_matching_part_is_enough() -> None:
    assert is_matched(question("Bus"), {"entities": [{"type": "Tram"}]}, BUS)


def test_5_12_datasets_have_one_in_common_where_both_name_some() -> None:
    asked = question("Bus", dataset_ids=("urn:d:1", "@none"))
    assert is_matched(asked, BUS)
    assert is_matched(asked, BUS, datasetId=["@none"])
    assert not is_matched(asked, BUS, datasetId=["urn:d:2"])
    assert is_matched(question("Bus"), BUS, datasetId=["urn:d:2"])


@pytest.mark.parametrize(("names", "some", "none"), [
    (["retrieveOps"], "queryEntity", "createEntity"),
    (["updateOps"], "updateAttrs", "retrieveEntity"),
    (["redirectionOps"], "createEntity", "createSubscription"),
    (["associationOps"], "createSubscription", "createEntity"),
    (["federationOps"], "retrieveEntityMap", "createEntity"),
    (["createEntity"], "createEntity", "deleteEntity"),
    (["retrieveOps", "deleteEntity"], "deleteEntity", "createEntity"),
])  # fmt: skip
def test_4_20_a_group_stands_for_its_operations(names: list[str], some: str, none: str) -> None:
    expanded = expand_operations(names)
    assert some in expanded
    assert none not in expanded


def test_4_20_every_operation_of_a_group_is_one() -> None:
    assert {name for names in GROUPS.values() for name in names} <= OPERATIONS
