"""How much of this service strangers may take up: octets, seconds, connections (B17 of the threat model)."""

from __future__ import annotations

import resource
from dataclasses import dataclass

#: Descriptors that HTTP never takes: the database, the mail server, files that are read and what the
#: interpreter has open are some 30 at rest, and up to 50 connections to the mail server (H01).
_KEPT_BACK = 128


@dataclass(frozen=True)
class Limits:
    """What ends a connection; tests shorten it."""

    #: octets of a head; browsers and calendar programs send one or two thousand
    head: int = 32 * 1024
    #: octets of a body: the largest form that is ours has a few hundred
    body: int = 64 * 1024
    #: seconds until a request that was begun is there with its body, however it trickles; and until a new
    #: connection says anything
    patience: float = 10.0
    #: seconds for which a client may read nothing of what it asked for
    reading: float = 60.0
    #: seconds between an answer and the next request
    idle: int = 15
    #: seconds for which the rest of a refused request is read and forgotten
    linger: float = 2.0
    #: open at once; a thousand calendars that ask in the same minute are usual
    connections: int = 2000

    @property
    def look(self) -> float:
        """Seconds from one look at all connections to the next."""
        return min(self.patience, self.reading, self.linger) / 2

    def room(self, descriptors: int) -> int:
        """How many connections there may be where the process may open so many files; below 0: no limit."""
        if descriptors < 0:
            return self.connections
        return min(self.connections, max(descriptors - _KEPT_BACK, descriptors // 2))


def descriptors() -> int:
    """How many files this process may have open; below 0: as many as it likes."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
