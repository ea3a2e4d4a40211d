"""series/*.yaml: sessions one by one or by a rule, in wall times of true zones."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.configuration.vocabulary import Vocabulary
from scheduler.model import times
from scheduler.model.notices import Days, WorkingDaysBefore
from scheduler.model.programme import occurrences_of
from scheduler.model.series import Join, ProgrammeItem, Series, Speaker, Status
from tests.cast import at
from tests.configuration.desk import Desk, real_network, rule, with_change

LISTED = """\
id: talks
title: Talks among cities
announced: 2020-04-01
audience: World
start: "13:00"
end: "14:30"
sessions:
  - id: opening
    title: Opening
    date: 2027-06-14
  - id: closing
    title: Closing
    date: 2027-06-21
"""
BY_RULE = """\
id: talks
title: Third Wednesday
audience: World
zone: Europe/Berlin
start: "13:00"
end: "14:00"
every: third wednesday
from: 2027-01-01
until: 2027-12-31
except:
  - 2027-08-18
move:
  2027-12-15: 2027-12-08
details:
  2027-03-17:
    title: Green skills
"""
WITH_LABEL = with_change(LISTED, "audience: World", "audience: World\nzone: CET")

REMINDERS = "notices:\n  reminders:\n"

#: How sentences go on.
LABELS = "World, Latin America / Caribbean, Arab countries, Francophone countries"
MOMENTS = "write days_before or working_days_before or minutes_before"
ROLES = "write to: with a list, such as - coordinator"
ADDRESS = "write it with https:// in front, or leave the line out"
MIDNIGHT = "for one that runs over midnight write end_date too"


def read(desk: Desk, content: str) -> Series:
    series = desk.series(content)
    assert series is not None, desk.said
    return series


def session(desk: Desk, *lines: str) -> Series:
    """The listed series, with more lines for its first session."""
    return read(desk, with_change(LISTED, "    title: Opening\n", "    title: Opening\n" + more(*lines)))


def more(*lines: str) -> str:
    return "".join(f"    {line}\n" for line in lines)


def labels(**meanings: str) -> Vocabulary:
    """The words of the real network, with only these labels for zones."""
    return replace(real_network()[1], zone_labels=meanings)


def starts(series: Series | None) -> list[object]:
    assert series is not None
    return [occurrence.starts_at for occurrence in occurrences_of(series)]


# what is read


def test_a_series_is_read_with_what_its_sessions_share(desk: Desk) -> None:
    series = read(desk, LISTED)

    assert [(one.id, one.on, one.start, one.end) for one in series.sessions] == [
        ("opening", date(2027, 6, 14), time(13), time(14, 30)),
        ("closing", date(2027, 6, 21), time(13), time(14, 30)),
    ]
    assert {one.zone for one in series.sessions} == {"Europe/Berlin"}
    assert series.organisers == ("UNESCO Institute for Lifelong Learning",)


def test_a_session_is_read_with_everything_that_may_stand_there(desk: Desk) -> None:
    series = session(
        desk,
        "zone: Asia/Seoul",
        'start: "18:00"',
        'end: "20:00"',
        "audience: Arab countries",
        "status: postponed",
        "reason: Speaker is ill",
        "organisers:",
        "  - PASCAL",
        "join:",
        "  platform: Zoom",
        "  kind: Webinar ID",
        '  id: "941 7298 7853"',
        "  link: https://meet.cities.example/1",
        '  passcode: "0123"',
        "recording: https://recordings.cities.example/1",
        "summary: https://cities.example/1",
        "summary_on: 2027-06-28",
        "programme:",
        "  - title: Opening",
        "  - title: Questions",
        "    speakers:",
        "      - name: Ms Ana Ruiz",
        "        city: Huye",
    )

    one = series.sessions[0]
    assert (one.zone, one.start, one.end, one.status) == ("Asia/Seoul", time(18), time(20), Status.POSTPONED)
    assert one.join == Join("Zoom", "Webinar ID", "94172987853", "https://meet.cities.example/1", "0123")
    assert one.programme == (
        ProgrammeItem("Opening"),
        ProgrammeItem("Questions", (Speaker("Ms Ana Ruiz", city="Huye"),)),
    )
    assert one.summary_on == date(2027, 6, 28)


def test_an_hour_without_quotes_is_read_as_it_is_written(desk: Desk) -> None:
    """To other programs 13:00 is the number 780."""
    series = read(desk, LISTED.replace('"13:00"', "13:00").replace('"14:30"', "14:30"))

    assert series == read(desk, LISTED)


@pytest.mark.parametrize("words", ["tba", "To be announced", '"to be announced"'])
def test_an_hour_may_be_announced_later(desk: Desk, words: str) -> None:
    series = session(desk, f"start: {words}")

    assert (series.sessions[0].start, series.sessions[0].end) == (None, None)


def test_a_session_without_an_hour_anywhere_is_announced_later(desk: Desk) -> None:
    series = read(desk, LISTED.replace('start: "13:00"\nend: "14:30"\n', ""))

    assert [one.start for one in series.sessions] == [None, None]


def test_a_start_of_its_own_keeps_the_length_of_the_series(desk: Desk) -> None:
    series = session(desk, 'start: "15:00"')

    assert occurrences_of(series)[0].ends_at == at("2027-06-14T16:30:00+02:00")


def test_a_length_of_its_own_takes_the_place_of_the_end(desk: Desk) -> None:
    series = session(desk, "length_minutes: 35")

    assert occurrences_of(series)[0].ends_at == at("2027-06-14T13:35:00+02:00")


def test_a_rule_gives_a_session_for_each_date(desk: Desk) -> None:
    series = read(desk, BY_RULE)

    named = {one.id: one for one in series.sessions}
    assert len(named) == 11
    assert "2027-08-18" not in named
    assert named["2027-12-15"].on == date(2027, 12, 8)
    assert named["2027-03-17"].title == "Green skills"
    assert named["2027-04-21"].title == "Third Wednesday"


def test_a_series_may_change_a_rule_for_itself(desk: Desk) -> None:
    own = "    week-before:\n      days_before: 10\n    hour-before:\n      enabled: yes\n"

    series = read(desk, LISTED + REMINDERS + own)

    assert rule(series.rules, "week-before").when == Days(-10, time(9))
    assert rule(series.rules, "week-before").to == ("coordinator",)
    assert rule(series.rules, "hour-before").enabled


def test_another_moment_takes_the_place_of_the_old_one(desk: Desk) -> None:
    series = read(desk, f"{LISTED}{REMINDERS}    week-before:\n      working_days_before: 3\n")

    assert rule(series.rules, "week-before").when == WorkingDaysBefore(3, time(9))


def test_a_series_may_have_a_reminder_of_its_own(desk: Desk) -> None:
    own = "    month-before:\n      to:\n        - mayor\n      days_before: 30\n"

    series = read(desk, LISTED + REMINDERS + own)

    assert rule(series.rules, "month-before").when == Days(-30, time(9))


def test_an_audience_in_other_capitals_is_the_same(desk: Desk) -> None:
    series = read(desk, with_change(LISTED, "audience: World", "audience: wORLD"))

    assert series.sessions[0].audience.label == "World"


def test_a_series_announced_after_its_first_session_is_warned_of(desk: Desk) -> None:
    """Nobody would hear of that session."""
    read(desk, with_change(LISTED, "announced: 2020-04-01", "announced: 2027-06-15"))

    assert desk.said == [
        "file.yaml:3:12: warning: this series is announced on 2027-06-15, "
        "after its first session on 2027-06-14; write an earlier day"
    ]


# labels such as CET


def test_a_label_that_means_a_clock_follows_it_with_a_warning(desk: Desk) -> None:
    """Story US-01: by the clock in Hamburg, and both readings are printed."""
    series = desk.series(with_change(WITH_LABEL, "2027-06-14", "2020-04-22"), labels(CET="Europe/Berlin"))

    assert starts(series)[0] == at("2020-04-22T11:00:00+00:00")
    assert desk.said[0] == (
        'file.yaml:11:11: warning: "CET" on 2020-04-22 is said of a summer date: '
        "13:00 is 11:00 UTC by the clock of Europe/Berlin, 12:00 UTC taken literally (UTC+01:00); "
        "network.yaml says Europe/Berlin, so 11:00 UTC it is"
    )


def test_a_label_that_means_an_offset_is_taken_literally_with_a_warning(desk: Desk) -> None:
    series = desk.series(WITH_LABEL, labels(CET="+01:00"))

    assert starts(series)[0] == at("2027-06-14T12:00:00+00:00")
    assert desk.said[0].endswith("network.yaml says +01:00, so 12:00 UTC it is")
    assert "13:00 is 11:00 UTC by the clock of Europe/Berlin" in desk.said[0]


def test_a_label_without_a_meaning_is_refused_in_summer(desk: Desk) -> None:
    series = desk.series(with_change(WITH_LABEL, "2027-06-21", "2027-12-21"), labels())

    assert series is None
    assert desk.said == [
        'file.yaml:11:11: error: "CET" on 2027-06-14 is said of a summer date: '
        "13:00 is 11:00 UTC by the clock of Europe/Berlin, 12:00 UTC taken literally (UTC+01:00); "
        'say in network.yaml, under zone_labels, what "CET" means'
    ]


@pytest.mark.parametrize("meaning", [{"CET": "Europe/Berlin"}, {"CET": "+01:00"}, {}])
def test_a_label_in_winter_means_one_thing_only(desk: Desk, meaning: dict[str, str]) -> None:
    winter = WITH_LABEL.replace("2027-06-", "2027-12-")

    series = desk.series(winter, labels(**meaning))

    assert starts(series) == [at("2027-12-14T12:00:00+00:00"), at("2027-12-21T12:00:00+00:00")]
    assert desk.said == []


def test_a_label_is_no_question_while_the_hour_is_not_known(desk: Desk) -> None:
    open_hours = WITH_LABEL.replace('start: "13:00"\nend: "14:30"\n', "")

    assert desk.series(open_hours, labels()) is not None
    assert desk.said == []


@pytest.mark.parametrize("word", ["EET", "Central European Time", "central european  time", "MEZ", "wet"])
def test_labels_with_two_readings_are_known_by_all_their_names(desk: Desk, word: str) -> None:
    series = desk.series(with_change(WITH_LABEL, "zone: CET", f"zone: {word}"), labels())

    assert series is None
    assert len(desk.said) == 2
    assert "is said of a summer date" in desk.said[0]


# what is refused


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        pytest.param(
            "audience: World",
            "audiense: World",
            '4:1: error: "audiense" is no key that can stand here; did you mean "audience"?',
            id="unknown key",
        ),
        pytest.param(
            "    title: Opening",
            "    titel: Opening",
            '9:5: error: "titel" is no key that can stand here; did you mean "title"?',
            id="unknown key of a session",
        ),
        pytest.param(
            "announced: 2020-04-01",
            "left_out:\n  - 2027-08-18",
            '3:1: error: "left_out" is no key that can stand here; known here: '
            "id, title, description, organisers, announced, audience, public, zone, start, end, when, "
            "expected_sessions, notices, sessions, every, from, until, count, except, move, details",
            id="a name of our own program",
        ),
        pytest.param(
            "audience: World",
            "audience: Arab contries",
            '4:11: error: the audience "Arab contries" is not defined in network.yaml; '
            'did you mean "Arab countries"?',
            id="typing error in an audience",
        ),
        pytest.param(
            "audience: World",
            "audience: Cities of Brazil",
            f'4:11: error: the audience "Cities of Brazil" is not defined in network.yaml; known: {LABELS}',
            id="unknown audience",
        ),
        pytest.param(
            "audience: World\n",
            "",
            f'1:1: error: "audience" is missing; write one of network.yaml: {LABELS}',
            id="no audience",
        ),
        pytest.param(
            "audience: World",
            "audience: World\nzone: Europe/Atlantis",
            '5:7: error: zone "Europe/Atlantis" is unknown; did you mean "Europe/Athens"?',
            id="unknown zone of the series",
        ),
        pytest.param(
            "    title: Opening",
            "    zone: IST",
            '9:11: error: zone "IST" may mean India, Israel or Ireland; write a place such as Asia/Kolkata',
            id="label with many meanings",
        ),
        pytest.param(
            "2027-06-14",
            "013",
            '10:11: error: "013" is no date; write year-month-day, such as 2027-03-17',
            id="013 as a date",
        ),
        pytest.param(
            "2027-06-14",
            "14.06.2027",
            '10:11: error: "14.06.2027" is no date; write year-month-day, such as 2027-03-17',
            id="date in another order",
        ),
        pytest.param(
            "2027-06-14",
            "2026-02-30",
            "10:11: error: 2026-02-30 is not in the calendar; write a day that exists",
            id="30 February",
        ),
        pytest.param(
            "2027-06-14",
            "2072-06-14",
            "10:11: error: 2072-06-14 is too far away; write a year from 1970 to 2037",
            id="a year that nobody knows the clocks of",
        ),
        pytest.param(
            'start: "13:00"',
            "start: 1 pm",
            '5:8: error: "1 pm" is no time of day; write hours and minutes in quotes, such as "13:00"',
            id="hour in words",
        ),
        pytest.param(
            'end: "14:30"',
            'end: "24:00"',
            '6:6: error: "24:00" is no time of day; write hours and minutes in quotes, such as "13:00"',
            id="24:00",
        ),
        pytest.param(
            'end: "14:30"',
            'end: "12:30"',
            f"6:6: error: 12:30 is no end for a start at 13:00; {MIDNIGHT}",
            id="end before start",
        ),
        pytest.param(
            'end: "14:30"',
            'end: "13:00"',
            f"6:6: error: 13:00 is no end for a start at 13:00; {MIDNIGHT}",
            id="no length",
        ),
        pytest.param(
            'start: "13:00"\n',
            "",
            "5:6: error: there is an end, 14:30, but no start; write the start too",
            id="end without start",
        ),
        pytest.param(
            "    title: Opening",
            '    end: "12:30"',
            f"9:10: error: 12:30 is no end for a start at 13:00; {MIDNIGHT}",
            id="end of a session before the start of the series",
        ),
        pytest.param(
            "    title: Opening",
            '    start: tba\n    end: "15:00"',
            "10:10: error: there is an end, 15:00, but no start; write the start too",
            id="end of a session without start",
        ),
        pytest.param(
            "    title: Opening",
            '    end: "15:00"\n    length_minutes: 30',
            '10:21: error: "end" and "length_minutes" both say how long it lasts; keep one of the two',
            id="end and length",
        ),
        pytest.param(
            "    title: Opening\n    date: 2027-06-14",
            '    start: "02:30"\n    end: "03:30"\n    date: 2027-03-28',
            "9:12: error: 2027-03-28 02:30 does not exist (the clocks go forward over it) in Europe/Berlin; "
            "write another hour, or another zone",
            id="hour that is not there",
        ),
        pytest.param(
            "    title: Opening\n    date: 2027-06-14",
            '    start: "01:00"\n    end: "02:30"\n    date: 2027-10-31',
            "10:10: error: 2027-10-31 02:30 exists twice (the clocks go back over it) in Europe/Berlin; "
            "write another hour, or another zone",
            id="hour that is there twice",
        ),
        pytest.param(
            "    title: Opening",
            "    recording: Webinar recording",
            f'9:16: error: "Webinar recording" is no web address; {ADDRESS}',
            id="recording without an address",
        ),
        pytest.param(
            "    title: Opening",
            "    summary: javascript:alert(1)",
            f'9:14: error: "javascript:alert(1)" is no web address; {ADDRESS}',
            id="address of another kind",
        ),
        pytest.param(
            "    title: Opening",
            '    join:\n      id: "12345678"',
            '10:11: error: "12345678" is no meeting id; write its 9, 10 or 11 digits',
            id="meeting id of 8 digits",
        ),
        pytest.param(
            "    title: Opening",
            '    join:\n      id: "٩٤١ 7298 7853"',
            '10:11: error: "٩٤١ 7298 7853" is no meeting id; write its 9, 10 or 11 digits',
            id="meeting id in other digits",
        ),
        pytest.param(
            "    title: Opening",
            "    join:\n      kind: Webinar",
            '10:13: error: "Webinar" is not known here; did you mean "Webinar ID"?',
            id="kind of id",
        ),
        pytest.param(
            "    title: Opening",
            "    status: canceled",
            '9:13: error: "canceled" is not known here; did you mean "cancelled"?',
            id="American spelling",
        ),
        pytest.param(
            "    title: Opening",
            "    length_minutes: 5000",
            '9:21: error: "5000" is no whole number from 1 to 1440',
            id="endless",
        ),
        pytest.param(
            "  - id: opening\n    title: Opening",
            "  - title: The challenge of inclusion — and of Éducation",
            '8:5: error: "id" is missing; write for example id: the-challenge-of-inclusion-and, '
            "as scheduler check --fix does",
            id="no id, but a title to make one of",
        ),
        pytest.param(
            "  - id: opening\n    title: Opening",
            "  - title: 学习型城市",
            '8:5: error: "id" is missing; write for example id: session, as scheduler check --fix does',
            id="no id, and nothing to make one of",
        ),
        pytest.param(
            "  - id: opening\n",
            "  - id:\n",
            '8:5: error: nothing stands behind "id"; write it',
            id="id left empty",
        ),
        pytest.param(
            "  - id: closing",
            "  - id: opening",
            '11:9: error: the id "opening" stands here twice; ids are names for ever; write another',
            id="id twice",
        ),
        pytest.param(
            "  - id: opening",
            "  - id: Opening session",
            '8:9: error: "Opening session" is no id; '
            "use small letters a to z, digits and hyphens, such as third-wednesday",
            id="id with capitals",
        ),
        pytest.param(
            "  - id: opening",
            f"  - id: {'a' * 81}",
            "8:9: error: this id is longer than 80 characters; write a shorter one",
            id="id too long for a UID",
        ),
        pytest.param(
            "sessions:\n",
            "until: 2027-12-31\nsessions:\n",
            '7:1: error: "until" goes with `every`; remove it',
            id="word of a rule in a list",
        ),
        pytest.param(
            "sessions:\n",
            "every: third wednesday\nsessions:\n",
            "9:3: error: a series has either `every` or `sessions`; keep one of the two",
            id="list and rule",
        ),
        pytest.param(
            "title: Talks among cities",
            "title: |\n  Talks\n  among cities",
            "2:8: error: this text must stand on one line",
            id="title on two lines",
        ),
    ],
)
def test_a_mistake_is_said_in_one_sentence(desk: Desk, old: str, new: str, problem: str) -> None:
    series = desk.series(with_change(LISTED, old, new))

    assert series is None
    assert desk.said == [f"file.yaml:{problem}"]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        pytest.param(
            "every: third wednesday",
            "every: 3rd wednesday",
            '7:8: error: "3rd wednesday" is no rule; '
            "write a weekday, or first, second, third, fourth or last and a weekday, "
            'such as "third wednesday", or every and a number of weeks, such as "every 2 weeks"',
            id="unknown rule",
        ),
        pytest.param(
            "until: 2027-12-31",
            "until: 2027-01-05",
            '7:8: error: "third wednesday" gives 0 dates from 2027-01-01 until 2027-01-05; '
            "a series has 1 to 2,000",
            id="no dates",
        ),
        pytest.param(
            BY_RULE[BY_RULE.index("every:") :],
            "every: wednesday\nfrom: 1970-01-01\nuntil: 2037-12-31\n",
            '7:8: error: "wednesday" gives 3,548 dates from 1970-01-01 until 2037-12-31; '
            "a series has 1 to 2,000",
            id="thousands of dates",
        ),
        pytest.param(
            "until: 2027-12-31",
            "until: 9999-12-31",
            "9:8: error: 9999-12-31 is too far away; write a year from 1970 to 2037",
            id="for ever",
        ),
        pytest.param(
            "until: 2027-12-31\n",
            "",
            "7:8: error: `every` needs `from` and `until`, in this order; write both as dates",
            id="no end",
        ),
        pytest.param(
            "until: 2027-12-31",
            "until: 2026-12-31",
            "7:8: error: `every` needs `from` and `until`, in this order; write both as dates",
            id="end before the beginning",
        ),
        pytest.param(
            "  - 2027-08-18",
            "  - 2027-08-19",
            "11:5: error: 2027-08-19 is no date of this series; the nearest one is 2027-08-18",
            id="no date of the rule is left out",
        ),
        pytest.param(
            "  2027-12-15: ",
            "  2027-12-16: ",
            "13:3: error: 2027-12-16 is no date of this series; the nearest one is 2027-12-15",
            id="no date of the rule is moved",
        ),
        pytest.param(
            "  2027-03-17:",
            "  2027-03-24:",
            "15:3: error: 2027-03-24 is no date of this series; the nearest one is 2027-03-17",
            id="details for no date of the rule",
        ),
        pytest.param(
            "  - 2027-08-18",
            "  - 2027-08-18\n  - 2027-12-15",
            "14:3: error: 2027-12-15 is both left out and moved; keep one of the two",
            id="left out and moved",
        ),
        pytest.param(
            "  2027-12-15: 2027-12-08",
            "  2027-12-15:",
            "13:14: error: a text is needed here",
            id="moved to nowhere",
        ),
        pytest.param(
            "zone: Europe/Berlin",
            "zone: Europe/Berln",
            '4:7: error: zone "Europe/Berln" is unknown; did you mean "Europe/Berlin"?',
            id="typing error in the zone",
        ),
        pytest.param(
            'end: "14:00"',
            'end: "12:00"',
            f"6:6: error: 12:00 is no end for a start at 13:00; {MIDNIGHT}",
            id="end before start",
        ),
        pytest.param(
            BY_RULE[BY_RULE.index("start:") :],
            'start: "02:30"\nend: "04:00"\nevery: last sunday\nfrom: 2027-02-01\nuntil: 2027-04-30\n',
            "7:8: error: 2027-03-28 02:30 does not exist (the clocks go forward over it) in Europe/Berlin; "
            "write another hour, or another zone",
            id="hour that is not there once",
        ),
    ],
)
def test_a_mistake_in_a_rule_is_said_in_one_sentence(desk: Desk, old: str, new: str, problem: str) -> None:
    series = desk.series(with_change(BY_RULE, old, new))

    assert series is None
    assert desk.said == [f"file.yaml:{problem}"]


def test_a_series_without_end_is_refused(desk: Desk) -> None:
    sessions = "".join(f"  - id: talk-{number}\n    date: 2027-06-14\n" for number in range(2001))

    desk.series(LISTED[: LISTED.index("  - id")] + sessions)

    assert desk.said == ["file.yaml:8:3: error: this list is too long; write at most 2,000 items"]


def test_a_file_of_nothing_but_mistakes_is_cut(desk: Desk) -> None:
    """Ninety thousand sentences would help nobody."""
    desk.series(LISTED + "".join(f"key-{number}: x\n" for number in range(1000)))

    assert len(desk.said) == 201
    assert desk.said[0] == "file.yaml:1:1: error: 800 more problems follow; mend the others first"


def test_all_mistakes_of_a_file_are_said_at_once(desk: Desk) -> None:
    content = (
        LISTED.replace("World", "Wrld")
        .replace("2027-06-21", "2027-06-31")
        .replace("title: Opening", "titl: O")
    )

    desk.series(content)

    assert [sentence.partition(": ")[0] for sentence in desk.said] == [
        "file.yaml:4:11",
        "file.yaml:9:5",
        "file.yaml:13:11",
    ]


@pytest.mark.parametrize(
    ("own", "problems"),
    [
        pytest.param(
            "    week-befor:\n      days_before: 10\n",
            [f'16:5: error: the rule "week-befor" names no role; {ROLES}'],
            id="typing error in its name",
        ),
        pytest.param(
            "    early:\n      to:\n        - mayor\n",
            [f'16:5: error: the rule "early" does not say when; {MOMENTS}'],
            id="no moment",
        ),
        pytest.param(
            "    early: {}\n",
            [
                f'16:5: error: the rule "early" does not say when; {MOMENTS}',
                f'16:5: error: the rule "early" names no role; {ROLES}',
            ],
            id="nothing at all",
        ),
        pytest.param(
            "    week-before:\n      to: []\n",
            [f'16:5: error: the rule "week-before" names no role; {ROLES}'],
            id="its roles taken away",
        ),
        pytest.param(
            "    early:\n",
            ["16:11: error: keys and values are needed here; write key: value on lines of their own"],
            id="left empty",
        ),
    ],
)
def test_a_rule_of_its_own_must_say_when_to_whom(desk: Desk, own: str, problems: list[str]) -> None:
    series = desk.series(LISTED + REMINDERS + own)

    assert series is None
    assert desk.said == [f"file.yaml:{problem}" for problem in problems]


WORDS = ["", "-", ":", '"', "2027-06-14", "13:00", "[]", "{}", "tba", "id: a", "\t", "é", "&", "every"]


@given(
    cut=st.integers(0, len(LISTED)),
    drop=st.integers(0, 12),
    word=st.one_of(st.sampled_from(WORDS), st.text(max_size=4)),
)
def test_no_edit_whatever_it_is_raises(
    cut: int, drop: int, word: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Somewhere in the file something is deleted, and something else is written."""
    desk = Desk(Path(tmp_path_factory.getbasetemp()), [])

    series = desk.series(LISTED[:cut] + word + LISTED[cut + drop :])

    assert series is not None or desk.said
    assert all("\n" not in sentence for sentence in desk.said)


# sessions of several days, editions, languages


def test_a_session_may_last_several_days(desk: Desk) -> None:
    series = session(desk, "end_date: 2027-06-16", 'start: "20:00"', 'end: "12:00"')

    occurrence = occurrences_of(series)[0]
    assert occurrence.starts_at == at("2027-06-14T20:00:00+02:00")
    assert occurrence.ends_at == at("2027-06-16T12:00:00+02:00")
    assert occurrence.last_day == date(2027, 6, 16)


def test_days_are_known_before_the_hours_are(desk: Desk) -> None:
    series = session(desk, "end_date: 2027-06-16", "start: tba")

    assert (series.sessions[0].start, series.sessions[0].end_on) == (None, date(2027, 6, 16))


def test_the_day_of_the_start_is_no_other_last_day(desk: Desk) -> None:
    assert session(desk, "end_date: 2027-06-14") == session(desk)


def test_editions_of_one_session_have_a_common_topic(desk: Desk) -> None:
    series = session(desk, "topic: green-skills")

    assert [one.topic for one in series.sessions] == ["green-skills", ""]


def test_languages_may_share_the_common_link(desk: Desk) -> None:
    series = session(desk, "languages: [en, fr]")

    assert (series.sessions[0].languages, series.sessions[0].joins) == (("en", "fr"), ())


def test_languages_may_have_links_of_their_own(desk: Desk) -> None:
    series = session(
        desk,
        "languages:",
        "  en:",
        "    link: https://meet.cities.example/en",
        "  fr: {platform: Zoom, link: https://meet.cities.example/fr}",
        "  es:",
    )

    one = series.sessions[0]
    assert one.languages == ("en", "fr", "es")
    assert [(code, join.link) for code, join in one.joins] == [
        ("en", "https://meet.cities.example/en"),
        ("fr", "https://meet.cities.example/fr"),
    ]


def test_a_weekday_that_fits_changes_nothing(desk: Desk) -> None:
    assert session(desk, "weekday: monday") == session(desk)


def test_a_number_of_sessions_that_fits_changes_nothing(desk: Desk) -> None:
    assert read(desk, LISTED + "expected_sessions: 2\n") == read(desk, LISTED)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        pytest.param(
            "    end_date: 2027-06-13\n",
            "9:15: error: 2027-06-13 lies before the first day, 2027-06-14; write the last day",
            id="last day before the first",
        ),
        pytest.param(
            "    end_date: 2027-07-15\n",
            "9:15: error: from 2027-06-14 to 2027-07-15 are more than 31 days; write sessions of their own",
            id="a session of a month and a day",
        ),
        pytest.param(
            '    end_date: 2027-06-15\n    start: "10:00"\n',
            "9:15: error: the last day is named, but no end; write end: too",
            id="last day without an end",
        ),
        pytest.param(
            "    end_date: 2027-06-15\n    length_minutes: 90\n",
            '10:21: error: "end_date" and "length_minutes" both say how long it lasts; keep one of the two',
            id="last day and length",
        ),
        pytest.param(
            "    languages: [en, english]\n",
            '9:16: error: "english" is no language code; write two small letters, such as fr',
            id="language without a code",
        ),
        pytest.param(
            "    languages: [en, EN]\n",
            "9:16: error: a language stands here twice; keep one of the two",
            id="language twice",
        ),
        pytest.param(
            "    languages:\n      en:\n      EN:\n",
            "10:7: error: a language stands here twice; keep one of the two",
            id="language with two links",
        ),
        pytest.param(
            "    languages:\n      en:\n        lnk: x\n",
            '11:9: error: "lnk" is no key that can stand here; did you mean "link"?',
            id="typing error in the link of a language",
        ),
        pytest.param(
            "    weekday: Wenesday\n",
            '9:14: error: "Wenesday" is no weekday; did you mean "Wednesday"?',
            id="typing error in a weekday",
        ),
        pytest.param(
            "    when:\n      - 13:00 UTC\n",
            '10:7: error: hours and a zone are needed here; write for example "13:00–14:30 Europe/Berlin"',
            id="list of time lines",
        ),
    ],
)
def test_a_mistake_in_the_newer_keys_is_said_in_one_sentence(desk: Desk, lines: str, problem: str) -> None:
    series = desk.series(with_change(LISTED, "    title: Opening\n", lines))

    assert series is None
    assert desk.said == [f"file.yaml:{problem}"]


@pytest.mark.parametrize(
    ("on", "said"),
    [
        ("2020-04-01", []),
        ("2024-04-01", ["10:14: error: 2024-04-01 is a Monday; Wednesday in 2020 and 2026"]),
    ],
)
def test_a_weekday_tells_a_list_of_another_year(desk: Desk, on: str, said: list[str]) -> None:
    """Story US-03.2."""
    content = with_change(LISTED, "    date: 2027-06-14\n", f"    weekday: Wednesday\n    date: {on}\n")

    desk.series(content.replace("announced: 2020-04-01", "announced: 2020-03-01"))

    assert desk.said == [f"file.yaml:{one}" for one in said]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (
            LISTED + "expected_sessions: 5\n",
            "14:20: error: 5 sessions are expected, but there are 2; mend the list or the number",
        ),
        (
            BY_RULE + "expected_sessions: 12\n",
            "17:20: error: 12 sessions are expected, but there are 11; mend the list or the number",
        ),
    ],
    ids=["list", "rule"],
)
def test_a_number_of_sessions_that_does_not_fit_is_named(desk: Desk, content: str, problem: str) -> None:
    """Story US-03.3: the page speaks of five webinars and lists six."""
    assert desk.series(content) is None
    assert desk.said == [f"file.yaml:{problem}"]


# how often


COUNTED = with_change(BY_RULE, "until: 2027-12-31", "count: 12")


def test_a_count_takes_the_place_of_the_last_date(desk: Desk) -> None:
    """What is left out counts, as in calendars (RFC 5545, section 3.8.5.1)."""
    assert read(desk, COUNTED) == read(desk, BY_RULE)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        pytest.param(
            "count: 12",
            "count: 12\nuntil: 2027-12-31",
            "9:1: error: `until` and `count` both say how long it goes on; keep one of the two",
            id="both",
        ),
        pytest.param(
            "count: 12", "count: 0", '9:8: error: "0" is no whole number from 1 to 2000', id="never"
        ),
        pytest.param(
            "count: 12",
            "count: 10000000",
            '9:8: error: "10000000" is no whole number from 1 to 2000',
            id="ten million times",
        ),
        pytest.param(
            "count: 12",
            "count: 2000",
            '9:8: error: "third wednesday" gives 132 dates from 2027-01-01 until the end of 2037; '
            "write a smaller number",
            id="beyond the years whose clocks are known",
        ),
        pytest.param(
            "from: 2027-01-01\n",
            "",
            "7:8: error: `every` needs `from` and `until`, in this order; write from: as a date too",
            id="no beginning",
        ),
    ],
)
def test_a_mistake_in_a_count_is_said_in_one_sentence(desk: Desk, old: str, new: str, problem: str) -> None:
    assert desk.series(with_change(COUNTED, old, new)) is None
    assert desk.said == [f"file.yaml:{problem}"]


@given(
    every=st.sampled_from(["third wednesday", "last sunday", "every 2 weeks", "every 3 weeks on friday"]),
    zone=st.sampled_from(["Europe/Berlin", "America/Santiago", "Australia/Melbourne", "Asia/Tehran"]),
    year=st.integers(2000, 2035),
)
def test_the_wall_time_of_a_rule_survives_every_clock_change(
    every: str, zone: str, year: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    desk = Desk(Path(tmp_path_factory.getbasetemp()), [])

    series = desk.series(
        f"id: talks\ntitle: T\naudience: World\nwhen: 13:00-14:30 {zone}\nevery: {every}\n"
        f"from: {year}-01-01\ncount: 12\n"
    )

    assert series is not None, desk.said
    local = [times.local(one.starts_at, zone) for one in occurrences_of(series) if one.starts_at]
    assert {f"{one:%H:%M}" for one in local} == {"13:00"}
    assert [one.date() for one in local] == [one.on for one in series.sessions]


# for partners


def test_nothing_is_public_that_nobody_marked(desk: Desk) -> None:
    """Story US-21.1."""
    assert [one.public for one in read(desk, LISTED).sessions] == [False, False]


def test_a_session_goes_before_its_series_in_what_is_public(desk: Desk) -> None:
    marked = with_change(LISTED, "audience: World", "audience: World\npublic: yes")

    found = read(desk, with_change(marked, "title: Opening\n", "title: Opening\n    public: no\n"))

    assert [one.public for one in found.sessions] == [False, True]


def test_one_date_of_a_rule_is_public(desk: Desk) -> None:
    found = read(desk, with_change(BY_RULE, "title: Green skills", "title: Green skills\n    public: true"))

    assert [one.id for one in found.sessions if one.public] == ["2027-03-17"]


def test_public_is_yes_or_no(desk: Desk) -> None:
    desk.series(with_change(LISTED, "audience: World", "audience: World\npublic: partners"))

    assert desk.said[0].endswith('"partners" is neither yes nor no; write yes or no')
