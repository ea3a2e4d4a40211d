"""How fast mails may be begun at one mail server. Pure: instants are seconds of a clock that nobody can set.

Two limits, of which the slower holds. One is the setting: never more than so many within any second. The
other is learnt from a server that says "slower" (454, 451 4.7.x, 421 4.7.x): a rest, then four fifths of
what it took. From there the pace grows fast, for that was a guess; when the server says so again, by two per
cent a second, and after a minute without a word fast again.

The same words can be about one message (greylisting says 451 4.7.1). What tells them apart: something was
taken just before, and the message is taken once the pace is slower. So a message that was refused in this
way is tried again without counting, once. If it is refused again it goes up the ladder, as after any other
"later"; and where that was so twice, and others were taken at the same time, such words are believed to be
about single messages for a while.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import inf

#: After a refusal the pace is so much of what it was; where nothing was taken since the last one, less.
_SLOWER, _MUCH_SLOWER = 0.8, 0.5
#: And grows to so much of itself each second: while it is careful, and after that.
_GROWTH, _FAST_GROWTH = 1.02, 1.5
#: Seconds for which it is careful, after it was refused at a pace that it had grown to.
_CAREFUL = 60.0
#: Mails a second: it does not get slower, and above this it is none.
_LEAST, _MOST = 0.2, 1000.0
#: Seconds: how long ago something must have been taken, for a refusal to be about the pace.
_LATELY = 10.0
#: Seconds of rest after a refusal, doubled while nothing is taken; at the most.
_LONGEST_REST = 60.0
#: So often can a refusal turn out to be about one message, before no more is believed, for so many seconds.
_STRIKES, _DEAF = 2, 600.0
#: Seconds that may be made up for, where a sleep was longer than asked for.
_SLACK = 0.05


@dataclass
class Pace:
    #: within any second, at the most; 0: as many as the server takes
    most: int = 0
    #: seconds for which nothing is begun after a refusal; providers count by the second
    rest: float = 1.0
    #: mails a second that a server is believed to take at the least, when it says "slower" for the first time
    least: float = 4.0
    _begun: deque[float] = field(init=False)
    _taken: deque[float] = field(default_factory=lambda: deque(maxlen=int(_MOST)))
    #: mails a second, at `_since`; inf: nobody said "slower"
    _rate: float = inf
    _since: float = 0.0
    _careful: float = 0.0
    _next_at: float = 0.0
    _rests_until: float = 0.0
    #: refusals after which nothing was taken
    _in_vain: int = 0
    #: messages that were refused once
    _slowed: set[int] = field(default_factory=set)
    #: messages that were refused although the pace was slower, since one was taken
    _refused_twice: int = 0
    _strikes: int = 0
    _deaf_until: float = -inf

    def __post_init__(self) -> None:
        self._begun = deque(maxlen=self.most)

    @property
    def is_free(self) -> bool:
        return self._rate == inf and not self.most

    def wait(self, now: float) -> float:
        """Seconds until the next may begin; 0: now."""
        wait = self._begun[0] + 1 - now if self.most and len(self._begun) == self.most else 0.0
        if self._rate < inf:
            if self._rate_at(now) > _MOST:
                self._rate = inf
            wait = max(wait, self._next_at - now, self._rests_until - now)
        return max(wait, 0.0)

    def begin(self, now: float) -> None:
        """One begins; nothing waits any more."""
        if self.most:
            self._begun.append(now)
        if self._rate < inf:
            self._next_at = max(self._next_at, now - _SLACK) + 1 / self._rate_at(now)

    def took(self, number: int, now: float) -> None:
        """The server took a message."""
        self._taken.append(now)
        self._in_vain = 0
        if self._refused_twice == 1:  # this one, and no other: it was about the message
            self._strike(now)
        self._refused_twice = 0
        if number in self._slowed:
            self._slowed.discard(number)
            self._strikes = 0

    def refused(self, number: int, now: float) -> bool:
        """The server said to a message what may mean "slower". True: it does, so the message is tried again
        as if nothing had been; False: it is about this message, or nobody knows."""
        if number in self._slowed:
            self._slowed.discard(number)
            self._refused_twice += 1
            self._slow_down(now)
            return False
        if now < self._deaf_until:
            return False
        if not self._taken or now - self._taken[-1] > _LATELY:
            if self._rate < inf:
                self._slow_down(now)  # a longer rest than before, for it was in vain
            return False
        self._slowed.add(number)
        self._slow_down(now)
        return True

    def forget(self) -> None:
        """Which messages were refused: they come anew, if they come."""
        self._slowed.clear()

    def _slow_down(self, now: float) -> None:
        if now < self._rests_until:
            return  # it was on its way when the last one was refused
        if self._rate == inf:
            self._rate = _SLOWER * max(self.least, sum(one > now - 1 for one in self._taken))
            self._careful = 0.0
        else:
            self._rate = self._rate_at(now) * (_MUCH_SLOWER if self._in_vain else _SLOWER)
            self._careful = _CAREFUL
        self._rate = max(self._rate, _LEAST)
        rest = min(self.rest * 2**self._in_vain, _LONGEST_REST)
        self._rests_until = self._since = now + rest
        self._in_vain += 1

    def _strike(self, now: float) -> None:
        self._strikes += 1
        self._careful = 0.0
        if self._strikes >= _STRIKES:
            self._strikes, self._deaf_until, self._rate = 0, now + _DEAF, inf

    def _rate_at(self, now: float) -> float:
        # how far beyond `_MOST` is of no matter, and after a long night it would be no number any more
        seconds = min(max(now - self._since, 0.0), 600.0)
        careful = min(seconds, self._careful)
        return float(self._rate * _GROWTH**careful * _FAST_GROWTH ** (seconds - careful))
