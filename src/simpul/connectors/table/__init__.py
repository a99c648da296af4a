"""The `table` connector: CSV and its kin, and workbooks (XLSX, XLS, ODS)."""

from __future__ import annotations

from simpul.connect.connector import Connector
from simpul.connectors.table.reader import open_reading
from simpul.connectors.table.settings import FIELDS, check

CONNECTOR = Connector("table", FIELDS, open_reading, check)
