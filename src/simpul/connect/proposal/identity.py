"""What identifies a row: one column, or several, and whether the rows are a series in time. Looks at a sample only."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from itertools import combinations
from typing import Any, Final, NamedTuple

from simpul.connect.connector import Told
from simpul.connect.proposal.columns import DATE, GEOMETRY, NUMBER, OBJECT, ColumnFacts
from simpul.connect.proposal.words import words_of
from simpul.connect.values import text_of

_ID_WORDS: Final = ("id", "kode", "code", "uuid", "fid", "gid", "objectid", "no", "nomor", "kd", "npsn", "key", "nik")
_TIME_WORDS: Final = frozenset({
    "tanggal", "tgl", "waktu", "date", "time", "timestamp", "jam", "observed", "dateobserved", "datetime", "recorded",
    "data", "observasi", "pengamatan", "ukur", "pengukuran", "utc", "wib", "local", "at",
})  # fmt: skip
_STATION_WORDS: Final = frozenset({
    "id", "kode", "code", "kd", "pos", "stasiun", "station", "sensor", "device", "perangkat", "alat", "lokasi", "nama",
    "name", "titik", "site", "unit", "kendaraan", "nopol",
})  # fmt: skip
_COPIES_SHARE: Final = 0.01
_NAME_CHARACTERS: Final = 24
_PAIR_COLUMNS_MAX: Final = 14
_TRIPLE_COLUMNS_MAX: Final = 9
_ROWS_PER_STATION_LEAST: Final = 3
_TIME: Final = re.compile(r"\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?\Z")
_NO_TEMPLATE: Final = re.compile(r"[{}|]")


class Identity(NamedTuple):
    """The columns of the key, those of the entity's id, the column of time where the rows are a series, and why."""

    key: tuple[str, ...]
    in_id: tuple[str, ...]
    time: str | None
    because: str
    copies: int


def find_identity(
    columns: Sequence[ColumnFacts], rows: Sequence[Sequence[Any]], told: Told, avoid: Collection[str]
) -> Identity:
    """Return what identifies a row. `told` has the primary key that the system names; `avoid` are personal columns."""
    by_name = {facts.name: facts for facts in columns if not _NO_TEMPLATE.search(facts.name)}
    usable = [facts for facts in by_name.values() if facts.kind not in (GEOMETRY, OBJECT) and facts.filled]
    series = _find_series(usable, rows, avoid)
    if told.key and all(name in by_name and by_name[name].filled == by_name[name].rows for name in told.key):
        single = _told_key(told, _count_copies(rows, [by_name[name].position for name in told.key]), len(rows))
        if told.time in by_name and by_name[told.time].kind == DATE:
            return _told_series(told)
        return series if series is not None and _is_running_number(by_name, told.key) else single
    unique = [facts for facts in usable if facts.is_unique and _may_identify(facts)]
    if unique and not (series and _is_running_number(by_name, [facts.name for facts in unique][:1])):
        best = min(unique, key=lambda facts: _rank(facts, avoid))
        return Identity((best.name,), (best.name,), None, f"each of {best.rows:,} rows has another value", 0)
    return series or _find_nearly(usable, rows, avoid) or _find_several(usable, rows, avoid)


def _told_key(told: Told, copies: int, rows: int) -> Identity:
    because = f"{told.by} says that it is the primary key"
    # What keeps no standard says something else than it has.
    because += f"; {copies:,} of {rows:,} rows are copies by it, of which the first counts" if copies else ""
    return Identity(told.key, told.key, None, because, copies)


def _told_series(told: Told) -> Identity:
    in_id = tuple(name for name in told.key if name != told.time)
    return Identity(told.key, in_id, told.time, f"{told.by} says what is measured, and when", 0)


def _may_identify(facts: ColumnFacts) -> bool:
    """Return whether a column could identify anything: a measured number or a long text does not."""
    if facts.kind == NUMBER:
        return facts.is_whole
    if facts.kind == DATE or _is_time_of_day(facts):
        # A time of day is another one by chance alone.
        return False
    return max((len(text) for text in facts.values), default=0) <= 120


def _is_time_of_day(facts: ColumnFacts) -> bool:
    return all(_TIME.match(text) for text in facts.values)


def _is_sound(chosen: Sequence[ColumnFacts]) -> bool:
    """Return whether columns could be meant to identify a row together: a time of day says when only with its day."""
    return any(facts.kind == DATE for facts in chosen) or not any(map(_is_time_of_day, chosen))


def _rank(facts: ColumnFacts, avoid: Collection[str]) -> tuple[bool, int, int]:
    words = words_of(facts.name)
    rank = min((_ID_WORDS.index(word) for word in words if word in _ID_WORDS), default=len(_ID_WORDS))
    return facts.name in avoid, rank, facts.position


def _is_running_number(by_name: dict[str, ColumnFacts], names: Sequence[str]) -> bool:
    """Return whether the only key is a number that counts rows."""
    return len(names) == 1 and by_name[names[0]].kind == NUMBER and words_of(names[0])[-1:] in {("id",), ("no",)}


def _find_series(
    usable: Sequence[ColumnFacts], rows: Sequence[Sequence[Any]], avoid: Collection[str]
) -> Identity | None:
    """Return the identity of measurements: something that is measured again and again, and when."""
    # A day on which something was built or born is no time of a measurement.
    times = [facts for facts in usable if facts.kind == DATE and set(words_of(facts.name)) <= _TIME_WORDS]
    measured = [facts for facts in usable if facts.kind == NUMBER and not facts.is_unique]
    stations = sorted(
        (facts for facts in usable if _is_station(facts, avoid)), key=lambda one: _rank_station(one, avoid)
    )
    for time in times if measured else ():
        for station in stations if time.filled == time.rows else ():
            copies = _count_copies(rows, (station.position, time.position))
            if copies <= len(rows) * _COPIES_SHARE:
                because = f"{station.distinct:,} different, each with at most one row at a time: a series in time"
                because += f"; {copies:,} rows are copies" if copies else ""
                return Identity((station.name, time.name), (station.name,), time.name, because, copies)
    return None


def _is_station(facts: ColumnFacts, avoid: Collection[str]) -> bool:
    """Return whether a column says what is measured: its name says so, and each of its texts comes again."""
    if facts.kind == DATE or facts.name in avoid or not set(words_of(facts.name)) & _STATION_WORDS:
        return False
    is_filled = facts.filled >= facts.rows * (1 - _COPIES_SHARE)
    return is_filled and _may_identify(facts) and 0 < facts.distinct * _ROWS_PER_STATION_LEAST <= facts.rows


def _rank_station(facts: ColumnFacts, avoid: Collection[str]) -> tuple[bool, bool, int]:
    is_code = bool(set(words_of(facts.name)) & set(_ID_WORDS))
    return facts.name in avoid, not is_code, facts.position


def _find_nearly(
    usable: Sequence[ColumnFacts], rows: Sequence[Sequence[Any]], avoid: Collection[str]
) -> Identity | None:
    """Return the column that is called a code and is one but for a few rows, which are copies."""
    called = [
        facts for facts in usable
        if facts.filled == facts.rows and set(words_of(facts.name)) & set(_ID_WORDS) and _may_identify(facts)
    ]  # fmt: skip
    for facts in sorted(called, key=lambda facts: _rank(facts, avoid)):
        copies = _count_copies(rows, (facts.position,))
        if facts.name not in avoid and copies <= len(rows) * _COPIES_SHARE:
            because = f"{copies:,} of {len(rows):,} rows are copies by it, of which the first counts"
            return Identity((facts.name,), (facts.name,), None, because, copies)
    return None


def _find_several(usable: Sequence[ColumnFacts], rows: Sequence[Sequence[Any]], avoid: Collection[str]) -> Identity:
    """Return the fewest columns that identify a row together, or those that nearly do."""
    fitting = [facts for facts in usable if _may_identify(facts) or facts.kind == DATE or _is_time_of_day(facts)]
    ranked = sorted(fitting or usable, key=lambda facts: (_rank(facts, avoid)[:2], _is_long(facts), -facts.distinct))
    whole = [facts for facts in ranked if facts.filled == facts.rows] or ranked
    best: tuple[int, tuple[ColumnFacts, ...]] | None = None
    for count, most in ((1, len(whole)), (2, _PAIR_COLUMNS_MAX), (3, _TRIPLE_COLUMNS_MAX)):
        for chosen in filter(_is_sound, combinations(whole[:most], count)):
            copies = _count_copies(rows, [facts.position for facts in chosen])
            if copies == 0:
                return _together(chosen, f"no two of {len(rows):,} rows have the same", 0)
            if best is None or copies < best[0] * 0.5:
                best = (copies, chosen)
    if best is None:
        return _together(whole[:1], "there is nothing better", _count_copies(rows, (whole[0].position,)))
    copies, chosen = best
    return _together(chosen, f"the best there is: {copies:,} of {len(rows):,} rows are copies by it", copies)


def _together(chosen: Sequence[ColumnFacts], because: str, copies: int) -> Identity:
    names = tuple(facts.name for facts in sorted(chosen, key=lambda facts: facts.position))
    return Identity(names, names, None, because, copies)


def _is_long(facts: ColumnFacts) -> bool:
    """Return whether texts are sentences rather than names: an id made of them is one that nobody reads."""
    return max(map(len, facts.values), default=0) > _NAME_CHARACTERS


def _count_copies(rows: Sequence[Sequence[Any]], positions: Sequence[int]) -> int:
    seen = {tuple(_text(row[position]) for position in positions) for row in rows}
    return len(rows) - len(seen)


def _text(cell: Any) -> str:
    return "" if cell is None else " ".join(text_of(cell).split())
