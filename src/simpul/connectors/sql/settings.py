"""What stands under `read:` of an `sql` source. No connecting here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from simpul.connect.connector import Surroundings, check_references
from simpul.connect.fields import Field, Fields, OneOrMany, Plain, Text, suggest
from simpul.domain.errors import SourceMisconfigured

DRIVERS: Final = {
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
    "mysql+pymysql": "mysql+pymysql",
    "mariadb+pymysql": "mysql+pymysql",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
    "sqlite": "sqlite",
    "mssql": "mssql+pymssql",
    "sqlserver": "mssql+pymssql",
    "mssql+pymssql": "mssql+pymssql",
    "oracle": "oracle+oracledb",
    "oracle+oracledb": "oracle+oracledb",
}
# Drivers that few need are extras of the package.
EXTRAS: Final = {"mssql+pymssql": ("pymssql", "sqlserver"), "oracle+oracledb": ("oracledb", "oracle")}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_PASSWORD = re.compile(r"://[^/@]*?:(?P<password>[^@]*)@")
_QUERY_PASSWORD = re.compile(r"[?&](password|passwd|pwd)=(?!\$\{)", re.IGNORECASE)
_REFERENCE_ONLY = re.compile(r"(\$\{[^{}]*\})+\Z")
_STATEMENT = re.compile(r"(select|with|values|table)\b", re.IGNORECASE)


def check_url(text: str) -> str | None:
    """Return what is wrong with the URL of a database, or None."""
    wrong = check_references(text)
    if wrong is not None:
        return wrong
    if re.fullmatch(r"\$\{[^{}]*\}", text):
        return None
    scheme = _SCHEME.match(text)
    if scheme is None:
        return "the URL does not begin with its kind; write, for example, mysql://user:${env:NAME}@host/database"
    if scheme[1] not in DRIVERS:
        known = "mysql, mariadb, postgresql, sqlite, sqlserver, oracle"
        return f"{scheme[1]!r} is no kind of database known here ({known}){suggest(scheme[1], DRIVERS)}"
    password = _PASSWORD.search(text)
    if _QUERY_PASSWORD.search(text) or (password is not None and not _REFERENCE_ONLY.match(password["password"])):
        return (
            "the URL holds a password, and YAML files are shared; put the password into the environment and write "
            "${env:NAME} in its place, or ${file:path} for a file"
        )
    return None


def _check_statement(text: str) -> str | None:
    bare = text.strip().removesuffix(";")
    if not _STATEMENT.match(bare):
        return "a query must be one SELECT (or WITH … SELECT): the hub only reads"
    if ";" in re.sub(r"'[^']*'|\"[^\"]*\"|`[^`]*`|--[^\n]*", "", bare):
        return "a query must be one statement; there is a ';' inside"
    return None


_COLUMN = Text("the name of a column")

FIELDS: Final = Fields("read of an sql source", (
    Field(
        "url", Text("a database URL", check=check_url),
        "where the database is: mysql://user:${env:NAME}@host/database, postgresql://…, sqlite:///file.db, "
        "sqlserver://…, oracle://user:${env:NAME}@host/?service_name=NAME",
        required=True,
    ),
    Field("table", Text("the name of a table or view"), "the table or view to read; `schema.table` is fine"),
    Field("query", Text("a SELECT", check=_check_statement), "or the SELECT to read"),
    Field("order_by", OneOrMany(_COLUMN), "with `table`: the columns to sort by; of a time series, its time"),
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class SqlSettings:
    """The settings, typed, with the secrets filled in."""

    url: URL
    table: str | None
    query: str | None
    order_by: tuple[str, ...]

    @property
    def shown_url(self) -> str:
        """Return the URL without its password."""
        return self.url.render_as_string(hide_password=True)


def check(plain: Plain) -> Iterator[tuple[str, str]]:
    """Yield what is wrong beyond single keys."""
    if ("table" in plain) == ("query" in plain):
        yield "query" if "query" in plain else "url", "an sql source needs either 'table' or 'query'"
    if "order_by" in plain and "query" in plain:
        yield "order_by", "'order_by' goes with 'table'; write ORDER BY into the query"


def parse_settings(plain: Plain, surroundings: Surroundings) -> SqlSettings:
    """Return the typed settings of checked ones. Raises SourceMisconfigured."""
    return SqlSettings(
        url=_url(plain["url"], surroundings),
        table=plain.get("table"),
        query=plain["query"].strip().removesuffix(";") if "query" in plain else None,
        order_by=tuple(plain.get("order_by", ())),
    )


def _url(written: str, surroundings: Surroundings) -> URL:
    password = _PASSWORD.search(written)
    text = surroundings.resolve(written if password is None else written.replace(f":{password['password']}@", "@", 1))
    try:
        url = make_url(text)
        url = url.set(drivername=DRIVERS[url.drivername])
    except (ArgumentError, KeyError, ValueError) as error:
        # The text may hold a secret: it is not shown.
        raise SourceMisconfigured(
            "The database URL cannot be understood; write, for example, mysql://user:${env:NAME}@host:3306/database."
        ) from error
    if password is not None:
        # Set apart, so that a password with / or @ in it needs no encoding.
        url = url.set(password=surroundings.resolve(password["password"]))
    if url.drivername == "sqlite" and url.database:
        url = url.set(database=str(surroundings.path(url.database)))
    return url
