"""What the service remembers of time: how far it has settled, revisions, rules, the journal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.store.tables import Instant, journal, revisions, rules, state

#: Asked at every look: put together once.
_SETTLED_UNTIL = select(state.c.settled_until)
_HELD = _SETTLED_UNTIL.with_for_update()
_GENERATION = select(state.c.generation)
_TICKED_AT = select(state.c.ticked_at)
_TICK = (
    update(state)
    .where(or_(state.c.ticked_at.is_(None), state.c.ticked_at < bindparam("now", type_=Instant)))
    .values(ticked_at=bindparam("now", type_=Instant))
)
_FORWARD = (
    update(state)
    .where(state.c.settled_until < bindparam("until", type_=Instant))
    .values(settled_until=bindparam("until", type_=Instant))
)


@dataclass(frozen=True)
class RevisionRow:
    occurrence: str
    sequence: int
    significant: str
    visible: str
    created_at: datetime
    significant_at: datetime
    changed_at: datetime
    starts_at: datetime | None
    started_at: datetime | None


async def settled_until(connection: AsyncConnection) -> datetime | None:
    """Everything due before this instant has been handled; None before the first configuration."""
    at: datetime | None = await connection.scalar(_SETTLED_UNTIL)
    return at


async def hold(connection: AsyncConnection) -> datetime | None:
    """The same, and nobody else moves it before this transaction ends (SQLite has one writer anyway)."""
    at: datetime | None = await connection.scalar(_HELD)
    return at


async def be_first(connection: AsyncConnection) -> None:
    """For who puts the first configuration in force: while there is no row to hold, replicas that start at
    once would all do it."""
    if connection.dialect.name == "postgresql":
        await connection.execute(text("LOCK TABLE state IN EXCLUSIVE MODE"))


async def settle(connection: AsyncConnection, until: datetime) -> None:
    """Moves it forward; never back, whatever a clock says."""
    if (await connection.execute(_FORWARD, {"until": until})).rowcount:
        return
    if await settled_until(connection) is None:
        await connection.execute(state.insert().values(id=1, settled_until=until, generation=0))


async def ticked_at(connection: AsyncConnection) -> datetime | None:
    """When a service looked at what is due for the last time; None: none ever did. Commands that put files
    in force settle as well, and are no sign of life."""
    at: datetime | None = await connection.scalar(_TICKED_AT)
    return at


async def tick(connection: AsyncConnection, now: datetime) -> None:
    """A service looks at what is due, or a person has decided what becomes of it."""
    await connection.execute(_TICK, {"now": now})


async def generation(connection: AsyncConnection) -> int:
    """Grows with every decision; a running service looks at it once a second."""
    return await connection.scalar(_GENERATION) or 0


async def raise_generation(connection: AsyncConnection) -> None:
    await connection.execute(update(state).values(generation=state.c.generation + 1))


async def read_revisions(connection: AsyncConnection) -> dict[str, RevisionRow]:
    rows = await connection.execute(select(revisions))
    return {row.occurrence: RevisionRow(**row._mapping) for row in rows}


async def revise(
    connection: AsyncConnection,
    marks: Mapping[str, tuple[str, str]],
    starts: Mapping[str, datetime | None],
    now: datetime,
) -> None:
    """Writes down what changed.

    marks: occurrence -> (fingerprint of what is significant, of all that shows); starts: occurrence -> when.
    """
    known = await read_revisions(connection)
    new, moved, reworded = [], [], []
    for occurrence, (significant, visible) in marks.items():
        row, starts_at = known.get(occurrence), starts.get(occurrence)
        shown = {"significant": significant, "visible": visible, "changed_at": now, "starts_at": starts_at}
        if row is None:
            first = {"sequence": 0, "created_at": now, "significant_at": now}
            new.append({"occurrence": occurrence, **first, **shown})
        elif row.significant != significant:
            move = {"sequence": row.sequence + 1, "significant_at": now, "started_at": row.starts_at}
            moved.append({"of": occurrence, **move, **shown})
        elif row.visible != visible:
            reworded.append({"of": occurrence, **shown})
    if new:
        await connection.execute(revisions.insert(), new)
    for changed in filter(None, (moved, reworded)):
        await connection.execute(update(revisions).where(revisions.c.occurrence == bindparam("of")), changed)


async def read_rules(connection: AsyncConnection) -> dict[tuple[str, str], datetime]:
    """(series or cycle, rule) -> since when it is as it is."""
    rows = await connection.execute(select(rules.c.owner, rules.c.rule, rules.c.since))
    return {(row.owner, row.rule): row.since for row in rows}


async def write_rules(
    connection: AsyncConnection, fingerprints: Iterable[tuple[str, str, str]], now: datetime
) -> None:
    """fingerprints: (series or cycle, rule, fingerprint). A rule that changed counts from now on."""
    rows = await connection.execute(select(rules))
    known = {(row.owner, row.rule): row.fingerprint for row in rows}
    new, changed = [], []
    for owner, rule, fingerprint in fingerprints:
        if (owner, rule) not in known:
            new.append({"owner": owner, "rule": rule, "fingerprint": fingerprint, "since": now})
        elif known[owner, rule] != fingerprint:
            changed.append({"of": owner, "named": rule, "fingerprint": fingerprint, "since": now})
    if new:
        await connection.execute(rules.insert(), new)
    if changed:
        where = (rules.c.owner == bindparam("of")) & (rules.c.rule == bindparam("named"))
        await connection.execute(update(rules).where(where), changed)


async def note(
    connection: AsyncConnection, at: datetime, actor: str, action: str, subject: str, detail: str = ""
) -> None:
    """One line in the journal."""
    row = {"at": at, "actor": actor, "action": action, "subject": subject, "detail": detail}
    await connection.execute(journal.insert().values(**row))
