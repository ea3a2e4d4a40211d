"""The secret addresses of cities' feeds: which are open, what people decide of them, and who reads them.

Whether an address is open is decided by what it is made of and the key of now: with another key all of
them are other ones, and what was printed before answers like any unknown address.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import sha256

from scheduler.configuration.problems import did_you_mean, listed, quoted
from scheduler.errors import DatabaseAway, SchedulerError
from scheduler.model import times
from scheduler.service.clock import Bell, Clock
from scheduler.service.in_force import InForce
from scheduler.service.links import Links
from scheduler.store import feed_addresses
from scheduler.store.database import Database
from scheduler.store.feed_addresses import Address, Kept

#: What the table has room for.
LONGEST_LABEL = 100
#: How often what was read is written down: a kill loses no more.
_PAUSE = timedelta(minutes=1)


@dataclass(frozen=True)
class FeedAddresses:
    """As the table has them now; a city's first address is open without a row."""

    #: SHA-256 of a path -> slug; a look-up by digest tells nothing of near misses
    open: Mapping[bytes, str]


def digest_of(path: str) -> bytes:
    """SHA-256 of a path as it was asked for, whatever stands in it."""
    return sha256(path.encode("utf-8", "surrogatepass")).digest()


def path_of(address: Address, links: Links) -> str:
    return links.city_feed_path(address.member, address.label, address.generation)


async def read_addresses(database: Database, members: Collection[str], links: Links) -> FeedAddresses:
    """What is open for these members. Who is no longer in the files has no open address."""
    async with database.read() as connection:
        rows = await feed_addresses.read(connection)
    # thousands of cities would keep the event loop busy
    digests = await asyncio.to_thread(_digests, _open(rows, members), links)
    return FeedAddresses({digest: one.member for digest, one in digests.items()})


def _digests(addresses: Iterable[Address], links: Links) -> dict[bytes, Address]:
    return {digest_of(path_of(one, links)): one for one in addresses}


def _open(rows: Sequence[Kept], members: Collection[str]) -> Iterator[Address]:
    """Of each member its first address, while nobody ended it, then those with rows."""
    written = {row.address for row in rows}
    yield from (first for first in map(Address, members) if first not in written)
    wanted = frozenset(members)
    yield from (row.address for row in rows if row.ended_at is None and row.address.member in wanted)


# what people decide


@dataclass(frozen=True)
class Renewed:
    """A new address in place of another one, which is ended."""

    before: Address
    after: Address


async def renew(
    database: Database, links: Links, member: str, label: str, *, by: str, now: datetime
) -> Renewed:
    """Ends an address and opens another one in its place; mails print it from the next one on.

    Raises SchedulerError for a label that the city has no open address of.
    """
    async with database.write() as connection:
        rows = await feed_addresses.hold(connection)
        before = _open_one(rows, member, label)
        after = Address(member, before.label, before.generation + 1)
        await feed_addresses.end(connection, before, _hex(before, links), now)
        await feed_addresses.put(connection, after, _hex(after, links), now, by)
        await feed_addresses.note(connection, "feeds renew", after, by, now)
    return Renewed(before, after)


async def add(
    database: Database, links: Links, member: str, label: str, *, by: str, now: datetime
) -> Address:
    """Opens one more address of a city, for somebody. Raises SchedulerError where there is such a one."""
    async with database.write() as connection:
        rows = await feed_addresses.hold(connection)
        mine = [row for row in rows if row.address.member == member and _is_called(row.address, label)]
        if any(row.ended_at is None for row in mine):
            what = f"{member} has an open address for {quoted(label)}"
            raise SchedulerError(f"{what}; see it with: scheduler feeds list --member {member} --show")
        generation = max((row.address.generation for row in mine), default=-1) + 1
        # the label as it was first written: two that differ in letters only are one
        added = Address(member, mine[0].address.label if mine else label, generation)
        await feed_addresses.put(connection, added, _hex(added, links), now, by)
        await feed_addresses.note(connection, "feeds add", added, by, now)
    return added


async def revoke(
    database: Database, links: Links, member: str, label: str, *, by: str, now: datetime
) -> Address:
    """Ends an address that was added. Raises SchedulerError for a label that the city has none of."""
    async with database.write() as connection:
        ended = _open_one(await feed_addresses.hold(connection), member, label)
        await feed_addresses.end(connection, ended, _hex(ended, links), now)
        await feed_addresses.note(connection, "feeds revoke", ended, by, now)
    return ended


def _open_one(rows: Sequence[Kept], member: str, label: str) -> Address:
    mine = [one for one in _open(rows, [member]) if one.member == member]
    found = [one for one in mine if _is_called(one, label)]
    if found:
        return found[0]
    labels = [one.label for one in mine if one.label]
    otherwise = f"it has {listed(map(quoted, labels))}" if labels else "it has only the one that mails print"
    what = f"{member} has no open address for {quoted(label)}"
    raise SchedulerError(f"{what}; {did_you_mean(label, labels, otherwise)}")


def _is_called(address: Address, label: str) -> bool:
    return address.label.casefold() == label.casefold()


def _hex(address: Address, links: Links) -> str:
    return digest_of(path_of(address, links)).hex()


# what staff see


@dataclass(frozen=True)
class Line:
    """One address for a list."""

    address: Address
    #: None: from the beginning
    since: datetime | None
    by: str
    last_used_on: date | None
    ended_at: datetime | None
    #: it was made with a key that is no longer the key, so nobody can use it as it was printed
    is_void: bool


async def read_lines(database: Database, members: Iterable[str], links: Links | None) -> tuple[Line, ...]:
    """Every address of these members, open and ended ones. links: None where there is no key to compare."""
    async with database.read() as connection:
        rows = await feed_addresses.read(connection)
    kept: dict[str, list[Line]] = defaultdict(list)
    for row in rows:
        kept[row.address.member].append(_line(row, links))
    found = []
    for member in members:
        if all(not line.address.is_first for line in kept[member]):
            found.append(Line(Address(member), None, "", None, None, is_void=False))
        found += kept[member]
    return tuple(found)


def _line(row: Kept, links: Links | None) -> Line:
    is_void = links is not None and row.ended_at is None and row.digest != _hex(row.address, links)
    since = None if row.address.is_first else row.created_at
    return Line(row.address, since, row.created_by, row.last_used_on, row.ended_at, is_void)


def void(rows: Iterable[Kept], links: Links) -> list[Address]:
    """Open addresses that were made with another key: as they were printed they open nothing."""
    return [row.address for row in rows if row.ended_at is None and row.digest != _hex(row.address, links)]


# who reads them


@dataclass
class Readers:
    """Writes down on which day each address was last read: who reads at which hour is nobody's business."""

    database: Database
    clock: Clock
    links: Links
    in_force: Callable[[], Awaitable[InForce | None]]
    #: SHA-256 of open paths that were asked for; whoever serves them adds, here they are taken away
    used: set[bytes]
    bell: Bell = field(init=False)
    #: address -> the day that is written down
    _written: dict[Address, date] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bell = self.clock.bell()

    async def run(self) -> None:
        """For ever, and once more at the end."""
        try:
            while True:
                await self.clock.sleep_until(self.clock.now() + _PAUSE, self.bell)
                await self.write_down()
        finally:
            await self.write_down()

    async def write_down(self) -> None:
        """What is new, at most once a day for each address. While the database is away it is kept."""
        used = frozenset(self.used)
        if not used:
            return
        try:
            if in_force := await self.in_force():
                await self._write(used, in_force)
        except DatabaseAway:
            return
        self.used -= used

    async def _write(self, used: frozenset[bytes], in_force: InForce) -> None:
        now = self.clock.now()
        on = times.local_date(now, in_force.network.zone)
        async with self.database.read() as connection:
            rows = await feed_addresses.read(connection)
        # those too that were ended since: they were open when they were asked for
        known = {*map(Address, in_force.members), *(row.address for row in rows)}
        unwritten = [one for one in known if self._written.get(one) != on]
        digests = await asyncio.to_thread(_digests, unwritten, self.links)
        news = {one: digest.hex() for digest, one in digests.items() if digest in used}
        if news:
            async with self.database.write() as connection:
                await feed_addresses.mark_used(connection, news, on, now)
            self._written |= dict.fromkeys(news, on)
