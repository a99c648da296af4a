"""What a run says of its source's quality when it is through: what its rules found. No rule is checked here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from simpul import limits
from simpul.app.hub import Hub
from simpul.connect.drift import NOTHING, kinds_of, remembered
from simpul.connect.mapping import Mapper
from simpul.connect.rule_words import ROW_RULES, rule_columns
from simpul.connect.survey import WARN
from simpul.domain.quality import Finding, Report, Sample
from simpul.ports.quality import SourceShape
from simpul.ports.store import Run

REJECT: Final = "reject"


class Reporting:
    """The quality of one source, as one run finds it."""

    def __init__(
        self,
        hub: Hub,
        tenant: str,
        mapper: Mapper,
        before: SourceShape | None,
        sample: Sequence[Sequence[Any]],
    ) -> None:
        self._hub = hub
        self._tenant = tenant
        self._source = mapper.source
        self._mapper = mapper
        self._before = before
        self._sample = sample

    async def conclude(self, run: Run) -> None:
        """Keep the report of a run that has read all rows, and what it could not find codes for."""
        findings = [*self._rejects(run), *self._surveyed(), *self._drift()]
        report = Report(run.id, run.source, run.finished_us or run.started_us, run.rows_read, tuple(findings))
        await self._hub.reports.put_report(self._tenant, report)
        await self._remember(run)
        columns = self._mapper.code_columns
        if columns:
            now_us = report.at_us
            questions = [one for column in columns for one in column.questions(self._source.id, now_us)]
            await self._hub.corrections.put_questions(self._tenant, self._source.id, questions)

    def _surveyed(self) -> list[Finding]:
        survey = self._mapper.survey
        if survey is None:
            return []
        for references in survey.references:
            for target in references.wanted:
                if self._hub.entities.find_document(self._tenant, target) is None:
                    references.note_missing(target)
        return survey.findings()

    def _drift(self) -> list[Finding]:
        """Return which columns came and went of those that the mapping does not use."""
        if self._before is None:
            return []
        before, now = self._before.columns.keys(), self._mapper.columns
        samples = [Sample(name, "the column is new") for name in now if name not in before]
        samples += [Sample(name, "the column is gone") for name in before if name not in now]
        count = len(samples)
        return [Finding("drift", WARN, "", max(len(now), count), count, tuple(samples[: limits.FINDING_SAMPLES_MAX]))]

    async def _remember(self, run: Run) -> None:
        """Remember what the source looks like; of a column that is empty today what it was like before."""
        known = remembered(self._before)
        columns = {
            name: known[name] if column.kind == NOTHING and name in known else column
            for name, column in kinds_of(self._mapper.columns, self._sample).items()
        }
        shape = SourceShape(run.source, run.id, run.rows_read, columns)
        if self._before is None or (self._before.rows, known) != (shape.rows, columns):
            await self._hub.reports.put_shape(self._tenant, shape)

    def _rejects(self, run: Run) -> list[Finding]:
        """Return a finding for each rule that keeps rows aside: those declared, and those that every row must keep."""
        plain = self._source.declaration
        where: dict[str, list[str]] = {"key": list(plain["key"])}
        if plain.get("codes"):
            where["code"] = [name for code in plain["codes"] for name in code["names"]]
        for rule in plain.get("rules", ()):
            if rule["rule"] in ROW_RULES and rule.get("severity") != WARN:
                named = rule_columns(rule) or [rule.get("attribute", "")]
                where[rule["rule"]] = list(dict.fromkeys([*where.get(rule["rule"], []), *named]))
        broken = self._hub.reports.count_rejects_by_rule(self._tenant, self._source.id)
        samples = self._samples() if broken else {}
        return [
            Finding(
                rule,
                REJECT,
                ", ".join(where.get(rule, ())),
                max(run.rows_read, broken.get(rule, 0)),
                broken.get(rule, 0),
                samples.get(rule, ()),
            )
            for rule in dict.fromkeys([*where, *broken])
        ]

    def _samples(self) -> dict[str, tuple[Sample, ...]]:
        found: dict[str, tuple[Sample, ...]] = {}
        for reject in self._hub.sources.list_rejects(self._tenant, self._source.id, limits.PAGE_SIZE_MAX):
            known = found.get(reject.rule, ())
            if len(known) < limits.FINDING_SAMPLES_MAX:
                found[reject.rule] = (*known, Sample(reject.key, reject.reason))
        return found
