"""Programme + members + rules -> what is due when, for whom.

Computed on groups of members that are alike for every rule, never as a list of all notices: a notice for
one contact exists only as a row of the outbox, or in the year of one member.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property

from scheduler.model import times
from scheduler.model.audience import Audience
from scheduler.model.cycles import Cycle
from scheduler.model.members import Member, first_of_each_address
from scheduler.model.moments import (
    POSTPONED_USEFUL,
    Question,
    Since,
    announced_as_a_whole,
    due_moments,
    useful_by,
)
from scheduler.model.network import Configuration, Network
from scheduler.model.notices import (
    STATEFUL,
    Days,
    Kind,
    NoticeRule,
    WorkingDayAfter,
    WorkingDaysBefore,
)
from scheduler.model.programme import Occurrence, Window, occurrences_of
from scheduler.model.series import Series

#: No zone, weekend or night moves a moment further than this from the day its rule names.
_SLACK = timedelta(days=9)

#: Longer than anything of the past matters: a session that is over is asked for that long (moments.py).
_LONG = POSTPONED_USEFUL + timedelta(days=40)

#: Each week has a working day, so this many days hold one.
_LONGEST_WEEK = 7

_ORDER = {kind: position for position, kind in enumerate(Kind)}


@dataclass(frozen=True)
class Group:
    """Members that no rule, audience, cycle or calendar tells apart: what holds for one holds for all.

    They have contacts in the same roles, in the same order.
    """

    members: tuple[Member, ...]

    @property
    def like(self) -> Member:
        return self.members[0]


@dataclass(frozen=True)
class Slot:
    """One rule met one occurrence: the groups whose local hour makes it due at one instant."""

    occurrence: Occurrence
    rule: NoticeRule
    due_at: datetime
    groups: tuple[Group, ...]

    @property
    def useful_by(self) -> datetime:
        return useful_by(self.occurrence, self.rule)

    def members(self) -> Iterator[Member]:
        return (member for group in self.groups for member in group.members)

    def count(self) -> int:
        """How many contacts it can reach."""
        return sum(len(group.members) * len(chosen(group.like, self.rule.to)) for group in self.groups)


def chosen(member: Member, roles: Sequence[str]) -> tuple[int, ...]:
    """Positions of the contacts in one of the roles, the first of each address."""
    found = (position for position, contact in enumerate(member.contacts) if contact.role in roles)
    return first_of_each_address(member.contacts, found)


def contact_shape(member: Member, network: Network) -> tuple[tuple[str, int, bool], ...]:
    """The roles of the contacts in their order, each with the position where its address stands first, and
    whether `only_to` allows it."""
    addresses = [contact.address for contact in member.contacts]
    return tuple(
        (contact.role, addresses.index(contact.address), network.may_write_to(contact.address))
        for contact in member.contacts
    )


def group_members(configuration: Configuration) -> tuple[Group, ...]:
    """The members in groups of equals, in the order of the file."""
    alike: dict[object, list[Member]] = defaultdict(list)
    concerns = _Concerns(configuration)
    for member in configuration.members:
        place = (member.zone, member.weekend, member.languages[0], member.region)
        spans = tuple((m.began, m.until) for m in member.memberships)
        alike[*place, spans, concerns.of(member), contact_shape(member, configuration.network)].append(member)
    return tuple(Group(tuple(members)) for members in alike.values())


class _Concerns:
    """What each member hears of and must report in; asked once for all that no list tells apart."""

    def __init__(self, configuration: Configuration) -> None:
        self._audiences = {session.audience for series in configuration.series for session in series.sessions}
        self._cycles = configuration.cycles
        self._named = {
            slug for audience in self._audiences for slug in (*audience.members, *audience.left_out)
        }
        for cycle in self._cycles:
            self._named |= cycle.named
        self._known: dict[Hashable, int] = {}
        self._answers: dict[Hashable, int] = {}

    def of(self, member: Member) -> int:
        """A number that members share for whom all audiences and rounds say the same."""
        name = member.slug if member.slug in self._named else ""
        key = (name, member.region, member.country, member.languages[0], member.memberships)
        if key not in self._known:
            hears = tuple(audience.includes(member) for audience in self._audiences)
            reports = tuple((cycle.duty(member), cycle.last_day_of(member)) for cycle in self._cycles)
            self._known[key] = self._answers.setdefault((hears, reports), len(self._answers))
        return self._known[key]


def find_slots(
    configuration: Configuration, groups: Sequence[Group], window: Window, since: Since
) -> list[Slot]:
    """What is due in `window`, ordered by instant, kind, occurrence, rule.

    A stateful duty (invitation, change ...) shows at the moment at which it is compared with what the
    contacts were told; whether there is anything to tell is known only then.
    """
    crowds = Crowds(groups, configuration.network, window)
    slots = (
        Slot(there, due.rule, due.at, tuple(group for crowd in due.crowds for group in crowd.groups))
        for occurrence, rules in duties(configuration, since)
        for there, apart in as_they_are(occurrence, crowds.of(occurrence))
        for due in find_due(there, rules, apart, configuration.network, since, window)
    )
    return sorted(slots, key=lambda s: (s.due_at, _ORDER[s.rule.kind], s.occurrence.id, s.rule.id))


def latest_only(slots: Sequence[Slot]) -> tuple[list[Slot], list[Slot]]:
    """Of several reminders of one occurrence that are due together, each role of each group gets the latest.

    Gives (to send, replaced by a later one), both in the order of `slots`. After an outage this makes one
    reminder out of three, and none of the coordinator's makes way for one that only the mayor gets.
    """
    latest: dict[_Reader, Slot] = {}
    for slot in slots:
        if slot.rule.kind not in STATEFUL:
            latest.update({_reader(slot, g, role): slot for g in slot.groups for role in slot.rule.to})
    kept: list[Slot] = []
    replaced: list[Slot] = []
    for slot in slots:
        if slot.rule.kind in STATEFUL:
            kept.append(slot)
        else:
            kept += _part(slot, latest, is_latest=True)
            replaced += _part(slot, latest, is_latest=False)
    return kept, replaced


#: (occurrence, group, role, it is a digest)
_Reader = tuple[str, str, str, bool]


def _reader(slot: Slot, group: Group, role: str) -> _Reader:
    return slot.occurrence.id, group.like.slug, role, slot.rule.is_digest


def _part(slot: Slot, latest: Mapping[_Reader, Slot], *, is_latest: bool) -> list[Slot]:
    """The slot for those roles of each group for which it is the latest, or for the others."""
    by_roles: dict[tuple[str, ...], list[Group]] = defaultdict(list)
    for group in slot.groups:
        roles = [r for r in slot.rule.to if (latest[_reader(slot, group, r)] is slot) is is_latest]
        by_roles[tuple(roles)].append(group)
    return [
        replace(slot, rule=replace(slot.rule, to=roles), groups=tuple(groups))
        for roles, groups in by_roles.items()
        if roles
    ]


def duties(configuration: Configuration, since: Since) -> Iterator[tuple[Occurrence, tuple[NoticeRule, ...]]]:
    """Every occurrence with the rules that can concern it."""
    for series in configuration.series:
        whole = announced_as_a_whole(series, since, configuration.network)
        enabled = [rule for rule in series.rules if rule.enabled]
        if whole:
            yield whole, tuple(rule for rule in enabled if rule.kind is Kind.ANNOUNCEMENT)
        of_sessions = tuple(rule for rule in enabled if rule.kind is not Kind.ANNOUNCEMENT)
        yield from ((o, of_sessions) for o in occurrences_of(series) if not o.is_held)
    for cycle in (cycle for cycle in configuration.cycles if not cycle.held):
        yield from ((o, tuple(rule for rule in cycle.rules if rule.enabled)) for o in occurrences_of(cycle))


def as_they_are(
    occurrence: Occurrence, crowds: Sequence[Crowd]
) -> Iterator[tuple[Occurrence, Sequence[Crowd]]]:
    """The occurrence as it is for each part of the crowds: the deadline of a round may differ by city."""
    if not isinstance(occurrence.of, Cycle) or occurrence.of.is_alike_for_all:
        yield occurrence, crowds
        return
    apart: dict[tuple[date, datetime | None], tuple[Occurrence, list[Crowd]]] = {}
    for crowd in crowds:
        there = occurrence.for_member(crowd.like)
        apart.setdefault((there.on, there.ends_at), (there, []))[1].append(crowd)
    yield from apart.values()


def _may_lie_in(window: Window, occurrence: Occurrence, rule: NoticeRule) -> bool:
    """A cheap look at days, before any zone is asked."""
    if useful_by(occurrence, rule) < window.start:
        return False
    if not isinstance(rule.when, Days | WorkingDaysBefore | WorkingDayAfter):
        return True
    is_back = isinstance(rule.when, WorkingDaysBefore)
    days = -_LONGEST_WEEK * rule.when.days if is_back else rule.when.days
    named = datetime.combine(occurrence.on, rule.when.at, tzinfo=UTC) + timedelta(days=days)
    opens_early = rule.kind is Kind.REPORT_OPENED or rule.kind is Kind.FOLLOW_UP
    return opens_early or named - _SLACK < window.end


@dataclass(frozen=True, eq=False)
class Crowd:
    """Groups that keep the same clock and calendar and hear of the same things: language and region make
    no difference to when something is due. All have contacts in the same roles, in the same order."""

    groups: tuple[Group, ...]
    _chosen: dict[tuple[str, ...], tuple[int, ...]] = field(default_factory=dict)
    #: by identity, for the same audience stands in many sessions; kept with it, so that no other gets its id
    _hears: dict[int, tuple[Audience, bool]] = field(default_factory=dict)

    @property
    def like(self) -> Member:
        return self.groups[0].like

    @cached_property
    def size(self) -> int:
        return sum(len(group.members) for group in self.groups)

    @property
    def members(self) -> Iterator[Member]:
        return (member for group in self.groups for member in group.members)

    def is_invited(self, occurrence: Occurrence) -> bool:
        """The audience includes them; all are where there is none, as in a round or a whole series."""
        if occurrence.session is None:
            return True
        audience = occurrence.session.audience
        if id(audience) not in self._hears:
            self._hears[id(audience)] = audience, audience.includes(self.like)
        return self._hears[id(audience)][1]

    def chosen(self, roles: tuple[str, ...], network: Network) -> tuple[int, ...]:
        """As `chosen`, without addresses that `only_to` does not allow; worked out once."""
        if roles not in self._chosen:
            contacts = self.like.contacts
            positions = chosen(self.like, roles)
            self._chosen[roles] = tuple(p for p in positions if network.may_write_to(contacts[p].address))
        return self._chosen[roles]


@dataclass(frozen=True)
class Due:
    """One rule of one occurrence, at one instant, for these crowds."""

    at: datetime
    rule: NoticeRule
    crowds: tuple[Crowd, ...]


def find_due(
    occurrence: Occurrence,
    rules: Iterable[NoticeRule],
    crowds: Sequence[Crowd],
    network: Network,
    since: Since,
    window: Window,
) -> list[Due]:
    """What is due of one occurrence in `window`, ordered by instant, kind, rule."""
    invited = [crowd for crowd in crowds if crowd.is_invited(occurrence)]
    found = [
        Due(at, rule, tuple(concerned))
        for rule in rules
        if _may_lie_in(window, occurrence, rule)
        for at, concerned in _by_instant(
            # who is not invited may only have to hear that it is off
            Question(occurrence, rule, network, since),
            crowds if rule.kind is Kind.CANCELLED else invited,
        ).items()
        if at in window
    ]
    return sorted(found, key=lambda due: (due.at, _ORDER[due.rule.kind], due.rule.id))


def _by_instant(question: Question, crowds: Sequence[Crowd]) -> dict[datetime, list[Crowd]]:
    found: dict[datetime, list[Crowd]] = defaultdict(list)
    for crowd in crowds:
        for due_at in due_moments(question, crowd.like):
            found[due_at].append(crowd)
    return found


@dataclass(frozen=True)
class Crowds:
    """Puts groups together for one series or cycle, as coarsely as what is due in `window` allows."""

    groups: Sequence[Group]
    network: Network
    window: Window
    _known: dict[Hashable, tuple[Crowd, ...]] = field(default_factory=dict)

    def of(self, occurrence: Occurrence) -> tuple[Crowd, ...]:
        """In the order of the groups."""
        part = occurrence.of
        key = part.id if isinstance(part, Cycle) else frozenset(s.audience for s in part.sessions)
        if key not in self._known:
            self._known[key] = self._part(part)
        return self._known[key]

    def _part(self, part: Series | Cycle) -> tuple[Crowd, ...]:
        audiences = set() if isinstance(part, Cycle) else {s.audience for s in part.sessions}
        alike: dict[Hashable, list[Group]] = defaultdict(list)
        for group in self.groups:
            member = group.like
            hears = tuple(audience.includes(member) for audience in audiences)
            case = (part.duty(member), part.last_day_of(member)) if isinstance(part, Cycle) else None
            alike[*self._life[member.slug], hears, case].append(group)
        return tuple(Crowd(tuple(groups)) for groups in alike.values())

    @cached_property
    def _life(self) -> Mapping[str, tuple[Hashable, ...]]:
        """Clock, weekend, membership and roles of each group, as far as they matter."""
        long_ago = self.window.start.date() - _LONG
        likes = (group.like for group in self.groups)
        return {
            m.slug: (
                times.clock_from(m.zone, long_ago),
                m.weekend,
                _tenure(m, long_ago),
                contact_shape(m, self.network),
            )
            for m in likes
        }


def _tenure(member: Member, long_ago: date) -> Hashable:
    """Who was a member long ago and still is, is one on every day that matters."""
    if any(m.certain_from and m.certain_from <= long_ago and not m.until for m in member.memberships):
        return True
    return member.memberships
