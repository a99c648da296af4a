"""The query string: decoded once, unknown names refused, each value checked. No meaning of the whole here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from urllib.parse import unquote_plus

from simpul import limits
from simpul.domain.errors import (
    BadRequestData,
    HubError,
    InvalidRequest,
    NotImplementedYet,
    TooComplexQuery,
    TooManyResults,
)
from simpul.domain.parse import raise_unless_uri

Parameters = Mapping[str, str]
Expand = Callable[[str], str]

# Parameters that CIM 009 §6 has and this version does not.
LATER = frozenset({"collation", "csf", "jsonKeys", "orderFrom", "orderGeometry", "splitEntities"})
EVERYWHERE = frozenset({"local"})

NORMALIZED = "normalized"
CONCISE = "concise"
KEY_VALUES = "keyValues"
TEMPORAL_VALUES = "temporalValues"
AGGREGATED_VALUES = "aggregatedValues"
SYSTEM_ATTRIBUTES = "sysAttrs"
_FORMATS = {
    "normalized": NORMALIZED,
    "concise": CONCISE,
    "keyValues": KEY_VALUES,
    "simplified": KEY_VALUES,
    "temporalValues": TEMPORAL_VALUES,
    "aggregatedValues": AGGREGATED_VALUES,
}

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2}).{0,2}", re.DOTALL)


def decode_text(raw: bytes, what: str) -> str:
    """Return percent-decoded UTF-8 text; `+` stands for a space in a query string."""
    if b"%" not in raw and b"+" not in raw and raw.isascii():
        return raw.decode("ascii")
    broken = _BAD_ESCAPE.search(raw)
    if broken:
        sign = broken.group().decode("latin-1")
        raise InvalidRequest(f"{what} holds {sign!r}, which is no percent-escape; write % itself as %25.")
    try:
        return unquote_plus(raw.decode("utf-8"), errors="strict")
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{what} is not UTF-8 once it is decoded.") from error


def decode_path(raw: bytes) -> str:
    """Return one decoded segment of a path, where `+` is a plus."""
    return decode_text(raw.replace(b"+", b"%2B"), "The path")


def parse_parameters(query: bytes, allowed: frozenset[str]) -> Parameters:
    """Return the parameters by name. Refuses unknown and repeated ones (CIM 009 §6.3.20) and names near misses."""
    if len(query) > limits.QUERY_STRING_BYTES_MAX:
        raise TooComplexQuery(
            f"The query string has {len(query)} bytes; at most {limits.QUERY_STRING_BYTES_MAX} are read."
            " A longer question can be sent as POST /ngsi-ld/v1/entityOperations/query."
        )
    found: dict[str, str] = {}
    for pair in query.split(b"&"):
        if not pair:
            continue
        raw_name, _, raw_value = pair.partition(b"=")
        name = decode_text(raw_name, "The name of a parameter")
        if name in found:
            raise InvalidRequest(f"The parameter {name[:100]!r} is given twice; give it once.")
        value = decode_text(raw_value, f"The parameter {name[:100]!r}")
        raise_unless_known(name, allowed)
        found[name] = value
    if "local" in found:
        # Whoever means this hub alone is told where that was not understood, also where no other would be asked.
        parse_flag(found, "local")
    return found


def raise_unless_known(name: str, allowed: frozenset[str]) -> None:
    """Refuse a parameter that this operation does not have."""
    if name in allowed or name in EVERYWHERE:
        return
    if name in LATER:
        raise NotImplementedYet(
            f"The parameter {name!r} is understood with queries, as in GET /entities, and left out with this operation."
        )
    near = get_close_matches(name, sorted(allowed), n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    listed = ", ".join(sorted(allowed)) or "none"
    raise InvalidRequest(f"Unknown parameter {name[:100]!r}.{hint} Known here: {listed}.")


def parse_flag(parameters: Parameters, name: str) -> bool:
    """Return the value of a parameter that is true or false; false if it is absent."""
    value = parameters.get(name, "")
    if value in {"", "false"}:
        return False
    if value == "true":
        return True
    raise BadRequestData(f"{name}={value[:100]!r}: it can be true or false.")


def parse_whole_number(
    parameters: Parameters,
    name: str,
    default: int,
    bounds: tuple[int, int],
    too_large: type[HubError] = TooManyResults,
) -> int:
    """Return a whole number within the bounds, both included. A larger one raises `too_large`."""
    text = parameters.get(name)
    if text is None:
        return default
    low, high = bounds
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        raise BadRequestData(f"{name}={text[:100]!r}: it is a whole number from {low} to {high:,}.")
    number = int(text)
    if number < low:
        raise BadRequestData(f"{name}={number}: it is a whole number from {low} to {high:,}.")
    if number > high:
        raise too_large(f"{name}={number}: at most {high:,} is possible here, from {low}.")
    return number


def parse_page(parameters: Parameters) -> tuple[int, int, bool]:
    """Return limit, offset and whether to count (CIM 009 §6.3.10, §6.3.13)."""
    counts = parse_flag(parameters, "count")
    limit = parse_whole_number(parameters, "limit", limits.PAGE_SIZE_DEFAULT, (0, limits.PAGE_SIZE_MAX))
    offset = parse_whole_number(parameters, "offset", 0, (0, limits.OFFSET_MAX))
    if limit == 0 and not counts:
        raise BadRequestData(
            f"limit=0 asks for nothing unless count=true is given; a limit is from 1 to {limits.PAGE_SIZE_MAX:,}."
        )
    return limit, offset, counts


def parse_options(parameters: Parameters, allowed: frozenset[str]) -> frozenset[str]:
    """Return the words of `options`, each of which the operation has to know."""
    words = [word for word in parameters.get("options", "").split(",") if word]
    for word in words:
        if word in allowed:
            continue
        near = get_close_matches(word, sorted(allowed), n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise InvalidRequest(
            f"options={word[:100]!r} is unknown.{hint} Known here: {', '.join(sorted(allowed)) or 'none'}."
        )
    return frozenset(words)


def wants_times(parameters: Parameters, options: frozenset[str]) -> bool:
    """Return whether system attributes are asked for, by `sysAttrs` or by `options` (CIM 009 §6.3.11)."""
    return parse_flag(parameters, SYSTEM_ATTRIBUTES) or SYSTEM_ATTRIBUTES in options


def parse_format(parameters: Parameters, options: frozenset[str], allowed: frozenset[str]) -> str:
    """Return which representation is asked for; `format` goes before `options` (CIM 009 §6.3.7)."""
    word = parameters.get("format", "")
    if word:
        if word not in allowed:
            raise InvalidRequest(f"format={word[:100]!r} is unknown; here it can be {', '.join(sorted(allowed))}.")
        return _FORMATS[word]
    asked = {_FORMATS[option] for option in options if option in _FORMATS}
    if len(asked) > 1:
        raise InvalidRequest(f"options asks for {' and '.join(sorted(asked))} at once; choose one representation.")
    return asked.pop() if asked else NORMALIZED


def parse_list(text: str) -> tuple[str, ...]:
    """Return the parts of a comma-separated list; an empty text has none."""
    return tuple(part.strip() for part in text.split(",")) if text else ()


def parse_ids(text: str, what: str = "id") -> tuple[str, ...]:
    """Return a list of URIs."""
    ids = parse_list(text)
    for identifier in ids:
        raise_unless_uri(identifier, what)
    return tuple(dict.fromkeys(ids))


def parse_dataset_ids(text: str) -> tuple[str, ...]:
    """Return a list of dataset URIs, where `@none` stands for the instance that has none."""
    ids = parse_list(text)
    for identifier in ids:
        if identifier != "@none":
            raise_unless_uri(identifier, "datasetId")
    return ids


def expand_name(name: str, what: str, expand: Expand) -> str:
    """Return the IRI of an attribute's name (CIM 009 §4.6.2). Raises BadRequestData."""
    if name.startswith("@"):
        raise BadRequestData(f"{what}: {name[:100]!r} is a JSON-LD keyword and no attribute; leave the @ away.")
    if not name:
        raise BadRequestData(f"{what}: a name between two commas, or before or after one, is empty.")
    if name[0] < ":":
        raise BadRequestData(f"{what}: {name[:100]!r} is no name of an attribute, which begins with a letter (§4.6.2).")
    return expand(name)


def parse_attributes(text: str, expand: Expand) -> tuple[str, ...]:
    """Return the expanded names of `attrs`."""
    names = []
    for name in parse_list(text):
        if name in {"id", "type", "scope", "@context"}:
            raise BadRequestData(f"attrs: {name!r} is no attribute; pick and omit can name it.")
        names.append(expand_name(name, "attrs", expand))
    return tuple(names)
