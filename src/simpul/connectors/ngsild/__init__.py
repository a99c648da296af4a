"""The `ngsild` connector: the entities of another hub that speaks NGSI-LD, one row each.

Entities of the declared types are asked for page by page. The columns are `@id`, `@type` and the attributes, each with
its value: of a Relationship what it points to, of a GeoProperty GeoJSON. Members of an attribute are columns such as
`suhu.observedAt`. Each page begins with the last entity of the page before it, so that entities which went away in
between are noticed and none is left out. An answer is held whole, within `REST_ANSWER_BYTES_MAX`.
"""

from __future__ import annotations

from simpul.connect.connector import Connector
from simpul.connectors.ngsild.offers import knows, look_around, settings_of
from simpul.connectors.ngsild.reader import open_reading
from simpul.connectors.ngsild.settings import FIELDS, check

CONNECTOR = Connector(
    "ngsild", FIELDS, open_reading, check, knows=knows, settings_of=settings_of, look_around=look_around
)
