"""The project's own files, read once: what the house rules look at. No rules here."""

from __future__ import annotations

import ast
import io
import subprocess
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ROOT / "src" / "simpul"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Module:
    """One Python file: its path inside the project, its text and its syntax tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    def functions(self) -> Iterator[tuple[str, Function]]:
        """Yield the name (`path:Class.function`) and the node of every function."""
        yield from _functions(self.tree, self.path + ":")

    def comments(self) -> Iterator[tuple[int, str]]:
        """Yield the line number and the text of every comment."""
        for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, Function]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function):
            yield prefix + child.name, child
        inside = isinstance(child, (Function, ast.ClassDef))
        yield from _functions(child, f"{prefix}{child.name}." if inside else prefix)  # type: ignore[attr-defined]  # `inside` says so.


@cache
def tracked_files() -> tuple[str, ...]:
    """Return every file of the project that is, or is about to be, under version control."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return tuple(sorted(name for name in set(listing.stdout.splitlines()) if (ROOT / name).is_file()))


@cache
def modules(under: str = "") -> tuple[Module, ...]:
    """Return every Python file whose path starts so."""
    return tuple(_read(name) for name in tracked_files() if name.endswith(".py") and name.startswith(under))


def _read(name: str) -> Module:
    text = (ROOT / name).read_text(encoding="utf-8")
    return Module(path=name, text=text, tree=ast.parse(text, name))


@cache
def texts() -> dict[str, str]:
    """Return path → content of every file that people write: code, pages, texts, declarations."""
    suffixes = (".py", ".md", ".sql", ".html", ".js", ".css", ".yaml", ".toml", ".lua", ".po", ".jinja", "")
    chosen = [name for name in tracked_files() if Path(name).suffix in suffixes]
    return {name: (ROOT / name).read_text(encoding="utf-8") for name in chosen if _is_written_by_hand(name)}


def _is_written_by_hand(name: str) -> bool:
    return "/vendor/" not in name and ".min." not in name and name != "LICENSE"
