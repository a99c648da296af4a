"""The figures of the benchmark: what is measured, against which yardstick, how much is enough. No measuring here."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from bench.processes import Measured

ENTITIES_PER_BATCH = 100


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. `kind` names the requests in wrk/requests.lua, `yardstick` what they are divided by."""

    name: str
    kind: str
    yardstick: str
    floor: float | None
    per_request: int = 1


READS = (
    Figure("entity by id, 10,000 hot ids", "hot", "G", 1.2),
    Figure("entity by id, uniform over all", "uniform", "G", 0.6),
    Figure("type=X&limit=20", "list", "G", 0.6),
    Figure("q= on an attribute, 20 hits", "question", "G", 0.3),
    Figure("near a point, 20 hits", "near", "G", 0.08),
    Figure("temporal retrieve of 100 values", "history", "G", 0.15),
    Figure("as-of read of one of them", "as_of", "G", None),
)
WRITES = (
    Figure("durable create", "create", "P", 0.2),
    Figure("durable patch of one attribute", "patch", "P", 0.2),
    Figure("batch upsert, 100 new a request, entities/s", "batch", "P", 0.3, ENTITIES_PER_BATCH),
)
YARDSTICKS = {"G": "yardstick_get", "P": "yardstick_post"}

SOURCE_FLOOR = 1 / 15
FIRST_QUESTION_SECONDS_MAX = 3.0
START_SECONDS_MAX = 2.0
MEMORY_MB_MAX = 600.0


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the answer: a figure as measured, and whether it is enough."""

    name: str
    measured: str
    cpu: str
    ratio: str
    floor: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Rounds:
    """What every kind of request reached in each round."""

    measured: dict[str, list[Measured]]

    def rate(self, kind: str) -> float:
        """Return the median of the rounds."""
        return median(one.rate for one in self.measured[kind])

    def cpu_us(self, kind: str) -> float:
        """Return the processor time of one request, the median of the rounds."""
        return median(one.cpu_us for one in self.measured[kind])

    def ratio(self, figure: Figure) -> float:
        """Return the median of each round's own ratio, so that a busy moment of the machine spoils one round only."""
        pairs = zip(self.measured[figure.kind], self.measured[YARDSTICKS[figure.yardstick]], strict=True)
        return median(one.rate * figure.per_request / yardstick.rate for one, yardstick in pairs)

    def line(self, figure: Figure) -> Line:
        ratio = self.ratio(figure)
        return Line(
            name=figure.name,
            measured=f"{self.rate(figure.kind) * figure.per_request:,.0f}/s",
            cpu=f"{self.cpu_us(figure.kind):,.0f} µs",
            ratio=f"{ratio:.3g} {figure.yardstick}",
            floor="" if figure.floor is None else f"{figure.floor:g} {figure.yardstick}",
            holds=figure.floor is None or ratio >= figure.floor,
        )


def source_line(name: str, rows_per_second: float, plain_rows_per_second: float, floor: float) -> Line:
    """Return the line of a source, against the plain inserts of yardstick I."""
    ratio = rows_per_second / plain_rows_per_second
    return Line(
        name=name,
        measured=f"{rows_per_second:,.0f}/s",
        cpu="",
        ratio=f"I / {1 / ratio:.1f}",
        floor=f"I / {1 / floor:.0f}",
        holds=ratio >= floor,
    )


def share_line(name: str, rate: float, ratio: float, yardstick: str, floor: float | None) -> Line:
    """Return the line of a rate that was compared outside the common rounds."""
    return Line(
        name=name,
        measured=f"{rate:,.0f}/s",
        cpu="",
        ratio=f"{ratio:.3g} {yardstick}",
        floor="" if floor is None else f"{floor:g} {yardstick}",
        holds=floor is None or ratio >= floor,
    )


def bound_line(name: str, value: float, bound: float, unit: str) -> Line:
    """Return the line of a figure that has a bound instead of a yardstick."""
    return Line(name, f"{value:,.2f} {unit}", "", "", f"{bound:g} {unit}", value <= bound)


def floor_line(name: str, value: float, floor: float, unit: str) -> Line:
    """Return the line of a figure that has a least value instead of a yardstick."""
    return Line(name, f"{value:,.2f} {unit}", "", "", f"{floor:g} {unit}", value >= floor)
