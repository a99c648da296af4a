"""What is known of a source's quality: findings of rules, scores by dimension, the report of a run. Nothing is read.

The five dimensions are those that a walidata checks: completeness, uniqueness, validity, consistency, freshness.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

COMPLETENESS: Final = "completeness"
UNIQUENESS: Final = "uniqueness"
VALIDITY: Final = "validity"
CONSISTENCY: Final = "consistency"
FRESHNESS: Final = "freshness"
DIMENSIONS: Final = (COMPLETENESS, UNIQUENESS, VALIDITY, CONSISTENCY, FRESHNESS)

# Which dimension a rule is about; what is not here is about validity.
DIMENSION_OF: Final = {
    "required": COMPLETENESS,
    "complete": COMPLETENESS,
    "sentinel": COMPLETENESS,
    "rows": COMPLETENESS,
    "keys": COMPLETENESS,
    "id": COMPLETENESS,
    "observed_at": COMPLETENESS,
    "key": UNIQUENESS,
    "unique": UNIQUENESS,
    "same_id": UNIQUENESS,
    "parts": CONSISTENCY,
    "in_place": CONSISTENCY,
    "total": CONSISTENCY,
    "tree": CONSISTENCY,
    "references": CONSISTENCY,
    "drift": CONSISTENCY,
    "fresh": FRESHNESS,
}


def dimension_of(rule: str) -> str:
    """Return the dimension that a rule is about."""
    return DIMENSION_OF.get(rule, VALIDITY)


class Sample(msgspec.Struct, frozen=True):
    """One row or key that breaks a rule, and why."""

    key: str
    reason: str


class Finding(msgspec.Struct, frozen=True):
    """What one rule found in one run: of `checked` things `broken` break it.

    `severity` is `reject` (such rows were kept aside) or `warn` (they were taken over). `where` names columns.
    """

    rule: str
    severity: str
    where: str
    checked: int
    broken: int
    samples: tuple[Sample, ...] = ()

    @property
    def dimension(self) -> str:
        return dimension_of(self.rule)


class Report(msgspec.Struct, frozen=True):
    """The quality of a source as one run found it. `rows` is how many rows were read."""

    run: int
    source: str
    at_us: int
    rows: int
    findings: tuple[Finding, ...]

    @property
    def scores(self) -> dict[str, float | None]:
        """Return for each dimension the share of what was checked that is right, or None where nothing was."""
        return {name: score_of(one for one in self.findings if one.dimension == name) for name in DIMENSIONS}

    @property
    def problems(self) -> Sequence[Finding]:
        """Return the findings that found something, the gravest first."""
        found = [one for one in self.findings if one.broken]
        return sorted(found, key=lambda one: (one.severity != "reject", -one.broken / max(one.checked, 1)))


def score_of(findings: Iterable[Finding]) -> float | None:
    """Return the share of what was checked that is right (0 to 1), or None where nothing was checked."""
    checked = broken = 0
    for one in findings:
        checked += one.checked
        broken += min(one.broken, one.checked)
    return None if checked == 0 else 1.0 - broken / checked
