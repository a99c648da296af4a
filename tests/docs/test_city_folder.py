"""The page about a city's folder is whole and true: every word of the schemas is in it, its examples pass the check."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simpul.connect.city import json_schemas, load_city
from simpul.connect.connector import connector_kinds
from tests.house.tree import ROOT

PAGE = (ROOT / "docs/reference/city-folder.md").read_text(encoding="utf-8")
KINDS = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs/reference/kinds").glob("*.md")))
HOW_TO = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs/how-to").glob("*.md")))
SOURCE = re.compile(r"^```yaml\n(source: .*?)^```", re.MULTILINE | re.DOTALL)
EXAMPLES = SOURCE.findall(PAGE.partition("## Complete examples")[2]) + SOURCE.findall(HOW_TO)

CITY = """city: padang
name: {id: Kota Padang, en: City of Padang}
bounds: [100.13, -1.15, 100.57, -0.72]
"""
AGENCIES = "agencies:\n" + "".join(
    f"  - {{id: {name}, name: {{id: {name}, en: {name}}}}}\n"
    for name in ("dishub", "dpka", "dukcapil", "bmkg", "kominfo", "dinkes", "pupr")
)


def _words(schema: Any) -> Iterator[str]:
    """Yield the name of every property in a JSON Schema."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for part in schema.values():
            yield from _words(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _words(part)


@pytest.mark.parametrize("name", sorted(json_schemas()))
def test_every_word_that_a_file_may_say_is_in_the_page(name: str) -> None:
    words = set(_words(json_schemas()[name]))
    assert words
    assert sorted(word for word in words if not re.search(rf"(?<!\w){re.escape(word)}(?!\w)", PAGE + KINDS)) == []


@pytest.mark.parametrize("example", EXAMPLES, ids=[f"{n}-{text.split()[1]}" for n, text in enumerate(EXAMPLES, 1)])
def test_each_complete_example_passes_the_check(example: str, city_folder: Path) -> None:
    (city_folder / "sources").mkdir()
    (city_folder / "city.yaml").write_text(CITY)
    (city_folder / "agencies.yaml").write_text(AGENCIES)
    (city_folder / "sources" / "example.yaml").write_text(example)
    assert load_city(city_folder).problems == []


def test_there_is_an_example_of_every_kind_of_source() -> None:
    kinds = {kind for example in EXAMPLES for kind in re.findall(r"^kind: (\w+)", example, re.MULTILINE)}
    assert kinds == set(connector_kinds())
