"""Invents households and their residents: the same ones each time, none of them a real person. No database here.

Codes and shares of the kelurahan are real or estimated from real ones; names, dates, numbers and families are drawn.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import accumulate
from typing import NamedTuple

from simpul.demo.compiled import read_table
from simpul.demo.names import BIRTHPLACES, LAST, MEN, STREETS, WOMEN

SEED = 20150530
TODAY = date(2025, 12, 31)
# Registrars number from 0001 and hardly pass a few hundred a day: numbers up here belong to nobody.
SERIAL_FIRST = 9001

HEAD, WIFE, CHILD, PARENT = 1, 3, 4, 7
SINGLE, MARRIED, WIDOWED = 1, 2, 4
MAN, WOMAN = 1, 2

_DISTRICT_CHARACTERS = len("13.71.01")
_MOVED_SHARE = 0.2
_SIZES = (1, 2, 3, 4, 5, 6, 7)
_SIZE_SHARES = (9, 15, 21, 25, 17, 9, 4)
_YEAR_DAYS = 365.25


class Household(NamedTuple):
    """A row of `keluarga`."""

    number: str
    address: str
    rt: int
    rw: int
    code: str


class Resident(NamedTuple):
    """A row of `biodata_wni`, in the order of its columns."""

    id: int
    nik: str
    household: str
    name: str
    sex: int
    birthplace: str
    birth_date: str
    relation: int
    marital_status: int
    code: str


class _Member(NamedTuple):
    age_days: int
    sex: int
    relation: int
    marital_status: int


class Registrar:
    """Draws households one after another and gives every resident a number that follows the rules of a NIK."""

    def __init__(self) -> None:
        rows = read_table("kelurahan.csv")
        self._dice = random.Random(SEED)  # noqa: S311 - The same people each time is what is wanted.
        self._codes = [row["code"] for row in rows]
        self._shares = list(accumulate(int(row["population_estimate"]) for row in rows))
        self._districts = sorted({_digits(code) for code in self._codes})
        self._days = [_written(TODAY - timedelta(days=age)) for age in range(int(100 * _YEAR_DAYS))]
        self._serials: dict[str, int] = {}
        self._count = 0

    def iter_households(self, residents: int) -> Iterator[tuple[Household, list[Resident]]]:
        """Yield households until exactly so many residents live in them."""
        while self._count < residents:
            code = self._dice.choices(self._codes, cum_weights=self._shares)[0]
            size = min(self._dice.choices(_SIZES, _SIZE_SHARES)[0], residents - self._count)
            yield self._household(code, size)

    def _household(self, code: str, size: int) -> tuple[Household, list[Resident]]:
        draw = self._dice.random
        district = _digits(code)
        issued = self._days[int(draw() * 20 * _YEAR_DAYS)]
        number = self._numbered(district + issued[MAN])
        street = f"JL. {STREETS[int(draw() * len(STREETS))]} NO. {1 + int(draw() * 180)}"
        household = Household(number, street, 1 + int(draw() * 9), 1 + int(draw() * 12), code)
        return household, [self._resident(member, household, district) for member in self._members(size)]

    def _members(self, size: int) -> list[_Member]:
        """Draw a family: a head, mostly a wife, then children; a parent where the family is large."""
        draw = self._dice.random
        head_age = int((24 + draw() * 46) * _YEAR_DAYS)
        has_wife = size > 1 and draw() < 0.85
        head_sex = MAN if has_wife or draw() < 0.35 else WOMAN
        alone = SINGLE if size == 1 and head_age < 40 * _YEAR_DAYS else WIDOWED
        members = [_Member(head_age, head_sex, HEAD, MARRIED if has_wife else alone)]
        mother_age = head_age
        if has_wife:
            mother_age = max(int(20 * _YEAR_DAYS), head_age - int(draw() * 8 * _YEAR_DAYS))
            members.append(_Member(mother_age, WOMAN, WIFE, MARRIED))
        while len(members) < size:
            if len(members) == 5 and head_age < 45 * _YEAR_DAYS:
                members.append(_Member(int(head_age + 24 * _YEAR_DAYS), WOMAN, PARENT, WIDOWED))
                continue
            youngest = max(0.0, mother_age - 38 * _YEAR_DAYS)
            eldest = mother_age - 19 * _YEAR_DAYS
            child_age = int(youngest + draw() * (eldest - youngest))
            members.append(_Member(child_age, MAN if draw() < 0.512 else WOMAN, CHILD, SINGLE))
        return members

    def _resident(self, member: _Member, household: Household, district: str) -> Resident:
        draw = self._dice.random
        self._count += 1
        # A NIK names the district of its first issue, and keeps it when people move.
        first = self._districts[int(draw() * len(self._districts))] if draw() < _MOVED_SHARE else district
        day = self._days[member.age_days]
        given = MEN if member.sex == MAN else WOMEN
        return Resident(
            self._count,
            self._numbered(first + day[member.sex]),
            household.number,
            f"{given[int(draw() * len(given))]} {LAST[int(draw() * len(LAST))]}",
            member.sex,
            BIRTHPLACES[int(draw() * len(BIRTHPLACES))],
            day[0],
            member.relation,
            member.marital_status,
            household.code,
        )

    def _numbered(self, prefix: str) -> str:
        serial = self._serials.get(prefix, SERIAL_FIRST)
        self._serials[prefix] = serial + 1
        return f"{prefix}{serial:04}"


def _digits(code: str) -> str:
    return code[:_DISTRICT_CHARACTERS].replace(".", "")


def _written(day: date) -> tuple[str, str, str]:
    """Return the day as a database has it and as a NIK has it, for a man and for a woman (the day and 40)."""
    rest = f"{day.month:02}{day.year % 100:02}"
    return day.isoformat(), f"{day.day:02}{rest}", f"{day.day + 40:02}{rest}"
