"""The README is true: what it says to try, on the demo city that it says to build, answers as it shows."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.docs.walkthrough import follow
from tests.house.tree import ROOT

pytestmark = pytest.mark.slow


def test_what_the_readme_says_to_try_answers_as_it_shows(tmp_path: Path, free_port: int) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.partition("\n## Try it\n")[2].partition("\n## ")[0]
    assert section.count("```sh") == 4
    page = "```sh\nsimpul demo --residents 200\n```\n" + section.replace("127.0.0.1:1026", f"127.0.0.1:{free_port}")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    assert follow(page, tmp_path, {"PATH": path, "SIMPUL_PORT": str(free_port)}) == []
