"""The names of the operations that a source may offer, and of their groups (CIM 009 §4.20). No behaviour here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_DISCOVERY: Final = (
    "retrieveEntityTypes", "retrieveEntityTypeDetails", "retrieveEntityTypeInfo", "retrieveAttrTypes",
    "retrieveAttrTypeDetails", "retrieveAttrTypeInfo",
)  # fmt: skip
_SUBSCRIBING: Final = (
    "createSubscription", "updateSubscription", "retrieveSubscription", "querySubscription", "deleteSubscription",
)  # fmt: skip
_ENTITY_MAPS: Final = ("retrieveEntityMap", "updateEntityMap", "deleteEntityMap", "createEntityMapQueryEntity")
_ASSOCIATION: Final = ("retrieveEntity", "queryEntity", "queryBatch", *_DISCOVERY, *_SUBSCRIBING)

GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "federationOps": (*_ASSOCIATION, *_ENTITY_MAPS, "retrieveContextSourceIdentity"),
    "associationOps": (*_ASSOCIATION, "retrieveContextSourceIdentity"),
    "retrieveOps": ("retrieveEntity", "queryEntity"),
    "updateOps": ("updateEntity", "updateAttrs", "replaceEntity", "replaceAttrs"),
    "redirectionOps": (
        "createEntity", "updateEntity", "appendAttrs", "updateAttrs", "deleteAttrs", "deleteEntity", "mergeEntity",
        "replaceEntity", "replaceAttrs", "retrieveEntity", "queryEntity", "purgeEntity", *_DISCOVERY, *_ENTITY_MAPS,
    ),
}  # fmt: skip
OPERATIONS: Final = frozenset({
    *(name for names in GROUPS.values() for name in names), "createBatch", "upsertBatch", "updateBatch", "mergeBatch",
    "deleteBatch", "retrieveTemporal", "queryTemporal", "upsertTemporal", "appendAttrsTemporal", "deleteAttrsTemporal",
    "updateAttrInstanceTemporal", "deleteAttrInstanceTemporal", "deleteTemporal", "createEntityMapQueryTemporal",
})  # fmt: skip
DEFAULT_GROUP: Final = "federationOps"
# No group has any of these: a source offers its histories by their names.
HISTORICAL: Final = frozenset(name for name in OPERATIONS if name.endswith("Temporal"))
# CIM 009 §5.9.3.4: an auxiliary source is only ever read. §5.7.3.4 and §5.7.4.4 have auxiliary sources of histories.
AUXILIARY_OPERATIONS: Final = frozenset({
    "retrieveOps", "retrieveEntity", "queryEntity", "retrieveTemporal", "queryTemporal",
})  # fmt: skip
READING: Final = frozenset({"retrieveEntity", "queryEntity", "queryBatch", "retrieveTemporal", "queryTemporal"})


def expand_operations(names: Iterable[str]) -> frozenset[str]:
    """Return the single operations that names of operations and of groups stand for."""
    return frozenset(name for given in names for name in GROUPS.get(given, (given,)))
