"""How code is written here: the rules that ruff does not know."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.house.tree import Function, Module, modules
from tests.house.waivers import WAIVERS, WAIVERS_MAX, raise_unless_kept

FUNCTION_LINES_MAX = 50
BRANCHES_MAX = 8
POSITIONAL_PARAMETERS_MAX = 5
FILE_LINES_MAX = 600
PORT_METHODS_MAX = 10

BRANCHES = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.match_case)
SQL = re.compile(
    r"\s*(SELECT\s|INSERT\s+(OR\s+\w+\s+)?INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|CREATE\s+(TABLE|INDEX))"
)
SUPPRESSION = re.compile(r"#\s*(noqa|type:\s*ignore|pragma|ruff:|mypy:|fmt:)(?P<rest>.*)")
CODES = re.compile(r"^\s*(:\s*[A-Z]+\d+(\s*,\s*[A-Z]+\d+)*|\[[a-z, -]+\]|:?\s*(no cover|skip|off|on|no branch))?")


def test_the_waiver_list_only_gets_shorter() -> None:
    assert sum(len(waived) for waived in WAIVERS.values()) <= WAIVERS_MAX


def test_every_module_says_what_it_is() -> None:
    raise_unless_kept("module docstring", (m.path for m in modules() if not ast.get_docstring(m.tree)))


def test_every_module_postpones_its_annotations() -> None:
    future = "from __future__ import annotations"
    code = (module for module in modules("src/") if len(module.tree.body) > 1)
    raise_unless_kept(future, (m.path for m in code if future not in m.text and not m.path.endswith("__init__.py")))


def test_a_function_fits_on_a_screen() -> None:
    raise_unless_kept(
        f"functions of at most {FUNCTION_LINES_MAX} lines",
        (name for module in modules() for name, node in module.functions() if _line_count(node) > FUNCTION_LINES_MAX),
    )


def _line_count(node: Function) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_a_function_branches_at_most_eight_times() -> None:
    raise_unless_kept(
        f"functions of at most {BRANCHES_MAX} branches",
        (name for module in modules() for name, node in module.functions() if _branch_count(node) > BRANCHES_MAX),
    )


def _branch_count(node: ast.AST) -> int:
    count = 0
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (Function, ast.ClassDef, ast.Lambda)):
            continue
        count += isinstance(child, BRANCHES) + _branch_count(child)
    return count


def test_a_function_takes_at_most_five_positional_parameters() -> None:
    raise_unless_kept(
        f"functions of at most {POSITIONAL_PARAMETERS_MAX} positional parameters",
        (name for module in modules("src/") for name, node in module.functions() if _takes_too_many(node)),
    )


def _takes_too_many(node: Function) -> bool:
    names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
    # Click hands every option over by name.
    by_name = any("command" in ast.unparse(decorator) for decorator in node.decorator_list)
    return not by_name and len([name for name in names if name not in {"self", "cls"}]) > POSITIONAL_PARAMETERS_MAX


def test_a_file_is_read_in_one_sitting() -> None:
    raise_unless_kept(
        f"files of at most {FILE_LINES_MAX} lines",
        (module.path for module in modules("src/") if len(module.lines) > FILE_LINES_MAX),
    )


def test_a_port_is_narrow() -> None:
    raise_unless_kept(f"ports of at most {PORT_METHODS_MAX} methods", (
        f"{module.path}:{node.name}"
        for module in modules("src/simpul/ports/")
        for node in module.tree.body
        if isinstance(node, ast.ClassDef) and sum(isinstance(part, Function) for part in node.body) > PORT_METHODS_MAX
    ))  # fmt: skip


def test_a_broad_except_says_why() -> None:
    raise_unless_kept("a comment at every broad except", (
        f"{module.path}:{node.lineno}"
        for module in modules("src/")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler) and _is_broad(node) and not _is_explained(module, node)
    ))  # fmt: skip


def _is_broad(node: ast.ExceptHandler) -> bool:
    last = node.body[-1]
    if isinstance(last, ast.Raise) and last.exc is None:
        # It tidies up and lets the error go on.
        return False
    if node.type is None:
        return True
    return bool({"Exception", "BaseException"} & {n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)})


def _is_explained(module: Module, node: ast.ExceptHandler) -> bool:
    commented = {line for line, _ in module.comments()}
    return bool(commented & set(range(node.lineno, node.body[0].lineno + 1)))


def test_a_suppressed_check_gives_its_reason() -> None:
    raise_unless_kept("a reason beside every noqa, type: ignore and pragma", (
        f"{module.path}:{line}" for module in modules() for line, text in module.comments() if _lacks_reason(text)
    ))  # fmt: skip


def _lacks_reason(comment: str) -> bool:
    found = SUPPRESSION.match(comment)
    # `fmt: skip` and `fmt: off` are about form alone.
    if found is None or found["rest"].strip() in {"skip", "off", "on"}:
        return False
    return len(CODES.sub("", found["rest"]).split()) < 3


def test_sql_lives_in_sql_files() -> None:
    raise_unless_kept("SQL in .sql files", (
        f"{module.path}:{node.lineno}"
        for module in modules("src/")
        for node in _strings(module)
        if SQL.match(str(node.value))
    ))  # fmt: skip


def _strings(module: Module) -> Iterator[ast.Constant]:
    return (n for n in ast.walk(module.tree) if isinstance(n, ast.Constant) and isinstance(n.value, str))


def test_the_domain_takes_urls_apart_and_opens_none() -> None:
    raise_unless_kept("only urllib.parse in the domain", (
        f"{module.path}:{node.lineno}"
        for module in modules("src/simpul/domain/")
        for node in ast.walk(module.tree)
        if isinstance(node, (ast.Import, ast.ImportFrom)) and "urllib" in ast.unparse(node)
        if not ast.unparse(node).startswith("from urllib.parse import")
    ))  # fmt: skip


def test_tests_use_real_parts() -> None:
    raise_unless_kept("no mocks", (
        f"{module.path}:{node.lineno}"
        for module in modules("tests/")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("unittest")
    ))  # fmt: skip


def test_the_name_of_a_test_is_a_sentence() -> None:
    raise_unless_kept("test names of three words or more", (
        name
        for module in modules("tests/")
        for name, node in module.functions()
        if node.name.startswith("test_") and node.name.count("_") < 3
    ))  # fmt: skip


@pytest.mark.parametrize(("comment", "lacks"), [
    ("# noqa: BLE001", True),
    ("# noqa: BLE001 - The page shows any failure.", False),
    ("# type: ignore[attr-defined]", True),
    ("# type: ignore[attr-defined]  # The library is not typed.", False),
    ("# A plain comment.", False),
])  # fmt: skip
def test_the_rule_about_reasons_tells_them_apart(comment: str, lacks: bool) -> None:
    assert _lacks_reason(comment) is lacks
