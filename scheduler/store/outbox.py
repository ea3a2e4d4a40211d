"""The durable rows of what is being and was sent: one for each notice, unique by its key.

Rows are made by one INSERT ... SELECT for a whole slot (`duties.py`), claimed in batches, marked in groups.

**Order.** What goes into a calendar reaches each contact in the order in which it was written, whatever
deliverers and retries do. Of the rows of one contact and occurrence that have a method, the one with the
higher id is newer: rows are only written by the engine's pass, which holds the row of `state` all the while.
A claim and a putting back hold it too, so these three come one after the other, each seeing how the one
before ended; on SQLite they do so anyway. Hence:

1. An older row that is not on its way makes room when a newer one is written (`replace_older`), and one that
   was on its way makes room when it is put back (`_give_way`). So all but the newest are being sent, or done.
2. A row is claimed only while no other one is being sent, and none that a dead process left behind is taken
   over while a newer one waits. So two are never on their way at once, and the older never leaves last.
3. Marking a row as sent needs no such order: what the contact was told is written in the same transaction,
   and whoever claims a newer row afterwards reads it.

A process that is frozen for longer than its lease, and then wakes, may break this; nothing else does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Row,
    Select,
    String,
    Update,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.model import times
from scheduler.model.notices import CORRECTIONS, REMINDERS, STATEFUL, Kind
from scheduler.store import feed_addresses, ledger
from scheduler.store.answers import has_declined
from scheduler.store.database import among, insert_into
from scheduler.store.holds import covers, is_held
from scheduler.store.suppressions import WEBINARS, is_suppressed
from scheduler.store.tables import Instant, contacts, holds, members, outbox, told

QUEUED, SENDING, SENT, DEFERRED = "queued", "sending", "sent", "deferred"
FAILED, MISSED, WITHDRAWN = "failed", "missed", "withdrawn"
#: Not sent yet, and still to be.
UNSENT = (QUEUED, DEFERRED, SENDING)

#: Why a row is withdrawn for another one.
REPLACED = "a newer mail took its place"
#: State and reason of such a row.
OLDER = (WITHDRAWN, REPLACED)

#: Stands in the place of a server's words while a mail that came late waits for a decent hour.
MORNING = "waits for the morning there"

#: A mail that is due and not handed over for so long is said to people.
STUCK_AFTER = timedelta(minutes=10)

#: How long a claim holds without being renewed.
LEASE = timedelta(seconds=60)

_UNCLAIMED: dict[str, Any] = {"claim_token": None, "claim_until": None}


@dataclass(frozen=True)
class Receipt:
    """A row that was posted."""

    id: int
    #: where the mailbox put it
    put: str
    #: whose hours it says
    zone: str
    #: DTSTAMP of the calendar in it
    stamped_at: datetime | None = None


@dataclass(frozen=True)
class Delivery:
    """One row, with the contact it goes to."""

    id: int
    notice_key: str
    message_id: str
    contact_id: int
    member: str
    role: str
    address: str
    name: str
    #: the contact is still in members.csv
    is_listed: bool
    occurrence: str
    rule: str
    kind: Kind
    uid: str
    method: str | None
    sequence: int
    starts_at: datetime | None
    ends_at: datetime | None
    status: str
    place: str
    #: of a session without an hour; None: not written down
    days: str | None
    due_at: datetime
    useful_by: datetime
    inserted_at: datetime
    #: how often the server said "later", and when it was tried first
    attempts: int
    first_try_at: datetime | None
    sent_at: datetime | None
    receipt: str | None
    zone: str | None
    #: its address gets no mails about webinars any more, its contact does not come to this session
    is_suppressed: bool = False
    has_declined: bool = False
    #: a reply was lost: it may have arrived
    is_uncertain: bool = False

    def was_begun_before(self, now: datetime) -> bool:
        """Somebody tried it and nobody knows how that ended; `now` is when it was claimed."""
        died = self.attempts == 0 and self.first_try_at is not None and self.first_try_at < now
        return died or self.is_uncertain

    #: which address of the city's calendar mails print now
    feed_generation: int = 0


#: What cannot wait goes first, however long the line of invitations is (reliability rules, 3.4).
_URGENT = REMINDERS | CORRECTIONS
_waits_in_line = case((outbox.c.kind.in_(kind.value for kind in _URGENT), 0), else_=1)


async def claim(
    connection: AsyncConnection, token: str, most: int, now: datetime, lease: timedelta = LEASE
) -> list[Delivery]:
    """Up to `most` rows that are due and not held back, the urgent first, then the oldest, marked with the
    token, so that others cannot take them. A row waits while another one that its contact must get before
    is on its way."""
    await ledger.hold(connection)
    values = {"token": token, "most": most, "now": now, "until": now + lease}
    marked = await connection.execute(_claims(connection.dialect.name), values)
    if not marked.rowcount:
        return []
    return [_delivery(row) for row in await connection.execute(_claimed(), {"token": token})]


@lru_cache(maxsize=2)
def _claims(dialect: str) -> Update:
    """The mark of a claim; put together once, for every batch asks it."""
    now = bindparam("now", type_=Instant)
    other = outbox.alias("other")
    begun = select(other.c.contact_id, other.c.occurrence).where(
        other.c.state == SENDING, other.c.method.is_not(None), other.c.claim_until > now
    )
    is_alone = or_(outbox.c.method.is_(None), tuple_(outbox.c.contact_id, outbox.c.occurrence).not_in(begun))
    waits = and_(outbox.c.state.in_((QUEUED, DEFERRED)), outbox.c.next_at <= now, is_alone)
    # whoever claimed it has died: it would have renewed its lease
    is_abandoned = and_(outbox.c.state == SENDING, outbox.c.claim_until <= now, ~_has_newer())
    chosen = (
        select(outbox.c.id)
        .where(or_(waits, is_abandoned), ~is_held(outbox))
        .order_by(_waits_in_line, outbox.c.next_at, outbox.c.id)
        .limit(bindparam("most", type_=Integer))
    )
    if dialect == "postgresql":
        chosen = chosen.with_for_update(skip_locked=True)
    return (
        update(outbox)
        .where(outbox.c.id.in_(chosen))
        .values(
            state=SENDING,
            claim_token=bindparam("token"),
            claim_until=bindparam("until", type_=Instant),
            first_try_at=func.coalesce(outbox.c.first_try_at, now),
        )
    )


@lru_cache(maxsize=1)
def _claimed() -> Select[Any]:
    return _deliveries().where(outbox.c.claim_token == bindparam("token"), outbox.c.state == SENDING)


async def renew(connection: AsyncConnection, token: str, now: datetime, lease: timedelta) -> None:
    """Keeps the rows of this claim for another lease."""
    mine = and_(outbox.c.claim_token == token, outbox.c.state == SENDING)
    await connection.execute(update(outbox).where(mine).values(claim_until=now + lease))


async def reclaim_all(connection: AsyncConnection) -> int:
    """Ends the claim of every row; for the start of the only service on this database. Gives how many.

    They stay on their way, for they may have arrived: who is compared meanwhile was perhaps told.
    """
    begun_at = func.coalesce(outbox.c.first_try_at, outbox.c.inserted_at)
    ended: dict[str, Any] = {"claim_token": None, "claim_until": begun_at}
    mark = update(outbox).where(outbox.c.state == SENDING).values(**ended)
    return (await connection.execute(mark)).rowcount


def is_newer(newer: FromClause, older: FromClause) -> ColumnElement[bool]:
    """Both go into the calendar of one contact, for one occurrence, and the first was written later."""
    return and_(
        newer.c.contact_id == older.c.contact_id,
        newer.c.occurrence == older.c.occurrence,
        newer.c.id > older.c.id,
        newer.c.method.is_not(None),
        older.c.method.is_not(None),
    )


def _has_newer() -> ColumnElement[bool]:
    newer = outbox.alias("newer")
    return exists().where(is_newer(newer, outbox), newer.c.state.in_(UNSENT))


_NOT_HELD = ~is_held(outbox)
_WAITING = select(func.min(outbox.c.next_at)).where(outbox.c.state.in_((QUEUED, DEFERRED)), _NOT_HELD)
_CLAIMED = select(func.min(outbox.c.claim_until)).where(outbox.c.state == SENDING, _NOT_HELD, ~_has_newer())


async def wanted_at(connection: AsyncConnection) -> datetime | None:
    """When the next row may be claimed, or a dead claim taken over; None while nothing waits but what is
    held back."""
    found = [await connection.scalar(_WAITING), await connection.scalar(_CLAIMED)]
    return min((at for at in found if at is not None), default=None)


async def oldest_due(connection: AsyncConnection, now: datetime) -> datetime | None:
    """Since when the longest waiting row is due; None while nothing waits. What is held back waits for a
    person, not for us."""
    waiting = and_(outbox.c.state.in_(UNSENT), outbox.c.due_at <= now, _NOT_HELD)
    at: datetime | None = await connection.scalar(select(func.min(outbox.c.due_at)).where(waiting))
    return at


async def mark_sent(
    connection: AsyncConnection, token: str, receipts: Sequence[Receipt], now: datetime
) -> None:
    """What the contacts were told is written down with it."""
    if not receipts:
        return
    ids = [receipt.id for receipt in receipts]
    put = case({receipt.id: receipt.put for receipt in receipts}, value=outbox.c.id)
    zone = case({receipt.id: receipt.zone for receipt in receipts}, value=outbox.c.id)
    release = times.tzdata_version()
    sent = {"state": SENT, "sent_at": now, "receipt": put, "zone": zone, "tzdata": release, **_UNCLAIMED}
    await connection.execute(update(outbox).where(_mine(connection, token, ids)).values(**sent))
    await _remember_told(connection, receipts, now)


#: What is remembered of a row as it is.
_REMEMBERED = (
    "contact_id", "occurrence", "uid", "sequence", "starts_at", "ends_at", "status", "place", "days"
)  # fmt: skip


async def remember_perhaps(connection: AsyncConnection, receipts: Sequence[Receipt], now: datetime) -> None:
    """What a process was sending when it died may have arrived: where it no longer holds, so that it is not
    sent again, the contact counts as told, and hears how it is now."""
    await _remember_told(connection, receipts, now, SENDING)


async def _remember_told(
    connection: AsyncConnection, receipts: Sequence[Receipt], now: datetime, state: str = SENT
) -> None:
    stamps = {receipt.id: literal(receipt.stamped_at, Instant) for receipt in receipts}
    found = {
        **{name: outbox.c[name] for name in _REMEMBERED},
        "method": func.coalesce(outbox.c.method, ""),
        "told_at": literal(now, Instant),
        "stamped_at": case(stamps, value=outbox.c.id),
    }
    rows = select(*found.values()).where(
        outbox.c.id.in_(among([receipt.id for receipt in receipts], connection)),
        outbox.c.kind.in_(kind.value for kind in STATEFUL),
        outbox.c.state == state,
    )
    insert = insert_into(connection, told).from_select(list(found), rows)
    news = {name: insert.excluded[name] for name in found if name not in ("contact_id", "occurrence")}
    await connection.execute(
        insert.on_conflict_do_update(index_elements=["contact_id", "occurrence"], set_=news)
    )


async def close(
    connection: AsyncConnection, token: str, ids: Collection[int], state: str, reason: str
) -> None:
    """Ends rows of this claim without sending them: withdrawn, missed or failed, with the reason.

    A row that was withdrawn or failed gives its key and its Message-ID free: what it said may become
    true, or possible, again.
    """
    done: dict[str, Any] = {"state": state, "reason": reason, **_UNCLAIMED}
    if state in (WITHDRAWN, FAILED):
        done |= _freed()
    await connection.execute(update(outbox).where(_mine(connection, token, ids)).values(**done))


def withdrawn(reason: str) -> dict[str, Any]:
    """The values of a row that is not sent because something else is true now."""
    return {"state": WITHDRAWN, "reason": reason, **_freed()}


def _freed() -> dict[str, Any]:
    mark = literal("|") + cast(outbox.c.id, String)
    return {"notice_key": outbox.c.notice_key + mark, "message_id": outbox.c.message_id + mark}


async def refuse(connection: AsyncConnection, token: str, row_id: int, reason: str, reply: str) -> None:
    """The server refused it for good, or the ladder ended. Its key stays taken: it is not tried again."""
    done = {"state": FAILED, "reason": reason[:400], "reply": reply, "attempts": outbox.c.attempts + 1}
    mine = _mine(connection, token, [row_id])
    await connection.execute(update(outbox).where(mine).values(**done, **_UNCLAIMED))


async def defer(connection: AsyncConnection, token: str, row_id: int, next_at: datetime, reply: str) -> None:
    """The server said "later": one attempt is counted, and the row waits until `next_at`."""
    done = {"state": DEFERRED, "next_at": next_at, "reply": reply, "attempts": outbox.c.attempts + 1}
    await _put_back(connection, token, [row_id], done)


async def doubt(connection: AsyncConnection, token: str, ids: Collection[int]) -> None:
    """The line broke after these were handed over: whatever becomes of them, they may have arrived."""
    await connection.execute(update(outbox).where(_mine(connection, token, ids)).values(is_uncertain=True))


def may_have_arrived(row: FromClause) -> ColumnElement[bool]:
    """Of a row that is not marked as sent: it is on its way, or nobody knows how its last try ended."""
    return or_(row.c.state == SENDING, and_(row.c.is_uncertain, row.c.state != SENT))


async def give_back(
    connection: AsyncConnection, token: str, ids: Collection[int], next_at: datetime, reply: str
) -> None:
    """The server is away: no attempt is counted, and a row never tried before forgets this one."""
    never_tried = outbox.c.attempts == 0
    done: dict[str, Any] = {
        "state": case((never_tried, QUEUED), else_=DEFERRED),
        "first_try_at": case((never_tried, null()), else_=outbox.c.first_try_at),
        "next_at": next_at,
        "reply": reply,
    }
    await _put_back(connection, token, ids, done)


async def put_back(connection: AsyncConnection, token: str, ids: Collection[int]) -> None:
    """Claimed, and held or called back before it was begun: as if it had never been claimed."""
    if not ids:
        return
    never_tried = outbox.c.attempts == 0
    done: dict[str, Any] = {
        "state": case((never_tried, QUEUED), else_=DEFERRED),
        "first_try_at": case((never_tried, null()), else_=outbox.c.first_try_at),
    }
    await _put_back(connection, token, ids, done)


async def _put_back(
    connection: AsyncConnection, token: str, ids: Collection[int], done: Mapping[str, Any]
) -> None:
    """What did not leave waits again, or gives way to what was written meanwhile.

    Whoever marks other rows in the same transaction calls `ledger.hold` at its beginning.
    """
    await ledger.hold(connection)
    await connection.execute(update(outbox).where(_mine(connection, token, ids)).values(**done, **_UNCLAIMED))
    waiting = and_(outbox.c.id.in_(among(ids, connection)), outbox.c.state.in_((QUEUED, DEFERRED)))
    await connection.execute(update(outbox).where(waiting, _has_newer()).values(**withdrawn(REPLACED)))


def _mine(connection: AsyncConnection, token: str, ids: Collection[int]) -> ColumnElement[bool]:
    return and_(outbox.c.id.in_(among(ids, connection)), outbox.c.claim_token == token)


async def sent(connection: AsyncConnection) -> AsyncIterator[Delivery]:
    """Everything that was sent, in the order of sending."""
    async for row in await connection.stream(_deliveries().where(outbox.c.state == SENT)):
        yield _delivery(row)


async def count_by_state(connection: AsyncConnection) -> dict[tuple[str, str], int]:
    """(kind, state) -> rows."""
    query = select(outbox.c.kind, outbox.c.state, func.count()).group_by(outbox.c.kind, outbox.c.state)
    return {(kind, state): number for kind, state, number in await connection.execute(query)}


def waiting(rows: Mapping[tuple[str, str], int]) -> int:
    """Of those counts: mails that are to be sent, in whatever state."""
    return sum(number for (_, state), number in rows.items() if state in UNSENT)


async def failures(connection: AsyncConnection) -> Counter[str]:
    """Why mails failed, in words, with how many each."""
    query = select(outbox.c.reason, func.count()).where(outbox.c.state == FAILED).group_by(outbox.c.reason)
    found = Counter[str]()
    for reason, number in await connection.execute(query):
        found[reason] = number
    return found


async def stuck(connection: AsyncConnection, now: datetime) -> Counter[str]:
    """Mails that should have gone long ago, by what the mail server said last; not those that wait for the
    morning, nor what people hold back."""
    reply = func.coalesce(outbox.c.reply, "")
    overdue = and_(outbox.c.state.in_(UNSENT), outbox.c.due_at < now - STUCK_AFTER, _NOT_HELD)
    query = select(reply, func.count()).where(overdue, reply != MORNING)
    found = Counter[str]()
    for said, number in await connection.execute(query.group_by(reply)):
        found[said] = number
    return found


async def count_held(connection: AsyncConnection) -> dict[str, int]:
    """Subject of a hold -> mails that wait because of it; what two holds cover counts for both."""
    theirs = and_(outbox.c.state.in_(UNSENT), covers(outbox))
    number = func.count(outbox.c.id).label("number")
    query = select(holds.c.subject, number).outerjoin(outbox, theirs)
    rows = await connection.execute(query.group_by(holds.c.subject))
    return {row.subject: row.number for row in rows}


async def unsent_of(connection: AsyncConnection, subject: str) -> AsyncIterator[Delivery]:
    """What a hold of this subject keeps and no other one does; asked while the hold is there."""
    by_this = exists().where(holds.c.subject == subject, covers(outbox))
    by_another = exists().where(holds.c.subject != subject, covers(outbox))
    theirs = _deliveries().where(outbox.c.state.in_(UNSENT), by_this, ~by_another)
    async for row in await connection.stream(theirs):
        yield _delivery(row)


@lru_cache(maxsize=1)
def _deliveries() -> Select[Any]:
    """Rows with their contacts; put together once, for each batch asks it."""
    of_row = [name for name in Delivery.__dataclass_fields__ if name in outbox.c]
    return (
        select(
            *(outbox.c[name] for name in of_row),
            members.c.slug.label("member"),
            contacts.c.role,
            contacts.c.address,
            contacts.c.name,
            contacts.c.is_listed,
            is_suppressed(contacts.c.address, WEBINARS).label("is_suppressed"),
            has_declined(contacts.c.id, outbox.c.occurrence).label("has_declined"),
            feed_addresses.printed(members.c.id).label("feed_generation"),
        )
        .join(contacts, contacts.c.id == outbox.c.contact_id)
        .join(members, members.c.id == contacts.c.member_id)
        .order_by(outbox.c.sent_at, outbox.c.due_at, outbox.c.id)
    )


def _delivery(row: Row[Any]) -> Delivery:
    values = dict(row._mapping)
    return Delivery(**{**values, "kind": Kind(values["kind"])})
