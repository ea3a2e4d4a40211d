"""What a claim may take, when a mail begins, and what becomes of what a dead process had in hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from scheduler.model.members import Contact
from scheduler.service.engine import Engine
from scheduler.service.in_force import Memory
from scheduler.service.virtual_clock import VirtualClock
from scheduler.store import claims, ledger, marks
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


async def claim(database: Database, token: str, most: int = 50, now: datetime = INVITED) -> list[int]:
    async with database.write() as connection:
        return [row.id for row in await claims.claim(connection, token, most, now)]


async def begin(database: Database, token: str, ids: Sequence[int]) -> frozenset[int]:
    async with database.write() as connection:
        generation = await ledger.generation(connection)
        return await claims.begin(connection, [(number, token) for number in ids], generation, INVITED)


async def die(database: Database) -> int:
    """Whoever claimed something is dead, and its leases are over."""
    async with database.write() as connection:
        return await claims.take_over(connection, INVITED + claims.LEASE)


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
    for life in range(60):
        ids = await claim(waiting, f"life {life}")
        if not ids:
            break
        if deadly in ids:
            await die(waiting)
            continue
        assert await begin(waiting, f"life {life}", ids) == frozenset(ids)
        async with waiting.write() as connection:
            receipts = [Receipt(number, f"life {life}", "250 ok", "Europe/Berlin") for number in ids]
            await marks.mark_sent(connection, receipts, INVITED)
        sent += ids

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
    found = [number for life in range(9) for number in await claim(waiting, f"life {life}", 2, later)]

    assert found[-1] == first


async def test_who_died_while_nothing_was_written_holds_nothing(waiting: Database) -> None:
    """C03: killed at DATA, twenty times."""
    for life in range(20):
        ids = await claim(waiting, f"life {life}")
        await begin(waiting, f"life {life}", ids[:3])
        await die(waiting)

    assert "held" not in await column(waiting, "state")
    assert len(await claim(waiting, "last")) <= 10


async def test_the_urgent_go_before_the_rest(waiting: Database) -> None:
    last = sorted(await column(waiting, "id"))[-1]
    async with waiting.write() as connection:
        await connection.execute(update(outbox).where(outbox.c.id == last).values(urgency=0))

    assert await claim(waiting, "one", 1) == [last]
