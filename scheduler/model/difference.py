"""What is in force and what is proposed -> what changed, session by session, for people to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from datetime import date, time
from enum import StrEnum

from scheduler.model import times
from scheduler.model.cycles import Cycle, Duty
from scheduler.model.members import Member
from scheduler.model.network import Configuration, Network
from scheduler.model.notices import NoticeRule
from scheduler.model.programme import Occurrence, occurrences_of
from scheduler.model.series import Series, Status
from scheduler.model.slots import Group


class What(StrEnum):
    """How one session or round differs; several may hold at once."""

    NEW = "new"
    MOVED = "moved"
    CANCELLED = "cancelled"
    POSTPONED = "postponed"
    ON_AGAIN = "takes place after all"
    JOIN = "other way to join"
    AUDIENCE = "for others"
    #: a round whose deadline is another one for some cities
    EXTENDED = "another deadline for some"
    #: it had a time, and has none any more
    OPEN = "time open again"
    #: title, speakers, texts: calendars show it, no mail is sent
    TEXTS = "other words"
    #: written in another way, the same for everybody: a zone with the same hours, an end instead of a length
    WRITING = "other writing"
    #: it is to come: it stays, held
    VANISHED = "no longer in the files"
    #: it is over: it leaves the calendars
    GONE = "over, and no longer in the files"
    BACK = "in the files again"


#: What those who were invited are told.
SIGNIFICANT = frozenset(
    {
        *(What.MOVED, What.OPEN, What.CANCELLED, What.POSTPONED, What.ON_AGAIN, What.JOIN),
        What.EXTENDED,
    },
)


@dataclass(frozen=True)
class Change:
    """One session or round that is not what it was."""

    what: tuple[What, ...]
    #: as it will be; as it was and stays, held, where it vanished from the files
    occurrence: Occurrence
    #: None where it is new
    before: Occurrence | None = None
    #: the names of the texts that are other ones
    texts: tuple[str, ...] = ()
    #: by another audience, among the members of now; who joins or leaves the network is a member change
    entering: tuple[Member, ...] = ()
    leaving: tuple[Member, ...] = ()

    @property
    def is_significant(self) -> bool:
        return not SIGNIFICANT.isdisjoint(self.what)


@dataclass(frozen=True)
class RuleChange:
    """One notice rule of a series or cycle that is not what it was; None: there was, or is, none."""

    part: str
    rule: str
    before: NoticeRule | None
    after: NoticeRule | None


@dataclass(frozen=True)
class MemberChange:
    """One member that is not what it was; None: there was, or is, none."""

    slug: str
    before: Member | None
    after: Member | None
    #: names of what differs
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Difference:
    """All that is not what it was."""

    changes: tuple[Change, ...] = ()
    rules: tuple[RuleChange, ...] = ()
    members: tuple[MemberChange, ...] = ()
    #: (id of a series or cycle, name of what differs for the whole of it)
    parts: tuple[tuple[str, str], ...] = ()
    #: names of what differs in the network
    network: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return len(self) == 0

    def __len__(self) -> int:
        lists = (self.changes, self.rules, self.members, self.parts, self.network)
        return sum(map(len, lists))

    def __str__(self) -> str:
        """In a line: "2 changed, 1 new"; "nothing changes" where nothing does."""
        numbers = Counter(map(_weight, self.changes))
        said = [f"{numbers[what]:,} {what}" for what in _WEIGHTS if numbers[what]]
        others = (
            (self.rules, "rule", "rules"),
            (self.members, "member", "members"),
            (self.parts, "heading", "headings"),
            (self.network, "setting of the network", "settings of the network"),
        )
        said += [
            f"{len(some):,} {one if len(some) == 1 else several}" for some, one, several in others if some
        ]
        return ", ".join(said) or "nothing changes"


_WEIGHTS = ("changed", "new", "in other words", "vanished")


def _weight(change: Change) -> str:
    what = set(change.what)
    if What.NEW in what:
        return "new"
    if what & {What.VANISHED, What.GONE}:
        return "vanished"
    return "in other words" if what <= {What.TEXTS, What.WRITING} else "changed"


def compare(before: Configuration | None, after: Configuration) -> Difference:
    """after: with what vanished from the files carried over, held (changes.carry_over)."""
    if before is None:
        return Difference(tuple(Change((What.NEW,), o) for part in after.parts for o in occurrences_of(part)))
    old = {part.id: part for part in before.parts}
    new = {part.id: part for part in after.parts}
    pairs = [(old.get(name), new.get(name)) for name in {**new, **old}]
    differing = [(one, other) for one, other in pairs if one != other]
    found = Difference(
        changes=tuple(change for pair in differing for change in _changes(*pair, after)),
        rules=tuple(change for pair in differing for change in _rule_changes(*pair)),
        members=tuple(_member_changes(before, after)),
        parts=tuple(change for pair in differing for change in _part_changes(*pair)),
        network=(*_differing(before.network, after.network), *_around(before, after)),
    )
    is_said = not found.is_empty or before == after
    return found if is_said else replace(found, network=("the order of something",))


def _around(before: Configuration, after: Configuration) -> Iterator[str]:
    """What is neither the network's own nor a series, a round, or a member."""
    if before.countries != after.countries:
        yield "countries"
    for name, was, now in (
        ("members", [m.slug for m in before.members], [m.slug for m in after.members]),
        ("series", [one.id for one in before.series], [one.id for one in after.series]),
        ("cycles", [one.id for one in before.cycles], [one.id for one in after.cycles]),
    ):
        if was != now and sorted(was) == sorted(now):
            yield f"order of {name}"


def invited(occurrence: Occurrence, groups: Iterable[Group], network: Network) -> int:
    """How many members an occurrence is for: who is invited, or must report."""
    return sum(len(group.members) for group in groups if _concerns(occurrence, group.like, network))


def other_hour(change: Change, groups: Iterable[Group], network: Network) -> int:
    """For how many of them it begins at another hour of their day than before."""
    was, now = change.before, change.occurrence
    if was is None:
        return 0
    concerned = (group for group in groups if _concerns(now, group.like, network))
    return sum(len(g.members) for g in concerned if _hour(was, g.like) != _hour(now, g.like))


def _concerns(occurrence: Occurrence, member: Member, network: Network) -> bool:
    if isinstance(occurrence.of, Cycle):
        return occurrence.of.duty(member) is Duty.DUE
    return occurrence.invites(member, network)


def _hour(occurrence: Occurrence, member: Member) -> time | None:
    at = occurrence.starts_at if occurrence.session else occurrence.ends_at
    return times.local(at, member.zone).time() if at else None


def _changes(
    old: Series | Cycle | None, new: Series | Cycle | None, after: Configuration
) -> Iterator[Change]:
    was = {o.id: o for o in occurrences_of(old)} if old else {}
    for occurrence in occurrences_of(new) if new else ():
        earlier = was.get(occurrence.id)
        if earlier is None:
            yield Change((What.NEW,), occurrence)
        elif change := _change(earlier, occurrence, after):
            yield change
    present = {o.id for o in occurrences_of(new)} if new else set()
    for name, earlier in was.items():
        if name not in present:
            yield Change((What.GONE,), earlier, earlier)


def _change(was: Occurrence, now: Occurrence, after: Configuration) -> Change | None:
    is_off_now = now.status is not was.status
    # the reason of a cancellation is part of its news
    texts = tuple(name for name in _texts(was, now) if not (is_off_now and name == "reason"))
    entering, leaving = _audience(was, now, after)
    found = (
        (What.VANISHED, now.is_held and not was.is_held),
        (What.BACK, was.is_held and not now.is_held),
        (What.CANCELLED, now.is_cancelled and not was.is_cancelled),
        (What.POSTPONED, now.is_postponed and not was.is_postponed),
        (What.ON_AGAIN, now.status is Status.CONFIRMED and was.status is not Status.CONFIRMED),
        (What.OPEN, _is_open_again(was, now)),
        (What.MOVED, _has_moved(was, now)),
        (What.JOIN, was.place != now.place),
        (What.EXTENDED, not _has_moved(was, now) and _is_extended(was, now)),
        (What.AUDIENCE, bool(entering or leaving)),
        (What.TEXTS, bool(texts)),
    )
    what = tuple(kind for kind, holds in found if holds)
    if not what and _own(now) == _own(was):
        return None
    return Change(what or (What.WRITING,), now, was, texts, entering, leaving)


def _own(occurrence: Occurrence) -> object:
    """All that is said of it alone; the rules and the opening of a round are said apart."""
    part = occurrence.of
    return occurrence.session or (
        replace(part, rules=(), opens=date.min) if isinstance(part, Cycle) else part
    )


def _has_moved(was: Occurrence, now: Occurrence) -> bool:
    """Another time; what is put off without a date is postponed, not moved."""
    if now.is_postponed or now.is_cancelled or _is_open_again(was, now):
        return False
    return (was.on, was.starts_at, was.ends_at) != (now.on, now.starts_at, now.ends_at)


def _is_extended(was: Occurrence, now: Occurrence) -> bool:
    if not (isinstance(was.of, Cycle) and isinstance(now.of, Cycle)):
        return False
    return was.of.extensions != now.of.extensions


def _is_open_again(was: Occurrence, now: Occurrence) -> bool:
    has_hour = was.starts_at is not None
    return has_hour and now.starts_at is None and now.status is Status.CONFIRMED


#: Fields that say when, where and for whom; everything else of a session or a round is words.
_NO_WORDS = frozenset(
    {
        *("id", "on", "end_on", "start", "end", "length_minutes", "zone", "audience", "status"),
        *("join", "joins", "held", "opens", "deadline", "extensions", "who", "rules"),
    }
)


def _texts(was: Occurrence, now: Occurrence) -> Iterator[str]:
    pair = (was.session, now.session) if was.session and now.session else (was.of, now.of)
    return (name for name in _differing(*pair) if name not in _NO_WORDS)


def _audience(
    was: Occurrence, now: Occurrence, after: Configuration
) -> tuple[tuple[Member, ...], tuple[Member, ...]]:
    """Who comes in and who goes out, because it is for others now."""
    if isinstance(was.of, Cycle) and isinstance(now.of, Cycle):
        if was.of.who == now.of.who:
            return (), ()
    elif was.session and now.session and was.session.audience == now.session.audience:
        return (), ()
    pairs = [
        (member, _concerns(was, member, after.network), _concerns(now, member, after.network))
        for member in after.members
    ]
    entering = tuple(member for member, before, is_in in pairs if is_in and not before)
    leaving = tuple(member for member, before, is_in in pairs if before and not is_in)
    return entering, leaving


def _rule_changes(old: Series | Cycle | None, new: Series | Cycle | None) -> Iterator[RuleChange]:
    """Of a series that stays; the rules of a new one come with it."""
    if old is None or new is None:
        return
    was, now = ({rule.id: rule for rule in part.rules} for part in (old, new))
    for name in {**now, **was}:
        if was.get(name) != now.get(name):
            yield RuleChange(new.id, name, was.get(name), now.get(name))


#: Fields of a series, and of a round, that are more than its sessions or its deadline.
_OF_A_SERIES = frozenset(("title", "description", "organisers", "announced"))
_OF_A_ROUND = frozenset(("opens",))


def _part_changes(old: Series | Cycle | None, new: Series | Cycle | None) -> Iterator[tuple[str, str]]:
    """What holds for a series as a whole, and when a round opens."""
    if old is None or new is None:
        return
    names = (_OF_A_SERIES if isinstance(new, Series) else _OF_A_ROUND) & set(_differing(old, new))
    yield from ((new.id, name) for name in sorted(names))
    if isinstance(old, Series) and isinstance(new, Series):
        was, now = ([session.id for session in one.sessions] for one in (old, new))
        if was != now and sorted(was) == sorted(now):
            yield new.id, "order of sessions"


def _member_changes(before: Configuration, after: Configuration) -> Iterator[MemberChange]:
    was, now = ({m.slug: m.without_offices for m in one.members} for one in (before, after))
    for slug in {**now, **was}:
        one, other = was.get(slug), now.get(slug)
        if one != other:
            names = tuple(_differing(one, other)) if one and other else ()
            yield MemberChange(slug, one, other, names)


def _differing(one: object, other: object) -> Iterator[str]:
    """Names of the fields in which two values of one kind differ."""
    for field in fields(one):  # type: ignore[arg-type]
        if getattr(one, field.name) != getattr(other, field.name, None):
            yield field.name
