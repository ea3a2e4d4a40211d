"""The end of an attempt, written into the rows; what a contact was told is written with it.

Every mark is fenced by the token of its claim: whoever lost it changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Update, and_, bindparam, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.model import times
from scheduler.model.notices import STATEFUL
from scheduler.store.claims import UNCLAIMED, mine
from scheduler.store.database import insert_for
from scheduler.store.listed import INSTANT, NUMBER, TEXT, Listed
from scheduler.store.outbox import FAILED, SENDING, SENT, WITHDRAWN, freed, is_in
from scheduler.store.tables import Instant, outbox, told


@dataclass(frozen=True, slots=True)
class Receipt:
    """A row that was posted."""

    id: int
    token: str
    #: where the mailbox put it, or the mail server's words
    put: str
    #: whose hours it says
    zone: str
    #: DTSTAMP of the calendar in it
    stamped_at: datetime | None = None

    @property
    def values(self) -> tuple[int, str, str, str, datetime | None]:
        return self.id, self.token, self.put, self.zone, self.stamped_at


_RECEIPTS = Listed((("id", NUMBER), ("token", TEXT), ("put", TEXT), ("zone", TEXT), ("stamped_at", INSTANT)))


async def mark_sent(connection: AsyncConnection, receipts: Sequence[Receipt], now: datetime) -> None:
    """What the contacts were told is written down with it."""
    if not receipts:
        return
    dialect = connection.dialect.name
    listed = _RECEIPTS.parameters(dialect, [receipt.values for receipt in receipts])
    values = {"now": now, "release": times.tzdata_version(), **listed}
    for statement in _statements(dialect):
        await connection.execute(statement, values)


@lru_cache(maxsize=2)
def _statements(dialect: str) -> tuple[Any, ...]:
    """PostgreSQL does both in one: each reads the rows as they were before."""
    tells, sent = _tells(dialect), _sent(dialect)
    return (sent.add_cte(tells.cte("tells")),) if dialect == "postgresql" else (tells, sent)


def _sent(dialect: str) -> Update:
    listed = _RECEIPTS.table(dialect)
    mine = and_(outbox.c.id == listed.c.id, outbox.c.claim_token == listed.c.token)
    done: dict[str, Any] = {
        "state": SENT,
        "sent_at": bindparam("now", type_=Instant),
        "receipt": listed.c.put,
        "zone": listed.c.zone,
        "tzdata": bindparam("release"),
        "claim_token": None,
        "claim_until": None,
    }
    return update(outbox).where(mine).values(**done)


#: What is remembered of a row as it is.
_REMEMBERED = (
    "contact_id", "occurrence", "uid", "sequence", "starts_at", "ends_at", "status", "place", "days"
)  # fmt: skip


def _tells(dialect: str) -> Any:
    """Of those who still have their claim: whoever has lost it before tells nothing."""
    listed = _RECEIPTS.table(dialect)
    found = {
        **{name: outbox.c[name] for name in _REMEMBERED},
        "method": func.coalesce(outbox.c.method, ""),
        "told_at": bindparam("now", type_=Instant),
        "stamped_at": listed.c.stamped_at,
    }
    rows = (
        select(*found.values())
        .join_from(outbox, listed, and_(outbox.c.id == listed.c.id, outbox.c.claim_token == listed.c.token))
        .where(outbox.c.kind.in_([literal(kind.value) for kind in STATEFUL]), is_in(SENDING))
    )
    insert = insert_for(dialect, told).from_select(list(found), rows)
    news = {name: insert.excluded[name] for name in found if name not in ("contact_id", "occurrence")}
    return insert.on_conflict_do_update(index_elements=["contact_id", "occurrence"], set_=news)


async def close(
    connection: AsyncConnection, token: str, ids: Collection[int], state: str, reason: str
) -> None:
    """Ends rows of this claim without sending them: withdrawn, missed or failed, with the reason.

    A row that was withdrawn or failed gives its key and its Message-ID free.
    """
    done: dict[str, Any] = {"state": state, "reason": reason, **UNCLAIMED}
    if state in (WITHDRAWN, FAILED):
        done |= freed()
    await connection.execute(update(outbox).where(mine(connection, token, ids)).values(**done))


async def refuse(connection: AsyncConnection, token: str, row_id: int, reason: str, reply: str) -> None:
    """The server refused it for good, or the ladder ended. Its key stays taken: it is not tried again."""
    done = {"state": FAILED, "reason": reason[:400], "reply": reply, "attempts": outbox.c.attempts + 1}
    which = mine(connection, token, [row_id])
    await connection.execute(update(outbox).where(which).values(**done, **UNCLAIMED))


async def doubt(connection: AsyncConnection, token: str, ids: Collection[int]) -> None:
    """The line broke after these were handed over: whatever becomes of them, they may have arrived."""
    which = mine(connection, token, ids)
    await connection.execute(update(outbox).where(which).values(is_uncertain=True))
