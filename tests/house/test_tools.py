"""Style, types and layers, as the tools that know them best see them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT, modules

BIN = Path(sys.executable).parent


@pytest.mark.parametrize("command", [
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("lint-imports",),
], ids=" ".join)  # fmt: skip
def test_the_tool_finds_nothing(command: tuple[str, ...]) -> None:
    answer = subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, check=False, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_only_main_names_a_store_backend() -> None:
    naming = [
        module.path
        for module in modules("src/simpul/")
        if "simpul.store" in module.text and not module.path.startswith("src/simpul/store/")
    ]
    assert naming in ([], ["src/simpul/main.py"])
