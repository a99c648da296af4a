"""Lineage as JSON: what the API and the command line tell of it. Nothing is looked up here."""

from __future__ import annotations

from typing import Any

from simpul.app.lineage import SOURCE, Lineage, RowTrail
from simpul.domain.moment import render_moment
from simpul.ports.quality import Correction


def describe_lineage(lineage: Lineage) -> dict[str, Any]:
    """Return what is told of one instance's lineage, as JSON."""
    told: dict[str, Any] = {"origin": lineage.kind}
    if lineage.kind == SOURCE:
        told["source"] = lineage.source_id
        if lineage.run is not None:
            told["run"] = lineage.run
    if lineage.token_id:
        told["token"] = lineage.token_id
    told["at"] = render_moment(lineage.at_us)
    return told if lineage.trail is None else told | _describe_trail(lineage, lineage.trail)


def _describe_trail(lineage: Lineage, trail: RowTrail) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if trail.run is not None:
        told["runStartedAt"] = render_moment(trail.run.started_us)
        if trail.run.has_report:
            told["quality"] = f"/sources/{lineage.source_id}/quality?run={lineage.run}"
    if trail.key:
        told["row"] = trail.key
    if trail.mapping is not None:
        mapping = trail.mapping
        told["columns"] = list(mapping.columns)
        if mapping.code_lists:
            told["codeLists"] = list(mapping.code_lists)
        place: dict[str, Any] = {"file": mapping.file, "words": mapping.words}
        told["mapping"] = place | ({"line": mapping.line} if mapping.line else {})
    if trail.corrections:
        told["corrections"] = [_describe_correction(one) for one in trail.corrections]
    return told


def _describe_correction(one: Correction) -> dict[str, Any]:
    return {
        "column": one.column,
        "before": one.before,
        "after": one.after,
        "reason": one.reason,
        "by": one.by,
        "at": render_moment(one.at_us),
    }
