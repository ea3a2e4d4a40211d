"""How an installation stands: what is in force, what waits, what is due next, what waits for a person."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from scheduler.configuration.load import Loaded
from scheduler.model import changes
from scheduler.model.answers import AnswerCount
from scheduler.model.difference import Difference
from scheduler.model.difference import compare as differences
from scheduler.model.network import Network
from scheduler.model.notices import Kind
from scheduler.model.plan import Mailing, plan_mailings
from scheduler.model.programme import Window
from scheduler.model.told import Tellings
from scheduler.service import clock_changes
from scheduler.service.bounces import WITHIN
from scheduler.service.in_force import InForce, Memory
from scheduler.service.passing_on import unreached_in_words
from scheduler.service.proposals import Seen, Standing, compare
from scheduler.store import (
    bounces,
    clocks,
    configurations,
    counts,
    holds,
    installation,
    ledger,
    passing_on,
    suppressions,
)
from scheduler.store.bounces import Bounce
from scheduler.store.bounces import Kind as Returned
from scheduler.store.clocks import Found
from scheduler.store.configurations import Applied
from scheduler.store.database import Database
from scheduler.store.held import kinds_held
from scheduler.store.holds import Hold
from scheduler.store.identity import Identity
from scheduler.store.installation import HELD
from scheduler.store.losses import Loss, losses
from scheduler.store.suppressions import Suppression, Whose
from scheduler.store.tellings import read_tellings

#: How far ahead it is said what is due.
AHEAD = timedelta(hours=48)
#: Of what is due at one instant a series is announced before its sessions, as it is sent.
_ORDER = {kind.value: position for position, kind in enumerate(Kind)}
#: A service that runs looks every half minute.
_QUIET_AFTER = timedelta(minutes=3)
#: So long it is said what did not go out.
_LATELY = timedelta(days=7)


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
    #: what applying the files would change
    difference: Difference
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
    #: what a new tz database moved, while nobody has decided on it
    clocks: Found | None
    #: why this program must not be trusted with what is in force; empty where it may
    other_clocks: str
    #: subject of a hold -> which mails wait because of it
    held: Mapping[str, Counter[Kind]]
    #: why a service with the settings of who looks would be held; empty where it would not
    elsewhere: str = ""
    #: what was missed, failed or held within a week
    losses: Sequence[Loss] = ()
    #: session ahead -> what was answered, where anybody did
    answers: Mapping[str, AnswerCount] = field(default_factory=dict)
    #: addresses that get no mails about webinars any more
    ended: int = 0
    #: contacts of today to whom nothing is sent, and why
    barred: Sequence[tuple[Whose, Suppression]] = ()
    #: why mails came back lately for another reason than their address, with how many each
    returned: Counter[str] = field(default_factory=Counter)
    #: round -> slugs of the cities that its mails do not reach
    unreached: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def waiting(self) -> int:
        """Mails that are to be sent, in whatever state."""
        return counts.waiting(self.rows)

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
        elif self.seen.standing is Standing.REFUSED:
            yield from (f"{self.seen.standing.value}: {one.sentence}" for one in self.seen.problems)
        elif self.seen.standing is not Standing.SAME:
            yield str(self.seen)
        if not self.may_send:
            yield HELD
        elif self.elsewhere:
            yield f"with the settings of this command: {self.elsewhere}"
        if self.is_unattended:
            yield "the service has not looked at what is due for a while: is `scheduler serve` running?"
        if self.other_clocks:
            yield self.other_clocks
        if self.clocks:
            yield str(self.clocks)
        for name in self.vanished:
            yield f"held: {name} vanished from the files; cancel it with status: cancelled, or put it back"
        for said, number in self.stuck.most_common(5):
            yield f"{_mails(number)} overdue; the mail server said: {said or 'nothing yet'}"
        for reason, number in self.failures.most_common(5):
            yield f"{_mails(number)} failed: {reason}"
        for said, number in self.returned.most_common(5):
            yield f"{_mails(number)} came back within {WITHIN.days} days, and the address stays: {said}"
        yield from unreached_in_words(self.unreached)
        yield from self._barred()

    def _barred(self) -> Iterator[str]:
        for whose, one in self.barred[:5]:
            yield f"nothing is sent to {whose}: {one.reason}; write another address into members.csv"
        if self.barred[5:]:
            more = len(self.barred) - 5
            yield f"nothing is sent to {more:,} more contacts; see all with: scheduler bounces list"


async def read_condition(
    database: Database,
    loaded: Loaded,
    now: datetime,
    key: bytes | None = None,
    here: Identity | None = None,
) -> Condition | None:
    """None before the first configuration. Writes nothing. key: the installation's; raises KeyNeeded.

    here: the installation that the settings of who looks name.
    """
    memory = Memory()
    async with database.read() as connection:
        applied = await configurations.latest(connection)
        if applied is None:
            return None
        in_force = await memory.current(connection)
        held_back = await holds.read(connection)
        may_send = await installation.may_send(connection)
        returned = [one for _, _, one in await bounces.of_kind(connection, Returned.POLICY, now - WITHIN)]
        condition = Condition(
            looked_at=now,
            applied=applied,
            network=in_force.network,
            seen=Seen(Standing.SAME),
            difference=Difference(),
            last_look=await ledger.settled_until(connection) or applied.applied_at,
            may_send=may_send,
            rows=await counts.count_by_state(connection),
            oldest_due=await counts.oldest_due(connection, now),
            due=(),
            failures=await counts.failures(connection),
            stuck=await counts.stuck(connection, now),
            vanished=in_force.held(now),
            holds=held_back,
            clocks=await clocks.waiting(connection),
            other_clocks=clock_changes.disagreement(in_force),
            held=await kinds_held(connection),
            elsewhere=await installation.why_held(connection, here) if may_send else "",
            losses=await losses(connection, now - _LATELY),
            barred=await suppressions.barred(connection),
            returned=_words(returned),
            unreached=await passing_on.unreached(connection, now),
        )
        told = await read_tellings(connection, now)
    compared = await compare(database, memory, loaded, now=now, key=key)
    due = await asyncio.to_thread(_due, in_force, told, held_back, now) if may_send else ()
    difference = Difference()
    if compared.proposal:
        kept = changes.carry_over(in_force.configuration, compared.proposal, now)
        difference = differences(in_force.configuration, kept)
    return replace(
        condition,
        seen=compared.seen,
        difference=difference,
        due=due,
        answers=_answers(in_force, told, now),
        ended=len(told.ended),
    )


def _words(returned: Iterable[Bounce]) -> Counter[str]:
    return Counter(one.said or f"status {one.status or 'not said'}" for one in returned)


def _answers(in_force: InForce, told: Tellings, now: datetime) -> dict[str, AnswerCount]:
    ahead = (in_force.occurrences[name] for name in told.answers if name in in_force.occurrences)
    counts = {o.id: (o, told.count_answers(o)) for o in ahead if not o.is_over(now)}
    in_order = sorted(counts, key=lambda name: (counts[name][0].on, name))
    return {name: count for name in in_order if (count := counts[name][1])}


def _due(in_force: InForce, told: Tellings, held: Sequence[Hold], now: datetime) -> list[Due]:
    """What will go out, as the plan has it."""
    ahead = Window(now, now + AHEAD)
    mailings = plan_mailings(in_force.configuration, in_force.groups, ahead, in_force.since, told)
    dues = (_as_due(mailing, held) for mailing in mailings)
    return sorted(dues, key=lambda due: (due.at, _ORDER[due.kind], due.occurrence))


def _as_due(mailing: Mailing, held: Sequence[Hold]) -> Due:
    occurrence, rule = mailing.occurrence.id, mailing.rule
    is_held = any(hold.covers(occurrence, rule.kind) for hold in held)
    return Due(mailing.due_at, rule.kind.value, rule.id, occurrence, mailing.mails, is_held)


def _mails(number: int) -> str:
    return f"{number:,} mail" + ("" if number == 1 else "s")
