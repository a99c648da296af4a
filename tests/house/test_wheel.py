"""What is installed from a wheel is whole: pages, assets, languages, SQL and the demo city's facts are in it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.house.tree import ROOT, tracked_files

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    subprocess.run([*build, folder, "."], cwd=ROOT, check=True)
    return next(folder.glob("simpul-*.whl"))


def test_every_file_of_the_package_is_in_the_wheel(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    package = [name.removeprefix("src/") for name in tracked_files() if name.startswith("src/simpul/")]
    assert [name for name in package if name not in inside] == []


def test_the_licence_comes_with_the_wheel(wheel: Path) -> None:
    inside = {name.rsplit("/", 1)[-1] for name in zipfile.ZipFile(wheel).namelist()}
    assert {"LICENSE", "NOTICE"} <= inside


def test_an_installed_wheel_builds_and_serves_the_demo_city(wheel: Path, tmp_path: Path, free_port: int) -> None:
    environment = tmp_path / "venv"
    # The dependencies are those of this environment: what is tested is what the wheel itself brings.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    site = next((environment / "lib").glob("python*")) / "site-packages"
    (site / "dependencies.pth").write_text(str(Path(pytest.__file__).parents[1]) + "\n")
    zipfile.ZipFile(wheel).extractall(site)
    python = environment / "bin" / "python"
    where = subprocess.run(
        [python, "-c", "import simpul; print(simpul.__file__)"], check=True, capture_output=True, text=True
    )
    assert where.stdout.startswith(str(site))
