"""Rows of one source that give the id of a row before them: they would write over its entity, each after the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simpul import limits
from simpul.connect.rules import SeenKeys
from simpul.connect.template import URI, parse_template
from simpul.connect.values import RowRejected

RULE = "same_id"


def can_share_ids(declaration: Mapping[str, Any]) -> bool:
    """Return whether rows with different keys could give one id: not where the id has the whole key in it.

    A series has many rows for each entity, and means to.
    """
    entity, key = declaration["entity"], declaration["key"]
    parts = (part for part in parse_template(entity["id"]) if not isinstance(part, str))
    whole = {part.column for part in parts if part.filter in (None, URI)}
    return "observed_at" not in entity and not (len(key) == 1 and key[0] in whole)


class SameIds:
    """The ids that the rows of one run have given. Of the first ones it knows which row it was."""

    def __init__(self) -> None:
        self._seen = SeenKeys()
        self._keys: dict[str, str] = {}

    def claim(self, entity_id: str, key: str) -> RowRejected | None:
        """Take the id for the row; return why it may not have it, if so."""
        if self._seen.add(entity_id):
            if len(self._keys) < limits.SOURCE_IDS_NAMED_MAX:
                self._keys[entity_id] = key
            return None
        first = self._keys.get(entity_id)
        of = f"row {first!r}" if first is not None else "a row before it"
        return RowRejected(RULE, f"the same id as {of}: {entity_id}; the first row counts")
