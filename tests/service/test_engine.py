"""Engine, outbox and deliverer together, on both databases.

The series of the cast: one session on Monday 14 June 2027, 13:00 in Hamburg (11:00Z), announced on
3 May, so the invitation goes 28 days before, on 17 May at 09:00 of the member's day.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, datetime, time

import pytest
from sqlalchemy import update

from scheduler.model.audience import Audience
from scheduler.model.members import Contact, Membership, Span
from scheduler.model.programme import only
from scheduler.model.series import Join, Status
from scheduler.service.engine import Engine
from scheduler.service.in_force import Memory
from scheduler.service.virtual_clock import VirtualClock
from scheduler.store import tables
from tests import cast
from tests.cast import DOHA, MEDELLIN, MELTON, a_configuration, a_series, a_session, at
from tests.service.stage import Stage, part, told

APRIL = at("2027-04-26T08:00:00+00:00")
LATE_MAY = at("2027-05-25T08:00:00+00:00")
JULY = at("2027-07-15T08:00:00+00:00")
NAMED = (MEDELLIN, MELTON, DOHA)

#: Where the model decides and no statement of the database, one kind of database is enough.
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def test_each_member_gets_each_notice_once(stage: Stage) -> None:
    await stage.apply(a_configuration(a_series(), members=NAMED), APRIL)

    await stage.play(APRIL, JULY)

    sent = Counter((row.rule, row.member) for row in await stage.sent())
    rules = ("announcement", "invitation", "week-before", "working-day-before")
    assert sent == {(rule, member): 1 for rule in rules for member in NAMED}


@ON_SQLITE
async def test_notices_go_out_at_the_members_own_hours(stage: Stage) -> None:
    await stage.apply(a_configuration(a_series(), members=(DOHA, MEDELLIN)), APRIL)

    await stage.play(APRIL, JULY)

    moments = {(row.rule, row.member): row.sent_at for row in await stage.sent()}
    assert moments == {
        ("announcement", DOHA): at("2027-05-03T10:00:00+03:00"),
        ("announcement", MEDELLIN): at("2027-05-03T07:00:00-05:00"),
        ("invitation", DOHA): at("2027-05-17T09:00:00+03:00"),
        ("invitation", MEDELLIN): at("2027-05-17T09:00:00-05:00"),
        ("week-before", DOHA): at("2027-06-07T09:00:00+03:00"),
        ("week-before", MEDELLIN): at("2027-06-07T09:00:00-05:00"),
        ("working-day-before", DOHA): at("2027-06-13T09:00:00+03:00"),
        ("working-day-before", MEDELLIN): at("2027-06-11T09:00:00-05:00"),
    }


async def test_playing_on_after_a_stop_repeats_nothing(stage: Stage) -> None:
    await stage.apply(a_configuration(a_series(), members=NAMED), APRIL)
    await stage.play(APRIL, LATE_MAY)
    before = len(await stage.sent())

    await stage.play(LATE_MAY, JULY)

    sent = await stage.sent()
    assert len(sent) == before + 6
    assert len({row.message_id for row in sent}) == len(sent)


async def test_after_an_outage_only_the_latest_reminder_goes_out(stage: Stage) -> None:
    """Both reminders fell into the outage: the older one is recorded as missed."""
    await stage.apply(a_configuration(a_series(), members=(DOHA,)), APRIL)
    await stage.play(APRIL, LATE_MAY)

    await stage.play(at("2027-06-13T20:00:00+00:00"), JULY)

    reminders = await stage.sent("reminder")
    assert [row.rule for row in reminders] == ["working-day-before"]
    assert (await stage.states())["reminder", "missed"] == 1


async def test_a_reminder_for_a_session_that_has_begun_is_missed(stage: Stage) -> None:
    await stage.apply(a_configuration(a_series(), members=(DOHA,)), APRIL)
    await stage.play(APRIL, LATE_MAY)

    await stage.play(at("2027-06-14T11:00:00+00:00"), JULY)

    assert await stage.sent("reminder") == []
    assert (await stage.states())["reminder", "missed"] == 2


async def test_a_moved_session_is_told_to_those_who_were_invited(stage: Stage) -> None:
    await stage.apply(a_configuration(a_series(), members=NAMED), APRIL)
    await stage.play(APRIL, LATE_MAY)
    moved = a_session(start=time(15), end=time(16))

    await stage.apply(a_configuration(a_series(moved), members=NAMED), LATE_MAY)
    await stage.play(LATE_MAY, JULY)

    changed = await stage.sent("changed")
    assert {(row.member, row.method, row.sequence) for row in changed} == {
        (member, "REQUEST", 1) for member in NAMED
    }


@ON_SQLITE
async def test_a_change_rests_ten_minutes_then_waits_for_the_morning(stage: Stage) -> None:
    await stage.apply(a_configuration(a_series(), members=(DOHA, MEDELLIN)), APRIL)
    await stage.play(APRIL, LATE_MAY)
    moved = a_session(start=time(15), end=time(16))

    await stage.apply(a_configuration(a_series(moved), members=(DOHA, MEDELLIN)), LATE_MAY)
    await stage.play(LATE_MAY, JULY)

    assert {row.member: row.sent_at for row in await stage.sent("changed")} == {
        DOHA: at("2027-05-25T11:10:00+03:00"),
        MEDELLIN: at("2027-05-25T07:00:00-05:00"),
    }


@ON_SQLITE
async def test_a_changed_mail_says_old_and_new_in_the_readers_time(stage: Stage) -> None:
    await stage.apply(a_configuration(a_series(), members=(DOHA,)), APRIL)
    await stage.play(APRIL, LATE_MAY)
    moved = a_session(start=time(15), end=time(16))

    await stage.apply(a_configuration(a_series(moved), members=(DOHA,)), LATE_MAY)
    await stage.play(LATE_MAY, JULY)

    text = part(stage.message((await stage.sent("changed"))[0]), "text/plain")
    assert "Monday 14 June 2027, 14:00–15:00" in text
    assert "Monday 14 June 2027, 16:00–17:00" in text


@ON_SQLITE
async def test_moved_and_moved_back_within_the_settling_time_says_nothing(stage: Stage) -> None:
    house = a_configuration(a_series(), members=(DOHA,))
    await stage.apply(house, APRIL)
    await stage.play(APRIL, LATE_MAY)

    await stage.apply(
        a_configuration(a_series(a_session(start=time(15), end=time(16))), members=(DOHA,)), LATE_MAY
    )
    await stage.apply(house, at("2027-05-25T08:05:00+00:00"))
    await stage.play(at("2027-05-25T08:05:00+00:00"), JULY)

    assert await stage.sent("changed") == []


@ON_SQLITE
async def test_a_changed_link_is_told(stage: Stage) -> None:
    await stage.apply(a_configuration(a_series(), members=(DOHA,)), APRIL)
    await stage.play(APRIL, LATE_MAY)
    elsewhere = a_session(join=Join(platform="Zoom", kind="Webinar ID", id="94172987853"))

    await stage.apply(a_configuration(a_series(elsewhere), members=(DOHA,)), LATE_MAY)
    await stage.play(LATE_MAY, JULY)

    text = part(stage.message((await stage.sent("changed"))[0]), "text/plain")
    assert "941 7298 7853" in text


@ON_SQLITE
async def test_a_new_title_is_told_to_nobody(stage: Stage) -> None:
    await stage.apply(a_configuration(a_series(), members=(DOHA,)), APRIL)
    await stage.play(APRIL, LATE_MAY)

    await stage.apply(a_configuration(a_series(a_session(title="Renamed")), members=(DOHA,)), LATE_MAY)
    await stage.play(LATE_MAY, at("2027-05-27T08:00:00+00:00"))

    assert {row.kind.value for row in await stage.sent()} == {"announcement", "invitation"}


async def test_a_cancelled_session_is_cancelled_for_those_who_were_invited(stage: Stage) -> None:
    await stage.apply(a_configuration(a_series(), members=(DOHA,)), APRIL)
    await stage.play(APRIL, LATE_MAY)
    cancelled = a_session(status=Status.CANCELLED, reason="The speaker is ill.")

    await stage.apply(a_configuration(a_series(cancelled), members=NAMED), LATE_MAY)
    await stage.play(LATE_MAY, JULY)

    rows = (await stage.sent())[2:]
    assert told(rows) == [("cancelled", DOHA, "CANCEL", 1)]


@ON_SQLITE
async def test_a_cancellation_carries_no_way_to_join(stage: Stage) -> None:
    await stage.apply(a_configuration(a_series(), members=(DOHA,)), APRIL)
    await stage.play(APRIL, LATE_MAY)

    await stage.apply(
        a_configuration(a_series(a_session(status=Status.CANCELLED)), members=(DOHA,)), LATE_MAY
    )
    await stage.play(LATE_MAY, JULY)

    message = stage.message((await stage.sent("cancelled"))[0])
    for kind in ("text/plain", "text/html", "text/calendar"):
        assert "meet.cities.example" not in part(message, kind)


async def test_a_restored_session_is_invited_again_with_a_higher_sequence(stage: Stage) -> None:
    house = a_configuration(a_series(), members=(DOHA,))
    await stage.apply(house, APRIL)
    await stage.play(APRIL, LATE_MAY)
    await stage.apply(
        a_configuration(a_series(a_session(status=Status.CANCELLED)), members=(DOHA,)), LATE_MAY
    )
    await stage.play(LATE_MAY, at("2027-05-26T08:00:00+00:00"))

    await stage.apply(house, at("2027-05-26T08:00:00+00:00"))
    await stage.play(at("2027-05-26T08:00:00+00:00"), at("2027-06-01T08:00:00+00:00"))

    assert told((await stage.sent())[1:]) == [
        ("invitation", DOHA, "REQUEST", 0),
        ("cancelled", DOHA, "CANCEL", 1),
        ("invitation", DOHA, "REQUEST", 2),
    ]


async def test_who_leaves_the_audience_is_cancelled_while_who_stays_hears_nothing(stage: Stage) -> None:
    await stage.apply(a_configuration(a_series(), members=NAMED), APRIL)
    await stage.play(APRIL, LATE_MAY)
    arab = a_session(audience=Audience("Arab countries", regions=("arab-states",)))

    await stage.apply(a_configuration(a_series(arab), members=NAMED), LATE_MAY)
    await stage.play(LATE_MAY, at("2027-05-27T08:00:00+00:00"))

    later = [row for row in await stage.sent() if row.sent_at and row.sent_at >= LATE_MAY]
    assert sorted(told(later)) == [
        ("cancelled", MEDELLIN, "CANCEL", 1),
        ("cancelled", MELTON, "CANCEL", 1),
    ]


async def test_who_enters_the_audience_is_invited_to_the_present_state(stage: Stage) -> None:
    arab = a_session(audience=Audience("Arab countries", regions=("arab-states",)))
    await stage.apply(a_configuration(a_series(arab), members=(DOHA, MEDELLIN)), APRIL)
    await stage.play(APRIL, LATE_MAY)

    await stage.apply(a_configuration(a_series(), members=(DOHA, MEDELLIN)), LATE_MAY)
    await stage.play(LATE_MAY, at("2027-05-27T08:00:00+00:00"))

    later = [row for row in await stage.sent() if row.sent_at and row.sent_at >= LATE_MAY]
    assert told(later) == [
        ("announcement", MEDELLIN, None, 0),
        ("invitation", MEDELLIN, "REQUEST", 0),
    ]


@ON_SQLITE
async def test_a_member_that_joins_later_gets_no_reminder_of_before(stage: Stage) -> None:
    """It joins on 10 June: after the week before, before the working day before."""
    joining = Membership(Span(date(2027, 6, 10), date(2027, 6, 10)), None, "announced")
    house = a_configuration(a_series(), members=(DOHA,))
    newcomer = replace(house.members[0], memberships=(joining,))
    await stage.apply(replace(house, members=(newcomer,)), APRIL)

    await stage.play(APRIL, JULY)

    assert [(row.rule, row.sent_at) for row in await stage.sent()] == [
        ("announcement", at("2027-06-10T09:00:00+02:00")),
        ("invitation", at("2027-06-10T09:00:00+02:00")),
        ("working-day-before", at("2027-06-13T09:00:00+03:00")),
    ]


@ON_SQLITE
async def test_a_session_whose_time_comes_later_keeps_its_uid(stage: Stage) -> None:
    await stage.apply(a_configuration(a_series(a_session(start=None, end=None)), members=(DOHA,)), APRIL)
    await stage.play(APRIL, LATE_MAY)
    assert {row.kind.value for row in await stage.sent()} == {"announcement"}

    await stage.apply(a_configuration(a_series(), members=(DOHA,)), LATE_MAY)
    await stage.play(LATE_MAY, at("2027-05-27T08:00:00+00:00"))

    invitation = (await stage.sent("invitation"))[0]
    assert (invitation.uid, invitation.sequence) == ("first.talks@learning-cities.example", 1)


@ON_SQLITE
async def test_a_session_that_vanished_from_the_files_is_held_not_cancelled(stage: Stage) -> None:
    two = a_series(a_session(), a_session(id="second", on=date(2027, 6, 21)))
    await stage.apply(a_configuration(two, members=(DOHA,)), APRIL)
    await stage.play(APRIL, LATE_MAY)

    held = await stage.apply(a_configuration(a_series(), members=(DOHA,)), LATE_MAY)
    await stage.play(LATE_MAY, JULY)

    assert held == ["second.talks"]
    assert await stage.sent("cancelled") == []
    assert {row.occurrence for row in await stage.sent("reminder")} == {"first.talks"}


async def test_a_row_of_a_session_moved_before_it_was_sent_is_withdrawn(stage: Stage) -> None:
    await stage.apply(a_configuration(a_series(), members=(DOHA,)), APRIL)
    await stage.play(APRIL, LATE_MAY)
    due = at("2027-06-07T06:00:00+00:00")
    await queue_without_delivering(stage, due)

    moved = a_session(on=date(2027, 6, 16))
    await stage.apply(a_configuration(a_series(moved), members=(DOHA,)), due)
    await stage.play(due, JULY)

    assert (await stage.states())["reminder", "withdrawn"] == 1
    assert {row.starts_at for row in await stage.sent("reminder")} == {at("2027-06-16T11:00:00+00:00")}


async def test_an_address_outside_the_allowed_domains_is_never_written_to(stage: Stage) -> None:
    house = a_configuration(a_series(), members=(DOHA,))
    stranger = replace(house.members[0], contacts=(Contact("coordinator", "city@real.org"),))
    await stage.apply(replace(house, members=(stranger,)), APRIL)

    await stage.play(APRIL, JULY)

    assert await stage.sent() == []
    assert {state for _, state in await stage.states()} == {"failed"}


@ON_SQLITE
async def test_the_recording_is_sent_once_when_it_comes(stage: Stage) -> None:
    """It comes when day 21 is over; the summary two weeks later says nothing more."""
    await stage.apply(a_configuration(a_series(), members=(DOHA,)), APRIL)
    await stage.play(APRIL, JULY)
    recorded = a_session(recording="https://recordings.cities.example/1")
    await stage.apply(a_configuration(a_series(recorded), members=(DOHA,)), JULY)
    august = at("2027-08-02T08:00:00+00:00")
    await stage.play(JULY, august)

    summed_up = replace(recorded, summary="https://cities.example/summary")
    await stage.apply(a_configuration(a_series(summed_up), members=(DOHA,)), august)
    await stage.play(august, at("2027-09-01T08:00:00+00:00"))

    assert [row.sent_at for row in await stage.sent("follow-up")] == [at("2027-07-15T08:10:00+00:00")]


@ON_SQLITE
async def test_a_rule_switched_on_says_nothing_of_the_past(stage: Stage) -> None:
    recorded = a_session(recording="https://recordings.cities.example/1")
    silent = tuple(replace(r, enabled=r.id != "follow-up") for r in a_series().rules)
    await stage.apply(a_configuration(a_series(recorded, rules=silent), members=(DOHA,)), APRIL)
    await stage.play(APRIL, JULY)

    await stage.apply(a_configuration(a_series(recorded), members=(DOHA,)), JULY)
    await stage.play(JULY, at("2027-09-01T08:00:00+00:00"))

    assert await stage.sent("follow-up") == []


async def test_a_cancellation_after_another_edit_is_told(stage: Stage) -> None:
    """The first edit must leave nothing behind that stands in the way of the second."""
    await stage.apply(a_configuration(a_series(), members=(DOHA,)), APRIL)
    await stage.play(APRIL, LATE_MAY)
    await stage.apply(a_configuration(a_series(a_session(title="Renamed")), members=(DOHA,)), LATE_MAY)
    june = at("2027-06-01T08:00:00+00:00")
    await stage.play(LATE_MAY, june)

    off = a_session(title="Renamed", status=Status.CANCELLED)
    await stage.apply(a_configuration(a_series(off), members=(DOHA,)), june)
    await stage.play(june, JULY)

    assert told((await stage.sent())[2:]) == [("cancelled", DOHA, "CANCEL", 1)]


async def test_what_was_withdrawn_can_be_told_when_it_is_true_again(stage: Stage) -> None:
    """Cancelled, restored before anybody was told, cancelled again: the second one is told."""
    house = a_configuration(a_series(), members=(DOHA,))
    off = a_configuration(a_series(a_session(status=Status.CANCELLED)), members=(DOHA,))
    await stage.apply(house, APRIL)
    await stage.play(APRIL, LATE_MAY)
    await stage.apply(off, LATE_MAY)
    await queue_without_delivering(stage, at("2027-05-25T08:30:00+00:00"))
    await stage.apply(house, at("2027-05-25T08:31:00+00:00"))
    await stage.play(at("2027-05-25T08:31:00+00:00"), at("2027-05-26T08:00:00+00:00"))

    await stage.apply(off, at("2027-05-26T08:00:00+00:00"))
    await stage.play(at("2027-05-26T08:00:00+00:00"), JULY)

    assert [row.kind.value for row in (await stage.sent())[2:]] == ["cancelled"]


@ON_SQLITE
async def test_a_near_session_moved_away_is_told_at_once(stage: Stage) -> None:
    """At 11:30 in Hamburg its 13:00 session moves a week on; in Melton it is 19:30 and then night."""
    await stage.apply(a_configuration(a_series(), members=(MELTON,)), APRIL)
    morning = at("2027-06-14T11:30:00+02:00")
    await stage.play(APRIL, morning)

    moved = a_session(on=date(2027, 6, 21))
    await stage.apply(a_configuration(a_series(moved), members=(MELTON,)), morning)
    await stage.play(morning, JULY)

    assert [row.sent_at for row in await stage.sent("changed")] == [morning]


@ON_SQLITE
async def test_a_near_cancellation_is_told_whatever_the_engine_did_at_that_instant(stage: Stage) -> None:
    await stage.apply(a_configuration(a_series(), members=(DOHA,)), APRIL)
    noon = at("2027-06-14T12:00:00+02:00")
    await stage.play(APRIL, noon)
    await queue_without_delivering(stage, noon)

    off = a_series(a_session(status=Status.CANCELLED))
    await stage.apply(a_configuration(off, members=(DOHA,)), noon)
    await stage.play(noon, JULY)

    assert [row.kind.value for row in (await stage.sent())[-1:]] == ["cancelled"]


@ON_SQLITE
async def test_what_became_of_a_postponed_session_is_told_after_its_old_day(stage: Stage) -> None:
    await stage.apply(a_configuration(a_series(), members=(DOHA,)), APRIL)
    await stage.play(APRIL, LATE_MAY)
    postponed = a_session(status=Status.POSTPONED)
    await stage.apply(a_configuration(a_series(postponed), members=(DOHA,)), LATE_MAY)
    await stage.play(LATE_MAY, JULY)

    fixed = a_series(a_session(on=date(2027, 9, 6)))
    await stage.apply(a_configuration(fixed, members=(DOHA,)), JULY)
    await stage.play(JULY, at("2027-07-20T08:00:00+00:00"))

    assert [row.kind.value for row in (await stage.sent())[2:]] == ["changed", "changed"]


@ON_SQLITE
async def test_a_postponed_session_that_is_given_up_is_cancelled_after_its_old_day(stage: Stage) -> None:
    await stage.apply(a_configuration(a_series(), members=(DOHA,)), APRIL)
    await stage.play(APRIL, LATE_MAY)
    postponed = a_series(a_session(status=Status.POSTPONED))
    await stage.apply(a_configuration(postponed, members=(DOHA,)), LATE_MAY)
    await stage.play(LATE_MAY, JULY)

    off = a_series(a_session(status=Status.CANCELLED))
    await stage.apply(a_configuration(off, members=(DOHA,)), JULY)
    await stage.play(JULY, at("2027-07-20T08:00:00+00:00"))

    assert [row.kind.value for row in (await stage.sent())[2:]] == ["changed", "cancelled"]


@ON_SQLITE
async def test_a_session_cancelled_after_it_took_place_is_told_to_nobody(stage: Stage) -> None:
    await stage.apply(a_configuration(a_series(), members=(DOHA,)), APRIL)
    await stage.play(APRIL, JULY)

    off = a_series(a_session(status=Status.CANCELLED))
    await stage.apply(a_configuration(off, members=(DOHA,)), JULY)
    await stage.play(JULY, at("2027-07-20T08:00:00+00:00"))

    assert await stage.sent("cancelled") == []


async def test_who_could_not_be_written_to_is_invited_when_that_is_allowed(stage: Stage) -> None:
    house = a_configuration(a_series(), members=(DOHA,))
    barred = replace(house, network=replace(house.network, only_to=("hamburg.example",)))
    await stage.apply(barred, APRIL)
    await stage.play(APRIL, LATE_MAY)

    await stage.apply(house, LATE_MAY)
    await stage.play(LATE_MAY, at("2027-05-27T08:00:00+00:00"))

    assert [row.kind.value for row in await stage.sent()] == ["announcement", "invitation"]


@ON_SQLITE
async def test_who_enters_later_gets_no_reminder_of_before(stage: Stage) -> None:
    """The week before is over when the audience grows on 10 June."""
    arab = a_session(audience=Audience("Arab countries", regions=("arab-states",)))
    await stage.apply(a_configuration(a_series(arab), members=(DOHA, MEDELLIN)), APRIL)
    june = at("2027-06-10T08:00:00+00:00")
    await stage.play(APRIL, june)

    await stage.apply(a_configuration(a_series(), members=(DOHA, MEDELLIN)), june)
    await stage.play(june, JULY)

    assert [row.rule for row in await stage.sent() if row.member == MEDELLIN] == [
        "announcement",
        "invitation",
        "working-day-before",
    ]


@ON_SQLITE
async def test_a_city_that_left_and_came_back_is_invited_when_it_is_back(stage: Stage) -> None:
    """It is no member on 17 May, when the others are invited."""
    first = Membership(Span(date(2015, 1, 1), date(2015, 1, 1)), date(2027, 5, 10), "stated")
    second = Membership(Span(date(2027, 6, 1), date(2027, 6, 1)), None, "announced")
    house = a_configuration(a_series(), members=(DOHA,))
    back = replace(house.members[0], memberships=(first, second))
    await stage.apply(replace(house, members=(back,)), APRIL)

    await stage.play(APRIL, JULY)

    assert [row.sent_at for row in await stage.sent("invitation")] == [at("2027-06-01T09:00:00+02:00")]


@ON_SQLITE
async def test_a_new_link_after_the_session_does_not_stop_the_follow_up(stage: Stage) -> None:
    await stage.apply(a_configuration(a_series(), members=(DOHA,)), APRIL)
    await stage.play(APRIL, at("2027-06-20T08:00:00+00:00"))
    recorded = a_session(recording="https://recordings.cities.example/1", join=Join())

    await stage.apply(a_configuration(a_series(recorded), members=(DOHA,)), at("2027-06-20T08:00:00+00:00"))
    await stage.play(at("2027-06-20T08:00:00+00:00"), JULY)

    assert len(await stage.sent("follow-up")) == 1


@ON_SQLITE
async def test_the_next_session_in_a_follow_up_lies_ahead(stage: Stage) -> None:
    """Day 21 of the first session: the second, a week after it, is over; the third is not."""
    first = a_session(recording="https://recordings.cities.example/1")
    others = [a_session(id=f"s{n}", title=f"Number {n}", on=date(2027, 6, n)) for n in (21, 28)]
    third = a_session(id="third", title="The one to come", on=date(2027, 7, 12))
    await stage.apply(a_configuration(a_series(first, *others, third), members=(DOHA,)), APRIL)

    await stage.play(APRIL, at("2027-07-10T08:00:00+00:00"))

    text = part(stage.message((await stage.sent("follow-up"))[0]), "text/plain")
    assert "The one to come" in text
    assert "Number" not in text


async def test_one_address_with_two_roles_is_written_to_once(stage: Stage) -> None:
    rules = tuple(replace(rule, to=("coordinator", "mayor")) for rule in a_series().rules)
    house = a_configuration(a_series(rules=rules), members=(DOHA,))
    both = (Contact("coordinator", "city@doha.example"), Contact("mayor", "city@doha.example"))
    await stage.apply(replace(house, members=(replace(house.members[0], contacts=both),)), APRIL)

    await stage.play(APRIL, LATE_MAY)

    assert [(row.rule, row.role) for row in await stage.sent()] == [
        ("announcement", "coordinator"),
        ("invitation", "coordinator"),
    ]


@ON_SQLITE
async def test_a_round_that_vanished_from_the_files_is_held(stage: Stage) -> None:
    house = only(cast.real(), ["report-2021"])
    opening = at("2021-09-20T08:00:00+00:00")
    await stage.apply(house, opening)

    held = await stage.apply(replace(house, cycles=()), at("2021-09-21T08:00:00+00:00"))
    await stage.play(at("2021-09-21T08:00:00+00:00"), at("2021-10-10T08:00:00+00:00"))

    assert held == ["report-2021"]
    assert await stage.sent() == []


async def queue_without_delivering(stage: Stage, now: datetime) -> None:
    """One look of the engine at `now`, and no deliverer."""
    clock = VirtualClock(now, JULY)
    await Engine(stage.database, clock, clock.bell(), Memory()).look()


async def test_two_engines_on_one_slot_are_harmless(stage: Stage) -> None:
    await stage.apply(a_configuration(a_series(), members=NAMED), APRIL)
    await queue_without_delivering(stage, LATE_MAY)
    async with stage.database.write() as connection:
        await connection.execute(update(tables.state).values(settled_until=APRIL))

    await queue_without_delivering(stage, LATE_MAY)

    states = await stage.states()
    assert states["invitation", "queued"] == len(NAMED)


def test_the_stage_has_open_membership() -> None:
    assert all(member.memberships == (cast.OPEN,) for member in a_configuration().members)
