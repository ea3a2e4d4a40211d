"""Whether this database may send. A backup is made without its row, so that a copy is born held."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.store.outbox import DEFERRED, MISSED, QUEUED, SENDING
from scheduler.store.tables import installation, outbox

SKIPPED = "skipped when this copy of the database was claimed"


async def may_send(connection: AsyncConnection) -> bool:
    return await connection.scalar(select(installation.c.id)) is not None


async def claim(connection: AsyncConnection, by: str, now: datetime) -> None:
    """From now on this database sends; does nothing where it does already."""
    if not await may_send(connection):
        await connection.execute(installation.insert().values(id=1, claimed_at=now, claimed_by=by))


async def hold(connection: AsyncConnection) -> None:
    """From now on it sends nothing, until somebody claims it."""
    await connection.execute(installation.delete())


async def skip_unsent(connection: AsyncConnection) -> int:
    """Records all that waits as missed; gives how many rows."""
    waiting = outbox.c.state.in_((QUEUED, DEFERRED, SENDING))
    skipped = update(outbox).where(waiting).values(state=MISSED, reason=SKIPPED)
    return (await connection.execute(skipped)).rowcount
