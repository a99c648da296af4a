"""The features of a Shapefile: loose files with one name, or a zip of them. Streamed.

Text is in the encoding that the source, the `.cpg` or the `.dbf` tells, coordinates in the system of the source or the
`.prj`. The members of a zip are unpacked to files that have no name and go when they are closed.
"""

from __future__ import annotations

import errno
import lzma
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import zip_longest
from pathlib import Path, PurePosixPath
from tempfile import TemporaryFile
from typing import BinaryIO, Final, cast

from simpul import limits
from simpul.connect.connector import open_file
from simpul.connectors.geo import errors
from simpul.connectors.geo.features import BrokenFeature, Feature, unique_names
from simpul.connectors.geo.features.encodings import find_encoding
from simpul.connectors.geo.features.placing import placed, projection_at
from simpul.connectors.geo.features.projection import is_like_degrees
from simpul.formats.dbase import Records, TableBroken, Undecodable
from simpul.formats.shapes import Shapes, ShapesBroken, ShapeUnreadable
from simpul.formats.zip_member import ArchiveBroken, open_archive

_SMALL_FILE_BYTES_MAX: Final = 64 * 1024
_COPY_BYTES: Final = 1024 * 1024
_NOTHING: Final = object()


class Shapefile:
    """The features of one layer."""

    def __init__(self, path: Path, layer: str | None, crs: str | None, encoding: str | None) -> None:
        self._where = str(path)
        self._stack = ExitStack()
        try:
            files = _Zipped(path, layer, self._stack) if _is_zip(path) else _Loose(path, self._stack)
            self._open(files, path, crs, encoding)
        except BaseException:
            self.close()
            raise

    def _open(self, files: _Loose | _Zipped, path: Path, crs: str | None, encoding: str | None) -> None:
        shp, dbf = files.open(".shp"), files.open(".dbf")
        if shp is None:
            raise errors.missing_part(path, ".shp", "it holds the shapes")
        if dbf is None:
            raise errors.missing_part(path, ".dbf", "it holds the values")
        try:
            self._shapes = Shapes(shp, files.open(".shx"))
        except ShapesBroken as error:
            raise errors.broken_file(self._where, str(error)) from error
        try:
            self._records = Records(dbf, _encoding(encoding or files.text(".cpg"), self._where))
        except TableBroken as error:
            raise errors.broken_file(f"{self._where} (.dbf)", str(error)) from error
        self.names = unique_names(self._records.names)
        self.expected: int | None = self._records.count
        told = crs or files.text(".prj")
        if not told and self._records.count and not is_like_degrees(self._shapes.bounds):
            raise errors.no_coordinate_system(self._where, self._shapes.bounds)
        self._projection = projection_at(told, self._where)

    def __iter__(self) -> Iterator[Feature | BrokenFeature]:
        number = 0
        try:
            for shape, values in zip_longest(self._shapes, self._records, fillvalue=_NOTHING):
                if shape is _NOTHING:
                    raise errors.other_counts(self._where, f"{number:,}", self._records.count)
                if values is _NOTHING:
                    raise errors.other_counts(self._where, f"more than {number:,}", self._records.count)
                number += 1
                if values is None:
                    # Marked as deleted, and not there for any program that opens the file.
                    continue
                yield self._feature(number, shape, values)
        except ShapesBroken as error:
            raise errors.broken_file(self._where, str(error)) from error
        except TableBroken as error:
            raise errors.broken_file(f"{self._where} (.dbf)", str(error)) from error

    def _feature(self, number: int, shape: object, values: object) -> Feature | BrokenFeature:
        if isinstance(values, Undecodable):
            reason = (
                f"the text of {values.column} is not {self._records.encoding} (byte 0x{values.byte:02x}); say its "
                "encoding with encoding:, such as cp1252"
            )
            return BrokenFeature(number, reason, {"feature": number})
        assert isinstance(values, list), "records are lists"
        if isinstance(shape, ShapeUnreadable):
            raw = {name: str(value) for name, value in zip(self.names, values, strict=True)}
            return BrokenFeature(number, shape.reason, raw)
        assert shape is None or isinstance(shape, dict), "shapes are geometries"
        return placed(number, None, shape, values, self._projection)

    def close(self) -> None:
        self._stack.close()


class _Loose:
    """Files with one name in a folder; endings may be in capitals."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self._stack = stack
        open_file(path, limits.SOURCE_FILE_BYTES_MAX)
        names = {one.name.lower(): one for one in path.parent.iterdir() if one.stem == path.stem}
        self._paths = {ending: names.get(f"{path.stem}{ending}".lower()) for ending in _ENDINGS}

    def open(self, ending: str) -> BinaryIO | None:
        path = self._paths[ending]
        if path is None:
            return None
        return self._stack.enter_context(open_file(path, limits.SOURCE_FILE_BYTES_MAX).open("rb"))

    def text(self, ending: str) -> str:
        file = self.open(ending)
        return "" if file is None else _small_text(file)


class _Zipped:
    """The members of a zip that make up one layer."""

    def __init__(self, path: Path, layer: str | None, stack: ExitStack) -> None:
        self._where = str(path)
        self._stack = stack
        file = stack.enter_context(open_file(path, limits.SOURCE_FILE_BYTES_MAX).open("rb"))
        try:
            self._archive = stack.enter_context(open_archive(file))
        except (ArchiveBroken, OSError, ValueError) as error:
            raise errors.broken_file(self._where, f"the zip is damaged ({error})") from error
        members = self._archive.infolist()
        if len(members) > limits.GEO_ARCHIVE_FILES_MAX:
            raise errors.broken_file(self._where, f"the zip holds {len(members):,} files")
        self._members = {one.filename.lower(): one for one in members if not one.is_dir()}
        self._unpacked_bytes = 0
        self.layers = self._find_layers()
        self._layer = layer

    def _find_layers(self) -> dict[str, str]:
        # macOS packs a second, hidden file beside each.
        stems = [
            name.removesuffix(".shp")
            for name in self._members
            if name.endswith(".shp") and not name.startswith("__macosx/")
        ]
        if not stems:
            raise errors.broken_file(self._where, "the zip holds no .shp")
        names = [PurePosixPath(stem).name for stem in stems]
        # Layers of one name in several folders are told by their folders, too.
        return {name if names.count(name) == 1 else stem: stem for name, stem in zip(names, stems, strict=True)}

    @property
    def _stem(self) -> str:
        """Return where the wanted layer is in the zip. Raises SourceMismatch."""
        if self._layer is None and len(self.layers) > 1:
            raise errors.no_layer(self._where, None, self.layers)
        wanted = next(iter(self.layers)) if self._layer is None else self._layer.lower()
        if wanted not in self.layers:
            raise errors.no_layer(self._where, self._layer, self.layers)
        return self.layers[wanted]

    def open(self, ending: str) -> BinaryIO | None:
        member = self._members.get(self._stem + ending)
        if member is None:
            return None
        self._raise_if_bomb(member)
        file = cast(BinaryIO, self._stack.enter_context(TemporaryFile()))  # noqa: SIM115 - The stack closes it.
        # What is read ends with the size that the archive tells.
        with self._unpacked(member) as packed:
            shutil.copyfileobj(packed, file, _COPY_BYTES)
        file.seek(0)
        return file

    def text(self, ending: str) -> str:
        member = self._members.get(self._stem + ending)
        if member is None:
            return ""
        with self._unpacked(member) as packed:
            return _small_text(packed)

    def _raise_if_bomb(self, member: zipfile.ZipInfo) -> None:
        most = limits.GEO_UNPACKED_BYTES_MAX
        self._unpacked_bytes += member.file_size
        if self._unpacked_bytes > most:
            raise errors.too_large(self._where, f"unpacks to {self._unpacked_bytes:,} bytes or more", most)
        if member.file_size > limits.GEO_UNPACKED_RATIO_MAX * max(member.compress_size, _COPY_BYTES):
            raise errors.too_large(
                self._where,
                f"packs {member.filename} more than {limits.GEO_UNPACKED_RATIO_MAX} times smaller than it is",
                most,
            )

    @contextmanager
    def _unpacked(self, member: zipfile.ZipInfo) -> Iterator[BinaryIO]:
        try:
            with self._archive.open(member) as packed:
                yield cast(BinaryIO, packed)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise errors.no_space(self._where) from error
            raise errors.broken_file(self._where, f"{member.filename} cannot be unpacked ({error})") from error
        except (zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError, ValueError) as error:
            raise errors.broken_file(self._where, f"{member.filename} is damaged, or locked ({error})") from error
        except (zlib.error, lzma.LZMAError) as error:
            raise errors.broken_file(self._where, f"{member.filename} is damaged ({error})") from error


_ENDINGS: Final = (".shp", ".shx", ".dbf", ".prj", ".cpg")


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"PK"


def _small_text(file: BinaryIO) -> str:
    return file.read(_SMALL_FILE_BYTES_MAX).removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace").strip("\0 \r\n\t")


def _encoding(told: str, where: str) -> str | None:
    if not told:
        return None
    found = find_encoding(told)
    if found is None:
        raise errors.unknown_encoding(where, told)
    return found


def list_layers(path: Path) -> list[str]:
    """Return the layers in a zip, or the one of a loose file. Raises SourceMismatch, SourceUnreachable."""
    if not _is_zip(path):
        return [path.stem]
    with ExitStack() as stack:
        return sorted(_Zipped(path, None, stack).layers)
