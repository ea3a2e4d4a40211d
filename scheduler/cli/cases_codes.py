"""`scheduler cases codes`: the cities' codes, into LimeSurvey and out of it."""

from __future__ import annotations

import asyncio
import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scheduler.cli.cases_import import CycleArgument, installation_links, say_problems
from scheduler.cli.cases_round import ByOption, is_wanted, opened_round
from scheduler.cli.common import counted, out, who_decides
from scheduler.configuration.lists.survey import Participant, read_participants
from scheduler.configuration.problems import Problems, printable
from scheduler.errors import CasesRefused, SchedulerError
from scheduler.store.whole_files import beside, in_words, put

if TYPE_CHECKING:
    from scheduler.model.cycles import Cycle
    from scheduler.service.case_codes import CaseCodes, Taken


def codes(
    cycle: CycleArgument,
    write: Annotated[
        Path | None, typer.Option(help="Write the list of participants that LimeSurvey imports (CSV).")
    ] = None,
    read: Annotated[
        Path | None, typer.Option(help="Take the codes that LimeSurvey made, from its list (CSV).")
    ] = None,
    forget: Annotated[
        bool, typer.Option("--forget", help="Go back to the codes that are worked out here.")
    ] = False,
    by: ByOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
) -> None:
    """Give LimeSurvey the cities' codes of a round (--write), or take those that it made (--read).

    The file has a code for each city that must report: whoever reads it can report in their place, so only \
its owner may. The first way needs no --read: mails and survey have the same codes then.
    """
    if sum((write is not None, read is not None, forget)) != 1:
        raise typer.BadParameter("say one of --write FILE, --read FILE and --forget", param_hint="--write")
    who = who_decides(by)
    if write is not None:
        asyncio.run(_write(cycle, write))
        return
    rows = None
    if read is not None:
        problems = Problems()
        rows = read_participants(read, problems)
        say_problems(problems)
    asyncio.run(_take(cycle, rows, who, yes))


async def _write(cycle: str, file: Path) -> None:
    from scheduler.service.case_codes import COLUMNS, CaseCodes, participants

    links = installation_links()
    async with opened_round(cycle, datetime.now(UTC)) as (database, in_force, of):
        desk = CaseCodes(database, in_force, links)
        rows = list(participants(in_force, of, await desk.all(of)))
    if not rows:
        raise SchedulerError(f"no city must report in {of.id}, so nobody needs a code; nothing was written")
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([COLUMNS, *rows])
    with in_words(f"{file} cannot be written"), beside(file) as partial:
        partial.write_text(text.getvalue(), encoding="utf-8", newline="")
        put(partial, file)
    nobody = sum(not row[COLUMNS.index("email")] for row in rows)
    if nobody:
        cities = "1 city has" if nobody == 1 else f"{nobody:,} cities have"
        out.print(f"! {cities} no address: LimeSurvey takes them if “Filter blank email addresses” is off")
    cities = "1 city" if len(rows) == 1 else f"{len(rows):,} cities"
    out.print(f"OK: {printable(file)} has the codes of {cities} of {of.id}; only its owner may read it")


async def _take(cycle: str, rows: tuple[Participant, ...] | None, by: str, yes: bool) -> None:
    """rows: None, to forget the codes of the survey."""
    from scheduler.service.case_codes import CaseCodes

    links, now = installation_links(), datetime.now(UTC)
    async with opened_round(cycle, now) as (database, in_force, of):
        desk = CaseCodes(database, in_force, links)
        taken = await _planned(desk, of, rows)
        for sentence in taken.left:
            out.print(f"! {sentence}")
        number = counted(len(taken.codes), "code")
        if not taken.codes:
            out.print(
                f"OK: nothing to change in {of.id}: {taken.known:,} known, {len(taken.left):,} left alone"
            )
            return
        what = f"{number} of the survey would be forgotten, and worked out again"
        if rows is not None:
            what = f"{number} of the survey in place of what we have, {taken.known:,} known already"
        out.print(f"{of.id}: {what}; links in mails that were sent before have the old ones")
        if yes or is_wanted(f"Write this to {of.id}?", "Nothing was written"):
            await desk.write(of, taken, by=by, now=datetime.now(UTC))
            out.print(f"OK: {of.id}: {number} {'forgotten' if rows is None else 'taken'}")


async def _planned(desk: CaseCodes, cycle: Cycle, rows: tuple[Participant, ...] | None) -> Taken:
    if rows is None:
        return await desk.plan_to_forget(cycle)
    try:
        return await desk.plan(cycle, rows)
    except CasesRefused as refused:
        for sentence in refused.problems:
            out.print(sentence)
        out.print(f"Not usable: {counted(len(refused.problems), 'error')}; nothing was written")
        raise typer.Exit(1) from None
