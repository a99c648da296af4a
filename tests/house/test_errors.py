"""The tree of errors is whole: every leaf is drawn, titled and has a status."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from simpul.domain import errors
from simpul.domain.errors import HubError
from simpul.http import problem


def leaves(of: type[HubError]) -> Iterator[type[HubError]]:
    for kind in of.__subclasses__():
        # Tests make errors of their own.
        if not kind.__module__.startswith("simpul."):
            continue
        yield from leaves(kind) if kind.__subclasses__() else [kind]


def test_every_error_has_a_status() -> None:
    assert {kind.__name__ for kind in leaves(HubError)} <= {kind.__name__ for kind in problem.STATUS}


def test_every_error_is_in_the_drawing_at_the_top_of_its_file() -> None:
    drawing = inspect.getdoc(errors) or ""
    assert [kind.__name__ for kind in leaves(HubError) if kind.__name__ not in drawing] == []


def test_every_error_has_a_title_that_a_person_understands() -> None:
    assert [kind.__name__ for kind in leaves(HubError) if not kind.title or "error" in kind.title.lower()] == []
