"""The `geo` connector: the features of GeoJSON files, Shapefiles and GeoPackages, one row each.

What a file is, is seen from its content. The columns are the features' properties, and `@id` (the feature's id) and
`@geometry`. Coordinates become longitude and latitude of WGS 84, whatever system the file is in: it says so itself (a
Shapefile in its `.prj`), or `crs` says it. Systems other than WGS 84 need `pyproj`, an extra of the package
(`pip install 'simpul[geo]'`). A GeoJSON file is held whole, within `GEO_FILE_BYTES_MAX`; the others are
read feature by feature. What is in a zip is unpacked within `GEO_UNPACKED_BYTES_MAX` to temporary files.
"""

from __future__ import annotations

from simpul.connect.connector import Connector
from simpul.connectors.geo.offers import knows, look_around
from simpul.connectors.geo.reader import open_reading
from simpul.connectors.geo.settings import FIELDS, check

CONNECTOR = Connector("geo", FIELDS, open_reading, check, knows=knows, look_around=look_around)
