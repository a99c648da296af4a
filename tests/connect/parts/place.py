"""Where a part of the suite lives: a city's folder, and the servers of the test session. No kind's own code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.connect.servers import Server


@dataclass(frozen=True)
class Place:
    """The folder that relative paths start at, and what else a part may ask for."""

    folder: Path
    request: pytest.FixtureRequest

    def server(self, name: str) -> Server:
        """Return a server of the test session: `mariadb`, `postgresql`, `mosquitto`, `sshd` or `dovecot`."""
        found: Server = self.request.getfixturevalue(name)
        return found
