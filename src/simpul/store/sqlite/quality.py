"""Quality reports, corrections and decisions on codes in a city's file (`ports/quality.py`). No decisions here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from simpul.domain.code_list import Decision
from simpul.domain.code_match import Near
from simpul.domain.quality import Finding, Report
from simpul.ports.quality import Correction, Question, SourceShape
from simpul.ports.store import Reject
from simpul.store.sqlite.city import CityFile
from simpul.store.statements import load_statements

SQL = load_statements("simpul.store.sqlite", "quality.sql")

_encode = msgspec.json.encode
_FINDINGS = msgspec.json.Decoder(tuple[Finding, ...])
_NEAR = msgspec.json.Decoder(tuple[Near, ...])


class SqliteQuality:
    """The ports `ReportStore` and `CorrectionStore` over the cities' files."""

    def __init__(self, find_city: Callable[[str], CityFile]) -> None:
        self._find_city = find_city

    def _read(self, tenant: str, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self._find_city(tenant).read(statement, parameters)

    async def put_report(self, tenant: str, report: Report) -> None:
        row = (report.run, report.source, report.at_us, report.rows, _encode(report.findings).decode())
        statements = [(SQL.put_report, row), (SQL.forget_reports, (report.source,))]
        await self._find_city(tenant).execute_all(statements)

    def list_reports(self, tenant: str, source: str, limit: int = 20) -> list[Report]:
        rows = self._read(tenant, SQL.list_reports, source, limit)
        return [Report(row[0], row[1], row[2], row[3], _FINDINGS.decode(row[4])) for row in rows]

    def count_rejects_by_rule(self, tenant: str, source: str) -> dict[str, int]:
        return dict(self._read(tenant, SQL.count_rejects_by_rule, source))

    def find_reject(self, tenant: str, source: str, key: str) -> Reject | None:
        rows = self._read(tenant, SQL.find_reject, source, key)
        return Reject(*rows[0])._replace(raw=msgspec.json.decode(rows[0][-1])) if rows else None

    def find_shape(self, tenant: str, source: str) -> SourceShape | None:
        rows = self._read(tenant, SQL.find_shape, source)
        return SourceShape(*rows[0])._replace(columns=msgspec.json.decode(rows[0][-1])) if rows else None

    async def forget_source(self, tenant: str, source: str) -> None:
        statements = (SQL.drop_reports, SQL.drop_shape, SQL.drop_corrections, SQL.drop_questions)
        await self._find_city(tenant).execute_all([(statement, (source,)) for statement in statements])

    async def put_shape(self, tenant: str, shape: SourceShape) -> None:
        row = (shape.source, shape.run, shape.rows, _encode(shape.columns).decode())
        await self._find_city(tenant).execute(SQL.put_shape, row)

    async def add_corrections(self, tenant: str, corrections: Sequence[Correction]) -> None:
        statements: list[tuple[str, Sequence[Any]]] = []
        for one in corrections:
            statements += [
                (SQL.replace_correction, (one.source, one.key, one.column, one.at_us, one.by)),
                (SQL.add_correction, one[1:9]),
            ]
        await self._find_city(tenant).execute_all(statements)

    def list_corrections(self, tenant: str, source: str, *, in_force: bool = False) -> list[Correction]:
        statement = SQL.list_corrections_in_force if in_force else SQL.list_corrections
        return [Correction(*row) for row in self._read(tenant, statement, source)]

    async def undo_correction(self, tenant: str, correction_id: int, by: str, at_us: int) -> bool:
        return bool(await self._find_city(tenant).execute(SQL.undo_correction, (correction_id, at_us, by)))

    async def put_decision(self, tenant: str, decision: Decision) -> None:
        answered = (decision.list_id, decision.parent, decision.name)
        statements = [(SQL.put_decision, tuple(decision)), (SQL.answer_question, answered)]
        await self._find_city(tenant).execute_all(statements)

    def list_decisions(self, tenant: str) -> list[Decision]:
        return [Decision(*row) for row in self._read(tenant, SQL.list_decisions)]

    async def put_questions(self, tenant: str, source: str, questions: Sequence[Question]) -> None:
        statements: list[tuple[str, Sequence[Any]]] = [(SQL.drop_questions, (source,))]
        statements += [(SQL.add_question, (*one[:6], _encode(one.near).decode())) for one in questions]
        await self._find_city(tenant).execute_all(statements)

    def list_questions(self, tenant: str) -> list[Question]:
        rows = self._read(tenant, SQL.list_questions)
        return [Question(*row)._replace(near=_NEAR.decode(row[-1])) for row in rows]
