"""The lock that keeps a second process away from a city's file. No SQLite here."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from simpul.domain.errors import StorageUnavailable


class FileLock:
    """Held from opening to closing a city; the system frees it when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        lock_path = path.with_name(path.name + ".lock")
        try:
            self._descriptor = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StorageUnavailable(
                f"{lock_path.name} cannot be made in {path.parent}: {error.strerror}. "
                "Check the folder and its permissions."
            ) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            raise StorageUnavailable(
                f"{path.name} is in use by another Simpul process. Wait until that one has ended, or stop it."
            ) from error

    def release(self) -> None:
        os.close(self._descriptor)
