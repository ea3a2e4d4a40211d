"""How far an SQLite database has come, written down beside it: one that lies behind its mark is an older one,
put back by hand, and would send again what was sent since.

The mark is written after a commit, with what was read from the database: it may lag, and never leads. What it
holds only ever grows (nothing of it is pruned). PostgreSQL has none: there the table itself tells a dump that
was loaded from the database that it was made of (`identity.py`).
"""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.errors import DatabaseUnusable
from scheduler.store import installation, ledger
from scheduler.store.database import Database
from scheduler.store.tables import state
from scheduler.store.whole_files import beside, put, side

#: What people are told of one that lies behind its mark.
OLDER = (
    "held: this database is older than the one that sent from this place; nothing is sent until: "
    "scheduler db claim"
)
_END = ".mark"
_STATE = select(state.c.settled_until, state.c.ticked_at, state.c.generation)


@dataclass(frozen=True)
class Progress:
    settled_until: datetime
    #: None: no service has looked yet
    ticked_at: datetime | None
    generation: int

    def is_behind(self, mark: Progress) -> bool:
        """Each of the three grows by itself: to be behind with one is enough."""
        has_not_ticked = mark.ticked_at is not None and (
            self.ticked_at is None or self.ticked_at < mark.ticked_at
        )
        return has_not_ticked or self.settled_until < mark.settled_until or self.generation < mark.generation


async def keep(database: Database) -> bool:
    """Writes the mark where the database has come further; False where it lies behind it. Raises OSError."""
    if database.file is None:
        return True
    mark = await asyncio.to_thread(_read_mark, database.file)
    async with database.read() as connection:
        here = await _progress(connection)
    if here and mark and here.is_behind(mark):
        return False
    if here and here != mark:
        await asyncio.to_thread(_write_mark, database.file, here)
    return True


async def hold_if_older(database: Database, by: str, now: datetime) -> bool:
    """From now on a database that lies behind its mark sends nothing, until somebody claims it. Whether that
    is news: False where it was held before.

    Raises DatabaseUnusable where nothing was ever in force in it, though there is a mark: with the first
    files put in force it would claim itself.
    """
    if database.file is None:
        return False
    async with database.write() as connection:
        # a claim forgets it in a transaction of its own: none can pass between this look and the hold
        mark = await asyncio.to_thread(_read_mark, database.file)
        if mark is None:
            return False
        here = await _progress(connection)
        if here is None:
            raise DatabaseUnusable(
                f"the database {database.file} remembers nothing, though a service has sent from one in its"
                " place. Put a backup in its place: scheduler db restore FILE. To begin anew instead, with"
                " nothing remembered of what was sent: scheduler db upgrade"
            )
        if not here.is_behind(mark) or await installation.claimed(connection) is None:
            return False
        until = mark.ticked_at or mark.settled_until
        said = f"it is older than the one that sent from its place until {until:%Y-%m-%d %H:%M} UTC"
        await installation.hold(connection)
        await ledger.note(connection, now, by, "hold", "the database", said)
        await ledger.raise_generation(connection)
    return True


async def forget_if_new(database: Database) -> None:
    """Without its mark, a database in which nothing was ever in force begins anew."""
    if database.file is None:
        return
    async with database.read() as connection:
        here = await _progress(connection)
    if here is None:
        forget(database)


def forget(database: Database) -> None:
    """In a claim, before its commit: a mark that is not there never leads."""
    if database.file:
        side(database.file, _END).unlink(missing_ok=True)


async def _progress(connection: AsyncConnection) -> Progress | None:
    """None before the first configuration."""
    row = (await connection.execute(_STATE)).one_or_none()
    return Progress(**row._mapping) if row else None


def _read_mark(file: Path) -> Progress | None:
    """None where there is none that can be read."""
    try:
        found = json.loads(side(file, _END).read_bytes())
        ticked_at = found["ticked_at"] and datetime.fromisoformat(found["ticked_at"])
        return Progress(datetime.fromisoformat(found["settled_until"]), ticked_at, int(found["generation"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_mark(file: Path, here: Progress) -> None:
    """For the owner of the database: root may claim what another user serves."""
    ticked_at = here.ticked_at and here.ticked_at.isoformat()
    said = {"settled_until": here.settled_until.isoformat(), "ticked_at": ticked_at}
    with beside(side(file, _END)) as partial:
        partial.write_text(json.dumps({**said, "generation": here.generation}) + "\n")
        owner = file.stat()
        with suppress(PermissionError):
            os.chown(partial, owner.st_uid, owner.st_gid)
        put(partial, side(file, _END))
