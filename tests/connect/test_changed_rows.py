"""What changed between two readings: packed by an agent, put together again at the hub to the same rows."""

from __future__ import annotations

import gzip
import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simpul import limits
from simpul.connect.changed_rows import Changes, ChangesBroken, ChangeWriter, put_together
from simpul.connect.connector import BrokenRow, Row
from simpul.connect.raw_rows import PackedReading, PackedRows

Rows = Sequence[Row | BrokenRow]


class Read:
    """Rows as a reading gives them."""

    row_word = "row"
    rows_expected: int | None = None

    def __init__(self, rows: Rows, columns: tuple[str, ...] = ("id", "nama")) -> None:
        self.columns = columns
        self._rows = rows

    def rows(self) -> Iterator[Row | BrokenRow]:
        yield from self._rows

    def close(self) -> None:
        """Nothing is held."""


class Packed:
    """A reading as an agent packs it after the one before."""

    def __init__(self, rows: Rows, before: Packed | None = None, columns: tuple[str, ...] = ("id", "nama")) -> None:
        self.digest: str
        self.blocks: bytes
        file, reading = BytesIO(), Read(rows, columns)
        writer = ChangeWriter("" if before is None else before.digest, b"" if before is None else before.blocks)
        packed = PackedRows(file, reading, writer.see)
        for row in rows:
            packed.put(row)
        packed.close()
        self.body = file.getvalue()
        self.digest = hashlib.sha256(self.body).hexdigest()
        self.changes: Changes | None
        self.changes, self.blocks = writer.finish(limits.DELIVERY_BYTES_MAX)


def rows_of(path: Path) -> list[Row | BrokenRow]:
    with closing(PackedReading(path)) as reading:
        return list(reading.rows())


def together(before: Packed, changes: Changes) -> list[Row | BrokenRow]:
    with tempfile.TemporaryDirectory() as folder:
        base, told, made = (Path(folder) / name for name in ("base", "told", "made"))
        base.write_bytes(before.body)
        told.write_bytes(changes.body)
        with made.open("wb") as file:
            put_together(base, told, file, changes.rows_digest)
        return rows_of(made)


def numbered(cells: Sequence[Sequence[Any]], first: int = 2) -> list[Row | BrokenRow]:
    return [Row(number, list(one)) for number, one in enumerate(cells, first)]


def many(count: int) -> list[list[Any]]:
    return [[number, f"Halte {number}"] for number in range(count)]


CELLS = st.one_of(
    st.none(), st.integers(), st.text(max_size=5), st.floats(allow_nan=False), st.dates(), st.booleans(),
    st.decimals(allow_nan=False, allow_infinity=False, places=2), st.binary(max_size=3),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_whatever_changes_the_same_rows_come_out(data: st.DataObject) -> None:
    numbers = st.integers(1, 300)
    before: list[Row | BrokenRow] = list(numbered(many(data.draw(numbers))))
    after = list(before)
    for _ in range(data.draw(st.integers(0, 6))):
        at = data.draw(st.integers(0, len(after)))
        kind = data.draw(st.sampled_from(["new", "gone", "changed", "moved", "broken"]))
        if kind == "new":
            after.insert(at, Row(0, data.draw(st.lists(CELLS, max_size=4))))
        elif kind == "gone":
            del after[at : at + data.draw(st.integers(1, 40))]
        elif kind == "changed":
            after[at : at + 1] = [Row(0, [7, data.draw(CELLS)])]
        elif kind == "broken":
            after.insert(at, BrokenRow(0, "rusak", {"line": data.draw(st.text(max_size=5))}))
        else:
            part = after[at : at + 60]
            del after[at : at + 60]
            after += part
    shift = data.draw(st.integers(0, 3))
    after = [one._replace(number=number) for number, one in enumerate(after, 2 + shift)]
    first = Packed(before)
    second = Packed(after, first)
    assert second.changes is not None
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole"
        whole.write_bytes(second.body)
        assert together(first, second.changes) == rows_of(whole)


def test_a_row_of_a_hundred_thousand_costs_a_few(tmp_path: Path) -> None:
    cells = many(100_000)
    first = Packed(numbered(cells))
    changed = [*cells[:500], *cells[501:70_000], [70_000, "lain"], *cells[70_001:], [100_000, "baru"]]
    second = Packed(numbered(changed), first)
    assert second.changes is not None
    assert len(second.changes.body) * 100 < len(second.body)
    assert len(together(first, second.changes)) == 100_000


def test_other_columns_and_all_kinds_of_cells_come_out_as_they_are() -> None:
    first = Packed(numbered(many(50)))
    cells = [[date(2026, 11, 24), Decimal("2.10"), timedelta(hours=1), 2**70, {"a": [1.5]}], *many(50)]
    second = Packed(numbered(cells), first, ("lain",))
    assert second.changes is not None
    found = together(first, second.changes)
    assert list(found[0][1]) == cells[0]
    assert len(found) == 51


def test_most_being_new_all_is_sent() -> None:
    first = Packed(numbered(many(500)))
    body, writer = BytesIO(), ChangeWriter(first.digest, first.blocks)
    rows = numbered([[f"x{number}", number] for number in range(500)])
    packed = PackedRows(body, Read(rows), writer.see)
    for row in rows:
        packed.put(row)
    packed.close()
    assert writer.finish(len(body.getvalue()))[0] is None


def test_changes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "DELIVERED_CHANGES_BYTES_MAX", 10_000)
    first = Packed(numbered(many(10)))
    second = Packed(numbered([[hashlib.sha256(bytes([n % 256, n // 256])).hexdigest()] for n in range(60_000)]), first)
    assert second.changes is None
    assert len(second.blocks) > 0


def test_without_a_reading_before_there_are_no_changes() -> None:
    assert Packed(numbered(many(10))).changes is None


def test_what_fits_nothing_is_refused(tmp_path: Path) -> None:
    first, other = Packed(numbered(many(400))), Packed(numbered([[1, "lain"]]))
    cells = many(400)
    cells[100] = [100, "lain"]
    changes = Packed(numbered(cells), first).changes
    assert changes is not None
    with pytest.raises(ChangesBroken, match="a block is wanted that is not there"):
        together(other, changes)
    with pytest.raises(ChangesBroken, match="not what the agent has read"):
        together(first, changes._replace(rows_digest="0" * 64))
    for body in (changes.body[:-10], changes.body[:30], b"", gzip.compress(b"\xff" * 100), gzip.compress(b"")):
        with pytest.raises(ChangesBroken):
            together(first, changes._replace(body=body))
    whole = gzip.decompress(changes.body)
    for cut in range(5, len(whole), 97):
        with pytest.raises(ChangesBroken):
            together(first, changes._replace(body=gzip.compress(whole[:cut])))
