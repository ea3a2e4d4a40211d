"""`scheduler cases import`: reports that came, from an export of the survey; all of it or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scheduler.cli import progress
from scheduler.cli.cases_round import ByOption, is_wanted, opened_round
from scheduler.cli.common import counted, links_if_any, out, who_decides
from scheduler.cli.progress import TellOf
from scheduler.configuration.lists.survey import read_survey
from scheduler.configuration.problems import Problems, did_you_mean, listed, printable, quoted
from scheduler.configuration.spoken import shortened
from scheduler.errors import CasesRefused, SchedulerError
from scheduler.model import times
from scheduler.model.cases import Case, State
from scheduler.settings import read_settings

if TYPE_CHECKING:
    from scheduler.model.cycles import Cycle
    from scheduler.service.cases import Cases, Done
    from scheduler.service.in_force import InForce
    from scheduler.service.links import Links
    from scheduler.service.survey import Understood

#: So many cities are named of each group; who wants all of them asks `scheduler cases list` afterwards.
_MOST_NAMED = 40

CycleArgument = Annotated[str, typer.Argument(help="The round, such as report-2027.", metavar="CYCLE")]


def import_survey(
    cycle: CycleArgument,
    file: Annotated[Path, typer.Argument(help="The export, as .csv or .xlsx.", metavar="FILE")],
    zone: Annotated[
        str | None, typer.Option(help="The zone of the survey's clock (default: the network's own).")
    ] = None,
    by: ByOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Write without asking.")] = False,
    sheet: Annotated[
        str | None, typer.Option(help="Which sheet of an .xlsx file (default: the first).")
    ] = None,
) -> None:
    """Learn from LimeSurvey which reports came, and how far others are: shows what it would do, then asks.

    FILE are the responses as LimeSurvey exports them, complete or not, with whatever headings; it needs \
the columns token and submitdate. A response belongs to the city that has its code. One with a date of \
submission is a report: the city is asked no more, and gets a receipt. One without is a draft. What is known \
of a report that came stays. If anything is wrong with any line, nothing is written.

    LimeSurvey writes times without a zone. Of an hour that its clock shows twice the first one is taken.
    """
    who = who_decides(by)
    if zone is not None and not times.is_zone(zone):
        instead = did_you_mean(zone, times.zone_names(), "write one such as Europe/Berlin")
        raise typer.BadParameter(f"{quoted(zone)} is no zone; {instead}", param_hint="--zone")
    asyncio.run(_import(cycle, file, zone, who, yes, sheet))


@dataclass(frozen=True)
class _Plan:
    """What would become of an export."""

    understood: Understood
    done: Done
    #: mails that wait, and would not be sent any more
    waiting: int

    @property
    def came(self) -> list[Case]:
        """Late ones first, then in the order of their coming."""
        by_time = sorted(_came(self.done), key=lambda case: (case.submitted_at, case.member))
        return sorted(by_time, key=lambda case: not case.is_late)

    @property
    def drafts(self) -> list[Case]:
        return _drafts(self.done)


async def _import(cycle: str, file: Path, zone: str | None, by: str, yes: bool, sheet: str | None) -> None:
    from scheduler.service.cases import Cases
    from scheduler.service.in_force import Memory

    links = installation_links()
    now = datetime.now(UTC)
    async with opened_round(cycle, now) as (database, in_force, of):
        desk, clock = Cases(database, Memory(in_force)), zone or in_force.network.zone
        with progress.shown() as tell_of:
            plan = await _plan(desk, of, file, sheet, clock, links, now, tell_of)
        how = "as was said with --zone" if zone else "the network's own; say another one with --zone"
        out.print(f"times of {printable(file)} are read in the zone {clock} ({how})")
        for line in plan_lines(plan, in_force, clock):
            out.print(line)
        if not plan.done.moves:
            out.print(f"OK: nothing to change in {of.id}: {_summary_of_old(plan)}")
            return
        if not (yes or is_wanted(f"Write this to {of.id}?", "Nothing was written")):
            return
        with progress.shown() as tell_of:
            tell_of("writing")(0, 0)
            done = await _said(desk.record(of.id, plan.understood.said, by=by, now=datetime.now(UTC)))
        out.print(f"OK: {of.id}: {_summary(done, plan)}")


async def _plan(
    desk: Cases,
    cycle: Cycle,
    file: Path,
    sheet: str | None,
    zone: str,
    links: Links,
    now: datetime,
    tell_of: TellOf,
) -> _Plan:
    """What the export would do; where anything is wrong it is said, and the command ends."""
    from scheduler.service.survey import count_waiting, read_ground, understand

    problems = Problems()
    export = read_survey(file, sheet, dict(cycle.word_limits), problems, tell_of("reading"))
    if export is None:
        say_problems(problems)
    assert export is not None  # noqa: S101 - else the command has ended
    tell_of("matching")(0, 0)
    async with desk.database.read() as connection:
        in_force = await desk.memory.current(connection)
        ground = await read_ground(connection, in_force, cycle, links)
    understood = understand(export, ground, zone, now, problems)
    say_problems(problems)
    done = await _said(desk.record(cycle.id, understood.said, by="", now=now, dry=True))
    async with desk.database.read() as connection:
        waiting = await count_waiting(connection, in_force, cycle, done.moves)
    return _Plan(understood, done, waiting)


def say_problems(problems: Problems) -> None:
    """With an error in them the command ends: nothing was written yet."""
    shown, more = shortened(problems.in_order())
    for line in (*map(str, shown), *more):
        out.print(line)
    if problems.errors():
        out.print(f"Not usable: {counted(problems.errors(), 'error')}; nothing was written")
        raise typer.Exit(1)


async def _said(saying: Awaitable[Done]) -> Done:
    try:
        return await saying
    except CasesRefused as refused:
        for sentence in refused.problems:
            out.print(sentence)
        out.print(f"Not usable: {counted(len(refused.problems), 'error')}; nothing was written")
        raise typer.Exit(1) from None


# what it would do


def plan_lines(plan: _Plan, in_force: InForce, zone: str) -> Iterator[str]:
    """A heading for each group, with its cities below."""
    came, drafts = plan.came, plan.drafts
    late = sum(case.is_late for case in came)
    if came:
        yield f"new: {counted(len(came), 'report')} came{_of_them(late, 'late')}"
        yield from _named((_came_line(case, in_force, zone) for case in came), len(came))
    if drafts:
        too_long = sum(bool(case.draft and case.draft.too_long) for case in drafts)
        over = _of_them(too_long, "with answers over the word limit")
        yield f"drafts: {len(drafts):,} {'city' if len(drafts) == 1 else 'cities'} got further{over}"
        yield from _named((_draft_line(case, in_force, zone) for case in drafts), len(drafts))
    if plan.waiting:
        yield f"withdrawn: {counted(plan.waiting, 'mail')} that wait and ask for these reports"
    if known := plan.understood.known:
        yield f"known: {counted(len(known), 'report')} that came before; nothing changes"
    if otherwise := plan.understood.otherwise:
        of_these = f"  {len(otherwise):,} of them with another time in the export"
        yield f"{of_these}; the one that is known stays: {listed(otherwise, most=20)}"
    if plan.understood.left:
        yield f"left alone: {counted(plan.understood.left, 'response')}"


def _of_them(number: int, what: str) -> str:
    return f", {number:,} of them {what}" if number else ""


def _named(lines: Iterator[str], number: int) -> Iterator[str]:
    yield from islice(lines, _MOST_NAMED)
    if number > _MOST_NAMED:
        yield f"  and {number - _MOST_NAMED:,} more"


def _came_line(case: Case, in_force: InForce, zone: str) -> str:
    assert case.submitted_at is not None  # noqa: S101 - it came
    line = f"  {case.member}  {_name(case, in_force)}  {_clock(case.submitted_at, zone)}"
    return f"{line}  late: its deadline was {_clock(case.deadline_at, zone)}" if case.is_late else line


def _draft_line(case: Case, in_force: InForce, zone: str) -> str:
    draft, parts = case.draft, []
    if draft and draft.started_at:
        parts.append(f"begun {_clock(draft.started_at, zone)}")
    if draft and draft.last_page is not None:
        parts.append(f"page {draft.last_page}")
    if draft and (draft.answered or draft.unanswered):
        parts.append(f"{len(draft.answered)} of {len(draft.answered) + len(draft.unanswered)} answered")
    if draft and draft.too_long:
        parts.append(f"too long: {listed(str(one.number) for one in draft.too_long)}")
    return f"  {case.member}  {_name(case, in_force)}  {', '.join(parts)}".rstrip()


def _name(case: Case, in_force: InForce) -> str:
    return printable(in_force.members[case.member].name)


def _clock(at: datetime, zone: str) -> str:
    return f"{times.local(at, zone):%Y-%m-%d %H:%M:%S}"


def _came(done: Done) -> list[Case]:
    return [
        move.after
        for move in done.moves
        if move.after.state is State.SUBMITTED and move.before and move.before.submitted_at is None
    ]


def _drafts(done: Done) -> list[Case]:
    """Those that are still drafts: what the calendar did to a case before is none."""
    return [
        move.after
        for move in done.moves
        if move.after.submitted_at is None and move.before and move.before.draft != move.after.draft
    ]


def _summary(done: Done, plan: _Plan) -> str:
    came = _came(done)
    late = _of_them(sum(case.is_late for case in came), "late")
    receipts = "1 receipt goes" if done.receipts == 1 else f"{done.receipts:,} receipts go"
    return (
        f"{counted(len(came), 'report')} came{late}; {counted(len(_drafts(done)), 'draft')}; "
        f"{counted(done.withdrawn, 'mail')} withdrawn, {receipts} out; {_summary_of_old(plan)}"
    )


def _summary_of_old(plan: _Plan) -> str:
    return f"{len(plan.understood.known):,} known before, {plan.understood.left:,} left alone"


# what commands about the survey share


def installation_links() -> Links:
    """With the key that codes are worked out of. Raises SchedulerError where it is not here."""
    links = links_if_any(read_settings())
    if links is None:
        what = "the installation's secret key is not here, and the cities' codes are worked out of it"
        raise SchedulerError(f"{what}; run this where the service runs, or set SCHEDULER_SECRET_KEY")
    return links
