"""The one place that knows all the real parts, and joins them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from scheduler.mail.post import Post
from scheduler.service.clock import Clock
from scheduler.service.delivery import MAX_IN_FLIGHT, Deliverer
from scheduler.service.engine import Engine
from scheduler.service.in_force import Memory
from scheduler.service.links import Links
from scheduler.service.meters import Meters
from scheduler.store.database import Database


@dataclass(frozen=True)
class Service:
    engine: Engine
    deliverer: Deliverer

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        """Both tasks at work; gives the task that ends when one of them fails."""
        both = asyncio.create_task(self._run())
        try:
            yield both
        finally:
            both.cancel()
            await asyncio.wait([both])

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.deliverer.run(), name="deliverer")
            tasks.create_task(self.engine.run(), name="engine")


def build_service(
    database: Database,
    clock: Clock,
    post: Post,
    links: Links,
    max_in_flight: int = MAX_IN_FLIGHT,
) -> Service:
    memory = Memory()
    deliverer = Deliverer(database, clock, post, links, memory, Meters(), max_in_flight)
    return Service(Engine(database, clock, deliverer.bell, memory), deliverer)
