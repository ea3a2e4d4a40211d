"""`scheduler bounces`: takes in what mail servers sent back, shows to whom nothing is sent, lifts that."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scheduler.cli.common import (
    ByOption,
    ConfigOption,
    RoleOption,
    accepted,
    at_home,
    columns,
    counted,
    database_in_force,
    err,
    find_member,
    out,
    read_configuration,
    read_role,
    who_decides,
)
from scheduler.configuration.problems import printable
from scheduler.errors import NoReport, ReportRefused, SchedulerError
from scheduler.settings import read_settings

if TYPE_CHECKING:
    from scheduler.service.bounces import Bounces, Taken

app = typer.Typer(add_completion=False, help="Take in mail that came back.", no_args_is_help=True)


#: What becomes of a mail that is none of the effects.
_LEFT, _REFUSED = "left alone", "refused"
#: The folders of a Maildir that hold mails.
_MAILDIR = ("new", "cur")


@app.callback()
def bounces() -> None:
    """Take in mail that came back."""


@app.command("import")
def import_bounces(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Mails as they arrived (.eml), Maildir folders, or - for one on standard input.",
            show_default=False,
        ),
    ],
    by: Annotated[str | None, typer.Option(help="Who takes them in (default: the login name).")] = None,
) -> None:
    """Take in reports of mail servers about mails that came back, and complaints of readers.

    Where the address does not exist, or a reader complained, nothing is sent there any more, at once; \
where a mailbox is full, after five different mails in 14 days. A report counts only if it was sent back to \
the signed address that each mail leaves from. Anything else changes nothing, nor does the same report twice.
    """
    counts = asyncio.run(_import(files, who_decides(by), datetime.now(UTC)))
    said = ", ".join(f"{number:,} {name}" for name, number in _in_words(counts))
    if counts[_REFUSED]:
        out.print(f"{said or 'nothing taken in'}; {counted(counts[_REFUSED], 'mail')} refused")
        raise typer.Exit(1)
    out.print(f"OK: {said or 'no mails there'}")


def _in_words(counts: Counter[str]) -> Iterator[tuple[str, int]]:
    from scheduler.service.bounces import Effect

    words = {
        Effect.SUPPRESSED: "not written to any more",
        Effect.COUNTED: "counted",
        Effect.NOTED: "for you to look at",
        Effect.WAS_SUPPRESSED: "not written to already",
        Effect.KNOWN: "taken in before",
        _LEFT: "left alone",
    }
    yield from ((word, counts[name]) for name, word in words.items() if counts[name])


async def _import(files: Sequence[Path], by: str, now: datetime) -> Counter[str]:
    from scheduler.cli.common import key_if_any
    from scheduler.service.bounces import Bounces
    from scheduler.service.return_paths import ReturnPaths

    key = key_if_any(read_settings())
    if key is None:
        said = "the secret key that signs mails is not here: set SCHEDULER_SECRET_KEY, or SCHEDULER_DATA"
        raise SchedulerError(said)
    counts = Counter[str]()
    async with database_in_force() as (database, _):
        desk = Bounces(database, ReturnPaths(key))
        for mail in chain.from_iterable(map(_mails, files)):
            counts[await _one(mail, desk, by, now)] += 1
    return counts


def _mails(file: Path) -> Iterator[Path]:
    """The file itself, or all mails of a Maildir."""
    folders = [file / name for name in _MAILDIR if (file / name).is_dir()]
    if file.is_dir() and not folders:
        raise SchedulerError(_no_maildir(file))
    if not folders:
        yield file
    for folder in folders:
        yield from sorted(mail for mail in folder.iterdir() if mail.is_file())


def _no_maildir(folder: Path) -> str:
    if folder.name in _MAILDIR:
        whole = printable(folder.absolute().parent)
        return f"{printable(folder)} is a folder inside a Maildir; write the Maildir: {whole}"
    return f"{printable(folder)} is a folder, and no Maildir with new or cur; write one, or single mails"


async def _one(file: Path, desk: Bounces, by: str, now: datetime) -> str:
    """Says what became of one mail."""
    try:
        taken = await desk.take(_octets(file), by=by, now=now)
    except NoReport as none:
        out.print(f"{printable(file)}: left alone; {none}")
        return _LEFT
    except (ReportRefused, OSError) as error:
        why = error.strerror or error if isinstance(error, OSError) else error
        err.print(f"! {printable(file)}: {why}")
        return _REFUSED
    out.print(f"{printable(file)}: {_said(taken)}")
    return taken.effect


def _octets(file: Path) -> bytes:
    from scheduler.service.bounces import LARGEST_MAIL

    if str(file) == "-":
        return sys.stdin.buffer.read(LARGEST_MAIL + 1)
    with file.open("rb") as opened:
        return opened.read(LARGEST_MAIL + 1)


def _said(taken: Taken) -> str:
    """Gives "medellin coordinator: the address does not exist (5.1.1); nothing is sent there any more"."""
    from scheduler.service.bounces import MOST_SOFT, WITHIN, Effect

    what = {
        Effect.SUPPRESSED: "nothing is sent there any more",
        Effect.WAS_SUPPRESSED: "nothing was sent there before already",
        Effect.COUNTED: f"mail {taken.number} of {MOST_SOFT} within {WITHIN.days} days; the address stays",
        Effect.NOTED: f"mail {taken.delivery_id} did not arrive, and the address stays; a person has to look",
        Effect.KNOWN: "this report was taken in before; nothing was changed",
    }
    return f"{taken.whose}: {printable(taken.reason)}; {what[taken.effect]}"


@app.command("list")
def list_bounces() -> None:
    """Show to which contacts nothing is sent, since when and why, and what came back for another reason."""
    rows, lately = asyncio.run(_list(datetime.now(UTC)))
    for line in columns([("contact", "since", "why"), *rows] if rows else []):
        out.print(line)
    for line in lately:
        out.print(f"! {line}")
    out.print(f"OK: nothing is sent to {counted(len(rows), 'contact')}")


async def _list(now: datetime) -> tuple[list[tuple[str, str, str]], list[str]]:
    from scheduler.service.bounces import WITHIN
    from scheduler.store import bounces, suppressions

    async with database_in_force() as (database, in_force), database.read() as connection:
        barred = await suppressions.barred(connection)
        lately = await bounces.of_kind(connection, bounces.Kind.POLICY, now - WITHIN)
    network = in_force.network
    rows = [(str(whose), at_home(one.since, network), printable(one.reason)) for whose, one in barred]
    said = [
        f"{slug} {role}: mail {one.delivery_id} did not arrive: {printable(one.said or 'no reason given')}"
        for slug, role, one in lately
    ]
    return rows, said


@app.command("lift")
def lift(
    name: Annotated[str, typer.Argument(help="The city, by name or slug.", metavar="CITY")],
    role: RoleOption = None,
    by: ByOption = None,
    config: ConfigOption = None,
) -> None:
    """Write again to a city from which mail came back, or a complaint: what it missed is told at once.

    Reports that were taken in before count no more, also when they are taken in once again.
    """
    wanted = read_role(role)
    slug, who = find_member(accepted(read_configuration(config)), name), who_decides(by)
    lifted = asyncio.run(_lift(slug, wanted, who, datetime.now(UTC)))
    whose = f"{slug}, {role}" if role else slug
    if lifted:
        out.print(f"OK: mail goes to {counted(lifted, 'contact')} of {whose} again")
    else:
        out.print(f"OK: mail goes to all contacts of {whose} anyway; nothing was changed")


async def _lift(slug: str, role: str, by: str, now: datetime) -> int:
    from scheduler.service.in_force import Memory
    from scheduler.service.stopping import Stopping

    async with database_in_force() as (database, _):
        return await Stopping(database, Memory()).lift(slug, role, by, now)
