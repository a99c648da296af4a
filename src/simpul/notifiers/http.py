"""Delivers notifications by HTTP POST (CIM 009 §6.3.8). No retries here (`app/notification_sending.py`)."""

from __future__ import annotations

from simpul import limits
from simpul.addresses import Addresses, AddressRefused
from simpul.connections import Connections
from simpul.http_connection import REDIRECTS, HttpFailed, Request
from simpul.ports.notifier import Delivery, Message
from simpul.unreachable import why_unreachable

# The receiver says that another try may end differently: too early, too many, or a time-out.
_PASSING = frozenset({408, 421, 423, 425, 429})
# It does not know the hub, or the path: a token that is renewed, or a proxy that finds its way again, mends that.
_DENIED = frozenset({401, 403, 404, 407})


class HttpNotifier:
    """The `Notifier` port over `Connections`. Follows no redirect, and reads nothing of the answer but its status."""

    def __init__(self, addresses: Addresses) -> None:
        self._connections = Connections(addresses)

    async def send(self, message: Message) -> Delivery:
        headers = tuple({**message.receiver_info, **message.headers}.items())
        # A notification may arrive twice, so it can be sent again over another connection.
        request = Request("POST", message.uri, headers, message.body)
        try:
            answer = await self._connections.send(
                request, message.timeout_seconds, limits.NOTIFICATION_ANSWER_BYTES_MAX
            )
        except TimeoutError:
            return Delivery(f"The receiver did not answer within {message.timeout_seconds:g} s.")
        except AddressRefused as error:
            return Delivery(f"It was not sent: {error}.", is_refused=True)
        except ValueError:
            return Delivery("The endpoint cannot be used: its URL is not valid.", is_refused=True)
        except HttpFailed as error:
            return Delivery(f"The receiver could not be reached ({error}).")
        except OSError as error:
            return Delivery(f"The receiver could not be reached ({why_unreachable(error)}).")
        return _delivery_of(answer.status)

    async def close(self) -> None:
        await self._connections.close()


def _delivery_of(status: int) -> Delivery:
    if 200 <= status < 300:
        return Delivery()
    if status in REDIRECTS:
        # Where it leads was named by the receiver and not by the subscriber, and may be this machine.
        return Delivery(
            f"The receiver leads elsewhere (status {status}), where nothing is sent. Give the subscription the address"
            " that takes notifications.",
            is_refused=True,
        )
    is_denied = status in _DENIED
    is_refused = 300 <= status < 500 and not is_denied and status not in _PASSING
    return Delivery(f"The receiver answered with status {status}.", is_refused=is_refused, is_denied=is_denied)
