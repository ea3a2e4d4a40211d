"""What a plan promises is what goes out: the same edits planned, then applied and played."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from scheduler.model.answers import Answer
from scheduler.service.planning import Plan, draw_up, read_ground
from scheduler.store import answers, suppressions, tables
from scheduler.store.answers import Given
from scheduler.store.suppressions import WEBINARS, Suppression
from tests.cast import at
from tests.edits import Edit, edits
from tests.engines import opened
from tests.service.stage import Stage

APRIL = at("2027-04-20T08:00:00+00:00")
AUGUST = at("2027-08-20T08:00:00+00:00")
T = TypeVar("T")

#: When it goes out, kind, occurrence, rule.
Promise = tuple[datetime, str, str, str]


@dataclass(frozen=True)
class Wishes:
    """What contacts say, by their place among all contacts."""

    answers: dict[tuple[int, str], Answer]
    ended: set[int]


@st.composite
def wishes(draw: st.DrawFn) -> Wishes:
    place, session = (
        st.integers(0, 5),
        st.sampled_from([f"{a}.{b}" for a in "abc" for b in ("talks", "walks")]),
    )
    said = draw(st.dictionaries(st.tuples(place, session), st.sampled_from(Answer), max_size=8))
    return Wishes(said, draw(st.sets(place, max_size=2)))


async def say(stage: Stage, wishes: Wishes, now: datetime) -> None:
    async with stage.database.write() as connection:
        table = tables.contacts.c
        contacts = (await connection.execute(select(table.id, table.address).order_by(table.id))).all()
        for (place, session), answer in wishes.answers.items():
            if place < len(contacts):
                await answers.give(connection, Given(contacts[place].id, session, answer, now, "page", None))
        for contact in (contacts[place] for place in wishes.ended if place < len(contacts)):
            await suppressions.add(connection, Suppression(contact.address, WEBINARS, now, "a test"))


@settings(max_examples=7, deadline=None, derandomize=True)
@given(edit=edits(), days=st.integers(35, 65), span=st.integers(1, 60), said=wishes(), early=wishes())
def test_what_a_plan_promises_is_what_goes_out(
    migrated_sqlite: Path, edit: Edit, days: int, span: int, said: Wishes, early: Wishes
) -> None:
    """Whatever staff edited, and whatever the contacts answered and ended, soon or just now."""
    edited = APRIL + timedelta(days=days, minutes=7)
    until = edited + timedelta(days=span)

    async def work(stage: Stage) -> tuple[Counter[Promise], Counter[Promise]]:
        await stage.apply(edit.before, APRIL)
        await say(stage, early, APRIL)
        await stage.play(APRIL, edited)
        await say(stage, said, edited)
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
        file = Path(shutil.copy(like, Path(folder) / "test.sqlite"))
        async with opened(file) as database:
            return await work(Stage(database, Path(folder)))
