"""Rests while the mail server is away, so that nobody hammers it and no mail burns its attempts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

#: The first rest, doubled each time up to the longest.
FIRST_REST = timedelta(seconds=5)
LONGEST_REST = timedelta(minutes=5)
#: A wrong password or certificate is not tried more often: accounts get locked (reliability rule S11).
REST_FOR_A_PERSON = timedelta(seconds=30)


@dataclass
class Breaker:
    first_rest: timedelta = FIRST_REST
    #: how often in a row the server was away
    failures: int = 0
    rests_until: datetime | None = None
    #: what the server said, or what kept us from asking it
    said: str = ""
    needs_a_person: bool = False

    def is_open(self, now: datetime) -> bool:
        """Nothing is sent while it is open."""
        return self.rests_until is not None and now < self.rests_until

    @property
    def is_probing(self) -> bool:
        """The next one goes alone, to see whether the server is back."""
        return self.failures > 0

    def trip(self, now: datetime, said: str, *, needs_a_person: bool = False) -> datetime:
        """Opens it, longer each time; gives until when."""
        rest = min(self.first_rest, LONGEST_REST) * 2 ** min(self.failures, 30)
        if needs_a_person:
            rest = max(rest, self.first_rest * (REST_FOR_A_PERSON / FIRST_REST))
        self.failures += 1
        self.said, self.needs_a_person = said, needs_a_person
        self.rests_until = now + min(rest, LONGEST_REST)
        return self.rests_until

    def close(self) -> None:
        """The server answered."""
        self.failures, self.rests_until, self.said, self.needs_a_person = 0, None, "", False
