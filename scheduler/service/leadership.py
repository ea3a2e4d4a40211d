"""Which of several replicas does what one is enough for: planning, reading files, clearing up.

To lead saves work, and keeps replicas whose files differ from talking at once. No promise hangs on it: rows
are unique by their keys, and `settled_until` only moves forward, so that two that believe to lead, after a
pause or by a mistake of ours, do no harm (reliability rules, finding 12).

Who leads asks its connection once a second, and believes it for less time than the server waits before it
ends a session that says nothing: so a leader that was frozen wakes without the belief, and the next one has
taken over by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic

from scheduler import logs
from scheduler.errors import DatabaseAway
from scheduler.service.real_clock import RealClock
from scheduler.store.database import Database
from scheduler.store.lock import Chair, chair

#: How often it is asked; how long an answer is believed; how long the server waits for a sign of life.
_PAUSE, _BELIEF, _PATIENCE = timedelta(seconds=1), timedelta(seconds=3), timedelta(seconds=5)

_log = logs.get("leadership")


@dataclass
class Leadership:
    """Of one replica. Alone, it always leads: on an SQLite file, and where a proof leaves out the lock."""

    database: Database
    #: rings everybody when this replica begins to lead
    clock: RealClock
    is_alone: bool
    pause: timedelta = _PAUSE
    belief: timedelta = _BELIEF
    patience: timedelta = _PATIENCE
    #: asked each time; who may not lead leaves it to the others
    may_lead: Callable[[], bool] = lambda: True
    #: seconds of a clock that nobody can set
    steady: Callable[[], float] = monotonic
    _confirmed_at: float = float("-inf")
    _was_asked: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_leading(self) -> bool:
        return self.is_alone or self.steady() - self._confirmed_at < self.belief.total_seconds()

    async def asked(self) -> None:
        """Returns when it is known for the first time whether this replica leads."""
        if not self.is_alone:
            await self._was_asked.wait()

    async def run(self) -> None:
        """For ever; whoever is cancelled here gives it up at once."""
        while not self.is_alone:
            try:
                async with chair(self.database, self.patience) as seat:
                    while self.may_lead() or not seat.is_mine:
                        if self.may_lead():
                            await self._ask(seat)
                        self._was_asked.set()
                        await asyncio.sleep(self.pause.total_seconds())
                _log.info("this replica leaves the lead to another one", action="resign")
            except (DatabaseAway, TimeoutError) as error:
                if self._confirmed_at > float("-inf"):
                    why = str(error) or "the database did not answer in time"
                    _log.warning("this replica does not lead any more", action="follow", why=why)
            finally:
                self._confirmed_at = float("-inf")
                self._was_asked.set()
            await asyncio.sleep(self.pause.total_seconds())
        await asyncio.Event().wait()

    async def _ask(self, seat: Chair) -> None:
        asked_at, led = self.steady(), seat.is_mine
        async with asyncio.timeout(self.belief.total_seconds()):
            is_mine = await seat.ask()
        if is_mine:
            self._confirmed_at = asked_at
        if is_mine and not led:
            _log.info("this replica leads", action="lead")
            self.clock.ring_all()
