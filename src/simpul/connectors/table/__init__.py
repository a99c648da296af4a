"""The `table` connector: CSV and its kin, and workbooks (XLSX, XLS, ODS).

CSV is streamed, and so is a sheet of an XLSX file as far as it holds numbers and texts only. Any other sheet (with
formulas, from the first date on, XLS, ODS) is held whole, within `WORKBOOK_BYTES_MAX` and `WORKBOOK_CELLS_MAX`.
[A how-to](../../how-to/read-a-spreadsheet.md) shows title rows and merged headers.
"""

from __future__ import annotations

from simpul.connect.connector import Connector
from simpul.connectors.table.offers import knows, look_around
from simpul.connectors.table.reader import open_reading
from simpul.connectors.table.settings import FIELDS, check

CONNECTOR = Connector("table", FIELDS, open_reading, check, knows=knows, look_around=look_around)
