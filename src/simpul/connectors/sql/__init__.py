"""The `sql` connector: tables and queries of MariaDB, MySQL, PostgreSQL and SQLite, through SQLAlchemy."""

from __future__ import annotations

from simpul.connect.connector import Connector
from simpul.connectors.sql.reader import open_reading
from simpul.connectors.sql.settings import FIELDS, check

CONNECTOR = Connector("sql", FIELDS, open_reading, check)
