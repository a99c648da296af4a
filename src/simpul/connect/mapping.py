"""One source's mapping, compiled for one run: from a row to its key, its digest, and its entity. No store here."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from operator import itemgetter
from typing import Any, Final
from zoneinfo import ZoneInfo

from simpul import limits
from simpul.connect.attributes import (
    Cells,
    MakeInstance,
    Setting,
    columns_of_attribute,
    compile_attribute,
    compile_moment,
    only_column,
)
from simpul.connect.code_columns import CodeColumn
from simpul.connect.column_mapping import Attribute, CellRule, Made, Plan, clean_column, entities_of, make_columns
from simpul.connect.connector import Row, get_connector
from simpul.connect.corrected import Corrections
from simpul.connect.fields import Plain, suggest_or_end
from simpul.connect.knowledge import NOTHING, Knowledge
from simpul.connect.rule_words import RUN_RULES, rule_columns
from simpul.connect.rules import (
    SeenKeys,
    compile_in_place,
    compile_inside,
    compile_no_crossing,
    compile_rule,
    compile_skips,
)
from simpul.connect.same_ids import SameIds, can_share_ids
from simpul.connect.survey import WARN, CheckMaker, Survey, surveyed_rules
from simpul.connect.taking import KEY_SEPARATOR, Taken, Used, digests_of, key_text, keys_of, taken_of
from simpul.connect.template import compile_template, template_columns, uri_part
from simpul.connect.values import RowRejected, clean_other, clean_text, text_of
from simpul.domain.alike import Alike, pack_columns
from simpul.domain.city import City, SourceDeclaration
from simpul.domain.context import Context
from simpul.domain.entity import Entity
from simpul.domain.errors import SourceMismatch

# Raised when the same row would give another entity than before, so that every source is taken over anew.
_FORMAT_VERSION: Final = 2
_TEXTS_REMEMBERED_MAX: Final = 4_096


@dataclass(frozen=True, slots=True)
class Shape:
    """What the runner needs to know of the mapping as a whole; names expanded."""

    types: tuple[str, ...]
    attributes: tuple[str, ...]
    is_series: bool


class Mapper:
    """A compiled mapping. Made once per run, because duplicates are remembered for its life."""

    def __init__(
        self,
        source: SourceDeclaration,
        city: City,
        context: Context,
        columns: Sequence[str],
        knowledge: Knowledge = NOTHING,
    ) -> None:
        plain = source.declaration
        self.columns = tuple(columns)
        derived = [code["column"] for code in plain.get("codes", ())]
        read = read_columns(plain)
        _raise_unless_present(source, read, columns)
        names = [*read, *derived]
        index = {name: position for position, name in enumerate(names)}
        self.source = source
        self._names = names
        self._take = _getter([columns.index(name) for name in read])
        self._unknown = frozenset(text_of(value).casefold() for value in plain.get("unknown", ()))
        self._key = [index[name] for name in plain["key"]]
        self._is_skipped = compile_skips(plain.get("skip", ()), index)
        self._skip_slots = sorted({index[skip["column"]] for skip in plain.get("skip", ())})
        self._seen = SeenKeys()
        self._copies: dict[str, int] = {}
        self._texts = _CleanTexts()
        setting = Setting(index, context, ZoneInfo(_zone(plain, city)))
        self.code_columns = [CodeColumn(code, index, knowledge) for code in plain.get("codes", ())]
        self.corrections = Corrections(knowledge.corrections, read) if knowledge.corrections else None
        self._compile_entity(plain["entity"], setting)
        self._compile_rules(plain.get("rules", ()), setting, city, knowledge)
        self.survey = self._compile_survey(
            plain, CheckMaker(plain["entity"]["attributes"], setting, knowledge, city.bounds)
        )
        # In a stream a key that comes again is no copy: it has news of the same thing.
        self._is_stream = get_connector(source.kind).is_stream
        self._ids = SameIds() if can_share_ids(plain) and not self._is_stream else None
        self._version = _version(plain, city, self.shape, knowledge)
        self._plan = self._make_plan(plain, setting)

    def _make_plan(self, plain: Plain, setting: Setting) -> Plan:
        """Return what `column_mapping` needs to know."""
        specs = [only_column(spec) for spec in plain["entity"]["attributes"].values()]
        return Plan(
            blank=self._blank,
            clean=lambda cell: self._clean((cell,))[0],
            texts=self._texts,
            has_unknown=bool(self._unknown),
            find_id=self._id,
            find_moment=self._observed,
            attributes=[
                Attribute(name, make, None if column is None else setting.index[column], {})
                for (name, make), column in zip(self._attributes, specs, strict=True)
            ],
            rules=self._cell_rules,
            places=self._places,
            claims=self._claims,
        )

    def _compile_entity(self, entity: Plain, setting: Setting) -> None:
        expand = setting.context.expand
        self._id = compile_template(entity["id"], setting.index, uri_part)
        self._id_columns = template_columns(entity["id"])
        self._observed = compile_moment(entity["observed_at"], setting) if "observed_at" in entity else None
        self._attributes: list[tuple[str, MakeInstance]] = [
            (expand(name), compile_attribute(spec, setting)) for name, spec in entity["attributes"].items()
        ]
        self.shape = Shape(
            types=tuple(expand(name) for name in entity["type"]),
            attributes=tuple(name for name, _ in self._attributes),
            is_series=self._observed is not None,
        )
        self._blank: Entity = {"id": "", "type": list(self.shape.types)}
        if "scope" in entity:
            self._blank["scope"] = list(entity["scope"])
        self._blank |= dict.fromkeys(self.shape.attributes)

    def _compile_rules(self, rules: Sequence[Plain], setting: Setting, city: City, knowledge: Knowledge) -> None:
        index, expand = setting.index, setting.context.expand
        kept = [rule for rule in rules if rule["rule"] not in RUN_RULES and rule.get("severity") != WARN]
        apart = ("inside", "no_crossing", "in_place", "unique")
        self._cell_rules = [
            CellRule(
                rule["rule"], compile_rule(rule, index, knowledge), [index[name] for name in rule["column"]], set()
            )
            for rule in kept
            if rule["rule"] not in apart
        ]
        self._places = [
            (name, compile_inside(rule, name, city.bounds))
            for rule in kept if rule["rule"] == "inside" for name in [expand(rule["attribute"])]
        ]  # fmt: skip
        self._places += [
            (name, compile_no_crossing(rule, name))
            for rule in kept if rule["rule"] == "no_crossing" for name in [expand(rule["attribute"])]
        ]  # fmt: skip
        self._claims = [
            (name, compile_in_place(
                rule, name, knowledge.areas[rule["type"]], index[rule["column"]] if "column" in rule else None,
            ))
            for rule in kept if rule["rule"] == "in_place" for name in [expand(rule["attribute"])]
        ]  # fmt: skip
        self._uniques = [
            (rule["column"], [index[name] for name in rule["column"]], SeenKeys())
            for rule in kept
            if rule["rule"] == "unique"
        ]

    def _compile_survey(self, plain: Plain, maker: CheckMaker) -> Survey | None:
        rules = surveyed_rules(plain)
        if not rules:
            return None
        named = [name for rule in rules for name in rule_columns(rule)]
        specs = plain["entity"]["attributes"]
        for rule in rules:
            named += columns_of_attribute(specs[rule["attribute"]]) if "attribute" in rule else ()
        slots = sorted({maker.setting.index[name] for name in named})
        survey = Survey(lambda used: self._clean_slots(used, slots), lambda used: self._clean_together(used, slots))
        for rule in rules:
            survey.add(maker.make(rule))
        return survey

    def take(self, number: int, cells: Sequence[Any]) -> Taken | None:
        """Return the row with its key and digest, or None for one that is no record.

        The digest covers the cells that the mapping uses, the mapping itself, and whether the row is a copy.
        """
        used = self._take(cells)
        if self._is_skipped is not None and self._is_skipped(self._clean_some(used, self._skip_slots)):
            return None
        if self.corrections is not None or self.code_columns:
            used, trouble = self._correct(used, number)
            key, verdict = self._key_of(used, number, trouble)
        else:
            key, verdict = self._key_of(used, number)
        verdict = verdict or self._find_twin(used, key)
        return Taken(key, digests_of(self._version, [used], [verdict])[0], used, cells, verdict)

    def take_all(self, rows: Sequence[Row]) -> list[Taken]:
        """Return what `take` returns of these rows, one after the other, without those that are no records."""
        return self._take_together(rows) or [
            found for row in rows if (found := self.take(row.number, row.cells)) is not None
        ]

    def _take_together(self, rows: Sequence[Row]) -> list[Taken] | None:
        """Return what `take_all` returns, or None where rows may have other keys than they say."""
        if self.corrections is not None or self.code_columns:
            return None
        cells = [row.cells for row in rows]
        used = list(map(self._take, cells))
        if self._is_skipped is not None:
            skipped, slots = self._is_skipped, self._skip_slots
            kept = [place for place, row in enumerate(used) if not skipped(self._clean_some(row, slots))]
            cells, used = [cells[place] for place in kept], [used[place] for place in kept]
        keys = keys_of(used, self._key)
        if keys is None:
            return None
        verdicts: list[RowRejected | None] = [None] * len(keys)
        if not self._is_stream:
            for place in self._seen.add_each(keys):
                keys[place], verdicts[place] = self._copy(keys[place])
        if self._uniques or self._ids is not None:
            for place, (row, key) in enumerate(zip(used, keys, strict=True)):
                verdicts[place] = verdicts[place] or self._find_twin(row, key)
        return taken_of(keys, digests_of(self._version, used, verdicts), used, cells, verdicts)

    def _correct(self, used: tuple[Any, ...], number: int) -> tuple[tuple[Any, ...], tuple[str, str] | None]:
        """Return the row's cells with what people put right, and with its codes; and why it has no code, if so."""
        whole, trouble = self._derive(used)
        if self.corrections is None:
            return whole, trouble
        key = self._would_be(whole, number, trouble)
        corrected = self.corrections.apply(key, used)
        if corrected is used:
            return whole, trouble
        whole, trouble = self._derive(corrected)
        after = self._would_be(whole, number, trouble)
        if after != key and not key.startswith("row "):
            # The row has another key now. Copies that come after it keep the numbers by which they are known.
            original, _, copy = key.rpartition(" (")
            if original and copy[:-1].isdigit():
                self._copies[original] = max(self._copies.get(original, 1), int(copy[:-1]))
        self.corrections.note(key, after)
        return whole, trouble

    def _derive(self, used: tuple[Any, ...]) -> tuple[tuple[Any, ...], tuple[str, str] | None]:
        """Return the row with its codes at the end, and a key and a reason where the row must not be without one."""
        trouble: tuple[str, str] | None = None
        for column in self.code_columns:
            found = column.find(used)
            if found.wrong is not None and column.rejects and trouble is None:
                trouble = column.key_of(used), found.wrong
            used = (*used, found.code)
        return used, trouble

    def _would_be(self, used: tuple[Any, ...], number: int, trouble: tuple[str, str] | None) -> str:
        """Return the key by which this row would be known, if it were the next one."""
        parts = [key_text(used[position]) for position in self._key]
        if "" not in parts:
            key = KEY_SEPARATOR.join(parts)
        elif trouble is not None:
            key = trouble[0]
        else:
            return f"row {number}"
        return f"{key} ({self._copies.get(key, 1) + 1})" if key in self._seen else key

    def _key_of(
        self, used: tuple[Any, ...], number: int, trouble: tuple[str, str] | None = None
    ) -> tuple[str, RowRejected | None]:
        parts = [key_text(used[position]) for position in self._key]
        key = parts[0] if len(parts) == 1 else KEY_SEPARATOR.join(parts)
        if trouble is not None:
            return self._claim(trouble[0] if "" in parts else key)[0], RowRejected("code", trouble[1])
        if "" in parts:
            name = self.source.declaration["key"][parts.index("")]
            self.note(f"row {number}")
            return f"row {number}", RowRejected("key", f"{name} is empty, and it identifies the row")
        if len(key) > limits.IDENTIFIER_CHARACTERS_MAX:
            self.note(f"row {number}")
            return f"row {number}", RowRejected("key", f"the key has {len(key)} characters")
        return self._claim(key)

    def _claim(self, key: str) -> tuple[str, RowRejected | None]:
        return (key, None) if self._is_stream or self._seen.add(key) else self._copy(key)

    def _copy(self, key: str) -> tuple[str, RowRejected]:
        """Return how a row is known whose key was there before, and what that says against it."""
        copy = self._copies[key] = self._copies.get(key, 1) + 1
        return f"{key} ({copy})", RowRejected(
            "key", f"the key {key!r} was there before in this run; the first row counts"
        )

    def _find_twin(self, used: tuple[Any, ...], key: str) -> RowRejected | None:
        """Return what is wrong where a row before this one has the same id, or values that are to be unique."""
        verdict = self._duplicate(used) if self._uniques else None
        return self._same_id(used, key) if verdict is None and self._ids is not None else verdict

    def _duplicate(self, used: tuple[Any, ...]) -> RowRejected | None:
        for names, positions, seen in self._uniques:
            parts = [key_text(used[position]) for position in positions]
            if all(parts) and not seen.add(KEY_SEPARATOR.join(parts)):
                value = KEY_SEPARATOR.join(parts)
                return RowRejected("unique", f"{', '.join(names)}: {value!r} was there before in this run")
        return None

    def _same_id(self, used: tuple[Any, ...], key: str) -> RowRejected | None:
        try:
            entity_id = self._id(self._clean(used))
        except RowRejected:
            # Mapping the row says so, too, and why.
            return None
        assert self._ids is not None, "the caller has looked"
        return self._ids.claim(entity_id, key) if entity_id is not None else None

    def note(self, key: str) -> None:
        """Remember a key that stands for a place where no row with a key is."""
        if not self._is_stream:
            self._seen.add(key)

    def has_told(self, key: str) -> bool:
        """Return whether this very key was noted before, of a stream by `note_told` or `note_batch`."""
        return key in self._seen

    def note_told(self, key: str) -> None:
        """Remember a key of a stream that tells all that there is."""
        self._seen.add(key)

    def note_batch(self, keys: SeenKeys) -> None:
        """Remember the keys of a whole batch of such a stream."""
        self._seen.add_all(keys)

    @property
    def distinct_count(self) -> int | None:
        """How many keys were taken in this run; None where copies were among them, which may bear others' keys."""
        return None if self._copies else self._seen.count

    def has_seen(self, key: str) -> bool:
        """Return whether a row with this key, or a copy of one, was taken in this run."""
        if self.corrections is not None and self.corrections.corrected.get(key, key) != key:
            return False
        if key in self._seen:
            return True
        original, _, copy = key.rpartition(" (")
        return copy.endswith(")") and copy[:-1].isdigit() and self._copies.get(original, 0) >= int(copy[:-1])

    def find_id(self, taken: Taken) -> str:
        """Return the id of the row's entity, or empty text where the row does not say it."""
        try:
            return self._id(self._clean(taken.used)) or ""
        except RowRejected:
            return ""

    def map(self, taken: Taken) -> Entity:
        """Return the row's entity. Raises RowRejected."""
        if taken.verdict is not None:
            raise taken.verdict
        cells = self._clean(taken.used)
        for rule in self._cell_rules:
            rule.check(cells)
        entity = self._map_cells(cells)
        for _, check_place in self._places:
            check_place(entity)
        for _, check_claim in self._claims:
            check_claim(entity, cells)
        return entity

    def map_all(self, rows: Sequence[Taken]) -> list[Entity | RowRejected]:
        """Return of each row what `map` returns, or raises."""
        return self._map_made(rows, self._make(rows))

    def map_new(
        self, rows: Sequence[Taken], context: Context, seen: Collection[str]
    ) -> tuple[list[Entity | RowRejected | str], Alike | None]:
        """Return what `map_all` returns, with entities packed that have all attributes: of them the row has the id.

        None is packed where one of them has an id that is among the `seen`, or that another one has.
        """
        made = self._make(rows)
        ids = set(made.ids)
        if not rows or "scope" in self._blank or len(ids) < len(rows) or not ids.isdisjoint(seen):
            return list(self._map_made(rows, made)), None
        apart = made.doubtful | made.find_gaps()
        if not apart:
            return list(made.ids), pack_columns(context, self.shape.types, made.ids, made.attributes)
        whole = made.only([number for number in range(len(rows)) if number not in apart])
        mapped: list[Entity | RowRejected | str] = list(made.ids)
        places = sorted(apart)
        for number, one in zip(places, self._map_made([rows[at] for at in places], made.only(places)), strict=True):
            mapped[number] = one
        return mapped, pack_columns(context, self.shape.types, whole.ids, whole.attributes)

    def _make(self, rows: Sequence[Taken]) -> Made:
        made = make_columns(self._plan, [row.used for row in rows])
        made.doubtful.update(number for number, row in enumerate(rows) if row.verdict is not None)
        return made

    def _map_made(self, rows: Sequence[Taken], made: Made) -> list[Entity | RowRejected]:
        return [one or self._map_alone(row) for row, one in zip(rows, entities_of(self._blank, made), strict=True)]

    def _map_alone(self, row: Taken) -> Entity | RowRejected:
        try:
            return self.map(row)
        except RowRejected as rejected:
            return rejected

    def _map_cells(self, cells: Cells) -> Entity:
        entity_id = self._id(cells)
        if entity_id is None:
            empty = [name for name in self._id_columns if cells[self._names.index(name)] is None]
            raise RowRejected("id", f"{', '.join(empty)} is empty, and the entity's id needs it")
        if len(entity_id) > limits.IDENTIFIER_CHARACTERS_MAX:
            raise RowRejected("id", f"the entity's id would have {len(entity_id)} characters")
        observed: str | None = None
        if self._observed is not None:
            observed = self._observed(cells)
            if observed is None:
                raise RowRejected("observed_at", "the row does not say when it was observed")
        # A copy has room for every attribute; one that grows is moved twice.
        entity = self._blank.copy()
        entity["id"] = entity_id
        is_whole = True
        for name, make in self._attributes:
            instance = make(cells, observed)
            if instance is None:
                is_whole = False
            else:
                entity[name] = instance
        return entity if is_whole else {name: value for name, value in entity.items() if value is not None}

    def _clean(self, used: tuple[Any, ...]) -> Cells:
        unknown, texts = self._unknown, self._texts
        cells: list[Any] = []
        for cell in used:
            kind = type(cell)
            if kind is str:
                cell = texts[cell]
            elif kind is not int and cell is not None and not (kind is float and cell - cell == 0):
                cell = clean_other(cell)
            if unknown and cell is not None and text_of(cell).casefold() in unknown:
                cell = None
            cells.append(cell)
        return cells

    def _clean_slots(self, used: tuple[Any, ...], slots: Sequence[int]) -> list[Any]:
        """Return these cells clean, with the values that mean `not known` as they are, and no others."""
        cells: list[Any] = [None] * len(used)
        for slot in slots:
            cell = used[slot]
            kind = type(cell)
            if kind is str:
                cell = self._texts[cell]
            elif kind is not int and cell is not None:
                cell = clean_other(cell)
            cells[slot] = cell
        return cells

    def _clean_together(self, used: Sequence[Used], slots: Sequence[int]) -> list[Cells | None]:
        """Return these cells of each row clean, and none where that fails; values that mean `not known` are None."""
        columns: list[Any] = [[None] * len(used)] * len(self._names)
        wrong: set[int] = set()
        for slot in slots:
            columns[slot] = clean_column(self._plan, [row[slot] for row in used], wrong)
        rows: list[Cells | None] = list(zip(*columns, strict=True))
        for place in wrong:
            rows[place] = None
        return rows

    def _clean_some(self, used: tuple[Any, ...], slots: list[int]) -> Cells:
        cells: list[Any] = [None] * len(used)
        for slot in slots:
            cell = used[slot]
            cells[slot] = " ".join(cell.split()) or None if isinstance(cell, str) else cell
        return cells


class _CleanTexts(dict[str, str | None]):
    """Texts as they came → trimmed. Most texts of a table are there many times; so many are remembered."""

    def __missing__(self, text: str) -> str | None:
        cleaned = clean_text(text)
        if len(self) < _TEXTS_REMEMBERED_MAX and len(text) <= limits.INDEXED_TEXT_CHARACTERS_MAX:
            self[text] = cleaned
        return cleaned


def _slots(names: Sequence[str], index: Mapping[str, int]) -> list[int]:
    return [index[name] for name in names]


def _getter(positions: list[int]) -> Any:
    if len(positions) == 1:
        only = positions[0]
        return lambda cells: (cells[only],)
    return itemgetter(*positions)


def _zone(plain: Plain, city: City) -> str:
    zone: str = plain.get("time_zone", city.time_zone)
    return zone


def _version(plain: Plain, city: City, shape: Shape, knowledge: Knowledge) -> bytes:
    words = {name: plain.get(name) for name in ("entity", "rules", "unknown", "key")}
    words["rules"] = [rule for rule in plain.get("rules", ()) if rule not in surveyed_rules(plain)] or None
    if "codes" in plain:
        words["codes"] = plain["codes"]
    # What rules know beyond the row is a part of what they mean.
    known = [knowledge.fingerprint, *(areas.fingerprint for areas in knowledge.areas.values())]
    if any(known):
        words["known"] = known
    meaning = [_FORMAT_VERSION, shape.types, shape.attributes, _zone(plain, city), city.bounds, words]
    return blake2b(json.dumps(meaning, sort_keys=True).encode(), digest_size=16).digest()


def read_columns(plain: Plain) -> list[str]:
    """Return the columns that a source must have: those its declaration names, without those that it makes itself."""
    made = {code["column"] for code in plain.get("codes", ())}
    return [name for name in dict.fromkeys(columns_of(plain)) if name not in made]


def columns_of(plain: Plain) -> Iterator[str]:
    """Yield every column that a source's declaration names."""
    entity = plain["entity"]
    yield from plain["key"]
    yield from template_columns(entity["id"])
    for spec in entity["attributes"].values():
        yield from columns_of_attribute(spec)
    if "observed_at" in entity:
        yield entity["observed_at"]["column"]
    for skip in plain.get("skip", ()):
        yield skip["column"]
    for code in plain.get("codes", ()):
        yield from code["names"]
    for rule in plain.get("rules", ()):
        yield from rule_columns(rule)


def _raise_unless_present(source: SourceDeclaration, names: list[str], columns: Sequence[str]) -> None:
    present = set(columns)
    missing = [name for name in names if name not in present]
    if not missing:
        return
    near = suggest_or_end(missing[0], columns) if len(missing) == 1 else "."
    named = ", ".join(repr(name) for name in missing)
    listed = ", ".join(list(columns)[:40]) + (", …" if len(columns) > 40 else "")
    raise SourceMismatch(f"{source.file}: the source has no column {named}{near} Its columns are: {listed}.")
