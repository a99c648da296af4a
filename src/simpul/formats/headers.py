"""Names of columns out of the header of a table, which may have several rows and merged cells. No files here."""

from __future__ import annotations

from collections.abc import Sequence


def unique_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return names with single spaces, each once: the second `Nilai` is `Nilai (2)`; an empty one is `column 3`."""
    seen: dict[str, int] = {}
    unique: list[str] = []
    for number, written in enumerate(names, 1):
        name = " ".join(written.split()) or f"column {number}"
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(unique)


def carry_right(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return a header's rows with each upper text carried over the cells that it stands above.

    Merged cells look so where the file does not tell of them: the text in the first, the others empty.
    """
    width = max((len(row) for row in rows), default=0)
    filled = [[*(text.strip() for text in row), *[""] * (width - len(row))] for row in rows]
    for level, row in enumerate(filled[:-1]):
        above = ""
        for column, text in enumerate(row):
            starts_anew = (
                any(filled[upper][column] != filled[upper][column - 1] for upper in range(level)) if column else True
            )
            above = text or ("" if starts_anew else above)
            if filled[-1][column]:
                row[column] = above
    return filled


def join_header(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return one name per column from the rows of a header; equal and empty parts are left out."""
    width = max((len(row) for row in rows), default=0)
    names: list[str] = []
    for column in range(width):
        parts: list[str] = []
        for row in rows:
            text = row[column].strip() if column < len(row) else ""
            if text and (not parts or parts[-1] != text):
                parts.append(text)
        names.append(" / ".join(parts))
    return names
