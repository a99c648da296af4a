"""What an agent delivered of a source: the files that it comes in, and their rows as a reading. Decides nothing.

A reading arrives as `<number>.part`, piece after piece, each on the disk before the agent hears of it. What is whole
has the name `<number>.rows`, in the form of `raw_rows`; the newest of these is what a run of the source reads.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from simpul import limits
from simpul.connect.changed_rows import ChangesBroken, put_together
from simpul.connect.raw_rows import PackedReading
from simpul.domain.delivery import CHANGES, Delivery
from simpul.domain.errors import SourceUnreachable, StorageFull, StorageUnavailable
from simpul.operator_log import log
from simpul.ports.deliveries import Arrived

_PART: Final = ".part"
_ROWS: Final = ".rows"
_CHANGES: Final = ".changes"
_PUTTING: Final = ".putting"
_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


def delivered_folder(data_directory: Path, tenant: str, source_id: str) -> Path:
    """Return where the readings of a source are that its agent delivered."""
    return data_directory / "delivered" / tenant / source_id


def _newest(folder: Path) -> Path | None:
    found = (path for path in folder.glob(f"*{_ROWS}") if path.stem.isdecimal())
    return max(found, key=lambda path: int(path.stem), default=None)


class DeliveredFiles:
    """The port `DeliveryFiles` over a data folder."""

    def __init__(self, data_directory: Path) -> None:
        self._directory = data_directory

    def _path(self, tenant: str, source: str, number: int, suffix: str) -> Path:
        return delivered_folder(self._directory, tenant, source) / f"{number}{suffix}"

    def find_arrived(self, tenant: str, source: str, number: int, kind: str) -> Arrived:
        for suffix in (_ROWS, _suffix_of(kind)):
            try:
                size = self._path(tenant, source, number, suffix).stat().st_size
            except FileNotFoundError:
                continue
            return Arrived(size, suffix == _ROWS)
        return Arrived(0, is_complete=False)

    def append(self, tenant: str, source: str, delivery: Delivery, offset: int, body: bytes) -> Arrived:
        number = delivery.number
        path = self._path(tenant, source, number, _suffix_of(delivery.kind))
        with _translated(path):
            arrived = self.find_arrived(tenant, source, number, delivery.kind)
            if arrived.is_complete or arrived.size != offset or not body:
                return arrived
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if offset == 0:
                # Whatever else is on its way was given up.
                for other in path.parent.glob("*"):
                    if other.suffix != _ROWS:
                        other.unlink(missing_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            return Arrived(offset + len(body), is_complete=False)

    def complete(self, tenant: str, source: str, number: int, digest: str) -> bool:
        path = self._path(tenant, source, number, _PART)
        with _translated(path):
            if not path.exists():
                return self._path(tenant, source, number, _ROWS).exists()
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != digest:
                path.unlink()
                return False
            path.replace(path.with_suffix(_ROWS))
            _sync_folder(path.parent)
            return True

    def complete_changes(self, tenant: str, source: str, number: int, rows_digest: str) -> bool:
        changes = self._path(tenant, source, number, _CHANGES)
        with _translated(changes):
            if changes.with_suffix(_ROWS).exists():
                changes.unlink(missing_ok=True)
                return True
            if not changes.exists():
                return False
            before, putting = _newest(changes.parent), changes.with_suffix(_PUTTING)
            try:
                if before is None:
                    raise ChangesBroken("there are no rows before them")
                with os.fdopen(os.open(putting, _CREATE, 0o600), "wb") as file:
                    put_together(before, changes, file, rows_digest)
                    file.flush()
                    os.fsync(file.fileno())
            except ChangesBroken as error:
                log.warning("changes that fit nothing; the whole rows are asked for", source=source, reason=str(error))
                putting.unlink(missing_ok=True)
                changes.unlink()
                return False
            putting.replace(changes.with_suffix(_ROWS))
            _sync_folder(changes.parent)
            changes.unlink()
            return True

    def has_rows(self, tenant: str, source: str) -> bool:
        return _newest(delivered_folder(self._directory, tenant, source)) is not None

    def settle(self, tenant: str, source: str, number: int) -> None:
        folder = delivered_folder(self._directory, tenant, source)
        with _translated(folder):
            newest = _newest(folder)
            for path in folder.glob("*"):
                is_older = path.stem.isdecimal() and int(path.stem) <= number
                if is_older and path != newest:
                    path.unlink(missing_ok=True)

    def begin_anew(self, tenant: str, source: str) -> None:
        folder = delivered_folder(self._directory, tenant, source)
        with _translated(folder):
            newest = _newest(folder)
            for path in folder.glob("*"):
                if path != newest:
                    path.unlink(missing_ok=True)
            if newest is not None:
                newest.replace(folder / f"0{_ROWS}")

    def forget(self, tenant: str, source: str) -> None:
        shutil.rmtree(delivered_folder(self._directory, tenant, source), ignore_errors=True)


class DeliveredReading(PackedReading):
    """The rows that a source's agent delivered last; as a stream, there is nothing after them."""

    row_bytes_max = limits.DELIVERED_ROW_BYTES_MAX

    def __init__(self, folder: Path) -> None:
        path = _newest(folder)
        if path is None:
            raise SourceUnreachable(
                f"The agent of {folder.name} has delivered nothing yet. Start it in its office with: simpul agent"
            )
        super().__init__(path)

    def confirm(self) -> bool:
        """Say that there is no more (`connector.Stream`)."""
        return False

    def _damaged(self) -> SourceUnreachable:
        return SourceUnreachable(f"The delivered rows {self._path} are damaged. The next delivery replaces them.")


def _suffix_of(kind: str) -> str:
    return _CHANGES if kind == CHANGES else _PART


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull("The disk is full, so the delivery was not kept. It is safe to send it again.") from error
        raise StorageUnavailable(f"Deliveries cannot be kept in {path.parent}: {error.strerror}.") from error
