"""Entities with those that they link to: inside their relationships or behind them (CIM 009 §4.5.23). No look-ups.

Whoever renders has found the linked entities before (`targets_of` says which are wanted), and only those that the
reader may see. One that was not found stays what it is without a join: the URI in the relationship.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from simpul import limits
from simpul.domain.context import Context
from simpul.domain.entity import Instance, Record, attribute_names, instances
from simpul.domain.errors import TooComplexQuery
from simpul.domain.parse import NULL
from simpul.domain.projection import FLAT, Join
from simpul.domain.render import DEFAULT_INSTANCE, Format, Representation, render_entity

Find = Callable[[str], Record | None]
Rendered = tuple[Record, dict[str, Any]]
# Where the linked entities of a relationship are shown (Tables 5.2.6-2 and 5.2.37-2).
_SHOWN_IN = {"Relationship": "entity", "ListRelationship": "entityList"}


class Link(NamedTuple):
    """One instance of a relationship: the URIs that it names, and whether it holds them as an array."""

    name: str
    instance: Instance
    targets: tuple[str, ...]
    is_array: bool


class Target(NamedTuple):
    """An entity that is linked to: how it would be shown, and which types the relationship says that it has."""

    id: str
    shown: Representation
    types: tuple[str, ...]


def behind(representation: Representation, relationship: str) -> Representation:
    """Return how entities behind a relationship are shown: in the same form, with what is picked of them."""
    pick = representation.linked_pick.below(relationship)
    omit = representation.linked_omit.below(relationship)
    return Representation(
        format=representation.format,
        system_attributes=representation.system_attributes,
        pick=pick.names,
        omit=omit.own_names,
        language=representation.language,
        linked_pick=pick,
        linked_omit=omit,
    )


def links_of(record: Record, representation: Representation) -> Iterator[Link]:
    """Yield the relationships of the entity that are shown."""
    entity, wanted = record.entity, representation.dataset_id
    for name in attribute_names(entity):
        if not representation.shows(name):
            continue
        for instance in instances(entity[name]):
            if instance.get("type") not in _SHOWN_IN:
                continue
            if wanted and instance.get("datasetId", DEFAULT_INSTANCE) not in wanted:
                continue
            objects = instance.get("object", instance.get("objectList"))
            listed = objects if isinstance(objects, list) else [objects]
            uris = (one.get("object") if isinstance(one, dict) else one for one in listed)
            targets = tuple(uri for uri in uris if isinstance(uri, str) and uri != NULL)
            yield Link(name, instance, targets, isinstance(objects, list))


def targets_of(record: Record, representation: Representation) -> Iterator[Target]:
    """Yield each entity that is linked to."""
    for link in links_of(record, representation):
        shown = behind(representation, link.name)
        types = link.instance.get("objectType", ())
        for target in link.targets:
            yield Target(target, shown, (types,) if isinstance(types, str) else tuple(types))


def render_linked(
    records: Sequence[Record], context: Context, representation: Representation, find: Find
) -> list[Rendered]:
    """Return the entities, each with its JSON, with those that they link to, of those found. Raises TooComplexQuery."""
    rendered = [(record, render_entity(record, context, representation)) for record in records]
    return add_linked(rendered, context, representation, find)


def add_linked(
    rendered: Sequence[Rendered], context: Context, representation: Representation, find: Find
) -> list[Rendered]:
    """Return entities that are rendered already with those that they link to. Raises TooComplexQuery.

    With `flat` the linked ones come behind all the others, each once; with `inline` each is where it is linked from,
    inside the JSON of the others, which is changed.
    """
    join = representation.join
    if join is None:
        return list(rendered)
    renderer = _Renderer(context, find, join)
    if join.kind == FLAT:
        return [*rendered, *renderer.list_behind([record for record, _ in rendered], representation)]
    for record, content in rendered:
        renderer.put_inside(content, record, representation, join.levels, path=join.contained_by | {record.id})
    return list(rendered)


@dataclass(slots=True)
class _Renderer:
    context: Context
    find: Find
    join: Join
    shown: int = field(default=0)

    def list_behind(self, records: Sequence[Record], representation: Representation) -> list[Rendered]:
        """Return the linked entities, the nearest first."""
        rendered: list[Rendered] = []
        seen = {record.id for record in records} | self.join.contained_by
        reached = [(record, representation) for record in records]
        for _ in range(self.join.levels):
            following: list[tuple[Record, Representation]] = []
            for record, shown in reached:
                for target, shown_behind, _ in targets_of(record, shown):
                    linked = self.find(target) if target not in seen else None
                    if linked is None:
                        continue
                    seen.add(target)
                    following.append((linked, shown_behind))
                    rendered.append((linked, self._render(linked, shown_behind)))
            reached = following
        return rendered

    def put_inside(
        self,
        content: dict[str, Any],
        record: Record,
        representation: Representation,
        levels: int,
        *,
        path: frozenset[str],
    ) -> None:
        """Put linked entities into the JSON of one; what is on the path to it is not shown again."""
        for link in links_of(record, representation):
            inside = {
                target: linked
                for target in link.targets
                if target not in path and (linked := self.find(target)) is not None
            }
            if inside and self.context.compact(link.name) in content:
                shown = behind(representation, link.name)
                rendered = {
                    target: self._inside(linked, shown, levels - 1, path | {target})
                    for target, linked in inside.items()
                }
                self._put(content, link, rendered, representation.format)

    def _inside(self, linked: Record, shown: Representation, levels: int, path: frozenset[str]) -> dict[str, Any]:
        content = self._render(linked, shown)
        if levels:
            self.put_inside(content, linked, shown, levels, path=path)
        return content

    def _render(self, linked: Record, shown: Representation) -> dict[str, Any]:
        self.shown += 1
        raise_if_too_many(self.shown)
        return render_entity(linked, self.context, shown)

    def _put(self, content: dict[str, Any], link: Link, inside: dict[str, dict[str, Any]], form: Format) -> None:
        name = self.context.compact(link.name)
        there = content[name]
        dataset_id = link.instance.get("datasetId")
        if form is Format.KEY_VALUES:
            whole = [inside.get(target, target) for target in link.targets]
            simplified = whole if link.is_array else whole[0]
            if isinstance(there, dict) and "dataset" in there:
                content[name] = {"dataset": {**there["dataset"], dataset_id or DEFAULT_INSTANCE: simplified}}
            else:
                content[name] = simplified
            return
        found = [inside[target] for target in link.targets if target in inside]
        added = {_SHOWN_IN[link.instance["type"]]: found if link.is_array else found[0]}
        if isinstance(there, list):
            content[name] = [{**one, **added} if one.get("datasetId") == dataset_id else one for one in there]
        else:
            content[name] = {**there, **added}


def raise_if_too_many(linked: int) -> None:
    """Refuse to show more than `limits.LINKED_ENTITIES_MAX` linked entities in one answer."""
    if linked > limits.LINKED_ENTITIES_MAX:
        raise TooComplexQuery(
            f"More than {limits.LINKED_ENTITIES_MAX:,} linked entities would be shown; ask for fewer entities with"
            " 'limit', for fewer levels with 'joinLevel', or for fewer relationships with 'pick'."
        )
