"""What notifications say: the entities in the form that their subscription wants, in an envelope. No sending here."""

from __future__ import annotations

from collections import OrderedDict
from uuid import uuid4

from simpul import limits
from simpul.app.hub import Hub
from simpul.app.notification_line import Line
from simpul.domain.context import Context
from simpul.domain.endpoint import pairs_of
from simpul.domain.entity import Record
from simpul.domain.notification import (
    Envelope,
    Shape,
    decode_captured,
    encode_data,
    record_of,
    render_change,
    render_notification,
)
from simpul.ports.notifier import Message
from simpul.ports.outbox import Notice

_RELATION = 'rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'


class Messages:
    """Makes notifications. What several lines show the same is rendered once."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._rendered: OrderedDict[tuple[bytes, Shape, int], bytes] = OrderedDict()

    def tell(self, line: Line, told: list[Notice]) -> Message:
        """Return the notification of these changes."""
        context = self._hub.contexts.get(line.stored.kept.context_id)
        return self.make(line, [self.render(line, notice, context) for notice in told], context)

    def render(self, line: Line, notice: Notice, context: Context) -> bytes:
        """Return the members of the data that tell of one change, as JSON. Lines that show the same share the work."""
        key = (notice.state, line.shape, line.stored.kept.context_id)
        known = self._rendered.get(key)
        if known is not None:
            return known
        captured = decode_captured(notice.state)
        record = record_of(captured, self._hub.contexts.get(captured.context_id))
        members = render_change(captured, record, line.shape, context, lambda target: self.find_linked(line, target))
        rendered = encode_data(members, line.shape.accept, context)
        # What is linked is shown as it is now, to those who may see it.
        if line.shape.representation.join is None and len(notice.state) <= limits.NOTICE_REMEMBERED_BYTES_MAX:
            self._rendered[key] = rendered
            if len(self._rendered) > limits.NOTICES_RENDERED_MAX:
                self._rendered.popitem(last=False)
        return rendered

    def make(self, line: Line, data: list[bytes], context: Context) -> Message:
        """Return the notification of this data, each a JSON object that was rendered before."""
        hub = self._hub
        endpoint = line.document["notification"]["endpoint"]
        envelope = Envelope(f"urn:ngsi-ld:Notification:{uuid4()}", line.stored.id, hub.clock.now_us())
        headers = {"Content-Type": line.shape.accept}
        if line.shape.has_link:
            headers["Link"] = f"<{context.link}>; {_RELATION}"
        if line.tenant != hub.settings.tenant:
            headers["NGSILD-Tenant"] = line.tenant
        return Message(
            uri=endpoint["uri"],
            body=render_notification(envelope, data, shape=line.shape, context=context),
            headers=headers,
            receiver_info=pairs_of(endpoint, "receiverInfo"),
            options=pairs_of(endpoint, "notifierInfo"),
            timeout_seconds=endpoint.get("timeout", limits.NOTIFICATION_TIMEOUT_SECONDS * 1000) / 1000,
        )

    def find_linked(self, line: Line, target: str) -> Record | None:
        """Return the entity as it is now, or None where the subscriber may not read it."""
        hub = self._hub
        document = hub.entities.find_document(line.tenant, target)
        readable = line.stored.kept.readable_types
        if document is None or (readable is not None and not set(readable).issuperset(document.types)):
            return None
        return hub.entities.read_records(line.tenant, [document])[0]
