"""A new tz database is met: what moved is found, held, and told when a person lets it (story US-16).

2026: Morocco stays on +00 (was: +01), Alberta on -06 (was: -07 in winter)
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from scheduler.configuration import normal
from scheduler.errors import ConfigurationMoved, OlderClocks
from scheduler.model import times
from scheduler.model.clocks import clocks_of
from scheduler.model.network import Configuration
from scheduler.service.apply import meet_new_clocks, put_in_force
from scheduler.service.bootstrap import Rehearsing, build_daemon, build_rehearsing
from scheduler.service.clock_changes import Decided, Report, dismiss, read_report, release
from scheduler.service.in_force import InForce, Memory, read_in_force
from scheduler.service.proposals import Proposals
from scheduler.service.virtual_clock import VirtualClock
from scheduler.settings import Settings
from scheduler.store import clocks, configurations, holds, ledger, tables
from scheduler.store.database import Database
from scheduler.store.holds import Hold
from tests.cast import at
from tests.cli.typed import spawned
from tests.older_clocks import (
    MOROCCAN,
    NOW,
    OTHERS,
    RELEASE,
    THEN,
    age,
    as_before,
    configuration,
    make_folder,
)
from tests.service.stage import Stage, part

ALL = {*MOROCCAN, "edmonton", *OTHERS}
#: Three that moved, and one that did not: enough for most.
FEW = ("agadir", "fez", "edmonton", "medellin")
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
RUNNING = times.tzdata_version()


@pytest.fixture
def stage(database: Database, tmp_path: Path) -> Stage:
    return Stage(database, tmp_path)


async def in_force(database: Database) -> InForce:
    async with database.read() as connection:
        return await read_in_force(connection)


async def report(database: Database, now: datetime = THEN) -> Report:
    return await read_report(database, await in_force(database), now)


async def let_it_be_told(database: Database, now: datetime = THEN) -> Decided:
    return await release(database, await in_force(database), "Anna", now)


async def grown_old(stage: Stage, whole: Configuration | None = None) -> None:
    whole = whole or configuration(*FEW)
    await stage.apply(whole, NOW)
    await age(stage.database, whole, NOW)


async def rows(database: Database, table: str) -> list[tuple[object, ...]]:
    async with database.read() as connection:
        return [tuple(row) for row in await connection.execute(select(tables.metadata.tables[table]))]


async def held(database: Database) -> dict[str, str]:
    """Subject -> by whom."""
    async with database.read() as connection:
        return {hold.subject: hold.held_by for hold in await holds.read(connection)}


# the whole story


@ON_SQLITE
async def test_each_city_hears_once_of_clocks_that_changed(
    stage: Stage, database_url: str, tmp_path: Path
) -> None:
    """US-16.1 to 4: sent by the old rules, met by the new ones, released."""
    older = {"PYTZ_TZDATADIR": str(make_folder(tmp_path / "older"))}
    played = await asyncio.to_thread(
        spawned, sys.executable, "-m", "tests.older_clocks", database_url, str(tmp_path), environment=older
    )
    assert played.returncode == 0, played.stderr
    before = await stage.sent()

    await meet_new_clocks(stage.database, THEN)
    await stage.play(THEN, THEN + timedelta(days=1))
    assert len(await stage.sent()) == len(before)
    await let_it_be_told(stage.database, THEN + timedelta(days=1))
    await stage.play(THEN + timedelta(days=1), THEN + timedelta(days=4))

    new = (await stage.sent())[len(before) :]
    assert Counter((row.kind.value, row.member) for row in new) == Counter(
        [("clocks-changed", city) for city in (*MOROCCAN, "edmonton")] + [("changed", city) for city in ALL]
    )
    assert {row.sequence for row in new if row.kind.value == "changed"} == {1}
    (update_there,) = (row for row in new if (row.kind.value, row.member) == ("changed", "mantes-la-jolie"))
    text = part(stage.message(update_there), "text/plain")
    assert "Before: Thursday 17 December 2026, 02:00–03:00" in text
    assert "Now: Thursday 17 December 2026, 01:00–02:00" in text
    assert await computed_with(stage.database) == {RELEASE: len(before), RUNNING: len(new)}


async def computed_with(database: Database) -> Counter[str]:
    """US-16.4: the tz database is stored with each sent mail."""
    sent = select(tables.outbox.c.tzdata).where(tables.outbox.c.state == "sent")
    async with database.read() as connection:
        return Counter(await connection.scalars(sent))


# meeting it


@ON_SQLITE
async def test_what_moved_is_held_with_a_reason(stage: Stage) -> None:
    await grown_old(stage)

    await meet_new_clocks(stage.database, THEN)

    async with stage.database.read() as connection:
        (hold,) = await holds.read(connection)
    assert (hold.subject, hold.held_by) == ("host.talks", f"tzdata {RUNNING}")
    assert hold.because == (
        "the rules of the clock in America/Edmonton changed: Thursday 17 December 2026, 02:00"
        " -> Thursday 17 December 2026, 01:00 Hamburg time (CET, UTC+1)"
    )


@ON_SQLITE
async def test_a_new_tz_database_puts_the_same_in_force_anew(stage: Stage) -> None:
    await grown_old(stage)
    before = await in_force(stage.database)

    await meet_new_clocks(stage.database, THEN)

    after = await in_force(stage.database)
    assert (after.hash, after.id, after.tzdata) == (before.hash, before.id + 1, RUNNING)
    assert {n for n, r in after.revisions.items() if r.sequence != before.revisions[n].sequence} == {
        "host.talks"
    }


@ON_SQLITE
async def test_a_second_start_finds_nothing_new(stage: Stage) -> None:
    await grown_old(stage)

    for _ in range(2):
        await meet_new_clocks(stage.database, THEN)

    assert len(await rows(stage.database, "clock_changes")) == 1
    assert len(await rows(stage.database, "configurations")) == 2


async def test_two_that_start_at_once_find_it_once(stage: Stage) -> None:
    await grown_old(stage)

    await asyncio.gather(*(meet_new_clocks(stage.database, THEN) for _ in range(2)))

    assert len(await rows(stage.database, "clock_changes")) == 1
    assert len(await rows(stage.database, "configurations")) == 2


@ON_SQLITE
async def test_an_older_tz_database_changes_nothing_by_itself(stage: Stage) -> None:
    """After a rollback, or in a replica of an older version, hours do not go to and fro."""
    await stage.apply(configuration(*FEW), NOW)
    await age(stage.database, configuration(*FEW), NOW, as_of="2099a")

    await meet_new_clocks(stage.database, THEN)

    assert (await report(stage.database)).is_older
    assert len(await rows(stage.database, "configurations")) == 1


@ON_SQLITE
async def test_a_program_with_other_clocks_sends_nothing(stage: Stage) -> None:
    """It would write other hours, and withdraw what the newer replica is to send."""
    await stage.apply(configuration(*FEW), NOW)
    await age(stage.database, configuration(*FEW), NOW, as_of="2099a")

    await stage.play(NOW, THEN)

    assert await stage.states() == {}


@ON_SQLITE
async def test_a_program_whose_clocks_go_alike_sends(stage: Stage) -> None:
    """Most releases of the tz database are about other places."""
    await stage.apply(configuration("medellin"), NOW)
    async with stage.database.write() as connection:
        await connection.execute(update(tables.configurations).values(tzdata="2099a"))
        await connection.execute(update(tables.clocks).values(tzdata="2099a"))

    await stage.play(NOW, NOW + timedelta(hours=12))

    assert [row.kind.value for row in await stage.sent()] == ["announcement"]


@ON_SQLITE
async def test_an_older_tz_database_that_staff_want_holds_what_it_moves(stage: Stage) -> None:
    whole = configuration(*FEW)
    await stage.apply(whole, NOW)
    await age(stage.database, whole, NOW, as_of="2099a")

    await stage.apply(whole, THEN, older_clocks=True)

    assert await held(stage.database) == {"host.talks": f"tzdata {RUNNING}"}
    assert not (await in_force(stage.database)).clocks_disagree


@ON_SQLITE
async def test_an_older_program_changes_nothing_that_newer_clocks_made(stage: Stage) -> None:
    """Somebody types `scheduler apply` in an old image: what is held stays held."""
    await stage.apply(configuration(*FEW), NOW)
    await age(stage.database, configuration(*FEW), NOW, as_of="2099a")

    with pytest.raises(OlderClocks, match="nothing was changed; use the newer program"):
        await stage.apply(configuration(*FEW), THEN)

    assert len(await rows(stage.database, "configurations")) == 1


async def came_into_force_by_others(stage: Stage, release: str = RELEASE) -> None:
    """With a tz database that has other hours."""
    async with stage.database.write() as connection:
        found = await configurations.latest(connection)
        assert found
        same = {name: getattr(found, name) for name in ("content", "hash", "applied_at", "applied_by")}
        await configurations.put(connection, **same, replaces=found.hash, tzdata=release)
        old = as_before(clocks_of(configuration(*FEW), NOW))
        await clocks.keep(connection, release, old, NOW)


def in_memory(service: Rehearsing) -> InForce:
    """What the service believes to be in force."""
    known = service.deliverer.memory.known
    assert known
    return known


@ON_SQLITE
async def test_nothing_is_claimed_after_other_clocks_came_into_force(stage: Stage) -> None:
    """Its memory does not know of them yet: it learns it from the very rows that it claims."""
    await stage.apply(configuration(*FEW), NOW)
    clock = VirtualClock(NOW + timedelta(hours=1), THEN)
    service = build_rehearsing(stage.database, clock, stage.mailbox, stage.links)
    await service.engine.look()
    await came_into_force_by_others(stage)

    delivering = asyncio.create_task(service.deliverer.run())
    async with asyncio.timeout(10):
        while not in_memory(service).clocks_disagree:  # noqa: ASYNC110 - it rings no bell
            await asyncio.sleep(0.01)
    service.deliverer.drain()
    await delivering

    assert await stage.states() == {("announcement", "queued"): 2}


@ON_SQLITE
async def test_a_service_meets_its_clocks_again_after_an_older_program(stage: Stage, tmp_path: Path) -> None:
    await stage.apply(configuration(*FEW), NOW)
    clock = VirtualClock(THEN, THEN + timedelta(days=1))
    memory = Memory()
    proposals = Proposals(tmp_path / "none", stage.database, clock, memory, timedelta(0))
    await proposals.look()
    await came_into_force_by_others(stage)
    async with stage.database.read() as connection:
        await memory.current(connection)

    await proposals.look()

    assert (await in_force(stage.database)).tzdata == RUNNING
    assert await held(stage.database) == {"host.talks": f"tzdata {RUNNING}"}


@ON_SQLITE
@pytest.mark.parametrize("release", [RELEASE, "2099a"])
async def test_clocks_that_disagree_are_a_warning_and_never_reach_a_feed(
    stage: Stage, tmp_path: Path, release: str
) -> None:
    """Two replicas would show two hours under one SEQUENCE."""
    await stage.apply(configuration(*FEW), NOW)
    daemon = build_daemon(Settings(data=tmp_path), stage.database)
    before = await daemon.to_show()
    await came_into_force_by_others(stage, release)

    after = await daemon.to_show()

    assert after is before
    assert any(f"was computed with {release}" in warning for warning in daemon.health().warnings)


@ON_SQLITE
async def test_a_program_that_starts_with_other_clocks_shows_nothing(stage: Stage, tmp_path: Path) -> None:
    await stage.apply(configuration(*FEW), NOW)
    await came_into_force_by_others(stage, "2099a")

    assert await build_daemon(Settings(data=tmp_path), stage.database).to_show() is None


@ON_SQLITE
async def test_an_apply_meets_the_clocks_as_well(stage: Stage) -> None:
    """Nobody can get past it: what staff apply before the service starts is held all the same."""
    whole = configuration(*FEW)
    await grown_old(stage, whole)
    edited = replace(whole.series[0], title="Talks, with another title")

    await stage.apply(replace(whole, series=(edited,)), THEN)

    assert await held(stage.database) == {"host.talks": f"tzdata {RUNNING}"}
    found = (await report(stage.database)).found
    assert found
    assert found.change.cities == 3


@ON_SQLITE
async def test_a_configuration_that_was_overtaken_is_not_applied(stage: Stage) -> None:
    """The same content came into force anew meanwhile: the hash alone would not tell."""
    await grown_old(stage)
    seen = (await in_force(stage.database)).hash

    done = await asyncio.gather(
        *(
            put_in_force(stage.database, configuration(*FEW), now=THEN, by="staff", replaces=seen)
            for _ in range(2)
        ),
        return_exceptions=True,
    )

    assert [type(one) for one in done if isinstance(one, BaseException)] == [ConfigurationMoved]


@ON_SQLITE
async def test_a_database_without_kept_clocks_still_holds_what_moved(stage: Stage) -> None:
    """It came into force before clocks were kept: when each session was to begin is known all the same."""
    await grown_old(stage)
    async with stage.database.write() as connection:
        await connection.execute(tables.clocks.delete())

    await meet_new_clocks(stage.database, THEN)

    (moved,) = (await report(stage.database)).moved
    assert moved.before == (at("2026-12-17T02:00:00+01:00"), at("2026-12-17T03:00:00+01:00"))
    assert await held(stage.database) == {"host.talks": f"tzdata {RUNNING}"}


@ON_SQLITE
async def test_clocks_are_kept_at_a_start_where_they_were_not(stage: Stage) -> None:
    await stage.apply(configuration(*FEW), NOW)
    async with stage.database.write() as connection:
        await connection.execute(tables.clocks.delete())

    await meet_new_clocks(stage.database, THEN)

    async with stage.database.read() as connection:
        kept = await clocks.kept(connection, RUNNING)
    assert kept == clocks_of(configuration(*FEW), THEN)


@ON_SQLITE
async def test_what_is_in_force_says_the_same_after_it_was_kept(stage: Stage) -> None:
    """The watcher of the files compares hashes: they must not differ because clocks do."""
    await grown_old(stage)
    await meet_new_clocks(stage.database, THEN)

    async with stage.database.read() as connection:
        latest = await configurations.latest(connection)
    assert latest
    assert latest.hash == normal.hash_of(normal.to_text(configuration(*FEW)))


# what is said of it


@ON_SQLITE
async def test_people_see_who_is_concerned(stage: Stage) -> None:
    await grown_old(stage)
    await meet_new_clocks(stage.database, THEN)

    found = await report(stage.database)

    assert [(moved.occurrence.id, moved.cities) for moved in found.moved] == [("host.talks", 4)]
    morocco, edmonton = found.hours
    assert [member.slug for member in morocco.members] == ["agadir", "fez"]
    assert [o.id for o in edmonton.occurrences] == ["winter.talks"]
    assert edmonton.offsets == ((timedelta(hours=-7), timedelta(hours=-6)),)


@ON_SQLITE
async def test_a_second_release_is_compared_with_what_people_believe(stage: Stage) -> None:
    """Nobody decided on the first one: the second one takes its place, with all that moved since."""
    await grown_old(stage)
    await meet_new_clocks(stage.database, THEN)
    async with stage.database.write() as connection:
        await connection.execute(update(tables.configurations).values(tzdata="2026a"))
        await clocks.keep(connection, "2026a", clocks_of(configuration(*FEW), THEN), THEN)

    await meet_new_clocks(stage.database, THEN + timedelta(hours=1))

    found = (await report(stage.database)).found
    assert found
    assert (found.before, found.now, found.change.cities) == (RELEASE, RUNNING, 3)
    assert len(await rows(stage.database, "clock_changes")) == 2


@ON_SQLITE
async def test_a_second_release_says_anew_why_a_session_is_held(stage: Stage) -> None:
    await grown_old(stage)
    async with stage.database.write() as connection:
        await holds.put(connection, Hold("host.talks", NOW, "tzdata 2026a", "of the first release"))

    await meet_new_clocks(stage.database, THEN)

    async with stage.database.read() as connection:
        (hold,) = await holds.read(connection)
    assert (hold.since, hold.held_by) == (NOW, f"tzdata {RUNNING}")
    assert hold.because.startswith("the rules of the clock in America/Edmonton changed")


# what people decide


@ON_SQLITE
async def test_a_city_reads_its_new_hours_in_one_mail(stage: Stage) -> None:
    await grown_old(stage)
    await meet_new_clocks(stage.database, THEN)

    await let_it_be_told(stage.database)
    await stage.play(THEN, THEN + timedelta(days=1))

    (mail,) = (row for row in await stage.sent("clocks-changed") if row.member == "agadir")
    message = stage.message(mail)
    text = " ".join(part(message, "text/plain").split())
    assert message["Subject"] == "The clocks in Agadir changed: 2 dates at another hour there"
    assert "By the old rules: Wednesday 9 December 2026, 13:00–14:00" in text
    assert "Now: Wednesday 9 December 2026, 12:00–13:00 in Agadir (UTC+0)" in text
    assert "Wednesday 9 December 2026, 13:00–14:00 Hamburg time (CET, UTC+1)" in text
    assert "calendar" not in {one.get_content_subtype() for one in message.walk()}


@ON_SQLITE
async def test_a_release_lets_go_what_the_service_held_and_nothing_else(stage: Stage) -> None:
    await grown_old(stage)
    await meet_new_clocks(stage.database, THEN)
    async with stage.database.write() as connection:
        await holds.put(connection, Hold("winter.talks", THEN, "Ben", "the host is ill"))

    done = await let_it_be_told(stage.database)

    assert [hold.subject for hold in done.held] == ["host.talks"]
    assert await held(stage.database) == {"winter.talks": "Ben"}


async def test_a_release_happens_once(stage: Stage) -> None:
    await grown_old(stage)
    await meet_new_clocks(stage.database, THEN)

    mails = [(await let_it_be_told(stage.database)).mails for _ in range(2)]

    assert mails == [3, 0]


@ON_SQLITE
async def test_what_is_dismissed_is_told_nobody(stage: Stage) -> None:
    await grown_old(stage)
    await meet_new_clocks(stage.database, THEN)

    await dismiss(stage.database, await in_force(stage.database), "Anna", THEN)
    await stage.play(THEN, THEN + timedelta(days=1))

    assert await stage.sent("clocks-changed") == []
    assert await held(stage.database) == {"host.talks": f"tzdata {RUNNING}"}
    assert (await report(stage.database)).found is None


@ON_SQLITE
async def test_decisions_stand_in_the_journal(stage: Stage) -> None:
    await grown_old(stage)
    await meet_new_clocks(stage.database, THEN)
    await let_it_be_told(stage.database)

    async with stage.database.read() as connection:
        table = tables.journal.c
        lines = (await connection.execute(select(table.actor, table.action, table.subject))).all()

    assert ("Anna", "clocks released", f"tzdata-{RUNNING}") in lines
    assert (f"tzdata {RUNNING}", "clocks", f"tzdata-{RUNNING}") in lines
    assert ("Anna", "resume", "host.talks") in lines


async def test_a_city_whose_webinar_mails_ended_is_not_told(stage: Stage) -> None:
    await grown_old(stage)
    await meet_new_clocks(stage.database, THEN)
    row = {"address": "learningcity@fez.example", "scope": "webinars", "since": THEN, "reason": "asked"}
    async with stage.database.write() as connection:
        await connection.execute(tables.suppressions.insert().values(**row))

    done = await let_it_be_told(stage.database)

    assert done.mails == 2


@ON_SQLITE
async def test_a_city_at_night_is_told_in_its_morning(stage: Stage) -> None:
    """10:00 in Hamburg is 03:00 in Edmonton: its mail waits until 07:00 there."""
    await grown_old(stage)
    await meet_new_clocks(stage.database, THEN)

    await let_it_be_told(stage.database)
    await stage.play(THEN, THEN + timedelta(days=1))

    sent_at = {row.member: row.sent_at for row in await stage.sent("clocks-changed")}
    assert sent_at["agadir"] == THEN
    assert sent_at["edmonton"] == at("2026-11-20T07:00:00-06:00")


@ON_SQLITE
async def test_a_mail_that_waits_is_not_sent_when_nothing_of_it_lies_ahead(stage: Stage) -> None:
    """The sessions were moved after the release, and their readers get a change instead."""
    whole = configuration(*FEW)
    await grown_old(stage, whole)
    await meet_new_clocks(stage.database, THEN)
    await let_it_be_told(stage.database)
    sessions = tuple(replace(s, on=s.on + timedelta(days=1)) for s in whole.series[0].sessions)

    await stage.apply(replace(whole, series=(replace(whole.series[0], sessions=sessions),)), THEN)
    await stage.play(THEN, THEN + timedelta(days=1))

    assert await stage.reasons("clocks-changed") == {
        ("clocks", "withdrawn", "no hour there differs any more"): 3
    }


@ON_SQLITE
async def test_a_service_meets_the_clocks_before_it_reads_the_files(stage: Stage, tmp_path: Path) -> None:
    await grown_old(stage)
    clock = VirtualClock(THEN, THEN + timedelta(days=1))
    proposals = Proposals(tmp_path / "none", stage.database, clock, Memory(), timedelta(0))

    await proposals.look()

    assert await held(stage.database) == {"host.talks": f"tzdata {RUNNING}"}


@ON_SQLITE
async def test_the_engine_waits_until_a_new_tz_database_was_met(stage: Stage) -> None:
    await grown_old(stage)

    await stage.play(NOW, THEN)

    assert await stage.sent() == []
    async with stage.database.read() as connection:
        settled = await ledger.settled_until(connection)
    assert settled
    assert settled < THEN
