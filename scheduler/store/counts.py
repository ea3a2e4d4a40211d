"""How many mails stand how: counted, never listed; but for `count_by_state` without a look at what was sent.

A service counts at every tick, with a million sent rows behind it: each statement here reads the states that
it names by the index of states, so it costs what these rows cost. What became of mails that ended is
counted where it happens (`scheduler.service.meters`), or within a time (`losses.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.store.holds import is_held
from scheduler.store.outbox import FAILED, HELD, IN_LINE, MORNING, NOT_HELD, UNSENT
from scheduler.store.tables import Instant, bounces, outbox, suppressions

#: A mail that is due and not handed over for so long is said to people.
STUCK_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Unsent:
    """Mails of one kind and state that are still to be sent."""

    kind: str
    state: str
    #: they wait for a person: held each, or with their session, series or everything
    is_held: bool
    mails: int
    #: of those: due, and since when the first of them
    due: int
    due_since: datetime | None


async def unsent(connection: AsyncConnection, now: datetime) -> list[Unsent]:
    """All that is still to be sent; nothing of what ended."""
    row = outbox.c
    covered = is_held(outbox)
    found = (
        select(row.kind, row.state, covered.label("is_covered"), row.due_at)
        .where(row.state.in_(UNSENT))
        .subquery("found")
    )
    due_at = case((found.c.due_at <= now, found.c.due_at))
    by = (found.c.kind, found.c.state, found.c.is_covered)
    query = select(*by, func.count(), func.count(due_at), func.min(due_at, type_=Instant)).group_by(*by)
    return [
        Unsent(kind, state, bool(is_covered) or state == HELD, mails, due, due_since)
        for kind, state, is_covered, mails, due, due_since in await connection.execute(query)
    ]


async def count_unsent(connection: AsyncConnection) -> int:
    """Mails that are to be sent, in whatever state."""
    query = select(func.count()).select_from(outbox).where(outbox.c.state.in_(UNSENT))
    return await connection.scalar(query) or 0


async def count_by_state(connection: AsyncConnection) -> dict[tuple[str, str], int]:
    """(kind, state) -> rows. Reads the whole outbox: for commands, and for an end."""
    query = select(outbox.c.kind, outbox.c.state, func.count()).group_by(outbox.c.kind, outbox.c.state)
    return {(kind, state): number for kind, state, number in await connection.execute(query)}


def waiting(rows: Mapping[tuple[str, str], int]) -> int:
    """Of those counts: mails that are to be sent, in whatever state."""
    return sum(number for (_, state), number in rows.items() if state in UNSENT)


async def oldest_due(connection: AsyncConnection, now: datetime) -> datetime | None:
    """Since when the longest waiting row is due; None while nothing waits. What is held back waits for a
    person, not for us."""
    return oldest(await unsent(connection, now))


def oldest(rows: Iterable[Unsent]) -> datetime | None:
    """Of those counts: since when the longest waiting mail is due that nobody holds back."""
    return min((row.due_since for row in rows if row.due_since and not row.is_held), default=None)


async def failures(connection: AsyncConnection) -> Counter[str]:
    """Why mails failed, in words, with how many each."""
    query = select(outbox.c.reason, func.count()).where(outbox.c.state == FAILED).group_by(outbox.c.reason)
    return await _counter(connection, query)


async def stuck(connection: AsyncConnection, now: datetime) -> Counter[str]:
    """Mails that should have gone long ago, by what the mail server said last; not those that wait for the
    morning, nor what people hold back."""
    reply = func.coalesce(outbox.c.reply, "")
    overdue = and_(outbox.c.state.in_(IN_LINE), outbox.c.due_at < now - STUCK_AFTER, NOT_HELD)
    query = select(reply, func.count()).where(overdue, reply != MORNING)
    return await _counter(connection, query.group_by(reply))


async def suppressed(connection: AsyncConnection) -> Counter[str]:
    """Scope -> addresses that do not get it any more."""
    by = suppressions.c.scope
    return await _counter(connection, select(by, func.count()).group_by(by))


async def returned(connection: AsyncConnection, since: datetime) -> Counter[str]:
    """Kind of bounce -> reports that were taken in since then."""
    by = bounces.c.kind
    query = select(by, func.count()).where(bounces.c.received_at >= since)
    return await _counter(connection, query.group_by(by))


async def _counter(connection: AsyncConnection, query: Select[*tuple[Any, ...]]) -> Counter[str]:
    """Of a query for names, each with its number."""
    found = Counter[str]()
    for name, number in await connection.execute(query):
        found[name] = number
    return found
