"""Registrations of other sources: make, read, find, change and remove them (CIM 009 §5.9, §5.10). No HTTP, no SQL."""

from __future__ import annotations

import secrets
from typing import Any

from msgspec.structs import replace

from simpul import limits
from simpul.app.allowed_hosts import raise_unless_allowed_host
from simpul.app.entities import raise_unless_allowed
from simpul.app.hub import Hub
from simpul.domain.access import Action, Caller
from simpul.domain.context import Context
from simpul.domain.errors import AlreadyExists, Conflict, NotFound, TooManyResults, Unauthenticated
from simpul.domain.moment import render_moment
from simpul.domain.query import EntityQuery, TypeSelection
from simpul.domain.registration import (
    EntityInfo,
    Information,
    Mode,
    Registration,
    compile_registration,
    merge_registration,
    parse_registration,
    parse_registration_fragment,
    raise_unless_exclusive_is_specific,
    render_registration,
)
from simpul.domain.source_matching import SourceQuestion, covered_attributes, is_discovered, provides_current_state

_PREFIX = "urn:ngsi-ld:ContextSourceRegistration:"


def raise_unless_may_read(caller: Caller) -> None:
    """Refuse strangers: which systems a city uses, and where they are, is not public."""
    if caller.is_anonymous:
        raise Unauthenticated(
            "Registrations of other sources are read with a token. Send 'Authorization: Bearer <token>'."
        )


async def create(caller: Caller, hub: Hub, body: Any, context: Context) -> str:
    """Keep a new registration and return its id (§5.9.2). Raises AlreadyExists, BadRequestData, Conflict."""
    raise_unless_allowed(caller, Action.WRITE)
    now_us = hub.clock.now_us()
    document = parse_registration(body, context, now_us)
    document.setdefault("id", _PREFIX + secrets.token_hex(16))
    known = hub.registry.by_tenant.get(caller.tenant, {})
    if document["id"] in known:
        raise AlreadyExists(f"There is a registration {document['id']} already. Change it with PATCH.")
    if len(known) >= limits.REGISTRATIONS_MAX:
        raise TooManyResults(f"The city has {len(known)} registrations, which is as many as are kept. Delete some.")
    raise_unless_allowed_host(hub, document["endpoint"], "the endpoint")
    registration = compile_registration(document, now_us, now_us)
    await _raise_if_conflicting(caller, hub, registration)
    await hub.registry.put(caller.tenant, registration)
    return registration.id


def retrieve(caller: Caller, hub: Hub, registration_id: str) -> Registration:
    """Return a registration (§5.10.1). Raises NotFound, Unauthenticated."""
    raise_unless_may_read(caller)
    found = hub.registry.find(caller.tenant, registration_id)
    if found is None or found.is_expired(hub.clock.now_us()):
        raise NotFound(f"There is no registration {registration_id[:200]}.")
    return found


def query(caller: Caller, hub: Hub, question: SourceQuestion) -> list[Registration]:
    """Return the registrations that answer the question, oldest first (§5.10.2). Raises Unauthenticated."""
    raise_unless_may_read(caller)
    now_us = hub.clock.now_us()
    known = hub.registry.list_all(caller.tenant)
    return [one for one in known if not one.is_expired(now_us) and is_discovered(question, one)]


async def update(caller: Caller, hub: Hub, registration_id: str, body: Any, context: Context) -> None:
    """Change members of a registration (§5.9.3). Raises NotFound, BadRequestData, Conflict."""
    raise_unless_allowed(caller, Action.WRITE)
    before = retrieve(caller, hub, registration_id)
    now_us = hub.clock.now_us()
    document = merge_registration(before.document, parse_registration_fragment(body, context), now_us)
    raise_unless_allowed_host(hub, document["endpoint"], "the endpoint")
    registration = compile_registration(document, before.created_us, now_us)
    await _raise_if_conflicting(caller, hub, registration)
    await hub.registry.put(caller.tenant, registration)


async def delete(caller: Caller, hub: Hub, registration_id: str) -> None:
    """Forget a registration (§5.9.4). Raises NotFound."""
    raise_unless_allowed(caller, Action.WRITE)
    known = hub.registry.find(caller.tenant, registration_id)
    if known is None:
        raise NotFound(f"There is no registration {registration_id[:200]}.")
    await hub.registry.drop(caller.tenant, known)


def render(caller: Caller, hub: Hub, registration: Registration, context: Context) -> dict[str, Any]:
    """Return the registration as it is shown: with how the source did, and without secrets for mere readers."""
    rendered = render_registration(registration.document, context)
    status = hub.registry.status(caller.tenant, registration.id)
    if status.times_sent:
        has_failed = (status.last_failure_us or 0) > (status.last_success_us or 0)
        rendered |= {
            "status": "failed" if has_failed else "ok",
            "timesSent": status.times_sent,
            "timesFailed": status.times_failed,
        }
    for name, moment_us in (("lastSuccess", status.last_success_us), ("lastFailure", status.last_failure_us)):
        if moment_us is not None:
            rendered[name] = render_moment(moment_us)
    if "contextSourceInfo" in rendered and not _may_write(caller):
        del rendered["contextSourceInfo"]
    return rendered


def _may_write(caller: Caller) -> bool:
    return caller.readable_types is None and bool(caller.roles - {"reader"})


async def _raise_if_conflicting(caller: Caller, hub: Hub, registration: Registration) -> None:
    """Refuse what would leave it open who holds an attribute (§5.9.3.4)."""
    if registration.mode is Mode.EXCLUSIVE and hub.settings.strict_registrations:
        raise_unless_exclusive_is_specific(registration)
    if not registration.mode.is_proxied or not provides_current_state(registration):
        return
    for other in hub.registry.list_sources(caller.tenant, hub.clock.now_us()):
        if other.id != registration.id and _overlap(registration, other):
            raise Conflict(
                f"The registration {other.id} holds some of the same attributes of the same entity, and one of the two"
                " is exclusive. Leave those attributes out of one of them."
            )
    if hub.settings.strict_registrations:
        await _raise_if_held_here(caller, hub, registration)


def _overlap(one: Registration, other: Registration) -> bool:
    if not other.mode.is_proxied or Mode.EXCLUSIVE not in (one.mode, other.mode):
        return False
    return _claims(one, other) or _claims(other, one)


def _claims(exclusive: Registration, other: Registration) -> bool:
    """Return whether the other is registered for attributes of entities that this one names by their ids."""
    if exclusive.mode is not Mode.EXCLUSIVE:
        return False
    for info in exclusive.information:
        for entity in info.entities:
            if entity.id is None:
                continue
            covered = covered_attributes(other, entity.id, entity.types, info.attributes)
            if covered or (covered is not None and not info.attributes):
                return True
    return False


async def _raise_if_held_here(caller: Caller, hub: Hub, registration: Registration) -> None:
    for info in registration.information:
        for entity in info.entities or (None,):
            query = _query_for(info, entity)
            page = await hub.entities.list_documents(caller.tenant, query)
            if page.documents:
                raise Conflict(
                    f"The hub itself holds the entity {page.documents[0].id}, which the registration says a source"
                    " alone holds. Delete it or its attributes here first, or register the source as inclusive."
                )


def _query_for(info: Information, entity: EntityInfo | None) -> EntityQuery:
    query = EntityQuery(attributes=tuple(sorted(info.attributes)), limit=1)
    if entity is None:
        return query
    return replace(
        query,
        types=TypeSelection(tuple((name,) for name in entity.types)),
        ids=(entity.id,) if entity.id is not None else (),
        id_pattern=entity.id_pattern_text if entity.id is None else None,
    )
