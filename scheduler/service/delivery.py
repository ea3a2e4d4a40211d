"""The deliverer: claims rows, looks once more whether they still hold, writes them and has them posted.

Three things go on at once. This file claims, and has written (`desk.py`), a batch ahead; the post takes what
is begun (`scheduler.mail.post`); the books mark what ended and what begins (`books.py`). Between them lies
the belt (`belt.py`), so that one slow mail delays no other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from time import monotonic
from uuid import uuid4

from scheduler import logs
from scheduler.errors import DatabaseAway, RelayAway
from scheduler.mail.post import Post
from scheduler.model.history import History
from scheduler.model.notices import Kind
from scheduler.service import retry
from scheduler.service.belt import Belt, Claim
from scheduler.service.books import Books, insist
from scheduler.service.breaker import Breaker
from scheduler.service.clock import Bell, Clock
from scheduler.service.desk import Batch, Desk
from scheduler.service.fences import Fences
from scheduler.service.in_force import Memory
from scheduler.service.links import Links
from scheduler.service.meters import Meters
from scheduler.service.passed import read_passed
from scheduler.store import claims, ledger, marks, outbox, outflow
from scheduler.store.claims import Turn
from scheduler.store.database import Connection, Database
from scheduler.store.outbox import Delivery

#: How many mails are on their way at once: what a crash can repeat at the most.
MAX_IN_FLIGHT = 10
#: So many rows are claimed at once at the most ...
_MOST = 256
#: ... and so many at the least, but never more than leave in about so many seconds: what is urgent comes
#: after what is written.
_LEAST, _AHEAD_SECONDS = 10, 0.5

#: How soon to look again for what is due and waits for another mail on its way to the same contact.
_PAUSE = timedelta(seconds=1)
#: How soon after a decision nothing that was claimed before it is begun any more (P09: within a second).
_WATCH_SECONDS = 0.5
#: For so many looks nothing begins without one: the database is away, and what would be sent could not be
#: marked.
_LOOKS = 4

#: Before claims start again after an error of ours.
_REST_SECONDS = 1.0

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
    lease: timedelta = claims.LEASE
    ladder: Sequence[timedelta] = retry.LADDER
    #: kinds of mails that are not sent again by themselves when they may have arrived
    to_hold: Collection[Kind] = ()
    breaker: Breaker = field(default_factory=Breaker)
    watch_seconds: float = _WATCH_SECONDS
    pause: timedelta = _PAUSE
    fences: Fences = field(default_factory=Fences)
    #: what fails is said, counted and tried again; else it fails whoever runs this
    is_supervised: bool = False
    bell: Bell = field(init=False)
    _desk: Desk = field(init=False)
    _is_draining: bool = False
    _belt: Belt = field(init=False)
    #: the last look for rows, and how many to claim at the next one
    _looked_at: datetime | None = None
    _batch: int = _LEAST
    _turn: Turn = Turn.FRESH
    #: tokens of what was claimed and is not on the belt yet
    _claimed: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.bell = self.clock.bell()
        self._desk = Desk(self.links)
        self._belt = Belt(self.max_in_flight, self.clock.now)
        self.meters.watch_post(lambda: self._belt.in_flight, self._is_away)

    async def run(self) -> None:
        """Delivers all there is, and sleeps until the bell rings or a row waits no longer; until drained."""
        belt = self._belt = Belt(self.max_in_flight, self.clock.now)
        books = Books(self.database, self.clock, belt, self.breaker, self.meters, self.ladder, self.to_hold)
        feeding, posting = _start(self._feed(belt), "feed"), _start(self._hand_over(belt), "post")
        marking = _start(books.keep(), "books")
        beside = _start(self._watch(belt), "watch"), _start(self._renew(belt), "lease")
        tasks = feeding, posting, marking, *beside
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            await self._end(belt, feeding, posting, marking)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        for task in (marking, posting, feeding, *beside):
            if not task.cancelled() and (error := task.exception()):
                raise error

    async def _end(
        self,
        belt: Belt,
        feeding: asyncio.Task[None],
        posting: asyncio.Task[None],
        marking: asyncio.Task[None],
    ) -> None:
        """What is on its way ends with its reply and is marked; what is not begun waits as before."""
        belt.end()
        if not self._is_draining:  # else a batch that is being claimed comes to its end
            feeding.cancel()
        await asyncio.wait([feeding])
        belt.end()
        await asyncio.wait([posting])
        if posting.cancelled() or posting.exception():
            belt.lose_post()
        await asyncio.wait([marking])
        with suppress(DatabaseAway):
            await self._drop_claimed()

    def drain(self) -> None:
        """From now on nothing is claimed; what is on its way ends with its reply, and `run` returns."""
        self._is_draining = True
        self.post.drain()
        self._belt.end()
        self.bell.ring()

    async def _feed(self, belt: Belt) -> None:
        """Keeps the belt filled, until drained."""
        is_said = False
        while not self._is_draining:
            try:
                may_be_more, was_empty = await self._claim(belt), belt.is_empty
                wanted = None if may_be_more else await self._wanted_at()
            except DatabaseAway as error:
                if not is_said:
                    _log.error("claims wait for the database", action="claim", why=str(error))
                is_said = True
                self.meters.failed("deliverer")
                await asyncio.sleep(self.watch_seconds)
                continue
            except Exception as error:
                if not self.is_supervised:
                    raise
                # what is on its way goes on meanwhile
                _log.exception("claims start again", action="restart", why=type(error).__name__)
                self.meters.failed("deliverer")
                await asyncio.sleep(_REST_SECONDS)
                continue
            is_said = False
            if may_be_more:
                await self._make_room(belt)
            elif was_empty:
                await self.clock.sleep_until(self._later(wanted), self.bell)
            elif not belt.is_empty:
                await self._until_something_left(belt)
            # else what was on its way came back while we asked: nobody asked about that

    async def _make_room(self, belt: Belt) -> None:
        """Until half of the batch has begun; what is urgent need not wait for it."""
        began, recalled = monotonic(), belt.recalled
        with suppress(DatabaseAway):
            while not await belt.has_room(self._batch // 2, self.watch_seconds):
                if belt.urgent < _LEAST:
                    await self._claim(belt, Turn.URGENT)
        self._adapt(monotonic() - began, is_disturbed=belt.recalled > recalled)

    async def _until_something_left(self, belt: Belt) -> None:
        """Nothing more can be claimed now: a mail that has left may make room for the next to its contact."""
        if self.bell.is_rung:
            self.bell.is_rung = False
            return
        before = belt.left
        with suppress(TimeoutError):
            async with asyncio.timeout(self.watch_seconds):
                await belt.more_left(before)

    def _adapt(self, seconds: float, *, is_disturbed: bool) -> None:
        """So many rows at once as leave in about half a second; fewer where decisions call them back."""
        is_slow = seconds > _AHEAD_SECONDS or is_disturbed
        factor = 0.5 if is_slow else 2.0 if seconds < _AHEAD_SECONDS / 2 else 1.0
        self._batch = max(_LEAST, min(_MOST, int(self._batch * factor)))

    async def _claim(self, belt: Belt, turn: Turn | None = None) -> bool:
        """One batch onto the belt; True when there may be more. turn: None, whose turn it is."""
        now = self.clock.now()
        self._looked_at = now
        self._learn(belt)
        if self._is_draining or self.breaker.is_open(now):
            return False
        if self.breaker.is_probing and not belt.is_quiet:
            return False
        await belt.noted()
        most = 1 if self.breaker.is_probing else _LEAST if turn else self._batch
        taken = await self._take(belt, most, now, turn or self._next_turn())
        if taken is None:
            return False
        claim, rows, passed = taken
        belt.seen(claim.generation, self._seen_until())
        batch = await self._desk.work_off(claim, rows, passed, now)
        if batch.verdicts or batch.resting:
            await self._close(claim, batch)
        belt.put(batch.written, batch.spoilt, is_urgent=turn is Turn.URGENT)
        self._claimed.discard(claim.token)
        return True

    def _next_turn(self) -> Turn:
        """Fresh mails and suspects in turn, so that neither waits for all of the other."""
        self._turn = Turn.FRESH if self._turn is Turn.SUSPECT else Turn.SUSPECT
        return self._turn

    async def _drop_claimed(self) -> None:
        """Puts back what was claimed and never came to the belt: a line broke, or we were stopped."""
        if self._claimed:
            async with self.database.write() as connection:
                await claims.drop(connection, self._claimed)
            self._claimed.clear()

    async def _take(
        self, belt: Belt, most: int, now: datetime, turn: Turn
    ) -> tuple[Claim, list[Delivery], dict[int, History]] | None:
        """Claims rows, and reads what is in force and what passed with their contacts; None: there is
        nothing to be sent, or not by this program."""
        token, holds_until = uuid4().hex, monotonic() + self.lease.total_seconds()
        await self._drop_claimed()
        async with self.database.write() as connection:
            if self._stands_aside() or not await self.fences.may_send(connection):
                return None
            in_force = await self.memory.current(connection)
            await claims.take_over(connection, now, [claim.token for claim in belt.claims], self.to_hold)
            limit = in_force.configuration.most_an_hour
            most = await self.fences.allowance(connection, limit, most, now)
            self._claimed.add(token)
            number = await claims.claim(connection, token, most, now, self.lease, turn) if most else 0
            if not number:
                self._claimed.discard(token)
                return None
            await outflow.book(connection, number)
        # apart, so that nobody who marks mails waits for what is only read
        async with self.database.read() as connection:
            generation = await ledger.generation(connection)
            in_force = await self.memory.current(connection)
            if self._stands_aside():  # what came into force since the last look has other clocks
                return None
            rows = await claims.claimed(connection, token)
            passed = await read_passed(connection, in_force, rows, now)
        rows = [_as_known(row, passed[row.id]) for row in rows]
        return Claim(token, generation, in_force, holds_until), rows, passed

    async def _close(self, claim: Claim, batch: Batch) -> None:
        """Ends what does not hold any more, and puts off what came late until the morning there."""

        async def mark(connection: Connection) -> None:
            if batch.resting:
                await ledger.hold(connection)
            for (state, reason), ids in batch.verdicts.items():
                await marks.close(connection, claim.token, ids, state, reason)
            for until, ids in batch.resting.items():
                await claims.give_back(connection, claim.token, ids, until, outbox.MORNING)

        await insist(self.database, mark)
        for (state, reason), ids in batch.verdicts.items():
            _log.info("mails are not sent any more", action=state, deliveries=ids, reason=reason)

    async def _hand_over(self, belt: Belt) -> None:
        """The post at work; while the server is away nothing lies on the belt."""
        while away := await self.post.work(belt):
            self._rest(away, belt)
            belt.clear(away)
        if not belt.is_ended and not self._is_draining:
            raise RuntimeError("the post has stopped working by itself")

    def _rest(self, away: RelayAway, belt: Belt) -> None:
        """Opens the breaker."""
        self._learn(belt)
        if self._is_draining:
            return
        until = self.breaker.trip(self.clock.now(), str(away), needs_a_person=away.needs_a_person)
        _log.warning(
            "the mail server is away; all mail waits",
            action="rest",
            until=until.isoformat(timespec="seconds"),
            said=str(away),
            needs_a_person=away.needs_a_person,
        )

    def _is_away(self) -> bool:
        return self.breaker.is_probing or self.breaker.is_open(self.clock.now())

    def _learn(self, belt: Belt) -> None:
        """Closes the breaker where the server has answered."""
        if belt.was_answered():
            self.breaker.close()

    async def _renew(self, belt: Belt) -> None:
        """Keeps the claims while a slow server makes us wait."""
        while True:
            await asyncio.sleep(self.lease.total_seconds() / 3)
            with suppress(DatabaseAway):
                holds_until, held = monotonic() + self.lease.total_seconds(), belt.claims
                if not held:
                    continue
                async with belt.pen, self.database.write() as connection:
                    tokens = [claim.token for claim in held]
                    await claims.renew(connection, tokens, self.clock.now() + self.lease)
                for claim in held:
                    claim.holds_until = holds_until

    async def _watch(self, belt: Belt) -> None:
        """Calls back what is not begun as soon as anything is decided: it is judged anew (P09, P13)."""
        while True:
            await asyncio.sleep(self.watch_seconds)
            with suppress(DatabaseAway):
                seen_until = self._seen_until()
                async with self.database.read() as connection:
                    belt.seen(await ledger.generation(connection), seen_until)

    def _seen_until(self) -> float:
        return monotonic() + _LOOKS * self.watch_seconds

    def _later(self, wanted: datetime | None) -> datetime | None:
        """What was due at the last look and not taken waits for another row: looking at once is of no use."""
        if wanted and self._looked_at and wanted <= self._looked_at:
            return self.clock.now() + self.pause
        return wanted

    def _stands_aside(self) -> bool:
        """This program has another tz database than what is in force: it would write other hours, and
        withdraw what another replica will send."""
        return self.memory.known is not None and self.memory.known.clocks_disagree

    async def _wanted_at(self) -> datetime | None:
        """When to look again without being rung: not before the breaker closes."""
        async with self.database.read() as connection:
            if self._stands_aside() or not await self.fences.may_send(connection):
                return None
            wanted = await claims.wanted_at(connection)
        if wanted and self.breaker.rests_until:
            return max(wanted, self.breaker.rests_until)
        return wanted


def _start(work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
    return asyncio.create_task(work, name=name)


def _as_known(row: Delivery, history: History) -> Delivery:
    """The row as its contact must read it now; in its mailbox nothing older comes after what is newer."""
    kind = history.kind(row.kind, row.starts_at)
    sequence = max(row.sequence, history.mailbox) if row.method else row.sequence
    if (kind, sequence) == (row.kind, row.sequence):
        return row
    return replace(row, kind=kind, sequence=sequence)
