"""Where Dishub's buses are: simulated along the real lines of Trans Padang, faster than real ones. No sending here.

The answer has what such services have: coordinates as text with a comma, a bus without a position, a wrapper.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from math import atan2, cos, degrees, hypot, radians
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from simpul.demo.compiled import read_table

TIME_LAPSE: Final = 6
_METRES_PER_BUS: Final = 7_500
_LEAST_METRES_PER_SECOND: Final = 5.5
_METRES_PER_DEGREE: Final = 111_320.0
_LATITUDE: Final = radians(-0.95)
_ZONE: Final = ZoneInfo("Asia/Jakarta")
_NOTE: Final = f"SIMULASI: menurut lintasan Trans Padang, {TIME_LAPSE} kali lebih cepat"
# Corridors go out on one line and back on another.
_ROUNDS: Final = (("1a", "1b"), ("2a", "2b"), ("3a", "3b"), ("5a", "5b"), ("6a", "6b"))


class _Point(NamedTuple):
    longitude: float
    latitude: float
    stop: str
    corridor: str


@dataclass(frozen=True, slots=True)
class Round:
    """A corridor there and back: its points, and how far each is from the first."""

    points: list[_Point]
    metres: list[float]

    @property
    def length(self) -> float:
        return self.metres[-1]

    def at(self, metres: float) -> tuple[float, float, int, _Point]:
        """Return longitude, latitude, heading and the point that is passed next."""
        metres %= self.length
        place = min(bisect_right(self.metres, metres), len(self.points) - 1)
        before, after = self.points[place - 1], self.points[place]
        share = (metres - self.metres[place - 1]) / (self.metres[place] - self.metres[place - 1])
        east, north = after.longitude - before.longitude, after.latitude - before.latitude
        heading = round(degrees(atan2(east * cos(_LATITUDE), north))) % 360
        return before.longitude + share * east, before.latitude + share * north, heading, after

    def next_stop(self, metres: float) -> str:
        """Return the stop that comes next."""
        place = bisect_right(self.metres, metres % self.length)
        ahead = (point.stop for point in [*self.points[place:], *self.points] if point.stop != "0")
        return next(ahead, "")


class _Bus(NamedTuple):
    number: str
    round: Round
    start_metres: float
    metres_per_second: float


class Fleet:
    """All buses. Where they are depends on the time alone."""

    def __init__(self) -> None:
        self._buses = list(_list_buses(_read_rounds()))

    def list_positions(self, now: datetime) -> list[dict[str, Any]]:
        """Return the buses as the service tells of them, the one without a position among them."""
        return [*(_told(bus, now) for bus in self._buses), _lost(f"TP-{len(self._buses) + 1:02}")]


def _read_rounds() -> list[Round]:
    codes = {row["corridor"]: row["name"] for row in read_table("corridors.csv")}
    lines: dict[str, list[tuple[int, _Point]]] = defaultdict(list)
    for row in read_table("route_points.csv"):
        code = codes[row["corridor"]]
        point = _Point(float(row["longitude"]), float(row["latitude"]), row["stop"], code)
        lines[code].append((int(row["order"]), point))
    rounds = []
    for there, back in _ROUNDS:
        points = [point for code in (there, back) for _, point in sorted(lines[code], key=lambda one: one[0])]
        rounds.append(_make_round(points))
    return rounds


def _make_round(points: list[_Point]) -> Round:
    kept, metres = [points[0]], [0.0]
    for before, point in pairwise([*points, points[0]]):
        step = _distance(before, point)
        if step > 0:
            kept.append(point)
            metres.append(metres[-1] + step)
    return Round(kept, metres)


def _distance(one: _Point, other: _Point) -> float:
    east = (one.longitude - other.longitude) * cos(_LATITUDE)
    return hypot(east, one.latitude - other.latitude) * _METRES_PER_DEGREE


def _list_buses(rounds: list[Round]) -> list[_Bus]:
    buses: list[_Bus] = []
    for one in rounds:
        count = round(one.length / _METRES_PER_BUS)
        for place in range(count):
            speed = _LEAST_METRES_PER_SECOND + len(buses) * 7 % 11 / 4
            buses.append(_Bus(f"TP-{len(buses) + 1:02}", one, one.length * place / count, speed))
    return buses


def _told(bus: _Bus, now: datetime) -> dict[str, Any]:
    metres = bus.start_metres + bus.metres_per_second * TIME_LAPSE * now.timestamp()
    longitude, latitude, heading, point = bus.round.at(metres)
    return {
        "no_lambung": bus.number,
        "koridor": point.corridor,
        "lintang": _with_comma(latitude, 6),
        "bujur": _with_comma(longitude, 6),
        "kecepatan_kmj": _with_comma(bus.metres_per_second * 3.6, 1),
        "arah": str(heading),
        "halte_berikut": bus.round.next_stop(metres),
        "waktu": now.astimezone(_ZONE).strftime("%d-%m-%Y %H:%M:%S"),
        "simulasi": "Y",
        "keterangan": _NOTE,
    }


def _lost(number: str) -> dict[str, Any]:
    """Return a bus whose receiver finds no satellite, as it goes on reporting all the same."""
    return {
        "no_lambung": number, "koridor": "1a", "lintang": "0", "bujur": "0", "kecepatan_kmj": "0,0", "arah": "0",
        "halte_berikut": "", "waktu": "01-01-1970 07:00:00", "simulasi": "Y", "keterangan": _NOTE,
    }  # fmt: skip


def _with_comma(number: float, decimals: int) -> str:
    return f"{number:.{decimals}f}".replace(".", ",")
