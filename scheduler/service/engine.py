"""The engine: looks what is due, writes it to the outbox, says when it wants to look again.

One pass, in one transaction: all slots in (settled until, now] become rows, however long ago that was,
and `settled_until` moves to now. Two engines on one slot are harmless: rows are unique, and a pass begins
where the one before it ended, whoever made it. Of several replicas one leads and makes them.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain

from scheduler.model.cycles import Cycle
from scheduler.model.notices import CORRECTIONS, STATEFUL, Kind
from scheduler.model.programme import Window
from scheduler.model.slots import Slot, find_slots, latest_only
from scheduler.model.told import METHODS
from scheduler.service.clock import Bell, Clock
from scheduler.service.fences import Fences
from scheduler.service.in_force import InForce, Memory
from scheduler.service.meters import Meters
from scheduler.store import cases, configurations, ledger
from scheduler.store.database import Connection, Database
from scheduler.store.duties import (
    OVERTAKEN,
    Duty,
    fire,
    heard_of,
    overtake,
    replace_older,
    withdraw_of_older_rule,
)
from scheduler.store.outbox import MISSED

#: How far ahead slots are worked out at once ...
LOOK_AHEAD = timedelta(days=30)
#: ... and how far ahead the clock is asked to wake us (DESIGN, 5.5).
WAKE_AHEAD = timedelta(hours=48)
#: The smallest step of an instant: what is due exactly now is settled with now.
_STEP = timedelta(microseconds=1)


@dataclass(frozen=True)
class Outlook:
    """The slots of one configuration in one window, in order."""

    in_force: InForce
    window: Window
    slots: Sequence[Slot]

    def due(self, settled_until: datetime, now: datetime) -> Sequence[Slot]:
        return self._between(settled_until, now + _STEP)

    def wanted(self, now: datetime) -> list[datetime]:
        """The instants within the next two days at which something is due."""
        return sorted({slot.due_at for slot in self._between(now + _STEP, now + WAKE_AHEAD + _STEP)})

    def _between(self, start: datetime, end: datetime) -> Sequence[Slot]:
        first = bisect_left(self.slots, start, key=lambda slot: slot.due_at)
        return self.slots[first : bisect_left(self.slots, end, lo=first, key=lambda slot: slot.due_at)]

    def holds(self, in_force: InForce, settled_until: datetime, now: datetime) -> bool:
        covers = self.window.start <= settled_until and now + WAKE_AHEAD <= self.window.end
        return self.in_force is in_force and covers


@dataclass
class Engine:
    database: Database
    clock: Clock
    #: rung for the deliverer when there are new rows
    post: Bell
    memory: Memory
    #: this replica makes the passes (service/leadership.py)
    leads: Callable[[], bool] = lambda: True
    fences: Fences = field(default_factory=Fences)
    meters: Meters = field(default_factory=Meters)
    bell: Bell = field(init=False)
    #: why the last look failed; empty while all is well
    trouble: str = ""
    _outlook: Outlook | None = None
    #: id of the configuration of the last look
    _last: int | None = None

    def __post_init__(self) -> None:
        self.bell = self.clock.bell()

    async def run(self) -> None:
        """Looks, and sleeps until something is due or the bell rings; for ever."""
        while True:
            try:
                wanted = await (self.look() if self.leads() else self.follow())
            except Exception as error:
                self.trouble = str(error) or type(error).__name__
                raise
            self.trouble = ""
            self.clock.wake_at(wanted, self.bell)
            await self.clock.sleep_until(self.clock.now() + WAKE_AHEAD, self.bell)

    async def follow(self) -> list[datetime]:
        """Another replica makes the passes; this one keeps in mind what is in force. Wants nothing."""
        async with self.database.read() as connection:
            if await configurations.latest_id(connection):
                await self.memory.current(connection)
        return []

    async def look(self) -> list[datetime]:
        """One pass; gives the instants at which it wants to look again."""
        now = self.clock.now()
        ahead = await self._look_ahead(now)
        if ahead is None:
            return []
        outlook, settled_until = ahead
        async with self.database.write() as connection:
            # another engine may have made a pass since
            settled_until = await ledger.hold(connection) or settled_until
            overtaken = await configurations.latest_id(connection) != outlook.in_force.id
            slots = outlook.due(settled_until, now)
            if not overtaken:
                await self.fences.tick(connection, outlook.in_force.network, now)
            done = Settled() if overtaken else await settle(connection, outlook.in_force, slots, now)
            turns_at = None
            if not overtaken:
                if outlook.in_force.cycles:
                    turns_at = await cases.turn(connection, outlook.in_force.member_ids, now)
                await ledger.settle(connection, now + _STEP)
        if overtaken:
            return await self.look()
        for kind, mails in done.missed.items():
            self.meters.ended(kind, MISSED, mails)
        if done.new or self._is_new(outlook.in_force):
            self.post.ring()
        is_soon = turns_at is not None and turns_at <= now + WAKE_AHEAD
        return [*outlook.wanted(now), *([turns_at] if turns_at and is_soon else [])]

    def _is_new(self, in_force: InForce) -> bool:
        """It came into force since the last look: what was settled with it waits to be posted."""
        known, self._last = self._last, in_force.id
        return known != in_force.id

    async def _look_ahead(self, now: datetime) -> tuple[Outlook, datetime] | None:
        """None in a copy of a database, which settles nothing until somebody claims it, and where this
        program has another tz database than what is in force: its hours would be others."""
        async with self.database.read() as connection:
            if not await self.fences.may_send(connection):
                return None
            in_force = await self.memory.current(connection)
            if in_force.clocks_disagree:
                return None  # what another clock moves is held first (service/apply.py), then looked at
            settled_until = await ledger.settled_until(connection) or now
        if self._outlook is None or not self._outlook.holds(in_force, settled_until, now):
            window = Window(settled_until, now + LOOK_AHEAD)
            find = (in_force.configuration, in_force.groups, window, in_force.since)
            slots = await asyncio.to_thread(find_slots, *find)
            self._outlook = Outlook(in_force, window, slots)
        return self._outlook, settled_until


@dataclass
class Settled:
    """What became of slots that were due."""

    #: rows that wait to be sent
    new: int = 0
    #: rows that are only recorded, or gave way to a later duty
    missed: Counter[Kind] = field(default_factory=Counter)


async def settle(connection: Connection, in_force: InForce, slots: Sequence[Slot], now: datetime) -> Settled:
    """Writes the rows of slots that are due.

    Of several overdue reminders the latest is sent; those, and what is of no use any more, are only
    recorded as missed.
    """
    kept, replaced = latest_only(slots)
    done = Settled()
    for slot in replaced:
        duty = duty_of(slot, in_force, missed_because=OVERTAKEN)
        done.missed[slot.rule.kind] += await fire(connection, duty, now)
    corrections = {slot.occurrence.id for slot in kept if slot.rule.kind in CORRECTIONS}
    heard = await heard_of(connection, corrections) if corrections else frozenset()
    for slot in kept:
        if slot.rule.kind in CORRECTIONS and slot.occurrence.id not in heard:
            continue
        why = "its moment had passed" if now >= slot.useful_by else ""
        duty = duty_of(slot, in_force, missed_because=why)
        await withdraw_of_older_rule(connection, duty)
        if not why and slot.rule.kind not in STATEFUL:
            done.missed[slot.rule.kind] += await overtake(connection, duty)
        rows = await fire(connection, duty, now)
        if rows and duty.method:
            await replace_older(connection, duty)
        if why:
            done.missed[slot.rule.kind] += rows
        else:
            done.new += rows
    return done


def duty_of(slot: Slot, in_force: InForce, missed_because: str = "") -> Duty:
    """A slot in the terms of the outbox."""
    occurrence = slot.occurrence
    revision = in_force.revisions.get(occurrence.id)
    return Duty(
        occurrence=occurrence.id,
        rule=slot.rule.id,
        kind=slot.rule.kind,
        roles=slot.rule.to,
        member_ids=_member_ids(slot, in_force),
        uid=occurrence.id,
        uid_domain=in_force.network.uid_domain,
        uid_by_member=isinstance(occurrence.of, Cycle),
        method=METHODS.get(slot.rule.kind),
        revision=revision.sequence if revision else 0,
        starts_at=occurrence.starts_at,
        ends_at=occurrence.ends_at,
        status=occurrence.status.value,
        place=occurrence.place,
        days=occurrence.days,
        due_at=slot.due_at,
        useful_by=slot.useful_by,
        rule_since=in_force.since.rule_changed_at(occurrence, slot.rule),
        slack=occurrence.slack,
        missed_because=missed_because,
        sharing=tuple(contact.id for contact in in_force.sharing),
        keepers=_keepers(slot, in_force) if slot.rule.kind is Kind.CANCELLED else (),
    )


def _member_ids(slot: Slot, in_force: InForce) -> tuple[int, ...]:
    """Of a digest only the cities that lead: each national coordinator gets one."""
    if slot.rule.is_digest:
        leaders = in_force.leaders(slot.occurrence.id)
        return tuple(in_force.member_ids[m.slug] for m in slot.members() if m.slug in leaders)
    return tuple(chain.from_iterable(in_force.ids_of(group) for group in slot.groups))


def _keepers(slot: Slot, in_force: InForce) -> tuple[int, ...]:
    """Contacts with a mailbox in common whose city is still meant: a cancellation for another city would
    strike out their entry."""
    occurrence, network = slot.occurrence, in_force.network
    if occurrence.is_cancelled:
        return ()
    listed = ((contact.id, in_force.members.get(contact.member)) for contact in in_force.sharing)
    return tuple(number for number, member in listed if member and occurrence.invites(member, network))
