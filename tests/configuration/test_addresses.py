"""Addresses that are taken at once are those that the library takes as they are."""

from __future__ import annotations

from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given
from hypothesis import strategies as st

from scheduler.configuration.addresses import is_plain

PARTS = st.text(alphabet="ab0.-_+@x", min_size=1, max_size=12)
ENDS = st.sampled_from(["example", "de", "org", "test", "local", "arpa", "invalid", "onion", "c0m", "x"])


@given(local=PARTS, domain=PARTS, end=ENDS)
@example(local="learningcity", domain="porto-novo", end="example")
def test_what_is_plain_is_valid_as_it_stands(local: str, domain: str, end: str) -> None:
    address = f"{local}@{domain}.{end}"

    assert not is_plain(address) or _valid(address) == address


def test_the_addresses_of_most_cities_are_plain() -> None:
    assert is_plain("learningcity@sao-filipe.example")
    assert is_plain("cidade.educadora@cm-loule.gov.pt")


def _valid(address: str) -> str:
    try:
        found = validate_email(address, check_deliverability=False, allow_smtputf8=False, strict=True)
    except EmailNotValidError as error:
        return str(error)
    return str(found.ascii_email)
