"""One time for all replicas: the database's, measured now and then, and carried on by a steady clock between.

Between asking and answer the database read its clock once, so each measurement says between which two
instants its time was: nobody needs to guess whether one is an outlier. The narrowest one counts until it is
old, and one that contradicts it means that the database's clock was set.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic

#: So many measurements are kept, and no longer than this: a steady clock runs away by 0.1 ms each second.
_KEPT = 8
_OLD = timedelta(seconds=30)
#: Such a contradiction is no step, but what steady clocks do.
_DRIFT = timedelta(milliseconds=20)


@dataclass(frozen=True)
class Measurement:
    """What a clock elsewhere said, and when it was asked and had answered by our steady one, in seconds."""

    said: datetime
    asked: float
    answered: float

    @property
    def middle(self) -> float:
        return (self.asked + self.answered) / 2

    @property
    def doubt(self) -> timedelta:
        """How far off it may be, to either side."""
        return timedelta(seconds=(self.answered - self.asked) / 2)

    def at(self, steady: float) -> datetime:
        """What that clock says when ours is at `steady`."""
        return self.said + timedelta(seconds=steady - self.middle)

    def contradicts(self, other: Measurement) -> bool:
        """They cannot both be true of one clock that was left alone."""
        apart = abs(self.at(self.middle) - other.at(self.middle))
        return apart > self.doubt + other.doubt + _DRIFT


@dataclass
class CommonTime:
    """The time of a clock elsewhere. steady: seconds of a clock that nobody can set."""

    steady: Callable[[], float] = monotonic
    _known: list[Measurement] = field(default_factory=list)

    @property
    def is_known(self) -> bool:
        return bool(self._known)

    def now(self) -> datetime:
        """To be asked once something is known."""
        return self._best.at(self.steady())

    def learn(self, measured: Measurement) -> None:
        young = measured.middle - _OLD.total_seconds()
        kept = [one for one in self._known[1 - _KEPT :] if one.middle > young]
        if self._known and measured.contradicts(self._best):
            kept = []
        self._known = [*kept, measured]

    @property
    def _best(self) -> Measurement:
        return min(self._known, key=lambda one: one.doubt)
