"""Whatever people write, a calendar keeps its lines, its properties and the text itself."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.ical.events import Revision, Words, session_event
from scheduler.ical.feeds import feed_item, render_feed
from scheduler.ical.invitations import Method, build_invitation
from tests.cast import at
from tests.ical.reading import LINES, NETWORK, TEXTS, common_name, lines, names, texts, the_event, the_session

NOW = at("2027-05-17T09:00:00+00:00")
SESSION = the_session()


def feed(name: str, words: Words) -> bytes:
    event = session_event(SESSION, SESSION.uid(NETWORK), 0, words)
    return render_feed(name, [feed_item(event, Revision(0, NOW))])


def invitation(words: Words, name: str) -> bytes:
    made = build_invitation(SESSION, Method.REQUEST, 0, NETWORK, words)
    return made.addressed_to(name, "city@medellin.example", NOW)


@given(title=LINES, text=TEXTS.filter(bool), place=LINES.filter(bool), name=LINES)
@settings(max_examples=75, deadline=None)
def test_any_text_comes_back_from_a_feed(title: str, text: str, place: str, name: str) -> None:
    octets = feed(name, Words(title, text, place))

    event = the_event(octets)
    assert (event["summary"], event["description"], event["location"]) == (title, text, place)
    assert texts(octets, "NAME") == texts(octets, "X-WR-CALNAME") == [name]


@given(title=LINES, text=TEXTS.filter(bool), name=LINES.filter(bool))
@settings(max_examples=75, deadline=None)
def test_any_text_comes_back_from_an_invitation(title: str, text: str, name: str) -> None:
    octets = invitation(Words(title, text), name)

    event = the_event(octets)
    assert (event["summary"], event["description"]) == (title, text)
    assert common_name(octets) == name


@given(title=LINES, text=TEXTS.filter(bool), name=LINES.filter(bool))
@settings(max_examples=60, deadline=None)
def test_no_text_adds_a_property(title: str, text: str, name: str) -> None:
    words = Words(title, text)

    assert names(feed(name, words)) == names(feed("A", Words("B", "C")))
    assert names(invitation(words, name)) == names(invitation(Words("B", "C"), "A"))


@given(text=st.text(st.sampled_from("\\,;n\nß漢😀 x"), max_size=300), at_most=st.integers(0, 80))
@settings(max_examples=75, deadline=None)
def test_no_line_is_longer_than_75_octets(text: str, at_most: int) -> None:
    """`lines` holds it, and that every line is text by itself."""
    assert lines(feed("x" * at_most, Words("x" * at_most + text, text)))


@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r", "\r\n "])
def test_a_line_end_cannot_be_smuggled_in(line_end: str) -> None:
    """Descriptions are the one text that may have lines."""
    evil = f"x{line_end}ATTENDEE:mailto:evil@x.example{line_end}END:VEVENT{line_end}BEGIN:VALARM"

    octets = feed(evil, Words(evil, evil, evil))

    assert names(octets) == names(feed("A", Words("B", "C", "D")))
