"""What contacts say, and what they are sent then.

The session of the cast: Monday 14 June 2027, 13:00 in Hamburg (11:00Z); announced on 3 May, the invitation
goes out on 17 May, the reminders on 7 June and on the working day before.
"""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from scheduler.cli.plan_text import plan_lines
from scheduler.errors import ReplyRefused
from scheduler.model.answers import Answer, AnswerCount, count_answers
from scheduler.model.network import Configuration
from scheduler.model.programme import occurrences_of
from scheduler.model.series import Status
from scheduler.service.answering import Answering
from scheduler.service.in_force import Memory, read_in_force
from scheduler.service.planning import Plan, draw_up, read_ground
from scheduler.service.stopping import ONE_CLICK, Stopping
from scheduler.store import answers, book, ledger, tables
from tests.cast import DOHA, MANTES, MEDELLIN, a_configuration, a_series, a_session, at, member, real
from tests.engines import opened
from tests.ical.answered import SHAPES, calendar, mail, part
from tests.service.stage import Stage
from tests.service.stage import part as part_of

APRIL = at("2027-04-26T08:00:00+00:00")
LATE_MAY = at("2027-05-25T08:00:00+00:00")
JUNE = at("2027-06-01T09:00:00+00:00")
JULY = at("2027-07-15T08:00:00+00:00")
SESSION = "first.talks"
REMINDERS = {"reminder": 2}

#: Of what no statement decides: one kind of database is enough.
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture(scope="module")
def late_may(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database in which both cities are invited."""
    folder = tmp_path_factory.mktemp("may")
    file = Path(shutil.copy(migrated_sqlite, folder / "may.sqlite"))

    async def play() -> None:
        async with opened(file) as database:
            await invited(Stage(database, folder))

    asyncio.run(play())
    return file


@pytest.fixture
async def may(late_may: Path, tmp_path: Path) -> AsyncIterator[Stage]:
    async with opened(Path(shutil.copy(late_may, tmp_path / "may.sqlite"))) as database:
        yield Stage(database, tmp_path)


def house(**changes: object) -> Configuration:
    return a_configuration(a_series(a_session(**changes)), members=(MANTES, MEDELLIN))


async def invited(stage: Stage) -> None:
    """Both cities, as of late May."""
    await stage.apply(house(), APRIL)
    await stage.play(APRIL, LATE_MAY)


async def contact(stage: Stage, slug: str) -> int:
    async with stage.database.read() as connection:
        return (await book.contacts_of(connection, slug))[0].id


async def say(stage: Stage, answer: Answer, now: datetime = LATE_MAY, slug: str = MANTES) -> None:
    desk = Answering(stage.database, Memory())
    asked = await desk.answer(await contact(stage, slug), SESSION, answer, now)
    assert asked
    assert asked.closed is None


async def stop(stage: Stage, now: datetime = LATE_MAY, slug: str = MANTES) -> None:
    await Stopping(stage.database, Memory()).stop(await contact(stage, slug), ONE_CLICK, now)


async def later(stage: Stage, slug: str = MANTES, since: datetime = LATE_MAY) -> Counter[str]:
    """Mails of each kind that went to a city since."""
    rows = [row for row in await stage.sent() if row.member == slug and row.due_at >= since]
    return Counter(row.kind.value for row in rows)


async def plan_of(stage: Stage, now: datetime) -> Plan:
    async with stage.database.read() as connection:
        in_force = await read_in_force(connection)
    ground = await read_ground(stage.database, now)
    return draw_up(in_force.configuration, ground, now=now, until=JULY)


# who declines


async def test_who_declined_gets_no_reminders(stage: Stage) -> None:
    await invited(stage)
    await say(stage, Answer.DECLINED)

    await stage.play(LATE_MAY, JULY)

    assert await later(stage) == {}
    assert await later(stage, MEDELLIN) == REMINDERS


@pytest.mark.parametrize("answer", [Answer.ACCEPTED, Answer.TENTATIVE])
async def test_who_comes_perhaps_is_reminded(may: Stage, answer: Answer) -> None:
    await say(may, Answer.DECLINED)
    await say(may, answer, LATE_MAY + timedelta(hours=1))

    await may.play(LATE_MAY, JULY)

    assert await later(may) == REMINDERS


async def test_a_no_calls_back_what_is_claimed(may: Stage) -> None:
    """So does what takes it back; another yes changes nothing for anybody (P09)."""
    seen = []
    for answer in (Answer.ACCEPTED, Answer.DECLINED, Answer.DECLINED, Answer.TENTATIVE):
        await say(may, answer)
        async with may.database.read() as connection:
            seen.append(await ledger.generation(connection))

    first, *others = seen
    assert [generation - first for generation in others] == [1, 1, 2]


async def test_who_declined_is_told_of_changes(stage: Stage) -> None:
    """And is not reminded of the new hour either, until it answers otherwise."""
    await invited(stage)
    await say(stage, Answer.DECLINED)
    await stage.apply(house(start=time(15), end=time(16)), JUNE)
    await stage.play(LATE_MAY, at("2027-06-10T08:00:00+00:00"))
    assert await later(stage) == {"changed": 1}

    await say(stage, Answer.ACCEPTED, at("2027-06-10T08:00:00+00:00"))
    await stage.play(at("2027-06-10T08:00:00+00:00"), JULY)

    assert await later(stage) == {"changed": 1, "reminder": 1}


async def test_who_declined_is_told_of_a_cancellation(may: Stage) -> None:
    await say(may, Answer.DECLINED)
    await may.apply(house(status=Status.CANCELLED), JUNE)

    await may.play(LATE_MAY, JULY)

    assert await later(may) == {"cancelled": 1}


async def test_a_reminder_that_waits_is_withdrawn_when_its_reader_declines(stage: Stage) -> None:
    await invited(stage)
    await stage.play(LATE_MAY, at("2027-06-08T08:00:00+00:00"))
    async with stage.database.write() as connection:
        waiting = tables.outbox.update().where(tables.outbox.c.kind == "reminder")
        await connection.execute(waiting.values(state="deferred", sent_at=None))
    await say(stage, Answer.DECLINED, at("2027-06-08T08:00:00+00:00"))

    await stage.play(at("2027-06-08T08:00:00+00:00"), at("2027-06-08T09:00:00+00:00"))

    assert (await stage.reasons("reminder"))["week-before", "withdrawn", "the contact declined"] == 1


# who ends the mails


async def test_who_ended_the_mails_gets_none_about_webinars(stage: Stage) -> None:
    await invited(stage)
    await stop(stage)
    await stage.apply(house(start=time(15), end=time(16)), JUNE)

    await stage.play(LATE_MAY, JULY)

    assert await later(stage) == {}
    assert await later(stage, MEDELLIN) == {"changed": 1, **REMINDERS}


@ON_SQLITE
async def test_duties_still_reach_who_ended_the_webinars(stage: Stage) -> None:
    report = next(cycle for cycle in real().cycles if cycle.id == "report-2021")
    opened = at("2021-10-15T08:00:00+00:00")
    configuration = replace(a_configuration(members=(MANTES,)), cycles=(report,), series=())
    await stage.apply(configuration, at("2021-09-01T08:00:00+00:00"))
    await stop(stage, at("2021-09-01T08:00:00+00:00"))

    await stage.play(at("2021-09-01T08:00:00+00:00"), opened)

    assert (await later(stage, since=at("2021-09-01T08:00:00+00:00")))["report-opened"] == 1


async def test_who_begins_again_is_told_what_was_missed(stage: Stage) -> None:
    """A new hour and a new session: at once, for nothing else would bring it up."""
    await invited(stage)
    await stop(stage)
    more = a_session(id="second", on=date(2027, 6, 21))
    both = a_configuration(
        a_series(a_session(start=time(15), end=time(16)), more), members=(MANTES, MEDELLIN)
    )
    await stage.apply(both, JUNE)
    await stage.play(LATE_MAY, JUNE + timedelta(days=1))

    await Stopping(stage.database, Memory()).resubscribe(MANTES, "Anna", JUNE + timedelta(days=1))
    plan = await plan_of(stage, JUNE + timedelta(days=1))
    await stage.play(JUNE + timedelta(days=1), JUNE + timedelta(days=2))

    assert await later(stage) == {"changed": 1, "invitation": 1}
    assert await later(stage, MEDELLIN) == {"changed": 1, "invitation": 1}
    assert {mailing.rule.kind.value for mailing in plan.mailings} == {"reminder"}


async def test_who_begins_again_at_night_is_told_in_the_morning(may: Stage) -> None:
    night = at("2027-06-02T23:30:00+02:00")
    await stop(may)
    await may.apply(house(start=time(15), end=time(16)), JUNE)
    await may.play(LATE_MAY, night)

    await Stopping(may.database, Memory()).begin_again(await contact(may, MANTES), night)
    await may.play(night, night + timedelta(days=1))

    (row,) = [row for row in await may.sent("changed") if row.member == MANTES]
    assert row.sent_at
    assert row.sent_at > night + timedelta(hours=6)


async def test_staff_may_undo_it(may: Stage) -> None:
    await stop(may)

    lifted = await Stopping(may.database, Memory()).resubscribe(MANTES, "Anna", LATE_MAY)
    await may.play(LATE_MAY, JULY)

    assert lifted == 1
    assert await later(may) == REMINDERS
    async with may.database.read() as connection:
        lines = (await connection.execute(select(tables.journal))).all()
    said = [(line.actor, line.action, line.subject) for line in lines if "subscribe" in line.action]
    assert said == [
        ("a contact", "unsubscribe", f"{MANTES} coordinator"),
        ("Anna", "resubscribe", f"{MANTES} coordinator"),
    ]


# answers by mail


def answered(slug: str = MEDELLIN, **changes: str) -> bytes:
    address = member(slug).contacts[0].address
    return mail(part(calendar(**{"attendee": f"mailto:{address}", **changes})), address)


def a_desk(stage: Stage) -> Answering:
    return Answering(stage.database, Memory())


async def given(stage: Stage, slug: str = MEDELLIN) -> answers.Given | None:
    number = await contact(stage, slug)
    async with stage.database.read() as connection:
        return await answers.of(connection, number, SESSION)


async def test_an_answer_by_mail_counts(stage: Stage) -> None:
    await invited(stage)

    taken = await a_desk(stage).take_mail(answered(partstat="DECLINED"), by="Anna", now=JUNE)

    assert (taken.members, taken.occurrence, taken.is_older) == ((MEDELLIN,), SESSION, False)
    found = await given(stage)
    assert found
    assert (found.answer, found.through) == (Answer.DECLINED, "mail")
    assert (found.given_at, found.starts_at) == (JUNE - timedelta(hours=1), at("2027-06-14T11:00:00+00:00"))
    assert await given(stage, MANTES) is None


async def test_an_older_mail_changes_nothing(may: Stage) -> None:
    await say(may, Answer.DECLINED, JUNE, MEDELLIN)

    taken = await a_desk(may).take_mail(answered(), by="Anna", now=JUNE)

    assert taken.is_older
    assert (await given(may)).answer is Answer.DECLINED  # type: ignore[union-attr]


async def test_a_clock_that_is_ahead_does_not_outdo_later_answers(may: Stage) -> None:
    await a_desk(may).take_mail(answered(stamp="DTSTAMP:20991231T000000Z"), by="Anna", now=JUNE)

    await say(may, Answer.DECLINED, JUNE + timedelta(minutes=1), MEDELLIN)

    assert (await given(may)).answer is Answer.DECLINED  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (SHAPES["google"], f"is not invited to {SESSION}"),
        (answered(uid="none.talks@learning-cities.example"), "none of ours"),
        (answered(uid="first.talks@elsewhere.example"), "none of ours"),
        (answered(uid=""), "none of ours"),
        (answered(DOHA), f"is not invited to {SESSION}"),
        (b"hello", "come from"),
    ],
)
async def test_who_is_not_asked_changes_nothing(may: Stage, octets: bytes, said: str) -> None:
    with pytest.raises(ReplyRefused, match=said):
        await a_desk(may).take_mail(octets, by="Anna", now=JUNE)

    async with may.database.read() as connection:
        assert await answers.count(connection) == {}


@pytest.mark.parametrize(("sender", "is_taken"), [(MANTES, False), (MEDELLIN, True)])
async def test_only_a_contact_of_the_city_answers_on_behalf(may: Stage, sender: str, is_taken: bool) -> None:
    """Anybody can write SENT-BY."""
    second = {"role": "focal_point", "address": f"deputy@{sender}.example", "name": "", "is_listed": True}
    async with may.database.write() as connection:
        ids = await book.member_ids(connection)
        await connection.execute(tables.contacts.insert().values(**second, member_id=ids[sender]))
    address = member(MEDELLIN).contacts[0].address
    text = calendar(attendee=f"mailto:{address}").replace(
        "CN=A contact", f'CN=A contact;SENT-BY="mailto:deputy@{sender}.example"'
    )

    try:
        await a_desk(may).take_mail(mail(part(text), f"deputy@{sender}.example"), by="Anna", now=JUNE)
    except ReplyRefused:
        assert not is_taken

    assert (await given(may) is not None) == is_taken


async def test_a_uid_may_have_other_letters(may: Stage) -> None:
    taken = await a_desk(may).take_mail(
        answered(uid=f"{SESSION}@Learning-Cities.EXAMPLE".upper()), by="A", now=JUNE
    )

    assert taken.occurrence == SESSION


async def test_what_is_cancelled_is_not_answered(may: Stage) -> None:
    await may.apply(house(status=Status.CANCELLED), LATE_MAY)

    with pytest.raises(ReplyRefused, match=f"{SESSION} cannot be answered: it is cancelled"):
        await a_desk(may).take_mail(answered(), by="Anna", now=JUNE)


# counts


async def test_answers_are_counted_in_the_plan(stage: Stage) -> None:
    await invited(stage)
    await say(stage, Answer.ACCEPTED)

    plan = await plan_of(stage, JUNE)

    assert str(plan.answers[SESSION]) == "1 comes, 1 has not answered"


async def test_who_is_gone_is_not_counted(may: Stage) -> None:
    """And the plan says that an entry stays in a calendar."""
    await say(may, Answer.ACCEPTED)
    await say(may, Answer.DECLINED, slug=MEDELLIN)
    without = a_configuration(a_series(a_session()), members=(MANTES,))

    proposed = draw_up(without, await read_ground(may.database, JUNE), now=JUNE, until=JULY)
    await may.apply(without, JUNE)
    plan = await plan_of(may, JUNE)

    assert plan.answers[SESSION] == AnswerCount(come=1)
    assert "1 invited contact is gone; what stands" in "\n".join(plan_lines(proposed, daily=False))
    assert "invited contact is gone" not in "\n".join(plan_lines(plan, daily=False))


async def test_an_answer_to_another_hour_is_counted_apart(may: Stage) -> None:
    await say(may, Answer.ACCEPTED)
    await say(may, Answer.DECLINED, slug=MEDELLIN)
    await may.apply(house(start=time(15), end=time(16)), JUNE)

    plan = await plan_of(may, JUNE)

    assert plan.answers[SESSION] == AnswerCount(declined=1, outdated=1)


def test_a_person_counts_once() -> None:
    (occurrence,) = occurrences_of(a_series())
    said = {(Answer.ACCEPTED, occurrence.starts_at): {1, 2}, (Answer.DECLINED, None): {3}}

    counted = count_answers(occurrence, {1, 3, 4, 5}, said, {1: "anna", 2: "anna", 3: "bert"})

    assert counted == AnswerCount(come=1, declined=1, silent=2)
    assert str(counted) == "1 comes, 1 does not come (no reminders), 2 have not answered"


# the mail


@ON_SQLITE
async def test_each_reader_has_links_of_its_own(stage: Stage) -> None:
    await stage.apply(house(), APRIL)
    await stage.play(APRIL, JULY)

    for row in await stage.sent():
        text = part_of(stage.message(row), "text/plain")
        is_asked = row.kind.value in ("invitation", "reminder")
        assert (stage.links.answer(row.contact_id, SESSION) in text) == is_asked
        assert stage.links.stop(row.contact_id) in text
        assert stage.message(row)["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


@ON_SQLITE
async def test_a_language_that_a_city_has_not_is_said_first(stage: Stage) -> None:
    """Story US-17, 2: Spanish only. Medellín's mails are in English as well, and its people speak Spanish."""
    await stage.apply(house(languages=("es",)), APRIL)
    await stage.play(APRIL, LATE_MAY)

    (mantes,) = [row for row in await stage.sent("invitation") if row.member == MANTES]
    (medellin,) = [row for row in await stage.sent("invitation") if row.member == MEDELLIN]
    assert member(MEDELLIN).languages[0] == "es"
    assert part_of(stage.message(mantes), "text/plain").startswith(
        "This webinar is held in Spanish only.\r\n"
    )
    assert "held in Spanish only" in part_of(stage.message(mantes), "text/html")
    assert "held in Spanish only" not in part_of(stage.message(medellin), "text/plain")
