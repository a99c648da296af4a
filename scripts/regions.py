"""Compiles the codes of Indonesia's regions into `src/simpul/connect/facts/regions.txt.xz`. Reads files only.

    python -m scripts.regions --edition DATE=FILE … --bridge FILE …

An edition is the list of one decree, oldest first: MySQL INSERTs or CSV of code and name. A bridge is a CSV of
statistics code, name, code of the ministry, name. NOTICE says whose work they are.
"""

from __future__ import annotations

import argparse
import csv
import lzma
import re
from pathlib import Path
from typing import NamedTuple

from simpul.domain.code_match import drop_kind, fold_name

TARGET = Path(__file__).parents[1] / "src" / "simpul" / "connect" / "facts" / "regions.txt.xz"
_ROW = re.compile(r"\('(\d\d(?:\.\d\d(?:\.\d\d(?:\.\d{4})?)?)?)','((?:[^'\\]|\\.|'')*)'\)")


class Edition(NamedTuple):
    """One decree's list, and the day from which it holds."""

    since: str
    names: dict[str, str]


def read_edition(text: str) -> Edition:
    since, _, file = text.partition("=")
    content = Path(file).read_text(encoding="utf-8")
    if file.endswith(".sql"):
        rows = [(code, name.replace("''", "'").replace("\\'", "'")) for code, name in _ROW.findall(content)]
    else:
        rows = [(row[0], row[1]) for row in csv.reader(content.splitlines()) if row[0][:1].isdigit()]
    return Edition(since, {code: " ".join(name.split()) for code, name in rows})


def read_bridge(files: list[str]) -> dict[str, str]:
    """Return the ministry's code → the statistics office's."""
    bridge: dict[str, str] = {}
    for file in files:
        with Path(file).open(newline="", encoding="utf-8") as opened:
            for row in csv.DictReader(opened):
                digits = row["kode_dagri"]
                bridge[".".join(digits[at : at + 2] for at in range(0, len(digits), 2))] = row["kode_bps"]
    return bridge


def compile_lines(editions: list[Edition], bridge: dict[str, str]) -> list[str]:
    """Return the file's lines: how deep the code lies, its last part, name, from, until, statistics code, old names."""
    codes = sorted({code for edition in editions for code in edition.names} | bridge.keys())
    lines = ["@" + "\t".join(edition.since for edition in editions)]
    for code in codes:
        inside = [number for number, edition in enumerate(editions) if code in edition.names]
        if not inside:
            continue
        names = [editions[number].names[code] for number in inside]
        name = names[-1]
        old = dict.fromkeys(one for one in names[:-1] if fold_name(drop_kind(one)) != fold_name(drop_kind(name)))
        since = str(inside[0]) if inside[0] else ""
        until = str(inside[-1] + 1) if inside[-1] + 1 < len(editions) else ""
        cells = [name, since, until, bridge.get(code, ""), ";".join(old)]
        depth = code.count(".")
        lines.append((" " * depth + code.rpartition(".")[2] + "\t" + "\t".join(cells)).rstrip("\t"))
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edition", action="append", required=True)
    parser.add_argument("--bridge", action="append", default=[])
    chosen = parser.parse_args()
    lines = compile_lines([read_edition(text) for text in chosen.edition], read_bridge(chosen.bridge))
    TARGET.write_bytes(lzma.compress(("\n".join(lines) + "\n").encode(), preset=9 | lzma.PRESET_EXTREME))


if __name__ == "__main__":
    main()
