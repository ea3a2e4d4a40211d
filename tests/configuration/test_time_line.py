"""`when:` as colleagues wrote it: understood whole, or refused with reason and column (US-01, US-02, US-04).

Clocks: Hamburg is at UTC+2 from 29 March to 25 October 2020, from 31 March to 27 October 2024, from 30 March
to 26 October 2025; EAT is UTC+3, SAST UTC+2, Korea UTC+9 all year.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.configuration.problems import Place, Problems
from scheduler.configuration.time_line import LONGEST_LINE, on_date, read_line
from scheduler.configuration.vocabulary import Vocabulary
from scheduler.model import times
from scheduler.model.programme import occurrences_of
from scheduler.model.series import Series
from tests.cast import member, open_house
from tests.configuration.desk import Desk, real_network

WITH_WHEN = """\
id: talks
title: Talks among cities
audience: World
sessions:
  - id: opening
    date: {on}
    when: "{text}"
"""
#: Where the text begins in that file, without the quotation mark.
COLUMN = 12

NO_END = "no end is written, so 60 minutes count; write the end too"
PM = '"13:00 PM" is read as 13:00; write hours from 0 to 24 without PM'
CET_IN_APRIL = (
    '"CET" on {on} is said of a summer date: 13:00 is 11:00 UTC by the clock of Europe/Berlin, '
    "12:00 UTC taken literally (UTC+01:00); network.yaml says Europe/Berlin, so 11:00 UTC it is"
)
OVERNIGHT = 'for one that runs over midnight write "next day" behind it'
LIKE_THIS = 'write hours and a zone, such as "13:00–14:30 Europe/Berlin"'


def read(desk: Desk, text: str, on: str = "2020-04-22", words: dict[str, str] | None = None) -> Series | None:
    """The series with that line; afterwards `desk.said` has what is more than a note."""
    vocabulary = real_network()[1] if words is None else replace(real_network()[1], zone_labels=words)
    series = desk.series(WITH_WHEN.format(on=on, text=text), vocabulary)
    desk.said = [said for said in desk.said if ": note: " not in said]
    return series


def hours(series: Series | None) -> tuple[str, str]:
    """Start and end in UTC."""
    assert series is not None
    (occurrence,) = occurrences_of(series)
    assert occurrence.starts_at
    assert occurrence.ends_at
    return f"{occurrence.starts_at:%H:%M}", f"{occurrence.ends_at:%H:%M}"


def at_column(column: int, severity: str, sentence: str) -> str:
    return f"file.yaml:7:{COLUMN + column}: {severity}: {sentence}"


# the table of story US-02

UNDERSTOOD = [
    (
        "13:00 PM CET Amsterdam, Berlin, Rome, Stockholm, Vienna",
        "2020-04-01",
        ("13:00", None, "Europe/Berlin"),
        ("11:00", "12:00"),
        [(0, PM), (0, NO_END), (9, CET_IN_APRIL.format(on="2020-04-01"))],
    ),
    (
        "13:00-14:00h CET",
        "2020-04-22",
        ("13:00", "14:00", "Europe/Berlin"),
        ("11:00", "12:00"),
        [(13, CET_IN_APRIL.format(on="2020-04-22"))],
    ),
    (
        "13:00–14:30,Central European Time",
        "2020-10-21",
        ("13:00", "14:30", "Europe/Berlin"),
        ("11:00", "12:30"),
        [(12, CET_IN_APRIL.format(on="2020-10-21").replace("CET", "Central European Time"))],
    ),
    (
        "13:00–14:30 Central European Time",
        "2020-11-18",
        ("13:00", "14:30", "Europe/Berlin"),
        ("12:00", "13:30"),
        [],
    ),
    (
        "13.00-14.00h CET",
        "2020-06-03",
        ("13:00", "14:00", "Europe/Berlin"),
        ("11:00", "12:00"),
        [(13, CET_IN_APRIL.format(on="2020-06-03"))],
    ),
    ("12:30 to 14:00h CET", "2024-02-14", ("12:30", "14:00", "Europe/Berlin"), ("11:30", "13:00"), []),
    ("13:00-14:00 (CET/CEST)", "2024-07-17", ("13:00", "14:00", "Europe/Berlin"), ("11:00", "12:00"), []),
    ("18.00-20.00 GMT+9", "2021-10-27", ("18:00", "20:00", "+09:00"), ("09:00", "11:00"), []),
    (
        "13:00 to 15:00 (SAST) 14:00 - 16:00 (EAT)",
        "2024-11-12",
        ("13:00", "15:00", "Africa/Johannesburg"),
        ("11:00", "13:00"),
        [],
    ),
    (
        "12 EAT (at 11h Germany time)",
        "2025-06-05",
        ("12:00", None, "Africa/Nairobi"),
        ("09:00", "10:00"),
        [(0, NO_END)],
    ),
    (
        "12:30 PM - 2:00 PM GMT (Mali and Togo Time)",
        "2020-04-22",
        ("12:30", "14:00", "UTC"),
        ("12:30", "14:00"),
        [],
    ),
]


@pytest.mark.parametrize(("text", "on", "kept", "utc", "warnings"), UNDERSTOOD)
def test_a_line_from_the_wild_is_understood(
    desk: Desk,
    text: str,
    on: str,
    kept: tuple[str, str | None, str],
    utc: tuple[str, str],
    warnings: list[tuple[int, str]],
) -> None:
    series = read(desk, text, on)

    assert hours(series) == utc
    assert series
    one = series.sessions[0]
    assert (f"{one.start:%H:%M}", one.end and f"{one.end:%H:%M}", one.zone) == kept
    assert desk.said == sorted(at_column(column, "warning", said) for column, said in warnings)


REFUSED = [
    (
        "11:00 - 23:30",
        "2020-04-22",
        [
            (
                0,
                "11:00–23:30 lasts 12 h 30 min, longer than a day's work; "
                "if that is meant, write start and end",
            ),
            (0, "no zone stands behind 11:00–23:30; write one, such as Europe/Berlin, or zone: beside it"),
        ],
    ),
    (
        "12 EAT (at 11h Germany time)",
        "2025-12-05",
        [
            (
                11,
                'the two contradict each other on 2025-12-05: the start is 09:00 UTC by "12:00 EAT", '
                '10:00 UTC by "11:00 Germany time"; keep the one that is right',
            )
        ],
    ),
    (
        "13:00 IST",
        "2020-04-22",
        [(6, 'zone "IST" may mean India, Israel or Ireland; write a place such as Asia/Kolkata')],
    ),
    ("2:00-1:00 CET", "2020-04-22", [(5, f"01:00 is no end for a start at 02:00; {OVERNIGHT}")]),
    # and what else people write
    ("13:00 Berln", "2020-04-22", [(6, '"Berln" is not understood; did you mean "Berlin"?')]),
    ("22 April, 13:00 CET", "2020-04-22", [(3, f'"April" is not understood; {LIKE_THIS}')]),
    ("CET 13:00", "2020-04-22", [(0, f'"CET" stands where an hour is needed; {LIKE_THIS}')]),
    ("in the afternoon", "2020-04-22", [(0, f'"in" is not understood; {LIKE_THIS}')]),
    ("13:00 @ Berlin", "2020-04-22", [(6, f'"@" cannot stand here; {LIKE_THIS}')]),
    ("13:00 – 14:00 – 15:00 UTC", "2020-04-22", [(14, f'"–" cannot stand here; {LIKE_THIS}')]),
    ("13:00 – UTC", "2020-04-22", [(8, f'"UTC" stands where an hour is needed; {LIKE_THIS}')]),
    ("13:00 –", "2020-04-22", [(7, f"an hour is missing here; {LIKE_THIS}")]),
    ("13:65 UTC", "2020-04-22", [(0, '"13:65" is no time of day; write an hour from 0:00 to 24:00')]),
    ("25 UTC", "2020-04-22", [(0, '"25" is no time of day; write an hour from 0:00 to 24:00')]),
    (
        "13:00 AM UTC",
        "2020-04-22",
        [(0, '"13:00 AM" is no hour of the day; write hours from 0 to 24, or AM or PM behind both')],
    ),
    (
        "9 AM - 11 UTC",
        "2020-04-22",
        [
            (
                7,
                '"9 AM" has AM behind it, "11" has not; write hours from 0 to 24, or AM or PM behind both',
            )
        ],
    ),
    ("13:00-14:00 (UTC", "2020-04-22", [(12, "a bracket opens here and never closes; close it")]),
    (
        "13:00, 14:30 UTC",
        "2020-04-22",
        [(0, "no zone stands behind 13:00; write one to each of the two")],
    ),
    (
        "13:00 UTC, 14:30",
        "2020-04-22",
        [(11, "no zone stands behind 14:30; write one, or leave it out")],
    ),
    (
        "12 EAT (11:00-12:30 CEST)",
        "2020-04-22",
        [(8, "11:00–12:30 has an end, 12:00 has none; write it behind the first hours too")],
    ),
    ("13:00 (+1) UTC", "2020-04-22", [(0, "the next day is named, but no end; write the end")]),
    (
        "10:00 GMT-11:00",
        "2020-04-22",
        [
            (
                6,
                '"GMT-11:00" may name a zone, or hold the end of the session; '
                "write the end before the zone, or blanks around the dash",
            )
        ],
    ),
    (
        "13:00-14:00 CET, London",
        "2020-11-18",
        [
            (
                17,
                '"London" has another clock than "CET" on 2020-11-18: 13:00 is 13:00 UTC there, '
                '12:00 UTC by "CET"; keep the one that is right',
            )
        ],
    ),
    (
        "13:00 CEST",
        "2020-11-18",
        [
            (
                6,
                '"CEST" is not the time of 2020-11-18: 13:00 is 12:00 UTC by the clock of Europe/Berlin, '
                "11:00 UTC taken literally (UTC+02:00); write Europe/Berlin, or UTC+02:00",
            )
        ],
    ),
    (
        "13:00 Brazil time",
        "2020-04-22",
        [
            (
                6,
                '"Brazil time" has several clocks: 13:00 on 2020-04-22 is 16:00 UTC in America/Sao_Paulo, '
                "15:00 UTC in America/Noronha; write a place such as America/Sao_Paulo",
            )
        ],
    ),
    (
        "02:30-03:30 Hamburg time",
        "2027-03-28",
        [
            (
                0,
                "2027-03-28 02:30 does not exist (the clocks go forward over it) in Europe/Berlin; "
                "write another hour, or another zone",
            )
        ],
    ),
    (
        "01:00-02:00 Germany time",
        "2027-10-31",
        [
            (
                0,
                "2027-10-31 02:00 exists twice (the clocks go back over it) in Europe/Berlin; "
                "write another hour, or another zone",
            )
        ],
    ),
    (
        "13:00" + " " * LONGEST_LINE + "UTC",
        "2020-04-22",
        [(0, f"this is too long for a time line; {LIKE_THIS}")],
    ),
]


@pytest.mark.parametrize(("text", "on", "errors"), REFUSED)
def test_a_line_that_is_not_whole_is_refused(
    desk: Desk, text: str, on: str, errors: list[tuple[int, str]]
) -> None:
    """Each with the reason and the column; nothing of it is taken."""
    series = read(desk, text, on)

    assert series is None
    assert [said for said in desk.said if NO_END not in said] == [
        at_column(column, "error", said) for column, said in errors
    ]


@pytest.mark.parametrize(
    ("text", "on", "utc"),
    [
        ("1-2 PM EAT", "2020-04-22", ("10:00", "11:00")),
        ("11-1 PM UTC", "2020-04-22", ("11:00", "13:00")),
        ("00:30 AM – 1:30 AM UTC", "2020-04-22", ("00:30", "01:30")),
        ("12 AM – 1 AM UTC", "2020-04-22", ("00:00", "01:00")),
        ("12:30 p.m. to 2 p.m. UTC", "2020-04-22", ("12:30", "14:00")),
        ("13h30–15h UTC", "2020-04-22", ("13:30", "15:00")),
        ("13 Uhr bis 14 Uhr UTC", "2020-04-22", ("13:00", "14:00")),
        ("12:30-13:30Z", "2020-04-22", ("12:30", "13:30")),
        ("from 13:00 until 14:00 UTC", "2020-04-22", ("13:00", "14:00")),
        ("10:00 GMT – 11:00 GMT", "2020-04-22", ("10:00", "11:00")),
        ("13:00-14:00 UTC+5:45", "2020-04-22", ("07:15", "08:15")),
        ("13:00-14:00 UTC−3:30", "2020-04-22", ("16:30", "17:30")),
        ("13:00-14:00 UTC-3", "2020-04-22", ("16:00", "17:00")),
        ("13:00-14:00 +02:00", "2020-04-22", ("11:00", "12:00")),
        ("13:00-14:00 Europe/Berlin", "2020-04-22", ("11:00", "12:00")),
        ("13:00-14:00 Hamburg time (CEST, UTC+2)", "2020-04-22", ("11:00", "12:00")),
        ("13:00-14:00 São Paulo", "2020-04-22", ("16:00", "17:00")),
        ("13:00-14:00 South Korea", "2020-04-22", ("04:00", "05:00")),
        ("13:00-14:00 CEST / 11:00-12:00 UTC", "2020-04-22", ("11:00", "12:00")),
        ("19:00-20:00 COT (02:00-03:00 CEST, the next day)", "2020-04-22", ("00:00", "01:00")),
        ("23:00-01:00 UTC (next day)", "2020-04-22", ("23:00", "01:00")),
        ("23:00-01:00 (+1) UTC", "2020-04-22", ("23:00", "01:00")),
        ("22:00-24:00 UTC", "2020-04-22", ("22:00", "00:00")),
    ],
)
def test_other_ways_to_write_it_are_understood(desk: Desk, text: str, on: str, utc: tuple[str, str]) -> None:
    assert hours(read(desk, text, on)) == utc
    assert desk.said == []


def test_a_line_over_midnight_ends_on_the_next_day(desk: Desk) -> None:
    series = read(desk, "23:00-01:00 next day UTC", "2027-06-14")

    assert series
    assert series.sessions[0].end_on == date(2027, 6, 15)


@pytest.mark.parametrize(
    "text",
    ["23:00-01:00 UTC+1", "23:00-01:00 CET+1", "23:00-01:00 CET +1", "13:00 EAT (12:00-13:00 CEST next day)"],
)
def test_one_more_hour_is_not_taken_for_the_next_day(desk: Desk, text: str) -> None:
    assert read(desk, text) is None


# half a range, or an offset

DASHES = ["-", "–", "−", " -", " –"]


@given(
    hour=st.integers(0, 21),
    later=st.integers(1, 3),
    minutes=st.sampled_from(["", ":00", ".00", ".20", ":30", ",15"]),
    written=st.sampled_from(["{}", "{}:00", "{}.00", "{}h", "{:02}.00"]),
    name=st.sampled_from(["GMT", "UTC", "gmt"]),
    dash=st.sampled_from(DASHES),
)
def test_an_hour_behind_a_dash_is_never_taken_for_an_offset(
    hour: int, later: int, minutes: str, written: str, name: str, dash: str
) -> None:
    """ "9.00 GMT-11": an end at 11:00 UTC, or a start at 20:00 UTC? Dot, comma and colon are equal."""
    text = f"{written.format(hour)} {name}{dash}{hour + later}{minutes}"

    assert [said.what for said in read_line(text, real_network()[1]).errors] == [
        f'"{name}{dash}{hour + later}{minutes}" may name a zone, or hold the end of the session'
    ]


@pytest.mark.parametrize("text", ["11 AM GMT-12", "9 PM UTC-11", "12 PM GMT-2", "1 p.m. UTC–3.30"])
def test_the_same_holds_behind_am_and_pm(text: str) -> None:
    assert "may name a zone" in read_line(text, real_network()[1]).errors[0].what


@given(
    hour=st.integers(1, 12).map(lambda hour: -hour) | st.integers(0, 14),
    minutes=st.sampled_from(["", "{}00", "{}30", "{}45"]),
    separator=st.sampled_from([":", ".", ""]),
)
def test_an_offset_is_the_same_with_dot_and_colon(hour: int, minutes: str, separator: str) -> None:
    written = f"UTC{'-' if hour < 0 else '+'}{abs(hour)}{minutes.format(separator)}"

    zone = understood(f"13:00-14:00 {written}", "2027-06-14")

    exact = f"{'-' if hour < 0 else '+'}{abs(hour):02}:{minutes[-2:] or '00'}"
    assert zone == (exact if -12 * 60 <= minutes_of(exact) <= 14 * 60 else None)


def minutes_of(offset: str) -> int:
    hours, minutes = (int(part) for part in offset[1:].split(":"))
    return (-1 if offset[0] == "-" else 1) * (hours * 60 + minutes)


# words and signs between

JOINING = ["and", "or", "&", "="]
BETWEEN = [*JOINING, ",", ";", "/", "|"]


@pytest.mark.parametrize("sign", BETWEEN)
def test_what_joins_must_have_something_on_either_side(sign: str) -> None:
    for text in (
        "{} 13:00 CET",
        "13:00 CET {}",
        "13:00 ({} CET)",
        "13:00 (CET {})",
        "13:00 CET {0} {0} Berlin",
    ):
        (said,) = read_line(text.format(sign), real_network()[1]).errors
        assert "joins nothing here" in said.what, text


@pytest.mark.parametrize("sign", JOINING)
def test_only_zones_are_joined_and_hours_with_a_zone_each(desk: Desk, sign: str) -> None:
    """Else one of two hours would be passed over, beside a zone of the series that makes it true."""
    for text in (f"13:00 {sign} CET", f"13:00 {sign} 14:00 CET", f"13:00 CET {sign} next day"):
        content = WITH_WHEN.format(on="2020-11-18", text=text)
        assert desk.series(content.replace("audience", "zone: Europe/London\naudience")) is None, text
    for text in (f"13:00-14:00 CET {sign} Berlin", f"13:00-14:00 CET {sign} 12:00-13:00 UTC"):
        assert hours(read(desk, text, "2020-11-18")) == ("12:00", "13:00")


def test_hours_that_are_given_twice_have_a_zone_each(desk: Desk) -> None:
    content = WITH_WHEN.format(on="2020-11-18", text="13:00, 14:00 CET") + "    zone: Europe/London\n"

    assert desk.series(content) is None
    assert "no zone stands behind 13:00; write one to each of the two" in desk.said[0]


@pytest.mark.parametrize("text", ["[13:00) CET", "(13:00] CET", "13:00 () CET", "13:00 CET [ ]"])
def test_brackets_are_pairs_around_something(text: str) -> None:
    assert "bracket" in read_line(text, real_network()[1]).errors[0].what


# names of towns and cities


def test_member_cities_go_by_their_own_names() -> None:
    assert meant("13:00 Medellín") == meant("13:00 medellin time") == "America/Bogota"
    assert meant("13:00 Nam-gu (Busan)") == meant("13:00 Nam-gu, Busan") == "Asia/Seoul"
    assert meant("13:00 La Paz (Baja California Sur)") == "America/Mazatlan"
    assert meant("13:00 Mação") == "Europe/Lisbon"


@pytest.mark.parametrize(
    "name", ["Macao", "La Paz", "Santiago", "San Juan", "Córdoba", "Petersburg", "Nam-gu"]
)
def test_a_name_that_several_places_have_is_a_question(name: str) -> None:
    assert meant(f"13:00 {name}") is None


@pytest.mark.parametrize(
    "text", ["13:00 @ Hamburg", "13:00 & Medellín", "13:00 Medellín /", "13:00 Med-ellín 1"]
)
def test_signs_around_the_name_of_a_city_are_not_passed_over(text: str) -> None:
    assert meant(text) is None


def test_accents_may_be_left_out_but_never_added() -> None:
    assert meant("13:00 São Paulo") == meant("13:00 Sao Paulo") == "America/Sao_Paulo"
    assert meant("13:00 CÉT") is meant("13:00 Lóndon") is None


def test_signs_of_east_asian_keyboards_are_those_of_ours() -> None:
    assert meant("13：00－14：00　（ＣＥＴ）") == "Europe/Berlin"


@lru_cache(maxsize=1)
def with_cities() -> Vocabulary:
    return real_network()[1].with_members(open_house().members)


def meant(text: str) -> str | None:
    """The zone of a line, beside all member cities."""
    problems, anywhere = Problems(), Place("file.yaml")
    words = with_cities()
    line = read_line(text, words)
    day = date(2027, 11, 14)
    return on_date(line, day, None, words, lambda _: anywhere, lambda _: anywhere, problems)


# what to write instead


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("13:00 Eastern Time", '"Eastern" is not understood; write America/New_York if that is meant'),
        ("13:00 US/Eastern", '"US/Eastern" is not understood; write America/New_York if that is meant'),
        ("13:00 Central", '"Central" is not understood; write America/Chicago if that is meant'),
        ("13:00 PT", '"PT" is not understood; write America/Los_Angeles if that is meant'),
        ("13:00 at", f'"at" is not understood; {LIKE_THIS}'),
        ("13:00 UTC+5.5", '"UTC+5.5" is no offset; write UTC+5:30'),
        ("13:00 UTC+5,75", '"UTC+5,75" is no offset; write UTC+5:45'),
        ("13:00 GMT 9", '"GMT 9" is no offset; write GMT+9 or GMT-9'),
        ("13:00 GMT0", '"GMT0" is no offset; write UTC'),
        (
            "13:00 UTC+15",
            "no place is at UTC+15; offsets go from −12:00 to +14:00, by quarters of an hour",
        ),
        (
            "13:00 +14:45",
            "no place is at UTC+14:45; offsets go from −12:00 to +14:00, by quarters of an hour",
        ),
        (
            "13:00 UTC+5:17",
            "no place is at UTC+5:17; offsets go from −12:00 to +14:00, by quarters of an hour",
        ),
        ("13:00 Etc/GMT+9", '"Etc/GMT+9" lies 9 hours behind UTC; write UTC-9, or UTC+9 if that is meant'),
        ("13:00 Europe/Hamburg", '"Europe/Hamburg" is not understood; did you mean "Europe/Berlin"?'),
        ("13:00 Asia/Seol", '"Asia/Seol" is not understood; did you mean "Asia/Seoul"?'),
        ("9 h 30 CET", '"9 h 30" may be one time or two; write 9h30'),
        ("17.01 13:00 CET", '"17.01" may be a date; the date has its own key; write the hours alone'),
        ("17/1/2027 13:00 CET", '"17/1/2027" may be a date; the date has its own key; write the hours alone'),
        ("0900-1000 CET", '"0900" is no time of day; write 09:00'),
        ("23:00-01:00 CET +1", '"+1" cannot stand here; if the next day is meant, write "next day"'),
        ("11,12 CET", '"11,12" may be 11:12 or two hours; write 11:12, or a dash between the two'),
        ("noon CET", '"noon" is no hour in figures; write 12:00'),
        ("22:00-midnight CET", '"midnight" is no hour in figures; write 0:00, or 24:00 for an end'),
    ],
)
def test_a_refusal_says_what_to_write(text: str, said: str) -> None:
    (finding,) = read_line(text, real_network()[1]).errors

    assert f"{finding.what}; {finding.instead}" == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "13:00 Samoa",
            "is 00:00 UTC on 2020-11-19 in Pacific/Samoa, 23:00 UTC on 2020-11-17 in Pacific/Apia",
        ),
        ("13:00 China time", "in Asia/Urumqi; write a place such as Asia/Shanghai"),
        ("13:00 Portugal", "in Atlantic/Azores; write a place such as Europe/Lisbon"),
        ("13:00 Korea", '"Korea" may mean South Korea or North Korea; write a place such as Asia/Seoul'),
        (
            "13:00 CET to 14:00 EET",
            '"CET" stands behind the start, "EET" behind the end; '
            "write both hours in one zone, and it once behind them",
        ),
    ],
)
def test_two_clocks_are_told_apart(desk: Desk, text: str, said: str) -> None:
    assert read(desk, text, "2020-11-18") is None
    assert [said in one for one in desk.said if ": error: " in one] == [True]


@pytest.mark.parametrize("zone", ["UTC+5.5", "GMT 9", "Europe/Hamburg", "US/Eastern", "San Juan"])
def test_the_key_for_the_zone_says_the_same(desk: Desk, zone: str) -> None:
    content = WITH_WHEN.format(on="2020-11-18", text="13:00-14:00") + f"    zone: {zone}\n"

    assert desk.series(content) is None
    assert desk.said[0].count("; write ") + desk.said[0].count("did you mean") == 1


# stories US-01 and US-04


US_01 = ("gdynia", "lagoa-azores", "agadir", "kashan", "goyang", "wyndham", "medellin")


@pytest.mark.parametrize(
    ("meaning", "hours_there"),
    [
        ("Europe/Berlin", "13:00 11:00 11:00 15:30 20:00 21:00 06:00"),
        ("+01:00", "14:00 12:00 12:00 16:30 21:00 22:00 07:00"),
    ],
)
def test_a_label_is_read_as_the_network_says(desk: Desk, meaning: str, hours_there: str) -> None:
    series = read(desk, "13:00-14:00h CET", words={"CET": meaning})

    assert [here(series, slug)[-5:] for slug in US_01] == hours_there.split()
    assert len(desk.said) == 1
    assert "11:00 UTC by the clock of Europe/Berlin, 12:00 UTC taken literally" in desk.said[0]


def test_a_label_without_a_meaning_is_refused_in_summer(desk: Desk) -> None:
    assert read(desk, "13:00-14:00h CET", words={}) is None
    assert desk.said == [
        at_column(
            13,
            "error",
            '"CET" on 2020-04-22 is said of a summer date: 13:00 is 11:00 UTC by the clock of Europe/Berlin, '
            "12:00 UTC taken literally (UTC+01:00); "
            'say in network.yaml, under zone_labels, what "CET" means',
        )
    ]


@pytest.mark.parametrize("meaning", [{"CET": "Europe/Berlin"}, {"CET": "+01:00"}, {}])
def test_a_label_in_winter_has_one_reading(desk: Desk, meaning: dict[str, str]) -> None:
    assert hours(read(desk, "13:00-14:00 CET", "2020-11-18", meaning)) == ("12:00", "13:00")
    assert desk.said == []


def test_the_sign_of_an_offset_is_the_one_that_people_mean(desk: Desk) -> None:
    """The tz database's own Etc/GMT+9 would be 03:00 UTC on the next day."""
    series = read(desk, "18.00-20.00 GMT+9", "2021-10-27")

    assert [here(series, slug) for slug in ("yeonsu-gu", "bogota", "wyndham")] == [
        "2021-10-27 18:00",
        "2021-10-27 04:00",
        "2021-10-27 20:00",
    ]


def test_two_zones_that_agree_show_every_city_its_hour(desk: Desk) -> None:
    series = read(desk, "13:00 to 15:00 (SAST) 14:00 - 16:00 (EAT)", "2024-11-12")

    cities = ("durban", "lusaka", "kilifi-county", "kara-commune-de-kozah-1", "yaounde-1er")
    assert [here(series, slug)[-5:] for slug in cities] == ["13:00", "13:00", "14:00", "11:00", "12:00"]


def here(series: Series | None, slug: str) -> str:
    assert series is not None
    starts_at = occurrences_of(series)[0].starts_at
    assert starts_at
    return f"{times.local(starts_at, member(slug).zone):%Y-%m-%d %H:%M}"


# whatever is written


@given(
    start=st.times().map(lambda at_: at_.replace(second=0, microsecond=0, minute=at_.minute)),
    minutes=st.integers(1, 600),
    dash=st.sampled_from(
        ["-", "–", "—", "−", " - ", " – ", " to ", " until ", "\u00a0–\u00a0", "\u2009–\u2009"]
    ),
    colon=st.sampled_from([":", ".", ","]),
    hour=st.sampled_from(["", "h", " h", " hrs", " Uhr", "\u202fh"]),
    zone=st.sampled_from(
        ["Europe/Berlin", "CET/CEST", "Hamburg time", "Germany time", "CEST", "UTC+2", "GMT +02:00"]
    ),
    around=st.sampled_from([" {}", ", {}", " ({})", ",{}", "\u00a0{}", " [{}]", "; {}"]),
)
def test_an_hour_span_in_any_writing_is_the_same(
    start: time, minutes: int, dash: str, colon: str, hour: str, zone: str, around: str
) -> None:
    begins = datetime.combine(date(2027, 6, 14), start)
    ends = begins + timedelta(minutes=minutes)
    first, last = (f"{one.hour}{colon}{one.minute:02}{hour}" for one in (begins, ends))
    text = first + dash + last + around.format(zone) + (" next day" if ends.date() > begins.date() else "")

    line = read_line(text, real_network()[1])

    assert line.errors == ()
    assert (line.first.start, line.first.end) == (begins.time(), ends.time())
    assert understood(text, "2027-06-14") in ("Europe/Berlin", "+02:00")


PIECES = [
    *(
        "13",
        "13:00",
        "2.30",
        "24",
        "-",
        "–",
        "to",
        "h",
        "PM",
        "am",
        "(",
        ")",
        ",",
        "/",
        "and",
        "at",
        "+1",
        "\u00a0",
    ),
    *(
        "CET",
        "CEST",
        "EAT",
        "GMT+9",
        "UTC-3",
        "Z",
        "IST",
        "Germany",
        "time",
        "Mali",
        "next day",
        "Berlin",
        "x",
        "é",
    ),
]


@given(st.one_of(st.lists(st.sampled_from(PIECES), max_size=9).map(" ".join), st.text(max_size=20)))
def test_no_line_is_half_understood(text: str) -> None:
    """Either it is refused, or what is understood of it, written down, is understood as the same."""
    line = read_line(text, real_network()[1])

    zone = understood(text, "2027-06-14")

    assert bool(line.errors) or bool(line.parts)
    if zone and not line.errors:
        spelt = zone if zone[0].isalpha() else f"UTC{zone}"
        again = f"{line.first}{' next day' if line.first.runs_over_midnight else ''} {spelt}"
        assert understood(again, "2027-06-14") == zone
        assert read_line(again, real_network()[1]).first.start == line.first.start


def understood(text: str, on: str) -> str | None:
    problems, anywhere = Problems(), Place("file.yaml")
    line, vocabulary = read_line(text, real_network()[1]), real_network()[1]
    day = date.fromisoformat(on)
    return on_date(line, day, None, vocabulary, lambda _: anywhere, lambda _: anywhere, problems)


def test_every_word_of_a_line_is_accounted_for(desk: Desk) -> None:
    """One stray word at any place is enough to refuse a line."""
    words = ["13:00", "to", "15:00", "(SAST)", "14:00", "-", "16:00", "(EAT)"]

    for place in range(len(words) + 1):
        text = " ".join((*words[:place], "perhaps", *words[place:]))
        assert read(desk, text, "2024-11-12") is None, text


# in a file


@pytest.mark.parametrize(
    ("written", "column"),
    [
        ("13:00 perhaps UTC", 17),
        ("'13:00 perhaps UTC'", 18),
        ('"13:00 perhaps UTC"', 18),
        ('"13\\x3A00 perhaps UTC"', 11),
        (">\n      13:00\n      perhaps UTC", 11),
    ],
)
def test_the_column_is_that_of_the_word_in_the_file(desk: Desk, written: str, column: int) -> None:
    """Where escapes or line ends hide it: that of the whole text."""
    desk.series(WITH_WHEN.format(on="2020-04-22", text="TEXT").replace('"TEXT"', written))

    assert [said.partition(" error")[0] for said in desk.said] == [f"file.yaml:7:{column}:"]


def test_a_byte_order_mark_does_not_move_the_column(desk: Desk) -> None:
    desk.series(b"\xef\xbb\xbf" + WITH_WHEN.format(on="2020-04-22", text="13:00 é UTC").encode())

    assert desk.said[0].startswith("file.yaml:7:18: error: ")


@pytest.mark.parametrize(
    ("beside", "problem"),
    [
        ('start: "13:00"', '8:5: error: "when" and "start" both say when it is; keep one of the two'),
        ('end: "15:00"', '8:5: error: "when" and "end" both say when it is; keep one of the two'),
        (
            "end_date: 2020-04-23",
            '8:5: error: "when" and "end_date" both say when it is; keep one of the two',
        ),
        ("zone: Asia/Seoul", '8:5: error: "when" and "zone" both say when it is; keep one of the two'),
        (
            "length_minutes: 30",
            '8:5: error: "when" and "length_minutes" both say when it is; keep one of the two',
        ),
    ],
)
def test_what_is_said_twice_is_refused(desk: Desk, beside: str, problem: str) -> None:
    desk.series(WITH_WHEN.format(on="2020-04-22", text="13:00-14:00 UTC") + f"    {beside}\n")

    assert desk.said == [f"file.yaml:{problem}"]


def test_a_zone_beside_hours_without_one_is_taken(desk: Desk) -> None:
    content = WITH_WHEN.format(on="2020-04-22", text="18:00-20:00") + "    zone: GMT+9\n"

    assert hours(desk.series(content)) == ("09:00", "11:00")


def test_a_zone_of_the_series_is_taken_for_hours_without_one(desk: Desk) -> None:
    content = WITH_WHEN.format(on="2020-04-22", text="18:00-20:00").replace("audience", "zone: EAT\naudience")

    assert hours(desk.series(content)) == ("15:00", "17:00")


def test_a_line_of_the_series_counts_for_its_sessions(desk: Desk) -> None:
    content = (
        'id: talks\ntitle: T\naudience: World\nwhen: "13:00-14:30 CET/CEST"\nsessions:\n'
        "  - id: a\n    date: 2027-06-14\n  - id: b\n    date: 2027-12-14\n"
        '  - id: c\n    date: 2027-06-15\n    start: "15:00"\n'
        '  - id: d\n    date: 2027-06-16\n    when: "9:00-10:00"\n'
    )

    series = desk.series(content)

    assert series
    assert [f"{one.starts_at:%H:%M}-{one.ends_at:%H:%M}" for one in occurrences_of(series)] == [
        "11:00-12:30",
        "13:00-14:30",
        "07:00-08:00",
        "12:00-13:30",
    ]


def test_a_name_of_half_the_year_is_refused_for_the_other_half(desk: Desk) -> None:
    content = (
        'id: talks\ntitle: T\naudience: World\nwhen: "13:00-14:30 CEST"\n'
        "every: third wednesday\nfrom: 2027-09-01\nuntil: 2027-11-30\n"
    )

    assert desk.series(content) is None
    assert [said.partition("is not the time of ")[2][:10] for said in desk.said] == ["2027-11-17"]


def test_a_time_line_is_read_although_other_keys_are_wrong(desk: Desk) -> None:
    content = WITH_WHEN.format(on="2020-04-22", text="13:00 IST") + "    staus: confirmed\n"

    desk.series(content)

    assert [said.split(": ")[0] for said in desk.said] == ["file.yaml:7:18", "file.yaml:8:5"]


@pytest.mark.parametrize(
    ("zone", "utc"),
    [("GMT+9", "04:00"), ("EAT", "10:00"), ("UTC−3:30", "16:30"), ("CET/CEST", "11:00"), ("Berlin", "11:00")],
)
def test_the_same_words_are_understood_as_a_zone(desk: Desk, zone: str, utc: str) -> None:
    series = desk.series(
        f'id: talks\ntitle: T\naudience: World\nzone: {zone}\nstart: "13:00"\n'
        "sessions:\n  - id: a\n    date: 2027-06-14\n"
    )

    assert hours(series)[0] == utc
    assert desk.said == []
