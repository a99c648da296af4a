"""Why a machine cannot be reached is told in words, never as a name of the program's."""

from __future__ import annotations

import errno
import socket
import ssl

import aiomqtt
import pytest

from simpul.console.language import translations
from simpul.console.said import SAID
from simpul.unreachable import why_unreachable


def untrusted() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate"
    return error


def wrapped(error: Exception) -> aiomqtt.MqttError:
    """Return what the library of the brokers makes of an error of the system."""
    try:
        try:
            raise error
        except OSError as inner:
            raise aiomqtt.MqttError(str(inner)) from None
    except aiomqtt.MqttError as outer:
        return outer


@pytest.mark.parametrize(("error", "told"), [
    (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "nothing listens at that address and port"),
    (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "nobody knows a machine of that name"),
    (ConnectionResetError(), "the connection was closed"), (BrokenPipeError(), "the connection was closed"),
    (OSError(errno.EHOSTUNREACH, "No route to host"), "the network has no way to that address"),
    (untrusted(), "its certificate is not trusted: self-signed certificate"),
    (ssl.SSLError(1, "WRONG_VERSION_NUMBER"), "it does not speak TLS as the hub does"),
    (TimeoutError(), "nothing answers at that address"), (OSError(), "the connection failed"),
    (OSError(errno.EMFILE, "Too many open files"), "Too many open files"),
    (wrapped(ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")),
     "nothing listens at that address and port"),
    (aiomqtt.MqttError("[code:135] Not authorized"), "it refuses the user or the password"),
    (aiomqtt.MqttError("[code:133] Client identifier not valid"), "Client identifier not valid"),
    (aiomqtt.MqttError(), "the connection failed"),
])  # fmt: skip
def test_what_went_wrong_is_told_in_words(error: Exception, told: str) -> None:
    assert why_unreachable(error) == told


def test_each_reason_has_its_words_in_indonesian() -> None:
    reasons = [
        one for one in SAID if one.startswith(("its ", "nothing ", "nobody ", "the network ", "the connection "))
    ]
    assert len(reasons) >= 8
    assert all(translations("id").ugettext(one) != one for one in reasons)
