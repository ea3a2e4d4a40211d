"""What contacts were told of occurrences, for the plan: read in as few rows as there are different things."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Function, Select, String, Table, cast, exists, false, func, or_, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.model.answers import Answer, Said
from scheduler.model.notices import STATEFUL
from scheduler.model.told import REQUEST, Tellings, Told
from scheduler.store import cases
from scheduler.store.outbox import SENT, UNSENT, may_have_arrived
from scheduler.store.suppressions import EVERYTHING, WEBINARS
from scheduler.store.tables import answers, contacts, members, outbox, suppressions, told


async def read_tellings(connection: AsyncConnection, now: datetime) -> Tellings:
    """What was told last, what is about to be, and what happens only once of what is useful at `now`."""
    on_its_way = _states(outbox).where(
        outbox.c.state.in_(UNSENT), outbox.c.kind.in_(kind.value for kind in STATEFUL)
    )
    return Tellings(
        await _contact_numbers(connection),
        await _told(connection, _states(told)),
        await _told(connection, on_its_way),
        await _done(connection, now),
        await _answers(connection),
        await _suppressed(connection, WEBINARS),
        await _gone(connection),
        await _suppressed(connection, EVERYTHING),
        await cases.come(connection),
    )


@dataclass(frozen=True)
class Entry:
    """How an occurrence stands in somebody's calendar."""

    occurrence: str
    ends_at: datetime | None
    #: of one without an hour; empty where they were not written down
    days: str
    status: str


async def was_told(connection: AsyncConnection) -> bool:
    """Anybody was sent anything at all, or is just being sent it."""
    begun = exists().where(or_(outbox.c.state == SENT, may_have_arrived(outbox)))
    return bool(await connection.scalar(select(or_(exists().select_from(told), begun))))


async def entries(connection: AsyncConnection) -> tuple[Entry, ...]:
    """All that anybody's calendar shows, or is just being sent, each different thing once."""
    found = (
        select(*(table.c[name] for name in ("occurrence", "ends_at", "days", "status"))).where(
            table.c.method == REQUEST, *also
        )
        for table, also in ((told, ()), (outbox, (may_have_arrived(outbox),)))
    )
    rows = await connection.execute(union(*found))
    return tuple(Entry(row.occurrence, row.ends_at, row.days or "", row.status) for row in rows)


async def _told(connection: AsyncConnection, query: Select[Any]) -> dict[str, dict[Told, set[int]]]:
    found: dict[str, dict[Told, set[int]]] = defaultdict(lambda: defaultdict(set))
    for occurrence, *said, numbers in await connection.execute(query):
        state = Told(0, *said)
        found[occurrence][state] |= set(map(int, numbers.split(",")))
    return dict(found)


async def _done(connection: AsyncConnection, now: datetime) -> dict[tuple[str, str, str], frozenset[int]]:
    """Mails that happen once: whose row is there, whatever became of it. A row that was withdrawn has given
    its key free."""
    head = func.length(outbox.c.occurrence) + func.length(outbox.c.rule)
    basis = func.substr(outbox.c.notice_key, head + func.length(cast(outbox.c.contact_id, String)) + 4)
    key = (outbox.c.occurrence, outbox.c.rule, basis)
    query = select(*key, _numbers(outbox)).group_by(*key)
    rows = await connection.execute(
        query.where(
            outbox.c.kind.not_in(kind.value for kind in STATEFUL),
            outbox.c.useful_by > now,
            basis.not_like("%|%"),
        )
    )
    return {
        (occurrence, rule, basis): frozenset(map(int, numbers.split(",")))
        for occurrence, rule, basis, numbers in rows
    }


async def _answers(connection: AsyncConnection) -> dict[str, dict[Said, frozenset[int]]]:
    found: dict[str, dict[Said, frozenset[int]]] = defaultdict(dict)
    said = (answers.c.occurrence, answers.c.answer, answers.c.starts_at)
    for occurrence, answer, starts_at, numbers in await connection.execute(
        select(*said, _numbers(answers)).group_by(*said)
    ):
        found[occurrence][Answer(answer), starts_at] = frozenset(map(int, numbers.split(",")))
    return dict(found)


async def _suppressed(connection: AsyncConnection, scope: str) -> frozenset[str]:
    query = select(suppressions.c.address).where(suppressions.c.scope == scope)
    return frozenset(await connection.scalars(query))


async def _gone(connection: AsyncConnection) -> frozenset[int]:
    query = select(contacts.c.id).where(contacts.c.is_listed == false())
    return frozenset(await connection.scalars(query))


def _states(table: Table) -> Select[Any]:
    """One row for each different thing that was told of an occurrence, with the ids of the contacts."""
    method = func.coalesce(table.c.method, "")
    said = (table.c[name] for name in ("starts_at", "ends_at", "status", "place", "days"))
    state = (table.c.occurrence, method, *said)
    return select(*state, _numbers(table)).group_by(*state)


def _numbers(table: Table) -> Function[str]:
    return func.aggregate_strings(cast(table.c.contact_id, String), ",")


async def _contact_numbers(connection: AsyncConnection) -> dict[tuple[str, str, str], int]:
    columns = (members.c.slug, contacts.c.role, contacts.c.address, contacts.c.id)
    rows = await connection.execute(select(*columns).join(members, members.c.id == contacts.c.member_id))
    return {(slug, role, address): number for slug, role, address, number in rows}
