"""The header ETag of entities, and what it costs: next to nothing for one that is read again. Compares nothing."""

from __future__ import annotations

from simpul import limits
from simpul.domain.entity_tag import form_tag, version_of
from simpul.http.exchange import Answer
from simpul.ports.store import Document

ETAG = b"etag"
_BEFORE = ETAG + b": "


class EntityTags:
    """The tags of the documents that were read last. Bounded; when it is full it begins anew.

    `ends` are the last lines of the head of an answer that is the document as it lies: its tag, and its length. They
    are kept by the hash of the stored bytes (and the number of the @context, which is 0 for most), which Python counts
    once for each bytes object and under a secret of the process. So nothing is kept alive here that the store's cache
    lets go.
    """

    __slots__ = ("ends",)

    def __init__(self) -> None:
        self.ends: dict[int, bytes] = {}

    def end(self, document: Document) -> bytes:
        """Return the end of the head of an answer that is the document as it lies."""
        body = document.body
        key = hash(body) ^ document.context_id
        end = self.ends.get(key)
        if end is None:
            if len(self.ends) >= limits.DOCUMENT_CACHE_ENTRIES_MAX:
                self.ends.clear()
            version = version_of(document.context_id, body).encode()
            end = self.ends[key] = b'%b"%b"\r\ncontent-length: %d\r\n\r\n' % (_BEFORE, version, len(body))
        return end

    def tag(self, document: Document) -> bytes:
        """Return the tag of the document as it lies, in its quotation marks."""
        end = self.end(document)
        return end[len(_BEFORE) : end.index(b"\r")]


TAGS = EntityTags()


def tag_as_stored(document: Document) -> tuple[bytes, bytes]:
    """Return the header of an answer that is the document as it lies, as application/json."""
    return ETAG, TAGS.tag(document)


def tagged(given: Answer, document: Document, modified_us: int | None = None) -> Answer:
    """Return an answer that shows the document in another form, with its tag. `modified_us`: where it shows times."""
    answered = [given.body, *(part for header in given.headers for part in header)]
    tag = form_tag(TAGS.tag(document).decode().strip('"'), answered, modified_us)
    return Answer(given.status, (*given.headers, (ETAG, f'"{tag}"'.encode())), given.body)
