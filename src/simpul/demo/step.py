"""What the builders of the agencies' systems have in common. No system is built here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

Advance = Callable[[int, int], None]
"""Says how far a step is: (done, of all)."""


class Step(NamedTuple):
    """One agency's system: what it is called and what builds it inside `systems/`."""

    title: str
    build: Callable[[Path, Advance], None]
