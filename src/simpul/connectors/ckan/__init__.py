"""The `ckan` connector: resources of an open-data portal that runs CKAN.

A resource is named by its id, or by its dataset and its name, which stay when the portal gives it a new id. Where its
records are in the portal's datastore, they are asked for page by page (`datastore_search`), in the order of the
portal's own numbers; each page begins with the last record of the page before it, so that a change in between is
noticed. Otherwise its file is fetched and read as a `table` (CSV, TSV, XLSX, XLS, ODS), a `geo` (GeoJSON) or a list of
records (JSON) would be.

Several resources of a dataset that have the same columns, such as one for each year, can be read as one (`resources`).
One of another form stops the run, and so does one that cannot be read: nothing counts as vanished then.

A file that lies on another host is not followed. Whatever the portal refuses is told in its own words.
"""

from __future__ import annotations

from simpul.connect.connector import Connector
from simpul.connectors.ckan.offers import knows, look_around, look_closer, settings_of
from simpul.connectors.ckan.reader import open_reading
from simpul.connectors.ckan.settings import FIELDS, check

CONNECTOR = Connector(
    "ckan",
    FIELDS,
    open_reading,
    check,
    knows=knows,
    settings_of=settings_of,
    look_around=look_around,
    look_closer=look_closer,
)
