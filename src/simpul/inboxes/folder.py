"""A folder of this machine, or one that is mounted there, as a place where files arrive.

Whoever may write there need not be trusted: links are not followed, nothing is written over, and a file is read by the
descriptor that was looked at, whatever its name leads to by then.
"""

from __future__ import annotations

import errno
import heapq
import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from simpul import limits
from simpul.domain.errors import SourceMisconfigured, SourceMismatch, SourceUnreachable
from simpul.inboxes.inbox import BAD, DESCRIPTORS, DONE, Arrived, FileRefused, Numbering, free_name, make_arrived

_OPEN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_REFUSED: Final = frozenset({errno.EACCES, errno.EPERM, errno.ENXIO})
_NS_PER_SECOND: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class FolderSettings:
    """Which files of which folder are read, and whether they stay where they are."""

    path: Path
    is_wanted: Callable[[str], bool]
    quiet_seconds: int
    is_kept: bool


class _Held:
    """An open file of the folder."""

    def __init__(self, name: str, path: Path, descriptor: int) -> None:
        self.path = DESCRIPTORS / str(descriptor) if DESCRIPTORS.is_dir() else path
        self.name = name
        self._descriptor = descriptor
        self._before = _seen(os.fstat(descriptor))
        self._is_open = True

    def raise_if_changed(self) -> None:
        if _seen(os.fstat(self._descriptor)) != self._before:
            raise SourceUnreachable(
                f"{self.name} was written to while it was read. It is read again in the next run; where files are "
                "written slowly, set quiet: higher."
            )

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            os.close(self._descriptor)


class Folder:
    """A folder where files arrive (`inbox.Inbox`)."""

    def __init__(self, settings: FolderSettings) -> None:
        self._settings = settings
        self._path = settings.path
        self._has_unfinished = False
        if not self._path.exists():
            raise SourceUnreachable(
                f"There is no folder {self._path}; files that arrive are looked for there. Make it, or write "
                "another 'folder'."
            )
        if not self._path.is_dir():
            raise SourceUnreachable(f"{self._path} is a file; `folder` must name the folder that files arrive in.")
        if not settings.is_kept and not os.access(self._path, os.W_OK | os.X_OK):
            raise SourceMisconfigured(
                f"Files that were read cannot be moved out of {self._path}: permission denied. Let simpul write there, "
                "or write after: keep."
            )

    def list_arrived(self) -> list[Arrived]:
        most = limits.FILES_WAITING_MAX
        self._has_unfinished = False
        try:
            with os.scandir(self._path) as entries:
                wanted = (self._look(entry) for entry in entries if self._settings.is_wanted(entry.name))
                found = heapq.nsmallest(most + 1, (one for one in wanted if one is not None))
        except OSError as error:
            raise SourceUnreachable(
                f"The folder {self._path} cannot be read: {_why(error)}. Let simpul read it."
            ) from error
        if len(found) > most and self._settings.is_kept:
            raise SourceMismatch(
                f"The folder {self._path} has more than {most:,} files that match. Take away what was read, or write "
                "a narrower pattern."
            )
        return found[:most]

    def _look(self, entry: os.DirEntry[str]) -> Arrived | None:
        try:
            if entry.is_dir(follow_symlinks=False):
                return None
            found = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return None
        # Each write sets the moment of change, and nobody can set it back, as one can the moment of modification.
        if self._settings.quiet_seconds and time.time() - found.st_ctime < self._settings.quiet_seconds:
            self._has_unfinished = True
            return None
        seconds = found.st_mtime_ns // _NS_PER_SECOND
        return make_arrived(found.st_mtime_ns, seconds, entry.name, found.st_size, _seen(found))

    @property
    def has_unfinished(self) -> bool:
        return self._has_unfinished

    @property
    def numbering(self) -> Numbering | None:
        return None

    def fetch(self, arrived: Arrived) -> list[_Held] | None:
        path = self._path / arrived.key
        try:
            descriptor = os.open(path, _OPEN)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise FileRefused("it is a link, and links are not followed") from error
            if error.errno in _REFUSED:
                raise FileRefused(f"it cannot be read ({_why(error)})") from error
            raise SourceUnreachable(
                f"The file {arrived.name} cannot be read: {_why(error)}. Check its path, and that simpul may read it."
            ) from error
        found = os.fstat(descriptor)
        refusal = None
        if not stat.S_ISREG(found.st_mode):
            refusal = "it is no file that can be read to an end"
        elif found.st_size > limits.SOURCE_FILE_BYTES_MAX:
            refusal = f"it has {found.st_size:,} bytes; at most {limits.SOURCE_FILE_BYTES_MAX:,} are read"
        if refusal is not None:
            os.close(descriptor)
            raise FileRefused(refusal)
        return [_Held(arrived.name, path, descriptor)]

    def put_away(self, arrived: Arrived, refusal: str | None) -> None:
        if self._settings.is_kept:
            return
        folder = self._path / (DONE if refusal is None else BAD)
        try:
            _make_folder(folder)
            moved = self._move(arrived, folder)
            if moved is not None and refusal is not None:
                _write_beside(moved, refusal)
        except OSError as error:
            raise SourceUnreachable(
                f"The file {arrived.name} is taken over, and cannot be moved to {folder}: {_why(error)}. Let simpul "
                "write there, or write after: keep."
            ) from error

    def _move(self, arrived: Arrived, folder: Path) -> Path | None:
        """Move the file; one that took its place in the meantime goes back, and is read as what it is: a new one."""
        path = self._path / arrived.key
        target = folder / free_name(arrived.key, lambda name: os.path.lexists(folder / name))
        try:
            path.rename(target)
        except FileNotFoundError:
            return None
        found = target.lstat()
        now = make_arrived(0, 0, arrived.key, found.st_size, _seen(found))
        if now.mark == arrived.mark or os.path.lexists(path):
            return target
        target.rename(path)
        return None

    def close(self) -> None:
        """Nothing is held."""


def _seen(found: os.stat_result) -> tuple[int, int]:
    return found.st_size, found.st_mtime_ns


def _make_folder(path: Path) -> None:
    path.mkdir(exist_ok=True)
    if not stat.S_ISDIR(path.lstat().st_mode):
        raise NotADirectoryError(errno.ENOTDIR, "it is a link or a file")


def _write_beside(path: Path, text: str) -> None:
    # A name may be as long as names can be.
    name = os.fsdecode(os.fsencode(path.name)[: limits.FILE_NAME_BYTES_MAX - len(".txt")])
    target = path.with_name(free_name(f"{name}.txt", lambda one: os.path.lexists(path.with_name(one))))
    with target.open("x", encoding="utf-8", errors="replace") as file:
        file.write(f"{text}\n")


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
