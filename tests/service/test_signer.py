"""Addresses that are in people's hands stay valid only while the signature is just this one."""

from __future__ import annotations

import hmac
from base64 import b32encode

from hypothesis import given
from hypothesis import strategies as st

from scheduler.service.signer import Signer


@given(st.binary(max_size=100), st.lists(st.text(max_size=20), max_size=3))
def test_a_token_is_the_hmac_of_the_library_in_base32(key: bytes, words: list[str]) -> None:
    octets = "\n".join(words).encode("utf-8", "surrogatepass")

    signature = hmac.digest(key, octets, "sha256")[:20]

    assert Signer(key).token(*words) == b32encode(signature).decode().lower()
