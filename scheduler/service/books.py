"""The books of the deliverer: what ended is marked in groups, and what is begun is marked with it."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler import logs
from scheduler.errors import DatabaseAway
from scheduler.mail.post import Fate, Outcome
from scheduler.model.notices import Kind
from scheduler.service import retry
from scheduler.service.belt import Belt, Ended, Parcel
from scheduler.service.bounces import take_refusal
from scheduler.service.breaker import Breaker
from scheduler.service.clock import Clock
from scheduler.service.meters import Meters
from scheduler.store import claims, ledger, marks
from scheduler.store.database import Connection, Database
from scheduler.store.marks import Receipt
from scheduler.store.outbox import DEFERRED, FAILED, HELD, SENT

#: Marks are gathered for so long at the most; each write waits for the disk.
_GATHER_SECONDS = 0.02
#: How soon a mark is written again while the database is away.
_INSIST_SECONDS = 0.5
#: After these a row waits again, or an address is written to no more: nobody writes rows meanwhile.
_HOLDING = (Fate.LATER, Fate.AWAY, Fate.RECALLED, Fate.NEVER)

_log = logs.get("deliverer")


@dataclass
class Books:
    """Writes down what becomes of the mails on a belt; for as long as the belt lives."""

    database: Database
    clock: Clock
    belt: Belt
    breaker: Breaker
    meters: Meters
    ladder: Sequence[timedelta]
    #: not sent again by themselves when they may have arrived
    to_hold: Collection[Kind] = ()

    async def keep(self) -> None:
        """Until the belt has ended and all is marked."""
        await self.belt.news()
        while not self.belt.is_over:
            await self.belt.haste(_GATHER_SECONDS)
            await self._write()
            await self.belt.news()

    async def _write(self) -> None:
        ended, candidates = self.belt.next_ones()
        written = self.belt.written_claims()
        now = self.clock.now()
        begun: set[int] = set()
        by_fate = _by_fate(ended)

        async def mark(connection: Connection) -> None:
            begun.clear()
            if any(by_fate[fate] for fate in _HOLDING):
                await ledger.hold(connection)
            # before the marks: whoever decides something holds the row that this asks, and then rows of mails
            in_time = [parcel for parcel in candidates if now < parcel.row.useful_by]
            for generation, parcels in _by_generation(in_time).items():
                claimed = [(parcel.id, parcel.claim.token) for parcel in parcels]
                begun.update(await claims.begin(connection, claimed, generation, now))
            if written:
                await claims.mark_written(connection, written)
            await self._mark(connection, by_fate, now)

        async with self.belt.pen:
            await insist(self.database, mark)
        self.belt.let_begin(begun, candidates)
        self._tell(ended, now)

    async def _mark(self, connection: Connection, by_fate: dict[Fate, list[Ended]], now: datetime) -> None:
        sent = [_receipt(parcel, outcome.said) for parcel, outcome in by_fate[Fate.SENT]]
        await marks.mark_sent(connection, sent, now)
        for token, ids in _by_token(by_fate[Fate.RECALLED]).items():
            await claims.put_back(connection, token, ids)
        uncertain = [one for ended in by_fate.values() for one in ended if one[1].is_uncertain]
        for token, ids in _by_token(uncertain).items():
            await marks.doubt(connection, token, ids)
        for parcel, outcome in by_fate[Fate.LATER]:
            await self._put_off(connection, parcel, outcome, now)
        for parcel, outcome in by_fate[Fate.NEVER]:
            await self._refuse(connection, parcel, f"refused: {outcome.said}", outcome.said, now)
        for token, ids in _by_token(by_fate[Fate.AWAY]).items():
            until = now if self.belt.is_ended else self.breaker.rests_until or now
            await claims.give_back(connection, token, ids, until, self.breaker.said)

    async def _put_off(self, connection: Connection, parcel: Parcel, outcome: Outcome, now: datetime) -> None:
        next_at = self._next_try(parcel, now)
        if self._asks_a_person(parcel, outcome):
            await claims.hold_doubted(connection, parcel.claim.token, parcel.id, outcome.said)
        elif next_at:
            await claims.defer(connection, parcel.claim.token, parcel.id, next_at, outcome.said)
        else:
            reason = f"put off until it was of no use any more: {outcome.said}"
            await self._refuse(connection, parcel, reason, outcome.said, now)

    def _next_try(self, parcel: Parcel, now: datetime) -> datetime | None:
        """When it is tried again after a "later"; None: it would be of no use any more."""
        row = parcel.row
        return retry.decide(
            row.attempts + 1,
            now=now,
            first_try_at=row.first_try_at or now,
            useful_by=row.useful_by,
            key=row.message_id,
            ladder=self.ladder,
        )

    def _asks_a_person(self, parcel: Parcel, outcome: Outcome) -> bool:
        """Whether it goes once more is for a person to say: it may have arrived."""
        return outcome.is_uncertain and parcel.row.kind in self.to_hold

    async def _refuse(
        self, connection: Connection, parcel: Parcel, reason: str, said: str, now: datetime
    ) -> None:
        """For good; where the server says that there is no such address, nothing more is sent to it."""
        await marks.refuse(connection, parcel.claim.token, parcel.id, reason, said)
        await take_refusal(connection, parcel.row, said, now)

    def _state_after(self, parcel: Parcel, outcome: Outcome, now: datetime) -> str:
        """Of the row: SENT or FAILED; HELD or DEFERRED where it is not over."""
        if outcome.fate is Fate.SENT:
            return SENT
        if self._asks_a_person(parcel, outcome):
            return HELD
        is_over = outcome.fate is Fate.LATER and self._next_try(parcel, now) is None
        return FAILED if is_over or outcome.fate is Fate.NEVER else DEFERRED

    def _tell(self, ended: Sequence[Ended], now: datetime) -> None:
        """One line for each mail that did not go as it should, one for those that went."""
        states = Counter[tuple[Kind, str]]()
        for parcel, outcome in ended:
            self.meters.delivered(parcel.row.kind, outcome.fate, now - parcel.row.due_at)
            states[parcel.row.kind, self._state_after(parcel, outcome, now)] += 1
            if outcome.fate in (Fate.LATER, Fate.NEVER):
                _log.warning(
                    "the mail server did not take a mail",
                    action=outcome.fate.value,
                    delivery=outcome.id,
                    code=outcome.code,
                    is_uncertain=outcome.is_uncertain,
                )
        for (kind, state), mails in states.items():
            self.meters.ended(kind, state, mails)
        sent = [outcome.id for _, outcome in ended if outcome.fate is Fate.SENT]
        if sent:
            _log.info("mails were handed over", action="sent", deliveries=sent)


async def insist(database: Database, mark: Callable[[Connection], Awaitable[None]]) -> None:
    """What was handed over and is not marked would be handed over again: until the database is back."""
    is_said = False
    while True:
        try:
            async with database.write() as connection:
                await mark(connection)
            return
        except DatabaseAway as error:
            if not is_said:
                _log.error("marks wait for the database", action="mark", why=str(error))
            is_said = True
            await asyncio.sleep(_INSIST_SECONDS)


def _receipt(parcel: Parcel, said: str) -> Receipt:
    row, claim = parcel.row, parcel.claim
    stamped_at = parcel.history.stamp(row.inserted_at) if row.method else None
    return Receipt(row.id, claim.token, said[:400], claim.in_force.members[row.member].zone, stamped_at)


def _by_fate(ended: Sequence[Ended]) -> dict[Fate, list[Ended]]:
    found: dict[Fate, list[Ended]] = defaultdict(list)
    for one in ended:
        found[one[1].fate].append(one)
    return found


def _by_token(ended: Collection[Ended]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for parcel, outcome in ended:
        found[parcel.claim.token].append(outcome.id)
    return found


def _by_generation(parcels: Collection[Parcel]) -> dict[int, list[Parcel]]:
    found: dict[int, list[Parcel]] = defaultdict(list)
    for parcel in parcels:
        found[parcel.claim.generation].append(parcel)
    return found
