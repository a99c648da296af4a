"""One source file: its shape as a whole, and what must fit together in it. No city and no rows here."""

from __future__ import annotations

import re
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from simpul import limits
from simpul.connect.connector import connector_kinds, get_connector
from simpul.connect.document import Node, Problem
from simpul.connect.fields import (
    Anything,
    Choice,
    Field,
    Fields,
    Integer,
    ListOf,
    Localized,
    MappingOf,
    OneOrMany,
    Plain,
    Problems,
    Schema,
    Shape,
    Text,
    Value,
    suggest_or_list,
)
from simpul.connect.rule_words import CODE_COLUMN, Rule
from simpul.connect.template import check_uri_template, template_columns
from simpul.connect.vocabulary import ATTRIBUTE, ATTRIBUTES, ObservedAt, Skip
from simpul.domain.city import SourceDeclaration

IDENTIFIER: Final = r"[a-z][a-z0-9_-]{0,63}"
_IDENTIFIER = Text("an id (lower-case letters, digits, _ and -)", pattern=IDENTIFIER)
_DURATION = re.compile(r"([1-9][0-9]{0,5})([smhd])\Z")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SCHEDULE_SECONDS_LEAST: Final = 10


def check_time_zone(text: str) -> str | None:
    """Return what is wrong with the name of a time zone, or None."""
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return f"{text!r} is no time zone; write Asia/Jakarta (WIB), Asia/Makassar (WITA) or Asia/Jayapura (WIT)"
    return None


def _check_duration(text: str) -> str | None:
    match = _DURATION.match(text)
    if match is None:
        return f"{text!r} is no duration; write a number and s, m, h or d, such as 15m"
    if duration_seconds(text) < _SCHEDULE_SECONDS_LEAST:
        return f"a source is read at most every {_SCHEDULE_SECONDS_LEAST}s, not every {text}"
    return None


def duration_seconds(text: str) -> int:
    """Return the seconds of a duration such as `15m`."""
    return int(text[:-1]) * _SECONDS[text[-1]]


def check_type(text: str) -> str | None:
    """Return what is wrong with the name of an entity type, or None."""
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*|[A-Za-z][A-Za-z0-9+.-]*:\S+", text):
        return None
    return f"{text!r} is no entity type; write one word such as BusStop, or a whole IRI"


# What an attribute that a rule names must be made from, and what it is then.
_PLACE: Final = (frozenset({"point", "geometry"}), "place")
_ATTRIBUTE_RULES: Final = {
    "inside": _PLACE,
    "no_crossing": _PLACE,
    "in_place": _PLACE,
    "references": (frozenset({"relationship"}), "relationship"),
}

# What these find out needs all rows of a source in one run.
_RULES_OF_WHOLE_SOURCES: Final = frozenset({"unique", "rows", "keys", "total", "tree"})

_ENTITY = Fields("entity", (
    Field("type", OneOrMany(Text("an entity type", check=check_type)), "the entity's type, or types", required=True),
    Field("id", Text("a URI", check=check_uri_template), "the entity's URI, with {column} in it", required=True),
    Field("scope", OneOrMany(Text("a scope such as /transport", pattern=r"(/[A-Za-z][A-Za-z0-9_]*)+")), "its scopes"),
    Field("observed_at", ObservedAt(), "when a row was true; makes the source a time series"),
    Field("attributes", ATTRIBUTES, "the attributes: name, and where the value comes from", required=True),
))  # fmt: skip

_SCHEDULE = Fields("schedule", (
    Field("every", Text("a duration", check=_check_duration), "how often it is read, such as 15m", required=True),
))  # fmt: skip


def source_fields(read: Shape) -> Fields:
    """Return the shape of a source file whose `read` has this shape."""
    return Fields("a source", (
        Field("source", _IDENTIFIER, "its id", required=True),
        Field("agency", _IDENTIFIER, "whose it is: an id of agencies.yaml", required=True),
        Field("title", Localized(), "its name for people", required=True),
        Field("description", Localized(), "what it holds"),
        Field("licence", Text(), "under which terms it may be used"),
        Field("kind", Choice(connector_kinds()), "what is read: a connector's name", required=True),
        Field("read", read, "where it is and how it is read; the keys depend on the kind", required=True),
        Field("context", Text("a URL", pattern=r"https?://\S+"), "the @context of its names; default: the core one"),
        Field("time_zone", Text("a time zone", check=check_time_zone), "of dates without one; default: the city's"),
        Field("unknown", OneOrMany(Value()), "values that mean `not known` in every column"),
        Field("skip", ListOf(Skip()), "rows that are no records, such as totals"),
        Field("codes", ListOf(CODE_COLUMN), "new columns with the codes that names mean"),
        Field("key", OneOrMany(Text("the name of a column")), "the columns that identify a row", required=True),
        Field("renamed", MappingOf(Text("the name of a column")), "columns that have other names now: old: new"),
        Field("entity", _ENTITY, "how a row becomes an entity", required=True),
        Field("rules", ListOf(Rule()), "what counts as wrong"),
        Field("vanished", Choice(("keep", "expire", "delete")), "what happens to a row that is gone; default keep"),
        Field("keep_raw", Integer(1, limits.KEPT_RUNS_MAX), "of how many runs the rows are kept as they came"),
        Field("schedule", _SCHEDULE, "when `simpul serve` reads it, or its agent"),
        Field("stale_after", Text("a duration", check=_check_duration), "how old its last complete run may be before "
              "it is stale, such as 2d; default two turns of its schedule"),
        Field("read_by", Choice(("hub", "agent")), "who reads it: the hub (default), or an agent that stands in its "
              "office and delivers the rows (`simpul agent`)"),
    ))  # fmt: skip


def read_source(node: Node, problems: Problems) -> Plain | None:
    """Return the source in its normal form, or None; adds what is wrong to `problems`."""
    before = len(problems)
    kind = node.find("kind")
    known = kind is not None and kind.text in connector_kinds()
    settings: Shape = get_connector(kind.text).settings if kind is not None and known else Anything()
    plain = source_fields(settings).read(node, problems)
    if plain is None or len(problems) > before:
        return None
    for key, message in get_connector(plain["kind"]).check(plain["read"]):
        problems.append(Problem(node.place_of("read", key), message))
    _check_identity(node, plain, problems)
    if get_connector(plain["kind"]).is_stream:
        _check_stream(node, plain, problems)
    _check_rules(node, plain, problems)
    return plain if len(problems) == before else None


def _check_identity(node: Node, plain: Plain, problems: Problems) -> None:
    entity = plain["entity"]
    in_id = set(template_columns(entity["id"]))
    missing = [column for column in plain["key"] if column not in in_id]
    if not missing:
        return
    if "observed_at" not in entity:
        message = (
            f"the key has {', '.join(missing)}, the id has not: several rows would overwrite one entity; "
            f"put {{{missing[0]}}} into the id, or say with 'observed_at' that the rows are a time series"
        )
        problems.append(Problem(node.place_of("entity", "id"), message))
    elif plain.get("vanished", "keep") != "keep":
        message = "a time series keeps its rows; write 'vanished: keep' or leave it out"
        problems.append(Problem(node.place_of("vanished"), message))


def _check_stream(node: Node, plain: Plain, problems: Problems) -> None:
    """A stream tells only what is new: nothing may ask for all of it, except where it notices what is gone."""
    if plain.get("vanished", "keep") != "keep":
        message = _why_never_vanished(plain)
        if message:
            problems.append(Problem(node.place_of("vanished"), message))
    if "keep_raw" in plain:
        message = f"a source of kind {plain['kind']} is never read whole, so no run can be replayed; leave it out"
        problems.append(Problem(node.place_of("keep_raw"), message))
    for rule in plain.get("rules", ()):
        if rule["rule"] in _RULES_OF_WHOLE_SOURCES:
            message = f"{rule['rule']!r} is about all rows, and a source of kind {plain['kind']} tells only new ones"
            problems.append(Problem(node.place_of("rules"), message))


def _why_never_vanished(plain: Plain) -> str:
    ask = get_connector(plain["kind"]).why_never_vanished
    if ask is None:
        return f"a source of kind {plain['kind']} tells what is new, not what is gone; leave 'vanished' out"
    if plain.get("read_by") == "agent":
        return f"of kind {plain['kind']} an agent delivers what is new, not what is gone; leave 'vanished' out"
    return ask(plain["read"])


def _check_rules(node: Node, plain: Plain, problems: Problems) -> None:
    attributes: dict[str, Any] = plain["entity"]["attributes"]
    rules = node.find("rules")
    nodes = rules.value if rules is not None and isinstance(rules.value, list) else []
    for rule, rule_node in zip(plain.get("rules", ()), nodes, strict=True):
        name = rule.get("attribute")
        if name is None:
            continue
        place = rule_node.place_of("attribute")
        wanted, what = _ATTRIBUTE_RULES[rule["rule"]]
        if name not in attributes:
            problems.append(Problem(place, f"there is no attribute {name!r}{suggest_or_list(name, attributes)}"))
        elif not wanted.intersection(attributes[name]):
            listed = " or ".join(repr(one) for one in sorted(wanted, reverse=True))
            message = f"the attribute {name!r} is no {what}; {rule['rule']!r} needs one with {listed}"
            problems.append(Problem(place, message))


def source_declaration(plain: Plain, file: str) -> SourceDeclaration:
    """Return the declaration of a source in its normal form."""
    return SourceDeclaration(
        id=plain["source"],
        kind=plain["kind"],
        agency=plain["agency"],
        title=plain["title"],
        type_name=plain["entity"]["type"][0],
        file=file,
        declaration=plain,
    )


def source_schema() -> Schema:
    """Return the JSON Schema of a source file; `read` follows `kind`."""
    schema = source_fields(Anything()).schema()
    schema["allOf"] = [
        {
            "if": {"properties": {"kind": {"const": kind}}},
            "then": {"properties": {"read": get_connector(kind).settings.schema()}},
        }
        for kind in connector_kinds()
    ]
    schema["$defs"] = {"attribute": {"oneOf": [{"type": "string"}, ATTRIBUTE.schema()]}}
    return schema
