"""Which types and attributes a city's entities have (CIM 009 §5.7.5 to 5.7.10). No HTTP here, no SQL here."""

from __future__ import annotations

from simpul.app.hub import Hub
from simpul.domain.access import Caller


def list_types(caller: Caller, hub: Hub) -> dict[str, int]:
    """Return expanded type → number of entities, of the types that the caller may read."""
    counts = hub.entities.count_types(caller.tenant)
    return {name: count for name, count in sorted(counts.items()) if caller.may_read((name,))}


async def list_attributes(caller: Caller, hub: Hub, type_name: str | None = None) -> dict[str, dict[str, int]]:
    """Return type → attribute → number of entities that have it, of the types that the caller may read."""
    if type_name is not None and not caller.may_read((type_name,)):
        return {}
    attributes = await hub.entities.list_attributes(caller.tenant, type_name)
    return {name: counts for name, counts in sorted(attributes.items()) if caller.may_read((name,))}
