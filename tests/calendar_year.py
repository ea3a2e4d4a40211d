"""A year of both real series, and what staff may do to it: random edits of files, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from hypothesis import strategies as st

from scheduler.model.audience import Audience
from scheduler.model.members import Contact, Member, Membership, Span
from scheduler.model.network import Configuration
from scheduler.model.notices import Kind
from scheduler.model.series import Join, Series, Session, Status
from tests import cast
from tests.cast import DOHA, MANTES, MEDELLIN, WORLD, at

#: Who joins on the way.
JOINING = ("bogota", "andong")
#: Of every region and audience, on four clocks: each clock costs time.
TWELVE = (
    *JOINING,
    *(DOHA, "al-wakra", "duhok"),
    *(MANTES, "evry-courcouronnes", "porto-novo", "bikok"),
    *(MEDELLIN, "goyang", "osan"),
)
#: The webinars of 2020 are played in the year of the others, on the same days of the week.
_LATER = timedelta(weeks=208)
START, END = at("2024-03-01T09:00:00+01:00"), at("2025-03-01T09:00:00+01:00")
_AUDIENCES = tuple({session.audience for series in cast.real().series for session in series.sessions})


@dataclass(frozen=True)
class Change:
    """One edit: what is done, to which of those that it can be done to, how much; so long after the last."""

    what: str
    pick: int
    much: int
    after: timedelta


#: Some weeks, in which an edit is told, or so little that the next edit comes before or soon after.
GAPS = st.one_of(
    st.integers(5 * 24, 30 * 24).map(lambda hours: timedelta(hours=hours, minutes=7)),
    st.sampled_from((1, 4, 9, 11, 45, 300, 1000)).map(lambda minutes: timedelta(minutes=minutes)),
)


@st.composite
def years(draw: st.DrawFn, most: int = 10) -> list[Change]:
    """Ten edits of different kinds in any order; where more are wanted, some kinds again."""
    kinds = draw(st.permutations(list(_EDITS)))[:10]
    again = draw(st.lists(st.sampled_from(list(_EDITS)), max_size=most - 10))
    return [
        Change(kind, draw(st.integers(0, 11)), draw(st.integers(0, 23)), draw(GAPS))
        for kind in (*kinds, *again)
    ]


def the_year(slugs: Iterable[str] | None = None) -> Configuration:
    """Both series; all cities but those that join later, or of those named."""
    whole = cast.open_house()
    wanted = {member.slug for member in whole.members} if slugs is None else set(slugs)
    members = tuple(m for m in whole.members if m.slug in wanted and m.slug not in JOINING)
    series = tuple(_in_that_year(one) for one in whole.series if one.id.startswith("covid-19"))
    return replace(whole, members=members, series=series, cycles=())


def edited(files: Configuration, change: Change, now: datetime) -> Configuration:
    """The files as they are after an edit; as they were where there is nothing to do it to."""
    return _EDITS[change.what](files, change, now.date())


def _in_that_year(series: Series) -> Series:
    """Without reminders and follow-ups: no calendar goes with them."""
    rules = tuple(rule for rule in series.rules if rule.kind not in (Kind.REMINDER, Kind.FOLLOW_UP))
    if series.id == "covid-19-response":
        return replace(series, rules=rules)
    sessions = tuple(replace(session, on=session.on + _LATER) for session in series.sessions)
    assert series.announced
    return replace(series, sessions=sessions, announced=series.announced + _LATER, rules=rules)


# what staff do to a session


Edit = Callable[[Configuration, Change, date], Configuration]


def _to_a_session(
    edit: Callable[[Session, Change, date], Session], among: Callable[[Session], bool] = lambda _: True
) -> Edit:
    """To one of the next four, which were invited to, or of those that were over a little while ago."""

    def edited(files: Configuration, change: Change, today: date) -> Configuration:
        found = [(s.on, one.id, s.id) for one in files.series for s in one.sessions if among(s)]
        near = sorted(place for place in found if place[0] >= today - timedelta(days=2))[:4]
        if not near:
            return files
        _, series_id, session_id = near[change.pick % len(near)]

        def apply(session: Session) -> Session:
            return edit(session, change, today) if session.id == session_id else session

        series = (
            replace(one, sessions=tuple(map(apply, one.sessions))) if one.id == series_id else one
            for one in files.series
        )
        return replace(files, series=tuple(series))

    return edited


def _move(session: Session, change: Change, today: date) -> Session:
    """Some days on or back, to another hour or to none."""
    on = max(session.on + timedelta(days=change.much - 8), today + timedelta(days=1))
    return replace(session, on=on, start=session.start and time(9 + change.pick))


def _hour(session: Session, change: Change, _today: date) -> Session:
    """Never one that the change of clocks leaves out or repeats."""
    return replace(session, start=time(4 + change.much % 20), end=None)


def _open(session: Session, _change: Change, _today: date) -> Session:
    return replace(session, start=None, end=None)


def _cancel(session: Session, change: Change, _today: date) -> Session:
    return replace(session, status=Status.CANCELLED, reason="A storm, sorry" * (change.much % 2))


def _restore(session: Session, _change: Change, _today: date) -> Session:
    return replace(session, status=Status.CONFIRMED, reason="")


def _postpone(session: Session, _change: Change, _today: date) -> Session:
    return replace(session, status=Status.POSTPONED)


def _new_date(session: Session, change: Change, today: date) -> Session:
    on = max(session.on, today) + timedelta(days=1 + change.much)
    return replace(session, status=Status.CONFIRMED, on=on, start=time(14), end=None)


def _link(session: Session, change: Change, _today: date) -> Session:
    link = f"https://meet.cities.example/{change.much}" if change.much % 3 else ""
    return replace(session, join=replace(session.join, link=link))


def _number(session: Session, change: Change, _today: date) -> Session:
    return replace(session, join=Join("Zoom", "Webinar ID", f"9417298{change.much:04}"))


def _audience(session: Session, change: Change, _today: date) -> Session:
    meant: Audience = sorted(_AUDIENCES, key=repr)[change.much % len(_AUDIENCES)]
    if change.pick % 2:
        meant = replace(WORLD, left_out=(TWELVE[change.much % len(TWELVE)],))
    return replace(session, audience=meant)


def _words(session: Session, change: Change, _today: date) -> Session:
    return replace(session, title=f"Another title, {change.much}; {session.title}"[:80], description="New")


# what staff do to members


def _join(files: Configuration, change: Change, today: date) -> Configuration:
    """Who is not there yet, from a day near; where all are, one that left comes back."""
    from_day = today + timedelta(days=change.much % 5)
    membership = Membership(Span(from_day, from_day), None, "test")
    present = {member.slug for member in files.members}
    new = [slug for slug in JOINING if slug not in present]
    if new:
        joining = replace(cast.member(new[0]), memberships=(membership,))
        return replace(files, members=(*files.members, joining))
    left = [member.slug for member in files.members if member.memberships[-1].until]
    return _with_member(files, left[:1], lambda m: replace(m, memberships=(*m.memberships, membership)))


def _leave(files: Configuration, change: Change, today: date) -> Configuration:
    until = today + timedelta(days=change.much % 5 * 10)
    here = [member.slug for member in files.members if not member.memberships[-1].until]
    chosen = here[change.pick % len(here) :][:1] if len(here) > 1 else []

    def end(member: Member) -> Member:
        *before, last = member.memberships
        if last.certain_from and last.certain_from > until:
            return member
        return replace(member, memberships=(*before, replace(last, until=until)))

    return _with_member(files, chosen, end)


def _address(files: Configuration, change: Change, _today: date) -> Configuration:
    chosen = files.members[change.pick % len(files.members)].slug

    def readdressed(member: Member) -> Member:
        new = Contact("coordinator", f"office{change.much}@{member.slug}.example")
        others = (contact for contact in member.contacts if contact.role != "coordinator")
        return replace(member, contacts=(new, *others))

    return _with_member(files, [chosen], readdressed)


def _with_member(files: Configuration, slugs: list[str], edit: Callable[[Member], Member]) -> Configuration:
    members = (edit(member) if member.slug in slugs else member for member in files.members)
    return replace(files, members=tuple(members))


def _has_no_hour(session: Session) -> bool:
    return session.start is None


_EDITS: dict[str, Edit] = {
    "move": _to_a_session(_move),
    "hour": _to_a_session(_hour),
    "open": _to_a_session(_open),
    "fix": _to_a_session(_hour, among=_has_no_hour),
    "cancel": _to_a_session(_cancel),
    "restore": _to_a_session(_restore, among=lambda s: s.status is not Status.CONFIRMED),
    "postpone": _to_a_session(_postpone),
    "new date": _to_a_session(_new_date, among=lambda s: s.status is Status.POSTPONED or s.start is None),
    "link": _to_a_session(_link),
    "number": _to_a_session(_number),
    "audience": _to_a_session(_audience),
    "words": _to_a_session(_words),
    "join": _join,
    "leave": _leave,
    "address": _address,
}
