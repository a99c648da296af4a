"""Which city a request is about (CIM 009 §4.14). No HTTP here, no SQL here."""

from __future__ import annotations

from simpul.app.hub import Hub
from simpul.domain.errors import NonexistentTenant


def resolve(hub: Hub, header: str | None) -> str:
    """Return the city that the header names, or the one served by default. Raises NonexistentTenant."""
    if not header:
        return hub.settings.tenant
    if not hub.tenants.has_tenant(header):
        raise NonexistentTenant(
            f"No city named '{header[:64]}' is served here. Leave NGSILD-Tenant out for the city served by default."
        )
    return header


async def resolve_for_write(hub: Hub, header: str | None) -> str:
    """Return the city, making it where the operator allows that. Raises NonexistentTenant, BadRequestData."""
    if header and hub.settings.create_tenants and not hub.tenants.has_tenant(header):
        await hub.tenants.create_tenant(header)
    return resolve(hub, header)
