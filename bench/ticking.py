"""Punctuality: how long a start takes, and a look at what is due when nothing is, with 10,000 slots ahead.

The reference of a look is the least that it could do: one transaction that holds the row of `state` and moves
it. The reference of a start is a service that has one session to look after.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.furnished import for_everybody, made_up
from bench.made_up import write_configuration
from scheduler.service.apply import put_in_force
from scheduler.service.clock import Bell
from scheduler.service.engine import Engine
from scheduler.service.in_force import Memory
from scheduler.store import ledger
from scheduler.store.database import Database, open_database
from scheduler.store.migrate import migrate

MOST_SECONDS, MOST_MILLISECONDS = 3.0, 50.0
SLOTS = 10_000
#: (series, sessions of each, members): so many slots, and next to none.
LARGE, SMALL = (210, 12, 425), (1, 1, 425)
#: Among the sessions of the made-up programme.
NOW = datetime(2027, 1, 20, 9, tzinfo=UTC)
LOOKS, STARTS = 60, 3


@dataclass
class Desk:
    """The clock of somebody who never sleeps."""

    at: datetime

    def now(self) -> datetime:
        self.at += timedelta(seconds=30)
        return self.at

    def bell(self) -> Bell:
        return Bell(self)  # type: ignore[arg-type]

    def rung(self, bell: Bell) -> None: ...


def measure() -> int:
    """Prints both; gives 1 where one is over its limit."""
    first_look, is_well = asyncio.run(_looks())
    large, small = (_start(size) for size in (LARGE, SMALL))
    print(f"  scheduler serve, until ready      {large:6.2f} s")
    print(f"  the same with one session         {small:6.2f} s   x {large / small:.1f}")
    return int(not is_well or max(large, first_look) > MOST_SECONDS)


async def _looks() -> tuple[float, bool]:
    """Seconds of the first look of a process; whether the others are quick enough."""
    async with _in_force(LARGE) as database:
        clock = Desk(NOW + timedelta(days=1))
        engine = Engine(database, clock, clock.bell(), Memory())  # type: ignore[arg-type]
        await engine.look()  # what became due by the day that was let pass
        began = time.perf_counter()
        engine._outlook = None
        engine.memory._known = None
        await engine.look()
        first = time.perf_counter() - began
        assert engine._outlook  # noqa: S101 - it has just looked
        slots = len(engine._outlook.slots)
        ours = [await _timed(engine.look()) for _ in range(LOOKS)]
        least = [await _timed(_least(database, clock.now())) for _ in range(LOOKS)]
    print(f"{slots:,} slots in the next 30 days")
    print(f"  first look after a start          {first:6.2f} s")
    print(f"  a look that finds nothing new     {_said(ours)}")
    print(f"  one transaction that moves on     {_said(least)}   x {_times(ours, least):.1f}")
    if slots < SLOTS:
        print(f"fewer than {SLOTS:,} slots: make bench/ticking.py larger")
    return first, slots >= SLOTS and statistics.median(ours) * 1000 < MOST_MILLISECONDS


async def _timed(work: object) -> float:
    began = time.perf_counter()
    await work  # type: ignore[misc]
    return time.perf_counter() - began


async def _least(database: Database, now: datetime) -> None:
    async with database.write() as connection:
        await ledger.hold(connection)
        await ledger.settle(connection, now)


def _start(size: tuple[int, int, int]) -> float:
    """A whole process, from its first instruction until it serves requests; the best of some."""
    with TemporaryDirectory() as folder:
        write_configuration(Path(folder) / "config", *size)
        _serve(folder)  # applies the files
        return min(_serve(folder) for _ in range(STARTS))


def _serve(folder: str) -> float:
    """Seconds until it is ready."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SCHEDULER_")}
    own = {"CONFIG": f"{folder}/config", "DATA": f"{folder}/var", "LISTEN": "127.0.0.1:0"}
    environment |= {f"SCHEDULER_{name}": value for name, value in own.items()}
    command = [sys.executable, "-m", "scheduler", "serve"]
    began = time.perf_counter()
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stderr  # noqa: S101 - a pipe
        for line in process.stderr:
            if json.loads(line).get("action") == "ready":
                break
        took = time.perf_counter() - began
        process.terminate()
        process.stderr.read()
    return took


@asynccontextmanager
async def _in_force(size: tuple[int, int, int]) -> AsyncIterator[Database]:
    configuration = for_everybody(made_up(*size))
    with TemporaryDirectory() as folder:
        database = open_database(f"sqlite:///{folder}/bench.sqlite")
        await migrate(database)
        await put_in_force(database, configuration, now=NOW, by="bench", replaces=None)
        try:
            yield database
        finally:
            await database.close()


def _times(ours: list[float], least: list[float]) -> float:
    return statistics.median(ours) / statistics.median(least)


def _said(seconds: list[float]) -> str:
    """Gives "median  1.23 ms, slowest  4.56 ms"."""
    return f"median {statistics.median(seconds) * 1000:5.1f} ms, slowest {max(seconds) * 1000:5.1f} ms"
