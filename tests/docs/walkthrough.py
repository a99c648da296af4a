"""Follows a page as its reader would: the commands in one shell, the files as they stand. No expectations of its own.

A block in `sh` is run. One right after a line that ends in "`some/file`:" is the content of that file. A block in
`text` is what the command before it says, line by line; `…` stands for anything. A command that serves goes on in
the background. A command that is shown because it fails says so: ```` ```sh fails ````.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(
    r"(?:^(?P<before>[^\n]+)\n\n)?^```(?P<language>\w+)(?P<tag>[ \w]*)\n(?P<body>.*?)^```", re.MULTILINE | re.DOTALL
)
SAID = re.compile(r"^@@(\d+)\n(.*?)(?=^@@\d|\Z)", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"`(?P<path>[\w./-]+\.\w+)`[^`]*:$")
SERVES = re.compile(r"^(simpul serve|simpul demo|make demo)", re.MULTILINE)
SECONDS_MAX = 240

WAIT = """for attempt in $(seq 1200); do
  curl --silent --fail --output /dev/null "http://127.0.0.1:$SIMPUL_PORT/health" && break
  sleep 0.1
done
"""


@dataclass(frozen=True, slots=True)
class Step:
    """One block of a page: what it is, and its place in the page."""

    number: int
    language: str
    tag: str
    text: str
    file: str | None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a command did that the page does not say."""

    step: Step
    said: str
    reason: str


def steps(page: str) -> list[Step]:
    """Return the page's blocks in their order."""
    return [
        Step(number, found["language"], found["tag"].strip(), found["body"], _file(found["before"]))
        for number, found in enumerate(BLOCK.finditer(page))
    ]


def _file(line_before: str | None) -> str | None:
    found = FILE.search(line_before or "")
    return found["path"] if found else None


def follow(page: str, folder: Path, environment: dict[str, str]) -> list[Finding]:
    """Do what the page says, in this folder; return where it is not true."""
    wanted = steps(page)
    script = "\n".join(line for step in wanted for line in _script(step))
    shell = subprocess.Popen(
        ["bash"], cwd=folder, env={**os.environ, **environment}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        output, _ = shell.communicate(script + "\nkill $(jobs -p) 2>/dev/null; wait\n", timeout=SECONDS_MAX)
    finally:
        _end(shell)
    return list(_findings(wanted, output))


def _script(step: Step) -> Iterator[str]:
    if step.file is not None:
        yield f"mkdir -p $(dirname {step.file}); cat > {step.file} <<'END_OF_FILE'\n{step.text}END_OF_FILE"
    elif step.language == "sh":
        yield f"echo '@@{step.number}'"
        if SERVES.search(step.text):
            yield f"{{ {step.text.strip()}; }} > server-{step.number}.log 2>&1 &\n{WAIT}"
        else:
            # Without input of its own a command would read the rest of the script.
            yield f"{{ {step.text.rstrip()}\n}} </dev/null; status=$?"
            yield 'echo; echo "@@status $status"'


def _end(shell: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(shell.pid, signal.SIGTERM)


def _findings(wanted: list[Step], output: str) -> Iterator[Finding]:
    said = {int(number): text for number, text in SAID.findall(output)}
    for step, after in zip(wanted, [*wanted[1:], None], strict=True):
        if step.language != "sh" or step.file is not None:
            continue
        answer = said.get(step.number, "")
        status = re.search(r"^@@status (\d+)$", answer, re.MULTILINE)
        if status and (status[1] != "0") != (step.tag == "fails"):
            yield Finding(step, answer, f"ended with status {status[1]}")
        if after is not None and after.language == "text" and (missing := _missing(after.text, answer)):
            yield Finding(after, answer, f"does not say: {missing}")


def _missing(promised: str, said: str) -> str | None:
    """Return the first promised line that was not said after the ones before it."""
    lines = iter(_plain(line) for line in said.splitlines())
    for promise in promised.splitlines():
        pattern = re.compile(".*".join(re.escape(part) for part in _plain(promise).split("…")))
        if promise.strip() and not any(pattern.fullmatch(line) for line in lines):
            return promise
    return None


def _plain(line: str) -> str:
    return " ".join(line.split())
