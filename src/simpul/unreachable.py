"""Why another machine could not be reached, in words for whoever runs the hub. No connecting here."""

from __future__ import annotations

import errno
import socket
import ssl

_NO_WAY = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN})
_REFUSALS = ("not authorized", "not authorised", "bad user name or password")


def why_unreachable(error: BaseException) -> str:
    """Return a part of a sentence that says why, without a name of the program's own."""
    # A library wraps what the system said; the system's own error says more.
    found: BaseException | None = error
    while found is not None and not isinstance(found, OSError):
        found = found.__cause__ or found.__context__
    return _why_system(found) if isinstance(found, OSError) else _why_broker(str(error))


def _why_system(error: OSError) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted: {error.verify_message or 'it is not valid'}"
        case ssl.SSLError():
            return "it does not speak TLS as the hub does"
        case socket.gaierror():
            return "nobody knows a machine of that name"
        case ConnectionRefusedError():
            return "nothing listens at that address and port"
        case ConnectionError():
            return "the connection was closed"
        case TimeoutError():
            return "nothing answers at that address"
        case _ if error.errno in _NO_WAY:
            return "the network has no way to that address"
        case _:
            return error.strerror or "the connection failed"


def _why_broker(said: str) -> str:
    text = said.partition("] ")[2] or said
    if any(refusal in text.casefold() for refusal in _REFUSALS):
        return "it refuses the user or the password"
    return text.rstrip(".") or "the connection failed"
