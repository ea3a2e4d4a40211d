"""`scheduler clocks`: what a new release of the tz database moved, and whether it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scheduler.cli.common import ByOption, at_home, counted, database_in_force, out, who_decides
from scheduler.languages import language
from scheduler.model import times

if TYPE_CHECKING:
    from scheduler.model.network import Network
    from scheduler.service.clock_changes import Hours, Moved, Report
    from scheduler.store.holds import Hold

app = typer.Typer(
    add_completion=False,
    help="Say which hours a new release of the tz database moved, and let them be told.",
)


@app.callback(invoke_without_command=True)
def clocks(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print it for programs.")] = False,
) -> None:
    """Say which hours a new release of the tz database moved, for whom, and what waits to be told.

    Exit 0: nothing waits, 1: something waits for a decision.
    """
    if ctx.invoked_subcommand:
        return
    report, network = asyncio.run(_read(datetime.now(UTC)))
    if as_json:
        out.print(json.dumps(_for_programs(report), ensure_ascii=False, indent=2))
    else:
        for line in _lines(report, network):
            out.print(line)
    if report.waits:
        raise typer.Exit(1)


@app.command("release")
def release(by: ByOption = None) -> None:
    """Tell it: sessions that moved go out as changes, and each city whose hours moved gets one mail.

    All others get nothing. Cities are written to in their own day, unless a session is near.
    """
    asyncio.run(_release(who_decides(by), datetime.now(UTC)))


async def _release(by: str, now: datetime) -> None:
    from scheduler.service.clock_changes import release

    async with database_in_force() as (database, in_force):
        done = await release(database, in_force, by, now)
    if done.found is None and not done.held:
        out.print("OK: nothing waited; nothing was changed")
        return
    if done.held:
        out.print(f"let go: {', '.join(hold.subject for hold in done.held)}; who is invited gets an update")
    out.print(f"OK: released; {counted(done.mails, 'mail')} to cities whose hours moved")


@app.command("dismiss")
def dismiss(by: ByOption = None) -> None:
    """Tell no city that its hours moved. What moved itself stays held, until: scheduler resume."""
    asyncio.run(_dismiss(who_decides(by), datetime.now(UTC)))


async def _dismiss(by: str, now: datetime) -> None:
    from scheduler.service.clock_changes import dismiss

    async with database_in_force() as (database, in_force):
        done = await dismiss(database, in_force, by, now)
    for hold in done.held:
        out.print(f"! {hold.subject} is held still, for it begins at another moment; {_let_go(hold)}")
    nothing = "no city is told of its new hours" if done.found else "nothing waited; nothing was changed"
    out.print(f"OK: {nothing}")
    if done.held:
        raise typer.Exit(1)


async def _read(now: datetime) -> tuple[Report, Network]:
    from scheduler.service.clock_changes import read_report

    async with database_in_force() as (database, in_force):
        return await read_report(database, in_force, now), in_force.network


def _lines(report: Report, network: Network) -> Iterator[str]:
    yield f"This program computes with tz database {report.running}"
    if report.running != report.in_force:
        yield f"! what is in force was computed with {report.in_force}; {_what_to_do(report)}"
    if report.found:
        found_at = at_home(report.found.found_at, network)
        yield f"Found {found_at}: {report.found.now} in the place of {report.found.before}"
        yield from (f"  {line}" for moved in report.moved for line in _moved_lines(moved, network))
        yield from (f"  {_hours_line(hours)}" for hours in report.hours)
        decide = "tell it with: scheduler clocks release; or not, with: scheduler clocks dismiss"
        shown = "; calendars that are subscribed to show what moved already" if report.moved else ""
        yield f"! nobody is told yet{shown}; {decide}"
        return
    for hold in report.held:
        yield f"! {hold.subject} is held, {hold.because}; {_let_go(hold)}"
    if not report.waits:
        yield "OK: nothing waits for a person"


def _what_to_do(report: Report) -> str:
    if report.is_older:
        return "update this program"
    return "what that moves is found when `scheduler serve` starts, or with: scheduler apply"


def _let_go(hold: Hold) -> str:
    return f"let it go with: scheduler resume {hold.subject}"


def _moved_lines(moved: Moved, network: Network) -> Iterator[str]:
    """Gives "first.talks, written in America/Edmonton: held, for 8 cities", and both hours."""
    words, occurrence = language("en"), moved.occurrence
    begins, before = occurrence.starts_at, moved.before[0]
    if occurrence.session is None:
        begins, before = occurrence.ends_at, moved.before[1]
    assert begins is not None  # noqa: S101 - what moved has a time
    yield f"{occurrence.id}, written in {occurrence.zone}: it is held; {_cities(moved.cities)} must know"
    old, new = (words.span(at, None, network.zone) for at in (before, begins))
    there = f"{_local_hour(begins, occurrence.zone)} as before"
    yield f"  {old} -> {new} {words.home_clock(begins, network)}; {there}"


def _local_hour(at: datetime, zone: str) -> str:
    return f"{times.local(at, zone):%H:%M} in {zone}"


def _hours_line(hours: Hours) -> str:
    """Gives "Edmonton and 6 other cities: 14 sessions from 2026-11-04 on, one hour earlier there"."""
    first, *others = hours.members
    who = first.name
    if others:
        who += f" and {len(others):,} other {'city' if len(others) == 1 else 'cities'}"
    sessions = [o for o in hours.occurrences if o.session]
    number, deadlines = len(sessions), len(hours.occurrences) - len(sessions)
    what = [counted(number, "session")] if number else []
    what += [counted(deadlines, "deadline")] if deadlines else []
    begins = hours.occurrences[0].starts_at
    day = f" from {times.local_date(begins, first.zone)} on" if begins else ""
    return f"{who}: {' and '.join(what)}{day}, {_shift(hours)}"


def _shift(hours: Hours) -> str:
    """Gives "one hour later there"; "at another hour there" where it differs."""
    shifts = {now - before for before, now in hours.offsets}
    if len(shifts) > 1:
        return "at another hour there"
    (shift,) = shifts
    is_earlier = shift < timedelta()
    whole, minutes = divmod(abs(shift) // timedelta(minutes=1), 60)
    parts = [{1: "one hour"}.get(whole, f"{whole} hours")] if whole else []
    parts += [f"{minutes} minutes"] if minutes else []
    return f"{' and '.join(parts)} {'earlier' if is_earlier else 'later'} there"


def _cities(number: int) -> str:
    return f"{number:,} {'city' if number == 1 else 'cities'}"


def _for_programs(report: Report) -> dict[str, Any]:
    """All of it; instants are ISO 8601 in UTC, offsets in minutes."""
    found = report.found
    return {
        "ok": not report.waits,
        "running": report.running,
        "in_force": report.in_force,
        "waiting": {"before": found.before, "now": found.now, "found_at": _instant(found.found_at)}
        if found
        else None,
        "moved": [_moved_for_programs(moved) for moved in report.moved],
        "hours": [_hours_for_programs(hours) for hours in report.hours],
        "held": [hold.subject for hold in report.held],
    }


def _moved_for_programs(moved: Moved) -> dict[str, Any]:
    occurrence = moved.occurrence
    return {
        "occurrence": occurrence.id,
        "zone": occurrence.zone,
        "before": [_instant(at) for at in moved.before],
        "now": [_instant(at) for at in (occurrence.starts_at, occurrence.ends_at)],
        "cities": moved.cities,
    }


def _hours_for_programs(hours: Hours) -> dict[str, Any]:
    pairs = zip(hours.occurrences, hours.offsets, strict=True)
    return {
        "cities": [member.slug for member in hours.members],
        "occurrences": [
            {
                "occurrence": occurrence.id,
                "starts_at": _instant(occurrence.starts_at),
                "offset_before": before // timedelta(minutes=1),
                "offset_now": now // timedelta(minutes=1),
            }
            for occurrence, (before, now) in pairs
        ],
    }


def _instant(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="seconds") if at else None
