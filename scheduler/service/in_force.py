"""What is in force, as engine, deliverers and feeds read it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from scheduler.configuration import normal
from scheduler.errors import NothingInForce
from scheduler.ical.events import Revision
from scheduler.model import changes, times
from scheduler.model.cases import heads
from scheduler.model.clocks import ClockChange, find_change
from scheduler.model.cycles import Cycle
from scheduler.model.members import Member
from scheduler.model.moments import Since
from scheduler.model.network import Configuration, Network
from scheduler.model.programme import Occurrence, occurrences_of, sessions_for
from scheduler.model.series import Series
from scheduler.model.slots import Group, group_members
from scheduler.store import book, cases, clocks, configurations, ledger
from scheduler.store.book import ContactRow
from scheduler.store.database import Connection


@dataclass(frozen=True)
class InForce:
    """One configuration with all that was written down when it came into force."""

    id: int
    hash: str
    configuration: Configuration
    since: Since
    revisions: Mapping[str, Revision]
    #: slug -> row id
    member_ids: Mapping[str, int]
    #: the release of the tz database that it came into force with, and what the last releases moved, by the
    #: name of their mails
    tzdata: str = ""
    clock_changes: Mapping[str, ClockChange] = field(default_factory=dict)
    #: by the tz database of this program some clocks go otherwise than they did when it came into force
    clocks_disagree: bool = False
    #: contacts that have their mailbox in common with others: what goes into its calendar grows for all
    sharing: tuple[ContactRow, ...] = ()
    #: (cycle, slug) -> SEQUENCE of the deadline of its case, where it is not 0, and when it was moved
    case_revisions: Mapping[tuple[str, str], tuple[int, datetime | None]] = field(default_factory=dict)
    #: cycles that have cases; of another one all have the SEQUENCE of the round
    known_rounds: frozenset[str] = frozenset()
    _sessions: dict[tuple[str, str], tuple[Occurrence, ...]] = field(default_factory=dict)
    _leaders: dict[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)

    @property
    def network(self) -> Network:
        return self.configuration.network

    def work_out(self) -> None:
        """What is the same for all who ask, before anybody does: among many members it takes long enough to
        stall an event loop."""
        _ = self.members, self.series, self.occurrences, self.likeness, self._ids
        for cycle in self.cycles:
            self.leaders(cycle)

    def ids_of(self, group: Group) -> tuple[int, ...]:
        """Row ids of its members; known beforehand of a group of its own."""
        known = self._ids.get(id(group))
        return self._ids_in(group) if known is None else known

    @cached_property
    def _ids(self) -> Mapping[int, tuple[int, ...]]:
        """By the identity of a group: to compare them would take as long as to look the ids up."""
        return {id(group): self._ids_in(group) for group in self.groups}

    def _ids_in(self, group: Group) -> tuple[int, ...]:
        return tuple(self.member_ids[member.slug] for member in group.members)

    def held(self, now: datetime) -> tuple[str, ...]:
        """What vanished from the files and waits for a person, while it is not over."""
        held = (self.occurrences[name] for name in self._held)
        return tuple(o.id for o in held if o.ends_at is None or o.ends_at > now)

    @cached_property
    def _held(self) -> tuple[str, ...]:
        return tuple(changes.held(self.configuration))

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        return group_members(self.configuration)

    @cached_property
    def members(self) -> Mapping[str, Member]:
        return {member.slug: member for member in self.configuration.members}

    @cached_property
    def occurrences(self) -> Mapping[str, Occurrence]:
        """Sessions and deadlines by id."""
        parts = self.configuration.parts
        return {occurrence.id: occurrence for part in parts for occurrence in occurrences_of(part)}

    @cached_property
    def series(self) -> Mapping[str, Series]:
        return {series.id: series for series in self.configuration.series}

    @cached_property
    def cycles(self) -> Mapping[str, Cycle]:
        return {cycle.id: cycle for cycle in self.configuration.cycles}

    def leaders(self, cycle: str) -> Mapping[str, tuple[str, ...]]:
        """Of the cities of each national coordinator the one on whose clock digests go out -> all of them."""
        if cycle not in self._leaders:
            self._leaders[cycle] = heads(self.cycles[cycle], self.configuration.members)
        return self._leaders[cycle]

    def revision_of(self, occurrence: Occurrence, member: Member) -> Revision:
        """Of a deadline that of its own case; an edit of the round's words changes its date, too."""
        revision = self.revisions[occurrence.id]
        if not isinstance(occurrence.of, Cycle) or occurrence.id not in self.known_rounds:
            return revision
        sequence, moved_at = self.case_revisions.get((occurrence.id, member.slug), (0, None))
        return Revision(sequence, max(moved_at or revision.changed_at, revision.changed_at))

    def sessions_of(self, series: Series, member: Member) -> tuple[Occurrence, ...]:
        """The sessions a member is invited to; worked out once for all that are alike."""
        key = (series.id, self.likeness[member.slug])
        if key not in self._sessions:
            self._sessions[key] = sessions_for(series, member, self.network)
        return self._sessions[key]

    @cached_property
    def likeness(self) -> Mapping[str, str]:
        """Slug of a member -> slug of the one that stands for all that hear of the same."""
        return {member.slug: group.like.slug for group in self.groups for member in group.members}


async def read_in_force(connection: Connection) -> InForce:
    """Raises NothingInForce before the first configuration."""
    applied = await configurations.latest(connection)
    if applied is None:
        raise NothingInForce(NothingInForce.__doc__)
    rows = await ledger.read_revisions(connection)
    since = Since(
        applied.applied_at,
        {name: row.significant_at for name, row in rows.items()},
        await ledger.read_rules(connection),
        {name: row.created_at for name, row in rows.items()},
        {name: row.started_at for name, row in rows.items() if row.started_at},
    )
    revisions = {name: Revision(row.sequence, row.changed_at) for name, row in rows.items()}
    configuration = await asyncio.to_thread(normal.from_text, applied.content)
    return InForce(
        applied.id,
        applied.hash,
        configuration,
        since,
        revisions,
        await book.member_ids(connection),
        applied.tzdata,
        await clocks.recent(connection),
        await _clocks_disagree(connection, applied, configuration),
        await book.sharing(connection),
        await cases.revised(connection) if configuration.cycles else {},
        await cases.rounds(connection) if configuration.cycles else frozenset(),
    )


async def _clocks_disagree(
    connection: Connection, applied: configurations.Applied, configuration: Configuration
) -> bool:
    if applied.tzdata == times.tzdata_version():
        return False
    known = await clocks.kept(connection, applied.tzdata)
    if known is None:
        return True
    change = await asyncio.to_thread(find_change, configuration, known, known.since)
    return bool(change.moved or change.zones)


@dataclass
class Memory:
    """Remembers what is in force until another configuration is; asks the table each time."""

    _known: InForce | None = None
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def known(self) -> InForce | None:
        """What was in force at the last look."""
        return self._known

    async def current(self, connection: Connection) -> InForce:
        async with self._reading:
            latest = await configurations.latest_id(connection)
            if self._known is None or self._known.id != latest:
                known = await read_in_force(connection)
                await asyncio.to_thread(known.work_out)
                self._known = known
            return self._known
