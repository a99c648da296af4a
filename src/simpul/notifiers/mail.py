"""Sends a message as e-mail, over TLS only (SMTP, RFC 5321 and 3207). No retries here."""

from __future__ import annotations

import asyncio
import secrets
import smtplib
import socket
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from simpul.addresses import Addresses, AddressRefused
from simpul.declared_tls import believe
from simpul.domain.errors import SourceMisconfigured
from simpul.named_tls import NamedContext
from simpul.ports.notifier import Delivery, Message
from simpul.unreachable import why_unreachable

_ID_BYTES = 16
# Submission with TLS from the first byte, and with STARTTLS (RFC 8314 §3.3).
_PORTS = {"smtps": 465, "smtp": 587}


class MailNotifier:
    """The `Notifier` port over smtplib: one connection for each message. Its options say from, to, subject and user."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses

    async def send(self, message: Message) -> Delivery:
        parts = urlsplit(message.uri)
        try:
            addresses = await self._addresses.find_all(parts.hostname or "", parts.port or _PORTS[parts.scheme])
            await asyncio.to_thread(_submit, addresses[0], parts, message)
        except AddressRefused as error:
            return Delivery(f"It was not sent: {error}.", is_refused=True)
        except smtplib.SMTPException as error:
            return _delivery_of(error)
        except TimeoutError:
            return Delivery(f"The mail server did not answer within {message.timeout_seconds:g} s.")
        except SourceMisconfigured as error:
            return Delivery(error.detail)
        except OSError as error:
            return Delivery(f"The mail server could not be reached ({why_unreachable(error)}).")
        return Delivery()

    async def close(self) -> None:
        """Nothing stays open."""


def _delivery_of(error: smtplib.SMTPException) -> Delivery:
    """Return what became of a message that the server did not take."""
    match error:
        case smtplib.SMTPAuthenticationError():
            return Delivery("The mail server does not know the user and the password.", is_denied=True)
        case smtplib.SMTPNotSupportedError():
            return Delivery("The mail server offers no TLS, or no way to sign in.", is_refused=True)
        case smtplib.SMTPRecipientsRefused():
            return Delivery(f"The mail server refuses {', '.join(error.recipients)}.", is_refused=True)
        case smtplib.SMTPResponseException():
            return Delivery(f"The mail server answered with code {error.smtp_code}.")
        case _:
            return Delivery("The mail server broke off.")


def _submit(address: str, parts: SplitResult, message: Message) -> None:
    host, port, options = parts.hostname or "", parts.port or _PORTS[parts.scheme], message.options
    tls = NamedContext.of(host)
    certificate = options.get("certificate")
    believe(tls, None if certificate is None else Path(certificate), is_self_signed=False)
    # Under its own name: to look the machine's whole name up may take long.
    with _connect(address, port, parts.scheme, tls, message.timeout_seconds) as server:
        if parts.scheme == "smtp":
            server.starttls(context=tls)
        if "user" in options:
            server.login(options["user"], options["password"])
        server.send_message(_written(message))


def _connect(address: str, port: int, scheme: str, tls: ssl.SSLContext, seconds: float) -> smtplib.SMTP:
    name = socket.gethostname()
    if scheme == "smtps":
        return smtplib.SMTP_SSL(address, port, name, timeout=seconds, context=tls)
    return smtplib.SMTP(address, port, name, timeout=seconds)


def _written(message: Message) -> EmailMessage:
    mail, options = EmailMessage(), message.options
    mail["From"], mail["To"], mail["Subject"] = options["from"], options["to"], options["subject"]
    mail["Date"] = datetime.now(UTC)
    mail["Message-ID"] = f"<{secrets.token_hex(_ID_BYTES)}@{options['from'].rpartition('@')[2]}>"
    # Nobody's absence is to answer it (RFC 3834 §5).
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.body.decode())
    return mail
