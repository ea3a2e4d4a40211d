"""The deliverer: claims rows, looks once more whether they still hold, writes and posts them, marks them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler import logs
from scheduler.errors import DatabaseAway
from scheduler.mail.post import Fate, Outcome, Outgoing, Post
from scheduler.model.history import History
from scheduler.service import retry
from scheduler.service.breaker import Breaker
from scheduler.service.clock import Bell, Clock
from scheduler.service.in_force import InForce, Memory
from scheduler.service.letters import Letters
from scheduler.service.links import Links
from scheduler.service.meters import Meters
from scheduler.service.verdicts import Verdict, judge, rests_until
from scheduler.store import histories, holds, installation, ledger, outbox
from scheduler.store.database import Database
from scheduler.store.outbox import Delivery, Receipt

#: How many rows are claimed, posted and marked at once: what a crash can repeat at the most.
MAX_IN_FLIGHT = 10

#: How soon to look again for what is due and waits for another mail on its way to the same contact.
_PAUSE = timedelta(seconds=1)

#: How soon after a decision nothing that was claimed before it is begun any more (P09: within a second).
_WATCH_SECONDS = 0.5

#: How soon a mark is written again while the database is away.
_INSIST_SECONDS = 0.5

#: After these a row waits again.
_PUT_BACK = (Fate.LATER, Fate.AWAY, Fate.RECALLED)

T = TypeVar("T")

_log = logs.get("deliverer")


@dataclass
class Deliverer:
    database: Database
    clock: Clock
    post: Post
    links: Links
    memory: Memory
    meters: Meters
    max_in_flight: int = MAX_IN_FLIGHT
    lease: timedelta = outbox.LEASE
    ladder: Sequence[timedelta] = retry.LADDER
    breaker: Breaker = field(default_factory=Breaker)
    watch_seconds: float = _WATCH_SECONDS
    pause: timedelta = _PAUSE
    bell: Bell = field(init=False)
    _letters: Letters | None = None
    _is_draining: bool = False
    #: the last look for rows
    _looked_at: datetime | None = None

    def __post_init__(self) -> None:
        self.bell = self.clock.bell()

    async def run(self) -> None:
        """Delivers all there is, and sleeps until the bell rings or a row waits no longer; until drained."""
        while not self._is_draining:
            while await self.deliver_some():
                pass
            if not self._is_draining:
                await self.clock.sleep_until(self._later(await self._wanted_at()), self.bell)

    def drain(self) -> None:
        """From now on nothing is claimed; what is on its way ends with its reply, and `run` returns."""
        self._is_draining = True
        self.post.drain()
        self.bell.ring()

    async def deliver_some(self) -> bool:
        """One batch; True when there may be more."""
        now, token = self.clock.now(), uuid4().hex
        self._looked_at = now
        if self._is_draining or self.breaker.is_open(now):
            return False
        most = 1 if self.breaker.is_probing else self.max_in_flight
        async with self.database.write() as connection:
            if self._stands_aside() or not await installation.may_send(connection):
                return False
            rows = await outbox.claim(connection, token, most, now, self.lease)
            in_force = await self.memory.current(connection) if rows else None
            passed = await histories.read(connection, [row.id for row in rows])
            if in_force:
                sharing = [contact.id for contact in in_force.sharing]
                passed = await histories.with_mailboxes(connection, passed, sharing)
            generation = await ledger.generation(connection) if rows else 0
            if self._stands_aside():  # what came into force since the last look has other clocks
                await outbox.put_back(connection, token, [row.id for row in rows])
                return False
        if not rows or in_force is None:
            return False
        verdicts = judge(rows, passed, in_force, now)
        await self._keep_in_mind(rows, verdicts, passed, in_force, now)
        holding = [_as_known(row, passed[row.id]) for row in rows if verdicts[row.id] is None]
        resting = {row.id: rests_until(row, in_force, now) for row in holding}
        wanted = {row.id: row for row in holding if resting[row.id] is None}
        recall = asyncio.Event()
        async with _beside(self._renew(token), self._watch(generation, recall)):
            write = (in_force, wanted.values(), passed, now, recall)
            written, spoilt = await asyncio.to_thread(self._write, *write)
            free = await self._put_back_held(token, wanted, written)
            outcomes = [*spoilt, *await self.post.deliver(free, in_force.network, now)]
            await self._mark(token, wanted, passed, outcomes, verdicts, resting, in_force)
        return len(rows) == most

    async def _keep_in_mind(
        self,
        rows: Sequence[Delivery],
        verdicts: Mapping[int, Verdict | None],
        passed: Mapping[int, History],
        in_force: InForce,
        now: datetime,
    ) -> None:
        """What a dead process may have handed over and is not sent again counts as told."""
        perhaps = [
            _receipt(row, "", passed[row.id], in_force)
            for row in rows
            if row.method and row.was_begun_before(now) and verdicts[row.id] not in (None, outbox.OLDER)
            if row.member in in_force.members
        ]
        if perhaps:
            await self._write_down(lambda c: outbox.remember_perhaps(c, perhaps, now))

    async def _put_back_held(
        self, token: str, rows: Mapping[int, Delivery], written: Sequence[Outgoing]
    ) -> list[Outgoing]:
        """What nobody held back between the claim and now; the rest waits as if it had not been claimed."""
        async with self.database.read() as connection:
            held = await holds.held_among(connection, {rows[one.id].occurrence for one in written})
        ids = [one.id for one in written if rows[one.id].occurrence in held]
        if ids:
            async with self.database.write() as connection:
                await outbox.put_back(connection, token, ids)
        return [one for one in written if one.id not in ids]

    def _write(
        self,
        in_force: InForce,
        rows: Collection[Delivery],
        passed: Mapping[int, History],
        now: datetime,
        recall: asyncio.Event,
    ) -> tuple[list[Outgoing], list[Outcome]]:
        """Finished messages, and what became of rows that cannot be written: the others go all the same."""
        if self._letters is None or self._letters.in_force is not in_force:
            self._letters = Letters(in_force, self.links)
        written, spoilt = [], []
        for row in rows:
            try:
                # another try says what the first one said
                octets = self._letters.write(row, passed[row.id], row.first_try_at or now)
            except Exception as error:
                _log.exception("a mail could not be written", action="spoilt", delivery=row.id)
                said = f"it could not be written ({type(error).__name__}); the log says more"
                spoilt.append(Outcome(row.id, Fate.LATER, said))
            else:
                written.append(Outgoing(row.id, row.message_id, row.address, octets, recall))
        return written, spoilt

    async def _renew(self, token: str) -> None:
        """Keeps the claim while a slow server makes us wait."""
        while True:
            await asyncio.sleep(self.lease.total_seconds() / 3)
            with suppress(DatabaseAway):
                async with self.database.write() as connection:
                    await outbox.renew(connection, token, self.clock.now(), self.lease)

    async def _watch(self, generation: int, recall: asyncio.Event) -> None:
        """Calls back what is not begun as soon as anything is decided: it is judged anew (P09, P13)."""
        while not recall.is_set():
            await asyncio.sleep(self.watch_seconds)
            with suppress(DatabaseAway):
                async with self.database.read() as connection:
                    if await ledger.generation(connection) != generation:
                        recall.set()

    async def _mark(
        self,
        token: str,
        rows: Mapping[int, Delivery],
        passed: Mapping[int, History],
        outcomes: Sequence[Outcome],
        verdicts: Mapping[int, Verdict | None],
        resting: Mapping[int, datetime | None],
        in_force: InForce,
    ) -> None:
        now = self.clock.now()
        by_fate: dict[Fate, list[Outcome]] = defaultdict(list)
        for outcome in outcomes:
            by_fate[outcome.fate].append(outcome)
        receipts = [_receipt(rows[one.id], one.said, passed[one.id], in_force) for one in by_fate[Fate.SENT]]
        rest_until = self._learn(by_fate, now)

        async def mark(connection: AsyncConnection) -> None:
            if any(by_fate[fate] for fate in _PUT_BACK) or any(resting.values()):
                await ledger.hold(connection)
            await outbox.put_back(connection, token, [one.id for one in by_fate[Fate.RECALLED]])
            await outbox.mark_sent(connection, token, receipts, now)
            for (state, reason), ids in _grouped(verdicts).items():
                await outbox.close(connection, token, ids, state, reason)
            for until, ids in _grouped(resting).items():
                await outbox.give_back(connection, token, ids, until, outbox.MORNING)
            if uncertain := [one.id for one in outcomes if one.is_uncertain]:
                await outbox.doubt(connection, token, uncertain)
            for one in by_fate[Fate.LATER]:
                await self._put_off(connection, token, rows[one.id], one, now)
            for one in by_fate[Fate.NEVER]:
                reason = f"refused: {one.said}"
                await outbox.refuse(connection, token, one.id, reason, one.said)
            if by_fate[Fate.AWAY] and rest_until:
                ids = [one.id for one in by_fate[Fate.AWAY]]
                await outbox.give_back(connection, token, ids, rest_until, self.breaker.said)

        await self._write_down(mark)
        self._tell(rows, outcomes, verdicts, now)

    async def _write_down(self, mark: Callable[[AsyncConnection], Awaitable[None]]) -> None:
        """Insists: what was handed over and is not marked would be handed over again."""
        while True:
            try:
                async with self.database.write() as connection:
                    await mark(connection)
                return
            except DatabaseAway as error:
                _log.error("marks wait for the database", action="mark", why=str(error))
                await asyncio.sleep(_INSIST_SECONDS)

    async def _put_off(
        self, connection: AsyncConnection, token: str, row: Delivery, outcome: Outcome, now: datetime
    ) -> None:
        next_at = retry.decide(
            row.attempts + 1,
            now=now,
            first_try_at=row.first_try_at or now,
            useful_by=row.useful_by,
            key=row.message_id,
            ladder=self.ladder,
        )
        if next_at:
            await outbox.defer(connection, token, row.id, next_at, outcome.said)
        else:
            reason = f"put off until it was of no use any more: {outcome.said}"
            await outbox.refuse(connection, token, row.id, reason, outcome.said)

    def _later(self, wanted: datetime | None) -> datetime | None:
        """What was due at the last look and not taken waits for another row: looking at once is of no use."""
        if wanted and self._looked_at and wanted <= self._looked_at:
            return self.clock.now() + self.pause
        return wanted

    def _learn(self, by_fate: Mapping[Fate, Sequence[Outcome]], now: datetime) -> datetime | None:
        """Opens or closes the breaker; gives until when what the server did not take must rest."""
        if any(by_fate.get(fate) for fate in (Fate.SENT, Fate.LATER, Fate.NEVER)):
            self.breaker.close()
        away = by_fate.get(Fate.AWAY, ())
        if self._is_draining or not away:
            return now if away else None
        needs_a_person = any(one.needs_a_person for one in away)
        until = self.breaker.trip(now, away[0].said, needs_a_person=needs_a_person)
        _log.warning(
            "the mail server is away; all mail waits",
            action="rest",
            until=until.isoformat(timespec="seconds"),
            said=away[0].said,
            needs_a_person=needs_a_person,
        )
        return until

    def _stands_aside(self) -> bool:
        """This program has another tz database than what is in force: it would write other hours, and
        withdraw what another replica will send."""
        return self.memory.known is not None and self.memory.known.clocks_disagree

    async def _wanted_at(self) -> datetime | None:
        """When to look again without being rung: not before the breaker closes."""
        async with self.database.read() as connection:
            if self._stands_aside() or not await installation.may_send(connection):
                return None
            wanted = await outbox.wanted_at(connection)
        if wanted and self.breaker.rests_until:
            return max(wanted, self.breaker.rests_until)
        return wanted

    def _tell(
        self,
        rows: Mapping[int, Delivery],
        outcomes: Sequence[Outcome],
        verdicts: Mapping[int, Verdict | None],
        now: datetime,
    ) -> None:
        """One line for each mail that did not go as it should, one for those that went."""
        self.meters.rests(self.breaker.is_open(now))
        for outcome in outcomes:
            row = rows[outcome.id]
            self.meters.delivered(row.kind, outcome.fate, now - row.due_at)
            if outcome.fate in (Fate.LATER, Fate.NEVER):
                _log.warning(
                    "the mail server did not take a mail",
                    action=outcome.fate.value,
                    delivery=outcome.id,
                    code=outcome.code,
                    is_uncertain=outcome.is_uncertain,
                )
        for (state, reason), ids in _grouped(verdicts).items():
            _log.info("mails are not sent any more", action=state, deliveries=ids, reason=reason)
        sent = [outcome.id for outcome in outcomes if outcome.fate is Fate.SENT]
        if sent:
            _log.info("mails were handed over", action="sent", deliveries=sent)


def _grouped(found: Mapping[int, T | None]) -> dict[T, list[int]]:
    """The ids that share a value, for each value; those without one are left out."""
    groups: dict[T, list[int]] = defaultdict(list)
    for row_id, value in found.items():
        if value is not None:
            groups[value].append(row_id)
    return groups


@asynccontextmanager
async def _beside(*works: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """These at work until the block ends."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def _as_known(row: Delivery, history: History) -> Delivery:
    """The row as its contact must read it now; in its mailbox nothing older comes after what is newer."""
    sequence = max(row.sequence, history.mailbox) if row.method else row.sequence
    return replace(row, kind=history.kind(row.kind, row.starts_at), sequence=sequence)


def _receipt(row: Delivery, said: str, history: History, in_force: InForce) -> Receipt:
    stamped_at = history.stamp(row.inserted_at) if row.method else None
    return Receipt(row.id, said[:400], in_force.members[row.member].zone, stamped_at)
