"""Requests with NGSILD-Snapshot: answered within a snapshot instead of the city (CIM 009 §6.3.22). No handlers here."""

from __future__ import annotations

from simpul.app import snapshots
from simpul.app.hub import Hub
from simpul.domain.errors import HubError, NotImplementedYet
from simpul.http.admission import admit
from simpul.http.dispatch import answer, answer_error, with_headers
from simpul.http.exchange import Answer, Exchange

# A snapshot holds entities and their histories, and nothing else.
_WITHIN = (b"entities", b"entityOperations", b"types", b"attributes", b"temporal")


async def answer_within(hub: Hub, exchange: Exchange, snapshot_id: str) -> Answer:
    """Return the answer to a request that names a snapshot; it names it, too."""
    echo = ((b"ngsild-snapshot", snapshot_id.encode("latin-1")),)
    try:
        segments = exchange.path.split(b"/")
        if len(segments) < 4 or segments[3] not in _WITHIN:
            raise NotImplementedYet(
                "NGSILD-Snapshot goes with requests about entities, types, attributes and histories; within a snapshot"
                " there are no subscriptions, registrations or @contexts."
            )
        use = snapshots.open_for(admit(hub, exchange), hub, snapshot_id)
    except HubError as error:
        return with_headers(answer_error(error), echo)
    async with use:
        return with_headers(await answer(snapshots.hub_within(hub, use), exchange), echo)
