"""Random configurations of a summer, and what staff may make of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, time, timedelta

from hypothesis import strategies as st

from scheduler.model.members import Membership, Span
from scheduler.model.network import Configuration
from scheduler.model.notices import Kind
from scheduler.model.series import Join, Series, Session, Status
from tests import cast
from tests.cast import (
    DOHA,
    KASHAN,
    MANTES,
    MEDELLIN,
    MELTON,
    OPEN,
    THRISSUR,
    WORLD,
    a_configuration,
    a_series,
    a_session,
)

CITIES = (DOHA, KASHAN, MANTES, MEDELLIN, MELTON, THRISSUR)
ARABS = next(s.audience for s in cast.real().series[1].sessions if s.audience.label == "Arab countries")
#: With edits between 25 May and 24 June most sessions are invited to by then, and some are over.
DAYS = st.dates(date(2027, 6, 5), date(2027, 7, 10))


@st.composite
def sessions(draw: st.DrawFn, name: str) -> Session:
    """One as staff may write it: anywhere in that summer, perhaps off, perhaps without an hour."""
    hour = draw(st.one_of(st.none(), st.integers(0, 22)))
    return a_session(
        id=name,
        on=draw(DAYS),
        start=None if hour is None else time(hour, draw(st.sampled_from((0, 30)))),
        end=None if hour is None else time(hour + 1),
        zone=draw(st.sampled_from(("Europe/Berlin", "America/Bogota", "+09:00"))),
        audience=draw(st.sampled_from((WORLD, ARABS))),
        status=draw(st.sampled_from((Status.CONFIRMED, *Status))),
        join=Join(link=draw(st.sampled_from(("", "https://meet.cities.example/1")))),
        recording=draw(st.sampled_from(("", "https://cities.example/recording"))),
        title=draw(st.sampled_from(("A title", "Another title"))),
    )


@dataclass(frozen=True, repr=False)
class Edit:
    """What was in force, and what staff make of it; short where hypothesis prints it."""

    before: Configuration
    after: Configuration

    def __repr__(self) -> str:
        return "\n".join(
            f"{series.id} {s.id} {s.on} {s.start} {s.zone} {s.status} {s.audience.label} {s.title}"
            for configuration in (self.before, self.after)
            for series in configuration.series
            for s in series.sessions
        )


@st.composite
def edits(draw: st.DrawFn) -> Edit:
    """Two series of a few sessions each, for some of the cities, and what staff make of them."""
    before = [draw(some_series(name)) for name in ("talks", "walks")]
    after = [draw(edited(series)) for series in before]
    members = tuple(sorted(draw(st.sets(st.sampled_from(CITIES), min_size=2))))
    others = draw(st.sampled_from((members, members, CITIES, members[:1])))
    away = draw(st.dates(date(2027, 5, 20), date(2027, 6, 30)))
    pair = (a_configuration(*before, members=members), a_configuration(*after, members=others))
    return Edit(*(with_one_away(configuration, away) for configuration in pair))


def with_one_away(configuration: Configuration, since: date) -> Configuration:
    """The first city leaves the network and comes back nine days later."""
    first, *others = configuration.members
    back = since + timedelta(days=9)
    memberships = (replace(OPEN, until=since), Membership(Span(back, back), None, "test"))
    return replace(configuration, members=(replace(first, memberships=memberships), *others))


@st.composite
def edited(draw: st.DrawFn, series: Series) -> Series:
    """Some sessions as they are, some otherwise, some dropped, perhaps another one, perhaps other rules."""
    kept = []
    for session in series.sessions:
        other = draw(sessions(session.id))
        what = draw(st.sampled_from(("keep", "all", "start", "status", "join", "audience", "title", "drop")))
        match what:
            case "keep":
                kept.append(session)
            case "all":
                kept.append(other)
            case "start":
                kept.append(replace(session, start=time(17), end=time(18)))
            case "drop":
                continue
            case _:
                kept.append(replace(session, **{what: getattr(other, what)}))
    if draw(st.booleans()):
        kept.append(draw(sessions("new")))
    rules = draw(st.sampled_from((series.rules, a_series().rules)))
    return replace(series, sessions=tuple(kept), rules=rules)


@st.composite
def some_series(draw: st.DrawFn, name: str) -> Series:
    names = draw(st.sets(st.sampled_from("abc"), min_size=1))
    rules = tuple(
        replace(rule, enabled=draw(st.booleans())) if rule.kind is Kind.REMINDER else rule
        for rule in a_series().rules
    )
    announced = draw(st.sampled_from((None, date(2027, 4, 21), date(2027, 6, 1))))
    chosen = [draw(sessions(one)) for one in sorted(names)]
    return a_series(*chosen, id=name, announced=announced, rules=rules)
