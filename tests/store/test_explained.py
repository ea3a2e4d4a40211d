"""What is asked at every look stays quick whatever was sent before: no statement walks through the outbox.

Both databases explain each statement that such a call really executes, with 20,000 rows that were sent and
200 that wait.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, insert, literal, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.service.engine import Engine
from scheduler.service.fences import Fences
from scheduler.service.in_force import Memory
from scheduler.service.pruning import REPORTS_KEPT
from scheduler.service.virtual_clock import VirtualClock
from scheduler.store import claims, counts, held, holds, losses, outbox, outflow, pruning, tables
from scheduler.store.database import Database, among
from scheduler.store.holds import Hold
from scheduler.store.pruning import Bounds
from tests.cast import DOHA, MANTES, MEDELLIN, a_configuration, a_series, at
from tests.service.stage import Stage

APRIL = at("2027-04-26T08:00:00+00:00")
#: When the first session's invitations fall due.
NOW = at("2027-05-17T10:00:00+00:00")
LONG_AGO = NOW - timedelta(days=500)
SENT, WAITING = 20_000, 200

#: Names under which the outbox stands in statements.
_OUTBOX = "outbox|mine|perhaps|first|earlier|flying|newer|news|waits|other"
#: A whole table is read, or the whole of an index that is not that of those who wait.
_WALKS = {
    "sqlite": re.compile(rf"SCAN (?:{_OUTBOX})\b(?!.* ix_outbox_line)"),
    "postgresql": re.compile(r"Seq Scan on outbox"),
}

#: By this index SQLite finds all rows of a state: nearly all that there are, where the state is `sent`.
_BY_STATE = "ix_outbox_state (state=?)"

Call = Callable[[AsyncConnection], Awaitable[Any]]

_BOUNDS = Bounds(NOW - timedelta(days=400), NOW - REPORTS_KEPT, frozenset({"talks", "first.talks"}))


async def _prune(connection: AsyncConnection) -> None:
    await pruning.prune_mails(connection, _BOUNDS, 0)


async def _judge(connection: AsyncConnection) -> None:
    [row async for row in outbox.unsent_of(connection, "talks")]


CALLS: dict[str, Call] = {
    "claim": lambda c: claims.claim(c, "token", 50, NOW),
    "take over": lambda c: claims.take_over(c, NOW),
    "next look": claims.wanted_at,
    "an hour's mails": lambda c: outflow.allowance(c, 100, 50, NOW),
    "oldest due": lambda c: counts.oldest_due(c, NOW),
    "stuck": lambda c: counts.stuck(c, NOW),
    "all that is unsent": lambda c: counts.unsent(c, NOW),
    "how much is unsent": counts.count_unsent,
    "failures": counts.failures,
    "kinds held": held.kinds_held,
    "judge what is let go": _judge,
    "skip": lambda c: held.skip(c, "talks"),
    "losses": lambda c: losses.losses(c, NOW - timedelta(days=7)),
    "prune": _prune,
    "forget": lambda c: pruning.forgettable(c, _BOUNDS),
}


@pytest.fixture
async def full(database: Database, tmp_path: Path) -> Stage:
    """An installation that has sent a lot, of which a series is held."""
    stage = Stage(database, tmp_path)
    await stage.apply(a_configuration(a_series(), members=(DOHA, MANTES, MEDELLIN)), APRIL)
    async with database.write() as connection:
        for state, number in (("sent", SENT), ("queued", WAITING)):
            await connection.execute(_rows(connection, state, number))
        await holds.put(connection, Hold("walks", APRIL, "Anna", ""))
        if connection.dialect.name == "postgresql":
            await connection.execute(text("ANALYZE"))  # autovacuum does, in time
    return stage


def _rows(connection: AsyncConnection, state: str, number: int) -> Any:
    """One INSERT ... SELECT; of each session ten rows."""
    listed = among(range(number), connection).subquery("listed")
    n = listed.c[0]
    name = f"{state} " + n.cast(tables.outbox.c.uid.type)
    at_that_time = LONG_AGO if state == "sent" else APRIL
    known = {
        **dict.fromkeys(("notice_key", "message_id"), name),
        **dict.fromkeys(("occurrence", "uid"), "old-" + (n // 10).cast(tables.outbox.c.uid.type)),
        **dict.fromkeys(("due_at", "useful_by", "inserted_at", "next_at"), literal(at_that_time)),
        "rule": literal("week-before"),
        "kind": literal("reminder"),
        "status": literal("confirmed"),
        "place": literal(""),
        "reason": literal(""),
        "state": literal(state),
        "contact_id": n % 3 + 1,
        "sequence": literal(0),
        "attempts": literal(0),
        "sent_at": literal(at_that_time if state == "sent" else None, tables.Instant),
    }
    return insert(tables.outbox).from_select(list(known), select(*known.values()))


@contextmanager
def recorded(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """The statements that are executed meanwhile, with their parameters."""
    found: list[tuple[str, Any]] = []

    def keep(_c: Any, _cursor: Any, statement: str, parameters: Any, _x: Any, _many: bool) -> None:
        found.append((statement, parameters))

    engines = {database.writer, database.reader}
    for engine in engines:
        event.listen(engine.sync_engine, "before_cursor_execute", keep)
    yield found
    for engine in engines:
        event.remove(engine.sync_engine, "before_cursor_execute", keep)


async def walks(database: Database, statements: list[tuple[str, Any]]) -> list[str]:
    """Statements that read all of the outbox."""
    kind = database.writer.dialect.name
    explain = "EXPLAIN QUERY PLAN " if kind == "sqlite" else "EXPLAIN "
    found = []
    async with database.read() as connection:
        for statement, parameters in statements:
            if " outbox" not in statement:
                continue
            rows = await connection.exec_driver_sql(explain + statement, parameters)
            plan = "\n".join(str(row[-1]) for row in rows)
            is_by_state = _BY_STATE in plan and outbox.SENT in parameters
            if _WALKS[kind].search(plan) or is_by_state:
                found.append(f"{statement}\n{plan}")
    return found


async def test_no_look_walks_through_what_was_sent(full: Stage) -> None:
    found: dict[str, list[str]] = {}
    for name, call in CALLS.items():
        with recorded(full.database) as statements:
            async with full.database.write() as connection:
                await call(connection)
                await connection.rollback()
        found[name] = await walks(full.database, statements)

    assert {name: plans for name, plans in found.items() if plans} == {}


async def test_no_tick_walks_through_what_was_sent(full: Stage) -> None:
    """With the invitations that fall due in it."""
    clock = VirtualClock(NOW, NOW + timedelta(days=1))
    engine = Engine(full.database, clock, clock.bell(), Memory(), fences=Fences(amnesty=timedelta(days=1)))

    with recorded(full.database) as statements:
        await engine.look()

    assert any(statement.startswith("INSERT INTO outbox") for statement, _ in statements)
    assert await walks(full.database, statements) == []
