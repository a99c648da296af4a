"""Commands about who may: tokens, and the cities that are served here. What may be done is decided by the use-cases."""

from __future__ import annotations

from typing import Any, Final

from simpul.app import identity
from simpul.app.hub import Hub
from simpul.domain.access import Caller
from simpul.domain.errors import HubBusy
from simpul.operating.command import Command, Given, Tell


async def _list_tokens(caller: Caller, hub: Hub, _given: Given, _tell: Tell) -> Any:
    return identity.list_tokens(caller, hub)


async def _create_token(caller: Caller, hub: Hub, given: Given, _tell: Tell) -> Any:
    return await identity.create_token(caller, hub, given["name"], tuple(given["roles"]), given["days"])


async def _create_agent_token(caller: Caller, hub: Hub, given: Given, _tell: Tell) -> Any:
    return await identity.create_agent_token(caller, hub, given["name"], given["source"])


async def _revoke_token(caller: Caller, hub: Hub, given: Given, _tell: Tell) -> Any:
    await identity.revoke_token(caller, hub, given["token_id"])


async def _list_tenants(_caller: Caller, hub: Hub, _given: Given, _tell: Tell) -> Any:
    return hub.tenants.list_tenants()


async def _create_tenant(_caller: Caller, hub: Hub, given: Given, _tell: Tell) -> Any:
    await hub.tenants.create_tenant(given["name"])


async def _delete_tenant(_caller: Caller, hub: Hub, given: Given, _tell: Tell) -> Any:
    if given.get("is_served"):
        raise HubBusy(f"A hub serves {given['name']}, so it is in use. Stop the hub, and remove the city then.")
    await hub.tenants.delete_tenant(given["name"])


COMMANDS: Final[dict[str, Command]] = {
    "list_tokens": _list_tokens,
    "create_token": _create_token,
    "create_agent_token": _create_agent_token,
    "revoke_token": _revoke_token,
    "list_tenants": _list_tenants,
    "create_tenant": _create_tenant,
    "delete_tenant": _delete_tenant,
}
