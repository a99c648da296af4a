"""What the operator's log shows, and what it must not show."""

from __future__ import annotations

import re
import subprocess
import sys

_FAILING = """
from simpul.operator_log import log

def ask(authorization):
    try:
        raise ValueError("of no use")
    except ValueError:
        log.exception("a request failed", method="GET")

ask("Bearer " + "simpul_" + "secret")
"""


def test_a_failure_is_told_with_its_place_and_without_what_the_functions_had_in_hand() -> None:
    told = subprocess.run([sys.executable, "-c", _FAILING], capture_output=True, text=True, check=True)
    shown = re.sub(r"\x1b\[[0-9;]*m", "", told.stdout + told.stderr)
    assert "a request failed" in shown
    assert "method=GET" in shown
    assert "ValueError: of no use" in shown
    assert "in ask" in shown
    assert "simpul_secret" not in shown
