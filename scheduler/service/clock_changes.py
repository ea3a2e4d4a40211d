"""What a new release of the tz database moves: found at its first use, told when a person lets it (US-16).

A session whose hour is written on a clock that changed keeps that hour, and begins at another instant: it is
held, and after the release everybody invited gets one update. Where the session stands and a city's clock
changed, the city gets one mail with all the new hours.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from scheduler.errors import ConfigurationMoved, OlderClocks, SchedulerError
from scheduler.languages import language
from scheduler.model import times
from scheduler.model.clocks import ClockChange, Clocks, Span, clocks_of, find_change, name_of
from scheduler.model.cycles import Cycle, Duty
from scheduler.model.members import Member, Standing
from scheduler.model.notices import NEAR, Kind
from scheduler.model.programme import Occurrence
from scheduler.service.in_force import InForce, read_in_force
from scheduler.store import clocks, configurations, duties, holds, ledger
from scheduler.store.clocks import Found
from scheduler.store.database import Connection, Database
from scheduler.store.holds import Hold

#: Who holds and decides in the journal where the service does it by itself: "tzdata 2026f".
_ACTOR = "tzdata "
#: Stands in the place of a rule in the notice key.
_RULE = "clocks"
_STANDS_ASIDE = (
    "clocks go otherwise by it, so it sends nothing and its feeds stay as they are: update it, or go back to "
    "its clocks with: scheduler apply --older-clocks"
)
#: The rules whose readers must hear that a city's hours are others: of sessions, of rounds.
_TOLD_LIKE = frozenset({Kind.CHANGED, Kind.REPORT_OPENED})


def actor(release: str) -> str:
    return _ACTOR + release


def disagreement(in_force: InForce) -> str:
    """For ops: after a rollback, in a replica of an older version, or until a newer one was met. Empty
    where this program may be trusted with what is in force, and will be."""
    running, release = times.tzdata_version(), in_force.tzdata
    said = f"this program has tz database {running}, and what is in force was computed with {release}"
    if running < release:
        return f"{said}; {_STANDS_ASIDE}" if in_force.clocks_disagree else said
    if in_force.clocks_disagree:
        return f"{said}; nothing is sent until the service has met its clocks, or after: scheduler apply"
    return ""


def refuse_older(in_force: InForce) -> None:
    """Raises OlderClocks: hours must not go to and fro because somebody types a command in an old image."""
    running, release = times.tzdata_version(), in_force.tzdata
    if running < release and in_force.clocks_disagree:
        raise OlderClocks(
            f"this program has tz database {running}, and what is in force was computed with the newer "
            f"{release}, by which some hours are others: nothing was changed; use the newer program, "
            "or go back to these clocks with: scheduler apply --older-clocks"
        )


def is_of_clocks(hold: Hold) -> bool:
    """The service held it, because its instant moved."""
    return hold.held_by.startswith(_ACTOR)


# finding it


async def find(database: Database, in_force: InForce, now: datetime) -> ClockChange | None:
    """What is not where it was when it came into force; None where the tz database is still the same.

    What waits for a person already is found again, if it still moves: people were told nothing of it yet.
    """
    if in_force.tzdata == times.tzdata_version():
        return None
    async with database.read() as connection:
        known = await clocks.kept(connection, in_force.tzdata)
        waits = await clocks.waiting(connection)
        rows = await ledger.read_revisions(connection) if known is None else {}
    if known is None:
        return ClockChange(moved=dict(_by_ledger(in_force, {n: r.starts_at for n, r in rows.items()}, now)))
    if waits:
        known = known.as_before(waits.change)
    return await asyncio.to_thread(_compared, in_force, known, now)


def _compared(in_force: InForce, known: Clocks, now: datetime) -> ClockChange:
    change = find_change(in_force.configuration, known, now)
    return replace(change, cities=sum(1 for _ in _moved_for(in_force, change, now)))


def _by_ledger(
    in_force: InForce, starts: Mapping[str, datetime | None], now: datetime
) -> Iterator[tuple[str, Span]]:
    """What begins at another instant than was written down, where no clocks were kept to compare with."""
    for occurrence in in_force.occurrences.values():
        began, begins, ends = starts.get(occurrence.id), occurrence.starts_at, occurrence.ends_at
        if occurrence.is_cancelled or occurrence.is_over(now) or not (began and begins and ends):
            continue
        if began != begins:
            yield occurrence.id, (began, began + (ends - begins))


async def write_down(connection: Connection, in_force: InForce, change: ClockChange, now: datetime) -> None:
    """Holds what moved, and lets the rest wait for a person; in the transaction that puts it in force.

    in_force: what was in force, with the instants that the present tz database gives it.
    """
    release = times.tzdata_version()
    waits = await clocks.waiting(connection)
    for name, span in change.moved.items():
        why = _why_held(in_force.occurrences[name], span, in_force)
        hold = Hold(name, now, actor(release), why)
        known = await holds.put(connection, hold)
        if known and is_of_clocks(known):
            await holds.replace(connection, hold)
    if waits:
        back = waits.change.moved.keys() - change.moved.keys()
        for hold in await holds.read(connection):
            if is_of_clocks(hold) and hold.subject in back:
                await holds.lift(connection, hold, actor(release), now)
        await clocks.decide(connection, waits, clocks.REPLACED, actor(release), now)
    if change.moved or change.cities:
        await clocks.add(connection, waits.before if waits else in_force.tzdata, release, change, now)
    said = f"after {in_force.tzdata}: {len(change.moved)} moved, {change.cities} cities read another hour"
    await ledger.note(connection, now, actor(release), _RULE, name_of(release), said)


def _why_held(occurrence: Occurrence, before: Span, in_force: InForce) -> str:
    words, network = language("en"), in_force.network
    assert occurrence.starts_at is not None  # noqa: S101 - what moved has a time
    hours = (words.span(at, None, network.zone) for at in (before[0], occurrence.starts_at))
    clock = words.home_clock(occurrence.starts_at, network)
    return f"the rules of the clock in {occurrence.zone} changed: {' -> '.join(hours)} {clock}"


async def keep_clocks(database: Database, now: datetime) -> None:
    """For a database that came into force before clocks were kept."""
    async with database.read() as connection:
        applied = await configurations.latest(connection)
        if applied is None or applied.tzdata != times.tzdata_version():
            return
        if await clocks.is_kept(connection, applied.tzdata):
            return
        in_force = await read_in_force(connection)
    known = clocks_of(in_force.configuration, now)
    async with database.write() as connection:
        await clocks.keep(connection, in_force.tzdata, known, now)


# whom it concerns


def hours_moved(
    in_force: InForce, change: ClockChange, member: Member, now: datetime
) -> tuple[Occurrence, ...]:
    """The sessions ahead that a member is invited to, and the deadlines it must meet, that have another
    hour there than was believed; in order of time."""
    if member.zone not in change.zones:
        return ()
    everything = _concerning(in_force, member)
    ahead = (o for o in everything if not o.is_off and (_counts_at(o) or now) > now)
    return tuple(sorted(change.hours_moved(ahead, member.zone), key=lambda o: (_counts_at(o) or now, o.id)))


def _concerning(in_force: InForce, member: Member) -> Iterator[Occurrence]:
    for part in in_force.configuration.parts:
        if isinstance(part, Cycle):
            if part.duty(member) is Duty.DUE:
                yield in_force.occurrences[part.id].for_member(member)
        else:
            yield from in_force.sessions_of(part, member)


def _counts_at(occurrence: Occurrence) -> datetime | None:
    """The instant whose hour people go by: a session's beginning, a deadline's end."""
    return occurrence.ends_at if occurrence.session is None else occurrence.starts_at


def _moved_for(
    in_force: InForce, change: ClockChange, now: datetime
) -> Iterator[tuple[Member, tuple[Occurrence, ...]]]:
    """Every member of today that reads another hour, with what it reads it of."""
    today = times.local_date(now, in_force.network.zone)
    for member in in_force.configuration.members:
        if member.zone in change.zones and member.standing(today) is Standing.MEMBER:
            occurrences = hours_moved(in_force, change, member, now)
            if occurrences:
                yield member, occurrences


# what people look at


@dataclass(frozen=True)
class Moved:
    """A session or deadline that lies at another instant."""

    occurrence: Occurrence
    before: Span
    #: how many members are invited, or must report
    cities: int


@dataclass(frozen=True)
class Hours:
    """Members that read the same sessions at another hour by the same difference."""

    members: tuple[Member, ...]
    occurrences: tuple[Occurrence, ...]
    #: what was believed, and what is so now: from UTC, of each occurrence
    offsets: tuple[tuple[timedelta, timedelta], ...]


@dataclass(frozen=True)
class Report:
    """What the clocks did, as far as a person has not decided on it."""

    #: the release of this program, and the one that what is in force was computed with
    running: str
    in_force: str
    found: Found | None
    moved: tuple[Moved, ...]
    hours: tuple[Hours, ...]
    #: held by the service, because of a clock
    held: tuple[Hold, ...]

    @property
    def waits(self) -> bool:
        """For a person: to decide, or to bring this program and what is in force together."""
        return bool(self.found or self.held or self.running != self.in_force)

    @property
    def is_older(self) -> bool:
        """This program must not be trusted with what is in force: it was computed with a newer release."""
        return self.running < self.in_force


async def read_report(database: Database, in_force: InForce, now: datetime) -> Report:
    async with database.read() as connection:
        found = await clocks.waiting(connection)
        held = tuple(hold for hold in await holds.read(connection) if is_of_clocks(hold))
    change = found.change if found else ClockChange()
    return Report(
        times.tzdata_version(),
        in_force.tzdata,
        found,
        tuple(_moved(in_force, change)),
        tuple(_hours(in_force, change, now)),
        held,
    )


def _moved(in_force: InForce, change: ClockChange) -> Iterator[Moved]:
    for name, before in sorted(change.moved.items(), key=lambda item: item[1]):
        occurrence = in_force.occurrences.get(name)
        if occurrence and occurrence.starts_at:
            members = in_force.configuration.members
            cities = sum(occurrence in _concerning(in_force, member) for member in members)
            yield Moved(occurrence, before, cities)


def _hours(in_force: InForce, change: ClockChange, now: datetime) -> list[Hours]:
    """The largest groups first."""
    alike: dict[Hashable, Hours] = {}
    for member, occurrences in _moved_for(in_force, change, now):
        offsets = tuple(_offsets(o, change, member.zone) for o in occurrences)
        shifts = tuple(today - before for before, today in offsets)
        key = (shifts, *(occurrence.id for occurrence in occurrences))
        hours = alike.get(key, Hours((), occurrences, offsets))
        alike[key] = replace(hours, members=(*hours.members, member))
    return sorted(alike.values(), key=lambda hours: -len(hours.members))


def _offsets(occurrence: Occurrence, change: ClockChange, zone: str) -> tuple[timedelta, timedelta]:
    at = _counts_at(occurrence)
    assert at is not None  # noqa: S101 - what reads another hour has one
    return change.zones[zone].offset(at), times.local(at, zone).utcoffset() or timedelta()


# what people decide


@dataclass(frozen=True)
class Decided:
    """What came of a decision."""

    #: None: nothing waited
    found: Found | None
    #: what is held because of a clock: it was let go, or stays so
    held: tuple[Hold, ...]
    mails: int = 0


async def release(database: Database, in_force: InForce, by: str, now: datetime) -> Decided:
    """Lets everything be told: what is held goes out, and each city whose hours moved gets one mail.

    Raises SchedulerError where this program has another tz database than the one that found it.
    """
    async with database.write() as connection:
        found, held = await _waiting(connection, in_force)
        mails = 0
        if found:
            for duty in _duties(in_force, found, now):
                mails += await duties.fire(connection, duty, now)
            await _decide(connection, found, clocks.RELEASED, by, now)
        for hold in held:
            await holds.lift(connection, hold, by, now)
        await ledger.raise_generation(connection)
    return Decided(found, held, mails)


async def dismiss(database: Database, in_force: InForce, by: str, now: datetime) -> Decided:
    """No city is told of its new hours; what is held because it moved stays held."""
    async with database.write() as connection:
        found, held = await _waiting(connection, in_force)
        if found:
            await _decide(connection, found, clocks.DISMISSED, by, now)
        await ledger.raise_generation(connection)
    return Decided(found, held)


async def _waiting(connection: Connection, in_force: InForce) -> tuple[Found | None, tuple[Hold, ...]]:
    """What waits, while nobody else decides or applies."""
    await ledger.hold(connection)
    if await configurations.latest_id(connection) != in_force.id:
        raise ConfigurationMoved(ConfigurationMoved.__doc__)
    found, running = await clocks.waiting(connection), times.tzdata_version()
    if found and found.now != running:
        raise SchedulerError(
            f"this was found with tz database {found.now}, and this program has {running}; "
            "type the command where the service runs"
        )
    return found, tuple(hold for hold in await holds.read(connection) if is_of_clocks(hold))


async def _decide(connection: Connection, found: Found, decision: str, by: str, now: datetime) -> None:
    await clocks.decide(connection, found, decision, by, now)
    await ledger.note(connection, now, by, f"{_RULE} {decision}", name_of(found.now), str(found))


def _duties(in_force: InForce, found: Found, now: datetime) -> Iterator[duties.Duty]:
    """One for the members of each zone, so that each is written to in its own day."""
    alike: dict[tuple[str, tuple[str, ...]], dict[Member, tuple[Occurrence, ...]]] = defaultdict(dict)
    for member, occurrences in _moved_for(in_force, found.change, now):
        alike[member.zone, _roles(occurrences)][member] = occurrences
    for (zone, roles), concerned in alike.items():
        instants = [_counts_at(o) or now for occurrences in concerned.values() for o in occurrences]
        is_near = min(instants) - now < NEAR
        yield duties.Duty(
            occurrence=name_of(found.now),
            rule=_RULE,
            kind=Kind.CLOCKS_CHANGED,
            roles=roles,
            member_ids=tuple(in_force.member_ids[member.slug] for member in concerned),
            uid=name_of(found.now),
            uid_domain=in_force.network.uid_domain,
            uid_by_member=False,
            method=None,
            revision=0,
            starts_at=None,
            ends_at=None,
            status="confirmed",
            place="",
            days="",
            due_at=now if is_near else in_force.network.quiet_hours.wait(now, zone),
            useful_by=max(instants),
        )


def _roles(occurrences: Sequence[Occurrence]) -> tuple[str, ...]:
    """Who is told of changes of these: as the rules of their series and rounds have it."""
    rules = (rule for occurrence in occurrences for rule in occurrence.of.rules)
    told = (rule.to for rule in rules if rule.enabled and rule.kind in _TOLD_LIKE)
    return tuple(dict.fromkeys(role for roles in told for role in roles))
