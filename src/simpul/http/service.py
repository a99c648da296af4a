"""/health and /version: whether the hub answers, and which one it is. Nothing of any city is told here."""

from __future__ import annotations

import simpul
from simpul.app.hub import Hub
from simpul.domain.context import CORE
from simpul.http.exchange import Answer, answer_json


def health(hub: Hub) -> Answer:
    """GET /health: 200 once the stores answer. Raises StorageUnavailable."""
    hub.tenants.list_tenants()
    return answer_json({"status": "ready"})


def version(_: Hub) -> Answer:
    """GET /version: the product, its version, and what it speaks."""
    return answer_json(
        {
            "name": "Simpul",
            "version": simpul.__version__,
            "standard": "ETSI GS CIM 009 v1.9.1 (NGSI-LD)",
            "coreContext": CORE.link,
        }
    )
