"""The documents that were read last, in bounded memory. Filled and changed in the event loop only.

Two generations: when the young one is full it becomes the old one, so that what is hot survives and nothing is
ever evicted entry by entry (which costs more than a read).
"""

from __future__ import annotations

from collections.abc import Sequence

from simpul import limits
from simpul.ports.store import Document

_GENERATION_ENTRIES_MAX = limits.DOCUMENT_CACHE_ENTRIES_MAX // 2
_GENERATION_BYTES_MAX = limits.DOCUMENT_CACHE_BYTES_MAX // 2


class DocumentCache:
    """Documents by id and by eid."""

    __slots__ = ("_body_bytes", "_by_eid", "_by_id", "_old_by_eid", "_old_by_id")

    def __init__(self) -> None:
        # Of the young generation; a document that is put twice counts twice.
        self._body_bytes = 0
        self._by_id: dict[str, Document] = {}
        self._by_eid: dict[int, Document] = {}
        self._old_by_id: dict[str, Document] = {}
        self._old_by_eid: dict[int, Document] = {}

    def find(self, entity_id: str) -> Document | None:
        document = self._by_id.get(entity_id)
        if document is None:
            document = self._old_by_id.get(entity_id)
            if document is not None:
                self.put(document)
        return document

    def find_all(self, eids: Sequence[int]) -> list[Document | None]:
        """Return the documents of these eids, in their order, with None for each that is not here."""
        found = list(map(self._by_eid.get, eids))
        if None in found and self._old_by_eid:
            old = self._old_by_eid.get
            return [document or old(eid) for eid, document in zip(eids, found, strict=True)]
        return found

    def put(self, document: Document) -> None:
        size = len(document.body)
        if size > limits.DOCUMENT_CACHE_BODY_BYTES_MAX:
            return
        self._body_bytes += size
        if len(self._by_id) >= _GENERATION_ENTRIES_MAX or self._body_bytes > _GENERATION_BYTES_MAX:
            self._body_bytes = size
            self._old_by_id, self._by_id = self._by_id, {}
            self._old_by_eid, self._by_eid = self._by_eid, {}
        self._by_id[document.id] = document
        self._by_eid[document.eid] = document

    def holds(self, entity_id: str) -> bool:
        return entity_id in self._by_id or entity_id in self._old_by_id

    def refresh(self, entity_id: str, document: Document | None) -> None:
        """Take over a committed change of an entity: a known document is replaced or, if it is gone, forgotten."""
        for by_id, by_eid in ((self._by_id, self._by_eid), (self._old_by_id, self._old_by_eid)):
            known = by_id.pop(entity_id, None)
            if known is not None:
                by_eid.pop(known.eid, None)
                if document is not None and len(document.body) <= limits.DOCUMENT_CACHE_BODY_BYTES_MAX:
                    by_id[entity_id] = document
                    by_eid[document.eid] = document

    def clear(self) -> None:
        for generation in (self._by_id, self._by_eid, self._old_by_id, self._old_by_eid):
            generation.clear()
