"""The half of a run that reads: opens the source, takes its rows, maps the changed ones, counts. No store, no hub here.

Whatever goes in and out of a `Reader` can be sent from one process to another: `reader_hosts` says where it works.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec

from simpul import limits
from simpul.connect.connector import (
    BrokenRow,
    Complete,
    Reading,
    Remembering,
    Row,
    Sample,
    Stream,
    Surroundings,
    get_connector,
)
from simpul.connect.delivered import DeliveredReading
from simpul.connect.knowledge import Knowledge
from simpul.connect.mapping import Mapper, Shape
from simpul.connect.raw_rows import KeptReading, RecordingReading
from simpul.connect.rules import SeenKeys
from simpul.connect.sampled import SampleReading
from simpul.connect.taking import Taken
from simpul.connect.values import RowRejected, text_of
from simpul.domain.alike import Alike, pack
from simpul.domain.city import City, SourceDeclaration
from simpul.domain.context import Context
from simpul.domain.entity import Entity
from simpul.domain.errors import StorageUnavailable
from simpul.domain.quality import Finding
from simpul.ports.quality import Question


@dataclass(frozen=True, slots=True)
class Assignment:
    """What is to be read, and where rows are kept. With `from_run` the rows are those that are kept of that run.

    `delivered` is where the rows lie of a source that an agent reads. Of a `sample` its rows are read, and no others.
    Without a `run_id` it is a trial, which writes nothing and leaves to the runs what waits for them.
    """

    city: City
    source: SourceDeclaration
    surroundings: Surroundings
    kept_rows: Path
    run_id: int = 0
    from_run: int | None = None
    delivered: Path = Path()
    sample: Sample | None = None


class Opened(NamedTuple):
    """What an open source says of itself."""

    columns: tuple[str, ...]
    rows_expected: int | None


class Chunk(NamedTuple):
    """Some rows that the reader has in hand under a number, by their keys and digests, each key once.

    `broken` of them are places where no row can be read. `is_last` says that no row comes after them. The first chunk
    brings a `sample` of rows, by which a change of form is noticed.
    """

    number: int
    keys: list[str]
    digests: list[bytes]
    broken: int
    is_last: bool
    sample: Sequence[Sequence[Any]] = ()


class Rejected(NamedTuple):
    """Why there is no entity for a row; `entity_id` is which one it would be, where that is known."""

    rule: str
    reason: str
    entity_id: str
    raw: dict[str, Any]


class MappedRows(NamedTuple):
    """What is to be put for each row; where that is an id, its entity is among those that are `packed`."""

    rows: list[Entity | Rejected | str]
    packed: list[Alike]


Mapped = Entity | Rejected
InHand = Taken | tuple[str, bytes, Rejected]


class Reader:
    """One source in the hands of one run."""

    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment
        self._reading: Reading | None = None
        self._recording: RecordingReading | None = None
        self._rows: Iterator[Row | BrokenRow] = iter(())
        self._row_word = ""
        self._is_stream = get_connector(assignment.source.kind).is_stream
        self._sample: list[Sequence[Any]] | None = None
        self._chunks: dict[int, list[InHand]] = {}
        self._count = 0
        self._is_through = False
        # Rows of a stream whose keys are in the last chunk already: news of the same thing, for the chunks after it.
        self._waiting: list[Taken] = []
        # The keys of the batch in hand, of a stream that tells all that there is.
        self._batch: SeenKeys | None = None

    def open(self) -> Opened:
        """Open the source itself, or the rows that are kept of an earlier run. Raises SourceError, NotFound."""
        reading = self._reading = self._open_reading()
        self._row_word = reading.row_word
        return Opened(reading.columns, reading.rows_expected)

    def _open_reading(self) -> Reading:
        given = self._assignment
        if given.from_run is not None:
            return KeptReading(given.kept_rows, given.from_run)
        if given.sample is not None:
            return SampleReading(given.sample)
        plain = given.source.declaration
        if given.source.is_delivered:
            reading: Reading = DeliveredReading(given.delivered)
        else:
            connector = get_connector(given.source.kind)
            reading = connector.open(plain["read"], given.surroundings, is_trial=not given.run_id)
        if "keep_raw" not in plain or not given.run_id:
            return reading
        try:
            self._recording = RecordingReading(reading, given.kept_rows, given.run_id)
        except OSError as error:
            reading.close()
            raise StorageUnavailable(f"Rows cannot be kept in {given.kept_rows}: {error.strerror}.") from error
        return self._recording

    def prepare(self, context: Context, columns: Sequence[str], knowledge: Knowledge) -> Shape:
        """Compile the mapping for these columns. Raises SourceError."""
        assert self._reading is not None, "the source is open"
        self._mapper = Mapper(self._assignment.source, self._assignment.city, context, columns, knowledge)
        self._context = context
        self._rows = self._reading.rows()
        return self._mapper.shape

    def take_chunk(self, rows_max: int, let_go: Sequence[int] = ()) -> Chunk:
        """Take the next rows in hand, those that are no records left out. Raises what the reading raises.

        The chunks of the numbers `let_go` are not wanted any more.
        """
        for number in let_go:
            del self._chunks[number]
        if self._waiting:
            return self._hold(self._waiting, [], is_last=self._is_through)
        taken, broken = self._take_rows(rows_max)
        survey = self._mapper.survey
        if survey is not None:
            survey.see_all(taken)
        chunk = self._hold(taken, broken, is_last=self._is_through)
        if self._sample is None:
            self._sample = [one.cells for one in taken[: limits.DRIFT_SAMPLE_ROWS]]
            return chunk._replace(sample=self.list_sample())
        return chunk

    def _take_rows(self, rows_max: int) -> tuple[list[Taken], list[BrokenRow]]:
        found = list(islice(self._rows, rows_max))
        self._is_through = len(found) < rows_max
        broken = [row for row in found if type(row) is BrokenRow]
        rows = [row for row in found if type(row) is not BrokenRow] if broken else found
        return self._mapper.take_all(cast(list[Row], rows)), broken

    def take_new_rows(self, rows_max: int) -> tuple[Chunk, MappedRows]:
        """Take the next rows of a source of which nothing is known yet, and map them. Raises as `take_chunk`."""
        chunk = self.take_chunk(rows_max)
        return chunk, self.map_new_rows(chunk.number)

    def _hold(self, taken: list[Taken], broken: Sequence[BrokenRow], *, is_last: bool) -> Chunk:
        if self._batch is not None:
            # What a newer batch told of a key counts.
            taken = [row for row in taken if not self._mapper.has_told(row.key)]
        if self._is_stream:
            taken = self._each_key_once(taken)
        others = [self._map_broken(row) for row in broken]
        self._count += 1
        self._chunks[self._count] = [*taken, *others]
        keys = [row.key for row in taken]
        digests = [row.digest for row in taken]
        if others:
            keys += [other[0] for other in others]
            digests += [other[1] for other in others]
        if self._batch is not None:
            for key in keys:
                self._batch.add(key)
        return Chunk(self._count, keys, digests, len(others), is_last and not self._waiting)

    def _each_key_once(self, rows: Sequence[Taken]) -> list[Taken]:
        """Return the first row of each key; the others wait."""
        first: dict[str, Taken] = {}
        self._waiting = [row for row in rows if first.setdefault(row.key, row) is not row]
        return list(first.values())

    def list_sample(self) -> list[Sequence[Any]]:
        """Return the first rows, by which a change of form is noticed."""
        return [tuple(cells) for cells in self._sample or ()]

    def map_rows(self, number: int, positions: Sequence[int] | None = None) -> list[Mapped]:
        """Return what is to be put for each row at these positions of a chunk, and let go of that chunk."""
        rows = self._chunks.pop(number)
        return self._map_all(rows if positions is None else [rows[one] for one in positions])

    def map_new_rows(self, number: int) -> MappedRows:
        """Return what `map_rows` returns of a chunk of which nothing is known yet, with its entities packed.

        Of several rows of one entity only the first is packed: the others are put after it.
        """
        in_hand = self._chunks.pop(number)
        rows: list[Entity | Rejected | str] = []
        packed: list[Alike] = []
        seen: set[str] = set()
        # Some at a time: whole entities take much more memory than packed ones.
        for at in range(0, len(in_hand), limits.SOURCE_CHUNK_ROWS):
            some = in_hand[at : at + limits.SOURCE_CHUNK_ROWS]
            taken = [row for row in some if type(row) is Taken]
            mapped, alike = self._mapper.map_new(taken, self._context, seen)
            if alike is not None:
                packed.append(alike)
                seen.update(alike.ids)
            coming = iter(mapped)
            fresh: list[Entity] = []
            for row in some:
                one = next(coming) if type(row) is Taken else cast(Rejected, row[2])
                if isinstance(one, RowRejected):
                    rows.append(self._reject(cast(Taken, row), one))
                elif not isinstance(one, dict) or one["id"] in seen:
                    rows.append(one)
                else:
                    seen.add(one["id"])
                    rows.append(one["id"])
                    fresh.append(one)
            packed += pack(self._context, fresh)
        return MappedRows(rows, packed)

    def _map_all(self, rows: Sequence[InHand]) -> list[Mapped]:
        mapped = iter(self._mapper.map_all([row for row in rows if type(row) is Taken]))
        found: list[Mapped] = []
        for row in rows:
            one = next(mapped) if type(row) is Taken else cast(Rejected, row[2])
            found.append(self._reject(cast(Taken, row), one) if isinstance(one, RowRejected) else one)
        return found

    def _reject(self, row: Taken, rejected: RowRejected) -> Rejected:
        entity_id = self._mapper.find_id(row) if row.verdict is None else ""
        raw = shortened(dict(zip(self._mapper.columns, row.cells, strict=False)))
        return Rejected(rejected.rule, rejected.reason, entity_id, raw)

    def _map_broken(self, row: BrokenRow) -> tuple[str, bytes, Rejected]:
        """Return what is to be put for a place where no row can be read."""
        key = f"{self._row_word} {row.number}"
        self._mapper.note(key)
        digest = blake2b(repr((row.reason, row.raw)).encode("utf-8", "replace"), digest_size=16).digest()
        return key, digest, Rejected("broken", row.reason, "", shortened(row.raw))

    def list_notes(self) -> list[str]:
        """Return under which names a stream may have noted what was taken over."""
        stream = self._remembering
        return [] if stream is None else stream.list_notes()

    def recall(self, notes: Mapping[str, bytes]) -> None:
        """Tell a stream what it has noted; where it matters which rows are gone, let it look for that, too."""
        stream = self._remembering
        if stream is None:
            return
        stream.recall(notes)
        is_asked = self._assignment.source.declaration.get("vanished", "keep") != "keep"
        if is_asked and isinstance(stream, Complete) and stream.turn_to_all():
            self._batch = SeenKeys()
            self._note_told(notes)

    def notes(self) -> Mapping[str, bytes]:
        """Return what a stream wants to be noted of its batch."""
        stream = self._remembering
        notes = {} if stream is None else stream.notes()
        if self._batch is not None:
            self._note_told(notes)
        return notes

    def _note_told(self, notes: Iterable[str]) -> None:
        """Count what is noted as there, as the rows are: both are kept in one place."""
        for name in notes:
            self._mapper.note_told(name)

    def has_told_all(self) -> bool:
        """Return whether a stream has told all that there is, so that what it did not tell is gone."""
        stream = self._remembering
        return isinstance(stream, Complete) and stream.has_told_all

    def notes_of_all(self) -> Mapping[str, bytes]:
        """Return what a stream that has told all wants to be noted at the end."""
        stream = self._remembering
        return stream.notes_of_all() if isinstance(stream, Complete) else {}

    @property
    def _remembering(self) -> Remembering | None:
        stream: object = self._reading
        return stream if isinstance(stream, Remembering) else None

    def confirm(self) -> bool:
        """Tell a stream that all rows so far are on disk, and turn to its next batch; return whether there is more."""
        stream = cast(Stream, self._reading)
        if self._batch is not None:
            self._mapper.note_batch(self._batch)
            self._batch = SeenKeys()
        if not stream.confirm():
            return False
        self._rows = stream.rows()
        return True

    def list_unseen(self, keys: Sequence[str]) -> list[str]:
        """Return which of these keys no row of this run had."""
        has_seen = self._mapper.has_seen
        return [key for key in keys if not has_seen(key)]

    def count_distinct(self) -> int | None:
        """Return how many keys were taken; None where copies were among them, which may bear others' keys."""
        return self._mapper.distinct_count

    def list_references(self) -> list[list[str]]:
        """Return for each rule about references the entities that rows pointed to."""
        survey = self._mapper.survey
        return [] if survey is None else [list(references.wanted) for references in survey.references]

    def list_findings(self, missing: Sequence[Collection[str]]) -> list[Finding]:
        """Return what the rules about all rows found; `missing` are the entities that are not there, by such rule."""
        survey = self._mapper.survey
        if survey is None:
            return []
        for references, targets in zip(survey.references, missing, strict=True):
            for target in targets:
                references.note_missing(target)
        return survey.findings()

    def list_questions(self, now_us: int) -> list[Question]:
        """Return the names for which no code was found for sure."""
        source_id = self._assignment.source.id
        return [one for column in self._mapper.code_columns for one in column.questions(source_id, now_us)]

    def close(self) -> None:
        """Let go of files and connections. What was taken in hand stays."""
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.close()

    def keep_rows(self, runs: int) -> None:
        """Keep the rows of this run as they came, and those of earlier ones only as many as make up `runs`."""
        if self._recording is not None:
            self._recording.keep(runs)


def shortened(raw: dict[str, Any]) -> dict[str, Any]:
    """Return a row as it came, in JSON's own types, cut where it is over `limits.REJECT_RAW_BYTES_MAX`."""
    kept = {name: _json_value(cell) for name, cell in raw.items()}
    if len(msgspec.json.encode(kept)) <= limits.REJECT_RAW_BYTES_MAX:
        return kept
    cut = {name: _cut(cell) for name, cell in kept.items()}
    while len(msgspec.json.encode(cut)) > limits.REJECT_RAW_BYTES_MAX:
        cut.popitem()
    return cut


def _json_value(cell: Any) -> Any:
    if cell is None or isinstance(cell, bool | int):
        return cell
    if isinstance(cell, str):
        return cell.encode("utf-8", "replace").decode()
    if isinstance(cell, float):
        # NaN and the infinities are no JSON.
        return cell if cell - cell == 0 else str(cell)
    if isinstance(cell, Decimal | date | time | timedelta):
        return text_of(cell)
    if isinstance(cell, dict):
        return {str(name): _json_value(value) for name, value in cell.items()}
    if isinstance(cell, list | tuple):
        return [_json_value(value) for value in cell]
    return repr(cell)[: limits.REJECT_CELL_CHARACTERS]


def _cut(value: Any) -> Any:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return value if len(text) <= limits.REJECT_CELL_CHARACTERS else text[: limits.REJECT_CELL_CHARACTERS] + "…"
