"""Lineage as sub-attributes: what `lineage=true` puts into the instances that are shown. Nothing of it is stored.

`sysAttrs` has a closed list of members (CIM 009 §4.8); what else is known of an attribute is said by its Properties and
Relationships (§4.5.2). `providedBy` links to the source's own entity. `lineage` is a JsonProperty (§4.5.24), because
its members are this hub's words and no terms of the reader's @context.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from simpul.app.hub import Hub
from simpul.app.lineage import Lineage, Lineages, trace
from simpul.app.lineage_told import describe_lineage
from simpul.app.linked import Found, find_linked
from simpul.app.sources import source_uri
from simpul.domain.access import Caller
from simpul.domain.context import CORE
from simpul.domain.entity import ENTITY_MEMBERS, Instance, Record, attribute_key
from simpul.domain.render import Format, Representation

_PROVIDED_BY: Final = CORE.expand("providedBy")
_LINEAGE: Final = CORE.expand("lineage")


async def with_lineage(
    caller: Caller, hub: Hub, records: Sequence[Record], representation: Representation
) -> Sequence[Record]:
    """Return the entities with their lineage in them, where it is asked for; the simplified form has no room for it.

    Raises TooManyResults.
    """
    if not representation.lineage or representation.format is Format.KEY_VALUES:
        return records
    traced = await trace(caller, hub, records)
    return [_annotated(caller, hub, record, found) for record, found in zip(records, traced, strict=True)]


async def linked_with_lineage(
    caller: Caller, hub: Hub, records: Sequence[Record], representation: Representation, linked: Found | None = None
) -> Found | None:
    """Return the entities that others link to with their lineage in them, where both are asked for.

    `linked` are those that were found already. What comes is `linked` where nothing is to be added. Raises
    TooManyResults, TooComplexQuery.
    """
    if representation.join is None or not representation.lineage or representation.format is Format.KEY_VALUES:
        return linked
    found = find_linked(caller, hub, records, representation) if linked is None else linked
    traced = await with_lineage(caller, hub, list(found.values()), representation)
    return dict(zip(found, traced, strict=True))


def _annotated(caller: Caller, hub: Hub, record: Record, found: Lineages) -> Record:
    def annotate(name: str, instance: Instance) -> Instance:
        lineage = found.get(attribute_key(name, instance.get("datasetId")))
        if lineage is None:
            return instance
        # What the data itself says under these names stays.
        told = _sub_attributes(caller, hub, lineage)
        return {**instance, **{name: value for name, value in told.items() if name not in instance}}

    entity = {
        name: value
        if name in ENTITY_MEMBERS
        else [annotate(name, one) for one in value]
        if isinstance(value, list)
        else annotate(name, value)
        for name, value in record.entity.items()
    }
    return Record(entity, record.times, record.context_id)


def _sub_attributes(caller: Caller, hub: Hub, lineage: Lineage) -> dict[str, Instance]:
    told: dict[str, Instance] = {}
    if lineage.source is not None:
        uri = source_uri(hub.city(caller.tenant), lineage.source_id)
        told[_PROVIDED_BY] = {"type": "Relationship", "object": uri}
    told[_LINEAGE] = {"type": "JsonProperty", "json": describe_lineage(lineage)}
    return told
