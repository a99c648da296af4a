"""TLS to an agency's system as a source declares it: which certificates are believed, and what was wrong with one."""

from __future__ import annotations

import ssl
from pathlib import Path

from simpul.domain.errors import SourceMisconfigured, SourceUnreachable


def believe(context: ssl.SSLContext, certificate: Path | None, *, is_self_signed: bool) -> None:
    """Let the context believe the declared certificate too, or any. Raises SourceMisconfigured."""
    if certificate is not None:
        try:
            context.load_verify_locations(certificate)
        except OSError as error:
            why = (error.strerror or "it holds no certificate in PEM form").lower()
            raise SourceMisconfigured(f"The certificate {certificate} cannot be used: {why}.") from error
    if is_self_signed:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE


def refused_tls(where: str, error: ssl.SSLError) -> SourceUnreachable:
    """Return the error for a system with which no TLS came about. `where` is shown; it holds no secret."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        why = error.reason or "it breaks off"
        return SourceUnreachable(f"{where} speaks no TLS that is understood ({why}). Is it the port for TLS?")
    why = (error.verify_message or str(error)).rstrip(".")
    if "expired" in why:
        return SourceUnreachable(f"The certificate of {where} has expired. The agency has to renew it.")
    if "self" in why or "local issuer" in why:
        return SourceUnreachable(
            f"{where} has a certificate that nobody vouches for ({why}). Where that is meant, add its certificate "
            "with certificate: path, or self_signed: true."
        )
    return SourceUnreachable(
        f"{where} has a certificate that does not fit: {why}. Check the name of the host in the URL."
    )
