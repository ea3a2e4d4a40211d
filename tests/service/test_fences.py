"""What a service does not send before a person has looked: after an outage, elsewhere, too much at once.

The talks of the cast: Monday 14 June 2027, 13:00 in Hamburg; announced on 3 May, invited on 17 May, reminders
on 7 June and on the working day before. The walks are announced on 1 June, in the middle of the outage. The
virtual clock looks every two days, so an outage is one of more than three.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from scheduler.model.audience import Audience
from scheduler.model.cycles import Duty
from scheduler.model.network import Configuration
from scheduler.model.notices import Kind, MinutesBefore, NoticeRule
from scheduler.model.series import Join
from scheduler.service.apply import put_in_force
from scheduler.service.bootstrap import build_daemon
from scheduler.service.fences import Fences
from scheduler.service.holding import NOW, LetGo, let_go
from scheduler.service.in_force import read_in_force
from scheduler.settings import Settings
from scheduler.store import held, holds, installation, ledger, outflow, tables
from scheduler.store.database import open_database
from scheduler.store.duties import OVERTAKEN
from scheduler.store.holds import BUT_REMINDERS, EVERYTHING, SERVICE, Hold
from scheduler.store.identity import Identity
from scheduler.store.migrate import migrate
from tests.cast import DOHA, MANTES, a_configuration, a_series, a_session, at, real
from tests.service.stage import Stage

APRIL = at("2027-04-26T08:00:00+00:00")
DOWN = at("2027-05-25T08:00:00+00:00")
UP = at("2027-06-10T08:00:00+00:00")
LATER = at("2027-06-12T08:00:00+00:00")
OVER = at("2027-06-20T08:00:00+00:00")

ASKS = Fences(amnesty=timedelta(days=3))
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def talks_and_walks() -> Configuration:
    walk = a_session(on=date(2027, 9, 14))
    walks = a_series(walk, id="walks", announced=date(2027, 6, 1))
    return a_configuration(a_series(), walks, members=(MANTES, DOHA))


async def all_holds(stage: Stage) -> tuple[Hold, ...]:
    async with stage.database.read() as connection:
        return await holds.read(connection)


async def resume(stage: Stage, subject: str, *, skip: bool = False) -> LetGo:
    async with stage.database.read() as connection:
        in_force = await read_in_force(connection)
    return await let_go(stage.database, in_force, subject, "Bert", LATER, skip=skip)


async def after_an_outage(stage: Stage) -> Counter[str]:
    """What leaves by itself when the service runs again."""
    stage.fences = ASKS
    await stage.apply(talks_and_walks(), APRIL)
    await stage.play(APRIL, DOWN)
    before = len(await stage.sent())
    await stage.play(UP, LATER)
    return Counter(f"{row.rule} of {row.occurrence}" for row in (await stage.sent())[before:])


async def test_after_an_outage_only_useful_reminders_leave_by_themselves(stage: Stage) -> None:
    left = await after_an_outage(stage)

    async with stage.database.read() as connection:
        waiting = await held.kinds_held(connection)
    assert left == {"week-before of first.talks": 2, "working-day-before of first.talks": 1}
    assert waiting == {BUT_REMINDERS: Counter(announcement=2)}


@ON_SQLITE
async def test_the_reason_says_when_the_service_did_not_run(stage: Stage) -> None:
    await after_an_outage(stage)

    (hold,) = await all_holds(stage)
    assert (hold.subject, hold.held_by, hold.since) == (BUT_REMINDERS, SERVICE, UP)
    assert hold.because == (
        "the service did not run from Tuesday 25 May 2027, 09:00 Hamburg time (CEST, UTC+2) "
        "to Thursday 10 June 2027, 10:00 Hamburg time (CEST, UTC+2)"
    )


@ON_SQLITE
async def test_what_a_person_lets_go_is_judged_as_usual(stage: Stage) -> None:
    await after_an_outage(stage)

    done = await resume(stage, BUT_REMINDERS)
    await stage.play(LATER, OVER)

    assert done.mails == {NOW: 2}
    assert [row.occurrence for row in await stage.sent("announcement")].count("walks") == 2


@ON_SQLITE
async def test_what_a_person_skips_is_missed_with_the_reason(stage: Stage) -> None:
    await after_an_outage(stage)

    done = await resume(stage, BUT_REMINDERS, skip=True)
    await stage.play(LATER, OVER)

    assert done.mails == {held.SKIPPED: 2}
    assert (await stage.reasons("announcement"))["announcement", "missed", held.SKIPPED] == 2
    assert await all_holds(stage) == ()


@ON_SQLITE
async def test_files_put_in_force_meanwhile_do_not_hide_an_outage(stage: Stage) -> None:
    stage.fences = ASKS
    await stage.apply(talks_and_walks(), APRIL)
    await stage.play(APRIL, DOWN)
    third = a_series(id="tours")
    await stage.apply(replace(talks_and_walks(), series=(*talks_and_walks().series, third)), UP)

    await stage.play(UP + timedelta(minutes=1), LATER)

    assert [hold.subject for hold in await all_holds(stage)] == [BUT_REMINDERS]


@ON_SQLITE
async def test_a_first_start_is_no_end_of_an_outage(stage: Stage) -> None:
    stage.fences = ASKS
    await stage.apply(talks_and_walks(), APRIL)

    await stage.play(UP, LATER)

    assert await all_holds(stage) == ()


@ON_SQLITE
async def test_what_was_claimed_with_resend_is_not_asked_for_again(stage: Stage) -> None:
    """A backup is older than a day as often as not, and a person has decided on what it missed."""
    stage.fences = ASKS
    await stage.apply(talks_and_walks(), APRIL)
    await stage.play(APRIL, DOWN)
    async with stage.database.write() as connection:
        await installation.hold(connection)
        await installation.claim_copy(connection, "Anna", UP, skip=False)

    await stage.play(UP, LATER)

    assert await all_holds(stage) == ()
    assert "walks" in {row.occurrence for row in await stage.sent()}


async def test_of_several_replicas_one_finds_the_outage(stage: Stage) -> None:
    await stage.apply(talks_and_walks(), APRIL)
    network = talks_and_walks().network
    async with stage.database.write() as connection:
        await ledger.tick(connection, DOWN)
        gaps = [await ASKS.allowance(connection, 100, 10, UP)]

    for _ in range(2):
        async with stage.database.write() as connection:
            await ledger.hold(connection)
            await ASKS.tick(connection, network, UP)

    async with stage.database.read() as connection:
        gaps.append(await ASKS.allowance(connection, 100, 10, UP))
        written = await connection.scalars(
            select(tables.journal.c.subject).where(tables.journal.c.action == "hold")
        )
    assert gaps == [0, 10]  # nothing is claimed before the engine has looked
    assert list(written) == [BUT_REMINDERS]


@ON_SQLITE
async def test_who_was_invited_is_reminded_while_a_change_waits_for_a_person(stage: Stage) -> None:
    stage.fences = ASKS
    await stage.apply(talks_and_walks(), APRIL)
    await stage.play(APRIL, DOWN)
    elsewhere = a_session(join=Join("Zoom", "Webinar ID", "1", "https://meet.cities.example/2"))
    await stage.apply(a_configuration(a_series(elsewhere), members=(MANTES,)), UP - timedelta(hours=1))

    await stage.play(UP, LATER)

    assert [row.member for row in await stage.sent("reminder")] == [MANTES, MANTES]
    assert (await stage.states())["changed", "queued"] == 1


@ON_SQLITE
async def test_an_audience_of_nobody_is_a_finished_state(stage: Stage) -> None:
    nobody = a_session(audience=Audience("Africa", regions=("africa",)))
    await stage.apply(a_configuration(a_series(nobody), members=(MANTES,)), APRIL)

    await stage.play(APRIL, OVER)

    assert await stage.states() == {}


@ON_SQLITE
async def test_of_several_late_mails_each_city_gets_the_latest(stage: Stage) -> None:
    """Reliability rules, T05: three reminders of a session and two rungs of a deadline fell into the outage.

    The session is on 25 November, 13:00 in Hamburg; the report is due on the 30th.
    """
    stage.fences = ASKS
    a_day_before = NoticeRule("day-before", Kind.REMINDER, ("coordinator",), MinutesBefore(25 * 60))
    talks = a_series(a_session(on=date(2027, 11, 25)), rules=(*a_series().rules, a_day_before))
    cycle = next(cycle for cycle in real().cycles if cycle.id == "report-2027")
    due = next(member for member in real().members if cycle.duty(member) is Duty.DUE)
    await stage.apply(replace(a_configuration(talks), members=(due,), cycles=(cycle,)), APRIL)
    await stage.play(APRIL, at("2027-11-15T08:00:00+01:00"))
    before = len(await stage.sent())

    await stage.play(at("2027-11-24T20:00:00+01:00"), at("2027-11-24T23:00:00+01:00"))

    late = [(row.kind.value, row.rule) for row in (await stage.sent())[before:]]
    to_mayor_too = [("report-reminder", "days-7")] * 2
    digest = ("report-digest", "digest-days-7")
    assert sorted(late) == [("reminder", "day-before"), digest, *to_mayor_too]
    assert (await stage.reasons("reminder"))["week-before", "missed", OVERTAKEN] == 1
    assert (await stage.reasons("report-reminder"))["days-14", "missed", OVERTAKEN] == 1


@ON_SQLITE
async def test_a_stop_is_a_sign_of_life_unless_an_outage_waits_to_be_found(stage: Stage) -> None:
    async with stage.database.write() as connection:
        await installation.claim(connection, "Anna", APRIL)
        await ledger.settle(connection, APRIL)
        await ASKS.leave(connection, APRIL)
        never = await ledger.ticked_at(connection)
        await ledger.tick(connection, APRIL)
        await ASKS.leave(connection, APRIL + timedelta(hours=1))
        seen = await ledger.ticked_at(connection)
        await ASKS.leave(connection, UP)

        assert (never, seen) == (None, APRIL + timedelta(hours=1))
        assert await ledger.ticked_at(connection) == seen


# another installation

HOME = Identity("https://cities.example", "/data/scheduler.sqlite", "a" * 64)


@pytest.mark.parametrize(
    ("here", "difference"),
    [
        (
            replace(HOME, base_url="https://test.example"),
            "https://cities.example and is https://test.example",
        ),
        (
            replace(HOME, place="/home/anna/copy.sqlite"),
            "/data/scheduler.sqlite and is /home/anna/copy.sqlite",
        ),
        (replace(HOME, key_proof="b" * 64), "the secret key is another one"),
    ],
)
@ON_SQLITE
async def test_a_database_of_another_installation_sends_nothing(
    stage: Stage, here: Identity, difference: str
) -> None:
    await stage.apply(talks_and_walks(), APRIL)
    async with stage.database.write() as connection:
        await installation.adopt(connection, HOME)
    stage.fences = Fences(here)

    await stage.play(APRIL, DOWN)

    async with stage.database.read() as connection:
        why = await installation.why_held(connection, here)
        assert await ledger.ticked_at(connection) is None
    assert await stage.sent() == []
    assert difference in why


async def test_the_first_start_writes_down_where_it_is(stage: Stage) -> None:
    await stage.apply(talks_and_walks(), APRIL)
    stage.fences = Fences(replace(HOME, key_proof=None))
    await stage.play(APRIL, at("2027-05-02T08:00:00+00:00"))

    stage.fences = Fences(HOME)
    await stage.play(at("2027-05-02T09:00:00+00:00"), DOWN)

    async with stage.database.read() as connection:
        whose = await installation.belongs_to(connection)
    # PostgreSQL says more of itself
    assert whose is not None
    assert replace(whose, origin=None, cluster=None) == HOME
    assert len(await stage.sent()) == 4


@ON_SQLITE
async def test_a_moved_installation_sends_again_when_a_person_says_so(stage: Stage) -> None:
    await stage.apply(talks_and_walks(), APRIL)
    moved = replace(HOME, place="/srv/scheduler.sqlite")
    async with stage.database.write() as connection:
        await installation.adopt(connection, HOME)
        done = await installation.claim_copy(connection, "Anna", APRIL, skip=False, here=moved)
    stage.fences = Fences(moved)

    await stage.play(APRIL, DOWN)

    assert isinstance(done, installation.Taken)
    assert len(await stage.sent()) == 4


# too much at once


def twelve_at_once() -> Configuration:
    """Announcements on the morning of 3 May, to a city on Hamburg's clock; five may leave within an hour."""
    series = [a_series(id=f"talks-{number}") for number in range(12)]
    house = a_configuration(*series, members=(MANTES,))
    return replace(house, network=replace(house.network, max_mails_per_hour=5))


async def test_the_service_holds_everything_when_too_much_left(stage: Stage) -> None:
    stage.fences = Fences(has_limit=True)
    await stage.apply(twelve_at_once(), APRIL)

    await stage.play(APRIL, at("2027-05-03T23:00:00+00:00"))

    (hold,) = await all_holds(stage)
    assert len(await stage.sent()) == 5
    assert (hold.subject, hold.held_by) == (EVERYTHING, SERVICE)
    assert hold.because == "5 mails left within an hour, and max_mails_per_hour in network.yaml is 5"


@ON_SQLITE
async def test_who_lets_them_go_is_asked_again_after_as_many(stage: Stage) -> None:
    stage.fences = Fences(has_limit=True)
    await stage.apply(twelve_at_once(), APRIL)
    noon = at("2027-05-03T12:00:00+00:00")
    await stage.play(APRIL, noon)

    async with stage.database.read() as connection:
        in_force = await read_in_force(connection)
    await let_go(stage.database, in_force, EVERYTHING, "Bert", noon)
    await stage.play(noon, at("2027-05-04T23:00:00+00:00"))

    assert len(await stage.sent()) == 10
    assert [hold.held_by for hold in await all_holds(stage)] == [SERVICE]


async def test_replicas_share_what_may_leave(stage: Stage) -> None:
    await stage.apply(talks_and_walks(), APRIL)

    granted = []
    for _ in range(3):
        async with stage.database.write() as connection:
            number = await outflow.allowance(connection, 25, 10, APRIL)
            await outflow.book(connection, number)
            granted.append(number)

    # the third counts again, and nothing had left
    assert granted == [10, 10, 10]
    async with stage.database.read() as connection:
        assert await connection.scalar(select(tables.state.c.outflow_left)) == 15


# the whole service


async def test_a_service_elsewhere_says_so_and_serves(tmp_path: Path) -> None:
    """Its pages and feeds go on; where the database was is nothing for the world to read."""
    settings = Settings(data=tmp_path, base_url="https://test.example", secret_key="k" * 32)
    database = open_database(settings.database_url.get_secret_value(), durable=False)
    await migrate(database)
    await put_in_force(database, talks_and_walks(), now=APRIL, by="staff", replaces=None)
    async with database.write() as connection:
        await installation.adopt(connection, HOME)
    daemon = build_daemon(settings, database)

    async with daemon.running():
        health = daemon.health()
        why = daemon.lookout.why_held
    await database.close()

    assert health.not_ready == ()
    assert installation.HELD_ELSEWHERE in health.warnings
    assert "SCHEDULER_BASE_URL was https://cities.example and is https://test.example" in why
