"""The `sqldump` connector: the rows of one table in a dump of a database, without a server.

Dumps of phpMyAdmin, HeidiSQL, mysqldump and mariadb-dump, and of pg_dump with `--inserts`, as they are or packed
(`.gz`, `.bz2`, `.xz`, or `.zip` with one file). The dump is streamed. Its `INSERT` statements are read; every other
statement, `LOAD` and `SYSTEM` among them, is stepped over, and nothing is executed. The columns, and what their values
are, come from its `CREATE TABLE`. Values are what the kind [`sql`](sql.md) gives of the same table, so a mapping that
was made for one serves the other.
"""

from __future__ import annotations

from simpul.connect.connector import Connector
from simpul.connectors.sqldump.offers import knows, look_around, settings_of
from simpul.connectors.sqldump.reader import open_reading
from simpul.connectors.sqldump.settings import FIELDS, check

CONNECTOR = Connector(
    "sqldump", FIELDS, open_reading, check, knows=knows, settings_of=settings_of, look_around=look_around
)
