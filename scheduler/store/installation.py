"""Whether this database may send. A backup is made without its row, so that a copy is born held; a copy that
somebody made by hand has the row, and is held where it is not the installation that the row names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.errors import NothingInForce
from scheduler.store import configurations, ledger
from scheduler.store.claims import reclaim_all, take_over
from scheduler.store.identity import Identity
from scheduler.store.outbox import AT_REST, MISSED
from scheduler.store.tables import installation, outbox

#: Asked at every look: put together once.
_PARTS = (
    *(installation.c.base_url, installation.c.place, installation.c.key_proof),
    *(installation.c.origin, installation.c.cluster),
)
_WHOSE = select(*_PARTS)

#: The numbers of the database and of the table: a standby has the same, what is loaded from a dump another
#: table, and what is made of a template another database.
_ASK_ORIGIN = text(
    "SELECT CONCAT(oid, '/', CAST(CAST('installation' AS regclass) AS oid)) FROM pg_database "
    "WHERE datname = current_database()"
)
#: The number of a cluster, which its standbys share.
_CLUSTER = "cluster"
_MAY_ASK_CLUSTER = text("SELECT has_function_privilege('pg_control_system()', 'execute')")
_ASK_CLUSTER = text("SELECT CAST(system_identifier AS text) FROM pg_control_system()")

_WAITS = outbox.c.state.in_(AT_REST)

#: What people are told of a copy.
HELD = (
    "held: this database is a copy, an older one put back, or held by a person; nothing is sent until: "
    "scheduler db claim"
)
#: What anybody may read of one that belongs to another installation.
HELD_ELSEWHERE = (
    "held: this database belongs to another installation; nothing is sent until: scheduler db claim "
    "(scheduler status says what differs)"
)
#: What people are told of one that is not the database that its row was written in.
RELOADED = (
    "held: this database was loaded from a dump, or lies on another server than the one that sent last. "
    "Nothing is sent: what that one has sent since is not known here. Go on with: scheduler db claim --skip "
    "or --resend (see scheduler db claim --help)"
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
    if whose is None or here is None:
        return whose is not None
    return not any(whose.differences(await _seen_from(connection, here)))


async def why_held(connection: AsyncConnection, here: Identity | None) -> str:
    """Why a service that is `here` sends nothing, for its staff: it names places. Empty where it sends."""
    whose = await belongs_to(connection)
    if whose is None:
        return HELD
    here = await _seen_from(connection, here) if here else whose
    if whose.is_reloaded(here):
        return RELOADED
    differences = "; ".join(whose.differences(here))
    return differences and (
        f"held: this database belongs to another installation ({differences}). Nothing is sent. If you "
        "have moved or renamed this one, say so with: scheduler db claim --resend. If it is a copy beside "
        "one that sends, leave it held"
    )


async def adopt(connection: AsyncConnection, here: Identity) -> None:
    """Writes down which installation it belongs to, as far as nobody has yet; to be called where it may
    send."""
    known = vars(await _seen_from(connection, here))
    unknown = [installation.c[name].is_(None) for name, value in known.items() if value is not None]
    news = {name: func.coalesce(installation.c[name], value) for name, value in known.items()}
    await connection.execute(update(installation).where(or_(*unknown)).values(**news))


async def claim(connection: AsyncConnection, by: str, now: datetime, here: Identity | None = None) -> None:
    """From now on this database sends, and belongs to the installation `here`; None: to the first one that
    starts."""
    await connection.execute(installation.delete())
    whose = vars(await _seen_from(connection, here)) if here else {}
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


async def hold_by(connection: AsyncConnection, by: str, now: datetime) -> bool:
    """The same, by a person; False where it is held already, and nothing changes then."""
    if await claimed(connection) is None:
        return False
    await hold(connection)
    await ledger.note(connection, now, by, "hold", "the database")
    await ledger.raise_generation(connection)
    return True


async def _seen_from(connection: AsyncConnection, here: Identity) -> Identity:
    """With what the server says of the database that is asked; an SQLite file says nothing."""
    if connection.dialect.name == "sqlite":
        return here
    if _CLUSTER not in connection.info:  # a connection has one server, and some may not ask
        may_ask = await connection.scalar(_MAY_ASK_CLUSTER)
        connection.info[_CLUSTER] = await connection.scalar(_ASK_CLUSTER) if may_ask else None
    origin = await connection.scalar(_ASK_ORIGIN)
    return replace(here, origin=str(origin), cluster=connection.info[_CLUSTER])


async def _skip(connection: AsyncConnection) -> int:
    """Records all that waits as missed; gives how many rows.

    Their keys stay taken: none of these mails is made again, unless what it says changes.
    """
    missed = {"state": MISSED, "reason": SKIPPED}
    return (await connection.execute(update(outbox).where(_WAITS).values(**missed))).rowcount


async def _count_waiting(connection: AsyncConnection) -> int:
    return await connection.scalar(select(func.count()).select_from(outbox).where(_WAITS)) or 0
