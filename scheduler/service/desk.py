"""Where claimed rows become finished mails: what still holds is written, and what does not is sorted out.

A mail is joined in microseconds, so that is done in the event loop, some at a time: in a thread it would
take longer, and keep the loop waiting for the interpreter. What many mails share takes milliseconds to make,
and is made in a thread.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import perf_counter

from scheduler import logs
from scheduler.errors import MessageRefused
from scheduler.mail.post import Fate, Outcome, Outgoing
from scheduler.model.history import History
from scheduler.service.belt import Claim, Ended, Parcel
from scheduler.service.letters import Letters
from scheduler.service.links import Links
from scheduler.service.return_paths import ReturnPaths
from scheduler.service.verdicts import Verdict, judge, rests_until
from scheduler.store.outbox import Delivery

#: Seconds after which others have their turn in the event loop.
_SLICE = 0.0005

_log = logs.get("deliverer")


@dataclass
class Batch:
    """What became of the rows of a claim."""

    written: list[Parcel] = field(default_factory=list)
    #: could not be written
    spoilt: list[Ended] = field(default_factory=list)
    #: ids of what must not be sent any more, by state and reason
    verdicts: dict[Verdict, list[int]] = field(default_factory=lambda: defaultdict(list))
    #: ids of what goes later, by when
    resting: dict[datetime, list[int]] = field(default_factory=lambda: defaultdict(list))


class Desk:
    """One batch at a time."""

    def __init__(self, links: Links) -> None:
        self._links, self._paths = links, ReturnPaths(links.key)
        self._letters: Letters | None = None

    async def work_off(
        self, claim: Claim, rows: Sequence[Delivery], passed: Mapping[int, History], now: datetime
    ) -> Batch:
        """passed: what passed before with the contact of each row, by the row's id."""
        if self._letters is None or self._letters.in_force is not claim.in_force:
            self._letters = Letters(claim.in_force, self._links)
        batch, letters, began = Batch(), self._letters, perf_counter()
        for row, verdict in judge(rows, passed, claim.in_force, now):
            if verdict:
                batch.verdicts[verdict].append(row.id)
            elif until := rests_until(row, claim.in_force, now):
                batch.resting[until].append(row.id)
            else:
                await self._write(batch, letters, claim, row, passed[row.id], now)
            if perf_counter() - began > _SLICE:
                await asyncio.sleep(0)
                began = perf_counter()
        return batch

    async def _write(
        self,
        batch: Batch,
        letters: Letters,
        claim: Claim,
        row: Delivery,
        history: History,
        now: datetime,
    ) -> None:
        """A finished mail, or what became of a row that cannot be written: the others go all the same."""
        octets, sender, fate, said = b"", "", Fate.LATER, ""
        # another try says what the first one said
        at = row.first_try_at or now
        try:
            at_once = letters.write_at_once(row, history, at)
            octets = at_once if at_once else await asyncio.to_thread(letters.write, row, history, at)
            sender = self._paths.of(claim.in_force.network, row.id)
        except MessageRefused as error:
            octets, fate, said = b"", Fate.NEVER, str(error)
        except Exception as error:
            _log.exception("a mail could not be written", action="spoilt", delivery=row.id)
            octets, said = b"", f"it could not be written ({type(error).__name__}); the log says more"
        message = Outgoing(row.id, row.message_id, row.address, octets, claim.in_force.network, now, sender)
        parcel = Parcel(message, row, history, claim)
        if octets:
            batch.written.append(parcel)
        else:
            batch.spoilt.append((parcel, Outcome(row.id, fate, said)))
