"""What a service does not send before a person has looked at it: DESIGN, section 5, its last paragraph.

A database that belongs to another installation; what an outage of more than a day has made late; more mails
within an hour than the network ever needs. A rehearsal has none of these fences.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler import logs
from scheduler.languages import language
from scheduler.model.network import Network
from scheduler.store import holds, installation, ledger, outflow
from scheduler.store.database import Connection
from scheduler.store.holds import BUT_REMINDERS, SERVICE, Hold
from scheduler.store.identity import Identity

_log = logs.get("fences")


@dataclass(frozen=True)
class Fences:
    """The fences of one process."""

    #: the installation that it is; None: whichever the database belongs to
    here: Identity | None = None
    #: after an outage of so long a person is asked; None: nobody is
    amnesty: timedelta | None = None
    #: a person is asked when too many leave within an hour
    has_limit: bool = False

    async def may_send(self, connection: Connection) -> bool:
        return await installation.may_send(connection, self.here)

    async def allowance(self, connection: Connection, limit: int, wanted: int, now: datetime) -> int:
        """How many mails may be claimed now, of those that are wanted; in the transaction of the claim.

        None before the engine has looked, after an outage: what it finds is to be held first.
        limit: the most within an hour.
        """
        if await self._outage(connection, now):
            return 0
        return await outflow.allowance(connection, limit, wanted, now) if self.has_limit else wanted

    async def tick(self, connection: Connection, network: Network, now: datetime) -> None:
        """The engine looks; in its transaction, before it writes what fell due.

        Of several replicas the first one finds an outage. A pause of the machine is one, too.
        """
        if self.here:
            await installation.adopt(connection, self.here)
        down_since = await self._outage(connection, now)
        if down_since:
            why = f"the service did not run from {_at_home(down_since, network)} to {_at_home(now, network)}"
            await holds.put(connection, Hold(BUT_REMINDERS, now, SERVICE, why))
            _log.warning("a person is asked what to send after an outage", action="hold", why=why)
        await ledger.tick(connection, now)

    async def leave(self, connection: Connection, now: datetime) -> None:
        """The service stops: it has looked until now, unless it never did, or an outage waits to be found."""
        ticked_at = await ledger.ticked_at(connection)
        if ticked_at and await self.may_send(connection) and not await self._outage(connection, now):
            await ledger.tick(connection, now)

    async def _outage(self, connection: Connection, now: datetime) -> datetime | None:
        """When it began; None where it is not, or where no service ever ran: there is nothing to be late."""
        ticked_at = await ledger.ticked_at(connection)
        if self.amnesty is None or ticked_at is None or now - ticked_at <= self.amnesty:
            return None
        return ticked_at


def _at_home(instant: datetime, network: Network) -> str:
    """Gives "Sunday 22 November 2026, 14:05 Hamburg time (CET, UTC+1)"."""
    words = language("en")
    return f"{words.span(instant, None, network.zone)} {words.home_clock(instant, network)}"
