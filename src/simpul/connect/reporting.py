"""What a run says of its source's quality when it is through: what its rules found. No rule is checked here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from simpul import limits
from simpul.app.hub import Hub
from simpul.connect.drift import NOTHING, kinds_of, remembered
from simpul.connect.reader import Reader
from simpul.connect.reader_hosts import ReaderHost
from simpul.connect.rule_words import ROW_RULES, rule_columns
from simpul.connect.survey import WARN
from simpul.domain.city import City, SourceDeclaration
from simpul.domain.quality import Finding, Report, Sample
from simpul.ports.quality import Question, SourceShape
from simpul.ports.store import Run

REJECT: Final = "reject"


class Counted(NamedTuple):
    """What a reader has counted over all rows, its columns, and its first rows."""

    findings: Sequence[Finding]
    questions: Sequence[Question]
    columns: Sequence[str]
    sample: Sequence[Sequence[Any]]


async def count_up(hub: Hub, tenant: str, reader: ReaderHost, columns: Sequence[str]) -> Counted:
    """Return what the reader has counted, after the last row."""
    missing = [
        [target for target in targets if hub.entities.find_document(tenant, target) is None]
        for targets in await reader.ask(Reader.list_references)
    ]
    findings = await reader.ask(Reader.list_findings, missing)
    questions = await reader.ask(Reader.list_questions, hub.clock.now_us())
    return Counted(findings, questions, columns, await reader.ask(Reader.list_sample))


class Reporting:
    """The quality of one source, as one run finds it: made of what its reader has counted."""

    def __init__(
        self,
        hub: Hub,
        city: City,
        source: SourceDeclaration,
        before: SourceShape | None,
        counted: Counted,
    ) -> None:
        self._hub = hub
        self._tenant = city.tenant
        self._source = source
        self._before = before
        self._counted = counted

    async def conclude(self, run: Run) -> None:
        """Keep the report of a run that has read all rows, and what it could not find codes for."""
        findings = [*self._rejects(run), *self._counted.findings, *self._drift()]
        report = Report(run.id, run.source, run.finished_us or run.started_us, run.rows_read, tuple(findings))
        await self._hub.reports.put_report(self._tenant, report)
        await self._remember(run)
        if self._source.declaration.get("codes"):
            await self._hub.corrections.put_questions(self._tenant, self._source.id, self._counted.questions)

    def _drift(self) -> list[Finding]:
        """Return which columns came and went of those that the mapping does not use."""
        if self._before is None:
            return []
        before, now = self._before.columns.keys(), self._counted.columns
        samples = [Sample(name, "the column is new") for name in now if name not in before]
        samples += [Sample(name, "the column is gone") for name in before if name not in now]
        count = len(samples)
        return [Finding("drift", WARN, "", max(len(now), count), count, tuple(samples[: limits.FINDING_SAMPLES_MAX]))]

    async def _remember(self, run: Run) -> None:
        """Remember what the source looks like; of a column that is empty today what it was like before."""
        known = remembered(self._before)
        columns = {
            name: known[name] if column.kind == NOTHING and name in known else column
            for name, column in kinds_of(self._counted.columns, self._counted.sample).items()
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
