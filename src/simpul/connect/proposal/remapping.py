"""The lines of a mapping that a column's new kind of values asks for. Reads a declaration; changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from simpul.connect.fields import Plain
from simpul.connect.proposal.columns import DATE, NOTHING, NUMBER, look_at
from simpul.connect.proposal.value_forms import form_of
from simpul.connect.proposal.writing import flow

# What says how a cell becomes a value, and falls with what stood in the column before.
_FORMS: Final = frozenset({"number", "date", "boolean", "text", "case", "map", "otherwise"})
# What belongs to numbers alone.
_OF_NUMBERS: Final = frozenset({"unit", "unknown"})


def propose_lines(entity: Plain, changed: Mapping[str, Sequence[Any]]) -> list[str]:
    """Return the lines under `entity:` that are to be others, as YAML; `changed` has the cells of each column."""
    lines: list[str] = []
    for column, cells in changed.items():
        facts = look_at(column, 0, cells)
        if facts.kind == NOTHING:
            continue
        form, is_number = form_of(facts), facts.kind == NUMBER
        for name, spec in _users(entity, column):
            kept = {key: value for key, value in spec.items() if key not in _FORMS}
            if not is_number:
                kept = {key: value for key, value in kept.items() if key not in _OF_NUMBERS}
            made = {**kept, **form}
            if made != spec:
                lines.append(f"{name}: {flow(made)}")
        moment = entity.get("observed_at", {})
        if moment.get("column") == column and facts.kind == DATE:
            lines.append(f"observed_at: {flow({'column': column, **form})}")
    return lines


def _users(entity: Plain, column: str) -> Iterator[tuple[str, Plain]]:
    """Yield the attributes whose values come from a column."""
    for name, spec in entity["attributes"].items():
        if spec.get("column") == column:
            yield name, spec
