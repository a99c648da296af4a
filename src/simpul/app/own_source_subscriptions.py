"""The hub's own subscriptions to registrations: one for each subscription that is handed on (CIM 009 §5.8.1.4).

They follow from the subscriptions and are kept nowhere: what they would be told, `forwarding.py` learns at once.
Whoever asks for subscriptions to registrations sees them (§5.11.4, §5.11.5); they change and go with what they are of.
"""

from __future__ import annotations

from typing import Final

from simpul.app.forwarding import PATH
from simpul.app.hub import Hub
from simpul.app.notification_line import Line
from simpul.domain.subscription import Document
from simpul.ports.registrations import SourceSubscription

_PREFIX: Final = "urn:ngsi-ld:CSourceSubscription:own:"
_ASKED: Final = ("entities", "watchedAttributes", "csf", "expiresAt", "isActive")


def list_own(hub: Hub, tenant: str) -> list[SourceSubscription]:
    """Return those of the city, in the order of the subscriptions that they are of."""
    return [_own(hub, line) for line in hub.notices.lines(tenant) if not line.document.get("localOnly")]


def find_own(hub: Hub, tenant: str, subscription_id: str) -> SourceSubscription | None:
    """Return the one with this id, or None."""
    if not subscription_id.startswith(_PREFIX):
        return None
    return next((one for one in list_own(hub, tenant) if one.id == subscription_id), None)


def _own(hub: Hub, line: Line) -> SourceSubscription:
    kept = line.stored.kept
    identifier = f"{_PREFIX}{line.stored.number}"
    document: Document = {
        "id": identifier,
        "type": "Subscription",
        **{name: kept.document[name] for name in _ASKED if name in kept.document},
        "description": f"What the subscription {line.stored.id} is handed on to.",
        "notification": {"endpoint": {"uri": hub.settings.address + PATH}},
        "contextId": kept.context_id,
    }
    return SourceSubscription(identifier, document, kept.created_us, kept.modified_us)
