"""The hub that use-cases are given: its stores, its contexts, its clock, its cities. No behaviour of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simpul.domain.city import City

if TYPE_CHECKING:
    from simpul.app.contexts import ContextLibrary
    from simpul.app.deliveries import Deliveries
    from simpul.app.entity_maps import Shelf
    from simpul.app.expiring import Expiry
    from simpul.app.forwarding import Forwarding
    from simpul.app.live import LiveFeed
    from simpul.app.notify import Dispatch
    from simpul.app.registry import Registry
    from simpul.app.snapshot_shelf import Snapshots
    from simpul.app.source_watch import SourceWatch
    from simpul.ports.alerts import AlertStore
    from simpul.ports.clock import Clock
    from simpul.ports.contexts import ContextStore
    from simpul.ports.engine import SourceEngine
    from simpul.ports.history import HistoryStore
    from simpul.ports.lineage import LineageStore
    from simpul.ports.notifier import Notifier
    from simpul.ports.outbox import Outbox, SubscriptionStore
    from simpul.ports.peer import Peer
    from simpul.ports.quality import CorrectionStore, ReportStore
    from simpul.ports.store import (
        DeclarationStore,
        EntityStore,
        ExpiryStore,
        IdentityStore,
        RangeStore,
        SourceStore,
        TenantStore,
    )
    from simpul.settings import Settings


@dataclass(frozen=True, slots=True)
class Hub:
    """Everything a use-case may reach, each behind its narrow port."""

    settings: Settings
    clock: Clock
    entities: EntityStore
    ranges: RangeStore
    histories: HistoryStore
    expiries: ExpiryStore
    expiry: Expiry
    sources: SourceStore
    reports: ReportStore
    corrections: CorrectionStore
    lineage: LineageStore
    identities: IdentityStore
    declarations: DeclarationStore
    tenants: TenantStore
    contexts: ContextLibrary
    hosted_contexts: ContextStore
    live: LiveFeed
    subscriptions: SubscriptionStore
    outbox: Outbox
    notifier: Notifier
    notices: Dispatch
    forwarding: Forwarding
    registry: Registry
    peers: Peer
    source_watch: SourceWatch
    entity_maps: Shelf
    snapshots: Snapshots
    deliveries: Deliveries
    alerts: AlertStore
    cities: dict[str, City] = field(default_factory=dict)
    engine: SourceEngine | None = None

    def city(self, tenant: str) -> City:
        """Return what the city has applied, or a bare city that has declared nothing."""
        return self.cities.get(tenant) or City(tenant=tenant, name={"id": tenant, "en": tenant})
