"""A source that has changed its form since its last complete run: noticed before anything is written. No store here.

What is remembered of each column is where it stands, which kind of values it has, how they are written and about how
large they are: never a value of a row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from math import ceil
from typing import Any, Final, NamedTuple

from simpul import limits
from simpul.connect.written_forms import (
    DATES,
    DECIMALS,
    date_order,
    decimal_sign,
    factor_between,
    reads_form,
    spread_of,
)
from simpul.domain.city import SourceDeclaration
from simpul.domain.code_match import rank_names
from simpul.domain.errors import SourceChanged, SourceCollapsed
from simpul.ports.quality import SourceShape

NUMBER: Final = "numbers"
DATE: Final = "dates"
TEXT: Final = "text"
NOTHING: Final = "nothing"

_NUMBER: Final = re.compile(r"(?:rp\.?\s*)?[-+(]?\d[\d.,]*\)?(?:\s*%)?\Z", re.IGNORECASE)
_DATE: Final = re.compile(r"\d{4}-\d\d?-\d\d?|\d\d?[/-]\d\d?[/-]\d{2,4}")
# A column is of a kind when nearly all of it is; it has lost it when less than half is.
_SHARE_IS: Final = 0.95
_SHARE_LOST: Final = 0.5
_SHARE_ALSO: Final = 0.25
_FILLED_LEAST: Final = 10
_TEXT_FILLED_LEAST: Final = 20
_SPREAD: Final = 3


class Column(NamedTuple):
    """What is remembered of a column: where it stands, what kind of values it has, how they are written, how large.

    `form` is the sign before decimals, what stands first in dates, of text what else is in it often; None where nobody
    looked. `spread` are the quartiles of numbers.
    """

    position: int
    kind: str
    form: str | None = None
    spread: tuple[float, ...] = ()


def remembered(shape: SourceShape | None) -> dict[str, Column]:
    """Return the columns of the last complete run."""
    return (
        {}
        if shape is None
        else {
            name: Column(*column)._replace(spread=tuple(column[_SPREAD] if len(column) > _SPREAD else ()))
            for name, column in shape.columns.items()
        }
    )


def with_old_names(columns: Sequence[str], renamed: Mapping[str, str]) -> tuple[str, ...]:
    """Return the columns under the names that the declaration uses, where it says that one was renamed."""
    present = set(columns)
    old_names = {new: old for old, new in renamed.items() if old not in present}
    return tuple(old_names.get(name, name) for name in columns)


def raise_if_columns_went(
    source: SourceDeclaration, wanted: Sequence[str], columns: Sequence[str], before: Mapping[str, Column]
) -> None:
    """Refuse a source whose mapped columns were there in the last run and are not any more.

    Raises SourceChanged, which says what changed and proposes the line that makes it right.
    """
    gone = [name for name in wanted if name in before and name not in columns]
    if not gone:
        return
    new = [name for name in columns if name not in before]
    pairs = {name: found for name in gone if (found := _find_renamed(name, gone, new, (before, columns))) is not None}
    proposal = " Take it out of the mapping, or ask the agency for it."
    if pairs:
        line = ", ".join(f"{old}: {name}" for old, name in pairs.items())
        proposal = f" If that is what happened, write 'renamed: {{{line}}}' in {source.file}."
    told = f"; new: {', '.join(new[:20])}" if new else ""
    raise SourceChanged(
        f"{source.file}: the source has changed: gone: {', '.join(gone)}{told}. Nothing was taken over.{proposal}"
    )


def _find_renamed(
    name: str, gone: Sequence[str], new: Sequence[str], sides: tuple[Mapping[str, Column], Sequence[str]]
) -> str | None:
    """Return the new column that stands in the old one's place, or is called nearly the same."""
    if len(gone) == 1 and len(new) == 1:
        return new[0]
    before, columns = sides
    near = rank_names(name, {one: one for one in new})
    if near and near[0].score >= limits.RENAMED_COLUMN_SCORE_LEAST:
        return near[0].code
    position = before[name].position
    return columns[position] if position < len(columns) and columns[position] in new else None


def kinds_of(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, Column]:
    """Return what kind of values each column has in these rows, and how they are written."""
    return {name: _column(rows, at) for at, name in enumerate(columns)}


def _column(rows: Sequence[Sequence[Any]], position: int) -> Column:
    counts = _counts(rows, position)
    kind = _kind(counts)
    cells = [cells[position] for cells in rows if position < len(cells)]
    if kind == NUMBER:
        sign = decimal_sign(cells)
        return Column(position, kind, sign, spread_of(cells, sign))
    if kind == TEXT:
        filled = sum(counts.values())
        also = next((one for one in (NUMBER, DATE) if counts[one] >= filled * _SHARE_ALSO), "")
        return Column(position, kind, also)
    return Column(position, kind, date_order(cells) if kind == DATE else "")


def _counts(rows: Sequence[Sequence[Any]], position: int) -> dict[str, int]:
    counts = {NUMBER: 0, DATE: 0, TEXT: 0}
    for cells in rows:
        cell = cells[position] if position < len(cells) else None
        kind = _kind_of_cell(cell)
        if kind != NOTHING:
            counts[kind] += 1
    return counts


def _kind_of_cell(cell: Any) -> str:
    if cell is None:
        return NOTHING
    if isinstance(cell, int | float | Decimal):
        return NUMBER
    if isinstance(cell, date):
        return DATE
    text = cell.strip() if isinstance(cell, str) else "…"
    if not text:
        return NOTHING
    if _DATE.match(text):
        return DATE
    return NUMBER if _NUMBER.match(text) else TEXT


def _kind(counts: Mapping[str, int]) -> str:
    filled = sum(counts.values())
    if filled == 0:
        return NOTHING
    return next((kind for kind in (NUMBER, DATE) if counts[kind] >= filled * _SHARE_IS), TEXT)


def raise_if_kinds_changed(
    source: SourceDeclaration,
    wanted: Sequence[str],
    now: tuple[Sequence[str], Sequence[Sequence[Any]]],
    before: Mapping[str, Column],
) -> None:
    """Refuse a source in whose mapped columns other things stand than before.

    Raises SourceChanged, which says what changed and proposes the lines that take what stands there now.
    """
    columns, rows = now
    entity, keys = source.declaration["entity"], source.declaration["key"]
    changed, cells = [], dict[str, list[Any]]()
    for name in wanted:
        known = before.get(name)
        if known is None or name not in columns or known.kind == NOTHING:
            continue
        at = columns.index(name)
        counts = _counts(rows, at)
        if sum(counts.values()) == 0:
            changed += [f"{name} had {known.kind} and is empty"] if len(rows) >= _FILLED_LEAST else []
            continue
        told = _told_kind(name, known, counts)
        if not told and name not in keys and reads_form(entity, name):
            told = _told_form(name, known, _column(rows, at))
        if told:
            changed.append(told)
            cells[name] = [row[at] for row in rows]
    if not changed:
        return
    # Only a source that has changed needs it.
    from simpul.connect.proposal.remapping import propose_lines  # noqa: PLC0415 - See above.

    lines = propose_lines(source.declaration["entity"], cells)
    if lines:
        raise SourceChanged(
            f"{source.file}: the source has changed: {'; '.join(changed)}. Nothing was taken over. "
            f"If that is what happened, write '{'; '.join(lines)}' in {source.file}, and run "
            f"`simpul sync {source.id} --accept-change`."
        )
    raise SourceChanged(
        f"{source.file}: the source has changed: {'; '.join(changed)}. Nothing was taken over. "
        f"Look at the mapping. If that is right, run `simpul sync {source.id} --accept-change`."
    )


def _told_kind(name: str, known: Column, counts: Mapping[str, int]) -> str:
    """Return that other things stand in a column than did, or nothing."""
    filled, kind = sum(counts.values()), _kind(counts)
    if known.kind != TEXT:
        return f"{name} had {known.kind} and has {kind}" if counts[known.kind] < filled * _SHARE_LOST else ""
    # Texts that are numbers by chance are told apart from texts that were numbers in part before.
    is_other = known.form is not None and filled >= _TEXT_FILLED_LEAST and kind not in (TEXT, known.form)
    return f"{name} had {known.kind} and has {kind}" if is_other else ""


def _told_form(name: str, known: Column, now: Column) -> str:
    """Return that the same kind of things is written otherwise than it was, or is of another size; or nothing."""
    if now.kind != known.kind:
        return ""
    if known.kind == TEXT:
        is_other = bool(known.form) and bool(now.form) and known.form != now.form
        return f"{name} had text with {known.form} and has text with {now.form}" if is_other else ""
    words = DECIMALS if known.kind == NUMBER else DATES
    if known.form and now.form and known.form != now.form:
        return f"{name} had {words[known.form]} and has {words[now.form]}"
    factor = factor_between(known.spread, now.spread)
    return f"{name} is {factor} as before, so its unit may be another" if factor else ""


def rows_wanted(source: SourceDeclaration, before: SourceShape | None) -> int:
    """Return how many rows a source must have so that it has not collapsed; 0 where nothing is known of it."""
    if before is None or before.rows < limits.COLLAPSE_ROWS_MIN or "observed_at" in source.declaration["entity"]:
        return 0
    return ceil(before.rows * limits.SOURCE_SHRINK_RATIO_MIN)


def raise_if_collapsed(source: SourceDeclaration, rows: int, before: SourceShape | None) -> None:
    """Refuse a source that has less than half of the rows that it had. Raises SourceCollapsed."""
    if before is not None and rows < rows_wanted(source, before):
        raise SourceCollapsed(
            f"{source.file}: the source has {rows} rows, and it had {before.rows}. Nothing that is gone from it was "
            f"touched. If that is right, run `simpul sync {source.id} --accept-change`."
        )
