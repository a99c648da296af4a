"""Reads the builders' own files of named SQL statements. No SQL of its own; the hub's stores have their own reader."""

from __future__ import annotations

from importlib.resources import files


def read_statements(name: str) -> dict[str, str]:
    """Return the statements of a packaged file by name; each begins with `-- name: …`."""
    text = files(__package__).joinpath(name).read_text(encoding="utf-8")
    parts = [part.partition("\n") for part in text.split("-- name: ")[1:]]
    return {heading.strip(): body.strip() for heading, _, body in parts}
