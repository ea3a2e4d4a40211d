"""What a plan promises is what goes out: the same edits planned, then applied and played."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.model.network import Configuration
from scheduler.model.notices import Kind
from scheduler.model.series import Join, Series, Session, Status
from scheduler.service.planning import Plan, draw_up, read_ground
from scheduler.store.database import open_database
from tests import cast
from tests.cast import (
    DOHA,
    KASHAN,
    MANTES,
    MEDELLIN,
    MELTON,
    THRISSUR,
    WORLD,
    a_configuration,
    a_series,
    a_session,
    at,
)
from tests.service.stage import Stage

APRIL = at("2027-04-20T08:00:00+00:00")
AUGUST = at("2027-08-20T08:00:00+00:00")
CITIES = (DOHA, KASHAN, MANTES, MEDELLIN, MELTON, THRISSUR)
T = TypeVar("T")

#: When it goes out, kind, occurrence, rule.
Promise = tuple[datetime, str, str, str]

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
    return Edit(a_configuration(*before, members=members), a_configuration(*after, members=others))


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


@settings(max_examples=12, deadline=None, derandomize=True)
@given(edit=edits(), days=st.integers(35, 65), span=st.integers(1, 60))
def test_what_a_plan_promises_is_what_goes_out(
    migrated_sqlite: Path, edit: Edit, days: int, span: int
) -> None:
    edited = APRIL + timedelta(days=days, minutes=7)
    until = edited + timedelta(days=span)

    async def work(stage: Stage) -> tuple[Counter[Promise], Counter[Promise]]:
        await stage.apply(edit.before, APRIL)
        await stage.play(APRIL, edited)
        earlier = await went_out(stage)
        plan = draw_up(edit.after, await read_ground(stage.database, edited), now=edited, until=until)
        await stage.apply(edit.after, edited)
        await stage.play(edited, until)
        return promised(plan), await went_out(stage) - earlier

    planned, sent = asyncio.run(on_a_copy(migrated_sqlite, work))

    assert planned == sent


def promised(plan: Plan) -> Counter[Promise]:
    found = Counter[Promise]()
    for one in plan.mailings:
        found[one.due_at, one.rule.kind.value, one.occurrence.id, one.rule.id] += one.mails
    return found


async def went_out(stage: Stage) -> Counter[Promise]:
    rows = await stage.sent()
    return Counter((row.due_at, row.kind.value, row.occurrence, row.rule) for row in rows)


async def on_a_copy(like: Path, work: Callable[[Stage], Awaitable[T]]) -> T:
    with tempfile.TemporaryDirectory() as folder:
        file = shutil.copy(like, Path(folder) / "test.sqlite")
        database = open_database(f"sqlite:///{file}", durable=False)
        try:
            return await work(Stage(database, Path(folder)))
        finally:
            await database.close()
