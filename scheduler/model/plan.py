"""Programme + members + rules -> what is to be told when, to how many.

Computed on groups of members that are alike for every rule, never as a list of all notices: a notice for
one contact exists only as a row of the outbox, or in the year of one member.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from scheduler.model.members import Contact, Member
from scheduler.model.moments import Question, Since, announced_as_a_whole, due_moments, useful_by
from scheduler.model.network import Configuration
from scheduler.model.notices import STATEFUL, Days, Kind, NoticeRule, WorkingDaysBefore
from scheduler.model.programme import Occurrence, Window, occurrences_of

#: No zone, weekend or night moves a moment further than this from the day its rule names.
_SLACK = timedelta(days=9)

#: Each week has a working day, so this many days hold one.
_LONGEST_WEEK = 7

_ORDER = {kind: position for position, kind in enumerate(Kind)}


@dataclass(frozen=True)
class Group:
    """Members that no rule, audience, cycle or calendar tells apart: what holds for one holds for all."""

    members: tuple[Member, ...]

    @property
    def like(self) -> Member:
        return self.members[0]

    def contacts(self, roles: Sequence[str]) -> Iterator[tuple[Member, Contact]]:
        """Who is written to; an address that holds two of the roles counts once."""
        for member in self.members:
            by_address: dict[str, Contact] = {}
            for contact in member.contacts:
                if contact.role in roles:
                    by_address.setdefault(contact.address, contact)
            yield from ((member, contact) for contact in by_address.values())


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
        return sum(1 for group in self.groups for _ in group.contacts(self.rule.to))


def group_members(configuration: Configuration) -> tuple[Group, ...]:
    """The members in groups of equals, in the order of the file."""
    audiences = {session.audience for series in configuration.series for session in series.sessions}
    alike: dict[object, list[Member]] = defaultdict(list)
    for member in configuration.members:
        hears = tuple(audience.includes(member) for audience in audiences)
        reports = tuple(cycle.duty(member) for cycle in configuration.cycles)
        spans = tuple((m.began, m.until) for m in member.memberships)
        key = (member.zone, member.weekend, member.languages[0], member.region, spans, hears, reports)
        alike[key].append(member)
    return tuple(Group(tuple(members)) for members in alike.values())


def find_slots(
    configuration: Configuration, groups: Sequence[Group], window: Window, since: Since
) -> list[Slot]:
    """What is due in `window`, ordered by instant, kind, occurrence, rule.

    A stateful duty (invitation, change ...) shows at the moment at which it is compared with what the
    contacts were told; whether there is anything to tell is known only then.
    """
    slots = (
        Slot(occurrence, rule, due_at, tuple(concerned))
        for occurrence, rule in _duties(configuration, since)
        if _may_lie_in(window, occurrence, rule)
        for due_at, concerned in _by_instant(occurrence, rule, configuration, groups, since).items()
        if due_at in window
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


#: (occurrence, group, role)
_Reader = tuple[str, str, str]


def _reader(slot: Slot, group: Group, role: str) -> _Reader:
    return slot.occurrence.id, group.like.slug, role


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


def _duties(configuration: Configuration, since: Since) -> Iterator[tuple[Occurrence, NoticeRule]]:
    """Every occurrence with every rule that can concern it."""
    for series in configuration.series:
        sessions = [occurrence for occurrence in occurrences_of(series) if not occurrence.is_held]
        whole = announced_as_a_whole(series, since, configuration.network)
        for rule in series.rules:
            if rule.enabled and rule.kind is Kind.ANNOUNCEMENT and whole:
                yield whole, rule
            elif rule.enabled and rule.kind is not Kind.ANNOUNCEMENT:
                yield from ((session, rule) for session in sessions)
    for cycle in (cycle for cycle in configuration.cycles if not cycle.held):
        yield from ((o, rule) for o in occurrences_of(cycle) for rule in cycle.rules if rule.enabled)


def _may_lie_in(window: Window, occurrence: Occurrence, rule: NoticeRule) -> bool:
    """A cheap look at days, before any zone is asked."""
    if useful_by(occurrence, rule) < window.start:
        return False
    if not isinstance(rule.when, Days | WorkingDaysBefore):
        return True
    days = rule.when.days if isinstance(rule.when, Days) else -_LONGEST_WEEK * rule.when.days
    named = datetime.combine(occurrence.on, rule.when.at, tzinfo=UTC) + timedelta(days=days)
    opens_early = rule.kind is Kind.REPORT_OPENED or rule.kind is Kind.FOLLOW_UP
    return opens_early or named - _SLACK < window.end


def _by_instant(
    occurrence: Occurrence,
    rule: NoticeRule,
    configuration: Configuration,
    groups: Sequence[Group],
    since: Since,
) -> dict[datetime, list[Group]]:
    found: dict[datetime, list[Group]] = defaultdict(list)
    for group in groups:
        question = Question(occurrence, rule, group.like, configuration.network, since)
        for due_at in due_moments(question):
            found[due_at].append(group)
    return found
