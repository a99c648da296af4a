"""Many rows by few statements."""

from __future__ import annotations

import apsw
import pytest

from simpul.store.sqlite.insertion import insert_rows

STATEMENTS = {
    "plain": "INSERT INTO pair (a, b)\nVALUES (?, ?)",
    "first wins": "INSERT OR IGNORE INTO pair (a, b)\nVALUES (?, ?)",
    "last wins": "INSERT INTO pair (a, b)\nVALUES (?, ?)\nON CONFLICT (a) DO UPDATE SET b = excluded.b",
}


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 64, 100])
@pytest.mark.parametrize("kind", STATEMENTS)
def test_rows_that_are_put_together_are_as_if_they_were_put_one_by_one(kind: str, count: int) -> None:
    step = 1 if kind == "plain" else 7
    rows = [(number // step, f"row {number}") for number in range(count)]
    with apsw.Connection(":memory:") as connection:
        results = []
        for put in (insert_rows, apsw.Connection.executemany):
            connection.execute("CREATE TABLE pair (a INTEGER PRIMARY KEY, b TEXT)")
            put(connection, STATEMENTS[kind], rows)
            results.append(connection.execute("SELECT a, b FROM pair ORDER BY a").fetchall())
            connection.execute("DROP TABLE pair")
    connection.close()
    assert results[0] == results[1]
    assert len(results[0]) == len({a for a, _ in rows})
