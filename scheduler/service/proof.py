"""What staff can prove of a round: who had to report, how far each report is, and who was told what and when.

A mail counts as told when the mail server took it and it has not come back; what bounced is not notified
(story US-25.2). Digests to national coordinators are about several cities, so they tell none of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from scheduler import logs
from scheduler.model.cases import IDLE, LETTERS, Case, Timing, advance, timing
from scheduler.model.cycles import Cycle, Duty
from scheduler.model.members import CHAIN, Contact, Member, Membership
from scheduler.model.network import Network
from scheduler.model.notices import Kind
from scheduler.service.in_force import InForce
from scheduler.store import cases, proofs, suppressions
from scheduler.store.database import Connection
from scheduler.store.outbox import FAILED, SENT, UNSENT
from scheduler.store.proofs import Count, LastWords, Mail

#: Stands for the region and country of a city that is in no file any more.
NOWHERE = "not in members.csv any more"
_NO_WORDS = LastWords("", "")
#: A person's decision of a duty, as the log has it; `decision_in` finds it there.
_DECIDED = "decided: {duty}; {because}"


class Reach(StrEnum):
    """Whether anybody was told of the round who can act for the city."""

    TOLD = "told"
    #: nothing has arrived yet; something is still to be sent
    WAITING = "on its way"
    #: nothing has fallen due yet
    NOT_YET = "nothing sent yet"
    #: all that was tried failed or came back, or there is nobody to write to: staff must act
    NOT_REACHED = "not reached"


@dataclass(frozen=True)
class Standing:
    """One city in a round, as it is at one moment."""

    case: Case
    #: None: it is in no file any more
    member: Member | None
    name: str
    #: in words
    country: str
    region: str
    #: None where nothing is due from it
    timing: Timing | None
    #: in staff's words, where it has more time than was announced
    extended_because: str
    #: None where nothing is due from it
    reach: Reach | None
    #: why nobody was reached, in words without addresses
    why_not: str
    #: mails that it got and did not get, without digests
    mails: tuple[Count, ...]
    words: LastWords

    @property
    def is_due(self) -> bool:
        return self.case.state not in IDLE

    @property
    def told(self) -> tuple[str, ...]:
        """The roles that were told of the round at least once, in the order of the chain."""
        return _in_order({mail.role for mail in self.mails if mail.sent})

    @property
    def missed(self) -> tuple[str, ...]:
        """The roles that were tried, and to whom nothing has arrived."""
        failed = {mail.role for mail in self.mails if mail.failed}
        return _in_order(failed.difference(self.told))

    @property
    def notified(self) -> tuple[str, ...]:
        """The roles at whom the letter of its outcome has arrived."""
        letter = LETTERS.get(self.case.state)
        return _in_order({mail.role for mail in self.mails if mail.sent and mail.kind is letter})

    @property
    def first_at(self) -> datetime | None:
        return min((mail.first_at for mail in self.mails if mail.first_at), default=None)

    @property
    def last_at(self) -> datetime | None:
        return max((mail.last_at for mail in self.mails if mail.last_at), default=None)


@dataclass(frozen=True)
class Sum:
    """The cases of one region or country, or of all, in numbers that add up."""

    name: str
    due: int
    by_timing: Mapping[Timing, int]


@dataclass(frozen=True)
class Round:
    """All cases of a round at one moment, ordered by slug."""

    cycle: Cycle
    network: Network
    at: datetime
    standings: tuple[Standing, ...]

    @cached_property
    def due(self) -> tuple[Standing, ...]:
        return tuple(one for one in self.standings if one.is_due)

    @cached_property
    def states(self) -> Mapping[str, int]:
        """State -> number, in the order of its life."""
        return Counter(one.case.state.value for one in self.standings)

    @property
    def total(self) -> Sum:
        return _sum("all", self.due)

    def by_region(self) -> list[Sum]:
        return _sums((one.region, one) for one in self.due)

    def by_country(self) -> list[Sum]:
        return _sums((one.country, one) for one in self.due)


def _sums(named: Iterable[tuple[str, Standing]]) -> list[Sum]:
    found: dict[str, list[Standing]] = {}
    for name, one in named:
        found.setdefault(name, []).append(one)
    return [_sum(name, found[name]) for name in sorted(found)]


def _sum(name: str, standings: Sequence[Standing]) -> Sum:
    counted = Counter(one.timing for one in standings)
    return Sum(name, len(standings), {which: counted[which] for which in Timing})


@dataclass(frozen=True)
class Told:
    """A contact who was told: by the last mail that arrived there."""

    role: str
    address: str
    mails: int
    first_at: datetime
    last_at: datetime
    #: the mail server's words
    receipt: str


@dataclass(frozen=True)
class Unreached:
    """A contact who was not told, and why."""

    role: str
    address: str
    why: str


@dataclass(frozen=True)
class Proof:
    """All that is known of one city in a round."""

    standing: Standing
    duty: Duty
    #: why that is its duty: sentences
    why: tuple[str, ...]
    log: tuple[cases.Line, ...]
    mails: tuple[Mail, ...]
    told: tuple[Told, ...]
    unreached: tuple[Unreached, ...]


async def read_round(
    connection: Connection,
    in_force: InForce,
    cycle: Cycle,
    now: datetime,
    slugs: Collection[str] | None = None,
) -> Round:
    """A handful of questions, however many cities there are. slugs: only these cities; their sums are no
    round's."""
    found = await cases.read(connection, cycle.id, slugs)
    counts = await proofs.counts(connection, cycle.id, slugs)
    words = await proofs.last_words(connection, cycle.id, slugs)
    barred = await suppressions.reasons(connection)
    eye = _Eye(in_force, cycle, barred, now)
    standings = (eye.standing(c, counts.get(c.member, ()), words.get(c.member, _NO_WORDS)) for c in found)
    return Round(cycle, in_force.network, now, tuple(standings))


async def read_proofs(
    connection: Connection,
    in_force: InForce,
    whole: Round,
    slugs: Collection[str] | None = None,
) -> list[Proof]:
    """Of these cities of a round, or of all. slugs: without a case: left out."""
    one = next(iter(slugs)) if slugs is not None and len(slugs) == 1 else None
    mails = await proofs.mails(connection, whole.cycle.id, slugs)
    lines: dict[str, list[cases.Line]] = {}
    for line in await cases.log(connection, whole.cycle.id, one):
        lines.setdefault(line.member, []).append(line)
    eye = _Eye(in_force, whole.cycle, await suppressions.reasons(connection), whole.at)
    return [
        eye.proof(standing, lines.get(standing.case.member, ()), mails.get(standing.case.member, ()))
        for standing in whole.standings
        if slugs is None or standing.case.member in slugs
    ]


@dataclass(frozen=True)
class _Eye:
    """Looks at the cities of one round."""

    in_force: InForce
    cycle: Cycle
    #: address in small letters -> why nothing is sent there
    barred: Mapping[str, str]
    now: datetime
    #: zone -> last moment there as it was announced
    _announced: dict[str, datetime] = field(default_factory=dict)

    @cached_property
    def _countries(self) -> Mapping[str, str]:
        return {country.code: country.name for country in self.in_force.configuration.countries}

    @cached_property
    def _regions(self) -> Mapping[str, str]:
        return {region.id: region.name for region in self.in_force.network.regions}

    def standing(self, known: Case, counts: Iterable[Count], words: LastWords) -> Standing:
        case = advance(known, self.now)
        member = self.in_force.members.get(case.member)
        mails = tuple(count for count in counts if count.kind is not Kind.REPORT_DIGEST)
        is_due = case.state not in IDLE
        reach = self._reach(case, member, mails) if is_due else None
        extension = self.cycle.extension_of(member) if member else None
        return Standing(
            case=case,
            member=member,
            name=member.name if member else case.member,
            country=self._countries.get(member.country, member.country) if member else NOWHERE,
            region=self._regions.get(member.region, member.region) if member else NOWHERE,
            timing=timing(case, self._announced_at(case, member)) if is_due else None,
            extended_because=extension.because if extension else "",
            reach=reach,
            why_not=self._why_not(member, words) if reach is Reach.NOT_REACHED else "",
            mails=mails,
            words=words,
        )

    def _announced_at(self, case: Case, member: Member | None) -> datetime:
        if member is None:
            return case.deadline_at
        if member.zone not in self._announced:
            self._announced[member.zone] = self.cycle.deadline.there(member.zone).instant
        return self._announced[member.zone]

    def _reach(self, case: Case, member: Member | None, mails: Sequence[Count]) -> Reach:
        if any(mail.sent for mail in mails):
            return Reach.TOLD
        if any(mail.waiting for mail in mails):
            return Reach.WAITING
        is_over = self.now > case.deadline_at
        if is_over or any(mail.failed for mail in mails) or not self._can_be_written_to(member):
            return Reach.NOT_REACHED
        return Reach.NOT_YET

    def _can_be_written_to(self, member: Member | None) -> bool:
        return member is not None and any(not self._why_barred(c.address) for c in _chain(member))

    def _why_barred(self, address: str) -> str:
        if not self.in_force.network.may_write_to(address):
            return "network.yaml (only_to) lets no mail go there"
        return self.barred.get(address.lower(), "")

    def _why_not(self, member: Member | None, words: LastWords) -> str:
        contacts = _chain(member) if member else []
        if not contacts:
            return "there is nobody to write to"
        reasons = dict.fromkeys(filter(None, (self._why_barred(one.address) for one in contacts)))
        if words.failure and not any(reason in words.failure for reason in reasons):
            reasons[words.failure] = None
        return str(logs.clean("; ".join(reasons))) or "no mail of this round was sent"

    def proof(self, standing: Standing, log: Sequence[cases.Line], mails: Sequence[Mail]) -> Proof:
        member = standing.member
        duty = self.cycle.duty(member) if member else Duty.NOT_CONCERNED
        told = tuple(_told(mails))
        return Proof(
            standing,
            duty,
            tuple(self._why(standing, duty, log)),
            tuple(log),
            tuple(mails),
            told,
            tuple(self._unreached(member, mails, {one.address.lower() for one in told})),
        )

    def _why(self, standing: Standing, duty: Duty, log: Sequence[cases.Line]) -> Iterator[str]:
        member, who = standing.member, self.cycle.who
        if member is None:
            yield NOWHERE
            return
        if decision := who.decision_of(member):
            yield decision_in(log, decision)
        elif member.slug in who.also:
            yield "the round's file names it under also"
        elif reason := who.exempts(member):
            yield f"the round's file exempts it: {reason}"
        yield from (_in_words(membership) for membership in member.memberships)
        if duty is Duty.UNDECIDED:
            yield "that is not known well enough: a person decides"

    def _unreached(
        self, member: Member | None, mails: Sequence[Mail], told: Collection[str]
    ) -> Iterator[Unreached]:
        """Those whose mails failed or came back, and who cannot be written to at all."""
        found: dict[str, Unreached] = {}
        for mail in mails:
            is_own = mail.kind is not Kind.REPORT_DIGEST
            if is_own and mail.state == FAILED and mail.address.lower() not in told:
                found[mail.address.lower()] = Unreached(mail.role, mail.address, mail.reason)
        waiting = {mail.address.lower() for mail in mails if mail.state in UNSENT}
        for contact in _chain(member) if member else ():
            why = self._why_barred(contact.address)
            place = contact.address.lower()
            if why and place not in told and place not in waiting:
                found.setdefault(place, Unreached(contact.role, contact.address, why))
        return iter(found.values())


def _told(mails: Sequence[Mail]) -> Iterator[Told]:
    by_contact: dict[tuple[str, str], list[Mail]] = {}
    for mail in mails:
        if mail.state == SENT and mail.sent_at and mail.kind is not Kind.REPORT_DIGEST:
            by_contact.setdefault((mail.role, mail.address), []).append(mail)
    for (role, address), theirs in by_contact.items():
        last = max(theirs, key=lambda mail: (mail.sent_at, mail.id))
        first_at = min(mail.sent_at for mail in theirs if mail.sent_at)
        yield Told(role, address, len(theirs), first_at, last.sent_at or first_at, last.receipt or "")


def decision_words(duty: Duty, because: str) -> str:
    """What a person decided, for the log."""
    return _DECIDED.format(duty=duty, because=because)


def decision_in(log: Iterable[cases.Line], duty: Duty) -> str:
    """Who decided that last, when and why."""
    begin = _DECIDED.format(duty=duty, because="")
    found = [line for line in log if line.reason.startswith(begin)]
    if not found:
        return f"a person decided: {duty}"
    line = found[-1]
    return f"{line.actor} decided on {line.at:%Y-%m-%d}: {duty}; {line.reason.removeprefix(begin)}"


def _in_words(membership: Membership) -> str:
    """Gives "membership began 2019-01-01 to 2019-12-31 (year)"."""
    first, last = membership.began.first, membership.began.last
    if first and first == last:
        began = f"on {first}"
    elif first and last:
        began = f"between {first} and {last}"
    else:
        began = f"not later than {last}" if last else f"not before {first}" if first else "at a date unknown"
    ended = f" and ended on {membership.until}" if membership.until else ""
    return f"its membership began {began} ({membership.certainty}){ended}"


def _chain(member: Member) -> list[Contact]:
    return [contact for contact in member.contacts if contact.role in CHAIN]


def _in_order(roles: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted(roles, key=lambda role: (CHAIN.index(role) if role in CHAIN else len(CHAIN), role)))
