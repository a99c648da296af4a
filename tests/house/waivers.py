"""What does not keep a house rule yet, each with its reason. This list may only get shorter."""

from __future__ import annotations

from collections.abc import Iterable

# Lower it whenever a waiver goes; nobody raises it.
WAIVERS_MAX = 0

WAIVERS: dict[str, dict[str, str]] = {}


def raise_unless_kept(rule: str, offenders: Iterable[str]) -> None:
    """Fail for an offender without a waiver, and for a waiver that nothing needs any more."""
    found = set(offenders)
    waived = WAIVERS.get(rule, {})
    new = sorted(found - waived.keys())
    stale = sorted(waived.keys() - found)
    assert not new, f"{rule}:\n  " + "\n  ".join(new)
    assert not stale, f"{rule}: these waivers are not needed any more, remove them:\n  " + "\n  ".join(stale)
