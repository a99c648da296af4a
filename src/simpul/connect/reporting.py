"""What a run says of its source's quality when it is through: what its rules found. No rule is checked here."""

from __future__ import annotations

from typing import Final

from simpul import limits
from simpul.app.hub import Hub
from simpul.connect.mapping import Mapper
from simpul.connect.rule_words import ROW_RULES, rule_columns
from simpul.connect.survey import WARN
from simpul.domain.city import SourceDeclaration
from simpul.domain.quality import Finding, Report, Sample
from simpul.ports.store import Run

REJECT: Final = "reject"


class Reporting:
    """The quality of one source, as one run finds it."""

    def __init__(self, hub: Hub, tenant: str, source: SourceDeclaration, mapper: Mapper) -> None:
        self._hub = hub
        self._tenant = tenant
        self._source = source
        self._mapper = mapper

    async def conclude(self, run: Run) -> None:
        """Keep the report of a run that has read all rows, and what it could not find codes for."""
        findings = [*self._rejects(run), *self._surveyed()]
        report = Report(run.id, run.source, run.finished_us or run.started_us, run.rows_read, tuple(findings))
        await self._hub.reports.put_report(self._tenant, report)
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
                rule, REJECT, ", ".join(where.get(rule, ())), run.rows_read, broken.get(rule, 0), samples.get(rule, ())
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
