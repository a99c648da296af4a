"""JSON as it comes and as a message shows it. What it means is not known here (`parse.py`)."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from simpul import limits
from simpul.domain.errors import InvalidRequest


def decode_json(body: bytes) -> Any:
    """Return the decoded JSON. Raises InvalidRequest with the place of the defect."""
    if not body or body.isspace():
        raise InvalidRequest("The body is empty; JSON is needed.")
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"The body is no JSON: {_place_of_defect(body, str(error))}.") from error
    except RecursionError as error:
        raise InvalidRequest(f"The JSON is nested more than {limits.NESTING_DEPTH_MAX} deep.") from error
    if _may_be_deep(body):
        _raise_if_deep(decoded, limits.NESTING_DEPTH_MAX)
    return decoded


def as_whole(value: Any) -> int | None:
    """Return the whole number that a JSON value is, or None: 4.0 is 4, and true is no number (JSON Schema, integer)."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def shown(value: Any) -> str:
    """Return the value as a message quotes it: as JSON, and not all of it when it is long."""
    try:
        text = msgspec.json.encode(value).decode()
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"


_BRACKETS = bytes.maketrans(b"{}", b"[]")
_OTHER_BYTES = bytes(set(range(256)) - set(b"[]{}"))


def _may_be_deep(body: bytes) -> bool:
    """Return False where the body is surely not too deep: each pass takes its innermost brackets away.

    Walking what was decoded costs 6 µs an entity, this 0.5. Brackets in text only make it say True.
    """
    if body.count(b"{") + body.count(b"[") <= limits.NESTING_DEPTH_MAX:
        return False
    brackets = body.translate(_BRACKETS, _OTHER_BYTES)
    for _ in range(limits.NESTING_DEPTH_MAX):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def _raise_if_deep(value: Any, depth: int) -> None:
    if not isinstance(value, dict | list):
        return
    if depth <= 0:
        raise InvalidRequest(f"The JSON is nested more than {limits.NESTING_DEPTH_MAX} deep.")
    for part in value.values() if isinstance(value, dict) else value:
        if isinstance(part, dict | list):
            _raise_if_deep(part, depth - 1)


def _place_of_defect(body: bytes, message: str) -> str:
    found = re.search(r"\(byte ([0-9]+)\)", message)
    before = body[: int(found.group(1))] if found else body
    line = before.count(b"\n") + 1
    column = len(before) - (before.rfind(b"\n") + 1) + 1
    reason = message[: found.start() if found else None].removeprefix("JSON is malformed: ").strip()
    if not found:
        reason = "it ends too early" if "truncated" in message else reason
    return f"{reason} at line {line}, column {column}"
