"""Headers hold whatever a title or a name says, and not one line more (CVE-2024-6923 and its kin)."""

from __future__ import annotations

import re
from base64 import b64decode
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import parseaddr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.errors import MessageRefused
from scheduler.mail import headers
from tests.mail.desk import HOSTILE

ADDRESS = "city@medellin.example"
NAMES = ["From", "To", "Subject", "Message-ID"]


def block(text: str) -> bytes:
    """A header with a text at each place where people's texts stand."""
    return headers.head(
        [
            ("From", headers.mailbox(text, "webinars@learning-cities.example")),
            ("To", headers.mailbox(text, ADDRESS)),
            ("Subject", headers.unstructured("Subject", text)),
            ("Message-ID", "<1@learning-cities.example>"),
        ]
    )


def decoded(value: str) -> str:
    return str(make_header(decode_header(value.replace("\r\n", ""))))


def squeezed(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:30])
@pytest.mark.parametrize("rules", [policy.default, policy.compat32], ids=["default", "compat32"])
def test_the_headers_are_those_that_were_meant(text: str, rules: policy.Policy) -> None:
    message = message_from_bytes(block(text) + b"\r\nbody", policy=rules)

    assert message.keys() == NAMES
    assert message.get_payload() == "body"
    assert not message.defects


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:30])
def test_a_subject_comes_back_as_it_was(text: str) -> None:
    raw = message_from_bytes(block(text))["Subject"]
    read = message_from_bytes(block(text), policy=policy.default)["Subject"]

    assert decoded(raw) == text
    assert str(read) == text


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:30])
def test_a_name_comes_back_as_it_was(text: str) -> None:
    raw = message_from_bytes(block(text))["To"]

    name, address = parseaddr(raw.replace("\r\n", ""))

    assert decoded(name) == text
    assert address == ADDRESS


@pytest.mark.parametrize("text", [text for text in HOSTILE if not re.search("[\r\n]", text)], ids=ascii)
def test_there_is_one_address_whatever_the_name(text: str) -> None:
    """The library's own reader tidies blanks, and refuses names with line ends altogether."""
    read = message_from_bytes(block(text), policy=policy.default)["To"]

    (only,) = read.addresses
    assert only.addr_spec == ADDRESS
    assert squeezed(only.display_name) == squeezed(text)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:30])
def test_no_line_is_long(text: str) -> None:
    assert max(map(len, block(text).split(b"\r\n"))) <= 76


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:30])
def test_an_encoded_word_is_short(text: str) -> None:
    """RFC 2047, section 2."""
    words = re.findall(r"=\?utf-8\?b\?[^ \r\n]*\?=", block(text).decode())

    assert max(map(len, words), default=0) <= 75


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:30])
def test_an_encoded_word_has_whole_characters(text: str) -> None:
    """RFC 2047, section 5: each is text by itself."""
    words = re.findall(r"=\?utf-8\?b\?([^ \r\n]*)\?=", block(text).decode())

    assert "".join(b64decode(word).decode() for word in words) in ("", text * 2, text * 3)


def test_a_plain_subject_stays_readable() -> None:
    assert headers.unstructured("Subject", "Reminder, tomorrow: A session") == "Reminder, tomorrow: A session"


def test_a_plain_name_stays_readable() -> None:
    assert headers.mailbox("'s-Hertogenbosch", ADDRESS) == f"'s-Hertogenbosch\r\n <{ADDRESS}>"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_text_comes_back(text: str) -> None:
    message = message_from_bytes(block(text) + b"\r\nbody")

    assert message.keys() == NAMES
    assert decoded(message["Subject"]) == text
    assert decoded(parseaddr(message["To"].replace("\r\n", ""))[0]) == text


@pytest.mark.parametrize(
    "value", ["x\r\nBcc: y", "x\nBcc: y", "x\ry", "x\r\n\r\ny", "x\x00y", "x\x0by", "é", "x\r\n"]
)
def test_a_value_that_was_not_encoded_is_refused(value: str) -> None:
    with pytest.raises(MessageRefused):
        headers.head([("To", "a@b.example"), ("X-Raw", value)])
