"""What may befall a case over years: files that vanish, deadlines that come back, people and programs that
contradict each other. Each of these went wrong once.

The round of 2021 ends on 31 December 2021 at 23:59:59 in Hamburg.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pytest

from scheduler.model.cases import Case, State
from scheduler.model.cycles import IN_THE_CITY, Duty
from scheduler.model.notices import Days
from scheduler.service.apply import know_cases
from scheduler.service.cases import Cases, Said
from scheduler.service.in_force import Memory, read_in_force
from scheduler.service.planning import draw_up, read_ground
from scheduler.service.releasing import Releasing
from scheduler.store import cases, erasures, passing_on, tables
from scheduler.web.api_words import CaseSaid
from tests.cast import KASHAN, MEDELLIN, MELTON, at
from tests.service.stage import LINKS, Stage
from tests.service.test_cases import (
    AL_WAKRA,
    BEFORE,
    DAY,
    DEADLINE,
    OPENED,
    ROUND,
    SIX,
    case,
    house,
    kinds_to,
    say,
    the_round,
    until,
)

#: Of what no statement decides: one kind of database is enough.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

MORE = date(2022, 2, 28)
ENDS = date(2022, 7, 1)


async def release(stage: Stage, now: datetime) -> None:
    desk = Releasing(stage.database, LINKS, LINKS.key)
    await desk.release(await desk.look(ROUND, now=now), by="Anna", now=now)


async def released(stage: Stage, slug: str = MELTON, **changes: object) -> Case:
    """A city that did not report, and whose letter has left."""
    now = DEADLINE + 10 * DAY
    await stage.apply(house(the_round(membership_ends=ENDS, **changes), members=SIX), now)
    await say(stage, slug, State.NOT_SUBMITTED, now)
    await release(stage, now)
    return await case(stage, slug)


async def test_a_zone_that_is_put_right_years_later_brings_no_membership_back(stage: Stage) -> None:
    before = await released(stage, deadline=replace(the_round().deadline, zone=IN_THE_CITY))
    files = house(
        the_round(membership_ends=ENDS, deadline=replace(the_round().deadline, zone=IN_THE_CITY)), members=SIX
    )
    perth = tuple(
        replace(one, zone="Australia/Perth") if one.slug == MELTON else one for one in files.members
    )

    await stage.apply(replace(files, members=perth), at("2023-03-01T10:00:00+01:00"))

    after = await case(stage, MELTON)
    assert (after.state, after.released_at, after.ends_on) == (
        State.NOT_SUBMITTED,
        before.released_at,
        date(2022, 6, 30),
    )


async def test_more_time_that_is_over_already_opens_nothing(stage: Stage) -> None:
    await released(stage)

    files = house(the_round(membership_ends=ENDS, extensions=until(date(2022, 1, 5), MELTON)))
    await stage.apply(files, DEADLINE + 60 * DAY)

    assert (await case(stage, MELTON)).state is State.NOT_SUBMITTED


async def test_a_round_in_its_extension_is_held_when_its_file_vanishes(stage: Stage) -> None:
    files = house(the_round(extensions=until(MORE)))
    await stage.apply(files, BEFORE)

    assert await stage.apply(replace(files, cycles=()), DEADLINE + 10 * DAY) == [ROUND]


async def test_a_letter_that_waits_for_the_morning_outlives_the_file(stage: Stage) -> None:
    files, night = house(the_round(membership_ends=ENDS), members=SIX), at("2022-01-20T23:30:00+01:00")
    await stage.apply(files, BEFORE)
    await say(stage, AL_WAKRA, State.NOT_SUBMITTED, night)
    await release(stage, night)

    await stage.apply(replace(files, cycles=()), night + timedelta(minutes=5))
    await stage.play(night, night + DAY)

    states = {state for _, state, _ in await stage.reasons("report-not-submitted")}
    assert states == {"sent"}


async def test_a_deadline_that_comes_back_is_told_again(stage: Stage) -> None:
    now = at("2021-10-04T10:00:00+02:00")
    longer = house(the_round(extensions=until(MORE, MELTON)))
    await stage.apply(house(), BEFORE)
    await stage.play(BEFORE, now)

    for number, files in enumerate((longer, house(), longer)):
        then = now + number * 7 * DAY
        await stage.apply(files, then)
        await stage.play(then, then + 7 * DAY)

    days = [row.ends_at.date() for row in await stage.sent("report-moved") if row.ends_at]
    assert days == [MORE, date(2021, 12, 31), MORE]


async def test_a_report_after_all_has_its_receipt(stage: Stage) -> None:
    now = DEADLINE + 10 * DAY
    await stage.apply(house(), BEFORE)
    await say(stage, MELTON, State.NOT_SUBMITTED, now)

    assert (await say(stage, MELTON, State.SUBMITTED, now + DAY)).receipts == 1


async def test_a_program_that_repeats_itself_undoes_no_outcome(stage: Stage) -> None:
    """Nor does it make a report late that came in time."""
    await stage.apply(house(), BEFORE)
    door = Cases(stage.database, Memory())
    first, again = (
        CaseSaid.model_validate({"state": "submitted", "at": when})
        for when in ("2021-12-10T14:00:00+01:00", "2022-01-07T14:00:00+01:00")
    )
    await door.record(ROUND, [first.of(MELTON)], by="api:survey", now=at("2021-12-10T15:00:00+01:00"))
    await say(stage, MELTON, State.RENEWED, DEADLINE + 5 * DAY)

    done = await door.record(ROUND, [again.of(MELTON)], by="api:survey", now=DEADLINE + 8 * DAY)

    found = await case(stage, MELTON)
    assert (done.known, found.state, found.is_late) == ((MELTON,), State.RENEWED, False)


async def test_who_is_sent_back_hears_of_the_deadline_that_was_moved_meanwhile(stage: Stage) -> None:
    now = at("2021-12-10T10:00:00+01:00")
    await stage.apply(house(), BEFORE)
    await stage.play(BEFORE, now)
    await say(stage, MELTON, State.SUBMITTED, now)
    await stage.apply(house(the_round(extensions=until(MORE))), now + DAY)
    await stage.play(now + DAY, now + 2 * DAY)

    await say(stage, MELTON, State.OPEN, now + 2 * DAY)
    await stage.play(now + 2 * DAY, now + 3 * DAY)

    assert ("moved", "coordinator") in await kinds_to(stage, MELTON)


async def test_the_order_of_decisions_makes_no_difference(stage: Stage) -> None:
    """Or the files would seem to differ from what is in force for ever."""
    files, door = house(members=SIX), Cases(stage.database, Memory())
    await stage.apply(files, BEFORE)
    for slug in (MELTON, KASHAN):
        await door.decide(ROUND, [slug], Duty.EXCEPTED, because="agreed", by="Anna", now=BEFORE)

    plan = draw_up(files, await read_ground(stage.database, BEFORE), now=BEFORE, until=DEADLINE)

    assert plan.is_in_force


async def test_one_city_said_twice_moves_once(stage: Stage) -> None:
    await stage.apply(house(), BEFORE)
    said = [Said(MELTON, State.SUBMITTED)] * 2

    done = await Cases(stage.database, Memory()).record(ROUND, said, by="Anna", now=BEFORE)

    assert (len(done.moves), done.known) == (1, (MELTON,))


async def test_a_city_that_nobody_reaches_is_not_named_for_ever(stage: Stage) -> None:
    files = house()
    alone = tuple(replace(one, contacts=()) if one.slug == MELTON else one for one in files.members)
    await stage.apply(replace(files, members=alone), BEFORE)

    async with stage.database.read() as connection:
        assert (await passing_on.unreached(connection, OPENED))[ROUND] == (MELTON,)
        assert await passing_on.unreached(connection, DEADLINE + 400 * DAY) == {}


async def test_after_an_upgrade_no_sequence_falls(stage: Stage) -> None:
    """A database of before knew of no cases, and calendars showed the SEQUENCE of the round."""
    later = replace(the_round().deadline, on=date(2022, 1, 31))
    await stage.apply(house(), BEFORE)
    await stage.apply(house(the_round(deadline=later)), BEFORE + DAY)
    async with stage.database.write() as connection:
        await connection.execute(tables.case_log.delete())
        await connection.execute(tables.cases.delete())

    found = [await sequence(stage)]
    await know_cases(stage.database, BEFORE + 2 * DAY)
    found.append(await sequence(stage))

    assert found == [1, 1]


async def sequence(stage: Stage) -> int:
    async with stage.database.read() as connection:
        in_force = await read_in_force(connection)
    return in_force.revision_of(in_force.occurrences[ROUND], in_force.members[MELTON]).sequence


async def test_an_address_in_the_log_goes_with_who_had_it(stage: Stage) -> None:
    await stage.apply(house(), BEFORE)
    await say(stage, MELTON, State.SUBMITTED, OPENED, reason="so says Maria@Melton.example by mail")

    async with stage.database.write() as connection:
        await erasures.forget(connection, "maria@melton.example", [])
        reasons = [line.reason for line in await cases.log(connection, ROUND, MELTON)]

    assert not any("melton.example" in reason.lower() for reason in reasons)


async def test_nothing_is_overdue_before_the_deadline(stage: Stage) -> None:
    """In Melton 28 February, 23:59:59 in Hamburg, is 1 March, 09:59:59: an hour after the day's mails."""
    await stage.apply(house(the_round(extensions=until(MORE))), DEADLINE)
    await stage.play(DEADLINE, at("2022-03-10T10:00:00+01:00"))

    due = {row.due_at for row in await stage.sent("report-overdue") if row.member == MELTON}

    assert due == {at("2022-03-02T09:00:00+11:00")}


async def test_after_an_outage_nothing_asks_for_a_report_on_a_weekend(stage: Stage) -> None:
    """In Al Wakra Friday and Saturday are off; the rung of 14 days fell on Thursday 16 December."""
    await stage.apply(house(members=SIX), BEFORE)
    await stage.play(BEFORE, at("2021-12-15T12:00:00+03:00"))

    await stage.play(at("2021-12-17T12:00:00+03:00"), at("2021-12-22T12:00:00+03:00"))

    sent = {row.sent_at for row in await stage.sent() if (row.member, row.rule) == (AL_WAKRA, "days-14")}
    assert sent == {at("2021-12-19T09:00:00+03:00")}


async def test_another_reason_for_one_city_is_no_news_to_the_calendars_of_others(stage: Stage) -> None:
    await stage.apply(house(the_round(extensions=until(MORE, MELTON))), BEFORE)
    before = await changed_at(stage)

    await stage.apply(house(the_round(extensions=until(MORE, MELTON, because="an earthquake"))), OPENED)

    assert await changed_at(stage) == before


async def changed_at(stage: Stage) -> datetime:
    async with stage.database.read() as connection:
        return (await read_in_force(connection)).revisions[ROUND].changed_at


async def test_a_night_before_the_weekend_sends_nothing_into_it(stage: Stage) -> None:
    """In Medellín Friday 31 December, 22:30, would wait for Saturday morning."""
    rules = tuple(
        replace(rule, when=Days(-5, time(22, 30), on_working_day=True)) if rule.id == "days-7" else rule
        for rule in the_round().rules
    )
    longer = replace(the_round(extensions=until(date(2022, 1, 5), MEDELLIN)), rules=rules)
    await stage.apply(house(longer), DEADLINE - 5 * DAY)
    await stage.play(DEADLINE - 5 * DAY, DEADLINE + 5 * DAY)

    sent = {row.due_at for row in await stage.sent() if (row.member, row.rule) == (MEDELLIN, "days-7")}
    assert sent == {at("2021-12-31T09:00:00-05:00")}
