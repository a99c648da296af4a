"""Attachments of messages are those that the standard library finds, whatever they hold and however they are packed."""

from __future__ import annotations

from contextlib import suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simpul.formats.mail_parts import MailBroken, MessageReading

NAMES = st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=20).map("{}.csv".format)
CONTENTS = st.one_of(st.binary(max_size=300), st.sampled_from([b"", b"\n", b"--\r\n", b"a\r\n\r\n", b"x" * 200_000]))
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r", exclude_categories=["Cs", "Cc"]), max_size=300)


def found(message: bytes) -> list[tuple[str, bytes]]:
    reading = MessageReading(BytesIO(message))
    return [(name, b"".join(content)) for name, content in reading.attachments(lambda _: True)]


@given(st.lists(st.tuples(NAMES, CONTENTS), max_size=4), st.lists(st.tuples(NAMES, TEXTS), max_size=3), st.booleans())
def test_what_was_attached_is_found_again(
    files: list[tuple[str, bytes]], texts: list[tuple[str, str]], is_nested: bool
) -> None:
    message = EmailMessage()
    message.set_content("Terlampir.\n")
    if is_nested:
        message.add_alternative("<p>Terlampir.</p>", subtype="html")
    for name, content in files:
        message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    for name, text in texts:
        message.add_attachment(text, filename=name)
    for line_end in ("\n", "\r\n"):
        packed = message.as_bytes(policy=policy.default.clone(linesep=line_end))
        known = message_from_bytes(packed, policy=policy.default)
        wanted = [(part.get_filename(), part.get_payload(decode=True)) for part in known.iter_attachments()]
        assert found(packed) == wanted


@given(st.binary(max_size=2_000), st.sampled_from([b"", b"x", b"--x\r\n", b"--x--"]))
def test_whatever_comes_is_taken_apart_or_refused(content: bytes, between: bytes) -> None:
    head = b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n'
    for message in (content, head + content, head + between + content + between):
        with suppress(MailBroken):
            found(message)


@given(st.binary(min_size=1, max_size=3_000), st.integers(1, 200))
def test_a_message_that_is_cut_is_refused(content: bytes, cut: int) -> None:
    message = EmailMessage()
    message.set_content("Terlampir.")
    message.add_attachment(content, maintype="application", subtype="octet-stream", filename="a.csv")
    whole = message.as_bytes().rstrip()
    with pytest.raises(MailBroken):
        found(whole[: -min(cut, 60)])
