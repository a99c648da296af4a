"""The part of a subscription that one source is asked to watch (CIM 009 §5.8.1.4). Pure: no sending, no keeping.

A source is told what it is registered for and nothing of the subscriber: notifications come back to the hub, which
shows them in the subscription's own form.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from simpul.domain.context import Context
from simpul.domain.q import parse_q, parse_type_selection
from simpul.domain.registration import EntityInfo, Information, Mode, Registration
from simpul.domain.source_matching import (
    SourceQuestion,
    has_id,
    matching_information,
    passes_filter,
    provides_current_state,
)
from simpul.domain.subscription import Document

CREATE: Final = "createSubscription"
UPDATE: Final = "updateSubscription"
DELETE: Final = "deleteSubscription"

# What the hub does itself with what comes back, or tells by other means (`jsonldContext`: the Link header).
_OWN: Final = frozenset({"id", "localOnly", "jsonldContext", "lang", "entities", "watchedAttributes", "notification"})
_SHOWN_BY_SOURCE: Final = ("sysAttrs", "showChanges", "onlyChangedAttributes")
# What is asked about whole entities, of which a source may have but a part.
_QUESTIONS: Final = ("q", "geoQ", "scopeQ", "expandValues")


def is_concerned(document: Document, registration: Registration, q_context: Context) -> bool:
    """Return whether the source is one that the subscription is handed on to, where it offers that."""
    if document.get("localOnly") or registration.mode is Mode.AUXILIARY or not provides_current_state(registration):
        return False
    csf = document.get("csf")
    question = SourceQuestion(q=parse_q(csf, q_context.expand) if csf else None)
    return passes_filter(question, registration)


def reduce_subscription(document: Document, registration: Registration) -> Document | None:
    """Return the subscription's part for the source, without id and endpoint; None where it has nothing of it."""
    information = _matching(document, registration)
    selectors = _selectors(document, information)
    if not information or (not selectors and any(info.entities for info in information)):
        return None
    copy = {name: value for name, value in document.items() if name not in _OWN}
    if selectors:
        copy["entities"] = selectors
    watched = _watched(document, information)
    if watched is not None:
        if not watched:
            return None
        copy["watchedAttributes"] = watched
    if document.get("splitEntities"):
        for name in _QUESTIONS:
            copy.pop(name, None)
    if registration.is_local_only:
        copy["localOnly"] = True
    notification = document["notification"]
    copy["notification"] = {name: notification[name] for name in _SHOWN_BY_SOURCE if name in notification}
    return copy


def _matching(document: Document, registration: Registration) -> list[Information]:
    found: list[Information] = []
    for selector in document.get("entities", [{}]):
        for info in matching_information(_question(selector, document), registration):
            if info not in found:
                found.append(info)
    return found


def _question(selector: Document, document: Document) -> SourceQuestion:
    text = selector.get("type", "*")
    return SourceQuestion(
        types=None if text == "*" else parse_type_selection(text, str),
        ids=tuple(_ids(selector)),
        id_pattern=selector.get("idPattern"),
        attributes=tuple(document.get("watchedAttributes", ())),
        dataset_ids=tuple(document.get("datasetId", ())),
    )


def _ids(selector: Document) -> list[str]:
    ids = selector.get("id", [])
    return ids if isinstance(ids, list) else [ids]


def _selectors(document: Document, information: Iterable[Information]) -> list[Document]:
    """Return selectors of what is both subscribed to and registered."""
    found: list[Document] = []
    for selector in document.get("entities", [{}]):
        for info in information:
            parts = [_both(selector, entity) for entity in info.entities] if info.entities else [dict(selector)]
            found += [part for part in parts if part and part not in found]
    return found


def _both(selector: Document, entity: EntityInfo) -> Document | None:
    both: Document = {}
    types = _types_of_both(selector.get("type", "*"), entity)
    ids = [one for one in _ids(selector) if has_id(entity, one)]
    if not types or (_ids(selector) and not ids):
        return None
    if ids or entity.id is not None:
        both["id"] = (ids[0] if len(ids) == 1 else ids) if ids else entity.id
    if "idPattern" in selector:
        both["idPattern"] = selector["idPattern"]
    elif not both and entity.id_pattern_text is not None:
        both["idPattern"] = entity.id_pattern_text
    both["type"] = types
    return both


def _types_of_both(text: str, entity: EntityInfo) -> str:
    if text == "*":
        return ",".join(entity.types)
    wanted = parse_type_selection(text, str).any_of
    fitting = [every for every in wanted if not set(every).isdisjoint(entity.types)]
    return ",".join(every[0] if len(every) == 1 else f"({';'.join(every)})" for every in fitting)


def _watched(document: Document, information: Iterable[Information]) -> list[str] | None:
    """Return the attributes to watch, or None where the source is to watch all of them."""
    parts = [info.attributes for info in information]
    registered = set().union(*parts) if all(parts) else set[str]()
    watched: list[str] | None = document.get("watchedAttributes")
    if not registered or "timeInterval" in document:
        return watched
    return sorted(registered) if watched is None else [name for name in watched if name in registered]


def fragment_of(now: Document, before: Document, null: Any) -> Document:
    """Return the update that makes one rendered copy of another: what went is told as `null` (§5.8.2)."""
    return {**now, **{name: null for name in before if name not in now}}
