"""What is installed from a wheel is whole: pages, assets, languages, SQL and the demo city's facts are in it."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.house.tree import ROOT, tracked_files

pytestmark = pytest.mark.slow

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = ("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ".")
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


def test_the_installed_command_checks_its_own_demo_city(installed: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "SIMPUL_FOLDER": str(tmp_path / "padang")}
    build = [installed / "simpul", "demo", "--residents", "200", "--no-serve"]
    built = subprocess.run(build, cwd=tmp_path, env=environment, check=False, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    checked = subprocess.run(
        [installed / "simpul", "check"], env=environment, check=False, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
