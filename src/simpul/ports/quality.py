"""What the use-cases need to keep of a city's quality: reports, corrections, decisions on codes. No SQL here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from simpul.domain.code_list import Decision
from simpul.domain.code_match import Near
from simpul.domain.quality import Report
from simpul.ports.store import Reject


class Correction(NamedTuple):
    """A cell that a person put right: where the row `key` has `before` in `column`, `after` stands.

    It is never deleted: `undone_us` says when it was taken back, and `undone_by` by whom.
    """

    id: int
    source: str
    key: str
    column: str
    before: str | None
    after: str | None
    reason: str
    by: str
    at_us: int
    undone_us: int | None = None
    undone_by: str | None = None


class Question(NamedTuple):
    """A name whose code is not sure: which list, below which code, where it was seen, and the best guesses."""

    list_id: str
    parent: str
    name: str
    source: str
    rows: int
    at_us: int
    near: tuple[Near, ...]


class SourceShape(NamedTuple):
    """What a source looked like in its last complete run: its columns with what was in them, and its rows."""

    source: str
    run: int
    rows: int
    columns: dict[str, Any]


class ReportStore(Protocol):
    """Reports of runs, and what sources looked like."""

    async def put_report(self, tenant: str, report: Report) -> None:
        """Keep the report of a run; those of runs that are forgotten go."""

    def list_reports(self, tenant: str, source: str, limit: int = 20) -> list[Report]:
        """Return reports, newest first."""

    def count_rejects_by_rule(self, tenant: str, source: str) -> dict[str, int]:
        """Return how many rows are kept aside, by rule."""

    def find_reject(self, tenant: str, source: str, key: str) -> Reject | None:
        """Return the row that is kept aside, or None."""

    def find_shape(self, tenant: str, source: str) -> SourceShape | None:
        """Return what the source looked like, or None before its first complete run."""

    async def forget_source(self, tenant: str, source: str) -> None:
        """Forget all that is known of a source's quality, corrections too: what they hold may be personal."""

    async def put_shape(self, tenant: str, shape: SourceShape) -> None:
        """Remember what the source looked like."""


class CorrectionStore(Protocol):
    """What people put right, and what they decided on names."""

    async def add_corrections(self, tenant: str, corrections: Sequence[Correction]) -> None:
        """Keep corrections, each in the place of an earlier one of its row and column. Their ids are given here."""

    def list_corrections(self, tenant: str, source: str, *, in_force: bool = False) -> list[Correction]:
        """Return a source's corrections, newest first; with `in_force` those that were not undone."""

    async def undo_correction(self, tenant: str, correction_id: int, by: str, at_us: int) -> bool:
        """Take a correction back; return whether there was one in force."""

    async def put_decision(self, tenant: str, decision: Decision) -> None:
        """Remember what a name means; the question about it goes."""

    def list_decisions(self, tenant: str) -> list[Decision]:
        """Return all decisions."""

    async def put_questions(self, tenant: str, source: str, questions: Sequence[Question]) -> None:
        """Make these the questions that a source has."""

    def list_questions(self, tenant: str) -> list[Question]:
        """Return all questions, those about most rows first."""
