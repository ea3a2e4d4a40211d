"""Who asks again and again for secret addresses that are none, and for how long it is put off (B2, H05).

Only wrong addresses count, and only they are put off: a city behind one address of the network, or a proxy in
front of all, has calendars that are right and go on being served. So it does no harm that who is behind a
proxy is not told apart, and no header that a client could write is believed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address

#: Wrong addresses that are answered as usual; programs that have kept an ended one ask a few times an hour.
FREE = 60
#: After so long one more is.
REGAINED = timedelta(seconds=10)
#: Clients that are remembered: the one that was wrong longest ago goes first.
MOST_CLIENTS = 10_000


@dataclass
class Guesses:
    free: int = FREE
    regained: timedelta = REGAINED
    most: int = MOST_CLIENTS
    #: client -> when all its wrong addresses are forgotten, the latest last
    _forgotten_at: dict[str, datetime] = field(default_factory=dict)

    def wait(self, host: str, now: datetime) -> int:
        """Counts a wrong address. Seconds after which one is answered as usual again; 0: this one is.

        host: where it came from, as the connection says; empty where that is not known. now: aware UTC.
        """
        client = _client(host)
        forgotten_at = self._forgotten_at.pop(client, now)
        room = self.free * self.regained
        forgotten_at = min(max(forgotten_at, now), now + room)  # no longer than that, if the clock was set
        too_many = forgotten_at + self.regained - (now + room)
        if too_many <= timedelta(0):
            forgotten_at += self.regained
        self._forgotten_at[client] = forgotten_at
        if len(self._forgotten_at) > self.most:
            del self._forgotten_at[next(iter(self._forgotten_at))]
        return max(0, math.ceil(too_many.total_seconds()))

    def __len__(self) -> int:
        return len(self._forgotten_at)


def _client(host: str) -> str:
    """One of the new kind has a whole network of addresses for itself."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return host
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return f"{address.exploded[:19]}::/64"
