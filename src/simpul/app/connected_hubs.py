"""Connected hubs as operators see them: whether each registered source can be reached. No matching, no forwarding."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from simpul.app.entities import raise_unless_allowed
from simpul.app.federation import failure_of, url_of
from simpul.app.hub import Hub
from simpul.app.registrations import retrieve
from simpul.app.registry import SourceStatus
from simpul.domain.access import Action, Caller
from simpul.domain.errors import PeerError
from simpul.domain.registration import Registration
from simpul.ports.peer import PeerRequest

_SERVER_FAILS = 500


class Reachability(Enum):
    """What the last contact with a source says of it. Nothing is known before the first one since the hub started."""

    UNKNOWN = "unknown"
    REACHABLE = "reachable"
    FAILING = "failing"
    UNREACHABLE = "unreachable"
    ENDED = "ended"


class Connection(NamedTuple):
    """A registration and how its source does. `failure` says why it cannot be reached, where that is known."""

    registration: Registration
    status: SourceStatus
    reachability: Reachability

    @property
    def last_contact_us(self) -> int | None:
        """When the source last answered anything at all."""
        return self.status.last_contact_us


def list_connections(caller: Caller, hub: Hub) -> list[Connection]:
    """Return all registrations of the city, those in trouble first. Raises Unauthenticated, Forbidden."""
    raise_unless_allowed(caller, Action.WRITE)
    now_us = hub.clock.now_us()
    connections = [
        Connection(one, status, _reachability(one, status, now_us))
        for one in hub.registry.list_all(caller.tenant)
        for status in (hub.registry.status(caller.tenant, one.id),)
    ]
    return sorted(connections, key=lambda one: _TROUBLE.index(one.reachability))


_TROUBLE = (
    Reachability.UNREACHABLE,
    Reachability.FAILING,
    Reachability.UNKNOWN,
    Reachability.REACHABLE,
    Reachability.ENDED,
)


def _reachability(registration: Registration, status: SourceStatus, now_us: int) -> Reachability:
    if registration.is_expired(now_us):
        return Reachability.ENDED
    if status.unreachable_us is not None:
        return Reachability.UNREACHABLE
    if status.last_contact_us is None:
        return Reachability.UNKNOWN
    if (status.last_failure_us or 0) > (status.last_success_us or 0):
        return Reachability.FAILING
    return Reachability.REACHABLE


async def check(caller: Caller, hub: Hub, registration_id: str) -> None:
    """Ask a source who it is (CIM 009 §5.15), and note whether it answered. Raises NotFound, Forbidden.

    This is no distributed operation, so the registration's own statistics stay as they are (§5.2.9).
    """
    raise_unless_allowed(caller, Action.WRITE)
    registration = retrieve(caller, hub, registration_id)
    headers: tuple[tuple[str, str], ...] = (("Accept", "application/json"),)
    if registration.tenant:
        headers += (("NGSILD-Tenant", registration.tenant),)
    url = url_of(registration, "/info/sourceIdentity")
    status = hub.registry.status(caller.tenant, registration.id)
    try:
        answer = await hub.peers.send(PeerRequest("GET", url, headers, b"", registration.timeout_ms))
    except PeerError as error:
        status.looked_at(hub.clock.now_us(), failure=failure_of(error))
    else:
        # Whoever says that it does not know this operation is there all the same.
        is_there = answer.status < _SERVER_FAILS
        failure = None if is_there else f"It answered with status {answer.status}."
        status.looked_at(hub.clock.now_us(), failure=failure)
    hub.live.stir(caller.tenant)
