"""Dukcapil's system: the civil registry as a relational database, filled with invented residents."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from itertools import islice
from pathlib import Path

from simpul.demo.residents import Household, Registrar, Resident
from simpul.demo.statements import read_statements
from simpul.demo.step import Advance

FILE = Path("dukcapil/kependudukan.sqlite")

_CHUNK_HOUSEHOLDS = 5_000


def builder(residents: int) -> Callable[[Path, Advance], None]:
    """Return what builds a registry of so many residents."""

    def build(systems: Path, advance: Advance) -> None:
        write(systems / FILE, residents, advance)

    return build


def write(path: Path, residents: int, advance: Advance) -> None:
    """Write the database, every record of it marked SINTETIS."""
    sql = read_statements("kependudukan.sql")
    households = Registrar().iter_households(residents)
    done = 0
    with closing(sqlite3.connect(path)) as database:
        database.executescript(sql["schema"])
        while chunk := list(islice(households, _CHUNK_HOUSEHOLDS)):
            database.executemany(sql["put_household"], map(_household_row, (household for household, _ in chunk)))
            database.executemany(sql["put_resident"], _residents(chunk))
            done += sum(len(members) for _, members in chunk)
            advance(done, residents)
        database.executescript(sql["indexes"])
        database.commit()


def _residents(chunk: list[tuple[Household, list[Resident]]]) -> Iterable[Resident]:
    return (resident for _, members in chunk for resident in members)


def _household_row(household: Household) -> tuple[str | int, ...]:
    province, city, district, sub_district = map(int, household.code.split("."))
    return (
        household.number, household.address, household.rt, household.rw,
        province, city, district, sub_district, household.code,
    )  # fmt: skip
