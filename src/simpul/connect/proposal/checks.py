"""Quality rules that the sample itself keeps, or nearly keeps: what every row fills, ranges, lists of values, sums."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final

from simpul.connect.proposal.columns import DATE, NUMBER, TEXT, ColumnFacts, as_moment, look_at, looks_like_code
from simpul.connect.proposal.draft import Draft, Line
from simpul.connect.proposal.personal import NIK
from simpul.connect.proposal.value_forms import looks_like_key
from simpul.connect.proposal.words import words_of
from simpul.connect.values import RowRejected, parse_indonesian_number, parse_number
from simpul.domain.code_match import nearest_word

_CHOICES_MAX: Final = 12
_CHOICE_ROWS_LEAST: Final = 30
# A value that is seen less often stands for others that were not seen at all.
_CHOICE_OFTEN: Final = 5
_CHOICE_WHOLE_LEAST: Final = 0.5
# What tells one thing from another has as many values as there are things.
_NAMING: Final = frozenset({"name", "alternateName", "title", "description", "stationCode", "stationName"})
_RARE_SHARE: Final = 0.02
_NEAR_SCORE: Final = 85.0
_NEARLY: Final = 0.95
_COUNT_WORDS: Final = frozenset({"jumlah", "jml", "total", "kapasitas", "luas", "panjang", "lebar", "tinggi", "harga"})
_PERCENT_WORDS: Final = frozenset({"persen", "persentase", "percent", "percentage", "pct"})
_WHOLE_WORDS: Final = frozenset({"jumlah", "jml", "total"})
_DAY_SECONDS: Final = 86_400
_FRESH_DAYS_MAX: Final = 30
_AGES: Final = ((3_600, "h"), (86_400, "d"), (604_800, "w"), (31_557_600, "y"))


def add_rules(draft: Draft) -> None:
    """Add the rules that the rows of the sample keep."""
    _add_required(draft)
    for facts in draft.seen.columns:
        if facts.name in draft.used or facts.name in {name for name, _ in draft.left_out}:
            continue
        _add_column_rules(draft, facts)
    _add_parts(draft)
    _add_fresh(draft)


def _add_required(draft: Draft) -> None:
    full = [
        facts.name
        for facts in draft.seen.columns
        if facts.filled == facts.rows > 0 and not facts.unknown and _is_taken(draft, facts.name)
    ]
    names = [name for name in full if name not in draft.identity.key][:12]
    if names:
        told = f"each of {len(draft.seen.rows):,} rows fills them"
        draft.rules.insert(0, Line({"rule": "required", "column": names, "severity": "warn"}, told))


def _is_taken(draft: Draft, name: str) -> bool:
    return name not in {left for left, _ in draft.left_out}


def _add_column_rules(draft: Draft, facts: ColumnFacts) -> None:
    if draft.personal.classes.get(facts.name) == NIK:
        told = "a NIK has 16 digits"
        draft.rules.append(Line({"rule": "pattern", "column": facts.name, "matches": r"^\d{16}$"}, told))
    elif facts.kind == NUMBER and not looks_like_key(facts) and not facts.odd:
        _add_range(draft, facts)
    elif facts.kind == TEXT:
        _add_choices(draft, facts)
    if facts.sentinels:
        values = sorted(facts.sentinels)
        told = ", ".join(f"{value}: {count:,} times" for value, count in facts.sentinels.items())
        draft.rules.append(Line({"rule": "sentinel", "column": facts.name, "values": values}, told))


def _add_range(draft: Draft, facts: ColumnFacts) -> None:
    words = set(words_of(facts.name))
    least, most = facts.least, facts.most
    if least is None or most is None or facts.sentinels:
        return
    told = f"the sample has {least:g} to {most:g}"
    rule: dict[str, Any] = {"rule": "range", "column": facts.name}
    if words & _PERCENT_WORDS and least >= 0 and most <= 100:
        rule |= {"from": 0, "to": 100}
    elif least >= 0 and (words & _COUNT_WORDS or least == 0):
        rule |= {"from": 0}
    else:
        return
    draft.rules.append(Line({**rule, **_form(facts)}, told))


def _form(facts: ColumnFacts) -> dict[str, str]:
    return {"format": "indonesian"} if facts.form == "indonesian" else {}


def _add_choices(draft: Draft, facts: ColumnFacts) -> None:
    known = {text: count for text, count in facts.values.items() if text not in facts.unknown}
    if not 2 <= len(known) <= _CHOICES_MAX or facts.known < _CHOICE_ROWS_LEAST:
        return
    if facts.name in draft.identity.key or draft.attribute_of(facts.name) in _NAMING:
        return
    often = [text for text, count in known.items() if count > facts.known * _RARE_SHARE]
    if any(len(text) > 60 for text in known) or len(often) < 2:
        return
    # Codes differ from one another in a digit.
    rare = [] if looks_like_code(facts) else [text for text in known if text not in often]
    misses = {text: near for text in rare if (near := nearest_word(text, often, _NEAR_SCORE))}
    values = [text for text in known if text not in misses]
    told = f"{len(values)} values in {facts.known:,} rows"
    if misses:
        told += "; near misses left out: " + ", ".join(f"{text} (like {near})" for text, near in misses.items())
    doubt = _doubt(draft, facts, values)
    rule = {"rule": "one_of", "column": facts.name, "values": sorted(values), "severity": "warn"}
    draft.rules.append(Line(rule, f"{told}; {doubt}" if doubt else told, is_off=bool(doubt)))


def _doubt(draft: Draft, facts: ColumnFacts, values: Sequence[str]) -> str:
    """Return why there may be more values than those that were seen, or nothing where that is not likely."""
    seldom = [text for text in values if facts.values[text] < _CHOICE_OFTEN]
    if seldom:
        return f"{len(seldom)} of them in fewer than {_CHOICE_OFTEN} rows, so there may be more: are these all?"
    rows = draft.seen.rows
    if draft.seen.share < _CHOICE_WHOLE_LEAST:
        return "most rows were not looked at, so there may be more: are these all?"
    before = look_at(facts.name, facts.position, [row[facts.position] for row in rows[: len(rows) // 2]]).values
    new = sum(1 for text in values if text not in before)
    return f"{new} of them are new in the second half of the rows, so there may be more: are these all?" if new else ""


def _add_parts(draft: Draft) -> None:
    """Add the rule that some columns add up to another, where they do in the sample."""
    numbers = [
        facts for facts in draft.seen.columns
        if facts.kind == NUMBER and not facts.odd and facts.name not in draft.used and not looks_like_key(facts)
    ]  # fmt: skip
    for whole in numbers:
        if not set(words_of(whole.name)) & _WHOLE_WORDS:
            continue
        others = [facts for facts in numbers if facts is not whole]
        for parts in _groups(others):
            kept, looked_at = _count_sums(draft.seen.rows, parts, whole)
            if looked_at >= 10 and kept >= looked_at * _NEARLY:
                rule = {"rule": "parts", "column": [one.name for one in parts], "equals": whole.name, **_form(whole)}
                rule |= {} if kept == looked_at else {"severity": "warn"}
                draft.rules.append(Line(rule, f"so in {kept:,} of {looked_at:,} rows"))
                return


def _groups(others: Sequence[ColumnFacts]) -> list[list[ColumnFacts]]:
    """Return groups that may be parts: two or three that stand side by side, and all."""
    ordered = sorted(others, key=lambda facts: facts.position)
    pairs = [list(pair) for pair in pairwise(ordered)]
    triples = [list(ordered[at : at + 3]) for at in range(len(ordered) - 2)]
    return [*pairs[:40], *triples[:40], *([ordered] if 3 < len(ordered) <= 20 else [])]


def _count_sums(rows: Sequence[Sequence[Any]], parts: Sequence[ColumnFacts], whole: ColumnFacts) -> tuple[int, int]:
    kept = looked_at = 0
    for row in rows:
        found = [_number(row[one.position], one.form) for one in (*parts, whole)]
        if None in found:
            continue
        numbers = [number for number in found if number is not None]
        looked_at += numbers[-1] != 0
        kept += numbers[-1] != 0 and abs(sum(numbers[:-1]) - numbers[-1]) < 0.5
    return kept, looked_at


def _number(cell: Any, form: str) -> float | None:
    if cell is None or cell == "":
        return None
    try:
        return (parse_indonesian_number if form == "indonesian" else parse_number)(cell)
    except RowRejected:
        return None


def _add_fresh(draft: Draft) -> None:
    """Add how old the newest row may be, where the newest of the sample is of these days; else say how old it is."""
    times = [facts for facts in draft.seen.columns if facts.kind == DATE and facts.newest]
    chosen = next((facts for facts in times if facts.name == draft.identity.time), None)
    if chosen is None:
        return
    newest = as_moment(chosen.newest)
    if newest is None:
        return
    age_seconds = (datetime.now(UTC) - newest).total_seconds()
    rule = {"rule": "fresh", "column": chosen.name, "date": chosen.form, "within": _age(_DAY_SECONDS * 3)}
    told = f"the newest of the sample is of {chosen.newest[:10]}; how old may the newest be?"
    # A sample of the first rows does not know the newest, and old data would only ever be told to be old.
    is_off = not draft.seen.is_whole or age_seconds > _FRESH_DAYS_MAX * _DAY_SECONDS
    draft.rules.append(Line(rule, told, is_off=is_off))


def _age(seconds: float) -> str:
    size, unit = next((one for one in reversed(_AGES) if seconds >= one[0]), _AGES[0])
    return f"{max(1, round(seconds / size))}{unit}"
