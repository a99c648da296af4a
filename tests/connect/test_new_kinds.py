"""A new kind of source: what the scaffold makes passes the suite, as it is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from simpul.cli import main
from simpul.connect.connector import connector_kinds
from simpul.connect.scaffold import make_kind
from simpul.domain.errors import SourceMisconfigured
from tests.house.tree import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a copy of what a kind is made of."""
    # What is compiled of the package holds for the copy, too, because the files' times are copied.
    no_assets = shutil.ignore_patterns("static")
    shutil.copytree(ROOT / "src" / "simpul", tmp_path / "src" / "simpul", ignore=no_assets)
    shutil.copytree(ROOT / "tests", tmp_path / "tests", ignore=shutil.ignore_patterns("__pycache__", "browser"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    return tmp_path


@pytest.mark.slow
def test_a_kind_that_was_just_made_passes_the_suite(checkout: Path) -> None:
    answer = CliRunner().invoke(main, ["source", "kind", "new", "baris", f"--checkout={checkout}"])
    assert answer.exit_code == 0, answer.output
    suite = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/connect/test_every_kind.py",
        "-k",
        "baris",
    ]
    environment = {**os.environ, "PYTHONPATH": str(checkout / "src")}
    ran = subprocess.run(suite, cwd=checkout, env=environment, check=False, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert " passed" in ran.stdout
    made = [str(path) for path in checkout.rglob("*.py") if "baris" in str(path.relative_to(checkout))]
    assert len(made) == 5
    for command in (["check"], ["format", "--check"]):
        style = [str(Path(sys.executable).parent / "ruff"), *command, "--no-cache", *made]
        found = subprocess.run(style, cwd=checkout, check=False, capture_output=True, text=True)
        assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize(("name", "told"), [
    ("sql", "There is a kind 'sql' already"), ("Baru", "no name for a kind"), ("class", "no name for a kind"),
    ("../x", "no name for a kind"),
])  # fmt: skip
def test_a_name_that_cannot_be_a_kind_is_refused(name: str, told: str) -> None:
    with pytest.raises(SourceMisconfigured, match=told):
        make_kind(ROOT, name)


def test_a_folder_that_is_no_checkout_is_told(tmp_path: Path) -> None:
    answer = CliRunner().invoke(main, ["source", "kind", "new", "baru", f"--checkout={tmp_path}"])
    assert answer.exit_code == 1
    assert "is no checkout of Simpul" in answer.output


def test_the_kinds_are_listed_with_what_they_read() -> None:
    answer = CliRunner().invoke(main, ["source", "kind", "list"])
    lines = answer.output.splitlines()
    assert [line.partition(":")[0] for line in lines] == list(connector_kinds())
    assert all(len(line.split()) > 3 for line in lines)
