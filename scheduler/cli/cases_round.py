"""What the commands about cases share: which round is meant, which cities, and how a moment is written."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from scheduler.cli.common import all_kept, database_in_force, names_of, out
from scheduler.configuration.problems import listed
from scheduler.configuration.which_city import question
from scheduler.errors import SchedulerError
from scheduler.model import times
from scheduler.model.cycles import Cycle
from scheduler.model.network import Configuration

if TYPE_CHECKING:
    from scheduler.service.in_force import InForce
    from scheduler.service.proof import Round
    from scheduler.store.database import Database

CycleArgument = Annotated[
    str | None,
    typer.Argument(help="The round; may be left out while just one is running.", metavar="[CYCLE]"),
]
CycleOption = Annotated[
    str | None, typer.Option("--cycle", help="The round; may be left out while just one is running.")
]
ByOption = Annotated[str | None, typer.Option(help="Who says this (default: the login name).")]

#: What a line of the log takes as a reason.
LONGEST_REASON = 400


def one_of(argument: str | None, option: str | None) -> str | None:
    """The name of a round that is written in one of two places; wrong usage is said in one line."""
    if argument and option and argument != option:
        raise typer.BadParameter(f"{argument} and {option} are two rounds; write one", param_hint="--cycle")
    return argument or option


def find_round(configuration: Configuration, name: str | None, now: datetime) -> Cycle:
    """The round of that name; without one the only one that is running, between opening and last deadline.
    Raises SchedulerError where that is not one."""
    from scheduler.service.cases import cycle_of

    cycles = {cycle.id: cycle for cycle in configuration.cycles}
    if not cycles:
        raise SchedulerError("no round is in force; see: scheduler new cycle")
    if name is not None:
        return cycle_of(cycles, name)
    today = times.local_date(now, configuration.network.zone)
    running = [c for c in cycles.values() if c.opens <= today and now <= c.last_instant]
    found = running or list(cycles.values())
    if len(found) == 1:
        return found[0]
    what = f"{len(running)} rounds are running" if running else "no round is running"
    raise SchedulerError(f"{what}; say which one with --cycle: {listed(c.id for c in found)}")


def find_cities(configuration: Configuration, names: Sequence[str]) -> list[str]:
    """Their slugs, each once. Raises SchedulerError with a sentence for each name that is not one city."""
    known = names_of(configuration)
    found, problems = [], []
    for name in names:
        match = known.find(name)
        if match.member is None:
            problems.append("; ".join(question(known, match)))
        else:
            found.append(match.member.slug)
    if problems:
        raise SchedulerError("; ".join(problems))
    return list(dict.fromkeys(found))


@asynccontextmanager
async def opened_round(name: str | None, now: datetime) -> AsyncIterator[tuple[Database, InForce, Cycle]]:
    # a large round is read, shown, and then the command ends
    with all_kept():
        async with database_in_force() as (database, in_force):
            yield database, in_force, find_round(in_force.configuration, name, now)


async def read_round(name: str | None, now: datetime) -> Round:
    """All cases of a round as they are now."""
    from scheduler.service import proof

    async with opened_round(name, now) as (database, in_force, cycle), database.read() as connection:
        return await proof.read_round(connection, in_force, cycle, now)


def read_reason(because: str, *, needed: bool = False) -> str:
    """One line for the log; wrong usage is said in one line. An address would outlast its erasure."""
    why = because.strip()
    if (needed and not why) or len(why) > LONGEST_REASON or "@" in why or (why and not why.isprintable()):
        said = f"write one line of at most {LONGEST_REASON} letters, and no address"
        raise typer.BadParameter(said, param_hint="--because")
    return why


def is_wanted(question: str, nothing: str) -> bool:
    """Asks at a terminal; elsewhere nobody can answer, and it takes --yes."""
    if not sys.stdin.isatty():
        out.print(f"{nothing}; to do it, say so with --yes")
        raise typer.Exit(1)
    if typer.confirm(question):
        return True
    out.print(nothing)
    return False


def clock_at(instant: datetime, zone: str) -> str:
    """Gives "2021-12-31 23:59:59" in a zone; without seconds where there are none."""
    there = times.local(instant, zone)
    return f"{there:%Y-%m-%d %H:%M:%S}" if there.second else f"{there:%Y-%m-%d %H:%M}"


def utc(instant: datetime | None) -> str:
    """Gives "2021-12-31 22:59:59" without a zone, for columns that name it; empty for none."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if instant else ""
