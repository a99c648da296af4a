"""docs/conformance.md tells of everything that answers 501, and of nothing that does not."""

from __future__ import annotations

import re
from pathlib import Path

import simpul
from simpul.http.parameters import LATER

SOURCE = Path(simpul.__file__).parent
PAGE = (SOURCE.parents[1] / "docs" / "conformance.md").read_text()
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
