"""What a portal has to read: the resources of a dataset, or of all of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from simpul import limits
from simpul.connect.connector import Offer, Surroundings
from simpul.connect.fields import Plain
from simpul.connect.service import settings_of_url
from simpul.connectors.ckan.reader import FileReading, Portal, is_readable, open_reading
from simpul.connectors.ckan.settings import parse_settings
from simpul.connectors.table.offers import look_around as look_at_table

# The pages of a dataset and of a resource, behind the language that a portal may have in its paths.
_PAGE: Final = re.compile(r"(?P<root>.*?)/dataset/(?P<dataset>[^/]+)(?:/resource/(?P<resource>[^/]+).*)?/?\Z")
_ACTION: Final = re.compile(r"(?P<root>.*?)/(?:api/(?:\d/)?action/[a-z_]+|datastore/dump/(?P<resource>[^/]+))/?\Z")
_OF_RESOURCE: Final = ("resource_id", "id")
# A portal itself, by what such hosts are called.
_PORTAL: Final = re.compile(r"(?:www\.)?(?:open-?data|data|ckan|katalog|satudata)\d*\.|.*\bckan\b", re.IGNORECASE)


def knows(where: str, _surroundings: Surroundings) -> bool:
    """Return whether a place is the URL of a portal, or of a dataset or a resource of one."""
    parts = urlsplit(where)
    if parts.scheme not in ("http", "https"):
        return False
    if _PAGE.match(parts.path) or _ACTION.match(parts.path):
        return True
    return not parts.path.strip("/") and not parts.query and _PORTAL.match(parts.hostname or "") is not None


def settings_of(where: str, surroundings: Surroundings) -> tuple[Plain, dict[str, str]]:
    """Return the settings for a URL: the portal's own, and the dataset and the resource that it names."""
    parts = urlsplit(where)
    page = _PAGE.match(parts.path) or _ACTION.match(parts.path)
    root = page["root"] if page is not None else parts.path.rstrip("/")
    plain, secrets = settings_of_url(urlunsplit((parts.scheme, parts.netloc, root, "", "")), surroundings)
    named = {name: unquote(value) for name, value in (page.groupdict() if page else {}).items() if value}
    asked = dict(parse_qsl(parts.query))
    if page is not None and "dataset" not in named and "resource" not in named:
        key = "dataset" if parts.path.rstrip("/").endswith("package_show") else "resource"
        value = next((asked[name] for name in _OF_RESOURCE if name in asked), None)
        named |= {} if value is None else {key: value}
    return {**plain, **{name: named[name] for name in ("dataset", "resource") if name in named}}, secrets


def look_around(plain: Plain, surroundings: Surroundings) -> list[Offer]:
    """Return the resources that can be read. Raises SourceUnreachable, SourceMismatch."""
    settings = parse_settings(plain, surroundings)
    portal = Portal(settings)
    with closing(portal.fetcher):
        if settings.resource is not None:
            resource, _ = portal.find_resource(settings)
            return [Offer(str(resource.get("name") or resource["id"]), plain)]
        if settings.dataset is not None:
            dataset = portal.ask("package_show", {"id": settings.dataset}, f"the dataset {settings.dataset!r}")
            return list(_offers(plain, dataset))
        many = {"rows": str(limits.PROPOSAL_OFFERS_MAX)}
        found = portal.ask("package_search", many, "the list of datasets").get("results")
        datasets = [one for one in found or () if isinstance(one, dict)]
        offers = [offer for dataset in datasets for offer in _offers(plain, dataset, f"{_title(dataset)}/")]
        return offers[: limits.PROPOSAL_OFFERS_MAX]


def look_closer(offer: Offer, surroundings: Surroundings) -> Offer:
    """Return the offer with where the header of its table is. Raises SourceUnreachable, SourceMismatch."""
    if {"table", "through"}.intersection(offer.read):
        return offer
    reading = open_reading(offer.read, surroundings)
    with closing(reading):
        if not isinstance(reading, FileReading) or not reading.is_table:
            return offer
        path = reading.path
        found = look_at_table({"path": path.name}, Surroundings(path.parent, {}))
    if not found:
        return offer
    table = {name: value for name, value in found[0].read.items() if name != "path"}
    others = ", ".join(other.read["sheet"] for other in found[1:])
    note = f"The file has other sheets, too: {others}." if others else found[0].note
    return offer._replace(read={**offer.read, **({"table": table} if table else {})}, note=note)


def _title(dataset: Mapping[str, Any]) -> str:
    return str(dataset.get("name") or dataset.get("id"))


def _offers(plain: Plain, dataset: Mapping[str, Any], above: str = "") -> Iterator[Offer]:
    """Yield what a dataset has: by its name where no other is called so, which stays when its id does not."""
    resources = [one for one in dataset.get("resources") or () if isinstance(one, dict) and is_readable(one)]
    names = [str(one.get("name") or "") for one in resources]
    for resource, name in zip(resources, names, strict=True):
        is_alone = bool(name) and names.count(name) == 1
        read = {**plain, "dataset": _title(dataset), "resource": name if is_alone else str(resource["id"])}
        yield Offer(f"{above}{name if is_alone else resource['id']}", read)
