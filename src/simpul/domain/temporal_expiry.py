"""When what a history shows will expire (CIM 009 §6.3.11): told of the current state, which alone expires (§4.22).

Nothing is chosen here, and nothing ends: see `expiry.py`.
"""

from __future__ import annotations

from typing import Any

from simpul.domain.context import Context
from simpul.domain.entity import Entity, Instance, attribute_names, instances
from simpul.domain.parse import MAIN_MEMBERS

_EXPIRES = "expiresAt"


def add_expiry(content: dict[str, Any], current: Entity, context: Context) -> None:
    """Add the moments of the entity as it is now to its normalized history: its own, and those of its instances.

    An instance is told to expire where the history's newest one of its dataset is the one that is there now.
    """
    if _EXPIRES in current:
        content[_EXPIRES] = current[_EXPIRES]
    for name in attribute_names(current):
        shown = content.get(context.compact(name), [])
        for instance in instances(current[name]):
            if _EXPIRES in instance:
                _add_to_newest(shown, context.compact_instance(instance))


def _add_to_newest(shown: list[Instance], current: Instance) -> None:
    dataset_id = current.get("datasetId")
    newest = next((one for one in reversed(shown) if one.get("datasetId") == dataset_id), {})
    same = ("type", MAIN_MEMBERS[current["type"]], "observedAt")
    if all(newest.get(member) == current.get(member) for member in same):
        newest[_EXPIRES] = current[_EXPIRES]
