"""Sends requests to other hubs over HTTP (`ports/peer.py`). Which request goes to whom is not known here.

The address of a source comes from whoever registers it: where it may lead is told in `addresses.py`, no redirect is
followed, and there are limits of size and time.
"""

from __future__ import annotations

from simpul import limits
from simpul.addresses import Addresses, AddressRefused
from simpul.connections import Connections
from simpul.domain.errors import PeerInvalid, PeerTimeout, PeerUnreachable
from simpul.http_connection import HttpFailed, Request
from simpul.ports.peer import PeerAnswer, PeerRequest
from simpul.unreachable import why_unreachable

_MS_PER_SECOND = 1_000


class HttpPeer:
    """The `Peer` port over `Connections`."""

    def __init__(self, *, allow_private_addresses: bool) -> None:
        self._connections = Connections(Addresses(allow_private_addresses=allow_private_addresses))

    async def send(self, request: PeerRequest) -> PeerAnswer:
        seconds = request.timeout_ms / _MS_PER_SECOND
        # To write twice what was asked for once is no better than to fail.
        is_repeatable = request.method == "GET"
        sent = Request(request.method, request.url, request.headers, request.body, is_repeatable)
        try:
            answer = await self._connections.send(sent, seconds, limits.PEER_ANSWER_BYTES_MAX)
        except TimeoutError as error:
            raise PeerTimeout(f"{_shown(request)} was not answered within {seconds:g} s.") from error
        except AddressRefused as error:
            raise PeerUnreachable(
                f"{_shown(request)} was not sent: {error} (see SIMPUL_ALLOW_PRIVATE_ADDRESSES)."
            ) from error
        except HttpFailed as error:
            raise _unreachable(request, str(error)) from error
        except ValueError as error:
            raise _unreachable(request, "its URL cannot be used") from error
        except OSError as error:
            raise _unreachable(request, why_unreachable(error)) from error
        if answer.is_cut:
            raise PeerInvalid(f"{_shown(request)} was answered with more than {limits.PEER_ANSWER_BYTES_MAX} bytes.")
        if answer.headers.get("content-encoding", "identity").lower() != "identity":
            raise PeerInvalid(f"{_shown(request)} was answered with a compressed body, which was not asked for.")
        return PeerAnswer(answer.status, answer.headers, answer.body)

    async def close(self) -> None:
        """Close the connections that are kept open."""
        await self._connections.close()


def _unreachable(request: PeerRequest, why: str) -> PeerUnreachable:
    return PeerUnreachable(f"{_shown(request)} failed: {why}.", f"It could not be reached ({why}).")


def _shown(request: PeerRequest) -> str:
    # Without the query: it may hold what people ask for.
    return f"{request.method} {request.url.partition('?')[0][:300]}"
