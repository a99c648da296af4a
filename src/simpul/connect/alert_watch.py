"""Looks from time to time whether a source has become stale, and sends the letters of alerts. Decides nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

import msgspec

from simpul import limits
from simpul.app.alerts import look_at_source
from simpul.app.hub import Hub
from simpul.connect.alerts import wrong_webhook
from simpul.connect.connector import Surroundings
from simpul.domain.alert_letter import Occasion, document_of, subject_of, text_of
from simpul.domain.city import City
from simpul.domain.errors import HubError, SourceMisconfigured
from simpul.operator_log import log
from simpul.ports.alerts import Letter
from simpul.ports.notifier import Message

_US_PER_SECOND: Final = 1_000_000
_SECONDS_PER_HOUR: Final = 3_600


async def look_at_all(hub: Hub) -> None:
    """Begin and end alerts of all sources, and send what is due. What is wrong with one city is logged."""
    for tenant, city in list(hub.cities.items()):
        try:
            for source in city.sources:
                if hub.engine is None or not hub.engine.is_running(tenant, source.id):
                    await look_at_source(hub, city, source)
            for letter in hub.alerts.list_letters(tenant, hub.clock.now_us()):
                await _send(hub, city, letter)
        except HubError as error:
            log.warning("alerts not looked after", tenant=tenant, reason=error.title)


async def _send(hub: Hub, city: City, letter: Letter) -> None:
    target = next((one for one in city.alerts.get("to", ()) if one["name"] == letter.target), None)
    source = city.source(letter.alert.source)
    if target is None or source is None:
        await hub.alerts.drop_letter(city.tenant, letter.id)
        return
    page = f"{hub.settings.address}/sources/{source.id}"
    try:
        message = _message_of(target, Occasion(city, source, letter.alert, letter.phase, page))
        failure = (await hub.notifier.send(message)).failure
    except SourceMisconfigured as error:
        failure = error.detail
    now_us = hub.clock.now_us()
    if failure is None:
        await hub.alerts.drop_letter(city.tenant, letter.id)
        log.info("alert sent", tenant=city.tenant, source=source.id, kind=letter.alert.kind, target=letter.target)
    elif now_us - letter.written_us > limits.ALERT_HOURS_MAX * _SECONDS_PER_HOUR * _US_PER_SECOND:
        await hub.alerts.drop_letter(city.tenant, letter.id)
        log.error("alert given up", tenant=city.tenant, source=source.id, target=letter.target, reason=failure)
    else:
        pauses = limits.ALERT_PAUSES_SECONDS
        pause_us = int(pauses[min(letter.tries, len(pauses) - 1)] * _US_PER_SECOND)
        await hub.alerts.postpone_letter(city.tenant, letter.id, now_us + pause_us)
        log.warning("alert not sent", tenant=city.tenant, source=source.id, target=letter.target, reason=failure)


def _message_of(target: dict[str, Any], occasion: Occasion) -> Message:
    """Return the message for a target, with its secrets filled in. Raises SourceMisconfigured."""
    surroundings = Surroundings(Path(occasion.city.folder))
    if "webhook" in target:
        url = surroundings.resolve(target["webhook"])
        if wrong_webhook(url) is not None:
            raise SourceMisconfigured(f"The webhook of {target['name']} is no URL once its references are filled in.")
        return Message(url, msgspec.json.encode(document_of(occasion)), {"Content-Type": "application/json"})
    options = {"from": target["from"], "to": ", ".join(target["email"]), "subject": subject_of(occasion)}
    if "auth" in target:
        options |= {key: surroundings.resolve(target["auth"][key]) for key in ("user", "password")}
    if "certificate" in target:
        options["certificate"] = str(surroundings.path(target["certificate"]))
    seconds = limits.ALERT_MAIL_SECONDS
    return Message(target["server"], text_of(occasion).encode(), {}, options=options, timeout_seconds=seconds)


async def run_alerts(hub: Hub) -> None:
    """Look after alerts until cancelled."""
    while True:
        try:
            await look_at_all(hub)
        except Exception:  # A defect in telling of one source must not silence the alerts of all.
            log.exception("alerts not looked after because of a defect")
        await asyncio.sleep(limits.ALERT_LOOK_SECONDS)
