"""How clocks were believed to go, by release of the tz database, and what a later release moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.model.clocks import (
    ClockChange,
    Clocks,
    change_from_text,
    change_to_text,
    clocks_from_text,
    clocks_to_text,
    name_of,
)
from scheduler.store.database import insert_into
from scheduler.store.tables import clock_changes, clocks

RELEASED, DISMISSED, REPLACED = "released", "dismissed", "replaced"

#: Mails of a release that was let go wait for a morning at the most; by then few others have come.
_RECENT = 5
#: Asked once a second: put together once.
_WAITING = select(clock_changes).where(clock_changes.c.decision.is_(None))


@dataclass(frozen=True)
class Found:
    """What a release moved, as it was written down; at most one waits for a person."""

    id: int
    #: the releases: what it was computed with, what it is computed with now
    before: str
    now: str
    found_at: datetime
    change: ClockChange

    def __str__(self) -> str:
        """One line for people: what waits, and where it is looked at."""
        parts = [_counted(len(self.change.moved), "session or deadline moved", "sessions or deadlines moved")]
        parts += [_counted(self.change.cities, "city reads another hour", "cities read another hour")]
        said = ", ".join(filter(None, parts))
        return f"the clocks changed with tz database {self.now}: {said}; see it with: scheduler clocks"


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}" if number else ""


async def keep(connection: AsyncConnection, tzdata: str, known: Clocks, now: datetime) -> None:
    """How this release has it, in the place of what was kept of it before."""
    row = {"tzdata": tzdata, "content": clocks_to_text(known), "kept_at": now}
    insert = insert_into(connection, clocks).values(**row)
    news = {name: insert.excluded[name] for name in ("content", "kept_at")}
    await connection.execute(insert.on_conflict_do_update(index_elements=["tzdata"], set_=news))


async def is_kept(connection: AsyncConnection, tzdata: str) -> bool:
    query = select(func.count()).where(clocks.c.tzdata == tzdata)
    return bool(await connection.scalar(query))


async def kept(connection: AsyncConnection, tzdata: str) -> Clocks | None:
    """How a release had it; None where nothing was kept of it."""
    content = await connection.scalar(select(clocks.c.content).where(clocks.c.tzdata == tzdata))
    return clocks_from_text(content) if content else None


async def add(connection: AsyncConnection, before: str, now: str, change: ClockChange, at: datetime) -> None:
    """What waits for a person from now on."""
    row = {"tzdata_before": before, "tzdata_now": now, "found_at": at, "content": change_to_text(change)}
    await connection.execute(clock_changes.insert().values(**row))


async def waiting(connection: AsyncConnection) -> Found | None:
    """What no person has decided on yet."""
    rows = (await connection.execute(_WAITING.order_by(clock_changes.c.id.desc()).limit(1))).all()
    return _found(rows[0]) if rows else None


async def recent(connection: AsyncConnection) -> Mapping[str, ClockChange]:
    """What the mails of the last releases are about: "tzdata-2026f" -> what it moved."""
    decision = func.coalesce(clock_changes.c.decision, RELEASED)
    query = select(clock_changes).where(decision == RELEASED).order_by(clock_changes.c.id.desc())
    found = [_found(row) for row in await connection.execute(query.limit(_RECENT))]
    return {name_of(one.now): one.change for one in reversed(found)}


async def decide(connection: AsyncConnection, found: Found, decision: str, by: str, at: datetime) -> None:
    this = clock_changes.c.id == found.id
    values = {"decision": decision, "decided_by": by, "decided_at": at}
    await connection.execute(update(clock_changes).where(this).values(**values))


def _found(row: object) -> Found:
    names = ("id", "tzdata_before", "tzdata_now", "found_at", "content")
    number, before, now, found_at, content = (getattr(row, name) for name in names)
    return Found(number, before, now, found_at, change_from_text(content))
