"""What people hold back: a session, a series or round, or everything. Nothing leaves for it meanwhile.

Slots fire as ever and rows are written, but no claim takes them. Once let go they are judged like all that
an outage made late: what is of no use any more is missed, what no longer holds is withdrawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, FromClause, and_, exists, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.model.notices import REMINDERS, Kind
from scheduler.store import ledger
from scheduler.store.tables import holds

#: The subject that covers all others.
EVERYTHING = "everything"
#: The subject that covers all mails of all others, but what reminds of a date and is of no use after it.
BUT_REMINDERS = "everything-but-reminders"

#: Who holds what the service does not send by itself any more.
SERVICE = "the service"


@dataclass(frozen=True)
class Hold:
    """Since when a subject is held back, by whom, and why in their words."""

    subject: str
    since: datetime
    held_by: str
    because: str

    @property
    def is_of_service(self) -> bool:
        """The service held it, and asks."""
        return self.held_by == SERVICE

    def covers(self, occurrence: str, kind: Kind | None = None) -> bool:
        """`first.talks` is held by itself, with `talks`, and with everything. Ids have no dots inside.

        kind: of one mail; None: all of its mails.
        """
        if self.subject == BUT_REMINDERS:
            return kind is not None and kind not in REMINDERS
        return self.subject in (EVERYTHING, occurrence, occurrence.partition(".")[2])


async def read(connection: AsyncConnection) -> tuple[Hold, ...]:
    """All that is held back, the longest first."""
    found = await connection.execute(select(holds).order_by(holds.c.since, holds.c.subject))
    return tuple(Hold(**row._mapping) for row in found)


async def put(connection: AsyncConnection, wanted: Hold) -> Hold | None:
    """Holds a subject back from now on; gives the hold that is there already, and changes nothing then."""
    # one after the other, so that two people who hold the same are told of each other
    await ledger.hold(connection)
    known = {hold.subject: hold for hold in await read(connection)}
    if wanted.subject in known:
        return known[wanted.subject]
    await connection.execute(holds.insert().values(**vars(wanted)))
    await ledger.note(connection, wanted.since, wanted.held_by, "hold", wanted.subject, wanted.because)
    await ledger.raise_generation(connection)
    return None


async def replace(connection: AsyncConnection, wanted: Hold) -> None:
    """What is held stays so, for another reason."""
    news = {"held_by": wanted.held_by, "because": wanted.because}
    await connection.execute(holds.update().where(holds.c.subject == wanted.subject).values(**news))
    await ledger.note(connection, wanted.since, wanted.held_by, "hold", wanted.subject, wanted.because)


async def lift(connection: AsyncConnection, hold: Hold, by: str, now: datetime) -> None:
    """Lets go what is held."""
    await connection.execute(holds.delete().where(holds.c.subject == hold.subject))
    since = f"held since {hold.since.isoformat(timespec='seconds')}"
    await ledger.note(connection, now, by, "resume", hold.subject, since)
    await ledger.raise_generation(connection)


def is_held(row: FromClause) -> ColumnElement[bool]:
    """Of a row with an occurrence and a kind: something holds it back now."""
    return exists().where(covers(row))


def covers(row: FromClause) -> ColumnElement[bool]:
    """Of a row joined with the table of holds: the same as `Hold.covers`."""
    subject, occurrence = holds.c.subject, row.c.occurrence
    # not LIKE, which SQLite answers for capital letters too
    end = func.substr(occurrence, func.length(occurrence) - func.length(subject))
    can_wait = row.c.kind.not_in([kind.value for kind in REMINDERS])
    return or_(
        subject == EVERYTHING,
        subject == occurrence,
        end == literal(".") + subject,
        and_(subject == BUT_REMINDERS, can_wait),
    )
