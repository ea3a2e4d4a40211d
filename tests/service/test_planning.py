"""What a plan promises is what goes out: the same edits planned, then applied and played."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.service.planning import Plan, draw_up, read_ground
from scheduler.store.database import open_database
from tests.cast import at
from tests.edits import Edit, edits
from tests.service.stage import Stage

APRIL = at("2027-04-20T08:00:00+00:00")
AUGUST = at("2027-08-20T08:00:00+00:00")
T = TypeVar("T")

#: When it goes out, kind, occurrence, rule.
Promise = tuple[datetime, str, str, str]


@settings(max_examples=7, deadline=None, derandomize=True)
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
