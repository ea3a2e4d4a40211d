"""What is going to be sent in a span, to how many: slots met by what each contact knows already.

Worked out on crowds of members that are alike, one occurrence after the other, never as a list of all
notices. The same rules decide in the outbox, row by row; what is promised here is what goes out there.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

from scheduler.model.cases import heads
from scheduler.model.cycles import Cycle
from scheduler.model.members import Contact, Member, first_of_each_address, stand_ins
from scheduler.model.moments import Since
from scheduler.model.network import Configuration, Network
from scheduler.model.notices import ASKING, CORRECTIONS, OF_ONE_CITY, REMINDERS, STATEFUL, Kind, NoticeRule
from scheduler.model.programme import Occurrence, Window
from scheduler.model.slots import Crowd, Crowds, Due, Group, as_they_are, duties, find_due
from scheduler.model.told import Tellings, Told, is_needed, is_wanted, tell, words_rest_on

#: Nothing was ever sent.
NOTHING_TOLD = Tellings()


@dataclass(frozen=True)
class Mailing:
    """One rule of one occurrence as it goes out at one instant."""

    due_at: datetime
    occurrence: Occurrence
    rule: NoticeRule
    #: who is written to, and which of the contacts of each member, by position
    to: tuple[tuple[Crowd, tuple[int, ...]], ...]

    @property
    def mails(self) -> int:
        return sum(crowd.size * len(positions) for crowd, positions in self.to)

    def contacts(self) -> Iterator[tuple[Member, Contact]]:
        for crowd, positions in self.to:
            for member in crowd.members:
                yield from ((member, member.contacts[position]) for position in positions)


@dataclass(frozen=True)
class Tally:
    """Several mailings in numbers."""

    mails: int
    members: int
    #: code of a mail language -> mails
    languages: Mapping[str, int]
    first_at: datetime | None
    last_at: datetime | None


def plan_mailings(
    configuration: Configuration,
    groups: Sequence[Group],
    window: Window,
    since: Since,
    told: Tellings = NOTHING_TOLD,
) -> Iterator[Mailing]:
    """All that goes out in `window` under a configuration, each occurrence for itself, in order of time.

    since: as it is when the configuration comes into force; told: what contacts know already (nothing).
    """
    crowds = Crowds(groups, configuration.network, window)
    for occurrence, rules in duties(configuration, since):
        is_known = told.is_known(occurrence.id)
        asked = [rule for rule in rules if is_known or rule.kind not in CORRECTIONS]
        # who is not invited can only have to hear that it is off, after having been told that it is on
        concerned = [crowd for crowd in crowds.of(occurrence) if is_known or crowd.is_invited(occurrence)]
        leaders = heads(occurrence.of, configuration.members) if isinstance(occurrence.of, Cycle) else {}
        kept = told.kept(occurrence, configuration.members, configuration.network)
        still_on = {rule.id: kept for rule in asked if kept and rule.kind is Kind.CANCELLED}
        for there, apart in as_they_are(occurrence, concerned):
            done = {rule.id: _done(there, rule, since, told) for rule in asked} | still_on
            parted = _parted(apart, there, asked, told, done, leaders)
            due = find_due(there, asked, list(parted), configuration.network, since, window)
            yield from _Books(there, configuration.network, parted).mailings(due)


def _done(occurrence: Occurrence, rule: NoticeRule, since: Since, told: Tellings) -> AbstractSet[int]:
    """Contacts that had this very mail before; what goes into calendars is decided by what was told."""
    if rule.kind in STATEFUL:
        return frozenset()
    at = occurrence.starts_at if occurrence.session else occurrence.ends_at
    basis = words_rest_on(rule.kind, at, since.rule_changed_at(occurrence, rule))
    return told.done.get((occurrence.id, rule.id, basis), frozenset())


@dataclass(frozen=True)
class _Knowledge:
    """What the contacts of one crowd know, by position."""

    #: missing: nothing
    told: dict[int, Told] = field(default_factory=dict)
    #: (position, rule id) of what they had before, or do not want
    done: AbstractSet[tuple[int, str]] = frozenset()
    #: positions of those to whom nothing at all is sent
    barred: AbstractSet[int] = frozenset()


#: What a contact was told, the rules whose mail it had, or does not want, and whether nothing at all is sent
#: to it; and that of each contact of a member.
_Reader = tuple[Told | None, tuple[str, ...], bool]
_Signature = tuple[_Reader, ...]


def _parted(
    crowds: Iterable[Crowd],
    occurrence: Occurrence,
    rules: Sequence[NoticeRule],
    told: Tellings,
    done: Mapping[str, AbstractSet[int]],
    leaders: Mapping[str, Collection[str]],
) -> dict[Crowd, _Knowledge]:
    """The crowds, parted where their contacts know or want different things.

    leaders: of a round, the cities whose clock counts for the digests -> the cities that each is about.
    """
    done = {rule: numbers for rule, numbers in done.items() if numbers}
    declined, come = told.declined(occurrence.id), told.come.get(occurrence.id, frozenset())
    digests = frozenset(rule.id for rule in rules if rule.is_digest)
    asking = frozenset(rule.id for rule in rules if rule.kind in ASKING)
    knows_more = told.is_known(occurrence.id) or done or declined or told.ended or told.barred
    if not (knows_more or come or digests):
        return {crowd: _Knowledge() for crowd in crowds}

    def of_contact(contact: Contact, number: int, not_due: AbstractSet[str]) -> _Reader:
        left_out = {rule for rule, had in done.items() if number in had} | not_due
        ended, no, is_barred = told.has_ended(contact), number in declined, told.is_barred(contact)
        if is_barred:
            left_out = {rule.id for rule in rules}
        elif ended or no:
            left_out |= {rule.id for rule in rules if not is_wanted(rule.kind, ended, no)}
        return told.knows(occurrence, number), tuple(sorted(left_out)), is_barred

    def signature(member: Member) -> _Signature:
        not_due = asking if member.slug in come else frozenset[str]()
        if digests and not any(slug not in come for slug in leaders.get(member.slug, ())):
            not_due |= digests
        return tuple(
            of_contact(contact, told.number(member, contact), not_due) for contact in member.contacts
        )

    return {part: knowledge for crowd in crowds for part, knowledge in _parts(crowd, signature)}


def _parts(crowd: Crowd, signature: Callable[[Member], _Signature]) -> Iterator[tuple[Crowd, _Knowledge]]:
    alike: dict[_Signature, list[Group]] = defaultdict(list)
    for group in crowd.groups:
        within: dict[_Signature, list[Member]] = defaultdict(list)
        for member in group.members:
            within[signature(member)].append(member)
        for known, members in within.items():
            alike[known].append(Group(tuple(members)))
    for known, groups in alike.items():
        told = {position: one for position, (one, *_) in enumerate(known) if one}
        done = {(position, rule) for position, (_, rules, _) in enumerate(known) for rule in rules}
        barred = {position for position, (*_, is_barred) in enumerate(known) if is_barred}
        yield Crowd(tuple(groups)), _Knowledge(told, done, barred)


@dataclass(frozen=True)
class _Books:
    """What the contacts know of one occurrence, as time goes on."""

    occurrence: Occurrence
    network: Network
    knowledge: Mapping[Crowd, _Knowledge]

    def mailings(self, due: Iterable[Due]) -> Iterator[Mailing]:
        """In order of time: what was told before decides what is told next."""
        for _, together in groupby(due, key=lambda one: one.at):
            yield from self._at_once(list(together))

    def _at_once(self, together: Sequence[Due]) -> Iterator[Mailing]:
        latest = _latest(together)
        news: set[tuple[Crowd, int]] = set()
        for one in together:
            to = []
            for crowd in one.crowds:
                roles = _roles(one, crowd, latest)
                positions = self._needed(one, crowd, roles, news)
                if positions:
                    to.append((crowd, positions))
                if one.rule.kind in STATEFUL:
                    self._tell(one, crowd, positions)
                    news.update((crowd, position) for position in positions)
            if to:
                yield Mailing(one.at, self.occurrence, one.rule, tuple(to))

    def _needed(
        self, one: Due, crowd: Crowd, roles: tuple[str, ...], news: Collection[tuple[Crowd, int]]
    ) -> tuple[int, ...]:
        """No reminder goes out beside the mail that it would remind of."""
        kind, known = one.rule.kind, self.knowledge[crowd]
        meant = crowd.chosen(roles, self.network)
        if roles and kind in OF_ONE_CITY:
            contacts = crowd.like.contacts
            others = stand_ins(contacts, roles, known.barred)
            allowed = (one for one in others if self.network.may_write_to(contacts[one].address))
            meant = first_of_each_address(contacts, (*meant, *allowed)) if others else meant
        needed = (
            position
            for position in meant
            if is_needed(kind, known.told.get(position), self.occurrence, one.at)
            and (position, one.rule.id) not in known.done
        )
        if kind in REMINDERS and news:
            return tuple(position for position in needed if (crowd, position) not in news)
        return tuple(needed)

    def _tell(self, one: Due, crowd: Crowd, positions: Iterable[int]) -> None:
        told = self.knowledge[crowd].told
        for position in positions:
            told[position] = tell(one.rule.kind, told.get(position), self.occurrence)


#: Which rule is the last of those that are due at one instant, for each crowd and role; of digests apart.
_Latest = Mapping[tuple[Crowd, str, bool], NoticeRule]


def _latest(together: Sequence[Due]) -> _Latest:
    """Empty where there is nothing to choose between."""
    timed = [one for one in together if one.rule.kind not in STATEFUL]
    if len(timed) < 2:
        return {}
    return {
        (crowd, role, one.rule.is_digest): one.rule
        for one in timed
        for crowd in one.crowds
        for role in one.rule.to
    }


def _roles(one: Due, crowd: Crowd, latest: _Latest) -> tuple[str, ...]:
    """Of several reminders that are due together each role gets the last one, as in `latest_only`."""
    if not latest or one.rule.kind in STATEFUL:
        return one.rule.to
    return tuple(r for r in one.rule.to if latest[crowd, r, one.rule.is_digest] is one.rule)


def tally(mailings: Iterable[Mailing]) -> Tally:
    """In numbers; a member that is written to several times counts once."""
    times_reached = Counter[tuple[Crowd, tuple[int, ...]]]()
    instants = []
    for mailing in mailings:
        instants.append(mailing.due_at)
        times_reached.update(mailing.to)
    languages = Counter[str]()
    for (crowd, positions), number in times_reached.items():
        for group in crowd.groups:
            languages[group.like.languages[0]] += number * len(positions) * len(group.members)
    members = {member.slug for crowd, _ in times_reached for member in crowd.members}
    first_at, last_at = (min(instants), max(instants)) if instants else (None, None)
    return Tally(languages.total(), len(members), languages, first_at, last_at)
