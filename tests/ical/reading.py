"""Calendars taken apart: by icalendar, and by a few lines of our own, which forgive nothing."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from hypothesis import strategies as st
from icalendar import Calendar

from scheduler.languages import Language
from scheduler.model.programme import Occurrence, occurrences_of
from scheduler.model.series import Series
from tests.cast import a_series, a_session, real

EN = Language("en")
NETWORK = real().network

#: What the configuration lets through on one line: no controls, separators, halves of pairs, marks.
CHARACTERS = st.characters(
    exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters=("\ue000", "\ue001"), codec="utf-8"
)
#: Real words, and the signs that mean something to some format.
LINES = st.lists(
    st.one_of(
        st.text(CHARACTERS, max_size=40),
        st.sampled_from(
            ["\\", "\\n", "\\;", ";", ",", ":", '"', "^", "^n", "^'", "BEGIN:VEVENT", "İzmir", "Sa Đéc"]
        ),
    ),
    max_size=12,
).map("".join)
#: Texts of several lines, such as a description.
TEXTS = st.lists(LINES, min_size=1, max_size=4).map("\n".join)


def the_session(**changes: object) -> Occurrence:
    """The session of the cast, with changes."""
    return session_of(a_series(a_session(**changes)))


def session_of(series: Series) -> Occurrence:
    """The one session of a series."""
    (occurrence,) = occurrences_of(series)
    return occurrence


def lines(octets: bytes) -> list[str]:
    """Content lines, unfolded; every physical line must be text by itself, short, and end with CRLF."""
    physical = octets.split(b"\r\n")
    assert physical.pop() == b""
    assert all(len(line) <= 75 for line in physical)
    assert not any(b"\r" in line or b"\n" in line for line in physical)
    return re.split("\r\n(?! )", "\r\n".join(line.decode() for line in physical)) if physical else []


def unfolded(octets: bytes) -> list[str]:
    return [line.replace("\r\n ", "") for line in lines(octets)]


def names(octets: bytes) -> Counter[str]:
    """How often each property and component stands there."""
    found = (re.match("[A-Z-]+", line) for line in unfolded(octets))
    return Counter(match.group() for match in found if match)


def texts(octets: bytes, name: str) -> list[str]:
    """The values of a TEXT property, read by the letter of RFC 5545, section 3.3.11."""
    found = (line.removeprefix(f"{name}:") for line in unfolded(octets) if line.startswith(f"{name}:"))
    return [
        re.sub(r"\\([\\;,nN])", lambda match: "\n" if match[1] in "nN" else match[1], text) for text in found
    ]


def common_name(octets: bytes) -> str:
    """CN of the attendee, read by the letter of RFC 6868. icalendar loses the backslash of "\\:" there."""
    (line,) = (line for line in unfolded(octets) if line.startswith("ATTENDEE;"))
    quoted = re.fullmatch('ATTENDEE(?:;[A-Z]+=[A-Z-]+)*;CN="([^"]*)":mailto:[a-z0-9@.-]+', line)
    assert quoted
    return re.sub("\\^([n'^])", lambda match: {"n": "\n", "'": '"', "^": "^"}[match[1]], quoted[1])


def parsed(octets: bytes) -> Any:
    return Calendar.from_ical(octets)


def the_event(octets: bytes) -> Any:
    (event,) = parsed(octets).walk("VEVENT")
    return event
