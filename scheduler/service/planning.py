"""What the files would change, and what would go out then: drawn up from them and from what is in force."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property

from scheduler.configuration import normal
from scheduler.model import changes, times
from scheduler.model.answers import AnswerCount
from scheduler.model.cases import Case, Learnt, Move, advance, settle, terms_of
from scheduler.model.cycles import Cycle
from scheduler.model.difference import Change, Difference, compare
from scheduler.model.local_hours import Night, Surprise, nights, surprises
from scheduler.model.members import Contact
from scheduler.model.moments import Since
from scheduler.model.network import Configuration, Network
from scheduler.model.notices import Kind
from scheduler.model.plan import NOTHING_TOLD, Mailing, Tally, plan_mailings, tally
from scheduler.model.programme import Occurrence, Window, build_programme, only
from scheduler.model.roll import Roll
from scheduler.model.slots import Crowd, Group, group_members
from scheduler.model.told import Tellings
from scheduler.service.erased import NOBODY_ERASED, Erased, read_erased
from scheduler.service.in_force import read_in_force
from scheduler.service.lasting import find_bond
from scheduler.store import cases, clocks, configurations, counts, holds, installation, ledger
from scheduler.store.clocks import Found
from scheduler.store.configurations import Applied
from scheduler.store.database import Database
from scheduler.store.holds import Hold
from scheduler.store.tellings import read_tellings


# no repr: asyncio makes one of each result of `run`, and these would be megabytes
@dataclass(frozen=True, repr=False)
class Ground:
    """What a plan stands on: what is in force, and what was told. Empty before the first `apply`."""

    applied: Applied | None = None
    configuration: Configuration | None = None
    since: Since | None = None
    told: Tellings = NOTHING_TOLD
    settled_until: datetime | None = None
    #: what people hold back
    holds: tuple[Hold, ...] = ()
    #: mails that are written already and on their way; they are no part of a plan
    waiting: int = 0
    #: False in a copy of a database, until somebody claims it
    may_send: bool = True
    #: what a new tz database moved, while nobody has decided on it
    clocks: Found | None = None
    #: why the files cannot come into force; empty where they can
    refused: str = ""
    #: who does not come back from the files
    erased: Erased = NOBODY_ERASED
    #: all cases as they are, by cycle and slug
    cases: Mapping[tuple[str, str], Case] = field(default_factory=dict)


@dataclass(frozen=True, repr=False)
class Plan:
    """What changes, and all that would go out in `window` if it came into force at its beginning."""

    #: names the files and what they would replace; empty for a plan of the files alone
    hash: str
    ground: Ground
    #: as it would be in force: what vanished from the files is still in it, held
    configuration: Configuration
    difference: Difference
    #: to apply it would not even change what nobody sees
    is_in_force: bool
    window: Window
    groups: Sequence[Group]
    #: in order of time
    mailings: Sequence[Mailing]
    #: what would become of cases that are known, and of new ones in rounds that are
    cases: Sequence[Move] = ()
    #: where only some series and cycles are shown: how much else would change
    elsewhere: int | None = None

    @cached_property
    def roll(self) -> Roll:
        return Roll(self.configuration)

    @cached_property
    def ahead(self) -> tuple[Occurrence, ...]:
        """Sessions that begin in the window, in order of time."""
        programme = build_programme(self.configuration, self.window)
        return tuple(occurrence for occurrence in programme if occurrence.session)

    @cached_property
    def answers(self) -> Mapping[str, AnswerCount]:
        """Session that begins in the window -> what was answered, where anybody did."""
        counts = ((occurrence.id, self.ground.told.count_answers(occurrence)) for occurrence in self.ahead)
        return {name: count for name, count in counts if count}

    @cached_property
    def ended(self) -> int:
        """Contacts' addresses that get no mails about webinars any more."""
        return len({c.address.lower() for group in self.groups for c in _who_ended(group, self.ground.told)})

    def is_past(self, change: Change) -> bool:
        """It was over, and is, when the plan comes into force."""
        states = (state for state in (change.before, change.occurrence) if state)
        return all(_is_over(state, self.window.start) for state in states)

    def nights(self) -> list[Night]:
        return list(nights(self.ahead, self.roll))

    def surprises(self) -> list[Surprise]:
        return list(surprises(self.ahead, self.roll, self.configuration.network.zone))

    @cached_property
    def kinds(self) -> Mapping[Kind, Tally]:
        """All mailings in numbers."""
        return _by_kind(self.mailings)

    def kinds_of(self, occurrence: str) -> Mapping[Kind, Tally]:
        return _by_kind(self.of(occurrence))

    def of(self, occurrence: str) -> Sequence[Mailing]:
        return self._by_occurrence.get(occurrence, [])

    def mails_to(self, slug: str) -> int:
        """How many one member gets."""
        parts: dict[Crowd, bool] = {}
        mails = 0
        for mailing in self.mailings:
            for crowd, positions in mailing.to:
                if crowd not in parts:
                    parts[crowd] = any(member.slug == slug for member in crowd.members)
                mails += len(positions) if parts[crowd] else 0
        return mails

    def by_day(self) -> Mapping[date, Counter[Kind]]:
        """Mails of each kind, by the day in Hamburg."""
        zone, days = self.configuration.network.zone, dict[date, Counter[Kind]]()
        for mailing in self.mailings:
            day = days.setdefault(times.local_date(mailing.due_at, zone), Counter())
            day[mailing.rule.kind] += mailing.mails
        return days

    @cached_property
    def _by_occurrence(self) -> Mapping[str, list[Mailing]]:
        found: dict[str, list[Mailing]] = {}
        for mailing in self.mailings:
            found.setdefault(mailing.occurrence.id, []).append(mailing)
        return found


def _is_over(occurrence: Occurrence, now: datetime) -> bool:
    """Of a round when nobody has time left any more."""
    part = occurrence.of
    return part.last_instant <= now if isinstance(part, Cycle) else occurrence.is_over(now)


def _who_ended(group: Group, told: Tellings) -> Iterator[Contact]:
    if not told.ended:
        return iter(())
    return (contact for member in group.members for contact in member.contacts if told.has_ended(contact))


def _by_kind(mailings: Sequence[Mailing]) -> dict[Kind, Tally]:
    kinds = {mailing.rule.kind for mailing in mailings}
    return {kind: tally(m for m in mailings if m.rule.kind is kind) for kind in Kind if kind in kinds}


async def read_ground(
    database: Database, now: datetime, proposal: Network | None = None, key: bytes | None = None
) -> Ground:
    """proposal: the network of the files, to see whether it may come into force; key: the installation's.

    Raises KeyNeeded where somebody was erased, and it cannot be told who without it.
    """
    async with database.read() as connection:
        erased = await read_erased(connection, key)
        applied = await configurations.latest(connection)
        if applied is None:
            return Ground(erased=erased)
        in_force = await read_in_force(connection)
        told = await read_tellings(connection, now)
        settled_until = await ledger.settled_until(connection)
        held = await holds.read(connection)
        waiting = await counts.count_unsent(connection)
        may_send = await installation.may_send(connection)
        found = await clocks.waiting(connection)
        bond = await find_bond(connection, in_force, proposal, now) if proposal else None
        known = await cases.by_place(connection)
    return Ground(
        applied,
        in_force.configuration,
        in_force.since,
        told,
        settled_until,
        held,
        waiting,
        may_send,
        found,
        str(bond or ""),
        erased,
        known,
    )


def draw_up(
    proposal: Configuration,
    ground: Ground,
    *,
    now: datetime,
    until: datetime,
    members: Collection[str] = (),
) -> Plan:
    """The plan if the proposal came into force now. members: slugs, where not all of them are looked at."""
    applied_at = max(now, ground.settled_until or now)
    proposal = ground.erased.without(proposal)
    after, since = proposal, Since(applied_at)
    if ground.configuration and ground.since:
        after = changes.carry_over(ground.configuration, proposal, now)
        after = Learnt.of(ground.cases.values(), after, now).applied_to(after)
        since = changes.since_if_applied(ground.since, ground.configuration, after, applied_at)
    window = Window(applied_at, until)
    groups = group_members(after)
    if members:
        groups = tuple(Group((member,)) for member in after.members if member.slug in members)
    mailings = sorted(
        plan_mailings(after, groups, window, since, ground.told),
        key=lambda mailing: (mailing.due_at, mailing.occurrence.id, mailing.rule.id),
    )
    replaces = ground.applied.hash if ground.applied else None
    hash_of_files = normal.hash_of(normal.to_text(after))
    return Plan(
        hash=plan_hash(replaces, hash_of_files),
        ground=ground,
        configuration=after,
        difference=compare(ground.configuration, after),
        is_in_force=hash_of_files == replaces,
        window=window,
        groups=groups,
        mailings=mailings,
        cases=tuple(_moves(ground, after, applied_at)),
    )


def _moves(ground: Ground, after: Configuration, now: datetime) -> Iterator[Move]:
    """Of a round that is new all cases are: that is said by its numbers."""
    known = {cycle for cycle, _ in ground.cases}
    as_they_are = {place: advance(case, now) for place, case in ground.cases.items()}
    moves = settle(as_they_are, terms_of(after), now) if known else ()
    return (move for move in moves if move.after.cycle in known)


def of_parts(plan: Plan, parts: Collection[str]) -> Plan:
    """The same, with only what concerns these series and cycles; all of it where none is named."""
    if not parts:
        return plan
    difference = Difference(
        tuple(change for change in plan.difference.changes if change.occurrence.of.id in parts),
        tuple(change for change in plan.difference.rules if change.part in parts),
        parts=tuple(pair for pair in plan.difference.parts if pair[0] in parts),
    )
    mailings = [mailing for mailing in plan.mailings if mailing.occurrence.of.id in parts]
    configuration = only(plan.configuration, parts)
    return replace(
        plan,
        configuration=configuration,
        difference=difference,
        mailings=mailings,
        cases=[move for move in plan.cases if move.after.cycle in parts],
        elsewhere=len(plan.difference) - len(difference),
    )


def plan_hash(replaces: str | None, hash_of_files: str) -> str:
    """A short name for one change: these files, in place of what was in force when they were compared."""
    return hashlib.sha256(f"{replaces or ''}>{hash_of_files}".encode()).hexdigest()[:12]
