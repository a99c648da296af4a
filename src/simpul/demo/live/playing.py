"""Starts the process that plays the agencies' live systems, and ends it. It is played in `process.py`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from simpul import limits
from simpul.demo.live.process import READY


@contextmanager
def playing(folder: Path) -> Iterator[Callable[[], bool]]:
    """Let the live systems run for as long as this lasts; gives a function that waits for them, and says if they run.

    The process ends when its input does: at the end of this, or when this process was killed.
    """
    command = [sys.executable, "-m", "simpul.demo.live.process", str(folder.absolute())]
    # A group of its own, so that Ctrl-C stops the hub first and the systems after it.
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, process_group=0)
    assert process.stdin is not None, "it was asked for"
    assert process.stdout is not None, "it was asked for"
    try:
        with process.stdin, process.stdout:
            said = process.stdout
            yield lambda: said.readline().strip() == READY
    finally:
        try:
            process.wait(limits.DEMO_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
