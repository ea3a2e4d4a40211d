"""Secret addresses in the tables, on both kinds of database, and in the mails that print them."""

from __future__ import annotations

import asyncio
from datetime import date

from sqlalchemy import select

from scheduler.service.feed_addresses import add, digest_of, read_addresses, renew
from scheduler.store import tables
from scheduler.store.feed_addresses import Address, mark_used, read
from tests.cast import DOHA, MELTON, a_configuration, a_series, at
from tests.service.stage import LINKS, Stage, part

NOW = at("2027-05-20T12:00:00+02:00")
END = at("2027-06-20T00:00:00+02:00")


async def applied(stage: Stage) -> None:
    """Melton and Doha, and the one session of the cast."""
    await stage.apply(a_configuration(a_series(), members=(MELTON, DOHA)), NOW)


async def test_many_who_renew_at_once_leave_one_open_address(stage: Stage) -> None:
    await applied(stage)

    await asyncio.gather(*(renew(stage.database, LINKS, MELTON, "", by="Anna", now=NOW) for _ in range(4)))

    found = await read_addresses(stage.database, (MELTON, DOHA), LINKS)
    assert found.open == {
        digest_of(LINKS.city_feed_path(MELTON, "", 4)): MELTON,
        digest_of(LINKS.city_feed_path(DOHA)): DOHA,
    }


async def test_of_many_who_add_the_same_at_once_one_does(stage: Stage) -> None:
    await applied(stage)

    done = await asyncio.gather(
        *(add(stage.database, LINKS, MELTON, "mayor", by="Anna", now=NOW) for _ in range(3)),
        return_exceptions=True,
    )

    assert [one for one in done if isinstance(one, Address)] == [Address(MELTON, "mayor")]


async def test_many_replicas_write_down_the_same_reading(stage: Stage) -> None:
    await applied(stage)
    used = {Address(slug): LINKS.city_feed_path(slug)[-64:] for slug in (MELTON, DOHA)}

    async def write(day: int) -> None:
        async with stage.database.write() as connection:
            await mark_used(connection, used, date(2027, 5, day), NOW)

    await asyncio.gather(*map(write, (20, 22, 21, 22)))

    async with stage.database.read() as connection:
        rows = await read(connection)
    assert [(row.address.member, row.last_used_on) for row in rows] == [
        (DOHA, date(2027, 5, 22)),
        (MELTON, date(2027, 5, 22)),
    ]


async def test_mails_print_the_address_that_is_open_when_they_leave(stage: Stage) -> None:
    await applied(stage)
    await renew(stage.database, LINKS, MELTON, "", by="Anna", now=NOW)
    await add(stage.database, LINKS, DOHA, "mayor", by="Anna", now=NOW)

    await stage.play(NOW, END)

    sent = {row.member: part(stage.message(row), "text/plain") for row in await stage.sent("invitation")}
    assert LINKS.city_feed(MELTON, 1) in sent[MELTON]
    assert LINKS.city_feed(MELTON) not in sent[MELTON]
    assert LINKS.city_feed(DOHA) in sent[DOHA]


async def test_the_journal_says_who_did_what(stage: Stage) -> None:
    await applied(stage)

    await renew(stage.database, LINKS, MELTON, "", by="Anna", now=NOW)

    async with stage.database.read() as connection:
        table = tables.journal.c
        rows = await connection.execute(select(table.at, table.actor, table.action, table.subject))
        assert tuple(rows.all()[-1]) == (NOW, "Anna", "feeds renew", MELTON)
