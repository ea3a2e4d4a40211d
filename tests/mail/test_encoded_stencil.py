"""What is encoded beforehand comes out as if it had been encoded afterwards."""

from __future__ import annotations

import html
from base64 import encodebytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.mail.encoded_stencil import EncodedStencil
from scheduler.mail.transfer import in_base64
from scheduler.stencil import Stencil, mark

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
#: Fixed parts that are long enough to be encoded beforehand, and some that are not.
FIXED = st.one_of(TEXT, st.builds(lambda text, times: (text or "é") * times, TEXT, st.integers(100, 300)))


def wrapped(octets: bytes) -> bytes:
    return encodebytes(octets).replace(b"\n", b"\r\n")


@pytest.mark.parametrize("lines", [0, 1, 2, 255, 256, 257, 512, 700])
@pytest.mark.parametrize("more", [0, 1, 2, 3, 56])
def test_base64_has_the_lines_of_the_library(lines: int, more: int) -> None:
    octets = bytes(number % 251 for number in range(57 * lines + more))

    assert in_base64(octets) == wrapped(octets)


@given(st.lists(FIXED, min_size=3, max_size=3), TEXT, TEXT, st.sampled_from([str, html.escape]))
@settings(max_examples=150, deadline=None)
def test_it_is_the_same_as_filled_and_encoded(fixed: list[str], one: str, other: str, encode: type) -> None:
    text = f"{fixed[0]}{mark('city')}{fixed[1]}{mark('feed')}{mark('city')}{fixed[2]}"
    stencil = Stencil.cut(text, encode)
    values = {"city": one, "feed": other}

    assert EncodedStencil.of(stencil).fill(values) == wrapped(stencil.fill(values).encode())


def test_a_value_may_end_at_any_place_of_a_line() -> None:
    stencil = Stencil.cut(f"{'a' * 200}{mark('city')}{'b' * 301}{mark('city')}{'c' * 302}")
    encoded = EncodedStencil.of(stencil)

    for length in range(2 * 57):
        values = {"city": "x" * length}
        assert encoded.fill(values) == wrapped(stencil.fill(values).encode())


def test_a_text_without_marks_is_encoded_as_it_is() -> None:
    assert EncodedStencil.of(Stencil.cut("é" * 500)).fill({}) == wrapped(("é" * 500).encode())
