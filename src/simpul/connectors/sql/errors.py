"""What databases complain about, in our words. Messages never hold a password."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from simpul.connect.connector import told_neighbours
from simpul.connectors.sql.settings import EXTRAS, SqlSettings
from simpul.domain.errors import SourceError, SourceMisconfigured, SourceMismatch, SourceUnreachable
from simpul.unreachable import why_unreachable

_REFUSED: Final = frozenset({1044, 1045, 1698})
_NO_DATABASE: Final = frozenset({1049})
_DENIED: Final = frozenset({1142, 1143, 1227})
_SHAPE: Final = frozenset({1054, 1064, 1146, 1051})
_GONE: Final = frozenset({2003, 2006, 2013, 2055, 2005})
_WHITE: Final = re.compile(r"\s+")


def translate(error: SQLAlchemyError, settings: SqlSettings) -> SourceError:
    """Return our error for SQLAlchemy's."""
    original = error.orig if isinstance(error, DBAPIError) else None
    where = settings.shown_url
    code = _mysql_code(original)
    state = getattr(original, "sqlstate", None) or ""
    text = _text_of(original or error)
    if code in _REFUSED or state.startswith("28") or _is_refusal(text):
        return SourceUnreachable(f"{where} refuses the user or the password ({text}). Check both, and the secret.")
    if code in _NO_DATABASE or state == "3D000" or re.search(r'database "[^"]*" does not exist', text):
        return SourceUnreachable(
            f"{where} has no database {settings.url.database!r} ({text}). Check its name at the end of the URL."
        )
    if code in _DENIED or state == "42501":
        return SourceMismatch(f"{where}: the user may not read that ({text}). Ask for SELECT on it.")
    if (
        code in _SHAPE
        or state.startswith("42")
        or re.search(
            r"no such (table|column)|syntax error|invalid (object|column) name|ORA-009\d\d", text, re.IGNORECASE
        )
    ):
        return SourceMismatch(
            f"{where}: the database does not understand the query ({text}). Check 'query', or 'table' and 'order_by'."
        )
    if code in _GONE or state.startswith(("08", "57")) or _is_silent(text):
        why = why_unreachable(original) if original is not None and _of_the_system(original) else text
        return SourceUnreachable(f"{where} cannot be reached ({why}). Check host and port, and that the server runs.")
    return SourceUnreachable(f"{where} failed: {text}. Ask whoever keeps the database.")


def _of_the_system(error: BaseException) -> bool:
    """Return whether an error of the operating system lies below a driver's."""
    found: BaseException | None = error
    while found is not None and not isinstance(found, OSError):
        found = found.__cause__ or found.__context__
    return found is not None


def _mysql_code(original: BaseException | None) -> int | None:
    code = original.args[0] if original is not None and original.args else None
    return code if isinstance(code, int) else None


def _is_refusal(text: str) -> bool:
    # ORA-01017 and SQL Server's 18456 say it in words only.
    return re.search(r"authentication failed|ORA-01017|ORA-28000|login failed", text, re.IGNORECASE) is not None


def _is_silent(text: str) -> bool:
    said = r"refused|timed? ?out|unreachable|DPY-60|unable to connect|resolve|closed|lost connection|not known"
    return re.search(said, text) is not None


def _text_of(error: BaseException) -> str:
    arguments = error.args
    text = str(arguments[1]) if len(arguments) > 1 and isinstance(arguments[0], int) else str(error)
    # A driver may repeat the whole statement and its parameters after the first lines.
    return _WHITE.sub(" ", text).strip().rstrip(".")[:300]


def no_driver(settings: SqlSettings) -> SourceMisconfigured:
    """Return the error for a database whose driver is not installed."""
    driver, extra = EXTRAS.get(settings.url.drivername, (settings.url.get_driver_name(), ""))
    how = f"pip install 'simpul[{extra}]'" if extra else f"pip install {driver}"
    return SourceMisconfigured(
        f"{settings.shown_url} needs the driver {driver}, which is not installed. Install it where simpul runs: {how}."
    )


def no_file(settings: SqlSettings) -> SourceUnreachable:
    """Return the error for an SQLite file that is not there: SQLite itself would make an empty one."""
    path = Path(settings.url.database or "")
    return SourceUnreachable(f"There is no database file {path}{told_neighbours(path)}. Check the path in url.")
