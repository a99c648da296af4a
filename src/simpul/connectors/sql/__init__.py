"""The `sql` connector: tables and queries of MariaDB, MySQL, PostgreSQL and SQLite, through SQLAlchemy.

Rows are streamed over a connection that only reads. [A how-to](../../how-to/connect-a-database-server.md) says which
account to ask for.
"""

from __future__ import annotations

from simpul.connect.connector import Connector
from simpul.connectors.sql.offers import knows, look_around, settings_of
from simpul.connectors.sql.reader import open_reading
from simpul.connectors.sql.settings import FIELDS, check

CONNECTOR = Connector("sql", FIELDS, open_reading, check, knows=knows, settings_of=settings_of, look_around=look_around)
