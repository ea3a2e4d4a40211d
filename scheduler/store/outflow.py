"""How many mails left within the last hour, so that a mistake cannot send more than a network ever would.

To count an hour's mails at every claim would cost more than the claim. So they are counted now and then: what
was left then is booked down with each claim, and counted again when it is used up. What has left meanwhile
grows older than an hour, so too little is booked, never too much. All this happens under the row of `state`
that a claim holds: replicas share what is left.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Integer, bindparam, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.store import holds, ledger
from scheduler.store.holds import EVERYTHING, SERVICE, Hold
from scheduler.store.outbox import NOT_HELD, SENDING, WAITING
from scheduler.store.tables import outbox, state

#: What is counted.
SPAN = timedelta(hours=1)

_LEFT = select(state.c.outflow_left)
_FROM = select(state.c.outflow_from)
_BOOK = update(state).values(outflow_left=state.c.outflow_left - bindparam("number", type_=Integer))


async def allowance(connection: AsyncConnection, limit: int, wanted: int, now: datetime) -> int:
    """How many mails may be claimed now, of those that are wanted; in the transaction of the claim.

    Holds everything where `limit` of them left within the last hour and another one is due.
    """
    await ledger.hold(connection)
    left = min(limit, await connection.scalar(_LEFT) or 0)
    if left >= wanted:
        return wanted
    sent = await left_within(connection, now)
    left = max(0, limit - sent - await _in_hand(connection))
    await connection.execute(update(state).values(outflow_left=left))
    if sent >= limit and await _waits(connection, now):
        why = f"{sent:,} mails left within an hour, and max_mails_per_hour in network.yaml is {limit:,}"
        await holds.put(connection, Hold(EVERYTHING, now, SERVICE, why))
    return min(wanted, left)


async def book(connection: AsyncConnection, number: int) -> None:
    """So many were claimed, in the same transaction. Some may not leave: they are counted again some time."""
    if number:
        await connection.execute(_BOOK, {"number": number})


async def begin_anew(connection: AsyncConnection, now: datetime) -> None:
    """A person has let go what was held: only what leaves from now on is counted."""
    await connection.execute(update(state).values(outflow_left=0, outflow_from=now))


async def left_within(connection: AsyncConnection, now: datetime) -> int:
    """How many mails left within the last hour, or since a person let go what the service held."""
    since = now - SPAN
    counted_from: datetime | None = await connection.scalar(_FROM)
    if counted_from and counted_from > since:
        since = counted_from
    query = select(func.count()).select_from(outbox).where(outbox.c.sent_at >= since)
    return await connection.scalar(query) or 0


async def _in_hand(connection: AsyncConnection) -> int:
    """Claimed, and nobody knows yet whether they leave."""
    query = select(func.count()).select_from(outbox).where(outbox.c.state == SENDING)
    return await connection.scalar(query) or 0


async def _waits(connection: AsyncConnection, now: datetime) -> bool:
    due = exists().where(outbox.c.state.in_(WAITING), outbox.c.next_at <= now, NOT_HELD)
    return bool(await connection.scalar(select(due)))
