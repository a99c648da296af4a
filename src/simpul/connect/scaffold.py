"""Makes the folder of a new kind of source, and its part for the suite. It works at once; its maker changes it."""

from __future__ import annotations

import keyword
import re
from importlib.resources import files
from pathlib import Path
from typing import Final

from simpul.domain.errors import SourceMisconfigured

_CONNECTORS: Final = Path("src", "simpul", "connectors")
_PARTS: Final = Path("tests", "connect", "parts")
_FILES: Final = ("__init__.py", "settings.py", "reader.py", "errors.py")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{1,30}\Z")


def make_kind(checkout: Path, kind: str) -> list[Path]:
    """Write a kind that reads files with one JSON record a line; return the files. Raises SourceMisconfigured."""
    if not _NAME.match(kind) or keyword.iskeyword(kind):
        raise SourceMisconfigured(
            f"{kind!r} is no name for a kind; write one word of lower-case letters, such as sftp."
        )
    folder, part = checkout / _CONNECTORS / kind, checkout / _PARTS / f"{kind}.py"
    if not folder.parent.is_dir() or not part.parent.is_dir():
        raise SourceMisconfigured(
            f"{checkout.resolve()} is no checkout of Simpul: it has no {_CONNECTORS} or no {_PARTS}. Name one "
            "with --checkout."
        )
    if folder.exists() or part.exists():
        raise SourceMisconfigured(f"There is a kind {kind!r} already; see {folder}, or take another name.")
    folder.mkdir()
    made = {folder / name: name for name in _FILES} | {part: "part.py"}
    template = files("simpul.connect") / "kind_template"
    for path, name in made.items():
        text = (template / f"{name}.txt").read_text(encoding="utf-8")
        path.write_text(text.replace("@kind@", kind), encoding="utf-8")
    return list(made)
