"""What was answered to programs over HTTP, so that a repetition has the same answer and no second effect."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.store.database import insert_into
from scheduler.store.tables import requests


@dataclass(frozen=True)
class Kept:
    """One request as it is remembered: digests only of who asked and of what."""

    #: SHA-256 in hexadecimal of who asked and of the key; of what was asked
    digest: str
    content: str
    #: what it was answered with
    status: int
    answer: str


async def read(connection: AsyncConnection, digest: str) -> Kept | None:
    """None: it is new."""
    columns = (requests.c[name] for name in ("digest", "content", "status", "answer"))
    row = (await connection.execute(select(*columns).where(requests.c.digest == digest))).one_or_none()
    return Kept(*row) if row else None


async def keep(connection: AsyncConnection, kept: Kept, now: datetime) -> bool:
    """False where another one with this digest came first; it waits for one that is at work on it."""
    row = insert_into(connection, requests).values(**vars(kept), at=now)
    once = row.on_conflict_do_nothing(index_elements=["digest"]).returning(requests.c.digest)
    return await connection.scalar(once) is not None
