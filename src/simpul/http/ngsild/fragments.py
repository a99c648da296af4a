"""The fragment of a merge, in whichever form it comes (CIM 009 §6.5.3.4, §6.31.3.1). No merging here."""

from __future__ import annotations

from typing import Any, NamedTuple

from simpul.app import entities
from simpul.app.hub import Hub
from simpul.domain.access import Caller
from simpul.domain.context import Context
from simpul.domain.entity import Entity
from simpul.domain.errors import BadRequestData
from simpul.domain.parse import is_moment, parse_fragment
from simpul.domain.simplified import complete_key_values, date_fragment, translate_texts
from simpul.http.parameters import KEY_VALUES, Parameters, parse_format, parse_options

FORMATS = frozenset({"normalized", "concise", "keyValues", "simplified"})
BATCH_MERGE_PARAMETERS = frozenset({"format", "lang", "observedAt", "options"})
MERGE_PARAMETERS = BATCH_MERGE_PARAMETERS | {"type"}


class Manner(NamedTuple):
    """How a fragment is to be read: as key-values or not, its language, and when it was observed."""

    is_simplified: bool
    language: str | None
    observed_at: str | None

    @property
    def needs_entity(self) -> bool:
        """Return whether the fragment can only be read beside the entity that it is about."""
        return self.is_simplified or self.language is not None or self.observed_at is not None


def parse_manner(parameters: Parameters) -> Manner:
    """Return how the fragments of a merge are to be read. Raises BadRequestData."""
    options = parse_options(parameters, FORMATS)
    observed_at = parameters.get("observedAt") or None
    if observed_at is not None and not is_moment(observed_at):
        raise BadRequestData(f"observedAt={observed_at[:100]!r} is no moment such as 2024-05-01T10:00:00Z.")
    is_simplified = parse_format(parameters, options, FORMATS) == KEY_VALUES
    return Manner(is_simplified, parameters.get("lang") or None, observed_at)


def read_fragment(
    asker: tuple[Caller, Hub], entity_id: str, sent: tuple[dict[str, Any], Context], manner: Manner
) -> Entity:
    """Return the fragment; of an entity that is not there, which the merge then tells, as it is."""
    body, context = sent
    if not manner.needs_entity:
        return parse_fragment(body, context)
    present = find_present(*asker, entity_id)
    fragment = parse_fragment(complete_body(sent, present, manner), context)
    return fragment if manner.observed_at is None else date_fragment(fragment, present, manner.observed_at)


def complete_body(sent: tuple[dict[str, Any], Context], present: Entity, manner: Manner) -> dict[str, Any]:
    """Return the body in a form that says what each of its values is."""
    body, context = sent
    if manner.is_simplified:
        return complete_key_values(body, present, context, manner.language)
    return body if manner.language is None else translate_texts(body, present, context, manner.language)


def find_present(caller: Caller, hub: Hub, entity_id: str) -> Entity:
    """Return the entity as it is now, or an empty one."""
    document = entities.find_document(caller, hub, entity_id)
    return {} if document is None else entities.read_records(caller, hub, [document])[0].entity
