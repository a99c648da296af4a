"""The `geo` connector: the features of map files (GeoJSON, Shapefile, GeoPackage) and services (WFS, ArcGIS).

Each feature is a row. What a file is, is seen from its content. The columns are the features' properties, and `@id`
(the feature's id) and `@geometry`. Coordinates become longitude and latitude of WGS 84, whatever system they are in:
the file or service says so itself (a Shapefile in its `.prj`), or `crs` says it. Systems other than WGS 84 need
`pyproj`, an extra of the package (`pip install 'simpul[geo]'`). A GeoJSON file is held whole, within
`GEO_FILE_BYTES_MAX`; the others are read feature by feature. What is in a zip is unpacked within
`GEO_UNPACKED_BYTES_MAX` to temporary files.

A Web Feature Service is asked for GeoJSON, and an ArcGIS server for its own JSON, page by page; each page begins with
the last feature of the one before it, so that what changes meanwhile is noticed. Dates of ArcGIS become moments. A
service that gives GML alone is refused.

`sample` adds a column with the value of a raster (GeoTIFF) at each feature's place, and one that says why there is
none: the place is outside the raster, or the raster has no data there. Only the parts of the raster that are needed are
read, and few are kept.
"""

from __future__ import annotations

from simpul.connect.connector import Connector
from simpul.connectors.geo.offers import knows, look_around, settings_of
from simpul.connectors.geo.reader import open_reading
from simpul.connectors.geo.settings import FIELDS, check

CONNECTOR = Connector("geo", FIELDS, open_reading, check, knows=knows, settings_of=settings_of, look_around=look_around)
