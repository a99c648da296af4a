"""All cities of a data folder, each in a file of its own: the ports of `ports/store.py` over SQLite.

A query runs on its own city's file and cannot name another. No decisions here.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar

import apsw
import msgspec

from simpul import limits
from simpul.domain.entity import Record
from simpul.domain.errors import AlreadyExists, BadRequestData, NonexistentTenant, StorageUnavailable
from simpul.domain.history import History
from simpul.domain.order import Ordering
from simpul.domain.plain_history import Log
from simpul.domain.query import EntityQuery
from simpul.domain.retention import Stretch, Thinned
from simpul.domain.temporal import TemporalQuery
from simpul.ports.contexts import ContextTable
from simpul.ports.history import Found, HistoryDraft, Place, Step
from simpul.ports.outbox import Notice
from simpul.ports.store import Change, Document, Draft, NumberRange, Page, Reject, Run, Token
from simpul.store.sqlite.alerts import SqliteAlerts
from simpul.store.sqlite.answer import answer
from simpul.store.sqlite.city import CityFile
from simpul.store.sqlite.connection import SQL, translated_errors
from simpul.store.sqlite.contexts import SqliteContexts
from simpul.store.sqlite.deliveries import SqliteDeliveries
from simpul.store.sqlite.entity_maps import SqliteEntityMaps
from simpul.store.sqlite.forwarding import SqliteForwarding
from simpul.store.sqlite.lineage import SqliteLineage
from simpul.store.sqlite.names import VALUE, Column
from simpul.store.sqlite.number_range import number_range_of
from simpul.store.sqlite.ordered import answer_ordered
from simpul.store.sqlite.outbox import SqliteOutbox
from simpul.store.sqlite.quality import SqliteQuality
from simpul.store.sqlite.registrations import SqliteRegistrations
from simpul.store.sqlite.temporal import SQL as TEMPORAL
from simpul.store.sqlite.temporal import HistoryScan, SqliteHistoryDraft, list_window, read_writes
from simpul.store.sqlite.thinning import ThinningWalk

Result = TypeVar("Result")
Kept = TypeVar("Kept")
Committed = Callable[[str, dict[str, int]], None]

_TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z")
_SUFFIX = ".db"
_SOURCE_ROWS_PER_READ = 10_000
_SEARCHED_PER_READ = 256
_ID_END = "\U0010ffff"


class SqliteStore:
    """The embedded store. `committed` is called in the event loop after each commit: (tenant, changes by type)."""

    def __init__(self, directory: Path, contexts: ContextTable, committed: Committed) -> None:
        self._directory = directory
        self._contexts = contexts
        self._committed = committed
        self._cities: dict[str, CityFile] = {}
        self.outbox = SqliteOutbox(self._city)
        self.registrations = SqliteRegistrations(self._city)
        self.hosted_contexts = SqliteContexts(self._city)
        self.quality = SqliteQuality(self._city)
        self.lineage = SqliteLineage(self._city)
        self.entity_maps = SqliteEntityMaps(self._city)
        self.forwarding = SqliteForwarding(self._city)
        self.deliveries = SqliteDeliveries(self._city)
        self.alerts = SqliteAlerts(self._city)
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageUnavailable(
                f"The data folder {directory} cannot be made: {error.strerror}. Choose another with SIMPUL_DATA."
            ) from error

    def _city(self, tenant: str) -> CityFile:
        city = self._cities.get(tenant)
        if city is not None:
            return city
        if not self.has_tenant(tenant):
            raise NonexistentTenant(f"No city named '{tenant[:64]}' is served here.")
        return self._open(tenant)

    def _open(self, tenant: str) -> CityFile:
        def committed(types: dict[str, int]) -> None:
            self._committed(tenant, types)

        def noticed(notices: Sequence[Notice]) -> None:
            self.outbox.notify(tenant, notices)

        city = self._cities[tenant] = CityFile(self._path(tenant), self._contexts, committed, noticed)
        return city

    def city_file(self, tenant: str) -> CityFile:
        """Return the city's open file, for ports that lie beside this one. Raises NonexistentTenant."""
        return self._city(tenant)

    def snapshot_directory(self, tenant: str) -> Path:
        """Return the folder of the city's snapshots, where no city is looked for."""
        return self._directory / "snapshots" / tenant

    def _path(self, tenant: str) -> Path:
        return self._directory / f"{tenant}{_SUFFIX}"

    async def close(self) -> None:
        """Finish what is being written and close every file."""
        for city in self._cities.values():
            await city.close()
        self._cities.clear()

    # TenantStore

    def list_tenants(self) -> list[str]:
        names = (path.name.removesuffix(_SUFFIX) for path in self._directory.glob(f"*{_SUFFIX}"))
        return sorted(name for name in names if _TENANT.match(name))

    def has_tenant(self, tenant: str) -> bool:
        return tenant in self._cities or (bool(_TENANT.match(tenant)) and self._path(tenant).exists())

    async def create_tenant(self, tenant: str) -> None:
        if not _TENANT.match(tenant):
            raise BadRequestData(
                f"'{tenant[:64]}' cannot name a city: use up to 63 small letters, digits, '-' and '_', "
                "beginning with a letter or digit, such as 'padang'."
            )
        if self.has_tenant(tenant):
            raise AlreadyExists(f"There is a city named '{tenant}' already.")
        self._open(tenant)

    async def delete_tenant(self, tenant: str) -> None:
        city = self._city(tenant)
        await city.close()
        del self._cities[tenant]
        for suffix in ("-wal", "-shm", ".lock", ""):
            self._path(tenant).with_name(f"{tenant}{_SUFFIX}{suffix}").unlink(missing_ok=True)
        shutil.rmtree(self.snapshot_directory(tenant), ignore_errors=True)
        # Rows that sources kept as they came, and those that agents delivered.
        for folder in ("raw", "delivered"):
            shutil.rmtree(self._directory / folder / tenant, ignore_errors=True)

    # EntityStore

    def find_document(self, tenant: str, entity_id: str) -> Document | None:
        city = self._cities.get(tenant) or self._city(tenant)
        return city.find_document(entity_id)

    def find_number_range(self, tenant: str, query: EntityQuery) -> NumberRange | None:
        return number_range_of(self._city(tenant), query)

    async def list_documents(self, tenant: str, query: EntityQuery) -> Page:
        return await answer(self._city(tenant), query)

    async def list_ordered(self, tenant: str, query: EntityQuery, ordering: Ordering) -> Page:
        return await answer_ordered(self._city(tenant), query, ordering)

    def read_records(self, tenant: str, documents: Sequence[Document]) -> list[Record]:
        city = self._city(tenant)
        with translated_errors(city.path):
            return city.records(city.reader, documents)

    async def write(
        self, tenant: str, origin: str, operation: Callable[[Draft], Result], expected: Sequence[str] = ()
    ) -> Result:
        return await self._city(tenant).write(origin, operation, expected)

    def list_changes(self, tenant: str, entity_id: str) -> list[Change]:
        return self._city(tenant).list_changes(entity_id)

    def count_types(self, tenant: str) -> dict[str, int]:
        counts: dict[str, int] = {}
        for type_set in self._city(tenant).names.type_sets.values():
            for name in type_set.names if type_set.entities else ():
                counts[name] = counts.get(name, 0) + type_set.entities
        return counts

    async def list_attributes(self, tenant: str, type_name: str | None = None) -> dict[str, dict[str, int]]:
        city = self._city(tenant)
        names = city.names
        term = names.find_term(type_name) if type_name is not None else None
        columns = [
            column
            for column in names.all_columns()
            if column.kind == VALUE and (type_name is None or column.type == term)
        ]

        attributes: dict[str, dict[str, int]] = {}
        for column in columns:
            if column.entities:
                attributes.setdefault(names.iri(column.type), {})[names.iri(column.attribute)] = column.entities
        return attributes

    async def count_by(self, tenant: str, type_name: str, attribute: str) -> dict[Any, int]:
        city = self._city(tenant)
        term = city.names.find_term(type_name)
        types = {term} if term is not None else set()
        await city.filling.fill(city.names.find_columns(attribute, types))
        columns = city.names.find_columns(attribute, types)
        if not columns:
            return {}
        both = (columns[0].id, columns[-1].id)
        return await city.scan(lambda connection: dict(connection.execute(SQL.count_by_value, both)))

    async def search(
        self, tenant: str, text: str, attributes: Sequence[str], readable_types: frozenset[str] | None, limit: int
    ) -> list[Document]:
        city = self._city(tenant)

        def columns_of_text() -> list[Column]:
            return [
                column
                for name in attributes
                for column in city.names.find_columns(name, None)
                if readable_types is None or city.names.iri(column.type) in readable_types
            ]

        await city.filling.fill(columns_of_text())
        columns = [column.id for column in columns_of_text()]
        escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")

        def find(connection: apsw.Connection) -> list[Document]:
            rows = chain(
                connection.execute(SQL.search_ids, (text, text + _ID_END)),
                connection.execute(SQL.search_text, (str(columns), f"%{escaped}%")),
            )
            found: dict[int, Document] = {}
            # What the caller may not see leaves no gap: reading goes on until there is enough to show.
            while len(found) < limit and (chunk := [row[0] for row in islice(rows, _SEARCHED_PER_READ)]):
                for one in city.read_documents(connection, chunk):
                    if readable_types is None or readable_types.issuperset(one.types):
                        found.setdefault(one.eid, one)
            return list(found.values())[:limit]

        return await city.scan(find)

    # ExpiryStore

    def next_expiry(self, tenant: str) -> int | None:
        (row,) = self._read(tenant, SQL.next_expiry, ())
        moment_us: int | None = row[0]
        return moment_us

    def list_expired(self, tenant: str, now_us: int, limit: int) -> list[str]:
        return [row[0] for row in self._read(tenant, SQL.list_expired, (now_us, limit))]

    # HistoryStore

    def find_log(self, tenant: str, entity_id: str) -> Log | None:
        city = self._city(tenant)
        with translated_errors(city.path):
            rows_max = limits.TEMPORAL_CHANGES_IN_LOOP_MAX
            rows: list[Any] = city.reader.execute(TEMPORAL.list_writes_of, (entity_id, rows_max + 1)).fetchall()
        if not rows or len(rows) > rows_max:
            return None
        rows.reverse()
        return Log(entity_id, city.names.type_sets[rows[0][0]].names, [row[1:] for row in rows])

    async def find_history(self, tenant: str, entity_id: str, window: TemporalQuery) -> History | None:
        city = self._city(tenant)
        with translated_errors(city.path):
            row = city.reader.execute(TEMPORAL.find_entity, (entity_id,)).fetchone()
            if row is None:
                return None
            eid, type_set = row
            in_loop_max = limits.TEMPORAL_CHANGES_IN_LOOP_MAX
            rows = city.reader.execute(TEMPORAL.list_writes, (eid, in_loop_max + 1)).fetchall()
        if len(rows) <= in_loop_max:
            writes = read_writes(rows[::-1])
        else:
            rows_max = limits.TEMPORAL_CHANGES_MAX
            writes = await city.scan(lambda connection: list_window(connection, eid, window, rows_max))
        return History(entity_id, city.names.type_sets[type_set].names, writes)

    async def list_histories(
        self, tenant: str, query: EntityQuery, window: TemporalQuery, keep: Callable[[History], Kept | None]
    ) -> Found:
        city = self._city(tenant)
        return await city.scan(HistoryScan(city.names, query, window, keep).run)

    async def thin_histories(
        self, tenant: str, type_name: str, after: Place, plan: Callable[[Stretch], Thinned]
    ) -> Step:
        city = self._city(tenant)
        walk = await city.scan(ThinningWalk(city.names, type_name, after, plan).run)
        if walk.statements:
            await city.execute_all(walk.statements)
        return walk.step

    async def write_history(self, tenant: str, origin: str, operation: Callable[[HistoryDraft], Result]) -> Result:
        def write(draft: Draft) -> Result:
            assert isinstance(draft, SqliteHistoryDraft), "this store makes its own drafts"
            return operation(draft)

        return await self._city(tenant).write(origin, write)

    # SourceStore

    async def begin_run(self, tenant: str, source: str, started_us: int) -> int:
        rows = await self._city(tenant).execute(SQL.begin_run, (source, started_us))
        return int(rows[0][0])

    async def finish_run(self, tenant: str, run: Run) -> None:
        finished = (
            run.id, run.finished_us, run.rows_read, run.rows_written, run.rows_unchanged, run.rows_rejected,
            run.rows_vanished, run.error,
        )  # fmt: skip
        forget = (run.source, limits.RUNS_KEPT_MAX)
        await self._city(tenant).execute_all([(SQL.finish_run, finished), (SQL.forget_runs, forget)])

    def list_runs(self, tenant: str, source: str | None = None, limit: int = 20) -> list[Run]:
        if source is None:
            return [Run(*row) for row in self._read(tenant, SQL.list_runs, (limit,))]
        return [Run(*row) for row in self._read(tenant, SQL.list_runs_of_source, (source, limit))]

    def find_complete_run(self, tenant: str, source: str) -> Run | None:
        rows = self._read(tenant, SQL.find_complete_run, (source,))
        return Run(*rows[0]) if rows else None

    def find_digests(self, tenant: str, source: str, keys: Sequence[str]) -> dict[str, bytes]:
        encoded = msgspec.json.encode(keys).decode()
        return dict(self._read(tenant, SQL.find_digests, (encoded, source)))

    def count_source_rows(self, tenant: str, source: str) -> int:
        count: int = self._read(tenant, SQL.count_source_rows, (source,))[0][0]
        return count

    def iter_source_rows(self, tenant: str, source: str) -> Iterator[tuple[str, str]]:
        yield from self._read(tenant, SQL.first_source_row, (source,))
        after = ""
        while rows := self._read(tenant, SQL.page_of_source_rows, (source, after, _SOURCE_ROWS_PER_READ)):
            yield from rows
            after = rows[-1][0]

    def list_rejects(self, tenant: str, source: str, limit: int = 100, offset: int = 0) -> list[Reject]:
        rows = self._read(tenant, SQL.list_rejects, (source, limit, offset))
        return [Reject._make((*row[:6], msgspec.json.decode(row[6]))) for row in rows]

    def count_rejects(self, tenant: str) -> dict[str, int]:
        return dict(self._read(tenant, SQL.count_rejects, ()))

    # IdentityStore

    def find_token(self, tenant: str, digest: bytes) -> Token | None:
        tokens = self._city(tenant).memory.tokens
        known = tokens.get(digest)
        if known is None:
            rows = self._read(tenant, SQL.find_token, (digest,))
            known = _token(rows[0]) if rows else None
            # What is unknown is not remembered: strangers could fill the memory with guesses.
            if known is not None and len(tokens) < limits.TOKENS_REMEMBERED_MAX:
                tokens[digest] = known
        return known

    def list_tokens(self, tenant: str) -> list[Token]:
        return [_token(row) for row in self._read(tenant, SQL.list_tokens, ())]

    async def add_token(self, tenant: str, token: Token) -> None:
        roles = msgspec.json.encode(token.roles).decode()
        await self._city(tenant).execute(SQL.insert_token, (*token[:4], roles, *token[5:]))
        self._city(tenant).memory.tokens.clear()

    async def revoke_token(self, tenant: str, token_id: str, at_us: int) -> bool:
        revoked = await self._city(tenant).execute(SQL.revoke_token, (token_id, at_us))
        self._city(tenant).memory.tokens.clear()
        return bool(revoked)

    # DeclarationStore

    def get_declarations(self, tenant: str) -> dict[str, dict[str, Any]]:
        rows = self._read(tenant, SQL.list_declarations, ())
        return {path: msgspec.json.decode(content) for path, content in rows}

    async def put_declarations(self, tenant: str, declarations: dict[str, dict[str, Any]]) -> None:
        statements: list[tuple[str, tuple[Any, ...]]] = [(SQL.delete_declarations, ())]
        statements += [
            (SQL.insert_declaration, (path, msgspec.json.encode(content).decode()))
            for path, content in sorted(declarations.items())
        ]
        await self._city(tenant).execute_all(statements)

    def _read(self, tenant: str, statement: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        city = self._city(tenant)
        with translated_errors(city.path):
            return city.reader.execute(statement, parameters).fetchall()


def _token(row: tuple[Any, ...]) -> Token:
    return Token._make((*row[:4], tuple(msgspec.json.decode(row[4], type=list[str])), *row[5:]))
