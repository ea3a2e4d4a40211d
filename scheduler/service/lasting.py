"""What calendars out there hold on to: names of the network that entries stand under, and must keep.

With another domain every living entry would get another UID, and cancellations would name UIDs that nobody
has (calendar rule 22). Another sender would be another organiser of the same UID (rule 27).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from scheduler.errors import SchedulerError
from scheduler.model import times
from scheduler.model.network import Network
from scheduler.model.series import Status
from scheduler.model.told import days_of
from scheduler.service.in_force import InForce
from scheduler.store import tellings
from scheduler.store.database import Connection, Database
from scheduler.store.tellings import Entry


@dataclass(frozen=True)
class Bond:
    """A key of network.yaml that must stay as it is for now: where, why, and what to write."""

    key: tuple[str, ...]
    what: str
    instead: str

    def __str__(self) -> str:
        return f"{'.'.join(self.key)} in network.yaml: {self.what}; {self.instead}"


class NameStands(SchedulerError):
    """A name that calendars hold on to would be another one; nothing was changed."""

    def __init__(self, bond: Bond) -> None:
        super().__init__(f"{bond}. Nothing was changed")


async def find_bond(
    connection: Connection, in_force: InForce, proposal: Network, now: datetime
) -> Bond | None:
    """What of the proposal must not come into force yet; None where nobody was told anything under it."""
    was = in_force.network
    if was.uid_domain != proposal.uid_domain and await tellings.was_told(connection):
        what = f'"{was.uid_domain}" is in force: with another one calendars would show everything twice'
        return Bond(("uid_domain",), what, f"write {was.uid_domain} again")
    if was.sender.address == proposal.sender.address:
        return None
    standing = _stands_until(await tellings.entries(connection), in_force, now)
    if not standing:
        return None
    what = f'"{was.sender.address}" stands as the organiser in calendars {standing}'
    return Bond(("sender", "address"), what, f"write {was.sender.address} again until then")


async def refusal(database: Database, in_force: InForce, proposal: Network, now: datetime) -> Bond | None:
    async with database.read() as connection:
        return await find_bond(connection, in_force, proposal, now)


def _stands_until(entries: tuple[Entry, ...], in_force: InForce, now: datetime) -> str:
    """Gives "until 2020-12-16, the end of first.talks"; empty where all that anybody was told is over."""
    latest: tuple[datetime, str] | None = None
    for entry in entries:
        for end in _ends(entry, in_force):
            if end is None:
                return f"until {entry.occurrence} has a new date and is over"
            if end > now and (latest is None or (end, entry.occurrence) > latest):
                latest = end, entry.occurrence
    if latest is None:
        return ""
    return f"until {times.local_date(latest[0], in_force.network.zone)}, the end of {latest[1]}"


def _ends(entry: Entry, in_force: InForce) -> Iterator[datetime | None]:
    """As its calendar shows it, and as it is now, which is not told yet; None: postponed."""
    occurrence = in_force.occurrences.get(entry.occurrence)
    zone = occurrence.zone if occurrence else in_force.network.zone
    days = days_of(entry.days)
    if entry.ends_at:
        yield entry.ends_at
    elif days and entry.status != Status.POSTPONED:
        yield times.end_of_day(days[1], zone)
    if occurrence and not occurrence.is_cancelled:
        yield None if occurrence.is_postponed else occurrence.last_moment
