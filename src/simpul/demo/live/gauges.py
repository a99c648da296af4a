"""What BMKG's rain posts report: the real series of 2015 to 2025, replayed, one of its days after the other.

Each reading says that it is simulated and of which day it is. No amount is invented, and none is left out: what a post
reported as 8888, 9999 or not at all comes so here, too.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final, NamedTuple

from simpul.demo.compiled import NO_DATA, TRACE, iter_rain, read_table
from simpul.demo.live.packets import Message

TOPIC: Final = "bmkg/padang/hujan/{}"
DAY_SECONDS: Final = 20
_REPORTING_LEAST: Final = 6
_NOTE: Final = "SIMULASI: putar ulang seri hujan harian 2015-2025"
_NOT_MEASURED: Final = (NO_DATA, TRACE, "")


class Report(NamedTuple):
    """What one post reports of one day of the series: the cell as it was."""

    post: str
    cell: str


@dataclass(frozen=True, slots=True)
class Replay:
    """The days of the series on which most posts measured, and what each post reported of them."""

    names: dict[str, str]
    places: dict[str, tuple[float, float]]
    days: list[tuple[date, list[Report]]]

    def turn(self, now: datetime) -> int:
        """Return the number of the day that is replayed now; it depends on the time alone."""
        return int(now.timestamp()) // DAY_SECONDS

    def list_messages(self, turn: int, now: datetime) -> list[Message]:
        """Return what the posts tell of the day of this turn."""
        day, reports = self.days[turn % len(self.days)]
        return [self._message(report, day, now) for report in reports]

    def _message(self, report: Report, day: date, now: datetime) -> Message:
        longitude, latitude = self.places[report.post]
        reading = {
            "nama": self.names[report.post],
            "waktu": now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "curah_hujan": report.cell,
            "hari_seri": day.isoformat(),
            "posisi": {"bujur": longitude, "lintang": latitude},
            "simulasi": "Y",
            "keterangan": _NOTE,
        }
        payload = json.dumps(reading, ensure_ascii=False).encode()
        return Message(TOPIC.format(report.post), payload, qos=1, is_retained=True)


def read_replay() -> Replay:
    """Return the replay of the compiled series."""
    by_day: dict[date, list[Report]] = defaultdict(list)
    measured: dict[date, int] = defaultdict(int)
    for rain in iter_rain():
        by_day[rain.day].append(Report(rain.post, rain.cell))
        measured[rain.day] += rain.cell not in _NOT_MEASURED
    posts = read_table("rain_posts.csv")
    return Replay(
        names={row["post"]: row["name"] for row in posts},
        places={row["post"]: (float(row["longitude"]), float(row["latitude"])) for row in posts},
        days=[(day, by_day[day]) for day in sorted(by_day) if measured[day] >= _REPORTING_LEAST],
    )
