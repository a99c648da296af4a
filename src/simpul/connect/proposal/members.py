"""Columns that say more of another column: when its value was measured, in which unit. Decides nothing else."""

from __future__ import annotations

from typing import Final

from simpul.connect.fields import Plain
from simpul.connect.proposal.columns import DATE
from simpul.connect.proposal.draft import Seen

_OBSERVED_AT: Final = "observedAt"
_UNIT_CODE: Final = "unitCode"


def list_members(seen: Seen) -> set[str]:
    """Return the columns that go with another one, such as `suhu.observedAt` with `suhu`."""
    names = {facts.name for facts in seen.columns}
    return {f"{name}.{member}" for name in names for member in (_OBSERVED_AT, _UNIT_CODE)} & names


def refine_by_members(seen: Seen, column: str, spec: Plain) -> Plain:
    """Return the mapping of a column with what those say that say more of it."""
    facts = {one.name: one for one in seen.columns}
    found = dict(spec)
    moment, unit = facts.get(f"{column}.{_OBSERVED_AT}"), facts.get(f"{column}.{_UNIT_CODE}")
    if moment is not None and moment.kind == DATE:
        found["observed_at"] = {"column": moment.name, "date": moment.form}
    if unit is not None and unit.distinct == 1 and "column" in spec:
        found["unit"] = next(iter(unit.values))
    return found
