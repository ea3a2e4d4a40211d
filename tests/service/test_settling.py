"""What is told of edits that follow each other (P10), and of rules that are edited (P12).

The session of the cast: Monday 14 June 2027, 13:00 in Hamburg; Doha is invited on 17 May. Changes settle
for ten minutes.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scheduler.mail.post import Fate, Outgoing
from scheduler.model.answers import Answer
from scheduler.model.members import Contact
from scheduler.model.network import Configuration
from scheduler.model.notices import Days, Kind, MinutesBefore, NoticeRule, When
from scheduler.model.series import Join, Session, Status
from scheduler.store import answers, holds, tables
from scheduler.store.answers import Given
from scheduler.store.holds import Hold
from scheduler.store.outbox import Delivery
from tests.cast import DOHA, MANTES, a_configuration, a_series, a_session, at
from tests.engines import opened
from tests.service.stage import Stage, part, told
from tests.service.test_post import ScriptedPost

APRIL = at("2027-04-26T08:00:00+00:00")
LATE_MAY = at("2027-05-25T08:00:00+00:00")
JULY = at("2027-07-15T08:00:00+00:00")
MINUTE = timedelta(minutes=1)
T = TypeVar("T")

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

PLAIN = a_session()
THREE, FOUR = (a_session(start=time(hour), end=time(hour + 1)) for hour in (15, 16))
OFF = a_session(status=Status.CANCELLED)
NOBODY = replace(PLAIN.audience, everyone=False)
ELSEWHERE = a_session(join=Join(platform="Zoom", kind="Webinar ID", id="94172987853"))


def doha(*sessions: Session) -> Configuration:
    return a_configuration(a_series(*sessions), members=(DOHA,))


def away_on(since: datetime, until: datetime) -> Callable[[Outgoing, datetime, int], Fate]:
    return lambda _m, now, _b: Fate.AWAY if since <= now < until else Fate.SENT


async def invited(stage: Stage) -> None:
    await stage.apply(doha(PLAIN), APRIL)
    await stage.play(APRIL, LATE_MAY)


@pytest.fixture(scope="module")
def all_invited(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database in which Doha was invited, to be copied."""
    folder = tmp_path_factory.mktemp("invited")
    asyncio.run(_at_work(migrated_sqlite, folder, invited))
    return folder / "test.sqlite"


async def _at_work(like: Path, folder: Path, work: Callable[[Stage], Awaitable[T]]) -> T:
    async with opened(Path(shutil.copy(like, folder / "test.sqlite"))) as database:
        return await work(Stage(database, folder))


@pytest.fixture
async def doha_invited(all_invited: Path, tmp_path: Path) -> AsyncIterator[Stage]:
    async with opened(Path(shutil.copy(all_invited, tmp_path / "invited.sqlite"))) as database:
        yield Stage(database, tmp_path)


async def edit(stage: Stage, *steps: tuple[int, Session]) -> list[Delivery]:
    """Applies each edit so many minutes after the one before, with the service at work all the while; gives
    what was sent in those minutes and the day after."""
    now = LATE_MAY
    for minutes, session in steps:
        later = now + minutes * MINUTE
        await stage.play(now, later)
        await stage.apply(doha(session), later)
        now = later
    await stage.play(now, now + timedelta(days=1))
    return [row for row in await stage.sent() if row.kind not in (Kind.ANNOUNCEMENT, Kind.REMINDER)][1:]


@pytest.mark.parametrize(
    ("steps", "tells"),
    [
        (((0, OFF), (9, PLAIN)), []),
        (((0, THREE), (9, PLAIN)), []),
        (((0, THREE), (9, FOUR), (9, PLAIN)), []),
        (((0, THREE), (9, FOUR)), [("changed", DOHA, "REQUEST", 2)]),
        (((0, OFF), (9, THREE)), [("changed", DOHA, "REQUEST", 2)]),
        (((0, THREE), (9, OFF)), [("cancelled", DOHA, "CANCEL", 2)]),
        (((0, OFF), (11, PLAIN)), [("cancelled", DOHA, "CANCEL", 1), ("invitation", DOHA, "REQUEST", 2)]),
    ],
)
async def test_only_the_net_change_is_told(
    doha_invited: Stage, steps: tuple[tuple[int, Session], ...], tells: list[tuple[str, str, str, int]]
) -> None:
    assert told(await edit(doha_invited, *steps)) == tells


@ON_SQLITE
async def test_the_invitation_of_an_unsent_and_restored_session_goes_out_once(stage: Stage) -> None:
    """The mail server is away from before the invitation until after two edits."""
    gone, back = at("2027-05-17T05:50:00+00:00"), at("2027-05-17T07:00:00+00:00")
    stage.post = ScriptedPost(away_on(gone, back))
    await stage.apply(doha(PLAIN), APRIL)
    now = APRIL
    for then, session in (("2027-05-17T06:10", THREE), ("2027-05-17T06:30", PLAIN)):
        moment = at(f"{then}:00+00:00")
        await stage.play(now, moment)
        await stage.apply(doha(session), moment)
        now = moment
    await stage.play(now, LATE_MAY)

    assert told(await stage.sent("invitation")) == [("invitation", DOHA, "REQUEST", 2)]


async def test_moved_again_before_it_could_be_told_is_told_once(stage: Stage) -> None:
    """While the mail server is away: to 15:00, to 16:00, to 15:00 again."""
    back = LATE_MAY + timedelta(minutes=50)
    stage.post = ScriptedPost(away_on(LATE_MAY, back))
    await invited(stage)

    sent = await edit(stage, (0, THREE), (15, FOUR), (15, THREE))

    assert told(sent) == [("changed", DOHA, "REQUEST", 3)]
    assert (await stage.states())["changed", "withdrawn"] == 2


async def test_two_changes_of_a_held_session_end_in_the_last_one(doha_invited: Stage) -> None:
    """The city was out and in again, so that its SEQUENCE is above the revision, which alone would not part
    the second change from the first."""
    stage, now = doha_invited, LATE_MAY
    for session in (replace(PLAIN, audience=NOBODY), PLAIN, replace(PLAIN, audience=NOBODY), PLAIN):
        await stage.apply(doha(session), now)
        await stage.play(now, now := now + timedelta(hours=20))
    hold = Hold("first.talks", now, "Anna", "")
    async with stage.database.write() as connection:
        await holds.put(connection, hold)
    for session in (THREE, FOUR):
        await stage.apply(doha(session), now)
        await stage.play(now, now := now + timedelta(hours=1))
    async with stage.database.write() as connection:
        await holds.lift(connection, hold, "Anna", now)
    await stage.play(now, now + timedelta(days=2))

    (changed,) = await stage.sent("changed")
    assert (changed.sequence, changed.starts_at) == (6, at("2027-06-14T16:00:00+02:00"))


async def test_a_change_of_a_near_session_is_told_at_once_each_time(doha_invited: Stage) -> None:
    """It is 11:00 in Hamburg, two hours before: US-13 (4)."""
    stage, morning = doha_invited, at("2027-06-14T11:00:00+02:00")
    await stage.play(LATE_MAY, morning)
    await stage.apply(doha(ELSEWHERE), morning)
    await stage.play(morning, morning + MINUTE)
    await stage.apply(doha(PLAIN), morning + MINUTE)
    await stage.play(morning + MINUTE, JULY)

    changed = await stage.sent("changed")
    assert [row.sent_at for row in changed] == [morning, morning + MINUTE]
    assert [row.sequence for row in changed] == [1, 2]


# the life of an invitation

OPEN = a_session(start=None, end=None)
ANOTHER_DAY, TWO_DAYS = replace(OPEN, on=date(2027, 6, 21)), replace(OPEN, end_on=date(2027, 6, 15))
LATER = a_session(status=Status.POSTPONED)


async def test_another_day_of_an_open_session_is_told_with_old_and_new(doha_invited: Stage) -> None:
    sent = await edit(doha_invited, (0, OPEN), (11, ANOTHER_DAY))

    assert told(sent) == [("changed", DOHA, "REQUEST", 1), ("changed", DOHA, "REQUEST", 2)]
    text = part(doha_invited.message(sent[-1]), "text/plain")
    assert "Monday 14 June 2027" in text
    assert "Monday 21 June 2027" in text
    assert "DTSTART;VALUE=DATE:20270621" in part(doha_invited.message(sent[-1]), "text/calendar")


async def test_another_last_day_of_an_open_session_is_told(doha_invited: Stage) -> None:
    assert len(await edit(doha_invited, (0, OPEN), (11, TWO_DAYS))) == 2


async def test_another_day_of_a_postponed_session_is_told(doha_invited: Stage) -> None:
    """Its calendar shows it on a day, whatever that means."""
    sent = await edit(doha_invited, (0, LATER), (11, replace(LATER, on=date(2027, 6, 21))))

    assert told(sent) == [("changed", DOHA, "REQUEST", 1), ("changed", DOHA, "REQUEST", 2)]
    assert "DTSTART;VALUE=DATE:20270621" in part(doha_invited.message(sent[-1]), "text/calendar")


async def test_days_that_were_not_written_down_make_no_difference(doha_invited: Stage) -> None:
    """As before the column was there."""
    await edit(doha_invited, (0, OPEN))
    async with doha_invited.database.write() as connection:
        await connection.execute(tables.told.update().values(days=None))

    await doha_invited.apply(doha(ANOTHER_DAY), LATE_MAY + timedelta(days=1))
    await doha_invited.play(LATE_MAY + timedelta(days=1), LATE_MAY + timedelta(days=2))

    assert len(await doha_invited.sent("changed")) == 1


@pytest.mark.parametrize("back", [OPEN, LATER], ids=["open", "postponed"])
async def test_a_cancelled_session_that_is_restored_without_an_hour_is_tentative(
    doha_invited: Stage, back: Session
) -> None:
    sent = await edit(doha_invited, (0, OFF), (11, back))

    assert told(sent) == [("cancelled", DOHA, "CANCEL", 1), ("changed", DOHA, "REQUEST", 2)]
    message = doha_invited.message(sent[-1])
    assert "STATUS:TENTATIVE" in part(message, "text/calendar")
    assert "cancelled" in part(message, "text/plain")


async def test_an_invitation_after_a_cancellation_says_that_it_takes_place(doha_invited: Stage) -> None:
    sent = await edit(doha_invited, (0, OFF), (11, PLAIN))

    text = " ".join(part(doha_invited.message(sent[-1]), "text/plain").split())
    assert text.startswith("This webinar was cancelled and takes place after all.")


async def test_stamps_grow_even_within_one_second(doha_invited: Stage) -> None:
    """DTSTAMP of what was told last lies ahead, as after a clock was set back."""
    ahead = at("2027-06-01T00:00:00+00:00")
    async with doha_invited.database.write() as connection:
        await connection.execute(tables.told.update().values(stamped_at=ahead))

    sent = await edit(doha_invited, (0, THREE), (11, FOUR))

    calendars = [part(doha_invited.message(row), "text/calendar") for row in sent]
    assert [text.partition("DTSTAMP:")[2][:16] for text in calendars] == [
        "20270601T000001Z",
        "20270601T000002Z",
    ]


async def test_later_mails_answer_the_first_one(doha_invited: Stage) -> None:
    """So that clients put them together; the announcement is about the series."""
    await edit(doha_invited, (0, THREE))
    await doha_invited.play(LATE_MAY + timedelta(days=1), JULY)

    _, first, *others = await doha_invited.sent()
    assert len(others) > 1
    headers = [doha_invited.message(row) for row in others]
    assert {one["References"] for one in headers} == {first.message_id}
    assert {one["In-Reply-To"] for one in headers} == {first.message_id}


@pytest.mark.parametrize("answer", Answer)
@pytest.mark.parametrize(("session", "keeps"), [(ELSEWHERE, True), (THREE, False)], ids=["link", "hour"])
async def test_an_update_keeps_what_was_answered_to_its_hour(
    doha_invited: Stage, answer: Answer, session: Session, keeps: bool
) -> None:
    async with doha_invited.database.write() as connection:
        told_of = (await connection.execute(tables.told.select().where(tables.told.c.method != ""))).one()
        said = Given(told_of.contact_id, told_of.occurrence, answer, LATE_MAY, "page", told_of.starts_at)
        await answers.give(connection, said)

    (changed,) = await edit(doha_invited, (0, session))

    calendar = part(doha_invited.message(changed), "text/calendar").replace("\r\n ", "")
    assert f"PARTSTAT={answer.value.upper() if keeps else 'NEEDS-ACTION'};RSVP=TRUE" in calendar


async def test_a_session_moved_a_minute_before_its_reminder_is_reminded_of_once(doha_invited: Stage) -> None:
    """P07: it was due at 09:00 in Doha on Sunday 13 June."""
    before, moved = at("2027-06-13T08:59:00+03:00"), a_session(on=date(2027, 6, 15))
    await doha_invited.play(LATE_MAY, before)
    await doha_invited.apply(doha(moved), before)
    await doha_invited.play(before, JULY)

    reminders = [row for row in await doha_invited.sent("reminder") if row.rule == "working-day-before"]
    assert [row.sent_at for row in reminders] == [at("2027-06-14T09:00:00+03:00")]
    (update,) = await doha_invited.sent("changed")
    assert (update.uid, update.sequence) == ("first.talks@learning-cities.example", 1)


async def test_a_contact_that_is_added_later_gets_what_is_still_to_come(doha_invited: Stage) -> None:
    """P11: an hour after the reminder of a week before."""
    late, address = at("2027-06-07T10:00:00+03:00"), "second@doha.example"
    house = doha(PLAIN)
    (city,) = house.members
    more = replace(city, contacts=(*city.contacts, Contact("coordinator", address)))
    await doha_invited.play(LATE_MAY, late)
    await doha_invited.apply(replace(house, members=(more,)), late)
    await doha_invited.play(late, JULY)

    rules = [row.rule for row in await doha_invited.sent() if row.address == address]
    assert rules == ["announcement", "invitation", "working-day-before"]


@pytest.mark.parametrize("role", ["coordinator", "deputy"])
async def test_a_mailbox_that_is_written_otherwise_is_the_same_contact(
    doha_invited: Stage, role: str
) -> None:
    """In other letters, or another role: its calendar knows what it was told, and it is not invited anew."""
    house = doha(PLAIN)
    (city,) = house.members
    was = city.contacts[0]
    other = Contact(role, was.address.upper(), was.name)
    written = replace(city, contacts=(other, *city.contacts[1:]))

    await doha_invited.apply(replace(house, members=(written,)), LATE_MAY)
    await doha_invited.play(LATE_MAY, LATE_MAY + timedelta(days=2))

    assert [row.rule for row in await doha_invited.sent("invitation")] == ["invitation"]


@ON_SQLITE
async def test_the_first_mail_about_a_session_answers_none(stage: Stage) -> None:
    await invited(stage)

    assert {stage.message(row)["References"] for row in await stage.sent()} == {None}


async def test_another_link_while_it_runs_is_told_at_once(doha_invited: Stage) -> None:
    half_past = at("2027-06-14T13:30:00+02:00")
    await doha_invited.play(LATE_MAY, half_past)
    await doha_invited.apply(doha(ELSEWHERE), half_past)
    await doha_invited.play(half_past, JULY)

    assert [row.sent_at for row in await doha_invited.sent("changed")] == [half_past]


@pytest.mark.parametrize(("time_of_day", "mails"), [("13:30", 1), ("14:00", 0)])
async def test_a_cancellation_is_told_until_the_end(
    doha_invited: Stage, time_of_day: str, mails: int
) -> None:
    """US-13 (4)."""
    moment = at(f"2027-06-14T{time_of_day}:00+02:00")
    await doha_invited.play(LATE_MAY, moment)
    await doha_invited.apply(doha(OFF), moment)
    await doha_invited.play(moment, JULY)

    assert len(await doha_invited.sent("cancelled")) == mails


STATES = (PLAIN, THREE, FOUR, OFF, ELSEWHERE, a_session(title="Renamed"))
EDITS = st.lists(st.tuples(st.integers(1, 25), st.sampled_from(STATES)), min_size=1, max_size=5)


@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=EDITS)
def test_any_edits_end_in_what_is_in_force_told_once_a_window(
    all_invited: Path, steps: list[tuple[int, Session]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        sent = asyncio.run(_at_work(all_invited, Path(folder), lambda stage: edit(stage, *steps)))

    assert [row.sequence for row in sent] == sorted({row.sequence for row in sent})
    moments = [row.sent_at for row in sent if row.sent_at]
    assert all(later - earlier >= 10 * MINUTE for earlier, later in pairwise(moments))
    assert _knows(sent) == _wants(steps[-1][1])


def _knows(sent: Sequence[Delivery]) -> object:
    """What stands in the contact's calendar: method, start, link."""
    if not sent:
        return _wants(PLAIN)
    last = sent[-1]
    return None if last.method == "CANCEL" else (last.starts_at, last.place)


def _wants(session: Session) -> object:
    if session.status is Status.CANCELLED:
        return None
    starts_at = at(f"2027-06-14T{session.start:%H:%M}:00+02:00")
    return starts_at, "\n".join(session.join.lines())


# rules (P12): one city on Hamburg's clock, the session begins at 11:00Z

HOUR, TWO_HOURS, DAY = MinutesBefore(60), MinutesBefore(120), MinutesBefore(24 * 60)
STARTS = at("2027-06-14T11:00:00+00:00")
#: The mail server is away from shortly before two hours ahead; the rule is edited soon after.
GONE, EDITED, BACK = (STARTS - minutes * MINUTE for minutes in (125, 115, 100))
SUNDAY = at("2027-06-13T08:00:00+00:00")


def with_rule(when: When, **changes: object) -> Configuration:
    """The talks, and three weeks earlier a session that is over; one reminder, by this rule."""
    rule = NoticeRule("soon", Kind.REMINDER, ("coordinator",), when)
    others = tuple(r for r in a_series().rules if r.kind is not Kind.REMINDER)
    over = a_session(id="over", on=PLAIN.on - timedelta(days=21))
    series = a_series(over, PLAIN, rules=(*others, replace(rule, **changes)))  # type: ignore[arg-type]
    return a_configuration(series, members=(MANTES,))


async def reminders(stage: Stage) -> list[tuple[str, datetime | None]]:
    return [(row.occurrence, row.sent_at) for row in await stage.sent("reminder")]


@ON_SQLITE
async def test_a_rule_switched_on_reminds_only_of_what_is_to_come(stage: Stage) -> None:
    """Its moment for the first session is long past; nothing goes out at the moment of switching."""
    await stage.apply(with_rule(HOUR, enabled=False), APRIL)
    await stage.play(APRIL, SUNDAY)
    before = len(await stage.sent())

    await stage.apply(with_rule(HOUR), SUNDAY)
    await stage.play(SUNDAY, STARTS - 61 * MINUTE)
    at_switching = len(await stage.sent()) - before
    await stage.play(STARTS - 61 * MINUTE, JULY)

    assert at_switching == 0
    assert await reminders(stage) == [("first.talks", STARTS - timedelta(hours=1))]


@ON_SQLITE
async def test_an_hour_that_becomes_a_day_counts_from_its_own_moment(stage: Stage) -> None:
    await stage.apply(with_rule(HOUR), APRIL)
    await stage.play(APRIL, LATE_MAY)

    await stage.apply(with_rule(DAY), LATE_MAY)
    await stage.play(LATE_MAY, JULY)

    assert ("first.talks", STARTS - timedelta(days=1)) in await reminders(stage)
    assert [name for name, _ in await reminders(stage)].count("first.talks") == 1


@ON_SQLITE
async def test_a_day_that_becomes_an_hour_after_the_day_reminds_again(stage: Stage) -> None:
    """The reminder of the old rule was sent; that of the new one has its own moment, and its own id."""
    await stage.apply(with_rule(DAY), APRIL)
    await stage.play(APRIL, STARTS - timedelta(hours=3))

    await stage.apply(with_rule(HOUR), STARTS - timedelta(hours=3))
    await stage.play(STARTS - timedelta(hours=3), JULY)

    sent = [row for row in await stage.sent("reminder") if row.occurrence == "first.talks"]
    assert [row.sent_at for row in sent] == [STARTS - timedelta(days=1), STARTS - timedelta(hours=1)]
    assert len({row.message_id for row in sent}) == 2


async def test_unsent_rows_of_a_changed_rule_are_replaced_by_those_of_the_new_one(stage: Stage) -> None:
    """The reminder of two hours before waits for the mail server when the rule becomes one hour."""
    stage.post = ScriptedPost(away_on(GONE, STARTS - 50 * MINUTE))
    await stage.apply(with_rule(TWO_HOURS), APRIL)
    await stage.play(APRIL, EDITED)

    await stage.apply(with_rule(HOUR), EDITED)
    await stage.play(EDITED, JULY)

    reasons = await stage.reasons("reminder")
    assert reasons["soon", "withdrawn", "the rule was changed"] == 1
    assert reasons["soon", "sent", ""] == 2  # of the session that is over, and the one of the new rule


@ON_SQLITE
async def test_unsent_rows_of_a_changed_rule_never_go_out(stage: Stage) -> None:
    """The server comes back before the new rule's moment: nothing goes out until then."""
    stage.post = post = ScriptedPost(away_on(GONE, BACK))
    await stage.apply(with_rule(TWO_HOURS), APRIL)
    await stage.play(APRIL, EDITED)

    await stage.apply(with_rule(HOUR), EDITED)
    await stage.play(EDITED, JULY)

    tried = [when for when in post.moments("first.talks.soon") if when > EDITED]
    assert STARTS - timedelta(hours=1) in tried
    assert not [when for when in tried if BACK < when < STARTS - timedelta(hours=1)]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"enabled": False}, "the rule was switched off"),
        ({"to": ("mayor",)}, "the rule was changed"),
    ],
)
@ON_SQLITE
async def test_unsent_rows_of_a_rule_that_says_otherwise_are_withdrawn(
    stage: Stage, changes: dict[str, object], reason: str
) -> None:
    stage.post = ScriptedPost(away_on(GONE, BACK))
    await stage.apply(with_rule(TWO_HOURS), APRIL)
    await stage.play(APRIL, EDITED)

    await stage.apply(with_rule(TWO_HOURS, **changes), EDITED)
    await stage.play(EDITED, JULY)

    assert (await stage.reasons("reminder"))["soon", "withdrawn", reason] == 1


@ON_SQLITE
async def test_an_unsent_row_that_the_changed_rule_would_have_sent_too_goes_out(stage: Stage) -> None:
    """The mayor is added: what waited for the coordinator is still what the rule says."""
    stage.post = ScriptedPost(away_on(GONE, BACK))
    await stage.apply(with_rule(TWO_HOURS), APRIL)
    await stage.play(APRIL, EDITED)

    await stage.apply(with_rule(TWO_HOURS, to=("coordinator", "mayor")), EDITED)
    await stage.play(EDITED, JULY)

    assert (await stage.reasons("reminder"))["soon", "sent", ""] == 2


@ON_SQLITE
async def test_an_unsent_invitation_goes_by_the_rule_that_was_changed_meanwhile(stage: Stage) -> None:
    """28 days before becomes 14 days before while the mail server is away: it goes out on 31 May."""
    gone = at("2027-05-17T05:50:00+00:00")
    stage.post = ScriptedPost(away_on(gone, gone + timedelta(hours=1)))
    await stage.apply(doha(PLAIN), APRIL)
    await stage.play(APRIL, gone + 30 * MINUTE)
    rules = tuple(
        replace(rule, when=Days(-14, time(9))) if rule.kind is Kind.INVITATION else rule
        for rule in a_series().rules
    )

    later = a_configuration(a_series(rules=rules), members=(DOHA,))
    await stage.apply(later, gone + 30 * MINUTE)
    await stage.play(gone + 30 * MINUTE, JULY)

    assert [row.sent_at for row in await stage.sent("invitation")] == [at("2027-05-31T09:00:00+03:00")]
