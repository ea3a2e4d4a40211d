"""The rows that holds keep: how many of which kind, and what becomes of them when nobody wants them sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import and_, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.model.notices import Kind
from scheduler.store.holds import covers
from scheduler.store.outbox import MISSED, UNSENT, WAITING
from scheduler.store.tables import holds, outbox

#: Why such a mail was not sent, in words for staff.
SKIPPED = "it was skipped when the hold was let go"


async def kinds_held(connection: AsyncConnection) -> Mapping[str, Counter[Kind]]:
    """Subject of a hold -> which mails wait because of it, with how many each; what two holds cover counts
    for both."""
    theirs = and_(outbox.c.state.in_(UNSENT), covers(outbox))
    query = select(holds.c.subject, outbox.c.kind, func.count(outbox.c.id)).outerjoin(outbox, theirs)
    found: dict[str, Counter[Kind]] = {}
    for subject, kind, number in await connection.execute(query.group_by(holds.c.subject, outbox.c.kind)):
        found.setdefault(subject, Counter()).update({Kind(kind): number} if kind else {})
    return found


async def skip(connection: AsyncConnection, subject: str) -> int:
    """Records as missed what this hold keeps and no other one does; gives how many rows. Asked while the hold
    is there.

    Their keys stay taken: none of these mails is made again, unless what it says changes. What is on its way
    stays so.
    """
    by_this = exists().where(holds.c.subject == subject, covers(outbox))
    by_another = exists().where(holds.c.subject != subject, covers(outbox))
    waits = and_(outbox.c.state.in_(WAITING), by_this, ~by_another)
    skipped = update(outbox).where(waits).values(state=MISSED, reason=SKIPPED)
    return (await connection.execute(skipped)).rowcount
