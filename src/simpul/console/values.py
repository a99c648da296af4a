"""One attribute of an entity as people read it: its text, unit, kind and where it leads. No pages here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

from simpul.app import entities
from simpul.console import words
from simpul.console.formats import unit_sign
from simpul.console.table import Cell
from simpul.console.visit import Visit
from simpul.domain.context import CORE
from simpul.domain.entity import Entity, Instance, attribute_names, instances

DISPLAY_NAMES = ("name", "title", "label", "alternateName")
TEXT_CHARACTERS_MAX = 300


@dataclass(frozen=True, slots=True)
class Shown:
    """A value ready for a page. `sort` is what a table sorts by; `number` the value where it is a number."""

    text: str
    unit: str = ""
    href: str = ""
    sort: Any = None
    number: float | None = None
    exact: str = ""
    is_place: bool = False

    def cell(self) -> Cell:
        return Cell(self.text, self.number is not None, self.href, bool(self.href), self.exact)


def entity_address(entity_id: str) -> str:
    """Return the address of an entity's page."""
    return "/entities/" + quote(entity_id, safe=":")


def type_address(type_name: str) -> str:
    """Return the address of the table of one type."""
    return "/entities?type=" + quote(term(type_name), safe="")


def term(name: str) -> str:
    """Return how a type or attribute is written in an address: its short name where it is unambiguous."""
    return CORE.compact(name)


def display_name(visit: Visit, entity: Entity) -> str:
    """Return what people call the entity: its name, else the end of its id."""
    for name in DISPLAY_NAMES:
        for iri in (words.DEFAULT_PREFIX + name, "https://schema.org/" + name):
            if iri in entity:
                return render_attribute(visit, entity[iri]).text
    return entity_tail(entity["id"])


def entity_tail(entity_id: str) -> str:
    """Return the part of an id that tells it from its neighbours."""
    return entity_id.rpartition(":")[2] or entity_id


def find_name(visit: Visit, entity_id: str) -> str | None:
    """Return the name of another entity, or None where there is none that the visitor may know of."""
    if entity_id not in visit.names:
        visit.names[entity_id] = _read_name(visit, entity_id)
    return visit.names[entity_id]


def _read_name(visit: Visit, entity_id: str) -> str | None:
    document = entities.find_document(visit.caller, visit.hub, entity_id)
    if document is None:
        return None
    record = entities.read_records(visit.caller, visit.hub, [document])[0]
    return display_name(visit, record.entity)


def is_name(name: str) -> bool:
    return words.short_name(name) in DISPLAY_NAMES


def place_of(entity: Entity) -> dict[str, Any] | None:
    """Return the entity's geometry: its `location`, else the first one it has."""
    found = None
    for name in attribute_names(entity):
        instance = instances(entity[name])[0]
        if instance.get("type") == "GeoProperty" and isinstance(instance.get("value"), dict):
            if words.short_name(name) == "location":
                return dict(instance["value"])
            found = found or dict(instance["value"])
    return found


def render_attribute(visit: Visit, attribute: Instance | list[Instance], name: str = "") -> Shown:
    """Return the attribute's value, or its values one after the other."""
    all_shown = [_render_instance(visit, instance) for instance in instances(attribute)]
    if len(all_shown) == 1:
        return _as_year(all_shown[0]) if "year" in name.lower() else all_shown[0]
    return Shown(", ".join(one.text for one in all_shown), sort=all_shown[0].sort)


def _as_year(shown: Shown) -> Shown:
    """Return a year without the points that numbers have."""
    return shown if shown.number is None else replace(shown, text=f"{shown.number:.0f}")


def aligned(visit: Visit, column: Sequence[Shown]) -> list[Shown]:
    """Return the numbers of one column with as many decimals as the finest of them, so that they line up."""
    texts = [f"{one.number:.3f}".rstrip("0") for one in column if one.number is not None and not one.exact]
    decimals = max((len(text.partition(".")[2]) for text in texts), default=0)
    if decimals == 0:
        return list(column)
    return [
        one if one.number is None or one.exact else replace(one, text=visit.formats.number(one.number, decimals))
        for one in column
    ]


def plain_text(attribute: Instance | list[Instance] | None) -> str:
    """Return an attribute as CSV has it: its plain value, or JSON where it is no scalar."""
    if attribute is None:
        return ""
    plain = [
        next((one[member] for member in ("value", "object", "languageMap", "vocab", "json") if member in one), None)
        for one in instances(attribute)
    ]
    value = plain[0] if len(plain) == 1 else plain
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)


def search_text(visit: Visit, entity: Entity) -> str:
    """Return all that a search within a table looks through, in one string without case."""
    parts = [entity["id"]]
    for name in attribute_names(entity):
        for instance in instances(entity[name]):
            if instance.get("type") == "Relationship":
                parts += [find_name(visit, str(one)) or str(one) for one in _listed(instance.get("object"))]
            elif instance.get("type") != "GeoProperty":
                parts += [str(instance[member]) for member in ("value", "languageMap", "vocab") if member in instance]
    return "\n".join(parts).casefold()


def _render_instance(visit: Visit, instance: Instance) -> Shown:
    match instance.get("type"):
        case "Relationship":
            return _render_relationship(visit, instance.get("object"))
        case "GeoProperty":
            return _render_place(visit, instance.get("value"))
        case "LanguageProperty":
            texts = {key: str(text) for key, text in instance.get("languageMap", {}).items()}
            return _text(visit.pick(texts))
        case "VocabProperty":
            return _text(", ".join(words.split_name(str(word)) for word in _listed(instance.get("vocab"))))
        case "ListProperty":
            return _text(", ".join(_render_value(visit, one, "").text for one in _listed(instance.get("valueList"))))
        case "JsonProperty":
            return _text(json.dumps(instance.get("json"), ensure_ascii=False))
        case _:
            return _render_value(visit, instance.get("value"), str(instance.get("unitCode", "")))


def _render_value(visit: Visit, value: Any, unit_code: str) -> Shown:
    if isinstance(value, bool):
        text = visit.text("Yes") if value else visit.text("No")
        return Shown(text, sort=text)
    if isinstance(value, int | float):
        return _render_number(visit, value, unit_code)
    if isinstance(value, dict) and "@value" in value:
        return _render_value(visit, value["@value"], unit_code)
    if isinstance(value, dict):
        return _text(", ".join(str(part) for part in value.values() if not isinstance(part, dict | list)))
    if isinstance(value, list):
        return _text(", ".join(_render_value(visit, one, unit_code).text for one in value))
    return _render_text(visit, "" if value is None else str(value))


def _render_number(visit: Visit, value: float, unit_code: str) -> Shown:
    if unit_code == "IDR":
        return Shown(visit.formats.money(value), "", "", value, float(value), "Rp " + visit.formats.number(value))
    return Shown(visit.formats.number(value), unit_sign(unit_code), "", value, float(value))


def _render_text(visit: Visit, text: str) -> Shown:
    """Return a text, which may be a date or a moment that its writer left as text."""
    if len(text) >= 10 and text[:4].isdigit() and text[4] == "-":
        try:
            if len(text) == 10:
                return Shown(visit.formats.date(date.fromisoformat(text)), sort=text)
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is not None:
                return Shown(visit.formats.moment(int(moment.timestamp() * 1_000_000)), sort=text)
        except ValueError:
            return _text(text)
    return _text(visit.text(words.VALUES[text]) if text in words.VALUES else text)


def _render_relationship(visit: Visit, target: Any) -> Shown:
    targets = [str(one) for one in _listed(target)]
    names = [find_name(visit, one) or entity_tail(one) for one in targets]
    href = entity_address(targets[0]) if len(targets) == 1 else ""
    return Shown(", ".join(names), href=href, sort=", ".join(names), exact=", ".join(targets))


def _render_place(visit: Visit, geometry: Any) -> Shown:
    if not isinstance(geometry, dict):
        return Shown("")
    if geometry.get("type") == "Point":
        longitude, latitude = geometry["coordinates"][:2]
        text = f"{visit.formats.number(latitude, 5)}; {visit.formats.number(longitude, 5)}"
        return Shown(text, sort=text, is_place=True, exact=visit.text("Latitude; longitude"))
    return Shown(visit.text("Area or line on the map"), sort="", is_place=True)


def _text(text: str) -> Shown:
    short = text if len(text) <= TEXT_CHARACTERS_MAX else text[: TEXT_CHARACTERS_MAX - 1] + "…"
    return Shown(short, sort=short)


def _listed(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
