"""The `gtfs` connector: timetables, lines and stops of public transport, and where its vehicles are now.

With `file`, one file of a GTFS dataset: a ZIP archive at a URL or in the city's folder. Its rows are streamed out of
the archive, in whatever size; the columns are those of the file, and one that the format requires and that is not there
is named. `as_lines` makes one row of each line of `shapes`, with the column `geometry`.

With `realtime`, what a GTFS Realtime feed tells at this moment: one row for each vehicle, trip, stop of a trip, or
alert. The columns have the format's names (`trip.route_id`, `position.latitude`), the same ones whatever the feed
holds. Moments are UTC; of a value that is left out, the format's own default counts. Several ids of an alert stand in
one cell, each in a line of its own. A feed is held whole, within `GTFS_REALTIME_BYTES_MAX`.

A dataset that lies in a folder of its archive, an archive with a password, one that unpacks to far more than its
size, and a feed that tells only what changed are refused.
"""

from __future__ import annotations

from simpul.connect.connector import Connector
from simpul.connectors.gtfs.offers import knows, look_around, settings_of
from simpul.connectors.gtfs.reader import open_reading
from simpul.connectors.gtfs.settings import FIELDS, check

CONNECTOR = Connector(
    "gtfs", FIELDS, open_reading, check, knows=knows, settings_of=settings_of, look_around=look_around
)
