"""What a dump has to read: the tables that it fills."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from simpul import limits
from simpul.connect.connector import Offer, Surroundings, Told
from simpul.connect.fields import Plain
from simpul.connectors.sqldump.reader import list_tables

_SUFFIXES: Final = re.compile(r"\.(?:sql|dump)(?:\.(?:gz|bz2|xz|zip))?\Z", re.IGNORECASE)


def knows(where: str, surroundings: Surroundings) -> bool:
    """Return whether a path is a dump."""
    return "://" not in where and _SUFFIXES.search(where) is not None and surroundings.path(where).is_file()


def settings_of(where: str, _surroundings: Surroundings) -> tuple[Plain, dict[str, str]]:
    """Return the settings for a dump, whose table is still to be chosen."""
    return {"path": where, "table": "?"}, {}


def look_around(plain: Plain, surroundings: Surroundings) -> list[Offer]:
    """Return the tables that have rows. Raises SourceUnreachable, SourceMismatch."""
    path: Path = surroundings.path(surroundings.resolve(plain["path"]))
    return [
        Offer(table, {**plain, "table": table}, told=Told(key=key))
        for table, key in list_tables(path, plain)[: limits.PROPOSAL_OFFERS_MAX]
    ]
