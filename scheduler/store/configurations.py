"""What is in force: the latest row. Applying names the one it replaces (compare and set)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.errors import ConfigurationMoved
from scheduler.store.tables import configurations

#: Asked at every look: put together once.
_LATEST_ID = select(func.max(configurations.c.id))


@dataclass(frozen=True)
class Applied:
    """A configuration that came into force, as normalised text."""

    id: int
    hash: str
    content: str
    applied_at: datetime
    applied_by: str
    tzdata: str
    #: hash of what the files alone said
    proposed: str | None
    #: hash of what it took the place of; None: it was the first
    replaces: str | None


async def latest(connection: AsyncConnection) -> Applied | None:
    columns = [configurations.c[name] for name in Applied.__dataclass_fields__]
    query = select(*columns).order_by(configurations.c.id.desc()).limit(1)
    row = (await connection.execute(query)).one_or_none()
    return Applied(**row._mapping) if row else None


async def latest_id(connection: AsyncConnection) -> int:
    """Grows with every configuration; 0 while there is none. Cheap enough to ask at every look."""
    return await connection.scalar(_LATEST_ID) or 0


async def was_in_force(connection: AsyncConnection, hash: str, proposed: str) -> bool:
    """At any time. What was in force earlier is not put back without a person.

    hash: of what would come into force; proposed: of what the files alone say. Old files that lack a session
    of today would keep it, and so become something new; files that are in force already are nothing old.
    """
    rows = (await connection.execute(_EVERY_HASH)).all()
    files = [row.proposed or row.hash for row in rows]
    return hash in {row.hash for row in rows} or (proposed in files and proposed != files[-1])


_EVERY_HASH = select(configurations.c.hash, configurations.c.proposed).order_by(configurations.c.id)


async def put(
    connection: AsyncConnection,
    *,
    content: str,
    hash: str,
    replaces: str | None,
    applied_at: datetime,
    applied_by: str,
    tzdata: str,
    proposed: str | None = None,
) -> None:
    """proposed: hash of what the files alone said, where that is not `hash`.

    Raises ConfigurationMoved unless `replaces` is the hash of what is in force (None: nothing is).
    """
    current = await latest(connection)
    if (current.hash if current else None) != replaces:
        raise ConfigurationMoved(ConfigurationMoved.__doc__)
    await connection.execute(
        configurations.insert().values(
            content=content,
            hash=hash,
            proposed=proposed,
            replaces=replaces,
            applied_at=applied_at,
            applied_by=applied_by,
            tzdata=tzdata,
        )
    )
