"""The `sql` connector: tables and queries of MariaDB, MySQL, PostgreSQL, SQLite, SQL Server, Oracle, by SQLAlchemy.

Rows are streamed over a connection that only reads. [A how-to](../../how-to/connect-a-database-server.md) says which
account to ask for.

SQL Server and Oracle are **unproven**: their drivers are put in, and nobody has run them against a real server for this
project yet. Their drivers are extras (`pip install 'simpul[sqlserver]'`, `'simpul[oracle]'`). On SQL Server nothing but
the account keeps a connection from writing, so ask for one that may only read.
"""

from __future__ import annotations

from simpul.connect.connector import Connector
from simpul.connectors.sql.offers import knows, look_around, settings_of
from simpul.connectors.sql.reader import open_reading
from simpul.connectors.sql.settings import FIELDS, check

CONNECTOR = Connector("sql", FIELDS, open_reading, check, knows=knows, settings_of=settings_of, look_around=look_around)
