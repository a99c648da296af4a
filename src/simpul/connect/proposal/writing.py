"""A draft written as the YAML of a source, with the evidence as comments. Decides nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from simpul.connect.fields import Plain
from simpul.connect.proposal.draft import Draft, Line
from simpul.connect.proposal.models import OTHERS

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_ ./()|-]*(?<! )\Z")
_RESERVED: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"})
_WIDTH: Final = 110


def scalar(value: Any) -> str:
    """Return a value as one line of YAML, quoted where it would be read as anything else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) else str(value)
    text = str(value)
    if _PLAIN.match(text) and text.casefold() not in _RESERVED:
        return text
    return json.dumps(text, ensure_ascii=False)


def flow(value: Any) -> str:
    """Return any value as one line of YAML."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(one) for one in value) + "]"
    return scalar(value)


def write(draft: Draft, head: Plain, kind: str, read: Plain, notes: Sequence[str]) -> str:
    """Return the source's file. `head` has its id, agency and title; `notes` stand at its top."""
    lines = [f"# {note}" for note in notes]
    lines += [f"{name}: {flow(value)}" for name, value in head.items()]
    lines += [f"kind: {kind}", "read:", *(f"  {scalar(name)}: {flow(value)}" for name, value in read.items())]
    if draft.unknown:
        lines.append(f"unknown: {flow(draft.unknown)}")
    if draft.codes:
        lines += ["codes:", *_items(draft.codes)]
    lines += _identity(draft)
    if draft.rules:
        lines += ["rules:", *_items(draft.rules)]
    lines += [
        "# What happens to a row that is gone: keep, expire or delete.",
        "vanished: keep",
        "# How often it is read; without it, only when asked.",
        "# schedule: {every: 1h}",
    ]
    return "\n".join(lines) + "\n"


def _identity(draft: Draft) -> Iterator[str]:
    identity = draft.identity
    yield f"# Key: {identity.because}."
    yield f"key: {flow(identity.key[0] if len(identity.key) == 1 else list(identity.key))}"
    yield "entity:"
    yield f"  # Type: {_why_type(draft)}."
    if draft.personal.is_about_people:
        yield "  # The rows are about people: keep this type out of public_types in city.yaml."
    yield f"  type: {scalar(draft.type_name)}"
    if len(identity.in_id) == 1 and draft.seen.column(identity.in_id[0]).are_uris:
        yield "  # Its rows are entities with URIs of their own, which they keep."
        yield f"  id: {json.dumps(f'{{{identity.in_id[0]}|uri}}')}"
    else:
        yield from _made_id(draft)
    if identity.time is not None:
        form = draft.seen.column(identity.time).form
        yield f"  observed_at: {flow({'column': identity.time, 'date': form})}"
    yield "  attributes:"
    for name, line in draft.attributes.items():
        yield f"    # {line.evidence}" if line.evidence else "    #"
        yield f"    {scalar(name)}: {flow(line.content)}"
    if draft.left_out:
        yield "    # Left out:"
        yield from (f"    #   {_commented(name)}: {why}" for name, why in draft.left_out)


def _why_type(draft: Draft) -> str:
    guess = draft.guess
    if guess is not None and guess.subject in OTHERS:
        return f"of {guess.subject}, as Smart Data Models has none for it; {guess.because}"
    if guess is not None:
        return f"of Smart Data Models ({guess.subject}); {guess.because}"
    if draft.seen.told.type_name:
        return f"{draft.seen.told.by} says so"
    return "no model of Smart Data Models fits surely; it is called as the table is"


def _made_id(draft: Draft) -> Iterator[str]:
    rest = ":".join(f"{{{name}}}" for name in draft.identity.in_id)
    if draft.id_word:
        yield f"  # Another source has this type, too: {draft.id_word!r} keeps their ids apart."
        rest = f"{draft.id_word}:{rest}"
    yield f"  id: {json.dumps(f'urn:ngsi-ld:{draft.type_name}:{draft.city.tenant}:{rest}', ensure_ascii=False)}"


def _items(lines: Sequence[Line]) -> Iterator[str]:
    for line in lines:
        if line.evidence:
            yield f"  # {_commented(line.evidence)}"
        yield f"  {'# ' if line.is_off else ''}- {flow(line.content)}"


def _commented(text: str) -> str:
    return " ".join(text.split())
