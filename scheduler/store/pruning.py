"""History is bounded: rows of mails that ended, and what contacts were told, when it is over for long.

All in short transactions: whoever else writes meanwhile waits for one of them at most. What stays: the
journal, the revisions (so that no SEQUENCE falls), whatever waits or is on its way, members and contacts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Table, and_, delete, exists, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.model.notices import REPORTS
from scheduler.store.listed import TEXT, Listed
from scheduler.store.outbox import FAILED, MISSED, SENT, WITHDRAWN
from scheduler.store.tables import answers, bounces, outbox, requests, revisions, told

#: Nothing becomes of such a row any more.
ENDED = (SENT, FAILED, MISSED, WITHDRAWN)
#: Rows looked at, or deleted, in one transaction.
BATCH = 250

_REPORTS = [kind.value for kind in REPORTS]
_ALIVE = Listed((("name", TEXT),))


@dataclass(frozen=True)
class Bounds:
    """What is old: before `before`, unless it still matters."""

    before: datetime
    #: proof that a city was told of a report is kept for longer
    reports_before: datetime
    #: sessions and series that are not over, or not for so long
    alive: frozenset[str]


@dataclass(frozen=True)
class Batch:
    """What became of one batch."""

    deleted: int
    #: where the next one begins; None: there is none
    next_id: int | None


async def prune_mails(connection: AsyncConnection, bounds: Bounds, from_id: int) -> Batch:
    """One batch of the oldest rows: in the order of their ids, which grow with time."""
    query = select(outbox.c.id).where(outbox.c.id >= from_id, outbox.c.inserted_at < bounds.before)
    ids = list(await connection.scalars(query.order_by(outbox.c.id).limit(BATCH)))
    if not ids:
        return Batch(0, None)
    row = outbox.c
    is_of_report = row.kind.in_(_REPORTS)
    is_old = or_(~is_of_report, row.inserted_at < bounds.reports_before)
    dialect = connection.dialect.name
    is_over = row.occurrence.not_in(select(_ALIVE.table(dialect).c.name))
    ended_at = func.coalesce(row.sent_at, row.inserted_at)
    is_rested = and_(row.useful_by < bounds.before, ended_at < bounds.before)
    # of the bare state SQLite thinks so highly that it would walk through all that was ever sent
    has_ended = func.coalesce(row.state, "").in_(ENDED)
    within = and_(row.id.between(ids[0], ids[-1]), row.inserted_at < bounds.before)
    gone = delete(outbox).where(within, has_ended, is_old, is_rested, is_over)
    alive = _ALIVE.parameters(dialect, [(name,) for name in bounds.alive])
    deleted = (await connection.execute(gone, alive)).rowcount
    return Batch(deleted, ids[-1] + 1 if len(ids) == BATCH else None)


async def forgettable(connection: AsyncConnection, bounds: Bounds) -> list[str]:
    """Occurrences of which contacts were told or gave answers, that are over for long, and whose mails are
    all gone."""
    found: set[str] = set()
    for table, at in ((told, told.c.told_at), (answers, answers.c.given_at)):
        last = func.max(at, type_=at.type)
        begins = func.max(func.coalesce(table.c.starts_at, at), type_=at.type)
        over = select(table.c.occurrence).group_by(table.c.occurrence)
        over_for_long = over.having(and_(last < bounds.before, begins < bounds.before)).subquery()
        has_mails = exists().where(outbox.c.occurrence == over_for_long.c.occurrence)
        found.update(await connection.scalars(select(over_for_long.c.occurrence).where(~has_mails)))
    return sorted(found - bounds.alive)


async def forget(connection: AsyncConnection, occurrence: str) -> int:
    """One batch of what was told and answered; gives how many rows, 0 when all are gone.

    The revision takes over the highest SEQUENCE that was told: should the session come back, calendars that
    still have it take the next mail for newer.
    """
    highest = select(func.max(told.c.sequence)).where(told.c.occurrence == occurrence).scalar_subquery()
    lags = and_(revisions.c.occurrence == occurrence, revisions.c.sequence < highest)
    await connection.execute(update(revisions).where(lags).values(sequence=highest))
    deleted = 0
    for table in (told, answers):
        deleted += await _delete_some(connection, table, table.c.occurrence == occurrence)
    return deleted


async def _delete_some(connection: AsyncConnection, table: Table, which: ColumnElement[bool]) -> int:
    key = tuple_(*table.primary_key.columns)
    some = select(*table.primary_key.columns).where(which).limit(BATCH)
    return (await connection.execute(delete(table).where(key.in_(some)))).rowcount


async def prune_bounces(connection: AsyncConnection, before: datetime) -> int:
    """One batch of what mail servers sent back."""
    return await _delete_some(connection, bounces, bounces.c.received_at < before)


async def prune_requests(connection: AsyncConnection, before: datetime) -> int:
    """One batch of what programs asked for over HTTP."""
    return await _delete_some(connection, requests, requests.c.at < before)
