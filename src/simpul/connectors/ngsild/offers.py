"""What another hub has to read: its types of entities."""

from __future__ import annotations

import re
from contextlib import closing
from typing import Final
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import msgspec

from simpul import limits
from simpul.connect.connector import Offer, Surroundings, Told
from simpul.connect.fields import Plain
from simpul.connect.service import settings_of_url
from simpul.connectors.ngsild import errors
from simpul.connectors.ngsild.settings import parse_settings
from simpul.fetching import Fetcher, shown_url

_API: Final = re.compile(r"(?P<root>.*?/ngsi-ld/v1)(?:/.*)?\Z")
# Stands for the type until one is chosen: the settings ask for one.
_EVERY: Final = "*"
_LAST_PART: Final = re.compile(r"[^/#:]+\Z")


def knows(where: str, _surroundings: Surroundings) -> bool:
    """Return whether a place is the URL of a hub that speaks NGSI-LD."""
    parts = urlsplit(where)
    return parts.scheme in ("http", "https") and _API.match(parts.path) is not None


def settings_of(where: str, surroundings: Surroundings) -> tuple[Plain, dict[str, str]]:
    """Return the settings for a URL, of which `type` and `q` are told apart from those that may be secret."""
    parts = urlsplit(where)
    root = _API.match(parts.path)
    path = root["root"] if root is not None else parts.path
    plain, secrets = settings_of_url(urlunsplit((parts.scheme, parts.netloc, path, parts.query, "")), surroundings)
    plain.pop("query", None)
    asked = dict(parse_qsl(parts.query))
    plain["type"] = asked.get("type", _EVERY).split(",")
    return {**plain, **({"q": asked["q"]} if "q" in asked else {})}, secrets


def look_around(plain: Plain, surroundings: Surroundings) -> list[Offer]:
    """Return the types that the hub has entities of. Raises SourceUnreachable, SourceMismatch."""
    types: list[str] = [plain["type"]] if isinstance(plain["type"], str) else plain["type"]
    if types == [_EVERY]:
        types = _ask_types(plain, surroundings)
    return [_offer(plain, name) for name in types[: limits.PROPOSAL_OFFERS_MAX]]


def _ask_types(plain: Plain, surroundings: Surroundings) -> list[str]:
    settings = parse_settings({**plain, "type": [_EVERY]}, surroundings)
    url = settings.service.url.rstrip("/") + "/types"
    with closing(Fetcher(settings.service)) as fetcher:
        body = fetcher.get(url).body
    try:
        found = msgspec.json.decode(body)
        return [str(name) for name in found["typeList"]]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError, TypeError) as error:
        raise errors.no_types(shown_url(url), body) from error


def _offer(plain: Plain, name: str) -> Offer:
    short = _LAST_PART.search(name)
    told = Told("the other hub", name, ("@id",), keeps_names=True)
    return Offer(short[0] if short else name, {**plain, "type": [name]}, told=told)
