"""Which SFTP server files arrive on. Apart from who talks to it, so that other sources need no SSH in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SftpSettings:
    """Which server, as whom, and how it is known to be the right one; with the secrets filled in."""

    host: str
    port: int
    user: str
    password: str | None
    private_key: str | None
    fingerprints: tuple[str, ...]
    known_hosts: Path | None
    is_private: bool
    timeout_seconds: float
    folder: str
    is_wanted: Callable[[str], bool]
    quiet_seconds: int
    is_kept: bool

    @property
    def where(self) -> str:
        """Return the server for a message: without the user."""
        return f"sftp://{self.host}:{self.port}"
