"""The documents are true: links resolve, commands exist, lists are whole, what is made from code is fresh."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

import click
import pytest

from scripts import reference
from simpul.cli import main as simpul
from tests.house.tree import ROOT, texts, tracked_files

PAGES = sorted(name for name in texts() if name.endswith(".md"))
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?:^|[`(]|\s)(make|simpul) ([a-z]+(?: [a-z]+)?)", re.MULTILINE)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def _without_code(page: str) -> str:
    return CODE_BLOCK.sub("", texts()[page])


def _links(page: str) -> Iterator[str]:
    return (target for target in LINK.findall(_without_code(page)) if not re.match(r"[a-z]+:", target))


def _anchors(page: str) -> set[str]:
    headings = HEADING.findall(_without_code(page))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_the_page_resolves(page: str) -> None:
    broken = []
    for target in _links(page):
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        known = file.exists() and (not anchor or anchor in _anchors(str(file.resolve().relative_to(ROOT))))
        if not known:
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_the_page_exists(page: str) -> None:
    text = "\n".join(re.findall(r"`[^`\n]+`", _without_code(page)))
    blocks = "\n".join(body for language, body in CODE_BLOCK.findall(texts()[page]) if language in {"sh", "console"})
    commands = COMMAND.findall(text + "\n" + blocks)
    assert [f"{program} {words}" for program, words in commands if not _exists(program, words.split())] == []


def _exists(program: str, words: list[str]) -> bool:
    if program == "make":
        return re.search(rf"^{words[0]}:", texts()["Makefile"], re.MULTILINE) is not None
    command: click.Command | None = simpul
    context = click.Context(simpul)
    for word in words:
        if not isinstance(command, click.Group):
            break
        command = command.get_command(context, word)
    return command is not None


def test_every_page_is_reached_from_another_one() -> None:
    reached = {
        str(((ROOT / page).parent / target.partition("#")[0]).resolve().relative_to(ROOT))
        for page in PAGES
        for target in _links(page)
    }
    assert [page for page in PAGES if page.startswith("docs/") and page not in reached] == []


def test_every_picture_is_shown_somewhere() -> None:
    shown = "\n".join(texts()[page] for page in PAGES)
    pictures = [name for name in tracked_files() if name.startswith("docs/images/")]
    assert [name for name in pictures if name.rsplit("/", 1)[1] not in shown] == []


def test_the_changelog_has_a_place_for_what_is_new() -> None:
    assert "\n## [Unreleased]\n" in texts()["CHANGELOG.md"]


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads(texts()["pyproject.toml"])["project"]
    names = {re.split(r"[\[=<>]", line)[0] for line in project["dependencies"]}
    assert set(re.findall(r"^\| `([\w-]+)` \|", texts()["docs/adr/0008-dependencies.md"], re.MULTILINE)) == names


def test_every_decision_is_in_the_list_of_decisions() -> None:
    decisions = [name for name in PAGES if re.match(r"docs/adr/\d{4}-", name)]
    numbers = [int(name.removeprefix("docs/adr/")[:4]) for name in decisions]
    assert numbers == list(range(1, len(numbers) + 1))
    assert [name for name in decisions if name.rsplit("/", 1)[1] not in texts()["docs/adr/README.md"]] == []


@pytest.mark.parametrize("page", sorted(reference.PAGES))
def test_the_generated_page_is_fresh(page: str) -> None:
    assert texts().get(page) == reference.PAGES[page](), "run `make docs`"


def test_the_lock_holds_every_dependency_as_declared() -> None:
    project = tomllib.loads(texts()["pyproject.toml"])["project"]
    locks = {name: (ROOT / name).read_text() for name in ("requirements.lock", "requirements-dev.lock")}
    wanted = [re.sub(r"\[.*?\]|;.*", "", line) for line in project["dependencies"]]
    developers = wanted + project["optional-dependencies"]["dev"]
    assert [line for line in wanted if f"\n{line} " not in "\n" + locks["requirements.lock"]] == []
    assert [line for line in developers if f"\n{line} " not in "\n" + locks["requirements-dev.lock"]] == []
