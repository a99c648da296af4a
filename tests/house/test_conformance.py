"""docs/conformance.md tells of all that answers 501, and of nothing else; each operation's clause is held by a test."""

from __future__ import annotations

import re
from pathlib import Path

import simpul
from simpul.http.parameters import LATER

SOURCE = Path(simpul.__file__).parent
PAGE = (SOURCE.parents[1] / "docs" / "conformance.md").read_text()
TESTS = Path(__file__).parents[1]
# Each operation of the standard with its own clause, and each behaviour that operations share.
_OPERATIONS = (
    *(f"5.6.{place}" for place in range(1, 22)), *(f"5.7.{place}" for place in range(1, 12)),
    *(f"5.8.{place}" for place in (1, 2, 3, 4, 5, 6)), *(f"5.9.{place}" for place in (2, 3, 4)), "5.10.1", "5.10.2",
    *(f"5.11.{place}" for place in (2, 3, 4, 5, 6, 7)), "5.12", *(f"5.13.{place}" for place in (2, 3, 4, 5)),
    *(f"5.14.{place}" for place in (1, 2, 3, 4, 5)), "5.15.1", *(f"5.16.{place}" for place in (1, 2, 3, 4, 5, 7)),
)  # fmt: skip
_BEHAVIOURS = (
    "4.3.6.1", "4.3.6.2", "4.3.6.3", "4.3.6.4", "4.3.6.5", "4.3.6.6", "4.3.6.8", "4.5.1", "4.5.2", "4.5.3", "4.5.4",
    "4.5.5", "4.5.7", "4.5.9", "4.5.17", "4.5.18", "4.5.19", "4.5.20", "4.5.21", "4.5.22", "4.5.23", "4.5.24", "4.6.2",
    "4.6.3", "4.7.1", "4.7.3", "4.9", "4.10", "4.11", "4.15", "4.17", "4.18", "4.19", "4.20", "4.21", "4.22", "4.23",
    "5.4", "5.5.2", "5.5.3", "5.5.4", "5.5.5", "5.5.6", "5.5.7", "5.5.8", "5.5.9", "5.5.10", "5.5.11.1", "5.5.11.2",
    "5.5.11.3", "5.5.11.4", "5.5.11.5", "5.5.12", "5.5.13", "5.5.14", "5.5.15", "6.3.2", "6.3.3", "6.3.4", "6.3.5",
    "6.3.6", "6.3.7", "6.3.8", "6.3.9", "6.3.10", "6.3.11", "6.3.12", "6.3.13", "6.3.14", "6.3.15", "6.3.16", "6.3.17",
    "6.3.18", "6.3.19", "6.3.20", "6.3.21", "6.3.22", "7.2",
)  # fmt: skip
_TOLD = re.compile(r"§([4-7](?:\.\d+)+)(?: to §([4-7](?:\.\d+)+))?")
_NAMED = re.compile(r"(?:def test_|_)([4-7](?:_\d+)+)_")
LEFT_OUT = PAGE.partition("## What is optional and left out")[2]


def test_every_refusal_with_501_is_told_with_where_it_is() -> None:
    refusing = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if "raise NotImplementedYet(" in path.read_text()
    }
    told = set(re.findall(r"`([\w/]+\.py)`", LEFT_OUT))
    assert told == refusing, "change the table 'What is optional and left out' of docs/conformance.md"


def test_every_parameter_that_some_operations_lack_is_told() -> None:
    assert {name for name in LATER if f"`{name}`" not in LEFT_OUT} == set()


def _clauses_of(text: str) -> set[str]:
    found = {name.replace("_", ".") for name in _NAMED.findall(text)}
    for first, last in _TOLD.findall(text):
        found.add(first)
        head, _, place = first.rpartition(".")
        if last.startswith(f"{head}."):
            found |= {f"{head}.{between}" for between in range(int(place), int(last.rpartition(".")[2]) + 1)}
    return found


def test_every_operation_and_every_shared_behaviour_is_held_by_a_test_that_names_its_clause() -> None:
    paths = [path for path in TESTS.rglob("test_*.py") if path != Path(__file__)]
    named = set().union(*(_clauses_of(path.read_text()) for path in paths))
    missing = [
        clause for clause in (*_OPERATIONS, *_BEHAVIOURS)
        if not any(name == clause or name.startswith(f"{clause}.") for name in named)
    ]  # fmt: skip
    assert missing == [], "name the clause in the test that holds it, or write one"
