"""Files that are gone from a folder where they stay: what becomes of their rows."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from simpul.connect.city import load_city
from simpul.connect.rules import SeenKeys
from tests.connect.kota import Kota, csv_source, entity_uri
from tests.connect.test_files import READ, arrive, inbox
from tests.connect.test_killed_runs import sync_and_kill

__all__ = ["inbox"]

SFTP = {"host": "127.0.0.1", "user": "x", "password": "${env:X}", "host_key": "SHA256:" + "A" * 43}
MAILBOX = {"host": "127.0.0.1", "user": "x", "password": "${env:X}", "senders": ["a@b.example"]}


def declare(kota: Kota, vanished: str = "delete", **changes: Any) -> None:
    kota.declare(csv_source(kind="files", read={**READ, "after": "keep", **changes}, vanished=vanished))


def stand(kota: Kota, keys: range = range(1, 20)) -> dict[int, str]:
    """Return the stops that are there by the name that each has."""
    found = {number: kota.entity(entity_uri("BusStop", str(number))) for number in keys}
    return {number: entity["name"]["value"] for number, entity in found.items() if entity is not None}


def test_rows_of_a_file_that_is_gone_are_deleted(kota: Kota, inbox: Path) -> None:
    declare(kota)
    arrive(inbox, "a.csv", {1: "a", 2: "a"}, minute=1)
    gone = arrive(inbox, "b.csv", {3: "b"}, minute=2)
    assert kota.sync().error is None
    gone.unlink()
    run = kota.sync()
    assert (run.error, run.rows_written, run.rows_vanished) == (None, 0, 1)
    assert stand(kota) == {1: "a", 2: "a"}
    again = kota.sync()
    assert (again.rows_read, again.rows_vanished) == (0, 0)


def test_rows_of_a_file_that_is_gone_expire_and_come_back_with_it(kota: Kota, inbox: Path) -> None:
    declare(kota, "expire")
    arrive(inbox, "a.csv", {1: "a", 2: "a"}, minute=1)
    gone = arrive(inbox, "b.csv", {3: "b"}, minute=2)
    kota.sync()
    gone.rename(inbox.parent / "b.csv")
    assert kota.sync().rows_vanished == 1
    marked = kota.values(entity_uri("BusStop", "3"))
    assert set(marked) - {"name"}, "it is marked"
    assert kota.sync().rows_vanished == 0
    # The very same file, as it was.
    (inbox.parent / "b.csv").rename(gone)
    run = kota.sync()
    assert (run.error, run.rows_written, run.rows_vanished) == (None, 1, 0)
    assert kota.values(entity_uri("BusStop", "3")) == {"name": "b"}


def test_an_older_file_that_is_there_says_what_a_newer_one_that_is_gone_had_said(kota: Kota, inbox: Path) -> None:
    declare(kota)
    arrive(inbox, "a.csv", {1: "lama", 2: "tetap"}, minute=1)
    newer = arrive(inbox, "b.csv", {1: "baru"}, minute=2)
    kota.sync()
    newer.unlink()
    assert kota.sync().rows_vanished == 0
    assert stand(kota) == {1: "lama", 2: "tetap"}
    assert kota.history(entity_uri("BusStop", "1"), "name") == ["lama", "baru", "lama"]


def test_what_a_newer_file_says_is_not_said_anew_when_an_older_one_is_gone(kota: Kota, inbox: Path) -> None:
    declare(kota)
    arrive(inbox, "a.csv", {1: "lama", 9: "tetap", 8: "tetap"}, minute=1)
    gone = arrive(inbox, "b.csv", {1: "lebih lama", 5: "hilang"}, minute=2)
    arrive(inbox, "c.csv", {1: "baru"}, minute=3)
    kota.sync()
    gone.unlink()
    run = kota.sync()
    assert (run.rows_written, run.rows_vanished) == (0, 1)
    assert kota.history(entity_uri("BusStop", "1"), "name") == ["lama", "lebih lama", "baru"]


def test_a_row_that_is_gone_from_a_file_that_changed_is_gone(kota: Kota, inbox: Path) -> None:
    declare(kota)
    arrive(inbox, "a.csv", {1: "a", 2: "a", 3: "a"}, minute=1)
    arrive(inbox, "b.csv", {4: "b"}, minute=2)
    kota.sync()
    arrive(inbox, "a.csv", {1: "a", 2: "lain"}, minute=3)
    run = kota.sync()
    assert (run.error, run.rows_vanished) == (None, 1)
    assert stand(kota) == {1: "a", 2: "lain", 4: "b"}


def test_what_is_new_is_read_alone(kota: Kota, inbox: Path) -> None:
    declare(kota)
    arrive(inbox, "a.csv", {1: "a", 2: "a", 3: "a"}, minute=1)
    kota.sync()
    arrive(inbox, "b.csv", {4: "b"}, minute=2)
    assert kota.sync().rows_read == 1


def test_an_empty_folder_deletes_nothing(kota: Kota, inbox: Path) -> None:
    # A share that is not mounted looks like one.
    declare(kota)
    path = arrive(inbox, "a.csv", {1: "a"}, minute=1)
    kota.sync()
    path.unlink()
    for _ in range(2):
        run = kota.sync()
        assert run.error is not None
        assert "gave no rows, and it gave some before" in run.error
    assert stand(kota) == {1: "a"}


def test_most_files_gone_at_once_are_believed_only_when_somebody_says_so(kota: Kota, inbox: Path) -> None:
    declare(kota)
    paths = [arrive(inbox, f"{number}.csv", {number: "a"}, minute=number) for number in range(1, 11)]
    kota.sync()
    for path in paths[2:]:
        path.unlink()
    for _ in range(2):
        run = kota.sync()
        assert run.error is not None
        assert "of 10 rows that were taken over, 8 are gone" in run.error
    assert len(stand(kota)) == 10
    assert kota.sync(accept_shrink=True).rows_vanished == 8
    assert stand(kota) == {1: "a", 2: "a"}


def test_while_a_file_is_being_written_nothing_counts_as_gone(kota: Kota, inbox: Path) -> None:
    declare(kota)
    arrive(inbox, "a.csv", {1: "a"}, minute=1)
    arrive(inbox, "b.csv", {2: "b"}, minute=2)
    kota.sync()
    declare(kota, quiet=3_600)
    # Both were written to just now, so that none is listed.
    arrive(inbox, "b.csv", {2: "baru"}, minute=3)
    run = kota.sync()
    assert (run.error, run.rows_read, run.rows_vanished) == (None, 0, 0)
    assert stand(kota) == {1: "a", 2: "b"}
    declare(kota)
    assert kota.sync().error is None
    assert stand(kota) == {1: "a", 2: "baru"}


def test_while_a_row_cannot_be_read_nothing_counts_as_gone(kota: Kota, inbox: Path) -> None:
    declare(kota)
    bad = arrive(inbox, "a.csv", {1: "a"}, minute=1)
    gone = arrive(inbox, "b.csv", {2: "b"}, minute=2)
    with bad.open("a") as file:
        file.write("2,b,c,d\n")
    kota.sync()
    gone.unlink()
    run = kota.sync()
    assert (run.error, run.rows_vanished) == (None, 0)
    assert kota.sync().rows_read == 0
    arrive(inbox, "a.csv", {1: "a"}, minute=3)
    assert kota.sync().rows_vanished == 1
    assert stand(kota) == {1: "a"}
    assert kota.rejects() == []


def test_rows_kept_aside_of_a_file_that_is_gone_are_forgotten(kota: Kota, inbox: Path) -> None:
    declare(kota)
    arrive(inbox, "a.csv", {1: "a"}, minute=1)
    gone = arrive(inbox, "b.csv", {2: "b"}, minute=2)
    with gone.open("a") as file:
        file.write(",tanpa kunci\n")
    assert kota.sync().rows_rejected == 1
    gone.unlink()
    assert kota.sync().error is None
    assert kota.rejects() == []
    assert stand(kota) == {1: "a"}


def test_whatever_comes_and_goes_the_newest_file_that_is_there_counts(kota: Kota, inbox: Path) -> None:
    chance = random.Random(5)
    declare(kota)
    arrive(inbox, "tetap.csv", {1: "tetap", 2: "tetap", 3: "tetap"})
    files: dict[str, tuple[int, dict[int, str]]] = {"tetap": (0, {1: "tetap", 2: "tetap", 3: "tetap"})}
    minute = 0
    for step in range(12):
        for _ in range(chance.randint(1, 3)):
            name = chance.choice("abcde")
            if name in files and chance.random() < 0.5:
                del files[name]
                (inbox / f"{name}.csv").unlink()
            else:
                minute += 1
                # Some come with the time of an old one.
                at = minute if chance.random() < 0.8 else minute - 3
                rows = {chance.randint(1, 9): f"{name}{step}" for _ in range(chance.randint(1, 4))}
                files[name] = at, rows
                arrive(inbox, f"{name}.csv", rows, minute=at)
        run = kota.sync(accept_shrink=True)
        assert run.error is None
        wanted: dict[int, str] = {}
        for _, (_, rows) in sorted(files.items(), key=lambda one: (one[1][0], f"{one[0]}.csv")):
            wanted |= rows
        assert stand(kota) == wanted, f"step {step}"


def test_a_killed_run_settles_what_is_gone_when_it_is_run_again(kota: Kota, inbox: Path) -> None:
    chance = random.Random(4)
    declare(kota)
    for file in range(6):
        arrive(
            inbox, f"{file}.csv", {file * 1_000 + number: f"Halte {file}" for number in range(1_500)}, minute=file + 1
        )
    kota.sync()
    (inbox / "2.csv").unlink()
    arrive(inbox, "4.csv", {4_000 + number: "Halte baru" for number in range(1_500)}, minute=9)
    for _ in range(3):
        sync_and_kill(kota.folder, chance.uniform(0, 0.5))
    assert kota.sync().error is None
    # 2.csv alone had 2,500 to 2,999.
    assert kota.count("BusStop") == 6_500 - 500
    assert kota.entity(entity_uri("BusStop", "2600")) is None
    assert stand(kota, range(2_400, 2_402)) == {2_400: "Halte 1", 2_401: "Halte 1"}
    assert stand(kota, range(5_400, 5_402)) == {5_400: "Halte baru", 5_401: "Halte baru"}


def test_sets_of_keys_are_put_together() -> None:
    one, other = SeenKeys(), SeenKeys()
    for number in range(3_000):
        one.add(f"a{number}")
        other.add(f"{'a' if number < 100 else 'b'}{number}")
    one.add_all(other)
    assert one.count == 5_900
    assert all(f"a{number}" in one for number in range(3_000))
    assert all(f"b{number}" in one for number in range(100, 3_000))
    assert "b99" not in one


@pytest.mark.parametrize(("read", "source", "expected"), [
    ({}, {}, "files that were read are moved away, so none can be missed; write after: keep"),
    ({"mailbox": MAILBOX, "quiet": None, "after": "keep"}, {}, "nothing of a mailbox can be gone"),
    ({"after": "keep"}, {"read_by": "agent"}, "an agent delivers what is new, not what is gone"),
    ({"after": "keep"}, {}, ""),
    ({"after": "keep", "sftp": SFTP}, {}, ""),
])  # fmt: skip
def test_where_no_file_can_be_missed_the_check_says_why(
    kota: Kota, read: dict[str, Any], source: dict[str, Any], expected: str
) -> None:
    plain = {key: value for key, value in {**READ, **read}.items() if value is not None}
    kota.write("sources/halte.yaml", csv_source(kind="files", read=plain, vanished="delete", **source))
    problems = load_city(kota.folder).problems
    assert bool(problems) is bool(expected)
    assert expected in "; ".join(problem.message for problem in problems)
