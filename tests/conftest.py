"""What tests of every part share: a free port, a city's folder. Parts with needs of their own have their own."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from hypothesis import settings

# No test fails because the machine is busy.
settings.register_profile("simpul", deadline=None)
settings.load_profile("simpul")


@pytest.fixture
def free_port() -> int:
    """Return a port on the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def city_folder(tmp_path: Path) -> Path:
    """Return an empty folder for a city's declarations and data."""
    folder = tmp_path / "kota"
    folder.mkdir()
    return folder
