"""What a claim may take, when a mail begins, and what becomes of what a dead process had in hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from scheduler.model.members import Contact
from scheduler.model.notices import Kind
from scheduler.service.engine import Engine
from scheduler.service.in_force import Memory
from scheduler.service.virtual_clock import VirtualClock
from scheduler.store import claims, deliveries, ledger, marks
from scheduler.store.claims import Turn
from scheduler.store.database import Database
from scheduler.store.marks import Receipt
from scheduler.store.tables import outbox
from tests.cast import A_DAY, MANTES, a_configuration, a_series, at
from tests.service.stage import Stage

#: The invitations of twelve coordinators go out; nobody is announced to.
APRIL, INVITED = at("2027-04-26T08:00:00+00:00"), at("2027-05-17T07:00:00+00:00")
RULES = tuple(rule for rule in a_series().rules if rule.kind == "invitation")
A_MINUTE = timedelta(minutes=1)


@pytest.fixture
async def waiting(database: Database) -> Database:
    """Twelve invitations wait."""
    contacts = tuple(Contact("coordinator", f"c{n:02}@mantes.example") for n in range(12))
    plain = a_configuration(a_series(rules=RULES), members=(MANTES,))
    crowd = replace(plain, members=(replace(plain.members[0], contacts=contacts),))
    await Stage(database, Path()).apply(crowd, APRIL)
    clock = VirtualClock(INVITED, INVITED + A_DAY)
    await Engine(database, clock, clock.bell(), Memory()).look()
    return database


async def claim(
    database: Database, token: str, most: int = 50, now: datetime = INVITED, turn: Turn = Turn.FRESH
) -> list[int]:
    async with database.write() as connection:
        await claims.claim(connection, token, most, now, turn=turn)
        return [row.id for row in await claims.claimed(connection, token)]


async def begin(database: Database, token: str, ids: Sequence[int]) -> frozenset[int]:
    async with database.write() as connection:
        generation = await ledger.generation(connection)
        return await claims.begin(connection, [(number, token) for number in ids], generation, INVITED)


async def die(database: Database, now: datetime = INVITED) -> int:
    """Whoever claimed something is dead, and its leases are over."""
    async with database.write() as connection:
        return await claims.take_over(connection, now + claims.LEASE)


def lives(number: int) -> Iterator[tuple[str, datetime, Turn]]:
    """Of processes that start one after the other: a token, the moment, whose turn it is."""
    for life in range(number):
        turn = Turn.SUSPECT if life % 2 else Turn.FRESH
        yield f"life {life}", INVITED + life * 2 * claims.LEASE, turn


async def column(database: Database, name: str) -> list[Any]:
    async with database.read() as connection:
        return list(await connection.scalars(select(outbox.c[name]).order_by(outbox.c.id)))


async def test_nothing_begins_after_a_decision(waiting: Database) -> None:
    ids = await claim(waiting, "one")
    async with waiting.write() as connection:
        generation = await ledger.generation(connection)
        await ledger.raise_generation(connection)

        begun = await claims.begin(connection, [(number, "one") for number in ids], generation, INVITED)

    assert begun == frozenset()
    assert set(await column(waiting, "begun_at")) == {None}


async def test_only_its_own_claim_begins_a_mail(waiting: Database) -> None:
    ids = await claim(waiting, "one", 5)

    assert await begin(waiting, "another", ids) == frozenset()
    assert await begin(waiting, "one", ids) == frozenset(ids)


async def test_a_mark_of_who_lost_its_claim_changes_nothing(waiting: Database) -> None:
    """C06: it slept for longer than its lease."""
    ids = await claim(waiting, "sleeper", 5)
    await begin(waiting, "sleeper", ids)
    await die(waiting)
    await claim(waiting, "another", now=INVITED + claims.LEASE)

    async with waiting.write() as connection:
        late = [Receipt(number, "sleeper", "250 ok", "Europe/Berlin") for number in ids]
        await marks.mark_sent(connection, late, INVITED + 5 * A_MINUTE)

    assert set(await column(waiting, "state")) == {"sending"}
    assert set(await column(waiting, "sent_at")) == {None}


async def test_what_was_begun_by_the_dead_is_in_doubt_and_the_rest_is_not(waiting: Database) -> None:
    ids = await claim(waiting, "dead")
    await begin(waiting, "dead", ids[:2])

    assert await die(waiting) == 12

    assert await column(waiting, "is_uncertain") == [True, True, *[False] * 10]
    assert await column(waiting, "state") == ["deferred", "deferred", *["queued"] * 10]
    assert await column(waiting, "first_try_at") == [INVITED, INVITED, *[None] * 10]


async def test_what_is_in_doubt_can_be_left_to_a_person(waiting: Database) -> None:
    ids = await claim(waiting, "dead", 3)
    await begin(waiting, "dead", ids[:2])

    async with waiting.write() as connection:
        await claims.take_over(connection, INVITED + claims.LEASE, to_hold=[Kind.INVITATION])

    assert await column(waiting, "state") == ["held", "held", *["queued"] * 10]
    assert await column(waiting, "reason") == [claims.DOUBTED, claims.DOUBTED, *[""] * 10]
    async with waiting.write() as connection:
        assert await deliveries.release(connection, ids, "staff", INVITED) == ids[:2]
    # what may have arrived is tried a second time, and says what the first one said
    assert await column(waiting, "state") == ["deferred", "deferred", *["queued"] * 10]
    assert await column(waiting, "first_try_at") == [INVITED, INVITED, *[None] * 10]


async def test_who_is_alive_is_not_taken_over_whatever_its_clock_says(waiting: Database) -> None:
    """T01: the clock of the machine was set forward."""
    await claim(waiting, "mine")

    async with waiting.write() as connection:
        assert await claims.take_over(connection, INVITED + A_DAY, ["mine"]) == 0
        assert await claims.take_over(connection, INVITED + A_DAY, ["another"]) == 12


async def test_a_mail_that_kills_is_held_and_the_others_leave(waiting: Database) -> None:
    """C08: whoever writes the seventh dies."""
    deadly = sorted(await column(waiting, "id"))[6]
    sent: list[int] = []
    deaths = 0
    for token, now, turn in lives(60):
        ids = await claim(waiting, token, now=now, turn=turn)
        if deadly in ids:
            await die(waiting, now)
            deaths += 1
            continue
        await begin(waiting, token, ids)
        async with waiting.write() as connection:
            receipts = [Receipt(number, token, "250 ok", "Europe/Berlin") for number in ids]
            await marks.mark_sent(connection, receipts, INVITED)
        sent += ids

    assert deaths == 3
    assert len(sent) == len(set(sent)) == 11
    states = await column(waiting, "state")
    assert (states[6], states.count("held"), states.count("sent")) == ("held", 1, 11)
    assert "died three times" in str((await column(waiting, "reason"))[6])


async def test_what_was_begun_by_the_dead_comes_after_what_was_not(waiting: Database) -> None:
    """C03: killed behind the first 250, every time; still another mail leaves each time."""
    first = (await claim(waiting, "dead"))[0]
    await begin(waiting, "dead", [first])
    await die(waiting)

    later = INVITED + 2 * claims.LEASE
    found = [await claim(waiting, f"life {life}", 2, later, Turn.SUSPECT) for life in range(12)]

    assert found[-1] == [first]


async def test_a_sweep_of_kills_holds_nothing(waiting: Database) -> None:
    """C02: killed between claim and beginning, as often as there are mails, never because of one of them."""
    for token, now, turn in lives(12):
        assert await claim(waiting, token, now=now, turn=turn)
        await die(waiting, now)

    assert "held" not in await column(waiting, "state")


async def test_who_died_when_all_was_written_died_of_no_mail(waiting: Database) -> None:
    """They lay on the belt, for the mail server is slow."""
    for token, now, turn in lives(6):
        assert await claim(waiting, token, now=now, turn=turn)
        async with waiting.write() as connection:
            await claims.mark_written(connection, [token])
        await die(waiting, now)

    assert set(await column(waiting, "crashes")) == {0}
    assert set(await column(waiting, "urgency")) == {1}


async def test_what_cannot_wait_does_not_wait_for_suspects(waiting: Database) -> None:
    last = sorted(await column(waiting, "id"))[-1]
    async with waiting.write() as connection:
        await connection.execute(update(outbox).where(outbox.c.id != last).values(urgency=-1, crashes=1))
        await connection.execute(update(outbox).where(outbox.c.id == last).values(urgency=0))

    assert await claim(waiting, "one", turn=Turn.URGENT) == [last]
    assert len(await claim(waiting, "two", turn=Turn.SUSPECT)) == 1


async def test_who_died_while_nothing_was_written_holds_nothing(waiting: Database) -> None:
    """C03: killed at DATA, twenty times."""
    for token, now, turn in lives(20):
        ids = await claim(waiting, token, now=now, turn=turn)
        await begin(waiting, token, ids[:3])
        await die(waiting, now)

    assert "held" not in await column(waiting, "state")


async def test_what_is_dropped_waits_as_before(waiting: Database) -> None:
    """A clean stop, or a broken line, between claim and belt: nobody has died."""
    ids = await claim(waiting, "one")
    await begin(waiting, "one", ids[:1])

    async with waiting.write() as connection:
        await claims.drop(connection, ["one", "another"])

    assert await column(waiting, "state") == ["sending", *["queued"] * 11]
    assert set(await column(waiting, "crashes")) == {0}


async def test_the_urgent_go_before_the_rest(waiting: Database) -> None:
    last = sorted(await column(waiting, "id"))[-1]
    async with waiting.write() as connection:
        await connection.execute(update(outbox).where(outbox.c.id == last).values(urgency=0))

    assert await claim(waiting, "one", 1) == [last]
