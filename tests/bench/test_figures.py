"""The benchmark judges rightly, and its two halves, in Python and in Lua, speak of the same data."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bench import figures, shape, yardstick
from bench.figures import READS, WRITES, YARDSTICKS, Figure, Rounds
from bench.processes import SCRIPT, Measured

LUA = SCRIPT.read_text(encoding="utf-8")
FIGURE = Figure("entity by id", "hot", "G", 1.2)


def rounds(*pairs: tuple[float, float]) -> Rounds:
    """Return rounds of (figure, yardstick)."""
    return Rounds({
        "hot": [Measured(rate, 10.0) for rate, _ in pairs],
        YARDSTICKS["G"]: [Measured(rate, 20.0) for _, rate in pairs],
    })  # fmt: skip


def test_a_ratio_is_taken_inside_each_round() -> None:
    # The machine was busy in the second round: both were slow, and the ratio was the same.
    assert rounds((3000, 2000), (300, 200), (2900, 2000)).ratio(FIGURE) == pytest.approx(1.5)


@pytest.mark.parametrize(("rate", "holds"), [(1199, False), (1200, True)])
def test_a_floor_holds_from_its_own_value_on(rate: float, holds: bool) -> None:
    assert rounds((rate, 1000)).line(FIGURE).holds is holds


def test_a_batch_counts_its_entities() -> None:
    batch = next(figure for figure in WRITES if figure.kind == "batch")
    measured = Rounds({"batch": [Measured(10, 1.0)], YARDSTICKS["P"]: [Measured(2000, 1.0)]})
    assert measured.ratio(batch) == pytest.approx(0.5)


def test_a_source_is_compared_with_plain_inserts() -> None:
    assert figures.source_line("sql", 20_000, 290_000, 1 / 15).holds
    assert not figures.source_line("sql", 20_000, 310_000, 1 / 15).holds


def test_a_bound_is_not_to_be_exceeded() -> None:
    assert figures.bound_line("start", 2.0, 2.0, "s").holds
    assert not figures.bound_line("start", 2.01, 2.0, "s").holds


def test_the_load_knows_every_kind_of_request() -> None:
    kinds = {figure.kind for figure in (*READS, *WRITES)} | set(YARDSTICKS.values()) | {"forwarded"}
    assert set(re.findall(r"^function kinds\.(\w+)", LUA, re.MULTILINE)) == kinds


def test_the_load_asks_for_the_types_that_there_are() -> None:
    listed = re.search(r"local TYPES = \{(.*?)\}", LUA, re.DOTALL)
    assert listed is not None
    assert tuple(re.findall(r'"(\w+)"', listed[1])) == shape.TYPES


def test_an_entity_has_some_600_bytes() -> None:
    sizes = [len(json.dumps(shape.entity(number, 1_000_000), separators=(",", ":"))) for number in range(0, 1000, 7)]
    assert 560 <= sum(sizes) / len(sizes) <= 640


def test_the_same_number_is_always_the_same_entity() -> None:
    assert shape.entity(4711, 1000) == shape.entity(4711, 1000)
    assert shape.entity(4711, 1000)["id"] == shape.entity_id(4711)


def test_the_yardsticks_are_as_long_as_agreed() -> None:
    body = re.search(r"yardstick_body = '(.*)' \.\. string\.rep\(\"x\", (\d+)\) \.\. '(.*)'", LUA)
    assert body is not None
    assert len(body[1]) + int(body[2]) + len(body[3]) == 485
    assert len(yardstick.ANSWER) == 312


def test_the_data_is_not_under_version_control() -> None:
    assert "/bench/data/" in Path(SCRIPT.parents[2] / ".gitignore").read_text(encoding="utf-8").splitlines()
