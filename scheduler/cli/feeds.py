"""`scheduler feeds`: the secret addresses of the cities' calendars, and the public ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from scheduler.cli.common import (
    ByOption,
    columns,
    counted,
    find_member,
    links_if_any,
    opened_database,
    out,
    who_decides,
)
from scheduler.configuration.problems import printable
from scheduler.errors import SchedulerError
from scheduler.model import times
from scheduler.settings import Settings, read_settings

if TYPE_CHECKING:
    from scheduler.service.feed_addresses import Line
    from scheduler.service.in_force import InForce
    from scheduler.service.links import Links
    from scheduler.store.database import Database
    from scheduler.store.feed_addresses import Address

app = typer.Typer(
    add_completion=False,
    help="List, renew, add and end the addresses of the cities' calendars.",
    no_args_is_help=True,
)

CityArgument = Annotated[str, typer.Argument(help="The city, by name or slug.", metavar="CITY")]

_COLUMNS = ("city", "address", "since", "by", "last used", "ended")


@app.command("list")
def list_addresses(
    member: Annotated[str | None, typer.Option(help="Only this city, by name or slug.")] = None,
    show: Annotated[
        bool, typer.Option("--show", help="Print the addresses of this city: they are secret.")
    ] = False,
) -> None:
    """List the address of every city's calendar: since when, by whom, on which day it was last used.

    The addresses themselves are secret and are shown for one city only. Those of public calendars are \
listed in the end.
    """
    if show and member is None:
        raise typer.BadParameter("goes with --member CITY: the addresses are secret", param_hint="--show")
    asyncio.run(_list(member, read_settings(), datetime.now(UTC), is_shown=show))


async def _list(name: str | None, settings: Settings, now: datetime, *, is_shown: bool) -> None:
    from scheduler.service.feed_addresses import read_lines

    async with _desk() as desk:
        links = _links(settings) if is_shown else links_if_any(settings)
        slugs = [find_member(desk.in_force.configuration, name)] if name else list(desk.in_force.members)
        lines = await read_lines(desk.database, slugs, links)
    for text in columns([_COLUMNS, *(_cells(line, desk.in_force) for line in lines)]):
        out.print(text)
    if is_shown and links:
        for shown in _shown(lines, links):
            out.print(shown)
    for line in _public(desk.in_force, settings, now) if name is None else ():
        out.print(line)
    used = sum(line.last_used_on is not None for line in lines)
    number = f"{len(lines):,} address{'' if len(lines) == 1 else 'es'}"
    of = f" of {counted(len(slugs), 'member')}" if name is None else ""
    out.print(f"OK: {number}{of}, {used:,} ever used")


@app.command("renew")
def renew(
    city: CityArgument,
    label: Annotated[str, typer.Option(help="Of an address that was added: whom it was given to.")] = "",
    by: ByOption = None,
) -> None:
    """End the address of a city's calendar at once, and open another one, which mails print from now on.

    For an address that has become known to others. Who subscribed to the old one must subscribe anew.
    """
    asyncio.run(_renew(city, _label(label), who_decides(by), read_settings(), datetime.now(UTC)))


async def _renew(name: str, label: str, by: str, settings: Settings, now: datetime) -> None:
    from scheduler.service.feed_addresses import path_of, renew

    async with _desk() as desk:
        slug, links = find_member(desk.in_force.configuration, name), _links(settings)
        done = await renew(desk.database, links, slug, label, by=by, now=now)
    out.print(f"{links.base_url}{path_of(done.after, links)}")
    goes_on = "mails print this one from now on" if not done.after.label else "mails print another one"
    out.print(f"OK: the old address of {_whose(done.after)} is ended; {goes_on}")


@app.command("add")
def add(
    city: CityArgument,
    label: Annotated[str, typer.Option(help='Whom it is for, such as "mayor\'s office".')],
    by: ByOption = None,
) -> None:
    """Open one more address of a city's calendar, so that it can be ended without touching the others."""
    asyncio.run(_add(city, _needed(label), who_decides(by), read_settings(), datetime.now(UTC)))


async def _add(name: str, label: str, by: str, settings: Settings, now: datetime) -> None:
    from scheduler.service.feed_addresses import add, path_of

    async with _desk() as desk:
        slug, links = find_member(desk.in_force.configuration, name), _links(settings)
        added = await add(desk.database, links, slug, label, by=by, now=now)
    out.print(f"{links.base_url}{path_of(added, links)}")
    out.print(f"OK: {_whose(added)} has an address of its own; no mail prints it, so hand it over")


@app.command("revoke")
def revoke(
    city: CityArgument,
    label: Annotated[str, typer.Option(help="Whom it was given to.", show_default=False)] = "",
    by: ByOption = None,
) -> None:
    """End an address that was added. It answers like an unknown one from now on, within a second."""
    asyncio.run(_revoke(city, _label(label), who_decides(by), read_settings(), datetime.now(UTC)))


async def _revoke(name: str, label: str, by: str, settings: Settings, now: datetime) -> None:
    from scheduler.service.feed_addresses import revoke

    async with _desk() as desk:
        slug = find_member(desk.in_force.configuration, name)
        if not label:
            what = "the address that mails print is not just ended, for the next mail would print it"
            raise SchedulerError(f"{what}; put another one in its place with: scheduler feeds renew {slug}")
        ended = await revoke(desk.database, _links(settings), slug, label, by=by, now=now)
    out.print(f"OK: the address of {_whose(ended)} is ended")


# what is needed


@dataclass(frozen=True)
class _Desk:
    database: Database
    in_force: InForce


@asynccontextmanager
async def _desk() -> AsyncIterator[_Desk]:
    """The database, which is there and has our tables, and what is in force in it."""
    from scheduler.service.in_force import read_in_force
    from scheduler.store.backup import existing_file
    from scheduler.store.migrate import check_version

    existing_file(read_settings().database_url.get_secret_value())
    async with opened_database() as database:
        await check_version(database)
        async with database.read() as connection:
            in_force = await read_in_force(connection)
        yield _Desk(database, in_force)


def _links(settings: Settings) -> Links:
    """With the installation's own key. Raises SchedulerError where it is not here: one that is made here
    would give wrong addresses."""
    from scheduler.service.bootstrap import key_file

    links = links_if_any(settings)
    if links is None:
        what = f"the key that signs the addresses is not here ({key_file(settings)})"
        raise SchedulerError(f"{what}; start scheduler serve once, or set SCHEDULER_SECRET_KEY")
    return links


def _label(written: str) -> str:
    """One line that the table has room for; wrong usage is said in one line."""
    from scheduler.service.feed_addresses import LONGEST_LABEL

    label = " ".join(written.split())
    if not label.isprintable() or len(label) > LONGEST_LABEL:
        raise typer.BadParameter(f"write at most {LONGEST_LABEL} letters", param_hint="--label")
    return label


def _needed(written: str) -> str:
    if not (label := _label(written)):
        raise typer.BadParameter('write whom it is for, such as "mayor\'s office"', param_hint="--label")
    return label


# what is said


def _whose(address: Address) -> str:
    """Gives "medellin", "medellin, mayor's office"."""
    return ", ".join(part for part in (address.member, printable(address.label)) if part)


def _cells(line: Line, in_force: InForce) -> tuple[str, ...]:
    zone, address = in_force.network.zone, line.address
    since = str(times.local_date(line.since, zone)) if line.since else "the beginning"
    ended = str(times.local_date(line.ended_at, zone)) if line.ended_at else "-"
    return (
        address.member,
        printable(address.label) or ("in mails before" if line.ended_at else "in mails"),
        since,
        printable(line.by) or "-",
        str(line.last_used_on or "never"),
        "void: the key is another one" if line.is_void else ended,
    )


def _shown(lines: Iterable[Line], links: Links) -> Iterator[str]:
    """The addresses that are open."""
    from scheduler.service.feed_addresses import path_of

    for line in lines:
        if line.ended_at is None:
            label = printable(line.address.label) or "in mails"
            yield f"{label}: {links.base_url}{path_of(line.address, links)}"


def _public(in_force: InForce, settings: Settings, now: datetime) -> Iterator[str]:
    """The addresses that everybody may have."""
    from scheduler.service.feeds import Feeds
    from scheduler.service.links import Links

    yield "Public calendars:"
    for feed in Feeds(in_force, Links(settings.base_url, b""), now).public_feeds():
        yield f"  {settings.base_url}{feed.path}  {printable(feed.name)}"
