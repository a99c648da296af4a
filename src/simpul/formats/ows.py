"""What OGC's services say of themselves in XML: layers, formats, names of columns, counts. No fetching here.

Names of elements are taken without their namespaces, which differ between versions. A document type is refused, so
nothing that is declared in one can grow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple
from xml.etree.ElementTree import Element, ParseError, fromstring

from simpul import limits


class NotOws(Exception):
    """It is no answer of such a service; the message says why."""


class Refusal(Exception):
    """The service answers that it will not; the message is its own."""


class Layer(NamedTuple):
    """A type of features: its name, the coordinate systems and the formats that are offered for it."""

    name: str
    systems: tuple[str, ...]
    formats: tuple[str, ...]


class Capabilities(NamedTuple):
    """What a service can do: its version, its layers, the formats of all layers."""

    version: str
    layers: tuple[Layer, ...]
    formats: tuple[str, ...]


def read_capabilities(body: bytes) -> Capabilities:
    """Return what a Web Feature Service can do. Raises NotOws, Refusal."""
    root = _parse(body)
    if _name(root) != "WFS_Capabilities":
        raise NotOws(f"it answers with {_name(root)!r}, and not with what it can do")
    layers = tuple(
        Layer(_text(one, "Name"), tuple(_texts(one, "DefaultCRS", "DefaultSRS", "OtherCRS", "OtherSRS", "SRS")),
              tuple(_texts(one, "Format")))
        for one in _below(root, "FeatureType") if _text(one, "Name")
    )  # fmt: skip
    formats: list[str] = []
    for operation in _below(root, "Operation"):
        if operation.get("name") == "GetFeature":
            for parameter in _below(operation, "Parameter"):
                if parameter.get("name", "").lower() == "outputformat":
                    formats += _texts(parameter, "Value")
    return Capabilities(root.get("version", ""), layers, tuple(formats))


def described_names(body: bytes) -> tuple[str, ...]:
    """Return the names of a layer's columns, without geometries. Raises NotOws, Refusal."""
    root = _parse(body)
    if _name(root) != "schema":
        raise NotOws(f"it answers with {_name(root)!r}, and not with a schema")
    names: dict[str, None] = {}
    for sequence in _below(root, "sequence"):
        for element in sequence:
            kind = element.get("type", "")
            if _name(element) == "element" and element.get("name") and not kind.startswith("gml:"):
                names[element.get("name", "")] = None
    return tuple(names)[: limits.SOURCE_COLUMNS_MAX]


def read_count(body: bytes) -> int | None:
    """Return how many features a service says that there are, or None where it does not. Raises NotOws, Refusal."""
    root = _parse(body)
    told = root.get("numberMatched") or root.get("numberOfFeatures") or ""
    return int(told) if told.isdecimal() else None


def _parse(body: bytes) -> Element:
    if len(body) > limits.GEO_XML_BYTES_MAX:
        raise NotOws(f"its description has {len(body):,} bytes; at most {limits.GEO_XML_BYTES_MAX:,} are read")
    if b"\0" in body or re.search(rb"<!\s*(?:DOCTYPE|ENTITY)", body, re.IGNORECASE):
        raise NotOws("it answers with a page or a document type, and not with the service's XML")
    try:
        root = fromstring(body)  # noqa: S314 - No document type gets here, so nothing in it refers to anything.
    except (ParseError, ValueError, LookupError) as error:
        raise NotOws(f"it answers with what is no XML ({error})") from error
    if _name(root) in ("ExceptionReport", "ServiceExceptionReport"):
        said = " ".join(_texts(root, "ExceptionText", "ServiceException")) or "no reason is told"
        raise Refusal(re.sub(r"\s+", " ", said).strip()[: limits.REJECT_CELL_CHARACTERS])
    return root


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _below(element: Element, name: str) -> Iterator[Element]:
    return (one for one in element.iter() if _name(one) == name)


def _texts(element: Element, *names: str) -> list[str]:
    return [one.text.strip() for one in element.iter() if _name(one) in names and one.text and one.text.strip()]


def _text(element: Element, name: str) -> str:
    return next((one.text.strip() for one in element if _name(one) == name and one.text), "")
