"""A text that is the same for many, with each reader's own values joined in."""

from __future__ import annotations

import html

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.stencil import Stencil, mark

VALUES = st.text(st.characters(exclude_categories=["Cs"]))


def test_a_value_stands_where_its_mark_stood() -> None:
    stencil = Stencil.cut(f"Dear {mark('city')}, see {mark('feed')}.")

    assert stencil.fill({"city": "Cork", "feed": "https://x.example"}) == "Dear Cork, see https://x.example."


def test_a_mark_may_stand_twice() -> None:
    assert Stencil.cut(f"{mark('city')}{mark('city')}").fill({"city": "Cork"}) == "CorkCork"


def test_a_text_without_marks_is_itself() -> None:
    assert Stencil.cut("Dear all").fill({}) == "Dear all"


def test_a_value_is_encoded_for_its_place() -> None:
    assert Stencil.cut(f"<b>{mark('city')}</b>", html.escape).fill({"city": "<&>"}) == "<b>&lt;&amp;&gt;</b>"


def test_what_is_fixed_is_not_encoded_again() -> None:
    assert Stencil.cut(f"&amp; {mark('city')}", html.escape).fill({"city": "x"}) == "&amp; x"


@given(value=VALUES, other=VALUES)
@settings(deadline=None)
def test_a_value_is_never_read_as_a_mark(value: str, other: str) -> None:
    stencil = Stencil.cut(f"{mark('city')}|{mark('feed')}")

    assert stencil.fill({"city": mark("feed") + value, "feed": other}) == f"{mark('feed')}{value}|{other}"


def test_filling_leaves_the_stencil_as_it_was() -> None:
    stencil = Stencil.cut(f"Dear {mark('city')}")
    stencil.fill({"city": "Cork"})

    assert stencil.fill({"city": "Doha"}) == "Dear Doha"


def test_a_value_that_is_missing_is_said_aloud() -> None:
    with pytest.raises(KeyError, match="feed"):
        Stencil.cut(mark("feed")).fill({"city": "Cork"})
