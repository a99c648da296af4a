"""Columns to attributes: which name, which form, what means `not known`, what is left out because it is personal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from simpul.connect.proposal.columns import DATE, NUMBER, TEXT, ColumnFacts
from simpul.connect.proposal.draft import Draft, Line
from simpul.connect.proposal.members import list_members, refine_by_members
from simpul.connect.proposal.models import name_attributes
from simpul.connect.proposal.personal import CREDENTIAL, may_be_shown
from simpul.connect.proposal.places import name_of_own
from simpul.connect.proposal.value_forms import form_of
from simpul.connect.proposal.words import measured, words_of
from simpul.connect.vocabulary import RESERVED, check_attribute_name

_EXAMPLES: Final = 3
_OF_ENTITY: Final = frozenset({"@type", "@scope"})
_CAPACITY: Final = frozenset({"kapasitas", "capacity", "tampung"})


def add_attributes(draft: Draft) -> None:
    """Add an attribute for every column that is not used yet, and say of each that is left out why."""
    draft.used |= list_members(draft.seen)
    rest = [facts for facts in draft.seen.columns if facts.name not in draft.used and not _is_key_alone(draft, facts)]
    public = [facts.name for facts in rest if draft.personal.is_about_people or not _is_personal(draft, facts)]
    names = _names(draft, public)
    parts: dict[str, dict[str, Any]] = {}
    for facts in rest:
        if _leave_out(draft, facts):
            continue
        name = names.get(facts.name, "")
        whole, _, part = name.partition(".")
        spec = refine_by_members(draft.seen, facts.name, _spec(draft, facts))
        if part:
            parts.setdefault(whole, {})[part] = spec
        elif draft.seen.references.get(facts.name):
            _add_reference(draft, facts, name)
        elif name and name not in RESERVED:
            draft.attributes[draft.free_name(name)] = Line(spec, _evidence(draft, facts))
        else:
            own = name_of_own(draft, facts.name, with_unit="unit" not in spec)
            draft.attributes[own] = Line(spec, _evidence(draft, facts))
    for whole, made in parts.items():
        draft.attributes[draft.free_name(whole)] = Line({"object": made}, "parts of one address")
    if not draft.attributes:
        first = draft.identity.key[0]
        draft.attributes["name"] = Line({"column": first, "text": True}, "there is nothing but the key")


def _names(draft: Draft, columns: Sequence[str]) -> dict[str, str]:
    """Return the attribute that each column is: as the system says, else by the column's own name."""
    told = {column: name for column, name in draft.seen.told.names.items() if column in columns}
    if draft.seen.told.keeps_names:
        told |= {column: column for column in columns if check_attribute_name(column) is None}
    rest = [column for column in columns if column not in told]
    guessed = name_attributes(draft.guess.type_name if draft.guess else None, rest, draft.seen.name)
    return {**{column: name for column, name in guessed.items() if name not in told.values()}, **told}


def _is_key_alone(draft: Draft, facts: ColumnFacts) -> bool:
    """Return whether a column has its place in the id already: a number that counts rows, or the time of a series."""
    if facts.name == draft.identity.time:
        return True
    return (facts.name,) == draft.identity.key and words_of(facts.name)[-1:] in {("id",), ("no",), ("fid",), ("gid",)}


def _is_personal(draft: Draft, facts: ColumnFacts) -> bool:
    return facts.name in draft.personal.classes


def _leave_out(draft: Draft, facts: ColumnFacts) -> bool:
    why = ""
    kind = draft.personal.classes.get(facts.name)
    if kind == CREDENTIAL:
        why = "a secret of that system; it is never taken over"
    elif kind is not None and not draft.personal.is_about_people:
        why = f"{kind} ({draft.personal.because[facts.name]}): personal, and this type is not about people"
    elif draft.seen.told.keeps_names and facts.name in _OF_ENTITY:
        why = "the entity's own"
    elif not facts.filled:
        why = "no row of the sample fills it"
    elif facts.name in draft.used:
        why = "used already"
    if why:
        draft.left_out.append((facts.name, why))
    return bool(why)


def _add_reference(draft: Draft, facts: ColumnFacts, name: str) -> None:
    target = draft.seen.references[facts.name]
    words = dict.fromkeys(word for word in words_of(facts.name) if word not in ("id", "kode"))
    bare = "".join(word.capitalize() for word in words) or target
    uri = f"urn:ngsi-ld:{target}:{draft.city.tenant}:{{{facts.name}}}"
    told = f"refers to another table, as {draft.seen.told.by} or its name says; {facts.known:,} rows do"
    draft.attributes[draft.free_name(name or f"ref{bare}")] = Line({"relationship": uri}, told)


def _spec(draft: Draft, facts: ColumnFacts) -> dict[str, Any]:
    """Return how the attribute's value is made."""
    if facts.are_uris:
        return {"relationship": f"{{{facts.name}|uri}}"}
    form = form_of(facts, is_text=_is_personal(draft, facts))
    unit = draft.seen.told.units.get(facts.name) or measured(facts.name).unit
    unknown = {"unknown": form.pop("unknown")} if "unknown" in form else {}
    return {"column": facts.name, **form, **({"unit": unit} if unit and "number" in form else {}), **unknown}


def _evidence(draft: Draft, facts: ColumnFacts) -> str:
    told = [f"{facts.filled:,} of {facts.rows:,} filled"]
    kind = draft.personal.classes.get(facts.name)
    if kind is not None:
        return f"personal: {kind} ({draft.personal.because[facts.name]}); {told[0]}"
    if facts.kind == NUMBER and facts.least is not None:
        told.append(f"{facts.least:g} to {facts.most:g}")
    if facts.kind == DATE:
        told.append(f"dates as {facts.form}, the newest {facts.newest[:10]}")
    if facts.odd:
        told.append(f"{facts.odd:,} are no {facts.kind}")
    if facts.sentinels:
        told.append(", ".join(f"{value} stands {count:,} times" for value, count in facts.sentinels.items()))
    zeros = facts.values.get("0", 0)
    if zeros > 1 and set(words_of(facts.name)) & _CAPACITY:
        told.append(f"0 stands {zeros:,} times; if that means `not known`, add 'unknown: [0]'")
    if facts.kind == TEXT:
        told.append(f"{facts.distinct:,} different" + _examples(draft, facts))
    return "; ".join(told)


def _examples(draft: Draft, facts: ColumnFacts) -> str:
    """Return some texts that come often. Of rows about people, and of long or numbered texts, none are shown."""
    if draft.personal.is_about_people and facts.distinct > 20:
        return ""
    shown = [
        text for text, count in facts.values.most_common(_EXAMPLES * 4)
        if may_be_shown(text) and (count > 1 or not draft.personal.is_about_people)
    ][:_EXAMPLES]  # fmt: skip
    return f", such as {', '.join(shown)}" if shown else ""
