"""One member in one cycle: how far its report is, and what can become of it (stories US-22 to US-25).

What calendars say (a round opens, a deadline passes) and what duty says (who must report) moves a case by
itself; everything else is said by somebody, a person or a program, and stands in a log that only grows.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import reduce

from scheduler.model import times
from scheduler.model.cycles import Cycle, Duty
from scheduler.model.drafts import Draft
from scheduler.model.members import NATIONAL_COORDINATOR, Member, Standing
from scheduler.model.network import Configuration
from scheduler.model.notices import Kind, hour_of

#: In the log, who moves a case when a day comes.
CALENDAR = "the calendar"


class State(StrEnum):
    # what duty says
    UNDECIDED = "undecided"
    EXCEPTED = "excepted"
    NOT_CONCERNED = "not concerned"
    # what waits for a report
    DUE = "due"
    OPEN = "open"
    DRAFT = "draft"
    #: the deadline has passed, and nothing has come
    CLOSED = "closed"
    # what has come
    SUBMITTED = "submitted"
    IN_REVIEW = "in review"
    # how it ended
    RENEWED = "renewed"
    INCOMPLETE = "incomplete"
    NO_PROGRESS = "no progress"
    NOT_SUBMITTED = "not submitted"


#: Nothing is due, or nobody knows yet whether it is.
IDLE = frozenset({State.UNDECIDED, State.EXCEPTED, State.NOT_CONCERNED})
#: Cities that are still asked for their report.
AWAITED = frozenset({State.DUE, State.OPEN, State.DRAFT, State.CLOSED})
#: Cities whose report has come, or whose case a person has ended: nobody asks them any more.
COME = frozenset(State) - IDLE - AWAITED
#: How a person ends a case -> the letter that says so.
LETTERS: Mapping[State, Kind] = {
    State.RENEWED: Kind.REPORT_RENEWED,
    State.INCOMPLETE: Kind.REPORT_INCOMPLETE,
    State.NO_PROGRESS: Kind.REPORT_NO_PROGRESS,
    State.NOT_SUBMITTED: Kind.REPORT_NOT_SUBMITTED,
}
#: Outcomes after which the membership is not renewed.
ENDING = frozenset({State.INCOMPLETE, State.NO_PROGRESS, State.NOT_SUBMITTED})

_SECOND = timedelta(seconds=1)
#: Why a case is what duty says, for the log.
_DUTIES = {
    Duty.DUE: "must report, by its memberships and the files",
    Duty.EXCEPTED: "need not report in this round",
    Duty.UNDECIDED: "its day of joining is not known well enough: a person decides",
    Duty.NOT_CONCERNED: "this round does not concern it any more",
}

_REVIEWED = frozenset({State.RENEWED, State.INCOMPLETE, State.NO_PROGRESS})

#: What somebody may say of a case -> the states in which it may be said. Outcomes can be put right until
#: their letter is released; a report that is sent back (`open`) is asked for again.
SAYABLE: Mapping[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.DUE, State.OPEN, State.DRAFT, State.CLOSED}),
    State.SUBMITTED: frozenset({*AWAITED, State.IN_REVIEW, *_REVIEWED, State.NOT_SUBMITTED}),
    State.IN_REVIEW: frozenset({State.SUBMITTED, *_REVIEWED}),
    State.RENEWED: frozenset({State.SUBMITTED, State.IN_REVIEW, *_REVIEWED, State.NOT_SUBMITTED}),
    State.INCOMPLETE: frozenset({State.SUBMITTED, State.IN_REVIEW, *_REVIEWED}),
    State.NO_PROGRESS: frozenset({State.SUBMITTED, State.IN_REVIEW, *_REVIEWED}),
    State.NOT_SUBMITTED: frozenset({State.CLOSED}),
    State.OPEN: frozenset({State.SUBMITTED, State.IN_REVIEW}),
}


@dataclass(frozen=True)
class Terms:
    """What duty and calendar say of one member in one cycle."""

    duty: Duty
    #: when the round begins there, and its own last moment; aware UTC
    opens_at: datetime
    deadline_at: datetime
    #: in staff's words, where it has more time than was announced
    because: str = ""
    #: what a person decided of its duty
    decision: Duty | None = None

    @classmethod
    def of(cls, cycle: Cycle, member: Member) -> Terms:
        extension = cycle.extension_of(member)
        return cls(
            cycle.duty(member),
            times.moment(cycle.opens, hour_of(cycle.rules, Kind.REPORT_OPENED), member.zone),
            cycle.deadline_of(member).instant,
            extension.because if extension else "",
            cycle.who.decision_of(member),
        )

    def state(self, now: datetime, *, has_draft: bool = False) -> State:
        """Of a case of which nobody has said more than that there is a draft."""
        match self.duty:
            case Duty.UNDECIDED:
                return State.UNDECIDED
            case Duty.EXCEPTED:
                return State.EXCEPTED
            case Duty.NOT_CONCERNED:
                return State.NOT_CONCERNED
        if is_late(now, self.deadline_at):
            return State.CLOSED
        if has_draft:
            return State.DRAFT
        return State.OPEN if now >= self.opens_at else State.DUE


@dataclass(frozen=True)
class Case:
    """One member in one cycle, as it is remembered."""

    cycle: str
    #: slug
    member: str
    state: State
    #: since when it is in that state
    since: datetime
    opens_at: datetime
    deadline_at: datetime
    #: SEQUENCE of its deadline in calendars, and when that was last moved
    revision: int = 0
    revised_at: datetime | None = None
    #: DUE or EXCEPTED, where a person has decided that
    decision: Duty | None = None
    submitted_at: datetime | None = None
    draft: Draft | None = None
    #: when its letter was released, and the last day of the membership that ends with it
    released_at: datetime | None = None
    ends_on: date | None = None

    @property
    def is_late(self) -> bool:
        """It has come after its own deadline: taken all the same, and marked; a person decides."""
        return self.submitted_at is not None and is_late(self.submitted_at, self.deadline_at)

    def by_calendar(self, now: datetime) -> State:
        """Its state while its report is awaited."""
        terms = Terms(Duty.DUE, self.opens_at, self.deadline_at)
        return terms.state(now, has_draft=self.draft is not None)

    def is_reopened(self, deadline_at: datetime, now: datetime) -> bool:
        """It was noted as not submitted, and is asked again: it has another deadline now, which is still to
        come (trap 32)."""
        is_another = deadline_at != self.deadline_at
        return self.state is State.NOT_SUBMITTED and is_another and not is_late(now, deadline_at)


@dataclass(frozen=True)
class Move:
    """One line of the log: what a case was, and what it is now."""

    #: None: it was not known before
    before: Case | None
    after: Case
    at: datetime
    #: in words for staff
    reason: str
    #: what a letter says that was released
    letter: str | None = None

    @property
    def is_answer(self) -> bool:
        """What was asked for is asked for no more."""
        return self.before is not None and self.before.state in AWAITED and self.after.state not in AWAITED


#: (cycle, slug) -> what duty and calendar say of it
AllTerms = Mapping[tuple[str, str], Terms]


def terms_of(configuration: Configuration) -> dict[tuple[str, str], Terms]:
    """Of all members in all cycles; who is not concerned is in it as well. Members that a cycle cannot tell
    apart are looked at once."""
    found: dict[tuple[str, str], Terms] = {}
    for cycle in configuration.cycles:
        known: dict[Hashable, Terms] = {}
        for member in configuration.members:
            name = member.slug if member.slug in cycle.named else ""
            alike = (name, member.country, member.zone, member.memberships)
            if alike not in known:
                known[alike] = Terms.of(cycle, member)
            found[cycle.id, member.slug] = known[alike]
    return found


def settle(
    known: Mapping[tuple[str, str], Case],
    all_terms: AllTerms,
    now: datetime,
    because: Mapping[tuple[str, str], str] | None = None,
) -> Iterator[Move]:
    """What becomes of all cases when a configuration comes into force: new ones are made, duty takes them in
    and out, deadlines move. Of a round that is in no file any more nothing changes.

    because: in the words of the person who decided it, where one did.
    """
    said = because or {}
    for place, terms in all_terms.items():
        case = known.get(place)
        if case is not None:
            move = _moved(case, terms, now)
        elif terms.duty is Duty.NOT_CONCERNED:
            move = None
        else:
            move = _made(*place, terms, now)
        if move:
            yield replace(move, reason=said[place]) if place in said else move


def advance(case: Case, now: datetime) -> Case:
    """Where the calendar has taken it: a round opens, a deadline passes."""
    if case.state not in AWAITED or case.state is State.CLOSED:
        return case
    state = case.by_calendar(now)
    if state is case.state:
        return case
    since = past(case.deadline_at) if state is State.CLOSED else case.opens_at
    return replace(case, state=state, since=since)


def turned(case: Case, now: datetime) -> Move | None:
    """What the calendar has done to it, and nobody has written down yet; None: nothing."""
    moved = advance(case, now)
    return None if moved == case else Move(case, moved, moved.since, _said_by_calendar(moved))


def _said_by_calendar(case: Case) -> str:
    """Why the calendar has moved it, for the log."""
    return (
        "the deadline has passed, and nothing has come" if case.state is State.CLOSED else "the round opens"
    )


def past(deadline_at: datetime) -> datetime:
    """The first moment that is late."""
    return deadline_at + _SECOND


def is_late(at: datetime, deadline_at: datetime) -> bool:
    """The second that is written still belongs to the time given (story US-23.3): until 22:59:59Z is until
    23:00:00Z begins."""
    return at.replace(microsecond=0) > deadline_at


def _made(cycle: str, slug: str, terms: Terms, now: datetime) -> Move:
    case = Case(
        *(cycle, slug, terms.state(now), now, terms.opens_at, terms.deadline_at), decision=terms.decision
    )
    return Move(None, case, now, _DUTIES[terms.duty])


def _moved(case: Case, terms: Terms, now: datetime) -> Move | None:
    """What has come stays, whatever duty says."""
    may_move = case.state in IDLE or case.state in AWAITED
    is_reopened = case.is_reopened(terms.deadline_at, now)
    state = case.state
    if may_move or is_reopened:
        state = terms.state(now, has_draft=case.draft is not None)
    is_known = (case.opens_at, case.deadline_at, case.decision) == (
        *(terms.opens_at, terms.deadline_at, terms.decision),
    )
    # what a released letter says was true of the deadline that was then
    is_closed = case.released_at is not None and not is_reopened
    if is_closed or (is_known and state is case.state):
        return None
    moved = replace(
        case,
        state=state,
        since=now if state is not case.state else case.since,
        opens_at=terms.opens_at,
        deadline_at=terms.deadline_at,
        decision=terms.decision,
    )
    if terms.deadline_at != case.deadline_at:
        moved = replace(moved, revision=case.revision + 1, revised_at=now)
    if is_reopened:
        moved = replace(moved, released_at=None, ends_on=None)
    return Move(case, moved, now, _why_moved(case, moved, terms))


def _why_moved(case: Case, moved: Case, terms: Terms) -> str:
    said = []
    if moved.deadline_at != case.deadline_at:
        later = f"{_in_words(moved.deadline_at)}, not {_in_words(case.deadline_at)}"
        because = f" ({terms.because})" if terms.because else ""
        said.append(f"the deadline is {later}{because}")
    is_asked_again = case.state in (State.CLOSED, State.NOT_SUBMITTED) and moved.state in AWAITED
    if is_asked_again and moved.state is not State.CLOSED:
        said.append("the case is open again")
    elif moved.state is not case.state and (moved.state in IDLE or case.state in IDLE):
        said.append(_DUTIES[terms.duty])
    elif moved.opens_at != case.opens_at:
        said.append(f"the round opens {_in_words(moved.opens_at)}")
    return "; ".join(said) or _said_by_calendar(moved)


def _in_words(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


class Timing(StrEnum):
    """How a case counts at the end of a round; of each case one."""

    IN_TIME = "in time"
    #: within the longer time that it was given
    EXTENDED = "extended"
    LATE = "late"
    NONE = "none"


def timing(case: Case, announced_at: datetime) -> Timing:
    """announced_at: its last moment without any extension."""
    if case.submitted_at is None:
        return Timing.NONE
    if case.is_late:
        return Timing.LATE
    return Timing.EXTENDED if is_late(case.submitted_at, announced_at) else Timing.IN_TIME


def heads(cycle: Cycle, members: Iterable[Member]) -> dict[str, tuple[str, ...]]:
    """Of the cities that share a national coordinator and a last day the first one that must report -> all of
    those that must. On its clock the digests of a rung go out, one to each coordinator.

    A city that leaves the network in the course of the round leads only where all do.
    """
    alike: dict[tuple[str, date], list[Member]] = {}
    for member in members:
        if cycle.duty(member) is Duty.DUE:
            for contact in member.contacts:
                if contact.role == NATIONAL_COORDINATOR:
                    place = contact.address.lower(), cycle.last_day_of(member)
                    alike.setdefault(place, []).append(member)
    return {
        min(cities, key=lambda city: _leaves(city, cycle)).slug: tuple(city.slug for city in cities)
        for cities in alike.values()
    }


def _leaves(member: Member, cycle: Cycle) -> bool:
    return member.standing(cycle.last_day_of(member)) is not Standing.MEMBER


@dataclass(frozen=True)
class Learnt:
    """What people decided of cases that bears on the configuration, and wins over the files (DESIGN, 5.3)."""

    #: cycle, slug, and DUE or EXCEPTED; UNDECIDED, of what is decided just now: the files count again
    duties: tuple[tuple[str, str, Duty], ...] = ()
    #: slug -> last day of a membership that was not renewed
    ends: tuple[tuple[str, date], ...] = ()

    @classmethod
    def of(cls, cases: Iterable[Case], configuration: Configuration, now: datetime) -> Learnt:
        """By the cases as they are remembered. A membership that ended with a report that did not come goes
        on where the configuration gives more time for it, and that is not over yet."""
        duties, ends = [], []
        cycles = {cycle.id: cycle for cycle in configuration.cycles}
        members = {member.slug: member for member in configuration.members}
        for case in cases:
            cycle, member = cycles.get(case.cycle), members.get(case.member)
            if case.decision:
                duties.append((case.cycle, case.member, case.decision))
            if case.ends_on and not (
                cycle and member and case.is_reopened(cycle.deadline_of(member).instant, now)
            ):
                ends.append((case.member, case.ends_on))
        return cls(tuple(duties), tuple(ends))

    def joined(self, other: Learnt) -> Learnt:
        """With what is decided just now, which wins."""
        said = {(cycle, slug): duty for cycle, slug, duty in (*self.duties, *other.duties)}
        duties = ((*place, duty) for place, duty in said.items() if duty is not Duty.UNDECIDED)
        return Learnt(tuple(duties), (*self.ends, *other.ends))

    def applied_to(self, configuration: Configuration) -> Configuration:
        """The configuration with it, and with nothing that was decided before and is no more; the same as
        often as it is done."""
        cycles = tuple(self._decided(cycle) for cycle in configuration.cycles)
        members = configuration.members
        if self.ends:
            ends: dict[str, list[date]] = {}
            for slug, last_day in sorted(self.ends):  # who came back, and left again, has two
                ends.setdefault(slug, []).append(last_day)
            members = tuple(reduce(_ended, ends.get(one.slug, ()), one) for one in members)
        if (cycles, members) == (configuration.cycles, configuration.members):
            return configuration
        return replace(configuration, cycles=cycles, members=members)

    def _decided(self, cycle: Cycle) -> Cycle:
        decided = tuple(sorted((slug, duty) for name, slug, duty in self.duties if name == cycle.id))
        return (
            cycle if cycle.who.decided == decided else replace(cycle, who=replace(cycle.who, decided=decided))
        )


NOTHING_LEARNT = Learnt()


def _ended(member: Member, last_day: date) -> Member:
    """Its membership of that day ends with it. What begins later is another one: it has come back. So is what
    may only have begun by then, beside one that surely had."""
    standings = [one.standing(last_day) for one in member.memberships]
    ends = Standing.MEMBER if Standing.MEMBER in standings else Standing.UNDECIDED
    memberships = tuple(
        replace(one, until=last_day) if standing is ends else one
        for one, standing in zip(member.memberships, standings, strict=True)
    )
    return replace(member, memberships=memberships)
