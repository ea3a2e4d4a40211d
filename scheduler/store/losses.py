"""What did not go out as it should have: counted, never listed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.model.notices import Kind
from scheduler.store.outbox import FAILED, HELD, MISSED
from scheduler.store.tables import outbox

#: What an outage of so long has made late is still found by its moment.
_LONGEST_OUTAGE = timedelta(days=60)


@dataclass(frozen=True)
class Loss:
    """Mails of one kind that were missed, failed or held for one reason."""

    kind: Kind
    state: str
    #: in words for staff; a mail server's words may stand in it
    reason: str
    mails: int
    #: the first moment at which one of them was due, and at which one was written down
    due_from: datetime
    found_from: datetime


async def losses(connection: AsyncConnection, since: datetime) -> list[Loss]:
    """All that were written down since then, the oldest first."""
    row = outbox.c
    query = (
        select(
            row.kind,
            row.state,
            row.reason,
            func.count(),
            func.min(row.due_at, type_=row.due_at.type),
            func.min(row.inserted_at, type_=row.inserted_at.type),
        )
        .where(row.state.in_((MISSED, FAILED, HELD)))
        .where(row.next_at >= since - _LONGEST_OUTAGE, row.inserted_at >= since)
        .group_by(row.kind, row.state, row.reason)
    )
    found = [Loss(Kind(kind), *rest) for kind, *rest in await connection.execute(query)]
    return sorted(found, key=lambda loss: (loss.found_from, loss.kind, loss.reason))
