"""Alerts and the letters that tell of them, in a city's file (`ports/alerts.py`). No decisions here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

from simpul import limits
from simpul.domain.alerts import Alert, Beginning
from simpul.ports.alerts import Letter
from simpul.store.statements import load_statements

if TYPE_CHECKING:
    from simpul.store.sqlite.city import CityFile

SQL = load_statements("simpul.store.sqlite", "alerts.sql")


class SqliteAlerts:
    """The port `AlertStore` over the cities' files."""

    def __init__(self, find_city: Callable[[str], CityFile]) -> None:
        self._find_city = find_city

    def list_alerts(self, tenant: str, *, only_open: bool, limit: int) -> list[Alert]:
        statement = SQL.list_open_alerts if only_open else SQL.list_alerts
        return [Alert(*row) for row in self._find_city(tenant).read(statement, (limit,))]

    async def begin_alert(
        self, tenant: str, source: str, beginning: Beginning, at_us: int, targets: Collection[str]
    ) -> None:
        statements: list[tuple[str, Sequence[Any]]] = [
            (SQL.begin_alert, (source, beginning.kind, at_us, beginning.detail))
        ]
        statements += [(SQL.write_beginning, (source, beginning.kind, at_us, target)) for target in targets]
        statements.append((SQL.forget_old_alerts, (limits.ALERTS_KEPT_MAX,)))
        await self._find_city(tenant).execute_all(statements)

    async def end_alert(self, tenant: str, source: str, kind: str, at_us: int, targets: Collection[str]) -> None:
        statements: list[tuple[str, Sequence[Any]]] = [(SQL.end_alert, (source, kind, at_us))]
        statements += [(SQL.write_end, (source, kind, at_us, target)) for target in targets]
        await self._find_city(tenant).execute_all(statements)

    async def forget_alerts(self, tenant: str, source: str) -> None:
        statements = (SQL.forget_letters_of_source, SQL.forget_alerts_of_source)
        await self._find_city(tenant).execute_all([(statement, (source,)) for statement in statements])

    def list_letters(self, tenant: str, now_us: int) -> list[Letter]:
        rows = self._find_city(tenant).read(SQL.list_letters, (now_us,))
        return [Letter(row[0], row[1], row[2], row[3], row[4], row[5], Alert(*row[6:])) for row in rows]

    async def drop_letter(self, tenant: str, letter_id: int) -> None:
        await self._find_city(tenant).execute(SQL.drop_letter, (letter_id,))

    async def postpone_letter(self, tenant: str, letter_id: int, next_us: int) -> None:
        await self._find_city(tenant).execute(SQL.postpone_letter, (letter_id, next_us))
