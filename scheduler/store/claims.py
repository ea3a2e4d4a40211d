"""Rows on their way: claimed in batches, begun, and put back where they could not leave.

A claim is a token on a row, with a lease that is renewed. A claimed row is not on the wire yet: it is
*begun* by a mark of its own, written with that of the mails before it, and only what was begun can arrive
twice. A decision of staff between claim and beginning stops the beginning, in the database itself.

**Order.** What goes into a calendar reaches each contact in the order in which it was written, whatever
deliverers and retries do. Of the rows of one contact and occurrence that have a method, the one with the
higher id is newer: rows are only written by the engine's pass, which holds the row of `state` all the while.
A claim and a putting back hold it too, so these three come one after the other, each seeing how the one
before ended; on SQLite they do so anyway. Hence:

1. An older row at rest makes room when a newer one is written (`replace_older`), and one that was claimed
   makes room when it is put back (`_put_back`). So all but the newest are being sent, or done.
2. A row is claimed only while no other one is. So two are never on their way at once, and the older never
   leaves last.
3. Marking a row as sent needs no such order: what the contact was told is written in the same transaction,
   and whoever claims a newer row afterwards reads it.
4. What a dead process had begun is in doubt: it counts as told until it is known better. What it had only
   claimed waits again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from enum import Enum, auto
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Subquery,
    Update,
    and_,
    bindparam,
    case,
    func,
    null,
    or_,
    select,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.model.notices import Kind
from scheduler.store import ledger
from scheduler.store.database import among, some_at_a_time
from scheduler.store.listed import NUMBER, TEXT, Listed
from scheduler.store.outbox import (
    AT_REST,
    DEFERRED,
    HELD,
    NOT_HELD,
    QUEUED,
    REPLACED,
    SENDING,
    WAITING,
    Delivery,
    deliveries,
    delivery,
    has_newer,
    is_in,
    withdrawn,
)
from scheduler.store.tables import Instant, outbox, state

#: How long a claim holds without being renewed.
LEASE = timedelta(seconds=60)

#: What a process died with stands in a line of its own, and is tried one by one, so that one mail that kills
#: whoever writes it is found, and the others leave.
_SUSPECT = -2
#: After so many deaths a mail is held: one among others, two alone.
_DEATHS = 3
#: The place in the line of a mail that nobody dies of.
INNOCENT = case((outbox.c.urgency < 0, outbox.c.urgency - _SUSPECT), else_=outbox.c.urgency)
#: In the place of the number of deaths: it was written, and nobody dies of it any more.
_WRITTEN = -1
#: Why, in words for staff.
KILLS = (
    "the service died three times while it wrote this mail; look at it, then: scheduler deliveries release"
)

#: Why a mail is held that may have arrived, where that is for a person to decide.
DOUBTED = (
    "nobody knows whether it arrived; where it did not, send it once more with: scheduler deliveries release"
)

#: What a row looks like when nobody has it in hand.
UNCLAIMED: dict[str, Any] = {"claim_token": None, "claim_until": None, "begun_at": None}

_CLAIMED = Listed((("id", NUMBER), ("token", TEXT)))


class Turn(Enum):
    """Whose turn it is in a claim; where nobody of those waits, the others are taken."""

    FRESH = auto()
    #: one mail that a process may have died of
    SUSPECT = auto()
    #: nobody but what cannot wait
    URGENT = auto()


#: Whose turn it is -> who is taken, the first of whom there is any.
_IN_TURN = {
    Turn.FRESH: (Turn.FRESH, Turn.SUSPECT),
    Turn.SUSPECT: (Turn.SUSPECT, Turn.FRESH),
    Turn.URGENT: (Turn.URGENT,),
}


async def claim(
    connection: AsyncConnection,
    token: str,
    most: int,
    now: datetime,
    lease: timedelta = LEASE,
    turn: Turn = Turn.FRESH,
) -> int:
    """Marks up to `most` rows that are due and not held back with the token, so that others cannot take them;
    gives how many. The urgent come first, then the oldest. A row waits while another one that its contact
    must get before is on its way."""
    await ledger.hold(connection)
    values = {"token": token, "now": now, "until": now + lease}
    for whose in _IN_TURN[turn]:
        number = 1 if whose is Turn.SUSPECT else most
        marked = await connection.execute(_claims(connection.dialect.name, whose), {**values, "most": number})
        if marked.rowcount:
            return marked.rowcount
    return 0


async def claimed(connection: AsyncConnection, token: str) -> list[Delivery]:
    """The rows of a claim, in the order in which they are to leave; for whoever has made it, later."""
    rows = await connection.execute(_claimed(), {"token": token})
    return [delivery(row) async for row in some_at_a_time(rows)]


def _line(dialect: str, *also: ColumnElement[bool]) -> Subquery:
    """The first `most` of those that wait and can go, each line read in the order of its index."""
    other = outbox.alias("other")
    in_hand = select(other.c.contact_id, other.c.occurrence).where(
        other.c.state == SENDING, other.c.method.is_not(None)
    )
    pair = tuple_(outbox.c.contact_id, outbox.c.occurrence)
    is_alone = or_(outbox.c.method.is_(None), pair.not_in(in_hand))
    is_due = outbox.c.next_at <= bindparam("now", type_=Instant)
    can_go = select(*_ORDER).where(is_due, is_alone, NOT_HELD, *also).order_by(*_ORDER).limit(_MOST)
    if dialect == "postgresql":
        can_go = can_go.with_for_update(skip_locked=True)
    lines = (can_go.where(outbox.c.state == name).subquery(name) for name in WAITING)
    return union_all(*(select(line) for line in lines)).subquery("line")


_ORDER = (outbox.c.urgency, outbox.c.next_at, outbox.c.id)
_MOST = bindparam("most", type_=Integer)


_WHOSE = {
    Turn.FRESH: outbox.c.urgency >= 0,
    Turn.SUSPECT: outbox.c.urgency < 0,
    Turn.URGENT: outbox.c.urgency == 0,
}


@lru_cache(maxsize=6)
def _claims(dialect: str, turn: Turn) -> Update:
    """The mark of a claim; put together once, for every batch asks it."""
    line = _line(dialect, _WHOSE[turn])
    chosen = select(line.c.id).order_by(line.c.urgency, line.c.next_at, line.c.id).limit(_MOST)
    return (
        update(outbox)
        .where(outbox.c.id.in_(chosen))
        .values(
            state=SENDING,
            claim_token=bindparam("token"),
            claim_until=bindparam("until", type_=Instant),
            begun_at=None,
            crashes=case((outbox.c.crashes < 0, 0), else_=outbox.c.crashes),
            first_try_at=func.coalesce(outbox.c.first_try_at, bindparam("now", type_=Instant)),
        )
    )


@lru_cache(maxsize=1)
def _claimed() -> Select[Any]:
    mine = and_(outbox.c.claim_token == bindparam("token"), outbox.c.state == SENDING)
    return deliveries().where(mine).order_by(None).order_by(*_ORDER)


async def mark_written(connection: AsyncConnection, tokens: Collection[str]) -> None:
    """The mails of these claims were written: whoever dies now does not die of them. What is begun says so
    itself."""
    theirs = and_(outbox.c.claim_token.in_(tokens), outbox.c.state == SENDING, outbox.c.begun_at.is_(None))
    innocent = {"crashes": _WRITTEN, "urgency": INNOCENT}
    await connection.execute(update(outbox).where(theirs).values(**innocent))


async def begin(
    connection: AsyncConnection, claimed: Collection[tuple[int, str]], generation: int, now: datetime
) -> frozenset[int]:
    """Marks rows as begun: from now on they may arrive. Gives those that may be: still claimed with this
    token, and nothing was decided since this generation.

    claimed: row id and token.
    """
    if await connection.scalar(_GENERATION) != generation:
        return frozenset()
    dialect = connection.dialect.name
    values = {"now": now, **_CLAIMED.parameters(dialect, list(claimed))}
    return frozenset(await connection.scalars(_begins(dialect), values))


#: Whoever decides something waits for those who begin mails, and they for it; not for each other.
_GENERATION = select(state.c.generation).with_for_update(read=True)


@lru_cache(maxsize=2)
def _begins(dialect: str) -> Any:
    listed = _CLAIMED.table(dialect)
    mine = and_(outbox.c.id == listed.c.id, outbox.c.claim_token == listed.c.token, is_in(SENDING))
    begun = {"begun_at": bindparam("now", type_=Instant), "crashes": 0, "urgency": INNOCENT}
    return update(outbox).where(mine).values(**begun).returning(outbox.c.id)


async def renew(connection: AsyncConnection, tokens: Collection[str], until: datetime) -> None:
    """Keeps the rows of these claims until then."""
    mine = and_(outbox.c.claim_token.in_(tokens), outbox.c.state == SENDING)
    await connection.execute(update(outbox).where(mine).values(claim_until=until))


#: Asked at every claim, and hardly ever anybody's.
_LATE = (
    select(outbox.c.claim_token)
    .where(outbox.c.state == SENDING, outbox.c.claim_until <= bindparam("now", type_=Instant))
    .distinct()
)


async def take_over(
    connection: AsyncConnection,
    now: datetime,
    mine: Collection[str] = (),
    to_hold: Collection[Kind] = (),
) -> int:
    """Puts back what dead processes had claimed and did not renew; gives how many rows.

    mine: tokens of the one who asks: it is alive, whatever its clock says.
    to_hold: kinds that are not sent again by themselves when they may have arrived.
    """
    late = {row.claim_token for row in await connection.execute(_LATE, {"now": now})}
    if not late.difference(mine):
        return 0
    theirs = and_(outbox.c.claim_until <= now, outbox.c.claim_token.not_in(mine))
    return await _put_back_dead(connection, theirs, now, to_hold)


async def reclaim_all(connection: AsyncConnection, now: datetime, to_hold: Collection[Kind] = ()) -> int:
    """Ends the claim of every row; for the start of the only service on this database. Gives how many.

    to_hold: as for `take_over`.
    """
    return await _put_back_dead(connection, outbox.c.id > 0, now, to_hold)


async def _put_back_dead(
    connection: AsyncConnection, which: ColumnElement[bool], now: datetime, to_hold: Collection[Kind]
) -> int:
    """They go behind the others: whoever dies of one of them again has tried another one before."""
    query = select(outbox.c.id).where(outbox.c.state == SENDING, which)
    ids = list(await connection.scalars(query))
    if not ids:
        return 0
    is_begun = outbox.c.begun_at.is_not(None)
    never_tried = and_(outbox.c.attempts == 0, ~is_begun, ~outbox.c.is_uncertain)
    deaths = outbox.c.crashes + 1
    suspect = case((outbox.c.urgency < 0, outbox.c.urgency), else_=outbox.c.urgency + _SUSPECT)
    is_innocent = or_(is_begun, outbox.c.crashes == _WRITTEN)
    kills = and_(~is_innocent, deaths >= _DEATHS)
    is_doubted = and_(is_begun, outbox.c.kind.in_([kind.value for kind in to_hold]))
    done: dict[str, Any] = {
        "state": case((or_(kills, is_doubted), HELD), (never_tried, QUEUED), else_=DEFERRED),
        "reason": case((kills, KILLS), (is_doubted, DOUBTED), else_=outbox.c.reason),
        "first_try_at": case((never_tried, null()), else_=outbox.c.first_try_at),
        "is_uncertain": or_(outbox.c.is_uncertain, is_begun),
        "next_at": now,
        "crashes": case((is_innocent, 0), else_=deaths),
        "urgency": case((is_innocent, outbox.c.urgency), else_=suspect),
    }
    await ledger.hold(connection)
    theirs = and_(outbox.c.id.in_(among(ids, connection)), outbox.c.state == SENDING, which)
    ended = await connection.execute(update(outbox).where(theirs).values(**done, **UNCLAIMED))
    await _give_way(connection, ids)
    return ended.rowcount


_WAITING = select(func.min(outbox.c.next_at)).where(outbox.c.state.in_(WAITING), NOT_HELD)
_ON_LEASE = select(func.min(outbox.c.claim_until)).where(outbox.c.state == SENDING)


async def wanted_at(connection: AsyncConnection) -> datetime | None:
    """When the next row may be claimed, or a dead claim taken over; None while nothing waits but what is
    held back."""
    found = [await connection.scalar(_WAITING), await connection.scalar(_ON_LEASE)]
    return min((at for at in found if at is not None), default=None)


async def defer(connection: AsyncConnection, token: str, row_id: int, next_at: datetime, reply: str) -> None:
    """The server said "later": one attempt is counted, and the row waits until `next_at`."""
    done = {"state": DEFERRED, "next_at": next_at, "reply": reply, "attempts": outbox.c.attempts + 1}
    await _put_back(connection, token, [row_id], done)


async def hold_doubted(connection: AsyncConnection, token: str, row_id: int, reply: str) -> None:
    """It may have arrived, and that is for a person to decide; one attempt is counted."""
    done = {"state": HELD, "reason": DOUBTED, "reply": reply, "attempts": outbox.c.attempts + 1}
    await _put_back(connection, token, [row_id], done)


async def give_back(
    connection: AsyncConnection, token: str, ids: Collection[int], next_at: datetime, reply: str
) -> None:
    """The server is away: no attempt is counted, and a row never tried before forgets this one."""
    await _put_back(connection, token, ids, {**_UNTRIED, "next_at": next_at, "reply": reply})


async def drop(connection: AsyncConnection, tokens: Collection[str]) -> None:
    """Puts back all that was claimed with these tokens and not begun."""
    for token in tokens:
        theirs = and_(outbox.c.claim_token == token, outbox.c.state == SENDING, outbox.c.begun_at.is_(None))
        ids = list(await connection.scalars(select(outbox.c.id).where(theirs)))
        await put_back(connection, token, ids)


async def put_back(connection: AsyncConnection, token: str, ids: Collection[int]) -> None:
    """Claimed, and held or called back before it was begun: as if it had never been claimed."""
    await _put_back(connection, token, ids, _UNTRIED)


# another try of what may have arrived says what the first one said
_never_tried = and_(outbox.c.attempts == 0, ~outbox.c.is_uncertain)
_UNTRIED: dict[str, Any] = {
    "state": case((_never_tried, QUEUED), else_=DEFERRED),
    "first_try_at": case((_never_tried, null()), else_=outbox.c.first_try_at),
}


async def _put_back(
    connection: AsyncConnection, token: str, ids: Collection[int], done: Mapping[str, Any]
) -> None:
    """What did not leave waits again, or gives way to what was written meanwhile.

    Whoever marks other rows in the same transaction calls `ledger.hold` at its beginning.
    """
    if not ids:
        return
    await ledger.hold(connection)
    mark = update(outbox).where(mine(connection, token, ids)).values(**done, **UNCLAIMED)
    await connection.execute(mark)
    await _give_way(connection, ids)


async def _give_way(connection: AsyncConnection, ids: Collection[int]) -> None:
    waiting = and_(outbox.c.id.in_(among(ids, connection)), outbox.c.state.in_(AT_REST))
    await connection.execute(update(outbox).where(waiting, has_newer()).values(**withdrawn(REPLACED)))


def mine(connection: AsyncConnection, token: str, ids: Collection[int]) -> ColumnElement[bool]:
    """Rows of a claim."""
    return and_(outbox.c.id.in_(among(ids, connection)), outbox.c.claim_token == token)
