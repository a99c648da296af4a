"""Puts the hub together: settings → stores → use-cases → app → server. The only file that names a backend."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from simpul.app.context_renewal import ContextRenewal
from simpul.app.contexts import ContextLibrary
from simpul.app.deliveries import Deliveries
from simpul.app.entity_maps import Shelf
from simpul.app.expiring import Expiry
from simpul.app.forwarding import Forwarding
from simpul.app.history_care import run_history_care
from simpul.app.hub import Hub
from simpul.app.live import LiveFeed
from simpul.app.notify import Dispatch
from simpul.app.registry import Registry
from simpul.app.snapshot_shelf import Snapshots
from simpul.app.source_watch import SourceWatch
from simpul.connect.alert_watch import run_alerts
from simpul.connect.city import parse_city, tenant_of
from simpul.connect.contexts import read_contexts
from simpul.connect.delivered import DeliveredFiles
from simpul.connect.runner import Engine
from simpul.connect.schedule import run_schedules
from simpul.domain.errors import HubError
from simpul.notifiers import SchemeNotifier
from simpul.operator_log import log
from simpul.operator_socket import listening
from simpul.outbound import HttpOutbound
from simpul.peers import HttpPeer
from simpul.settings import Settings
from simpul.store.sqlite import SqliteSnapshots, SqliteStore

# After how many new objects the collector looks for those that only hold each other. Whoever waits for an answer would
# feel it looking at many.
_OBJECTS_MADE = 200_000
_OBJECTS_MADE_SERVING = 50_000


class SystemClock:
    """The machine's own time."""

    def now_us(self) -> int:
        return time.time_ns() // 1000


@asynccontextmanager
async def open_hub(settings: Settings) -> AsyncIterator[Hub]:
    """Open the hub over the settings' data folder, and close it. Raises StorageUnavailable.

    The city of the settings is made where it is missing.
    """
    # A chunk of a source makes a hundred thousand objects that go with it; looking at all that lives after every 700 of
    # them costs a fifth of the time.
    gc.set_threshold(_OBJECTS_MADE, 20, 20)
    settings = replace(settings, tenant=settings.tenant or tenant_of(settings.folder))
    outbound = HttpOutbound(allow_private_addresses=settings.allow_private_addresses)
    contexts = ContextLibrary(outbound)
    live = LiveFeed()
    store = SqliteStore(settings.data_directory, contexts, live.publish)
    peers = HttpPeer(allow_private_addresses=settings.allow_private_addresses)
    hub = _hub_over(settings, store, contexts, live, peers)
    renewal = ContextRenewal()
    try:
        await _start(hub)
        renewal.start(contexts)
        yield hub
    finally:
        await renewal.close()
        await _stop(hub)
        await peers.close()
        await outbound.close()
        await store.close()


def _hub_over(settings: Settings, store: SqliteStore, contexts: ContextLibrary, live: LiveFeed, peers: HttpPeer) -> Hub:
    """Return the hub with each of its ports."""
    return Hub(
        settings=settings,
        clock=SystemClock(),
        entities=store,
        ranges=store,
        histories=store,
        expiries=store,
        expiry=Expiry(),
        sources=store,
        reports=store.quality,
        corrections=store.quality,
        lineage=store.lineage,
        identities=store,
        declarations=store,
        tenants=store,
        contexts=contexts,
        hosted_contexts=store.hosted_contexts,
        live=live,
        registry=Registry(store.registrations),
        peers=peers,
        source_watch=SourceWatch(store.registrations),
        entity_maps=Shelf(store.entity_maps),
        snapshots=Snapshots(SqliteSnapshots(store, contexts)),
        alerts=store.alerts,
        deliveries=Deliveries(store.deliveries, DeliveredFiles(settings.data_directory)),
        subscriptions=store.outbox,
        outbox=store.outbox,
        notifier=SchemeNotifier(allow_private_addresses=settings.allow_private_addresses),
        notices=Dispatch(),
        forwarding=Forwarding(store.forwarding),
        engine=Engine(),
    )


async def _stop(hub: Hub) -> None:
    await hub.deliveries.close()
    await hub.expiry.close()
    await hub.forwarding.close()
    await hub.notices.close()
    await hub.source_watch.close()
    await hub.snapshots.close()


async def _start(hub: Hub) -> None:
    home = hub.settings.tenant
    if not hub.tenants.has_tenant(home):
        await hub.tenants.create_tenant(home)
    hub.contexts.documents.attach(hub.hosted_contexts, home)
    hub.source_watch.start(hub)
    hub.snapshots.start(hub)
    hub.expiry.start(hub)
    for tenant in hub.tenants.list_tenants():
        _take_up_city(hub, tenant)
    hub.notices.start(hub)
    hub.forwarding.start(hub)


def _take_up_city(hub: Hub, tenant: str) -> None:
    """Let the hub know what the city has applied. A neighbour's damaged file does not keep the others from opening.

    Raises StorageUnavailable and SourceMisconfigured for the city that is served by default.
    """
    try:
        hub.contexts.documents.take_up(tenant)
        hub.expiry.wake(tenant)
        hub.registry.load(tenant)
        hub.source_watch.load(tenant)
        hub.snapshots.load(tenant)
        hub.entity_maps.load(tenant, hub.clock.now_us())
        declarations = hub.declarations.get_declarations(tenant)
        if declarations:
            hub.cities[tenant] = city = parse_city(declarations)
            for url, document in read_contexts(city).items():
                hub.contexts.preload(url, document)
    except HubError as error:
        if tenant == hub.settings.tenant:
            raise
        log.warning("a city cannot be served", tenant=tenant, reason=error.detail)


async def serve(hub: Hub, settings: Settings) -> None:
    """Serve until the process is asked to stop (Ctrl-C, SIGTERM), running the sources on their schedules."""
    # The command line opens hubs without serving them; a server and its pages take 0.3 s to import.
    from simpul.server import server_of  # noqa: PLC0415  # See above.

    server = server_of(hub, settings)
    if hub.engine is not None:
        hub.engine.give_way()
    # What is there now stays; the collector need not look at it again with every batch.
    gc.set_threshold(_OBJECTS_MADE_SERVING, 20, 20)
    gc.collect()
    gc.freeze()
    tasks = [asyncio.create_task(run_history_care(hub))]
    if settings.syncs:
        tasks.append(asyncio.create_task(run_schedules(hub)))
        tasks.append(asyncio.create_task(run_alerts(hub)))
    try:
        async with listening(hub):
            _survive_sigterm()
            await server.serve()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _survive_sigterm() -> None:
    """See to it that what follows the serving still happens: uvicorn stops at SIGTERM, and then sends it once more."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: None)
