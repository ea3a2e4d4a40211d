"""What commands share: the options they have in common, and how they read and speak."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from scheduler.configuration.load import Loaded, load
from scheduler.configuration.problems import Severity
from scheduler.errors import ConfigurationRefused, SchedulerError
from scheduler.model import times
from scheduler.model.network import Configuration
from scheduler.model.programme import occurrences_of
from scheduler.settings import read_settings

if TYPE_CHECKING:
    from scheduler.store.database import Database

#: Prints as it is: no colours are read into what staff wrote, no line is broken in a pipe.
out = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="Folder with the configuration (default: config, or SCHEDULER_CONFIG)."),
]


def read_configuration(folder: Path | None) -> Loaded:
    return load(folder or read_settings().config)


def accepted(loaded: Loaded) -> Configuration:
    """The configuration; where it has errors they are said, and the command ends."""
    if loaded.configuration is None:
        for problem in loaded.problems:
            if problem.severity is Severity.ERROR:
                err.print(str(problem))
        raise ConfigurationRefused(f"{ConfigurationRefused.__doc__} See all with: scheduler check")
    return loaded.configuration


def read_date(text: str, option: str) -> date:
    """A date of the command line; wrong usage is said in one line."""
    try:
        day = date.fromisoformat(text)
        if times.FIRST_YEAR <= day.year <= times.LAST_YEAR:
            return day
        said = f"{text} is too far away; write a year from {times.FIRST_YEAR} to {times.LAST_YEAR}"
        raise typer.BadParameter(said, param_hint=option)
    except ValueError:
        raise typer.BadParameter(
            f'"{text}" is no date; write year-month-day, such as 2020-05-15', param_hint=option
        ) from None


def span(first: str, last: str, zone: str) -> tuple[datetime, datetime]:
    """Midnights in the secretariat's zone, the second exclusive."""
    start, end = (
        times.moment(read_date(text, option), datetime.min.time(), zone)
        for text, option in ((first, "--from"), (last, "--to"))
    )
    if end <= start:
        raise typer.BadParameter(f"{last} does not come after {first}", param_hint="--to")
    return start, end


def is_terminal() -> bool:
    return sys.stderr.isatty()


def find_member(configuration: Configuration, name: str) -> str:
    """The slug of a member named by slug, name or alias. Raises SchedulerError where that is not one."""
    wanted = name.casefold()
    found = [
        member.slug
        for member in configuration.members
        if wanted in {word.casefold() for word in (member.slug, member.name, *member.aliases)}
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise SchedulerError(f'"{name}" may be {" or ".join(found)}; write one of these')
    raise SchedulerError(f'"{name}" is no member; write its slug from members.csv')


@asynccontextmanager
async def opened_database() -> AsyncIterator[Database]:
    """The database of this installation; loaded here, so that commands without one answer at once."""
    from scheduler.store.database import open_database

    database = open_database(read_settings().database_url.get_secret_value())
    try:
        yield database
    finally:
        await database.close()


def login_name() -> str:
    """Who is at the keyboard; a container with a user of no name has only a number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def contents(configuration: Configuration) -> str:
    """Gives "336 members, 3 series, 3 cycles, 27 occurrences until 2027-12-31"."""
    occurrences = [o for part in configuration.parts for o in occurrences_of(part)]
    last = max((occurrence.on for occurrence in occurrences), default=None)
    seen = (
        f"{counted(len(configuration.members), 'member')}, {len(configuration.series)} series, "
        f"{counted(len(configuration.cycles), 'cycle')}, {counted(len(occurrences), 'occurrence')}"
    )
    return f"{seen} until {last}" if last else seen


def counted(number: int, noun: str) -> str:
    """Gives "1 mail", "3,313 mails"."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
