"""Whether this database may send. A backup is made without its row, so that a copy is born held; a copy that
somebody made by hand has the row, and is held where it is not the installation that the row names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.errors import NothingInForce
from scheduler.store import configurations, ledger
from scheduler.store.claims import reclaim_all, take_over
from scheduler.store.identity import Identity
from scheduler.store.outbox import AT_REST, MISSED
from scheduler.store.tables import installation, outbox

#: Asked at every look: put together once.
_WHOSE = select(installation.c.base_url, installation.c.place, installation.c.key_proof)

_WAITS = outbox.c.state.in_(AT_REST)

#: What people are told of a copy.
HELD = "held: this database is a copy; nothing is sent until: scheduler db claim"
#: What anybody may read of one that belongs to another installation.
HELD_ELSEWHERE = (
    "held: this database belongs to another installation; nothing is sent until: scheduler db claim "
    "(scheduler status says what differs)"
)
SKIPPED = "skipped when this copy of the database was claimed"


@dataclass(frozen=True)
class Claim:
    """Since when a database sends, and who said so."""

    claimed_at: datetime
    claimed_by: str


@dataclass(frozen=True)
class Taken:
    """What a copy held when it was claimed."""

    #: rows that waited to be sent
    waited: int
    settled_until: datetime


async def claimed(connection: AsyncConnection) -> Claim | None:
    """None: this database is held."""
    query = select(installation.c.claimed_at, installation.c.claimed_by)
    row = (await connection.execute(query)).one_or_none()
    return Claim(**row._mapping) if row else None


async def belongs_to(connection: AsyncConnection) -> Identity | None:
    """The installation that it belongs to, as far as that was written down; None: this database is held."""
    row = (await connection.execute(_WHOSE)).one_or_none()
    return Identity(**row._mapping) if row else None


async def may_send(connection: AsyncConnection, here: Identity | None = None) -> bool:
    """here: the installation that asks; None: whichever it belongs to."""
    whose = await belongs_to(connection)
    return whose is not None and (here is None or not any(whose.differences(here)))


async def why_held(connection: AsyncConnection, here: Identity | None) -> str:
    """Why a service that is `here` sends nothing, for its staff: it names places. Empty where it sends."""
    whose = await belongs_to(connection)
    if whose is None:
        return HELD
    differences = "; ".join(whose.differences(here)) if here else ""
    return differences and (
        f"held: this database belongs to another installation ({differences}). Nothing is sent. If you "
        "have moved or renamed this one, say so with: scheduler db claim --resend. If it is a copy beside "
        "one that sends, leave it held"
    )


async def adopt(connection: AsyncConnection, here: Identity) -> None:
    """Writes down which installation it belongs to, as far as nobody has yet; to be called where it may
    send."""
    known = vars(here)
    unknown = [installation.c[name].is_(None) for name, value in known.items() if value is not None]
    news = {name: func.coalesce(installation.c[name], value) for name, value in known.items()}
    await connection.execute(update(installation).where(or_(*unknown)).values(**news))


async def claim(connection: AsyncConnection, by: str, now: datetime, here: Identity | None = None) -> None:
    """From now on this database sends, and belongs to the installation `here`; None: to the first one that
    starts."""
    await connection.execute(installation.delete())
    whose = vars(here) if here else {}
    await connection.execute(installation.insert().values(id=1, claimed_at=now, claimed_by=by, **whose))


async def claim_copy(
    connection: AsyncConnection, by: str, now: datetime, *, skip: bool, here: Identity | None = None
) -> Taken | Claim:
    """A held database sends from now on, as the installation `here`; gives the claim where it does that
    already, and changes nothing then.

    skip: what waits becomes missed, and all that was due until now is settled unseen. What waited has its
    key taken: such an invitation is not made again until its session changes. What fell due later was
    never written down, so a stateful notice (an invitation, say) is made as soon as another configuration
    comes into force, for whoever was not told of it as far as this copy knows. Reminders are gone.
    Else what waits goes out if it still holds, and the engine's next look finds what fell due.

    Raises NothingInForce in a database without a configuration: the first one claims it.
    """
    settled_until = await ledger.hold(connection)
    already = await claimed(connection)
    if already and await may_send(connection, here):
        return already
    if settled_until is None or not await configurations.latest_id(connection):
        raise NothingInForce(
            "nothing is in force in this database; it sends by itself after: scheduler apply"
        )
    # nobody sends from a copy; from a database that was moved a service may, until it looks again
    await (take_over(connection, now) if already else reclaim_all(connection, now))
    waited = await (_skip if skip else _count_waiting)(connection)
    if skip:
        await ledger.settle(connection, now)
    await ledger.tick(connection, now)  # what was due since the last one has been decided on
    await claim(connection, by, now, here)
    await ledger.note(connection, now, by, "claim", "skip" if skip else "resend", f"{waited} waited")
    await ledger.raise_generation(connection)
    return Taken(waited, settled_until)


async def hold(connection: AsyncConnection) -> None:
    """From now on it sends nothing, until somebody claims it."""
    await connection.execute(installation.delete())


async def _skip(connection: AsyncConnection) -> int:
    """Records all that waits as missed; gives how many rows.

    Their keys stay taken: none of these mails is made again, unless what it says changes.
    """
    missed = {"state": MISSED, "reason": SKIPPED}
    return (await connection.execute(update(outbox).where(_WAITS).values(**missed))).rowcount


async def _count_waiting(connection: AsyncConnection) -> int:
    return await connection.scalar(select(func.count()).select_from(outbox).where(_WAITS)) or 0
