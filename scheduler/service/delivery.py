"""The deliverer: claims rows, looks once more whether they still hold, writes and posts them, marks them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

from scheduler.mail.mailbox import Maildir, Outgoing
from scheduler.mail.views import Told
from scheduler.model import times
from scheduler.model.cycles import Cycle, Duty
from scheduler.model.members import Standing
from scheduler.model.notices import Kind
from scheduler.model.programme import Occurrence
from scheduler.service.clock import Bell, Clock
from scheduler.service.in_force import InForce, Memory
from scheduler.service.letters import Letters
from scheduler.service.links import Links
from scheduler.store import outbox
from scheduler.store.database import Database
from scheduler.store.outbox import Delivery, Receipt

#: How many rows are claimed, posted and marked at once: what a crash can repeat at the most.
MAX_IN_FLIGHT = 10

Verdict = tuple[str, str]


@dataclass
class Deliverer:
    database: Database
    clock: Clock
    mailbox: Maildir
    links: Links
    memory: Memory
    max_in_flight: int = MAX_IN_FLIGHT
    bell: Bell = field(init=False)
    _letters: Letters | None = None

    def __post_init__(self) -> None:
        self.bell = self.clock.bell()

    async def run(self) -> None:
        """Delivers all there is, and sleeps until the bell rings; for ever."""
        while True:
            while await self.deliver_some():
                pass
            await self.clock.sleep_until(None, self.bell)

    async def deliver_some(self) -> bool:
        """One batch; True when there may be more."""
        now, token = self.clock.now(), uuid4().hex
        async with self.database.write() as connection:
            rows = await outbox.claim(connection, token, self.max_in_flight, now)
            in_force = await self.memory.current(connection) if rows else None
            told = await outbox.last_told(
                connection, [(r.contact_id, r.occurrence) for r in rows if _compares(r)]
            )
        if not rows or in_force is None:
            return False
        verdicts = {row.id: why_not(row, in_force, now) for row in rows}
        wanted = [row for row in rows if verdicts[row.id] is None]
        known = {row.id: told.get((row.contact_id, row.occurrence)) for row in wanted}
        receipts = await asyncio.to_thread(self._post, in_force, wanted, known, now)
        async with self.database.write() as connection:
            await outbox.mark_sent(connection, token, receipts, now)
            for (state, reason), ids in _by_verdict(verdicts).items():
                await outbox.close(connection, token, ids, state, reason)
        return len(rows) == self.max_in_flight

    def _post(
        self, in_force: InForce, rows: Sequence[Delivery], told: dict[int, object], now: datetime
    ) -> list[Receipt]:
        if self._letters is None or self._letters.in_force is not in_force:
            self._letters = Letters(in_force, self.links)
        messages = [
            Outgoing(row.id, row.message_id, row.address, self._letters.write(row, _told(told[row.id]), now))
            for row in rows
        ]
        put = dict(self.mailbox.deliver(messages, in_force.network, now))
        return [Receipt(row.id, put[row.id], in_force.members[row.member].zone) for row in rows]


def why_not(row: Delivery, in_force: InForce, now: datetime) -> Verdict | None:
    """The state and reason of a row that must not be sent any more; None while it holds."""
    if now >= row.useful_by:
        return outbox.MISSED, "its moment had passed"
    member = in_force.members.get(row.member)
    if member is None or not row.is_listed:
        return outbox.WITHDRAWN, "the contact is no longer in members.csv"
    if not in_force.network.may_write_to(row.address):
        return outbox.FAILED, "only_to in network.yaml does not allow this address"
    today = times.local_date(now, in_force.network.zone)
    if row.kind is not Kind.CANCELLED and member.standing(today) is not Standing.MEMBER:
        return outbox.WITHDRAWN, "the city is no member any more"
    if row.kind is Kind.ANNOUNCEMENT:
        gone = row.occurrence not in in_force.series
        return (outbox.WITHDRAWN, "the series is no longer there") if gone else None
    occurrence = in_force.occurrences.get(row.occurrence)
    if occurrence is None or occurrence.is_held:
        return outbox.WITHDRAWN, "the session or round vanished from the files"
    if isinstance(occurrence.of, Cycle):
        return _report_verdict(row, occurrence, occurrence.of.duty(member))
    if row.kind is Kind.CANCELLED:
        back = not occurrence.is_cancelled and occurrence.invites(member, in_force.network)
        return (outbox.WITHDRAWN, "the session takes place after all") if back else None
    if not occurrence.invites(member, in_force.network):
        return outbox.WITHDRAWN, "the member is no longer invited"
    return _session_verdict(row, occurrence)


def _session_verdict(row: Delivery, occurrence: Occurrence) -> Verdict | None:
    if occurrence.is_cancelled:
        return outbox.WITHDRAWN, "the session was cancelled"
    if row.starts_at != occurrence.starts_at or row.status != occurrence.status:
        return outbox.WITHDRAWN, "the session was moved"
    if row.method and (row.ends_at != occurrence.ends_at or row.place != occurrence.place):
        return outbox.WITHDRAWN, "the session was changed"
    return None


def _report_verdict(row: Delivery, occurrence: Occurrence, duty: Duty) -> Verdict | None:
    if duty is not Duty.DUE:
        return outbox.WITHDRAWN, "the member is not due in this round"
    if row.ends_at != occurrence.ends_at:
        return outbox.WITHDRAWN, "the deadline was moved"
    return None


def _compares(row: Delivery) -> bool:
    return row.kind in (Kind.CHANGED, Kind.CANCELLED)


def _by_verdict(verdicts: dict[int, Verdict | None]) -> dict[Verdict, list[int]]:
    found: dict[Verdict, list[int]] = defaultdict(list)
    for row_id, verdict in verdicts.items():
        if verdict:
            found[verdict].append(row_id)
    return found


def _told(row: object) -> Told | None:
    if row is None:
        return None
    return Told(*(getattr(row, name) for name in Told.__dataclass_fields__))
