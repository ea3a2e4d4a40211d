"""What is said of cases, by calendars, files and people, and what follows (stories US-22 to US-24).

The round of 2021 ends on 31 December 2021 at 23:59:59 in Hamburg, which is 22:59:59Z, and opens there on
27 September; Hamburg's clock is UTC+1 from 31 October, UTC+2 before.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from scheduler.errors import CasesRefused, SchedulerError
from scheduler.model.cases import Case, State
from scheduler.model.cycles import Cycle, Duty, Extension
from scheduler.model.members import Member, Membership, Span
from scheduler.model.network import Configuration
from scheduler.model.notices import Kind
from scheduler.service.cases import Cases, Done, Said
from scheduler.service.in_force import Memory, read_in_force
from scheduler.service.planning import draw_up, read_ground
from scheduler.store import cases, holds, ledger
from scheduler.store.holds import EVERYTHING, Hold
from tests import cast
from tests.cast import KASHAN, MEDELLIN, MELTON, at
from tests.service.stage import Stage

ROUND = "report-2021"
GDYNIA, AL_WAKRA, AL_SHAHANIYA, DOHA, GARISSA = "gdynia", "al-wakra", "al-shahaniya", "doha", "garissa"
FOUR = (MELTON, MEDELLIN, AL_SHAHANIYA, GARISSA)
SIX = (*FOUR, KASHAN, AL_WAKRA)
BEFORE = at("2021-09-20T10:00:00+02:00")
OPENED = at("2021-09-28T10:00:00+02:00")
DEADLINE = at("2021-12-31T23:59:59+01:00")
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


def the_round(**changes: object) -> Cycle:
    """With nothing but what it is about: no digests, so that mails are easy to count."""
    cycle = next(one for one in cast.real().cycles if one.id == ROUND)
    rules = tuple(
        replace(rule, enabled=False) if rule.kind is Kind.REPORT_DIGEST else rule for rule in cycle.rules
    )
    return replace(cycle, rules=rules, **changes)  # type: ignore[arg-type]


def house(cycle: Cycle | None = None, *, members: tuple[str, ...] = FOUR) -> Configuration:
    """Some real cities with their real memberships."""
    real = cast.real()
    chosen = tuple(member for member in real.members if member.slug in members)
    return replace(real, members=chosen, series=(), cycles=(cycle or the_round(),))


def until(day: date, *slugs: str, because: str = "a flood") -> tuple[Extension, ...]:
    return (Extension(day, because, members=slugs),)


async def case(stage: Stage, slug: str) -> Case:
    async with stage.database.read() as connection:
        (found,) = await cases.read(connection, ROUND, [slug])
    return found


async def say(stage: Stage, slug: str, state: State, now: datetime, **more: object) -> Done:
    said = Said(slug, state, **more)  # type: ignore[arg-type]
    return await Cases(stage.database, Memory()).record(ROUND, [said], by="Anna", now=now)


async def kinds_to(stage: Stage, slug: str) -> list[tuple[str, str]]:
    """(rule, role) of each mail that a city got, in the order of sending."""
    return [(row.rule, row.role) for row in await stage.sent() if row.member == slug]


async def test_each_member_has_a_case_that_says_where_it_stands(stage: Stage) -> None:
    await stage.apply(house(members=(*SIX, DOHA)), BEFORE)

    async with stage.database.read() as connection:
        found = {one.member: one.state for one in await cases.read(connection, ROUND)}

    assert found == {
        **dict.fromkeys((MELTON, MEDELLIN, KASHAN, AL_WAKRA), State.DUE),
        AL_SHAHANIYA: State.EXCEPTED,
        GARISSA: State.UNDECIDED,
    }


async def test_the_real_round_has_the_numbers_of_the_sources(stage: Stage) -> None:
    """US-22.1: 111 due, 41 excepted, 27 undecided, and 157 were no members then."""
    await stage.apply(replace(cast.real(), series=()), BEFORE)

    async with stage.database.read() as connection:
        states = Counter(one.state for one in await cases.read(connection, ROUND))
        later = Counter(one.state for one in await cases.read(connection, "report-2022"))

    assert states == {State.DUE: 111, State.EXCEPTED: 41, State.UNDECIDED: 27}
    assert later[State.DUE] == 41


async def test_the_calendar_opens_and_closes_a_case(stage: Stage) -> None:
    await stage.apply(house(), BEFORE)
    await stage.play(BEFORE, DEADLINE + DAY)

    async with stage.database.read() as connection:
        log = await cases.log(connection, ROUND, MELTON)

    assert [(line.before, line.after, line.actor) for line in log] == [
        ("", "due", "staff"),
        ("due", "open", "the calendar"),
        ("open", "closed", "the calendar"),
    ]
    assert [line.at for line in log[1:]] == [at("2021-09-27T09:00:00+10:00"), DEADLINE + SECOND]


async def test_an_undecided_city_gets_nothing_until_a_person_decides(stage: Stage) -> None:
    """US-22.2"""
    await stage.apply(house(), BEFORE)
    await stage.play(BEFORE, OPENED)
    assert await kinds_to(stage, GARISSA) == []

    door = Cases(stage.database, Memory())
    await door.decide(
        ROUND, [GARISSA], Duty.DUE, because="joined in 2019, says the mayor", by="Anna", now=OPENED
    )
    await stage.play(OPENED, OPENED + DAY)

    assert await kinds_to(stage, GARISSA) == [("opened", "coordinator")]
    async with stage.database.read() as connection:
        line = (await cases.log(connection, ROUND, GARISSA))[-1]
    assert (line.before, line.after, line.actor, line.at) == ("undecided", "open", "Anna", OPENED)
    assert line.reason == "joined in 2019, says the mayor"


async def test_a_decision_wins_over_the_files(stage: Stage) -> None:
    await stage.apply(house(), BEFORE)
    door = Cases(stage.database, Memory())
    await door.decide(ROUND, [MELTON], Duty.EXCEPTED, because="agreed by telephone", by="Anna", now=BEFORE)

    await stage.apply(house(the_round(title="Another title")), BEFORE + DAY)

    assert (await case(stage, MELTON)).state is State.EXCEPTED


async def test_a_decision_can_be_left_to_the_files_again(stage: Stage) -> None:
    await stage.apply(house(), BEFORE)
    door = Cases(stage.database, Memory())
    await door.decide(ROUND, [MELTON], Duty.EXCEPTED, because="a mistake", by="Anna", now=BEFORE)

    await door.decide(ROUND, [MELTON], Duty.UNDECIDED, because="it must report", by="Anna", now=BEFORE)

    assert (await case(stage, MELTON)).state is State.DUE


async def test_a_corrected_date_of_joining_moves_a_city_into_the_round(stage: Stage) -> None:
    """US-22.5: staff see the consequence before."""
    await stage.apply(house(), BEFORE)
    joined = Membership(Span(date(2019, 7, 1), date(2019, 7, 31)), None, "announced")
    corrected = with_memberships(house(), AL_SHAHANIYA, joined)

    ground = await read_ground(stage.database, OPENED)
    plan = draw_up(corrected, ground, now=OPENED, until=DEADLINE)
    await stage.apply(corrected, OPENED)

    (move,) = plan.cases
    assert (move.after.member, move.before and move.before.state) == (AL_SHAHANIYA, State.EXCEPTED)
    assert move.after.state is State.OPEN
    assert plan.mails_to(AL_SHAHANIYA) == 8  # the opening, five rungs, and the mayor on the last two
    assert (await case(stage, AL_SHAHANIYA)).state is State.OPEN


async def test_a_city_that_was_withdrawn_gets_nothing_more(stage: Stage) -> None:
    """US-22.6: what it got before stays in the log."""
    await stage.apply(house(), BEFORE)
    await stage.play(BEFORE, OPENED)
    await stage.apply(house(members=tuple(slug for slug in FOUR if slug != MELTON)), OPENED)
    await stage.play(OPENED, DEADLINE)

    assert await kinds_to(stage, MELTON) == [("opened", "coordinator")]


async def test_a_report_stops_what_asks_for_it(stage: Stage) -> None:
    """US-24.2: all later rungs, within a minute; a receipt goes out."""
    submitted_at = at("2021-12-10T15:00:00+01:00")
    await stage.apply(house(), BEFORE)
    await stage.play(BEFORE, submitted_at)
    before = await kinds_to(stage, MELTON)

    done = await say(stage, MELTON, State.SUBMITTED, submitted_at)
    await stage.play(submitted_at, DEADLINE + 5 * DAY)

    assert done.receipts == 1
    assert (await kinds_to(stage, MELTON))[len(before) :] == [("received", "coordinator")]
    assert [rule for rule, _ in before] == ["opened", "days-90", "days-30"]


async def test_what_waits_is_withdrawn_when_the_report_comes(stage: Stage) -> None:
    now = at("2021-12-17T12:00:00+01:00")
    await stage.apply(house(), BEFORE)
    await stage.play(BEFORE, now - DAY)
    async with stage.database.write() as connection:
        await holds.put(connection, Hold(EVERYTHING, now - DAY, "Anna", "a test"))
    await stage.play(now - DAY, now)

    done = await say(stage, MELTON, State.SUBMITTED, now)

    assert done.withdrawn == 1
    reasons = await stage.reasons("report-reminder")
    assert reasons["days-14", "withdrawn", "the report has come, or none is asked for any more"] == 1


async def test_the_mayor_is_copied_on_the_last_two_rungs(stage: Stage) -> None:
    await stage.apply(house(), BEFORE)
    await stage.play(BEFORE, DEADLINE)

    mayors = [rule for rule, role in await kinds_to(stage, MEDELLIN) if role == "mayor"]

    assert mayors == ["days-7", "days-1"]


async def test_who_did_not_report_hears_that_it_is_overdue(stage: Stage) -> None:
    """In Medellín the deadline is on Friday 31 December, and the next working day is Monday; in Kashan and Al
    Wakra it is on Saturday 1 January, and the day after is a working day."""
    late = DEADLINE - DAY
    await stage.apply(house(members=SIX), late)
    await stage.play(late, DEADLINE + 5 * DAY)

    overdue = {row.member: row.due_at for row in await stage.sent("report-overdue")}

    assert overdue[MEDELLIN] == at("2022-01-03T09:00:00-05:00")
    assert overdue[KASHAN] == at("2022-01-02T09:00:00+03:30")
    assert overdue[AL_WAKRA] == at("2022-01-02T09:00:00+03:00")
    assert ("overdue", "mayor") in await kinds_to(stage, MEDELLIN)


@pytest.mark.parametrize(
    ("came_at", "is_late"),
    [
        ("2021-12-31T22:59:59+00:00", False),
        ("2021-12-31T22:59:59.900+00:00", False),
        ("2021-12-31T23:00:00+00:00", True),
    ],
)
async def test_the_last_second_is_in_time(stage: Stage, came_at: str, is_late: bool) -> None:
    """US-23.3: what comes later is taken all the same, and marked."""
    await stage.apply(house(), BEFORE)

    await say(stage, MELTON, State.SUBMITTED, DEADLINE + DAY, at=at(came_at))

    found = await case(stage, MELTON)
    assert (found.state, found.is_late) == (State.SUBMITTED, is_late)


async def test_more_time_for_one_city_is_told_once(stage: Stage) -> None:
    """US-23.5: the ladder is built anew, SEQUENCE grows by one."""
    now = at("2021-12-20T10:00:00+01:00")
    await stage.apply(house(), BEFORE)
    await stage.play(BEFORE, now)
    before = len(await kinds_to(stage, MELTON))

    await stage.apply(house(the_round(extensions=until(date(2022, 2, 28), MELTON))), now)
    await stage.play(now, at("2022-03-10T10:00:00+01:00"))

    rules = [rule for rule, role in (await kinds_to(stage, MELTON))[before:] if role == "coordinator"]
    assert rules == ["moved", "days-30", "days-14", "days-7", "days-1", "overdue"]
    assert [row.member for row in await stage.sent("report-moved")] == [MELTON]
    assert (await case(stage, MELTON)).revision == 1
    assert (await case(stage, MEDELLIN)).revision == 0


async def test_who_has_reported_hears_of_no_extension(stage: Stage) -> None:
    now = at("2021-12-20T10:00:00+01:00")
    await stage.apply(house(), BEFORE)
    await stage.play(BEFORE, now)
    await say(stage, MELTON, State.SUBMITTED, now)

    await stage.apply(house(the_round(extensions=until(date(2022, 2, 28)))), now)
    await stage.play(now, now + DAY)

    assert {row.member for row in await stage.sent("report-moved")} == {MEDELLIN}


async def test_an_extension_after_the_deadline_opens_a_case_again(stage: Stage) -> None:
    """Trap 32: also where it was noted already that nothing came."""
    now = DEADLINE + 10 * DAY
    await stage.apply(house(), BEFORE)
    await stage.play(BEFORE, now)
    await say(stage, MELTON, State.NOT_SUBMITTED, now)

    extensions = until(date(2022, 2, 28), MELTON, MEDELLIN)
    await stage.apply(house(the_round(extensions=extensions)), now)

    assert {(await case(stage, slug)).state for slug in (MELTON, MEDELLIN)} == {State.OPEN}
    async with stage.database.read() as connection:
        line = (await cases.log(connection, ROUND, MELTON))[-1]
    assert line.reason == (
        "the deadline is 2022-02-28 22:59:59 UTC, not 2021-12-31 22:59:59 UTC (a flood); "
        "the case is open again"
    )


async def test_the_same_files_again_change_no_case(stage: Stage) -> None:
    configuration = house(the_round(extensions=until(date(2022, 2, 28), MELTON)))
    await stage.apply(configuration, BEFORE)
    async with stage.database.read() as connection:
        before = await cases.log(connection, ROUND)

    await stage.apply(configuration, BEFORE + DAY)

    async with stage.database.read() as connection:
        assert await cases.log(connection, ROUND) == before


async def test_not_submitted_is_said_only_after_the_case_s_own_deadline(stage: Stage) -> None:
    """US-25.2"""
    await stage.apply(house(the_round(extensions=until(date(2022, 2, 28), MELTON))), BEFORE)

    with pytest.raises(CasesRefused, match="melton: its deadline, 2022-02-28 22:59:59 UTC, has not passed"):
        await say(stage, MELTON, State.NOT_SUBMITTED, DEADLINE + DAY)

    await say(stage, MELTON, State.NOT_SUBMITTED, at("2022-02-28T23:00:00+00:00"))
    assert (await case(stage, MELTON)).state is State.NOT_SUBMITTED


async def test_what_cannot_be_said_of_one_is_said_of_none(stage: Stage) -> None:
    await stage.apply(house(), BEFORE)
    said = [Said(slug, State.SUBMITTED) for slug in (MELTON, GARISSA, AL_SHAHANIYA, "atlantis")]

    with pytest.raises(CasesRefused) as refused:
        await Cases(stage.database, Memory()).record(ROUND, said, by="Anna", now=OPENED)

    assert refused.value.problems == (
        "garissa is undecided in report-2021; first: scheduler cases decide garissa --cycle report-2021",
        "al-shahaniya need not report in report-2021: excepted",
        "atlantis is no member",
    )
    assert (await case(stage, MELTON)).state is State.DUE


async def test_what_is_known_already_changes_nothing(stage: Stage) -> None:
    await stage.apply(house(), BEFORE)
    await say(stage, MELTON, State.SUBMITTED, OPENED)

    done = await say(stage, MELTON, State.SUBMITTED, OPENED + DAY)

    assert (done.known, done.moves, done.receipts) == ((MELTON,), (), 0)


async def test_a_report_that_is_sent_back_is_asked_for_again(stage: Stage) -> None:
    now = at("2021-12-20T10:00:00+01:00")
    await stage.apply(house(), BEFORE)
    await stage.play(BEFORE, now)
    await say(stage, MELTON, State.SUBMITTED, now)

    await say(stage, MELTON, State.OPEN, now + SECOND, reason="the file was empty")
    await stage.play(now + SECOND, DEADLINE)

    rules = [rule for rule, role in await kinds_to(stage, MELTON) if role == "coordinator"]
    assert rules[-2:] == ["days-7", "days-1"]


async def test_a_round_that_nobody_knows_is_refused(stage: Stage) -> None:
    await stage.apply(house(), BEFORE)

    with pytest.raises(SchedulerError, match='no round "report-2012" is in force; did you mean'):
        await Cases(stage.database, Memory()).record("report-2012", [], by="Anna", now=OPENED)


async def test_what_is_said_calls_back_what_is_claimed(stage: Stage) -> None:
    await stage.apply(house(), BEFORE)
    async with stage.database.read() as connection:
        before = await ledger.generation(connection)

    await say(stage, MELTON, State.SUBMITTED, OPENED)

    async with stage.database.read() as connection:
        assert await ledger.generation(connection) == before + 1


async def test_a_case_that_is_made_late_has_the_sequence_of_its_round(stage: Stage) -> None:
    """Its city's calendar may show the round's deadline from before there were cases."""
    await stage.apply(house(members=(MEDELLIN,)), BEFORE)
    await stage.apply(house(the_round(extensions=until(date(2022, 1, 15))), members=(MEDELLIN,)), OPENED)

    await stage.apply(house(the_round(extensions=until(date(2022, 1, 15)))), OPENED + DAY)

    async with stage.database.read() as connection:
        in_force = await read_in_force(connection)
    occurrence = in_force.occurrences[ROUND]
    found = {slug: in_force.revision_of(occurrence, in_force.members[slug]) for slug in (MEDELLIN, MELTON)}
    assert {slug: revision.sequence for slug, revision in found.items()} == {MEDELLIN: 1, MELTON: 1}


def with_memberships(configuration: Configuration, slug: str, *periods: Membership) -> Configuration:
    def changed(member: Member) -> Member:
        return replace(member, memberships=periods) if member.slug == slug else member

    return replace(configuration, members=tuple(map(changed, configuration.members)))
