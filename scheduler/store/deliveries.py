"""Single mails, as people look at them and decide on them: try again, hold, let go."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.model.notices import REPORTS, Kind
from scheduler.store import ledger
from scheduler.store.claims import INNOCENT
from scheduler.store.database import among
from scheduler.store.outbox import DEFERRED, FAILED, HELD, QUEUED, WAITING, has_newer
from scheduler.store.suppressions import EVERYTHING, WEBINARS, is_suppressed
from scheduler.store.tables import contacts, members, outbox

#: Of a Message-ID; behind it stands a mark where the row gave it free (`outbox.freed`).
_END_OF_AN_ID = ">"


@dataclass(frozen=True)
class Line:
    """What stands in a row of the outbox, and whom it is for."""

    id: int
    member: str
    role: str
    address: str
    occurrence: str
    rule: str
    kind: Kind
    method: str | None
    sequence: int
    message_id: str
    state: str
    #: in words for staff; empty while all is well
    reason: str
    due_at: datetime
    useful_by: datetime
    inserted_at: datetime
    first_try_at: datetime | None
    attempts: int
    next_at: datetime
    #: the mail server's last words when it put it off, and when it took it
    reply: str | None
    receipt: str | None
    sent_at: datetime | None
    is_uncertain: bool
    #: how often a process died while it wrote it
    crashes: int
    #: nothing is sent to its address, or no webinars are
    is_barred: bool
    has_ended: bool

    @property
    def is_unwanted(self) -> bool:
        """A mail to this address would be withdrawn."""
        return self.is_barred or (self.has_ended and self.kind not in REPORTS)

    @property
    def gave_its_key_free(self) -> bool:
        """It failed in a way that lets the same mail be written anew: this row stays as it is."""
        return not self.message_id.endswith(_END_OF_AN_ID)


@dataclass(frozen=True)
class Wanted:
    """Which lines are looked for; empty: any."""

    states: Sequence[str] = ()
    member: str = ""
    #: a session, or a series or round with all that belongs to it
    occurrence: str = ""
    #: due then or later
    since: datetime | None = None
    ids: Sequence[int] = ()


async def find(connection: AsyncConnection, wanted: Wanted, most: int) -> tuple[list[Line], int]:
    """The latest `most` of the lines that are wanted, in the order in which they fell due, and how many
    there are in all."""
    where = list(_where(connection, wanted))
    joined = outbox.join(contacts, contacts.c.id == outbox.c.contact_id).join(
        members, members.c.id == contacts.c.member_id
    )
    number = await connection.scalar(select(func.count()).select_from(joined).where(*where)) or 0
    own: dict[str, ColumnElement[Any]] = {
        "member": members.c.slug,
        "role": contacts.c.role,
        "address": contacts.c.address,
        "is_barred": is_suppressed(contacts.c.address, EVERYTHING),
        "has_ended": is_suppressed(contacts.c.address, WEBINARS),
    }
    columns = (own.get(name, outbox.c.get(name)) for name in Line.__dataclass_fields__)
    named = zip(Line.__dataclass_fields__, columns, strict=True)
    query = select(*(value.label(name) for name, value in named if value is not None)).select_from(joined)
    latest = query.where(*where).order_by(outbox.c.due_at.desc(), outbox.c.id.desc()).limit(most)
    return [_line(row) for row in reversed((await connection.execute(latest)).all())], number


def _where(connection: AsyncConnection, wanted: Wanted) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if wanted.states:
        where.append(outbox.c.state.in_(wanted.states))
    if wanted.member:
        where.append(members.c.slug == wanted.member)
    if wanted.occurrence:
        of_it = outbox.c.occurrence.endswith("." + wanted.occurrence, autoescape=True)
        where.append(or_(outbox.c.occurrence == wanted.occurrence, of_it))
    if wanted.since:
        where.append(outbox.c.due_at >= wanted.since)
    if wanted.ids:
        where.append(outbox.c.id.in_(among(wanted.ids, connection)))
    return where


def _line(row: Any) -> Line:
    values = row._asdict()
    # below 0: it was written, and nobody dies of it any more
    return Line(**{**values, "kind": Kind(values["kind"]), "crashes": max(0, values["crashes"])})


async def try_again(connection: AsyncConnection, ids: Collection[int], by: str, now: datetime) -> list[int]:
    """What has failed or was put off goes out as soon as it can, with a fresh ladder; gives which.

    What gave its key free when it failed, what a newer mail took the place of, and what is of no use any
    more stays as it is.
    """
    key = outbox.c.message_id
    keeps_its_key = func.substr(key, func.length(key), 1) == _END_OF_AN_ID
    can = and_(outbox.c.state.in_((FAILED, DEFERRED)), outbox.c.useful_by > now, keeps_its_key, ~has_newer())
    values = {"state": DEFERRED, "reason": "", "attempts": 0, "first_try_at": now, "next_at": now}
    return await _decide(connection, ids, can, values, ("retry", by, now))


async def hold(
    connection: AsyncConnection, ids: Collection[int], why: str, by: str, now: datetime
) -> list[int]:
    """What waits is held until somebody lets it go; gives which."""
    said = f"held by {by}" + (f": {why}" if why else "")
    can = outbox.c.state.in_(WAITING)
    return await _decide(connection, ids, can, {"state": HELD, "reason": said[:400]}, ("hold", by, now))


async def release(connection: AsyncConnection, ids: Collection[int], by: str, now: datetime) -> list[int]:
    """What is held goes out if it still holds; gives which."""
    values = {
        # another try of what may have arrived says what the first one said
        "state": case((and_(outbox.c.attempts == 0, ~outbox.c.is_uncertain), QUEUED), else_=DEFERRED),
        "reason": "",
        "crashes": 0,
        "urgency": INNOCENT,
    }
    return await _decide(connection, ids, outbox.c.state == HELD, values, ("release", by, now))


async def _decide(
    connection: AsyncConnection,
    ids: Collection[int],
    can: ColumnElement[bool],
    values: dict[str, Any],
    said: tuple[str, str, datetime],
) -> list[int]:
    """Changes those that can be, with a line in the journal for each."""
    action, by, now = said
    await ledger.hold(connection)
    theirs = and_(outbox.c.id.in_(among(ids, connection)), can)
    changed = sorted(await connection.scalars(select(outbox.c.id).where(theirs)))
    if changed:
        which = outbox.c.id.in_(among(changed, connection))
        await connection.execute(update(outbox).where(which).values(**values))
        for number in changed:
            await ledger.note(connection, now, by, f"{action} delivery", str(number))
        await ledger.raise_generation(connection)
    return changed
