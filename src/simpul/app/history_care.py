"""Keeps histories as long and as fine as each city declares, in the background, some entries at a time.

What a round does is bounded, and it rests between its steps: who reads and writes in the meantime does not notice.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from zoneinfo import ZoneInfo

from simpul import limits
from simpul.app.hub import Hub
from simpul.domain.city import City
from simpul.domain.errors import HubError
from simpul.domain.retention import Retention, Stretch, Thinned, thin
from simpul.operator_log import log
from simpul.ports.history import BEGINNING, Place


class HistoryCare:
    """Goes round the entities of every type that has a rule, and goes on where it stopped the last time."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._after: dict[tuple[str, str], Place] = {}

    async def run(self) -> int:
        """Look at the next entities of each rule; return how many entries went."""
        gone = 0
        for tenant, city in list(self._hub.cities.items()):
            for rule in city.retentions:
                gone += await self._look(tenant, city, rule)
        return gone

    async def _look(self, tenant: str, city: City, rule: Retention) -> int:
        hub, zone = self._hub, ZoneInfo(city.time_zone)
        now_us = hub.clock.now_us()

        def plan(stretch: Stretch) -> Thinned:
            return thin(stretch, rule, now_us, zone)

        looked_at = gone = 0
        after = self._after.get((tenant, rule.type_name), BEGINNING)
        while looked_at < limits.HISTORY_CARE_ENTRIES_PER_ROUND:
            began = monotonic()
            step = await hub.histories.thin_histories(tenant, rule.type_name, after, plan)
            gone += step.dropped
            looked_at += step.looked_at
            after = step.last
            if after == BEGINNING:
                break
            await asyncio.sleep((monotonic() - began) * limits.HISTORY_CARE_REST_FACTOR)
        self._after[tenant, rule.type_name] = after
        if gone:
            log.info("history thinned", tenant=tenant, type=rule.type_name, entries=gone)
        return gone


async def run_history_care(hub: Hub) -> None:
    """Keep histories as the cities declare it, until cancelled."""
    care = HistoryCare(hub)
    while True:
        await asyncio.sleep(limits.HISTORY_CARE_INTERVAL_SECONDS)
        try:
            await care.run()
        except HubError as error:
            # A full disk or a locked file; the next round goes on from where it was.
            log.warning("histories not looked after", reason=error.title)
