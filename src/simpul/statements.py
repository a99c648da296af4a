"""Reads files of named SQL statements. No SQL of its own."""

from __future__ import annotations

from importlib.resources import files
from types import SimpleNamespace


def load_statements(package: str, file_name: str) -> SimpleNamespace:
    """Return the statements of a packaged .sql file, each as an attribute with its name.

    A statement begins with `-- name: …` and ends where the next begins; its comments stay out of it.
    """
    statements: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in files(package).joinpath(file_name).read_text(encoding="utf-8").splitlines():
        if line.startswith("-- name: "):
            name = line.removeprefix("-- name: ").strip()
            assert name not in statements, f"{file_name} has two statements named {name}"
            lines = statements[name] = []
        elif line.strip() and not line.startswith("--"):
            lines.append(line)
    return SimpleNamespace(**{name: "\n".join(lines) for name, lines in statements.items()})
