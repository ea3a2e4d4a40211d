"""The clock that engine and deliverer live by: now, wake me at, sleep until.

Two real things stand behind it: `RealClock`, and `VirtualClock`, on which a rehearsal plays months in
seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol


class Bell:
    """Wakes the one task that sleeps beside it. Rung while nobody sleeps, it ends the next sleep at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.is_rung = False

    def ring(self) -> None:
        self.is_rung = True
        self._clock.rung(self)


class Clock(Protocol):
    def now(self) -> datetime:
        """The present, aware UTC."""
        ...

    def bell(self) -> Bell:
        """A bell for one task. The task takes part: time does not go on without it."""
        ...

    def wake_at(self, instants: Iterable[datetime], bell: Bell) -> None:
        """Rings the bell at each instant; replaces what was wanted for this bell before."""
        ...

    async def sleep_until(self, instant: datetime | None, bell: Bell) -> None:
        """Until the bell rings, or the instant has come."""
        ...

    def rung(self, bell: Bell) -> None:
        """What a bell says when it is rung."""
        ...
