"""Where notifications go (CIM 009 §5.2.15): the endpoint, checked. No sending here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from simpul import limits
from simpul.domain.errors import BadRequestData
from simpul.domain.json_text import shown

HTTP_SCHEMES: Final = ("http", "https")
MQTT_SCHEMES: Final = ("mqtt", "mqtts")
ACCEPTED: Final = ("application/json", "application/ld+json", "application/geo+json")
MQTT_VERSIONS: Final = ("mqtt3.1.1", "mqtt5.0")
MQTT_QOS: Final = ("0", "1", "2")

_MEMBERS = frozenset({"uri", "accept", "timeout", "cooldown", "receiverInfo", "notifierInfo"})
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}\Z")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]{0,4096}\Z")
# What frames the request itself is the hub's to say.
_OWN_HEADERS = frozenset({"connection", "content-length", "content-type", "host", "te", "transfer-encoding", "upgrade"})


def parse_endpoint(value: Any) -> dict[str, Any]:
    """Return the endpoint. Raises BadRequestData."""
    if not isinstance(value, dict):
        raise BadRequestData(f"'endpoint' is {shown(value)}; it is an object with a 'uri'.")
    strange = sorted(set(value) - _MEMBERS)
    if strange:
        raise BadRequestData(
            f"'{strange[0][:100]}' is no member of 'endpoint'; known are {', '.join(sorted(_MEMBERS))}."
        )
    if "uri" not in value:
        raise BadRequestData("'endpoint' has no 'uri', such as https://example.org/notify.")
    endpoint: dict[str, Any] = {name: _PARSE[name](name, part) for name, part in value.items()}
    if urlsplit(endpoint["uri"]).scheme in MQTT_SCHEMES:
        _raise_unless_mqtt_options(endpoint.get("notifierInfo", ()))
    else:
        _raise_unless_headers(endpoint.get("receiverInfo", ()))
    return endpoint


def _parse_accept(name: str, value: Any) -> str:
    if value not in ACCEPTED:
        raise BadRequestData(f"'{name}' is {shown(value)}; it can be {', '.join(ACCEPTED)}.")
    return str(value)


def _parse_uri(_name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > limits.IDENTIFIER_CHARACTERS_MAX:
        raise BadRequestData(f"'uri' is {shown(value)}; a URI such as https://example.org/notify is needed.")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as error:
        raise BadRequestData(f"'uri' is {shown(value)}, which is no URI: {error}.") from error
    if parts.scheme not in HTTP_SCHEMES + MQTT_SCHEMES or not parts.hostname or port == 0 or not value.isprintable():
        raise BadRequestData(
            f"'uri' is {shown(value)}; notifications go to http, https, mqtt or mqtts, to a host that is named."
        )
    if parts.scheme in MQTT_SCHEMES and (not parts.path.strip("/") or "#" in value or "+" in parts.path):
        raise BadRequestData(f"'uri' is {shown(value)}; its path is the topic, without wildcards: mqtt://host/a/topic.")
    return value


def _parse_milliseconds(name: str, value: Any) -> float | int:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 < value <= limits.ENDPOINT_MILLISECONDS_MAX:
        raise BadRequestData(
            f"'{name}' is {shown(value)}; a number of milliseconds is needed, more than 0 and at most"
            f" {limits.ENDPOINT_MILLISECONDS_MAX:,}."
        )
    number: float | int = value
    return number


def _parse_pairs(name: str, value: Any) -> list[dict[str, str]]:
    is_list = isinstance(value, list) and len(value) <= limits.ENDPOINT_PAIRS_MAX
    if not is_list or not all(_is_pair(pair) for pair in value):
        raise BadRequestData(
            f"'{name}' is {shown(value)}; an array of at most {limits.ENDPOINT_PAIRS_MAX} objects is needed, each with"
            " 'key' and 'value', which are texts."
        )
    return [{"key": pair["key"], "value": pair["value"]} for pair in value]


def _is_pair(pair: Any) -> bool:
    if not isinstance(pair, dict) or set(pair) != {"key", "value"}:
        return False
    return isinstance(pair["key"], str) and isinstance(pair["value"], str)


def _raise_unless_headers(pairs: Any) -> None:
    for pair in pairs:
        if not _HEADER_NAME.match(pair["key"]) or not _HEADER_VALUE.match(pair["value"]):
            raise BadRequestData(f"'receiverInfo' has {shown(pair['key'])}, which cannot be sent as an HTTP header.")
        if pair["key"].lower() in _OWN_HEADERS:
            raise BadRequestData(f"'receiverInfo' cannot set the header {pair['key']}: the hub sets it itself.")


def _raise_unless_mqtt_options(pairs: Any) -> None:
    choices = {"MQTT-Version": MQTT_VERSIONS, "MQTT-QoS": MQTT_QOS}
    for pair in pairs:
        allowed = choices.get(pair["key"])
        if allowed is not None and pair["value"] not in allowed:
            raise BadRequestData(f"{pair['key']} is {shown(pair['value'])}; it can be {', '.join(allowed)} (§7.2).")


_PARSE: Mapping[str, Callable[[str, Any], Any]] = {
    "uri": _parse_uri,
    "accept": _parse_accept,
    "timeout": _parse_milliseconds,
    "cooldown": _parse_milliseconds,
    "receiverInfo": _parse_pairs,
    "notifierInfo": _parse_pairs,
}


def pairs_of(endpoint: dict[str, Any], name: str) -> dict[str, str]:
    """Return `receiverInfo` or `notifierInfo` as a mapping; the last of equal keys counts."""
    return {pair["key"]: pair["value"] for pair in endpoint.get(name, ())}


def without_secrets(endpoint: dict[str, Any]) -> dict[str, Any]:
    """Return the endpoint as somebody may see it who may not change it: no receiverInfo, no password."""
    parts = urlsplit(endpoint["uri"])
    host = parts.netloc.rpartition("@")[2]
    shown_parts = {name: value for name, value in endpoint.items() if name not in ("receiverInfo", "notifierInfo")}
    return {**shown_parts, "uri": parts._replace(netloc=host).geturl()}
