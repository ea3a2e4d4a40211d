"""Mail addresses as staff write them."""

from __future__ import annotations

import re

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from scheduler.configuration.problems import quoted
from scheduler.configuration.schema import one_line, say

#: Addresses that the library takes as they are, at a tenth of the time; nearly all are written so. A test
#: compares the two.
_PLAIN = re.compile(
    r"[a-z0-9]{1,20}(?:[._+-][a-z0-9]{1,20}){0,2}"
    r"@(?:[a-z0-9]{1,15}(?:-[a-z0-9]{1,15}){0,3}\.){1,3}(?P<last>[a-z]{2,15})"
)


def read_address(value: object) -> str:
    """An address that is safe on the wire: ASCII, no comments, quoted local parts or address literals.

    A domain with other letters is turned into the ASCII form that mail servers know it by.
    """
    text = one_line(value)
    return text if is_plain(text) else _validated(text)


def is_plain(text: str) -> bool:
    found = _PLAIN.fullmatch(text)
    return found is not None and found["last"] not in SPECIAL_USE_DOMAIN_NAMES


def _validated(text: str) -> str:
    try:
        address = validate_email(text, check_deliverability=False, allow_smtputf8=False, strict=True)
    except EmailNotValidError as error:
        say(f"{quoted(text)} is no mail address", str(error))
    return str(address.ascii_email)
