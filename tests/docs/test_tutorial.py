"""The tutorial works as written: every command is run, every file written, every answer compared."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.docs.walkthrough import follow
from tests.house.tree import ROOT

pytestmark = pytest.mark.slow


def test_connecting_a_first_database_goes_as_the_tutorial_says(tmp_path: Path, free_port: int) -> None:
    page = (ROOT / "docs/tutorial/connect-your-first-database.md").read_text(encoding="utf-8")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"PATH": path, "SIMPUL_PORT": str(free_port), "COLUMNS": "200"}
    assert follow(page.replace("8026", str(free_port)), tmp_path, environment) == []
