"""Reads one file of a GTFS dataset, streamed out of its archive, or the rows of a GTFS Realtime feed."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from io import TextIOWrapper
from tempfile import TemporaryFile
from typing import IO, Any, BinaryIO, Final, cast

import httpx2

from simpul import limits
from simpul.connect.connector import BrokenRow, Reading, Row, Surroundings, open_file
from simpul.connect.delimited_rows import read_rows
from simpul.connect.fields import Plain
from simpul.connectors.gtfs import errors
from simpul.connectors.gtfs.settings import GtfsSettings, parse_settings
from simpul.fetching import Fetcher, shown_url
from simpul.formats.byte_order import marked_encoding
from simpul.formats.delimited import Lines
from simpul.formats.gtfs_files import REQUIRED_COLUMNS
from simpul.formats.gtfs_realtime import FeedBroken, columns_of, iter_rows, parse_feed
from simpul.formats.zip_member import ArchiveBroken, find_member, open_archive, open_member, told

_HEAD_BYTES: Final = 512
_SHAPE_COLUMNS: Final = ("shape_id", "geometry")


def open_reading(plain: Plain, surroundings: Surroundings) -> Reading:
    """Return the open file or feed. Raises SourceUnreachable, SourceMismatch, SourceMisconfigured."""
    settings = parse_settings(plain, surroundings)
    with ExitStack() as stack:
        where, file = open_whole(settings, surroundings, stack)
        if settings.realtime is not None:
            return FeedReading(where, file.read(), settings)
        reading = (LinesReading if settings.as_lines else FileReading)(where, file, settings, stack)
        reading.keep(stack.pop_all())
        return reading


def open_whole(settings: GtfsSettings, surroundings: Surroundings, stack: ExitStack) -> tuple[str, BinaryIO]:
    """Return what is read, and its bytes: a file that lies there, or one that is fetched and gone when it is closed."""
    most = limits.SOURCE_FILE_BYTES_MAX if settings.realtime is None else limits.GTFS_REALTIME_BYTES_MAX
    if settings.path is not None:
        path = open_file(surroundings.path(settings.path), most)
        return str(path), stack.enter_context(path.open("rb"))
    service = settings.service
    assert service is not None, "the check asks for a path or a URL"
    kept = TemporaryFile(prefix="simpul-")  # noqa: SIM115 - The stack closes it.
    file = cast("BinaryIO", stack.enter_context(kept))
    with closing(Fetcher(service)) as fetcher:
        url = str(httpx2.URL(service.url).copy_merge_params(settings.query)) if settings.query else service.url
        fetcher.download(url, file, min(most, limits.DOWNLOAD_BYTES_MAX))
    return shown_url(service.url), file


def _chosen(where: str, columns: Mapping[str, str], known: Sequence[str]) -> tuple[tuple[str, ...], list[int]]:
    """Return the names of the columns, and the place that each has in a row."""
    for name in columns.values():
        if name not in known:
            raise errors.unknown_column(where, name, known)
    if not columns:
        return tuple(known), list(range(len(known)))
    return tuple(columns), [known.index(name) for name in columns.values()]


class FileReading:
    """One file of a dataset."""

    def __init__(self, where: str, file: BinaryIO, settings: GtfsSettings, stack: ExitStack) -> None:
        self.row_word = "line"
        self.rows_expected: int | None = None
        self._name = f"{settings.file}.txt"
        self._archive_name = where
        self._where = f"{self._name} of {where}"
        self._stack = ExitStack()
        head = file.read(_HEAD_BYTES)
        try:
            archive = stack.enter_context(open_archive(file))
            member = find_member(archive, self._name)
            if member is None:
                names = sorted(one.filename for one in archive.infolist() if not one.is_dir())
                raise errors.no_file(where, self._name, names)
            self._archive, self._member = archive, member
            self._encoding = self._find_encoding(settings.encoding)
            text = stack.enter_context(TextIOWrapper(self._open(), self._encoding, errors="strict", newline=""))
            self._lines = Lines(text, not_text=self._not_text, long_line=self._long_line)
            self._records = csv.reader(self._lines, strict=True)
            with told():
                self._header = self._read_header(settings.file or "")
        except ArchiveBroken as error:
            raise errors.no_archive(where, str(error), head) from error
        self.columns, self._places = _chosen(self._where, settings.columns, self._known())

    def _open(self) -> IO[bytes]:
        return open_member(self._archive, self._member)

    def _known(self) -> Sequence[str]:
        return self._header

    def keep(self, stack: ExitStack) -> None:
        """Take over what is to be closed in the end."""
        self._stack = stack

    def _find_encoding(self, declared: str) -> str:
        with told(), self._open() as member:
            head = member.read(4)
        return marked_encoding(head) or declared

    def _not_text(self) -> Exception:
        """Return the error for bytes that are no text, with the first such place."""
        with self._open() as member:
            for number, line in enumerate(iter(lambda: member.readline(limits.CSV_LINE_CHARACTERS_MAX), b""), 1):
                try:
                    line.decode(self._encoding)
                except UnicodeDecodeError as error:
                    return errors.not_text_at(self._where, self._encoding, number, error.start + 1)
        return errors.not_text(self._where, self._encoding)

    def _long_line(self, number: int) -> Exception:
        return errors.long_line(self._where, number, limits.CSV_LINE_CHARACTERS_MAX)

    def _read_header(self, file: str) -> list[str]:
        try:
            names = [name.strip() for name in next(self._records)]
        except (StopIteration, csv.Error) as error:
            raise errors.no_header(self._where) from error
        while names and not names[-1]:
            # A delimiter at the end of each line.
            names.pop()
        for place, name in enumerate(names):
            if name in names[:place]:
                raise errors.twice(self._where, name)
        missing = [name for name in REQUIRED_COLUMNS[file] if name not in names]
        if missing:
            raise errors.missing_columns(self._where, missing, names)
        if len(names) > limits.SOURCE_COLUMNS_MAX:
            raise errors.too_many(self._where, "columns", limits.SOURCE_COLUMNS_MAX)
        return names

    def rows(self) -> Iterator[Row | BrokenRow]:
        places = self._places
        for row in self._records_of_file():
            yield Row(row.number, [row.cells[place] for place in places]) if isinstance(row, Row) else row

    def _records_of_file(self) -> Iterator[Row | BrokenRow]:
        """Yield every record with all of its cells. Raises SourceMismatch."""
        try:
            with told():
                yield from read_rows(self._lines, self._records, len(self._header))
        except ArchiveBroken as error:
            raise errors.broken(self._archive_name, str(error)) from error

    def close(self) -> None:
        self._stack.close()


class LinesReading(FileReading):
    """The lines that vehicles drive: the points of `shapes.txt`, put together."""

    def __init__(self, where: str, file: BinaryIO, settings: GtfsSettings, stack: ExitStack) -> None:
        super().__init__(where, file, settings, stack)
        self.row_word = "shape"
        self._seen: set[str] = set()

    def _known(self) -> Sequence[str]:
        return _SHAPE_COLUMNS

    def rows(self) -> Iterator[Row | BrokenRow]:
        for number, found in enumerate(self._shapes(), 1):
            if isinstance(found, BrokenRow):
                yield found._replace(number=number)
            else:
                yield Row(number, [found[place] for place in self._places])

    def _shapes(self) -> Iterator[tuple[str, Any] | BrokenRow]:
        shape, points = "", list[Row]()
        place = self._header.index("shape_id")
        for row in self._records_of_file():
            if isinstance(row, BrokenRow):
                yield row
                continue
            if row.cells[place] != shape:
                if points:
                    yield self._put_together(shape, points)
                shape, points = row.cells[place], []
            points.append(row)
            if len(points) > limits.GTFS_SHAPE_POINTS_MAX:
                raise errors.too_many(self._where, f"points in the line {shape!r}", limits.GTFS_SHAPE_POINTS_MAX)
        if points:
            yield self._put_together(shape, points)

    def _put_together(self, shape: str, points: list[Row]) -> tuple[str, Any] | BrokenRow:
        if shape in self._seen:
            raise errors.scattered(self._where, shape)
        self._seen.add(shape)
        if len(self._seen) > limits.GTFS_SHAPES_MAX:
            raise errors.too_many(self._where, "lines", limits.GTFS_SHAPES_MAX)
        longitude, latitude, sequence = (self._header.index(f"shape_pt_{name}") for name in ("lon", "lat", "sequence"))
        placed: list[tuple[int, list[float]]] = []
        for row in points:
            try:
                position = [float(row.cells[longitude]), float(row.cells[latitude])]
                _raise_unless_on_earth(*position)
                placed.append((int(row.cells[sequence]), position))
            except ValueError:
                reason = f"line {row.number}: it is no place with a number in a sequence"
                return BrokenRow(0, reason, dict(zip(self._header, row.cells, strict=False)))
        if len(placed) < 2:
            return BrokenRow(0, f"the line {shape} has one point, and a line has two", {"shape_id": shape})
        placed.sort(key=lambda one: one[0])
        return shape, {"type": "LineString", "coordinates": [position for _, position in placed]}


def _raise_unless_on_earth(longitude: float, latitude: float) -> None:
    if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
        raise ValueError


class FeedReading:
    """What a GTFS Realtime feed tells at this moment."""

    def __init__(self, where: str, body: bytes, settings: GtfsSettings) -> None:
        self.row_word = "row"
        self.rows_expected: int | None = None
        self._kind = settings.realtime or ""
        try:
            self._feed = parse_feed(body)
        except FeedBroken as error:
            raise errors.no_feed(where, str(error), body[:_HEAD_BYTES]) from error
        known = columns_of(self._kind, settings.languages)
        self.columns, places = _chosen(where, settings.columns, known)
        self._paths = [known[place] for place in places]

    def rows(self) -> Iterator[Row | BrokenRow]:
        for number, cells in enumerate(iter_rows(self._feed, self._kind, self._paths), 1):
            yield Row(number, cells)

    def close(self) -> None:
        self._feed.Clear()
