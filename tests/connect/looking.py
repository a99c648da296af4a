"""What tests of proposals share: the command that looks at a system, and what it wrote."""

from __future__ import annotations

from typing import Any

import yaml
from click.testing import CliRunner, Result

from simpul.cli import main
from tests.connect.kota import Kota


def new(kota: Kota, *arguments: str, **environment: str) -> Result:
    command = ["source", "new", *arguments, "--folder", str(kota.folder)]
    return CliRunner(env=environment).invoke(main, command)


def proposed(kota: Kota, source_id: str) -> dict[str, Any]:
    plain: dict[str, Any] = yaml.safe_load((kota.folder / "sources" / f"{source_id}.yaml").read_text(encoding="utf-8"))
    return plain


def take_over(kota: Kota, source_id: str) -> Any:
    kota.declare()
    return kota.sync(source_id)
