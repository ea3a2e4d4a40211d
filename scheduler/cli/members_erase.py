"""`scheduler members export`, `erase` and `readmit`: what is known of a person, and how it is forgotten."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scheduler.cli.common import (
    ByOption,
    ConfigOption,
    accepted,
    counted,
    database_in_force,
    find_member,
    key_if_any,
    out,
    read_configuration,
    who_decides,
)
from scheduler.configuration.members import ROLES
from scheduler.configuration.problems import listed
from scheduler.errors import SchedulerError
from scheduler.settings import read_settings

if TYPE_CHECKING:
    from scheduler.service.erasing import Erasing, Person

CityArgument = Annotated[
    str | None, typer.Argument(help="The city, by name or slug.", metavar="CITY", show_default=False)
]
RoleArgument = Annotated[
    str | None, typer.Argument(help=f"{listed(ROLES)}.", metavar="ROLE", show_default=False)
]
AddressOption = Annotated[
    str | None, typer.Option(help="The mail address instead, also of somebody who is in no file any more.")
]

#: What the table has room for.
_LONGEST_REASON = 400

#: Where else a person may stand; nothing here can reach that.
_ELSEWHERE = (
    "members.csv and other files of the configuration, and what their history keeps (git)",
    "backups that were made before (scheduler db backup), until they are old enough to be deleted",
    "the mailbox, where SCHEDULER_MAIL_URL is a maildir:, the mail server, and its logs",
    "this program's own log has numbers of contacts, never an address or a name",
)


def export(
    name: CityArgument = None,
    role: RoleArgument = None,
    address: AddressOption = None,
    by: ByOption = None,
    config: ConfigOption = None,
) -> None:
    """Print all that is known of a contact, as JSON: for a person who asks what is kept (GDPR, Art. 15).

    A person is an address, in whatever cities and roles it stands. Nothing of anybody else is in it.
    """
    who, now = who_decides(by), datetime.now(UTC)
    found = asyncio.run(_export(name, role, address, config, who, now))
    found["elsewhere"] = list(_ELSEWHERE)
    json.dump(found, sys.stdout, ensure_ascii=False, indent=1)
    sys.stdout.write("\n")


async def _export(
    name: str | None, role: str | None, address: str | None, config: Path | None, by: str, now: datetime
) -> dict[str, Any]:
    async with _desk() as desk:
        return await desk.export(await _address(desk, name, role, address, config), by, now)


def erase(
    name: CityArgument = None,
    role: RoleArgument = None,
    address: AddressOption = None,
    by: ByOption = None,
    because: Annotated[str, typer.Option(help="Why, for the journal; no names.")] = "asked to be erased",
    yes: Annotated[bool, typer.Option("--yes", help="Erase without asking.")] = False,
    config: ConfigOption = None,
) -> None:
    """Erase a contact for good: shows what would go, then asks (GDPR, Art. 17).

    Mails that wait are not sent. Those that were sent stay as numbers about nobody. Answers, bounces and \
all else go; of the address a digest stays, so that it does not come back from members.csv. Nothing is sent.
    """
    who, why = who_decides(by), because.strip()
    if not why.isprintable() or not 0 < len(why) <= _LONGEST_REASON or "@" in why:
        said = f"write one line of at most {_LONGEST_REASON} letters, and no address"
        raise typer.BadParameter(said, param_hint="--because")
    person = asyncio.run(_look(name, role, address, config))
    for line in _preview(person):
        out.print(line)
    if not (yes or _is_wanted()):
        return
    asyncio.run(_erase(person.address, who, why))
    out.print(f"OK: {_named(person)} erased; nothing was sent. {_what_is_left(person)}")


async def _look(name: str | None, role: str | None, address: str | None, config: Path | None) -> Person:
    async with _desk() as desk:
        return await desk.look(await _address(desk, name, role, address, config))


async def _erase(address: str, by: str, because: str) -> None:
    async with _desk() as desk:
        await desk.erase(address, by, because, datetime.now(UTC))


@asynccontextmanager
async def _desk() -> AsyncIterator[Erasing]:
    from scheduler.service.erasing import Erasing

    key = key_if_any(read_settings())
    if key is None:
        said = "the installation's secret key is not here: set SCHEDULER_SECRET_KEY, or SCHEDULER_DATA"
        raise SchedulerError(said)
    async with database_in_force() as (database, _):
        yield Erasing(database, key)


async def _address(
    desk: Erasing, name: str | None, role: str | None, address: str | None, config: Path | None
) -> str:
    """The one address that was meant; wrong usage is said in one line."""
    if address is not None:
        if name is not None:
            raise typer.BadParameter("write a city and a role, or an address", param_hint="--address")
        return address.strip()
    if name is None or role not in ROLES:
        raise typer.BadParameter(f"write a city and one of {listed(ROLES)}, or --address", param_hint="ROLE")
    slug = find_member(accepted(read_configuration(config)), name)
    found = await desk.addresses(slug, role)
    if not found:
        raise SchedulerError(f"{slug} has no {role} here, and never had")
    if len(found) > 1:
        said = f"{slug} has {len(found)} contacts as {role}: {listed(found)}"
        raise SchedulerError(f"{said}; write which one with --address")
    return found[0]


def _preview(person: Person) -> Iterator[str]:
    count = person.count
    yield f"This is {_named(person)}."
    if len(person.cities) > 1:
        yield "One mailbox of several cities is one person: all of them lose this contact."
    yield f"  not sent any more: {counted(count.unsent, 'mail')} that {_wait(count.unsent)}"
    yield f"  kept without name and address: {counted(count.mails, 'mail')}"
    yield (
        f"  deleted: {counted(count.told, 'note')} of what it was told, {counted(count.answers, 'answer')}, "
        f"{counted(count.bounces, 'bounce')}, {counted(count.suppressions, 'block')} of the address"
    )
    yield "  the city's calendar address stays; to give it another one: scheduler feeds renew"


def _wait(number: int) -> str:
    return "waits" if number == 1 else "wait"


def _named(person: Person) -> str:
    """Gives "contact 17 (medellin coordinator, bogota deputy)"."""
    whose = person.whose
    numbers = ", ".join(str(one.contact_id) for one in whose)
    return f"contact{'' if len(whose) == 1 else 's'} {numbers} ({', '.join(map(str, whose))})"


def _what_is_left(person: Person) -> str:
    rows = listed(person.cities)
    is_mailbox = read_settings().mail_url.get_secret_value().startswith("maildir:")
    mailbox = ", out of the mailbox" if is_mailbox else ""
    return f"Now take the address out of members.csv ({rows}){mailbox} and old backups; see: scheduler check"


def _is_wanted() -> bool:
    """Asks at a terminal; elsewhere nobody can answer."""
    if not sys.stdin.isatty():
        out.print("Nothing was erased; to erase this contact, say it with --yes")
        raise typer.Exit(1)
    if typer.confirm("Erase this contact for good?"):
        return True
    out.print("Nothing was erased")
    return False


def readmit(
    address: Annotated[
        str | None, typer.Option(help="The mail address of a person who was erased.", show_default=False)
    ] = None,
    everybody: Annotated[
        bool, typer.Option("--all", help="All who were erased, where the secret key of that time is lost.")
    ] = False,
    by: ByOption = None,
) -> None:
    """Let a person who was erased be a contact again, because that person asks for it."""
    if (address is None) is not everybody:
        raise typer.BadParameter("write one of the two: --address, or --all", param_hint="--address")
    number = asyncio.run(_readmit(address, who_decides(by), datetime.now(UTC)))
    if number:
        who = "this address" if address else counted(number, "address")
        out.print(f"OK: {who} may stand in members.csv again, and counts with the next: scheduler apply")
    else:
        out.print("OK: nobody was erased there; nothing was changed")


async def _readmit(address: str | None, by: str, now: datetime) -> int:
    async with _desk() as desk:
        return await desk.readmit(address.strip(), by, now) if address else await desk.readmit_all(by, now)
