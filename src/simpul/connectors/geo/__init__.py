"""The `geo` connector: GeoJSON files."""

from __future__ import annotations

from simpul.connect.connector import Connector
from simpul.connectors.geo.reader import open_reading
from simpul.connectors.geo.settings import FIELDS, check

CONNECTOR = Connector("geo", FIELDS, open_reading, check)
