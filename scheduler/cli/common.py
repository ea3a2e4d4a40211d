"""What commands share: the options they have in common, and how they read and speak."""

from __future__ import annotations

import gc
import getpass
import os
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.cells import cell_len
from rich.console import Console

from scheduler.configuration.advice.erased import find_erased
from scheduler.configuration.load import Loaded, load
from scheduler.configuration.members import ROLES
from scheduler.configuration.problems import Problem, Severity, listed
from scheduler.configuration.which_city import question
from scheduler.errors import ConfigurationRefused, SchedulerError
from scheduler.languages import language
from scheduler.model import times
from scheduler.model.members import OFFICES
from scheduler.model.names import Names
from scheduler.model.network import Configuration, Network
from scheduler.settings import Settings, read_settings

if TYPE_CHECKING:
    from scheduler.service.erased import Erased
    from scheduler.service.in_force import InForce
    from scheduler.service.links import Links
    from scheduler.store.database import Database

#: Prints as it is: no colours are read into what staff wrote, no line is broken in a pipe.
out = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)

#: What the tables have room for.
LONGEST_NAME = 200

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="Folder with the configuration (default: config, or SCHEDULER_CONFIG)."),
]


def read_configuration(folder: Path | None) -> Loaded:
    with all_kept():
        return load(folder or read_settings().config)


@contextmanager
def all_kept() -> Iterator[None]:
    """Nothing read here is garbage before the end; to look for it would take a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()


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


def midnight(day: date, zone: str) -> datetime:
    return times.moment(day, time(), zone)


def span(first: str, last: str, zone: str) -> tuple[datetime, datetime]:
    """Midnights in the secretariat's zone, the second exclusive."""
    start, end = (
        midnight(read_date(text, option), zone) for text, option in ((first, "--from"), (last, "--to"))
    )
    if end <= start:
        raise typer.BadParameter(f"{last} does not come after {first}", param_hint="--to")
    return start, end


def is_terminal() -> bool:
    return sys.stderr.isatty()


def find_member(configuration: Configuration, name: str) -> str:
    """The slug of a member named by slug, name or alias. Raises SchedulerError where that is not one."""
    names = names_of(configuration)
    match = names.find(name)
    if match.member is None:
        raise SchedulerError("; ".join(question(names, match)))
    return match.member.slug


def names_of(configuration: Configuration) -> Names:
    """The names of all members; a country may be called as in countries.csv, or as English has it."""
    english = language("en")
    also = [replace(country, name=english.country_name(country.code)) for country in configuration.countries]
    return Names(configuration.members, [*configuration.countries, *also])


@asynccontextmanager
async def opened_database() -> AsyncIterator[Database]:
    """The database of this installation; loaded here, so that commands without one answer at once."""
    from scheduler.store.database import open_database

    database = open_database(read_settings().database_url.get_secret_value())
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def database_if_any() -> AsyncIterator[Database | None]:
    """The same for commands that only look: None where there is none yet, and nothing is made."""
    from scheduler.store.lock import sqlite_file
    from scheduler.store.migrate import check_version

    file = sqlite_file(read_settings().database_url.get_secret_value())
    if file and not file.is_file():
        yield None
        return
    async with opened_database() as database:
        await check_version(database)
        yield database


@asynccontextmanager
async def database_in_force() -> AsyncIterator[tuple[Database, InForce]]:
    """The database, which is there and has our tables, and what is in force in it."""
    from scheduler.service.in_force import read_in_force
    from scheduler.store.backup import existing_file
    from scheduler.store.migrate import check_version

    existing_file(read_settings().database_url.get_secret_value())
    async with opened_database() as database:
        await check_version(database)
        async with database.read() as connection:
            in_force = await read_in_force(connection)
        yield database, in_force


def links_if_any(settings: Settings) -> Links | None:
    """With the installation's own key; None where it is not here, and none is made."""
    from scheduler.service.bootstrap import key_file, secret_key
    from scheduler.service.links import Links

    if not settings.secret_key.get_secret_value() and not key_file(settings).is_file():
        return None
    return Links(settings.base_url, secret_key(settings))


def key_if_any(settings: Settings) -> bytes | None:
    """The installation's secret key; None where it is not here, and none is made."""
    links = links_if_any(settings)
    return links.key if links else None


def database_there() -> str | None:
    """Where what is in force may stand, for commands that look in passing."""
    try:
        url = read_settings().database_url.get_secret_value()
    except SchedulerError:
        return None
    is_there = not url.startswith("sqlite:///") or Path(url.removeprefix("sqlite:///")).is_file()
    return url if is_there else None


def erased_here() -> Erased | None:
    """Who was erased, where a database tells in passing; None where nobody was. Raises KeyNeeded."""
    url = database_there()
    if url is None:
        return None
    from scheduler.store.peek import erasures

    found = erasures(url)
    if not found:
        return None
    from scheduler.service.erased import Erased

    return Erased.of(key_if_any(read_settings()), found)


def erased_in_files(loaded: Loaded) -> list[Problem]:
    """A warning for each contact in members.csv who was erased. Raises KeyNeeded."""
    erased = erased_here()
    return find_erased(loaded, erased.since) if erased else []


def without_erased(configuration: Configuration) -> Configuration:
    """What the files say, with nobody in it who was erased here. Raises KeyNeeded."""
    erased = erased_here()
    return erased.without(configuration) if erased else configuration


def login_name() -> str:
    """Who is at the keyboard; a container with a user of no name has only a number."""
    try:
        return getpass.getuser().partition("@")[0]  # a directory may call its users by their addresses
    except (KeyError, OSError):
        return f"user {os.getuid()}"


#: The city's own roles, and those of its country's offices.
_ALL_ROLES = (*ROLES, *OFFICES)

RoleOption = Annotated[
    str | None,
    typer.Option(help=f"Only the contact in this role: {listed(_ALL_ROLES)} (default: the city's own)."),
]


def read_role(role: str | None) -> str:
    """A role of contacts, empty for all; wrong usage is said in one line."""
    if role is not None and role not in _ALL_ROLES:
        raise typer.BadParameter(f"write one of {listed(_ALL_ROLES)}", param_hint="--role")
    return role or ""


ByOption = Annotated[str | None, typer.Option(help="Who decides this (default: the login name).")]


def who_decides(by: str | None) -> str:
    """The name for the journal; wrong usage is said in one line. An address would outlast its erasure."""
    who = (by or login_name()).strip()
    if not who.isprintable() or not 0 < len(who) <= LONGEST_NAME or "@" in who:
        said = f"write a name of at most {LONGEST_NAME} letters, and no address"
        raise typer.BadParameter(said, param_hint="--by")
    return who


def at_home(instant: datetime, network: Network) -> str:
    """Gives "Sunday 22 November 2026, 14:05 Hamburg time (CET, UTC+1)"."""
    words = language("en")
    return f"{words.span(instant, None, network.zone)} {words.home_clock(instant, network)}"


def contents(configuration: Configuration) -> str:
    """Gives "336 members, 3 series, 3 cycles, 27 occurrences until 2027-12-31"."""
    days = [session.on for series in configuration.series for session in series.sessions]
    days += [cycle.deadline.on for cycle in configuration.cycles]
    last = max(days, default=None)
    seen = (
        f"{counted(len(configuration.members), 'member')}, {len(configuration.series)} series, "
        f"{counted(len(configuration.cycles), 'cycle')}, {counted(len(days), 'occurrence')}"
    )
    return f"{seen} until {last}" if last else seen


def counted(number: int, noun: str) -> str:
    """Gives "1 mail", "3,313 mails"."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Each column as wide as its widest cell; signs of double width count twice."""
    widths = [max(cell_len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(padded).rstrip()
