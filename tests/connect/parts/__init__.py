"""Real systems of each kind of source, for the suite that every kind passes (`test_every_kind.py`).

A part is a system that a test fills, changes, takes away and brings back. A module of this package has `PARTS`: the
name of each part, and how it is made. A new kind adds one module here, and nothing to the suite.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from importlib import import_module

import pytest

from tests.connect.parts.part import Part
from tests.connect.parts.place import Place

MakePart = Callable[[Place], AbstractContextManager[Part]]


def part_names() -> list[str]:
    """Return the name of every part; it begins with its kind: `table`, `table-xlsx`."""
    return sorted(_parts())


def parameters() -> Iterator[object]:
    """Yield a parameter for each part; those that need a server say so."""
    for name, (_, needs_server) in sorted(_parts().items()):
        yield pytest.param(name, marks=[pytest.mark.servers] if needs_server else [])


def make_part(name: str, place: Place) -> AbstractContextManager[Part]:
    """Return the part of this name."""
    return _parts()[name][0](place)


def _parts() -> dict[str, tuple[MakePart, bool]]:
    found: dict[str, tuple[MakePart, bool]] = {}
    for module in pkgutil.iter_modules(__path__):
        content = import_module(f"{__name__}.{module.name}")
        found |= {name: (make, False) for name, make in getattr(content, "PARTS", {}).items()}
        found |= {name: (make, True) for name, make in getattr(content, "SERVER_PARTS", {}).items()}
    return found
