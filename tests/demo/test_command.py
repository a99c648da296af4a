"""`simpul demo` from the outside: it builds, connects, says what to open, serves, stops, and starts again quickly."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

pytestmark = pytest.mark.slow

RESIDENTS = 1_500


@contextmanager
def demo(folder: Path, port: int, *options: str) -> Iterator[subprocess.Popen[str]]:
    command = [
        str(Path(sys.executable).with_name("simpul")),
        "demo",
        "--folder",
        str(folder),
        "--port",
        str(port),
        *options,
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SIMPUL_")}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], pattern: str) -> str:
    """Return what the process says up to the line that matches; it has to come."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if re.search(pattern, line):
            return said
    assert process.stderr is not None
    raise AssertionError(f"no line matched {pattern}: {said}{process.stderr.read()}")


def get(port: int, path: str) -> httpx2.Response:
    deadline = time.monotonic() + 20
    while True:
        try:
            return httpx2.get(f"http://127.0.0.1:{port}{path}", timeout=10)
        except httpx2.ConnectError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "kota-contoh"


def test_the_first_start_builds_connects_and_serves(folder: Path, free_port: int) -> None:
    with demo(folder, free_port, "--residents", str(RESIDENTS)) as process:
        said = read_until(process, "temporal")
        assert f"http://127.0.0.1:{free_port}/" in said
        assert "/welcome/" in said
        assert said.count("curl ") == 3
        assert get(free_port, "/health").status_code == 200
        buses = httpx2.get(f"http://127.0.0.1:{free_port}/ngsi-ld/v1/entities?type=Vehicle&limit=1&options=keyValues")
        assert buses.json()[0]["simulated"] is True
        types = get(free_port, "/ngsi-ld/v1/types").text
        assert "BusStop" in types
        assert "Person" not in types
        for path in re.findall(r"curl -s 'http://[^/]+([^']+)'", said):
            answered = get(free_port, path)
            assert answered.status_code == 200, path
            assert answered.json(), path
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_later_start_reads_nothing_again_and_a_stop_leaves_nothing_behind(
    folder: Path, free_port: int, stop: signal.Signals
) -> None:
    with demo(folder, free_port) as process:
        said = read_until(process, "temporal")
        assert get(free_port, "/health").status_code == 200
        process.send_signal(stop)
        _, complaints = process.communicate(timeout=20)
    assert process.returncode == 0
    assert list(folder.glob("**/*.sock")) == []
    with pytest.raises(httpx2.ConnectError):
        httpx2.get((folder / "systems" / "dishub" / "posisi-armada.txt").read_text().strip(), timeout=10)
    assert "is served on" in said
    assert complaints == ""


def test_another_number_of_residents_reaches_the_hub(folder: Path, free_port: int) -> None:
    with demo(folder, free_port, "--residents", "200") as process:
        said = read_until(process, "temporal")
        answered = get(free_port, "/answers/halte-tergenang").text
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert "51" in answered
    assert "/welcome/" in said


def test_a_port_in_use_is_said_before_the_work_begins(tmp_path: Path, free_port: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port))
        taken.listen()
        with demo(tmp_path / "padang", free_port) as process:
            _, complaints = process.communicate(timeout=20)
    assert process.returncode == 1
    assert f"Port {free_port} on 127.0.0.1 cannot be used" in complaints
    assert "SIMPUL_PORT" in complaints
    assert list(tmp_path.iterdir()) == []


def test_an_edited_declaration_that_is_wrong_names_file_and_line(folder: Path, free_port: int) -> None:
    file = folder / "sources" / "halte.yaml"
    before = file.read_text(encoding="utf-8")
    file.write_text(before.replace("kind: sql", "kind: sgl"), encoding="utf-8")
    try:
        with demo(folder, free_port) as process:
            _, complaints = process.communicate(timeout=20)
    finally:
        file.write_text(before, encoding="utf-8")
    assert process.returncode == 1
    assert "sources/halte.yaml:5" in complaints
