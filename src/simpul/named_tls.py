"""TLS to a host whose address was looked at before: the certificate is checked against its name. No connecting here."""

from __future__ import annotations

import ssl
from typing import Any


class NamedContext(ssl.SSLContext):
    """Checks the certificate against the host's name, though the connection is made to an address."""

    host: str
    wrapped: ssl.SSLSocket | None = None

    @classmethod
    def of(cls, host: str) -> NamedContext:
        """Return a context with the usual checks of a client."""
        context = cls(ssl.PROTOCOL_TLS_CLIENT)
        context.load_default_certs()
        context.host = host
        return context

    def wrap_socket(self, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        """Wrap the socket in the name of the host."""
        self.wrapped = super().wrap_socket(*arguments, **{**options, "server_hostname": self.host})
        return self.wrapped

    def close(self) -> None:
        """Close the socket: paho leaves it open where the certificate is refused."""
        if self.wrapped is not None:
            self.wrapped.close()
