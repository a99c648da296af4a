"""Reads one table or query, streamed: the server keeps the rows and hands over some at a time. Read-only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, CursorResult, Engine, Select, column, create_engine, inspect, literal_column, select
from sqlalchemy import table as table_clause
from sqlalchemy import text as text_clause
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from simpul import limits
from simpul.connect.connector import BrokenRow, Reading, Row, Surroundings
from simpul.connect.fields import Plain, suggest_or_end
from simpul.connectors.sql.errors import no_driver, no_file, translate
from simpul.connectors.sql.settings import EXTRAS, SqlSettings, parse_settings
from simpul.domain.errors import SourceMismatch

_TABLES_LISTED_MAX: Final = 40
# A query may sort for a while before its first row comes; a connection may not.
_QUERY_PATIENCE: Final = 4


class SqlReading:
    """One running query."""

    def __init__(self, settings: SqlSettings, engine: Engine) -> None:
        self._settings = settings
        self._engine = engine
        self._connection: Connection | None = None
        self.row_word = "row"
        self.rows_expected: int | None = None
        try:
            self._result = self._start()
        except SQLAlchemyError as error:
            self.close()
            raise translate(error, settings) from error
        except BaseException:
            self.close()
            raise
        self.columns: tuple[str, ...] = _unique_names(list(self._result.keys()))

    def _start(self) -> CursorResult[Any]:
        connection = self._connection = self._engine.connect()
        if self._engine.dialect.name == "mysql":
            connection.execute(text_clause("SET SESSION TRANSACTION READ ONLY"))
            connection.rollback()
        elif self._engine.dialect.name == "oracle":
            connection.execute(text_clause("SET TRANSACTION READ ONLY"))
        if self._settings.query is not None:
            statement: Any = text_clause(self._settings.query.replace(":", "\\:"))
        else:
            statement = self._select(connection)
        streaming = connection.execution_options(yield_per=limits.SOURCE_CHUNK_ROWS)
        return streaming.execute(statement)

    def _select(self, connection: Connection) -> Select[Any]:
        written = self._settings.table or ""
        schema, _, name = written.rpartition(".")
        inspector = inspect(connection)
        tables = [*inspector.get_table_names(schema or None), *inspector.get_view_names(schema or None)]
        if name not in tables:
            listed = ", ".join(sorted(tables)[:_TABLES_LISTED_MAX]) or "none"
            detail = (
                f"{self._settings.shown_url} has no table {written!r}{suggest_or_end(name, tables)} Its tables: "
                f"{listed}."
            )
            raise SourceMismatch(detail)
        columns = [one["name"] for one in inspector.get_columns(name, schema or None)]
        for wanted in self._settings.order_by:
            if wanted not in columns:
                listed = ", ".join(columns)
                near = suggest_or_end(wanted, columns)
                raise SourceMismatch(
                    f"The table {written} has no column {wanted!r} to order by{near} Its columns: {listed}."
                )
        source = table_clause(name, schema=schema or None)
        return (
            select(literal_column("*")).select_from(source).order_by(*(column(one) for one in self._settings.order_by))
        )

    def rows(self) -> Iterator[Row | BrokenRow]:
        number = 0
        try:
            for partition in self._result.partitions():
                for cells in partition:
                    number += 1
                    yield Row(number, cells)
        except SQLAlchemyError as error:
            raise translate(error, self._settings) from error
        except UnicodeDecodeError as error:
            raise SourceMismatch(
                f"{self._settings.shown_url}: after row {number} there is text that is not {error.encoding} "
                f"(byte 0x{error.object[error.start]:02x}). Add the right charset to the URL, such as ?charset=latin1."
            ) from error

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            # A connection that broke during the run breaks again when it is closed.
            with suppress(SQLAlchemyError):
                self._end(connection)
        self._engine.dispose()

    def _end(self, connection: Connection) -> None:
        result: CursorResult[Any] | None = getattr(self, "_result", None)
        if result is not None and self._engine.dialect.name == "mysql":
            _forget_stream(result)
            connection.invalidate()
        elif result is not None:
            result.close()
        connection.close()


def _forget_stream(result: CursorResult[Any]) -> None:
    """Let PyMySQL forget the rows that are left of a stream.

    It would read them all before it closes, and fails in a destructor where the connection is lost; there is no
    public way to say that nobody wants them.
    """
    stream = getattr(result.cursor, "_result", None)
    if stream is not None:
        stream.unbuffered_active = False
        stream.connection = None


def open_reading(plain: Plain, surroundings: Surroundings) -> Reading:
    """Return the running query. Raises SourceUnreachable, SourceMismatch, SourceMisconfigured."""
    settings = parse_settings(plain, surroundings)
    return SqlReading(settings, engine_of(settings))


def engine_of(settings: SqlSettings) -> Engine:
    """Return the way to a database, which only reads. Raises SourceUnreachable where a file is not there."""
    url, timeout = settings.url, limits.SOURCE_TIMEOUT_SECONDS
    arguments: dict[str, Any] = {}
    options: dict[str, Any] = {}
    if url.drivername == "sqlite":
        path = Path(url.database or "")
        if not path.is_file():
            raise no_file(settings)
        url = url.set(database=f"file:{_escaped(path)}", query={"mode": "ro", "uri": "true"})
        arguments = {"timeout": timeout}
    elif url.drivername.startswith("mysql"):
        arguments = {"connect_timeout": int(timeout), "read_timeout": int(timeout) * _QUERY_PATIENCE}
        if url.password is not None:
            # PyMySQL would encode it as Latin-1; servers hash what was set, and that is UTF-8 almost everywhere.
            arguments["password"] = str(url.password).encode()
        if "charset" not in url.query:
            url = url.update_query_dict({"charset": "utf8mb4"})
    elif url.drivername in EXTRAS:
        arguments = _extra_arguments(url.get_backend_name())
    else:
        arguments = {"connect_timeout": int(timeout), "application_name": "simpul"}
        options = {"postgresql_readonly": True}
    try:
        return create_engine(
            url, poolclass=NullPool, connect_args=arguments, execution_options=options, hide_parameters=True
        )
    except ModuleNotFoundError as error:
        raise no_driver(settings) from error


def _extra_arguments(database: str) -> dict[str, Any]:
    timeout = limits.SOURCE_TIMEOUT_SECONDS
    if database == "oracle":
        return {"tcp_connect_timeout": timeout}
    return {"login_timeout": int(timeout), "timeout": int(timeout) * _QUERY_PATIENCE, "appname": "simpul"}


def _escaped(path: Path) -> str:
    return str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _unique_names(names: list[str]) -> tuple[str, ...]:
    seen: dict[str, int] = {}
    unique: list[str] = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(unique)
