"""The clock of a rehearsal: when everybody who has a bell sleeps, it jumps to the next wanted instant."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

from scheduler.service.clock import Bell


@dataclass
class VirtualClock:
    """Jumps to the next wanted instant as soon as everybody sleeps."""

    at: datetime
    #: where it stops
    end: datetime
    #: hears of every jump
    on_jump: Callable[[datetime], None] | None = None
    _bells: int = 0
    _sleepers: dict[Bell, tuple[datetime | None, asyncio.Future[None]]] = field(default_factory=dict)
    _wanted: list[tuple[datetime, int, Bell]] = field(default_factory=list)
    _over: asyncio.Event = field(default_factory=asyncio.Event)
    _order: count[int] = field(default_factory=count)

    def now(self) -> datetime:
        return self.at

    def bell(self) -> Bell:
        self._bells += 1
        return Bell(self)

    def wake_at(self, instants: Iterable[datetime], bell: Bell) -> None:
        others = [wanted for wanted in self._wanted if wanted[2] is not bell]
        self._wanted = others + [(instant, next(self._order), bell) for instant in instants]
        heapq.heapify(self._wanted)

    async def sleep_until(self, instant: datetime | None, bell: Bell) -> None:
        if not bell.is_rung:
            future = asyncio.get_running_loop().create_future()
            self._sleepers[bell] = (instant, future)
            self._jump_while_all_sleep()
            try:
                await future
            finally:
                self._sleepers.pop(bell, None)
        bell.is_rung = False

    def rung(self, bell: Bell) -> None:
        sleeper = self._sleepers.pop(bell, None)
        if sleeper:
            sleeper[1].set_result(None)

    async def over(self) -> None:
        """Returns when nobody wants anything before the end."""
        await self._over.wait()

    def _jump_while_all_sleep(self) -> None:
        while len(self._sleepers) == self._bells and not self._over.is_set():
            wanted = [instant for instant, _ in self._sleepers.values() if instant is not None]
            wanted += [self._wanted[0][0]] if self._wanted else []
            next_one = min(wanted, default=self.end)
            if next_one >= self.end:
                self.at = self.end
                self._over.set()
                return
            self.at = max(self.at, next_one)
            if self.on_jump:
                self.on_jump(self.at)
            self._ring_what_is_due()

    def _ring_what_is_due(self) -> None:
        while self._wanted and self._wanted[0][0] <= self.at:
            heapq.heappop(self._wanted)[2].ring()
        due = [bell for bell, (instant, _) in self._sleepers.items() if instant and instant <= self.at]
        for bell in due:
            bell.ring()
