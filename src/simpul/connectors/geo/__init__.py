"""The `geo` connector: the features of GeoJSON files, one row each.

The columns are the features' properties, and `@id` (the feature's id) and `@geometry`. The file is held whole, within
`GEO_FILE_BYTES_MAX`; its geometries are decoded one at a time. Coordinates are WGS 84.
"""

from __future__ import annotations

from simpul.connect.connector import Connector
from simpul.connectors.geo.offers import knows, look_around
from simpul.connectors.geo.reader import open_reading
from simpul.connectors.geo.settings import FIELDS, check

CONNECTOR = Connector("geo", FIELDS, open_reading, check, knows=knows, look_around=look_around)
