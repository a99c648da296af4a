"""Writes the pages of docs/reference that can be read off the code. `make docs` runs it; a test compares.

Usage: python -m scripts.reference
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path

import click

from simpul import limits
from simpul.cli import main as simpul
from simpul.http.problem import STATUS
from simpul.settings import Settings

ROOT = Path(__file__).parents[1]
GENERATED = "*This page is generated from the code by `make docs`.*\n"


def limits_page() -> str:
    """Return the page of every bound."""
    source = Path(limits.__file__).read_text(encoding="utf-8")
    lines = ["# Limits", "", GENERATED, "Whatever goes over one of these gets a message that names it.", ""]
    for line in source.splitlines():
        heading = re.match(r"# (?P<title>[A-Z@].*[^.])$", line)
        if heading:
            lines += [f"## {heading['title']}", "", "| name | value |", "|---|---:|"]
        elif bound := re.match(r"([A-Z][A-Z0-9_]+): Final", line):
            lines.append(f"| `{bound[1]}` | {_amount(bound[1])} |")
            continue
        elif not line and lines[-1].startswith("|"):
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _amount(name: str) -> str:
    value = getattr(limits, name)
    if name.endswith(("BYTES", "BYTES_MAX")) and value >= 1024 and value % 1024 == 0:
        for size, unit in ((1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB")):
            if value % size == 0:
                return f"{value // size:,} {unit}"
    return f"{value:,}"


def settings_page() -> str:
    """Return the page of every setting."""
    lines = [
        "# Settings", "", GENERATED,
        "Each is an environment variable; the options of `simpul serve` win over it.",
        "", "| variable | default | what it sets |", "|---|---|---|",
    ]  # fmt: skip
    for one in fields(Settings):
        default = "" if one.default in (None, "") else f"`{str(one.default).lower()}`"
        lines.append(f"| `SIMPUL_{one.name.upper()}` | {default} | {one.metadata['help']} |")
    return "\n".join(lines) + "\n"


def errors_page() -> str:
    """Return the page of every error: what it means, its status and its type."""
    lines = [
        "# Errors", "", GENERATED,
        "Every error is answered as `application/problem+json` (ETSI GS CIM 009 §5.5.3, RFC 9457) with `type`,",
        "`title`, `status` and `detail`. The detail names the wrong value and says what would be right.",
        "", "| status | type | what it means |", "|---:|---|---|",
    ]  # fmt: skip
    for kind, (status, name) in sorted(STATUS.items(), key=lambda entry: (entry[1][0], entry[0].__name__)):
        meaning = " ".join((kind.__doc__ or "").split())
        lines.append(f"| {status} | `{name}` | {kind.title}. {meaning} |")
    return "\n".join(lines) + "\n"


def commands_page() -> str:
    """Return the page of every command and its options."""
    lines = ["# Commands", "", GENERATED]
    for path, command in _commands(simpul, "simpul"):
        lines += ["", f"## {path}", "", _paragraphs(command.help or ""), ""]
        with click.Context(command, info_name=path) as context:
            lines += ["```text", command.get_usage(context).removeprefix("Usage: "), "```"]
            rows = [row for parameter in command.params if (row := parameter.get_help_record(context))]
        if rows:
            lines += ["", "| option | meaning |", "|---|---|"]
            lines += [f"| `{name}` | {' '.join(text.split())} |".replace(" |  |", " | |") for name, text in rows]
    return "\n".join(lines).rstrip() + "\n"


def _commands(command: click.Command | None, path: str) -> Iterator[tuple[str, click.Command]]:
    assert command is not None, f"'{path}' is listed and does not exist"
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from _commands(command.get_command(context, name), f"{path} {name}")


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.replace("\b", "").split("\n\n"))


PAGES: dict[str, Callable[[], str]] = {
    "docs/reference/settings.md": settings_page,
    "docs/reference/limits.md": limits_page,
    "docs/reference/errors.md": errors_page,
    "docs/reference/commands.md": commands_page,
}

if __name__ == "__main__":
    for page, render in PAGES.items():
        (ROOT / page).write_text(render(), encoding="utf-8")
