"""Words that do not belong into the project, and names that say nothing."""

from __future__ import annotations

import re
from pathlib import Path

from tests.house.tree import ROOT, modules, texts, tracked_files
from tests.house.waivers import raise_unless_kept

# Whatever the word is banned for, this file has to spell it.
SPELLS_THEM = "tests/house/"

LEFT_OVER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
EMPTY_NAMES = re.compile(r"\b(utils?|helpers?|(?<!context )(?<!package )managers?|stubs?)\b", re.IGNORECASE)
NOT_OURS = re.compile(
    r"\.\./shared\b|/work/|/root/|\.library/|\bbrief\.md\b|\b(this|earlier|previous|next|coding) session\b"
)


def _offenders(pattern: re.Pattern[str], names: list[str]) -> list[str]:
    return [
        f"{name}:{number}: {found[0]}"
        for name in names
        for number, line in enumerate(texts()[name].splitlines(), 1)
        if (found := pattern.search(line))
    ]


def _written() -> list[str]:
    return [name for name in texts() if not name.startswith(SPELLS_THEM)]


def test_nothing_is_left_for_later_without_an_issue() -> None:
    raise_unless_kept("no left-overs", _offenders(LEFT_OVER, _written()))


def test_nothing_refers_to_the_machine_it_was_written_on() -> None:
    raise_unless_kept("no traces of a machine", _offenders(NOT_OURS, _written()))


def test_names_say_what_a_thing_is() -> None:
    code = [name for name in _written() if name.endswith(".py") and not name.startswith("bench/")]
    raise_unless_kept("no empty names", _offenders(EMPTY_NAMES, code))


def test_no_file_is_named_for_nothing_in_particular() -> None:
    banned = {"utils", "util", "helpers", "helper", "misc", "common", "manager", "base"}
    raise_unless_kept(
        "no empty file names", (name for name in tracked_files() if name.endswith(".py") and Path(name).stem in banned)
    )


def test_every_bound_is_used() -> None:
    bounds = re.findall(r"^([A-Z][A-Z0-9_]+): Final", (ROOT / "src/simpul/limits.py").read_text(), re.MULTILINE)
    others = (module.text for module in modules("src/") if not module.path.endswith("/limits.py"))
    used = {name for text in others for name in re.findall(r"\b[A-Z][A-Z0-9_]+\b", text)}
    assert bounds
    raise_unless_kept("every bound is used", (bound for bound in bounds if bound not in used))
