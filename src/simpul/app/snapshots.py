"""Snapshots: made of what queries find, cloned, read, changed, removed, and used in place of the city (CIM 009 §5.16).

A snapshot holds what its maker may read. Whoever reads in it sees of that what they may read themselves: the same
use-cases run on it as on the city, with the same caller. No HTTP here, no SQL here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

import msgspec

from simpul import limits
from simpul.app.hub import Hub
from simpul.app.registry import Registry
from simpul.app.snapshot_fill import Filling, fill
from simpul.app.snapshot_shelf import Use
from simpul.domain.access import Action, Caller, decide
from simpul.domain.errors import (
    AlreadyExists,
    Forbidden,
    HubBusy,
    NotFound,
    NotImplementedYet,
    TooManyResults,
    Unauthenticated,
)
from simpul.domain.snapshot import (
    PREPARING,
    PRIORITY_DEFAULT,
    Kept,
    Wanted,
    count_lifetime,
    is_meant,
    parse_purge,
)
from simpul.ports.registrations import KeptRegistration, SourceNotice

_PREFIX = "urn:ngsi-ld:Snapshot:"


def raise_unless_known(caller: Caller) -> None:
    """Refuse strangers: a snapshot takes room, and its description tells what others ask."""
    if caller.is_anonymous:
        raise Unauthenticated("Snapshots are for callers with a token. Send 'Authorization: Bearer <token>'.")


async def create(caller: Caller, hub: Hub, wanted: Wanted, filling: Filling, context_id: int) -> Kept:
    """Keep a new snapshot and begin to fill it (§5.16.1). Raises AlreadyExists, TooManyResults."""
    kept = await _keep_new(caller, hub, wanted, context_id)

    async def prepare() -> None:
        await fill(hub, caller.tenant, kept, filling)

    hub.snapshots.work(caller.tenant, kept.id, prepare())
    return kept


async def clone(caller: Caller, hub: Hub, snapshot_id: str, wanted: Wanted) -> Kept:
    """Keep a copy of a snapshot as it is now (§5.16.2). Raises NotFound, AlreadyExists, TooManyResults, HubBusy."""
    first = get(caller, hub, snapshot_id)
    _raise_unless_ready(first)
    described = msgspec.structs.replace(wanted, queries=first.queries)
    kept = await _keep_new(caller, hub, described, first.context_id)

    async def prepare() -> None:
        await hub.snapshots.store.copy_state(caller.tenant, first.file, kept.file)
        await hub.snapshots.put(caller.tenant, _finished(hub, kept.id, caller.tenant, first))

    hub.snapshots.work(caller.tenant, kept.id, prepare())
    return kept


def _finished(hub: Hub, snapshot_id: str, tenant: str, first: Kept) -> Kept:
    kept = hub.snapshots.find(tenant, snapshot_id)
    assert kept is not None, "what is being prepared is there"
    return msgspec.structs.replace(kept, status=first.status, details=first.details)


async def _keep_new(caller: Caller, hub: Hub, wanted: Wanted, context_id: int) -> Kept:
    raise_unless_known(caller)
    snapshot_id = wanted.id or _PREFIX + uuid4().hex
    if hub.snapshots.find(caller.tenant, snapshot_id) is not None:
        raise AlreadyExists(f"There is a snapshot {snapshot_id[:200]} already. Delete it first, or leave 'id' out.")
    priority = wanted.priority or PRIORITY_DEFAULT
    await _make_room(caller, hub, priority)
    now_us = hub.clock.now_us()
    kept = Kept(
        id=snapshot_id,
        file=uuid4().hex,
        maker=caller.principal,
        context_id=context_id,
        queries=wanted.queries,
        priority=priority,
        lifetime=wanted.lifetime,
        created_us=now_us,
        modified_us=now_us,
        used_us=now_us,
        expires_us=now_us + count_lifetime(wanted.lifetime),
    )
    await hub.snapshots.put(caller.tenant, kept)
    return kept


async def _make_room(caller: Caller, hub: Hub, priority: int) -> None:
    """Let the least important snapshot go where there is no room; never another's, nor one as important (§5.5.15)."""
    known = hub.snapshots.list_all(caller.tenant)
    if len(known) < limits.SNAPSHOTS_PER_CITY_MAX:
        return
    lesser = [one for one in known if one.priority < priority and _may_change(caller, one)]
    if not lesser:
        raise TooManyResults(
            f"The city has {len(known)} snapshots, which is as many as are kept. Delete one, or give this one a higher"
            " snapshotPriority than one of yours has."
        )
    least = min(lesser, key=lambda one: (one.priority, one.used_us))
    await hub.snapshots.drop(caller.tenant, least.id)


def get(caller: Caller, hub: Hub, snapshot_id: str) -> Kept:
    """Return the description of a snapshot (§5.16.3). Raises NotFound, Unauthenticated."""
    raise_unless_known(caller)
    return _get(caller, hub, snapshot_id)


def _get(caller: Caller, hub: Hub, snapshot_id: str) -> Kept:
    kept = hub.snapshots.find(caller.tenant, snapshot_id)
    if kept is None:
        raise NotFound(f"There is no snapshot {snapshot_id[:200]}, or it has expired.")
    return kept


def _may_change(caller: Caller, kept: Kept) -> bool:
    return kept.maker == caller.principal or decide(caller, Action.WRITE).allowed


def _get_for_change(caller: Caller, hub: Hub, snapshot_id: str) -> Kept:
    kept = get(caller, hub, snapshot_id)
    if not _may_change(caller, kept):
        raise Forbidden("Your token does not allow this: a snapshot is changed by its maker, or by whoever may write.")
    return kept


async def update(caller: Caller, hub: Hub, snapshot_id: str, wanted: Wanted) -> Kept:
    """Change how important a snapshot is, and how long it lasts (§5.16.4). Raises NotFound, Forbidden."""
    kept = _get_for_change(caller, hub, snapshot_id)
    now_us = hub.clock.now_us()
    expires_us = kept.created_us + count_lifetime(wanted.lifetime) if wanted.lifetime else kept.expires_us
    changed = msgspec.structs.replace(
        kept,
        priority=wanted.priority or kept.priority,
        lifetime=wanted.lifetime or kept.lifetime,
        expires_us=expires_us,
        modified_us=now_us,
    )
    await hub.snapshots.put(caller.tenant, changed)
    return changed


async def delete(caller: Caller, hub: Hub, snapshot_id: str) -> None:
    """Remove a snapshot and what it holds (§5.16.5). Raises NotFound, Forbidden."""
    await hub.snapshots.drop(caller.tenant, _get_for_change(caller, hub, snapshot_id).id)


async def purge(caller: Caller, hub: Hub, text: str) -> None:
    """Remove those snapshots that a `q` is about and the caller may remove (§5.16.7). Raises BadRequestData."""
    raise_unless_known(caller)
    asked = parse_purge(text)
    for kept in hub.snapshots.list_all(caller.tenant):
        if _may_change(caller, kept) and is_meant(asked, kept):
            await hub.snapshots.drop(caller.tenant, kept.id)


def _raise_unless_ready(kept: Kept) -> None:
    if kept.status == PREPARING:
        raise HubBusy(f"The snapshot {kept.id[:200]} is still being prepared; ask again in a moment.")


def open_for(caller: Caller, hub: Hub, snapshot_id: str) -> Use:
    """Return the use of a snapshot in place of the city (§6.3.22); to be entered. Raises NotFound, HubBusy."""
    kept = _get(caller, hub, snapshot_id)
    _raise_unless_ready(kept)
    return hub.snapshots.use(caller.tenant, kept)


def hub_within(hub: Hub, use: Use) -> Hub:
    """Return the hub as it is within a snapshot: the same callers and rights, its entities, and no other source."""
    return replace(hub, entities=use.state, histories=use.state, registry=NoSources())


class NoSources(Registry):
    """The registry of a hub that knows no other: what a snapshot holds was asked of all of them."""

    def __init__(self) -> None:
        super().__init__(_Nothing())


class _Nothing:
    """Keeps no registrations: sources are registered for the city."""

    def list_registrations(self, _tenant: str) -> list[KeptRegistration]:
        return []

    async def put_registration(
        self, _tenant: str, _kept: KeptRegistration, _notices: Sequence[SourceNotice] = ()
    ) -> None:
        raise NotImplementedYet("Sources are registered for the city, not within a snapshot.")

    async def delete_registration(
        self, _tenant: str, _registration_id: str, _notices: Sequence[SourceNotice] = ()
    ) -> None:
        raise NotImplementedYet("Sources are registered for the city, not within a snapshot.")

    def find_alias(self, _tenant: str) -> str | None:
        return "snapshot"

    async def put_alias(self, _tenant: str, _alias: str) -> None:
        """A snapshot has no name of its own for other hubs."""
