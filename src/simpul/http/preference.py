"""The header `Prefer` (RFC 7240), as far as the standard uses it (CIM 009 §6.3.6). Nothing is rendered here."""

from __future__ import annotations

import re

from simpul.domain.earlier import FIRST, NATIVE, Version
from simpul.http.exchange import Headers

_VERSION = re.compile(r'(?:^|,)\s*ngsi-ld\s*=\s*"?([0-9]{1,4})\.([0-9]{1,4})"?\s*(?=[,;]|$)', re.IGNORECASE)


def preferred_version(prefer: str) -> Version | None:
    """Return the version of the standard that the answer is to conform to, or None where none is named.

    A preference that makes no sense is no error (RFC 7240 §2). Of a version that is newer than this hub's, the hub's
    own is the nearest.
    """
    found = _VERSION.search(prefer)
    if found is None:
        return None
    version = (int(found[1]), int(found[2]))
    return min(version, NATIVE) if version >= FIRST else None


def applied_headers(version: Version | None) -> Headers:
    """Return the header that tells which version the answer conforms to."""
    return () if version is None else ((b"preference-applied", f"ngsi-ld={version[0]}.{version[1]}".encode()),)
