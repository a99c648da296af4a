"""Alerts about sources: looked for after each run and from time to time, begun and ended once. Nothing is sent here."""

from __future__ import annotations

from dataclasses import dataclass

from simpul import limits
from simpul.app.hub import Hub
from simpul.domain.access import Action, Caller, decide
from simpul.domain.alerts import Alert, Facts, decide_alerts, stale_after_us
from simpul.domain.city import City, SourceDeclaration
from simpul.ports.store import RUN_STOPPED


@dataclass(frozen=True, slots=True)
class SourceAlert:
    """An alert with the source that it is about. `alert.detail` is only there for who may manage sources."""

    alert: Alert
    source: SourceDeclaration


def list_alerts(caller: Caller, hub: Hub, *, only_open: bool = True) -> list[SourceAlert]:
    """Return the city's alerts, the newest first, for anyone to see: that a source is stale is no secret."""
    city = hub.city(caller.tenant)
    sees_details = decide(caller, Action.MANAGE_SOURCES).allowed
    found = []
    for alert in hub.alerts.list_alerts(caller.tenant, only_open=only_open, limit=limits.ALERTS_KEPT_MAX):
        source = city.source(alert.source)
        if source is not None:
            found.append(SourceAlert(alert if sees_details else alert._replace(detail=""), source))
    return found


async def look_at_source(hub: Hub, city: City, source: SourceDeclaration, change: str = "") -> None:
    """Begin and end the source's alerts by how it does now. `change` is the change of form that its last run met.

    Raises StorageFull, StorageUnavailable.
    """
    tenant, now_us = city.tenant, hub.clock.now_us()
    listed = hub.alerts.list_alerts(tenant, only_open=True, limit=limits.ALERTS_KEPT_MAX)
    is_open = {alert.kind for alert in listed if alert.source == source.id}
    decided = decide_alerts(_facts(hub, city, source, change), is_open)
    targets = targets_of(city, source.id) if decided.begin or decided.end else []
    for beginning in decided.begin:
        await hub.alerts.begin_alert(tenant, source.id, beginning, now_us, targets)
    for kind in decided.end:
        await hub.alerts.end_alert(tenant, source.id, kind, now_us, targets)


def _facts(hub: Hub, city: City, source: SourceDeclaration, change: str) -> Facts:
    failures_max = int(city.alerts.get("failures", limits.ALERT_FAILURES_DEFAULT))
    runs = hub.sources.list_runs(city.tenant, source.id, failures_max + 1)
    # A run that goes on says nothing yet; one that was killed says nothing any more, nor does one that was stopped.
    ended = [run for run in runs if run.finished_us is not None and run.error != RUN_STOPPED]
    failures = next((count for count, run in enumerate(ended) if run.error is None), len(ended))
    complete = hub.sources.find_complete_run(city.tenant, source.id)
    return Facts(
        now_us=hub.clock.now_us(),
        fresh_us=None if complete is None else complete.finished_us,
        stale_after_us=stale_after_us(source.declaration),
        failures=failures,
        failures_max=failures_max,
        error=(ended[0].error or "") if ended else "",
        change=change,
    )


def targets_of(city: City, source_id: str) -> list[str]:
    """Return the names of the targets that are told of this source."""
    return [
        target["name"]
        for target in city.alerts.get("to", ())
        if "sources" not in target or source_id in target["sources"]
    ]
