"""What can be wrong with a broker, in our words. Messages hold no user and no password."""

from __future__ import annotations

import ssl

from simpul.declared_tls import refused_tls
from simpul.domain.errors import SourceError, SourceMismatch, SourceUnreachable
from simpul.unreachable import why_unreachable

_REFUSALS = ("not authorized", "bad user name or password", "not authorised", "banned")


def unreachable(where: str, error: BaseException) -> SourceUnreachable:
    """Return the error for a broker that no connection can be made to."""
    if isinstance(error, ssl.SSLError):
        return refused_tls(where, error)
    return SourceUnreachable(
        f"{where} cannot be reached ({why_unreachable(error)}). Check host and port, and that the broker runs."
    )


def slow(where: str, seconds: float) -> SourceUnreachable:
    """Return the error for a broker that does not answer."""
    return SourceUnreachable(f"{where} did not answer within {seconds:g} s. Is it an MQTT broker, and does it run?")


def refused(where: str, reason: str) -> SourceError:
    """Return the error for a broker that does not let us in."""
    if reason.casefold() in _REFUSALS:
        return SourceUnreachable(
            f"{where} refuses us ({reason.lower()}). Check 'auth', the secret behind it, and what the broker allows."
        )
    if "protocol version" in reason.casefold():
        return SourceMismatch(f"{where} speaks another version of MQTT; write version: '3.1.1'.")
    return SourceUnreachable(f"{where} refuses the connection: {reason.lower()}. Ask whoever runs the broker.")


def no_subscription(where: str, reason: str) -> SourceUnreachable:
    """Return the error for topics that we may not read."""
    return SourceUnreachable(
        f"{where} does not let us subscribe to the topics ({reason.lower()}). Check 'topics' and the user's rights."
    )


def lost(where: str, reason: str) -> SourceUnreachable:
    """Return the error for a connection that broke, or was ended."""
    if "taken over" in reason.casefold():
        return SourceUnreachable(
            f"{where} has given our place to another program with the same 'client'. Give each source its own."
        )
    # Many brokers end the connection of whom they throw out without a word.
    told = f" ({reason.lower()})" if reason and "unspecified" not in reason.casefold() else ""
    return SourceUnreachable(
        f"The connection to {where} broke off{told}. What was not taken over waits there and comes in the next run. "
        "If that happens again and again, another program uses the same 'client'."
    )


def nothing_heard(where: str, seconds: float) -> SourceMismatch:
    """Return the error for a broker from which no message came while it was listened to."""
    return SourceMismatch(
        f"{where} sent nothing of these topics within {seconds:g} s, so nothing can be proposed. Is the topic right, "
        "and may this user read it? Where devices report more seldom, listen again, or write the source by hand."
    )


def not_mqtt(where: str) -> SourceMismatch:
    """Return the error for bytes that are no MQTT."""
    return SourceMismatch(f"{where} answers with what is no MQTT. Check host and port.")


def too_many_topics(where: str, most: int) -> SourceMismatch:
    """Return the error for a flood of topics."""
    return SourceMismatch(
        f"{where} sends messages of more than {most:,} topics. Write narrower 'topics', or divide the source; what was "
        "not taken over waits there."
    )
