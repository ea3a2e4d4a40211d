"""Warnings and notes of `check`: what is written well and may not be meant."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from scheduler.configuration.advice.advisor import advise
from scheduler.configuration.load import load
from scheduler.configuration.problems import Problem, Severity
from scheduler.configuration.spoken import as_text
from scheduler.model.network import Mailbox
from tests import cast
from tests.configuration.advised import LATER, Adviser, a_series
from tests.configuration.house import House
from tests.golden import assert_golden

GOLDEN = Path(__file__).parent / "golden"
REPORT_2021 = (cast.CONFIG / "cycles" / "report-2021.yaml").read_text(encoding="utf-8")


@pytest.fixture
def adviser(tmp_path: Path) -> Adviser:
    return Adviser(tmp_path)


def test_the_findings_of_the_real_configuration() -> None:
    """What staff read who try our example; the diff of the golden file is the review."""
    loaded = load(cast.CONFIG)

    problems = sorted([*loaded.problems, *advise(loaded, date(2026, 11, 22))], key=Problem.by_weight)
    said = "".join(f"{line}\n" for line in as_text(problems, loaded.texts))

    assert_golden(GOLDEN / "advice.txt", said.replace(f"{cast.CONFIG}/", "config/").encode())


# days


def test_easter_monday_is_warned_of(adviser: Adviser) -> None:
    """Story US-15.3."""
    adviser.series(a_series("equity 2024-04-01 13:00-14:00 World"))

    assert adviser.said() == [
        "6:11: warning: 2024-04-01 is Easter Monday in Germany; "
        "a public holiday too in 26 more countries, for 76 of the 336 cities invited"
    ]


def test_a_holiday_of_a_tenth_of_the_cities_is_warned_of(adviser: Adviser) -> None:
    adviser.series(a_series("equity 2024-05-06 13:00-14:00 World"))

    (said,) = adviser.said()

    assert said.startswith("6:11: warning: 2024-05-06 is a public holiday in Republic of Korea, ")
    assert said.endswith(" of the 336 cities invited")


def test_a_holiday_of_fewer_cities_is_a_note(adviser: Adviser) -> None:
    adviser.series(a_series("equity 2024-05-13 13:00-14:00 World"))

    assert adviser.said() == [
        "6:11: note: 2024-05-13 is a public holiday in Colombia and Republic of Moldova, "
        "for 11 of the 336 cities invited"
    ]


def test_a_holiday_is_that_of_the_day_it_is_there(adviser: Adviser) -> None:
    """13 May 2024, Colombia: at 01:00 in Hamburg it is still the 12th in Medellín."""
    adviser.members(cast.MEDELLIN).series(a_series("early 2024-05-13 01:00-02:00 World"))

    assert adviser.said(about=["holiday"]) == []


def test_only_who_wrote_it_for_the_future_is_told_to_choose_another_day(adviser: Adviser) -> None:
    adviser.series(a_series("equity 2024-04-01 13:00-14:00 World"))

    (said,) = adviser.said(today=date(2024, 3, 1))

    assert said.endswith("; choose another day if you can")


def test_ramadan_lies_over_four_sessions_of_2020(adviser: Adviser) -> None:
    """Story US-15.2."""
    days = ("04-22", "04-29", "05-06", "05-13", "05-20", "05-27")
    adviser.series(a_series(*(f"s{day} 2020-{day} 13:00-14:00 World" for day in days)))

    said = adviser.said(about=["Ramadan"])

    assert [sentence.split()[2] for sentence in said] == [
        "2020-04-29",
        "2020-05-06",
        "2020-05-13",
        "2020-05-20",
    ]
    assert "is in Ramadan 2020, for 7" in said[0]


@pytest.mark.parametrize(("hours", "cities"), [("16:00-17:00", 3), ("13:00-14:00", 0)])
def test_a_season_with_hours_warns_of_these_hours_only(adviser: Adviser, hours: str, cities: int) -> None:
    """Story US-15.1: 16:00 in Hamburg is 18:00 in Doha, 13:00 is 15:00."""
    adviser.members("doha", "riyadh", "amman").series(a_series(f"later 2027-02-17 {hours} World"))

    said = adviser.said(about=["Ramadan"])

    assert said == [
        f"6:11: warning: 2027-02-17 is in Ramadan 2027, for all {cities} cities invited "
        "(Doha, Riyadh, Amman at 18:00): the fast is broken at sunset, and people are at table"
    ] * bool(cities)


@pytest.mark.parametrize(
    ("day", "warns"), [("02-06", False), ("02-07", True), ("03-10", True), ("03-11", False)]
)
def test_a_season_may_begin_and_end_a_day_off(adviser: Adviser, day: str, warns: bool) -> None:
    adviser.members("doha").series(a_series(f"later 2027-{day} 16:00-17:00 World"))

    assert bool(adviser.said(about=["Ramadan"])) is warns


def test_a_reminder_on_christmas_eve_is_warned_of(adviser: Adviser) -> None:
    """Story US-15.3: 24 December is 7 days before the deadline of 2021."""
    adviser.cycle(REPORT_2021)

    said = adviser.said(about=['"days-7"'])

    assert len(said) == 1
    assert 'warning: the reminder "days-7": 2021-12-24 is in Christmas and New Year, for ' in said[0]


def test_a_cancelled_session_is_left_alone(adviser: Adviser) -> None:
    adviser.series(a_series("equity 2024-04-01 13:00-14:00 World\n    status: cancelled"))

    assert adviser.said() == []


# hours


def test_a_session_that_lies_in_the_night_for_many_is_warned_of(adviser: Adviser) -> None:
    adviser.members("melton", "wyndham", "hamburg").series(a_series("late 2027-03-17 15:00-16:00 World"))

    assert adviser.said() == [
        "7:12: warning: it begins at night (22:00 to 06:00 there) for 2 of the 3 cities invited, "
        "such as Melton at 01:00"
    ]


def test_a_session_that_lies_in_the_night_for_few_is_not(adviser: Adviser) -> None:
    slugs = ("melton", "hamburg", "doha", "medellin")
    adviser.members(*slugs).series(a_series("late 2027-03-17 15:00-16:00 World"))

    assert adviser.said(about=["night"]) == []


# other sessions


def test_two_sessions_on_one_day_are_noted(adviser: Adviser) -> None:
    """Story US-12.5."""
    adviser.series(
        a_series("rights 2020-06-10 13:00-14:00 World", "arab 2020-06-10 11:00-12:00 Arab countries")
    )

    assert adviser.said(about=["sessions"]) == [
        "6:11: note: two sessions on 2020-06-10, no overlap, 46 cities invited to both: "
        "this one and arab.talks"
    ]


def test_two_sessions_at_once_are_warned_of(adviser: Adviser) -> None:
    adviser.series(a_series("rights 2020-06-10 13:00-14:00 World"))
    adviser.series(a_series("arab 2020-06-10 13:30-14:30 Arab countries", name="others"))

    assert adviser.said(about=["overlaps"]) == [
        "7:12: warning: it overlaps with rights.talks on 2020-06-10, 46 cities invited to both; "
        "move one of them, or invite others"
    ]


@pytest.mark.parametrize(
    "second",
    [
        "arab 2020-06-10 14:00-15:00 Arab countries",
        "americas 2020-06-10 13:30-14:30 Latin America / Caribbean",
    ],
    ids=["one after the other", "for others"],
)
def test_sessions_that_nobody_must_choose_from_do_not_overlap(adviser: Adviser, second: str) -> None:
    first = "french 2020-06-10 13:00-14:00 Francophone countries"
    if "Arab" in second:
        first = "rights 2020-06-10 13:00-14:00 World"
    adviser.series(a_series(first, second))

    assert adviser.said(about=["overlaps"]) == []


def test_what_overlaps_is_not_said_to_have_no_overlap(adviser: Adviser) -> None:
    """A session of several days runs on the day of the other two."""
    long = "rights 2020-06-09 13:00-14:00 World\n    end_date: 2020-06-11"
    adviser.series(a_series(long, "arab 2020-06-10 11:00-12:00 World", "more 2020-06-10 15:00-16:00 World"))

    said = adviser.said(about=["overlap"])

    assert ["no overlap" in sentence for sentence in said] == [False, False]


def test_a_day_that_is_another_one_at_home_is_said_with_both(adviser: Adviser) -> None:
    """10 June 2027, 09:00 in Auckland, is 9 June, 23:00, in Hamburg."""
    early = "early 2027-06-10 09:00-09:30 World\n    zone: Pacific/Auckland"
    adviser.series(a_series(early, "noon 2027-06-09 13:00-14:00 World"))

    (said,) = adviser.said(about=["no overlap"])

    assert "two sessions on 2027-06-09 (in Hamburg; 2027-06-10 there), no overlap" in said


def test_editions_of_one_session_may_overlap(adviser: Adviser) -> None:
    """Story US-09.2: a city goes to one of them."""
    adviser.series(
        a_series(
            "east 2020-06-10 13:00-14:00 World\n    topic: rights",
            "west 2020-06-10 13:30-14:30 World\n    topic: rights",
        )
    )

    assert adviser.said(about=["overlaps", "two sessions"]) == []


# mails


def test_a_reminder_before_the_announcement_is_named_with_its_dates(adviser: Adviser) -> None:
    sessions = [f"s{day} 2027-03-{day} 13:00-14:00 World" for day in ("10", "12", "24")]
    adviser.members("hamburg").series(a_series(*sessions, more="announced: 2027-03-08"))

    assert adviser.said() == [
        '4:12: warning: the reminder "week-before" lies before the announcement on 2027-03-08, '
        "so it is left out for 2027-03-10, 2027-03-12; announce it earlier, or remove the reminder"
    ]


def test_a_reminder_before_the_opening_is_named(adviser: Adviser) -> None:
    """A round of ours: 90 days before 2 December 2022 it was not open yet."""
    adviser.cycle((cast.CONFIG / "cycles" / "report-2022.yaml").read_text(encoding="utf-8"))

    (said,) = adviser.said(about=["opens"])

    assert 'the reminder "days-90" on 2022-09-02 lies before the round opens on 2022-09-05' in said


def a_round(*extensions: str, more: str = "", joined: str = "2020-09") -> str:
    """extensions: lines behind "  - because: Flood", such as "until: 2022-02-28\\n    members: [melton]"."""
    lines = ["id: report", "title: Report", "period: {from: 2019-04, to: 2021-09}", "opens: 2021-09-27"]
    lines += ["deadline: 2021-12-31 23:59:59 Europe/Berlin", "submit_at: https://reports.example/2021"]
    lines += [f"who: {{joined_before: {joined}}}", "membership_ends: 2037-07-01", *([more] if more else [])]
    written = [f"  - because: Flood\n    {extension}" for extension in extensions]
    return "\n".join([*lines, *(["extensions:", *written] if written else [])]) + "\n"


def test_a_reminder_before_the_opening_may_be_one_of_an_extension(adviser: Adviser) -> None:
    """180 days before 15 March the round was not open yet."""
    rung = "notices: {reminders: {days-180: {to: [mayor], days_before: 180}}}"
    extended = a_round("until: 2022-03-15\n    members: [melton]", more=rung)

    said = adviser.members("melton", "medellin").cycle(extended).said(about=["opens"])

    assert said == [
        '9:23: warning: the reminder "days-180" on 2021-07-02 lies before the round opens on 2021-09-27, '
        "so it is left out; open it earlier, or remove the reminder",
        '9:23: warning: the reminder "days-180" on 2021-09-16 lies before the round opens on 2021-09-27, '
        "so it is left out for cities with time until 2022-03-15; open it earlier, or remove the reminder",
    ]


def test_the_reminders_of_an_extension_are_looked_at_on_its_own_days(adviser: Adviser) -> None:
    """Easter Monday of 2022 is 18 April, seven days before the 25th."""
    adviser.members("hamburg", "melton").cycle(a_round("until: 2022-04-25\n    members: [hamburg]"))

    said = adviser.said(about=["2022-04-18"])

    assert len(said) == 1
    assert 'the reminder "days-7": 2022-04-18 is Easter Monday in Germany' in said[0]


def test_where_all_have_more_time_the_days_of_the_old_date_are_nobodys(adviser: Adviser) -> None:
    """A week before 31 December 2021 was Christmas."""
    adviser.members("hamburg").cycle(a_round("until: 2022-03-31"))

    assert adviser.said(about=["2021-12-24"]) == []


@pytest.mark.parametrize(
    ("slug", "sentence"),
    [
        ("doha", '"doha" need not report in this round, so this is no more time for it'),
        ("garissa", '"garissa" is undecided in this round: more time helps only once it must report'),
    ],
)
def test_more_time_for_who_need_not_report_is_warned_of(adviser: Adviser, slug: str, sentence: str) -> None:
    adviser.configuration = replace(adviser.configuration, members=cast.real().members)
    adviser.cycle(a_round(f"until: 2022-02-28\n    members: [melton, {slug}]"))

    assert adviser.said(about=[slug]) == [f"12:23: warning: {sentence}; look at the name, or at `who`"]


def test_more_time_for_a_country_without_a_report_is_warned_of(adviser: Adviser) -> None:
    adviser.configuration = replace(adviser.configuration, members=cast.real().members)
    adviser.cycle(a_round("until: 2022-02-28\n    countries: [BJ]"))

    assert adviser.said(about=["countries"]) == [
        "12:16: warning: no city of these countries must report in this round; look at the list"
    ]


def test_a_round_that_does_not_say_when_memberships_end_is_noted(adviser: Adviser) -> None:
    adviser.members("melton").cycle(a_round().replace("membership_ends: 2037-07-01\n", ""))

    assert adviser.said(Severity.NOTE, about=["membership"]) == [
        "1:5: note: this round does not say when the membership of a city ends that is not renewed; "
        "write membership_ends: with a date, before its letter is released"
    ]


def test_a_round_that_ends_no_membership_need_not_say_when(adviser: Adviser) -> None:
    rules = ", ".join(f"{key}: {{enabled: no}}" for key in ("incomplete", "no_progress", "not_submitted"))
    content = a_round(more=f"notices: {{{rules}}}").replace("membership_ends: 2037-07-01\n", "")

    assert adviser.members("melton").cycle(content).said(about=["membership"]) == []


REOPENED = (
    "11:12: warning: this extension opens a round again whose deadline was 2021-12-31: cities without a "
    "report are asked for it once more, and a membership that ended for want of it goes on; look at the year"
)


@pytest.mark.parametrize(
    ("today", "expected"),
    [("2022-01-10", []), ("2022-06-29", []), ("2022-07-01", [REOPENED]), ("2031-01-01", [])],
    ids=["soon after", "within half a year", "long after", "it is over as well"],
)
def test_an_extension_of_a_round_that_is_long_over_is_warned_of(
    adviser: Adviser, today: str, expected: list[str]
) -> None:
    adviser.members("melton").cycle(a_round("until: 2030-02-28"))

    assert adviser.said(today=date.fromisoformat(today), about=["extension"]) == expected


def test_a_new_extension_that_is_over_is_noted(adviser: Adviser, tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    in_force = Adviser(tmp_path / "before").members("melton").cycle(a_round()).configuration
    adviser.members("melton").cycle(a_round("until: 2022-02-28"))

    assert adviser.said(in_force=in_force, about=["this extension"]) == [
        "11:12: note: this extension ended on 2022-02-28; reports that came by then count as in time; "
        "who has not reported is not asked again"
    ]
    assert adviser.said(in_force=adviser.configuration, about=["this extension"]) == []
    assert adviser.said(about=["this extension"]) == []


# how to join


@pytest.mark.parametrize(
    ("today", "when"), [("2027-03-10", "in 7 days"), ("2027-03-16", "tomorrow"), ("2027-03-17", "today")]
)
def test_a_session_nobody_can_join_is_warned_of_a_week_ahead(adviser: Adviser, today: str, when: str) -> None:
    adviser.members("hamburg").series(a_series("soon 2027-03-17 13:00-14:00 World"))

    assert adviser.said(today=date.fromisoformat(today)) == [
        f"5:5: warning: 2027-03-17 is {when} and nobody can join: no link, no number; "
        "write join: with a link or an id"
    ]


def test_a_language_without_a_link_is_warned_of(adviser: Adviser) -> None:
    """Where each language has a room of its own, one of them may have been forgotten."""
    rooms = "\n    languages:\n      en: {link: https://meet.example/1}\n      fr: {platform: Zoom}"
    adviser.members("hamburg").series(a_series(f"soon 2027-03-17 13:00-14:00 World{rooms}"))

    assert adviser.said(today=date(2027, 3, 15)) == [
        "11:7: warning: 2027-03-17 is in 2 days and nobody can join in fr: no link, no number; "
        "write a link or an id there, or a join: for all"
    ]


def test_a_link_for_all_is_one_for_each_language(adviser: Adviser) -> None:
    rooms = "\n    join: {link: https://meet.example/1}\n    languages:\n      fr: {platform: Zoom}"
    adviser.members("hamburg").series(a_series(f"soon 2027-03-17 13:00-14:00 World{rooms}"))

    assert adviser.said(today=date(2027, 3, 15)) == []


@pytest.mark.parametrize(
    ("today", "join"),
    [
        ("2027-03-09", ""),
        ("2027-03-18", ""),
        ("2027-03-17", '\n    join:\n      id: "941 7298 7853"'),
        ("2027-03-17", "\n    join:\n      link: https://meet.example/1"),
        ("2027-03-17", "\n    status: cancelled"),
    ],
    ids=["eight days ahead", "over", "number", "link", "cancelled"],
)
def test_others_are_not(adviser: Adviser, today: str, join: str) -> None:
    adviser.members("hamburg").series(a_series(f"soon 2027-03-17 13:00-14:00 World{join}"))

    assert adviser.said(today=date.fromisoformat(today)) == []


# speakers

PROGRAMME = """
    programme:
      - title: Opening
        speakers:
          - name: Ms A
            city: {city}
          - name: Mr B
            city: {city}"""


@pytest.mark.parametrize(
    ("city", "said"),
    [
        ("Medellin", []),
        ("Huye", ['14:19: note: "Huye" is no member city; as a speaker\'s city that is fine']),
        ("La Paz", ['14:19: warning: "La Paz" is not surely a member: other places have this name']),
    ],
)
def test_the_city_of_a_speaker_is_looked_at_once(adviser: Adviser, city: str, said: list[str]) -> None:
    """Story US-20.4."""
    session = "soon 2027-03-17 13:00-14:00 World" + PROGRAMME.format(city=city)
    adviser.series(a_series(session))

    found = adviser.said(about=["member"])

    assert [sentence.partition(";")[0] for sentence in found] == [one.partition(";")[0] for one in said]


# names for ever


def test_an_id_that_changed_is_named(adviser: Adviser, tmp_path: Path) -> None:
    before = Adviser(tmp_path).series(a_series("tvet 2027-03-17 13:00-14:00 World")).configuration
    adviser.members("hamburg").series(a_series("tvet-2 2027-03-17 13:00-14:00 World"))

    assert adviser.said(in_force=before) == [
        '5:9: warning: the id "tvet" is in force and no longer here; is it "tvet-2" now? '
        "ids are names for ever"
    ]


def test_an_id_of_a_series_that_changed_is_named(adviser: Adviser, tmp_path: Path) -> None:
    before = Adviser(tmp_path).series(a_series("tvet 2027-03-17 13:00-14:00 World")).configuration
    text = a_series("tvet 2027-03-17 13:00-14:00 World").replace("id: talks", "id: talks-of-march", 1)
    adviser.members("hamburg").series(text)

    (said,) = adviser.said(in_force=before)

    assert said.startswith(
        '1:5: warning: the id "talks" is in force and no longer here; is it "talks-of-march"'
    )


def test_what_is_in_force_as_it_stands_is_not_spoken_of(adviser: Adviser) -> None:
    adviser.members("hamburg").series(a_series("tvet 2027-03-17 13:00-14:00 World"))

    assert adviser.said(in_force=adviser.configuration) == []


def test_where_network_yaml_is_wrong_nothing_is_advised(house: House) -> None:
    """Every day and hour would rest on it."""
    house.change("network.yaml", "\nzone: Europe/Berlin", "\nzone: Europe/Berln")

    assert advise(house.load(), LATER) == []


def test_another_sender_is_warned_of(house: House) -> None:
    """Rule 27: ORGANIZER never changes for a UID."""
    loaded = house.load()
    assert loaded.readable
    network = replace(loaded.readable.network, sender=Mailbox("Secretariat", "old@cities.example"))
    in_force = replace(loaded.readable, network=network)

    said = [str(one) for one in advise(loaded, LATER, in_force) if "organiser in calendars" in one.what]

    line = house.line_of("network.yaml", "  address: ")
    assert said == [
        f'{house.folder}/network.yaml:{line}:12: warning: "old@cities.example" is in force and stands as the '
        "organiser in calendars: programs take changes and cancellations from no other address; write "
        "old@cities.example again until the sessions that were invited to are over"
    ]


def test_another_uid_domain_is_warned_of(house: House) -> None:
    loaded = house.load()
    assert loaded.readable is not None
    network = replace(loaded.readable.network, uid_domain="old.example")
    in_force = replace(loaded.readable, network=network)

    said = [str(one) for one in advise(loaded, LATER, in_force) if "uid_domain" in one.what]

    line = house.line_of("network.yaml", "uid_domain: ")
    assert said == [
        f'{house.folder}/network.yaml:{line}:13: warning: "old.example" is in force: with another uid_domain '
        "calendars would show everything twice; write old.example again"
    ]
