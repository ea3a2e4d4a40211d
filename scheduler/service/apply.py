"""How a proposal comes into force: the books of the old configuration are closed, then the new one counts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from scheduler.configuration import normal
from scheduler.errors import ConfigurationMoved
from scheduler.model import changes, times
from scheduler.model.cases import CALENDAR, NOTHING_LEARNT, AllTerms, Learnt, terms_of
from scheduler.model.cases import settle as settle_cases
from scheduler.model.clocks import clocks_of
from scheduler.model.network import Configuration
from scheduler.model.programme import Window
from scheduler.model.slots import Slot, find_slots
from scheduler.service import clock_changes
from scheduler.service.engine import settle
from scheduler.service.erased import leave_erased_out
from scheduler.service.in_force import InForce, read_in_force
from scheduler.service.lasting import NameStands, find_bond
from scheduler.store import book, cases, clocks, configurations, installation, ledger
from scheduler.store.database import Connection, Database


@dataclass(frozen=True)
class Decided:
    """What a person decides of cases, in the words of the log."""

    learnt: Learnt = NOTHING_LEARNT
    #: (cycle, slug) -> why
    because: Mapping[tuple[str, str], str] = field(default_factory=dict)


NOTHING_DECIDED = Decided()


async def put_in_force(
    database: Database,
    proposal: Configuration,
    *,
    now: datetime,
    by: str,
    replaces: str | None,
    older_clocks: bool = False,
    proposed: str | None = None,
    key: bytes | None = None,
    also: Callable[[Connection], Awaitable[None]] | None = None,
    decided: Decided = NOTHING_DECIDED,
) -> list[str]:
    """Makes a proposal the truth, in one transaction; gives what vanished from the files and is held now.

    What was due under the old configuration until now is settled with it, so that no reminder of before
    reaches who comes in with the new one. `replaces`: the hash of what is in force as the one who applies
    saw it; None for the first time. `proposed`: the hash of what the files alone said, where the proposal is
    something else. Raises ConfigurationMoved when another one came first, and NameStands
    where it would take a name from entries in calendars.

    `key`: the installation's, to leave out who was erased; raises KeyNeeded where somebody was, and it does
    not tell who. `also`: what is written in the same transaction. `decided`:
    what a person decides of cases with it; what was decided before wins over the files as well.

    With another tz database than the one before, what it moves is held or waits for a person (US-16). Raises
    OlderClocks where it is older and has other hours, unless a person wants just that: `older_clocks`.
    """
    before, slots = await _books(database, now)
    async with database.read() as connection:
        proposal = await leave_erased_out(connection, key, proposal)
        known = await cases.decided(connection)
    if before and not older_clocks:
        clock_changes.refuse_older(before)
    clock_change = await clock_changes.find(database, before, now) if before else None
    proposed = proposed or normal.hash_of(normal.to_text(proposal))
    if before:
        proposal = changes.carry_over(before.configuration, proposal, now)
    learnt = Learnt.of(known, proposal, now).joined(decided.learnt)
    proposal = await asyncio.to_thread(learnt.applied_to, proposal)
    terms = await asyncio.to_thread(terms_of, proposal)
    content = normal.to_text(proposal)
    known_clocks = await asyncio.to_thread(clocks_of, proposal, now)
    async with database.write() as connection:
        if before is None:
            await ledger.be_first(connection)
        # not before what is settled: a change told at once must lie ahead of the engine's next look
        applied_at = max(now, await ledger.hold(connection) or now)
        if before:
            if await configurations.latest_id(connection) != before.id:
                raise ConfigurationMoved(ConfigurationMoved.__doc__)
            if bond := await find_bond(connection, before, proposal.network, applied_at):
                raise NameStands(bond)
            await settle(connection, before, slots, now)
        await configurations.put(
            connection,
            content=content,
            hash=normal.hash_of(content),
            proposed=proposed,
            replaces=replaces,
            applied_at=applied_at,
            applied_by=by,
            tzdata=times.tzdata_version(),
        )
        await book.write_members(connection, proposal.members)
        ends = changes.marks_of_new_ends(before.configuration if before else None, proposal)
        marks = changes.marks(proposal) | ends
        await ledger.revise(connection, marks, changes.starts(proposal), applied_at)
        await ledger.write_rules(connection, changes.rule_marks(proposal), applied_at)
        if before and clock_change:
            await clock_changes.write_down(connection, before, clock_change, now)
        await clocks.keep(connection, times.tzdata_version(), known_clocks, now)
        await _settle_cases(connection, terms, decided, applied_at, by)
        await ledger.settle(connection, applied_at)
        if before is None:
            await installation.claim(connection, by, applied_at)
        await ledger.raise_generation(connection)
        held = changes.held(proposal)
        await ledger.note(connection, now, by, "apply", normal.hash_of(content), ", ".join(held))
        if also:
            await also(connection)
    return held


async def _settle_cases(
    connection: Connection, terms: AllTerms, decided: Decided, now: datetime, by: str
) -> None:
    """A case that is made now has the SEQUENCE that the deadline of its round has in calendars."""
    if not terms:
        return  # there is no round
    ids = await book.member_ids(connection)
    await cases.turn(connection, ids, now)
    known = await cases.by_place(connection)
    moves = await asyncio.to_thread(lambda: list(settle_cases(known, terms, now, decided.because)))
    revisions = await ledger.read_revisions(connection)
    fresh = {cycle: revisions[cycle].sequence for cycle in {move.after.cycle for move in moves}}
    made = (replace(move.after, revision=fresh[move.after.cycle]) for move in moves if not move.before)
    numbered = {(case.cycle, case.member): case for case in made}
    moves = [replace(m, after=numbered.get((m.after.cycle, m.after.member), m.after)) for m in moves]
    await cases.write(connection, moves, ids, by)


async def know_cases(database: Database, now: datetime) -> None:
    """Makes the cases of what is in force, where an older version of this program has put it in force; before
    anything of it is served, for calendars show what cases know of their deadlines."""
    async with database.read() as connection:
        if not await configurations.latest_id(connection) or await cases.rounds(connection):
            return
        in_force = await read_in_force(connection)
    if in_force.configuration.cycles:
        terms = await asyncio.to_thread(terms_of, in_force.configuration)
        async with database.write() as connection:
            await ledger.hold(connection)
            # another replica, or a person, may have been quicker
            if await configurations.latest_id(connection) == in_force.id:
                await _settle_cases(connection, terms, NOTHING_DECIDED, now, CALENDAR)


async def put_anew(
    database: Database,
    *,
    now: datetime,
    by: str,
    decided: Decided,
    also: Callable[[Connection], Awaitable[None]] | None = None,
    key: bytes | None = None,
) -> None:
    """What is in force comes into force once more, with what a person has decided of cases.

    Raises NothingInForce, and ConfigurationMoved where another configuration came first.
    """
    async with database.read() as connection:
        in_force = await read_in_force(connection)
        applied = await configurations.latest(connection)
    assert applied is not None  # noqa: S101 - it was read
    await _put_again(database, in_force, applied, now=now, by=by, key=key, also=also, decided=decided)


async def meet_new_clocks(database: Database, now: datetime, key: bytes | None = None) -> bool:
    """Puts what is in force in force anew where this program has a newer tz database than it came with;
    True where it did.

    For the start of a service, before anything is due. An older one changes nothing by itself: after a
    rollback, or between replicas of two versions, hours must not go to and fro.
    """
    await clock_changes.keep_clocks(database, now)
    release = times.tzdata_version()
    async with database.read() as connection:
        applied = await configurations.latest(connection)
        if applied is None or applied.tzdata >= release:
            return False
        in_force = await read_in_force(connection)
    by = clock_changes.actor(release)
    try:
        await _put_again(database, in_force, applied, now=now, by=by, key=key)
    except ConfigurationMoved:
        return False  # another replica, or a person, was quicker
    return True


async def _put_again(
    database: Database,
    in_force: InForce,
    applied: configurations.Applied,
    *,
    now: datetime,
    by: str,
    key: bytes | None,
    also: Callable[[Connection], Awaitable[None]] | None = None,
    decided: Decided = NOTHING_DECIDED,
) -> None:
    await put_in_force(
        database,
        in_force.configuration,
        now=now,
        by=by,
        replaces=applied.hash,
        proposed=applied.proposed or applied.hash,
        key=key,
        also=also,
        decided=decided,
    )


async def _books(database: Database, now: datetime) -> tuple[InForce | None, list[Slot]]:
    """What is in force, and its slots that were due before now and are not settled yet."""
    async with database.read() as connection:
        settled_until = await ledger.settled_until(connection)
        if settled_until is None:
            return None, []
        before = await read_in_force(connection)
    window = Window(settled_until, max(now, settled_until))
    find = (before.configuration, before.groups, window, before.since)
    return before, await asyncio.to_thread(find_slots, *find)
