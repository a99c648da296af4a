"""What a URL of a receiver or a source may name as its host, said when it is given. No resolving here.

Where a name leads is found out when something is sent (`addresses.py`), and refused there; what says by itself that it
is this machine or its private network is told to whoever writes it.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from simpul.app.hub import Hub
from simpul.domain.errors import BadRequestData
from simpul.domain.host import names_private_host


def raise_unless_allowed_host(hub: Hub, url: str, what: str) -> None:
    """Refuse this machine and its private network, unless the operator allows them. Raises BadRequestData."""
    if hub.settings.allow_private_addresses:
        return
    host = urlsplit(url).hostname or ""
    if names_private_host(host):
        raise BadRequestData(
            f"The host of {what}, {host[:200]}, is this machine or its private network, where the hub connects to"
            " nothing unless the operator allows it with SIMPUL_ALLOW_PRIVATE_ADDRESSES=true."
        )
