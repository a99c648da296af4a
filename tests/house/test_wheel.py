"""What is installed from a wheel is whole: pages, assets, languages, SQL and the demo city's facts are in it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
import venv
import zipfile
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.house.tree import ROOT, tracked_files

pytestmark = pytest.mark.slow

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = ("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), ".")
    subprocess.run([*PIP, *build], cwd=ROOT, check=True)
    return next(folder.glob("simpul-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the `bin` folder of a fresh environment with the wheel in it.

    It finds the dependencies in this environment: what is tested is what the wheel itself brings.
    """
    environment = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(environment, with_pip=False)
    subprocess.run([*PIP, "--python", environment / "bin" / "python", "install", "--no-deps", wheel], check=True)
    site = next((environment / "lib").glob("python*")) / "site-packages"
    (site / "dependencies.pth").write_text(str(Path(pytest.__file__).parents[1]) + "\n")
    return environment / "bin"


def test_every_file_of_the_package_is_in_the_wheel(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    package = [name.removeprefix("src/") for name in tracked_files() if name.startswith("src/simpul/")]
    assert [name for name in package if name not in inside] == []


def test_the_licence_comes_with_the_wheel(wheel: Path) -> None:
    inside = {name.rsplit("/", 1)[-1] for name in zipfile.ZipFile(wheel).namelist()}
    assert {"LICENSE", "NOTICE"} <= inside


def test_the_installed_package_is_the_one_that_runs(installed: Path) -> None:
    where = "import simpul; print(simpul.__file__)"
    answer = subprocess.run([installed / "python", "-c", where], check=True, capture_output=True, text=True)
    assert answer.stdout.startswith(str(installed.parent))


def test_the_installed_command_tells_what_it_can_do(installed: Path) -> None:
    answer = subprocess.run([installed / "simpul", "--help"], check=True, capture_output=True, text=True)
    assert "demo" in answer.stdout


def test_the_installed_command_builds_and_serves_the_demo_city(installed: Path, tmp_path: Path, free_port: int) -> None:
    url = f"http://127.0.0.1:{free_port}"
    city = tmp_path / "padang"
    command = [str(installed / "simpul"), "demo", "--residents", "200", f"--folder={city}", f"--port={free_port}"]
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as hub:
        try:
            _wait_until_ready(url, hub, tmp_path / "log")
            home = _read(f"{url}/")
            assets = re.findall(r'(?:src|href)="(/[^"]+\.(?:css|js|svg))', home)
            assert assets
            assert all(_read(url + asset) for asset in assets)
            stops = _read(f"{url}/ngsi-ld/v1/entities?type=BusStop&limit=1")
        finally:
            hub.send_signal(signal.SIGINT)
    assert "BusStop" in stops
    checked = subprocess.run([installed / "simpul", "check", str(city)], check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def _wait_until_ready(url: str, hub: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        assert hub.poll() is None, log.read_text()
        try:
            _read(f"{url}/health")
        except URLError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the hub was not ready within a minute")


def _read(url: str) -> str:
    with urlopen(url, timeout=30) as answer:
        text: str = answer.read().decode(errors="replace")
        return text
