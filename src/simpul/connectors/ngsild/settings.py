"""What stands under `read:` of an `ngsild` source. No fetching here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from simpul import limits
from simpul.connect.connector import Surroundings
from simpul.connect.fields import Field, Fields, Integer, MappingOf, OneOrMany, Plain, Text
from simpul.connect.service import ASKING, MANNERS, REFERRING, check_service, parse_service, url_field
from simpul.fetching import Service

_SIZE_DEFAULT: Final = 500
_LINK: Final = '<{}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'


def _check_name(text: str) -> str | None:
    return None if text and not set(text) & set(' ,"<>') else f"{text!r} is no name of a type or attribute"


def _check_path(text: str) -> str | None:
    return None if all(text.split(".")) else f"{text!r} is no path; write an attribute, or suhu.observedAt for a member"


_NAME: Final = Text("a name", check=_check_name)

FIELDS: Final = Fields("read of an ngsild source", (
    url_field("where the other hub answers, such as https://hub.example/ngsi-ld/v1"),
    Field("type", OneOrMany(_NAME), "the type of the entities, or several", required=True),
    Field("q", REFERRING, "which of them: a filter of NGSI-LD, such as `capacity>20`"),
    Field("attributes", OneOrMany(_NAME), "which attributes are asked for; default: all"),
    Field("columns", MappingOf(Text("an attribute, or a member of one", check=_check_path), "columns", least=1),
          "names of columns, and the attribute that each takes: `nama: name`, `waktu: suhu.observedAt`; `@id`, `@type` "
          "and `@scope` are the entity's own; default: what the first page has"),
    Field("context", Text("a URL", pattern=r"https?://\S+"), "the @context of these names; default: the core one"),
    Field("tenant", REFERRING, "the tenant, where the other hub has several"),
    Field("size", Integer(2, limits.PAGE_SIZE_MAX), f"how many entities a page has; default {_SIZE_DEFAULT}"),
    *ASKING,
    *MANNERS,
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class NgsildSettings:
    """The settings, typed, with the secrets filled in. `query` is what every page is asked with."""

    service: Service
    query: Mapping[str, str]
    columns: Mapping[str, str]
    size: int


def check(plain: Plain) -> Iterator[tuple[str, str]]:
    """Yield what is wrong beyond single keys."""
    yield from check_service(plain)
    if "?" in plain["url"]:
        yield "url", "the URL ends with /ngsi-ld/v1; what to ask for stands in 'type', 'q' and 'attributes'"


def parse_settings(plain: Plain, surroundings: Surroundings) -> NgsildSettings:
    """Return the typed settings of checked ones. Raises SourceMisconfigured."""
    added = {}
    if "context" in plain:
        added["Link"] = _LINK.format(plain["context"])
    if "tenant" in plain:
        added["NGSILD-Tenant"] = surroundings.resolve(plain["tenant"])
    query = {"type": ",".join(plain["type"])}
    if "q" in plain:
        query["q"] = surroundings.resolve(plain["q"])
    columns = plain.get("columns", {})
    if "attributes" in plain:
        query["attrs"] = ",".join(plain["attributes"])
    if any(path.rpartition(".")[2] in ("createdAt", "modifiedAt") for path in columns.values()):
        query["options"] = "sysAttrs"
    return NgsildSettings(
        service=parse_service(plain, surroundings, added),
        query=query,
        columns=columns,
        size=plain.get("size", _SIZE_DEFAULT),
    )
