"""`live` in city.yaml: what the console's home page shows as it is right now. Nothing is shown here."""

from __future__ import annotations

from typing import Final

from simpul import limits
from simpul.connect.document import Node, Problem
from simpul.connect.fields import Field, Fields, ListOf, Localized, Number, Plain, Problems, Schema, Text
from simpul.connect.history import check_duration, duration_us
from simpul.connect.source import check_type
from simpul.domain.city import Live, LiveLayer
from simpul.domain.context import CORE

_ATTRIBUTE: Final = Text("an attribute", pattern=r"\S+")

_LAYER: Final = Fields("a layer of live", (
    Field("type", Text("an entity type", check=check_type), "the type of what is shown", required=True),
    Field("title", Localized(), "what is counted, such as `buses on the road`", required=True),
    Field("label", _ATTRIBUTE, "the attribute that stands on the mark of each, such as the number of a route"),
    Field("shade", _ATTRIBUTE, "the attribute, a number, that shades each and is listed beside the map"),
    Field("steps", ListOf(Number(), 1, 4), "with shade: where one shade ends and the next begins, rising"),
    Field("within", Text("a duration", check=check_duration), "what is older is not shown; default: everything is"),
))  # fmt: skip

_LIVE: Final = Fields("live", (
    Field("title", Localized(), "the heading", required=True),
    Field("note", Localized(), "one or two sentences on what is shown"),
    Field("layers", ListOf(_LAYER, 1, limits.LIVE_LAYERS_MAX), "what the map shows, one type each", required=True),
))  # fmt: skip


class LiveShape:
    """The declaration, with steps that rise."""

    def read(self, node: Node, problems: Problems) -> Plain | None:
        count = len(problems)
        plain = _LIVE.read(node, problems)
        if plain is None or len(problems) > count:
            return None
        for layer in plain["layers"]:
            wrong = _wrong(layer)
            if wrong is not None:
                problems.append(Problem(node.place_of("layers"), f"{layer['type']}: {wrong}"))
        return plain if len(problems) == count else None

    def schema(self) -> Schema:
        return _LIVE.schema()


def _wrong(layer: Plain) -> str | None:
    steps = layer.get("steps")
    if ("shade" in layer) != (steps is not None):
        return "'shade' and 'steps' belong together: the attribute, and where its shades end"
    if steps is not None and sorted(set(steps)) != steps:
        return f"the steps must rise, such as [1, 5, 20]; they are {steps}"
    if "shade" in layer and "label" in layer:
        return "a layer has a 'label' or a 'shade', not both"
    return None


def live_of(plain: Plain | None) -> Live | None:
    """Return a declaration that was read."""
    if plain is None:
        return None
    layers = tuple(
        LiveLayer(
            type_name=CORE.expand(layer["type"]),
            title=layer["title"],
            label=CORE.expand(layer["label"]) if "label" in layer else None,
            shade=CORE.expand(layer["shade"]) if "shade" in layer else None,
            steps=tuple(layer.get("steps", ())),
            within_us=duration_us(layer["within"]) if "within" in layer else None,
        )
        for layer in plain["layers"]
    )
    return Live(title=plain["title"], note=plain.get("note"), layers=layers)
