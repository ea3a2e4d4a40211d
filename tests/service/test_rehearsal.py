"""The real programme of 2020 and 2021, played for the members of those days, against opinions of its own."""

from __future__ import annotations

import asyncio
import json
import mailbox
import zoneinfo
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from icalendar import Calendar

from scheduler.errors import SchedulerError
from scheduler.model.members import Standing
from scheduler.model.network import Configuration
from scheduler.model.programme import only
from scheduler.service.reading import write_pages
from scheduler.service.rehearsal import Edit, Rehearsal, rehearse
from tests.cast import (
    DOHA,
    KASHAN,
    MANTES,
    MEDELLIN,
    MELTON,
    THRISSUR,
    a_configuration,
    a_series,
    a_session,
    at,
    member,
    real,
)

BASE = "https://calendar.cities.example"
Row = dict[str, Any]


@dataclass(frozen=True)
class Played:
    rehearsal: Rehearsal
    rows: list[Row]

    def of(self, **wanted: str) -> list[Row]:
        return [row for row in self.rows if all(row[key] == value for key, value in wanted.items())]


@lru_cache(maxsize=1)
def cities_of_every_third_zone() -> Configuration:
    """In all regions, and those that the tests name; `make demo` plays all."""
    named = {"balikesir", DOHA, KASHAN, MANTES, MEDELLIN, MELTON, THRISSUR}
    zones = sorted({m.zone for m in real().members})[::3]
    members = (m for m in real().members if m.zone in zones or m.slug in named)
    return replace(real(), members=tuple(members))


def played(
    folder: Path, part: str, start: str, end: str, configuration: Configuration | None = None
) -> Played:
    chosen = only(configuration or real(), [part])
    rehearsal = asyncio.run(rehearse(chosen, at(start), at(end), folder, BASE))
    return Played(rehearsal, json.loads((folder / "timeline.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def recovery(tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder = tmp_path_factory.mktemp("recovery")
    span = ("2020-05-15T00:00:00+02:00", "2021-01-15T00:00:00+01:00")
    return played(folder, "covid-19-recovery", *span, cities_of_every_third_zone())


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder = tmp_path_factory.mktemp("reports")
    return played(folder, "report-2021", "2021-09-27T00:00:00+02:00", "2022-02-01T00:00:00+01:00")


@pytest.fixture(scope="module")
def own_zones() -> Iterator[None]:
    """zoneinfo with PyPI's tzdata and nothing of this machine: the second opinion on every hour."""
    zoneinfo.reset_tzpath(to=())
    zoneinfo.ZoneInfo.clear_cache()
    yield
    zoneinfo.reset_tzpath()
    zoneinfo.ZoneInfo.clear_cache()


def local(row: Row) -> datetime:
    return datetime.fromisoformat(row["instant"]).astimezone(zoneinfo.ZoneInfo(member(row["member"]).zone))


def test_every_invited_member_gets_each_notice_once(recovery: Played) -> None:
    counted = Counter((row["occurrence"], row["rule"], row["member"], row["role"]) for row in recovery.rows)

    assert set(counted.values()) == {1}


def test_every_member_of_the_day_is_reminded_of_every_session(recovery: Played) -> None:
    """Who is a member a week before a session, and on its day, is reminded a week before."""
    sessions = {f"{s.id}.covid-19-recovery": s.on for s in real().series[0].sessions}
    for occurrence, on in sessions.items():
        week_before = on - timedelta(days=7)
        expected = {
            m.slug
            for m in cities_of_every_third_zone().members
            if m.standing(on) is Standing.MEMBER and m.standing(week_before) is Standing.MEMBER
        }

        reminded = {row["member"] for row in recovery.of(occurrence=occurrence, rule="week-before")}

        assert reminded == expected


def test_nobody_else_gets_anything(recovery: Played) -> None:
    for row in recovery.rows:
        day = datetime.fromisoformat(row["instant"]).astimezone(zoneinfo.ZoneInfo("Europe/Berlin")).date()
        assert member(row["member"], real()).standing(day) is Standing.MEMBER


@pytest.mark.usefixtures("own_zones")
def test_nothing_goes_out_in_the_night_of_a_member(recovery: Played) -> None:
    hours = {local(row).time() for row in recovery.rows}

    assert min(hours) >= time(7)
    assert max(hours) < time(21)


def test_nothing_but_the_follow_up_comes_after_the_session_began(recovery: Played) -> None:
    for row in recovery.rows:
        if row["shown_local"] and row["kind"] != "follow-up":
            assert row["instant"] < datetime.fromisoformat(row["shown_local"]).astimezone(UTC).isoformat()


@pytest.mark.usefixtures("own_zones")
def test_the_hour_shown_is_the_hour_there_by_another_opinion(recovery: Played) -> None:
    starts = {
        f"{s.id}.covid-19-recovery": datetime.combine(s.on, time(13), zoneinfo.ZoneInfo("Europe/Berlin"))
        for s in real().series[0].sessions
    }
    for row in recovery.rows:
        if row["shown_local"]:
            there = starts[row["occurrence"]].astimezone(zoneinfo.ZoneInfo(member(row["member"]).zone))
            assert row["shown_local"] == there.isoformat()


@pytest.mark.usefixtures("own_zones")
def test_reminders_of_the_week_before_come_at_nine_on_that_day(recovery: Played) -> None:
    for row in recovery.of(rule="week-before"):
        shown = datetime.fromisoformat(row["shown_local"])
        there = local(row)
        assert (there.date(), there.time()) == (shown.date() - timedelta(days=7), time(9))


def test_members_of_the_intake_of_2020_hear_of_the_series_on_that_day(recovery: Played) -> None:
    rows = recovery.of(rule="announcement", member="balikesir")

    assert [row["instant"] for row in rows] == ["2020-09-23T07:00:00+00:00"]


def test_the_mailbox_holds_every_message_of_the_time_line(recovery: Played) -> None:
    box = mailbox.Maildir(recovery.rehearsal.folder / "mailbox", create=False)

    identities = Counter(message["Message-ID"] for message in box)

    assert identities == Counter(row["message_id"] for row in recovery.rows)
    assert all((recovery.rehearsal.folder / row["file"]).is_file() for row in recovery.rows)


def test_rehearsing_again_gives_the_same_messages(tmp_path: Path) -> None:
    house = a_configuration(a_series(), members=(DOHA,))
    span = at("2027-05-01T00:00:00+02:00"), at("2027-07-20T00:00:00+02:00")

    bytes_of = []
    for _ in range(2):
        asyncio.run(rehearse(house, *span, tmp_path / "again", BASE))
        files = sorted((tmp_path / "again" / "mailbox" / "new").iterdir())
        bytes_of.append([(file.name, file.read_bytes()) for file in files])

    assert bytes_of[0] == bytes_of[1]
    assert len(bytes_of[0]) == 4


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.odt").write_text("three years of work")

    with pytest.raises(SchedulerError, match=r"thesis\.odt"):
        asyncio.run(rehearse(real(), at("2020-05-15T00:00:00Z"), at("2020-05-16T00:00:00Z"), tmp_path, BASE))

    assert (tmp_path / "thesis.odt").exists()


def test_a_folder_that_no_rehearsal_marked_is_never_emptied(tmp_path: Path) -> None:
    (tmp_path / "mailbox").mkdir()

    with pytest.raises(SchedulerError, match="mailbox"):
        asyncio.run(rehearse(real(), at("2020-05-15T00:00:00Z"), at("2020-05-16T00:00:00Z"), tmp_path, BASE))


def test_a_file_in_place_of_the_folder_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    span = at("2020-05-15T00:00:00Z"), at("2020-05-16T00:00:00Z")

    with pytest.raises(SchedulerError, match="name another folder"):
        asyncio.run(rehearse(real(), *span, tmp_path / "taken", BASE))


def test_an_edit_on_the_way_is_told(tmp_path: Path) -> None:
    house = a_configuration(a_series(), members=(DOHA,))
    later = a_configuration(a_series(a_session(start=time(15), end=time(16))), members=(DOHA,))
    edit = Edit(at("2027-05-25T10:00:00+02:00"), later)
    span = at("2027-05-01T00:00:00+02:00"), at("2027-07-20T00:00:00+02:00")

    rehearsal = asyncio.run(rehearse(house, *span, tmp_path / "edited", BASE, [edit]))

    kinds = [entry.kind for entry in rehearsal.timeline]
    assert kinds == ["announcement", "invitation", "changed", "reminder", "reminder"]


def test_an_edit_that_takes_a_name_from_calendars_is_refused(tmp_path: Path) -> None:
    house = a_configuration(a_series(), members=(DOHA,))
    later = replace(house, network=replace(house.network, uid_domain="other.example"))
    edit = Edit(at("2027-05-25T10:00:00+02:00"), later)
    span = at("2027-05-01T00:00:00+02:00"), at("2027-07-20T00:00:00+02:00")

    with pytest.raises(SchedulerError, match=r"write learning-cities\.example again"):
        asyncio.run(rehearse(house, *span, tmp_path / "edited", BASE, [edit]))


def test_every_message_can_be_opened_from_the_index(reports: Played) -> None:
    index = write_pages(reports.rehearsal)

    page = index.read_text(encoding="utf-8")
    for number in range(len(reports.rows)):
        assert f'href="messages/{number}.html"' in page
        assert (index.parent / "messages" / f"{number}.html").is_file()


# the report cycle


def test_who_is_due_hears_that_the_round_is_open(reports: Played) -> None:
    opened = reports.of(kind="report-opened")

    assert len(opened) == len({row["member"] for row in opened}) == 111
    assert {local(row).isoformat()[:16] for row in opened} == {"2021-09-27T09:00"}


def test_each_rung_reaches_each_due_member_once_on_a_working_day(reports: Played) -> None:
    due = {row["member"] for row in reports.of(kind="report-opened")}
    for rung in ("days-90", "days-30", "days-14", "days-7", "days-1"):
        rows = reports.of(rule=rung)
        of_contacts = [row for row in rows if row["role"] == "coordinator"]
        assert Counter(row["member"] for row in of_contacts) == dict.fromkeys(due, 1)
        for row in rows:
            assert local(row).time() == time(9)
            assert local(row).weekday() not in member(row["member"]).weekend


def test_the_first_rung_begins_on_the_last_working_day_there(reports: Played) -> None:
    days = Counter(local(row).date() for row in reports.of(rule="days-90"))

    assert set(days) == {date(2021, 9, 30), date(2021, 10, 1), date(2021, 10, 2)}
    first = {row["member"]: row["instant"] for row in reports.of(rule="days-90")}
    assert first["al-wakra"] == "2021-09-30T06:00:00+00:00"
    assert first["medellin"] == "2021-10-01T14:00:00+00:00"


def test_excepted_and_undecided_members_get_nothing(reports: Played) -> None:
    written_to = {row["member"] for row in reports.rows}

    assert not written_to & {"al-shahaniya", "derry-city-and-strabane", "gunpo", "doha"}


# the feeds


def feed(played: Played, path: str) -> Calendar:
    return Calendar.from_ical((played.rehearsal.folder / path).read_bytes())


def events(calendar: Calendar) -> list[Any]:
    return list(calendar.walk("VEVENT"))


def city_feed(played: Played, name: str) -> Calendar:
    path = next(f.path for f in played.rehearsal.feeds if f.name.endswith(f": {name}"))
    return feed(played, path.lstrip("/"))


def test_the_feed_of_all_has_every_session_at_its_instant(recovery: Played) -> None:
    starts = [event["DTSTART"].dt.isoformat() for event in events(feed(recovery, "feeds/all.ics"))]

    assert starts == [
        "2020-06-17T11:00:00+00:00",
        "2020-07-08T11:00:00+00:00",
        "2020-09-16T11:00:00+00:00",
        "2020-10-21T11:00:00+00:00",
        "2020-11-18T12:00:00+00:00",
        "2020-12-16T12:00:00+00:00",
    ]


def test_a_citys_feed_has_its_own_deadline_on_its_own_day(reports: Played) -> None:
    (event,) = events(city_feed(reports, "Melton"))

    assert event["UID"] == "report-2021.melton@learning-cities.example"
    assert event["DTEND"].dt.isoformat() == "2021-12-31T22:59:59+00:00"
    assert "Saturday 1 January 2022, 09:59" in event["DESCRIPTION"]


def test_the_feed_of_a_city_that_is_not_due_is_empty(reports: Played) -> None:
    assert events(city_feed(reports, "Doha")) == []


def test_a_city_feed_leaves_out_sessions_for_others(tmp_path: Path) -> None:
    """Story US-18: Medellín has the sessions for the world and for Latin America, and no others."""
    house = replace(only(real(), ["covid-19-response"]), members=(member("medellin"),))
    start, end = at("2024-03-01T00:00:00+01:00"), at("2024-03-02T00:00:00+01:00")

    rehearsal = asyncio.run(rehearse(house, start, end, tmp_path / "r", BASE))

    calendar = city_feed(Played(rehearsal, []), "Medellín")
    uids = {event["UID"].partition(".")[0] for event in events(calendar)}
    assert len(uids) == 11
    assert "general-response-latin-america" in uids
    assert not uids & {"general-response-arab", "general-response-francophone"}
