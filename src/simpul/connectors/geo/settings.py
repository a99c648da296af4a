"""What stands under `read:` of a `geo` source. No reading here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from simpul.connect.connector import check_references
from simpul.connect.fields import Field, Fields, Plain, Text

FIELDS: Final = Fields("read of a geo source", (
    Field("path", Text("a path", check=check_references), "the file; relative to the city's folder", required=True),
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class GeoSettings:
    """The settings, typed."""

    path: str


def parse_settings(plain: Plain) -> GeoSettings:
    """Return the typed settings of checked ones."""
    return GeoSettings(path=plain["path"])


def check(_: Plain) -> Iterator[tuple[str, str]]:
    """Yield what is wrong beyond single keys: nothing can be."""
    yield from ()
