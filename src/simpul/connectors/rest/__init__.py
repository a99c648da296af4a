"""The `rest` connector: lists of records that a service answers in JSON over HTTP.

The list is found by itself where the answer has one, or named with `list`; wrappers around it may change. Members of a
record that are objects become columns such as `alamat.jalan`. Pages are asked for as they are needed, in the style that
the service has. Numbers that come as text (`"77,14 %"`) are read by the mapping (`number: indonesian`). An answer is
held whole, within `REST_ANSWER_BYTES_MAX`. Redirects and links to other hosts are not followed.
"""

from __future__ import annotations

from simpul.connect.connector import Connector
from simpul.connect.service import settings_of_url
from simpul.connectors.rest.offers import knows, look_around
from simpul.connectors.rest.reader import open_reading
from simpul.connectors.rest.settings import FIELDS, check

CONNECTOR = Connector(
    "rest", FIELDS, open_reading, check, knows=knows, settings_of=settings_of_url, look_around=look_around
)
