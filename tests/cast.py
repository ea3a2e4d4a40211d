"""The cast of every test: real member cities, each here for a reason, and small things to build with them.

Berlin's clock stands for Hamburg's. Clock changes of the years used:

    2020: 29 March and 25 October (Europe) · 4 April and 3 October (Victoria) · 20 March, 20 September (Iran)
    2027: 28 March and 31 October (Europe) · 3 April and 4 September (Chile) · 29 April, 28 October (Egypt)
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path

from scheduler.configuration.load import load
from scheduler.model.audience import Audience
from scheduler.model.members import Member, Membership, Span
from scheduler.model.network import Configuration
from scheduler.model.series import Join, Series, Session

ROOT = Path(__file__).parent.parent
CONFIG = ROOT / "config"

#: Always a member, so that a story is about its own subject.
OPEN = Membership(Span(date(2000, 1, 1), date(2000, 1, 1)), None, "test")
WORLD = Audience("World", everyone=True)


@lru_cache(maxsize=1)
def real() -> Configuration:
    """The configuration in config/, whole."""
    configuration = load(CONFIG).configuration
    assert configuration is not None
    return configuration


@lru_cache(maxsize=1)
def open_house() -> Configuration:
    """The same, with every city a member for ever."""
    members = tuple(replace(member, memberships=(OPEN,)) for member in real().members)
    return replace(real(), members=members)


def member(slug: str, configuration: Configuration | None = None) -> Member:
    members = (configuration or open_house()).members
    return next(one for one in members if one.slug == slug)


def a_member(slug: str, *memberships: Membership) -> Member:
    """A real city with just these memberships."""
    return replace(member(slug), memberships=memberships)


#: West of Hamburg, no summer time; the weekend is Saturday and Sunday.
MEDELLIN = "medellin"
#: Far east, with summer time in the southern summer: its hour moves twice between June and December.
MELTON = "melton"
#: Half an hour off, with summer time until 2022; the weekend is Friday.
KASHAN = "kashan"
#: Hamburg's own clock.
MANTES = "mantes-la-jolie"
#: The weekend is Friday and Saturday.
DOHA = "doha"
#: Half an hour off; the weekend is Sunday only.
THRISSUR = "thrissur"


def at(text: str) -> datetime:
    """An aware UTC instant, written with its offset."""
    return datetime.fromisoformat(text).astimezone(UTC)


def a_session(**changes: object) -> Session:
    """13:00 to 14:00 in Hamburg on Monday 14 June 2027, for the world."""
    plain = Session(
        id="first",
        title="A first session",
        on=date(2027, 6, 14),
        start=time(13),
        end=time(14),
        length_minutes=60,
        zone="Europe/Berlin",
        audience=WORLD,
        join=Join(platform="Zoom", kind="Webinar ID", id="626174989", link="https://meet.cities.example/1"),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def a_series(*sessions: Session, **changes: object) -> Series:
    """Announced on 3 May 2027, with the rules of config/notices.yaml."""
    series = Series(
        id="talks",
        title="Talks among cities",
        description="",
        organisers=("UNESCO Institute for Lifelong Learning",),
        announced=date(2027, 5, 3),
        sessions=sessions or (a_session(),),
        rules=real().series[0].rules,
    )
    return replace(series, **changes)  # type: ignore[arg-type]


def a_configuration(*series: Series, members: tuple[str, ...] = (), **changes: object) -> Configuration:
    """The real network with just these series, and all cities or only those named, always members."""
    chosen = tuple(m for m in open_house().members if not members or m.slug in members)
    return replace(open_house(), members=chosen, series=series, cycles=(), **changes)  # type: ignore[arg-type]


A_DAY = timedelta(days=1)
