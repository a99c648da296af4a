"""What the tests of sources share: a small city, and database servers for the session."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connect.kota import Kota
from tests.connect.mail_server import run_dovecot
from tests.connect.servers import Server, run_mariadb, run_mosquitto, run_postgresql, run_sshd


@pytest.fixture
def kota(city_folder: Path) -> Kota:
    city = Kota(city_folder)
    city.write_city()
    return city


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Server]:
    with run_mariadb() as server:
        yield server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    with run_postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def mosquitto() -> Iterator[Server]:
    with run_mosquitto() as server:
        yield server


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Server]:
    with run_dovecot() as server:
        yield server


@pytest.fixture(scope="session")
def sshd() -> Iterator[Server]:
    with run_sshd() as server:
        yield server


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder with agencies' real files, which is no part of the product."""
    beside = Path(__file__).parents[3] / "shared" / "data"
    folder = Path(os.environ.get("SIMPUL_TEST_DATA", beside))
    if not folder.is_dir():
        pytest.skip("the folder of real files is not here; SIMPUL_TEST_DATA names it")
    return folder
