"""Reads a source with its own reader, as a hub would, and puts the rows as they came into the queue. Maps nothing."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from itertools import chain
from typing import BinaryIO, NamedTuple, cast

from simpul.agent.queue import PieceWriter, Queue, Waiting
from simpul.connect.changed_rows import ChangeWriter
from simpul.connect.connector import BrokenRow, Reading, Remembering, Row, Stream, Surroundings, get_connector
from simpul.connect.raw_rows import PackedRows
from simpul.domain.city import SourceDeclaration
from simpul.domain.delivery import NEWS, WHOLE


class Place(NamedTuple):
    """Which reading of the queue rows become, and who sees them packed."""

    number: int
    kind: str
    see: Callable[[bytes], None] | None = None


def read_into(queue: Queue, source: SourceDeclaration, surroundings: Surroundings) -> bool:
    """Read the source once; return whether there is something new. Raises SourceError, StorageFull.

    What is cut off leaves nothing behind. A stream hears that its rows are taken once they are in the queue.
    """
    connector = get_connector(source.kind)
    if connector.is_stream:
        with closing(connector.open_reading(source.declaration["read"], surroundings)) as reading:
            return _read_stream(queue, source.id, cast(Stream, reading))
    # Where there is no room, nobody need be asked.
    number = queue.begin(source.id, WHOLE)
    try:
        with closing(connector.open_reading(source.declaration["read"], surroundings)) as reading:
            changes = ChangeWriter(*queue.before(source.id))
            waiting = _put(queue, source.id, Place(number, WHOLE, changes.see), reading, reading.rows())
            return queue.complete(source.id, waiting, *changes.finish(waiting.size))
    except BaseException:
        queue.drop(source.id, number)
        raise


def _read_stream(queue: Queue, source_id: str, stream: Stream) -> bool:
    memory: object = stream
    remembering = memory if isinstance(memory, Remembering) else None
    if remembering is not None:
        remembering.recall(queue.recall(source_id, remembering.list_notes()))
    has_news = False
    while True:
        number = queue.begin(source_id, NEWS)
        try:
            rows = iter(stream.rows())
            first = next(rows, None)
            waiting = Waiting(number, NEWS, 0, "", 0)
            if first is not None:
                waiting = _put(queue, source_id, Place(number, NEWS), stream, chain((first,), rows))
                has_news = True
            queue.complete_news(source_id, waiting, {} if remembering is None else remembering.notes())
        except BaseException:
            queue.drop(source_id, number)
            raise
        if not stream.confirm():
            return has_news


def _put(queue: Queue, source_id: str, place: Place, reading: Reading, rows: Iterable[Row | BrokenRow]) -> Waiting:
    """Put the rows into the queue's reading at this place; return what it is."""
    number = place.number
    pieces = PieceWriter(lambda piece, body: queue.add_piece(source_id, number, piece, body), hashlib.sha256())
    packed = PackedRows(cast(BinaryIO, pieces), reading, place.see)
    for row in rows:
        packed.put(row)
    packed.close()
    digest = pieces.finish()
    return Waiting(number, place.kind, pieces.size, digest, time.time_ns() // 1_000)
