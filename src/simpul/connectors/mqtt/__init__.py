"""The `mqtt` connector: messages that devices send to an MQTT broker, in JSON or as plain values.

The broker keeps what arrives while nobody reads, under the name `client`. Each run takes what waits, batch by batch,
and acknowledges a batch once it is on the hub's disk; a run that breaks off before gets the same messages again. So
messages come at least once where they are sent with QoS 1 or 2, and as many as the broker's own queue allows
(`max_queued_messages` of mosquitto; 0 is without a bound). A message tells what is new: nothing vanishes. Packets over
`MQTT_PACKET_BYTES_MAX` are not sent to us, and more than `MQTT_TOPICS_MAX` topics are refused.
"""

from __future__ import annotations

from simpul.connect.connector import Connector
from simpul.connectors.mqtt.offers import knows, look_around, settings_of
from simpul.connectors.mqtt.reader import open_reading, open_trial
from simpul.connectors.mqtt.settings import FIELDS, check

CONNECTOR = Connector(
    "mqtt",
    FIELDS,
    open_reading,
    check,
    is_stream=True,
    knows=knows,
    settings_of=settings_of,
    look_around=look_around,
    open_trial=open_trial,
)
