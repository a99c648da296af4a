"""What a database has to read: its tables and views, with their keys and what they refer to."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import unquote

from sqlalchemy import Inspector, inspect
from sqlalchemy.exc import SQLAlchemyError

from simpul import limits
from simpul.connect.connector import Offer, Surroundings, Told
from simpul.connect.fields import Plain
from simpul.connect.proposal.models import guess_type
from simpul.connect.proposal.words import own_type
from simpul.connectors.sql.errors import translate
from simpul.connectors.sql.reader import engine_of
from simpul.connectors.sql.settings import DRIVERS, parse_settings

_DATABASE: Final = re.compile(r"/([A-Za-z][A-Za-z0-9_]*)(?:\?|\Z)")
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_PASSWORD: Final = re.compile(r"(://[^/@:]*:)(.+)@(?=[^@]*\Z)")
_QUERY_PASSWORD: Final = re.compile(r"([?&](?:password|passwd|pwd)=)([^&]*)", re.IGNORECASE)
_MAGIC: Final = b"SQLite format 3\x00"


def knows(where: str, surroundings: Surroundings) -> bool:
    """Return whether a place is a database's URL, or an SQLite file."""
    scheme = _SCHEME.match(where)
    if scheme is not None:
        return scheme[1] in DRIVERS
    path = surroundings.path(where)
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def settings_of(where: str, _surroundings: Surroundings) -> tuple[Plain, dict[str, str]]:
    """Return the settings for a URL whose password is a reference, and the password."""
    if _SCHEME.match(where) is None:
        return {"url": f"sqlite:///{where}", "table": "?"}, {}
    secrets: dict[str, str] = {}
    database = _DATABASE.search(where)
    secret_name = f"{database[1] if database else 'database'}_password".upper()

    def hide(found: re.Match[str], after: str = "", *, is_quoted: bool) -> str:
        if re.fullmatch(r"(\$\{[^{}]*\})+", found[2]):
            return found[0]
        secrets[secret_name] = unquote(found[2]) if is_quoted else found[2]
        return f"{found[1]}${{env:{secret_name}}}{after}"

    url = _PASSWORD.sub(lambda found: hide(found, "@", is_quoted=True), where)
    url = _QUERY_PASSWORD.sub(lambda found: hide(found, is_quoted=False), url)
    return {"url": url, "table": "?"}, secrets


def look_around(plain: Plain, surroundings: Surroundings) -> list[Offer]:
    """Return the tables and views, with their keys and references. Raises SourceError."""
    settings = parse_settings({**plain, "table": "?"}, surroundings)
    engine = engine_of(settings)
    try:
        with engine.connect() as connection:
            inspector = inspect(connection)
            names = [*inspector.get_table_names(), *inspector.get_view_names()][: limits.PROPOSAL_OFFERS_MAX]
            return [_offer(inspector, name, plain) for name in names]
    except SQLAlchemyError as error:
        raise translate(error, settings) from error
    finally:
        engine.dispose()


def _offer(inspector: Inspector, table: str, plain: Plain) -> Offer:
    key = tuple(inspector.get_pk_constraint(table).get("constrained_columns") or ())
    references: dict[str, str] = {}
    for one in inspector.get_foreign_keys(table):
        columns: list[Any] = one["constrained_columns"]
        if len(columns) == 1:
            references[columns[0]] = _type_of(inspector, one["referred_table"])
    read = {name: value for name, value in plain.items() if name != "query"}
    return Offer(table, {**read, "table": table}, told=Told(key=key, references=references))


def _type_of(inspector: Inspector, table: str) -> str:
    guess = guess_type(table, [one["name"] for one in inspector.get_columns(table)])
    return own_type(table) if guess is None else guess.type_name
