"""What can be wrong with a portal's answer, in our words. Messages hold no query: it may hold a secret."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from simpul.connect.fields import suggest_or_end
from simpul.domain.errors import SourceError, SourceMismatch, SourceUnreachable

_SHOWN_MAX = 40
_SHOWN_CHARACTERS = 200


def refused(where: str, what: str, body: bytes) -> SourceError | None:
    """Return the error for an answer of CKAN that tells of one (Action API: `success` is false), else None."""
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if isinstance(answer, str):
        # An action that the portal does not know, or parameters that it cannot read, are told in one text.
        return SourceMismatch(f"{where} does not take the request: {answer[:_SHOWN_CHARACTERS]!r}. Is it CKAN?")
    if not isinstance(answer, dict) or answer.get("success") is not False:
        return None
    error = answer.get("error")
    error = error if isinstance(error, dict) else {"message": str(error)}
    kind, why = error.get("__type"), _told(error)
    if kind == "Authorization Error":
        return SourceUnreachable(
            f"{where} does not let us read {what} ({why}). It is private: check 'api_token' and its user's rights."
        )
    if kind == "Not Found Error":
        return SourceMismatch(
            f"{where} does not know {what} ({why}). It was removed, or has another id now; name its 'dataset' instead."
        )
    return SourceMismatch(f"{where} does not give {what}: {why}.")


def _told(error: Mapping[str, Any]) -> str:
    """Return what the portal says: a message, or what is wrong with which parameter."""
    message = error.get("message")
    if not isinstance(message, str):
        parts = (f"{name}: {_first(value)}" for name, value in error.items() if name != "__type")
        message = "; ".join(parts) or str(error.get("__type"))
    return " ".join(message.split())[:_SHOWN_CHARACTERS].rstrip(".")


def _first(value: Any) -> str:
    return str(value[0]) if isinstance(value, list) and value else str(value)


def no_answer(where: str, body: bytes) -> SourceMismatch:
    """Return the error for an answer that is none of CKAN's."""
    if body.lstrip()[:1] == b"<":
        return SourceMismatch(f"{where} answers with a page, not as a CKAN portal does. Is it the portal's own URL?")
    return SourceMismatch(f"{where} does not answer as a CKAN portal does. Is it the portal's own URL?")


def which_resource(where: str, dataset: str, wanted: str | None, names: Sequence[str]) -> SourceMismatch:
    """Return the error for a dataset whose resource is not there, or not the only one."""
    listed = ", ".join(repr(name) for name in names[:_SHOWN_MAX]) or "none"
    if wanted is None:
        return SourceMismatch(
            f"The dataset {dataset!r} of {where} has {len(names)} resources: {listed}. Write resource: and one of them."
        )
    near = suggest_or_end(wanted, names)
    return SourceMismatch(f"The dataset {dataset!r} of {where} has no resource {wanted!r}{near} It has: {listed}.")


def several(where: str, dataset: str, name: str) -> SourceMismatch:
    """Return the error for a name that two resources have."""
    return SourceMismatch(f"The dataset {dataset!r} of {where} has several resources {name!r}; write the id of one.")


def none_chosen(where: str, dataset: str, known: Sequence[str]) -> SourceMismatch:
    """Return the error for patterns and a format that no resource of the dataset has."""
    listed = ", ".join(known[:_SHOWN_MAX]) or "none"
    return SourceMismatch(
        f"The dataset {dataset!r} of {where} has no resource that 'resources' and 'format' mean. It has: {listed}."
    )


def too_many_chosen(where: str, dataset: str, count: int, most: int) -> SourceMismatch:
    """Return the error for more resources than are read as one."""
    return SourceMismatch(
        f"The dataset {dataset!r} of {where} has {count:,} resources that match; at most {most:,} are read as one. "
        "Write a narrower pattern."
    )


def other_columns(where: str, name: str, first: str, missing: Sequence[str], more: Sequence[str]) -> SourceMismatch:
    """Return the error for a resource that is not of the form of the first one, or lacks what was declared."""
    differences = [f"lacks {', '.join(missing[:_SHOWN_MAX])}"] if missing else []
    differences += [f"has {', '.join(more[:_SHOWN_MAX])} as well"] if more else []
    if not first:
        return SourceMismatch(
            f"The resource {name!r} of {where} {' and '.join(differences)}, which 'columns' declares. Resources of "
            "another form need a source of their own."
        )
    return SourceMismatch(
        f"The resource {name!r} of {where} is not of the form of {first!r}: it {' and '.join(differences)}. Write "
        "under 'columns' those that all have, or make a source of its own of it. Nothing vanished."
    )


def is_deleted(where: str, what: str) -> SourceMismatch:
    """Return the error for what the portal keeps as deleted."""
    return SourceMismatch(f"{where} has deleted {what}. What was taken over stays; look for its successor.")


def not_in_datastore(where: str, what: str) -> SourceMismatch:
    """Return the error for a resource whose records the portal does not hold."""
    return SourceMismatch(f"{where} has {what} as a file, not in its datastore. Write through: file, or leave it out.")


def not_filtered(where: str, what: str) -> SourceMismatch:
    """Return the error for a file of which only some rows are wanted."""
    return SourceMismatch(
        f"{where} has {what} as a file, and only its datastore can be asked for some records. Write the 'filters' as "
        "'skip' of the source, or leave them out."
    )


def no_file(where: str, what: str) -> SourceMismatch:
    """Return the error for a resource whose URL is empty or none."""
    return SourceMismatch(f"{where} has no file of {what}: its URL leads nowhere.")


def elsewhere(where: str, what: str, url: str) -> SourceMismatch:
    """Return the error for a file that is not the portal's."""
    return SourceMismatch(
        f"{where} has {what} as a link to {url}, another host, which is not followed. "
        "Ask that one with a source of its own."
    )


def unknown_format(where: str, what: str, format_name: str) -> SourceMismatch:
    """Return the error for a file of a kind that is not read."""
    return SourceMismatch(
        f"{where} has {what} as {format_name!r}, which is not read. CSV, TSV, XLSX, XLS, ODS, JSON and GeoJSON are."
    )


def unknown_column(where: str, name: str, columns: Sequence[str]) -> SourceMismatch:
    """Return the error for a column that the declaration names and that is not there."""
    listed = ", ".join(columns[:_SHOWN_MAX])
    return SourceMismatch(f"{where} has no column {name!r}{suggest_or_end(name, columns)} Its columns are: {listed}.")


def shifted(where: str, what: str) -> SourceMismatch:
    """Return the error for pages that do not fit together."""
    return SourceMismatch(
        f"{where} changed {what} while it was read: a page does not go on where the one before it ended. "
        "Nothing vanished; run it again."
    )


def missing_records(where: str, announced: int, came: int) -> SourceMismatch:
    """Return the error for a datastore that ends before its told end."""
    return SourceMismatch(
        f"{where} says that it has {announced:,} records, and gave {came:,}. Nothing vanished; run it again."
    )


def too_large(where: str, most: int) -> SourceMismatch:
    """Return the error for a JSON file that would take too much memory."""
    return SourceMismatch(f"{where} has more than {most:,} bytes of JSON, the most that are read. Ask for it as CSV.")


def too_many_pages(where: str, most: int) -> SourceMismatch:
    """Return the error for pages without an end."""
    return SourceMismatch(f"{where} has more than {most:,} pages; ask for larger ones, or divide the source.")
