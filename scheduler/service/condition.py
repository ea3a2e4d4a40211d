"""How an installation stands: what is in force, what waits, what is due next, what waits for a person."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from scheduler.configuration.load import Loaded
from scheduler.model.network import Network
from scheduler.model.programme import Window
from scheduler.model.slots import Slot, find_slots
from scheduler.service.engine import duty_of
from scheduler.service.in_force import InForce, Memory
from scheduler.service.proposals import Seen, Standing, compare
from scheduler.store import configurations, duties, holds, installation, ledger, outbox
from scheduler.store.configurations import Applied
from scheduler.store.database import Database
from scheduler.store.holds import Hold
from scheduler.store.installation import HELD

#: How far ahead it is said what is due.
AHEAD = timedelta(hours=48)
#: A service that runs looks every half minute.
_QUIET_AFTER = timedelta(minutes=3)


@dataclass(frozen=True)
class Due:
    """What a rule will tell at one instant, as things stand now."""

    at: datetime
    kind: str
    rule: str
    occurrence: str
    mails: int
    #: somebody holds it back
    is_held: bool


@dataclass(frozen=True)
class Condition:
    """How an installation stood when it was looked at."""

    looked_at: datetime
    applied: Applied
    network: Network
    seen: Seen
    #: when the engine looked last
    last_look: datetime
    may_send: bool
    #: (kind, state) -> rows
    rows: dict[tuple[str, str], int]
    #: since when the longest waiting mail is due; what is held back does not count
    oldest_due: datetime | None
    #: within AHEAD, in order; nothing in a copy, which looks at nothing
    due: Sequence[Due]
    #: why mails failed, with how many each
    failures: Counter[str]
    #: what the mail server said of mails that should have gone long ago
    stuck: Counter[str]
    #: what vanished from the files
    vanished: tuple[str, ...]
    holds: tuple[Hold, ...]
    #: subject of a hold -> mails that wait because of it
    held: dict[str, int]

    @property
    def waiting(self) -> int:
        """Mails that are to be sent, in whatever state."""
        return sum(number for (_, state), number in self.rows.items() if state in outbox.UNSENT)

    @property
    def is_unattended(self) -> bool:
        """Nobody has looked at what is due for longer than a running service would wait."""
        return self.may_send and self.looked_at - self.last_look > _QUIET_AFTER

    def due_within(self, span: timedelta) -> int:
        """Mails that fall due, and that nobody holds back."""
        until = self.looked_at + span
        return sum(due.mails for due in self.due if due.at <= until and not due.is_held)

    def problems(self) -> Iterator[str]:
        """What waits for a person, a sentence each; what people hold back is for others to say."""
        if self.seen.standing is Standing.BROKEN:
            yield f"{self.seen}; see all with: scheduler check"
        elif self.seen.standing is not Standing.SAME:
            yield str(self.seen)
        if not self.may_send:
            yield HELD
        if self.is_unattended:
            yield "nobody has looked at what is due lately: is `scheduler serve` running?"
        for name in self.vanished:
            yield f"held: {name} vanished from the files; cancel it with status: cancelled, or put it back"
        for said, number in self.stuck.most_common(5):
            yield f"{_mails(number)} overdue; the mail server said: {said or 'nothing yet'}"
        for reason, number in self.failures.most_common(5):
            yield f"{_mails(number)} failed: {reason}"


async def read_condition(database: Database, loaded: Loaded, now: datetime) -> Condition | None:
    """None before the first configuration. Writes nothing."""
    memory = Memory()
    async with database.read() as connection:
        applied = await configurations.latest(connection)
        if applied is None:
            return None
        in_force = await memory.current(connection)
        held_back = await holds.read(connection)
        may_send = await installation.may_send(connection)
        condition = Condition(
            looked_at=now,
            applied=applied,
            network=in_force.network,
            seen=Seen(Standing.SAME),
            last_look=await ledger.settled_until(connection) or applied.applied_at,
            may_send=may_send,
            rows=await outbox.count_by_state(connection),
            oldest_due=await outbox.oldest_due(connection, now),
            due=(),
            failures=await outbox.failures(connection),
            stuck=await outbox.stuck(connection, now),
            vanished=in_force.held(now),
            holds=held_back,
            held=await outbox.count_held(connection),
        )
    seen = (await compare(database, memory, loaded, now=now)).seen
    due = await _due(database, in_force, held_back, now) if may_send else ()
    return replace(condition, seen=seen, due=due)


async def _due(database: Database, in_force: InForce, held: Sequence[Hold], now: datetime) -> list[Due]:
    """The slots ahead with as many mails as each would make now; those of none are left out."""
    find = (in_force.configuration, in_force.groups, Window(now, now + AHEAD), in_force.since)
    slots = await asyncio.to_thread(find_slots, *find)
    found = []
    async with database.read() as connection:
        for slot in slots:
            mails = await duties.count_new(connection, duty_of(slot, in_force), slot.due_at)
            if mails:
                found.append(_as_due(slot, mails, held))
    return found


def _as_due(slot: Slot, mails: int, held: Sequence[Hold]) -> Due:
    is_held = any(hold.covers(slot.occurrence.id) for hold in held)
    return Due(slot.due_at, slot.rule.kind.value, slot.rule.id, slot.occurrence.id, mails, is_held)


def _mails(number: int) -> str:
    return f"{number:,} mail" + ("" if number == 1 else "s")
