"""How the letters in which a round ends are released, and how memberships end and begin anew (story US-25).

The round of 2021 ends on 31 December 2021 at 23:59:59 in Hamburg, 22:59:59Z; who is not renewed is a member
until 30 June 2022, which is over at midnight in Hamburg, 22:00Z. Hamburg's clock is UTC+2 from 27 March 2022.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from icalendar import Calendar
from sqlalchemy import select

from scheduler.configuration import normal
from scheduler.configuration.load import Loaded
from scheduler.errors import CasesRefused, PlanOutdated, SchedulerError
from scheduler.model.cases import LETTERS, Case, Learnt, State
from scheduler.model.cycles import Duty, Extension
from scheduler.model.members import Member, Membership, Span, Standing
from scheduler.model.network import Configuration
from scheduler.model.notices import Kind
from scheduler.service.feeds import Feeds
from scheduler.service.in_force import InForce, Memory, read_in_force
from scheduler.service.proposals import Standing as OfFiles
from scheduler.service.proposals import compare
from scheduler.service.releasing import SECRET, Release, Releasing
from scheduler.store import cases, erasures, ledger, suppressions, tables
from scheduler.store.cases import Line
from scheduler.store.database import Connection, Database
from scheduler.store.suppressions import EVERYTHING, Suppression
from tests import cast
from tests.cast import KASHAN, MEDELLIN, MELTON, THRISSUR, at
from tests.service.outcomes import (
    AUTUMN,
    CITIES,
    JANUARY,
    MARCH,
    OUTCOMES,
    ROUND,
    furnish,
    house,
    say,
    switched_off,
    the_round,
)
from tests.service.stage import LINKS, Stage, part

LAST_DAY, CLOSES = date(2022, 6, 30), at("2022-07-01T00:00:00+02:00")
GONE = at("2022-07-31T00:00:00+02:00")
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


@pytest.fixture
async def decided(stage: Stage) -> Stage:
    """January: of each city it is recorded how its round ended."""
    await furnish(stage)
    return stage


def desk(stage: Stage) -> Releasing:
    return Releasing(stage.database, LINKS, LINKS.key)


async def look(
    stage: Stage, *cities: str, now: datetime = JANUARY, outcomes: tuple[State, ...] = ()
) -> Release:
    return await desk(stage).look(ROUND, outcomes=outcomes, cities=cities, now=now)


async def release(stage: Stage, *cities: str, now: datetime = JANUARY) -> Release:
    seen = await look(stage, *cities, now=now)
    await desk(stage).release(seen, by="Anna", now=now)
    return seen


async def case(stage: Stage, slug: str) -> Case:
    async with stage.database.read() as connection:
        (found,) = await cases.read(connection, ROUND, [slug])
    return found


async def log(stage: Stage, slug: str) -> list[Line]:
    async with stage.database.read() as connection:
        return await cases.log(connection, ROUND, slug)


async def in_force(stage: Stage) -> InForce:
    async with stage.database.read() as connection:
        return await read_in_force(connection)


async def rows(stage: Stage) -> list[tuple[str, str]]:
    """(kind, state) of all letters."""
    table = tables.outbox.c
    kinds = [kind.value for kind in LETTERS.values()]
    async with stage.database.read() as connection:
        query = select(table.kind, table.state).where(table.kind.in_(kinds)).order_by(table.id)
        return [(row.kind, row.state) for row in await connection.execute(query)]


async def letters(stage: Stage) -> list[tuple[str, str, str]]:
    """(kind, member, role) of those that were sent."""
    kinds = set(LETTERS.values())
    return sorted((row.kind.value, row.member, row.role) for row in await stage.sent() if row.kind in kinds)


async def everything(database: Database) -> str:
    found = []
    async with database.read() as connection:
        for table in tables.metadata.sorted_tables:
            found += [str(tuple(row)) for row in await connection.execute(select(table))]
    return "\n".join(found)


# looking


async def test_to_look_touches_nothing(decided: Stage) -> None:
    before = await everything(decided.database)

    await look(decided)

    assert await everything(decided.database) == before


async def test_each_outcome_has_letters_of_its_own_kind(decided: Stage) -> None:
    """US-25.1 and US-25.5"""
    seen = await look(decided)

    assert [(one.state, [c.member for c in one.cases], dict(one.roles)) for one in seen.bundles] == [
        (state, [slug], {"mayor": 1, "coordinator": 1, "national-commission": 1})
        for state in LETTERS
        for slug, outcome in OUTCOMES.items()
        if outcome is state
    ]
    assert (seen.letters, seen.cities, seen.obstacles) == (12, 4, ())


async def test_the_text_that_is_shown_is_the_mayors(decided: Stage) -> None:
    (seen,) = (await look(decided, MELTON)).bundles

    text = seen.texts[MELTON]
    assert (text.role, text.language) == ("mayor", "en")
    assert text.subject == (
        "The membership of Melton is not renewed: UNESCO Learning Cities Biennial Progress Report 2019–2021"
    )
    assert "30 June 2022" in text.body


async def test_only_what_is_asked_for_is_shown(decided: Stage) -> None:
    by_outcome = await look(decided, outcomes=(State.RENEWED, State.INCOMPLETE))
    by_city = await look(decided, KASHAN)

    assert [one.state for one in by_outcome.bundles] == [State.RENEWED, State.INCOMPLETE]
    assert [one.cases[0].member for one in by_city.bundles] == [KASHAN]


async def test_cities_that_have_no_letter_are_all_named(stage: Stage) -> None:
    await stage.apply(house(), AUTUMN)
    await say(stage, MELTON, State.SUBMITTED, AUTUMN)
    await say(stage, MELTON, State.RENEWED, JANUARY)
    await release(stage, MELTON)

    with pytest.raises(CasesRefused) as said:
        await look(stage, MELTON, KASHAN, "muenster")

    assert said.value.problems == (
        "melton: its letter was released already, on 2022-01-10 09:00 UTC",
        "kashan is open, and no outcome is recorded yet; first: "
        "scheduler cases mark kashan OUTCOME --cycle report-2021",
        "muenster is no member; see: scheduler cases list",
    )


async def test_a_round_that_is_none_is_said(decided: Stage) -> None:
    with pytest.raises(SchedulerError, match="no round"):
        await desk(decided).look("report-2012", now=JANUARY)


async def test_what_an_end_causes_is_shown(decided: Stage) -> None:
    """Three cities are not invited to the webinar of July: no invitation, no reminders."""
    seen = await look(decided, now=MARCH)

    assert set(seen.effect.members) == {MELTON, KASHAN, THRISSUR}
    assert seen.effect.stopped[Kind.INVITATION] == 3
    assert seen.effect.stopped[Kind.REMINDER] == 6
    assert (seen.effect.cancelled, seen.effect.withdrawn) == (0, 0)


async def test_a_city_that_no_mail_has_reached_is_named(stage: Stage) -> None:
    """US-25.2: a mail that bounced is not notified."""
    await stage.apply(house(), at("2021-09-20T10:00:00+02:00"))
    await bar(stage, MELTON)
    await stage.play(at("2021-09-20T10:00:00+02:00"), at("2021-09-29T10:00:00+02:00"))
    await lift(stage, MELTON)
    for slug in (MELTON, KASHAN):
        await say(stage, slug, State.NOT_SUBMITTED, JANUARY)

    seen = await look(stage)

    assert [one.case.member for one in seen.unreached] == [MELTON]
    assert seen.unreached[0].why_not == "no mail of this round was sent"


async def bar(stage: Stage, slug: str, roles: tuple[str, ...] = ()) -> None:
    """Nothing is sent to its contacts any more."""
    async with stage.database.write() as connection:
        for contact in cast.member(slug).contacts:
            if not roles or contact.role in roles:
                await suppressions.add(
                    connection, Suppression(contact.address, EVERYTHING, AUTUMN, "bounced")
                )


async def lift(stage: Stage, slug: str) -> None:
    async with stage.database.write() as connection:
        for contact in cast.member(slug).contacts:
            await suppressions.lift(connection, contact.address, EVERYTHING)


async def test_where_nobody_can_be_written_to_nothing_ends(decided: Stage) -> None:
    await bar(decided, MELTON)

    seen = await release(decided)

    assert seen.left_out == (MELTON,)
    assert MELTON not in dict(seen.ends)
    assert (await case(decided, MELTON)).released_at is None
    assert (await case(decided, KASHAN)).released_at == JANUARY


# releasing


async def test_who_looks_hears_how_many_letters_are_written(decided: Stage) -> None:
    told: list[tuple[int, int]] = []

    seen = await desk(decided).look(ROUND, now=JANUARY, tell=lambda done, of: told.append((done, of)))

    assert told == [(number, seen.cities) for number in range(1, seen.cities + 1)]


async def test_the_letters_go_to_mayor_contact_and_commission(decided: Stage) -> None:
    await release(decided)
    await decided.play(JANUARY, JANUARY + DAY)

    assert await letters(decided) == sorted(
        (LETTERS[outcome].value, slug, role)
        for slug, outcome in OUTCOMES.items()
        for role in ("mayor", "coordinator", "national-commission")
    )


async def test_no_letter_leaves_at_night(decided: Stage) -> None:
    """10:00 in Hamburg is 04:00 in Medellín, where mails wait for 07:00; in Melton it is 20:00 already."""
    seen = await release(decided)
    await decided.play(JANUARY, JANUARY + DAY)

    left = {row.member: row.sent_at for row in await decided.sent() if row.kind in set(LETTERS.values())}
    assert left[MEDELLIN] == at("2022-01-10T07:00:00-05:00")
    assert left[THRISSUR] == left[KASHAN] == JANUARY
    assert seen.later == sum(3 for at_ in left.values() if at_ != JANUARY)


async def test_the_log_keeps_what_the_mayor_was_written(decided: Stage) -> None:
    """US-25.1: text, time and who released it; the address stands in the row of the contact."""
    await release(decided)
    await decided.play(JANUARY, JANUARY + DAY)

    (line,) = [one for one in await log(decided, MELTON) if one.letter]
    (row,) = [r for r in await decided.sent("report-not-submitted") if r.role == "mayor"]
    mail = decided.message(row)
    assert (line.at, line.actor, line.before, line.after) == (
        JANUARY,
        "Anna",
        "not submitted",
        "not submitted",
    )
    assert line.reason == (
        "the letter that says “not submitted” is released, to mayor, coordinator, national-commission; "
        "its membership ends on 2022-06-30"
    )
    subject, _, body = str(line.letter).partition("\n\n")
    assert subject.startswith("Subject: The membership of Melton is not renewed")
    assert body == part(mail, "text/plain").replace("\r\n", "\n").strip()


async def test_no_secret_gets_into_the_log(decided: Stage) -> None:
    await release(decided)

    for slug in CITIES:
        (line,) = [one for one in await log(decided, slug) if one.letter]
        assert LINKS.code(ROUND, slug) not in str(line.letter)
        assert LINKS.city_feed(slug) not in str(line.letter)
    renewed = [one.letter for one in await log(decided, MEDELLIN) if one.letter]
    assert SECRET in str(renewed)


async def test_a_release_is_told_to_running_services(decided: Stage) -> None:
    for cities in ((MEDELLIN,), (MELTON,)):
        async with decided.database.read() as connection:
            before = await ledger.generation(connection)

        await release(decided, *cities)

        async with decided.database.read() as connection:
            assert await ledger.generation(connection) > before


async def test_a_renewal_leaves_what_is_in_force_alone(decided: Stage) -> None:
    before = (await in_force(decided)).id

    await release(decided, MEDELLIN)

    assert (await in_force(decided)).id == before
    assert (await case(decided, MEDELLIN)).ends_on is None


async def test_released_twice_each_letter_goes_once(decided: Stage) -> None:
    seen = await release(decided)

    assert (await look(decided)).is_empty
    with pytest.raises(PlanOutdated):
        await desk(decided).release(seen, by="Anna", now=JANUARY)
    assert len(await rows(decided)) == 12


@pytest.mark.parametrize("cities", [(), (MEDELLIN,)])
async def test_of_two_releases_at_once_one_counts(decided: Stage, cities: tuple[str, ...]) -> None:
    seen = await look(decided, *cities)
    people = [desk(decided).release(seen, by=name, now=JANUARY) for name in ("Anna", "Ben")]

    ends = await asyncio.gather(*people, return_exceptions=True)

    assert sorted(type(end).__name__ for end in ends) == ["NoneType", "PlanOutdated"]
    assert len(await rows(decided)) == seen.letters
    assert len([one for one in await log(decided, MEDELLIN) if one.letter]) == 1


class Crash(Exception):
    """Right before the end of a transaction."""


class Crashing(Database):
    """Of which no transaction that writes comes to its end."""

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Connection]:
        async with super().write() as connection:
            yield connection
            raise Crash


@pytest.mark.parametrize("cities", [(), (MEDELLIN,)])
async def test_a_crash_in_between_leaves_nothing_behind(decided: Stage, cities: tuple[str, ...]) -> None:
    seen, whole = await look(decided, *cities), decided.database
    before = await everything(whole)
    crashing = Crashing(whole.writer, whole.reader, whole.file)

    with pytest.raises(Crash):
        await Releasing(crashing, LINKS, LINKS.key).release(seen, by="Anna", now=JANUARY)

    assert await everything(whole) == before
    await desk(decided).release(seen, by="Anna", now=JANUARY)
    assert len(await rows(decided)) == seen.letters


async def test_what_changed_since_somebody_looked_is_not_released(decided: Stage) -> None:
    seen = await look(decided)
    await say(decided, THRISSUR, State.NO_PROGRESS, JANUARY)
    before = await everything(decided.database)

    with pytest.raises(PlanOutdated, match="look again: scheduler cases release report-2021"):
        await desk(decided).release(seen, by="Anna", now=JANUARY)

    assert await everything(decided.database) == before


async def test_who_cannot_be_written_to_any_more_since_changes_the_plan(decided: Stage) -> None:
    seen = await look(decided, MEDELLIN)
    await bar(decided, MEDELLIN, ("mayor",))

    with pytest.raises(PlanOutdated):
        await desk(decided).release(seen, by="Anna", now=JANUARY)

    assert (await look(decided, MEDELLIN)).hash != seen.hash
    assert await rows(decided) == []


async def test_another_configuration_since_changes_the_plan(decided: Stage) -> None:
    seen = await look(decided)
    await decided.apply(house(the_round(title="Another title")), JANUARY)

    with pytest.raises(PlanOutdated):
        await desk(decided).release(seen, by="Anna", now=JANUARY)


async def test_a_plan_holds_while_nothing_changes(decided: Stage) -> None:
    first, second = await look(decided), await look(decided, now=JANUARY + DAY)

    second.check_plan(first.hash)
    with pytest.raises(PlanOutdated, match=first.hash):
        second.check_plan("000000000000")


async def test_nothing_ends_without_a_day(stage: Stage) -> None:
    await furnish(stage, the_round(membership_ends=None))

    seen = await look(stage)
    with pytest.raises(CasesRefused):
        await desk(stage).release(seen, by="Anna", now=JANUARY)

    assert seen.obstacles == (
        "cycles/report-2021.yaml does not say when memberships end that are not renewed; write "
        "membership_ends: with the first day without membership, such as 2022-07-01, and then: "
        "scheduler apply",
    )
    assert await rows(stage) == []
    assert (await look(stage, MEDELLIN)).obstacles == ()


async def test_renewals_can_be_switched_off(stage: Stage) -> None:
    """US-25.5: the case is closed all the same, and the log says why there is no letter."""
    await furnish(stage, switched_off(Kind.REPORT_RENEWED))

    seen = await release(stage, MEDELLIN)

    assert (seen.silent, seen.letters) == ((State.RENEWED,), 0)
    assert (await case(stage, MEDELLIN)).released_at == JANUARY
    assert (await log(stage, MEDELLIN))[-1].reason == (
        "closed without a letter: “renewed” is switched off in this round"
    )


async def test_no_membership_ends_without_a_letter(stage: Stage) -> None:
    await furnish(stage, switched_off(Kind.REPORT_NO_PROGRESS))

    (said,) = (await look(stage)).obstacles

    assert said.startswith('the letter "no_progress" is switched off for report-2021')


async def test_a_round_that_vanished_sends_no_letters(decided: Stage) -> None:
    whole = replace(the_round(), held=True)
    await decided.apply(house(whole), JANUARY)

    (said,) = (await look(decided, MEDELLIN)).obstacles

    assert said == (
        "report-2021 vanished from the files, so nothing is sent for it; put cycles/report-2021.yaml back"
    )


# when it may be said at all


@pytest.mark.parametrize("city", [MELTON, KASHAN])
async def test_not_submitted_only_after_the_deadline_of_the_case(stage: Stage, city: str) -> None:
    """US-25.2: Kashan has until 28 February."""
    more = Extension(date(2022, 2, 28), "a flood", members=(KASHAN,))
    await stage.apply(house(the_round(extensions=(more,))), AUTUMN)
    ends = at("2022-02-28T23:59:59+01:00" if city == KASHAN else "2021-12-31T23:59:59+01:00")

    with pytest.raises(CasesRefused, match="has not passed yet"):
        await say(stage, city, State.NOT_SUBMITTED, ends)
    await say(stage, city, State.NOT_SUBMITTED, ends + SECOND)

    assert (await case(stage, city)).state is State.NOT_SUBMITTED


async def test_an_outcome_can_be_put_right_until_it_is_released(decided: Stage) -> None:
    await say(decided, THRISSUR, State.RENEWED, JANUARY)
    await release(decided)

    with pytest.raises(CasesRefused, match="the letter that says “renewed” is released already"):
        await say(decided, THRISSUR, State.INCOMPLETE, MARCH)


# what ends


async def test_after_the_last_day_no_webinar_is_for_the_city(decided: Stage) -> None:
    """US-25.3: to the one of June it is invited, to the one of July it is not."""
    await release(decided, MELTON)
    await decided.play(JANUARY, at("2022-07-10T10:00:00+02:00"))

    invited = {(row.member, row.occurrence) for row in await decided.sent("invitation")}
    assert (MELTON, "june.talks") in invited
    assert {slug for slug, name in invited if name == "july.talks"} == {MEDELLIN, KASHAN, THRISSUR}
    assert await decided.sent("cancelled") == []


async def test_who_was_invited_already_gets_a_cancellation(decided: Stage) -> None:
    june = at("2022-06-25T10:00:00+02:00")
    await decided.play(JANUARY, june)

    seen = await release(decided, MELTON, now=june)
    await decided.play(june, june + DAY)

    assert seen.effect.cancelled == 1
    assert [(row.member, row.occurrence) for row in await decided.sent("cancelled")] == [
        (MELTON, "july.talks")
    ]


async def test_letters_leave_although_the_membership_has_ended(decided: Stage) -> None:
    august = at("2022-08-15T10:00:00+02:00")

    await release(decided, MELTON, now=august)
    await decided.play(august, august + DAY)

    assert [role for _, _, role in await letters(decided)] == ["coordinator", "mayor", "national-commission"]


async def test_the_calendar_says_so_for_thirty_days_and_is_gone(decided: Stage) -> None:
    """US-25.3"""
    await release(decided, MELTON)

    known = await in_force(decided)
    city = known.members[MELTON]
    before, last, over = (Feeds(known, LINKS, now) for now in (CLOSES - SECOND, CLOSES, GONE))
    (closing,) = Calendar.from_ical(last.city_feed(city).octets).walk("VEVENT")
    assert closing["uid"] == "membership-ended.melton.2022-06-30@learning-cities.example"
    assert "membership-ended" not in before.city_feed(city).octets.decode()
    assert [one.is_closed(city) for one in (before, last, over)] == [False, False, True]
    assert not over.is_closed(known.members[MEDELLIN])


async def test_files_that_say_nothing_of_it_change_nothing(decided: Stage) -> None:
    """What is learnt wins over the files: they are not applied again and again, nor taken for old ones."""
    await release(decided)
    loaded = Loaded(configuration=house(), problems=[])

    found = await compare(decided.database, Memory(), loaded, now=MARCH)
    await decided.apply(house(), MARCH)

    assert found.seen.standing is OfFiles.SAME
    assert (await in_force(decided)).members[MELTON].memberships[0].until == LAST_DAY


# more time, after all


async def test_more_time_after_the_release_lets_the_membership_go_on(decided: Stage) -> None:
    """Trap 32: the case is open again, its deadline in calendars is a newer one, the letter is no more."""
    await release(decided, MELTON, now=JANUARY)
    revision = (await case(decided, MELTON)).revision
    more = Extension(date(2022, 2, 28), "a flood", members=(MELTON,))

    await decided.apply(house(the_round(extensions=(more,))), JANUARY + SECOND)

    found = await case(decided, MELTON)
    assert (found.state, found.released_at, found.ends_on) == (State.OPEN, None, None)
    assert found.revision == revision + 1
    known = await in_force(decided)
    assert known.members[MELTON].memberships[0].until is None
    calendar = Feeds(known, LINKS, JANUARY + SECOND).city_feed(known.members[MELTON]).octets
    items = {str(one["uid"]): one["sequence"] for one in Calendar.from_ical(calendar).walk("VEVENT")}
    assert items["report-2021.melton@learning-cities.example"] == revision + 1
    await decided.play(JANUARY + SECOND, JANUARY + DAY)
    assert await rows(decided) == [("report-not-submitted", "withdrawn")] * 3


async def test_the_city_hears_of_its_new_deadline(stage: Stage) -> None:
    september = at("2021-09-20T10:00:00+02:00")
    await stage.apply(house(), september)
    await stage.play(september, AUTUMN)
    await say(stage, MELTON, State.NOT_SUBMITTED, JANUARY)
    await release(stage, MELTON)
    await stage.play(JANUARY, MARCH)
    more = Extension(date(2022, 4, 30), "a flood", members=(MELTON,))

    await stage.apply(house(the_round(extensions=(more,))), MARCH)
    await stage.play(MARCH, MARCH + DAY)

    moved = await stage.sent("report-moved")
    assert [(row.member, row.role, row.ends_at) for row in moved] == [
        (MELTON, "coordinator", at("2022-04-30T23:59:59+02:00"))
    ]
    assert len(await letters(stage)) == 3


async def test_a_second_outcome_has_letters_of_its_own(decided: Stage) -> None:
    await release(decided, MELTON)
    more = Extension(date(2022, 2, 28), "a flood", members=(MELTON,))
    await decided.apply(house(the_round(extensions=(more,))), JANUARY + SECOND)
    await decided.play(JANUARY + SECOND, MARCH)
    await say(decided, MELTON, State.NOT_SUBMITTED, MARCH)

    await release(decided, MELTON, now=MARCH)
    await decided.play(MARCH, MARCH + DAY)

    assert len(await letters(decided)) == 3
    assert (await case(decided, MELTON)).ends_on == LAST_DAY


# coming back


def member(*memberships: Membership) -> Member:
    return cast.a_member(MELTON, *memberships)


def since(first: date | None, last: date | None, until: date | None = None) -> Membership:
    return Membership(Span(first, last), until, "test")


OLD = since(date(2019, 1, 1), date(2019, 12, 31))
BACK = since(date(2024, 2, 14), date(2024, 2, 14))


def ended(memberships: tuple[Membership, ...], *last_days: date) -> list[date | None]:
    """Last days of the memberships, with what was learnt."""
    whole = replace(cast.a_configuration(members=(MELTON,)), members=(member(*memberships),))
    learnt = Learnt(ends=tuple((MELTON, day) for day in last_days))
    once = learnt.applied_to(whole)
    assert learnt.applied_to(once) == once
    return [one.until for one in once.members[0].memberships]


@pytest.mark.parametrize(
    ("memberships", "until"),
    [
        # as it stands in the file, open-ended or with its end unknown, until the next begins
        ((OLD,), [LAST_DAY]),
        ((replace(OLD, until=date(2024, 2, 13)), BACK), [LAST_DAY, None]),
        # the same period, with the end that the letter said, or an earlier one
        ((replace(OLD, until=LAST_DAY), BACK), [LAST_DAY, None]),
        ((replace(OLD, until=date(2022, 3, 1)), BACK), [date(2022, 3, 1), None]),
        # only the new one is in the file
        ((BACK,), [None]),
        # nobody knows well when it began: it was member enough to have to report
        ((since(None, date(2022, 12, 31)),), [LAST_DAY]),
        # beside one that surely was, what may have begun by then is the return
        ((replace(OLD, until=date(2021, 12, 31)), since(date(2022, 1, 1), date(2022, 12, 31))),
         [date(2021, 12, 31), LAST_DAY]),
        ((replace(OLD, until=date(2022, 12, 31)), since(None, date(2024, 2, 29))), [LAST_DAY, None]),
    ],
)  # fmt: skip
def test_an_outcome_ends_the_membership_of_its_day(
    memberships: tuple[Membership, ...], until: list[date | None]
) -> None:
    assert ended(memberships, LAST_DAY) == until


def test_who_came_back_and_left_again_has_two_ends() -> None:
    later = date(2028, 6, 30)

    assert ended((replace(OLD, until=date(2024, 2, 13)), BACK), later, LAST_DAY) == [LAST_DAY, later]


async def test_muharraq_comes_back(stage: Stage) -> None:
    """US-25.4: admitted in 2019 and again on 14 February 2024; its first report is due with the new ones."""
    real, slug = cast.real(), "muharraq"
    city = next(one for one in real.members if one.slug == slug)
    old = replace(city, memberships=(replace(city.memberships[0], until=None),))
    new_round = next(one for one in real.cycles if one.id == "report-2027")

    def files(member: Member) -> Configuration:
        return replace(real, members=(member,), series=(), cycles=(the_round(), new_round))

    await stage.apply(files(old), AUTUMN)
    await say(stage, slug, State.NOT_SUBMITTED, JANUARY)
    await release(stage, slug)
    left = Feeds(await in_force(stage), LINKS, GONE)
    assert left.is_closed(left.in_force.members[slug])

    february = at("2024-02-20T10:00:00+01:00")
    await stage.apply(files(city), february)

    known = await in_force(stage)
    found = known.members[slug]
    assert [one.until for one in found.memberships] == [LAST_DAY, None]
    days = (LAST_DAY, date(2023, 5, 1), date(2024, 2, 14))
    assert [found.standing(day) for day in days] == [Standing.MEMBER, Standing.NO_MEMBER, Standing.MEMBER]
    assert not Feeds(known, LINKS, february).is_closed(found)
    assert known.cycles["report-2027"].duty(found) is Duty.DUE
    assert (await case(stage, slug)).state is State.NOT_SUBMITTED
    assert [one.letter for one in await log(stage, slug)][-1]


# the names of people


async def test_an_erased_persons_name_is_taken_out_of_the_log(decided: Stage) -> None:
    address = "anna@cities.example"
    seen = await look(decided, MEDELLIN)
    await desk(decided).release(seen, by=f"Anna <{address}>", now=JANUARY)

    async with decided.database.write() as connection:
        await erasures.forget(connection, address, [])

    actors = {line.actor for line in await log(decided, MEDELLIN)}
    assert actors == {"staff", "Anna", erasures.SIGNED_BY_ERASED}


def test_the_end_is_part_of_what_is_in_force() -> None:
    """Written down and read again it is the same."""
    whole = Learnt(ends=((MELTON, LAST_DAY),)).applied_to(house())

    assert normal.from_text(normal.to_text(whole)) == whole
